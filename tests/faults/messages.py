"""What Lambda hands to a function: messages of SQS, records of a stream, forms, and the time that is left."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

Json = dict[str, Any]


def sqs_record(body: str, message_id: str, receive_count: int) -> Json:
    """A message as the queue's event source hands it over."""
    return {
        "messageId": message_id,
        "receiptHandle": "r",
        "body": body,
        "attributes": {
            "MessageGroupId": "g",
            "ApproximateReceiveCount": str(receive_count),
            "SentTimestamp": "1795298400000",
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:b.fifo",
        "awsRegion": "us-east-1",
    }


def stream_record(row: Json, n: int) -> Json:
    """An event's item as the table's stream brings it."""
    image = {name: {"N" if name == "expires_at" else "S": value} for name, value in row.items()}
    return {"eventName": "INSERT", "dynamodb": {"NewImage": image, "SequenceNumber": str(n)}}


def form_event(method: str, path: str, cookie: str, values: Json | None) -> Json:
    """What a browser sends: a page that is asked for, or a form."""
    path, _, query = path.partition("?")
    event: Json = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"accept": "text/html", "content-type": "application/x-www-form-urlencoded"},
        "cookies": [cookie] if cookie else [],
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": "192.0.2.3"}, "stage": "$default"},
        "isBase64Encoded": False,
    }
    return event if values is None else event | {"body": urlencode(values)}


class Context:
    """As much of a Lambda context as the handlers read."""

    function_name = "faults"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:faults"
    aws_request_id = "r"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """A minute is left, and the margin."""
        return 90_000
