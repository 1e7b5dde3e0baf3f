"""Wakes the workers: FIFO queues for live time, test clocks, payouts, webhooks, reports; a message group per shard."""

import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from billing.domain.kernel.due import clock_of, is_payout_shard
from billing.domain.reports.run import is_report_shard
from billing.domain.webhooks.delivery import is_webhook_shard

_BATCH = 10
"""As many messages as SQS takes in one call."""


class NotWoken(Exception):
    """SQS refused a message of a batch; the next minute's sweep sends it again."""


class BillingQueue:
    """A ``clocks.due_index.Alarm`` over SQS FIFO: a shard is never worked twice at once.

    Args:
        client: gives botocore's SQS client.
        queue_url: of the shards of the wall clock.
        clock_queue_url: of the shards of test clocks, whose long advances may delay nobody's bills.
        payout_queue_url, webhook_work_queue_url, report_queue_url: of the shards of payouts, deliveries and runs of
            reports, which have their own workers.
    """

    def __init__(
        self,
        client: Callable[[], Any],
        queue_url: str,
        clock_queue_url: str,
        payout_queue_url: str = "",
        webhook_work_queue_url: str = "",
        report_queue_url: str = "",
    ) -> None:
        self._client = client
        self._queue_url = queue_url
        self._clock_queue_url = clock_queue_url
        self._payout_queue_url = payout_queue_url
        self._webhook_work_queue_url = webhook_work_queue_url
        self._report_queue_url = report_queue_url

    def wake(self, shard: str, deduplication_id: str) -> None:
        """Send one message for a shard; SQS drops a second one with the same deduplication id for five minutes."""
        self._client().send_message(QueueUrl=self._queue_of(shard), **_message(shard, deduplication_id))

    def _queue_of(self, shard: str) -> str:
        if is_payout_shard(shard):
            return self._payout_queue_url
        if is_webhook_shard(shard):
            return self._webhook_work_queue_url
        if is_report_shard(shard):
            return self._report_queue_url
        return self._queue_url if clock_of(shard) is None else self._clock_queue_url

    def wake_many(self, shards: Sequence[str], deduplication_id: str) -> None:
        """The same for many shards of one queue, ten to a call.

        Raises:
            NotWoken: SQS refused some; the others are sent.
        """
        refused: list[dict[str, Any]] = []
        for first in range(0, len(shards), _BATCH):
            entries = [
                {"Id": str(n), **_message(shard, deduplication_id)}
                for n, shard in enumerate(shards[first : first + _BATCH])
            ]
            answer = self._client().send_message_batch(QueueUrl=self._queue_of(shards[0]), Entries=entries)
            refused += answer.get("Failed", ())
        if refused:
            raise NotWoken(f"{len(refused)} of {len(shards)} shards: {refused[0]['Code']}")


def _message(shard: str, deduplication_id: str) -> dict[str, str]:
    return {
        "MessageBody": json.dumps({"shard": shard}),
        # Group and deduplication ids take 128 characters of a limited alphabet; a hash always fits.
        "MessageGroupId": sha256(shard.encode()).hexdigest(),
        "MessageDeduplicationId": sha256(f"{shard}|{deduplication_id}".encode()).hexdigest(),
    }
