"""Documents to download: invoices, credit notes and payouts' statements. The only function that has the fonts."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from billing.bootstrap.http import http_api
from billing.bootstrap.invoicing import electronic_invoices, pdf_renderer
from billing.domain.kernel.errors import ValidationFailed
from billing.edge.http.api import CurrentWork, File, Listing
from billing.edge.http.limits import INVOICE_QUERIES
from billing.edge.http.scopes import Scope
from billing.schemas.base import InQuery
from billing.schemas.marketplace.reports import ProviderReportOut, report_csv
from billing.schemas.marketplace.statements import StatementOut, as_csv
from billing.schemas.parameters import AsProfile, Cursor, InLocale
from billing.services.invoicing import printing
from billing.services.invoicing.einvoice import Profile
from billing.services.marketplace import reporting, statements
from billing.services.marketplace.statements import StatementRenderer

After = Annotated[
    Annotated[int, InQuery, Field(ge=0)], Query(description="the lines after the one of this `seq`: `nextAfter`")
]
LineLimit = Annotated[Annotated[int, InQuery, Field(ge=1, le=5_000)], Query(description="at most so many lines")]
Year = Annotated[Annotated[int, InQuery, Field(ge=1970, le=2499)], Query(description="of when orders were paid")]
Quarter = Annotated[
    Annotated[int, InQuery, Field(ge=1, le=4)] | None, Query(description="1 to 4; all four where it is not said")
]

api = http_api("documents")
documents = electronic_invoices()
printer: StatementRenderer = pdf_renderer()


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


@api.get("/v1/commerce/payouts/{payout_id}/statement", scope=Scope.BILLING_READ, answers=StatementOut)
def get_payout_statement(payout_id: str, work: CurrentWork, after: After = 0, limit: LineLimit = 1_000) -> StatementOut:
    """Retrieve a payout's statement.

    Its provider and its marketplace may: the lines of the account since the payout before, and the balances they lead
    from and to.
    """
    return StatementOut.of(statements.document(work, payout_id), after, limit)


@api.get("/v1/commerce/payouts/{payout_id}/statement.csv", scope=Scope.BILLING_READ, limit=INVOICE_QUERIES)
def get_payout_statement_csv(payout_id: str, work: CurrentWork, after: After = 0, limit: LineLimit = 5_000) -> File:
    """Download the lines of a payout's statement as CSV."""
    document = statements.document(work, payout_id)
    return File(as_csv(document, after, limit), "text/csv", f"{document.name}.csv")


@api.get("/v1/commerce/payouts/{payout_id}/statement.pdf", scope=Scope.BILLING_READ, limit=INVOICE_QUERIES)
def get_payout_statement_pdf(payout_id: str, work: CurrentWork, locale: InLocale = None) -> File:
    """Download a payout's statement as PDF; one of more than 1,000 lines shows them by day and type."""
    document = statements.document(work, payout_id, locale)
    return File(printer.render_statement(document), "application/pdf", f"{document.name}.pdf")


@api.get("/v1/commerce/reports/providers", scope=Scope.BILLING_READ, answers=ProviderReportOut, many=True)
def report_providers(work: CurrentWork, year: Year, quarter: Quarter = None, cursor: Cursor = None) -> Listing:
    """What the marketplace's providers sold in a year, by quarter and currency: for DAC7 and 1099-K.

    Rows of several pages are to be added up.
    """
    found = reporting.report(work, year, quarter, cursor)
    rows = [ProviderReportOut.of(each, year) for each in found.rows]
    return Listing(rows, found.next_cursor, len(rows))


@api.get("/v1/commerce/reports/providers.csv", scope=Scope.BILLING_READ, limit=INVOICE_QUERIES)
def report_providers_csv(work: CurrentWork, year: Year, quarter: Quarter = None) -> File:
    """Download the same as CSV; where it takes several pages, only the JSON has it."""
    found = reporting.report(work, year, quarter)
    if found.next_cursor is not None:
        raise ValidationFailed.of("year", "too_large_for_csv")
    name = f"providers-{year}" + (f"-q{quarter}" if quarter else "")
    return File(report_csv(found, year), "text/csv", f"{name}.csv")


def _pdf(printed: printing.Printed) -> File:
    return File(documents.pdf(printed.document, printed.data), "application/pdf", f"{printed.name}.pdf")


def _xml(printed: printing.Printed, profile: Profile) -> File:
    return File(documents.xml(printed.data, profile), "application/xml", f"{printed.name}.xml")


lambda_handler = api.lambda_handler
