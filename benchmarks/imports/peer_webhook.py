"""``billing.edge``'s modules of webhooks as they would be under FastAPI and Mangum: for the import times."""

import asyncio
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from mangum import Mangum


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


class TaxWebhook(_Webhook):
    """The tax provider's."""

    path = "/webhooks/tax-provider"
