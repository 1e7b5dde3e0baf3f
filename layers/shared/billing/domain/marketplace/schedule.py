"""When a provider's next payout is due: the next midnight in its own time zone that its schedule names."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from billing.domain.marketplace.provider import PayoutInterval, PayoutSchedule


def next_payout_at(schedule: PayoutSchedule, timezone: str, after: datetime) -> datetime | None:
    """The first instant after ``after`` at which the schedule pays out; None where it never does (manual).

    Weekly on Fridays, New York, from Friday 2026-11-20 05:00Z, which is that midnight: Friday 2026-11-27 05:00Z.
    Monthly on the 31st, Berlin, from 2027-01-31 12:00Z: the midnight of 2027-02-28, 2027-02-27 23:00Z.

    Args:
        timezone: of the provider, by its IANA name.
        after: any instant, with a time zone.

    Returns:
        An instant in UTC. Where a day begins later, because a clock is put forward at midnight, its first instant.

    Raises:
        ZoneInfoNotFoundError: the time zone does not exist.
    """
    zone = ZoneInfo(timezone)
    day = after.astimezone(zone).date()
    while True:
        found = _payout_day(schedule, day)
        if found is None:
            return None
        at = _begin_of(found, zone)
        if at > after:
            return at
        day = found + timedelta(days=1)


def _payout_day(schedule: PayoutSchedule, day: date) -> date | None:
    """The first day, this one or a later one, on which the schedule pays out."""
    match schedule.interval:
        case PayoutInterval.MANUAL:
            return None
        case PayoutInterval.DAILY:
            return day
        case PayoutInterval.WEEKLY:
            return day + timedelta(days=(schedule.weekday - day.isoweekday()) % 7)
        case PayoutInterval.MONTHLY:
            this = _in_month(day, schedule.month_day)
            # The 28th is 1 to 4 days before the next month's first.
            return this if this >= day else _in_month(day.replace(day=28) + timedelta(days=4), schedule.month_day)


def _in_month(day: date, month_day: int) -> date:
    """A month's n-th day, or its last where it is shorter."""
    return day.replace(day=min(month_day, monthrange(day.year, day.month)[1]))


def _begin_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a day. Of an hour that is skipped, Python gives the instant as if it were not: 00:00 is
    01:00 then, the same instant; of a midnight that comes twice, the first counts (``fold`` is 0)."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
