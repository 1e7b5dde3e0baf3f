"""Issue 11, number 15: what Stripe took is what is booked. What was asked for and did not come stays open."""

import json
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.kernel.money import Money
from billing.domain.payments.payment import Payment
from billing.services.kernel.work import Ref
from tests.integration.cash import before_fees
from tests.integration.payer import intent, open_invoice, pay, payment_of, sale, saved_method, sweep
from tests.integration.payments.credentials import alarms
from tests.integration.payments.test_hard_cases import balance
from tests.integration.world import Json, Tenant, World

ALARM = "stripe took something else than was asked for"


def stored(tenant: Tenant, made: Json) -> Payment:
    ref = Ref(Payment, tenant.id, made.get("paymentId") or made["id"])
    return storage.units().begin(tenant.id).load(ref).require(ref)


def books(world: World, tenant: Tenant, currency: str = "USD") -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in world.rows_of("ledger", tenant.id):
        for posting in json.loads(row["body"]["S"])["postings"]:
            if posting["amount"]["currency"] == currency:
                account = posting["account"]
                sums[account] = sums.get(account, 0) + posting["amount"]["micros"]
    return {account: micros for account, micros in before_fees(sums).items() if micros}


def change(world: World, made: Json, **params: Any) -> None:
    """Somebody changes the intent at Stripe."""
    world.stripe.v1.payment_intents.update(made["paymentIntentId"], params)  # type: ignore[arg-type]


@pytest.fixture
def form(tenant: Tenant) -> Json:
    """The form of an invoice over $200.00."""
    invoice = open_invoice(tenant, 20_000)["id"]
    return intent(tenant, invoiceId=invoice) | {"invoiceId": invoice}


def test_a_payment_keeps_what_stripe_says_of_its_charge(world: World, tenant: Tenant) -> None:
    """Charge, fee, the line of the balance and when it is available: by request, webhook and sweep."""
    by_request = sale(tenant)
    form = intent(tenant)
    pay(world, form)
    world.deliver_all(tenant)
    world.stripe_fails("drop_after", "/v1/payment_intents$", method="POST")
    tenant.post("/v1/payments", {"amount": 4_999_000, "currency": "USD"})
    world.stripe_works()
    world.clock.advance(seconds=61)
    (swept,) = [each for each in tenant.get("/v1/payments").data if each["status"] == "pending"]
    sweep(world, swept)
    for made in (by_request, form, swept):
        payment = stored(tenant, made)
        taken = payment.taken
        assert taken is not None
        assert taken.available_on is not None
        about: Any = {"expand": ["latest_charge.balance_transaction"]}
        theirs = world.stripe.v1.payment_intents.retrieve(str(payment.stripe_payment_intent_id), about).latest_charge
        line: Any = theirs.balance_transaction  # type: ignore[union-attr]
        assert (taken.amount, taken.charge_id) == (Money(4_999_000, "USD"), theirs.id)  # type: ignore[union-attr]
        assert (taken.fee, taken.balance_transaction_id) == (Money(line.fee * 1000, "USD"), line.id)
        assert (int(taken.available_on.timestamp()), payment.asked) == (line.available_on, None)
    assert alarms(world) == []


def test_less_than_was_asked_for_pays_that_much(world: World, tenant: Tenant, form: Json) -> None:
    """Changed to $1.00 at Stripe: $1.00 is booked, $199.00 are still asked for, and somebody is woken."""
    change(world, form, amount=100)
    assert pay(world, form) == 200
    world.deliver_all(tenant)
    assert ALARM in alarms(world)
    invoice = tenant.get(f"/v1/invoices/{form['invoiceId']}").data
    assert (invoice["status"], invoice["amountPaid"], invoice["amountDue"]) == ("open", 100_000, 19_900_000)
    payment = payment_of(tenant, form)
    assert (payment["status"], payment["amount"], payment["amountAsked"]) == ("succeeded", 100_000, 20_000_000)
    assert books(world, tenant) == {"cash": 100_000, "receivable": 19_900_000, "revenue": -20_000_000}
    method = saved_method(tenant)
    paid = tenant.post(f"/v1/invoices/{form['invoiceId']}/pay", {"paymentMethodId": method}).data
    assert (paid["status"], paid["amountPaid"]) == ("paid", 20_000_000)
    assert tenant.get("/v1/payments", invoice=form["invoiceId"]).data[0]["amount"] == 19_900_000


