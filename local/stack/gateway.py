"""Plain local URLs for the emulator's API and function URL.

The emulator serves an API under /_aws/execute-api/ID/ and a function URL by its Host header. People and
Stripe get http://127.0.0.1:PORT/... instead. Bodies are read whole, as API Gateway does, up to its limit, and what
came goes on: every path, and compressed bodies as they are.
"""

import argparse
import asyncio
import contextlib
import os
import re
import signal
from collections import deque
from collections.abc import Awaitable, Callable
from html import escape

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    web,
)
from yarl import URL

from local.stack.gateway_events import SOURCE_HEADER
from local.stack.settings import HOST

BODY_LIMIT_BYTES = 10 * 1024 * 1024  # API Gateway's
TIMEOUT_S = 65.0  # the longest function, and a little
HEALTH = "/_gateway/health"
MAILBOX = "/_gateway/mailbox"
KEPT_MAILS = 200
LINK = re.compile(r"https?://[^\s<]+")
TAX_WEBHOOK = "/webhooks/tax-provider"
# Headers that belong to one connection (RFC 9110 7.6.1), and those that are made anew on the next.
HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection"}
NOT_FORWARDED = HOP_BY_HOP | {"host", "content-length", "expect"}
NOT_RETURNED = HOP_BY_HOP | {"content-length", "server", "date"}
AUTO_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")  # only what the caller sent

AT_ONCE = 2 * (os.cpu_count() or 1)
"""Calls of the API that are with the functions at the same time: more of them than cores only wait for each other, each
in a worker process of 110 MB. Two a core keep the cores busy while the emulator answers."""
WAITING = 64 * (os.cpu_count() or 1)
"""Calls that wait for their turn; the next one is throttled, as AWS does at an account's limit."""

# Each delivery beside another is a worker more, with a cold start. Those of a burst would all take longer than the
# sender's 10 s, who then sends them again, to still more workers.
WEBHOOKS_AT_ONCE = 2 * (os.cpu_count() or 1) + 2

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def forward(session: ClientSession, base: str, host: str | None) -> Handler:
    """A handler that passes everything on to `base`, under the Host name `host` where one is given."""

    async def handle(request: web.Request) -> web.StreamResponse:
        headers = request.headers.copy()
        for name in NOT_FORWARDED:
            headers.popall(name, None)
        # As API Gateway does: the address that it saw goes behind those that the request names.
        seen = headers.get("X-Forwarded-For")
        headers["X-Forwarded-For"] = f"{seen}, {request.remote}" if seen else request.remote or HOST
        headers.setdefault(SOURCE_HEADER, request.remote or HOST)
        headers["Host"] = host or request.host
        body = await request.read()
        try:
            async with session.request(
                request.method,
                URL(base + request.raw_path, encoded=True),  # as it came: request signatures cover it
                headers=headers,
                data=body or None,
                allow_redirects=False,
                skip_auto_headers=AUTO_HEADERS,
            ) as answer:
                return returned(answer, await answer.read())
        except (ClientError, TimeoutError) as error:
            return web.json_response({"message": f"the emulator did not answer: {error}"}, status=503)

    return handle


def bounded(handler: Handler, at_once: int = AT_ONCE, waiting: int = WAITING) -> Handler:
    """Lets `at_once` calls through, has `waiting` more wait, and throttles the rest: 429, as API Gateway answers it.

    Whoever points a load tool at one machine then sees a plateau, not a collapse.
    """
    turn = asyncio.Semaphore(at_once)
    inside = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal inside
        if inside >= at_once + waiting:
            await request.read()  # or the connection could not be used again
            return web.json_response({"message": "Too Many Requests"}, status=429, headers={"Retry-After": "1"})
        inside += 1
        try:
            async with turn:
                return await handler(request)
        finally:
            inside -= 1

    return handle


