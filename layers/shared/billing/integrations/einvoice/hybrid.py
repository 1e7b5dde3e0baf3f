"""Electronic invoices to download: the XML alone, or a PDF/A-3 with the XML in it (Factur-X, ZUGFeRD)."""

from __future__ import annotations

import logging

from billing.domain.kernel.errors import Detail, EInvoiceNotPossible
from billing.integrations.einvoice import cii, xmp
from billing.integrations.pdf.renderer import Attachment, PdfRenderer, Relationship
from billing.services.invoicing.documents import InvoiceDocument
from billing.services.invoicing.einvoice import EInvoice, Profile, problems

_log = logging.getLogger(__name__)

_NAME = "factur-x.xml"
_DESCRIPTION = "The invoice as data (Factur-X, EN 16931)"


class ElectronicInvoices:
    """Writes e-invoices. The same invoice gives the same bytes."""

    def __init__(self, renderer: PdfRenderer) -> None:
        self.renderer = renderer

    def xml(self, invoice: EInvoice, profile: Profile) -> bytes:
        """The XML alone.

        Raises:
            EInvoiceNotPossible: it misses what the norm asks for.
        """
        missing = problems(invoice, profile)
        if missing:
            raise EInvoiceNotPossible(
                "; ".join(each.words for each in missing), tuple(Detail(each.field, each.words) for each in missing)
            )
        return cii.written(invoice, profile)

    def pdf(self, document: InvoiceDocument, invoice: EInvoice) -> bytes:
        """The printed document, with the XML in it where it can be an e-invoice; else without.

        Raises:
            ZoneInfoNotFoundError: the document's time zone does not exist.
        """
        if problems(invoice, Profile.FACTUR_X):
            return self.renderer.render_invoice(document)
        content = cii.written(invoice, Profile.FACTUR_X)
        attached = Attachment(_NAME, content, "text/xml", _DESCRIPTION, Relationship.ALTERNATIVE)
        made = self.renderer.render_invoice(document, [attached])
        try:
            return xmp.declared(made, _NAME)
        except xmp.NotExtendable as failure:
            # The file has all that people read, and the XML; only programs do not find it.
            _log.error("a document does not say that it is an e-invoice", extra={"reason": str(failure)})
            return made
