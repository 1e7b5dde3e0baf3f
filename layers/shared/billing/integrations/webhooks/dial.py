"""One POST to an address that a stranger chose: safe for our network, and for our memory and time.

A tenant names the host, and whoever runs the host's DNS and server may be hostile. So

- the name is resolved once, each of its addresses is judged, and the judged address itself is dialled: there is no
  second look-up between judging and dialling in which the name could come to mean another machine. One address that is
  not public is enough to dial none. The name in SNI, in the certificate's check and in Host stays the name;
- nothing is followed (no redirects), nothing from the environment is used (no proxies), nothing is kept (no cookies, no
  connections), nothing is decoded (a gzip bomb stays as small as it came);
- one deadline holds for everything from the look-up to the last byte that is read; 1 KiB of the body is read, and no
  more than 128 KiB in all.

httpcore itself does none of what is not done here, which is why it is used and not a client on top of it.
"""
# ruff: noqa: ASYNC109 - the timeouts are in httpcore's interface; ours is the one deadline

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, NoReturn

import certifi
import httpcore
from httpcore import AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream

from billing.domain.webhooks.addresses import BadTarget, Target, is_loopback, may_dial, parse_target
from billing.services.webhooks.transport import Answer, Reason

DEADLINE_S = 15.0
EXCERPT_BYTES = 1024
_MOST_BYTES = 128 * 1024
"""Of a whole answer: without this, a peer that sends interim answers as fast as it can keeps a core busy for 15 s."""
_CONNECT_S = 4.0
"""For one of several addresses: the next one has to have its turn within the deadline."""
_MOST_ADDRESSES = 4
"""That are dialled; all are judged."""
_LOOK_UPS = 32
"""Threads. A look-up cannot be ended: it waits for the resolver's own timeout, as long as somebody's DNS hangs."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a host name, as texts; raises OSError (``socket.gaierror``) where it has none."""


class DialFailed(Exception):
    """The attempt is over, for this reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Dialler:
    """Posts to strangers.

    Args:
        resolve: looks names up; the system's resolver if None.
        tls: whose certificates are trusted; certifi's if None.
        deadline_s: for everything.
        network: opens connections to addresses.
    """

    def __init__(
        self,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        deadline_s: float = DEADLINE_S,
        network: AsyncNetworkBackend | None = None,
    ) -> None:
        self._resolve = resolve or system_resolver
        self._tls = tls
        self._deadline_s = deadline_s
        self._network = network or AnyIOBackend()

    def post(self, url: str, headers: dict[str, str], body: bytes, *, loopback: bool = False) -> Answer:
        """Post once; blocks for no longer than the deadline. An event loop of its own: ten threads may do this at once.

        Args:
            loopback: whether addresses of this machine are let through; ``http`` goes to no others.
        """
        return asyncio.run(self.posted(url, headers, body, loopback=loopback))

    async def posted(self, url: str, headers: dict[str, str], body: bytes, *, loopback: bool = False) -> Answer:
        """The same in a running event loop."""
        started = time.monotonic()
        status: int | None = None
        reason: Reason | None = None
        excerpt = bytearray()
        retry_after_s: int | None = None
        try:
            async with asyncio.timeout(self._deadline_s):
                target = parse_target(url, allow_loopback=loopback)
                async with self._connection(target, loopback) as connection:
                    response = await connection.handle_async_request(_request(target, headers, body))
                    status, retry_after_s = response.status, _retry_after_s(response)
                    await _read_excerpt(response, excerpt)
            reason = _judged(status)
        except BadTarget:
            reason = Reason.BLOCKED_ADDRESS
        except DialFailed as failed:
            reason = failed.reason
        except TimeoutError:
            reason = Reason.TIMEOUT
        took_ms = int((time.monotonic() - started) * 1000)
        return Answer(took_ms, status, reason, _text(excerpt), retry_after_s)

    def _connection(self, target: Target, loopback: bool) -> httpcore.AsyncHTTPConnection:
        origin = httpcore.Origin(target.scheme.encode(), target.host.encode(), target.port)
        network = _JudgedNetwork(self._network, self._addresses(target, loopback))
        tls = (self._tls or _trusted()) if target.scheme == "https" else None
        return _Once(origin=origin, ssl_context=tls, retries=0, network_backend=network)

    def _addresses(self, target: Target, loopback: bool) -> Callable[[], Awaitable[Sequence[str]]]:
        async def addresses() -> Sequence[str]:
            try:
                found = list(dict.fromkeys(await self._resolve(target.host, target.port)))
            except (OSError, UnicodeError):
                raise DialFailed(Reason.DNS) from None
            if not found:
                raise DialFailed(Reason.DNS)
            plain_outward = target.scheme == "http" and not all(is_loopback(each) for each in found)
            if plain_outward or not may_dial(found, allow_loopback=loopback):
                raise DialFailed(Reason.BLOCKED_ADDRESS)
            # A function of Lambda's has no way to an IPv6 address; four dead ends must not stand before the way.
            return sorted(found, key=lambda each: ":" in each)[:_MOST_ADDRESSES]

        return addresses


class _Once(httpcore.AsyncHTTPConnection):
    """A connection for one request, whose failures are told as reasons."""

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        try:
            return await super().handle_async_request(request)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, ValueError) as error:
            _fail(error)


class _JudgedNetwork(AsyncNetworkBackend):
    """Dials the judged addresses of the one host of a connection, whatever name it is asked for."""

    def __init__(self, inner: AsyncNetworkBackend, addresses: Callable[[], Awaitable[Sequence[str]]]) -> None:
        self._inner = inner
        self._addresses = addresses

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        addresses = await self._addresses()
        for address in addresses:
            try:
                stream = await self._inner.connect_tcp(address, port, None if len(addresses) == 1 else _CONNECT_S)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
            return _LimitedStream(stream)
        raise DialFailed(Reason.CONNECTION)


class _LimitedStream(AsyncNetworkStream):
    """A connection from which only so much is read, and whose TLS fails by that name."""

    def __init__(self, inner: AsyncNetworkStream) -> None:
        self._inner = inner
        self._left = _MOST_BYTES

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._left <= 0:
            raise DialFailed(Reason.PROTOCOL)
        with _tls_told():
            data = await self._inner.read(min(max_bytes, self._left), timeout)
        self._left -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _tls_told():
            await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> AsyncNetworkStream:
        try:
            return _LimitedStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))
        except httpcore.ConnectError as error:
            # What is not TLS's own complaint is a peer that hung up.
            raise DialFailed(Reason.TLS if isinstance(error.__cause__, ssl.SSLError) else Reason.CONNECTION) from error
        except asyncio.CancelledError:
            await self._inner.aclose()  # the deadline, in the middle of a handshake: nobody else knows this connection
            raise

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


@contextmanager
def _tls_told() -> Iterator[None]:
    """TLS may fail after its handshake, and httpcore passes that on as it is.

    In TLS 1.3 a server asks for a client's certificate, and misses it, after the client has begun to send.
    """
    try:
        yield
    except ssl.SSLError as error:
        raise DialFailed(Reason.TLS) from error


def _request(target: Target, headers: dict[str, str], body: bytes) -> httpcore.Request:
    sent = {
        "Host": _authority(target),
        "Content-Length": str(len(body)),
        "Connection": "close",
        "Accept-Encoding": "identity",
        **headers,
    }
    url = httpcore.URL(
        scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
    )
    return httpcore.Request("POST", url, headers=list(sent.items()), content=body)


def _authority(target: Target) -> str:
    """As Host says it: an IPv6 address in brackets, and the port where it is not the scheme's own."""
    name = f"[{target.host}]" if ":" in target.host else target.host
    default = 443 if target.scheme == "https" else 80
    return name if target.port == default else f"{name}:{target.port}"


