"""The events of a unit of work: what subscribers will be told, in the same transaction as what it is about."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from billing.domain.customers.customer import Customer
from billing.domain.kernel.entity import Entity
from billing.domain.kernel.event_types import EventType
from billing.domain.kernel.ids import fresh
from billing.domain.webhooks.event import Event, EventHead
from billing.storage.copies import customer_of
from billing.storage.registry import REGISTRY, tenant_of

_CATALOGUE: dict[str, EventType] = {each.value: each for each in EventType}
_OF_CHANGES = ".updated"
_ALWAYS_CHANGED = {"version", "updatedAt"}
Place = tuple[type, str, str]


class Outbox:
    """Collects a unit's events, and what the entities that they are about were before it.

    Args:
        present: gives an entity as the API shows it.
        entropy: ten random bytes.
        ttl_s: how long events are kept.
        clock_time: what time it is on a tenant's test clock; None where there is no such clock.
    """

    def __init__(
        self,
        present: Callable[[Any], dict[str, Any]],
        entropy: Callable[[], bytes],
        ttl_s: int,
        clock_time: Callable[[str, str], datetime | None],
    ) -> None:
        self._present = present
        self._entropy = entropy
        self._ttl_s = ttl_s
        self._clock_time = clock_time
        self._count = 0
        self._stored: dict[Place, Entity] = {}
        self._emitted: list[tuple[str, EventType, Entity, str]] = []

    def saw(self, entities: Iterable[Entity]) -> None:
        """Take note of entities as they are stored now."""
        for each in entities:
            stored = REGISTRY.get(type(each))
            if stored is not None:
                self._stored[type(each), tenant_of(each), stored.id_of(each)] = each

    def before(self, place: Place) -> Entity | None:
        """An entity as it was stored when this unit last saw it."""
        return self._stored.get(place)

    def emit(self, event_type: EventType, entity: Entity, tenant_id: str | None, now: datetime) -> str:
        """Take an event, and give it its id; see ``services.kernel.work.Work.emit``."""
        known = _CATALOGUE[event_type]  # whoever gets round the types gets no further than the catalogue
        # A millisecond for each, so that the ids of a unit's events sort in the order in which they were emitted.
        self._count += 1
        event_id = fresh("evt", now + timedelta(milliseconds=self._count), self._entropy())
        self._emitted.append((event_id, known, entity, tenant_id or tenant_of(entity)))
        return event_id

    def forget(self) -> None:
        """Drop the events that were emitted."""
        self._emitted = []

    def events(self, now: datetime, bases: Callable[[Place], int | None]) -> list[Event]:
        """The events of a commit, in the order in which they were emitted.

        Args:
            bases: the version that a saved entity takes the place of; None for one that is not saved.
        """
        return [self._event(*each, now, bases) for each in self._emitted]

    def _event(
        self,
        event_id: str,
        event_type: EventType,
        entity: Entity,
        tenant_id: str,
        now: datetime,
        bases: Callable[[Place], int | None],
    ) -> Event:
        shown = self._present(entity)
        clock_id = self._clock_of(entity)
        head = EventHead(
            id=event_id,
            tenant_id=tenant_id,
            type=event_type.value,
            object_id=str(shown["id"]),
            created_at=now,
            expires_at=int(now.timestamp()) + self._ttl_s,
            customer_id=customer_of(entity),
            test_clock_id=clock_id,
            occurred_at=self._clock_time(tenant_of(entity), clock_id) if clock_id is not None else None,
        )
        changed = self._changed(entity, shown, bases) if event_type.endswith(_OF_CHANGES) else None
        return Event(head, shown, changed)

    def _clock_of(self, entity: Entity) -> str | None:
        """The test clock in whose time something happens: its own, or its customer's, which this unit saw."""
        customer = self._stored.get((Customer, tenant_of(entity), customer_of(entity) or ""))
        found: str | None = getattr(entity, "test_clock_id", None) or getattr(customer, "test_clock_id", None)
        return found

    def _changed(
        self, entity: Entity, shown: dict[str, Any], bases: Callable[[Place], int | None]
    ) -> tuple[str, ...] | None:
        """The fields that have another value than before this commit; None where nobody knows what was before.

        A subscription is saved twice in a commit, as version 4 and 5, over version 3: it is compared with version 3.
        """
        place = (type(entity), tenant_of(entity), REGISTRY[type(entity)].id_of(entity))
        before = self._stored.get(place)
        if before is None or before.version != bases(place):  # type: ignore[attr-defined]
            return None
        was = self._present(before)
        names = [name for name in shown if name not in _ALWAYS_CHANGED and shown[name] != was.get(name)]
        return tuple(names)
