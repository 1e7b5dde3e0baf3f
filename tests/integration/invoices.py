"""Invoices made by hand: the shortest words for what tests ask of them."""

from typing import Any

from tests.integration.steps import flat
from tests.integration.world import Answer, Json, Tenant

CONSULTING = {"description": "Consulting", "quantity": "2.5", "unitAmount": 9_999_000}
"""2.5 hours at $99.99: $249.975 -> $249.98."""
START, NEXT = "2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z"
BERLIN = {"city": "Berlin", "postalCode": "10115", "country": "DE"}


def line(amount: int, description: str = "Work", **fields: Any) -> Json:
    """A line of a whole amount, in minor units."""
    return {"description": description, "amount": amount * 1000, **fields}


def make(tenant: Tenant, *lines: Json, **fields: Any) -> Json:
    """A one-off invoice."""
    answer = tenant.post("/v1/invoices", {"lines": list(lines) or [CONSULTING], **fields})
    assert answer.status == 201, answer.json
    return dict(answer.data)


def do(tenant: Tenant, what: str, invoice: Json) -> Answer:
    return tenant.post(f"/v1/invoices/{invoice['id']}/{what}")


def read(tenant: Tenant, invoice: Json) -> Json:
    found: Json = tenant.get(f"/v1/invoices/{invoice['id']}").data
    return found


def balance_of(tenant: Tenant, customer: str) -> int:
    found: int = tenant.get(f"/v1/customers/{customer}/balance").data["amount"]
    return found


def carded(tenant: Tenant, method: str = "pm_card_visa", **fields: Any) -> tuple[str, str]:
    """A customer whose card nobody has charged yet, and the card."""
    customer = tenant.customer(**fields)
    trial = {"currency": fields["currency"]} if "currency" in fields else {}
    plan = flat(tenant, f"carded-{customer[-4:].lower()}", 100, **trial)
    made = tenant.subscribe(method, planId=plan, quantities={}, customerId=customer, trialDays=14)
    assert made["state"] == "trialing"
    return customer, str(made["paymentMethodId"])


def clocked(tenant: Tenant, **fields: Any) -> tuple[str, str]:
    """A clock and a customer on it."""
    clock = tenant.post("/v1/test-clocks", {"frozenTime": START}).data["id"]
    return clock, tenant.customer(testClockId=clock, **fields)


def refused(answer: Answer, code: str, *words: str) -> None:
    """A 409 whose message names the state."""
    assert (answer.status, answer.error["code"]) == (409, code), answer.json
    assert all(word in answer.error["message"] for word in words), answer.error["message"]
