"""Dunning: the schedule's steps, what is not worth an attempt, and what becomes of the subscription in the end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.invoicing import issuing, settlement
from billing.domain.invoicing.dunning import Dunning
from billing.domain.invoicing.invoice import BillingReason, Invoice, InvoiceStatus
from billing.domain.kernel.due import Due
from billing.domain.kernel.periods import Period
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.subscription import PausedBy, Subscription, SubscriptionState
from billing.domain.tenant import DEFAULT_SCHEDULE_DAYS, DunningAction, InvoiceSequence
from tests.support.engine import CUSTOMER, TENANT, flat, nets, on, plan, running, started
from tests.support.invoices import no_balance, payment

FAILED_AT = datetime(2027, 3, 1, 9, tzinfo=UTC)
START, END = on("2027-03-01"), on("2027-04-01")
PLAN = plan(flat(1000))
S = SubscriptionState


def open_invoice() -> Invoice:
    step = running(PLAN, START)
    made = issuing.draft(TENANT, CUSTOMER, "in_1", step.billed, BillingReason.SUBSCRIPTION_CYCLE, START, step)
    return issuing.finalize(made, InvoiceSequence("ten_1", "ACME"), no_balance(), START).invoice


def behind(*unpaid: str) -> Subscription:
    return replace(running(PLAN, START), state=S.PAST_DUE, unpaid_invoice_ids=unpaid)


# The schedule


def test_steps_come_on_the_schedules_days_counted_from_the_first_failure() -> None:
    dunning, days = Dunning(FAILED_AT), []
    while (at := dunning.next_at((1, 3, 5, 7))) is not None:
        days.append((at - FAILED_AT) / timedelta(days=1))
        dunning = dunning.stepped()
    assert days == [1, 3, 5, 7]
    assert dunning.steps_done == 4


def test_days_1_3_5_and_7_are_the_default() -> None:
    assert TENANT.dunning_schedule_days == DEFAULT_SCHEDULE_DAYS == (1, 3, 5, 7)


@settings(deadline=None)
@given(st.lists(st.integers(1, 60), max_size=8, unique=True).map(sorted))
def test_every_day_of_any_schedule_has_one_step(schedule: list[int]) -> None:
    dunning, days = Dunning(FAILED_AT), []
    for _ in range(len(schedule)):
        at = dunning.next_at(schedule)
        assert at is not None
        days.append((at - FAILED_AT).days)
        dunning = dunning.stepped()
    assert (days, dunning.next_at(schedule)) == (schedule, None)


def test_an_empty_schedule_has_no_step_and_its_end_comes_at_once() -> None:
    assert Dunning(FAILED_AT).next_at(()) is None
    assert settlement.dunned(open_invoice(), Dunning(FAILED_AT), (), FAILED_AT, "07").due == Due("07", FAILED_AT)


def test_a_schedule_that_was_made_shorter_is_used_up() -> None:
    assert replace(Dunning(FAILED_AT), steps_done=3).next_at((1, 3)) is None


def test_an_open_invoice_is_due_on_its_next_day_and_then_for_the_end() -> None:
    invoice, dues = open_invoice(), []
    dunning = Dunning(FAILED_AT)
    for step in range(3):
        at = FAILED_AT + timedelta(days=step)
        invoice = settlement.dunned(invoice, dunning, (1, 3), at, "07")
        assert invoice.dunning == dunning
        assert invoice.due is not None
        dues.append(invoice.due.at - FAILED_AT)
        dunning = dunning.stepped()
    assert dues == [timedelta(days=1), timedelta(days=3), timedelta(days=2)]  # the last one is now


def test_after_an_outage_the_steps_that_were_missed_come_a_day_apart() -> None:
    """Days 1, 3 and 5 have passed when the first failure is dealt with: nobody is charged three times in a minute."""
    invoice, at, days = open_invoice(), FAILED_AT + timedelta(days=6), []
    dunning = Dunning(FAILED_AT)
    for _ in range(3):
        invoice = settlement.dunned(invoice, dunning, (1, 3, 5), at, "07")
        assert invoice.due is not None
        at, dunning = invoice.due.at, dunning.stepped()
        days.append((at - FAILED_AT).days)
    assert days == [7, 8, 9]


# What is worth an attempt


def test_a_method_that_was_refused_for_good_is_not_charged_again() -> None:
    dunning = Dunning(FAILED_AT).refused("pm_stolen", for_good=True)
    assert not dunning.may_charge("pm_stolen")
    assert dunning.may_charge("pm_new")
    assert not dunning.stepped().may_charge("pm_stolen")


def test_a_method_that_had_too_little_is_charged_again() -> None:
    assert Dunning(FAILED_AT).refused("pm_1", for_good=False).may_charge("pm_1")


def test_another_methods_failure_does_not_make_a_stolen_card_good() -> None:
    dunning = Dunning(FAILED_AT).refused("pm_stolen", for_good=True).refused("pm_by_hand", for_good=False)
    assert not dunning.may_charge("pm_stolen")
    assert dunning.may_charge("pm_by_hand")


def test_without_a_method_there_is_nothing_to_charge() -> None:
    assert not Dunning(FAILED_AT).may_charge(None)


# Success


def test_a_success_ends_it() -> None:
    invoice = settlement.dunned(open_invoice(), Dunning(FAILED_AT).stepped(), (1, 3), FAILED_AT, "07")
    after = settlement.paid(invoice, payment(invoice.amount_due), FAILED_AT).invoice
    assert (after.status, after.dunning, after.due) == (InvoiceStatus.PAID, None, None)


def test_so_do_voiding_and_giving_up() -> None:
    invoice = settlement.dunned(open_invoice(), Dunning(FAILED_AT), (1, 3), FAILED_AT, "07")
    for after in (settlement.void(invoice, FAILED_AT).invoice, settlement.uncollectible(invoice, FAILED_AT)[0]):
        assert (after.dunning, after.due) == (None, None)


# The end


def test_left_leaves_it_past_due() -> None:
    before = behind("in_1")
    assert lifecycle.dunned(before, DunningAction.LEFT, FAILED_AT) is before


def test_canceled_cancels_it() -> None:
    after = lifecycle.dunned(behind("in_1"), DunningAction.CANCELED, FAILED_AT)
    assert (after.state, after.canceled_at, after.due, after.pending) == (S.CANCELED, FAILED_AT, None, ())


def test_paused_pauses_it_until_it_is_paid() -> None:
    after = lifecycle.dunned(behind("in_1"), DunningAction.PAUSED, FAILED_AT)
    assert (after.state, after.paused_by, after.paused_at) == (S.PAUSED, PausedBy.DUNNING, FAILED_AT)
    assert (after.resumes_at, after.due) == (None, None)
    assert lifecycle.with_alarm(after, "07").due is None


@pytest.mark.parametrize("action", DunningAction)
@pytest.mark.parametrize("state", [S.PAUSED, S.CANCELED, S.INCOMPLETE])
def test_what_does_not_run_is_left_as_it_is(action: DunningAction, state: SubscriptionState) -> None:
    before = replace(behind("in_1"), state=state)
    assert lifecycle.dunned(before, action, FAILED_AT) is before


# What a payment restores


def paused_by_dunning(*unpaid: str) -> Subscription:
    return lifecycle.dunned(behind(*unpaid), DunningAction.PAUSED, on("2027-03-10"))


def test_paid_within_its_period_it_runs_on() -> None:
    after = lifecycle.invoice_paid(paused_by_dunning("in_1"), "in_1", on("2027-03-20"), "07")
    assert (after.state, after.paused_at, after.paused_by, after.unpaid_invoice_ids) == (S.ACTIVE, None, None, ())
    assert after.due == Due("07", END)
    assert changes.begin_period(after, PLAN, END).subscription.current_period == Period(END, on("2027-05-01"))


def test_paid_after_its_period_it_begins_again_from_then() -> None:
    paid_at = on("2027-04-16")
    after = lifecycle.invoice_paid(paused_by_dunning("in_1"), "in_1", paid_at, "07")
    assert (after.state, after.resumes_at, after.due) == (S.PAUSED, paid_at, Due("07", paid_at))
    step = changes.resume(after, PLAN, paid_at)
    assert (nets(step.lines), step.subscription.state) == ([500], S.ACTIVE)
    assert step.subscription.current_period == Period(paid_at, on("2027-05-01"))


def test_it_stays_paused_until_the_last_unpaid_invoice_is_paid() -> None:
    half = lifecycle.invoice_paid(paused_by_dunning("in_1", "in_2"), "in_1", on("2027-03-20"), "07")
    assert (half.state, half.paused_by, half.unpaid_invoice_ids) == (S.PAUSED, PausedBy.DUNNING, ("in_2",))
    assert lifecycle.invoice_paid(half, "in_2", on("2027-03-21"), "07").state is S.ACTIVE


def test_what_somebody_paused_stays_paused() -> None:
    step = changes.pause(behind("in_1"), PLAN, on("2027-03-10"), None, changes.ProrationBehavior.CREATE_PRORATIONS)
    after = lifecycle.invoice_paid(step.subscription, "in_1", on("2027-03-20"), "07")
    assert (after.state, after.paused_by, after.unpaid_invoice_ids) == (S.PAUSED, PausedBy.REQUEST, ())


def test_a_trial_that_dunning_paused_goes_on_as_a_trial() -> None:
    trial = lifecycle.invoice_unpaid(started(PLAN, START, trial_days=14), "in_1")
    paused = lifecycle.dunned(trial, DunningAction.PAUSED, on("2027-03-08"))
    after = lifecycle.invoice_paid(paused, "in_1", on("2027-03-09"), "07")
    assert (after.state, after.current_period.end) == (S.TRIALING, on("2027-03-15"))
