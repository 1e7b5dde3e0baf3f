"""Billing periods: half-open spans of time counted from an anchor in the customer's time zone.

A cadence counts from its anchor, never from a clamped date, so 31 January goes to 28 February and back to 31
March (Stripe, billing cycle anchor). Local wall-clock time is kept: monthly at 09:00 in Berlin is 08:00Z in
winter and 07:00Z in summer.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from math import gcd
from zoneinfo import ZoneInfo

_ONE_SECOND = timedelta(seconds=1)


class Interval(StrEnum):
    """The unit in which a cadence counts."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_DAYS = {Interval.DAY: 1, Interval.WEEK: 7}
_MONTHS = {Interval.MONTH: 1, Interval.YEAR: 12}


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open span of time [start, end): its start belongs to it, its end to the next one.

    Args:
        start: aware, UTC.
        end: aware, UTC, after `start`.

    Raises:
        ValueError: a time is naive or not UTC, or `end` is not after `start`.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", require_utc(self.start, "start"))
        object.__setattr__(self, "end", require_utc(self.end, "end"))
        if self.start >= self.end:
            raise ValueError(f"a period must start before it ends: {self.start} .. {self.end}")

    def contains(self, t: datetime) -> bool:
        """Tell whether an aware time lies in [start, end)."""
        return self.start <= t < self.end

    @property
    def seconds(self) -> int:
        """The length in whole seconds: 2,592,000 for a June."""
        return (self.end - self.start) // _ONE_SECOND


