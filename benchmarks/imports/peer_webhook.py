"""``billing.edge``'s modules of webhooks as they would be under FastAPI and Mangum: for the import times."""

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from mangum import Mangum

CONNECT_PATH = "/webhooks/stripe-connect"


class Subject:
    """As in the product."""

    def __init__(self, *parts: Any) -> None: ...


class WebhookRuntime:
    """What ours needs; the peer's edge has no use for it."""

    def __init__(self, **parts: Any) -> None: ...


class _Webhook:
    """One route, on a function URL."""

    path: str

    def __init__(self, *parts: Any) -> None:
        app = FastAPI(openapi_url=None)
        app.add_api_route(self.path, self._answer, methods=["POST"])
        asyncio.set_event_loop(asyncio.new_event_loop())
        self.lambda_handler = Mangum(app, lifespan="off")

    async def _answer(self, request: Request) -> JSONResponse:
        raise NotImplementedError


class StripeWebhook(_Webhook):
    """Stripe's."""

    path = "/webhooks/stripe"


def by_path(platform: _Webhook, connect: _Webhook) -> Callable[..., Any]:
    """The handler of both of Stripe's endpoints."""
    return lambda event, context: (connect if event["rawPath"] == CONNECT_PATH else platform).lambda_handler(
        event, context
    )


class TaxWebhook(_Webhook):
    """The tax provider's."""

    path = "/webhooks/tax-provider"
