"""What is told of an event, to webhooks and by the API: the one place that makes it.

An event is told in the same bytes for as long as it is kept: they follow from what was stored with it, and from nothing
that changes later. So its place in the feed, which it gets after its commit, is in what ``GET /events`` answers and in
no webhook's body: a first attempt may come before the event has a place, and a retry after.
"""

import json
from typing import Any

from billing.domain.kernel.times import format_time
from billing.domain.webhooks.endpoint import Payload
from billing.domain.webhooks.event import Event

LONGEST_BYTES = 256 * 1024
"""Of a body; one that would be longer is thin, and says so. An invoice of 250 lines is about as long."""
LONGEST_BYTES_ON_A_BUS = LONGEST_BYTES - 1024
"""EventBridge has 256 KB for source, type, time and body together, of which the first three are 130 bytes or so."""


def told(event: Event, payload: Payload = Payload.SNAPSHOT) -> dict[str, Any]:
    """An event as JSON's values, whole however long it is.

    Args:
        payload: the object as it was committed with the event, or only its id and its version: nothing personal.
    """
    thin = payload is Payload.THIN
    data: dict[str, Any] = {"object": _reference(event.object) if thin else event.object}
    if event.changed is not None:
        data["changed"] = list(event.changed)
    return {
        "id": event.id,
        "type": event.head.type,
        "created": format_time(event.head.created_at),
        "apiVersion": event.api_version,
        "tenantId": event.head.tenant_id,
        "data": data,
    }


def body(event: Event, payload: Payload = Payload.SNAPSHOT, *, on_a_bus: bool = False) -> bytes:
    """An event as a webhook carries it: the same bytes at each call.

    One of more than 256 KB is thin, whatever was asked for, and has ``"truncated": true`` in its ``data``.

    Args:
        on_a_bus: it goes to an event bus, where a KB less is left for it.
    """
    made = _encoded(told(event, payload))
    if len(made) <= (LONGEST_BYTES_ON_A_BUS if on_a_bus else LONGEST_BYTES) or payload is Payload.THIN:
        return made
    thin = told(event, Payload.THIN)
    thin["data"]["truncated"] = True
    return _encoded(thin)


def size(event: Event) -> int:
    """How long an event is in an answer, in bytes."""
    return len(_encoded(told(event)))


def _reference(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: shown[name] for name in ("id", "version") if name in shown}


# Made once: json.dumps makes a new encoder for each call that asks for separators.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def _encoded(value: dict[str, Any]) -> bytes:
    return _encode(value).encode()
