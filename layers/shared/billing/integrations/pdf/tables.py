"""The two tables of a document: its lines, and its taxes by rate."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from billing.domain.tax.rules import EXEMPT_NOTE, REVERSE_CHARGE_NOTE
from billing.domain.tax.tax_ids import EU_MEMBERS
from billing.integrations.pdf.format import Formats
from billing.integrations.pdf.text import breakable, isolated, one_line, printable
from billing.integrations.pdf.words import Words, tax_name
from billing.services.invoicing.documents import (
    DocumentLine,
    DocumentStep,
    InvoiceDocument,
    Party,
    TaxLine,
    TaxTreatment,
)


def lines_table(document: InvoiceDocument, formats: Formats, words: Words) -> dict[str, Any]:
    """The lines; a column that no line has anything for is left out."""
    columns = [
        ("quantity", [_quantity(line, formats) for line in document.lines]),
        ("unit_price", [_unit_price(line, formats) for line in document.lines]),
        ("amount", [isolated(formats.money(line.amount)) for line in document.lines]),
    ]
    shown = [(key, cells) for key, cells in columns if key == "amount" or any(cells)]
    rows = [
        {
            "description": breakable(printable(line.description)),
            "detail": _detail(line, formats, words),
            "steps": [_step(step, formats, words) for step in line.steps],
            "cells": [cells[index] for _, cells in shown],
        }
        for index, line in enumerate(document.lines)
    ]
    return {
        "heading": words["lines"],
        "headers": [words["description"], *(words[key] for key, _ in shown)],
        "widest": [max(map(len, cells), default=0) for _, cells in shown],
        "rows": rows,
    }


def _quantity(line: DocumentLine, formats: Formats) -> str:
    return "" if line.quantity is None else isolated(formats.quantity(line.quantity))


def _unit_price(line: DocumentLine, formats: Formats) -> str:
    return "" if line.unit_amount is None else isolated(formats.money(line.unit_amount))


def _detail(line: DocumentLine, formats: Formats, words: Words) -> str:
    parts = [formats.period(line.period_start, line.period_end)]
    if line.discount is not None and line.discount.micros:
        # Part of the details, not of the amount: the discounts of all lines are one row below.
        parts.append(f"{words['discount']} {isolated(formats.money(-line.discount))}")
    if line.proration:
        parts.append(words["prorated"])
    return " \u00b7 ".join(part for part in parts if part)


def _step(step: DocumentStep, formats: Formats, words: Words) -> str:
    """ "5 \u00d7 \u20ac120.00 = \u20ac600.00"; a step may have a flat price, too, or nothing else."""
    amount = isolated(formats.money(step.amount))
    if step.unit_amount is None:
        return f"{isolated(formats.quantity(step.quantity))} \u00b7 {words['flat']} = {amount}"
    text = f"{isolated(formats.quantity(step.quantity))} \u00d7 {isolated(formats.money(step.unit_amount))}"
    if step.flat is not None and step.flat.micros:
        text += f" + {isolated(formats.money(step.flat))} ({words['flat']})"
    return f"{text} = {amount}"


def is_reverse_charge(document: InvoiceDocument) -> bool:
    """Whether the buyer accounts for the tax: its tax lines say so, or the note that the tax engine left."""
    return any(tax.treatment is TaxTreatment.REVERSE_CHARGE for tax in document.taxes) or REVERSE_CHARGE_NOTE in _notes(
        document
    )


def tax_remarks(document: InvoiceDocument, words: Words) -> list[str]:
    """What the law wants said where there is no tax."""
    remarks = []
    if is_reverse_charge(document):
        remarks.append(words["reverse_charge_article" if _by_article_196(document) else "reverse_charge_note"])
    exempt = any(tax.treatment is TaxTreatment.EXEMPT for tax in document.taxes)
    if exempt or EXEMPT_NOTE in _notes(document):
        remarks.append(words["exempt_note"])
    return remarks


def _notes(document: InvoiceDocument) -> list[str]:
    return [line.strip() for line in (document.notes or "").splitlines()]


def _by_article_196(document: InvoiceDocument) -> bool:
    """A buyer in the EU whose seller is of another country, in the EU or not; a country that is unknown may be one."""
    seller, buyer = _country(document.seller), _country(document.buyer)
    return (buyer is None or buyer in EU_MEMBERS) and (seller is None or seller != buyer)


def _country(party: Party) -> str | None:
    return (party.address.country_code or None) if party.address else None


def tax_table(document: InvoiceDocument, formats: Formats, words: Words) -> dict[str, Any] | None:
    """Name, rate, base and tax of each rate; None where no base is known."""
    taxes = [tax for tax in document.taxes if tax.base is not None]
    if not taxes:
        return None
    return {
        "heading": words["tax_summary"],
        "headers": [words["tax"], words["rate"], words["base"], words["amount"]],
        "rows": [_tax_row(tax, formats, words) for tax in taxes],
    }


def _tax_row(tax: TaxLine, formats: Formats, words: Words) -> list[str]:
    untaxed = {TaxTreatment.REVERSE_CHARGE: "reverse_charge", TaxTreatment.EXEMPT: "exempt"}.get(tax.treatment)
    base = isolated(formats.money(tax.base)) if tax.base is not None else ""
    rate = words[untaxed] if untaxed else isolated(formats.rate(tax.rate_percent))
    amount = "\u2013" if untaxed and tax.amount.is_zero else isolated(formats.money(tax.amount))
    return [breakable(one_line(tax_name(tax.name, words))), rate, base, amount]


def tax_label(tax: TaxLine, formats: Formats, words: Words) -> str:
    """ "VAT (20%)" on top of the subtotal; "VAT (20%, included)" where the prices contain it."""
    key = "tax_included" if tax.inclusive else "tax_rate"
    name = one_line(tax_name(tax.name, words))
    return words[key].format(name=name, rate=isolated(formats.rate(Decimal(tax.rate_percent))))
