"""Documents to download: an invoice or a credit note as PDF or XML. The only function that has the fonts."""

from billing.bootstrap.http import http_api
from billing.bootstrap.invoicing import electronic_invoices
from billing.edge.http.api import CurrentWork, File
from billing.edge.http.limits import INVOICE_QUERIES
from billing.edge.http.scopes import Scope
from billing.schemas.parameters import AsProfile, InLocale
from billing.services.invoicing import printing
from billing.services.invoicing.einvoice import Profile

api = http_api("documents")
documents = electronic_invoices()


@api.get("/v1/invoices/{invoice_id}/pdf", scope=Scope.BILLING_READ, limit=INVOICE_QUERIES)
def get_invoice_pdf(invoice_id: str, work: CurrentWork, locale: InLocale = None) -> File:
    """Download an invoice as PDF."""
    return _pdf(printing.invoice(work, invoice_id, locale))


@api.get("/v1/credit-notes/{credit_note_id}/pdf", scope=Scope.BILLING_READ, limit=INVOICE_QUERIES)
def get_credit_note_pdf(credit_note_id: str, work: CurrentWork, locale: InLocale = None) -> File:
    """Download a credit note as PDF."""
    return _pdf(printing.credit_note(work, credit_note_id, locale))


@api.get("/v1/invoices/{invoice_id}/xml", scope=Scope.BILLING_READ, limit=INVOICE_QUERIES)
def get_invoice_xml(invoice_id: str, work: CurrentWork, profile: AsProfile = Profile.XRECHNUNG) -> File:
    """Download an invoice as e-invoice (EN 16931)."""
    return _xml(printing.invoice(work, invoice_id), profile)


@api.get("/v1/credit-notes/{credit_note_id}/xml", scope=Scope.BILLING_READ, limit=INVOICE_QUERIES)
def get_credit_note_xml(credit_note_id: str, work: CurrentWork, profile: AsProfile = Profile.XRECHNUNG) -> File:
    """Download a credit note as e-invoice (EN 16931)."""
    return _xml(printing.credit_note(work, credit_note_id), profile)


def _pdf(printed: printing.Printed) -> File:
    return File(documents.pdf(printed.document, printed.data), "application/pdf", f"{printed.name}.pdf")


def _xml(printed: printing.Printed, profile: Profile) -> File:
    return File(documents.xml(printed.data, profile), "application/xml", f"{printed.name}.xml")


lambda_handler = api.lambda_handler
