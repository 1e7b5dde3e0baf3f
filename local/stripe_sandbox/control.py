"""The control API under ``/_sandbox/``: what a test asks of the sandbox and could never ask of Stripe."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from local.stripe_sandbox import cards, payments
from local.stripe_sandbox.app import Sandbox
from local.stripe_sandbox.context import Context
from local.stripe_sandbox.errors import ApiError
from local.stripe_sandbox.faults import Fault
from local.stripe_sandbox.resources import refunds, setup_intents
from local.stripe_sandbox.webhooks import Settings

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.Response]]

_AUTH = (None, cards.ALWAYS, cards.UNLESS_SET_UP, cards.ALREADY_SET_UP)


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
            ("POST", "events/{id}/resend", self._resend),
            ("POST", "payment_intents/{id}/authenticate", self._authenticate_payment),
            ("POST", "setup_intents/{id}/authenticate", self._authenticate_setup),
            ("POST", "payment_methods/{id}/behaviour", self._change_behaviour),
            ("POST", "refunds/{id}/finish", self._finish_refund),
            ("POST", "reset", self._reset),
        ]
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

    async def _authenticate_payment(self, request: web.Request) -> web.Response:
        return await self._authenticate(request, "payment_intent", payments.charge, payments.fail_authentication)

    async def _authenticate_setup(self, request: web.Request) -> web.Response:
        return await self._authenticate(
            request, "setup_intent", setup_intents.succeed, setup_intents.fail_authentication
        )

    async def _authenticate(
        self, request: web.Request, kind: str, passed: Callable[..., Json], failed: Callable[..., Json]
    ) -> web.Response:
        """The payer on the 3D Secure page; a decline after that shows in the intent."""
        succeed = (await _json(request)).get("succeed", True)
        context, intent = self._load(request, kind)
        with context.store.transaction():
            method = payments.method_of(context, intent)
            try:
                intent = (passed if succeed else failed)(context, intent, method)
            except ApiError as failure:
                if not failure.commits:
                    raise
        await self._sandbox.dispatcher.settle(context.events)
        return web.json_response(intent)

    async def _change_behaviour(self, request: web.Request) -> web.Response:
        body = await _json(request)
        unknown = body.keys() - {"decline", "auth"}
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        if body.get("decline") not in {None, *cards.DECLINES} or body.get("auth") not in _AUTH:
            raise ValueError(f"decline is null or one of {', '.join(cards.DECLINES)}; auth is one of {_AUTH}")
        context, method = self._load(request, "payment_method")
        with context.store.transaction():
            hidden = context.get("payment_method", method["id"], "id").hidden | body | {"attaches": True}
            context.save(method, hidden)
        return web.json_response({"id": method["id"], "decline": hidden["decline"], "auth": hidden["auth"]})

    async def _finish_refund(self, request: web.Request) -> web.Response:
        succeed = (await _json(request)).get("succeed", True)
        context, refund = self._load(request, "refund")
        with context.store.transaction():
            refund = refunds.finish(context, refund, succeed=succeed)
        await self._sandbox.dispatcher.settle(context.events)
        return web.json_response(refund)

    async def _reset(self, _: web.Request) -> web.Response:
        self._sandbox.store.reset()
        self._sandbox.faults.clear()
        self._sandbox.requests.clear()
        self._sandbox.dispatcher.configure(Settings())
        return web.json_response({"status": "ok"})

    def _load(self, request: web.Request, kind: str) -> tuple[Context, Json]:
        object_id = request.match_info["id"]
        account = self._sandbox.store.owner_of(object_id) or ""
        context = Context(account, self._sandbox.store, None)
        context.delay_s = self._sandbox.dispatcher.settings.delay_ms / 1000
        return context, context.get(kind, object_id, "id").body


def _guarded(handler: Handler) -> Handler:
    async def run(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except ApiError as failure:
            return web.json_response(failure.body(), status=failure.status)
        except (ValueError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)

    return run
