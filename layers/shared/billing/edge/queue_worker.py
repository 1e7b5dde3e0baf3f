"""The billing worker's edge: an SQS FIFO batch, one message for each shard, with partial batch failures."""

import json
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    SqsFifoPartialProcessor,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from billing.services.turn import TurnReport


class QueueWorker:
    """Works the shards that a batch of messages names.

    Args:
        turn: works one shard.
    """

    def __init__(self, turn: Callable[[str], TurnReport], logger: Logger) -> None:
        self._turn = turn
        self._logger = logger
        # One failed message of a group must not hold up the other groups; the order within a group is kept.
        self._processor = SqsFifoPartialProcessor(skip_group_on_error=True)

    def lambda_handler(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """One batch; what failed is named, and comes again."""
        answer = process_partial_response(
            event=event, record_handler=self._work, processor=self._processor, context=context
        )
        return dict(answer)

    def _work(self, record: SQSRecord) -> None:
        shard = str(json.loads(record.body)["shard"])
        report = self._turn(shard)
        self._logger.info(
            "shard worked",
            extra={
                "shard": shard,
                "done": report.done,
                "postponed": report.postponed,
                "parked": report.parked,
                "cut_short": report.cut_short,
            },
        )
