"""Which adapters stand behind usage: its queue and its store."""

import time
from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import process, storage
from billing.domain.usage.rejection import UsageRejection
from billing.schemas import events

if TYPE_CHECKING:
    from billing.edge.workers.usage import UsageWorker
    from billing.integrations.aws.usage_queue import SqsUsageQueue
    from billing.services.usage.closing import UsageCloser
    from billing.services.usage.counting import UsageCounter
    from billing.storage.usage import DynamoUsageStore


@cache
def usage_store() -> "DynamoUsageStore":
    """The store of counted usage."""
    from billing.storage.usage import DynamoUsageStore

    return DynamoUsageStore(storage.database())


@cache
def usage_closer() -> "UsageCloser":
    """The service that closes and reads usage."""
    from billing.services.usage.closing import UsageCloser

    return UsageCloser(usage_store())


@cache
def usage_counter() -> "UsageCounter":
    """The service that counts accepted usage."""
    from billing.services.usage.counting import UsageCounter

    events.prepare(UsageRejection)
    return UsageCounter(storage.units(), usage_store(), process.now, process.JITTER.random, time.sleep)


@cache
def usage_queue() -> "SqsUsageQueue":
    """The queue in which accepted usage events wait to be counted."""
    from billing.integrations.aws.clients import made_client
    from billing.integrations.aws.usage_queue import SqsUsageQueue

    return SqsUsageQueue(made_client("sqs"), process.settings().usage_queue_url, time.sleep, process.JITTER.random)


def usage_worker() -> "UsageWorker":
    """The usage worker."""
    from billing.edge.workers.usage import UsageWorker
    from billing.integrations.aws.usage_queue import parse_chunk

    s = process.settings()
    return UsageWorker(
        parse_chunk,
        usage_counter().count,
        process.logger(),
        process.now,
        process.counted(),
        tries=s.usage_tries,
        margin_s=s.usage_worker_margin_s,
    )
