"""Issue 17, number 7: a subscription that is taken over renews when it would have there."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.catalog.plan import Plan
from billing.domain.catalog.pricing import Component, ComponentType, PricingModel
from billing.domain.kernel.errors import ValidationFailed
from billing.domain.kernel.periods import Cadence, Interval, Period
from billing.domain.subscriptions.changes import begin_period
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.domain.subscriptions.taking_over import Opening, taken_over

CUSTOMER: Any = SimpleNamespace(id="cus_1", tenant_id="ten_1", timezone="UTC")
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Kolkata"]
SEATS = Component("seats", ComponentType.LICENSED, PricingModel.PER_UNIT, 5_000)


def plan(interval: Interval, count: int = 1) -> Plan:
    return Plan("p", "ten_1", 1, "P", "USD", interval, count, (SEATS,), datetime(2026, 1, 1, tzinfo=UTC))


def over(interval: Interval, count: int, anchor: datetime, period: Period, timezone: str = "UTC") -> Subscription:
    opening = Opening({"seats": 1}, SubscriptionState.ACTIVE, anchor, period, anchor)
    customer: Any = SimpleNamespace(id="cus_1", tenant_id="ten_1", timezone=timezone)
    return taken_over("sub_1", customer, plan(interval, count), opening, period.start)


def utc(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)).map(
    lambda each: each.replace(microsecond=0)
)


@given(INSTANTS, st.sampled_from(Interval), st.integers(1, 4), st.integers(-3, 40))
def test_17_its_periods_go_on_as_there_and_none_is_the_first(
    anchor: datetime, interval: Interval, count: int, n: int
) -> None:
    """Also where the anchor is yet to come: Stripe's may."""
    there = Cadence.starting(anchor, "UTC", interval, count)
    ours = over(interval, count, anchor, there.period(n))
    assert ours.period_index >= 0
    assert ours.billed_until == there.boundary(n + 1)
    following = ours
    for k in range(1, 6):
        following = begin_period(following, plan(interval, count), following.current_period.end).subscription
        assert following.current_period == there.period(n + k)
        assert not following.awaits_first_payment


@given(INSTANTS, st.sampled_from(Interval), st.integers(1, 4), st.integers(-3, 40), st.sampled_from(ZONES))
def test_17_what_a_source_counts_in_utc_is_taken_in_any_zone(
    anchor: datetime, interval: Interval, count: int, n: int, zone: str
) -> None:
    """As Stripe does, whatever its customers' clocks do in between; the next one ends on the same day, or a day beside
    it where that is the customer's."""
    there = Cadence.starting(anchor, "UTC", interval, count)
    ours = over(interval, count, anchor, there.period(n), zone)
    assert ours.period_index >= 0
    assert ours.current_period == there.period(n)
    assert ours.billed_until == there.boundary(n + 1)
    after = begin_period(ours, plan(interval, count), ours.current_period.end, zone).subscription
    assert abs(after.current_period.end - there.boundary(n + 2)) < timedelta(days=1)


@pytest.mark.parametrize(
    ("zone", "ends"), [("Europe/Berlin", utc(2027, 5, 1)), ("America/New_York", utc(2027, 5, 1, 4))]
)
def test_17_the_first_of_a_month_in_utc_is_the_first_of_the_month_in_the_customers_zone(
    zone: str, ends: datetime
) -> None:
    """The clocks change in March: the period is an hour longer there than a month is."""
    ours = over(Interval.MONTH, 1, utc(2026, 1, 1), Period(utc(2027, 3, 1), utc(2027, 4, 1)), zone)
    after = begin_period(ours, plan(Interval.MONTH), ours.current_period.end, zone).subscription
    assert after.current_period == Period(utc(2027, 4, 1), ends)


def test_17_an_anchor_that_does_not_explain_the_period_gives_way_to_its_end() -> None:
    """It was moved there from monthly on the 3rd to yearly on the 15th."""
    ours = over(Interval.YEAR, 1, utc(2020, 1, 3), Period(utc(2026, 5, 15), utc(2027, 5, 15)))
    after = begin_period(ours, plan(Interval.YEAR), ours.current_period.end).subscription
    assert after.current_period == Period(utc(2027, 5, 15), utc(2028, 5, 15))


def test_17_a_period_that_was_cut_short_is_taken_as_it_is() -> None:
    ours = over(Interval.MONTH, 1, utc(2026, 3, 31), Period(utc(2026, 2, 10), utc(2026, 2, 28)))
    after = begin_period(ours, plan(Interval.MONTH), ours.current_period.end).subscription
    assert after.current_period == Period(utc(2026, 2, 28), utc(2026, 3, 31))


@pytest.mark.parametrize("start", [utc(2026, 1, 1), utc(2025, 2, 28)])
def test_17_a_period_longer_than_the_plans_is_refused(start: datetime) -> None:
    with pytest.raises(ValidationFailed, match="none of the plan's interval"):
        over(Interval.MONTH, 1, start, Period(start, utc(2026, 2, 28, 1)))


def test_17_a_period_that_is_over_is_refused_at_its_very_end() -> None:
    period = Period(utc(2026, 1, 1), utc(2026, 2, 1))
    opening = Opening({"seats": 1}, SubscriptionState.ACTIVE, period.start, period, period.start)
    for at, fits in ((period.end - timedelta(seconds=1), True), (period.end, False)):
        if fits:
            assert taken_over("sub_1", CUSTOMER, plan(Interval.MONTH), opening, at).billed_until == period.end
            continue
        with pytest.raises(ValidationFailed, match="is over"):
            taken_over("sub_1", CUSTOMER, plan(Interval.MONTH), opening, at)
