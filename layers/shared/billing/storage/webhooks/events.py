"""Events as they are stored: the one place that seals and opens what they say.

Stored is a text ``{"object": ..., "apiVersion": ..., "changed": [...]}``, packed, and sealed as a whole, because the
object of nearly every event has something personal in it, or names who did what.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from billing.domain.kernel.times import format_time, parse_time
from billing.domain.webhooks.event import Event, EventHead
from billing.storage.codec import Sealer
from billing.storage.database import Database
from billing.storage.packing import pack, unpack
from billing.storage.tables import EventItem

_FIRST_VERSION = "1.0"
"""Of events that were stored without one."""
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class DynamoEvents:
    """Reads events by their ids."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def get(self, tenant_id: str, event_id: str) -> Event | None:
        """An event of a tenant's; None where there is none, or none any more."""
        return self.all(tenant_id, [event_id]).get(event_id)

    def all(self, tenant_id: str, event_ids: Collection[str]) -> dict[str, Event]:
        """Those of some events that are there, by their ids."""
        keys = {(tenant_id, each) for each in event_ids}
        items = self._database.batch_get({EventItem: keys})[EventItem] if keys else {}
        return {event_id: opened(item, self._sealer) for (_, event_id), item in items.items()}


def stored(event: Event, sealer: Sealer, data_keys: Sequence[str] | None = None) -> EventItem:
    """An event as it is put into its table; see ``Sealer`` for ``data_keys``."""
    said: dict[str, Any] = {"object": event.object, "apiVersion": event.api_version}
    if event.changed is not None:
        said["changed"] = event.changed
    head = event.head
    return EventItem(
        tenant_id=head.tenant_id,
        id=head.id,
        type=head.type,
        created_at=format_time(head.created_at),
        object_id=head.object_id,
        customer_id=head.customer_id,
        test_clock_id=head.test_clock_id,
        occurred_at=format_time(head.occurred_at) if head.occurred_at is not None else None,
        body=sealed(head.tenant_id, head.id, said, sealer, data_keys),
        expires_at=head.expires_at,
    )


def opened(item: Mapping[str, Any], sealer: Sealer) -> Event:
    """The event of an item (DynamoDB JSON).

    Raises:
        ValueError: its text was sealed for another place.
    """
    head = head_of(item)
    said = said_in(item, sealer)
    changed = said.get("changed")
    version = said.get("apiVersion", _FIRST_VERSION)
    return Event(head, said["object"], None if changed is None else tuple(changed), version)


def sealed(
    tenant_id: str, event_id: str, said: Mapping[str, Any], sealer: Sealer, data_keys: Sequence[str] | None = None
) -> str:
    """What an event says as its item keeps it; see ``Sealer`` for ``data_keys``."""
    return sealer.seal(tenant_id, _place(event_id), pack(_encode(said)), data_keys)


def said_in(item: Mapping[str, Any], sealer: Sealer) -> dict[str, Any]:
    """What the event of an item (DynamoDB JSON) says.

    Raises:
        ValueError: its text was sealed for another place.
    """
    text = sealer.open(item["tenant_id"]["S"], _place(item["id"]["S"]), item["body"]["S"])
    said: dict[str, Any] = json.loads(unpack(text))
    return said


def head_of(item: Mapping[str, Any]) -> EventHead:
    """What an item (DynamoDB JSON), or its image in the table's stream, says without being opened.

    Raises:
        KeyError, ValueError, TypeError: it is no event's.
    """
    occurred_at = item.get("occurred_at", {}).get("S")
    return EventHead(
        id=item["id"]["S"],
        tenant_id=item["tenant_id"]["S"],
        type=item["type"]["S"],
        object_id=item["object_id"]["S"],
        created_at=parse_time(item["created_at"]["S"]),
        expires_at=int(item["expires_at"]["N"]),
        customer_id=item.get("customer_id", {}).get("S"),
        test_clock_id=item.get("test_clock_id", {}).get("S"),
        occurred_at=parse_time(occurred_at) if occurred_at is not None else None,
    )


def _place(event_id: str) -> str:
    return f"event/{event_id}"
