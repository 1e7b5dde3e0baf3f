"""What comes next for a subscription, ahead of time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from billing.domain.catalog.plan import PauseBilling, Plan
from billing.domain.catalog.pricing import Component, ComponentType, PricingModel
from billing.domain.customers.customer import Customer
from billing.domain.kernel.errors import InvalidState
from billing.domain.kernel.periods import Interval, Period
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import ProrationBehavior, Step
from billing.domain.subscriptions.lifecycle import Start
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.domain.subscriptions.upcoming import next_step, require_invoiced

AT = datetime(2027, 1, 1, tzinfo=UTC)
FEBRUARY, MARCH = datetime(2027, 2, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)
PLAN = Plan(
    id="monthly",
    tenant_id="ten_1",
    plan_version=1,
    name="Monthly",
    currency="USD",
    interval=Interval.MONTH,
    interval_count=1,
    components=(Component("base", ComponentType.FLAT, unit_amount=3_100_000),),
    created_at=AT,
)
KEPT = replace(PLAN, pause_billing=PauseBilling.KEEP)
METERED = replace(
    PLAN, components=(Component("calls", ComponentType.METERED, PricingModel.PER_UNIT, unit_amount=1, meter="calls"),)
)


def running(plan: Plan = PLAN, trial_days: int = 0) -> Subscription:
    customer = Customer("cus_1", "ten_1", "Ada", "USD", "UTC", AT)
    made = lifecycle.start("sub_1", customer, plan, AT, Start(trial_days=trial_days))
    if trial_days:
        return made
    return replace(changes.first_period(made, plan).subscription, state=SubscriptionState.ACTIVE)


def paused(plan: Plan, resumes_at: datetime | None) -> Subscription:
    at = AT + timedelta(days=10)
    return changes.pause(running(plan), plan, at, resumes_at, ProrationBehavior.CREATE_PRORATIONS).subscription


def coming(subscription: Subscription, plan: Plan) -> tuple[Step, datetime]:
    upcoming = next_step(subscription, plan)
    return upcoming.step, upcoming.at


def test_a_period_ends_and_the_next_one_is_billed() -> None:
    step, at = coming(running(), PLAN)
    assert (at, step.subscription.current_period) == (FEBRUARY, Period(FEBRUARY, MARCH))
    assert step == changes.begin_period(running(), PLAN, FEBRUARY)


def test_a_trial_ends_and_the_first_period_is_billed() -> None:
    step, at = coming(running(trial_days=14), PLAN)
    assert (at, step.subscription.state) == (AT + timedelta(days=14), SubscriptionState.ACTIVE)
    assert [line.amount.micros for line in step.invoiced] == [3_100_000]


def test_a_resume_bills_the_rest_of_the_period_that_was_given_back() -> None:
    resumes = AT + timedelta(days=20)
    step, at = coming(paused(PLAN, resumes), PLAN)
    assert at == resumes
    assert [line.amount.micros for line in step.invoiced] == [-2_100_000, 1_100_000]


def test_a_resume_into_a_period_that_is_paid_for_bills_nothing_until_its_end() -> None:
    step, at = coming(paused(KEPT, AT + timedelta(days=20)), KEPT)
    assert (at, [line.amount.micros for line in step.invoiced]) == (FEBRUARY, [3_100_000])


def test_what_is_used_until_then_is_used_by_the_subscription_that_has_resumed() -> None:
    upcoming = next_step(paused(KEPT, AT + timedelta(days=20)), KEPT)
    assert (upcoming.before.state, upcoming.at) == (SubscriptionState.ACTIVE, FEBRUARY)


def test_an_end_bills_what_waits() -> None:
    waiting = running().billed
    ending = replace(running(), cancel_at_period_end=True, pending=waiting)
    step, at = coming(ending, PLAN)
    assert (at, step.invoiced, step.subscription.state) == (FEBRUARY, waiting, SubscriptionState.CANCELED)


@pytest.mark.parametrize(
    ("subscription", "plan", "state"),
    [
        (replace(running(), cancel_at_period_end=True), PLAN, "active with nothing to bill"),
        (replace(running(), state=SubscriptionState.INCOMPLETE), PLAN, "incomplete"),
        (lifecycle.ended(running(), AT), PLAN, "canceled"),
        (paused(PLAN, None), PLAN, "paused"),
        (running(METERED), METERED, "active with nothing to bill"),
    ],
    ids=["ending", "incomplete", "canceled", "paused", "nothing-metered"],
)
def test_where_nothing_is_to_come_the_state_is_named(subscription: Subscription, plan: Plan, state: str) -> None:
    with pytest.raises(InvalidState, match=state) as refused:
        require_invoiced(subscription, next_step(subscription, plan).step)
    assert refused.value.public_code == "subscription.invalid_state"


def test_what_bills_nothing_of_its_own_is_a_step_all_the_same_for_usage_may_come_on_top() -> None:
    step, at = coming(running(METERED), METERED)
    assert (at, step.invoiced, step.subscription.current_period) == (FEBRUARY, (), Period(FEBRUARY, MARCH))
    used = changes.with_usage(step, running().billed)
    assert require_invoiced(running(METERED), used).invoiced == running().billed


def test_an_end_without_anything_that_waits_may_bill_usage() -> None:
    step, at = coming(replace(running(METERED), cancel_at_period_end=True), METERED)
    assert (at, step.invoiced, step.subscription.state) == (FEBRUARY, (), SubscriptionState.CANCELED)
