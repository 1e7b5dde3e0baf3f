"""A provider's account at Stripe, and Stripe's events about it, carried to the endpoint of connected accounts."""

from __future__ import annotations

import json
import time
from typing import Any

from local.stripe_sandbox.webhooks import signature
from tests.integration import lambdas
from tests.integration.world import Json, Tenant, World

PATH = "/v1/provider/account"
VISIT = {"returnUrl": "https://shop.example/done", "refreshUrl": "https://shop.example/again"}


def become(provider: Tenant, **fields: Any) -> Json:
    """The tenant is a provider from now on; Stripe knows nothing of it yet."""
    answer = provider.post(PATH, {"country": "US", **fields})
    assert answer.status == 201, answer.json
    return dict(answer.data)


def onboard(world: World, provider: Tenant, **review: Any) -> str:
    """The provider goes through onboarding, and Stripe tells of it; the account's id."""
    account_id = str(provider.get(PATH).data["account"]["id"])
    world.sandbox.post(f"accounts/{account_id}/onboard", **review)
    deliver_all(world, account_id)
    return account_id


def events(world: World, account_id: str, event_type: str = "*") -> list[Json]:
    """Stripe's events of a connected account, oldest first."""
    page = world.stripe.v1.events.list({"limit": 100}, {"stripe_account": account_id})
    found = [json.loads(str(each)) for each in page.auto_paging_iter()]
    return [each for each in reversed(found) if event_type in ("*", each["type"])]


def deliver(world: World, event: Json, secret: str | None = None) -> tuple[int, str]:
    """Have an event come in at the endpoint of connected accounts; its status and outcome."""
    payload = json.dumps(event)
    header = signature(secret or world.connect_webhook_secret, payload, int(time.time()))
    made = world.webhook_event(payload, header)
    made["rawPath"] = made["requestContext"]["http"]["path"] = "/webhooks/stripe-connect"
    answer = lambdas.invoke("stripe_webhook", made)
    return answer["statusCode"], json.loads(answer["body"])["outcome"]


def deliver_all(world: World, account_id: str) -> list[tuple[int, str]]:
    """Every event of an account that was not delivered yet."""
    waiting = [each for each in events(world, account_id) if each["id"] not in world.delivered]
    world.delivered |= {each["id"] for each in waiting}
    return [deliver(world, each) for each in waiting]
