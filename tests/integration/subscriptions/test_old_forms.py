"""An old form and a new card cannot both pay; and whose card is charged."""

from collections.abc import Callable

import pytest

from tests.integration.steps import (
    THREE_DS,
    advance,
    at_stripe,
    authenticate,
    behave,
    books,
    event_types,
    invoices_of,
    pay,
    subscription_of,
)
from tests.integration.world import Json, Tenant, World


def payments_by_attempt(tenant: Tenant) -> dict[int, Json]:
    return {payment["attempt"]: payment for payment in tenant.get("/v1/payments").data}


def form_is_open(world: World, tenant: Tenant, intent: str) -> None:
    """The payer looks at the form and does nothing."""


def form_was_failed(world: World, tenant: Tenant, intent: str) -> None:
    """The payer failed to authenticate, and Stripe said so."""
    authenticate(world, intent, succeed=False)
    world.deliver_all(tenant)
    assert tenant.only_payment()["status"] == "failed"


def form_was_failed_unheard(world: World, tenant: Tenant, intent: str) -> None:
    """The payer failed to authenticate, and nobody told."""
    authenticate(world, intent, succeed=False)
    assert tenant.only_payment()["status"] == "requires_action"


# An old form and a new card


@pytest.mark.parametrize("before", [form_is_open, form_was_failed, form_was_failed_unheard])
def test_an_old_form_and_a_new_card_cannot_both_pay(
    world: World, tenant: Tenant, before: Callable[[World, Tenant, str], None]
) -> None:
    made = tenant.subscribe(THREE_DS)
    old, invoice = tenant.only_payment()["paymentIntentId"], tenant.only_invoice()
    assert made["clientSecret"].startswith(old)
    before(world, tenant, old)
    paid = pay(tenant, invoice, "pm_card_visa").data
    assert (paid["status"], paid["amountDue"], paid["amountPaid"]) == ("paid", 0, invoice["total"])
    assert at_stripe(world, old) == "canceled"
    # The form is of no use any more.
    with pytest.raises(Exception, match="canceled"):
        world.stripe.v1.payment_intents.confirm(old, {"payment_method": "pm_card_visa"})
    world.deliver_all(tenant)
    (charge,) = world.charges(tenant)
    attempts = payments_by_attempt(tenant)
    assert attempts[1]["status"] in ("failed", "canceled")
    assert (attempts[2]["status"], attempts[2]["paymentIntentId"]) == ("succeeded", charge["id"])
    assert subscription_of(tenant, made)["state"] == "active"
    assert tenant.only_invoice()["amountDue"] == 0
    assert books(world, tenant)["receivable"] == 0


