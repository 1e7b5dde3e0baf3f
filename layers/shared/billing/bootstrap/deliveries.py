"""Which adapters stand behind deliveries: their store, their queues, and whoever addresses and hands them over."""

import time
from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import process, storage
from billing.bootstrap.webhook_endpoints import endpoint_health, endpoints
from billing.domain.webhooks.redelivery import Redelivery
from billing.schemas import events

if TYPE_CHECKING:
    from billing.edge.workers.stream import StreamWorker
    from billing.integrations.aws.webhook_queue import SqsDeliveryQueue
    from billing.services.sweep.webhook_turns import WebhookTurns
    from billing.services.webhooks.deliveries import DeliveryLog
    from billing.services.webhooks.failed_events import FailedDeliveries
    from billing.services.webhooks.publisher import Publisher
    from billing.services.webhooks.redelivery import Redeliveries
    from billing.storage.webhooks.deliveries import DynamoDeliveries


@cache
def delivery_store() -> "DynamoDeliveries":
    """The store of deliveries and of their attempts."""
    from billing.storage.webhooks.deliveries import DynamoDeliveries

    return DynamoDeliveries(storage.database(), storage.vault(), process.now)


@cache
def delivery_queue() -> "SqsDeliveryQueue":
    """The two queues that bring notices to the sender."""
    from billing.integrations.aws.clients import made_client
    from billing.integrations.aws.webhook_queue import SqsDeliveryQueue

    s = process.settings()
    return SqsDeliveryQueue(made_client("sqs"), s.webhook_queue_url, s.webhook_slow_queue_url)


@cache
def publisher() -> "Publisher":
    """The service that addresses events."""
    from billing.services.webhooks.publisher import Publisher

    return Publisher(endpoints(), endpoint_health(), delivery_store(), delivery_queue(), process.now)


def publisher_worker() -> "StreamWorker":
    """The consumer of the events' stream that addresses them."""
    from billing.edge.workers.stream import StreamWorker
    from billing.integrations.aws.clients import made_client
    from billing.integrations.aws.stream_failures import SqsStreamFailures
    from billing.storage.webhooks.events import head_of

    failures = SqsStreamFailures(made_client("sqs"), process.settings().stream_failures_url, "webhook_publisher")
    return StreamWorker(head_of, publisher().publish, process.logger(), "events addressed", failures.tell)


def failed_deliveries() -> "FailedDeliveries":
    """Which events did not reach an endpoint."""
    from billing.services.webhooks.failed_events import FailedDeliveries

    return FailedDeliveries(endpoints(), delivery_store())


def delivery_log() -> "DeliveryLog":
    """The service that reads deliveries."""
    from billing.services.webhooks.deliveries import DeliveryLog

    return DeliveryLog(delivery_store(), endpoints())


def redeliveries() -> "Redeliveries":
    """The service that has deliveries sent again."""
    from billing.services.webhooks.redelivery import Redeliveries

    return Redeliveries(delivery_store(), endpoints(), endpoint_health(), delivery_queue())


def webhook_worker() -> "WebhookTurns":
    """The webhook worker."""
    from billing.bootstrap import sweep
    from billing.services.sweep.wake_ups import ClockProgress
    from billing.services.sweep.webhook_turns import WebhookTurns
    from billing.services.sweep.worker import Worker
    from billing.services.webhooks.enqueuer import Enqueuer
    from billing.storage.due_index import WEBHOOK_KINDS, DynamoDueIndex

    events.prepare(Redelivery)
    enqueuer = Enqueuer(
        delivery_store(), endpoint_health(), delivery_queue(), sweep.alarm(), process.now, process.JITTER.random
    )
    jobs = Worker(
        units=storage.units(),
        index=DynamoDueIndex(storage.database(), WEBHOOK_KINDS),
        tasks={"redelivery": redeliveries().advance},
        clocks=ClockProgress(sweep.alarm()),
        alarm=sweep.alarm(),
        clock=process.now,
        jitter=process.JITTER.random,
        pause=time.sleep,
    )
    return WebhookTurns(enqueuer, jobs)
