"""Counts what a call asks of AWS and of Stripe, by botocore's event hooks and the sandbox's request log.

Write units are DynamoDB's own figure (ReturnConsumedCapacity), as the emulator computes it. The emulator has no such
figure for BatchGetItem and a wrong one for Query, so read units are worked out here, by DynamoDB's published rule:
one for each 4 KB of an item that is read consistently, half of that otherwise, one for an item that is not there.
Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

import io
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from logging import Handler, StreamHandler
from typing import Any

import requests

_READ_UNIT_BYTES = 4096
_TIMEOUT_S = 10
STORED_MORE_BYTES = 100
"""Of each stored item, for indexing. Source: aws.amazon.com/dynamodb/pricing/on-demand, data storage."""
Item = Mapping[str, Mapping[str, Any]]


@dataclass
class Tally:
    """What was asked while it was open.

    Args:
        dynamodb: the operations in order, one for each request that went over the wire (a retry counts again).
        others: requests to other AWS services: KMS, SQS, Secrets Manager.
        read_units, write_units: capacity, indexes included; see the module.
        stripe: requests to Stripe.
        cpu_s: CPU time of the thread that called; the sandbox's own threads are not in it.
        log_bytes: of the lines that the product logged.
        stored: bytes of each item that was put, by its table and its key; what replaces another counts once.
    """

    dynamodb: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    read_units: float = 0.0
    write_units: float = 0.0
    stripe: int = 0
    keys_asked: int = 0
    cpu_s: float = 0.0
    log_bytes: int = 0
    stored: dict[tuple[str, str], int] = field(default_factory=dict)

    def stored_bytes(self, table: str) -> int:
        """What was put into a table."""
        return sum(size for (name, _), size in self.stored.items() if name == table)


@dataclass(frozen=True)
class Shape:
    """What decides how much an item of a table takes.

    Args:
        key: the attributes of its key.
        copied: the hash key of each index that holds whole items; an item without it is not in the index.
    """

    key: tuple[str, ...]
    copied: tuple[str, ...]

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> "Shape":
        """As ``DescribeTable`` tells it."""
        indexes = table.get("GlobalSecondaryIndexes", [])
        whole = [each for each in indexes if each["Projection"]["ProjectionType"] == "ALL"]
        copied = (each["KeySchema"][0]["AttributeName"] for each in whole)
        return cls(tuple(each["AttributeName"] for each in table["KeySchema"]), tuple(copied))

    def stored_bytes(self, item: Item) -> int:
        """An item and its copies."""
        copies = 1 + sum(name in item for name in self.copied)
        return copies * (item_bytes(item) + STORED_MORE_BYTES)


class Meter:
    """Attached to botocore clients; counts into the open tally.

    Args:
        stripe_url: the sandbox, whose log says what it was asked.
    """

    def __init__(self, stripe_url: str) -> None:
        self._stripe_url = stripe_url
        self._tally: Tally | None = None
        self._shapes: dict[str, Shape] = {}

    def learn_tables(self, client: Any) -> None:
        """Look at the tables there are, to count what is stored in them."""
        for name in client.list_tables()["TableNames"]:
            self._shapes[name] = Shape.of(client.describe_table(TableName=name)["Table"])

    def attach(self, client: Any) -> None:
        """Watch a client from now on."""
        service: str = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"before-send.{service}", self._sent)
        if service == "dynamodb":
            client.meta.events.register("before-parameter-build.dynamodb", self._ask_for_capacity)
            client.meta.events.register("after-call.dynamodb", self._answered)

    def attach_log(self, handlers: Iterable[Handler]) -> None:
        """Count what a log's handlers write from now on, instead of printing it."""
        for handler in handlers:
            if isinstance(handler, StreamHandler):
                handler.setStream(_Counted(self._logged))

    @contextmanager
    def open(self) -> Iterator[Tally]:
        """Count what happens inside."""
        before = self._stripe_requests()
        tally = self._tally = Tally()
        cpu_s = time.thread_time()
        try:
            yield tally
        finally:
            tally.cpu_s = time.thread_time() - cpu_s
            self._tally = None
            tally.stripe = self._stripe_requests() - before

    def _sent(self, event_name: str, **_: object) -> None:
        if self._tally is None:
            return
        service, operation = event_name.split(".")[1:3]
        if service == "dynamodb":
            self._tally.dynamodb.append(operation)
        else:
            self._tally.others.append(f"{service}.{operation}")

    def _ask_for_capacity(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "INDEXES"
        if self._tally is None:
            return
        if model.name == "BatchGetItem":
            self._tally.keys_asked = sum(len(table["Keys"]) for table in params["RequestItems"].values())
        for put in puts(model.name, params):
            shape = self._shapes.get(put["TableName"])
            if shape is not None:
                key = str([put["Item"][name] for name in shape.key])
                self._tally.stored[put["TableName"], key] = shape.stored_bytes(put["Item"])

    def _logged(self, text: str) -> None:
        if self._tally is not None:
            self._tally.log_bytes += len(text.encode())

    def _answered(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        if self._tally is None or "Error" in parsed:
            return
        if model.name == "BatchGetItem":
            items = [item for table in parsed["Responses"].values() for item in table]
            missing = self._tally.keys_asked - len(items)
            self._tally.read_units += missing + sum(read_units_of(item_bytes(item)) for item in items)
        elif model.name == "Query":
            # What a filter drops is read, too; its size is taken to be that of what it lets through.
            share = parsed["ScannedCount"] / max(1, parsed["Count"])
            self._tally.read_units += read_units_of(int(share * sum(map(item_bytes, parsed["Items"])))) / 2
        else:
            consumed = parsed.get("ConsumedCapacity") or []
            entries = consumed if isinstance(consumed, list) else [consumed]
            self._tally.write_units += sum(entry["CapacityUnits"] for entry in entries)

    def _stripe_requests(self) -> int:
        answer = requests.get(f"{self._stripe_url}/_sandbox/requests", timeout=_TIMEOUT_S)
        answer.raise_for_status()
        return len(answer.json()["data"])


class _Counted(io.TextIOBase):
    """A stream that gives what is written to it to somebody, and keeps nothing."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def write(self, text: str) -> int:
        """Count it."""
        self._tell(text)
        return len(text)


def puts(operation: str, params: Mapping[str, Any]) -> list[Any]:
    """The items that a request puts, each with its table."""
    if operation == "PutItem":
        return [params]
    if operation == "TransactWriteItems":
        return [write["Put"] for write in params["TransactItems"] if "Put" in write]
    return []


def item_bytes(item: Item) -> int:
    """The size of an item of texts and numbers, as DynamoDB charges it.

    >>> item_bytes({"id": {"S": "é"}, "n": {"N": "12345"}})
    9
    """
    size = 0
    for name, value in item.items():
        size += len(name.encode())
        for kind, content in value.items():
            # A number takes about a byte for two digits, and one more.
            if kind == "B":
                size += len(content)
            else:
                size += len(content.encode()) if kind == "S" else math.ceil(len(str(content)) / 2) + 1
    return size


def read_units_of(size_bytes: int) -> int:
    """The units of a consistent read of so many bytes; of any other read it is half of that."""
    return max(1, math.ceil(size_bytes / _READ_UNIT_BYTES))
