"""Receivers on loopback that do what hostile or broken ones do. Each ends when its peer hangs up.

A receiver is a function of a connection: ``async def hang(reader, writer)``. What it counts is in ``Receivers``.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Behaviour = Callable[[Reader, Writer], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Receiver:
    """A running receiver.

    Args:
        accepted: how many connections it was asked for.
        requests: what it was sent, head and body, where its behaviour reads it.
        written: how many bytes it got rid of.
    """

    port: int = 0
    accepted: int = 0
    written: int = 0
    requests: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def listening(behaviour: Callable[["Receiver"], Behaviour], tls: ssl.SSLContext | None = None):
    """A receiver for as long as the block lasts."""
    receiver = Receiver()
    tasks: set[asyncio.Task] = set()

    async def serve(reader: Reader, writer: Writer) -> None:
        receiver.accepted += 1
        tasks.add(asyncio.current_task())
        try:
            await behaviour(receiver)(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def request(reader: Reader) -> bytes:
    """A whole request: head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    return head + await reader.readexactly(length)


def answers(data: bytes) -> Callable[[Receiver], Behaviour]:
    """Reads the request, answers, and hangs up."""

    def of(receiver: Receiver) -> Behaviour:
        async def behave(reader: Reader, writer: Writer) -> None:
            receiver.requests.append(await request(reader))
            writer.write(data)
            await writer.drain()
            writer.close()  # not a reset, which could overtake what was said
            await writer.wait_closed()

        return behave

    return of


def hangs(after: bytes = b"") -> Callable[[Receiver], Behaviour]:
    """Reads the request, says the beginning of an answer, and nothing more until its peer hangs up."""

    def of(receiver: Receiver) -> Behaviour:
        async def behave(reader: Reader, writer: Writer) -> None:
            receiver.requests.append(await request(reader))
            writer.write(after)
            await writer.drain()
            await reader.read()

        return behave

    return of


def drips(beginning: bytes, drop: bytes, pause_s: float = 0.002) -> Callable[[Receiver], Behaviour]:
    """Says a bit at a time, without an end: each keeps a timeout of one read from passing."""

    def of(receiver: Receiver) -> Behaviour:
        async def behave(reader: Reader, writer: Writer) -> None:
            receiver.requests.append(await request(reader))
            writer.write(beginning)
            while not writer.transport.is_closing():
                writer.write(drop)
                receiver.written += len(drop)
                await writer.drain()
                await asyncio.sleep(pause_s)

        return behave

    return of


def pours(beginning: bytes, block: bytes, most: int) -> Callable[[Receiver], Behaviour]:
    """Says as much as its peer takes, up to ``most`` bytes, made only as they are taken."""

    def of(receiver: Receiver) -> Behaviour:
        async def behave(reader: Reader, writer: Writer) -> None:
            receiver.requests.append(await request(reader))
            writer.write(beginning)
            while receiver.written < most and not writer.transport.is_closing():
                writer.write(block)
                await writer.drain()
                receiver.written += len(block)

        return behave

    return of


def hangs_up(receiver: Receiver) -> Behaviour:
    """Resets the connection without a word."""

    async def behave(reader: Reader, writer: Writer) -> None:
        await reader.read(1)

    return behave


def never_reads(receiver: Receiver) -> Behaviour:
    """Takes the connection and not the request."""

    async def behave(reader: Reader, writer: Writer) -> None:
        await asyncio.Event().wait()

    return behave
