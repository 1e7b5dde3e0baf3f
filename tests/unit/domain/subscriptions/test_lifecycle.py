"""Subscriptions: the states, the alarms that go with them, and what their invoices mean to them.

What a period, a change or a pause bills is in ``test_periods_billed``, ``test_changes`` and ``test_pauses``.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.catalog.plan import Plan
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import Detail, InvalidState, ValidationFailed
from billing.domain.kernel.money import LARGEST_AMOUNT
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.lifecycle import INCOMPLETE_FOR, TRIAL_NOTICE, Start
from billing.domain.subscriptions.subscription import RENEWING, PausedBy, Subscription
from billing.domain.subscriptions.subscription import SubscriptionState as S
from tests.support.engine import CUSTOMER, changed, flat, metered, plan, running, seats
from tests.support.engine import started as start_of

AT = datetime(2027, 1, 31, 9, tzinfo=UTC)
PLAN = plan(flat(4999), seats(500), name="Business", plan_version=3)


def started(trial_days: int = 0, at: datetime = AT) -> Subscription:
    return start_of(PLAN, at, {"seats": 100}, trial_days)


def owing(*invoices: str, state: S = S.PAST_DUE) -> Subscription:
    return lifecycle.with_alarm(
        replace(running(PLAN, AT, {"seats": 1}), state=state, unpaid_invoice_ids=invoices), "03"
    )


# The start


def test_without_a_trial_it_waits_for_its_first_payment() -> None:
    made = started()
    assert (made.state, made.period_index, made.trial_end, made.billed) == (S.INCOMPLETE, -1, None, ())
    assert (made.current_period.start, made.current_period.end) == (AT, datetime(2027, 2, 28, 9, tzinfo=UTC))
    billed = changes.first_period(made, PLAN).subscription
    assert (billed.state, billed.period_index, billed.current_period) == (S.INCOMPLETE, 0, made.current_period)


def test_a_trial_comes_before_period_0_and_the_anchor_is_its_end() -> None:
    made = started(trial_days=14)
    end = AT + timedelta(days=14)
    assert (made.state, made.period_index, made.trial_end) == (S.TRIALING, -1, end)
    assert (made.current_period.end, made.cadence.anchor) == (end, end)


def test_periods_begin_on_whole_seconds() -> None:
    made = started(at=AT.replace(microsecond=999_999))
    assert (made.current_period.start, made.created_at) == (AT, AT)
    later = start_of(PLAN, AT, {"seats": 1}, start_at=AT.replace(month=3, day=1, microsecond=5))
    assert later.resumes_at == AT.replace(month=3, day=1)


def test_a_subscription_keeps_the_plan_version_it_began_with() -> None:
    assert (started().plan_version, started().plan_tenant_id) == (3, "ten_1")


@pytest.mark.parametrize(
    ("quantities", "bad"),
    [
        ({}, {"quantities.seats": "missing_required_field"}),
        ({"seats": 1, "desks": 1}, {"quantities.desks": "unknown_component"}),
        ({"base": 1}, {"quantities.base": "unknown_component", "quantities.seats": "missing_required_field"}),
    ],
)
def test_quantities_name_the_licensed_components_and_nothing_else(
    quantities: dict[str, int], bad: dict[str, str]
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        lifecycle.start("sub_1", CUSTOMER, PLAN, AT, Start(quantities))
    assert {detail.field: detail.reason for detail in refused.value.details} == bad


LIMIT = LARGEST_AMOUNT // 1000
"""In minor units."""


@pytest.mark.parametrize(
    ("sold", "quantities", "bad"),
    [
        (plan(seats(LIMIT // 10)), {"seats": 10}, []),
        (plan(seats(LIMIT // 10)), {"seats": 11}, ["quantities.seats"]),
        (plan(flat(1), seats(LIMIT // 10)), {"seats": 10}, ["quantities.seats"]),
        (plan(flat(LIMIT)), {}, []),
        (plan(flat(LIMIT), flat(1, "more")), {}, ["planId"]),
        (plan(flat(LIMIT), flat(1, "more"), seats(1)), {"seats": 0}, ["planId"]),
        (
            plan(seats(LIMIT, "b"), seats(1, "a"), seats(LIMIT, "c")),
            {"b": 1, "a": 1, "c": 0},
            ["quantities.a", "quantities.b"],
        ),
        (plan(metered(LIMIT), metered(LIMIT, "tokens", minimum=LARGEST_AMOUNT), flat(LIMIT)), {}, []),
    ],
)
def test_a_period_costs_at_most_the_largest_amount(sold: Plan, quantities: dict[str, int], bad: list[str]) -> None:
    if not bad:
        assert lifecycle.start("sub_1", CUSTOMER, sold, AT, Start(quantities)).quantities == quantities
        return
    with pytest.raises(ValidationFailed) as refused:
        lifecycle.start("sub_1", CUSTOMER, sold, AT, Start(quantities))
    assert refused.value.details == tuple(Detail(field, "amount_too_large") for field in bad)


def test_a_change_costs_at_most_the_largest_amount() -> None:
    sold = plan(seats(LIMIT // 10))
    with pytest.raises(ValidationFailed) as refused:
        changed(running(sold, AT, {"seats": 1}), sold, AT, quantities={"seats": 11})
    assert refused.value.details == (Detail("quantities.seats", "amount_too_large"),)


# Periods


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 60))
def test_renewals_leave_no_gap_and_no_overlap(renewals: int) -> None:
    current = started(trial_days=7)
    for _ in range(renewals):
        following = changes.begin_period(current, PLAN, current.current_period.end).subscription
        assert following.current_period.start == current.current_period.end
        current = following


def test_the_31st_comes_back_after_february() -> None:
    current, days = running(PLAN, AT, {"seats": 1}), []
    for _ in range(4):
        days.append((current.current_period.start.month, current.current_period.start.day))
        current = changes.begin_period(current, PLAN, current.current_period.end).subscription
    assert days == [(1, 31), (2, 28), (3, 31), (4, 30)]


def test_the_end_of_a_trial_is_the_beginning_of_the_paid_time() -> None:
    trial = started(trial_days=1)
    assert changes.begin_period(trial, PLAN, trial.current_period.end).subscription.state is S.ACTIVE
    behind = replace(trial, unpaid_invoice_ids=("in_1",))
    assert changes.begin_period(behind, PLAN, trial.current_period.end).subscription.state is S.PAST_DUE


# Alarms


@pytest.mark.parametrize("state", S)
def test_what_renews_has_its_alarm_at_the_periods_end(state: S) -> None:
    made = replace(running(PLAN, AT, {"seats": 1}), state=state, trial_announced=True)
    armed = lifecycle.with_alarm(made, "07")
    if state in RENEWING:
        assert armed.due == Due("07", armed.current_period.end)
    elif state is S.INCOMPLETE:
        assert armed.due == Due("07", AT + INCOMPLETE_FOR)
    else:
        assert armed.due is None


@pytest.mark.parametrize(
    ("trial_days", "notice"),
    [(14, AT + timedelta(days=14) - TRIAL_NOTICE), (3, AT), (1, AT)],
)
def test_the_end_of_a_trial_is_announced_first(trial_days: int, notice: datetime) -> None:
    trial = lifecycle.with_alarm(started(trial_days=trial_days), "07")
    assert trial.due == Due("07", notice)
    told = lifecycle.announced(trial, "07")
    assert (told.trial_announced, told.due) == (True, Due("07", trial.current_period.end))


def test_what_is_paused_has_its_alarm_when_it_resumes() -> None:
    paused = replace(running(PLAN, AT, {"seats": 1}), state=S.PAUSED, resumes_at=AT + timedelta(days=90))
    assert lifecycle.with_alarm(paused, "07").due == Due("07", AT + timedelta(days=90))


# Invoices that are paid


def test_the_first_payment_activates_and_sets_the_alarm_to_the_periods_end() -> None:
    active = lifecycle.invoice_paid(owing(state=S.INCOMPLETE), "in_1", AT, "07")
    assert (active.state, active.due) == (S.ACTIVE, Due("07", active.current_period.end))


def test_it_is_past_due_until_the_last_unpaid_invoice_is_paid() -> None:
    behind = owing("in_1", "in_2")
    halfway = lifecycle.invoice_paid(behind, "in_1", AT, "07")
    assert (halfway.state, halfway.unpaid_invoice_ids) == (S.PAST_DUE, ("in_2",))
    settled = lifecycle.invoice_paid(halfway, "in_2", AT, "07")
    assert (settled.state, settled.unpaid_invoice_ids, settled.due) == (S.ACTIVE, (), behind.due)


@pytest.mark.parametrize("state", [S.TRIALING, S.ACTIVE, S.PAUSED, S.CANCELED])
def test_payment_of_any_other_invoice_changes_nothing(state: S) -> None:
    before = owing(state=state)
    assert lifecycle.invoice_paid(before, "in_9", AT, "07") is before


@pytest.mark.parametrize("state", [S.PAUSED, S.CANCELED, S.TRIALING])
def test_payment_of_an_old_invoice_is_written_down_where_nothing_else_changes(state: S) -> None:
    after = lifecycle.invoice_paid(owing("in_1", state=state), "in_1", AT, "07")
    assert (after.state, after.unpaid_invoice_ids) == (state, ())


# Invoices that are not


@pytest.mark.parametrize("state", S)
def test_a_failed_charge_makes_what_ran_past_due(state: S) -> None:
    before = owing(state=state)
    after = lifecycle.invoice_unpaid(before, "in_1")
    if state is S.INCOMPLETE:
        assert after is before
        return
    # What has ended owes it all the same.
    expected = state if state in (S.TRIALING, S.PAUSED, S.CANCELED) else S.PAST_DUE
    assert (after.state, after.unpaid_invoice_ids, after.due) == (expected, ("in_1",), before.due)
    assert lifecycle.invoice_unpaid(after, "in_1") is after


def test_what_could_not_be_charged_while_it_was_paused_is_past_due_when_it_resumes() -> None:
    """A draft with a grace period is charged after its subscription was paused."""
    before = running(PLAN, AT, {"seats": 1})
    at = AT + timedelta(days=1)
    paused = changes.pause(before, PLAN, at, None, changes.ProrationBehavior.CREATE_PRORATIONS).subscription
    behind = lifecycle.invoice_unpaid(paused, "in_1")
    assert (behind.state, behind.paused_by) == (S.PAUSED, PausedBy.REQUEST)
    resumed = changes.resume(behind, PLAN, at + timedelta(days=1)).subscription
    assert resumed.state is S.PAST_DUE
    assert lifecycle.invoice_paid(resumed, "in_1", at, "07").state is S.ACTIVE


# Canceling


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("at_period_end", [True, False])
def test_cancel(state: S, at_period_end: bool) -> None:
    before = lifecycle.with_alarm(replace(running(PLAN, AT, {"seats": 1}), state=state), "07")
    if state is S.CANCELED:
        with pytest.raises(InvalidState) as refused:
            lifecycle.cancel(before, AT, at_period_end)
        assert refused.value.public_code == "subscription.invalid_state"
        assert "canceled" in refused.value.message
        return
    if state is S.PAUSED and at_period_end:  # no period is running that it could end with
        with pytest.raises(InvalidState) as refused:
            lifecycle.cancel(before, AT, at_period_end)
        assert refused.value.message == "The subscription is paused and cannot be canceled at its period's end"
        return
    after = lifecycle.cancel(before, AT, at_period_end)
    if at_period_end and state in RENEWING:
        assert (after.state, after.cancel_at_period_end, after.due) == (state, True, before.due)
    else:
        assert (after.state, after.canceled_at, after.due) == (S.CANCELED, AT, None)


def test_what_is_canceled_neither_resumes_nor_waits_for_an_invoice() -> None:
    before = replace(running(PLAN, AT, {"seats": 1}), resumes_at=AT + timedelta(days=9))
    after = lifecycle.ended(replace(before, pending=before.billed), AT)
    assert (after.resumes_at, after.pending, lifecycle.with_alarm(after, "07").due) == (None, (), None)
