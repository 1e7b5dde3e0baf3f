"""Payments by amount: a saved method is charged off-session, and each is a sale of its own in the books."""

from typing import Any

import pytest

from billing.integrations.stripe.gateway import StripeGateway
from tests.integration.kernel.test_idempotency import Died
from tests.integration.payer import (
    PRICE,
    ask_sale,
    intent_at_stripe,
    open_invoice,
    pay,
    payment_of,
    sale,
    saved_method,
    sweep,
)
from tests.integration.steps import books, emitted, event_types
from tests.integration.world import Answer, Json, Tenant, World

SOLD = {"receivable": 0, "revenue": -4_999_000, "cash": 4_999_000}


@pytest.fixture(scope="module")
def shop(world: World) -> Tenant:
    """A tenant whose own customer has a card, and what that card is."""
    made = world.tenant()
    made.data["method"] = saved_method(made)
    return made


@pytest.fixture
def behave(world: World, shop: Tenant) -> Any:
    """Says what the shop's card does from now on; after the test it pays again."""

    def change(decline: str | None = None, auth: str | None = None) -> None:
        world.sandbox.post(f"payment_methods/{shop.data['method']}/behaviour", decline=decline, auth=auth)

    yield change
    change()


def test_a_saved_method_is_charged_and_the_sale_is_booked(world: World, tenant: Tenant) -> None:
    body = {**PRICE, "paymentMethodId": "pm_card_visa", "metadata": {"basket": "7"}}
    answer = tenant.post("/v1/payments", body)
    assert answer.status == 201
    payment = answer.data
    assert (payment["status"], payment["amount"], payment["currency"]) == ("succeeded", 4_999_000, "USD")
    assert (payment["invoiceId"], payment["metadata"], payment["settledBy"]) == (None, {"basket": "7"}, "request")
    at_stripe = intent_at_stripe(world, payment)
    assert at_stripe["metadata"] == {
        "tenant_id": tenant.id, "payment_id": payment["id"], "customer_id": tenant.data["defaultCustomerId"],
    }  # fmt: skip
    assert books(world, tenant) == SOLD
    name, shown = emitted(world, tenant)[-1]
    assert (name, shown) == ("payment.succeeded", payment_of(tenant, payment))
    world.deliver_all(tenant)
    assert (books(world, tenant), event_types(world, tenant).count("payment.succeeded")) == (SOLD, 1)


def test_without_a_method_the_customers_default_is_charged(shop: Tenant) -> None:
    assert sale(shop, None)["paymentMethodId"] == shop.data["method"]


def test_a_customer_without_a_method_is_not_charged(world: World, shop: Tenant) -> None:
    answer = ask_sale(shop, None, customerId=shop.customer())
    assert (answer.status, answer.error["code"]) == (400, "validation.payment_method.invalid")


def test_on_a_test_clock_it_is_of_the_customers_time(tenant: Tenant) -> None:
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-31T00:00:00Z"}).data["id"]
    made = sale(tenant, customerId=tenant.customer(testClockId=clock))
    assert (made["createdAt"], made["settledAt"], made["status"]) == (*("2027-01-31T00:00:00Z",) * 2, "succeeded")


# Declines

DECLINES = [
    ("generic_decline", 502, "payment.declined", "generic_decline"),
    ("insufficient_funds", 402, "payment.insufficient_funds", "insufficient_funds"),
    ("expired_card", 502, "payment.declined", "expired_card"),
    ("incorrect_cvc", 502, "payment.declined", "incorrect_cvc"),
    ("do_not_honor", 502, "payment.declined", "do_not_honor"),
    ("stolen_card", 502, "payment.declined", "generic_decline"),
    ("fraudulent", 502, "payment.declined", "generic_decline"),
]
"""What the bank says, and what the payer is told of it (docs/contract-coverage.md, "B", section 5)."""


