"""Delivery of events to webhook endpoints: signed, retried, and as unpunctual as asked for."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from local.stripe_sandbox.store import Store

Json = dict[str, Any]

MODES = ("async", "before_response", "paused")
TIMEOUT_S = 10.0
BEFORE_RESPONSE_S = 7.0
MAX_ATTEMPTS = 15
_LONGEST_WAIT_S = 60.0
_BATCH = 32
_REORDER_WINDOW_S = 0.05


@dataclass
class Settings:
    """How deliveries behave.

    Args:
        mode: ``async``, ``before_response`` (a request's first attempts precede its answer) or ``paused``.
        duplicate: further copies of each attempt.
        reorder: newest first within a short window.
        delay_ms: added before the first attempt.
        hold: event types that are kept back, as in ``paused``, while all others are sent.

    Raises:
        ValueError: an unknown mode, or a negative number.
    """

    mode: str = "async"
    duplicate: int = 0
    reorder: bool = False
    delay_ms: int = 0
    hold: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}")
        if self.duplicate < 0 or self.delay_ms < 0:
            raise ValueError("duplicate and delay_ms must not be negative")
        if not all("." in name for name in self.hold):
            raise ValueError("hold must be a list of event types")


def signature(secret: str, payload: str, timestamp: int) -> str:
    """``Stripe-Signature``: HMAC-SHA256 over time and raw body (https://docs.stripe.com/webhooks)."""
    digest = hmac.new(secret.encode(), f"{timestamp}.{payload}".encode(), hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


@dataclass(frozen=True)
class _Delivery:
    id: int
    account: str
    event: str
    endpoint: str
    attempts: int


class Dispatcher:
    """Sends what the store says is due; its queue is the store, so a restart loses nothing.

    Args:
        retry_base_s: the wait after the first failure; it doubles up to a minute.
    """

    def __init__(self, store: Store, *, retry_base_s: float = 1.0) -> None:
        self.settings = Settings()
        self._store = store
        self._retry_base_s = retry_base_s
        self._wake = asyncio.Event()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None
        self._loop_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to send."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        self._loop_task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop; what was under way is sent again after a restart."""
        tasks = [*self._running.values(), *([self._loop_task] if self._loop_task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session:
            await self._session.close()

    def configure(self, settings: Settings) -> None:
        """Use other settings from now on."""
        self.settings = settings
        self.wake()

    def wake(self) -> None:
        """Something may be due."""
        self._wake.set()

    async def settle(self, event_ids: list[str]) -> None:
        """Send the events of a request that was just committed, before its answer where the mode says so."""
        if not event_ids:
            return
        if self.settings.mode != "before_response":
            self.wake()
            return
        marks = ", ".join("?" * len(event_ids))
        due = self._select(f"event IN ({marks}) AND state = 'pending'", event_ids)
        tasks = [self._begin(delivery) for delivery in due]
        if tasks:
            await asyncio.wait(tasks, timeout=BEFORE_RESPONSE_S)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            if self.settings.mode != "paused":
                await self._send_due()
            try:
                async with asyncio.timeout(self._idle_s()):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _send_due(self) -> None:
        if self.settings.reorder:
            await asyncio.sleep(_REORDER_WINDOW_S)
            for delivery in reversed(self._due()):
                await self._begin(delivery)
            return
        for delivery in self._due():
            if len(self._running) >= _BATCH:
                break
            self._begin(delivery)

    def _due(self) -> list[_Delivery]:
        due = self._select("state = 'pending' AND due_at <= ?", [time.time()])
        return [delivery for delivery in due if delivery.id not in self._running]

    def _select(self, where: str, args: list[Any]) -> list[_Delivery]:
        free, held = self._not_held()
        query = (
            "SELECT id, account, event, endpoint, attempts FROM deliveries"
            f" WHERE {where} AND {free} ORDER BY id LIMIT ?"
        )
        return [_Delivery(*row) for row in self._store.db.execute(query, (*args, *held, 2 * _BATCH))]

    def _not_held(self) -> tuple[str, list[str]]:
        """What a delivery must meet to be sent, beside being due."""
        held = self.settings.hold
        if not held:
            return "true", []
        marks = ", ".join("?" * len(held))
        return f"(SELECT kind FROM objects WHERE objects.id = deliveries.event) NOT IN ({marks})", held

    def _idle_s(self) -> float | None:
        """Until the next delivery is due; None while nothing waits (or all that waits is under way)."""
        if self.settings.mode == "paused":
            return None
        free, held = self._not_held()
        rows = self._store.db.execute(
            f"SELECT id, due_at FROM deliveries WHERE state = 'pending' AND {free} ORDER BY due_at LIMIT 99", held
        )
        due_at: float | None = next((due for delivery_id, due in rows if delivery_id not in self._running), None)
        if due_at is None or len(self._running) >= _BATCH:
            return None
        return max(0.001, due_at - time.time())

    def _begin(self, delivery: _Delivery) -> asyncio.Task[None]:
        if delivery.id not in self._running:
            task = asyncio.create_task(self._deliver(delivery))
            self._running[delivery.id] = task
            task.add_done_callback(lambda _: self._ended(delivery.id))
        return self._running[delivery.id]

    def _ended(self, delivery_id: int) -> None:
        self._running.pop(delivery_id, None)
        self.wake()

    async def _deliver(self, delivery: _Delivery) -> None:
        """One attempt, with its extra copies; the first copy decides."""
        endpoint = self._store.find(delivery.account, "webhook_endpoint", delivery.endpoint)
        event = self._store.find_anywhere("event", delivery.event)
        if endpoint is None or event is None or endpoint.body["status"] != "enabled":
            self._finish(delivery, "dropped")
            return
        version = endpoint.body["api_version"] or event.body["api_version"]
        payload = json.dumps(event.body | {"api_version": version}, indent=2)
        delivered = False
        for copy in range(1 + self.settings.duplicate):
            status = await self._post(delivery, endpoint.body["url"], endpoint.hidden["secret"], payload, copy)
            if copy == 0:
                delivered = status is not None and 200 <= status < 300
        if delivered:
            self._finish(delivery, "delivered")
        elif delivery.attempts + 1 >= MAX_ATTEMPTS:
            self._finish(delivery, "failed")
        else:
            wait_s = min(_LONGEST_WAIT_S, self._retry_base_s * 2**delivery.attempts)
            self._finish(delivery, "pending", time.time() + wait_s)

    async def _post(self, delivery: _Delivery, url: str, secret: str, payload: str, copy: int) -> int | None:
        assert self._session is not None, "the dispatcher was not started"
        header = signature(secret, payload, int(time.time()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": header,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        record: Json = {
            "event": delivery.event,
            "type": json.loads(payload)["type"],
            "endpoint": delivery.endpoint,
            "url": url,
            "attempt": delivery.attempts + 1,
            "copy": copy,
            "status": None,
            "error": None,
            "signature": header,
            "time": time.time(),
        }
        try:
            async with self._session.post(url, data=payload.encode(), headers=headers, allow_redirects=False) as answer:
                await answer.read()
                record["status"] = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            record["error"] = f"{type(error).__name__}: {error}"
        self._store.db.execute("INSERT INTO attempts (delivery, body) VALUES (?, ?)", (delivery.id, json.dumps(record)))
        status: int | None = record["status"]
        return status

    def _finish(self, delivery: _Delivery, state: str, due_at: float = 0.0) -> None:
        self._store.db.execute(
            "UPDATE deliveries SET state = ?, attempts = attempts + 1, due_at = ? WHERE id = ?",
            (state, due_at, delivery.id),
        )
