"""What the fault tests of usage share: meters of every kind, events, and an oracle that counts them by hand.

The oracle knows nothing of the product's own code: it goes through the distinct events, in Decimal, one by one.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.domain.usage.event import UsageEvent
from billing.integrations.aws.usage_queue import chunk_message
from billing.services.usage.ports import Chunk
from tests.faults.books import Books
from tests.faults.processes import Json
from tests.faults.world import Tenant, World, iso, post, step

PERIOD = timedelta(days=30)
DOLLAR = 100_000
"""In micro-units; each unit of usage costs as much."""


@dataclass(frozen=True)
class Kind:
    """A kind of meter, and the component that prices it.

    Args:
        reads: the property that it measures; ``quantity``, or one of an event's.
    """

    name: str
    aggregation: str
    reads: str = "quantity"
    dimensions: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()
    shards: int = 1

    @property
    def key(self) -> str:
        """The meter's key, and its component's."""
        return self.name.replace(" ", "_").replace(",", "")

    @property
    def correctable(self) -> bool:
        """Whether its events can be taken back."""
        return self.aggregation in ("sum", "count")

    def meter(self) -> Json:
        """``POST /meters``."""
        body: Json = {"key": self.key, "aggregation": self.aggregation, "shards": self.shards}
        if self.reads != "quantity":
            body["property"] = self.reads
        return body | ({"dimensions": list(self.dimensions)} if self.dimensions else {})

    def component(self, unit_amount: int = DOLLAR, **more: Any) -> Json:
        """A component of a plan."""
        component: Json = {"key": self.key, "type": "metered", "meter": self.key, "unitAmount": unit_amount}
        return component | ({"groupBy": list(self.group_by)} if self.group_by else {}) | more


SUM = Kind("sum", "sum")
SHARDED = Kind("sum over four shards", "sum", shards=4)
MAX = Kind("max", "max", "level")
UNIQUE = Kind("unique", "unique", "user")
KINDS = (
    SHARDED,
    Kind("sum of decimals, with dimensions", "sum", "gb", ("region", "model"), ("region",)),
    Kind("count", "count"),
    MAX,
    Kind("last over three shards, with dimensions", "last", "level", ("region",), ("region",), 3),
    UNIQUE,
)


def plan(plan_id: str, *components: Json) -> Json:
    """A plan of thirty days that prorates by the day."""
    return {
        "id": plan_id,
        "name": plan_id.title(),
        "currency": "USD",
        "interval": "day",
        "intervalCount": 30,
        "prorationUnit": "day",
        "components": list(components),
    }


BASE: Json = {"key": "base", "type": "flat", "unitAmount": 1_000_000}


def metered_tenant(world: World, at: datetime, kinds: Iterable[Kind], plans: Iterable[Json], **more: Any) -> Tenant:
    """A tenant with meters and plans."""
    tenant = world.new_tenant(at, plans=(), **more)
    steps = [post("catalog", "/v1/meters", tenant.key, f"meter-{kind.key}", kind.meter()) for kind in kinds]
    steps += [post("catalog", "/v1/plans", tenant.key, f"plan-{body['id']}", body) for body in plans]
    answers = world.run(at, *steps).all()
    assert [answer["status"] for answer in answers] == [201] * len(steps), answers
    return tenant


@dataclass(frozen=True)
class Event:
    """A usage event of a test's.

    Args:
        quantity: a decimal, as a text.
    """

    id: str
    meter: str
    at: datetime
    quantity: str = "1"
    properties: dict[str, str] = field(default_factory=dict)
    corrects: str | None = None
    subscription_id: str = ""

    def api(self) -> Json:
        """As it is reported."""
        body: Json = {
            "eventId": self.id,
            "subscriptionId": self.subscription_id,
            "meter": self.meter,
            "quantity": self.quantity,
            "timestamp": iso(self.at),
            "properties": self.properties,
        }
        return body | ({"corrects": self.corrects} if self.corrects else {})

    @property
    def hour(self) -> str:
        """The hour (UTC) that it falls into."""
        return iso(self.at.astimezone(UTC).replace(minute=0, second=0, microsecond=0))


def report(tenant: Tenant, idem: str, events: Iterable[Event]) -> Json:
    """``POST /usage/events``, as a step."""
    return post("usage", "/v1/usage/events", tenant.key, idem, {"events": [event.api() for event in events]})


def message(tenant: Tenant, chunk_id: str, events: Iterable[Event]) -> str:
    """A message of the usage queue, as acceptance would have put it there whatever the times of its events."""
    made = tuple(
        UsageEvent(e.id, e.subscription_id, e.meter, Decimal(e.quantity), e.at, e.properties, e.corrects)
        for e in events
    )
    return chunk_message(Chunk(chunk_id, tenant.id, made))


def count(*bodies: str, receive_count: int = 1) -> Json:
    """A batch of messages to the worker, as a step."""
    return step("usage", bodies=list(bodies), receive_count=receive_count)


# --- the oracle ---------------------------------------------------------------------------------------------------


@dataclass
class Counted:
    """What a set of events comes to.

    Args:
        totals: by period (its number, from 0) and the values of the meter's dimensions.
        groups: by period and the values that the component groups by.
        hours: by hour.
    """

    totals: dict[tuple[int, tuple[str, ...]], Decimal]
    groups: dict[tuple[int, tuple[str, ...]], Decimal]
    hours: dict[str, Decimal]

    def billed(self) -> dict[tuple[str, ...], Decimal]:
        """Over all periods, by group; groups of nothing are none."""
        found: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
        for (_, group), total in self.groups.items():
            found[group] += total
        return {group: total for group, total in found.items() if total}


def counted(kind: Kind, began: datetime, events: Iterable[Event]) -> Counted:
    """Count distinct events by hand.

    Args:
        began: the start of the first period of thirty days.
    """
    by_id = {event.id: event for event in events}
    totals: dict[tuple[int, tuple[str, ...]], list[Event]] = defaultdict(list)
    groups: dict[tuple[int, tuple[str, ...]], list[Event]] = defaultdict(list)
    hours: dict[str, list[Event]] = defaultdict(list)
    for event in by_id.values():
        place = by_id[event.corrects] if event.corrects else event
        period = (place.at - began) // PERIOD
        totals[period, tuple(place.properties.get(name, "") for name in kind.dimensions)].append(event)
        groups[period, tuple(place.properties.get(name, "") for name in kind.group_by)].append(event)
        hours[place.hour].append(event)
    return Counted(
        {key: _total(kind, each) for key, each in totals.items()},
        {key: _total(kind, each) for key, each in groups.items()},
        {key: _total(kind, each) for key, each in hours.items()},
    )


def _total(kind: Kind, events: Sequence[Event]) -> Decimal:
    def value(event: Event) -> Decimal:
        return Decimal(event.quantity if kind.reads == "quantity" or event.corrects else event.properties[kind.reads])

    if kind.aggregation == "sum":
        total = Decimal(0)
        for event in events:
            total += value(event)
        return total
    if kind.aggregation == "count":
        return sum((Decimal(event.quantity) if event.corrects else Decimal(1) for event in events), Decimal(0))
    if kind.aggregation == "max":
        return max(map(value, events))
    if kind.aggregation == "last":
        return value(max(events, key=lambda event: (event.at, event.id)))
    return Decimal(len({event.properties[kind.reads] for event in events}))


# --- what the product says ----------------------------------------------------------------------------------------


def stored(books: Books, subscription_id: str) -> dict[str, Json]:
    """The counted events of a subscription, by id."""
    rows = (row for row in books.rows["usage_events"] if row.get("subscription_id") == subscription_id)
    return {row["event_key"].split("#e#", 1)[1]: row for row in rows}


def shown(
    kind: Kind, began: datetime, books: Books, subscription_id: str
) -> tuple[dict[Any, Decimal], dict[str, Decimal]]:
    """The totals by period and dimensions, and the hours; slots and shards put together by hand."""
    totals: dict[Any, list[str]] = defaultdict(list)
    hours: dict[str, list[str]] = defaultdict(list)
    starts = {iso(began + n * PERIOD): n for n in range(-1, 12)}
    for row in books.rows["usage_totals"]:
        what, *parts = row["item"].split("#")
        if not row["subscription_key"].endswith(f"#{subscription_id}") or kind.key not in parts:
            continue
        for name, value in row.items():
            if what == "series" and name.startswith("h"):
                hours[f"{parts[1]}T{name[1:]}:00:00Z"].append(value)
            elif what == "total" and "/" in name:
                span, _, dimensions = name.partition(" ")
                totals[starts[span.split("/")[0]], tuple(json.loads(dimensions or "[]"))].append(value)
    return (
        {key: _together(kind, each) for key, each in totals.items()},
        {key: _together(kind, each) for key, each in hours.items()},
    )


def _together(kind: Kind, values: list[str]) -> Decimal:
    if kind.aggregation == "last":  # the order, a separator, and the number
        return Decimal(max(values).partition("\x1f")[2])
    if kind.aggregation == "max":
        return max(map(Decimal, values))
    return sum(map(Decimal, values), Decimal(0))


def kept_aside(books: Books) -> Counter[tuple[str, Decimal, str]]:
    """Rejected events: id, quantity and reason; how often each is kept."""
    return Counter(
        (each["event"]["event_id"], Decimal(each["event"]["quantity"]), each["reason"])
        for body in books.bodies("usage_rejections")
        for each in body["events"]
    )


def told(tenant: Tenant, at: datetime) -> Counter[tuple[str, Decimal, str]]:
    """The same, of the events ``usage.events_rejected``: how often each was told."""
    objects = tenant.world.run(at, step("told", tenant_id=tenant.id, event_type="usage.events_rejected")).last()
    return Counter(
        (each["eventId"], Decimal(str(each["quantity"])), each["reason"]) for body in objects for each in body["events"]
    )


def billed(books: Books, subscription_id: str, component: str) -> dict[tuple[str, ...], Decimal]:
    """Quantities on invoices and on their way there, by group."""
    found: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for line in lines(books, subscription_id):
        if line["component"] == component:
            found[tuple(line["dimensions"].values())] += Decimal(line["quantity"] or 0)
    return {group: total for group, total in found.items() if total}


def amounts(books: Books, subscription_id: str, component: str) -> int:
    """In micro-units, what a component costs on all invoices."""
    own = (line for line in lines(books, subscription_id) if line["component"] == component)
    return sum(line["amount"]["micros"] for line in own)


def lines(books: Books, subscription_id: str) -> list[Json]:
    """A subscription's lines: those of its invoices, and those that wait."""
    (subscription,) = [each for each in books.bodies("subscriptions") if each["id"] == subscription_id]
    invoices = [each for each in books.bodies("invoices") if each["subscription_id"] == subscription_id]
    return [*subscription["pending"], *(line for invoice in invoices for line in invoice["lines"])]
