"""Rows of periods that go on in another time zone, and rows anchored to a month (issue 11, 26)."""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from billing.domain.kernel.periods import Cadence, Interval, Period, months_apart, next_anchor
from tests.support.cadences import DAYS, INSTANTS, INTERVALS, LAW, ZONES, local, utc

AUCKLAND, LOS_ANGELES = "Pacific/Auckland", "America/Los_Angeles"
FAR = st.sampled_from([AUCKLAND, LOS_ANGELES, "Pacific/Kiritimati", "Pacific/Niue", "Asia/Kolkata", "UTC"])
HALF_A_DAY, OFFSETS = timedelta(hours=13), timedelta(hours=27)  # with an hour for clocks that change in between
_REGULAR = {Interval.DAY: timedelta(days=1), Interval.WEEK: timedelta(days=7)}


def first_of_month(zone: str) -> Cadence:
    return Cadence.starting(local("2026-01-01T00:00", zone), zone, Interval.MONTH, 1)


def test_11_26_over_the_date_line_a_month_is_a_month_and_not_some_hours() -> None:
    """From Auckland to Los Angeles the first of February comes 21 hours later: that month is longer by them."""
    there = first_of_month(AUCKLAND)
    end = there.boundary(1)
    moved = there.in_zone(LOS_ANGELES, end)
    assert end == utc("2026-01-31T11:00")
    assert moved.period(1) == Period(end, local("2026-03-01T00:00", LOS_ANGELES))
    assert moved.priced(1) == moved.period(1), "the hours more cost nothing"
    assert moved.period(2) == Period(local("2026-03-01T00:00", LOS_ANGELES), local("2026-04-01T00:00", LOS_ANGELES))


def test_11_26_back_over_the_date_line_the_hours_less_are_not_paid() -> None:
    """From Los Angeles to Auckland February has 21 hours less: what its price buys is the whole of the zone's."""
    there = first_of_month(LOS_ANGELES)
    end = there.boundary(1)
    moved = there.in_zone(AUCKLAND, end)
    assert moved.period(1) == Period(end, local("2026-03-01T00:00", AUCKLAND))
    assert moved.priced(1) == Period(local("2026-02-01T00:00", AUCKLAND), local("2026-03-01T00:00", AUCKLAND))
    assert moved.priced(2) == moved.period(2)


def test_11_26_there_and_back_is_the_row_of_before() -> None:
    there = first_of_month("Europe/Berlin")
    moved = there.in_zone("America/New_York", there.boundary(3))
    back = moved.in_zone("Europe/Berlin", moved.boundary(5))
    assert [back.boundary(n) for n in range(6, 20)] == [there.boundary(n) for n in range(6, 20)]


def test_11_26_the_day_asked_for_is_kept_over_short_months() -> None:
    """The 31st, corrected at the end of February: 31 March, and not the 28th."""
    there = Cadence.starting(utc("2026-01-31T09:00"), "UTC", Interval.MONTH, 1)
    moved = there.in_zone("Europe/Berlin", there.boundary(1))
    assert moved.period(1) == Period(utc("2026-02-28T09:00"), local("2026-03-31T09:00", "Europe/Berlin"))


@LAW
@given(INSTANTS, FAR | ZONES, FAR | ZONES, INTERVALS, st.integers(1, 6), st.none() | DAYS, st.integers(0, 20))
def test_11_26_a_row_in_another_zone_has_no_gap_no_rest_and_no_doubled_period(
    at: datetime, here: str, there: str, interval: Interval, count: int, day: int | None, n: int
) -> None:
    """Its first period is as long as any, but for the difference of the zones, and for days at most half a day."""
    before = Cadence.starting(at, here, interval, count, day)
    end = before.boundary(n)
    assume(before.index_at(end) == n)  # no day that the zone skipped
    after = before.in_zone(there, end)
    now = after.index_at(end)
    first = after.period(now)
    assert first.start == end
    last = first.end - timedelta(microseconds=1)
    assert [after.index_at(each) for each in (last, first.end)] == [now, now + 1]
    shown, zone = before.shown_in(there), ZoneInfo(there)
    regular = shown.period(now)
    assert [after.period(now + each) for each in (1, 2, 3)] == [shown.period(now + each) for each in (1, 2, 3)]
    most = HALF_A_DAY if (interval, count) == (Interval.DAY, 1) else OFFSETS
    assert abs(regular.start - end) <= most
    assert after.priced(now) == Period(min(first.start, regular.start), first.end)
    if interval in _REGULAR:
        assert abs((first.end - first.start) - _REGULAR[interval] * count) <= most + timedelta(hours=1)
    else:
        assert first.end.astimezone(zone).day in (shown.anchor_day, monthrange(*_month(first.end, zone))[1])


