"""An invoice of 500 lines with three taxes each: items under DynamoDB's 400 KB, responses under Lambda's 6 MB."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.invoicing.invoice import BillingReason, Invoice, InvoiceStatus, PartySnapshot
from billing.domain.kernel.errors import BodyTooLarge
from billing.domain.kernel.money import Money, sum_money
from billing.domain.kernel.periods import Period
from billing.domain.lines.line import DiscountAmount, InvoiceLine, TaxAmount
from billing.domain.lines.tax_facts import JurisdictionLevel, Taxability, TaxFacts
from billing.schemas.invoicing.invoices import InvoiceOut
from billing.services.kernel.work import KeyedRequest, Ref, Replay, StoredResponse
from billing.storage.packing import pack, unpack
from tests.integration.world import Json, Tenant, World

LINES = 500
LARGEST_ITEM = 400 * 1024
LARGEST_RESPONSE = 6 * 1024 * 1024
WORDS = ("seat", "support", "onboarding", "région", "überschreitung", "storage", "東京", "premium", "audit", "licence")
AT = datetime(2026, 11, 1, tzinfo=UTC)
DICE = random.Random(500)
"""No two lines are alike, and they are the same in every run."""


def line(n: int, invoice_id: str) -> InvoiceLine:
    """A line of 200 characters, as long as a line may be, with amounts of its own."""
    amount = Money.from_minor(DICE.randrange(100, 10_000_000), "USD")
    described = " ".join(f"{DICE.choice(WORDS)}-{DICE.randrange(10**6)}" for _ in range(20))[:200]
    start = AT + timedelta(seconds=DICE.randrange(10**6))
    taxes = (
        ("State sales tax", "6.25", JurisdictionLevel.STATE),
        ("County transit district", "1.125", JurisdictionLevel.DISTRICT),
        ("City improvement", "0.875", JurisdictionLevel.CITY),
    )
    return InvoiceLine(
        id=f"{invoice_id}-{n}",
        description=described,
        component=f"component-{n}",
        quantity=Decimal(DICE.randrange(1, 10**9)) / 1000,
        unit_amount=DICE.randrange(1, 10**9),
        amount=amount,
        period=Period(start, start + timedelta(seconds=DICE.randrange(1, 10**6))),
        proration=True,
        taxes=tuple(
            TaxAmount(
                name,
                Decimal(rate),
                Money.from_minor(DICE.randrange(1, 10**6), "USD"),
                base=Money.from_minor(DICE.randrange(1, 10**6), "USD"),
                facts=TaxFacts("US", Taxability.TAXED, "sales_tax", "TX", level, name, "taxable_basis_reduced"),
            )
            for name, rate, level in taxes
        ),
        discounts=(DiscountAmount(f"COUPON-{n}", Money.from_minor(DICE.randrange(1, 100), "USD")),),
        untaxed=tuple(
            TaxAmount(
                name,
                Decimal(0),
                Money.zero("USD"),
                base=Money.from_minor(DICE.randrange(1, 10**6), "USD"),
                facts=TaxFacts("US", Taxability.EXEMPT, "sales_tax", "TX", level, name, "taxable_basis_reduced"),
            )
            for name, _, level in taxes
        ),
    )


def invoice(tenant_id: str, customer_id: str, number: int, lines: int = LINES) -> Invoice:
    invoice_id = f"in_{number:026d}"
    made = tuple(line(n, invoice_id) for n in range(1, lines + 1))
    subtotal = sum_money((each.amount for each in made), "USD")
    discount = sum_money((each.discount for each in made), "USD")
    tax = sum_money((each.tax for each in made), "USD")
    zero, party = Money.zero("USD"), PartySnapshot("Zoë Ölmez", None, "DE123456789", "zoe@example.com")
    return Invoice(
        id=invoice_id,
        tenant_id=tenant_id,
        customer_id=customer_id,
        status=InvoiceStatus.OPEN,
        reason=BillingReason.MANUAL,
        currency="USD",
        timezone="UTC",
        lines=made,
        subtotal=subtotal,
        discount=discount,
        tax=tax,
        tax_included=zero,
        total=subtotal - discount + tax,
        amount_paid=zero,
        amount_refunded=zero,
        amount_credited=zero,
        balance_applied=zero,
        seller=party,
        buyer=party,
        created_at=AT,
        test_mode=True,
    )


def size(item: Json) -> int:
    """A DynamoDB item's: its names and values, in bytes of UTF-8."""
    return sum(len(name.encode()) + len(next(iter(value.values())).encode()) for name, value in item.items())


