"""Wires what makes, charges and renders invoices."""

from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import payments, process, tax, usage
from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice
from billing.domain.marketplace.order import Order
from billing.domain.subscriptions.subscription import Subscription
from billing.schemas import events

if TYPE_CHECKING:
    from billing.integrations.einvoice.hybrid import ElectronicInvoices
    from billing.integrations.pdf.renderer import PdfRenderer
    from billing.services.invoicing.biller import Biller
    from billing.services.invoicing.credit_notes import CreditNotes
    from billing.services.invoicing.due_invoices import DueInvoices
    from billing.services.invoicing.one_off import ManualInvoices
    from billing.services.invoicing.payment_requests import PaymentRequests
    from billing.services.invoicing.payments import InvoicePayments
    from billing.services.invoicing.previews import InvoicePreviews
    from billing.services.invoicing.refunds import PaymentRefunds
    from billing.services.invoicing.transitions import InvoiceTransitions


@cache
def biller() -> "Biller":
    """The service that makes and charges invoices."""
    from billing.services.invoicing.biller import Biller

    events.prepare(Invoice, Subscription, CreditNote)
    return Biller(payments.collector(), tax.taxes(), usage.usage_closer(), process.due_shards())


@cache
def invoice_payments() -> "InvoicePayments":
    """What pays invoices, on request: by a saved method, in a form, on a page of Stripe's."""
    from billing.services.invoicing.payments import InvoicePayments

    events.prepare(Invoice)
    return InvoicePayments(payments.collector(), payments.stripe_gateway())


@cache
def payment_requests() -> "PaymentRequests":
    """What pays invoices and takes other payments, on request."""
    from billing.services.invoicing.payment_requests import PaymentRequests

    return PaymentRequests(invoice_payments(), payments.one_time_payments(), payments.order_payments())


@cache
def manual_invoices() -> "ManualInvoices":
    """The service that makes one-off invoices."""
    from billing.services.invoicing.one_off import ManualInvoices

    return ManualInvoices(biller())


@cache
def invoice_transitions() -> "InvoiceTransitions":
    """The service that finalizes, voids and gives up invoices."""
    from billing.services.invoicing.transitions import InvoiceTransitions

    return InvoiceTransitions(biller(), payments.collector(), process.due_shards())


@cache
def credit_notes() -> "CreditNotes":
    """The service that issues credit notes."""
    from billing.services.invoicing.credit_notes import CreditNotes

    events.prepare(CreditNote, Invoice)
    return CreditNotes(payments.collector(), payments.refunder(), process.due_shards())


@cache
def invoice_previews() -> "InvoicePreviews":
    """The service that previews invoices."""
    from billing.services.invoicing.previews import InvoicePreviews

    return InvoicePreviews(biller(), manual_invoices())


@cache
def payment_refunds() -> "PaymentRefunds":
    """The service that refunds payments on request."""
    from billing.services.invoicing.refunds import PaymentRefunds

    events.prepare(Order)  # what was paid may be an order
    return PaymentRefunds(payments.stripe_gateway(), payments.refunder(), credit_notes())


@cache
def due_invoices() -> "DueInvoices":
    """The service that finalizes drafts and duns open invoices when they are due."""
    from billing.services.invoicing.due_invoices import DueInvoices
    from billing.services.invoicing.dunning import Dunner

    dunner = Dunner(biller(), payments.collector(), usage.usage_closer())
    return DueInvoices(biller(), dunner, payments.collector())


@cache
def electronic_invoices() -> "ElectronicInvoices":
    """What writes documents, as PDF and as XML."""
    from billing.integrations.einvoice.hybrid import ElectronicInvoices

    return ElectronicInvoices(pdf_renderer())


@cache
def pdf_renderer() -> "PdfRenderer":
    """What prints documents, statements of payouts among them."""
    from billing.integrations.pdf.renderer import PdfRenderer

    return PdfRenderer()
