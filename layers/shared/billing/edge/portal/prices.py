"""Prices, and what an invoice that is not made would bill, on the portal's pages."""

from dataclasses import replace
from html import escape

from billing.domain.catalog.plan import Plan
from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.money import Money
from billing.domain.subscriptions.mrr import recurring_price
from billing.edge.payer.document import billed
from billing.edge.portal.visit import Visit
from billing.services.invoicing import queries
from billing.services.payer.contents import Writer


def price_words(visit: Visit, plan: Plan, quantities: dict[str, int]) -> str:
    """What a full period of a plan costs, as HTML: "$549.99 a month", and whether usage comes on top."""
    price = recurring_price(plan, quantities)
    amount = visit.language.money(Money(int(price.micros), price.currency))
    many = "s" if plan.interval_count > 1 else ""
    every = visit.language[f"portal_per_{plan.interval.value}{many}"].format(count=str(plan.interval_count))
    usage = f" {visit.language['portal_plus_usage']}" if plan.meters else ""
    return escape(f"{amount} {every}{usage}")


def foreseen(visit: Visit, writer: Writer, invoice: Invoice) -> str:
    """The lines and the sums of an invoice that is not made, as HTML."""
    document = replace(queries.document(invoice), locale=visit.language.locale)
    return billed(writer.contents(document))
