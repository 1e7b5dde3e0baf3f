"""Credit notes as they are refused, read, listed and printed."""

import io

import pytest
from pypdf import PdfReader

from tests.integration.access.test_auth import new_key
from tests.integration.credited import VAT, credit, credited, open_invoice, paid_invoice
from tests.integration.invoices import do, line, make
from tests.integration.world import Answer, Json, Tenant, World


def text_of(answer: Answer) -> str:
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/pdf")
    pages = PdfReader(io.BytesIO(answer.content)).pages
    return "\n".join(page.extract_text() for page in pages).replace("\u00a0", " ")


# What is refused


def test_more_than_the_invoice_is_refused_and_writes_nothing(world: World, tenant: Tenant) -> None:
    invoice = paid_invoice(tenant)
    credited(tenant, invoice, amount=100_000_000)
    before = world.snapshot()
    answer = credit(tenant, invoice, amount=20_001_000)
    assert (answer.status, answer.error["code"]) == (422, "billing.refund.exceeds_available")
    assert answer.bad_fields == {"amount": "above_what_is_left"}
    after = world.snapshot()
    assert {table for table in before if before[table] != after[table]} <= {"audit", "callers"}
    number = credited(tenant, invoice, amount=20_000_000)["number"]
    assert number == "ACME-CN-000002"  # what was refused took no number


@pytest.mark.parametrize("state", ["draft", "void"])
def test_a_draft_and_a_void_invoice_are_not_credited(tenant: Tenant, state: str) -> None:
    invoice = make(tenant, line(1000))
    if state == "void":
        do(tenant, "void", invoice)
    answer = credit(tenant, invoice, amount=100_000)
    assert (answer.status, answer.error["code"]) == (409, "invoice.invalid_state")
    assert state in answer.error["message"]


