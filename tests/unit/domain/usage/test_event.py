"""Usage events: what they measure, and why some are not counted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from billing.domain.catalog.meter import Aggregation, Amount
from billing.domain.kernel.periods import Period
from billing.domain.subscriptions import lifecycle
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.domain.usage.event import (
    LARGEST_QUANTITY,
    MOST_DECIMALS,
    Cell,
    Measured,
    Refusal,
    UsageEvent,
    UsageSpan,
    by_dimension,
    hour_of,
    measured,
    problem_of,
    quantity_of,
    span_at,
    window_problem,
)
from tests.support.engine import metered, on, plan, running
from tests.support.usage import meter

# No deadline: a busy machine is no broken law.
LAW = settings(max_examples=100, deadline=None)
START, END = on("2025-06-01"), on("2025-07-01")
PLAN = plan(metered(2))
JUNE = UsageSpan(Period(START, END))
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)


def event(quantity: Decimal | int | str = 1, at: datetime | str = "2025-06-10", **more: Any) -> UsageEvent:
    timestamp = on(at) if isinstance(at, str) else at
    values: dict[str, Any] = {"event_id": "e1", "subscription_id": "sub_1", "meter": "calls"} | more
    return UsageEvent(quantity=Decimal(quantity), timestamp=timestamp, **values)


# Names


@LAW
@given(TIMES, st.integers(1, 10**12), st.booleans(), st.none() | TIMES, st.lists(TEXT, max_size=3))
def test_a_name_names_one_cell(
    start: datetime, length_us: int, trial: bool, since: datetime | None, dimensions: list[str]
) -> None:
    period = Period(start, start + timedelta(microseconds=length_us))
    span = UsageSpan(period, trial=True) if trial else UsageSpan(period, since=since)
    cell = Cell(span, tuple(dimensions))
    assert UsageSpan.of_key(span.key) == span
    assert Cell.of_name(cell.name) == cell


@LAW
@given(st.lists(TEXT, max_size=3), st.lists(TEXT, max_size=3))
def test_different_dimensions_have_different_names(one: list[str], other: list[str]) -> None:
    assume(one != other)
    span = UsageSpan(Period(START, END))
    assert Cell(span, tuple(one)).name != Cell(span, tuple(other)).name


def test_names_are_as_they_are_written_down() -> None:
    span = UsageSpan(Period(START, END))
    assert span.key == "2025-06-01T00:00:00Z/2025-07-01T00:00:00Z"
    assert replace(span, trial=True).key == "2025-06-01T00:00:00Z/2025-07-01T00:00:00Z/trial"
    changed_on = replace(span, since=on("2025-06-10T12:30"))
    assert changed_on.key == "2025-06-01T00:00:00Z/2025-07-01T00:00:00Z/2025-06-10T12:30:00Z"
    assert Cell(span, ("eu west", 'a"b')).name == f'{span.key} ["eu west","a\\"b"]'


def test_a_cell_says_what_its_dimensions_are() -> None:
    regions = meter(dimensions=("region", "tier"))
    assert by_dimension(regions, Cell(UsageSpan(Period(START, END)), ("eu", "pro"))) == {"region": "eu", "tier": "pro"}


# Digests


@pytest.mark.parametrize(
    "other",
    [
        event(2),
        event(at="2025-06-11"),
        event(subscription_id="sub_2"),
        event(meter="other"),
        event(properties={"region": "eu"}),
        event(-1, corrects="e0"),
        event(corrects="e0"),
    ],
    ids=["quantity", "timestamp", "subscription", "meter", "properties", "correction", "corrects"],
)
def test_events_that_say_different_things_have_different_digests(other: UsageEvent) -> None:
    assert other.digest != event().digest


def test_events_that_say_the_same_have_the_same_digest() -> None:
    both = {"region": "eu", "tier": "pro"}
    one = event("1.50", properties=both)
    other = event("1.5", properties=dict(reversed(both.items())))
    assert one.digest == other.digest
    assert event(100).digest == event("1E+2").digest
    shifted = on("2025-06-10").astimezone(UTC)
    assert event(at=shifted).digest == event().digest
    # Its id is not part of it: two events are compared because they have the same one.
    assert replace(one, event_id="e2").digest == one.digest


@LAW
@given(
    st.decimals(-(10**12), 10**12, places=9, allow_nan=False), st.decimals(-(10**12), 10**12, places=9, allow_nan=False)
)
def test_no_two_quantities_share_a_digest(one: Decimal, other: Decimal) -> None:
    assume(one != other)
    assert event(one).digest != event(other).digest


RUNNING = running(PLAN, START)


def measure(of: UsageEvent, subscription: Subscription = RUNNING, **meter_of: Any) -> Measured | Refusal:
    return measured(of, subscription, meter(**meter_of), span_at(subscription, of.timestamp))


def value(of: UsageEvent, **meter_of: Any) -> Decimal:
    found = measure(of, **meter_of)
    assert isinstance(found, Measured)
    return found.value


# What is measured


@pytest.mark.parametrize("aggregation", [Aggregation.SUM, Aggregation.MAX, Aggregation.LAST])
def test_the_quantity_or_a_property_is_measured(aggregation: Aggregation) -> None:
    of = event("2.5", properties={"bytes": "7.25"})
    assert value(of, aggregation=aggregation) == Decimal("2.5")
    assert value(of, aggregation=aggregation, property="bytes") == Decimal("7.25")


def test_a_count_is_one_whatever_the_event_says() -> None:
    assert value(event(99), aggregation=Aggregation.COUNT) == 1


def test_of_unique_values_the_value_is_kept() -> None:
    found = measure(event(99, properties={"user": "ada"}), aggregation=Aggregation.UNIQUE)
    assert isinstance(found, Measured)
    assert (found.value, found.seen, found.amount) == (Decimal(1), "ada", Amount(Decimal(1)))
    summed = measure(event(99, properties={"user": "ada"}))
    assert isinstance(summed, Measured)
    assert summed.seen is None


def test_the_latest_of_two_is_the_later_one_and_at_the_same_time_that_with_the_larger_id() -> None:
    def order(at: str, event_id: str) -> str:
        found = measure(event(at=at, event_id=event_id), aggregation=Aggregation.LAST)
        assert isinstance(found, Measured)
        return found.amount.order

    ordered = [order("2025-06-09T23:59", "z"), order("2025-06-10", "a"), order("2025-06-10", "b")]
    ordered.append(order("2025-06-10T00:00:00.000001", "a"))
    assert ordered == sorted(set(ordered))
    for aggregation in (Aggregation.SUM, Aggregation.MAX):
        found = measure(event(), aggregation=aggregation)
        assert isinstance(found, Measured)
        assert found.amount.order == ""


def test_dimensions_are_in_the_meters_order_and_what_is_not_said_is_empty() -> None:
    of = event(properties={"region": "eu", "tier": "pro", "other": "x"})
    found = measure(of, dimensions=("tier", "region", "zone"))
    assert isinstance(found, Measured)
    assert found.cell == Cell(JUNE, ("pro", "eu", ""))


@pytest.mark.parametrize(
    ("subscription", "of", "meter_of", "refusal"),
    [
        (RUNNING, event(at=START - timedelta(seconds=1)), {}, Refusal.BEFORE_START),
        (lifecycle.ended(RUNNING, on("2025-06-20")), event(at="2025-06-20"), {}, Refusal.AFTER_END),
        (lifecycle.ended(RUNNING, on("2025-06-20")), event(at="2025-06-10"), {}, Refusal.ALREADY_FINAL),
        (RUNNING, event(), {"property": "bytes"}, Refusal.NO_PROPERTY),
        (RUNNING, event(), {"aggregation": Aggregation.UNIQUE}, Refusal.NO_PROPERTY),
        (RUNNING, event(properties={"bytes": "many"}), {"property": "bytes"}, Refusal.NO_NUMBER),
        (RUNNING, event(properties={"bytes": "-1"}), {"property": "bytes"}, Refusal.NO_NUMBER),
        (RUNNING, event(properties={"bytes": "NaN"}), {"property": "bytes"}, Refusal.NO_NUMBER),
        (RUNNING, event(properties={"bytes": "Infinity"}), {"property": "bytes"}, Refusal.NO_NUMBER),
        (RUNNING, event(properties={"bytes": "1e13"}), {"property": "bytes"}, Refusal.NO_NUMBER),
        (RUNNING, event(properties={"bytes": "0.0000000001"}), {"property": "bytes"}, Refusal.NO_NUMBER),
        (RUNNING, event(properties={"bytes": ""}), {"property": "bytes"}, Refusal.NO_NUMBER),
    ],
)
def test_what_cannot_be_counted_says_why(
    subscription: Subscription, of: UsageEvent, meter_of: dict[str, Any], refusal: Refusal
) -> None:
    assert measure(of, subscription, **meter_of) is refusal


def test_usage_of_a_canceled_subscriptions_time_is_taken_until_it_is_final() -> None:
    ended = replace(lifecycle.ended(RUNNING, on("2025-06-20")), usage_until=on("2025-07-26"))
    assert isinstance(measure(event(at="2025-06-19T23:59"), ended), Measured)
    assert measure(event(at="2025-06-20"), ended) is Refusal.AFTER_END
    assert measure(event(at="2025-05-01"), ended) is Refusal.BEFORE_START


@pytest.mark.parametrize(
    "state",
    [each for each in SubscriptionState if each is not SubscriptionState.CANCELED],
)
def test_in_every_other_state_usage_is_counted(state: SubscriptionState) -> None:
    assert isinstance(measure(event(), replace(RUNNING, state=state)), Measured)


# Limits


def test_a_window_is_open_at_both_its_ends() -> None:
    now, hour = on("2025-06-10"), timedelta(hours=1)

    def problem(at: datetime) -> str | None:
        return window_problem(at, now, past_s=7200, future_s=3600)

    us = timedelta(microseconds=1)
    assert [problem(now - 2 * hour), problem(now), problem(now + hour)] == [None, None, None]
    assert problem(now - 2 * hour - us) == "too_far_in_the_past"
    assert problem(now + hour + us) == "too_far_in_the_future"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (on("2025-06-10T07:59:59"), ("2025-06-10", "h07")),
        (on("2025-06-10T00:00"), ("2025-06-10", "h00")),
        (datetime.fromisoformat("2025-06-11T01:30:00+02:00"), ("2025-06-10", "h23")),
        (datetime.fromisoformat("2025-06-10T23:30:00-05:30"), ("2025-06-11", "h05")),
    ],
)
def test_the_hourly_series_is_in_utc(at: datetime, expected: tuple[str, str]) -> None:
    assert hour_of(at) == expected


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        ("0", None),
        ("1000000000000", None),
        ("-1000000000000", None),
        ("1000000000000.000000001", "too_large"),
        ("-1000000000000.000000001", "too_large"),
        ("1E+13", "too_large"),
        ("1E+999999", "too_large"),
        ("999999999999.123456789", None),
        ("0.1234567890000000000000000000000000000000", None),
        ("0.1234567891", "too_many_decimals"),
        # Beyond Decimal's usual 28 digits as well, and beyond its usual exponents.
        ("999999999999.00000000000000001", "too_many_decimals"),
        (
            "999999999999.000000000000000000000000000000000000000000000000000000000000000000000000000000001",
            "too_many_decimals",
        ),
        ("1E-9999999", "too_many_decimals"),
        ("0E-20", None),
    ],
)
def test_a_quantity_has_its_limits(number: str, problem: str | None) -> None:
    assert problem_of(Decimal(number)) == problem


@LAW
@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_what_is_no_quantity_is_too_large_or_too_fine(number: Decimal) -> None:
    """Whatever its exponent: the answer is the same as in whole numbers of 10^-9."""
    problem = problem_of(number)
    if abs(number) > LARGEST_QUANTITY:
        assert problem == "too_large"
        return
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits)).rstrip("0")
    decimals = max(-(exponent + len(digits) - len(text)), 0) if text else 0
    assert problem == ("too_many_decimals" if decimals > MOST_DECIMALS else None)


@LAW
@given(st.decimals(0, 10**12, places=9, allow_nan=False, allow_infinity=False))
def test_every_quantity_that_is_written_out_is_read_as_it_is(number: Decimal) -> None:
    assert quantity_of(format(number, "f")) == number
    assert quantity_of(f"-{format(number, 'f')}") == (Refusal.NO_NUMBER if number else 0)


@LAW
@given(st.text(max_size=20))
def test_any_text_is_a_quantity_or_refused(text: str) -> None:
    found = quantity_of(text)
    if isinstance(found, Decimal):
        assert 0 <= found <= LARGEST_QUANTITY
        assert problem_of(found) is None
    else:
        assert found is Refusal.NO_NUMBER
