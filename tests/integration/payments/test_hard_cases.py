"""What a hostile review of the payments found, each shown not to happen any more."""

import json
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.payments.payment import ChargeResult, PaymentStatus
from billing.integrations.stripe.gateway import StripeGateway
from billing.services.payments import methods
from tests.integration.payer import (
    THREE_DS,
    ask_intent,
    ask_sale,
    intent,
    open_invoice,
    outcomes,
    pay,
    payment_of,
    sale,
    saved_method,
)
from tests.integration.world import Json, Tenant, World


def balance(tenant: Tenant) -> int:
    """Of the tenant's own customer, in micro-units."""
    found: int = tenant.get(f"/v1/customers/{tenant.data['defaultCustomerId']}/balance").data["amount"]
    return found


def paid_invoice(world: World, tenant: Tenant, minor: int = 6_000) -> Json:
    """An invoice of $60.00 that was paid in a form; the payment."""
    made = intent(tenant, invoiceId=open_invoice(tenant, minor)["id"])
    assert pay(world, made) == 200
    world.deliver_all(tenant)
    return payment_of(tenant, made)


# Taking back


def test_while_stripe_cannot_take_a_form_back_nothing_else_is_charged(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = saved_method(tenant)
    invoice = open_invoice(tenant)["id"]
    form = intent(tenant, invoiceId=invoice)
    result = ChargeResult(PaymentStatus.PROCESSING, form["paymentIntentId"])
    monkeypatch.setattr(StripeGateway, "cancel_charge", lambda self, payment: result)
    answer = tenant.post("/v1/payments", {"invoiceId": invoice, "paymentMethodId": method})
    assert (answer.status, answer.error["code"]) == (409, "payment.invalid_state")
    assert tenant.get("/v1/payments", invoice=invoice).data[0]["status"] == "requires_payment_method"
    assert len(world.charges(tenant)) == 1  # the one that saved the method


def test_to_ask_for_a_form_is_no_failed_payment(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)["id"]
    intent(tenant, invoiceId=invoice, paymentMethodId=THREE_DS)
    for _ in range(2):
        intent(tenant, invoiceId=invoice)
    types = [row["type"]["S"] for row in world.rows_of("events", tenant.id)]
    assert not {"payment.failed", "invoice.payment_failed"} & set(types)
    found = {each["attempt"]: each["status"] for each in tenant.get("/v1/payments", invoice=invoice).data}
    assert found == {1: "canceled", 2: "canceled", 3: "requires_payment_method"}


# Money that went back already


def test_of_an_invoice_whose_payment_is_disputed_nothing_more_is_given(world: World, tenant: Tenant) -> None:
    payment = paid_invoice(world, tenant)
    world.sandbox.post(f"charges/{payment['paymentIntentId']}/dispute", reason="fraudulent", amount=2_000)
    world.deliver_all(tenant)
    refund = tenant.post(f"/v1/payments/{payment['id']}/refund", {"amount": 4_000_000})
    assert (refund.status, refund.error["code"]) == (422, "billing.refund.exceeds_available")
    above = {"amount": 6_000_000, "reason": "goodwill"}
    credit = tenant.post(f"/v1/invoices/{payment['invoiceId']}/credit-notes", above)
    assert (credit.status, credit.error["code"]) == (422, "billing.refund.exceeds_available")
    rest = tenant.post(f"/v1/invoices/{payment['invoiceId']}/credit-notes", above | {"amount": 4_000_000})
    assert (rest.status, balance(tenant)) == (201, 4_000_000)


def test_what_was_refunded_at_stripe_is_not_credited_again(world: World, tenant: Tenant) -> None:
    payment = paid_invoice(world, tenant)
    world.sandbox.post(f"payment_intents/{payment['paymentIntentId']}/refund", amount=5_000)
    world.deliver_all(tenant)
    for amount, status in ((2_000_000, 422), (1_000_000, 201)):
        body = {"amount": amount, "reason": "late"}
        assert tenant.post(f"/v1/invoices/{payment['invoiceId']}/credit-notes", body).status == status
    assert balance(tenant) == 1_000_000


@pytest.fixture
def twice(world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> Json:
    """The second payment of an invoice that was paid already: $60.00 too much."""
    invoice = open_invoice(tenant, 6_000)["id"]
    first, second = intent(tenant, invoiceId=invoice), None
    with monkeypatch.context() as patch:  # the old form is paid in the very moment in which it is taken back
        canceled = ChargeResult(PaymentStatus.CANCELED, first["paymentIntentId"])
        patch.setattr(StripeGateway, "cancel_charge", lambda self, payment: canceled)
        second = intent(tenant, invoiceId=invoice)
    assert (pay(world, second), pay(world, first)) == (200, 200)
    world.deliver_all(tenant)
    assert balance(tenant) == 6_000_000
    return next(p for p in tenant.get("/v1/payments").data if p["status"] == "succeeded" and too_much(tenant, p))


def too_much(tenant: Tenant, payment: Json) -> bool:
    from billing.domain.payments.payment import Payment
    from billing.services.kernel.work import Ref

    ref = Ref(Payment, tenant.id, payment["id"])
    return storage.units().begin(tenant.id).load(ref).require(ref).excess is not None


def test_what_was_too_much_and_is_refunded_at_stripe_leaves_the_balance(
    world: World, tenant: Tenant, twice: Json
) -> None:
    world.sandbox.post(f"payment_intents/{twice['paymentIntentId']}/refund", amount=600)
    world.deliver_all(tenant)
    (refund,) = tenant.get(f"/v1/payments/{twice['id']}/refunds").data
    assert (refund["status"], refund["fromBalance"], refund["madeAtStripe"]) == ("succeeded", True, True)
    assert balance(tenant) == 5_400_000


def test_an_adopted_refund_without_an_outcome_is_looked_up(world: World, tenant: Tenant) -> None:
    payment = sale(tenant, "pm_card_pendingRefund")
    world.sandbox.post(f"payment_intents/{payment['paymentIntentId']}/refund")
    world.deliver_all(tenant)
    (row,) = world.rows_of("refunds", tenant.id)
    assert "due_at" in row


# Time and outages


def test_an_outage_of_stripe_parks_nothing_of_a_test_clock(world: World, tenant: Tenant) -> None:
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2028-01-31T09:00:00Z"}).data["id"]
    customer = tenant.customer(testClockId=clock)
    tenant.subscribe(customerId=customer)
    world.stripe_fails("status", "/v1/payment_intents.*", status=500)
    tenant.post(f"/v1/test-clocks/{clock}/advance", {"frozenTime": "2028-03-01T09:00:00Z"})
    for _ in range(4):
        world.drain()
        world.clock.advance(minutes=1)
        world.work(*(f"{shard:02d}" for shard in range(16)))
    assert tenant.get(f"/v1/test-clocks/{clock}").data["status"] == "advancing"
    assert "payment.parked" not in {row["type"]["S"] for row in world.rows_of("events", tenant.id)}
    world.stripe_works()
    world.clock.advance(minutes=1)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    world.drain()
    assert tenant.get(f"/v1/test-clocks/{clock}").data["status"] == "ready"
    assert {each["status"] for each in tenant.get("/v1/invoices", customer=customer).data} == {"paid"}


def test_a_key_that_is_used_again_after_a_day_opens_a_new_form(world: World, tenant: Tenant) -> None:
    """Stripe forgets a key after 24 hours at the earliest; here it knows it still."""
    first = intent(tenant, idempotency_key="monday")
    setup = tenant.post("/v1/payment-methods/setup", {}, idempotency_key="monday").data
    world.clock.advance(hours=25)
    second = intent(tenant, idempotency_key="monday")
    assert second["paymentIntentId"] != first["paymentIntentId"]
    assert second["paymentId"] != first["paymentId"]
    again = tenant.post("/v1/payment-methods/setup", {}, idempotency_key="monday").data
    assert again["setupIntentId"] != setup["setupIntentId"]


# Methods


def test_to_delete_a_method_that_is_gone_already_is_no_error(world: World, tenant: Tenant) -> None:
    method = saved_method(tenant)
    world.sandbox.post(f"payment_methods/{method}/detach")
    world.deliver_all(tenant)
    for _ in range(2):
        answer = tenant.delete(f"/v1/payment-methods/{method}")
        assert (answer.status, answer.data["card"]) == (200, None)


def test_late_news_of_a_method_do_not_bring_it_back(world: World, tenant: Tenant) -> None:
    made = intent(tenant, savePaymentMethod=True)
    pay(world, made)
    waiting = world.stripe_events(tenant, "payment_method.attached")
    (attached,) = waiting
    method = attached["data"]["object"]["id"]
    world.sandbox.post(f"payment_methods/{method}/detach")
    (detached,) = world.stripe_events(tenant, "payment_method.detached")
    assert outcomes([world.deliver(detached)]) == [(200, "applied")]
    assert outcomes([world.deliver(attached)])[0][0] == 200
    assert tenant.get("/v1/payment-methods").data == []


def test_a_customer_with_more_than_a_commit_holds_can_be_deleted_at_stripe(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(methods, "_MOST_AT_ONCE", 2)
    customer = tenant.customer()
    made = [tenant.subscribe("pm_card_visa", customerId=customer, trialDays=5)["id"] for _ in range(3)]
    world.deliver_all(tenant)
    (stripe_id,) = world.stripe_customers(tenant)
    world.stripe.v1.customers.delete(stripe_id)
    answers = world.deliver_all(tenant)
    assert (200, "applied") in outcomes(answers)
    assert tenant.get("/v1/payment-methods", customer=customer).data == []
    assert tenant.get(f"/v1/customers/{customer}").data["defaultPaymentMethodId"] is None
    rows = world.rows_of("subscriptions", tenant.id)
    assert [json.loads(row["body"]["S"]).get("payment_method_id") for row in rows] == [None] * len(made)


def test_a_customer_who_was_deleted_at_stripe_unheard_gets_another_one(world: World, tenant: Tenant) -> None:
    saved_method(tenant)
    (stripe_id,) = world.stripe_customers(tenant)
    world.stripe.v1.customers.delete(stripe_id)
    assert tenant.post("/v1/payment-methods/setup", {}).status == 201
    assert world.stripe_customers(tenant) - {stripe_id}
    assert tenant.get("/v1/payment-methods").data == []
    assert intent(tenant)["status"] == "requires_payment_method"
    assert sale(tenant)["status"] == "succeeded"


def test_a_cards_webhook_may_come_before_the_answer_to_its_attachment(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = tenant.customer()
    attach, told = StripeGateway.attach, []

    def attach_and_tell(self: StripeGateway, *arguments: Any) -> Any:
        attached = attach(self, *arguments)
        if not told:
            told.append(True)
            world.deliver_all(tenant)
        return attached

    monkeypatch.setattr(StripeGateway, "attach", attach_and_tell)
    body = {"customerId": customer, "amount": 1_000_000, "currency": "USD", "paymentMethodId": "pm_card_visa"}
    answer = tenant.post("/v1/payments", body)
    assert answer.status == 201, answer.json
    assert len(tenant.get("/v1/payment-methods", customer=customer).data) == 1


# What Stripe would refuse


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": 10_000}, "amount"),
        ({"amount": 100_000_000_000}, "amount"),
        ({"currency": "KPW"}, "currency"),
        ({"currency": "KWD", "amount": 5_123_000}, "amount"),
    ],
)
def test_what_no_card_can_be_charged_is_refused_before_anything_is_written(
    world: World, tenant: Tenant, body: dict[str, Any], field: str
) -> None:
    world.writes.clear()
    for answer in (ask_intent(tenant, **body), ask_sale(tenant, "pm_card_visa", **body)):
        assert (answer.status, list(answer.bad_fields)) == (400, [field])
    assert tenant.get("/v1/payments").data == []
