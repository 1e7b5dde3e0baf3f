"""Accepted usage events on SQS: one message for each chunk, and its format.

A message is compact JSON in ASCII: SQS refuses some characters (U+FFFE), and a text's length is then its size in bytes.
"""

import json
import logging
import time
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from billing.domain.kernel.errors import Unavailable
from billing.domain.kernel.times import format_time, parse_time
from billing.domain.usage.event import UsageEvent
from billing.services.kernel.batching import packed
from billing.services.usage.ports import Chunk

_log = logging.getLogger(__name__)
_VERSION = 1
_BATCH_MESSAGES = 10
_BATCH_BYTES = 250_000
"""SQS takes 262,144 in all, which is also as much as one message may have."""
_ROUNDS = 5
_PATIENCE_S = 3.0
_FIRST_PAUSE_S = 0.05
_THROTTLED = {
    "RequestThrottled", "Throttling", "ThrottlingException", "TooManyRequestsException", "OverLimit",
    "AWS.SimpleQueueService.OverLimit", "KmsThrottled", "KMS.ThrottlingException", "ServiceUnavailable",
}  # fmt: skip
_ENCODE = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_Message = tuple[str, str]  # its id within the request, its body


class SqsUsageQueue:
    """A ``services.usage.ports.UsageQueue`` over a standard queue.

    Args:
        client: gives botocore's SQS client.
        pause: sleeps, in seconds.
        jitter: a random share of a pause, from 0 to 1.
    """

    def __init__(
        self, client: Callable[[], Any], queue_url: str, pause: Callable[[float], None], jitter: Callable[[], float]
    ) -> None:
        self._client = client
        self._queue_url = queue_url
        self._pause = pause
        self._jitter = jitter

    def send(self, chunks: Sequence[Chunk]) -> None:
        """Put all of them on the queue; what it refuses is sent again: up to five times, within 3 s or so."""
        waiting: list[_Message] = [(str(n), chunk_message(chunk)) for n, chunk in enumerate(chunks)]
        started = time.monotonic()
        for attempt in range(_ROUNDS):
            if attempt:
                # Full jitter: up to 50 ms, 100 ms ... 400 ms, so that those who collided do not collide again.
                self._pause(self._jitter() * _FIRST_PAUSE_S * 2 ** (attempt - 1))
            refused: list[_Message] = []
            for batch in packed(waiting, lambda message: len(message[1]), _BATCH_MESSAGES, _BATCH_BYTES):
                if time.monotonic() - started > _PATIENCE_S:
                    raise _unavailable()
                refused += self._send(batch)
            if not refused:
                return
            waiting = refused
        raise _unavailable()

    def _send(self, batch: Sequence[_Message]) -> list[_Message]:
        """Send a batch; returns the messages that have to be sent again.

        Raises:
            Unavailable: the queue will never accept some of it as it is.
        """
        entries = [{"Id": message_id, "MessageBody": body} for message_id, body in batch]
        try:
            answer = self._client().send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        except BotoCoreError:  # no answer, or none in time: what arrived is sent again, and counted once
            return list(batch)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _THROTTLED or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
                return list(batch)
            _log.error("usage queue refuses", extra={"code": code})  # never log its message: it may quote an event
            raise _unavailable() from error
        failed = {each["Id"]: each for each in answer.get("Failed", ())}
        final = [each["Code"] for each in failed.values() if each.get("SenderFault") and each["Code"] not in _THROTTLED]
        if final:
            _log.error("usage queue refuses", extra={"code": final[0]})
            raise _unavailable()
        return [message for message in batch if message[0] in failed]


def _unavailable() -> Unavailable:
    return Unavailable("The usage queue is busy; retry with the same Idempotency-Key", retry_after_s=2)


def chunk_message(chunk: Chunk) -> str:
    """The text of a chunk's message. An event is a list, because names would make up half of an object's text."""
    events = [
        [
            event.event_id,
            event.subscription_id,
            event.meter,
            str(event.quantity),
            format_time(event.timestamp),
            event.properties,
            event.corrects,
        ]
        for event in chunk.events
    ]
    return _ENCODE({"v": _VERSION, "id": chunk.id, "tenant": chunk.tenant_id, "events": events})


def parse_chunk(body: str) -> Chunk:
    """The chunk of a message.

    Raises:
        ValueError: it is no chunk; the error quotes nothing of it.
    """
    try:
        message = json.loads(body)
        if message["v"] != _VERSION or not message["events"]:
            raise ValueError("no chunk of this version")
        return Chunk(
            _text(message["id"]), _text(message["tenant"]), tuple([_event(*each) for each in message["events"]])
        )
    except (ValueError, TypeError, KeyError, InvalidOperation, OverflowError, RecursionError):
        raise ValueError("a message that is no chunk of usage events") from None


def _event(
    event_id: Any, subscription_id: Any, meter: Any, quantity: Any, timestamp: Any, properties: Any, corrects: Any
) -> UsageEvent:
    if not (
        type(event_id) is type(subscription_id) is type(meter) is type(quantity) is type(timestamp) is str
        and type(properties) is dict
        and (corrects is None or type(corrects) is str)
    ):
        raise TypeError("not a text")
    for value in properties.values():
        _text(value)
    number = Decimal(quantity)
    if not number.is_finite():
        raise ValueError("not a number")
    return UsageEvent(event_id, subscription_id, meter, number, parse_time(timestamp), properties, corrects)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError("not a text")
    return value
