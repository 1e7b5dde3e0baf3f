"""From invoices and credit notes to what EN 16931 wants of them (``einvoice``).

Prices that contain their tax become net lines, because the norm knows no others. A line's net is what its tax was
computed on, so all lines are the total less the tax, to the cent; of 3 seats at 11.90 with 19 % in it, 30.00 net is
written as 3 at 10.00, and where a net cannot be divided like that, as 1 of the whole.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.domain.customers.customer import CustomField
from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus, PartySnapshot
from billing.domain.invoicing.terms import Terms
from billing.domain.kernel.bank import BankDetails
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.money import Money, exact_fraction, sum_money
from billing.domain.lines.line import InvoiceLine
from billing.domain.tax.tax_ids import TaxIdStatus, normalised, tax_id_status
from billing.services.invoicing.documents import HowToPay, PaidBy, TaxTreatment
from billing.services.invoicing.einvoice import (
    Category,
    EInvoice,
    ELine,
    EParty,
    Means,
    Payment,
    VatRow,
    decimal_of,
)
from billing.services.invoicing.queries import supplied_span
from billing.services.invoicing.tax_table import credited_taxes, treatment_of

_CATEGORIES = {
    TaxTreatment.STANDARD: Category.STANDARD,
    TaxTreatment.ZERO: Category.ZERO,
    TaxTreatment.EXEMPT: Category.EXEMPT,
    TaxTreatment.REVERSE_CHARGE: Category.REVERSE_CHARGE,
}
_BUYER_REFERENCES = ("leitwegid", "buyerreference")
_NO_VAT = re.compile(r"\b(sales|consumption|state|county|gst|hst|pst|qst|rst)\b", re.IGNORECASE)
"""In the names of taxes of the tables and providers that are none: a European seller's to a customer in Canada."""
_PREFIXES = {"GR": "EL", "CH": "CHE"}
_PRICE_DECIMALS = 4
_TEST_NOTE = "TEST: nothing is owed for this document"
_INSTANT = timedelta(microseconds=1)


def of_invoice(invoice: Invoice, how_to_pay: HowToPay | None = None, paid_by: PaidBy | None = None) -> EInvoice:
    """An invoice.

    Args:
        how_to_pay: as its document says.
        paid_by: the card that paid it.
    """
    terms = invoice.terms or Terms()
    span = supplied_span(invoice.lines)
    period = _days(*span, invoice.timezone) if span else None
    lines = _with_known_categories([_line(each, invoice, period) for each in invoice.lines])
    due = invoice.amount_due
    return EInvoice(
        number=invoice.number,
        is_void=invoice.status is InvoiceStatus.VOID,
        issued_on=_day(invoice.finalized_at, invoice.timezone),
        due_on=_day(invoice.payable_by, invoice.timezone) if due.micros > 0 else None,
        currency=invoice.currency,
        seller=_party(invoice.seller),
        buyer=_party(invoice.buyer),
        contact=terms.contact,
        lines=lines,
        vat=_rows(invoice.lines, lines, invoice.currency),
        tax=invoice.tax,
        total=invoice.total,
        due=due,
        payment=_payment(invoice.currency, how_to_pay, paid_by),
        notes=_notes(invoice.notes, terms, invoice.test_mode),
        legal_line=terms.legal_line,
        buyer_reference=buyer_reference(terms),
        order_number=terms.po_number,
        period=period,
    )


def of_credit_note(note: CreditNote) -> EInvoice:
    """A credit note. What was taken off its invoice is due the other way round; the rest was given back elsewhere.

    So whoever books both documents owes nothing twice: an invoice over 119.00 and a note that takes 119.00 off it are
    nothing together, and a note that went to the balance is settled, as the invoice that the balance pays says so.
    """
    terms = note.terms or Terms()
    rows = tuple(
        VatRow(_CATEGORIES[each.treatment], each.rate_percent, each.base, each.amount)
        for each in credited_taxes(note)
        if each.base is not None and _is_vat(each.name)
    )
    return EInvoice(
        number=note.number,
        issued_on=_day(note.created_at, note.timezone),
        currency=note.currency,
        seller=_party(note.seller),
        buyer=_party(note.buyer),
        contact=terms.contact,
        lines=_credited_lines(note, rows),
        vat=_merged(rows),
        tax=note.tax,
        total=note.total,
        due=note.to_invoice,
        payment=Payment(Means.UNDEFINED, words=f"Credit for invoice {note.invoice_number}"),
        notes=_notes(tuple(text for text in (note.reason, *note.notes) if text), terms, note.test_mode),
        legal_line=terms.legal_line,
        buyer_reference=buyer_reference(terms),
        order_number=terms.po_number,
        preceding=note.invoice_number,
        terms=f"Taken off invoice {note.invoice_number}" if note.to_invoice.micros > 0 else None,
    )


