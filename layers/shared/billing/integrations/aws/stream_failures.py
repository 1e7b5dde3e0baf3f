"""The queue of what a consumer of the events' stream gave up: where it was, which event, and nothing that it says.

Lambda puts its own messages there for what failed too often.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any


class SqsStreamFailures:
    """Tells of records that cannot be worked.

    Args:
        client: gives botocore's SQS client.
        consumer: whose they are: ``webhook_publisher``.
    """

    def __init__(self, client: Callable[[], Any], queue_url: str, consumer: str) -> None:
        self._client = client
        self._queue_url = queue_url
        self._consumer = consumer

    def tell(self, record: Mapping[str, str]) -> None:
        """Tell of a record; whatever botocore raises means that nobody was told."""
        body = json.dumps({"consumer": self._consumer, **record})
        self._client().send_message(QueueUrl=self._queue_url, MessageBody=body)
