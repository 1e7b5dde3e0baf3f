"""Documents to download: an invoice or a credit note as PDF. The only function that has the renderer and its fonts."""

from billing.bootstrap.http import http_api
from billing.bootstrap.invoicing import pdf_renderer
from billing.edge.http.api import CurrentWork, File
from billing.edge.http.limits import INVOICE_QUERIES
from billing.edge.http.scopes import Scope
from billing.schemas.parameters import InLocale
from billing.services.invoicing import printing

api = http_api("documents")
renderer = pdf_renderer()


@api.get("/v1/invoices/{invoice_id}/pdf", scope=Scope.BILLING_READ, limit=INVOICE_QUERIES)
def get_invoice_pdf(invoice_id: str, work: CurrentWork, locale: InLocale = None) -> File:
    """Download an invoice as PDF."""
    return _pdf(printing.invoice(work, invoice_id, locale))


@api.get("/v1/credit-notes/{credit_note_id}/pdf", scope=Scope.BILLING_READ, limit=INVOICE_QUERIES)
def get_credit_note_pdf(credit_note_id: str, work: CurrentWork, locale: InLocale = None) -> File:
    """Download a credit note as PDF."""
    return _pdf(printing.credit_note(work, credit_note_id, locale))


def _pdf(printed: printing.Printed) -> File:
    return File(renderer.render_invoice(printed.document), "application/pdf", f"{printed.name}.pdf")


lambda_handler = api.lambda_handler
