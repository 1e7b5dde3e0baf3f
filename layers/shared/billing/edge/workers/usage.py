"""The usage worker's edge: an SQS batch, a chunk of events in each message, with partial batch failures."""

from collections.abc import Callable
from typing import Any, Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from billing.domain.kernel.errors import Unavailable
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
        margin_s: with less than this left of the Lambda's time no chunk is begun: enough for one on a busy database.
    """

    def __init__(
        self, parse: Callable[[str], Chunk], count: Count, logger: Logger, *, tries: int, margin_s: float
    ) -> None:
        self._parse = parse
        self._count = count
        self._logger = logger
        self._tries = tries
        self._margin_s = margin_s
        # When all fail, name them all: an exception would say the same, and cost the next call a cold start.
        self._processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)

    def lambda_handler(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Count one batch; messages that failed are named, and come again."""
        answer = process_partial_response(
            event=event, record_handler=self._work, processor=self._processor, context=context
        )
        return dict(answer)

    def _work(self, record: SQSRecord, lambda_context: LambdaContext) -> None:
        message = {"message_id": record.message_id}
        if lambda_context.get_remaining_time_in_millis() < self._margin_s * 1000:
            self._logger.warning("usage message postponed: no time left", extra=message)
            raise TimeoutError("no time left")
        try:
            chunk = self._parse(record.body)
        except ValueError:
            # Only this message fails: it comes again until it is in the dead-letter queue, where somebody looks at it.
            self._logger.error("usage message unreadable", extra=message)
            raise
        message |= {"tenant_id": chunk.tenant_id, "chunk": chunk.id}
        receive_count = int(record.attributes.approximate_receive_count or 1)
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
            },
        )
