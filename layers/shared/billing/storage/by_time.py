"""Keys of what is read in the order of its time: a tenant's UTC month in parts, or a test clock's time in parts."""

from collections.abc import Iterator
from datetime import datetime

from billing.domain.reports.span import Month


def part_key(tenant_id: str, under: str, part: int) -> str:
    """A hash key of what is in the order of its time: a part of a month, or of a test clock's time."""
    return f"{tenant_id}#{under}#{part}"


def under_of(at: datetime, test_clock_id: str | None) -> str:
    """What an instant is under: its test clock, or its UTC month."""
    return test_clock_id or str(Month.of(at, "UTC"))


def under_all(begin: datetime, end: datetime, test_clock_id: str | None) -> Iterator[str]:
    """What [begin, end) is under, in order."""
    if test_clock_id is not None:
        yield test_clock_id
        return
    month = Month.of(begin, "UTC")
    while begin < end and month.begin("UTC") < end:
        yield str(month)
        month = month.following
