"""A worker that counts usage, and what it counts into."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any

from billing.domain.catalog.meter import Aggregation, Meter
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.usage.event import Refusal, UsageEvent
from billing.domain.usage.rejection import UsageRejection
from billing.services.usage.counting import CountReport, UsageCounter
from billing.services.usage.ports import Chunk, SeriesKey, TotalKey
from tests.support.engine import metered, on, plan, running
from tests.support.usage import MemoryUnits, MemoryUsageStore, cells_of, meter

Number = Any  # a Decimal, compared with whole numbers
START, NOW = on("2025-06-01"), on("2025-06-10T12:00")
PLAN = plan(metered(1))
JUNE = "2025-06-01T00:00:00Z/2025-07-01T00:00:00Z"
METERS = (
    meter(),
    meter("requests", Aggregation.COUNT),
    meter("peak", Aggregation.MAX),
    meter("latest", Aggregation.LAST),
    meter("users", Aggregation.UNIQUE),
    meter("traffic", dimensions=("region",)),
    meter("load", Aggregation.MAX, ("host",)),
)


def event(
    event_id: str, quantity: int | str = 1, of: str = "calls", at: datetime = NOW, sub: str = "sub_1", **more: Any
) -> UsageEvent:
    return UsageEvent(event_id, sub, of, Decimal(quantity), at, more.pop("properties", {}), **more)


def correction(event_id: str, corrects: str, quantity: int | str, of: str = "calls", **more: Any) -> UsageEvent:
    return event(event_id, quantity, of, corrects=corrects, **more)


@dataclass
class Stage:
    """A worker, and what it counts into."""

    meters: tuple[Meter, ...] = METERS
    subscriptions: tuple[Subscription, ...] = field(default_factory=lambda: (running(PLAN, START),))
    store: MemoryUsageStore = field(default_factory=MemoryUsageStore)
    now: datetime = NOW
    pauses_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.units = MemoryUnits(NOW, *self.subscriptions, *self.meters)
        self._chunks = count(1)

    def count(self, *events: UsageEvent, chunk: str = "", last_try: bool = False) -> CountReport:
        """One delivery of a message."""
        counter = UsageCounter(self.units, self.store, lambda: self.now, lambda: 1.0, self.pauses_s.append)
        return counter.count(Chunk(chunk or f"chk_{next(self._chunks)}", "ten_1", events), last_try)

    def totals(self, of: str = "calls", sub: str = "sub_1") -> dict[str, Number]:
        """What all slots and shards of a meter that adds up show, cell by cell."""
        found = self.store.of_subscription("ten_1", sub)
        return cells_of([each for each in found if each.key.meter == of])

    def total(self, of: str = "calls") -> Number:
        """What they show together."""
        return sum(self.totals(of).values(), Decimal(0))

    def amount(self, of: str, slot: int = 0) -> Number:
        """The one cell of a meter in a slot."""
        (item,) = self.store.totals({TotalKey("ten_1", "sub_1", slot, of)}).values()
        (found,) = item.cells.values()
        return found.number

    def hours(self, of: str = "calls", day: str = "2025-06-10") -> dict[str, Number]:
        """A day of the hourly series."""
        key = SeriesKey("ten_1", "sub_1", of, day)
        return {hour: each.number for hour, each in self.store.series({key}).get(key, {}).items()}

    def close(self, *slots: int, of: str = "calls", final: bool = False) -> None:
        """Close a meter's slots, as a closing does."""
        for slot in slots:
            self.store.close(TotalKey("ten_1", "sub_1", slot, of), final=final)

    @property
    def rejected(self) -> list[tuple[str, Refusal]]:
        """All that was kept aside."""
        return [(it.event.event_id, it.reason) for each in self.units.of(UsageRejection) for it in each.events]

    @property
    def reported(self) -> list[list[str]]:
        """What each event of the outbox names."""
        assert {kind for kind, _ in self.units.events} <= {"usage.events_rejected"}
        return [[it.event.event_id for it in rejection.events] for _, rejection in self.units.events]


def report(counted: int = 0, duplicates: int = 0, rejected: int = 0) -> CountReport:
    return CountReport(counted, duplicates, rejected)
