"""The billing engine on the deployed stack: real HTTP, Stripe's own record of what was charged."""

import io
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pypdf import PdfReader

from local.client import Client
from local.demo.year import Year, same_bill
from tests.e2e.conftest import charges, subscribe


def charged_cents(client: Client, invoice: Any) -> list[int]:
    payment = client.get(f"/v1/payments/{invoice['latestPaymentId']}")
    return [charge["amount"] for charge in charges(client, payment)]


def latest_invoice(client: Client, subscription: Any) -> Any:
    return client.get(f"/v1/invoices?subscription={subscription['id']}")[0]


def pdf_text(client: Client, path: str) -> str:
    answer = client.call("GET", path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/pdf")
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)


def one_off(client: Client, name: str, **more: Any) -> Any:
    """A draft over $120.00, for a new customer."""
    customer = client.post("/v1/customers", {"name": name})
    lines = [{"description": "Consulting", "quantity": "1.5", "unitAmount": 8_000_000}]
    return client.post("/v1/invoices", {"customerId": customer["id"], "lines": lines, **more})


def coupon(client: Client, **terms: Any) -> str:
    code = f"E2E-{time.time_ns()}"
    return str(client.post("/v1/coupons", {"code": code, **terms})["code"])


def on_clock(client: Client, name: str) -> tuple[str, str]:
    """A clock at 1 January 2027, and a customer on it."""
    clock = client.post("/v1/test-clocks", {"frozenTime": "2027-01-01T00:00:00Z"})
    return clock["id"], client.post("/v1/customers", {"name": name, "testClockId": clock["id"]})["id"]


def test_the_year_of_the_demo_holds_at_every_step(client: Client) -> None:
    invoices = Year(client).play()
    series, _ = invoices[0]["number"].split("-")
    assert re.fullmatch(r"K\.TC[0-9A-Z]{6}", series)
    assert [invoice["number"] for invoice in invoices] == [f"{series}-{n:06}" for n in range(1, 12)]
    assert {invoice["status"] for invoice in invoices} == {"paid"}
    assert all(invoice["total"] == invoice["amountPaid"] + invoice["balanceApplied"] for invoice in invoices)


def test_a_coupon_comes_off_the_first_charge(client: Client, plan: str) -> None:
    code = coupon(client, percentOff="50", duration="once", maxRedemptionsPerCustomer=1)
    customer = client.post("/v1/customers", {"name": "Half Price"})
    subscription = subscribe(client, customer["id"], plan, couponCode=code.lower())
    invoice = client.get(f"/v1/invoices/{subscription['latestInvoiceId']}")
    assert (invoice["subtotal"], invoice["discount"], invoice["total"]) == (6_399_000, 3_200_000, 3_199_000)
    assert charged_cents(client, invoice) == [3199]
    again = {"code": code, "customerId": customer["id"]}
    refused = client.call("POST", "/v1/commerce/coupons/redeem", again)
    assert (refused.status, refused.body["error"]["code"]) == (422, "billing.coupon.exhausted")


def test_the_last_redemption_of_a_coupon_goes_to_one_of_four(client: Client, plan: str) -> None:
    code = coupon(client, amountOff=1_000_000, currency="USD", duration="once", maxRedemptions=1)
    customers = [client.post("/v1/customers", {"name": f"Racer {n}"})["id"] for n in range(4)]
    body = {"planId": plan, "quantities": {"seats": 2}, "paymentMethodId": "pm_card_visa", "couponCode": code}
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda each: client.call("POST", "/v1/subscriptions", {**body, "customerId": each}), customers)
        )
    assert sorted(answer.status for answer in answers) == [201, 422, 422, 422], [answer.body for answer in answers]
    codes = {answer.body["error"]["code"] for answer in answers if answer.status == 422}
    assert codes == {"billing.coupon.exhausted"}
    assert client.get(f"/v1/coupons/{code}")["timesRedeemed"] == 1
    lists = [client.get(f"/v1/subscriptions?customer={each}") for each in customers]
    assert sum(len(each) for each in lists) == 1


def test_a_change_that_is_invoiced_now_charges_what_its_preview_said(client: Client, plan: str) -> None:
    clock_id, customer_id = on_clock(client, "More Seats")
    subscription = subscribe(client, customer_id, plan)
    client.advance(clock_id, "2027-01-16T12:00:00Z")  # half of 31 days
    change = {"quantities": {"seats": 12}, "prorationBehavior": "invoice_now"}
    preview = client.post(f"/v1/subscriptions/{subscription['id']}/preview", change)
    assert client.get(f"/v1/subscriptions/{subscription['id']}")["itemQuantities"] == {"seats": 2}
    changed = client.patch(f"/v1/subscriptions/{subscription['id']}", change)
    invoice = client.get(f"/v1/invoices/{changed['latestInvoiceId']}")
    same_bill(preview, invoice)
    assert [line["amount"] for line in invoice["lines"]] == [-700_000, 4_200_000]
    assert (invoice["status"], charged_cents(client, invoice)) == ("paid", [3500])


def test_a_paused_subscription_cannot_be_paused_again(client: Client, plan: str) -> None:
    customer = client.post("/v1/customers", {"name": "Twice Paused"})
    path = f"/v1/subscriptions/{subscribe(client, customer['id'], plan)['id']}"
    assert client.patch(path, {"paused": True})["state"] == "paused"
    refused = client.call("PATCH", path, {"paused": True})
    assert (refused.status, refused.body["error"]["code"]) == (409, "subscription.invalid_state")
    assert "paused" in refused.body["error"]["message"]