def buyer_reference(terms: Terms) -> str | None:
    """What routes the document at its buyer (BT-10): a custom field of that name, else the PO number.

    A German authority gives a Leitweg-ID, and perhaps an order number besides; both are on the document then.
    """
    fields = {_bare(field): field.value for field in terms.custom_fields}
    return next((fields[name] for name in _BUYER_REFERENCES if name in fields), None) or terms.po_number


def vat_id(party: PartySnapshot) -> str | None:
    """A tax id with the prefix of its country, as VAT ids have it: ``136.695 976`` of DE -> ``DE136695976``.

    None where it cannot be one of the address's country, such as a German tax number for income tax.
    """
    country = party.address.country_code if party.address else ""
    if not party.tax_id or not country or tax_id_status(country, party.tax_id) is TaxIdStatus.INVALID:
        return None
    return _PREFIXES.get(country, country) + normalised(country, party.tax_id)


def _bare(field: CustomField) -> str:
    return re.sub(r"[^a-z]", "", field.name.casefold())


def _party(party: PartySnapshot) -> EParty:
    return EParty(party.name, party.address, vat_id(party), party.email)


def _line(line: InvoiceLine, invoice: Invoice, period: tuple[date, date] | None) -> ELine:
    net, off = line.net, line.discount
    if line.tax_included.is_zero:
        before = line.amount
    else:
        rate = sum((exact_fraction(tax.rate_percent) for tax in line.taxes), exact_fraction(0))
        before = Money.rounded(line.amount.micros * 100 / (100 + rate), net.currency, charge_step(net.currency))
        off = before - net if not off.is_zero else off
    if off.micros <= 0:
        before, off = net, Money.zero(net.currency)
    quantity, price = _priced(before, line)
    days = _days(line.period.start, line.period.end, invoice.timezone) if line.period else None
    within = days is not None and period is not None and period[0] <= days[0] and days[1] <= period[1]
    category, rate_percent = _taxed_as(line, invoice.notes)
    return ELine(
        name=line.description,
        quantity=quantity,
        price=price,
        net=net,
        category=category,
        rate=rate_percent,
        allowance=None if off.is_zero else off,
        allowance_reason="; ".join(each.text for each in line.discounts) or None,
        description=_explained(line, quantity),
        period=days if within else None,
    )


def _priced(before: Money, line: InvoiceLine) -> tuple[Decimal, Decimal]:
    """Quantity and price whose product is an amount; the quantity has its sign."""
    sign, size = -1 if before.is_negative else 1, abs(before)
    many, each = line.quantity, line.unit_amount
    plain = before == line.amount and line.tax_included.is_zero
    if many is not None and each is not None and many >= 0 and each >= 0 and plain:
        exact = exact_fraction(many) * each
        if Money.rounded(exact, size.currency, charge_step(size.currency)) == size:
            return many * sign, decimal_of(Money(each, size.currency))
    if many is not None and many > 0 and not line.steps:
        scaled = exact_fraction(decimal_of(size)) / exact_fraction(many) * 10**_PRICE_DECIMALS
        if scaled.denominator == 1:
            return many * sign, Decimal(scaled.numerator).scaleb(-_PRICE_DECIMALS)
    return Decimal(sign), decimal_of(size)


def _explained(line: InvoiceLine, quantity: Decimal) -> str | None:
    """What quantity and price do not say: the steps of a tiered price, or a quantity of a part of a period."""
    if line.steps:
        currency = line.amount.currency
        return ", ".join(
            f"{step.quantity.normalize():f} x {Money(step.unit_amount, currency)}"
            + (f" + {Money(step.flat_amount, currency)}" if step.flat_amount else "")
            for step in line.steps
        )
    if line.quantity is None or abs(quantity) == line.quantity:
        return None
    return f"Quantity: {line.quantity.normalize():f}"


