"""The control API under ``/_sandbox/``: what a test asks of the sandbox and could never ask of Stripe."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

import local.stripe_sandbox.connect_acts  # noqa: F401  (registers its acts)
from local.stripe_sandbox import ledger
from local.stripe_sandbox.acts import ACTS, Act
from local.stripe_sandbox.app import Sandbox
from local.stripe_sandbox.context import Context
from local.stripe_sandbox.errors import ApiError
from local.stripe_sandbox.faults import Fault
from local.stripe_sandbox.resources import balance, balance_settings
from local.stripe_sandbox.webhooks import Settings

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.Response]]


async def _json(request: web.Request) -> Json:
    """The request's JSON object, empty where there is no body.

    Raises:
        ValueError: it is something else.
    """
    text = await request.text()
    body = json.loads(text) if text else {}
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")
    return body


class Control:
    """The handlers."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[web.RouteDef]:
        """All routes, each answering 400 or 404 with one line where something is wrong."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "health", self._health),
            ("GET", "requests", self._requests),
            ("GET", "deliveries", self._deliveries),
            ("GET", "faults", self._list_faults),
            ("POST", "faults", self._add_fault),
            ("DELETE", "faults", self._clear_faults),
            ("GET", "webhooks", self._settings),
            ("POST", "webhooks", self._change_settings),
            ("POST", "balance/pay_out", self._pay_out_balance),
            ("POST", "events/{id}/resend", self._resend),
            ("POST", "balance/settle", self._settle_balance),
            ("POST", "refunds/settle", self._settle_refunds),
            ("POST", "reset", self._reset),
        ]
        table += [("POST", path, self._act(act)) for path, act in ACTS.items()]
        return [web.route(method, f"/_sandbox/{path}", _guarded(handler)) for method, path, handler in table]

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "openapi": self._sandbox.spec.version})

    async def _requests(self, _: web.Request) -> web.Response:
        return web.json_response({"data": list(self._sandbox.requests)})

    async def _deliveries(self, _: web.Request) -> web.Response:
        rows = self._sandbox.store.db.execute("SELECT body FROM attempts ORDER BY id").fetchall()
        return web.json_response({"data": [json.loads(row[0]) for row in rows]})

    async def _list_faults(self, _: web.Request) -> web.Response:
        return web.json_response({"data": self._sandbox.faults.listing()})

    async def _add_fault(self, request: web.Request) -> web.Response:
        body = await _json(request)
        body.pop("id", None)
        return web.json_response(asdict(self._sandbox.faults.add(Fault(**body))))

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self._sandbox.faults.clear()
        return web.json_response({"data": []})

    async def _settings(self, _: web.Request) -> web.Response:
        return web.json_response(asdict(self._sandbox.dispatcher.settings))

    async def _change_settings(self, request: web.Request) -> web.Response:
        settings = Settings(**(asdict(self._sandbox.dispatcher.settings) | await _json(request)))
        self._sandbox.dispatcher.configure(settings)
        return web.json_response(asdict(settings))

    async def _resend(self, request: web.Request) -> web.Response:
        context, event = self._load(request, "event")
        with context.store.transaction():
            endpoints = context.listeners(event["type"])
            for endpoint in endpoints:
                context.enqueue(event["id"], endpoint)
        self._sandbox.dispatcher.wake()
        return web.json_response({"event": event["id"], "endpoints": endpoints})

    def _act(self, act: Act) -> Handler:
        """The handler of one act: its effects and its events in one transaction, like a request's."""

        async def run(request: web.Request) -> web.Response:
            body = await _json(request)
            act.check(body)
            context, obj = self._load(request, act.kind)
            status, answer = 200, {}
            with context.store.transaction():
                try:
                    answer = act.run(context, obj, body)
                except ApiError as failure:
                    if not failure.commits:
                        raise
                    status, answer = failure.status, failure.body()
            await self._sandbox.dispatcher.settle(context.events)
            self._sandbox.bank.wake()
            return web.json_response(answer, status=status)

        return run

    async def _pay_out_balance(self, request: web.Request) -> web.Response:
        """The platform's own schedule pays out what is available in a currency."""
        body = await _json(request)
        context = self._context(str(body.get("account", "")))
        with context.store.transaction():
            payout = balance_settings.pay_out(context, str(body.get("currency", "usd")))
        await self._sandbox.dispatcher.settle(context.events)
        return web.json_response(payout)

    async def _settle_balance(self, request: web.Request) -> web.Response:
        """The days pass until what is pending is available, on one account or on all."""
        body = await _json(request)
        store = self._sandbox.store
        wanted = body.get("account")
        settled: list[str] = []
        for account in [wanted] if wanted else store.accounts():
            context = self._context(account)
            with store.transaction():
                if ledger.settle_pending(context):
                    context.emit("balance.available", balance.current(context))
                    settled.append(account)
            await self._sandbox.dispatcher.settle(context.events)
        return web.json_response({"settled": settled})

    async def _settle_refunds(self, request: web.Request) -> web.Response:
        """The bank gives the answers that it still owes, on one account or on all."""
        body = await _json(request)
        return web.json_response({"settled": await self._sandbox.bank.settle(body.get("account"))})

    async def _reset(self, _: web.Request) -> web.Response:
        self._sandbox.store.reset()
        self._sandbox.faults.clear()
        self._sandbox.requests.clear()
        self._sandbox.dispatcher.configure(Settings())
        return web.json_response({"status": "ok"})

    def _load(self, request: web.Request, kind: str) -> tuple[Context, Json]:
        object_id = request.match_info["id"]
        context = self._context(self._sandbox.store.owner_of(object_id) or "")
        if kind == "charge" and object_id.startswith("pi_"):
            object_id = context.get("payment_intent", object_id, "id").body["latest_charge"] or object_id
        return context, context.get(kind, object_id, "id").body

    def _context(self, account: str) -> Context:
        """The world of what happens without a request."""
        context = Context(account, self._sandbox.store, None)
        context.delay_s = self._sandbox.dispatcher.settings.delay_ms / 1000
        return context


def _guarded(handler: Handler) -> Handler:
    async def run(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except ApiError as failure:
            return web.json_response(failure.body(), status=failure.status)
        except (ValueError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)

    return run
