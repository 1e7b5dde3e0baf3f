"""A subscription with its usage, and closers that may die."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import count

from billing.domain.catalog.meter import Aggregation, Amount, Meter
from billing.domain.catalog.plan import Plan
from billing.domain.lines.line import InvoiceLine
from billing.domain.subscriptions import changes
from billing.domain.subscriptions.changes import Step
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.usage.event import Cell, UsageEvent, span_at
from billing.domain.usage.period import UsageHistory, UsagePeriod
from billing.services.kernel.work import Ref
from billing.services.usage.closing import Closing, UsageCloser
from billing.services.usage.ports import Change, Counting, StoredEvent, TotalKey
from tests.support.engine import TENANT, metered, on, plan, running
from tests.support.usage import MemoryUnits, MemoryUsageStore, meter

START, END, LATE = on("2025-06-01"), on("2025-07-01"), on("2025-07-10")
MIDDLE = on("2025-06-16")
PLAN = plan(metered(1))
EVERY_EVENT = count(1)


class Died(Exception):
    """The process is gone."""


@dataclass
class Stage:
    """A subscription with its usage, and closers that may die."""

    sold: Plan = PLAN
    meters: tuple[Meter, ...] = (meter(),)
    subscription: Subscription = field(default_factory=lambda: running(PLAN, START))
    store: MemoryUsageStore = field(default_factory=MemoryUsageStore)
    invoiced: list[InvoiceLine] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.units = MemoryUnits(START, self.sold, self.subscription, *self.meters)
        self.closer = UsageCloser(self.store)

    @property
    def now(self) -> Subscription:
        """The subscription as it is stored."""
        found: Subscription = self.units.entities[Ref(Subscription, "ten_1", "sub_1")]
        return found

    @property
    def billed(self) -> int:
        """Minor units on invoices."""
        return sum(line.amount.minor for line in self.invoiced)

    def count(self, quantity: int | str, at: datetime = START, meter_key: str = "calls", shard: int = 0) -> None:
        """Count an event as a worker does: into its slot, or the next one where that is closed."""
        span, slot = span_at(self.now, at), self.now.usage_slot
        while not self._counted(quantity, TotalKey("ten_1", "sub_1", slot, meter_key, shard), Cell(span)):
            slot += 1

    def _counted(self, quantity: int | str, key: TotalKey, cell: Cell) -> bool:
        number = Decimal(quantity)
        event = UsageEvent(f"e{next(EVERY_EVENT)}", "sub_1", key.meter, number, START)
        counting = Counting("ten_1", START, 0, 0, 0)
        counting.events.append(StoredEvent(event, event.digest, cell, number, number, START))
        counting.totals[key] = {cell.name: Change(Aggregation.SUM, Amount(number))}
        return self.store.apply(counting).done

    def close(
        self,
        at: datetime,
        then: Callable[[Subscription], Subscription] = lambda subscription: subscription,
        target: Plan | None = None,
        final: bool = False,
        dies_before_commit: bool = False,
    ) -> tuple[InvoiceLine, ...]:
        """Close, and commit with the subscription as it is then.

        Raises:
            LostRace: another one committed first.
        """
        unit = self.units.begin("ten_1")
        before = unit.load(Ref(Subscription, "ten_1", "sub_1")).require(Ref(Subscription, "ten_1", "sub_1"))
        found = unit.load(*self.closer.refs(TENANT, before, *([target] if target else [])))
        used = self.closer.close(unit, found, Closing(before, self.sold, at, target=target, final=final))
        step = used.on(Step(then(before)))
        unit.save(step.subscription)
        if dies_before_commit:
            raise Died
        unit.commit()
        self.invoiced += step.invoiced
        return step.invoiced

    def renew(self) -> tuple[InvoiceLine, ...]:
        """The end of the period."""
        end = self.now.current_period.end
        return self.close(end, lambda before: changes.begin_period(before, self.sold, end).subscription)


def periods_of(stage: Stage) -> list[UsagePeriod]:
    """What is known of each period."""
    return [period for history in stage.units.of(UsageHistory) for period in history.periods]


def readings(stage: Stage) -> dict[tuple[str, tuple[str, ...]], Decimal]:
    """What all periods together have read."""
    found = [each for period in periods_of(stage) for each in period.readings]
    return {(each.meter, each.cell.dimensions): each.amount.number for each in found}
