"""Issue 11, number 16: a new card that its bank declines when it is attached is declined, not invalid.

Stripe asks the bank about a card that is attached (docs.stripe.com/testing, "Declined payments"), so every card of that
table is declined before there is anything to charge.
"""

from typing import Any

import pytest

from tests.integration.payer import THREE_DS, ask_intent, intent, open_invoice, saved_method
from tests.integration.steps import event_types
from tests.integration.world import Answer, Json, Tenant, World

DECLINES = [
    ("chargeDeclined", 502, "payment.declined", "generic_decline"),
    ("chargeDeclinedInsufficientFunds", 402, "payment.insufficient_funds", "insufficient_funds"),
    ("chargeDeclinedLostCard", 502, "payment.declined", "generic_decline"),
    ("chargeDeclinedStolenCard", 502, "payment.declined", "generic_decline"),
    ("chargeDeclinedExpiredCard", 502, "payment.declined", "expired_card"),
    ("chargeDeclinedIncorrectCvc", 502, "payment.declined", "incorrect_cvc"),
    ("chargeDeclinedProcessingError", 502, "payment.declined", "processing_error"),
    ("chargeDeclinedVelocityLimitExceeded", 502, "payment.declined", "card_velocity_exceeded"),
    ("chargeDeclinedFraudulent", 502, "payment.declined", "generic_decline"),
]
CARDS = [(prefix + name, *expected) for name, *expected in DECLINES for prefix in ("pm_card_", "pm_card_visa_")]
POOR = "pm_card_chargeDeclinedInsufficientFunds"
AMOUNT: Json = {"amount": 4_999_000, "currency": "USD"}


def check(answer: Answer, status: int, code: str, decline_code: str) -> Json:
    assert (answer.status, answer.error["code"]) == (status, code), answer.json
    told = dict(answer.bad_fields)
    assert told.pop("declineCode") == decline_code
    return told


@pytest.mark.parametrize(("card", "status", "code", "decline_code"), CARDS)
def test_a_payment_by_a_card_that_is_declined(
    world: World, tenant: Tenant, card: str, status: int, code: str, decline_code: str
) -> None:
    """On ``/payments``: the contract's error, a payment that failed, and its event; the key answers the same again."""
    body = AMOUNT | {"paymentMethodId": card}
    first = tenant.post("/v1/payments", body, idempotency_key="k")
    told = check(first, status, code, decline_code)
    payment = tenant.only_payment()
    assert told == {"paymentId": payment["id"]}
    assert (payment["status"], payment["paymentMethodId"], payment["paymentIntentId"]) == ("failed", card, None)
    assert (payment["error"]["code"], payment["error"]["declineCode"]) == (code, decline_code)
    assert event_types(world, tenant).count("payment.failed") == 1
    assert tenant.get("/v1/payment-methods").data == []
    again = tenant.post("/v1/payments", body, idempotency_key="k")
    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    assert world.charges(tenant) == []


def _of_amount(tenant: Tenant, card: str) -> Answer:
    return ask_intent(tenant, paymentMethodId=card)


def _of_invoice(tenant: Tenant, card: str) -> Answer:
    return ask_intent(tenant, invoiceId=open_invoice(tenant)["id"], paymentMethodId=card)


def _charge_of_invoice(tenant: Tenant, card: str) -> Answer:
    return tenant.post("/v1/payments", {"invoiceId": open_invoice(tenant)["id"], "paymentMethodId": card})


def _pay(tenant: Tenant, card: str) -> Answer:
    return tenant.post(f"/v1/invoices/{open_invoice(tenant)['id']}/pay", {"paymentMethodId": card})


@pytest.mark.parametrize(("card", "status", "code", "decline_code"), CARDS[::2])
@pytest.mark.parametrize("ask", [_of_amount, _of_invoice, _charge_of_invoice, _pay])
def test_every_way_to_pay_says_the_same(
    world: World, tenant: Tenant, ask: Any, card: str, status: int, code: str, decline_code: str
) -> None:
    told = check(ask(tenant, card), status, code, decline_code)
    payment = tenant.only_payment()
    assert (told, payment["status"]) == ({"paymentId": payment["id"]}, "failed")
    types = event_types(world, tenant)
    assert types.count("payment.failed") == 1
    assert types.count("invoice.payment_failed") == (0 if ask is _of_amount else 1)
    if ask is not _of_amount:
        invoice = tenant.only_invoice()
        assert (invoice["status"], invoice["attemptCount"]) == ("open", 1)
        assert invoice["paymentError"]["declineCode"] == decline_code
        paid = tenant.post(f"/v1/invoices/{invoice['id']}/pay", {"paymentMethodId": "pm_card_visa"}).data
        assert (paid["status"], paid["attemptCount"], paid["paymentError"]) == ("paid", 2, None)