@dataclass(frozen=True, slots=True)
class Cadence:
    """The endless row of period boundaries that a subscription follows, in both directions from its anchor.

    Day and week cadences ignore `anchor_day`. Where it differs from the anchor's local day, boundary 0 is the
    anchor all the same and every other boundary falls on `anchor_day` or, in a shorter month, on the month's
    last day: anchor 28 February with `anchor_day` 31 goes on to 31 March. Day cadences have an empty period
    where a zone skipped a whole day at the date line (Pacific/Apia, 2011-12-30).

    Args:
        anchor: the instant of boundary 0, UTC.
        anchor_day: 1 to 31, the day of month as asked for, in the zone.
        timezone: IANA name, e.g. "Europe/Berlin".
        interval: the unit counted.
        interval_count: units in a period, at least 1; month and 3 is a quarter.
        anchor_month: 1 to 12, the month as asked for in which periods begin; None where none was.
        joined_at, joined: where it goes on from a row in another zone (``in_zone``): the instant, UTC, of the boundary
            with this number.

    Raises:
        ValueError: a value outside these limits, an unknown zone or interval.
    """

    anchor: datetime
    anchor_day: int
    timezone: str
    interval: Interval
    interval_count: int
    anchor_month: int | None = None
    joined_at: datetime | None = None
    joined: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "anchor", require_utc(self.anchor, "anchor"))
        if self.joined_at is not None:
            object.__setattr__(self, "joined_at", require_utc(self.joined_at, "joined_at"))
        object.__setattr__(self, "interval", Interval(self.interval))
        _check_anchor_day(self.anchor_day)
        _check_interval_count(self.interval_count)
        _check_anchor_month(self.anchor_month, self.interval, self.interval_count)
        _zone(self.timezone)

    @classmethod
    def starting(
        cls,
        at: datetime,
        timezone: str,
        interval: Interval,
        interval_count: int,
        anchor_day: int | None = None,
        anchor_month: int | None = None,
    ) -> Cadence:
        """Make the cadence whose boundary 0 is `at`.

        Args:
            at: the anchor, UTC.
            timezone: IANA name.
            interval: the unit counted.
            interval_count: units in a period.
            anchor_day: 1 to 31; without it, the local day of `at`.
            anchor_month: as it was asked for.

        Raises:
            ValueError: as the constructor.
        """
        if anchor_day is None:
            anchor_day = require_utc(at, "at").astimezone(_zone(timezone)).day
        return cls(at, anchor_day, timezone, interval, interval_count, anchor_month)

    @classmethod
    def anchored(
        cls,
        start: datetime,
        timezone: str,
        interval: Interval,
        interval_count: int,
        anchor_day: int,
        anchor_month: int | None = None,
    ) -> Cadence:
        """Make the cadence of what begins at `start`, and whose periods begin on a day, and in a month.

        Its boundary 0 is the first such instant at or after `start`, see ``next_anchor``.

        Raises:
            ValueError: as the constructor.
        """
        anchor = next_anchor(start, timezone, interval, interval_count, anchor_day, anchor_month)
        return cls.starting(anchor, timezone, interval, interval_count, anchor_day, anchor_month)

    def boundary(self, n: int) -> datetime:
        """Give the instant, in UTC, of the n-th boundary after the anchor; n may be negative.

        A local time that does not exist moves forward by the gap (Berlin 2026-03-29 02:30 is 03:30), of one
        that occurs twice the first counts; the boundary after it is back at the anchor's local time.

        Raises:
            OverflowError: the boundary lies outside the years 1 to 9999.
        """
        if self.joined_at is not None and n == self.joined:
            return self.joined_at
        return self._counted(n)

    def _counted(self, n: int) -> datetime:
        if n == 0:
            # The anchor as it stands: its own day may not be `anchor_day`, its time may be the second of two.
            return self.anchor
        local = self.local_anchor
        steps = n * self.interval_count
        if self.interval in _DAYS:
            day = local.date() + timedelta(days=steps * _DAYS[self.interval])
        else:
            day = _day_in_month(_month_number(local) + steps * _MONTHS[self.interval], self.anchor_day)
        return _at_local_time(day, local, _zone(self.timezone))

    @property
    def local_anchor(self) -> datetime:
        """From where boundaries are counted, in the zone: their time of day, and of days and weeks the day."""
        return self.anchor.astimezone(_zone(self.timezone))

    def period(self, n: int) -> Period:
        """Give the period between boundaries n and n + 1."""
        return Period(self.boundary(n), self.boundary(n + 1))

    def priced(self, n: int) -> Period:
        """Give the stretch of time that the price of a period buys: the n-th period, or a longer one around it.

        They differ for the first period in another zone, where that is shorter than the zone's own: of February in
        Auckland, which began 21 hours before, it is 27 days and 3 hours, and costs that share of the price.
        """
        whole = self.period(n)
        return Period(min(whole.start, self._counted(n)), whole.end)

    def in_zone(self, timezone: str, at: datetime) -> Cadence:
        """Make the row that goes on in another zone from ``at``, at the day and the time of day that this one has.

        It has this row's days and local time in the other zone, but that the boundary nearest to ``at`` is ``at``. So
        there is neither a gap nor an overlap, and no period is a rest of some hours: the first one is as long as any,
        less or more the difference of the zones.

            the first of each month, 0:00, from Auckland to Los Angeles: 31 January 11:00Z, then 1 March 08:00Z

        Args:
            timezone: IANA name.
            at: UTC; a boundary of this row.

        Raises:
            ValueError: the zone is unknown, or `at` is naive or not UTC.
        """
        row = self.shown_in(timezone)
        n = row.index_at(at)
        before, after = row.boundary(n), row.boundary(n + 1)
        if before == at:
            return row
        return replace(row, joined_at=at, joined=n if at - before <= after - at else n + 1)

    def shown_in(self, timezone: str) -> Cadence:
        """Make the row that has this one's days and local times in another zone.

        Raises:
            ValueError: the zone is unknown.
        """
        local = self.local_anchor
        anchor = _at_local_time(local.date(), local, _zone(timezone))
        return replace(self, anchor=anchor, timezone=timezone, joined_at=None, joined=0)

    def index_at(self, t: datetime) -> int:
        """Give the n with boundary(n) <= t < boundary(n + 1).

        Args:
            t: any instant, aware, UTC.

        Raises:
            ValueError: `t` is naive or not UTC.
        """
        t = require_utc(t, "t")
        local, local_anchor = t.astimezone(_zone(self.timezone)), self.local_anchor
        if self.interval in _DAYS:
            n = (local.date() - local_anchor.date()).days // (self.interval_count * _DAYS[self.interval])
        else:
            months = _month_number(local) - _month_number(local_anchor)
            n = months // (self.interval_count * _MONTHS[self.interval])
        # The guess knows local dates only. Too high: anchor 31 January 09:00, t 28 February 08:00 is a month
        # on by date, but boundary 1 is an hour away. Too low: clocks set back over midnight show yesterday's
        # date once more.
        while self.boundary(n) > t:
            n -= 1
        while self.boundary(n + 1) <= t:
            n += 1
        return n

    def period_at(self, t: datetime) -> Period:
        """Give the period that contains `t` (aware, UTC)."""
        return self.period(self.index_at(t))


def months_apart(interval: Interval, interval_count: int) -> int:
    """Give how many months lie between the months of the year in which periods of this length may begin.

    3 for a quarter: those that begin in January begin in April, July and October, too. 12 for a year, or two. 1 where
    every month has its turn, as with five months; then, and for days and weeks (0), no month can be said.
    """
    return gcd(interval_count * _MONTHS.get(interval, 0), 12) if interval in _MONTHS else 0


