"""The emulator of these tests: ministack's services behind as little HTTP as the SDK and ``Rows`` speak.

Run as ``python -m tests.faults.emulator``. ministack's own server knows every service, protocol and host name of AWS,
which costs three times what its DynamoDB does for a request; these tests ask for four services, in JSON, thousands of
times, and for S3 a few. The deployed stack (``make run``, ``make e2e``) has ministack's own.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import itertools
import json
import os
import signal
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

Handler = Callable[..., Coroutine[Any, Any, tuple[int, dict[str, str], bytes | str]]]

_SERVICES = {
    "DynamoDB_20120810": "dynamodb",
    "TrentService": "kms",
    "AmazonSQS": "sqs",
    "secretsmanager": "secretsmanager",
}
"""ministack's modules, by what stands before the operation in ``X-Amz-Target``."""
_PLAIN_HEADERS = ("content-type", "content-length", "date", "x-amzn-requestid")
_END = b"\r\n\r\n"
ROWS_PATH = "/_rows"


class Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    handlers: dict[str, Handler]
    _numbers = itertools.count(1)

    def __init__(self) -> None:
        self._received = bytearray()
        self._transport: Any = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._continued: set[int] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(_END)) >= 0:
            first, *lines = self._received[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            begin, stop = end + len(_END), end + len(_END) + int(headers.get("content-length", "0"))
            if len(self._received) < stop:
                if headers.get("expect", "").lower() == "100-continue" and stop not in self._continued:
                    self._continued = {stop}
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            self._continued = set()
            body = bytes(self._received[begin:stop])
            del self._received[:stop]
            self._handle(first, headers, body)

    def _handle(self, first: str, headers: dict[str, str], body: bytes) -> None:
        method, path, _ = first.split(" ")
        if path.startswith("/_ministack/"):  # whether it is up
            self._answer(200, {}, b"{}")
            return
        if path == ROWS_PATH:
            self._answer(200, {}, json.dumps(rows(**json.loads(body))))
            return
        target, asked = headers.get("x-amz-target"), urlsplit(path)
        service = _SERVICES[target.partition(".")[0]] if target is not None else "s3"
        query = parse_qs(asked.query, keep_blank_values=True) if service == "s3" else {}
        answer = self.handlers[service](method, asked.path, headers, body, query)
        if service == "dynamodb":  # which waits for nobody
            try:
                answer.send(None)
            except StopIteration as done:
                self._answer(*done.value)
                return
            raise RuntimeError("ministack's DynamoDB waits for something")
        task = asyncio.get_running_loop().create_task(self._answer_later(answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_later(self, answer: Coroutine[Any, Any, Any]) -> None:
        self._answer(*await answer)

    def _answer(self, status: int, headers: dict[str, str], body: bytes | str) -> None:
        content = body if isinstance(body, bytes) else body.encode()
        said = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name.lower() not in _PLAIN_HEADERS)
        kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "application/json")
        head = (
            f"HTTP/1.1 {status} \r\n{said}content-type: {kind}\r\ncontent-length: {len(content)}\r\n"
            f"x-amzn-requestid: {next(self._numbers)}\r\n\r\n"
        )
        self._transport.write(head.encode("latin-1") + content)


def rows(tables: dict[str, str], owner: str) -> dict[str, list[Any]]:
    """Items as they are stored, of several tables at once: by ``Query`` and ``Scan`` a look at a test's books is forty
    requests, and a quarter of this process's time.

    Args:
        tables: for each table what stands behind the owner in its hash keys: nothing, or what separates it from more.
    """
    from ministack.services.dynamodb import _tables

    found: dict[str, list[Any]] = {}
    for name, behind in tables.items():
        items = _tables[name]["items"]
        keys = [key for key in items if key.startswith(owner + behind)] if behind else [owner] if owner in items else []
        found[name] = [items[key][within] for key in sorted(keys) for within in sorted(items[key])]
    return found


async def serve(host: str, port: int) -> None:
    """Serve until SIGTERM."""
    from ministack.core.responses import set_request_account_id, set_request_region

    # Of every request: each connection is served in this context.
    set_request_account_id("test")
    set_request_region("us-east-1")
    Connection.handlers = {
        service: importlib.import_module(f"ministack.services.{service}").handle_request
        for service in (*_SERVICES.values(), "s3")
    }
    _remember_expressions()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    server = await asyncio.get_running_loop().create_server(Connection, host, port)
    await ended.wait()
    server.close()


def _remember_expressions() -> None:
    """The words of an expression, and what is wrong with it, are the same each time."""
    from ministack.services import dynamodb

    words = cache(lambda text: tuple(tokenize(text)))
    tokenize = dynamodb._tokenize
    dynamodb._tokenize = lambda text: list(words(text))
    dynamodb._condition_syntax_error = cache(dynamodb._condition_syntax_error)


if __name__ == "__main__":
    asyncio.run(serve(os.environ["BIND_HOST"], int(os.environ["GATEWAY_PORT"])))
