"""Issue 11, number 2: of a refund that Stripe refuses, only what is still with the tenant becomes balance.

Somebody refunds in Stripe's dashboard, or a payer disputes, and a refund is asked for before the webhook is here.
Whatever the order, nobody has more in the end than was paid, and the books say what Stripe's balance says.
"""

import json
from collections import Counter
from typing import Any

import pytest

from tests.integration.cash import before_fees
from tests.integration.payer import intent, open_invoice, pay, payment_of, sale
from tests.integration.payments.test_hard_cases import balance
from tests.integration.world import Answer, Json, Tenant, World

PAID = 120_000_000
"""$1,200.00."""


@pytest.fixture
def payment(world: World, tenant: Tenant) -> Json:
    """The payment of an invoice over $1,200.00."""
    made = intent(tenant, invoiceId=open_invoice(tenant, PAID // 1000)["id"])
    assert pay(world, made) == 200
    world.deliver_all(tenant)
    return payment_of(tenant, made)


def books(world: World, tenant: Tenant) -> Counter[str]:
    """Each account's balance, in micro-units."""
    sums: Counter[str] = Counter()
    for row in world.rows_of("ledger", tenant.id):
        for posting in json.loads(row["body"]["S"])["postings"]:
            sums[posting["account"]] += posting["amount"]["micros"]
    before_fees(sums)
    return sums


def at_stripe(world: World, payment: Json) -> int:
    """What Stripe has of a payment still, in micro-units, without its fees: what came, less what went."""
    api = world.stripe.v1
    about: Any = {"payment_intent": payment["paymentIntentId"], "limit": 100}
    refunded = sum(each.amount for each in api.refunds.list(about).data if each.status != "failed")
    lines = [line for each in api.disputes.list(about).data for line in each.balance_transactions]
    return (payment["amount"] // 1000 - refunded + sum(line.amount for line in lines)) * 1000


def refund(tenant: Tenant, payment: Json, amount: int | None = None) -> Answer:
    return tenant.post(f"/v1/payments/{payment['id']}/refund", {} if amount is None else {"amount": amount})


def settled(world: World, tenant: Tenant, payment: Json, in_balance: int, bad_debt: int = 0) -> None:
    """Whatever comes by webhook, and however often: the same balance, books that are even, and Stripe's cash."""
    for _ in range(2):
        assert balance(tenant) == in_balance
        sums = books(world, tenant)
        assert sums["receivable"] == 0
        assert sums["customer_balance"] == -in_balance
        assert sums["cash"] == at_stripe(world, payment)
        assert sums["bad_debt"] == bad_debt
        assert {each["statusCode"] for each in world.deliver_all(tenant)} <= {200}


def test_what_was_refunded_whole_in_the_dashboard_is_not_credited(world: World, tenant: Tenant, payment: Json) -> None:
    world.sandbox.post(f"payment_intents/{payment['paymentIntentId']}/refund")
    answer = refund(tenant, payment)
    assert (answer.status, answer.data["status"]) == (201, "failed")
    settled(world, tenant, payment, in_balance=0)
    assert payment_of(tenant, payment)["amountRefunded"] == PAID
    note = tenant.get(f"/v1/credit-notes/{answer.data['creditNoteId']}").data
    assert (note["toRefund"], note["toBalance"]) == (PAID, 0)
    assert refund(tenant, payment).status == 422


def test_a_dollar_refunded_in_the_dashboard_leaves_the_rest(world: World, tenant: Tenant, payment: Json) -> None:
    world.sandbox.post(f"payment_intents/{payment['paymentIntentId']}/refund", amount=100)
    answer = refund(tenant, payment)
    assert answer.data["status"] == "failed"
    settled(world, tenant, payment, in_balance=PAID - 100_000)
    note = tenant.get(f"/v1/credit-notes/{answer.data['creditNoteId']}").data
    assert (note["toRefund"], note["toBalance"]) == (100_000, PAID - 100_000)


@pytest.mark.parametrize(("disputed", "left"), [(None, 0), (1_000, PAID - 1_000_000)])
@pytest.mark.parametrize("outcome", ["lost", "won"])
def test_what_its_payer_disputed_is_not_credited(
    world: World, tenant: Tenant, payment: Json, disputed: int | None, left: int, outcome: str
) -> None:
    about = {} if disputed is None else {"amount": disputed}
    world.sandbox.post(f"charges/{payment['paymentIntentId']}/dispute", reason="fraudulent", **about)
    answer = refund(tenant, payment)
    assert (answer.data["status"], answer.data["failureReason"]) == ("failed", "charge_disputed")
    (dispute,) = tenant.get("/v1/disputes").data
    assert dispute["amount"] == PAID - left
    settled(world, tenant, payment, in_balance=left)
    (theirs,) = world.stripe.v1.disputes.list({"payment_intent": payment["paymentIntentId"]}).data
    world.sandbox.post(f"disputes/{theirs.id}/close", status=outcome)
    assert {each["statusCode"] for each in world.deliver_all(tenant)} == {200}
    assert balance(tenant) == left
    lost = PAID - left if outcome == "lost" else 0
    settled(world, tenant, payment, in_balance=left, bad_debt=lost)
    again = tenant.post(f"/v1/invoices/{payment['invoiceId']}/credit-notes", {"amount": 1_000_000})
    assert again.status == 422  # all of it has a credit note


def test_the_webhook_first_or_the_refund_first_leaves_the_same(world: World, tenant: Tenant) -> None:
    """Of $60.00, $50.00 were refunded in the dashboard, and $60.00 are asked for."""
    left = {}
    for first in ("webhook", "refund"):
        customer = tenant.customer()
        made = intent(tenant, invoiceId=open_invoice(tenant, 6_000, customerId=customer)["id"])
        pay(world, made)
        world.deliver_all(tenant)
        world.sandbox.post(f"payment_intents/{made['paymentIntentId']}/refund", amount=5_000)
        payment = payment_of(tenant, made)
        if first == "webhook":
            world.deliver_all(tenant)
            assert refund(tenant, payment, 6_000_000).status == 422
            body = {"amount": 1_000_000}  # what is left of it, to the balance
            assert tenant.post(f"/v1/invoices/{payment['invoiceId']}/credit-notes", body).status == 201
        else:
            assert refund(tenant, payment, 6_000_000).data["status"] == "failed"
        world.deliver_all(tenant)
        left[first] = tenant.get(f"/v1/customers/{customer}/balance").data["amount"]
    assert left["webhook"] == left["refund"] == 1_000_000
    assert books(world, tenant)["receivable"] == 0


def test_a_sale_without_an_invoice_is_given_back_once(world: World, tenant: Tenant) -> None:
    payment = sale(tenant)
    world.deliver_all(tenant)
    world.sandbox.post(f"payment_intents/{payment['paymentIntentId']}/refund", amount=1_000)
    assert refund(tenant, payment).data["status"] == "failed"
    settled(world, tenant, payment, in_balance=0)
    assert payment_of(tenant, payment)["amountRefunded"] == 1_000_000
    assert refund(tenant, payment).data["amount"] == payment["amount"] - 1_000_000
    settled(world, tenant, payment, in_balance=0)


def test_a_refund_that_a_dispute_overtakes_is_not_credited(world: World, tenant: Tenant) -> None:
    """It was on its way; the bank took the money back by a dispute, and Stripe failed the refund."""
    saved = sale(tenant, "pm_card_pendingRefund")["paymentMethodId"]
    invoice = open_invoice(tenant, 10_000)["id"]
    assert tenant.post(f"/v1/invoices/{invoice}/pay", {"paymentMethodId": saved}).data["status"] == "paid"
    world.deliver_all(tenant)
    payment = tenant.get("/v1/payments", invoice=invoice).data[0]
    assert refund(tenant, payment, 4_000_000).data["status"] == "pending"
    world.sandbox.post(f"charges/{payment['paymentIntentId']}/dispute", reason="fraudulent", amount=10_000)
    waiting = [each for each in world.stripe_events(tenant) if each["id"] not in world.delivered]
    failed = [each for each in waiting if each["type"] in ("refund.failed", "refund.updated")]
    assert failed
    for each in failed:  # before anything of the dispute
        assert world.deliver(each)["statusCode"] == 200
    assert balance(tenant) == 0
    world.deliver_all(tenant)
    assert balance(tenant) == 0
    assert books(world, tenant)["receivable"] == 0


def test_while_stripe_cannot_say_why_nothing_is_credited(world: World, tenant: Tenant, payment: Json) -> None:
    """Refused, and then silent: it is pending, and settled when Stripe can be asked."""
    world.sandbox.post(f"payment_intents/{payment['paymentIntentId']}/refund")
    world.stripe_fails("status", "/v1/disputes$", method="GET", status=500)
    path = f"/v1/payments/{payment['id']}/refund"
    assert tenant.post(path, {}, idempotency_key="k").status == 503
    assert balance(tenant) == 0
    world.stripe_works()
    world.clock.advance(seconds=61)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    settled(world, tenant, payment, in_balance=0)
    assert tenant.post(path, {}, idempotency_key="k").data["status"] == "failed"
    settled(world, tenant, payment, in_balance=0)


def test_a_refund_that_was_never_sent_is_not_credited_where_the_money_is_gone(
    world: World, tenant: Tenant, payment: Json
) -> None:
    """After 23 hours it is looked for, and is not there; the dashboard's is."""
    world.stripe_fails("drop_before", "/v1/refunds$", method="POST")
    assert refund(tenant, payment).data["status"] == "pending"
    world.stripe_works()
    world.sandbox.post(f"payment_intents/{payment['paymentIntentId']}/refund")
    world.clock.advance(hours=24)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    settled(world, tenant, payment, in_balance=0)
