"""Notices to the sender of webhooks, on two standard queues: one for endpoints that answer, one for those that do not.

The message group is the endpoint: SQS serves quiet groups of a standard queue first ("fair queues"), so that one
endpoint with a backlog delays the others little. It keeps no order for that.
"""

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from billing.domain.webhooks.delivery import Notice, endpoint_of

_log = logging.getLogger(__name__)
_BATCH = 10
"""As many messages as SQS takes in one call."""
LONGEST_DELAY_S = 900
"""SQS delays no message for longer."""


class SqsDeliveryQueue:
    """A ``services.webhooks.ports.DeliveryQueue`` over SQS.

    Args:
        client: gives botocore's SQS client.
        fast_url, slow_url: of the two queues.
    """

    def __init__(self, client: Callable[[], Any], fast_url: str, slow_url: str) -> None:
        self._client = client
        self._fast_url = fast_url
        self._slow_url = slow_url

    def send(self, notices: Sequence[Notice], *, slow: bool = False, delay_s: int = 0) -> list[Notice]:
        assert 0 <= delay_s <= LONGEST_DELAY_S, "SQS takes no such delay"
        url = self._slow_url if slow else self._fast_url
        left: list[Notice] = []
        for first in range(0, len(notices), _BATCH):
            left += self._send(url, notices[first : first + _BATCH], delay_s)
        if left:
            _log.warning("webhook notices not sent; the alarm clock makes up for them", extra={"notices": len(left)})
        return left

    def _send(self, url: str, notices: Sequence[Notice], delay_s: int) -> list[Notice]:
        entries = [_message(n, each, delay_s) for n, each in enumerate(notices)]
        try:
            answer = self._client().send_message_batch(QueueUrl=url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            _log.warning("webhook queue refuses", extra={"error": type(error).__name__})
            return list(notices)
        return [notices[int(each["Id"])] for each in answer.get("Failed", ())]


def _message(n: int, notice: Notice, delay_s: int) -> dict[str, Any]:
    return {
        "Id": str(n),
        "MessageBody": json.dumps({"t": notice.tenant_id, "d": notice.delivery_id, "n": notice.attempt}),
        "MessageGroupId": notice.endpoint_id,
        **({"DelaySeconds": delay_s} if delay_s else {}),
    }


def parse_notice(body: str) -> Notice:
    """The notice of a message.

    Raises:
        ValueError: it is none; the error quotes nothing of it.
    """
    try:
        said = json.loads(body)
        tenant_id, delivery_id, attempt = said["t"], said["d"], said["n"]
        if not (type(tenant_id) is type(delivery_id) is str and type(attempt) is int):
            raise TypeError("not a notice")
        endpoint_of(delivery_id)
        return Notice(tenant_id, delivery_id, attempt)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError("a message that is no notice of a delivery") from None
