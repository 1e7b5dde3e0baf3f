"""The billing worker's edge: an SQS FIFO batch, one message for each shard, with partial batch failures."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger

from billing.edge.metrics import Counted
from billing.edge.workers.batch import Message, work_batch
from billing.services.kernel.deadline import Deadline
from billing.services.sweep.worker import ShardReport


class QueueWorker:
    """Works the shards that a batch of messages names.

    Args:
        work_shard: works one shard until a deadline.
        margin_s: how much of the Lambda's time is left at the deadline: enough for one item with a slow charge.
        deadline: is told when the batch's time ends.
        counted: has metrics be made of a turn that found something to do; one that did not costs nothing.
    """

    def __init__(
        self,
        work_shard: Callable[[str, datetime], ShardReport],
        logger: Logger,
        clock: Callable[[], datetime],
        margin_s: float,
        deadline: Deadline,
        counted: Counted,
    ) -> None:
        self._work_shard = work_shard
        self._clock = clock
        self._margin_s = margin_s
        self._deadline = deadline
        self._logger = logger
        self._counted = counted

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
                **self._metrics(report),
            },
        )

    def _metrics(self, report: ShardReport) -> dict[str, Any]:
        worked = report.done + report.postponed + report.parked
        if not worked and not report.cut_short:
            return {}
        return self._counted(
            {
                "oldest_due_s": (report.oldest_s, "Seconds"),
                "due_worked": (worked, "Count"),
                "due_postponed": (report.postponed, "Count"),
                "turns_cut_short": (int(report.cut_short), "Count"),
            }
        )