def test_what_came_can_be_given_back_and_no_more(world: World, tenant: Tenant) -> None:
    made = intent(tenant)
    change(world, made, amount=100)
    pay(world, made)
    world.deliver_all(tenant)
    path = f"/v1/payments/{made['paymentId']}/refund"
    assert tenant.post(path, {"amount": 101_000}).status == 422
    assert tenant.post(path, {}).data["amount"] == 100_000
    assert books(world, tenant) == {"revenue": -100_000, "refunds": 100_000}


def test_more_than_was_asked_for_is_the_customers(world: World, tenant: Tenant, form: Json) -> None:
    change(world, form, amount=30_000)
    pay(world, form)
    world.deliver_all(tenant)
    assert ALARM in alarms(world)
    assert tenant.get(f"/v1/invoices/{form['invoiceId']}").data["status"] == "paid"
    assert balance(tenant) == 10_000_000


def test_the_rest_of_a_subscriptions_invoice_is_dunned(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe()
    (card,) = tenant.get("/v1/payment-methods").data
    world.sandbox.post(f"payment_methods/{card['id']}/behaviour", decline="insufficient_funds")
    world.clock.advance(days=31, hours=1)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    (renewal,) = tenant.get("/v1/invoices", status="open").data
    form = intent(tenant, invoiceId=renewal["id"])
    change(world, form, amount=100)
    pay(world, form)
    world.deliver_all(tenant)
    assert tenant.get(f"/v1/invoices/{renewal['id']}").data["amountDue"] == renewal["amountDue"] - 100_000
    assert tenant.get(f"/v1/subscriptions/{made['id']}").data["state"] == "past_due"
    world.sandbox.post(f"payment_methods/{card['id']}/behaviour", decline=None)
    world.clock.advance(days=1)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    assert tenant.get(f"/v1/invoices/{renewal['id']}").data["status"] == "paid"
    assert tenant.get(f"/v1/subscriptions/{made['id']}").data["state"] == "active"


def test_another_currency_pays_nothing_and_can_be_given_back(world: World, tenant: Tenant, form: Json) -> None:
    """Changed to JPY 500: $200.00 are still asked for, and the JPY 500 are the customer's."""
    change(world, form, amount=500, currency="jpy")
    assert pay(world, form) == 200
    for _ in range(2):
        world.deliver_all(tenant)
    assert alarms(world).count(ALARM) >= 1
    invoice = tenant.get(f"/v1/invoices/{form['invoiceId']}").data
    assert (invoice["status"], invoice["amountPaid"], invoice["amountDue"]) == ("open", 0, 20_000_000)
    payment = payment_of(tenant, form)
    assert (payment["amount"], payment["currency"]) == (500_000, "JPY")
    assert (payment["amountAsked"], payment["currencyAsked"]) == (20_000_000, "USD")
    assert books(world, tenant, "JPY") == {"cash": 500_000, "customer_balance": -500_000}
    assert balance(tenant) == 0
    answer = tenant.post(f"/v1/payments/{form['paymentId']}/refund", {"amount": 200_000})
    assert (answer.data["status"], answer.data["currency"], answer.data["creditNoteId"]) == ("succeeded", "JPY", None)
    world.sandbox.post(f"payment_intents/{form['paymentIntentId']}/refund", amount=100)
    world.deliver_all(tenant)
    assert books(world, tenant, "JPY") == {"cash": 200_000, "customer_balance": -200_000}
    world.sandbox.post(f"charges/{form['paymentIntentId']}/dispute", reason="fraudulent")
    assert {each["statusCode"] for each in world.deliver_all(tenant)} == {200}
    method = saved_method(tenant)
    paid = tenant.post(f"/v1/invoices/{form['invoiceId']}/pay", {"paymentMethodId": method})
    assert (paid.status, paid.data["status"]) == (200, "paid"), paid.json
    note = tenant.post(f"/v1/invoices/{form['invoiceId']}/credit-notes", {"amount": 20_000_000, "refund": True})
    assert (note.status, note.data["refund"]["status"]) == (201, "succeeded"), note.json


def test_a_sale_in_another_currency_is_booked_as_it_came(world: World, tenant: Tenant) -> None:
    made = intent(tenant)
    change(world, made, amount=500, currency="jpy")
    pay(world, made)
    world.deliver_all(tenant)
    assert ALARM in alarms(world)
    assert books(world, tenant, "JPY") == {"cash": 500_000, "revenue": -500_000}
    assert books(world, tenant) == {}
    assert tenant.post(f"/v1/payments/{made['paymentId']}/refund", {}).data["status"] == "succeeded"
    assert books(world, tenant, "JPY") == {"refunds": 500_000, "revenue": -500_000}
