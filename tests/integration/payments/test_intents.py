"""Intents: a payer who is present pays in a form, or by a saved method; and what becomes of a form that nobody pays."""

from typing import Any

import pytest

from billing.storage.unit_of_work import UnitOfWork
from tests.integration.payer import (
    PRICE,
    THREE_DS,
    ask_intent,
    intent,
    intent_at_stripe,
    open_invoice,
    outcomes,
    pay,
    payment_of,
    saved_method,
    sweep,
)
from tests.integration.steps import books, emitted, event_types
from tests.integration.world import Json, Tenant, World


def invoice_now(tenant: Tenant, invoice: Json) -> Json:
    found: Json = tenant.get(f"/v1/invoices/{invoice['id']}").data
    return found


# A form


def test_a_form_has_a_client_secret_and_moves_no_money(world: World, tenant: Tenant) -> None:
    """The example of the billing-service contract (docs/contract-coverage.md, "B"), to the letter."""
    body = {"orderId": "ord_01H", **PRICE, "metadata": {"tenantId": tenant.id, "buyerTenantId": "ten_buyer"}}
    made = tenant.post("/v1/payments/intents", body).data
    assert made["clientSecret"].startswith(made["paymentIntentId"] + "_secret_")
    assert (made["requiresAction"], made["status"]) == (False, "requires_payment_method")
    assert (made["amount"], made["currency"]) == (4_999_000, "USD")
    at_stripe = intent_at_stripe(world, made)
    assert (at_stripe["amount"], at_stripe["currency"], at_stripe["client_secret"]) == (
        4999, "usd", made["clientSecret"],
    )  # fmt: skip
    ids = {"tenant_id": tenant.id, "customer_id": tenant.data["defaultCustomerId"]}
    assert at_stripe["metadata"] | ids == at_stripe["metadata"]
    assert not {"buyerTenantId", "tenantId"} & set(at_stripe["metadata"])
    payment = payment_of(tenant, made)
    assert tenant.get(f"/v1/payments/{made['paymentIntentId']}").data == payment
    assert (payment["orderId"], payment["metadata"]) == ("ord_01H", body["metadata"])
    assert (payment["customerId"], payment["paymentMethodId"]) == (tenant.data["defaultCustomerId"], None)
    assert tenant.get("/v1/payments", order="ord_01H").data == [payment]
    assert books(world, tenant) == {}
    assert event_types(world, tenant) == []
    assert made["clientSecret"] not in world.everything_of(tenant.id)
    assert "_secret_" not in world.logs.text


def test_when_the_payer_has_paid_the_webhook_books_the_sale(world: World, tenant: Tenant) -> None:
    made = intent(tenant, customerId=(customer := tenant.customer()), savePaymentMethod=True)
    assert pay(world, made, "pm_card_mastercard") == 200
    assert payment_of(tenant, made)["status"] == "requires_payment_method"
    assert {status for status, _ in outcomes(world.deliver_all(tenant))} == {200}
    payment = payment_of(tenant, made)
    assert (payment["status"], payment["settledBy"]) == ("succeeded", "webhook")
    assert books(world, tenant) == {"receivable": 0, "revenue": -4_999_000, "cash": 4_999_000}
    assert event_types(world, tenant).count("payment.succeeded") == 1
    (method,) = tenant.get("/v1/payment-methods", customer=customer).data
    assert method["card"]["brand"] == "mastercard"


