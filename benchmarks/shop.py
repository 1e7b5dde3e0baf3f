"""A tenant of the product, driven in process: the real handlers, given the events that Lambda would give them."""

import base64
import hashlib
import hmac
import importlib
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import requests

from benchmarks.backend import Backend
from benchmarks.events import Context, Event, http_event, queue_event

Json = dict[str, Any]
PLAN = "business-monthly"
_TIMEOUT_S = 10


class Refused(Exception):
    """A call whose answer is not the expected one: the figures would be about something else."""


WORKER_MS = 60_000
"""A worker's time (infra/sweep.yaml): on a machine that is busy, less would end a turn half-way."""


class Shop:
    """One tenant in test mode, with a plan; ``settings`` are what its creation says beside the usual."""

    def __init__(self, backend: Backend, **settings: Any) -> None:
        self._backend = backend
        self._messages = 0
        body = {"name": "Bench", "mode": "test", "currency": "USD", "tier": "enterprise", **settings}
        made = self.call("tenants", "POST", "/v1/tenants", body, key=backend.platform_key)
        self.key, self.tenant_id = made["apiKey"], made["id"]

    def call(
        self,
        function: str,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        key: str | None = None,
        idempotency_key: str | None = None,
        query: dict[str, str] | None = None,
        user: str | None = None,
    ) -> Any:
        """The ``data`` of a successful call.

        Args:
            user: for whom it is, on whom the limits of some routes are counted then (``x-user-id``).

        Raises:
            Refused: it was not successful.
        """
        headers = {"x-api-key": key or self.key} | ({"x-user-id": user} if user else {})
        if method != "GET":
            headers["idempotency-key"] = idempotency_key or uuid4().hex
        answer = self.invoke(function, http_event(method, path, headers=headers, query=query, body=body))
        if answer["statusCode"] >= 300:
            raise Refused(f"{method} {path}: {answer['statusCode']} {answer['body'][:500]}")
        return json.loads(answer["body"])["data"]

    def document(self, function: str, path: str) -> bytes:
        """What a route answers that is no JSON.

        Raises:
            Refused: it was not successful.
        """
        answer = self.invoke(function, http_event("GET", path, headers={"x-api-key": self.key}))
        if answer["statusCode"] != 200 or not answer["isBase64Encoded"]:
            raise Refused(f"GET {path}: {answer['statusCode']} {answer['body'][:500]}")
        return base64.b64decode(answer["body"])

    @staticmethod
    def invoke(function: str, event: Event, context: Context | None = None) -> Any:
        """Give a function an event."""
        return importlib.import_module(f"functions.{function}.handler").lambda_handler(event, context or Context())

    def customer(self, **more: Any) -> str:
        """A new customer's id."""
        body = {"name": "Zoë Ångström", "email": "zoe@example.test", "address": {"city": "Lund"}, **more}
        return str(self.call("customers", "POST", "/v1/customers", body)["id"])

    def plan(self, plan_id: str = PLAN) -> None:
        """A new monthly plan: $49.99, and $5 a seat."""
        components = [
            {"key": "base", "type": "flat", "unitAmount": 4_999_000},
            {"key": "seats", "type": "licensed", "unitAmount": 500_000},
        ]
        body = {"id": plan_id, "name": "Business", "currency": "USD", "interval": "month", "components": components}
        self.call("catalog", "POST", "/v1/plans", body)

    def subscribe(self, customer_id: str, state: str, *, idempotency_key: str | None = None, **more: Any) -> Json:
        """A new subscription, which must be in the named state."""
        body = {"customerId": customer_id, "planId": PLAN, "quantities": {"seats": 100}, **more}
        made: Json = self.call("subscriptions", "POST", "/v1/subscriptions", body, idempotency_key=idempotency_key)
        if made["state"] != state:
            raise Refused(f"the new subscription is {made['state']}, not {state}")
        return made

    def customer_with_card(self, **more: Any) -> str:
        """A customer with a saved card; a trial attaches it without charging it."""
        customer_id = self.customer(**more)
        self.subscribe(customer_id, "trialing", paymentMethodId="pm_card_visa", trialDays=730)
        return customer_id

    def tenant(self, **settings: Any) -> tuple[str, str]:
        """Another tenant in test mode: its id, and its key."""
        body = {"name": "Another", "mode": "test", "currency": "USD", "tier": "enterprise", **settings}
        made = self.call("tenants", "POST", "/v1/tenants", body, key=self._backend.platform_key)
        return str(made["id"]), str(made["apiKey"])

    def stripe(self, path: str, method: str = "GET", *, account: str | None = None, **params: str) -> Json:
        """What the Stripe sandbox has, or does when somebody else asks; of a connected account where one is named."""
        headers = {"Authorization": f"Bearer {self._backend.stripe_api_key}"}
        headers |= {"Stripe-Account": account} if account else {}
        url = f"{self._backend.stripe_url}{path}"
        answer = requests.request(method, url, params=params, headers=headers, timeout=_TIMEOUT_S)
        answer.raise_for_status()
        found: Json = answer.json()
        return found

    def act(self, path: str, **body: Any) -> Json:
        """What a payer or a bank does, through the sandbox's control API."""
        answer = requests.post(f"{self._backend.stripe_url}/_sandbox/{path}", json=body, timeout=_TIMEOUT_S)
        answer.raise_for_status()
        done: Json = answer.json()
        return done

    def authenticate(self, intent_id: str) -> None:
        """The payer completes 3D Secure."""
        self.act(f"payment_intents/{intent_id}/authenticate", succeed=True)

    def news(self, event_type: str, about: str) -> Json:
        """Stripe's latest event of a type about an object, or about the PaymentIntent that the object belongs to."""
        events = self.stripe("/v1/events", type=event_type, limit="100")["data"]
        return next(event for event in events if about in (event["data"]["object"]["id"], intent_of(event)))

    def saved_card(self, customer_id: str, card: str = "pm_card_visa") -> str:
        """The id of a card that its holder has saved in a form; the webhook has told of it."""
        setup = self.call("payments", "POST", "/v1/payment-methods/setup", {"customerId": customer_id})["setupIntentId"]
        method = str(self.act(f"setup_intents/{setup}/complete", payment_method=card)["payment_method"])
        self.deliver(self.news("payment_method.attached", method), "applied")
        return method

    def open_invoice(self, customer_id: str) -> str:
        """The id of a finalized one-off invoice of $49.99 that waits to be paid."""
        return str(self.call("invoices", "POST", "/v1/invoices", one_off(customer_id))["id"])

    def deliver(self, event: Json, outcome: str) -> None:
        """Stripe's webhook, signed; of a connected account where the event names one."""
        headers = {"stripe-signature": signature(json.dumps(event), self._backend.webhook_secret)}
        path = "/webhooks/stripe-connect" if event.get("account") else "/webhooks/stripe"
        answer = self.invoke("stripe_webhook", http_event("POST", path, headers=headers, body=event))
        if json.loads(answer["body"]) != {"outcome": outcome}:
            raise Refused(f"the webhook answered {answer['statusCode']} {answer['body']}, not {outcome}")

    def turn(self, shard: str, function: str = "billing_worker") -> None:
        """A turn of a worker at a shard."""
        self._messages += 1
        event = queue_event(self._backend.queue_arn, {"shard": shard}, self._messages)
        answer = self.invoke(function, event, Context(WORKER_MS))
        if answer["batchItemFailures"]:
            raise Refused(f"{function} failed at {shard}")

    def pay_out(self, shard: str) -> None:
        """A turn of the payout worker at a shard."""
        self.turn(shard, "payout_worker")

    def clock_advancer(self, start: str) -> tuple[str, Callable[[str], Callable[[], None]]]:
        """A test clock's id, and what advances it and gives back its worker's turn."""
        clock_id = self.call("test_clocks", "POST", "/v1/test-clocks", {"frozenTime": start})["id"]

        def advance(to: str) -> Callable[[], None]:
            self.call("test_clocks", "POST", f"/v1/test-clocks/{clock_id}/advance", {"frozenTime": to})
            return lambda: self.turn(f"clock#{self.tenant_id}#{clock_id}")

        return clock_id, advance


def intent_of(event: Json) -> Any:
    """The PaymentIntent that a refund or a dispute names; None where the event is about something else."""
    return event["data"]["object"].get("payment_intent")


def one_off(customer_id: str) -> Json:
    """The body of a one-off invoice of $49.99 that is finalized at once and not charged."""
    line = {"description": "Setup", "unitAmount": 4_999_000}
    return {"customerId": customer_id, "lines": [line], "autoFinalize": True}


def signature(body: str, secret: str) -> str:
    """The ``Stripe-Signature`` header of a body, as of now."""
    now = int(time.time())
    digest = hmac.new(secret.encode(), f"{now}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={now},v1={digest}"
