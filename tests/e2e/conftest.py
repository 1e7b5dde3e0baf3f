"""The running stack: of `make e2e`, or of `make run` with `LEDGERLINE_STACK_FILE=.local/stack.json`."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from local.client import Client
from tests.e2e.browser import chromium, visitors
from tests.e2e.storm import Storm

__all__ = ["chromium", "visitors"]
"""Fixtures of other modules, for all tests."""

TEAM: dict[str, Any] = {
    "id": "team-monthly",
    "name": "Team",
    "currency": "USD",
    "interval": "month",
    "components": [
        {"key": "base", "type": "flat", "unitAmount": 4_999_000},
        {"key": "seats", "type": "licensed", "unitAmount": 700_000},
    ],
}


@dataclass(frozen=True)
class Stack:
    """stack.json, as local/stack/seed.py writes it."""

    api_url: str
    stripe_webhook_url: str
    stripe_connect_webhook_url: str
    tax_webhook_url: str
    tax_webhook_secret: str
    stripe_url: str
    tenant_id: str
    api_key: str
    dashboard_url: str
    admin_email: str
    admin_password: str
    platform_api_key: str
    stripe_api_key: str
    aws_endpoint_url: str
    region: str
    tables: dict[str, str]
    billing_queue_url: str
    clock_queue_url: str
    usage_queue_url: str
    payout_queue_url: str
    billing_dead_letter_queue_url: str
    usage_dead_letter_queue_url: str
    payout_dead_letter_queue_url: str
    stripe_secret_id: str
    tax_secret_id: str
    key_id: str

    def aws(self, service: str) -> Any:
        """A boto3 client of the emulator."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.aws_endpoint_url,
            region_name=self.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


@pytest.fixture(scope="session")
def stack() -> Stack:
    """The addresses and keys of the running stack."""
    name = os.environ.get("LEDGERLINE_STACK_FILE")
    if not name:
        pytest.fail("no running stack: make e2e starts one and sets LEDGERLINE_STACK_FILE")
    return Stack(**json.loads(Path(name).read_text()))


@pytest.fixture(scope="session")
def client(stack: Stack) -> Client:
    """The demo tenant's client."""
    return Client(asdict(stack))


@dataclass(frozen=True)
class Seller:
    """A tenant of its own, with books of its own, and with more calls a second than any test makes."""

    client: Client
    tenant_id: str

    @classmethod
    def new(cls, stack: Stack, name: str) -> "Seller":
        platform = Client(asdict(stack), key=stack.platform_api_key)
        wanted = {"name": name, "mode": "test", "currency": "USD", "tier": "enterprise"}
        made = platform.post("/v1/tenants", wanted)
        return cls(Client(asdict(stack), key=made["apiKey"]), made["id"])


@pytest.fixture(scope="session")
def storm(stack: Stack) -> Storm:
    """A storm of payments that is over; the last of its outcomes are still to come."""
    seller = Seller.new(stack, "Storm")
    found = Storm(seller.client, seller.tenant_id)
    found.rage()
    return found


@pytest.fixture(scope="session")
def plan(client: Client) -> str:
    """$49.99, and $7.00 a seat, monthly."""
    client.call("POST", "/v1/plans", TEAM)  # 409 where an earlier run made it
    return str(client.get("/v1/plans/team-monthly")["id"])


def subscribe(client: Client, customer_id: str, plan: str, method: str = "pm_card_visa", **more: Any) -> Any:
    """A subscription of two seats: $63.99 a month."""
    body = {
        "customerId": customer_id,
        "planId": plan,
        "quantities": {"seats": 2},
        "paymentMethodId": method,
        **more,
    }
    return client.post("/v1/subscriptions", body)


def charges(client: Client, payment: Any) -> list[Any]:
    """What Stripe really charged for a payment."""
    found = client.stripe(f"/v1/charges?payment_intent={payment['paymentIntentId']}")["data"]
    return [charge for charge in found if charge["paid"]]


def soon(look: Callable[[], Any], patience_s: float = 120.0) -> Any:
    """What ``look`` finds, once there is something."""
    deadline = time.monotonic() + patience_s
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)
    return found
