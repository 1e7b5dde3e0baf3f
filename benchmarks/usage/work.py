"""The processes of the usage benchmark: one that accepts, and some that count, or send the same without the product.

Each does as it is told, over a pipe: a task comes, ``Ready`` goes back, and it begins at ``Go``. They live as long as
the benchmark, warm as Lambdas under load are. One that counts is the worker's handler, fed as Lambda's poller does it:
up to ten messages from the real queue, then those deleted that did not fail.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, TypeAlias
from uuid import uuid4

import boto3
from botocore.config import Config

from benchmarks.events import Context, Event, received_event

Transaction = dict[str, Any]
Pipe: TypeAlias = "Connection[Any, Any]"
BATCH_MESSAGES = 10
_WAIT_S = 1
"""How long the queue lets a poller wait for a message."""
_FRESH = 26
"""So many characters at a replayed key's end are new ones: as many as an id of ours has behind its prefix."""


class Refused(Exception):
    """The product did not take what it should have taken: the figures would be about something else."""


@dataclass(frozen=True)
class Accept:
    """Give these requests to the handler; says ``Done`` after the last one."""

    requests: list[Event]


@dataclass(frozen=True)
class Count:
    """Count what comes, and say ``Counted`` after each batch, until told to stop; then say ``Recorded``."""


@dataclass(frozen=True)
class Replay:
    """Send these transactions for events, and to totals, that were not there before; says ``Done`` after the last."""

    transactions: list[bytes]


@dataclass(frozen=True)
class Ready:
    """The task is prepared."""


@dataclass(frozen=True)
class Go:
    """The signal to begin."""


@dataclass(frozen=True)
class Stop:
    """Enough counted."""


@dataclass(frozen=True)
class Done:
    """The task is done, and took the process so much CPU time."""

    cpu_s: float


@dataclass(frozen=True)
class Counted:
    """So many events more are in the tables."""

    events: int


@dataclass(frozen=True)
class Recorded:
    """The transactions that went out meanwhile, as botocore sent them."""

    transactions: list[bytes]


@dataclass
class Recorder:
    """Keeps the transactions that a client sends, and counts the events in those that went through.

    As bytes, which cost next to nothing: thousands of objects more would be the garbage collector's to look at.
    """

    transactions: list[bytes] = field(default_factory=list)
    events: int = 0

    def attach(self, client: Any) -> None:
        """Watch a client from now on."""
        events = client.meta.events
        events.register("before-call.dynamodb.TransactWriteItems", self._sent)
        events.register("after-call.dynamodb.TransactWriteItems", self._answered)

    def _sent(self, params: dict[str, Any], **_: Any) -> None:
        self.transactions.append(params["body"])

    def _answered(self, parsed: dict[str, Any], **_: Any) -> None:
        if "Error" in parsed:
            self.transactions.pop()  # the product sends another one in its stead, or the same again
        else:
            self.events += events_in(self.transactions[-1])

    def take_events(self) -> int:
        """How many there were since the last time."""
        events, self.events = self.events, 0
        return events


def events_in(transaction: bytes) -> int:
    """How many events a recorded transaction stores; a value that was seen is none."""
    return transaction.count(b'"digest": {')


def reissued(transaction: bytes, fresh: str) -> Transaction:
    """A recorded transaction for other events and other totals: other keys, each as long as it was.

    Args:
        fresh: of 26 characters at least: the end of the totals' keys, the same for all of them.
    """
    items = json.loads(transaction)["TransactItems"]
    for write in items:
        for action in write.values():
            place = action.get("Item") or action["Key"]
            if "event_key" in place:
                place["event_key"] = {"S": _ending(place["event_key"]["S"], uuid4().hex)}
            else:
                place["subscription_key"] = {"S": _ending(place["subscription_key"]["S"], fresh)}
    return {"TransactItems": items, "ClientRequestToken": uuid4().hex}


def _ending(text: str, end: str) -> str:
    return text[:-_FRESH] + end[:_FRESH]


