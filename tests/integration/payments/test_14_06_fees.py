"""Issue 14, number 6: Stripe's fees are in the books, and cash is Stripe's account to the transaction, always."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from billing.domain.kernel.money import Money
from billing.domain.payments.payment import ChargeResult
from billing.integrations.stripe import gateway
from tests.integration.cash import cash_lines, entries, lines_at_stripe
from tests.integration.payer import intent, open_invoice, pay, sale, saved_method, sweep
from tests.integration.world import Json, Tenant, World

FEE = 175_000
"""2.9 % and 0.30 of 49.99."""


def kinds(world: World, tenant: Tenant) -> Counter[str]:
    return Counter(entry["kind"] for entry in entries(world, tenant))


def account(world: World, tenant: Tenant, name: str) -> dict[str, int]:
    """What an account has, by currency, in micro-units."""
    found: Counter[str] = Counter()
    for posting in (posting for entry in entries(world, tenant) for posting in entry["postings"]):
        if posting["account"] == name:
            found[posting["amount"]["currency"]] += posting["amount"]["micros"]
    return {currency: micros for currency, micros in found.items() if micros}


def agree(world: World, tenant: Tenant) -> None:
    """The law: each line of Stripe's account is in cash with its fee, and nothing else is; nothing waits for a line."""
    assert cash_lines(world, tenant) == lines_at_stripe(world, tenant)
    assert account(world, tenant, "cash_clearing") == {}


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """While this is not empty, Stripe has not written the line of a charge yet."""
    waits = [True]
    real = gateway.charge_result

    def result(made: Any) -> ChargeResult:
        found = real(made)
        if not waits or found.taken is None:
            return found
        bare = replace(found.taken, fee=None, balance_transaction_id=None, available_on=None, settled=None)
        return replace(found, taken=bare)

    monkeypatch.setattr(gateway, "charge_result", result)
    return waits


def test_a_charge_by_request_books_its_fee(world: World, tenant: Tenant) -> None:
    sale(tenant)
    assert account(world, tenant, "processing_fees") == {"USD": FEE}
    agree(world, tenant)
    assert len(world.deliver_all(tenant)) > 0
    assert kinds(world, tenant)["processing_fee"] == 1


def test_an_invoice_by_request_books_its_fee(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant, 20_000)["id"]
    tenant.post("/v1/payments", {"invoiceId": invoice, "paymentMethodId": "pm_card_visa"})
    assert account(world, tenant, "processing_fees") == {"USD": 610_000}
    agree(world, tenant)


@pytest.mark.parametrize("card", ["pm_card_visa", "pm_card_threeDSecure2Required"])
@pytest.mark.parametrize("of_invoice", [False, True])
def test_a_form_books_its_fee_by_webhook_once(world: World, tenant: Tenant, of_invoice: bool, card: str) -> None:
    """Also where the bank wants its payer to authenticate (3-D Secure), and however often the events come."""
    form = intent(tenant, invoiceId=open_invoice(tenant, 4_999)["id"]) if of_invoice else intent(tenant)
    assert pay(world, form, card) == 200
    if card != "pm_card_visa":
        world.deliver_all(tenant)
        assert account(world, tenant, "processing_fees") == {}
        world.acts(f"payment_intents/{form['paymentIntentId']}/authenticate", succeed=True)
    for _ in range(3):
        world.deliver_all(tenant)
    assert (account(world, tenant, "processing_fees"), kinds(world, tenant)["processing_fee"]) == ({"USD": FEE}, 1)
    agree(world, tenant)


def test_the_sweep_books_the_fee_of_what_nobody_heard_of(world: World, tenant: Tenant) -> None:
    saved_method(tenant)
    before = len(entries(world, tenant))
    world.stripe_fails("drop_after", "/v1/payment_intents$", method="POST")
    tenant.post("/v1/payments", {"amount": 4_999_000, "currency": "USD"})
    world.stripe_works()
    world.clock.advance(seconds=61)
    made = tenant.get("/v1/payments").data[0]
    assert len(entries(world, tenant)) == before
    sweep(world, made)
    agree(world, tenant)


