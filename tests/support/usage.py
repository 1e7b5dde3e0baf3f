"""Usage in memory: counters as the database keeps them, units of work over entities, and closings in a row."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.domain.catalog.meter import EXACT, QUANTITY, Aggregation, Amount, Meter, combined
from billing.domain.catalog.plan import Plan, PlanKey, version_id
from billing.domain.kernel.errors import LostRace
from billing.domain.kernel.money import sum_money
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.tenant import PLATFORM, Tenant
from billing.domain.usage.billing import Known, UsageBill, bill
from billing.domain.usage.event import Cell, UsageSpan, span_at
from billing.domain.usage.period import Reading, UsagePeriod
from billing.services.kernel.work import Found, Ref
from billing.services.usage.ports import Change, Counting, Outcome, SeriesKey, StoredEvent, TotalKey, Totals
from tests.support.engine import BORN, TENANT, on

MOST_ITEMS = 100
"""DynamoDB: "Member must have length less than or equal to 100"."""

# Meters and readings


def meter(
    key: str = "calls",
    aggregation: Aggregation = Aggregation.SUM,
    dimensions: tuple[str, ...] = (),
    **more: Any,
) -> Meter:
    """A meter of the tenant's; it measures the quantity unless something else is said."""
    measured = None if aggregation is Aggregation.COUNT else QUANTITY
    if aggregation is Aggregation.UNIQUE:
        measured = "user"
    values: dict[str, Any] = {"tenant_id": "ten_1", "name": key, "property": measured, "created_at": BORN} | more
    return Meter(key=key, aggregation=aggregation, dimensions=dimensions, **values)


def reading(
    span: UsageSpan, quantity: Decimal | int | str, *dimensions: str, of: str = "calls", order: str = ""
) -> Reading:
    """What a meter shows for a span."""
    return Reading(of, Cell(span, dimensions), Amount(Decimal(quantity), order))


def span_on(subscription: Subscription, at: datetime | str) -> UsageSpan:
    """The span of an instant: ``span_on(subscription, "2025-06-16")``."""
    return span_at(subscription, on(at) if isinstance(at, str) else at)


@dataclass
class UsageBook:
    """What is stored of a subscription's usage between its closings, as the closer loads and saves it."""

    meters: dict[str, Meter]
    periods: dict[str, UsagePeriod] = field(default_factory=dict)
    plans: dict[PlanKey, Plan] = field(default_factory=dict)

    @classmethod
    def of(cls, *meters: Meter) -> "UsageBook":
        """A book of these meters, with nothing in it."""
        return cls({each.key: each for each in meters or (meter(),)})

    def knows(self, *plans: Plan) -> "UsageBook":
        """The book, with these plans in its catalog."""
        self.plans |= {PlanKey.of(each): each for each in plans}
        return self

    def close(self, subscription: Subscription, plan: Plan, at: datetime, *readings: Reading) -> UsageBill:
        """A closing of a subscription that has a plan, kept."""
        assert subscription.plan_key == PlanKey.of(plan)
        self.knows(plan)
        found = bill(subscription, readings, Known(self.meters, dict(self.periods), dict(self.plans)), at)
        for period in found.periods:
            self.periods[period.id] = period
        return found

    def billed(self, span: UsageSpan) -> int:
        """Micro-units: what was billed of a period, before discounts."""
        return sum(
            charge.billed for each in self.periods.values() if each.span == span.whole for charge in each.charges
        )


def total(*bills: UsageBill) -> int:
    """Micro-units: what the lines of closings come to, before discounts."""
    return sum(line.amount.micros for each in bills for line in each.lines)


def net(*bills: UsageBill, currency: str = "USD") -> int:
    """Micro-units: what they come to after their discounts."""
    return sum_money((line.taxable for each in bills for line in each.lines), currency).micros


# Counters


