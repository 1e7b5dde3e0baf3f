"""Subscriptions: the states, the periods, and the alarms that go with them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain import subscription as lifecycle
from billing.domain.customer import Customer
from billing.domain.due import Due
from billing.domain.errors import InvalidState, ValidationFailed
from billing.domain.periods import Interval
from billing.domain.plan import Plan
from billing.domain.pricing import Component, ComponentType, PricingModel
from billing.domain.subscription import INCOMPLETE_FOR, RENEWING, Subscription, SubscriptionState

AT = datetime(2027, 1, 31, 9, tzinfo=UTC)
CUSTOMER = Customer("cus_1", "ten_1", "Ada", "USD", "UTC", AT)
PLAN = Plan(
    id="business-monthly",
    tenant_id="ten_1",
    plan_version=3,
    name="Business",
    currency="USD",
    interval=Interval.MONTH,
    interval_count=1,
    components=(
        Component("base", ComponentType.FLAT, unit_amount=4_999_000),
        Component("seats", ComponentType.LICENSED, PricingModel.PER_UNIT, unit_amount=500_000),
    ),
    created_at=AT,
)
S = SubscriptionState


def started(trial_days: int = 0, at: datetime = AT) -> Subscription:
    return lifecycle.start("sub_1", CUSTOMER, PLAN, {"seats": 100}, at, trial_days, {})


def test_without_a_trial_it_waits_for_its_first_payment_in_period_0() -> None:
    made = started()
    assert (made.state, made.period_index, made.trial_end) == (S.INCOMPLETE, 0, None)
    assert (made.current_period.start, made.current_period.end) == (AT, datetime(2027, 2, 28, 9, tzinfo=UTC))


def test_a_trial_comes_before_period_0_and_the_anchor_is_its_end() -> None:
    made = started(trial_days=14)
    end = AT + timedelta(days=14)
    assert (made.state, made.period_index, made.trial_end) == (S.TRIALING, -1, end)
    assert (made.current_period.end, made.cadence.anchor) == (end, end)


def test_periods_begin_on_whole_seconds() -> None:
    assert started(at=AT.replace(microsecond=999_999)).current_period.start == AT


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
        lifecycle.start("sub_1", CUSTOMER, PLAN, quantities, AT, 0, {})
    assert {detail.field: detail.reason for detail in refused.value.details} == bad


@given(st.integers(0, 60))
def test_renewals_leave_no_gap_and_no_overlap(renewals: int) -> None:
    current = started(trial_days=7)
    for _ in range(renewals):
        following = lifecycle.renew(current)
        assert following.current_period.start == current.current_period.end
        current = following


def test_the_31st_comes_back_after_february() -> None:
    current = started()
    days = []
    for _ in range(4):
        days.append((current.current_period.start.month, current.current_period.start.day))
        current = lifecycle.renew(current)
    assert days == [(1, 31), (2, 28), (3, 31), (4, 30)]


@pytest.mark.parametrize("state", S)
def test_what_renews_has_its_alarm_at_the_periods_end(state: SubscriptionState) -> None:
    armed = lifecycle.with_alarm(replace(started(), state=state), "07")
    if state in RENEWING:
        assert armed.due == Due("07", armed.current_period.end)
    elif state is S.INCOMPLETE:
        assert armed.due == Due("07", AT + INCOMPLETE_FOR)
    else:
        assert armed.due is None


def owing(*invoices: str, state: SubscriptionState = S.PAST_DUE) -> Subscription:
    return lifecycle.with_alarm(replace(started(), state=state, unpaid_invoice_ids=invoices), "03")


def test_the_first_payment_activates_and_sets_the_alarm_to_the_periods_end() -> None:
    active = lifecycle.invoice_paid(owing(state=S.INCOMPLETE), "in_1", "07")
    assert (active.state, active.due) == (S.ACTIVE, Due("07", active.current_period.end))


def test_it_is_past_due_until_the_last_unpaid_invoice_is_paid() -> None:
    behind = owing("in_1", "in_2")
    halfway = lifecycle.invoice_paid(behind, "in_1", "07")
    assert (halfway.state, halfway.unpaid_invoice_ids) == (S.PAST_DUE, ("in_2",))
    settled = lifecycle.invoice_paid(halfway, "in_2", "07")
    assert (settled.state, settled.unpaid_invoice_ids, settled.due) == (S.ACTIVE, (), behind.due)


@pytest.mark.parametrize("state", [S.TRIALING, S.ACTIVE, S.PAUSED, S.CANCELED])
def test_payment_of_any_other_invoice_changes_nothing(state: SubscriptionState) -> None:
    before = owing(state=state)
    assert lifecycle.invoice_paid(before, "in_9", "07") is before


@pytest.mark.parametrize("state", S)
def test_a_failed_charge_makes_what_ran_past_due(state: SubscriptionState) -> None:
    before = owing(state=state)
    after = lifecycle.invoice_unpaid(before, "in_1")
    if state in RENEWING:
        assert (after.state, after.unpaid_invoice_ids, after.due) == (S.PAST_DUE, ("in_1",), before.due)
        assert lifecycle.invoice_unpaid(after, "in_1") is after
    else:
        assert after is before


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("at_period_end", [True, False])
def test_cancel(state: SubscriptionState, at_period_end: bool) -> None:
    before = lifecycle.with_alarm(replace(started(), state=state), "07")
    if state is S.CANCELED:
        with pytest.raises(InvalidState) as refused:
            lifecycle.cancel(before, AT, at_period_end)
        assert refused.value.public_code == "subscription.invalid_state"
        assert "canceled" in refused.value.message
        return
    after = lifecycle.cancel(before, AT, at_period_end)
    if at_period_end and state in RENEWING:
        assert (after.state, after.cancel_at_period_end, after.due) == (state, True, before.due)
    else:
        assert (after.state, after.canceled_at, after.due) == (S.CANCELED, AT, None)


def test_the_end_of_a_trial_is_the_beginning_of_the_paid_time() -> None:
    assert lifecycle.trial_over(started(trial_days=1)).state is S.ACTIVE
    overdue = replace(started(), state=S.PAST_DUE)
    assert lifecycle.trial_over(overdue) is overdue
