"""Issue 11, item 7: what no card can be charged, too little or too much, is neither tried nor dunned."""

from collections import Counter
from typing import Any

import pytest
import stripe
from stripe._payment_intent_service import PaymentIntentService

from tests.integration.invoicing.test_invoices import balance_of, line, make, read
from tests.integration.steps import books
from tests.integration.subscriptions.test_changes import newest
from tests.integration.subscriptions.test_proration_vectors import advance, flat, subscribed
from tests.integration.world import Json, Tenant, World

TOO_SMALL = (400, "VALIDATION_ERROR", {"amount": "below_the_least_that_cards_are_charged"})
TOO_LARGE = (400, "VALIDATION_ERROR", {"amount": "above_the_most_that_cards_are_charged"})
CARD = "pm_card_visa"


def day(month: int, of_month: int = 1) -> str:
    return f"2027-{month:02d}-{of_month:02d}T00:00:00Z"


def refusal(answer: Any) -> tuple[int, str, Json]:
    return answer.status, answer.error["code"], answer.bad_fields


def events(world: World, tenant: Tenant) -> Counter[str]:
    return Counter(row["type"]["S"] for row in world.rows_of("events", tenant.id))


def subscription_of(tenant: Tenant, subscription: str) -> Json:
    return dict(tenant.get(f"/v1/subscriptions/{subscription}").data)


def account(world: World, tenant: Tenant, name: str) -> int:
    """An account of the books, in micro-units; every entry sums to zero by itself."""
    return books(world, tenant).get(name, 0)


