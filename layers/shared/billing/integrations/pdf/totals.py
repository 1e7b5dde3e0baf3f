"""The block of totals: label, value and weight of each row."""

from __future__ import annotations

from billing.domain.kernel.money import Money
from billing.integrations.pdf.format import Formats
from billing.integrations.pdf.tables import is_reverse_charge, tax_label
from billing.integrations.pdf.text import breakable, isolated, one_line
from billing.integrations.pdf.words import Words
from billing.services.invoicing.documents import CreditDestination, CreditedTo, InvoiceDocument, TaxTreatment

Row = list[str]
"""Label, value, and "plain", "strong" or "grand"."""

_UNTAXED = (TaxTreatment.REVERSE_CHARGE, TaxTreatment.EXEMPT)
_DESTINATIONS = {
    CreditDestination.INVOICE: "to_invoice",
    CreditDestination.BALANCE: "to_balance",
    CreditDestination.REFUND: "to_refund",
}


def total_rows(document: InvoiceDocument, formats: Formats, words: Words) -> list[Row]:
    """The rows of an invoice."""
    due = words["amount_due"].format(currency=document.currency)
    return [
        *_sums(document, formats, words),
        [words["total"], _money(formats, document.total), "strong"],
        *_deductions(document, formats, words),
        [words["amount_paid"], _money(formats, document.amount_paid), "plain"],
        [due, _money(formats, document.amount_due), "grand"],
    ]


def credited_rows(document: InvoiceDocument, formats: Formats, words: Words) -> list[Row]:
    """The rows of a credit note: instead of what was paid and is due, where the credit went."""
    credited = words["total_credited"].format(currency=document.currency)
    return [
        *_sums(document, formats, words),
        [credited, _money(formats, document.total), "grand"],
        *([_where(document, words, each), _money(formats, each.amount), "plain"] for each in document.credited_to),
    ]


def _where(document: InvoiceDocument, words: Words, each: CreditedTo) -> str:
    key = _DESTINATIONS.get(each.destination) if each.destination else None
    if key is None:
        return breakable(one_line(each.label))
    return words[key].format(number=isolated(one_line(document.about_invoice or "")))


def _sums(document: InvoiceDocument, formats: Formats, words: Words) -> list[Row]:
    rows = [[words["subtotal"], _money(formats, document.subtotal), "plain"]]
    if document.discount.micros:
        # Shown as what it takes off, whichever sign the caller keeps it with.
        coupon = one_line(document.coupon) if document.coupon else None
        label = words["coupon"].format(coupon=isolated(coupon)) if coupon else words["discount"]
        rows.append([breakable(label), _money(formats, -abs(document.discount)), "plain"])
    # What is not taxed has no row of "Tax 0.00": a remark says why.
    taxes = [tax for tax in document.taxes if tax.treatment not in _UNTAXED or tax.amount.micros]
    for tax in taxes:
        label = breakable(tax_label(tax, formats, words))
        rows.append([label, _money(formats, tax.amount), "plain"])
    untaxed = is_reverse_charge(document) or len(taxes) < len(document.taxes)
    if len(taxes) > 1 or (not taxes and not untaxed) or (not taxes and document.tax.micros):
        label = words["total_tax"] if taxes else words["tax"]
        rows.append([label, _money(formats, document.tax), "plain"])
    return rows


def _deductions(document: InvoiceDocument, formats: Formats, words: Words) -> list[Row]:
    """What of the total nobody has to pay by card, and what was paid too much or is owed to the buyer."""
    rows: list[Row] = []
    carried = document.carried or Money.zero(document.currency)
    if document.balance_applied is not None and document.balance_applied != carried:
        applied = document.balance_applied - carried
        key = "balance_applied"
        if applied.is_negative:
            key = "balance_added" if document.total.is_negative else "brought_forward"
        rows.append([words[key], _money(formats, -applied), "plain"])
    if not carried.is_zero:
        rows.append([words["carried"], _money(formats, -carried), "plain"])
    if document.amount_credited is not None and document.amount_credited.micros:
        rows.append([words["credit_notes"], _money(formats, -document.amount_credited), "plain"])
    return rows


def _money(formats: Formats, amount: Money) -> str:
    return isolated(formats.money(amount))
