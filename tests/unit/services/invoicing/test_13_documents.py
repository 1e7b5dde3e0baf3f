"""Issue 13: what an invoice's document tells follows from the invoice, and adds up to what was computed."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.catalog.pricing import PriceStep
from billing.domain.customers.customer import CustomField
from billing.domain.invoicing import issuing
from billing.domain.invoicing.credit_note import CreditNoteSequence, CreditRequest, issue
from billing.domain.invoicing.invoice import BillingReason, Invoice
from billing.domain.invoicing.terms import OwnTerms
from billing.domain.kernel.bank import BankDetails
from billing.domain.kernel.money import Money, sum_money
from billing.domain.kernel.periods import Period
from billing.domain.lines.line import DiscountAmount, InvoiceLine, TaxRate
from billing.domain.tax.rules import EXEMPT_NOTE, REVERSE_CHARGE_NOTE
from billing.domain.tenant import Branding, TaxRounding
from billing.services.invoicing import credit_notes, queries
from billing.services.invoicing.documents import DocumentStep, TaxTreatment
from billing.services.invoicing.looks import Looks
from billing.services.invoicing.tax_table import tax_table
from billing.services.kernel.work import Found
from billing.services.tax.assessment import Taxes
from tests.support.engine import CUSTOMER, TENANT, on
from tests.support.invoices import AT, SEQUENCE, line, no_balance

RATES = [
    TaxRate("VAT", Decimal(19)),
    TaxRate("VAT", Decimal(7)),
    TaxRate("VAT", Decimal(0)),
    TaxRate("City", Decimal("2.5")),
]
BANK = BankDetails("Acme GmbH", "DE89370400440532013000", "COBADEFFXXX")


def no_provider(name: object) -> object:
    raise AssertionError(f"nobody asks {name}")


@st.composite
def lines(draw: st.DrawFn, most_rates: int = 2) -> list[InvoiceLine]:
    """Lines with fixed rates, some of them credits or with a discount; prices with or without tax."""
    inclusive = draw(st.booleans())
    found = []
    for _ in range(draw(st.integers(1, 8))):
        rates = draw(st.lists(st.sampled_from(RATES), max_size=most_rates, unique_by=lambda rate: rate.name))
        minor = draw(st.integers(-50_00, 200_00))
        off = draw(st.integers(0, max(minor, 0)))
        found.append(replace(line(minor, off=off), tax_rates=tuple(rates), tax_inclusive=inclusive))
    return found


def taxed(given_lines: list[InvoiceLine], rounding: TaxRounding) -> Invoice:
    tenant = replace(TENANT, tax_rounding=rounding)
    done = Taxes(no_provider).applied(tenant, CUSTOMER, Found({}), tuple(given_lines), AT)  # type: ignore[arg-type]
    made = issuing.draft(tenant, CUSTOMER, "in_1", done.lines, BillingReason.MANUAL, AT)
    return issuing.finalize(made, SEQUENCE, no_balance(), AT).invoice


@given(lines(), st.sampled_from(TaxRounding))
def test_the_taxes_of_the_table_are_the_invoices_tax(given_lines: list[InvoiceLine], rounding: TaxRounding) -> None:
    invoice = taxed(given_lines, rounding)
    table = tax_table(invoice)
    assert sum_money((row.amount for row in table), invoice.currency) == invoice.tax
    assert all((row.treatment is TaxTreatment.ZERO) == (row.rate_percent == 0) for row in table)


@given(lines(most_rates=1), st.sampled_from(TaxRounding))
def test_bases_and_what_is_untaxed_sum_to_the_net(given_lines: list[InvoiceLine], rounding: TaxRounding) -> None:
    """The law of TaxLine.base: with one tax a line, the bases and what is untaxed are the invoice without its tax."""
    invoice = taxed(given_lines, rounding)
    untaxed = sum_money((each.net for each in invoice.lines if not each.taxes), invoice.currency)
    bases = sum_money((row.base for row in tax_table(invoice) if row.base is not None), invoice.currency)
    assert bases + untaxed == invoice.total - invoice.tax


@given(lines())
def test_over_the_document_each_tax_is_its_base_times_its_rate(given_lines: list[InvoiceLine]) -> None:
    """EN 16931, BR-CO-17, for prices without tax: the row itself shows what was computed, to the cent."""
    invoice = taxed([replace(each, tax_inclusive=False) for each in given_lines], TaxRounding.DOCUMENT)
    for row in tax_table(invoice):
        assert row.base is not None
        exact = Fraction(row.base.micros) * Fraction(row.rate_percent) / 100
        assert row.amount == Money.rounded(exact, invoice.currency)


@given(lines(most_rates=1))
def test_of_prices_with_tax_the_base_and_the_tax_are_the_price(given_lines: list[InvoiceLine]) -> None:
    invoice = taxed([replace(each, tax_inclusive=True) for each in given_lines], TaxRounding.DOCUMENT)
    for row in tax_table(invoice):
        same = [each for each in invoice.lines if each.taxes and each.taxes[0].rate_percent == row.rate_percent]
        same = [each for each in same if each.taxes[0].name == row.name]
        assert row.base is not None
        assert row.base + row.amount == sum_money((each.taxable for each in same), invoice.currency)


@pytest.mark.parametrize(
    ("note", "treatment"),
    [(REVERSE_CHARGE_NOTE, TaxTreatment.REVERSE_CHARGE), (EXEMPT_NOTE, TaxTreatment.EXEMPT)],
)
def test_why_there_is_no_tax_is_a_row_with_its_base(note: str, treatment: TaxTreatment) -> None:
    made = issuing.draft(TENANT, CUSTOMER, "in_1", [line(100_00), line(50_00, off=10_00)], BillingReason.MANUAL, AT)
    invoice = issuing.finalize(issuing.with_lines(made, made.lines, (note,)), SEQUENCE, no_balance(), AT).invoice
    (row,) = tax_table(invoice)
    assert (row.treatment, row.base, row.amount.is_zero) == (treatment, Money.from_minor(140_00, "USD"), True)
    issued = issue(invoice, CreditRequest(14_000_000), "cn_1", CreditNoteSequence("ten_1", "ACME"), AT).credit_note
    (row,) = credit_notes.document(issued).taxes
    assert (row.treatment, row.base) == (treatment, Money.from_minor(140_00, "USD"))


def test_a_line_of_what_is_taxed_nowhere_is_exempt_beside_one_that_is_taxed() -> None:
    lines_ = [line(100_00, tax=20_00), replace(line(5_00), tax_code="exempt")]
    made = issuing.draft(TENANT, CUSTOMER, "in_1", lines_, BillingReason.MANUAL, AT)
    standard, exempt = tax_table(made)
    assert (standard.treatment, standard.base) == (TaxTreatment.STANDARD, Money.from_minor(100_00, "USD"))
    assert (exempt.treatment, exempt.base) == (TaxTreatment.EXEMPT, Money.from_minor(5_00, "USD"))


def test_a_tenant_that_charges_no_tax_has_no_table() -> None:
    assert tax_table(issuing.draft(TENANT, CUSTOMER, "in_1", [line(1_00)], BillingReason.MANUAL, AT)) == ()


@given(lines(most_rates=1), st.data())
def test_the_bases_of_credit_notes_add_up_to_the_invoices(given_lines: list[InvoiceLine], data: st.DataObject) -> None:
    """Two notes that credit all of an invoice have the bases of its table, within a unit of rounding a note."""
    charges = [replace(each, amount=abs(each.amount) + Money.from_minor(2, "USD")) for each in given_lines]
    invoice = taxed([replace(each, tax_rates=each.tax_rates or (RATES[0],)) for each in charges], TaxRounding.LINE)
    part = data.draw(st.integers(1, max(invoice.total.minor - 1, 1))) * 1_000
    if part >= invoice.total.micros:
        return
    sequence = CreditNoteSequence("ten_1", "ACME")
    first = issue(invoice, CreditRequest(part), "cn_1", sequence, AT)
    second = issue(first.invoice, CreditRequest(first.invoice.creditable.micros), "cn_2", sequence, AT)
    for note in (first.credit_note, second.credit_note):
        assert len(note.tax_bases) == len(note.taxes)
    sums: dict[tuple[str, Decimal], int] = {}
    for issued in (first.credit_note, second.credit_note):
        for tax, base in zip(issued.taxes, issued.tax_bases, strict=True):
            key = (tax.name, tax.rate_percent)
            sums[key] = sums.get(key, 0) + base.minor
    for row in tax_table(invoice):
        if (row.name, row.rate_percent) in sums and row.base is not None:
            assert abs(sums[row.name, row.rate_percent] - row.base.minor) <= 2


def told(**fields: object) -> Invoice:
    tenant = replace(TENANT, bank_details=BANK, branding=Branding(legal_line="HRB 12345 B", footer="Thank you"))
    customer = replace(CUSTOMER, locale="de", po_number="PO-1", custom_fields=(CustomField("Cost center", "4711"),))
    june, july = (Period(on(f"2027-0{n}-01"), on(f"2027-0{n + 1}-01")) for n in (6, 7))
    percent = DiscountAmount("LAUNCH26", Money.from_minor(25_00, "USD"), "Launch26", Decimal("25.0"))
    steps = (PriceStep(Decimal(5), 12_000_000, 0, 60_000_000), PriceStep(Decimal(4), 9_000_000, 4_000_000, 40_000_000))
    made = issuing.draft(
        tenant,
        customer,
        "in_1",
        [
            replace(line(1_000_00), quantity=Decimal(9), period=july, discounts=(percent,), steps=steps),
            replace(line(-10_00), period=june),
        ],
        BillingReason.MANUAL,
        AT,
        own=OwnTerms(net_days=14),
    )
    return issuing.finalize(replace(made, **fields), SEQUENCE, no_balance(), AT).invoice  # type: ignore[arg-type]


def test_a_document_tells_what_its_invoice_knows() -> None:
    shown = queries.document(told(), Looks(payment_link="https://pay.example/{invoiceId}?n={number}"))
    assert (shown.locale, shown.po_number, shown.custom_fields) == ("de", "PO-1", (("Cost center", "4711"),))
    assert shown.due_at == AT + timedelta(days=14)
    assert shown.coupon == "Launch26, 25 % off"
    assert (shown.supplied_from, shown.supplied_until) == (on("2027-07-01"), on("2027-08-01"))  # the credit is for June
    assert shown.branding.legal_line == "HRB 12345 B"
    assert shown.how_to_pay is not None
    assert (shown.how_to_pay.reference, shown.how_to_pay.bank) == ("ACME-000001", BANK)
    assert shown.how_to_pay.link == "https://pay.example/in_1?n=ACME-000001"
    assert shown.lines[0].steps == (
        DocumentStep(Decimal(5), Money(12_000_000, "USD"), None, Money(60_000_000, "USD")),
        DocumentStep(Decimal(4), Money(9_000_000, "USD"), Money(4_000_000, "USD"), Money(40_000_000, "USD")),
    )
    assert sum_money((step.amount for step in shown.lines[0].steps), "USD") == shown.lines[0].amount
    assert shown.buyer.address == CUSTOMER.address


def test_what_is_paid_or_void_or_a_draft_says_nothing_of_how_to_pay() -> None:
    final = told()
    for status in ("paid", "void", "uncollectible", "draft"):
        other = replace(final, status=type(final.status)(status))
        assert queries.document(other).how_to_pay is None


def test_an_old_invoice_is_printed_as_it_always_was() -> None:
    old = replace(told(), terms=None, due_at=None)
    shown = queries.document(old)
    assert (shown.locale, shown.due_at, shown.po_number, shown.custom_fields) == ("en", AT, None, ())
    assert shown.how_to_pay is not None
    assert (shown.how_to_pay.bank, shown.how_to_pay.link) == (None, None)


def test_the_reader_may_ask_for_another_language() -> None:
    assert queries.document(told(), Looks(locale="fr")).locale == "fr"


@pytest.mark.parametrize(
    ("discount", "text"),
    [
        (DiscountAmount("SALE", Money.from_minor(1, "USD")), "SALE"),  # stored before the code was kept
        (DiscountAmount("SALE", Money.from_minor(1, "USD"), "Sale", Decimal("12.50")), "Sale, 12.5 % off"),
        (DiscountAmount("SALE", Money(1_000, "USD"), "Sale", None, Money(1_000_000, "USD")), "Sale, 10.00 USD off"),
    ],
)  # fmt: skip
def test_a_coupon_is_called_by_its_name(discount: DiscountAmount, text: str) -> None:
    assert discount.text == text
