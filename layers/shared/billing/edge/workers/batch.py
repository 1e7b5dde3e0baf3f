"""An SQS batch with partial failures: one message after the other; those that failed are named, and come again.

Powertools' batch processor does the same. It also imports asyncio and the sixty models of its parser: a tenth of a
worker's cold start. Source: AWS Lambda Developer Guide, "Implementing partial batch responses".
"""

from collections.abc import Callable
from typing import Any

Message = dict[str, Any]
"""As SQS hands it to Lambda: ``messageId``, ``body``, ``attributes``."""


def work_batch(event: dict[str, Any], work: Callable[[Message], None], *, in_order: bool) -> dict[str, Any]:
    """Work the messages of a batch; what Lambda wants to hear of it.

    In order, as of a FIFO queue, a message after a failed one of its group fails with it; other groups go on.
    Messages of a standard queue may have a group, too, which says nothing of their order. When all fail, all are
    named: an exception would say the same, and cost the next call a cold start.

    Args:
        work: works one message; whatever it raises means that the message has to come again.
        in_order: whether the order within a group has to be kept.
    """
    failed: list[str] = []
    stuck: set[str] = set()
    for message in event["Records"]:
        group = message.get("attributes", {}).get("MessageGroupId")
        if in_order and group in stuck:
            failed.append(message["messageId"])
            continue
        try:
            work(message)
        except Exception:  # noqa: BLE001 - a message's own failure, whatever it is, must not take the others with it
            failed.append(message["messageId"])
            stuck |= {group} if group is not None else set()
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