def packed(row: Json) -> Json:
    """A row of ``World.rows_of`` as it is stored."""
    return row | {"body": {"S": pack(row["body"]["S"])}}


@pytest.fixture
def customer(tenant: Tenant) -> str:
    return tenant.customer()


@pytest.fixture
def stored(tenant: Tenant, customer: str) -> tuple[Invoice, KeyedRequest, StoredResponse]:
    """The invoice, committed with its event and its response as a request commits them."""
    request = KeyedRequest("POST /v1/invoices", "large-1", "fingerprint")
    unit = storage.units().begin(tenant.id, request)
    saved = unit.save(invoice(tenant.id, customer, 1))
    unit.emit("invoice.finalized", saved)
    response = StoredResponse(201, InvoiceOut.of(saved).model_dump_json(by_alias=True))
    unit.commit(response)
    return saved, request, response


def test_every_item_that_holds_it_is_small_enough(world: World, tenant: Tenant, stored: Any) -> None:
    sizes = {
        "invoices": [size(packed(row)) for row in world.rows_of("invoices", tenant.id)],
        "events": [size(row) for row in world.rows_of("events", tenant.id) if row["type"]["S"] == "invoice.finalized"],
        "idempotency": [size(row) for row in world.rows("idempotency") if tenant.id in row["record_id"]["S"]],
    }
    print(sizes, "response", len(stored[2].body))
    assert len(stored[2].body.encode()) * 4 / 3 > LARGEST_ITEM, "the sample, in base64, would fit as it is"
    for found in sizes.values():
        assert found
        assert max(found) < LARGEST_ITEM / 2


def test_what_was_stored_is_what_is_loaded(tenant: Tenant, stored: Any) -> None:
    ref = Ref(Invoice, tenant.id, stored[0].id)
    assert storage.units().begin(tenant.id).load(ref).get(ref) == stored[0]


def test_a_repeat_gets_the_whole_response(tenant: Tenant, stored: Any) -> None:
    saved, request, response = stored
    with pytest.raises(Replay) as replayed:
        storage.units().begin(tenant.id, request).load(Ref(Invoice, tenant.id, saved.id))
    assert replayed.value.response == response


def test_the_event_holds_all_of_it(world: World, tenant: Tenant, stored: Any) -> None:
    (row,) = [row for row in world.rows_of("events", tenant.id) if row["type"]["S"] == "invoice.finalized"]
    text = unpack(storage.vault().open(tenant.id, f"event/{row['id']['S']}", row["body"]["S"]))
    assert len(json.loads(text)["object"]["lines"]) == LINES


def test_it_is_shown_with_all_its_lines(tenant: Tenant, stored: Any) -> None:
    answer = tenant.get(f"/v1/invoices/{stored[0].id}")
    assert len(answer.data["lines"]) == LINES
    assert len(answer.content) < LARGEST_RESPONSE / 4


def test_people_are_sealed_in_it_as_ever(world: World, tenant: Tenant, stored: Any) -> None:
    assert "Ölmez" not in world.everything_of(tenant.id)


def pages(tenant: Tenant) -> Iterator[Any]:
    answer = tenant.get("/v1/invoices", limit=100)
    yield answer
    while cursor := answer.json["meta"]["pagination"]["next_cursor"]:
        answer = tenant.get("/v1/invoices", limit=100, cursor=cursor)
        yield answer


def test_a_list_of_large_invoices_is_cut_into_pages_that_lambda_can_answer_with(tenant: Tenant, customer: str) -> None:
    """100 of them in one response would be 40 MB."""
    sample = invoice(tenant.id, customer, 0)
    ids = [f"in_{number:026d}" for number in range(10)]
    for invoice_id in ids:
        unit = storage.units().begin(tenant.id)
        unit.save(replace(sample, id=invoice_id))
        unit.commit()
    answers = list(pages(tenant))
    assert [each["id"] for answer in answers for each in answer.data] == ids[::-1]
    assert len(answers) > 1
    assert max(len(answer.content) for answer in answers) < LARGEST_RESPONSE


def test_what_no_item_can_hold_is_refused_and_nothing_is_written(world: World, tenant: Tenant, customer: str) -> None:
    """Noise does not compress; an invoice of nothing but noise is nobody's."""
    noise = {f"key-{n}": f"{DICE.getrandbits(1600):0400x}" for n in range(3_000)}
    unit = storage.units().begin(tenant.id)
    unit.save(replace(invoice(tenant.id, customer, 1, lines=1), metadata=noise))
    world.writes.clear()
    with pytest.raises(BodyTooLarge):
        unit.commit()
    assert world.writes == []
