"""Issue 17: the fold of the tax report: what entries and their documents say, and what is said of those from before."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.invoicing import credit_note, settlement
from billing.domain.invoicing.credit_note import CreditRequest
from billing.domain.invoicing.invoice import Invoice
from billing.domain.invoicing.issuing import finalized_entry
from billing.domain.kernel.money import Money
from billing.domain.ledger import Account, LedgerEntry, Posting
from billing.domain.lines.line import InvoiceLine, TaxAmount, TaxRate
from billing.domain.lines.tax_facts import Taxability, TaxFacts
from billing.domain.reports.fold import Posted
from billing.domain.reports.tax import LINE_COLUMNS, Taxes, TaxFold, filed, itemised, keyed
from billing.domain.tax.rules import line_taxes
from tests.support.credited import AT, SEQUENCE, line, opened, usd

LAW = settings(max_examples=60, deadline=None)
DE, FR = (TaxFacts(country, Taxability.STANDARD, "vat") for country in ("DE", "FR"))
REVERSE = TaxFacts("AT", Taxability.REVERSE_CHARGE, "vat", reason="reverse_charge")
LATER = datetime(2027, 3, 1, tzinfo=UTC)


def vat(amount: Money, percent: str, facts: TaxFacts | None) -> InvoiceLine:
    (tax,) = line_taxes(amount, [TaxRate("VAT", Decimal(percent))], inclusive=False)
    return replace(line(amount), taxes=(replace(tax, facts=facts),))


def reverse(amount: Money) -> InvoiceLine:
    return replace(line(amount), untaxed=(TaxAmount("VAT", Decimal(0), Money.zero(amount.currency), facts=REVERSE),))


def finalized(invoice: Invoice) -> Posted:
    entry = finalized_entry(invoice, AT)
    assert entry is not None
    return Posted(entry, invoice)


def voided(invoice: Invoice) -> Posted:
    after = settlement.void(invoice, LATER)
    return Posted(after.entries[0], after.invoice)


def folded(records: Sequence[Posted]) -> Taxes:
    fold = TaxFold()
    state = fold.empty()
    for each in records:
        fold.add(state, each)
    return state


def told(state: Taxes) -> list[tuple[object, ...]]:
    """Country, name, rate, treatment, and in minor units taxable, tax, not taxable; and documents."""
    found = []
    for _, row in keyed(state):
        amounts = tuple(cell.minor for cell in row[9:12] if isinstance(cell, Money))
        found.append((row[0], row[4], row[5], row[7], *amounts, row[12]))
    return found


lines = st.lists(
    st.builds(
        lambda kind, minor, currency: (
            reverse(Money.from_minor(minor, currency))
            if kind == "reverse"
            else vat(
                Money.from_minor(minor, currency), *{"de": ("19", DE), "fr": ("20", FR), "old": ("19", None)}[kind]
            )
        ),
        st.sampled_from(["de", "fr", "old", "reverse"]),
        st.integers(1_000, 10**6),  # what a card can be charged: else it is paid at once, and cannot be made void
        st.just("JPY"),
    ),
    min_size=1,
    max_size=4,
)


@st.composite
def histories(draw: st.DrawFn) -> list[Posted]:
    """Invoices, some credited a few times, some made void."""
    found: list[Posted] = []
    for n in range(draw(st.integers(1, 5))):
        invoice = replace(opened(*draw(lines)), id=f"in_{n}")
        found.append(finalized(invoice))
        if draw(st.booleans()):
            found.append(voided(invoice))
            continue
        for m in range(draw(st.integers(0, 3))):
            left = invoice.creditable
            if left.is_zero:
                break
            part = CreditRequest(Money.from_minor(draw(st.integers(1, left.minor)), "JPY").micros)
            issued = credit_note.issue(invoice, part, f"cn_{n}_{m}", SEQUENCE, LATER)
            invoice = issued.invoice
            found.append(Posted(issued.entries[0], issued.credit_note))
    return found


@LAW
@given(histories())
def test_the_taxes_are_what_was_posted_to_tax_payable(records: list[Posted]) -> None:
    owed = 0
    for each in records:
        owed -= sum(it.amount.micros for it in each.entry.postings if it.account is Account.TAX_PAYABLE)
    assert sum(tax for _, tax, _, _ in folded(records).rows.values()) == owed


@LAW
@given(histories())
def test_the_bases_are_what_was_posted_to_revenue(records: list[Posted]) -> None:
    """Each line is under one tax here, so that all bases together are the net."""
    net = 0
    for each in records:
        net -= sum(it.amount.micros for it in each.entry.postings if it.account is Account.REVENUE)
    assert sum(taxable + off for taxable, _, off, _ in folded(records).rows.values()) == net


@LAW
@given(histories(), st.data())
def test_it_goes_on_from_a_state_that_was_kept(records: list[Posted], data: st.DataObject) -> None:
    fold, at = TaxFold(), data.draw(st.integers(0, len(records)))
    state = fold.read(json.loads(json.dumps(fold.dump(folded(records[:at])))))
    for each in records[at:]:
        fold.add(state, each)
    assert state == folded(records)


@LAW
@given(histories())
def test_the_items_sum_to_the_rows(records: list[Posted]) -> None:
    names = [column.name for column in LINE_COLUMNS]
    summed: Counter[str] = Counter()
    for row in (row for each in records for row in itemised(each, "UTC")):
        cells = dict(zip(names, row, strict=True))
        for name in ("taxable", "tax", "notTaxable"):
            amount = cells[name]
            assert isinstance(amount, Money)
            summed[name] += amount.micros
    rows = folded(records).rows.values()
    assert [summed[name] for name in ("taxable", "tax", "notTaxable")] == [
        sum(row[n] for row in rows) for n in range(3)
    ]


def test_an_invoice_and_its_void_leave_nothing_but_their_number() -> None:
    invoice = opened(vat(usd(10_000), "19", DE), reverse(usd(500)))
    assert told(folded([finalized(invoice), voided(invoice)])) == [
        ("AT", "VAT", Decimal(0), "reverse_charge", 0, 0, 0, 2),
        ("DE", "VAT", Decimal(19), "standard", 0, 0, 0, 2),
    ]


def test_what_is_from_before_records_is_unknown_and_its_amounts_are_there() -> None:
    invoice = opened(vat(usd(10_000), "19", None), line(usd(500)))
    note = credit_note.issue(invoice, CreditRequest(usd(1_190).micros), "cn_1", SEQUENCE, LATER)
    entry = note.entries[0]
    old = replace(note.credit_note, tax_records=(), tax_bases=())
    kept = replace(note.credit_note, tax_records=())
    assert told(folded([finalized(invoice)])) == [
        (None, "VAT", Decimal(19), "unknown", 10_000, 1_900, 0, 1),
        (None, None, None, "unknown", 0, 0, 500, 1),
    ]
    base, tax = told(folded([Posted(entry, kept)]))[0][4:6]
    assert (base, tax) == (-note.credit_note.tax_bases[0].minor, -note.credit_note.tax.minor)
    assert told(folded([Posted(entry, old)]))[0][4:6] == (-note.credit_note.net.minor, -note.credit_note.tax.minor)


def test_tax_that_no_record_explains_is_a_row_of_its_own() -> None:
    """An order from before entries had records: the ledger's tax is reported all the same."""
    postings = (
        Posting(Account.RECEIVABLE, usd(11_900), "cus_1"),
        Posting(Account.REVENUE, usd(-10_000)),
        Posting(Account.TAX_PAYABLE, usd(-1_900)),
    )
    posted = Posted(LedgerEntry("le_1", "order_sold", "ord_1", AT, postings))
    assert told(folded([posted])) == [(None, None, None, "unknown", 0, 1_900, 0, 1)]
    assert [each.about for each in filed(posted)] == ["order"]


def test_a_rate_is_one_row_however_it_was_written() -> None:
    """19, 19.0 and 19.00 percent."""
    made = opened(*(vat(usd(100), percent, DE) for percent in ("19", "19.0", "19.00")))
    assert [row[2:7] for row in told(folded([finalized(made)]))] == [(Decimal(19), "standard", 300, 57, 0)]
