"""Printed invoices: an `InvoiceDocument` in, the bytes of a PDF out."""

from __future__ import annotations

from billing.services.invoicing.documents import InvoiceDocument


class PdfRenderer:
    """Renders documents as PDF (A4).

    The same document gives the same bytes. Any Unicode text may be in it: a letter that no font of the layer
    has is shown as a box, with its text kept for copying.
    """

    def render_invoice(self, document: InvoiceDocument) -> bytes:
        """Render one invoice.

        Raises:
            ZoneInfoNotFoundError: the document's time zone does not exist.
            RuntimeError: the fonts of layers/pdf are not installed.
        """
        # Imported on first use: HarfBuzz and Babel take 0.1 s, which a function that also serves JSON pays
        # only when somebody asks for a PDF.
        from billing.integrations.pdf.fonts import region_of_locale
        from billing.integrations.pdf.format import Formats
        from billing.integrations.pdf.invoice import lay_out
        from billing.integrations.pdf.text import Typesetter
        from billing.integrations.pdf.writer import build

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
