"""Which adapters stand behind events and their feed."""

import time
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

from billing.bootstrap import process, storage
from billing.domain.kernel.event_types import EventType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.domain.webhooks.event import EventHead
    from billing.edge.workers.stream import StreamWorker
    from billing.services.webhooks.events import Events
    from billing.services.webhooks.feed import Feed
    from billing.storage.webhooks.feed import DynamoFeed


@cache
def feed_store() -> "DynamoFeed":
    """Where the places of events are kept."""
    from billing.storage.webhooks.feed import DynamoFeed

    return DynamoFeed(storage.database())


@cache
def feed() -> "Feed":
    """The service that gives events their places."""
    from billing.services.webhooks.feed import Feed

    return Feed(feed_store(), process.now, process.JITTER.random, time.sleep)


def feed_worker() -> "StreamWorker":
    """The consumer of the events' stream that gives events their places."""
    from billing.edge.workers.stream import StreamWorker
    from billing.integrations.aws.clients import made_client
    from billing.integrations.aws.stream_failures import SqsStreamFailures
    from billing.storage.webhooks.events import head_of

    failures = SqsStreamFailures(made_client("sqs"), process.settings().stream_failures_url, "event_feed")
    return StreamWorker(head_of, feed().place, process.logger(), "events placed", failures.tell, _charges)


def _charges(heads: "Sequence[EventHead]") -> "dict[str, Any]":
    """Metrics of what became of charges: every way to an outcome ends in an event, and each event comes by here."""
    types = Counter(head.type for head in heads)
    declined, succeeded = types[EventType.PAYMENT_FAILED], types[EventType.PAYMENT_SUCCEEDED]
    if not declined and not succeeded:
        return {}
    return process.counted()({"charges_declined": (declined, "Count"), "charges_succeeded": (succeeded, "Count")})


def reader() -> "Events":
    """What reads events."""
    from billing.bootstrap.deliveries import failed_deliveries
    from billing.schemas.webhooks.event import size
    from billing.services.webhooks.events import Events
    from billing.storage.cursors import SealedCursors
    from billing.storage.webhooks.events import DynamoEvents

    vault = storage.vault()
    events = DynamoEvents(storage.database(), vault)
    return Events(feed_store(), events, failed_deliveries(), SealedCursors(vault), process.now, size)