@pytest.mark.parametrize(("decline", "status", "code", "shown"), DECLINES, ids=[each[0] for each in DECLINES])
def test_a_decline_is_an_error_that_says_what_the_payer_may_know(
    shop: Tenant, behave: Any, decline: str, status: int, code: str, shown: str
) -> None:
    behave(decline=decline)
    answer = ask_sale(shop, None)
    assert (answer.status, answer.error["code"]) == (status, code)
    payment = shop.get("/v1/payments", limit=1).data[0]
    assert answer.bad_fields == {"declineCode": shown, "paymentId": payment["id"]}
    assert payment["status"] == "failed"
    assert payment["error"] == {"code": code, "declineCode": shown, "message": answer.error["message"]}


def test_that_a_card_is_known_to_be_stolen_is_said_nowhere(world: World, tenant: Tenant) -> None:
    """To tell a thief helps the thief: it reads as any decline, to the word, here and whenever it is asked again."""
    method = saved_method(tenant)
    world.sandbox.post(f"payment_methods/{method}/behaviour", decline="generic_decline")
    plain = ask_sale(tenant, None)
    world.sandbox.post(f"payment_methods/{method}/behaviour", decline="stolen_card")
    answer = ask_sale(tenant, None, idempotency_key="k")
    assert (answer.status, answer.error["message"]) == (plain.status, plain.error["message"])
    events = [shown["error"] for name, shown in emitted(world, tenant) if name == "payment.failed"]
    assert events[0] == events[1]
    world.deliver_all(tenant)
    replayed = ask_sale(tenant, None, idempotency_key="k")
    said = [
        *(each.content.decode() for each in (answer, replayed, tenant.get("/v1/payments"))),
        *(str(each) for each in emitted(world, tenant)),
        *(world.everything_of(tenant.id), world.logs.text),
    ]
    assert not any("stolen" in text for text in said)


# 3-D Secure without a payer


def of(answer: Answer) -> Json:
    """The payment that an error is about, as an intent names it."""
    told = answer.bad_fields
    return {"paymentId": told["paymentId"], "paymentIntentId": told["paymentIntentId"]}


@pytest.fixture
def told(world: World, tenant: Tenant) -> Answer:
    """As a tenant of its own has it, for who goes on with the secret."""
    method = saved_method(tenant)
    world.sandbox.post(f"payment_methods/{method}/behaviour", auth="always")
    answer = ask_sale(tenant, None, idempotency_key="k")
    world.sandbox.post(f"payment_methods/{method}/behaviour", auth=None)
    return answer


def test_a_payer_who_is_not_there_is_sent_for_with_the_client_secret(
    world: World, tenant: Tenant, told: Answer
) -> None:
    assert (told.status, told.error["code"]) == (402, "payment.authentication_required")
    details = told.bad_fields
    payment = payment_of(tenant, of(told))
    assert details["declineCode"] == "authentication_required"
    assert details["paymentIntentId"] == payment["paymentIntentId"]
    assert details["clientSecret"] == intent_at_stripe(world, payment)["client_secret"]
    assert payment["status"] == "failed"
    again = ask_sale(tenant, None, idempotency_key="k")
    assert (again.status, again.content) == (402, told.content)
    assert details["clientSecret"] not in world.everything_of(tenant.id) + world.logs.text


def test_who_completes_it_has_paid_once(world: World, tenant: Tenant, told: Answer) -> None:
    before = books(world, tenant)["cash"]
    assert pay(world, of(told)) == 200
    world.deliver_all(tenant)
    payment = payment_of(tenant, of(told))
    assert (payment["status"], payment["error"], payment["settledBy"]) == ("succeeded", None, "webhook")
    assert books(world, tenant)["cash"] == before + 4_999_000
    world.clock.advance(hours=25)
    sweep(world, payment)
    assert payment_of(tenant, payment) == payment
    about = [name for name, shown in emitted(world, tenant) if shown["id"] == payment["id"]]
    assert about == ["payment.failed", "payment.succeeded"]


def test_what_nobody_completes_is_taken_back_after_a_day(world: World, tenant: Tenant, told: Answer) -> None:
    world.clock.advance(hours=24, minutes=1)
    sweep(world, of(told))
    assert intent_at_stripe(world, of(told))["status"] == "canceled"
    assert payment_of(tenant, of(told))["status"] == "failed"


