"""A database that is far away and refuses what collides: the wait of each call, and DynamoDB's TransactionConflict.

The emulator answers at once and works one request after the other, so it never says what DynamoDB says about a hot
item: of two transactions in flight on one item, or a transaction and a plain write, one is refused. Here the client
waits before it sends, and asks a register, which all workers share, whether the items are somebody's meanwhile. That is
harder than DynamoDB, which holds an item for a part of the call only. Two plain writes never collide, as there.
Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html, "Transaction conflict handling".
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from pynamodb.models import Model

from billing.storage import tables
from billing.storage.database import hash_name, range_name, table_name

_NOTHING: tuple[str, list[str]] = ("write", [])
_WRITES = {"UpdateItem", "PutItem", "DeleteItem"}
_ERRORS = "com.amazonaws.dynamodb.v20120810#"
_CONFLICT = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}


class Register:
    """Which items are in flight, in whose transactions and plain writes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held = {"transaction": Counter[str](), "write": Counter[str]()}

    @contextmanager
    def open(self, address: Path) -> Iterator[None]:
        """Answer workers on a socket until it is left."""
        with Listener(str(address), "AF_UNIX") as listener:
            Thread(target=self._serve, args=(listener,), daemon=True).start()
            yield

    def _serve(self, listener: Listener) -> None:
        while True:
            try:
                pipe = listener.accept()
            except OSError:
                return
            Thread(target=self.answer, args=(pipe,), daemon=True).start()

    def answer(self, pipe: "Connection[Any, Any]") -> None:
        """Answer a worker's calls, one after the other; what a killed one held is free again."""
        held = _NOTHING
        try:
            while True:
                wanted = pipe.recv()
                self.leave(*held)
                held = _NOTHING
                if wanted is not None:
                    taken = self.enter(*wanted)
                    held = _NOTHING if taken else wanted
                    pipe.send(taken)
        except (EOFError, OSError):
            self.leave(*held)

    def enter(self, kind: str, keys: list[str]) -> list[bool]:
        """Hold items; where one of them is somebody's, none is held, and for each is said whether it is."""
        with self._lock:
            others = ("transaction", "write") if kind == "transaction" else ("transaction",)
            taken = [any(self._held[other][key] for other in others) for key in keys]
            if any(taken):
                return taken
            self._held[kind].update(keys)
            return []

    def leave(self, kind: str, keys: list[str]) -> None:
        """Hold them no longer."""
        with self._lock:
            self._held[kind].subtract(keys)


class Far:
    """Makes a client's calls take a while, and collide.

    Args:
        latency_s: of each call.
        address: the register's socket.
    """

    def __init__(self, latency_s: float, address: str) -> None:
        self._latency_s = latency_s
        self._register: Connection[Any, Any] = Client(address, "AF_UNIX")
        self._keys = {table_name(each): (hash_name(each), range_name(each)) for each in _models()}
        self._holds = False

    def attach(self, client: Any) -> None:
        """Stand between the client and the database from now on."""
        client.meta.events.register("before-send.dynamodb", self._sent)
        client.meta.events.register("after-call.dynamodb", self._over)
        client.meta.events.register("after-call-error.dynamodb", self._over)

    def _sent(self, request: Any, **_: object) -> AWSResponse | None:
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        taken: list[bool] = []
        if operation == "TransactWriteItems":
            taken = self._enter("transaction", self._items(json.loads(request.body)))
        elif operation in _WRITES:
            asked = json.loads(request.body)
            taken = self._enter("write", [self._name(asked)])
        time.sleep(self._latency_s)
        return _refusal(request.url, operation, taken) if taken else None

    def _enter(self, kind: str, keys: list[str]) -> list[bool]:
        self._register.send((kind, keys))
        self._holds = True
        taken: list[bool] = self._register.recv()
        return taken

    def _over(self, **_: object) -> None:
        if self._holds:
            self._register.send(None)
            self._holds = False

    def _items(self, asked: dict[str, Any]) -> list[str]:
        return [self._name(what) for action in asked["TransactItems"] for what in action.values()]

    def _name(self, what: dict[str, Any]) -> str:
        names = self._keys[what["TableName"]]
        item = what.get("Key") or what["Item"]
        return json.dumps([what["TableName"], *(item[name]["S"] for name in names if name)])


def _models() -> Iterator[type[Model]]:
    for found in vars(tables).values():
        if isinstance(found, type) and issubclass(found, Model) and hasattr(found, "Meta"):
            yield found


class _Raw:
    """A body, as botocore reads it off the wire."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self._body


def _refusal(url: str, operation: str, taken: list[bool]) -> AWSResponse:
    """DynamoDB's answer to what collides."""
    said: dict[str, Any] = {"__type": f"{_ERRORS}TransactionConflictException", "message": _CONFLICT["Message"]}
    if operation == "TransactWriteItems":
        reasons = [_CONFLICT if each else {"Code": "None"} for each in taken]
        codes = ", ".join(reason["Code"] for reason in reasons)
        message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
        said = {"__type": f"{_ERRORS}TransactionCanceledException", "Message": message, "CancellationReasons": reasons}
    return answered(url, 400, said)


def answered(url: str, status: int, said: dict[str, Any]) -> AWSResponse:
    """An answer that did not come over the wire."""
    return AWSResponse(url, status, HTTPHeaders(), _Raw(json.dumps(said).encode()))
