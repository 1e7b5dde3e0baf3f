"""Issue 17: what documents say of their taxes adds up, in every cell: what a line was taxed on, and what it was not."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.invoicing import credit_note
from billing.domain.invoicing.credit_note import CreditLine, CreditRequest
from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.errors import RefundExceedsAvailable, ValidationFailed
from billing.domain.kernel.money import Money, sum_money
from billing.domain.lines.crediting import gross, scaled
from billing.domain.lines.line import InvoiceLine, TaxAmount, TaxRate
from billing.domain.lines.tax_facts import JurisdictionLevel, Taxability, TaxFacts
from billing.domain.lines.tax_records import TaxOf, TaxRecord, records_of
from billing.domain.tax.rules import line_taxes
from tests.support.credited import AT, SEQUENCE, issue, line, paid, usd

LAW = settings(max_examples=60, deadline=None)
DE = TaxFacts("DE", Taxability.STANDARD, "vat")
REDUCED = replace(DE, treatment=Taxability.REDUCED)
REVERSE = TaxFacts("FR", Taxability.REVERSE_CHARGE, "vat", reason="reverse_charge")
STATE = TaxFacts("US", Taxability.TAXED, "sales_tax", "TX", JurisdictionLevel.STATE)
CITY = TaxFacts("US", Taxability.TAXED, "sales_tax", "TX", JurisdictionLevel.CITY, "Austin")
EXEMPT_STATE = replace(STATE, treatment=Taxability.EXEMPT)
Cells = Counter[tuple[TaxOf, str]]


def cells(records: Iterable[TaxRecord]) -> Cells:
    found: Cells = Counter()
    for each in records:
        found[each.tax_of, "tax"] += each.tax.micros
        found[each.tax_of, "taxable"] += each.taxable.micros
        found[each.tax_of, "not_taxable"] += each.not_taxable.micros
    return Counter({key: micros for key, micros in found.items() if micros})


def of_invoice(invoice: Invoice) -> Cells:
    return cells(record for each in invoice.lines for record in records_of(each))


def taxed(amount: Money, percents: dict[str, tuple[str, TaxFacts]], inclusive: bool = False) -> InvoiceLine:
    rates = [TaxRate(name, Decimal(percent)) for name, (percent, _) in percents.items()]
    made = line(amount, inclusive=inclusive)
    taxes = line_taxes(amount, rates, inclusive)
    found = tuple(replace(tax, facts=percents[tax.name][1]) for tax in taxes)
    return replace(made, taxes=found)


def untaxed(amount: Money, facts: TaxFacts) -> InvoiceLine:
    off = TaxAmount("VAT", Decimal(0), Money.zero(amount.currency), facts=facts)
    return replace(line(amount), untaxed=(off,))


def in_part(amount: Money, share: Decimal) -> InvoiceLine:
    """Texas taxes a share of it at 6.25 %, Austin all of it at 1 %."""
    unit = charge_step(amount.currency)
    base = Money.from_minor(int(amount.minor * share) // unit * unit, amount.currency)
    (on,) = line_taxes(base, [TaxRate("State", Decimal("6.25"))], inclusive=False)
    (city,) = line_taxes(amount, [TaxRate("City", Decimal(1))], inclusive=False)
    off = TaxAmount("State", Decimal(0), Money.zero(amount.currency), base=amount - base, facts=EXEMPT_STATE)
    taxes = (replace(on, base=base, facts=STATE), replace(city, facts=CITY))
    return replace(line(amount), taxes=taxes, untaxed=(off,))


@st.composite
def lines_of(draw: st.DrawFn, currency: str) -> InvoiceLine:
    unit = charge_step(currency)
    amount = Money.from_minor(draw(st.integers(10, 10**6)) * unit, currency)
    kind = draw(st.sampled_from(["de", "de reduced", "fixed", "reverse", "part", "old", "old untaxed"]))
    inclusive = draw(st.booleans())
    if kind == "part":
        return in_part(amount, draw(st.decimals("0.1", "0.9", places=2)))
    if kind == "reverse":
        return untaxed(amount, REVERSE)
    if kind == "old untaxed":
        return line(amount)
    if kind == "old":
        return line(amount, TaxRate("VAT", Decimal(19)), inclusive=inclusive)
    # The same name and rate as the table's, and another treatment: two cells, rounded as one.
    fixed = replace(DE, treatment=Taxability.TAXED)
    percent, facts = {"de": ("19", DE), "de reduced": ("7", REDUCED), "fixed": ("19", fixed)}[kind]
    return taxed(amount, {"VAT": (percent, facts)}, inclusive)


@st.composite
def invoices(draw: st.DrawFn) -> Invoice:
    currency = draw(st.sampled_from(["EUR", "JPY", "KWD"]))
    return paid(*draw(st.lists(lines_of(currency), min_size=1, max_size=5)))


def credited(invoice: Invoice, data: st.DataObject) -> tuple[Invoice, list[credit_note.CreditNote]]:
    """Credits of amounts and of lines, in any order, until nothing is left."""
    notes: list[credit_note.CreditNote] = []
    step = charge_step(invoice.currency)
    for n in range(data.draw(st.integers(0, 4)) + 1):
        left = invoice.creditable
        if left.is_zero:
            break
        request = CreditRequest(left.micros)
        if n < 4 and data.draw(st.booleans()):
            each = data.draw(st.sampled_from(invoice.lines))
            amount = Money.from_minor(data.draw(st.integers(1, gross(each).minor // step)) * step, invoice.currency)
            request = CreditRequest(None, (CreditLine(each.id, amount.micros),))
        elif n < 4:
            amount = Money.from_minor(data.draw(st.integers(1, max(1, left.minor // step))) * step, invoice.currency)
            request = CreditRequest(min(amount, left).micros)
        try:
            issued = credit_note.issue(invoice, request, f"cn_{n}", SEQUENCE, AT)
        except (RefundExceedsAvailable, ValidationFailed):
            continue
        invoice, notes = issued.invoice, [*notes, issued.credit_note]
    if not invoice.creditable.is_zero:
        issued = credit_note.issue(invoice, CreditRequest(invoice.creditable.micros), "cn_rest", SEQUENCE, AT)
        invoice, notes = issued.invoice, [*notes, issued.credit_note]
    return invoice, notes


@LAW
@given(invoices(), st.data())
def test_an_invoice_that_was_credited_whole_is_zero_in_every_cell(invoice: Invoice, data: st.DataObject) -> None:
    _, notes = credited(invoice, data)
    assert cells(record for note in notes for record in note.tax_records) == of_invoice(invoice)


@LAW
@given(invoices(), st.data())
def test_the_taxes_of_a_credit_notes_records_are_its_tax(invoice: Invoice, data: st.DataObject) -> None:
    _, notes = credited(invoice, data)
    for note in notes:
        assert sum_money((each.tax for each in note.tax_records), note.currency) == note.tax
        by_rate: Counter[object] = Counter()
        for each in note.tax_records:
            by_rate[each.name, each.rate_percent] += each.tax.micros
        told = {(tax.name, tax.rate_percent): tax.amount.micros for tax in note.taxes if tax.amount.micros}
        assert {key: micros for key, micros in by_rate.items() if micros} == told


@LAW
@given(st.data())
def test_where_each_line_is_under_one_tax_the_bases_are_the_net(data: st.DataObject) -> None:
    kinds = lines_of("EUR").filter(lambda each: len(records_of(each)) == 1)
    invoice = paid(*data.draw(st.lists(kinds, min_size=1, max_size=4)))
    _, notes = credited(invoice, data)
    for note in notes:
        bases = (each.taxable + each.not_taxable for each in note.tax_records)
        assert sum_money(bases, "EUR") == note.net


def test_what_a_line_did_not_carry_takes_nothing_of_a_credit_of_another() -> None:
    """Half a cent of tax is rounded away from the line that was credited, not onto one that was not."""
    invoice = paid(taxed(usd(50), {"VAT": ("1", DE)}), taxed(usd(100), {"VAT": ("7", REDUCED)}))
    request = CreditRequest(None, (CreditLine(invoice.lines[0].id),))
    note = credit_note.issue(invoice, request, "cn_1", SEQUENCE, AT).credit_note
    assert [(each.rate_percent, each.taxable, each.tax) for each in note.tax_records] == [(Decimal(1), usd(50), usd(1))]


def test_a_part_that_is_not_taxed_is_told_apart() -> None:
    """100.00 of data processing in Austin: Texas taxes 80.00 of it, the city all."""
    found = records_of(in_part(usd(10_000), Decimal("0.8")))
    told = [(each.taxable, each.tax, each.not_taxable) for each in found]
    assert told == [(usd(8_000), usd(500), usd(0)), (usd(10_000), usd(100), usd(0)), (usd(0), usd(0), usd(2_000))]


def test_a_share_of_a_line_has_that_share_of_every_base() -> None:
    half = scaled(in_part(usd(10_000), Decimal("0.8")), Fraction(1, 2))
    assert [(each.taxable + each.not_taxable).minor for each in records_of(half)] == [4_000, 5_000, 1_000]


def test_lines_from_before_records_are_told_without_facts() -> None:
    old = paid(line(usd(10_000), TaxRate("VAT", Decimal(19))), line(usd(500)))
    found: Sequence[TaxRecord] = [record for each in old.lines for record in records_of(each)]
    assert [(each.name, each.facts, each.taxable.minor, each.not_taxable.minor) for each in found] == [
        ("VAT", None, 10_000, 0),
        (None, None, 0, 500),
    ]
    note = issue(old, usd(12_400)).credit_note
    assert cells(note.tax_records) == of_invoice(old)