def test_who_completes_it_unheard_is_found_by_the_sweep(world: World, tenant: Tenant, told: Answer) -> None:
    pay(world, of(told))
    world.clock.advance(hours=24, minutes=1)
    sweep(world, of(told))
    payment = payment_of(tenant, of(told))
    assert (payment["status"], payment["settledBy"]) == ("succeeded", "sweep")


# Outcomes that nobody heard of


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_without_an_outcome_it_is_pending_and_the_sweep_settles_it(world: World, tenant: Tenant, kind: str) -> None:
    world.stripe_fails(kind, "/v1/payment_intents$", method="POST")
    answer = ask_sale(tenant, idempotency_key="k")
    assert (answer.status, answer.error["code"], answer.headers["Retry-After"]) == (503, "service.unavailable", "30")
    pending = tenant.only_payment()
    assert (pending["status"], books(world, tenant)) == ("pending", {})
    world.stripe_works()
    world.clock.advance(seconds=61)
    sweep(world, pending)
    payment = payment_of(tenant, pending)
    assert (payment["status"], payment["settledBy"]) == ("succeeded", "sweep")
    world.deliver_all(tenant)
    again = ask_sale(tenant, idempotency_key="k")
    assert (again.status, again.data) == (201, payment)
    assert books(world, tenant) == SOLD
    assert len(world.intents(tenant)) == 1


def test_a_retry_goes_on_from_the_first_commit(world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker dies when Stripe has charged, before it has written that down."""
    charge = StripeGateway.charge

    def die(*arguments: Any) -> None:
        charge(*arguments)
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(StripeGateway, "charge", die)
        with pytest.raises(Died):
            ask_sale(tenant, idempotency_key="k")
    world.clock.advance(seconds=30)
    answer = ask_sale(tenant, idempotency_key="k")
    assert (answer.status, answer.data["status"]) == (201, "succeeded")
    assert len(world.intents(tenant)) == 1
    assert books(world, tenant) == SOLD


# What is wrong is named


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"amount": "missing_required_field", "currency": "missing_required_field"}),
        ({"amount": 1_000_500, "currency": "USD"}, {"amount": "sub_minor_unit"}),
        ({"amount": -1_000_000, "currency": "usd"}, {"amount": "too_small", "currency": "unknown_currency"}),
        ({"amount": 5_123_000, "currency": "KWD"}, {"amount": "not_chargeable_in_currency"}),
        (
            {"invoiceId": "in_1", **PRICE, "customerId": "cus_1", "metadata": {"a": "b"}},
            dict.fromkeys(("amount", "currency", "customerId", "metadata"), "not_with_invoice_id"),
        ),
        ({**PRICE, "metadata": {"a": 1}, "order": "ord_1"},
         {"metadata.a": "must_be_a_string", "order": "unknown_field"}),
    ],
)  # fmt: skip
def test_every_bad_field_is_named_and_nothing_is_written(world: World, shop: Tenant, body: Json, fields: Json) -> None:
    world.writes.clear()
    answer = shop.post("/v1/payments", body)
    assert (answer.status, answer.error["code"], answer.bad_fields) == (400, "VALIDATION_ERROR", fields)
    assert {table for _, tables in world.writes for table in tables} == {"callers", "audit"}


def test_payments_are_listed_by_what_they_are_for(tenant: Tenant) -> None:
    customer = tenant.customer()
    theirs = sale(tenant, customerId=customer)["id"]
    declined = ask_sale(tenant, "pm_card_chargeCustomerFail").bad_fields["paymentId"]
    invoice = open_invoice(tenant)
    billed = tenant.post("/v1/payments", {"invoiceId": invoice["id"], "paymentMethodId": "pm_card_visa"}).data["id"]

    def listed(**query: Any) -> list[str]:
        return [each["id"] for each in tenant.get("/v1/payments", **query).data]

    assert listed() == [billed, declined, theirs]
    assert listed(customer=customer) == [theirs]
    assert listed(invoice=invoice["id"]) == [billed]
    assert listed(status="failed") == [declined]
    assert listed(customer=customer, status="failed") == listed(order="ord_1") == []
