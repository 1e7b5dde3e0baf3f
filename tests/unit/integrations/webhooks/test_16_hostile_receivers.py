"""Issue 16: whatever a receiver does, an attempt ends in time and in its reason, and nobody else is dialled."""

import asyncio
import gzip
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path

import httpcore
import pytest

from billing.integrations.webhooks.dial import EXCERPT_BYTES, Dialler
from billing.services.webhooks.transport import Answer, Reason
from tests.support import hostile
from tests.support.certificates import server_for, trusting

PUBLIC = "93.184.215.14"
HEADERS = {"webhook-id": "evt_1"}
SOON_S = 0.25
"""The deadline of what ends by it."""
AMPLE_S = 30.0
"""The deadline of what ends by itself, however slow the machine is."""


class Network(httpcore.AnyIOBackend):
    """Takes what is dialled at the public address to this machine, and counts what is dialled."""

    def __init__(self) -> None:
        super().__init__()
        self.dialled: list[str] = []

    async def connect_tcp(self, host, port, *args, **kwargs):
        self.dialled.append(host)
        return await super().connect_tcp("127.0.0.1", port, *args, **kwargs)


class Names:
    """Resolves every name to the same addresses, and counts."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> tuple[str, ...]:
        self.asked.append(host)
        return self.addresses


def dialler(network: Network | None = None, resolve=None, deadline_s: float = AMPLE_S) -> Dialler:
    return Dialler(resolve or Names(PUBLIC), trusting(), deadline_s, network or Network())


def attempt(behaviour, deadline_s: float = AMPLE_S, body: bytes = b"{}", headers=HEADERS) -> tuple[Answer, object]:
    """One attempt at a receiver on plain HTTP, which only loopback has."""

    async def run():
        async with hostile.listening(behaviour) as receiver:
            made = dialler(resolve=Names("127.0.0.1"), deadline_s=deadline_s)
            url = f"http://localhost:{receiver.port}/in"
            return await made.posted(url, headers, body, loopback=True), receiver

    return asyncio.run(run())


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
AT_THE_DEADLINE = {
    "hangs": hostile.hangs(),
    "drips its head": hostile.drips(HEAD, b"x: y\r\n"),
    "drips its body": hostile.drips(CHUNKED, b"1\r\na\r\n"),
    "drips interim answers": hostile.drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "hangs in its head": hostile.hangs(HEAD + b"x: "),
    "hangs in its body": hostile.hangs(HEAD + b"Content-Length: 10\r\n\r\nabc"),
}


@pytest.mark.parametrize("behaviour", AT_THE_DEADLINE.values(), ids=AT_THE_DEADLINE)
def test_16_whoever_keeps_us_waiting_is_left_at_the_deadline(behaviour) -> None:
    answer, _ = attempt(behaviour, SOON_S)
    assert answer.reason is Reason.TIMEOUT


def test_16_a_receiver_that_does_not_read_is_left_at_the_deadline() -> None:
    """The body is more than the buffers of both sides take."""
    answer, _ = attempt(hostile.never_reads, SOON_S, b"x" * 32 * 1024 * 1024)
    assert (answer.reason, answer.status) == (Reason.TIMEOUT, None)


def test_16_the_deadline_holds_for_the_look_up_and_the_handshake_too() -> None:
    async def hangs(host: str, port: int):
        await asyncio.Event().wait()

    async def run():
        async with hostile.listening(hostile.never_reads) as receiver:
            url = f"https://hooks.example:{receiver.port}/"
            looked_up = await dialler(resolve=hangs, deadline_s=SOON_S).posted(url, {}, b"{}")
            assert receiver.accepted == 0
            return looked_up, await dialler(deadline_s=SOON_S).posted(url, {}, b"{}")

    assert [each.reason for each in asyncio.run(run())] == [Reason.TIMEOUT, Reason.TIMEOUT]


BY_ITSELF = {
    "resets": (hostile.hangs_up, Reason.CONNECTION, None),
    "hangs up after the request": (hostile.answers(b""), Reason.CONNECTION, None),
    "hangs up in its head": (hostile.answers(HEAD + b"x: "), Reason.CONNECTION, None),
    "speaks no HTTP": (hostile.answers(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), Reason.PROTOCOL, None),
    "has a head without an end": (hostile.pours(HEAD, b"x: y\r\n" * 1000, 10**9), Reason.PROTOCOL, None),
    "has one header without an end": (hostile.pours(HEAD + b"x: ", b"y" * 8192, 10**9), Reason.PROTOCOL, None),
    "pours interim answers": (
        hostile.pours(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500, 10**9),
        Reason.PROTOCOL,
        None,
    ),
    "changes the protocol": (
        hostile.answers(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
        Reason.PROTOCOL,
        None,
    ),
    "refuses": (hostile.answers(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), Reason.STATUS, 404),
    "is gone": (hostile.answers(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"), Reason.STATUS, 410),
    "accepts": (hostile.answers(hostile.OK), None, 200),
    "accepts without a body": (hostile.answers(b"HTTP/1.1 204 No Content\r\n\r\n"), None, 204),
    "accepts and breaks off": (hostile.answers(HEAD + b"Content-Length: 9\r\n\r\nabc"), None, 200),
    "accepts and spoils its chunks": (hostile.answers(CHUNKED + b"zz\r\n"), None, 200),
}


@pytest.mark.parametrize(("behaviour", "reason", "status"), BY_ITSELF.values(), ids=BY_ITSELF)
def test_16_everything_else_ends_by_itself_in_its_reason(behaviour, reason, status) -> None:
    answer, _ = attempt(behaviour)
    assert (answer.reason, answer.status) == (reason, status)


def test_scenario_28_of_ten_gigabytes_a_kibibyte_is_read_and_kept() -> None:
    ten = 10 * 1024**3
    tracemalloc.start()
    answer, receiver = attempt(hostile.pours(HEAD + b"Content-Length: %d\r\n\r\n" % ten, b"y" * 65536, ten))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.reason is None
    assert answer.excerpt == "y" * EXCERPT_BYTES
    assert receiver.written < 64 * 1024**2  # what fits into the buffers of the machine between us
    assert peak < 8 * 1024**2


def test_scenario_28_a_gzip_bomb_stays_as_small_as_it_came() -> None:
    bomb = gzip.compress(bytes(16 * 1024**2))
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    answer, receiver = attempt(hostile.answers(head + bomb))
    assert answer.reason is None
    assert len(answer.excerpt) <= EXCERPT_BYTES
    assert "\x00" not in answer.excerpt
    assert b"accept-encoding: identity" in receiver.requests[0].lower()


def test_scenario_29_a_redirect_inward_is_a_failure_and_not_followed() -> None:
    async def run():
        async with AsyncExitStack() as stack:
            inward = await stack.enter_async_context(hostile.listening(hostile.answers(hostile.OK)))
            location = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:%d/\r\n" % inward.port
            outward = await stack.enter_async_context(
                hostile.listening(hostile.answers(location + b"Content-Length: 0\r\n\r\n"))
            )
            names = Names("127.0.0.1")
            url = f"http://localhost:{outward.port}/"
            answer = await dialler(resolve=names).posted(url, {}, b"{}", loopback=True)
            return answer, names.asked, inward.accepted

    answer, asked, inward = asyncio.run(run())
    assert (answer.reason, answer.status) == (Reason.REDIRECT, 307)
    assert (asked, inward) == (["localhost"], 0)


def test_16_neither_proxies_nor_cookies_nor_credentials_of_the_environment_are_used(monkeypatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    answer, receiver = attempt(hostile.answers(HEAD + b"Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"))
    assert answer.reason is None
    sent = receiver.requests[0].lower()
    assert b"cookie" not in sent
    assert b"authorization" not in sent
    assert b"host: localhost:%d\r\n" % receiver.port in sent


class TestTls:
    """The name stays the name, wherever it leads."""

    def attempt(self, tls, behaviour=hostile.answers(hostile.OK), name="hooks.example"):
        async def run():
            network = Network()
            async with hostile.listening(behaviour, tls) as receiver:
                answer = await dialler(network).posted(f"https://{name}:{receiver.port}/a?b=c", HEADERS, b"{}")
                return answer, receiver, network.dialled

        return asyncio.run(run())

    def test_16_the_certificate_is_checked_for_the_name_and_the_judged_address_is_dialled(self, tmp_path: Path) -> None:
        seen: list[str] = []
        tls = server_for("hooks.example", tmp_path)
        tls.sni_callback = lambda connection, name, context: seen.append(name)
        answer, receiver, dialled = self.attempt(tls)
        assert answer.reason is None
        assert answer.excerpt == "ok"
        assert (seen, dialled) == (["hooks.example"], [PUBLIC])
        head = receiver.requests[0]
        assert head.startswith(b"POST /a?b=c HTTP/1.1\r\n")
        assert b"Host: hooks.example:%d\r\n" % receiver.port in head

    def test_16_a_certificate_for_another_name_is_none(self, tmp_path: Path) -> None:
        answer, receiver, _ = self.attempt(server_for("other.example", tmp_path))
        assert (answer.reason, receiver.requests) == (Reason.TLS, [])

    def test_16_a_certificate_by_nobody_known_is_none(self, tmp_path: Path) -> None:
        async def run():
            async with hostile.listening(
                hostile.answers(hostile.OK), server_for("hooks.example", tmp_path)
            ) as receiver:
                made = Dialler(Names(PUBLIC), None, AMPLE_S, Network())
                answer = await made.posted(f"https://hooks.example:{receiver.port}/", {}, b"{}")
                return answer, receiver.requests

        answer, requests = asyncio.run(run())
        assert (answer.reason, requests) == (Reason.TLS, [])

    def test_16_a_peer_that_speaks_no_tls_is_told_nothing(self) -> None:
        async def behave(reader, writer):
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()

        answer, _, _ = self.attempt(None, lambda receiver: behave)
        assert answer.reason is Reason.TLS


def test_16_a_healthy_receiver_beside_eight_that_hang_is_served_at_once() -> None:
    """Not by the clock: the eight hang until the healthy one was served, and none of them ran into its deadline."""

    async def run():
        served = asyncio.Event()

        def waits(receiver):
            async def behave(reader, writer):
                receiver.requests.append(await hostile.request(reader))
                await served.wait()
                writer.write(hostile.OK)
                await writer.drain()

            return behave

        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            threads = stack.enter_context(ThreadPoolExecutor(9))
            hanging = [await stack.enter_async_context(hostile.listening(waits)) for _ in range(8)]
            healthy = await stack.enter_async_context(hostile.listening(hostile.answers(hostile.OK)))
            made = dialler(resolve=Names("127.0.0.1"))

            def post(receiver):
                # A thread and a loop for each, as the sender has them.
                url = f"http://localhost:{receiver.port}/"
                return loop.run_in_executor(threads, lambda: made.post(url, {}, b"{}", loopback=True))

            waiting = [post(each) for each in hanging]
            while not all(each.requests for each in hanging):  # noqa: ASYNC110 - of nine servers, one condition
                await asyncio.sleep(0.001)
            first = await post(healthy)
            assert not any(each.done() for each in waiting)
            served.set()
            return [first, *await asyncio.gather(*waiting)]

    assert [each.reason for each in asyncio.run(run())] == [None] * 9


@pytest.mark.parametrize(
    ("status", "asked", "seconds"),
    [
        (503, "Retry-After: 120", 120),
        (429, "Retry-After: Tue, 01 Jan 2030 00:01:00 GMT\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT", 60),
        (429, "Retry-After: Tue, 01 Jan 2030 00:01:00 GMT", None),
        (429, "Retry-After: soon", None),
        (429, "Retry-After: 99999999999999999999", None),
        (500, "Retry-After: 120", None),
    ],
)
def test_16_retry_after_is_heard_where_it_means_something(status: int, asked: str, seconds: int | None) -> None:
    """A date counts from the same answer's Date: the receiver's clock may be wrong."""
    text = f"HTTP/1.1 {status} X\r\n{asked}\r\nContent-Length: 0\r\n\r\n"
    answer, _ = attempt(hostile.answers(text.encode()))
    assert answer.retry_after_s == seconds


def test_scenario_27_an_excerpt_is_text_without_controls() -> None:
    answer, _ = attempt(hostile.answers(HEAD + b"Content-Length: 13\r\n\r\n<b>\x00\x1b[2J\xff</b>"))
    assert answer.excerpt == "<b>\ufffd\ufffd[2J\ufffd</b>"
