"""The JSON of an incoming webhook, after its signature was verified."""

import json
from decimal import Decimal
from typing import Any

from billing.domain.kernel.errors import WebhookRejected


def event_of(body: str) -> dict[str, Any]:
    """The event: an object with a text ``id`` and an object ``data``; numbers with a fraction come as decimals.

    Raises:
        WebhookRejected: the body is no event.
    """
    try:
        event = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise WebhookRejected("The body is not JSON") from None
    if not isinstance(event, dict) or not isinstance(event.get("id"), str) or not isinstance(event.get("data"), dict):
        raise WebhookRejected("The body is not an event")
    return event
