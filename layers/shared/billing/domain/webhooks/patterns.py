"""Which events an endpoint gets."""

from collections.abc import Iterable
from datetime import datetime

from billing.domain.kernel.event_types import EventType
from billing.domain.webhooks.endpoint import Subscriber, WebhookEndpoint

EVERYTHING = "*"
_REST = ".*"


def is_pattern(text: str) -> bool:
    """Whether a text names events: all (``*``), those about one kind of object (``invoice.*``), or one type.

    A type that is not in the catalogue is none, and ``invoic.*`` neither: it would wait for ever.
    """
    if text == EVERYTHING:
        return True
    if text.endswith(_REST):
        return any(each.value.startswith(text[:-1]) for each in EventType)
    return any(text == each.value for each in EventType)


def matches(patterns: Iterable[str], event_type: str) -> bool:
    """Whether one of the patterns names a type.

    >>> matches(["invoice.*"], "invoice.paid"), matches(["invoice.*"], "invoice_item.created")
    (True, False)
    """
    return any(
        each in (EVERYTHING, event_type) or (each.endswith(_REST) and event_type.startswith(each[:-1]))
        for each in patterns
    )


def wants(endpoint: Subscriber | WebhookEndpoint, event_type: str, object_id: str, created_at: datetime) -> bool:
    """Whether an event goes to an endpoint, be it enabled or not.

    A test goes to the endpoint that it is of, whatever that one's patterns are, and to no other. An event that is older
    than the endpoint does not.

    Args:
        event_type: of the event.
        object_id: what the event is about.
        created_at: when the event was.
    """
    if event_type == EventType.WEBHOOK_ENDPOINT_TEST.value:
        return object_id == endpoint.id
    return created_at >= endpoint.created_at and matches(endpoint.event_types, event_type)
