"""Zones with odd clocks, and the instants and intervals that cadences are made of."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st

from billing.domain.kernel.periods import Interval

# No deadline: a busy machine is no broken law.
LAW = settings(max_examples=60, deadline=None)
# Berlin and New York: an hour of DST. Lord Howe: half an hour. Havana and Santiago: midnight is skipped.
# Nuuk: the last hour of the day. Kathmandu: UTC+05:45 all year.
ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "America/Havana",
        "America/Santiago",
        "America/Nuuk",
        "Asia/Kathmandu",
    ]
)
INSTANTS = st.datetimes(datetime(2015, 1, 1), datetime(2045, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))
INTERVALS = st.sampled_from(Interval)
MONTHLY = st.sampled_from([Interval.MONTH, Interval.YEAR])
DAYS = st.integers(1, 31)


def utc(text: str) -> datetime:
    """utc("2026-01-31") or utc("2026-01-31T09:00")."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(text: str, zone: str) -> datetime:
    """The first instant at which that zone's clocks show `text`."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def on_clock(t: datetime, zone: str) -> str:
    """What that zone's clocks show at t."""
    return t.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")


def offset(t: datetime, zone: ZoneInfo) -> timedelta:
    """How far that zone's clocks are ahead of UTC at t."""
    return t.astimezone(zone).utcoffset() or timedelta(0)