def _taxed_as(line: InvoiceLine, notes: Iterable[str]) -> tuple[Category | None, Decimal]:
    if len(line.taxes) == 1 and _is_vat(line.taxes[0].name):
        rate = line.taxes[0].rate_percent
        return (Category.STANDARD if rate else Category.ZERO), rate
    treatment = None if line.taxes else treatment_of(line, notes)
    return (None if treatment is None else _CATEGORIES[treatment]), Decimal(0)


def _is_vat(name: str) -> bool:
    return _NO_VAT.search(name) is None


def _with_known_categories(lines: Sequence[ELine]) -> tuple[ELine, ...]:
    """A line over nothing that nobody taxed is taxed as the others are: it changes no sum."""
    known = next((each for each in lines if each.category is not None), None)
    if known is None:
        return tuple(lines)
    return tuple(
        replace(each, category=known.category, rate=known.rate) if each.category is None and each.net.is_zero else each
        for each in lines
    )


def _rows(lines: Sequence[InvoiceLine], written: Sequence[ELine], currency: str) -> tuple[VatRow, ...]:
    return _merged(
        VatRow(each.category, each.rate, each.net, sum_money((tax.amount for tax in line.taxes), currency))
        for line, each in zip(lines, written, strict=True)
        if each.category is not None
    )


def _merged(rows: Iterable[VatRow]) -> tuple[VatRow, ...]:
    """One row for each category and rate."""
    found: dict[tuple[Category, Decimal], VatRow] = {}
    for row in rows:
        key = (row.category, row.rate.normalize())
        before = found.get(key)
        found[key] = row if before is None else replace(row, base=before.base + row.base, tax=before.tax + row.tax)
    return tuple(found.values())


def _credited_lines(note: CreditNote, rows: Sequence[VatRow]) -> tuple[ELine, ...]:
    """The note's lines, where all are taxed alike; else a line for each rate, as the note knows its bases by rate."""
    whole = Decimal(1)
    if len(_merged(rows)) == 1 and rows[0].base == note.net and note.lines:
        row = rows[0]
        return tuple(
            ELine(
                line.description,
                Decimal(-1 if line.net.is_negative else 1),
                decimal_of(abs(line.net)),
                line.net,
                row.category,
                row.rate,
            )
            for line in note.lines
        )
    if not rows:
        return (ELine(_titles(note), whole, decimal_of(note.net), note.net, None, Decimal(0)),)
    return tuple(
        ELine(
            _titles(note),
            Decimal(-1 if row.base.is_negative else 1),
            decimal_of(abs(row.base)),
            row.base,
            row.category,
            row.rate,
        )
        for row in _merged(rows)
    )


def _titles(note: CreditNote) -> str:
    return "; ".join(dict.fromkeys(line.description for line in note.lines)) or f"Credit for {note.invoice_number}"


def _payment(currency: str, how_to_pay: HowToPay | None, paid_by: PaidBy | None) -> Payment:
    if paid_by is not None:
        return Payment(Means.CARD, card=paid_by.last4, words=paid_by.brand)
    bank = how_to_pay.bank if how_to_pay else None
    if bank is not None and (bank.iban or bank.account_number):
        return Payment(_means(currency, bank), bank)
    return Payment(Means.UNDEFINED, words=how_to_pay.link if how_to_pay else None)


def _means(currency: str, bank: BankDetails) -> Means:
    return Means.SEPA if currency == "EUR" and bank.iban else Means.TRANSFER


def _notes(notes: Iterable[str], terms: Terms, test_mode: bool) -> tuple[str, ...]:
    fields = (f"{each.name}: {each.value}" for each in terms.custom_fields)
    return (*((_TEST_NOTE,) if test_mode else ()), *notes, *fields)


def _day(moment: datetime | None, timezone: str) -> date | None:
    return moment.astimezone(ZoneInfo(timezone)).date() if moment is not None else None


def _days(start: datetime, end: datetime, timezone: str) -> tuple[date, date]:
    """First and last day of a half-open span: [1 June, 1 July) is 1 to 30 June."""
    zone = ZoneInfo(timezone)
    first = start.astimezone(zone).date()
    return first, max(first, (end - _INSTANT).astimezone(zone).date())