def by_sender(session: ClientSession, aws: str, options: argparse.Namespace) -> Handler:
    """One port for the webhooks of all senders; on AWS each has a function URL of its own."""
    stripe = forward(session, aws, options.stripe_host)
    tax = forward(session, aws, options.tax_host)
    turn = asyncio.Semaphore(WEBHOOKS_AT_ONCE)

    async def handle(request: web.Request) -> web.StreamResponse:
        async with turn:
            return await (tax if request.path.startswith(TAX_WEBHOOK) else stripe)(request)

    return handle


def returned(answer: ClientResponse, body: bytes) -> web.Response:
    """The emulator's answer, on this connection."""
    response = web.Response(status=answer.status, body=body)
    for name, value in answer.headers.items():
        if name.lower() not in NOT_RETURNED:
            response.headers.add(name, value)
    return response


async def health(_request: web.Request) -> web.Response:
    """That this process is up; says nothing about the functions."""
    return web.Response(text="ok")


def linked(match: re.Match[str]) -> str:
    """A link that can be followed."""
    return f'<a href="{match[0]}">{match[0]}</a>'


class Mailbox:
    """Mails that the product sent, newest first: a page for people, JSON for tests. They are gone with the process."""

    def __init__(self) -> None:
        self._mails: deque[dict[str, str]] = deque(maxlen=KEPT_MAILS)

    async def put(self, request: web.Request) -> web.Response:
        """Take a mail."""
        mail = await request.json()
        self._mails.appendleft({name: str(mail[name]) for name in ("to", "subject", "text")})
        return web.Response(status=204)

    async def show(self, request: web.Request) -> web.Response:
        """Show them."""
        if "json" in request.headers.get("Accept", ""):
            return web.json_response(list(self._mails))
        shown = "".join(
            f"<article><h2>{escape(each['subject'])}</h2><p>To {escape(each['to'])}</p>"
            f"<pre>{LINK.sub(linked, escape(each['text']))}</pre></article>"
            for each in self._mails
        )
        text = f"<!doctype html><html lang=en><title>Mailbox</title><h1>Mailbox</h1>{shown or '<p>No mail yet.</p>'}"
        return web.Response(text=text, content_type="text/html")


async def listen(port: int, handler: Handler) -> web.AppRunner:
    """One loopback port, everything on it through `handler`."""
    app = web.Application(client_max_size=BODY_LIMIT_BYTES)
    app.router.add_get(HEALTH, health)
    mailbox = Mailbox()
    app.router.add_get(MAILBOX, mailbox.show)
    app.router.add_post(MAILBOX, mailbox.put)
    app.router.add_route("*", r"/{path:[\s\S]*}", handler)  # a point is no line feed, and a path may have %0A
    # Bodies go on as they came, compressed ones too: API Gateway undoes no Content-Encoding, nor may this.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    return runner


async def serve(options: argparse.Namespace) -> None:
    """Serve both ports until a signal says stop."""
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    session = ClientSession(
        connector=TCPConnector(limit=0),
        timeout=ClientTimeout(total=TIMEOUT_S),
        auto_decompress=False,
        cookie_jar=DummyCookieJar(),  # two callers must not share cookies
    )
    aws = f"http://{HOST}:{options.aws_port}"
    api = f"{aws}/_aws/execute-api/{options.api_id}"
    async with session:
        runners = [
            await listen(options.api_port, bounded(forward(session, api, None))),
            await listen(options.webhook_port, by_sender(session, aws, options)),
        ]
        await stop.wait()
        for runner in runners:
            with contextlib.suppress(TimeoutError):
                await runner.cleanup()


def main() -> None:
    """The process that `local.stack.run` starts after a deploy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--api-port", type=int, required=True)
    parser.add_argument("--webhook-port", type=int, required=True)
    parser.add_argument("--aws-port", type=int, required=True)
    parser.add_argument("--api-id", required=True)
    parser.add_argument("--stripe-host", required=True, help="host name of the function URL of Stripe's webhook")
    parser.add_argument("--tax-host", required=True, help="host name of the function URL of the tax provider's webhook")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
