"""The usage worker's edge: an SQS batch, a chunk of events in each message, with partial batch failures."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from aws_lambda_powertools import Logger

from billing.domain.kernel.errors import Unavailable
from billing.edge.metrics import Counted
from billing.edge.workers.batch import Message, work_batch
from billing.services.kernel.failures import described
from billing.services.usage.counting import CountReport, EventsMissing
from billing.services.usage.ports import Chunk


class Count(Protocol):
    """Counts a chunk (``services.usage.counting.UsageCounter.count``)."""

    def __call__(self, chunk: Chunk, last_try: bool) -> CountReport: ...


class UsageWorker:
    """Counts the chunks of a batch of messages.

    Args:
        parse: gives the chunk of a message's text; raises ValueError if it is none.
        tries: how often a message comes before it is set aside: the queue's ``maxReceiveCount``.
        clock: gives the time, by which the lag of a message is counted: since it was accepted.
        counted: has metrics be made of it.
        margin_s: with less than this left of the Lambda's time no chunk is begun: enough for one on a busy database.
    """

    def __init__(
        self,
        parse: Callable[[str], Chunk],
        count: Count,
        logger: Logger,
        clock: Callable[[], datetime],
        counted: Counted,
        *,
        tries: int,
        margin_s: float,
    ) -> None:
        self._parse = parse
        self._count = count
        self._logger = logger
        self._clock = clock
        self._counted = counted
        self._tries = tries
        self._margin_s = margin_s

    def lambda_handler(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Count one batch; messages that failed are named, and come again."""
        return work_batch(event, lambda message: self._work(message, context), in_order=False)

    def _work(self, record: Message, context: Any) -> None:
        message = {"message_id": record["messageId"]}
        if context.get_remaining_time_in_millis() < self._margin_s * 1000:
            self._logger.warning("usage message postponed: no time left", extra=message)
            raise TimeoutError("no time left")
        try:
            chunk = self._parse(record["body"])
        except ValueError:
            # Only this message fails: it comes again until it is in the dead-letter queue, where somebody looks at it.
            self._logger.error("usage message unreadable", extra=message)
            raise
        message |= {"tenant_id": chunk.tenant_id, "chunk": chunk.id}
        receive_count = int(record["attributes"].get("ApproximateReceiveCount") or 1)
        try:
            report = self._count(chunk, last_try=receive_count >= self._tries)
        except (EventsMissing, Unavailable) as error:
            self._logger.warning("usage message postponed", extra={**message, "error": type(error).__name__})
            raise
        except Exception as error:
            self._logger.error("usage message failed", extra={**message, **described(error)})
            raise
        self._logger.info(
            "usage counted",
            extra={
                **message,
                "counted": report.counted,
                "duplicates": report.duplicates,
                "rejected": report.rejected,
                **self._metrics(record, report),
            },
        )

    def _metrics(self, record: Message, report: CountReport) -> dict[str, Any]:
        sent_s = int(record["attributes"]["SentTimestamp"]) / 1000
        lag_s = max(self._clock().timestamp() - sent_s, 0.0)
        return self._counted({"usage_lag_s": (lag_s, "Seconds"), "usage_events": (report.counted, "Count")})