def accept(pipe: Pipe) -> None:
    """A process that accepts."""
    _enter()
    handler = _handler("usage")

    def prepare(task: Accept) -> Callable[[], None]:
        return lambda: accept_all(handler, task.requests)

    for task in _tasks(pipe):
        _perform(pipe, prepare(task))


def accept_all(handler: Callable[[Event, Any], Any], requests: Sequence[Event]) -> None:
    """Give requests to the handler.

    Raises:
        Refused: one was not accepted.
    """
    context = Context()
    for request in requests:
        answer = handler(request, context)
        if answer["statusCode"] != 202:
            raise Refused(f"{answer['statusCode']} {answer['body'][:500]}")


def count(pipe: Pipe, queue_arn: str) -> None:
    """A process that counts, and replays."""
    _enter()
    from billing.bootstrap import storage

    recorder = Recorder()
    recorder.attach(storage.database().client)
    poller = Poller(queue_arn, _handler("usage_worker"))
    raw = raw_client()
    for task in _tasks(pipe):
        if isinstance(task, Replay):
            fresh = uuid4().hex
            mine = [reissued(each, fresh) for each in task.transactions]
            _perform(pipe, lambda mine=mine: _send(raw, mine))  # type: ignore[misc]
        else:
            recorder.transactions = []
            _perform(pipe, lambda: _count_until_told(pipe, poller, recorder))
            pipe.send(Recorded(recorder.transactions))


def raw_client() -> Any:
    """botocore's own client, with what PynamoDB, whose client the product uses, sets to be fast: no validation."""
    return boto3.client("dynamodb", config=Config(parameter_validation=False, retries={"max_attempts": 0}))


def _send(client: Any, transactions: Sequence[Transaction]) -> None:
    for transaction in transactions:
        client.transact_write_items(**transaction)


class Poller:
    """What AWS has between a queue and a Lambda function."""

    def __init__(self, queue_arn: str, handler: Callable[[Event, Any], Any]) -> None:
        self._queue_arn, self._handler = queue_arn, handler
        self._url = os.environ["USAGE_QUEUE_URL"]
        self._client = boto3.client("sqs")

    def receive(self, wait_s: int = _WAIT_S) -> list[dict[str, Any]]:
        """A batch of messages; empty where there are none."""
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=BATCH_MESSAGES,
            WaitTimeSeconds=wait_s,
            MessageSystemAttributeNames=["All"],
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    def work(self, messages: list[dict[str, Any]]) -> None:
        """Give a batch to the function.

        Raises:
            Refused: it failed at one of the messages.
        """
        answer = self._handler(received_event(self._queue_arn, messages), Context())
        if answer["batchItemFailures"]:
            raise Refused(f"the worker failed at {len(answer['batchItemFailures'])} of {len(messages)} messages")

    def delete(self, messages: list[dict[str, Any]]) -> None:
        """Take a batch off the queue."""
        entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
        answer = self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
        if answer.get("Failed"):
            raise Refused("a message that was worked is not deleted")


def _count_until_told(pipe: Pipe, poller: Poller, recorder: Recorder) -> None:
    while not pipe.poll():
        messages = poller.receive()
        if messages:
            poller.work(messages)
            poller.delete(messages)
            pipe.send(Counted(recorder.take_events()))
    pipe.recv()  # Stop


def _handler(function: str) -> Callable[[Event, Any], Any]:
    from importlib import import_module

    handler: Callable[[Event, Any], Any] = import_module(f"functions.{function}.handler").lambda_handler
    return handler


def _enter() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer


def _tasks(pipe: Pipe) -> Any:
    while True:
        try:
            yield pipe.recv()
        except EOFError:
            return


def _perform(pipe: Pipe, task: Callable[[], None]) -> None:
    pipe.send(Ready())
    pipe.recv()  # Go
    cpu_s = time.process_time()
    task()
    pipe.send(Done(time.process_time() - cpu_s))
