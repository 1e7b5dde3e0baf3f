"""The table of taxes on a document: for each tax and rate, what it was computed on, and why a rate is what it is.

    lines with taxes      a row for each tax, rate, and whether prices contain it; its base is the sum of their nets
    lines without taxes   one row, where the invoice knows why: reverse charge, or exempt

Lines without taxes of a tenant that charges none have no row: nothing is known of them, and nothing has to be said.
"""

from collections.abc import Iterable
from decimal import Decimal

from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice, PartySnapshot
from billing.domain.kernel.money import Money
from billing.domain.lines.line import InvoiceLine
from billing.domain.tax.rate_table import EXEMPT
from billing.domain.tax.rules import EXEMPT_NOTE, REVERSE_CHARGE_NOTE
from billing.services.invoicing.documents import TaxLine, TaxTreatment

_BY_NOTE = {REVERSE_CHARGE_NOTE: TaxTreatment.REVERSE_CHARGE, EXEMPT_NOTE: TaxTreatment.EXEMPT}
_NAMES = {"US": "Sales tax", **dict.fromkeys(("AU", "CA", "IN", "NZ", "SG"), "GST")}
"""What a tax that is not there would be called; VAT elsewhere."""


def tax_table(invoice: Invoice) -> tuple[TaxLine, ...]:
    """The rows of an invoice. Of 100.00 and 50.00 at 19 % and 20.00 at 7 %: 150.00 -> 28.50, and 20.00 -> 1.40.

    The bases are what the tax was computed on, whether it was rounded line by line or over the document: a line's
    amount after its discounts, and without a tax that is part of it.
    """
    zero = Money.zero(invoice.currency)
    rows: dict[tuple[str, Decimal, bool], tuple[Money, Money]] = {}
    for line in invoice.lines:
        for tax in line.taxes:
            key = (tax.name, tax.rate_percent, tax.inclusive)
            base, amount = rows.get(key, (zero, zero))
            rows[key] = (base + line.net, amount + tax.amount)
    taxed = (
        TaxLine(name, rate, amount, inclusive, base, _of_rate(rate))
        for (name, rate, inclusive), (base, amount) in rows.items()
    )
    return (*taxed, *_untaxed(invoice))


def treatment_of(line: InvoiceLine, notes: Iterable[str]) -> TaxTreatment | None:
    """Why a line without taxes has none, as far as its invoice's notes and its tax code say it."""
    of_all = _of_notes(notes)
    return TaxTreatment.EXEMPT if of_all is None and line.tax_code == EXEMPT else of_all


def credited_taxes(note: CreditNote) -> tuple[TaxLine, ...]:
    """The rows of a credit note; one from before bases were kept has none."""
    bases = note.tax_bases or (None,) * len(note.taxes)
    rows = tuple(
        TaxLine(tax.name, tax.rate_percent, tax.amount, base=base, treatment=_of_rate(tax.rate_percent))
        for tax, base in zip(note.taxes, bases, strict=True)
    )
    treatment = _of_notes(note.notes)
    if rows or treatment is None:
        return rows
    return (_row(treatment, note.net, note.buyer),)


def _untaxed(invoice: Invoice) -> Iterable[TaxLine]:
    sums: dict[TaxTreatment, Money] = {}
    for line in invoice.lines:
        treatment = treatment_of(line, invoice.notes)
        if not line.taxes and treatment is not None:
            sums[treatment] = sums.get(treatment, Money.zero(invoice.currency)) + line.net
    return (_row(treatment, base, invoice.buyer) for treatment, base in sums.items() if not base.is_zero)


def _row(treatment: TaxTreatment, base: Money, buyer: PartySnapshot) -> TaxLine:
    name = _NAMES.get(buyer.address.country_code if buyer.address else "", "VAT")
    return TaxLine(name, Decimal(0), Money.zero(base.currency), base=base, treatment=treatment)


def _of_rate(rate: Decimal) -> TaxTreatment:
    return TaxTreatment.STANDARD if rate else TaxTreatment.ZERO


def _of_notes(notes: Iterable[str]) -> TaxTreatment | None:
    return next((_BY_NOTE[note] for note in notes if note in _BY_NOTE), None)
