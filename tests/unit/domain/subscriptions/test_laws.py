"""Laws of the billing engine: parts sum to the whole, what is undone nets to zero, anchors never drift.

That a period is billed once whatever the order of changes is in ``test_engine_model``.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.plan import Plan
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.money import MICROS_PER_MINOR, Money, sum_money
from billing.domain.kernel.periods import Cadence, Interval, Period
from billing.domain.kernel.proration import ProrationUnit, portion, rest_of, share
from billing.domain.lines.line import InvoiceLine
from billing.domain.subscriptions import changes
from billing.domain.subscriptions.changes import ProrationBehavior
from billing.domain.subscriptions.subscription import Subscription
from tests.support.engine import BORN, changed, flat, plan, running, seats, started

# No deadline: a busy machine is no broken law.
LAW = settings(max_examples=100, deadline=None)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo")
CURRENCIES = ("JPY", "USD", "KWD")
UNITS = st.sampled_from(ProrationUnit)
# From 2012 on: in December 2011 Samoa had no 30th, and a day's cadence an empty period.
TIMES = st.datetimes(datetime(2012, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=0)
)
INTERVALS = st.tuples(st.sampled_from(Interval), st.integers(1, 4))


@st.composite
def discounts(draw: st.DrawFn, currency: str) -> Discount | None:
    kind = draw(st.sampled_from(["none", "percent", "amount"]))
    if kind == "none":
        return None
    if kind == "percent":
        return Discount("P", "P", Decimal(draw(st.integers(1, 10_000))) / 100, None, None, BORN)
    step = charge_step(currency)
    return Discount("A", "A", None, Money.from_minor(draw(st.integers(1, 90_000)) * step, currency), None, BORN)


@st.composite
def plans(draw: st.DrawFn, currency: str, name: str, interval: tuple[Interval, int], unit: ProrationUnit) -> Plan:
    """One flat price and two by the seat."""
    step = charge_step(currency)
    base, first, second = (draw(st.integers(0, 50_000)) * step for _ in range(3))
    components = flat(base), seats(first, "a"), seats(second, "b")
    return plan(
        *components,
        name=name,
        currency=currency,
        interval=interval[0],
        interval_count=interval[1],
        proration_unit=unit,
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Plan, Plan, Subscription, datetime]:
    """A plan, another one of the same interval, a subscription to the first, and an instant in its first period."""
    currency, interval, unit = draw(st.sampled_from(CURRENCIES)), draw(INTERVALS), draw(UNITS)
    present = draw(plans(currency, "Present", interval, unit))
    other = draw(plans(currency, "Other", interval, unit))
    quantities = {"a": draw(st.integers(0, 40)), "b": draw(st.integers(0, 40))}
    subscription = running(
        present, draw(TIMES), quantities, timezone=draw(st.sampled_from(ZONES)), discount=draw(discounts(currency))
    )
    span = subscription.current_period
    at = span.start + timedelta(seconds=draw(st.integers(0, span.seconds - 1)))
    return present, other, subscription, at


def total(lines: tuple[InvoiceLine, ...], currency: str) -> Money:
    return sum_money((line.taxable for line in lines), currency)


def within(found: Money, expected: Money, units: int) -> bool:
    """Whether two amounts differ by at most so many of the smallest that can be charged."""
    return abs(found - expected).micros <= units * charge_step(found.currency) * MICROS_PER_MINOR


# Parts sum to the whole


@LAW
@given(TIMES, st.sampled_from(ZONES), INTERVALS, UNITS, st.lists(st.integers(0, 10**9), min_size=1, max_size=6))
def test_the_shares_of_the_parts_of_a_period_sum_to_one(
    at: datetime, zone: str, interval: tuple[Interval, int], unit: ProrationUnit, cuts: list[int]
) -> None:
    whole = Cadence.starting(at, zone, *interval).period(0)
    instants = sorted({whole.start, whole.end, *(whole.start + timedelta(seconds=c % whole.seconds) for c in cuts)})
    parts = [Period(start, end) for start, end in pairwise(instants)]
    assert sum(share(unit, zone, part, whole) for part in parts) == 1


@LAW
@given(cases())
def test_what_is_given_back_and_what_was_used_are_what_was_billed(
    case: tuple[Plan, Plan, Subscription, datetime],
) -> None:
    """Credit + the used share of the old price = what was billed, within a unit a line."""
    present, other, before, at = case
    step = changed(before, present, at, to=other)
    for line in before.billed:
        assert line.period is not None
        returned = [c for c in step.lines if c.component == line.component and c.amount.is_negative]
        used = Period(line.period.start, at) if at > line.period.start else None
        zone = before.cadence.timezone
        kept = share(present.proration_unit, zone, used, line.period) if used else Fraction(0)
        consumed = portion(line.taxable, kept)
        assert within(consumed - total(tuple(returned), present.currency), line.taxable, 1)


@LAW
@given(cases())
def test_a_credit_is_never_more_than_what_was_billed_nor_a_debit_more_than_the_whole_price(
    case: tuple[Plan, Plan, Subscription, datetime],
) -> None:
    present, other, before, at = case
    step = changed(before, present, at, to=other)
    zero = Money.zero(present.currency)
    billed = {line.component: line.taxable for line in before.billed}
    whole = {line.component: line for line in running(other, before.current_period.start, before.quantities).billed}
    for line in step.lines:
        assert line.component is not None
        if line.amount.is_negative:
            assert -line.taxable <= billed[line.component]
        else:
            assert zero <= line.taxable <= line.amount <= whole[line.component].amount


# What is undone nets to zero


@LAW
@given(cases())
def test_an_upgrade_and_an_immediate_downgrade_net_to_zero(case: tuple[Plan, Plan, Subscription, datetime]) -> None:
    """Within a unit a line: there are three components."""
    present, other, before, at = case
    there = changed(before, present, at, to=other).subscription
    back = changed(there, other, at, to=present).subscription
    assert within(total(back.pending, present.currency), Money.zero(present.currency), 3)
    assert (back.plan_id, back.quantities, back.current_period) == (
        present.id,
        before.quantities,
        before.current_period,
    )


@LAW
@given(cases(), st.integers(0, 60), st.integers(0, 60))
def test_seats_that_are_bought_and_given_up_at_once_cost_nothing(
    case: tuple[Plan, Plan, Subscription, datetime], a: int, b: int
) -> None:
    present, _, before, at = case
    there = changed(before, present, at, quantities={"a": a, "b": b}).subscription
    back = changed(there, present, at, quantities=before.quantities).subscription
    assert within(total(back.pending, present.currency), Money.zero(present.currency), 3)


@LAW
@given(cases())
def test_a_pause_and_an_immediate_resume_net_to_zero(case: tuple[Plan, Plan, Subscription, datetime]) -> None:
    present, _, before, at = case
    paused = changes.pause(before, present, at, None, ProrationBehavior.CREATE_PRORATIONS)
    step = changes.resume(paused.subscription, present, at)
    assert within(total(step.invoiced, present.currency), Money.zero(present.currency), 3)
    assert step.subscription.current_period.end == before.current_period.end


@LAW
@given(cases())
def test_going_to_the_same_price_later_costs_nothing(case: tuple[Plan, Plan, Subscription, datetime]) -> None:
    """A new version of the plan with the same prices: only rounding remains."""
    present, _, before, at = case
    same = replace(present, plan_version=present.plan_version + 1)
    step = changed(before, present, at, to=same)
    assert within(total(step.lines, present.currency), Money.zero(present.currency), 3)


# What can be charged


@LAW
@given(cases(), st.sampled_from(ProrationBehavior))
def test_whatever_is_billed_can_be_charged_in_its_currency(
    case: tuple[Plan, Plan, Subscription, datetime], behavior: ProrationBehavior
) -> None:
    present, other, before, at = case
    step = changed(before, present, at, to=other, behavior=behavior)
    assert total(step.lines, present.currency).micros % (charge_step(present.currency) * MICROS_PER_MINOR) == 0
    assert all(line.amount.currency == present.currency for line in step.lines)


# Anchors


@LAW
@given(TIMES, st.sampled_from(ZONES), INTERVALS, st.none() | st.integers(1, 31), st.integers(0, 40), st.integers(1, 30))
def test_renewals_never_drift_from_their_anchor(
    at: datetime, zone: str, interval: tuple[Interval, int], anchor_day: int | None, trial_days: int, renewals: int
) -> None:
    sold = plan(flat(1000), interval=interval[0], interval_count=interval[1])
    current = started(sold, at, timezone=zone, trial_days=trial_days, anchor_day=anchor_day)
    cadence = current.cadence
    if not trial_days:
        current = changes.first_period(current, sold).subscription
    for _ in range(renewals):
        step = changes.begin_period(current, sold, current.current_period.end)
        following = step.subscription
        assert following.current_period.start == current.current_period.end
        assert following.current_period.end == cadence.boundary(following.period_index + 1)
        if current.period_index >= 0:
            assert following.period_index == current.period_index + 1
            assert following.current_period == cadence.period(following.period_index)
            assert total(step.lines, "USD").minor == 1000
        current = following
    assert current.cadence == cadence


@LAW
@given(st.integers(29, 31), st.integers(1, 12), st.integers(2012, 2040), st.sampled_from(ZONES))
def test_a_month_end_comes_back_after_a_shorter_month(day: int, month: int, year: int, zone: str) -> None:
    assume(day == 29 or month not in (2, 4, 6, 9, 11) or (day == 30 and month != 2))
    assume((month, day) != (2, 29) or year % 4 == 0)
    sold = plan(flat(1000))
    current = running(sold, datetime(year, month, day, 12, tzinfo=UTC), timezone=zone)
    anchor_day = current.cadence.anchor_day
    for _ in range(25):
        current = changes.begin_period(current, sold, current.current_period.end).subscription
        local = current.current_period.start.astimezone(ZoneInfo(zone))
        tomorrow = local + timedelta(days=1)
        assert local.day == anchor_day or (local.day < anchor_day and tomorrow.month != local.month)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@LAW
@given(TIMES)
def test_summer_time_does_not_move_a_boundarys_local_time(zone: str, at: datetime) -> None:
    assume(at.astimezone(ZoneInfo(zone)).hour >= 4)  # not in the hour that is skipped or occurs twice
    sold = plan(flat(1000))
    current = running(sold, at, timezone=zone)
    for _ in range(14):
        current = changes.begin_period(current, sold, current.current_period.end).subscription
        assert current.current_period.start.astimezone(ZoneInfo(zone)).time() == at.astimezone(ZoneInfo(zone)).time()


def test_rest_of_a_period() -> None:
    june = Period(datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC))
    half = datetime(2025, 6, 16, tzinfo=UTC)
    assert rest_of(june, half) == Period(half, june.end)
    assert rest_of(june, june.start - timedelta(days=9)) == june
    assert rest_of(june, june.end) is None
