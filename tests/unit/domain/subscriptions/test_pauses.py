"""Pausing, resuming and ending a subscription: what is given back, what is kept, and what comes after."""

from dataclasses import replace
from datetime import datetime

import pytest

from billing.domain.catalog.plan import PauseBilling, Plan
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import Conflict, InvalidState, ValidationFailed
from billing.domain.kernel.periods import Period
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import MOST_PENDING_LINES, DiscountApplies, ProrationBehavior, Step
from billing.domain.subscriptions.subscription import PausedBy, Subscription, SubscriptionState
from billing.domain.tenant import DunningAction
from tests.support.engine import amount, changed, flat, nets, on, percent, plan, running, seats, started

B = ProrationBehavior
S = SubscriptionState
START, HALF, END = on("2025-06-01"), on("2025-06-16"), on("2025-07-01")
CREDITED = plan(flat(3000))
NOW = DiscountApplies.NOW
KEPT = plan(flat(3000), pause_billing=PauseBilling.KEEP)


def paused(
    before: Subscription, sold: Plan = CREDITED, at: datetime = HALF, until: datetime | None = None,
    behavior: ProrationBehavior = B.CREATE_PRORATIONS,
) -> Step:  # fmt: skip
    return changes.pause(before, sold, at, until, behavior)


# Pausing


def test_the_rest_of_a_paused_period_is_given_back() -> None:
    step = paused(running(CREDITED, START))
    after = step.subscription
    assert (nets(step.lines), nets(after.pending), step.invoiced) == ([-1500], [-1500], ())
    assert (after.state, after.paused_at, after.paused_by) == (S.PAUSED, HALF, PausedBy.REQUEST)
    assert (after.rest_returned, after.billed) == (True, ())


def test_invoice_now_gives_it_back_at_once() -> None:
    step = paused(running(CREDITED, START), behavior=B.INVOICE_NOW)
    assert (nets(step.invoiced), step.subscription.pending) == ([-1500], ())


def test_a_plan_may_keep_it() -> None:
    before = running(KEPT, START)
    step = paused(before, KEPT)
    assert (step.lines, step.invoiced, step.subscription.pending) == ((), (), ())
    assert (step.subscription.rest_returned, step.subscription.billed) == (False, before.billed)


def test_so_may_the_caller() -> None:
    step = paused(running(CREDITED, START), behavior=B.NONE)
    assert (step.lines, step.subscription.rest_returned) == ((), False)


def test_what_is_given_back_is_what_was_billed_net_of_its_discount() -> None:
    assert nets(paused(running(CREDITED, START, discount=percent(25))).lines) == [-1125]
    now = changed(running(CREDITED, START), CREDITED, on("2025-06-11"), discount=percent(50), applies=NOW).subscription
    assert nets(paused(now).lines) == [-750]


def test_a_pause_counts_from_a_whole_second() -> None:
    """So does the resume: what is paused and resumed within a second owes nothing."""
    step = paused(running(CREDITED, START), at=on("2025-06-16T00:00:00.700000"))
    assert step.lines[0].period == Period(HALF, END)
    again = changes.resume(step.subscription, CREDITED, on("2025-06-16T00:00:00.900000"))
    assert sum(nets(again.invoiced)) == 0


