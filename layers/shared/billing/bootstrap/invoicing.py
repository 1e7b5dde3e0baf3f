"""What makes, charges and draws invoices."""

from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import payments, tax, usage

if TYPE_CHECKING:
    from billing.integrations.pdf.renderer import PdfRenderer
    from billing.services.invoicing.biller import Biller


@cache
def biller() -> "Biller":
    """What makes and charges invoices."""
    from billing.services.invoicing.biller import Biller

    return Biller(payments.collector(), tax.taxes(), usage.usage_closer())


@cache
def pdf_renderer() -> "PdfRenderer":
    """What draws documents."""
    from billing.integrations.pdf.renderer import PdfRenderer

    return PdfRenderer()
