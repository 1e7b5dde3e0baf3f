"""Issue 17: days and months of a zone as instants: west of UTC, where clocks change at midnight, in leap years."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.reports.span import Month, Span, local_day, midnight

ZONES = st.sampled_from(
    [
        "UTC", "America/Los_Angeles", "America/Santiago", "America/Sao_Paulo", "America/Havana", "Asia/Beirut",
        "Africa/Cairo", "Asia/Tehran", "Pacific/Apia", "Pacific/Kiritimati", "Australia/Lord_Howe", "Asia/Kathmandu",
        "Atlantic/Azores", "America/Asuncion",
    ]
)  # fmt: skip
DAYS = st.dates(date(2000, 1, 1), date(2040, 12, 30))
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2040, 12, 30)).map(lambda at: at.replace(tzinfo=UTC))


@given(DAYS, ZONES)
def test_days_follow_each_other_without_a_gap(day: date, zone: str) -> None:
    """The end of a day is the beginning of the next one: 23 to 25 hours later; a day that a zone left out has none."""
    length = midnight(day + timedelta(days=1), zone) - midnight(day, zone)
    if zone == "Pacific/Apia" and day in (date(2011, 12, 29), date(2011, 12, 30)):
        assert length in (timedelta(hours=24), timedelta())  # 2011-12-30 was left out there
    else:
        assert timedelta(hours=23) <= length <= timedelta(hours=25)


@given(DAYS, ZONES)
def test_a_day_begins_at_its_first_instant(day: date, zone: str) -> None:
    begin = midnight(day, zone)
    if zone == "Pacific/Apia" and day == date(2011, 12, 30):
        return
    assert local_day(begin, zone) == day
    assert local_day(begin - timedelta(microseconds=1), zone) == day - timedelta(days=1) or _twice(begin, zone)


def _twice(begin: datetime, zone: str) -> bool:
    """Whether the clock goes back over midnight: 23:xx of the day before is there again, after its first end."""
    return begin.astimezone(ZoneInfo(zone)).fold == 0 and local_day(begin - timedelta(hours=1), zone) == local_day(
        begin, zone
    )


@given(INSTANTS, ZONES)
def test_every_instant_is_in_one_month(at: datetime, zone: str) -> None:
    month = Month.of(at, zone)
    assert month.begin(zone) <= at < month.following.begin(zone) or _near_a_change(at, zone)


def _near_a_change(at: datetime, zone: str) -> bool:
    local = ZoneInfo(zone)
    return (at - timedelta(hours=2)).astimezone(local).utcoffset() != (at + timedelta(hours=2)).astimezone(
        local
    ).utcoffset()


@given(DAYS, st.integers(0, 800), ZONES)
def test_a_span_has_just_the_months_that_it_has_days_of(first: date, days: int, zone: str) -> None:
    span = Span(first, first + timedelta(days=days), zone)
    of_days = {Month(day.year, day.month) for day in (first + timedelta(days=n) for n in range(days))}
    assert set(span.months) == of_days
    assert list(span.months) == sorted(of_days)


@given(DAYS, st.lists(st.integers(1, 60), min_size=1, max_size=6), ZONES)
def test_spans_side_by_side_are_the_span_of_all(first: date, lengths: list[int], zone: str) -> None:
    cuts = [first]
    for each in lengths:
        cuts.append(cuts[-1] + timedelta(days=each))
    spans = [Span(one, other, zone) for one, other in pairwise(cuts)]
    whole = Span(first, cuts[-1], zone)
    assert (spans[0].begin, spans[-1].end) == (whole.begin, whole.end)
    assert all(one.end == other.begin for one, other in pairwise(spans))


@pytest.mark.parametrize(
    ("day", "zone", "begins"),
    [
        (date(2026, 9, 6), "America/Santiago", "2026-09-06T04:00:00"),  # midnight is left out: it is 01:00 at once
        (date(2026, 1, 1), "America/Los_Angeles", "2026-01-01T08:00:00"),
        (date(2026, 1, 1), "Pacific/Kiritimati", "2025-12-31T10:00:00"),
        (date(2028, 2, 29), "America/Los_Angeles", "2028-02-29T08:00:00"),
    ],
)
def test_beginnings_by_hand(day: date, zone: str, begins: str) -> None:
    assert midnight(day, zone) == datetime.fromisoformat(begins).replace(tzinfo=UTC)


def test_a_leap_years_february_has_a_day_more() -> None:
    for year, days in ((2027, 28), (2028, 29), (2100, 28)):
        length = Month(year, 3).begin("America/Los_Angeles") - Month(year, 2).begin("America/Los_Angeles")
        assert length == timedelta(days=days)


def test_what_ends_before_it_begins_is_no_span() -> None:
    with pytest.raises(ValueError, match="ends before it begins"):
        Span(date(2026, 2, 1), date(2026, 1, 1), "UTC")
    assert Span(date(2026, 2, 1), date(2026, 2, 1), "UTC").months == ()