def next_anchor(
    start: datetime,
    timezone: str,
    interval: Interval,
    interval_count: int,
    anchor_day: int,
    anchor_month: int | None = None,
) -> datetime:
    """Give the first instant on `anchor_day`, at or after `start`, at the same local time of day.

    It is the anchor of a cadence whose first, shorter period is [start, that instant): start 20 January,
    anchor day 1 -> 1 February. If `start` is on `anchor_day` already it is the anchor, and there is no
    shorter period; likewise for day and week, which have no anchor day. The wait is under a month whatever
    the interval, also for years; with a month, under a quarter for quarters and under a year for years: start
    20 February, day 1, month 1 -> 1 April for quarters, 1 January for years. In a month without that day it is the
    last one (28 February for 31), and `Cadence.starting(..., anchor_day=31)` goes on to 31 March. If that local
    time does not exist on that day, the anchor moves forward by the gap and the cadence made of it keeps the moved
    time.

    Args:
        start: aware, UTC.
        timezone: IANA name.
        interval: the unit counted.
        interval_count: units in a period, at least 1.
        anchor_day: 1 to 31, in the zone.
        anchor_month: 1 to 12: a month in which periods begin.

    Raises:
        ValueError: a value outside these limits.
    """
    start = require_utc(start, "start")
    _check_anchor_day(anchor_day)
    _check_interval_count(interval_count)
    _check_anchor_month(anchor_month, interval, interval_count)
    zone = _zone(timezone)
    if Interval(interval) in _DAYS:
        return start
    local = start.astimezone(zone)
    month, step = _month_number(local), 1
    if anchor_month is not None:
        step = months_apart(interval, interval_count)
        month += (anchor_month - local.month) % step
    first = _day_in_month(month, anchor_day)
    if first == local.date():
        # `start` itself, not a conversion of it: of 02:30 twice in one night it may be the second.
        return start
    if first > local.date():
        return _at_local_time(first, local, zone)
    return _at_local_time(_day_in_month(month + step, anchor_day), local, zone)


def days_later(start: datetime, days: int, timezone: str) -> datetime:
    """Give the same local time of day some calendar days later; 0 days later is `start` itself.

    Noon in Berlin stays noon, whether or not the clocks change in between; a local time that does not exist
    on that day moves forward by the gap.

    Args:
        start: aware, UTC.
        days: not negative.
        timezone: IANA name.

    Raises:
        ValueError: `start` is naive or not UTC, or the zone is unknown.
    """
    start = require_utc(start, "start")
    if days == 0:
        return start
    zone = _zone(timezone)
    local = start.astimezone(zone)
    return _at_local_time(local.date() + timedelta(days=days), local, zone)


def require_utc(value: datetime, name: str) -> datetime:
    """Return `value` with tzinfo `datetime.UTC`, provided that it is aware and in UTC.

    Raises:
        ValueError: it is naive or has an offset; the message carries `name`.
    """
    if value.utcoffset() != timedelta(0):
        raise ValueError(f"{name} must be an aware datetime in UTC: {value!r}")
    return value.astimezone(UTC)


def _check_anchor_day(anchor_day: int) -> None:
    if type(anchor_day) is not int or not 1 <= anchor_day <= 31:
        raise ValueError(f"anchor_day must be 1 to 31: {anchor_day!r}")


def _check_anchor_month(anchor_month: int | None, interval: Interval, interval_count: int) -> None:
    if anchor_month is None:
        return
    if type(anchor_month) is not int or not 1 <= anchor_month <= 12:
        raise ValueError(f"anchor_month must be 1 to 12: {anchor_month!r}")
    if months_apart(interval, interval_count) < 2:
        raise ValueError(f"periods of {interval_count} {interval} begin in any month, not in {anchor_month}")


def _check_interval_count(interval_count: int) -> None:
    if type(interval_count) is not int or interval_count < 1:
        raise ValueError(f"interval_count must be at least 1: {interval_count!r}")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # OSError: a folder such as "Europe" is no zone, and Python 3.11 says so with IsADirectoryError.
        raise ValueError(f"unknown IANA time zone {name!r}") from None


def _month_number(day: date) -> int:
    return day.year * 12 + day.month - 1


def _day_in_month(month_number: int, anchor_day: int) -> date:
    """Give `anchor_day` in a month, or the month's last day if it is shorter."""
    year, month0 = divmod(month_number, 12)
    if not 1 <= year <= 9999:
        raise OverflowError(f"year {year} is out of range")
    return date(year, month0 + 1, min(anchor_day, monthrange(year, month0 + 1)[1]))


def _at_local_time(day: date, like: datetime, zone: ZoneInfo) -> datetime:
    # fold=0 is both rules in one (PEP 495): of a time that occurs twice the first, and in a gap the offset
    # from before it, which lands after the gap: 02:30 at +01:00 is 01:30Z, and that is 03:30 on Berlin's
    # clocks.
    return datetime.combine(day, like.time().replace(fold=0), tzinfo=zone).astimezone(UTC)
