"""The billing worker's edge: an SQS FIFO batch, one message for each shard, with partial batch failures."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger

from billing.domain.kernel.due import clock_of
from billing.edge.metrics import embedded
from billing.edge.workers.batch import Message, work_batch
from billing.services.kernel.deadline import Deadline
from billing.services.sweep.worker import ShardReport


class QueueWorker:
    """Works the shards that a batch of messages names.

    Args:
        work_shard: works one shard until a deadline.
        margin_s: how much of the Lambda's time is left at the deadline: enough for one item with a slow charge.
        deadline: is told when the batch's time ends.
        stack: counts in CloudWatch how late the worker is, under this stack's name; None where nobody looks.
    """

    def __init__(
        self,
        work_shard: Callable[[str, datetime], ShardReport],
        logger: Logger,
        clock: Callable[[], datetime],
        margin_s: float,
        deadline: Deadline,
        stack: str | None = None,
    ) -> None:
        self._work_shard = work_shard
        self._clock = clock
        self._margin_s = margin_s
        self._deadline = deadline
        self._logger = logger
        self._stack = stack

    def lambda_handler(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Work one batch; messages that failed are named, and come again."""
        self._deadline.begin(context.get_remaining_time_in_millis())
        return work_batch(event, lambda message: self._work(message, context), in_order=True)

    def _work(self, message: Message, context: Any) -> None:
        shard = str(json.loads(message["body"])["shard"])
        left_s = context.get_remaining_time_in_millis() / 1000 - self._margin_s
        report = self._work_shard(shard, self._clock() + timedelta(seconds=left_s))
        self._logger.info(
            "shard worked",
            extra={
                "shard": shard,
                "done": report.done,
                "postponed": report.postponed,
                "parked": report.parked,
                "cut_short": report.cut_short,
                **self._metrics(report, clock_of(shard) is not None),
            },
        )

    def _metrics(self, report: ShardReport, on_test_clock: bool) -> dict[str, Any]:
        """How long the oldest item of the shard had been due: on a test clock it is as old as somebody wants it."""
        if self._stack is None or on_test_clock:
            return {}
        return embedded(self._clock(), self._stack, ("worker", "billing"), {"late_s": (report.late_s, "Seconds")})