def _month(at: datetime, zone: ZoneInfo) -> tuple[int, int]:
    shown = at.astimezone(zone)
    return shown.year, shown.month


# A month for quarters and years


@pytest.mark.parametrize(
    ("count", "month", "start", "begins"),
    [
        (3, 1, "2026-02-20", "2026-04-01"),  # January, April, July, October
        (3, 10, "2026-02-20", "2026-04-01"),
        (3, 2, "2026-02-20", "2026-05-01"),
        (3, 2, "2026-02-01", "2026-02-01"),  # a whole quarter from here
        (12, 1, "2026-02-20", "2027-01-01"),
        (12, 3, "2026-02-20", "2026-03-01"),
        (24, 3, "2026-02-20", "2026-03-01"),
        (6, 8, "2026-02-20", "2026-08-01"),
        (8, 1, "2026-02-20", "2026-05-01"),  # January, September, May, January
    ],
)
def test_11_26_periods_begin_in_a_month(count: int, month: int, start: str, begins: str) -> None:
    cadence = Cadence.anchored(utc(start), "UTC", Interval.MONTH, count, 1, month)
    assert cadence.anchor == utc(begins)
    months = {cadence.boundary(n).month for n in range(12)}
    assert month in months
    assert {each.day for each in map(cadence.boundary, range(12))} == {1}


def test_11_26_a_day_beyond_the_month_is_its_last_one() -> None:
    cadence = Cadence.anchored(utc("2026-01-15"), "UTC", Interval.YEAR, 1, 31, 2)
    assert [cadence.boundary(n) for n in range(3)] == [utc("2026-02-28"), utc("2027-02-28"), utc("2028-02-29")]


@LAW
@given(
    INSTANTS, ZONES, st.sampled_from([(Interval.YEAR, 1), (Interval.MONTH, 3), (Interval.MONTH, 6)]), DAYS, st.data()
)
def test_11_26_the_wait_for_a_month_is_under_a_period(
    start: datetime, zone: str, every: tuple[Interval, int], day: int, data: st.DataObject
) -> None:
    month = data.draw(st.integers(1, 12))
    anchor = next_anchor(start, zone, *every, day, month)
    longest = {(Interval.YEAR, 1): 366, (Interval.MONTH, 3): 92, (Interval.MONTH, 6): 184}[every]
    assert timedelta(0) <= anchor - start <= timedelta(days=longest, hours=2)
    assert (anchor.astimezone(ZoneInfo(zone)).month - month) % months_apart(*every) == 0


@pytest.mark.parametrize(
    ("interval", "count"), [(Interval.MONTH, 1), (Interval.MONTH, 5), (Interval.DAY, 1), (Interval.WEEK, 3)]
)
def test_11_26_what_begins_in_any_month_has_none(interval: Interval, count: int) -> None:
    with pytest.raises(ValueError, match="any month"):
        Cadence.starting(utc("2026-01-01"), "UTC", interval, count, 1, 1)


@pytest.mark.parametrize("month", [0, 13, True])
def test_11_26_a_month_is_1_to_12(month: int) -> None:
    with pytest.raises(ValueError, match="anchor_month must be 1 to 12"):
        Cadence.starting(utc("2026-01-01"), "UTC", Interval.YEAR, 1, 1, month)
