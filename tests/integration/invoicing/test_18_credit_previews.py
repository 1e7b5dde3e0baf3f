"""Issue 18: what a credit note would do is seen before it is done; what a page shows of an invoice and a payment."""

import pytest

from tests.integration.credited import VAT, credit, credited, open_invoice, paid_invoice
from tests.integration.invoices import line, make
from tests.integration.world import Answer, Json, Tenant, World

FIGURES = ("currency", "net", "tax", "taxes", "total", "toInvoice", "toBalance", "toRefund")


def preview(tenant: Tenant, invoice: Json, **body: object) -> Answer:
    return tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes/preview", body)


@pytest.mark.parametrize("paid", [False, True], ids=["open", "paid"])
@pytest.mark.parametrize("refund", [False, True], ids=["kept", "refunded"])
def test_a_credit_does_what_its_preview_said(tenant: Tenant, paid: bool, refund: bool) -> None:
    invoice = paid_invoice(tenant) if paid else open_invoice(tenant)
    for body in ({"amount": 60_000_000}, {"lines": [{"lineId": invoice["lines"][0]["id"], "amount": 12_000_000}]}):
        seen = preview(tenant, invoice, refund=refund, **body)
        assert seen.status == 200, seen.json
        made = credited(tenant, invoice, refund=refund, **body)
        assert seen.data == {name: made[name] for name in FIGURES}
    assert (made["toInvoice"], made["toBalance"], made["toRefund"]) == (
        (0, 0 if refund else 12_000_000, 12_000_000 if refund else 0) if paid else (12_000_000, 0, 0)
    )


def test_a_preview_writes_nothing_and_is_refused_as_the_credit_would_be(world: World, tenant: Tenant) -> None:
    invoice = paid_invoice(tenant)
    before = world.snapshot()
    assert preview(tenant, invoice, amount=60_000_000, refund=True).status == 200
    refused = preview(tenant, invoice, amount=9_000_000_000)
    after = world.snapshot()
    assert {table for table in before if before[table] != after[table]} <= {"audit", "callers", "idempotency"}
    assert refused.error["code"] == credit(tenant, invoice, amount=9_000_000_000).error["code"]
    assert refused.bad_fields == {"amount": "above_what_is_left"}
    draft = make(tenant, line(1000))
    assert preview(tenant, draft, amount=100_000).status == 409


def test_an_invoice_has_the_table_of_taxes_of_its_document(tenant: Tenant) -> None:
    seven = [{"name": "VAT", "ratePercent": "7"}]
    lines = (line(10_000, taxes=VAT), line(5_000, taxes=VAT), line(2_000, taxes=seven))
    invoice = open_invoice(tenant, *lines)
    shown = [
        (row["name"], row["ratePercent"], row["treatment"], row["base"], row["amount"]) for row in invoice["taxes"]
    ]
    assert shown == [
        ("VAT", "20", "standard", 15_000_000, 3_000_000),
        ("VAT", "7", "standard", 2_000_000, 140_000),
    ]
    assert sum(row["amount"] for row in invoice["taxes"]) == invoice["tax"]


def test_a_payment_shows_the_card_and_what_stripe_took(tenant: Tenant) -> None:
    invoice = paid_invoice(tenant)
    payment: Json = tenant.get(f"/v1/payments/{invoice['latestPaymentId']}").data
    assert payment["card"] == {"brand": "visa", "last4": "4242"}
    assert payment["fee"] == {"amount": 3_510_000, "currency": "USD"}  # 2.9 % and 0.30 of 1,200.00
    assert payment["availableOn"] is not None
