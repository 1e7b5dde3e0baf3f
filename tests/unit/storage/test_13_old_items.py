"""Issue 13: what was stored before there were terms, branding and steps is read as it always was."""

import json
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest

from billing.domain.catalog.pricing import PriceStep
from billing.domain.customers.customer import CustomField
from billing.domain.invoicing.credit_note import CreditNoteSequence, CreditRequest, issue
from billing.domain.invoicing.terms import Terms
from billing.domain.kernel.bank import BankDetails
from billing.domain.lines.line import DiscountAmount
from billing.domain.payments.payment import ChargedCard
from billing.domain.tenant import Branding, Contact
from billing.storage.codec import decode, encode
from billing.storage.packing import unpack
from tests.support.engine import CUSTOMER, TENANT
from tests.support.invoices import AT, line, opened, payment
from tests.unit.storage.test_codec import FakeSealer

SEALER = FakeSealer()
NEW = {
    "locale", "net_terms_days", "po_number", "custom_fields", "branding", "bank_details", "payment_link", "terms",
    "due_at", "steps", "code", "percent_off", "amount_off", "tax_bases", "card", "contact",
}  # fmt: skip
INVOICE = opened(100_00)
NOTE = issue(INVOICE, CreditRequest(1_000_000), "cn_1", CreditNoteSequence("ten_1", "ACME"), AT).credit_note


def without(value: Any) -> Any:
    """JSON as it was written before: none of the new fields, at any depth."""
    if isinstance(value, dict):
        return {name: without(each) for name, each in value.items() if name not in NEW}
    return [without(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "entity", [TENANT, CUSTOMER, INVOICE, NOTE, payment(100)], ids=lambda each: type(each).__name__
)
def test_an_item_written_before_is_read_with_its_defaults(entity: Any) -> None:
    body = json.loads(unpack(encode(entity, SEALER, "ten_1", entity.id)))
    old = decode(type(entity), json.dumps(without(body)), SEALER, "ten_1", entity.id)
    defaults = {f.name: getattr(old, f.name) for f in fields(entity) if f.name in NEW}
    assert not any(defaults[name] for name in defaults if name not in ("locale", "branding"))
    known = {f.name for f in fields(entity)} - NEW
    assert all(getattr(old, name) == getattr(entity, name) for name in known if name != "lines")
    assert decode(type(entity), encode(old, SEALER, "ten_1", old.id), SEALER, "ten_1", old.id) == old


def test_what_is_new_comes_back_as_it_was_written() -> None:
    bank, field = BankDetails("Acme", "DE89370400440532013000"), CustomField("Cost center", "4711")
    off = DiscountAmount("SALE", line(1).amount, "Sale", Decimal("12.5"))
    sold = replace(line(100_00), steps=(PriceStep(Decimal("2.5"), 40_000_00, 0, 10_000_000),), discounts=(off,))
    for entity in (
        replace(TENANT, bank_details=bank, branding=Branding("#000000", "f", "l", "d"), net_terms_days=30, locale="de"),
        replace(TENANT, contact=Contact("Grace", "+49 30 901820", "g@acme.example")),
        replace(CUSTOMER, custom_fields=(field,), net_terms_days=0, po_number="PO", locale="zh-Hant-TW"),
        replace(INVOICE, terms=Terms("de", 30, "PO", (field,), bank, "HRB"), lines=(sold,)),
        replace(payment(100), card=ChargedCard("visa", "4242")),
    ):
        stored = encode(entity, SEALER, "ten_1", entity.id)
        assert decode(type(entity), stored, SEALER, "ten_1", entity.id) == entity
        assert not any(secret in stored for secret in ("DE8937", "4711", '"4242"', "Cost center", "901820"))