def due(invoice: Json) -> tuple[str, int, int, int, int]:
    """What an invoice says of money, in minor units: total, applied, carried, due (and its status first)."""
    names = ("total", "balanceApplied", "amountCarried", "amountDue")
    total, applied, carried, asked = (invoice[name] // 1000 for name in names)
    return invoice["status"], total, applied, carried, asked


def test_thirty_cents_a_month_are_charged_every_other_month(world: World, tenant: Tenant) -> None:
    """0.30 for seven months: six are collected as 0.60 each second month, the seventh is owed; the books agree."""
    clock, subscription = subscribed(tenant, flat(tenant, "tiny", 30), day(1))
    customer = subscription_of(tenant, subscription)["customerId"]
    assert due(newest(tenant, subscription)) == ("paid", 30, 30, 30, 0)
    assert balance_of(tenant, customer) == -30_000
    upcoming = tenant.post("/v1/invoices/preview", {"subscriptionId": subscription}).data
    assert due(upcoming | {"status": ""}) == ("", 30, -30, 0, 60)
    for month in range(2, 8):
        advance(world, tenant, clock, day(month))
        collects = month % 2 == 0
        expected = ("paid", 30, -30, 0, 0) if collects else ("paid", 30, 30, 30, 0)
        assert due(newest(tenant, subscription)) == expected
        assert balance_of(tenant, customer) == (0 if collects else -30_000)
        assert subscription_of(tenant, subscription)["state"] == "active"
    assert [charge["amount"] for charge in world.charges(tenant)] == [60, 60, 60]
    assert account(world, tenant, "receivable") == 0
    assert account(world, tenant, "customer_balance") == 30_000  # a debit: the customer owes it
    assert account(world, tenant, "cash") == 180_000
    assert account(world, tenant, "revenue") == -210_000


def test_the_preview_is_what_the_next_invoice_asks_for(world: World, tenant: Tenant) -> None:
    """A preview shows what is brought forward, and what would be carried, to the cent."""
    clock, subscription = subscribed(tenant, flat(tenant, "tiny", 30), day(1))
    customer = subscription_of(tenant, subscription)["customerId"]
    body = {"customerId": customer, "lines": [line(10)]}
    shown = tenant.post("/v1/invoices/preview", body).data
    assert due(shown | {"status": ""}) == ("", 10, 10, 10, 0)
    made = make(tenant, line(10), customerId=customer, autoFinalize=True)
    assert due(made) == ("paid", 10, 10, 10, 0)
    shown = tenant.post("/v1/invoices/preview", body).data
    assert due(shown | {"status": ""}) == ("", 10, -40, 0, 50)
    made = make(tenant, line(10), customerId=customer, autoFinalize=True, autoCharge=True)
    assert (made["status"], made["amountPaid"], balance_of(tenant, customer)) == ("paid", 50_000, 0)
    advance(world, tenant, clock, day(2))
    assert due(newest(tenant, subscription)) == ("paid", 30, 30, 30, 0)


def test_a_rest_of_a_renewal_is_carried_and_cancels_nothing(world: World, tenant: Tenant) -> None:
    """A 10.00 renewal of which 0.20 are left, by the balance: it is paid, and the next one asks for 10.20."""
    clock, subscription = subscribed(tenant, flat(tenant, "monthly", 1000), day(1))
    customer = subscription_of(tenant, subscription)["customerId"]
    tenant.post(f"/v1/invoices/{newest(tenant, subscription)['id']}/credit-notes", {"amount": 980_000})
    advance(world, tenant, clock, day(2))
    assert due(newest(tenant, subscription)) == ("paid", 1000, 1000, 20, 0)
    assert balance_of(tenant, customer) == -20_000
    advance(world, tenant, clock, day(2, 20))
    assert subscription_of(tenant, subscription)["state"] == "active"
    advance(world, tenant, clock, day(3))
    assert (newest(tenant, subscription)["amountPaid"], balance_of(tenant, customer)) == (1_020_000, 0)
    assert events(world, tenant)["invoice.payment_failed"] == 0


def test_a_declined_renewal_credited_down_to_twenty_cents_is_settled(world: World, tenant: Tenant) -> None:
    """10.00 in dunning, 9.80 credited: the rest is carried, dunning ends, and the subscription is active again."""
    clock, subscription = subscribed(tenant, flat(tenant, "monthly", 1000), day(1))
    customer = subscription_of(tenant, subscription)["customerId"]
    (method,) = tenant.get("/v1/payment-methods", customer=customer).data
    world.sandbox.post(f"payment_methods/{method['id']}/behaviour", decline="insufficient_funds")
    advance(world, tenant, clock, day(2))
    invoice = newest(tenant, subscription)
    assert (invoice["status"], subscription_of(tenant, subscription)["state"]) == ("open", "past_due")
    note = tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": 980_000}).data
    assert (note["toInvoice"], note["toBalance"]) == (980_000, 0)
    after = read(tenant, invoice)
    assert (due(after), after["nextAttemptAt"], after["paymentError"]) == (("paid", 1000, 20, 20, 0), None, None)
    assert subscription_of(tenant, subscription)["state"] == "active"
    assert balance_of(tenant, customer) == -20_000
    assert account(world, tenant, "receivable") == 0
    advance(world, tenant, clock, day(2, 20))
    assert subscription_of(tenant, subscription)["state"] == "active"


def test_a_credit_note_on_what_was_carried_takes_the_debt_back(tenant: Tenant) -> None:
    """What was carried was billed: credited, it goes to the balance, which owes nothing then; no refund of it."""
    customer = tenant.customer()
    made = make(tenant, line(30), customerId=customer, autoFinalize=True)
    refused = tenant.post(f"/v1/invoices/{made['id']}/credit-notes", {"amount": 30_000, "refund": True})
    assert refused.status == 422
    note = tenant.post(f"/v1/invoices/{made['id']}/credit-notes", {"amount": 30_000}).data
    assert (note["toBalance"], balance_of(tenant, customer)) == (30_000, 0)


def test_voiding_the_invoice_that_collects_brings_the_debt_back(world: World, tenant: Tenant) -> None:
    """10.30 asked for, of which 0.30 are old: void, the old debt stands again, and the next invoice asks for it."""
    customer = tenant.customer()
    make(tenant, line(30), customerId=customer, autoFinalize=True)
    collects = make(tenant, line(1000), customerId=customer, autoFinalize=True)
    assert (due(collects), balance_of(tenant, customer)) == (("open", 1000, -30, 0, 1030), 0)
    assert tenant.post(f"/v1/invoices/{collects['id']}/void").status == 200
    assert balance_of(tenant, customer) == -30_000
    assert (account(world, tenant, "receivable"), account(world, tenant, "customer_balance")) == (0, 30_000)
    again = make(tenant, line(1000), customerId=customer, autoFinalize=True)
    paid = tenant.post(f"/v1/invoices/{again['id']}/pay", {"paymentMethodId": CARD}).data
    assert (paid["status"], paid["amountPaid"], balance_of(tenant, customer)) == ("paid", 1_030_000, 0)
    # Crediting all of it takes what it billed, and leaves what it collected for another.
    note = tenant.post(f"/v1/invoices/{again['id']}/credit-notes", {"amount": 1_000_000, "refund": True}).data
    assert note["toRefund"] == 1_000_000
    assert tenant.post(f"/v1/invoices/{again['id']}/credit-notes", {"amount": 30_000}).status == 422


def test_what_is_overpaid_pays_the_debt_first(tenant: Tenant) -> None:
    """An invoice below zero goes into a balance that is below zero: -0.30 and 5.00 are 4.70."""
    customer = tenant.customer()
    make(tenant, line(30), customerId=customer, autoFinalize=True)
    make(tenant, line(-500), customerId=customer, autoFinalize=True)
    assert balance_of(tenant, customer) == 470_000


def test_the_end_of_a_subscription_leaves_a_small_debt(world: World, tenant: Tenant) -> None:
    """The last invoice was carried: the balance owes it; a later invoice of any kind collects it."""
    _, subscription = subscribed(tenant, flat(tenant, "tiny", 30), day(1))
    customer = subscription_of(tenant, subscription)["customerId"]
    assert tenant.post(f"/v1/subscriptions/{subscription}/cancel").data["state"] == "canceled"
    assert balance_of(tenant, customer) == -30_000
    made = make(tenant, line(1000), customerId=customer, autoFinalize=True, autoCharge=True)
    assert (made["amountPaid"], balance_of(tenant, customer)) == (1_030_000, 0)


# Too much

YEARLY = 120_000_000  # 1,200,000.00 in minor units


def trialing(world: World, tenant: Tenant, cents: int, **fields: Any) -> tuple[str, str]:
    """A subscription whose trial ends on 1 February, and its first invoice comes."""
    plan = flat(tenant, "large", cents, currency=fields.get("currency", "USD"))
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-18T00:00:00Z"}).data["id"]
    customer = tenant.customer(testClockId=clock, currency=fields.get("currency", "USD"))
    made = tenant.subscribe(planId=plan, quantities={}, customerId=customer, trialDays=14)
    advance(world, tenant, clock, day(2))
    return clock, made["id"]


def test_too_much_for_any_card_waits_with_an_event(world: World, tenant: Tenant) -> None:
    """1,200,000.00 USD at a trial's end: open, no attempt, no dunning, an event; a month later still active."""
    clock, subscription = trialing(world, tenant, YEARLY)
    invoice = newest(tenant, subscription)
    assert (invoice["status"], invoice["attemptCount"], invoice["nextAttemptAt"]) == ("open", 0, None)
    assert invoice["paymentError"]["code"] == "payment.not_chargeable"
    assert invoice["paymentError"]["declineCode"] == "above_the_most_that_cards_are_charged"
    assert events(world, tenant)["invoice.not_chargeable"] == 1
    advance(world, tenant, clock, day(2, 27))
    assert subscription_of(tenant, subscription)["state"] == "active"
    assert (events(world, tenant)["payment.failed"], events(world, tenant)["invoice.payment_failed"]) == (0, 0)
    assert world.intents(tenant) == []


def test_every_pay_route_says_the_same_of_too_much_and_writes_nothing(world: World, tenant: Tenant) -> None:
    """One fact, one answer: of a plain amount, of an invoice, in a form, by a saved card, for a new subscription."""
    customer = tenant.customer()
    invoice = make(tenant, line(YEARLY), customerId=customer, autoFinalize=True)
    flat(tenant, "large", YEARLY)
    of_invoice = {"invoiceId": invoice["id"]}
    plain = {"customerId": customer, "amount": YEARLY * 1000, "currency": "USD"}
    new = {"planId": "large", "customerId": customer, "quantities": {}, "paymentMethodId": CARD}
    world.writes.clear()
    answers = [
        tenant.post(f"/v1/invoices/{invoice['id']}/pay", {"paymentMethodId": CARD}),
        tenant.post("/v1/payments", of_invoice | {"paymentMethodId": CARD}),
        tenant.post("/v1/payments/intents", of_invoice),
        tenant.post("/v1/payments/intents", of_invoice | {"paymentMethodId": CARD}),
        tenant.post("/v1/payments", plain | {"paymentMethodId": CARD}),
        tenant.post("/v1/payments/intents", plain),
        tenant.post("/v1/subscriptions", new),
    ]
    assert [refusal(answer) for answer in answers] == [TOO_LARGE] * len(answers)
    # Nor is a number claimed for what cannot begin.
    assert {table for _, tables in world.writes for table in tables} == {"callers", "audit"}
    assert (read(tenant, invoice)["status"], world.intents(tenant)) == ("open", [])


def test_a_credit_note_brings_it_into_reach_and_it_is_charged(world: World, tenant: Tenant) -> None:
    """1,200,000.00 less 300,000.00 can be charged: the next turn of the clock does, as a first attempt."""
    clock, subscription = trialing(world, tenant, YEARLY)
    invoice = newest(tenant, subscription)
    tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": 30_000_000_000})
    assert read(tenant, invoice)["paymentError"] is None
    advance(world, tenant, clock, "2027-02-01T00:05:00Z")
    paid = read(tenant, invoice)
    assert (paid["status"], paid["amountPaid"], paid["attemptCount"]) == ("paid", 90_000_000_000, 1)


@pytest.mark.parametrize("how", ["void", "uncollectible"])
def test_it_can_be_given_up(world: World, tenant: Tenant, how: str) -> None:
    _, subscription = trialing(world, tenant, YEARLY)
    invoice = newest(tenant, subscription)
    assert tenant.post(f"/v1/invoices/{invoice['id']}/{how}").data["status"] == how
    assert subscription_of(tenant, subscription)["state"] == "active"


@pytest.mark.parametrize(("currency", "minor"), [("IDR", 150_000_000), ("COP", 150_000_000), ("INR", 150_000_000)])
def test_what_stripe_takes_in_large_numbers_is_charged(world: World, tenant: Tenant, currency: str, minor: int) -> None:
    """IDR 1,500,000.00 is some $90: twelve digits there."""
    _, subscription = trialing(world, tenant, minor, currency=currency)
    assert newest(tenant, subscription)["status"] == "paid"
    (charge,) = world.charges(tenant)
    assert charge["amount"] == minor


def test_a_currency_that_no_card_is_charged_in_waits_as_well(world: World, tenant: Tenant) -> None:
    _, subscription = trialing(world, tenant, 1000, currency="GHS")
    invoice = newest(tenant, subscription)
    assert (invoice["status"], invoice["paymentError"]["declineCode"]) == ("open", "not_chargeable")
    assert subscription_of(tenant, subscription)["state"] == "active"
    answer = tenant.post(f"/v1/invoices/{invoice['id']}/pay")
    assert (answer.status, answer.bad_fields) == (400, {"currency": "not_chargeable"})


# What Stripe alone knows: the limits of the currency that the account is paid out in


def test_stripes_own_minimum_is_carried_too(world: World, tenant: Tenant) -> None:
    """20.00 PHP settle as less than $0.50: Stripe refuses, nobody's card did; the balance owes it."""
    clock, subscription = trialing_fault(world, tenant, "amount_too_small")
    assert due(newest(tenant, subscription)) == ("paid", 2000, 2000, 2000, 0)
    assert subscription_of(tenant, subscription)["state"] == "active"
    assert events(world, tenant)["invoice.payment_failed"] == 0
    advance(world, tenant, clock, day(3))
    (charge,) = world.charges(tenant)
    assert charge["amount"] == 4000


def test_stripes_own_maximum_waits_too(world: World, tenant: Tenant) -> None:
    clock, subscription = trialing_fault(world, tenant, "amount_too_large")
    invoice = newest(tenant, subscription)
    assert (invoice["status"], invoice["nextAttemptAt"]) == ("open", None)
    assert invoice["paymentError"]["declineCode"] == "above_the_most_that_cards_are_charged"
    advance(world, tenant, clock, day(2, 27))
    assert subscription_of(tenant, subscription)["state"] == "active"
    assert events(world, tenant)["invoice.not_chargeable"] == 1


def trialing_fault(world: World, tenant: Tenant, code: str) -> tuple[str, str]:
    """A trial's end whose charge Stripe refuses with a code; after that Stripe takes everything."""

    def refuse(self: Any, params: Any = None, options: Any = None) -> None:
        raise stripe.InvalidRequestError(code, "amount", code=code, http_status=400)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PaymentIntentService, "create", refuse)
        return trialing(world, tenant, 2000, currency="PHP")


def test_every_pay_route_says_the_same_of_too_little(world: World, tenant: Tenant) -> None:
    """0.20 left of a debt that was given up: nothing is tried, nothing is written, and it stays given up."""
    customer = tenant.customer()
    invoice = make(tenant, line(1000), customerId=customer, autoFinalize=True)
    tenant.post(f"/v1/invoices/{invoice['id']}/uncollectible")
    tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": 980_000})
    assert due(read(tenant, invoice)) == ("uncollectible", 1000, 0, 0, 20)
    of_invoice = {"invoiceId": invoice["id"]}
    plain = {"customerId": customer, "amount": 20_000, "currency": "USD"}
    world.writes.clear()
    answers = [
        tenant.post(f"/v1/invoices/{invoice['id']}/pay", {"paymentMethodId": CARD}),
        tenant.post("/v1/payments", of_invoice | {"paymentMethodId": CARD}),
        tenant.post("/v1/payments/intents", of_invoice),
        tenant.post("/v1/payments", plain | {"paymentMethodId": CARD}),
        tenant.post("/v1/payments/intents", plain),
    ]
    assert [refusal(answer) for answer in answers] == [TOO_SMALL] * len(answers)
    assert [each for each in world.writes if each[0] == "TransactWriteItems"] == []
