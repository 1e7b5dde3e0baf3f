"""The built-in tax table as a ``services.tax.assessment.TaxProvider``: ``tax_rates.json`` and the webhook's updates."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from billing.domain.lines.line import TaxAmount
from billing.domain.lines.tax_facts import Taxability, TaxFacts
from billing.domain.tax import facts
from billing.domain.tax.rate_table import STANDARD, ZERO, Jurisdiction, RateEntry, TaxTable
from billing.domain.tax.rules import Place, line_taxes
from billing.services.tax.assessment import Item, Sale

_FILE = Path(__file__).with_name("tax_rates.json")
_TREATMENTS = {STANDARD: Taxability.STANDARD, "special": Taxability.TAXED}


@cache
def builtin_table() -> TaxTable:
    """The table that is shipped; its source and date are in it."""
    document = json.loads(_FILE.read_text(encoding="utf-8"))
    jurisdictions = (_jurisdiction(each) for each in document["jurisdictions"])
    return TaxTable(
        source="; ".join(document["sources"]),
        as_of=date.fromisoformat(document["asOf"]),
        jurisdictions={each.place.code: each for each in jurisdictions},
    )


def _jurisdiction(entry: dict[str, Any]) -> Jurisdiction:
    country, state = entry["country"], entry.get("state")
    rates = tuple(
        RateEntry(
            country=country,
            state=state,
            category=rate["category"],
            name=rate["name"],
            percent=Decimal(rate["percent"]),
            valid_from=date.fromisoformat(rate["validFrom"]) if "validFrom" in rate else None,
        )
        for rate in entry["rates"]
    )
    return Jurisdiction(Place(country, state), entry["name"], rates)


class BuiltinTax:
    """Taxes every item at its place's rates of the day.

    It charges the tax of the customer's place, as a seller registered there does. A tenant that is not registered
    everywhere (thresholds, one-stop shops, nexus) exempts customers, or uses Stripe Tax or TaxJar.
    """

    def taxes(self, sale: Sale) -> tuple[tuple[TaxAmount, ...], ...]:
        table = builtin_table().with_updates(sale.updates.rates if sale.updates else ())
        return tuple(_taxes(table, sale, item) for item in sale.items)


def _taxes(table: TaxTable, sale: Sale, item: Item) -> tuple[TaxAmount, ...]:
    category, rates = table.classed(sale.place, item.tax_code, sale.on)
    if not rates:  # a place that has no such tax
        treatment = Taxability.OUT_OF_SCOPE
        return (facts.not_taxed(sale.currency, sale.buyer, treatment, facts.NO_TAX_THERE),)
    taxes = line_taxes(item.taxable, rates, item.inclusive)
    return tuple(replace(tax, facts=_facts(sale.place, category, tax)) for tax in taxes)


def _facts(place: Place, category: str, tax: TaxAmount) -> TaxFacts:
    if not tax.rate_percent:  # Oregon's standard rate is nothing
        reason = category if category == ZERO else facts.NO_TAX_THERE
        return facts.at_place(place, tax.name, Taxability.ZERO, reason)
    # A special rate may be above the standard one: India's 40 % on demerit goods.
    treatment = _TREATMENTS.get(category, Taxability.REDUCED)
    return facts.at_place(place, tax.name, treatment, category)