def test_an_invoices_form_pays_the_invoice_and_its_subscription(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe("pm_card_chargeCustomerFail")
    form = intent(tenant, invoiceId=made["latestInvoiceId"], amount=54_999_000, currency="USD")
    assert payment_of(tenant, form)["attempt"] == 2
    pay(world, form)
    world.deliver_all(tenant)
    assert tenant.only_invoice()["status"] == "paid"
    assert tenant.get(f"/v1/subscriptions/{made['id']}").data["state"] == "active"
    assert books(world, tenant)["cash"] == 54_999_000


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"amount": 4_998_000, "currency": "USD"}, {"amount": "differs_from_the_invoice"}),
        ({"amount": 4_999_000, "currency": "EUR"}, {"currency": "differs_from_the_invoice"}),
        ({"amount": 4_999_000}, {"currency": "missing_required_field"}),
        (
            {"orderId": "ord_1", "customerId": "cus_1", "metadata": {"a": "b"}},
            dict.fromkeys(("orderId", "customerId", "metadata"), "not_with_invoice_id"),
        ),
    ],
    ids=["another amount", "another currency", "half of it", "what the invoice says already"],
)
def test_what_does_not_agree_with_the_invoice_is_refused(world: World, shop: Tenant, body: Json, fields: Json) -> None:
    world.writes.clear()
    answer = shop.post("/v1/payments/intents", {"invoiceId": shop.data["open"], **body})
    assert (answer.status, answer.error["code"], answer.bad_fields) == (400, "VALIDATION_ERROR", fields)
    assert world.writes == [("UpdateItem", ["callers"]), ("PutItem", ["audit"])]
    assert world.intents(shop) == []


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"amount": "missing_required_field", "currency": "missing_required_field"}),
        ({"amount": 4_999_500, "currency": "USD"}, {"amount": "sub_minor_unit"}),
        ({"amount": 0, "currency": "USD"}, {"amount": "too_small"}),
        ({"amount": 5_123_000, "currency": "KWD"}, {"amount": "not_chargeable_in_currency"}),
        ({"amount": 10_000, "currency": "USD"}, {"amount": "below_the_least_that_cards_are_charged"}),
        ({**PRICE, "orderId": "no spaces", "savePaymentMethod": 1, "tip": 5},
         {"orderId": "invalid_format", "savePaymentMethod": "must_be_a_boolean", "tip": "unknown_field"}),
    ],
)  # fmt: skip
def test_every_bad_field_of_an_intent_is_named(world: World, shop: Tenant, body: Json, fields: Json) -> None:
    answer = shop.post("/v1/payments/intents", body)
    assert (answer.status, answer.error["code"], answer.bad_fields) == (400, "VALIDATION_ERROR", fields)
    assert world.rows_of("payments", shop.id) == world.intents(shop) == []


@pytest.fixture(scope="module")
def shop(world: World) -> Tenant:
    """A tenant with an invoice of $49.99, for who is refused."""
    made = world.tenant()
    made.data["open"] = open_invoice(made)["id"]
    return made


@pytest.mark.parametrize("status", ["draft", "void", "paid"])
def test_an_invoice_that_asks_for_nothing_has_no_form(shop: Tenant, status: str) -> None:
    lines = [{"description": "Work", "amount": 0 if status == "paid" else 5_000_000}]
    invoice = shop.post("/v1/invoices", {"lines": lines, "autoFinalize": status != "draft"}).data
    if status == "void":
        shop.post(f"/v1/invoices/{invoice['id']}/void")
    answer = ask_intent(shop, invoiceId=invoice["id"])
    assert (answer.status, answer.error["code"]) == (409, "invoice.invalid_state")
    assert status in answer.error["message"]


def test_what_an_intent_names_must_be_there(world: World, tenant: Tenant) -> None:
    others = open_invoice(world.tenant())["id"]
    for body in ({"invoiceId": others}, {"customerId": "cus_0"}):
        answer = ask_intent(tenant, **body)
        assert (answer.status, answer.error["code"]) == (404, "resource.not_found")


