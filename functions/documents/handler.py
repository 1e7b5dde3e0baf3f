"""Documents to download: an invoice or a credit note as PDF. The only function that has the renderer and its fonts."""

from billing.bootstrap.http import http_api
from billing.bootstrap.invoicing import pdf_renderer
from billing.edge.http.api import CurrentWork, File
from billing.edge.http.limits import INVOICE_QUERIES
from billing.edge.http.scopes import Scope
from billing.services.invoicing import credit_notes, queries

api = http_api("documents")
renderer = pdf_renderer()


@api.get("/v1/invoices/{invoice_id}/pdf", scope=Scope.BILLING_READ, limit=INVOICE_QUERIES)
def get_invoice_pdf(invoice_id: str, work: CurrentWork) -> File:
    """Download an invoice as PDF."""
    invoice = queries.get(work, invoice_id)
    content = renderer.render_invoice(queries.document(invoice))
    return File(content, "application/pdf", f"{invoice.number or invoice.id}.pdf")


@api.get("/v1/credit-notes/{credit_note_id}/pdf", scope=Scope.BILLING_READ, limit=INVOICE_QUERIES)
def get_credit_note_pdf(credit_note_id: str, work: CurrentWork) -> File:
    """Download a credit note as PDF."""
    note = credit_notes.get(work, credit_note_id)
    content = renderer.render_invoice(credit_notes.document(note))
    return File(content, "application/pdf", f"{note.number}.pdf")


lambda_handler = api.lambda_handler
