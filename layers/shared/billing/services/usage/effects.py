"""How counted events change totals, series and seen values; and how many changes fit into one transaction."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from billing.domain.catalog.meter import Aggregation, Amount, Meter, combined
from billing.domain.usage.event import Measured, UsageEvent
from billing.services.usage.ports import Change, SeriesKey, StoredEvent, TotalKey

K = TypeVar("K")
MOST_ITEMS = 100
"""The most items in a DynamoDB transaction."""
MOST_CELLS = 200
"""The most combinations of period and dimension values in an item of totals; each write pays for the item's size."""
MOST_ORDERED = 60
"""The most maxima and latest values: each is four operators of a condition, and DynamoDB takes 300 of them."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What an event changes beyond being stored: a total, an hour, and the event that it corrects."""

    measured: Measured
    stored: StoredEvent
    day: str
    hour: str
    seen: str | None = None
    takes_back: str | None = None

    @property
    def event(self) -> UsageEvent:
        return self.stored.event


@dataclass(frozen=True, slots=True)
class Present:
    """What was read before a transaction."""

    totals: Mapping[TotalKey, Mapping[str, Amount]] = field(default_factory=dict)
    series: Mapping[SeriesKey, Mapping[str, Amount]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def cells(self, key: TotalKey) -> Mapping[str, Amount]:
        """The cells of an item of totals."""
        return self.totals.get(key, {})


def adds_up(effect: Effect) -> bool:
    return effect.measured.meter.aggregation.adds_up


def is_looked_at(meter: Meter) -> bool:
    return bool(meter.dimensions) or meter.aggregation in (Aggregation.MAX, Aggregation.LAST, Aggregation.UNIQUE)


def add(cells: dict[str, Change], name: str, aggregation: Aggregation, amount: Amount) -> None:
    before = cells.get(name)
    cells[name] = Change(aggregation, combined(aggregation, before.amount if before else None, amount))


def is_full(cells: Collection[str], name: str, changes: Collection[str]) -> bool:
    """Whether an item of totals has no room for one more cell."""
    return name not in cells and len(cells) + sum(each not in cells for each in changes) >= MOST_CELLS


def leave_out_what_stands(changed: dict[K, dict[str, Change]], present: Mapping[K, Mapping[str, Amount]]) -> None:
    """Leave out maxima and latest values that do not exceed the stored ones: they would change nothing."""
    for key, found in present.items():
        cells = changed.get(key, {})
        for name in [each for each in cells if each in found and not cells[each].aggregation.adds_up]:
            if combined(cells[name].aggregation, found[name], cells[name].amount) == found[name]:
                del cells[name]
        if key in changed and not cells:
            del changed[key]


def groups(effects: Sequence[Effect]) -> Iterator[list[Effect]]:
    """Effects in groups, each of which fits into a transaction whatever it changes."""
    group: list[Effect] = []
    others: set[tuple[str, ...]] = set()
    size = ordered = 0
    for effect in effects:
        event = effect.event
        is_ordered = not adds_up(effect)
        places = {
            ("total", event.subscription_id, event.meter),
            ("series", event.subscription_id, event.meter, effect.day),
            *([("seen", effect.seen)] if effect.seen else ()),
        }
        more = 1 + len(places - others)
        if size + more > MOST_ITEMS or ordered + is_ordered > MOST_ORDERED:
            yield group
            group, others, size, ordered = [], set(), 0, 0
            more = 1 + len(places)
        group.append(effect)
        others |= places
        size += more
        ordered += is_ordered
    if group:
        yield group
