"""What reporting and counting ask of AWS for each event, in process and one after the other: calls, units, CPU time.

Calls, write units and read units as in ``counting``. Of SQS, requests are as it bills them: one for each 64 KB of a
request's or an answer's messages. CPU time is the functions' own; the poller is AWS's.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.counting import STORED_MORE_BYTES, Item, Meter, Tally, item_bytes
from benchmarks.events import Event
from benchmarks.shop import Shop
from benchmarks.usage.case import BATCH, KINDS, SUM, Kind, Metered
from benchmarks.usage.work import Poller, Recorder, accept_all

SQS_REQUEST_BYTES = 64 * 1024
"""Source: aws.amazon.com/sqs/pricing, "every 64 KB chunk of a payload is billed as 1 request"."""
_BATCHES = 3
_SINGLES = 20


@dataclass(frozen=True)
class Asked:
    """What something asked for, over so many events.

    Args:
        tallies: one for each request or message batch.
        calls: DynamoDB operations of the worst request; of messages, of the mean one.
        cpu_s, wait_s: the function's CPU time, and the rest of its time: it waits for DynamoDB and SQS.
        invocations: of the Lambda function.
    """

    events: int
    operations: tuple[str, ...]
    calls: float
    read_units: float
    write_units: float
    sqs_requests: float
    cpu_s: float
    wait_s: float
    invocations: int

    def each(self, amount: float) -> float:
        """An amount for each event."""
        return amount / self.events


@dataclass(frozen=True)
class KindAsked:
    """What the events of one kind of meter ask for.

    Args:
        stored_bytes: of an event's items, as DynamoDB counts them for storage; the totals are shared by all.
        in_transaction: how many events there are in a transaction.
    """

    kind: Kind
    accepted: Asked
    counted: Asked
    stored_bytes: float
    in_transaction: float


class Desk:
    """Measures, in this process.

    Args:
        watched: the clients that the product uses here.
    """

    def __init__(self, metered: Metered, meter: Meter, poller: Poller, dynamodb: Any, sqs: Any) -> None:
        self._metered, self._meter, self._poller = metered, meter, poller
        self._recorder = Recorder()
        self._recorder.attach(dynamodb)
        self._sent = 0
        for client in (dynamodb, sqs):
            meter.attach(client)
        sqs.meta.events.register("provide-client-params.sqs.SendMessageBatch", self._sends)

    def kinds(self) -> list[KindAsked]:
        """Requests of a thousand events, of each kind of meter."""
        return [self._kind(kind) for kind in KINDS]

    def singles(self) -> tuple[Asked, Asked]:
        """Requests of one event each."""
        self._kind(SUM, 1, 2)
        accepted = self._accepted(self._metered.requests(SUM, _SINGLES, 1))
        return accepted, self._counted()

    def _kind(self, kind: Kind, batch: int = BATCH, batches: int = _BATCHES) -> KindAsked:
        self._accepted(self._metered.requests(kind, batch, batch))  # caches fill, totals are there
        self._counted()
        accepted = self._accepted(self._metered.requests(kind, batches * batch, batch))
        self._recorder.transactions = []
        counted = self._counted()
        transactions = self._recorder.transactions
        stored = sum(map(stored_bytes, transactions))
        counted = replace(counted, events=accepted.events)
        return KindAsked(kind, accepted, counted, stored / counted.events, counted.events / len(transactions))

    def _accepted(self, requests: Sequence[Event]) -> Asked:
        self._sent = 0
        events = sum(request["body"].count('"eventId"') for request in requests)
        timed = [self._timed(lambda request=request: accept_all(_report, [request])) for request in requests]  # type: ignore[misc]
        worst = max((tally for tally, _, _ in timed), key=lambda tally: len(tally.dynamodb))
        return _asked(timed, events, self._sent, len(worst.dynamodb), worst.dynamodb + worst.others)

    def _counted(self) -> Asked:
        """Count what is on the queue; billed are the messages' bytes when they are received, and a deletion."""
        timed, sqs_requests, messages = [], 0, 0
        while batch := self._poller.receive(wait_s=0):
            timed.append(self._timed(lambda batch=batch: self._poller.work(batch)))  # type: ignore[misc]
            self._poller.delete(batch)
            sqs_requests += billed_requests([each["Body"] for each in batch]) + 1
            messages += len(batch)
        calls = sum(len(tally.dynamodb) for tally, _, _ in timed) / messages
        operations = timed[-1][0].dynamodb[: round(calls)]
        return _asked(timed, self._recorder.take_events(), sqs_requests, calls, operations)

    def _timed(self, call: Callable[[], None]) -> tuple[Tally, float, float]:
        """What a call asks for, its CPU time and its time on the clock."""
        with self._meter.open() as tally:
            wall, cpu = time.perf_counter(), time.process_time()
            call()
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return tally, cpu, wall

    def _sends(self, params: dict[str, Any], **_: Any) -> None:
        self._sent += billed_requests([entry["MessageBody"] for entry in params["Entries"]])


def _report(event: Event, _: Any) -> Any:
    return Shop.invoke("usage", event)


def _asked(
    timed: Sequence[tuple[Tally, float, float]], events: int, sqs_requests: int, calls: float, operations: Sequence[str]
) -> Asked:
    return Asked(
        events=events,
        operations=tuple(operations),
        calls=calls,
        read_units=sum(tally.read_units for tally, _, _ in timed),
        write_units=sum(tally.write_units for tally, _, _ in timed),
        sqs_requests=sqs_requests,
        cpu_s=sum(cpu for _, cpu, _ in timed),
        wait_s=sum(wall - cpu for _, cpu, wall in timed),
        invocations=len(timed),
    )


def billed_requests(bodies: Sequence[str]) -> int:
    """As how many requests SQS bills one with these messages.

    >>> billed_requests(["a" * 65_536]), billed_requests(["a" * 65_536, "b"])
    (1, 2)
    """
    return max(1, math.ceil(sum(len(body.encode()) for body in bodies) / SQS_REQUEST_BYTES))


def stored_bytes(transaction: bytes) -> int:
    """How much storage the items take that a recorded transaction puts."""
    puts: list[Item] = [write["Put"]["Item"] for write in json.loads(transaction)["TransactItems"] if "Put" in write]
    return sum(item_bytes(item) + STORED_MORE_BYTES for item in puts)