def test_a_payer_who_was_faster_has_paid_and_the_new_card_is_not_charged(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe(THREE_DS)
    old, invoice = tenant.only_payment()["paymentIntentId"], tenant.only_invoice()
    authenticate(world, old, succeed=True)
    paid = pay(tenant, invoice, "pm_card_visa").data
    assert (paid["status"], paid["amountDue"], paid["attemptCount"]) == ("paid", 0, 1)
    payment = tenant.only_payment()
    assert (payment["status"], payment["paymentIntentId"], payment["settledBy"]) == ("succeeded", old, "request")
    assert [charge["id"] for charge in world.charges(tenant)] == [old]
    assert subscription_of(tenant, made)["state"] == "active"
    before = books(world, tenant)
    world.deliver_all(tenant)  # the news, late
    assert books(world, tenant) == before
    assert before["receivable"] == 0
    assert event_types(world, tenant).count("invoice.paid") == 1


def test_a_payer_who_used_the_failed_form_again_was_faster_as_well(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe(THREE_DS)
    old, invoice = tenant.only_payment()["paymentIntentId"], tenant.only_invoice()
    form_was_failed(world, tenant, old)
    (method,) = tenant.get("/v1/payment-methods").data
    world.sandbox.post(f"payment_methods/{method['id']}/behaviour", auth=None)
    world.stripe.v1.payment_intents.confirm(old, {"payment_method": method["id"]})
    assert (at_stripe(world, old), tenant.only_payment()["status"]) == ("succeeded", "failed")
    paid = pay(tenant, invoice, "pm_card_visa").data
    assert (paid["status"], paid["amountDue"], paid["attemptCount"]) == ("paid", 0, 1)
    assert (tenant.only_payment()["status"], tenant.only_payment()["error"]) == ("succeeded", None)
    assert [charge["id"] for charge in world.charges(tenant)] == [old]
    assert subscription_of(tenant, made)["state"] == "active"


def test_paying_by_a_payment_that_was_faster_answers_with_that_payment(world: World, tenant: Tenant) -> None:
    tenant.subscribe(THREE_DS)
    old, invoice = tenant.only_payment(), tenant.only_invoice()
    authenticate(world, old["paymentIntentId"], succeed=True)
    answer = tenant.post("/v1/payments", {"invoiceId": invoice["id"], "paymentMethodId": "pm_card_visa"})
    assert (answer.data["id"], answer.data["status"]) == (old["id"], "succeeded")
    assert len(world.charges(tenant)) == 1


def test_a_retry_of_a_payment_that_took_back_another_charges_once(world: World, tenant: Tenant) -> None:
    """Stripe is silent after the old payment was taken back: the retry goes on from the attempt."""
    tenant.subscribe(THREE_DS)
    old, invoice = tenant.only_payment()["paymentIntentId"], tenant.only_invoice()
    path, body = f"/v1/invoices/{invoice['id']}/pay", {"paymentMethodId": "pm_card_visa"}
    world.stripe_fails("drop_after", "/v1/payment_intents$", method="POST")
    assert tenant.post(path, body, idempotency_key="k").status == 503
    world.stripe_works()
    world.clock.advance(seconds=30)
    assert tenant.post(path, body, idempotency_key="k").data["status"] == "paid"
    assert (len(world.charges(tenant)), at_stripe(world, old)) == (1, "canceled")


def test_while_the_old_payment_cannot_be_taken_back_nothing_is_charged(world: World, tenant: Tenant) -> None:
    tenant.subscribe(THREE_DS)
    invoice = tenant.only_invoice()
    world.stripe_fails("status", "/cancel$", status=503)
    answer = pay(tenant, invoice, "pm_card_visa")
    assert (answer.status, answer.error["code"]) == (503, "service.unavailable")
    assert len(world.intents(tenant)) == 1
    assert tenant.only_invoice() == invoice
    world.stripe_works()
    assert pay(tenant, invoice, "pm_card_visa").data["status"] == "paid"
    assert len(world.charges(tenant)) == 1


def test_a_new_card_that_cannot_be_attached_leaves_the_invoice_payable(world: World, tenant: Tenant) -> None:
    tenant.subscribe(THREE_DS)
    invoice = tenant.only_invoice()
    assert pay(tenant, invoice, "pm_card_chargeDeclined").error["code"] == "payment.declined"
    assert pay(tenant, invoice, "pm_card_visa").data["status"] == "paid"
    world.deliver_all(tenant)
    assert (len(world.charges(tenant)), tenant.only_invoice()["amountDue"]) == (1, 0)


# Whose card


def test_each_subscription_is_charged_by_its_own_card(world: World, tenant: Tenant, clock: str, customer: str) -> None:
    a = tenant.subscribe("pm_card_visa", customerId=customer)
    b = tenant.subscribe("pm_card_mastercard", customerId=customer)
    card_1, card_2 = a["paymentMethodId"], b["paymentMethodId"]
    assert card_1 != card_2
    behave(world, card_2, "insufficient_funds")
    advance(world, tenant, clock, "2027-02-28T09:00:00Z")
    renewal_a, renewal_b = invoices_of(tenant, a)[-1], invoices_of(tenant, b)[-1]
    by_invoice = {payment["invoiceId"]: payment for payment in tenant.get("/v1/payments").data}
    charged_a, charged_b = by_invoice[renewal_a["id"]], by_invoice[renewal_b["id"]]
    assert (charged_a["paymentMethodId"], charged_a["status"]) == (card_1, "succeeded")
    assert (charged_b["paymentMethodId"], charged_b["status"]) == (card_2, "failed")
    assert [subscription_of(tenant, made)["state"] for made in (a, b)] == ["active", "past_due"]
    assert tenant.get(f"/v1/customers/{customer}").data["defaultPaymentMethodId"] == card_1
    sent = [intent for intent in world.intents(tenant) if intent["status"] == "succeeded"]
    assert sorted(intent["payment_method"] for intent in sent) == sorted([card_1, card_1, card_2])


def test_the_card_that_paid_an_invoice_is_its_subscriptions_from_then_on(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    a = tenant.subscribe("pm_card_visa", customerId=customer)
    b = tenant.subscribe("pm_card_mastercard", customerId=customer)
    behave(world, b["paymentMethodId"], "insufficient_funds")
    advance(world, tenant, clock, "2027-02-28T09:00:00Z")
    assert pay(tenant, invoices_of(tenant, b)[-1], "pm_card_amex").data["status"] == "paid"
    after = subscription_of(tenant, b)
    assert after["paymentMethodId"] not in (a["paymentMethodId"], b["paymentMethodId"])
    assert after["state"] == "active"
    assert subscription_of(tenant, a)["paymentMethodId"] == a["paymentMethodId"]
    assert tenant.get(f"/v1/customers/{customer}").data["defaultPaymentMethodId"] == a["paymentMethodId"]
    advance(world, tenant, clock, "2027-03-31T09:00:00Z")
    renewal = invoices_of(tenant, b)[-1]
    (charged,) = [p for p in tenant.get("/v1/payments").data if p["invoiceId"] == renewal["id"]]
    assert (charged["paymentMethodId"], charged["status"]) == (after["paymentMethodId"], "succeeded")
