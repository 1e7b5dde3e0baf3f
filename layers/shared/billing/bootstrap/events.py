"""Which adapters stand behind events and their feed."""

import time
from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import process, storage

if TYPE_CHECKING:
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
    return StreamWorker(head_of, feed().place, process.logger(), "events placed", failures.tell)


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