async def _read_excerpt(response: httpcore.Response, kept: bytearray) -> None:
    """Keep the first KiB of the body. One that breaks off takes nothing back of the status that came before it."""
    try:
        async for chunk in response.aiter_stream():
            kept += chunk[: EXCERPT_BYTES - len(kept)]
            if len(kept) >= EXCERPT_BYTES:
                break
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, DialFailed):
        pass
    finally:
        await response.aclose()


def _judged(status: int) -> Reason | None:
    if 200 <= status < 300:
        return None
    return Reason.REDIRECT if 300 <= status < 400 else Reason.STATUS


def _fail(error: Exception) -> NoReturn:
    """Tell an error of httpcore's as a reason."""
    if isinstance(error, httpcore.TimeoutException):
        raise DialFailed(Reason.TIMEOUT) from error
    if isinstance(error, httpcore.ProtocolError):
        # httpcore's word for a connection that was closed without a byte, which is no fault of HTTP.
        silent = isinstance(error, httpcore.RemoteProtocolError) and "without sending" in str(error)
        raise DialFailed(Reason.CONNECTION if silent else Reason.PROTOCOL) from error
    raise DialFailed(Reason.CONNECTION) from error


def _retry_after_s(response: httpcore.Response) -> int | None:
    """What Retry-After asks for, in seconds; only where it means something (RFC 9110, 10.2.3).

    A date is one of the receiver's clock, which may be wrong: it counts from the same answer's Date.
    """
    if response.status not in (429, 503):
        return None
    said = {name.lower(): value.decode("latin-1").strip() for name, value in response.headers}
    asked = said.get(b"retry-after", "")
    if asked.isascii() and asked.isdigit() and len(asked) < 10:
        return int(asked)
    try:
        wait = parsedate_to_datetime(asked) - parsedate_to_datetime(said.get(b"date", ""))
        return max(0, int(wait.total_seconds()))
    except (ValueError, TypeError, OverflowError):
        return None


def _text(excerpt: bytearray) -> str:
    """As text: what is no UTF-8 or no character that anything shows becomes U+FFFD."""
    text = excerpt.decode("utf-8", errors="replace")
    return "".join(each if each.isprintable() or each in "\t\r\n" else "\ufffd" for each in text)


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())


@cache
def _look_ups() -> ThreadPoolExecutor:
    # Of our own: asyncio.run() waits for the threads of a loop's executor, however long a look-up hangs.
    return ThreadPoolExecutor(_LOOK_UPS, "look-up")


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """The addresses that this machine would dial."""
    look_up = asyncio.get_running_loop().run_in_executor(
        _look_ups(), lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    return [str(found[4][0]) for found in await look_up]
