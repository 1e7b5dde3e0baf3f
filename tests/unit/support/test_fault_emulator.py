"""The fault tests' server speaks as much HTTP as its clients do, however TCP cuts it."""

import asyncio
import json
from typing import Any

import pytest

from tests.faults.emulator import Connection


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def answers(self) -> list[tuple[int, dict[str, str], Any]]:
        """Status, headers and body of each answer, taken."""
        found, rest = [], self.written
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            headers = dict(line.split(": ") for line in lines)
            size = int(headers["content-length"])
            found.append((int(first.split(" ")[1]), headers, json.loads(rest[:size])))
            rest = rest[size:]
        self.written = b""
        return found


async def echo(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> tuple[int, Any, str]:
    """Answers with what it was asked; 400 where that is nothing."""
    asked = json.loads(body)
    said = {"Content-Type": "application/x-amz-json-1.0", "X-Operation": headers["x-amz-target"].rpartition(".")[2]}
    return (200 if asked else 400), said, json.dumps({"asked": asked, "path": path, "method": method})


async def echo_later(*asked: Any) -> Any:
    """The same, as a queue that waits for a message."""
    await asyncio.sleep(0)
    return await echo(*asked)


def request(body: Any, target: str = "DynamoDB_20120810.GetItem") -> bytes:
    text = json.dumps(body).encode()
    return f"POST / HTTP/1.1\r\nX-Amz-Target: {target}\r\ncontent-length:{len(text)}\r\n\r\n".encode() + text


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> tuple[Connection, Transport]:
    """One that is open."""
    handlers = {"dynamodb": echo, "sqs": echo_later}
    monkeypatch.setattr(Connection, "handlers", handlers, raising=False)
    made, transport = Connection(), Transport()
    made.connection_made(transport)  # type: ignore[arg-type]
    return made, transport


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_requests_are_answered_one_by_one_wherever_they_are_cut(
    connection: tuple[Connection, Transport], piece: int
) -> None:
    made, transport = connection
    sent = request({"a": "ü\r\n\r\n"}) + request({}) + b"GET /_ministack/health HTTP/1.1\r\nHost: here\r\n\r\n"
    for start in range(0, len(sent), piece):
        made.data_received(sent[start : start + piece])
    first, refused, health = transport.answers()
    assert (first[0], first[2]) == (200, {"asked": {"a": "ü\r\n\r\n"}, "path": "/", "method": "POST"})
    assert (first[1]["X-Operation"], first[1]["content-type"]) == ("GetItem", "application/x-amz-json-1.0")
    assert (refused[0], health[0]) == (400, 200)


def test_what_waits_is_answered_when_it_is_done(connection: tuple[Connection, Transport]) -> None:
    made, transport = connection

    async def ask() -> None:
        made.data_received(request({"a": 1}, "AmazonSQS.ReceiveMessage"))
        assert transport.written == b""
        await asyncio.gather(*made._tasks)

    asyncio.run(ask())
    ((status, _, body),) = transport.answers()
    assert (status, body["asked"]) == (200, {"a": 1})


def test_a_service_that_these_tests_do_not_ask_is_no_silent_answer(connection: tuple[Connection, Transport]) -> None:
    made, _ = connection
    with pytest.raises(KeyError, match="Kinesis"):
        made.data_received(request({"a": 1}, "Kinesis_20131202.PutRecord"))