@pytest.mark.parametrize("until", ["2025-06-16", "2025-06-15"])
def test_a_resume_date_lies_in_the_future(until: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        paused(running(CREDITED, START), until=on(until))
    assert [(each.field, each.reason) for each in refused.value.details] == [("resumesAt", "not_in_the_future")]


def test_the_alarm_of_a_pause_is_its_resume() -> None:
    until = paused(running(CREDITED, START), until=on("2025-08-05")).subscription
    assert lifecycle.with_alarm(until, "07").due == Due("07", on("2025-08-05"))
    assert lifecycle.with_alarm(paused(running(CREDITED, START)).subscription, "07").due is None


@pytest.mark.parametrize("state", [S.PAUSED, S.CANCELED, S.INCOMPLETE])
def test_only_what_runs_is_paused(state: SubscriptionState) -> None:
    with pytest.raises(InvalidState) as refused:
        paused(replace(running(CREDITED, START), state=state))
    assert refused.value.public_code == "subscription.invalid_state"
    assert state in refused.value.message


def test_what_is_about_to_end_is_not_paused() -> None:
    with pytest.raises(InvalidState, match="active and about to end") as refused:
        paused(replace(running(CREDITED, START), cancel_at_period_end=True))
    assert refused.value.public_code == "subscription.invalid_state"


def test_a_pause_waits_for_a_renewal_that_is_under_way() -> None:
    with pytest.raises(Conflict) as refused:
        paused(running(CREDITED, START), at=END)
    assert refused.value.retry_after_s


def test_a_pause_too_leaves_only_so_many_lines_waiting() -> None:
    before = running(CREDITED, START)
    full = replace(before, pending=before.billed * MOST_PENDING_LINES)
    with pytest.raises(Conflict, match="invoice_now"):
        paused(full)


# Resuming


def test_resumed_within_its_period_it_is_billed_to_the_same_end() -> None:
    before = paused(running(CREDITED, START)).subscription
    step = changes.resume(before, CREDITED, on("2025-06-21"))
    after = step.subscription
    assert (nets(step.lines), nets(step.invoiced)) == ([1000], [-1500, 1000])
    assert (after.state, after.current_period) == (S.ACTIVE, Period(on("2025-06-21"), END))
    assert (after.paused_at, after.paused_by, after.resumes_at, after.rest_returned) == (None, None, None, False)
    assert after.pending == ()


def test_resumed_in_a_later_period_it_is_billed_the_share_of_that_one() -> None:
    before = paused(running(CREDITED, START)).subscription
    step = changes.resume(before, CREDITED, on("2025-09-21"))
    assert (nets(step.lines), step.subscription.current_period) == ([1000], Period(on("2025-09-21"), on("2025-10-01")))
    assert step.subscription.period_index == 3


def test_resumed_within_the_time_that_was_kept_it_owes_nothing() -> None:
    before = running(KEPT, START)
    step = changes.resume(paused(before, KEPT).subscription, KEPT, on("2025-06-21"))
    assert (step.lines, step.invoiced) == ((), ())
    assert step.subscription == before


def test_kept_time_ends_with_its_period() -> None:
    step = changes.resume(paused(running(KEPT, START), KEPT).subscription, KEPT, on("2025-07-11T12:00"))
    assert nets(step.lines) == [1984]  # 20.5/31 of 30.00
    step = changes.resume(paused(running(KEPT, START), KEPT).subscription, KEPT, END)
    assert (nets(step.lines), step.subscription.current_period) == ([3000], Period(END, on("2025-08-01")))


def test_a_change_of_what_is_paused_bills_nothing_until_it_resumes() -> None:
    before = paused(running(CREDITED, START)).subscription
    dear = plan(flat(6000), name="Dear")
    step = changed(before, CREDITED, on("2025-06-18"), to=dear)
    assert (step.lines, step.invoiced) == ((), ())
    assert nets(changes.resume(step.subscription, dear, on("2025-06-21")).lines) == [2000]


def test_a_change_within_time_that_was_kept_is_billed_for_resuming_bills_nothing() -> None:
    """Else: pause, a thousand seats, resume, and the rest of the period costs what one seat did."""
    sold = plan(seats(300), pause_billing=PauseBilling.KEEP)
    before = paused(running(sold, START, {"seats": 1}), sold).subscription
    step = changed(before, sold, HALF, quantities={"seats": 1000})
    assert nets(step.lines) == [-150, 150_000]
    assert step.subscription.state is S.PAUSED
    resumed = changes.resume(step.subscription, sold, on("2025-06-17"))
    assert (resumed.lines, nets(resumed.subscription.pending)) == ((), [-150, 150_000])


def test_a_change_after_time_that_was_kept_is_billed_when_it_resumes() -> None:
    sold = plan(seats(300), pause_billing=PauseBilling.KEEP)
    before = paused(running(sold, START, {"seats": 1}), sold).subscription
    step = changed(before, sold, on("2025-07-02"), quantities={"seats": 1000})
    assert (step.lines, step.subscription.pending) == ((), ())
    assert nets(changes.resume(step.subscription, sold, on("2025-08-01")).lines) == [300_000]


def test_a_pause_does_not_use_up_a_period_of_the_discount() -> None:
    """One month with 50 % off, five days of it paused, is one month with 50 % off."""
    before = paused(running(CREDITED, START, discount=percent(50, periods=1))).subscription
    assert nets(before.pending) == [-750]
    after = changes.resume(before, CREDITED, on("2025-06-21"))
    assert nets(after.lines) == [500]
    assert nets(changes.begin_period(after.subscription, CREDITED, END).lines) == [3000]


def test_a_discount_that_came_while_it_was_paused_begins_with_the_next_period() -> None:
    """Not with what is left of this one: ten days are not to use up a month's discount (issue 11, 4)."""
    before = paused(running(CREDITED, START)).subscription
    given = changed(before, CREDITED, on("2025-06-18"), discount=percent(50, periods=1)).subscription
    here = changes.resume(given, CREDITED, on("2025-06-21"))
    assert nets(here.lines) == [1000]
    assert nets(changes.begin_period(here.subscription, CREDITED, END).lines) == [1500]
    later = changes.resume(given, CREDITED, on("2025-07-01"))
    assert nets(later.lines) == [1500]


def test_what_is_behind_resumes_past_due() -> None:
    before = replace(paused(running(CREDITED, START)).subscription, unpaid_invoice_ids=("in_1",))
    assert changes.resume(before, CREDITED, on("2025-06-21")).subscription.state is S.PAST_DUE
    kept = replace(paused(running(KEPT, START), KEPT).subscription, unpaid_invoice_ids=("in_1",))
    assert changes.resume(kept, KEPT, on("2025-06-21")).subscription.state is S.PAST_DUE


def test_what_was_about_to_end_goes_on() -> None:
    before = lifecycle.cancel(running(CREDITED, START), HALF, at_period_end=True)
    step = changes.resume(before, CREDITED, on("2025-06-20"))
    assert step == Step(running(CREDITED, START))


@pytest.mark.parametrize("state", [S.TRIALING, S.ACTIVE, S.PAST_DUE, S.CANCELED, S.INCOMPLETE])
def test_what_neither_stands_still_nor_is_about_to_end_is_not_resumed(state: SubscriptionState) -> None:
    with pytest.raises(InvalidState) as refused:
        changes.resume(replace(running(CREDITED, START), state=state), CREDITED, HALF)
    assert refused.value.public_code == "subscription.invalid_state"
    assert state in refused.value.message


# Trials


def test_a_paused_trial_gives_nothing_back_and_goes_on_to_its_end() -> None:
    trial = started(CREDITED, START, trial_days=14)
    step = paused(trial, at=on("2025-06-05"))
    assert (step.lines, step.subscription.state) == ((), S.PAUSED)
    resumed = changes.resume(step.subscription, CREDITED, on("2025-06-08"))
    assert (resumed.lines, resumed.subscription.state) == ((), S.TRIALING)
    assert resumed.subscription.current_period == Period(on("2025-06-08"), on("2025-06-15"))
    following = changes.begin_period(resumed.subscription, CREDITED, on("2025-06-15"))
    assert (nets(following.lines), following.subscription.state) == ([3000], S.ACTIVE)


@pytest.mark.parametrize("sold", [CREDITED, KEPT], ids=["credited", "kept"])
def test_a_trial_that_ended_while_it_was_paused_is_over(sold: Plan) -> None:
    trial = started(CREDITED, START, trial_days=14)
    step = changes.resume(paused(trial, sold, on("2025-06-05")).subscription, CREDITED, on("2025-06-30"))
    assert (nets(step.lines), step.subscription.state) == ([1500], S.ACTIVE)
    assert step.subscription.current_period == Period(on("2025-06-30"), on("2025-07-15"))


def test_a_change_in_a_paused_trial_bills_nothing() -> None:
    trial = paused(started(KEPT, START, trial_days=14), KEPT, on("2025-06-05")).subscription
    step = changed(trial, KEPT, on("2025-06-06"), to=plan(flat(9000), name="Dear"))
    assert (step.lines, step.subscription.pending) == ((), ())


# Ending


@pytest.mark.parametrize("state", [S.ACTIVE, S.PAST_DUE])
@pytest.mark.parametrize("behavior", [B.CREATE_PRORATIONS, B.INVOICE_NOW])
def test_the_last_invoice_gives_the_rest_back(state: SubscriptionState, behavior: ProrationBehavior) -> None:
    before = replace(running(CREDITED, START, discount=amount(1000)), state=state)
    assert nets(changes.closing(before, CREDITED, HALF, behavior)) == [-1000]


def test_an_end_counts_from_a_whole_second() -> None:
    at = on("2025-06-16T00:00:00.900000")
    (line,) = changes.closing(running(CREDITED, START), CREDITED, at, B.CREATE_PRORATIONS)
    assert line.period == Period(HALF, END)


def test_it_carries_what_waited_and_may_give_nothing_back() -> None:
    before = changed(running(CREDITED, START), CREDITED, HALF, to=plan(flat(6000), name="Dear")).subscription
    sold = plan(flat(6000), name="Dear")
    assert nets(changes.closing(before, sold, on("2025-06-21"), B.NONE)) == [-1500, 3000]
    assert nets(changes.closing(before, sold, on("2025-06-21"), B.CREATE_PRORATIONS)) == [-1500, 3000, -2000]
    assert changes.closing(running(CREDITED, START), CREDITED, END, B.NONE) == ()
    assert changes.closing(running(CREDITED, START), CREDITED, END, B.CREATE_PRORATIONS) == ()


def test_what_is_paused_has_nothing_more_to_give_back() -> None:
    credited = paused(running(CREDITED, START)).subscription
    assert nets(changes.closing(credited, CREDITED, HALF, B.CREATE_PRORATIONS)) == [-1500]  # it waited


def test_11_5_an_end_gives_back_what_a_pause_kept() -> None:
    """What is left of the period when it ends, not when it was paused; and nothing where nobody asked for it."""
    kept = paused(running(KEPT, START), KEPT, on("2025-06-11")).subscription
    silent = paused(running(CREDITED, START), at=on("2025-06-11"), behavior=B.NONE).subscription
    behind = replace(running(CREDITED, START), state=S.PAST_DUE, unpaid_invoice_ids=("in_1",))
    dunned = lifecycle.dunned(behind, DunningAction.PAUSED, on("2025-06-11"))
    for before, sold in ((kept, KEPT), (silent, CREDITED), (dunned, CREDITED)):
        assert nets(changes.closing(before, sold, HALF, B.CREATE_PRORATIONS)) == [-1500]
        assert changes.closing(before, sold, HALF, B.NONE) == ()
        assert changes.closing(before, sold, END, B.CREATE_PRORATIONS) == ()


def test_11_5_to_end_what_is_paused_gives_back_what_to_resume_and_end_it_does() -> None:
    """The way there does not change the sum: cancel, or resume and cancel."""
    for sold in (CREDITED, KEPT):
        before = paused(running(sold, START), sold, on("2025-06-11")).subscription
        ended = changes.closing(before, sold, HALF, B.CREATE_PRORATIONS)
        resumed = changes.resume(before, sold, HALF)
        left = changes.closing(resumed.subscription, sold, HALF, B.CREATE_PRORATIONS)
        assert sum(nets(ended)) == sum(nets((*resumed.invoiced, *left)))


def test_a_trial_ends_without_an_invoice() -> None:
    assert changes.closing(started(CREDITED, START, trial_days=14), CREDITED, HALF, B.CREATE_PRORATIONS) == ()
