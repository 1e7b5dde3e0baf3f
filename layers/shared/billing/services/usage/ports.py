"""What metering needs from outside: a queue between acceptance and counting, and counters that can be closed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from billing.domain.catalog.meter import Aggregation, Amount
from billing.domain.usage.event import Cell, UsageEvent


@dataclass(frozen=True, slots=True)
class Chunk:
    """Accepted events on their way to be counted: one message.

    Args:
        id: derived from the request and its events; the same in a retry.
    """

    id: str
    tenant_id: str
    events: tuple[UsageEvent, ...]


class UsageQueue(Protocol):
    """The queue of accepted events."""

    def send(self, chunks: Sequence[Chunk]) -> None:
        """Put all of them on the queue; what the queue refuses is sent again a few times.

        Raises:
            Unavailable: some of them are not on it; sending all of them again does no harm.
        """


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A counted event as it is stored.

    Args:
        digest: of its content; a different event under the same id has a different digest.
        value: what it measured.
        remaining: what corrections have left of it; None where its meter cannot be corrected.
    """

    event: UsageEvent
    digest: str
    cell: Cell
    value: Decimal
    remaining: Decimal | None
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class TotalKey:
    """Names one item of totals: those of a meter of a subscription in one slot, or one shard of them.

    A slot holds what is counted between two closings. Nothing can be added to a closed slot.
    """

    tenant_id: str
    subscription_id: str
    slot: int
    meter: str
    shard: int = 0


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """Names one day (UTC) of a meter's hourly series, or one shard of it."""

    tenant_id: str
    subscription_id: str
    meter: str
    day: str
    shard: int = 0


CLOSED, FINAL = "closed", "final"
"""The marks of an item of totals that can no longer grow: another slot follows it, or it is the last."""


@dataclass(frozen=True, slots=True)
class Totals:
    """An item of totals.

    Args:
        closed: "" while it is open, else ``CLOSED`` or ``FINAL``.
    """

    key: TotalKey
    cells: Mapping[str, Amount]
    closed: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What a transaction does to one cell."""

    aggregation: Aggregation
    amount: Amount


@dataclass(slots=True)
class Counting:
    """One transaction: events, and everything that they change. At most 100 items.

    Args:
        events: stored where their ids are free, with their cell and value.
        seen: values of ``unique`` meters, stored where they are new: keys by ``seen_key``.
        taken_back: by the id of a corrected event, how much the correction takes back.
        totals, series: by key, the cells that change.
        expires_at, seen_until, series_until: Unix times until when the events, the seen values and the series are kept.
    """

    tenant_id: str
    counted_at: datetime
    expires_at: int
    seen_until: int
    series_until: int
    events: list[StoredEvent] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    taken_back: dict[str, Decimal] = field(default_factory=dict)
    totals: dict[TotalKey, dict[str, Change]] = field(default_factory=dict)
    series: dict[SeriesKey, dict[str, Change]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many items it writes."""
        return len(self.events) + len(self.seen) + len(self.taken_back) + len(self.totals) + len(self.series)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a counting: done, or the reasons why nothing of it was written.

    Args:
        known: events whose ids are taken, with the digests of the events that have them.
        closed: totals that can no longer grow: ``CLOSED`` or ``FINAL``.
        outrun: another writer stored a larger maximum, a later value, or the same ``unique`` value: read again.
        short: corrected events of which less is left than the correction takes back.
    """

    known: Mapping[str, str] = field(default_factory=dict)
    closed: Mapping[TotalKey, str] = field(default_factory=dict)
    outrun: bool = False
    short: Collection[str] = ()

    @property
    def done(self) -> bool:
        """Whether it was written."""
        return not (self.known or self.closed or self.outrun or self.short)


class UsageStore(Protocol):
    """Counted events, totals and series."""

    def apply(self, counting: Counting) -> Outcome:
        """Write all of a counting, or nothing of it."""

    def events(self, tenant_id: str, event_ids: Collection[str]) -> dict[str, StoredEvent]:
        """Counted events by id; those that are not there are left out."""

    def seen(self, keys: Collection[str]) -> set[str]:
        """Which of these values were seen."""

    def totals(self, keys: Collection[TotalKey]) -> dict[TotalKey, Totals]:
        """Items of totals, consistent; those that are not there are left out."""

    def series(self, keys: Collection[SeriesKey]) -> dict[SeriesKey, Mapping[str, Amount]]:
        """Days of hourly series, consistent; those that are not there are left out."""

    def close(self, key: TotalKey, *, final: bool) -> tuple[Totals, bool]:
        """Close an item of totals and read it, in one atomic update; it is made where there is none.

        Returns:
            the item, and whether it was closed before.
        """

    def of_subscription(self, tenant_id: str, subscription_id: str, from_slot: int = 0) -> list[Totals]:
        """All totals of a subscription, from a slot on, in order."""


def seen_key(tenant_id: str, subscription_id: str, meter: str, cell: Cell, value: str) -> str:
    """The key under which a value of a ``unique`` meter is remembered; storage hashes it."""
    return f"{tenant_id}\x1f{subscription_id}\x1f{meter}\x1f{cell.name}\x1f{value}"
