"""What happens at Stripe beside the product, as a step of a job: the payer pays, the bank decides, events are sent.

None of it counts as a call of the product's, and none of it is harmed by a fault.
"""

from __future__ import annotations

import hmac
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from hashlib import sha256
from random import Random
from typing import Any

Json = dict[str, Any]
SECRET = "whsec_by_hand"
"""Every world's product knows it, so that a test can sign a delivery."""
CONNECT_SECRET = "whsec_connect_by_hand"
"""The same, of the endpoint of connected accounts."""


def control(method: str, path: str, body: Json | None = None) -> int:
    """A call of the sandbox's control API; returns the status, which is 400 or 402 where it cannot be done (again)."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{os.environ['STRIPE_API_BASE']}/_sandbox/{path}", data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        with refusal:
            if refusal.code not in (400, 402):
                raise
            return int(refusal.code)


def intent_of(answer: Json) -> str:
    """Where the control API has the intent that an answer of ours names."""
    data = answer["body"]["data"]
    data = data.get("payment", data)  # an order's answer has its payment within
    if "setupIntentId" in data:
        return f"setup_intents/{data['setupIntentId']}"
    return f"payment_intents/{data['paymentIntentId']}"


def events(stripe_key: str, tenant_id: str, since: int) -> list[Json]:
    """Stripe's events about a tenant, oldest first: their object is the tenant's, or its PaymentIntent or customer is.

    Args:
        since: when the tenant was made, in Unix seconds.
    """
    found = list(_listed(stripe_key, f"events?limit=100&created[gte]={since}"))
    own = {e["data"]["object"]["id"] for e in found if _names(e["data"]["object"], tenant_id)}
    return [event for event in reversed(found) if _is_about(event["data"], tenant_id, own)]


def events_of_account(stripe_key: str, account_id: str) -> list[Json]:
    """Stripe's events of a connected account, oldest first."""
    return list(reversed(list(_listed(stripe_key, "events?limit=100", account_id))))


def payouts(stripe_key: str, account_id: str) -> list[Json]:
    """The payouts to the bank of a connected account, newest first."""
    return list(_listed(stripe_key, "payouts?limit=100", account_id))


def deliveries(
    found: list[Json], copies: int, shuffle: int | None, secret: str = SECRET
) -> Iterator[tuple[str, str, str]]:
    """Type, body and signature of each delivery.

    Args:
        copies: how often each event comes.
        shuffle: a seed; without it they come in order.
        secret: of the endpoint.
    """
    sent = found * copies
    if shuffle is not None:
        Random(shuffle).shuffle(sent)
    for event in sent:
        body = json.dumps(event)
        yield event["type"], body, _signature(body, int(time.time()), secret)


def _signature(body: str, at: int, secret: str) -> str:
    """Stripe's scheme v1 (docs.stripe.com/webhooks, "Verify manually")."""
    return f"t={at},v1={hmac.new(secret.encode(), f'{at}.{body}'.encode(), sha256).hexdigest()}"


def _listed(stripe_key: str, path: str, account_id: str | None = None) -> Iterator[Json]:
    after = ""
    while True:
        request = urllib.request.Request(f"{os.environ['STRIPE_API_BASE']}/v1/{path}{after}")
        request.add_header("Authorization", f"Bearer {stripe_key}")
        if account_id is not None:
            request.add_header("Stripe-Account", account_id)
        with urllib.request.urlopen(request, timeout=60) as answer:
            page = json.loads(answer.read())
        yield from page["data"]
        if not page["has_more"]:
            return
        after = f"&starting_after={page['data'][-1]['id']}"


def _is_about(data: Json, tenant_id: str, own: set[str]) -> bool:
    about = data["object"]
    former = (data.get("previous_attributes") or {}).get("customer")
    named = (about.get("payment_intent"), about.get("customer"), former)
    return _names(about, tenant_id) or any(isinstance(each, str) and each in own for each in named)


def _names(about: Json, tenant_id: str) -> bool:
    return (about.get("metadata") or {}).get("tenant_id") == tenant_id