@pytest.mark.parametrize("of_invoice", [False, True])
def test_a_line_that_stripe_writes_late_is_told_by_webhook(
    world: World, tenant: Tenant, silent: list[bool], of_invoice: bool
) -> None:
    """Until then the money waits in cash_clearing; ``charge.updated`` moves it to cash, with its fee, once."""
    if of_invoice:
        invoice = open_invoice(tenant, 4_999)["id"]
        tenant.post("/v1/payments", {"invoiceId": invoice, "paymentMethodId": "pm_card_visa"})
    else:
        sale(tenant)
    assert account(world, tenant, "cash") == account(world, tenant, "processing_fees") == {}
    assert account(world, tenant, "cash_clearing") == {"USD": 4_999_000}
    silent.clear()
    (paid,) = world.charges(tenant)
    world.stripe.v1.charges.update(paid["latest_charge"], {"description": "settled"})
    (event,) = _told(world, paid["latest_charge"])
    for _ in range(2):
        assert world.deliver(event)["statusCode"] == 200
    world.deliver(event | {"id": "evt_again"})
    assert kinds(world, tenant)["line_settled"] == kinds(world, tenant)["processing_fee"] == 1
    agree(world, tenant)


def _told(world: World, charge_id: str) -> list[Json]:
    found = world.stripe.v1.events.list({"type": "charge.updated", "limit": 100}).data
    return [json.loads(str(each)) for each in found if each.data.object["id"] == charge_id]


def test_a_refund_and_its_return_name_their_lines(world: World, tenant: Tenant) -> None:
    """Stripe keeps its fee when a payment goes back; a bank that sends the refund back makes another line."""
    made = sale(tenant)
    refund = tenant.post(f"/v1/payments/{made['id']}/refund", {"amount": 1_000_000}).data
    world.deliver_all(tenant)
    agree(world, tenant)
    assert account(world, tenant, "processing_fees") == {"USD": FEE}
    stripe_id = next(e for e in world.stripe.v1.refunds.list({"limit": 1}).data).id
    world.sandbox.post(f"refunds/{stripe_id}/finish", succeed=False)
    world.deliver_all(tenant)
    world.deliver_all(tenant)
    after = tenant.get(f"/v1/payments/{made['id']}/refunds").data[0]
    assert (after["id"], after["status"]) == (refund["id"], "failed")
    assert account(world, tenant, "cash") == {"USD": 4_999_000 - FEE}
    agree(world, tenant)


def test_a_refund_in_the_dashboard_names_its_line(world: World, tenant: Tenant) -> None:
    made = sale(tenant)
    world.stripe.v1.refunds.create({"payment_intent": made["paymentIntentId"], "amount": 1_500})
    world.deliver_all(tenant)
    agree(world, tenant)


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_a_dispute_costs_its_fee_whoever_wins(world: World, tenant: Tenant, outcome: str) -> None:
    """15.00 in the sandbox; won, the amount comes back and the fee does not."""
    made = sale(tenant)
    intent_id = made["paymentIntentId"]
    world.sandbox.post(f"charges/{intent_id}/dispute", reason="fraudulent")
    world.deliver_all(tenant)
    agree(world, tenant)
    assert account(world, tenant, "processing_fees") == {"USD": FEE + 1_500_000}
    (dispute,) = world.stripe.v1.disputes.list({"payment_intent": intent_id}).data
    world.sandbox.post(f"disputes/{dispute.id}/close", status=outcome)
    for _ in range(2):
        world.deliver_all(tenant)
    kept = 4_999_000 if outcome == "won" else 0
    assert account(world, tenant, "cash") == {"USD": kept - FEE - 1_500_000}
    agree(world, tenant)


def test_yen(world: World, tenant: Tenant) -> None:
    """JPY 5,000: the fee is in whole yen, and so are the books."""
    assert sale(tenant, amount=5_000_000, currency="JPY")["status"] == "succeeded"
    assert set(account(world, tenant, "processing_fees")) == {"JPY"}
    agree(world, tenant)


def test_euros_that_stripe_converts_are_cash_in_dollars(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EUR 49.99 on an account in USD: nothing is left in euros but what the exchange took."""
    real = gateway.charge_result

    def converted(made: Any) -> ChargeResult:
        found = real(made)
        if found.taken is None:
            return found
        taken = replace(found.taken, settled=Money(5_400_000, "USD"), fee=Money(190_000, "USD"))
        return replace(found, taken=taken)

    monkeypatch.setattr(gateway, "charge_result", converted)
    sale(tenant, currency="EUR")
    assert account(world, tenant, "cash") == {"USD": 5_400_000 - 190_000}
    assert account(world, tenant, "currency_exchange") == {"EUR": 4_999_000, "USD": -5_400_000}
    assert account(world, tenant, "cash_clearing") == account(world, tenant, "receivable") == {}
