"""Wires a payer's pages."""

from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import process, storage
from billing.bootstrap.forms import form_edge

if TYPE_CHECKING:
    from billing.edge.forms.endpoint import FormApi
    from billing.services.payer.invoices import PaymentLinks
    from billing.services.payer.links import Links


@cache
def links() -> "Links":
    """Makes and checks payers' links."""
    from billing.services.payer.links import Links

    return Links(storage.vault())


@cache
def payment_links() -> "PaymentLinks":
    """Makes links on which invoices are paid."""
    from billing.services.payer.invoices import PaymentLinks

    return PaymentLinks(links(), process.settings().issuer)


def payer_api() -> "FormApi":
    """The pages of the function ``payer``."""
    from billing.bootstrap.invoicing import electronic_invoices, invoice_payments
    from billing.edge.forms.endpoint import FormApi
    from billing.edge.payer.doors import Doors
    from billing.edge.payer.frame import Refusals
    from billing.edge.payer.invoice import InvoicePages
    from billing.integrations.pages.contents import DocumentWriter
    from billing.integrations.pages.language import PageLanguages

    languages = PageLanguages()
    refusals = Refusals(languages)
    api = FormApi(form_edge(), process.logger(), refusals)
    s = process.settings()
    InvoicePages(
        Doors(links(), refusals, "in"),
        languages,
        DocumentWriter(),
        electronic_invoices(),
        invoice_payments(),
        s.issuer,
        s.checkout_origin,
    ).add_to(api)
    return api
