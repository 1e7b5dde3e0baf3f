"""The built-in tax table as a ``services.tax.assessment.TaxProvider``: ``tax_rates.json`` and the webhook's updates."""

import json
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from billing.domain.lines.line import TaxAmount
from billing.domain.tax.rate_table import Jurisdiction, RateEntry, TaxTable
from billing.domain.tax.rules import Place, line_taxes
from billing.services.tax.assessment import Sale

_FILE = Path(__file__).with_name("tax_rates.json")


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
        return tuple(
            line_taxes(item.taxable, table.rates(sale.place, item.tax_code, sale.on), item.inclusive)
            for item in sale.items
        )
