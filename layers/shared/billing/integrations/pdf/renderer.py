"""Printed invoices: an `InvoiceDocument` in, the bytes of a PDF out."""

from __future__ import annotations

from billing.integrations.pdf.fonts import main_face, region_of_locale
from billing.integrations.pdf.format import Formats
from billing.integrations.pdf.invoice import lay_out
from billing.integrations.pdf.text import Typesetter
from billing.integrations.pdf.writer import build
from billing.services.invoicing.documents import InvoiceDocument


class PdfRenderer:
    """Renders documents as PDF (A4).

    The same document gives the same bytes. Any Unicode text may be in it: a letter that no font of the layer
    has is shown as a box, with its text kept for copying. The function that prints does nothing else, so what every
    document needs is there from its import on: HarfBuzz, Babel, and the main font in both weights.

    Raises:
        RuntimeError: the fonts of layers/pdf are not installed.
    """

    def __init__(self) -> None:
        for bold in (False, True):
            main_face(bold)

    def render_invoice(self, document: InvoiceDocument) -> bytes:
        """Render one invoice.

        Raises:
            ZoneInfoNotFoundError: the document's time zone does not exist.
        """
        formats = Formats(document.locale, document.timezone)
        flow = lay_out(document, formats, Typesetter(region_of_locale(document.locale)))
        return build(
            flow.pages,
            flow.fonts,
            title=" ".join(part for part in (document.title, document.number) if part),
            author=document.seller.name,
            language=formats.language,
            created_at=document.issued_at,
        )