class MemoryUsageStore:
    """``services.usage.ports.UsageStore`` in memory: a transaction is written whole or not at all.

    What DynamoDB refuses is refused here: more than 100 items, none, or one item twice in a transaction.

    Args:
        before_apply, before_close: called before each transaction, and before each item is closed: so a test lets
            others go first, or lets the process die.
    """

    def __init__(
        self,
        before_apply: Callable[[Counting], None] | None = None,
        before_close: Callable[[TotalKey], None] | None = None,
    ) -> None:
        self.before_apply = before_apply
        self.before_close = before_close
        self.applied: list[Counting] = []
        self._events: dict[tuple[str, str], StoredEvent] = {}
        self._seen: set[str] = set()
        self._totals: dict[TotalKey, Totals] = {}
        self._series: dict[SeriesKey, dict[str, Amount]] = {}
        self._lock = threading.Lock()

    def apply(self, counting: Counting) -> Outcome:
        """Write all of a counting, or nothing of it."""
        if self.before_apply is not None:
            self.before_apply(counting)
        with self._lock:
            self._refuse_what_dynamodb_does(counting)
            outcome = self._outcome(counting)
            if outcome.done:
                self._write(counting)
                self.applied.append(counting)
            return outcome

    def events(self, tenant_id: str, event_ids: Collection[str]) -> dict[str, StoredEvent]:
        """Counted events by id."""
        found = {each: self._events.get((tenant_id, each)) for each in event_ids}
        return {each: event for each, event in found.items() if event is not None}

    def seen(self, keys: Collection[str]) -> set[str]:
        """Which of these values were seen."""
        return self._seen & set(keys)

    def totals(self, keys: Collection[TotalKey]) -> dict[TotalKey, Totals]:
        """Items of totals."""
        return {key: self._totals[key] for key in keys if key in self._totals}

    def series(self, keys: Collection[SeriesKey]) -> dict[SeriesKey, Mapping[str, Amount]]:
        """Days of hourly series."""
        return {key: dict(self._series[key]) for key in keys if key in self._series}

    def close(self, key: TotalKey, *, final: bool) -> tuple[Totals, bool]:
        """Close an item of totals and read it, as it was before."""
        if self.before_close is not None:
            self.before_close(key)
        with self._lock:
            before = self._totals.get(key, Totals(key, {}))
            self._totals[key] = replace(before, closed="final" if final else before.closed or "closed")
            return before, bool(before.closed)

    def of_subscription(self, tenant_id: str, subscription_id: str, from_slot: int = 0) -> list[Totals]:
        """All totals of a subscription, from a slot on, in order."""
        keys = sorted(
            (
                key
                for key in self._totals
                if (key.tenant_id, key.subscription_id) == (tenant_id, subscription_id) and key.slot >= from_slot
            ),
            key=lambda key: (key.slot, key.meter, key.shard),
        )
        return [self._totals[key] for key in keys]

    def put(self, key: TotalKey, *readings: Reading) -> None:
        """Count something without an event, into an open item; for tests of who only reads totals."""
        before = self._totals.get(key, Totals(key, {}))
        if before.closed:
            raise AssertionError(f"{key} is closed: nobody can count into it")
        cells = dict(before.cells)
        for each in readings:
            cells[each.cell.name] = combined(Aggregation.SUM, cells.get(each.cell.name), each.amount)
        self._totals[key] = replace(before, cells=cells)

    @staticmethod
    def _refuse_what_dynamodb_does(counting: Counting) -> None:
        if not 1 <= counting.size <= MOST_ITEMS:
            raise ValueError(f"a transaction of {counting.size} items")
        ids = [each.event.event_id for each in counting.events]
        if len({*ids, *counting.taken_back}) < len(ids) + len(counting.taken_back):
            raise ValueError("a transaction cannot include multiple operations on one item")
        if len(set(counting.seen)) < len(counting.seen):
            raise ValueError("a transaction cannot include multiple operations on one item")
        if not all([*counting.totals.values(), *counting.series.values()]):
            raise ValueError("an update without an expression")

    def _outcome(self, counting: Counting) -> Outcome:
        tenant_id = counting.tenant_id
        known = {
            each.event.event_id: self._events[tenant_id, each.event.event_id].digest
            for each in counting.events
            if (tenant_id, each.event.event_id) in self._events
        }
        closed = {key: self._totals[key].closed for key in counting.totals if key in self._totals}
        closed = {key: how for key, how in closed.items() if how}
        # DynamoDB evaluates one condition an item: of a closed one it is not known whether it was passed.
        passed = any(
            _is_passed(self._totals[key].cells, changes)
            for key, changes in counting.totals.items()
            if key in self._totals and key not in closed
        )
        passed |= any(_is_passed(self._series.get(key, {}), changes) for key, changes in counting.series.items())
        short = [each for each, taken in counting.taken_back.items() if self._left(tenant_id, each) < taken]
        return Outcome(known, closed, passed or bool(self._seen & set(counting.seen)), short)

    def _left(self, tenant_id: str, event_id: str) -> Decimal:
        event = self._events.get((tenant_id, event_id))
        return Decimal(-1) if event is None or event.remaining is None else event.remaining

    def _write(self, counting: Counting) -> None:
        tenant_id = counting.tenant_id
        for event in counting.events:
            self._events[tenant_id, event.event.event_id] = event
        self._seen |= set(counting.seen)
        for event_id, taken in counting.taken_back.items():
            event = self._events[tenant_id, event_id]
            assert event.remaining is not None
            self._events[tenant_id, event_id] = replace(event, remaining=EXACT.subtract(event.remaining, taken))
        for key, changes in counting.totals.items():
            before = self._totals.get(key, Totals(key, {}))
            self._totals[key] = replace(before, cells=_changed(before.cells, changes))
        for series, changes in counting.series.items():
            self._series[series] = _changed(self._series.get(series, {}), changes)


