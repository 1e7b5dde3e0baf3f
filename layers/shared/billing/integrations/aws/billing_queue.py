"""Wakes the billing worker: one FIFO queue, a message group per shard."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any


class BillingQueue:
    """A ``services.clocks.due_index.Alarm`` over SQS FIFO: a shard is never worked twice at once."""

    def __init__(self, client: Callable[[], Any], queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def wake(self, shard: str, deduplication_id: str) -> None:
        """Send one message for a shard; SQS drops a second one with the same deduplication id for five minutes."""
        self._client().send_message(
            QueueUrl=self._queue_url,
            MessageBody=json.dumps({"shard": shard}),
            # Group and deduplication ids take 128 characters of a limited alphabet; a hash always fits.
            MessageGroupId=sha256(shard.encode()).hexdigest(),
            MessageDeduplicationId=sha256(f"{shard}|{deduplication_id}".encode()).hexdigest(),
        )