def test_while_stripe_is_down_no_form_is_begun(world: World, tenant: Tenant) -> None:
    world.stripe_fails("status", "/v1/payment_intents$", status=503)
    answer = ask_intent(tenant, idempotency_key="k")
    assert (answer.status, answer.error["code"]) == (503, "service.unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert tenant.get("/v1/payments").data == []
    world.stripe_works()
    assert ask_intent(tenant, idempotency_key="k").status == 201


# Again, and instead


def test_the_same_key_gives_the_same_form_and_asks_stripe_nothing(world: World, tenant: Tenant) -> None:
    first = ask_intent(tenant, idempotency_key="k")
    calls = len(world.sandbox.get("requests")["data"])
    again = ask_intent(tenant, idempotency_key="k")
    assert (again.status, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(world.sandbox.get("requests")["data"]) == calls
    assert ask_intent(tenant, idempotency_key="k", orderId="ord_2").error["code"] == "idempotency.key_reused"


class Died(BaseException):
    """The worker was killed."""


@pytest.mark.parametrize("of_invoice", [False, True])
def test_a_retry_of_a_request_that_died_before_its_commit_gives_the_form_that_was_made(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, of_invoice: bool
) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise Died

    body = {"invoiceId": open_invoice(tenant)["id"]} if of_invoice else {}
    with monkeypatch.context() as patch:
        patch.setattr(UnitOfWork, "commit", die)
        with pytest.raises(Died):
            ask_intent(tenant, idempotency_key="k", **body)
    (orphan,) = world.intents(tenant)
    assert tenant.get("/v1/payments").data == []
    answer = ask_intent(tenant, idempotency_key="k", **body)
    assert (answer.status, answer.data["paymentIntentId"]) == (201, orphan["id"])
    assert [each["id"] for each in world.intents(tenant)] == [orphan["id"]]
    pay(world, answer.data)
    world.deliver_all(tenant)
    assert tenant.only_payment()["status"] == "succeeded"


def test_a_day_later_the_same_key_is_a_new_payment(world: World, tenant: Tenant) -> None:
    """Also where Stripe knows the key still: it may keep one for longer than we do."""
    first = ask_intent(tenant, idempotency_key="k").data
    world.clock.advance(hours=24, minutes=1)
    second = ask_intent(tenant, idempotency_key="k")
    assert (second.status, "Idempotent-Replayed" in second.headers) == (201, False)
    assert second.data["paymentId"] != first["paymentId"]
    assert {each["id"] for each in world.intents(tenant)} == {
        first["paymentIntentId"], second.data["paymentIntentId"],
    }  # fmt: skip


def test_a_new_form_of_an_invoice_takes_the_old_one_back(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    old, new = (intent(tenant, invoiceId=invoice["id"]) for _ in range(2))
    assert old["paymentId"] != new["paymentId"]
    assert (intent_at_stripe(world, old)["status"], payment_of(tenant, old)["status"]) == ("canceled", "canceled")
    assert pay(world, old) == 400
    assert pay(world, new) == 200
    world.deliver_all(tenant)
    assert invoice_now(tenant, invoice)["status"] == "paid"
    assert [each["id"] for each in world.charges(tenant)] == [new["paymentIntentId"]]
    assert tenant.get("/v1/payment-methods").data == []  # nobody asked for it to be saved


def test_a_payer_who_was_faster_has_paid_and_is_not_asked_again(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    form = intent(tenant, invoiceId=invoice["id"])
    pay(world, form)
    again = intent(tenant, invoiceId=invoice["id"])
    assert (again["paymentId"], again["status"], again["clientSecret"]) == (form["paymentId"], "succeeded", None)
    assert invoice_now(tenant, invoice)["status"] == "paid"
    world.deliver_all(tenant)
    assert books(world, tenant)["cash"] == 4_999_000
    assert len(world.charges(tenant)) == 1


# By a method that the payer chose


def test_a_saved_method_is_charged_at_once(world: World, tenant: Tenant) -> None:
    method = saved_method(tenant)
    made = intent(tenant, paymentMethodId=method, orderId="ord_1")
    assert (made["status"], made["requiresAction"]) == ("succeeded", False)
    payment = payment_of(tenant, made)
    assert (payment["paymentMethodId"], payment["orderId"], payment["settledBy"]) == (method, "ord_1", "request")
    assert books(world, tenant)["cash"] == 2 * 4_999_000


def test_an_invoice_is_paid_by_a_method_that_is_new(tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    made = intent(tenant, invoiceId=invoice["id"], paymentMethodId="pm_card_visa")
    assert made["status"] == "succeeded"
    assert invoice_now(tenant, invoice)["status"] == "paid"
    assert len(tenant.get("/v1/payment-methods").data) == 1


def test_a_payer_who_has_to_authenticate_does_and_then_has_paid(world: World, tenant: Tenant) -> None:
    made = intent(tenant, paymentMethodId=THREE_DS, invoiceId=open_invoice(tenant)["id"])
    assert (made["requiresAction"], made["status"]) == (True, "requires_action")
    assert made["clientSecret"].startswith(made["paymentIntentId"])
    assert event_types(world, tenant)[-1] == "payment.requires_action"
    world.sandbox.post(f"payment_intents/{made['paymentIntentId']}/authenticate")
    world.deliver_all(tenant)
    assert payment_of(tenant, made)["status"] == "succeeded"
    assert books(world, tenant)["cash"] == 4_999_000


def test_who_fails_to_authenticate_may_pay_by_another_card_in_the_same_form(world: World, tenant: Tenant) -> None:
    made = intent(tenant, paymentMethodId=THREE_DS)
    world.sandbox.post(f"payment_intents/{made['paymentIntentId']}/authenticate", succeed=False)
    world.deliver_all(tenant)
    assert payment_of(tenant, made)["status"] == "failed"
    assert pay(world, made) == 200
    world.deliver_all(tenant)
    assert payment_of(tenant, made)["status"] == "succeeded"
    assert [name for name in event_types(world, tenant) if name.startswith("payment.")] == [
        "payment.requires_action", "payment.failed", "payment.succeeded",
    ]  # fmt: skip
    assert books(world, tenant)["cash"] == 4_999_000


def test_a_declined_method_is_an_error_and_a_fact(world: World, tenant: Tenant) -> None:
    answer = ask_intent(tenant, idempotency_key="k", paymentMethodId="pm_card_chargeCustomerFail")
    assert (answer.status, answer.error["code"]) == (502, "payment.declined")
    payment = tenant.only_payment()
    assert answer.bad_fields == {"declineCode": "generic_decline", "paymentId": payment["id"]}
    assert (payment["status"], payment["error"]["declineCode"]) == ("failed", "generic_decline")
    again = ask_intent(tenant, idempotency_key="k", paymentMethodId="pm_card_chargeCustomerFail")
    assert (again.status, again.content) == (502, answer.content)
    assert len(world.intents(tenant)) == 1


def test_a_card_that_is_declined_in_the_form_may_be_followed_by_another(world: World, tenant: Tenant) -> None:
    made = intent(tenant)
    assert pay(world, made, "pm_card_chargeDeclinedStolenCard") == 402
    world.deliver_all(tenant)
    declined = payment_of(tenant, made)
    assert (declined["status"], declined["error"]["declineCode"]) == ("failed", "generic_decline")
    pay(world, made)
    world.deliver_all(tenant)
    paid = payment_of(tenant, made)
    assert (paid["status"], paid["error"]) == ("succeeded", None)
    assert books(world, tenant)["cash"] == 4_999_000
    shown = [seen for name, seen in emitted(world, tenant) if name == "payment.failed"]
    assert [each["error"]["declineCode"] for each in shown] == ["generic_decline"]


# A form that nobody pays


@pytest.mark.parametrize("of_invoice", [False, True])
def test_a_form_is_taken_back_after_a_day(world: World, tenant: Tenant, of_invoice: bool) -> None:
    invoice = open_invoice(tenant)
    made = intent(tenant, **({"invoiceId": invoice["id"]} if of_invoice else {}))
    world.clock.advance(hours=23, minutes=59)
    sweep(world, made)
    assert intent_at_stripe(world, made)["status"] == "requires_payment_method"
    world.clock.advance(minutes=2)
    sweep(world, made)
    assert intent_at_stripe(world, made)["status"] == payment_of(tenant, made)["status"] == "canceled"
    assert pay(world, made) == 400
    assert event_types(world, tenant).count("payment.failed") == 1
    assert invoice_now(tenant, invoice)["status"] == "open"


def test_a_form_with_a_declined_card_is_taken_back_after_a_day_too(world: World, tenant: Tenant) -> None:
    made = intent(tenant)
    pay(world, made, "pm_card_chargeDeclined")
    world.deliver_all(tenant)
    world.clock.advance(hours=24, minutes=1)
    sweep(world, made)
    assert (intent_at_stripe(world, made)["status"], payment_of(tenant, made)["status"]) == ("canceled", "failed")
    world.deliver_all(tenant)
    assert event_types(world, tenant).count("payment.failed") == 1


def test_who_pays_in_the_last_second_has_paid_though_no_webhook_came(world: World, tenant: Tenant) -> None:
    made = intent(tenant)
    world.clock.advance(hours=24, minutes=1)
    pay(world, made)
    sweep(world, made)
    payment = payment_of(tenant, made)
    assert (payment["status"], payment["settledBy"]) == ("succeeded", "sweep")
    world.deliver_all(tenant)
    assert books(world, tenant)["cash"] == 4_999_000
    assert event_types(world, tenant).count("payment.succeeded") == 1


def test_a_form_that_somebody_cancels_in_the_dashboard_is_canceled(world: World, tenant: Tenant) -> None:
    made = intent(tenant)
    world.stripe.v1.payment_intents.cancel(made["paymentIntentId"])
    assert (200, "applied") in outcomes(world.deliver_all(tenant))
    assert payment_of(tenant, made)["status"] == "canceled"


def test_on_a_test_clock_a_form_is_of_the_customers_time(world: World, tenant: Tenant) -> None:
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-31T00:00:00Z"}).data["id"]
    made = intent(tenant, customerId=tenant.customer(testClockId=clock))
    pay(world, made)
    world.deliver_all(tenant)
    payment = payment_of(tenant, made)
    assert (payment["createdAt"], payment["settledAt"]) == ("2027-01-31T00:00:00Z",) * 2
    assert payment["status"] == "succeeded"
