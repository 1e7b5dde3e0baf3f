"""What the bank says later: a refund that waits for its answer gets it by the clock, or when a test lets time pass."""

from __future__ import annotations

import asyncio
import time

from local.stripe_sandbox import refunding
from local.stripe_sandbox.context import Context
from local.stripe_sandbox.store import Store
from local.stripe_sandbox.webhooks import Dispatcher

_WAITING = (
    "SELECT account, id, json_extract(hidden, '$.since') FROM objects WHERE json_extract(hidden, '$.ends') IS NOT NULL"
)


class Bank:
    """Answers for refunds; what it still owes is in the store, so a restart loses nothing.

    Args:
        dispatcher: sends the events.
        answers_after_s: how long a refund waits; None leaves it to ``settle``, so that a slow machine changes no test.
    """

    def __init__(self, store: Store, dispatcher: Dispatcher, answers_after_s: float | None) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._answers_after_s = answers_after_s
        self._wake = asyncio.Event()
        self._loop_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to answer, where that is the clock's doing."""
        if self._answers_after_s is not None:
            self._loop_task = asyncio.create_task(self._run(self._answers_after_s))

    async def stop(self) -> None:
        """Stop; what is owed is answered after a restart."""
        if self._loop_task:
            self._loop_task.cancel()
            await asyncio.gather(self._loop_task, return_exceptions=True)

    def wake(self) -> None:
        """Something may have begun to wait."""
        self._wake.set()

    async def settle(self, account: str | None = None, until: float | None = None) -> list[str]:
        """Answer what waits, the oldest first, each in a transaction of its own.

        Args:
            account: of this account alone.
            until: only what waits since then, or longer; Unix seconds.

        Returns:
            Ids of the refunds.
        """
        rows = self._store.db.execute(f"{_WAITING} ORDER BY seq").fetchall()
        settled = []
        for owner, refund_id, since in rows:
            if account not in (None, owner) or (until is not None and since > until):
                continue
            context = Context(owner, self._store, None)
            context.delay_s = self._dispatcher.settings.delay_ms / 1000
            with self._store.transaction():
                refunding.answer(context, refund_id)
            await self._dispatcher.settle(context.events)
            settled.append(refund_id)
        return settled

    async def _run(self, after_s: float) -> None:
        while True:
            self._wake.clear()
            await self.settle(until=time.time() - after_s)
            try:
                async with asyncio.timeout(self._idle_s(after_s)):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _idle_s(self, after_s: float) -> float | None:
        """Until the next answer is due; None while nothing waits."""
        rows = self._store.db.execute(_WAITING).fetchall()
        due_at = min((since + after_s for _, _, since in rows), default=None)
        return None if due_at is None else max(0.001, due_at - time.time())
