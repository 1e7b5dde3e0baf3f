"""Credit notes of invoices, open and paid."""

from typing import Any

from tests.integration.invoices import carded, line, make, read
from tests.integration.world import Answer, Json, Tenant

VAT = [{"name": "VAT", "ratePercent": "20"}]


def credit(tenant: Tenant, invoice: Json, /, idempotency_key: str | None = None, **body: Any) -> Answer:
    return tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", body, idempotency_key=idempotency_key)


def credited(tenant: Tenant, invoice: Json, **body: Any) -> Json:
    answer = credit(tenant, invoice, **body)
    assert answer.status == 201, answer.json
    return dict(answer.data)


def paid_invoice(tenant: Tenant, *lines: Json) -> Json:
    """An invoice over $1,000.00 + 200.00 VAT by default, paid by card."""
    customer, _ = carded(tenant)
    lines = lines or (line(100_000, taxes=VAT),)
    made = make(tenant, *lines, customerId=customer, autoFinalize=True, autoCharge=True)
    assert made["status"] == "paid", made
    return made


def open_invoice(tenant: Tenant, *lines: Json, **fields: Any) -> Json:
    customer = tenant.customer()
    made = make(tenant, *(lines or (line(100_000, taxes=VAT),)), customerId=customer, autoFinalize=True, **fields)
    assert made["status"] == "open", made
    return made


def intent_of(tenant: Tenant, invoice: Json) -> str:
    payment: Json = tenant.get(f"/v1/payments/{read(tenant, invoice)['latestPaymentId']}").data
    return str(payment["paymentIntentId"])