def test_a_one_off_invoice_is_drafted_changed_finalized_paid_and_printed(client: Client) -> None:
    draft = one_off(client, "Øyvind Ångström")
    assert (draft["status"], draft["number"], draft["total"]) == ("draft", None, 12_000_000)
    more = {"addLines": [{"description": "Travel", "amount": 3_050_000}]}
    draft = client.patch(f"/v1/invoices/{draft['id']}", more)
    final = client.post(f"/v1/invoices/{draft['id']}/finalize")
    assert (final["status"], final["amountDue"]) == ("open", 15_050_000)
    assert final["number"] is not None
    late = client.call("PATCH", f"/v1/invoices/{draft['id']}", more)
    assert (late.status, late.body["error"]["code"]) == (409, "invoice.invalid_state")
    paid = client.post(f"/v1/invoices/{draft['id']}/pay", {"paymentMethodId": "pm_card_visa"})
    assert (paid["status"], paid["amountDue"], charged_cents(client, paid)) == ("paid", 0, [15_050])
    text = pdf_text(client, f"/v1/invoices/{draft['id']}/pdf")
    assert all(part in text for part in (final["number"], "Øyvind Ångström", "Consulting", "Travel", "$150.50"))


def test_a_void_invoice_cannot_be_paid(client: Client) -> None:
    invoice = one_off(client, "Void", autoFinalize=True)
    assert client.post(f"/v1/invoices/{invoice['id']}/void")["status"] == "void"
    refused = client.call("POST", f"/v1/invoices/{invoice['id']}/pay", {"paymentMethodId": "pm_card_visa"})
    assert (refused.status, refused.body["error"]["code"]) == (409, "invoice.invalid_state")
    assert client.get(f"/v1/payments?customer={invoice['customerId']}") == []


def test_an_uncollectible_invoice_can_still_be_paid(client: Client) -> None:
    invoice = one_off(client, "Bad Debt", autoFinalize=True)
    assert client.post(f"/v1/invoices/{invoice['id']}/uncollectible")["status"] == "uncollectible"
    paid = client.post(f"/v1/invoices/{invoice['id']}/pay", {"paymentMethodId": "pm_card_visa"})
    assert (paid["status"], charged_cents(client, paid)) == ("paid", [12_000])


def test_a_credit_note_refunds_through_stripe_and_is_printed(client: Client) -> None:
    invoice = one_off(client, "Credited", autoFinalize=True)
    paid = client.post(f"/v1/invoices/{invoice['id']}/pay", {"paymentMethodId": "pm_card_visa"})
    path = f"/v1/invoices/{invoice['id']}/credit-notes"
    wanted = {"lines": [{"lineId": paid["lines"][0]["id"], "quantity": "0.5"}], "reason": "Half a day", "refund": True}
    note = client.post(path, wanted)
    assert (note["total"], note["toRefund"], note["refund"]["status"]) == (4_000_000, 4_000_000, "succeeded")
    intent = client.get(f"/v1/payments/{paid['latestPaymentId']}")["paymentIntentId"]
    refunds = client.stripe(f"/v1/refunds?payment_intent={intent}")["data"]
    assert [(refund["amount"], refund["status"]) for refund in refunds] == [(4000, "succeeded")]
    after = client.get(f"/v1/invoices/{invoice['id']}")
    assert (after["amountRefunded"], after["amountPaid"], after["total"]) == (4_000_000, 12_000_000, 12_000_000)
    text = pdf_text(client, f"/v1/credit-notes/{note['id']}/pdf")
    assert all(part in text for part in (note["number"], paid["number"], "Half a day", "$40.00"))
    too_much = client.call("POST", path, {"amount": 8_001_000, "refund": True})
    assert (too_much.status, too_much.body["error"]["code"]) == (422, "billing.refund.exceeds_available")


@pytest.fixture
def stolen(client: Client, plan: str) -> tuple[str, Any]:
    """A clock and a subscription on it, whose card is stolen after its first month."""
    clock_id, customer_id = on_clock(client, "Stolen Card")
    subscription = subscribe(client, customer_id, plan)
    path = f"/_sandbox/payment_methods/{subscription['paymentMethodId']}/behaviour"
    client.sandbox("POST", path, {"decline": "stolen_card"})
    return clock_id, subscription


def test_a_stolen_card_is_not_tried_again_and_the_subscription_ends(client: Client, stolen: tuple[str, Any]) -> None:
    clock_id, subscription = stolen
    client.advance(clock_id, "2027-02-07T23:00:00Z")
    assert client.get(f"/v1/subscriptions/{subscription['id']}")["state"] == "past_due"
    client.advance(clock_id, "2027-02-09T00:00:00Z")
    ended = client.get(f"/v1/subscriptions/{subscription['id']}")
    assert (ended["state"], ended["canceledAt"]) == ("canceled", "2027-02-08T00:00:00Z")
    invoice = latest_invoice(client, subscription)
    assert (invoice["status"], invoice["attemptCount"]) == ("open", 1)
    payments = client.get(f"/v1/payments?customer={subscription['customerId']}")
    assert [each["status"] for each in payments] == ["failed", "succeeded"]


def test_a_new_card_is_tried_on_the_next_day_of_the_schedule(client: Client, stolen: tuple[str, Any]) -> None:
    clock_id, subscription = stolen
    client.advance(clock_id, "2027-02-03T00:00:00Z")
    client.patch(f"/v1/subscriptions/{subscription['id']}", {"paymentMethodId": "pm_card_mastercard"})
    assert latest_invoice(client, subscription)["attemptCount"] == 1
    client.advance(clock_id, "2027-02-04T00:00:00Z")
    invoice = latest_invoice(client, subscription)
    assert (invoice["status"], invoice["attemptCount"], invoice["paidAt"]) == ("paid", 2, "2027-02-04T00:00:00Z")
    assert charged_cents(client, invoice) == [6399]
    assert client.get(f"/v1/subscriptions/{subscription['id']}")["state"] == "active"