BOTH = "exactly_one_of_amount_and_lines"
BAD: list[tuple[Json, dict[str, str]]] = [
    ({}, {"amount": BOTH, "lines": BOTH}),
    ({"amount": 1000, "lines": [{"lineId": "x"}]}, {"amount": BOTH, "lines": BOTH}),
    ({"amount": 0}, {"amount": "too_small"}),
    ({"amount": -1000, "refund": "yes"}, {"amount": "too_small", "refund": "must_be_a_boolean"}),
    ({"amount": 1500}, {"amount": "sub_minor_unit"}),
    ({"amount": 10.5}, {"amount": "must_be_an_integer"}),
    ({"amount": True, "reason": ""}, {"amount": "must_be_an_integer", "reason": "too_short"}),
    ({"lines": []}, {"lines": "too_short"}),
    (
        {"lines": [{}, {"lineId": "a", "x": 1}]},
        {"lines.0.lineId": "missing_required_field", "lines.1.x": "unknown_field"},
    ),
    ({"lines": [{"lineId": "x"}]}, {"lines.0.lineId": "unknown_line"}),
    ({"lines": [{"lineId": "LINE"}, {"lineId": "LINE"}]}, {"lines.1.lineId": "duplicate"}),
    ({"lines": [{"lineId": "LINE", "quantity": 2}]}, {"lines.0.quantity": "above_the_line"}),
    ({"lines": [{"lineId": "LINE", "quantity": 0}]}, {"lines.0.quantity": "not_positive"}),
    ({"lines": [{"lineId": "LINE", "quantity": 0.5}]}, {"lines.0.quantity": "must_be_a_decimal"}),
    (
        {"lines": [{"lineId": "LINE", "quantity": 1, "amount": 1000}]},
        dict.fromkeys(("lines.0.amount", "lines.0.quantity"), "at_most_one_of_amount_and_quantity"),
    ),
    ({"lines": [{"lineId": "CREDIT"}]}, {"lines.0.lineId": "nothing_to_credit"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def mixed(world: World) -> tuple[Tenant, Json]:
    """An open invoice with a line of one unit and a credit."""
    tenant = world.tenant()
    return tenant, open_invoice(tenant, line(10_000, taxes=VAT), line(-1000))


@pytest.mark.parametrize(("body", "bad"), BAD)
def test_every_bad_field_is_named_and_nothing_is_written(
    world: World, mixed: tuple[Tenant, Json], body: Json, bad: dict[str, str]
) -> None:
    tenant, invoice = mixed
    ids = {"LINE": invoice["lines"][0]["id"], "CREDIT": invoice["lines"][1]["id"]}
    lines = [
        each | ({"lineId": ids.get(each["lineId"], each["lineId"])} if "lineId" in each else {})
        for each in body.get("lines", [])
    ]
    world.writes.clear()
    answer = credit(tenant, invoice, **(body | ({"lines": lines} if "lines" in body else {})))
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert answer.bad_fields == bad
    assert {table for _, tables in world.writes for table in tables} <= {
        world.tables["callers"],
        world.tables["audit"],
    }


def test_it_takes_an_admin(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    clerk = new_key(world, tenant, scope="write")
    answer = credit(clerk, invoice, amount=100_000)
    assert (answer.status, answer.error["code"]) == (403, "auth.forbidden")
    note = credited(tenant, invoice, amount=100_000)
    reader = new_key(world, tenant, scope="read")
    assert reader.get(f"/v1/credit-notes/{note['id']}").data == note


# Read


def test_an_invoices_credit_notes_come_in_pages_newest_first(tenant: Tenant) -> None:
    invoice, other = open_invoice(tenant), open_invoice(tenant)
    made = [credited(tenant, invoice, amount=n * 100_000)["id"] for n in (1, 2, 3)]
    credited(tenant, other, amount=100_000)
    path = f"/v1/invoices/{invoice['id']}/credit-notes"
    first = tenant.get(path, limit=2)
    assert [each["id"] for each in first.data] == made[:0:-1]
    second = tenant.get(path, limit=2, cursor=first.json["meta"]["pagination"]["next_cursor"])
    assert [each["id"] for each in second.data] == made[:1]
    assert second.json["meta"]["pagination"]["has_more"] is False
    assert tenant.get(f"/v1/invoices/{open_invoice(tenant)['id']}/credit-notes").data == []


def test_what_is_not_there_or_another_tenants_is_404(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    note = credited(tenant, invoice, amount=100_000)
    other = world.tenant()
    for path in (
        f"/v1/credit-notes/{note['id']}",
        f"/v1/credit-notes/{note['id']}/pdf",
        f"/v1/invoices/{invoice['id']}/credit-notes",
        "/v1/credit-notes/cn_0",
        "/v1/invoices/in_0/credit-notes",
    ):
        assert (other.get(path).status, other.get(path).error["code"]) == (404, "resource.not_found"), path
    assert credit(other, invoice, amount=100_000).status == 404


def test_the_people_on_it_are_sealed(world: World, tenant: Tenant) -> None:
    credited(tenant, open_invoice(tenant), amount=100_000)
    (row,) = world.rows_of("credit_notes", tenant.id)
    assert "Ölmez" not in row["body"]["S"]
    assert "Ölmez" not in world.everything_of(tenant.id)


# Documents


def test_the_pdf_of_a_credit_note(tenant: Tenant) -> None:
    invoice = paid_invoice(tenant, line(100_000, "Consulting", taxes=VAT), line(500, "Parking"))
    consulting = invoice["lines"][0]["id"]
    note = credited(
        tenant, invoice, lines=[{"lineId": consulting, "amount": 60_000_000}], reason="Two days less than agreed"
    )
    answer = tenant.get(f"/v1/credit-notes/{note['id']}/pdf")
    assert f'filename="{note["number"]}.pdf"' in answer.headers["Content-Disposition"]
    text = text_of(answer)
    for expected in (
        *("Credit note number", note["number"], "For invoice", invoice["number"], "Zoë Ölmez", "Acme"),
        *("Consulting", "$500.00", "VAT (20%)", "$100.00", "Total credited (USD)", "$600.00"),
        *("Added to your credit balance", "Two days less than agreed", "$600.00 credited on"),
    ):
        assert expected in text, text
    assert "Parking" not in text
    assert "Amount due" not in text


def test_the_pdf_of_an_invoice_shows_balance_credit_notes_and_tax_that_is_included(tenant: Tenant) -> None:
    customer = tenant.customer()
    make(tenant, line(-10_000), customerId=customer, autoFinalize=True)
    assert tenant.post("/v1/coupons", {"code": "SALE", "percentOff": 10, "duration": "once"}).status == 201
    terms = {"taxBehavior": "inclusive", "couponCode": "SALE", "autoFinalize": True}
    invoice = make(tenant, line(100_000, "Consulting", taxes=VAT), customerId=customer, **terms)
    credited(tenant, invoice, amount=5_000_000)
    text = text_of(tenant.get(f"/v1/invoices/{invoice['id']}/pdf"))
    for expected in (
        *("$1,000.00", "Discount -$100.00", "VAT (20%, included)", "$150.00", "$900.00"),
        *("Credit balance applied", "-$100.00", "Credit notes", "-$50.00", "$750.00 due"),
    ):
        assert expected in text, text
