"""The time that a report is about: days and months of a tenant's zone, as instants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def midnight(day: date, zone: str) -> datetime:
    """The instant (UTC) at which a day begins in a zone.

    Where the clocks go forward over midnight the day begins at the first instant that there is: in Santiago
    2026-09-06 begins at 04:00Z, when it is 01:00 there.
    """
    local = datetime.combine(day, time(), ZoneInfo(zone))
    # A local time that is left out has an offset of before; going by way of UTC gives the first instant after the gap.
    return local.astimezone(UTC)


def local_day(at: datetime, zone: str) -> date:
    """The day on which an instant is in a zone."""
    return at.astimezone(ZoneInfo(zone)).date()


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month: ``Month(2026, 3)``."""

    year: int
    number: int

    @classmethod
    def of(cls, at: datetime, zone: str) -> Month:
        """The month in which an instant is in a zone."""
        day = local_day(at, zone)
        return cls(day.year, day.month)

    @property
    def following(self) -> Month:
        """The month after it."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)

    def begin(self, zone: str) -> datetime:
        """The instant at which it begins in a zone; it ends where the following one begins."""
        return midnight(self.first, zone)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"


@dataclass(frozen=True, slots=True)
class Span:
    """The days [first, until) in a zone.

    Args:
        first: the first day that is in it.
        until: the first day that is not.
        zone: an IANA name, the tenant's.

    Raises:
        ValueError: it ends before it begins.
    """

    first: date
    until: date
    zone: str

    def __post_init__(self) -> None:
        if self.until < self.first:
            raise ValueError(f"{self.first} to {self.until} ends before it begins")

    @property
    def begin(self) -> datetime:
        """The instant (UTC) at which it begins."""
        return midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The instant (UTC) at which it is over; not in it."""
        return midnight(self.until, self.zone)

    @property
    def months(self) -> tuple[Month, ...]:
        """The months that it has at least a day of."""
        return tuple(self._months())

    def _months(self) -> Iterator[Month]:
        if self.until == self.first:
            return
        month, last = Month(self.first.year, self.first.month), self.until - timedelta(days=1)
        while month.first <= last:
            yield month
            month = month.following
