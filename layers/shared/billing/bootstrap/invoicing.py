"""Wires what makes, charges and renders invoices."""

from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import payments, tax, usage

if TYPE_CHECKING:
    from billing.integrations.pdf.renderer import PdfRenderer
    from billing.services.invoicing.biller import Biller
    from billing.services.invoicing.payment_requests import PaymentRequests


@cache
def biller() -> "Biller":
    """The service that makes and charges invoices."""
    from billing.services.invoicing.biller import Biller

    return Biller(payments.collector(), tax.taxes(), usage.usage_closer())


@cache
def payment_requests() -> "PaymentRequests":
    """What pays invoices and takes other payments, on request."""
    from billing.services.invoicing.payment_requests import PaymentRequests
    from billing.services.invoicing.payments import InvoicePayments
    from billing.services.payments.one_time import OneTimePayments

    return PaymentRequests(InvoicePayments(payments.collector()), OneTimePayments(payments.collector()))


@cache
def pdf_renderer() -> "PdfRenderer":
    """The renderer of PDF documents."""
    from billing.integrations.pdf.renderer import PdfRenderer

    return PdfRenderer()