@pytest.mark.parametrize(("card", "status", "code", "decline_code"), CARDS[::2])
@pytest.mark.parametrize("trial", [0, 5])
def test_a_subscription_by_a_card_that_is_declined_is_not_made(
    tenant: Tenant, card: str, status: int, code: str, decline_code: str, trial: int
) -> None:
    """Nothing was charged and nothing begun, with a trial or without: another card makes another subscription."""
    tenant.plan()
    body = {"planId": "business-monthly", "quantities": {"seats": 1}, "paymentMethodId": card, "trialDays": trial}
    assert check(tenant.post("/v1/subscriptions", body), status, code, decline_code) == {}
    assert tenant.get("/v1/subscriptions").data == tenant.get("/v1/invoices").data == []
    assert tenant.get("/v1/payments").data == []


def test_a_change_of_method_to_a_card_that_is_declined_changes_nothing(tenant: Tenant) -> None:
    made = tenant.subscribe()
    path = f"/v1/subscriptions/{made['id']}"
    check(tenant.patch(path, {"paymentMethodId": POOR}), 402, "payment.insufficient_funds", "insufficient_funds")
    assert tenant.get(path).data["version"] == made["version"]
    assert len(tenant.get("/v1/payment-methods").data) == 1


def test_a_method_that_was_never_attached_cannot_become_the_default(tenant: Tenant) -> None:
    assert tenant.post(f"/v1/payment-methods/{POOR}/set-default", {}).status == 404


def test_a_declined_card_leaves_the_payers_form_alone(world: World, tenant: Tenant) -> None:
    """It was not charged, so it takes nothing back; and what is tried next takes back the form, not this."""
    method = saved_method(tenant)
    invoice = open_invoice(tenant)["id"]
    form = intent(tenant, invoiceId=invoice)
    declined = tenant.post(f"/v1/invoices/{invoice}/pay", {"paymentMethodId": POOR})
    check(declined, 402, "payment.insufficient_funds", "insufficient_funds")
    assert world.stripe.v1.payment_intents.retrieve(form["paymentIntentId"]).status == "requires_payment_method"
    assert tenant.post(f"/v1/invoices/{invoice}/pay", {"paymentMethodId": method}).data["status"] == "paid"
    assert world.stripe.v1.payment_intents.retrieve(form["paymentIntentId"]).status == "canceled"
    found = {each["attempt"]: each["status"] for each in tenant.get("/v1/payments", invoice=invoice).data}
    assert found == {1: "canceled", 2: "failed", 3: "succeeded"}


def test_a_declined_card_does_not_stop_dunning_by_the_one_that_is_saved(world: World, tenant: Tenant) -> None:
    """A stolen card that was never attached is nobody's method: the next dunning day charges the subscription's own."""
    made = tenant.subscribe()
    (card,) = tenant.get("/v1/payment-methods").data
    world.sandbox.post(f"payment_methods/{card['id']}/behaviour", decline="insufficient_funds")
    world.clock.advance(days=31, hours=1)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    (renewal,) = tenant.get("/v1/invoices", status="open").data
    stolen = {"paymentMethodId": "pm_card_chargeDeclinedStolenCard"}
    assert tenant.post(f"/v1/invoices/{renewal['id']}/pay", stolen).status == 502
    world.sandbox.post(f"payment_methods/{card['id']}/behaviour", decline=None)
    world.clock.advance(days=1)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    assert tenant.get(f"/v1/invoices/{renewal['id']}").data["status"] == "paid"
    assert tenant.get(f"/v1/subscriptions/{made['id']}").data["paymentMethodId"] == card["id"]


def test_a_card_that_needs_its_payer_is_attached(tenant: Tenant) -> None:
    assert ask_intent(tenant, paymentMethodId=THREE_DS).data["status"] == "requires_action"


@pytest.mark.parametrize("method", ["pm_card_nobody", "pm_1doesnotexist"])
def test_what_is_no_method_is_still_invalid(tenant: Tenant, method: str) -> None:
    answer = tenant.post("/v1/payments", AMOUNT | {"paymentMethodId": method})
    assert (answer.status, answer.error["code"]) == (400, "validation.payment_method.invalid")
    assert tenant.get("/v1/payments").data == []
