"""A tenant with a webhook endpoint on this machine; its events through publisher, real queue and sender."""

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import boto3

from benchmarks.backend import Backend
from benchmarks.counting import Meter, Tally
from benchmarks.environment import queue_arn
from benchmarks.events import received_event
from benchmarks.shop import Refused, Shop
from billing.config import named_tables
from tests.support.receiver import LocalReceiver

T = TypeVar("T")
BATCH = 10
"""As many messages as the sender is given at once."""
STREAM_BATCH = 100


@dataclass
class Asked:
    """What some calls asked of AWS together.

    Args:
        calls: requests to DynamoDB.
        sqs_requests: each batch of ten that is sent, received or deleted is one.
        cpu_s, wait_s: the function's CPU time, and the rest of its time.
    """

    read_units: float = 0.0
    write_units: float = 0.0
    calls: int = 0
    sqs_requests: int = 0
    cpu_s: float = 0.0
    wait_s: float = 0.0
    invocations: int = 0
    operations: list[str] = field(default_factory=list)

    def add(self, tally: Tally, cpu_s: float, wall_s: float) -> None:
        """One invocation more."""
        self.read_units += tally.read_units
        self.write_units += tally.write_units
        self.calls += len(tally.dynamodb)
        self.sqs_requests += sum(each.startswith("sqs.") for each in tally.others)
        self.cpu_s += cpu_s
        self.wait_s += wall_s - cpu_s
        self.invocations += 1
        self.operations = tally.dynamodb


class Line:
    """From a tenant's commits to its receiver."""

    def __init__(self, backend: Backend, receiver: LocalReceiver) -> None:
        self.shop, self.receiver = Shop(backend), receiver
        body = {"url": receiver.url, "eventTypes": ["customer.created"]}
        made = self.shop.call("webhooks", "POST", "/v1/webhook-endpoints", body)
        receiver.secret = made["secret"]
        self._dynamodb, self._sqs = boto3.client("dynamodb"), boto3.client("sqs")
        self._lanes = (os.environ["WEBHOOK_QUEUE_URL"], os.environ["WEBHOOK_SLOW_QUEUE_URL"])
        self._last = "evt_"
        self.meter = Meter(backend.stripe_url)

    def watch(self) -> None:
        """Meter the clients that the product uses here."""
        from billing.bootstrap import storage
        from billing.integrations.aws.clients import aws_client

        for client in (storage.database().client, aws_client("sqs")):
            self.meter.attach(client)

    def customers(self, count: int) -> None:
        """So many events."""
        for _ in range(count):
            self.shop.customer()

    def records(self) -> list[dict[str, Any]]:
        """The stream's records of the events that are new since the last time.

        Nothing before those is read: what is measured later would have to read more, and look slower for it.
        """
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=named_tables(os.environ["TABLES"])["events"],
            KeyConditionExpression="tenant_id = :tenant AND id > :last",  # one process makes them, one after the other
            ExpressionAttributeValues={":tenant": {"S": self.shop.tenant_id}, ":last": {"S": self._last}},
        )
        rows = [row for page in pages for row in page["Items"]]
        self._last = rows[-1]["id"]["S"] if rows else self._last
        return [_record(n, row) for n, row in enumerate(rows)]

    def feed(self, records: Sequence[dict[str, Any]], asked: Asked) -> None:
        """Give the feed the same batch: it places each event, whoever has endpoints.

        Raises:
            Refused: it failed at one.
        """
        answer = self._timed(lambda: Shop.invoke("event_feed", {"Records": list(records)}), asked)
        if answer["batchItemFailures"]:
            raise Refused(f"the feed failed at {answer['batchItemFailures']}")

    def publish(self, records: Sequence[dict[str, Any]], asked: Asked | None = None) -> None:
        """Give the publisher a batch of the stream.

        Raises:
            Refused: it failed at one.
        """
        answer = self._timed(lambda: Shop.invoke("webhook_publisher", {"Records": list(records)}), asked)
        if answer["batchItemFailures"]:
            raise Refused(f"the publisher failed at {answer['batchItemFailures']}")

    def send(self, most: int = BATCH, asked: Asked | None = None) -> int:
        """Give the sender what waits, a batch; how many notices there were.

        Raises:
            Refused: it failed at one.
        """
        for lane in self._lanes:  # on the slow one until the first has succeeded
            messages = self._sqs.receive_message(
                QueueUrl=lane, MaxNumberOfMessages=most, MessageSystemAttributeNames=["All"]
            ).get("Messages", [])
            if messages:
                break
        else:
            return 0
        event = received_event(queue_arn(lane), messages)
        answer = self._timed(lambda: Shop.invoke("webhook_sender", event), asked)
        if answer["batchItemFailures"]:
            raise Refused(f"the sender failed at {len(answer['batchItemFailures'])} of {len(messages)}")
        entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
        self._sqs.delete_message_batch(QueueUrl=lane, Entries=entries)
        if asked is not None:
            asked.sqs_requests += 2
        return len(messages)

    def _timed(self, call: Callable[[], T], asked: Asked | None) -> T:
        if asked is None:
            return call()
        with self.meter.open() as tally:
            wall, cpu = time.perf_counter(), time.process_time()
            answer = call()
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        asked.add(tally, cpu, wall)
        return answer


def _record(n: int, row: dict[str, Any]) -> dict[str, Any]:
    keys = {name: row[name] for name in ("tenant_id", "id")}
    image = {"Keys": keys, "NewImage": row, "SequenceNumber": str(n + 1), "StreamViewType": "NEW_IMAGE"}
    return {
        "eventID": str(n),
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": json.loads(json.dumps(image, default=str)),
    }
