"""The sandbox as a server: in the foreground, or in a thread of a test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType

from aiohttp import web

from local.stripe_sandbox.app import Sandbox
from local.stripe_sandbox.checkout_page import CheckoutPage
from local.stripe_sandbox.control import Control
from local.stripe_sandbox.store import Store
from local.stripe_sandbox.taxjar import TaxJarDouble

_START_TIMEOUT_S = 20.0


class SandboxServer:
    """A Stripe sandbox on a TCP port.

    >>> with SandboxServer() as server:  # doctest: +SKIP
    ...     client = stripe.StripeClient("sk_test_12345678", base_addresses={"api": server.url})

    Args:
        port: 0 takes a free one.
        db: SQLite file; ``:memory:`` forgets on stop.
        check_responses: see Sandbox.
        retry_base_s: wait before a webhook's first retry.
        refunds_after_s: see Sandbox.
    """

    def __init__(
        self,
        port: int = 0,
        db: str = ":memory:",
        host: str = "127.0.0.1",
        *,
        check_responses: bool = False,
        retry_base_s: float = 1.0,
        refunds_after_s: float | None = None,
    ) -> None:
        self.host, self.port = host, port
        self._db, self._check_responses, self._retry_base_s = db, check_responses, retry_base_s
        self._refunds_after_s = refunds_after_s
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._started = threading.Event()
        self._error: BaseException | None = None
        self.sandbox: Sandbox | None = None

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://{self.host}:{self.port}"

    async def serve(self, stopping: asyncio.Event, listening: Callable[[], None] | None = None) -> None:
        """Serve until ``stopping`` is set.

        Raises:
            OSError: the port is taken.
        """
        store = Store(self._db)
        self.sandbox = Sandbox(
            store,
            check_responses=self._check_responses,
            retry_base_s=self._retry_base_s,
            refunds_after_s=self._refunds_after_s,
        )
        app = web.Application()
        app.add_routes(Control(self.sandbox).routes())
        app.add_routes(TaxJarDouble(self.sandbox).routes())
        app.add_routes(CheckoutPage(self.sandbox).routes())
        app.router.add_route("*", "/{path:.*}", self.sandbox.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        try:
            await runner.setup()
            site = web.TCPSite(runner, self.host, self.port)
            await site.start()
            self.port = runner.addresses[0][1]
            await self.sandbox.dispatcher.start()
            await self.sandbox.bank.start()
            if listening:
                listening()
            await stopping.wait()
        finally:
            await runner.cleanup()
            await self.sandbox.bank.stop()
            await self.sandbox.dispatcher.stop()
            store.close()

    def start(self) -> SandboxServer:
        """Serve in a thread; returns when it listens.

        Raises:
            RuntimeError: it could not start.
        """
        self._started.clear()
        self._error = None
        self._thread = threading.Thread(target=self._run, name="stripe-sandbox", daemon=True)
        self._thread.start()
        if not self._started.wait(_START_TIMEOUT_S) or self._error:
            raise RuntimeError(f"the Stripe sandbox did not start: {self._error}")
        return self

    def stop(self) -> None:
        """Stop, and wait for it."""
        if self._thread is None or self._loop is None or self._stopping is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = None

    def _run(self) -> None:
        async def main() -> None:
            self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
            await self.serve(self._stopping, self._started.set)

        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - whatever ends the thread is the starter's to know
            self._error = error
            self._started.set()

    def __enter__(self) -> SandboxServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
