"""Issue 11, number 25: what Stripe's test methods bring about, told by its webhooks, is in our books."""

import pytest

from tests.integration.payer import open_invoice, payment_of
from tests.integration.steps import books
from tests.integration.world import Json, Tenant, World

TAKEN = 4_999_000


def billed(tenant: Tenant, card: str) -> Json:
    """The payment of an invoice of $49.99."""
    answer = tenant.post("/v1/payments", {"invoiceId": open_invoice(tenant)["id"], "paymentMethodId": card})
    assert answer.status == 201, answer.json
    return dict(answer.data)


@pytest.mark.parametrize(
    ("card", "count", "reason"),
    [
        ("createMultipleDisputes", 2, "fraudulent"),
        ("createCe3EligibleDispute", 1, "fraudulent"),
        ("createComplianceDispute", 1, "noncompliant"),
        ("createMastercardComplianceDispute", 1, "noncompliant"),
    ],
)
def test_every_dispute_is_held_and_lost_alone(world: World, tenant: Tenant, card: str, count: int, reason: str) -> None:
    """Two disputes about halves of a payment hold all of it; losing one takes its half for good."""
    payment = billed(tenant, f"pm_card_{card}")
    world.deliver_all(tenant)
    found = tenant.get("/v1/disputes").data
    assert [(each["reason"], each["fundsWithdrawn"]) for each in found] == [(reason, True)] * count
    assert sum(each["amount"] for each in found) == TAKEN
    assert payment_of(tenant, payment)["disputed"] is True
    assert (books(world, tenant)["cash"], books(world, tenant)["disputes"]) == (0, TAKEN)
    lost = found[0]
    world.sandbox.post(f"disputes/{lost['stripeDisputeId']}/close", status="lost")
    world.deliver_all(tenant)
    assert books(world, tenant).get("disputes", 0) == TAKEN - lost["amount"]
    ended = [each["status"] for each in tenant.get("/v1/disputes").data]
    assert sorted(ended) == ["lost", *["needs_response"] * (count - 1)]


def test_an_early_fraud_warning_is_no_dispute(world: World, tenant: Tenant) -> None:
    """It moves no money, and is answered so that Stripe does not tell it again."""
    payment = billed(tenant, "pm_card_createIssuerFraudRecord")
    (warning,) = world.stripe.v1.radar.early_fraud_warnings.list({"payment_intent": payment["paymentIntentId"]})
    (event,) = world.stripe.v1.events.list({"type": "radar.early_fraud_warning.created", "limit": 1})
    assert event.data.object["id"] == warning.id
    assert world.deliver(event.to_dict())["statusCode"] == 200
    assert (payment_of(tenant, payment)["disputed"], tenant.get("/v1/disputes").data) == (False, [])


@pytest.mark.parametrize(("card", "final"), [("pendingRefund", "succeeded"), ("refundFail", "failed")])
def test_a_refund_that_ends_later_ends_here_too(world: World, tenant: Tenant, card: str, final: str) -> None:
    payment = billed(tenant, f"pm_card_{card}")
    answer = tenant.post(f"/v1/payments/{payment['id']}/refund")
    assert answer.status == 201, answer.json
    world.deliver_all(tenant)
    world.sandbox.post("refunds/settle")
    world.deliver_all(tenant)
    (ended,) = tenant.get(f"/v1/payments/{payment['id']}/refunds").data
    assert (ended["id"], ended["status"]) == (answer.data["id"], final)
    assert books(world, tenant)["cash"] == (0 if final == "succeeded" else TAKEN)


@pytest.mark.parametrize("card", ["riskLevelHighest", "threeDSecureRequiredProcessingError", "cvcCheckFail"])
def test_what_is_blocked_or_fails_a_check_is_a_decline(world: World, tenant: Tenant, card: str) -> None:
    invoice = open_invoice(tenant)
    answer = tenant.post("/v1/payments", {"invoiceId": invoice["id"], "paymentMethodId": f"pm_card_{card}"})
    assert (answer.status, answer.error["code"]) == (502, "payment.declined")
    assert tenant.get(f"/v1/invoices/{invoice['id']}").data["status"] == "open"
