"""Issue 11, number 20: a time is what RFC 3339 says, no less and no more."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.kernel.times import format_time, parse_time

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=OFFSETS)
NOON = datetime(2026, 12, 1, 12, 30, 59, tzinfo=UTC)


@given(TIMES)
def test_every_time_is_read_as_it_is_written(at: datetime) -> None:
    assert parse_time(at.isoformat()) == at
    assert parse_time(format_time(at)) == at
    assert parse_time(format_time(at).lower()) == at


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-12-01T12:30:59Z", NOON),
        ("2026-12-01t12:30:59z", NOON),
        ("2026-12-01T12:30:59-00:00", NOON),
        ("2026-12-01T18:00:59+05:30", NOON),
        ("2026-12-01T12:30:59.5Z", NOON + timedelta(milliseconds=500)),
        ("2026-12-01T12:30:59.123456789Z", NOON + timedelta(microseconds=123_456)),
    ],
)
def test_what_rfc_3339_allows_is_taken(text: str, at: datetime) -> None:
    assert parse_time(text) == at


@pytest.mark.parametrize(
    "text",
    ["20261201T000000Z", "2026-W49-2T00:00:00Z", "2026-12-01 00:00:00Z", "2026-335T00:00:00Z", "2026-12-01T00:00Z",
     "2026-12-01T00Z", "2026-12-01T00:00:00", "2026-12-01T00:00:00+0100", "2026-12-01T00:00:00+01",
     "2026-12-01T00:00:00,5Z", "2026-12-01T00:00:00.Z", "2026-12-01T24:00:00Z", "2026-12-01T00:00:60Z",
     "2026-12-01T00:00:00+24:00", "2026-02-30T00:00:00Z", "26-12-01T00:00:00Z", "+2026-12-01T00:00:00Z",
     "2026-12-01T00:00:00Z ", "2026-12-01T00:00:00Z\n", "２０２６-12-01T00:00:00Z", "2026-12-01", "now", ""],
)  # fmt: skip
def test_what_rfc_3339_does_not_allow_is_no_time(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - which one is for nobody to know
        parse_time(text)
