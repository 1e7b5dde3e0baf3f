"""The edge of the sender of webhooks: an SQS batch of notices, all of them at once, with partial batch failures."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aws_lambda_powertools import Logger

from billing.domain.webhooks.delivery import Notice
from billing.edge.workers.batch import Message
from billing.services.kernel.failures import described
from billing.services.webhooks.sending import Report

THREADS = 10
"""As many as a batch has messages: one that hangs for its 15 s keeps no other waiting."""


class WebhookSender:
    """Begins the attempts that a batch of messages asks for.

    Args:
        parse: gives the notice of a message's text; raises ValueError if it is none.
        send: works one notice; it is told whether somebody has had the message before.
    """

    def __init__(
        self, parse: Callable[[str], Notice], send: Callable[..., Report], logger: Logger, threads: int = THREADS
    ) -> None:
        self._parse = parse
        self._send = send
        self._logger = logger
        self._threads = ThreadPoolExecutor(threads, "sender")

    def lambda_handler(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Work one batch; messages that failed by a fault of ours are named, and come again."""
        messages: list[Message] = event["Records"]
        done = list(self._threads.map(self._work, messages))
        failed = [message["messageId"] for message, well in zip(messages, done, strict=True) if not well]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}

    def _work(self, message: Message) -> bool:
        """Whether the message is done with."""
        extra: dict[str, Any] = {"message_id": message["messageId"]}
        try:
            notice = self._parse(message["body"])
            extra |= {"tenant_id": notice.tenant_id, "delivery": notice.delivery_id, "attempt": notice.attempt}
            report = self._send(notice, again=message["attributes"]["ApproximateReceiveCount"] != "1")
        except Exception as error:  # noqa: BLE001 - a message's own failure must not take the others with it
            self._logger.error("webhook notice failed", extra={**extra, **described(error)})
            return False
        extra["outcome"] = report.outcome
        if (answer := report.answer) is not None:
            extra |= {"status": answer.status, "reason": answer.reason, "duration_ms": answer.duration_ms}
        self._logger.info("webhook notice worked", extra=extra)
        return True
