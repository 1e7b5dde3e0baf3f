"""Lambda events as API Gateway (payload 2.0) and SQS make them, and the context that comes with them."""

import json
from typing import Any

Event = dict[str, Any]
DOMAIN = "api.example.test"


class Context:
    """What Powertools and Mangum read of a Lambda context."""

    function_name = "benchmark"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:benchmark"
    aws_request_id = "00000000-0000-4000-8000-000000000000"

    def __init__(self, remaining_ms: int = 29_000) -> None:
        self._remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        """As at the start, always."""
        return self._remaining_ms


def http_event(
    method: str,
    path: str,
    *,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    body: Any = None,
    raw: str | None = None,
) -> Event:
    """One request.

    Args:
        body: sent as JSON.
        raw: sent as it is, instead of ``body``.
    """
    query = query or {}
    event: Event = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "&".join(f"{name}={value}" for name, value in query.items()),
        "headers": {
            "accept": "application/json",
            "content-type": "application/json",
            "host": DOMAIN,
            "user-agent": "benchmark/1",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
            **(headers or {}),
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "benchmark",
            "domainName": DOMAIN,
            "domainPrefix": "api",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "benchmark/1",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": f"{method} {path}",
            "stage": "$default",
            "time": "21/Nov/2026:22:00:00 +0000",
            "timeEpoch": 1795298400000,
        },
        "isBase64Encoded": False,
    }
    if query:
        event["queryStringParameters"] = query
    text = raw if raw is not None else json.dumps(body) if body is not None else None
    if text is not None:
        event["body"] = text
        event["headers"]["content-length"] = str(len(text.encode()))
    return event


def queue_event(queue_arn: str, message: dict[str, Any], n: int) -> Event:
    """A FIFO batch of one message."""
    record = {
        "messageId": f"00000000-0000-4000-8000-{n:012d}",
        "receiptHandle": "handle",
        "body": json.dumps(message),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1795298400000",
            "SequenceNumber": str(n),
            "MessageGroupId": "group",
            "SenderId": "benchmark",
            "MessageDeduplicationId": str(n),
            "ApproximateFirstReceiveTimestamp": "1795298400000",
        },
        "messageAttributes": {},
        "md5OfBody": "0" * 32,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": "us-east-1",
    }
    return {"Records": [record]}


def received_event(queue_arn: str, messages: list[dict[str, Any]]) -> Event:
    """The batch that Lambda makes of the messages that it received (``ReceiveMessage``)."""
    region = queue_arn.split(":")[3]
    records = [
        {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": region,
        }
        for message in messages
    ]
    return {"Records": records}
