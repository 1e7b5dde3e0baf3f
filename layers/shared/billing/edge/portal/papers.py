"""Invoices and credit notes in the portal, and each of them as PDF."""

from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.portal import Feature
from billing.edge.forms.endpoint import FormApi, FormCall, FormResponse
from billing.edge.payer.invoice import Printer
from billing.edge.portal.doors import PortalDoors
from billing.edge.portal.home import HomePages
from billing.edge.portal.visit import INVOICES, Visit
from billing.services.invoicing import printing
from billing.services.invoicing.printing import Printed
from billing.services.portal import overview

INVOICE_PDF, NOTE_PDF = "/portal/invoices/{id}/pdf", "/portal/credit-notes/{id}/pdf"
_AFTER = "after"


@dataclass(frozen=True, slots=True)
class PaperPages:
    """The handlers."""

    doors: PortalDoors
    home: HomePages
    printer: Printer

    def add_to(self, api: FormApi) -> None:
        """Add the routes."""
        api.route("GET", INVOICES, self.listed)
        api.route("GET", INVOICE_PDF, self.invoice)
        api.route("GET", NOTE_PDF, self.credit_note)

    def listed(self, call: FormCall) -> FormResponse:
        """The customer's documents, newest first."""
        after = call.request.query.get(_AFTER)
        return self.doors.shown(call, Feature.INVOICES, lambda visit: self._listed(visit, after))

    def invoice(self, call: FormCall) -> FormResponse:
        """An invoice as PDF."""

        def printed(visit: Visit) -> FormResponse:
            invoice = overview.own_invoice(visit.unit, visit.customer, call.parameters["id"])
            return self._pdf(printing.invoice(visit.unit, invoice.id))

        return self.doors.shown(call, Feature.INVOICES, printed)

    def credit_note(self, call: FormCall) -> FormResponse:
        """A credit note as PDF."""

        def printed(visit: Visit) -> FormResponse:
            note = overview.own_credit_note(visit.unit, visit.customer, call.parameters["id"])
            return self._pdf(printing.credit_note(visit.unit, note.id))

        return self.doors.shown(call, Feature.INVOICES, printed)

    def _pdf(self, printed: Printed) -> FormResponse:
        content = self.printer.pdf(printed.document, printed.data)
        headers = {"Content-Disposition": f'inline; filename="{printed.name}.pdf"', "Referrer-Policy": "no-referrer"}
        return FormResponse(200, content, "application/pdf", headers)

    def _listed(self, visit: Visit, after: str | None) -> FormResponse:
        found = overview.documents(visit.unit, visit.customer, after)
        rows = "".join(
            self._row(visit, invoice) + "".join(_note(visit, each) for each in notes) for invoice, notes in found.rows
        )
        older = ""
        if found.next_cursor is not None:
            address = f"{INVOICES}?{_AFTER}={quote(found.next_cursor, safe='')}"
            older = f'<p><a href="{address}">{visit.word("portal_older")}</a></p>'
        table = f'<table class="lines"><tbody>{rows}</tbody></table>' if rows else ""
        none = "" if rows else f"<p>{visit.word('portal_no_invoices')}</p>"
        return visit.page(visit.language["portal_invoices"], none + table + older)

    def _row(self, visit: Visit, invoice: Invoice) -> str:
        number = escape(invoice.number or invoice.id)
        due = invoice.status is InvoiceStatus.OPEN and invoice.amount_due.micros > 0
        state = (
            visit.word("portal_open")
            if invoice.status is InvoiceStatus.OPEN
            else visit.word(f"status_{invoice.status.value}")
        )
        issued = escape(visit.language.date(invoice.finalized_at)) if invoice.finalized_at else ""
        pay = self.home.pay_link(visit, invoice) if due else ""
        return (
            f"<tr><td>{number}<small>{issued}</small></td><td>{state}</td>"
            f'<td class="n">{escape(visit.language.money(invoice.total))}</td>'
            f'<td class="n">{pay} {_pdf_link(visit, f"/portal/invoices/{invoice.id}/pdf", number)}</td></tr>'
        )


def _note(visit: Visit, note: CreditNote) -> str:
    number = escape(note.number)
    return (
        f"<tr><td>{number}<small>{escape(visit.language.date(note.created_at))}</small></td>"
        f'<td>{visit.word("credit_note")}</td><td class="n">{escape(visit.language.money(-note.total))}</td>'
        f'<td class="n">{_pdf_link(visit, f"/portal/credit-notes/{note.id}/pdf", number)}</td></tr>'
    )


def _pdf_link(visit: Visit, address: str, number: str) -> str:
    return f'<a href="{escape(address)}" aria-label="{visit.word("pay_download")}: {number}">PDF</a>'
