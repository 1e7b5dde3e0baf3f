"""Periods and cadences: the anchors of other systems (docs/vectors.md), clocks that change, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.kernel.money import Money
from billing.domain.kernel.periods import Cadence, Interval, Period, next_anchor
from tests.support.cadences import DAYS, INSTANTS, LAW, MONTHLY, ZONES, local, on_clock, utc


def dates(cadence: Cadence, count: int) -> list[str]:
    """The local dates of the first boundaries."""
    return [on_clock(cadence.boundary(n), cadence.timezone)[:10] for n in range(count)]


# Period


def test_a_period_has_its_start_and_not_its_end() -> None:
    june = Period(utc("2025-06-01"), utc("2025-07-01"))
    assert june.contains(utc("2025-06-01"))
    assert june.contains(utc("2025-07-01") - timedelta(microseconds=1))
    assert not june.contains(utc("2025-07-01"))
    assert not june.contains(utc("2025-06-01") - timedelta(microseconds=1))


def test_a_june_has_2_592_000_seconds() -> None:
    assert Period(utc("2025-06-01"), utc("2025-07-01")).seconds == 2_592_000


@pytest.mark.parametrize("end", ["2025-06-01T00:00", "2025-05-31T23:59"])
def test_a_period_must_start_before_it_ends(end: str) -> None:
    with pytest.raises(ValueError, match="start before it ends"):
        Period(utc("2025-06-01"), utc(end))


@pytest.mark.parametrize("tzinfo", [None, timezone(timedelta(hours=1)), ZoneInfo("America/New_York")])
def test_times_that_are_not_utc_are_refused(tzinfo: Any) -> None:
    other = datetime(2025, 6, 1, tzinfo=tzinfo)
    cadence = Cadence.starting(utc("2025-01-01"), "UTC", Interval.MONTH, 1)
    with pytest.raises(ValueError, match="start must be an aware datetime in UTC"):
        Period(other, utc("2025-07-01"))
    with pytest.raises(ValueError, match="end must be an aware datetime in UTC"):
        Period(utc("2025-05-01"), other)
    with pytest.raises(ValueError, match="aware datetime in UTC"):
        Cadence.starting(other, "UTC", Interval.MONTH, 1)
    with pytest.raises(ValueError, match="anchor must be an aware datetime in UTC"):
        Cadence(other, 1, "UTC", Interval.MONTH, 1)
    with pytest.raises(ValueError, match="aware datetime in UTC"):
        cadence.index_at(other)
    with pytest.raises(ValueError, match="aware datetime in UTC"):
        next_anchor(other, "UTC", Interval.MONTH, 1, 1)


def test_a_zone_that_happens_to_be_at_utc_does_not_leak_its_clock() -> None:
    # London in March is UTC until the 29th; subtracting its local times would lose the hour that was skipped.
    start = datetime(2026, 3, 1, tzinfo=ZoneInfo("Europe/London"))
    assert Period(start, utc("2026-04-01")).start.tzinfo is UTC
    assert Period(start, utc("2026-04-01")).seconds == 31 * 86_400


PRORATION_VECTORS = [
    ("polar: change 06-16, credit", "2025-06-01", "2025-07-01", "2025-06-16", 10000, 5000),
    ("polar: change 06-16, debit", "2025-06-01", "2025-07-01", "2025-06-16", 30000, 15000),
    ("polar: change 06-11, credit", "2025-06-01", "2025-07-01", "2025-06-11", 10000, 6667),
    ("polar: change 06-11, debit", "2025-06-01", "2025-07-01", "2025-06-11", 30000, 20000),
    ("polar: yearly, credit", "2024-08-01", "2025-08-01", "2024-10-01", 100000, 83288),
    ("polar: yearly, debit", "2024-08-01", "2025-08-01", "2024-10-01", 300000, 249863),
    ("polar: yearly to monthly, credit", "2025-06-01", "2026-06-01", "2025-08-13", 100000, 80000),
    ("stripe: half way, credit", "2025-06-01", "2025-07-01", "2025-06-16", 1000, 500),
    ("killbill: paused 03-04", "2012-03-02", "2012-04-02", "2012-03-04", 24995, 23382),
]


@pytest.mark.parametrize(
    ("start", "end", "change", "minor", "expected"),
    [pytest.param(*row[1:], id=row[0]) for row in PRORATION_VECTORS],
)
def test_seconds_left_are_the_share_to_prorate(start: str, end: str, change: str, minor: int, expected: int) -> None:
    share = Fraction(Period(utc(change), utc(end)).seconds, Period(utc(start), utc(end)).seconds)
    assert Money.rounded(share * minor * 1000, "USD").minor == expected


ANCHOR_VECTORS = [
    ("stripe, common year", "2025-01-31", None, ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30"]),
    (
        "stripe and polar, leap year",
        "2024-01-31",
        None,
        ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"],
    ),
    ("clamped start keeps the day asked for", "2025-02-28", 31, ["2025-02-28", "2025-03-31", "2025-04-30"]),
    ("a longer first period", "2025-01-10", 20, ["2025-01-10", "2025-02-20", "2025-03-20"]),
    ("a shorter first period", "2025-01-20", 10, ["2025-01-20", "2025-02-10", "2025-03-10"]),
]


# Cadence: vectors


@pytest.mark.parametrize(("start", "day", "expected"), [pytest.param(*row[1:], id=row[0]) for row in ANCHOR_VECTORS])
def test_anchor_vectors(start: str, day: int | None, expected: list[str]) -> None:
    cadence = Cadence.starting(utc(start), "UTC", Interval.MONTH, 1, day)
    assert dates(cadence, len(expected)) == expected


def test_a_year_from_29_february_comes_back_to_it() -> None:
    cadence = Cadence.starting(utc("2024-02-29"), "UTC", Interval.YEAR, 1)
    assert dates(cadence, 5) == ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]


def test_a_quarter_is_three_months() -> None:
    cadence = Cadence.starting(utc("2025-11-30"), "UTC", Interval.MONTH, 3)
    assert dates(cadence, 4) == ["2025-11-30", "2026-02-28", "2026-05-30", "2026-08-30"]


def test_boundaries_run_backwards_too() -> None:
    cadence = Cadence.starting(utc("2025-03-31"), "UTC", Interval.MONTH, 1)
    assert [on_clock(cadence.boundary(-n), "UTC")[:10] for n in (1, 2, 4)] == [
        "2025-02-28",
        "2025-01-31",
        "2024-11-30",
    ]


@pytest.mark.parametrize(("interval", "expected"), [(Interval.DAY, "2025-02-02"), (Interval.WEEK, "2025-02-14")])
def test_days_and_weeks_ignore_the_anchor_day(interval: Interval, expected: str) -> None:
    cadence = Cadence.starting(utc("2025-01-31"), "UTC", interval, 2, anchor_day=15)
    assert dates(cadence, 2) == ["2025-01-31", expected]


def test_the_day_is_that_of_the_zone() -> None:
    # 31 January 23:30Z is already 1 February in Berlin.
    assert Cadence.starting(utc("2025-01-31T23:30"), "Europe/Berlin", Interval.MONTH, 1).anchor_day == 1
    assert Cadence.starting(utc("2025-01-31T23:30"), "UTC", Interval.MONTH, 1).anchor_day == 31


# Cadence: clocks that change


@pytest.mark.parametrize(
    ("zone", "start", "expected"),
    [
        ("Europe/Berlin", "2026-03-28T02:30", ["2026-03-28T02:30", "2026-03-29T03:30", "2026-03-30T02:30"]),
        (
            "America/New_York",
            "2026-03-07T02:30",
            ["2026-03-07T02:30", "2026-03-08T03:30", "2026-03-09T02:30"],
        ),
        # Lord Howe moves by half an hour: 02:15 on 4 October 2026 becomes 02:45.
        (
            "Australia/Lord_Howe",
            "2026-10-03T02:15",
            ["2026-10-03T02:15", "2026-10-04T02:45", "2026-10-05T02:15"],
        ),
    ],
)
def test_a_time_that_does_not_exist_moves_forward_by_the_gap(zone: str, start: str, expected: list[str]) -> None:
    cadence = Cadence.starting(local(start, zone), zone, Interval.DAY, 1)
    assert [on_clock(cadence.boundary(n), zone) for n in range(3)] == expected


@pytest.mark.parametrize(
    ("zone", "start", "first_of_two"),
    [
        ("Europe/Berlin", "2026-10-24T02:30", "2026-10-25T00:30"),
        ("America/New_York", "2026-10-31T01:30", "2026-11-01T05:30"),
        ("Australia/Lord_Howe", "2026-04-04T01:45", "2026-04-04T14:45"),
    ],
)
def test_of_a_time_that_occurs_twice_the_first_counts(zone: str, start: str, first_of_two: str) -> None:
    cadence = Cadence.starting(local(start, zone), zone, Interval.DAY, 1)
    assert cadence.boundary(1) == utc(first_of_two)


def test_an_anchor_in_the_second_of_two_hours_stays_there() -> None:
    # 01:30Z is the second 02:30 of that night in Berlin.
    second = utc("2026-10-25T01:30")
    cadence = Cadence.starting(second, "Europe/Berlin", Interval.DAY, 1)
    assert cadence.boundary(0) == second
    assert cadence.boundary(1) == utc("2026-10-26T01:30")


def test_monthly_at_nine_stays_at_nine_through_summer() -> None:
    cadence = Cadence.starting(utc("2026-01-15T08:00"), "Europe/Berlin", Interval.MONTH, 1)
    assert cadence.boundary(6) == utc("2026-07-15T07:00")
    assert cadence.period(2).seconds == 31 * 86_400 - 3_600


# Cadence: what is refused


@pytest.mark.parametrize(
    "wrong",
    [
        {"anchor_day": 0},
        {"anchor_day": 32},
        {"anchor_day": True},
        {"interval_count": 0},
        {"interval_count": -1},
        {"interval_count": 1.5},
        {"timezone": "Europe/Bonn"},
        {"timezone": "Europe"},
        {"timezone": ""},
        {"timezone": "../../etc/passwd"},
        {"interval": "fortnight"},
    ],
)
def test_a_cadence_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "anchor": utc("2025-01-31"),
        "anchor_day": 31,
        "timezone": "Europe/Berlin",
        "interval": Interval.MONTH,
        "interval_count": 1,
    }
    assert Cadence(**good).boundary(0) == good["anchor"]
    with pytest.raises(ValueError):  # noqa: PT011 - the texts differ, the next test has them
        Cadence(**good | wrong)


def test_a_refusal_names_the_value() -> None:
    with pytest.raises(ValueError, match="anchor_day must be 1 to 31: 32"):
        Cadence.starting(utc("2025-01-31"), "UTC", Interval.MONTH, 1, 32)
    with pytest.raises(ValueError, match="interval_count must be at least 1: 0"):
        Cadence.starting(utc("2025-01-31"), "UTC", Interval.MONTH, 0)
    with pytest.raises(ValueError, match="unknown IANA time zone 'Europe/Bonn'"):
        Cadence.starting(utc("2025-01-31"), "Europe/Bonn", Interval.MONTH, 1)


def test_an_interval_may_be_given_by_name() -> None:
    name: Any = "month"
    assert Cadence.starting(utc("2025-01-31"), "UTC", name, 1).interval is Interval.MONTH


@pytest.mark.parametrize("interval", Interval)
def test_a_boundary_beyond_the_calendar_overflows(interval: Interval) -> None:
    with pytest.raises(OverflowError):
        Cadence.starting(utc("2025-01-31"), "UTC", interval, 1).boundary(10**8)


# next_anchor


@pytest.mark.parametrize(
    ("start", "day", "expected"),
    [
        ("2025-01-20T09:00", 1, "2025-02-01T09:00"),
        ("2025-01-20T09:00", 25, "2025-01-25T09:00"),
        ("2025-01-20T09:00", 20, "2025-01-20T09:00"),
        ("2025-02-10T09:00", 31, "2025-02-28T09:00"),
        ("2025-02-28T09:00", 31, "2025-02-28T09:00"),
        ("2024-02-28T09:00", 31, "2024-02-29T09:00"),
        ("2025-12-31T09:00", 15, "2026-01-15T09:00"),
    ],
)
@pytest.mark.parametrize("interval", [Interval.MONTH, Interval.YEAR])
def test_next_anchor_is_the_next_such_day(start: str, day: int, expected: str, interval: Interval) -> None:
    assert next_anchor(utc(start), "UTC", interval, 1, day) == utc(expected)


@pytest.mark.parametrize("interval", [Interval.DAY, Interval.WEEK])
def test_next_anchor_of_days_and_weeks_is_the_start(interval: Interval) -> None:
    assert next_anchor(utc("2025-01-20"), "UTC", interval, 1, 5) == utc("2025-01-20")


def test_next_anchor_counts_days_and_hours_in_the_zone() -> None:
    # 31 March 22:30Z is 1 April 00:30 in Berlin, and in November 00:30 is 23:30Z.
    assert next_anchor(utc("2025-03-31T22:30"), "Europe/Berlin", Interval.MONTH, 1, 1) == utc("2025-03-31T22:30")
    assert next_anchor(utc("2025-10-20T22:30"), "Europe/Berlin", Interval.MONTH, 1, 5) == utc("2025-11-04T23:30")


def test_next_anchor_is_never_before_a_start_in_the_second_of_two_hours() -> None:
    second = utc("2026-10-25T01:30")
    assert next_anchor(second, "Europe/Berlin", Interval.MONTH, 1, 25) == second


@LAW
@given(INSTANTS, ZONES, MONTHLY, st.integers(1, 6), DAYS)
def test_the_cadence_of_the_next_anchor_follows_the_stub(
    start: datetime, zone: str, interval: Interval, count: int, day: int
) -> None:
    anchor = next_anchor(start, zone, interval, count, day)
    assert start <= anchor < start + timedelta(days=31, hours=2)
    cadence = Cadence.starting(anchor, zone, interval, count, day)
    assert cadence.boundary(-1) < start or start == anchor


@pytest.mark.parametrize(
    ("zone", "interval", "count", "day"),
    [
        ("UTC", "month", 1, 0),
        ("UTC", "month", 0, 1),
        ("Mars/Olympus", "month", 1, 1),
        ("UTC", "aeon", 1, 1),
    ],
)
def test_next_anchor_refuses_what_a_cadence_refuses(zone: str, interval: Any, count: int, day: int) -> None:
    with pytest.raises(ValueError, match=r"anchor_day|interval_count|time zone|aeon"):
        next_anchor(utc("2025-01-20"), zone, interval, count, day)
