"""Tax on the deployed stack: the built-in table, a provider that is down, the provider's signed webhook."""

import hmac
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
import requests

from local.client import Client
from tests.e2e.conftest import Stack, subscribe

BERLIN = "currency=EUR&country=DE&postalCode=10115"
TEN_EUROS = 1_000_000


def test_the_built_in_table_taxes_a_cart(client: Client) -> None:
    found = client.get(f"/v1/tax/calculate?{BERLIN}&amount={TEN_EUROS}&amount=333000")
    assert [item["tax"] for item in found["items"]] == [190_000, 63_000]  # 19 % of 3.33 is 0.6327
    assert (found["provider"], found["jurisdiction"], found["total"]) == ("builtin", "DE", 1_586_000)


def test_a_business_abroad_accounts_for_the_tax_itself(client: Client) -> None:
    found = client.get(f"/v1/tax/calculate?{BERLIN}&amount={TEN_EUROS}&taxId=DE136695976")
    assert (found["tax"], found["reverseCharge"], found["notes"]) == (0, True, ["Reverse charge"])


def test_a_place_that_nobody_knows_is_refused(client: Client) -> None:
    answer = client.call("GET", f"/v1/tax/calculate?currency=EUR&country=AQ&amount={TEN_EUROS}")
    assert (answer.status, answer.body["error"]["code"]) == (422, "billing.tax.jurisdiction_unsupported")


@pytest.fixture(scope="module")
def by_stripe(stack: Stack) -> Client:
    """A tenant that asks Stripe Tax."""
    platform = Client(asdict(stack), key=stack.platform_api_key)
    wanted = {"name": "By Stripe", "mode": "test", "currency": "EUR", "taxProvider": "stripe"}
    address = {"line1": "Rue 1", "city": "Paris", "postalCode": "75001", "country": "FR"}
    return Client(asdict(stack), key=platform.post("/v1/tenants", {**wanted, "address": address})["apiKey"])


@pytest.fixture
def provider_down(client: Client) -> Iterator[Any]:
    """Stripe Tax answers 503 until the test calls this."""

    def up_again() -> None:
        client.sandbox("DELETE", "/_sandbox/faults")

    fault = {"kind": "status", "path": "^/v1/tax/calculations$", "times": 1000, "status": 503}
    client.sandbox("POST", "/_sandbox/faults", fault)
    try:
        yield up_again
    finally:
        up_again()


def test_a_provider_that_is_down_is_a_503_on_a_preview(by_stripe: Client, provider_down: Any) -> None:
    path = f"/v1/tax/calculate?{BERLIN}&amount={TEN_EUROS}"
    down = by_stripe.call("GET", path)
    assert (down.status, int(down.headers["Retry-After"]) > 0) == (503, True), down.body
    provider_down()
    found = by_stripe.get(path)
    assert (found["provider"], found["tax"]) == ("stripe", 190_000)


def test_an_invoice_waits_for_its_tax_and_is_charged_with_it(by_stripe: Client, provider_down: Any) -> None:
    components = [{"key": "base", "type": "flat", "unitAmount": TEN_EUROS}]
    by_stripe.post(
        "/v1/plans", {"id": "taxed", "name": "T", "currency": "EUR", "interval": "month", "components": components}
    )
    address = {"line1": "Weg 1", "city": "Berlin", "postalCode": "10115", "country": "DE"}
    customer = by_stripe.post("/v1/customers", {"name": "Waits", "address": address})
    subscription = subscribe(by_stripe, customer["id"], "taxed", quantities={})
    draft = by_stripe.get(f"/v1/invoices?subscription={subscription['id']}")[0]
    assert (draft["status"], draft["taxWaits"], draft["number"]) == ("draft", True, None)
    assert by_stripe.get(f"/v1/payments?customer={customer['id']}") == []
    provider_down()
    paid = by_stripe.post(f"/v1/invoices/{draft['id']}/finalize")
    assert (paid["status"], paid["tax"], paid["total"]) == ("paid", 190_000, 1_190_000)
    assert by_stripe.get(f"/v1/subscriptions/{subscription['id']}")["state"] == "active"


def deliver(stack: Stack, event: Any, secret: str, age_s: int = 0) -> requests.Response:
    body = json.dumps(event)
    stamp = int(time.time()) - age_s
    signature = hmac.new(secret.encode(), f"{stamp}.{body}".encode(), sha256).hexdigest()
    headers = {"Tax-Signature": f"t={stamp},v1={signature}", "Content-Type": "application/json"}
    return requests.post(stack.tax_webhook_url, data=body, headers=headers, timeout=60)


def rates_event(percent: str) -> dict[str, Any]:
    """From today on, Malta's standard rate is another one. No other test sells there."""
    rate = {
        "country": "MT",
        "category": "standard",
        "name": "VAT",
        "percent": percent,
        "validFrom": datetime.now(UTC).date().isoformat(),
    }
    return {"id": f"evt_{uuid.uuid4().hex}", "type": "tax_rates.updated", "data": {"rates": [rate]}}


def maltese_tax(client: Client) -> int:
    return int(client.get(f"/v1/tax/calculate?currency=EUR&country=MT&amount={TEN_EUROS}")["tax"])


def test_a_signed_tax_webhook_changes_a_rate_once(client: Client, stack: Stack) -> None:
    before = maltese_tax(client)
    percent = "21" if before != 210_000 else "22"  # whatever an earlier run on this stack has told
    event = rates_event(percent)
    first = deliver(stack, event, stack.tax_webhook_secret)
    assert (first.status_code, first.json()["outcome"]) == (200, "applied")
    assert maltese_tax(client) == int(percent) * 10_000
    again = deliver(stack, event, stack.tax_webhook_secret)
    assert (again.status_code, again.json()["outcome"]) == (200, "duplicate")
    jurisdiction = client.get("/v1/tax/jurisdictions?country=MT")[0]
    now = [rate["percent"] for rate in jurisdiction["rates"] if rate["current"] and rate["category"] == "standard"]
    assert now == [percent]


@pytest.mark.parametrize(("secret", "age_s"), [("taxsec_somebody_elses", 0), (None, 600), (None, -600)])
def test_a_tax_webhook_that_is_forged_or_old_changes_nothing(
    client: Client, stack: Stack, secret: str | None, age_s: int
) -> None:
    before = maltese_tax(client)
    answer = deliver(stack, rates_event("99"), secret or stack.tax_webhook_secret, age_s)
    assert answer.status_code == 400
    assert maltese_tax(client) == before