def _is_passed(cells: Mapping[str, Amount], changes: Mapping[str, Change]) -> bool:
    """Whether what is there is not below what would be set."""
    return any(
        not change.aggregation.adds_up
        and name in cells
        and combined(change.aggregation, cells[name], change.amount) == cells[name]
        for name, change in changes.items()
    )


def _changed(cells: Mapping[str, Amount], changes: Mapping[str, Change]) -> dict[str, Amount]:
    after = dict(cells)
    for name, change in changes.items():
        adds = change.aggregation.adds_up
        after[name] = combined(change.aggregation, cells.get(name), change.amount) if adds else change.amount
    return after


# Units of work


class MemoryUnits:
    """Begins units of work over entities in memory; what another one changed meanwhile is a lost race."""

    def __init__(self, now: datetime, *entities: Any, tenant: Tenant = TENANT) -> None:
        self.now = now
        self.tenant = tenant
        self.entities: dict[Ref[Any], Any] = {_ref(each): each for each in entities}
        self.events: list[tuple[str, Any]] = []
        self.loaded: list[Ref[Any]] = []

    def begin(self, tenant_id: str, request: Any = None) -> Any:
        """A unit for the tenant."""
        assert tenant_id == self.tenant.id
        return MemoryUnit(self)

    def put(self, *entities: Any) -> None:
        """Store entities as somebody else's commit would."""
        for each in entities:
            ref = _ref(each)
            self.entities[ref] = replace(each, version=self.version(ref) + 1)

    def of(self, kind: type) -> list[Any]:
        """All entities of a kind."""
        return [each for ref, each in self.entities.items() if ref.kind is kind]

    def version(self, ref: Ref[Any]) -> int:
        """The version that is stored; 0 where there is none."""
        return self.entities[ref].version if ref in self.entities else 0


class MemoryUnit:
    """A unit of work that commits all of what it staged, or nothing."""

    client_key = None
    recovery_point = None

    def __init__(self, units: MemoryUnits) -> None:
        self._units = units
        self._staged: dict[Ref[Any], Any] = {}
        self._events: list[tuple[str, Any]] = []
        self.tenant = units.tenant
        self.now = units.now

    def load(self, *refs: Ref[Any]) -> Found:
        """What is there; of this tenant's and the platform's alone."""
        assert {ref.tenant_id for ref in refs} <= {self.tenant.id, PLATFORM}
        self._units.loaded += refs
        return Found({ref: self._units.entities[ref] for ref in refs if ref in self._units.entities})

    def save(self, entity: Any) -> Any:
        """Stage an entity; it will have the next version."""
        ref = _ref(entity)
        assert ref not in self._staged, f"{ref} is staged twice"
        self._staged[ref] = replace(entity, version=entity.version + 1)
        return self._staged[ref]

    def emit(self, event_type: str, entity: Any) -> None:
        """Stage an event."""
        self._events.append((event_type, entity))

    def commit(self, response: Any = None, audit: Any = None) -> None:
        """Write what is staged.

        Raises:
            LostRace: an entity has another version than when it was loaded.
        """
        if any(self._units.version(ref) != entity.version - 1 for ref, entity in self._staged.items()):
            raise LostRace("somebody else was first")
        self._units.entities |= self._staged
        self._units.events += self._events
        self.restart()

    def restart(self) -> None:
        """Forget what was staged."""
        self._staged, self._events = {}, []


def _ref(entity: Any) -> Ref[Any]:
    if isinstance(entity, Plan):
        return Ref(Plan, entity.tenant_id, version_id(entity.id, entity.plan_version))
    name = entity.key if isinstance(entity, Meter) else entity.id
    return Ref(type(entity), entity.tenant_id, name)


def cells_of(totals: Sequence[Totals]) -> dict[str, Decimal]:
    """What items of sums show together, cell by cell."""
    found: dict[str, Decimal] = {}
    for item in totals:
        for name, amount in item.cells.items():
            found[name] = EXACT.add(found.get(name, Decimal(0)), amount.number)
    return found
