"""``/pay/{token}``: one invoice, to look at, to keep and to pay."""

from dataclasses import dataclass
from html import escape
from typing import Protocol

from billing.domain.invoicing.invoice import InvoiceStatus
from billing.edge.forms.endpoint import FormApi, FormCall, FormResponse
from billing.edge.forms.html import alert, page
from billing.edge.payer.doors import Doors
from billing.edge.payer.frame import around, written
from billing.services.invoicing import printing
from billing.services.invoicing.documents import InvoiceDocument
from billing.services.invoicing.einvoice import EInvoice
from billing.services.kernel.work import Unit
from billing.services.payer.contents import DocumentContents, Writer
from billing.services.payer.invoices import shown
from billing.services.payer.language import Languages
from billing.services.payer.links import Link

PAY, PAY_PDF = "/pay/{token}", "/pay/{token}/pdf"


class Printer(Protocol):
    """Prints invoices."""

    def pdf(self, document: InvoiceDocument, data: EInvoice) -> bytes:
        """The invoice as PDF."""


@dataclass(frozen=True, slots=True)
class InvoicePages:
    """The handlers."""

    doors: Doors
    languages: Languages
    writer: Writer
    printer: Printer

    def add_to(self, api: FormApi) -> None:
        """Add the routes."""
        api.route("GET", PAY, self.show)
        api.route("GET", PAY_PDF, self.pdf)

    def show(self, call: FormCall) -> FormResponse:
        """The invoice, and what can be done about it."""
        return self.doors.opened(call, lambda unit, link: self._shown(call, unit, link))

    def pdf(self, call: FormCall) -> FormResponse:
        """The invoice as PDF."""
        return self.doors.opened(call, lambda unit, link: self._pdf(call, unit, link))

    def _shown(self, call: FormCall, unit: Unit, link: Link) -> FormResponse:
        if link.is_over(unit.now):
            return self._over(call, unit)
        found = shown(unit, link.subject_id)
        invoice = found.invoice
        if invoice.status is InvoiceStatus.DRAFT:  # its amounts may change: nobody is asked for them yet
            return self._over(call, unit)
        language = written(call, self.languages, found.document().locale, invoice.timezone)
        document = found.document(language.locale)
        frame = around(unit.tenant, document.branding, language, self.languages, document.seller.name)
        contents = self.writer.contents(document)
        token = escape(call.parameters["token"])
        download = f'<a class="button no" href="/pay/{token}/pdf">{escape(language["pay_download"])}</a>'
        acts = f'<div class="acts">{download}</div>'
        title = " ".join(part for part in (contents.title, document.number) if part)
        return page(title, acts + described(contents), frame=frame)

    def _pdf(self, call: FormCall, unit: Unit, link: Link) -> FormResponse:
        if link.is_over(unit.now):
            return self._over(call, unit)
        printed = printing.invoice(unit, link.subject_id)
        if printed.document.number is None:
            return self._over(call, unit)
        content = self.printer.pdf(printed.document, printed.data)
        headers = {"Content-Disposition": f'inline; filename="{printed.name}.pdf"', "Referrer-Policy": "no-referrer"}
        return FormResponse(200, content, "application/pdf", headers)

    def _over(self, call: FormCall, unit: Unit) -> FormResponse:
        """A link that was good once: whose it was is said, and nothing else."""
        tenant = unit.tenant
        language = written(call, self.languages, tenant.locale, tenant.timezone)
        frame = around(tenant, None, language, self.languages)
        text = language["page_expired_text"].format(name=tenant.legal_name or tenant.name)
        return page(language["page_expired"], alert(text), status=410, frame=frame)


def described(contents: DocumentContents) -> str:
    """A document as HTML: facts, lines, sums, and how it is paid by transfer."""
    facts = "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in contents.facts)
    return f"<dl>{facts}</dl>{_lines(contents)}{_sums(contents)}"


def _lines(contents: DocumentContents) -> str:
    first, *others = (escape(each) for each in contents.headers)
    head = f'<th scope="col">{first}</th>' + "".join(f'<th scope="col" class="n">{each}</th>' for each in others)
    rows = "".join(
        f"<tr><td>{escape(line.description)}{''.join(f'<small>{escape(each)}</small>' for each in line.details)}</td>"
        + "".join(f'<td class="n">{escape(cell)}</td>' for cell in line.cells)
        + "</tr>"
        for line in contents.lines
    )
    return f'<table class="lines"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _sums(contents: DocumentContents) -> str:
    rows = "".join(
        f'<tr class="{row.weight}"><th scope="row">{escape(row.label)}</th><td class="n">{escape(row.value)}</td></tr>'
        for row in contents.totals
    )
    return f"<table>{rows}</table>"
