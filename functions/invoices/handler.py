"""Invoices: read, list, make by hand, preview, finalize, pay, void, write off."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing.bootstrap import invoicing
from billing.bootstrap.http import http_api
from billing.bootstrap.payer import payment_links
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.edge.http.api import CurrentWork, Listing, current_call, shaped
from billing.edge.http.limits import INVOICE_QUERIES
from billing.edge.http.permits import permit_refund
from billing.edge.http.scopes import Scope
from billing.schemas.base import Currency, Limit
from billing.schemas.invoicing.credit_notes import CreditNoteIn, CreditNoteOut, CreditNoteViewOut, CreditPreviewOut
from billing.schemas.invoicing.invoices import InvoiceOut, PaidInvoiceOut, PayIn, PreviewOut
from billing.schemas.invoicing.one_off import DraftChangesIn, OneOffIn, PreviewIn
from billing.schemas.invoicing.payment_links import PaymentLinkOut
from billing.schemas.invoicing.rows import InvoiceRowOut, InvoiceSummaryOut
from billing.schemas.parameters import CreatedFrom, CreatedTo, Cursor, DueFrom, DueTo, Filter, LastAttempt, Overdue
from billing.schemas.rows import Expand, View, rows
from billing.services.customers.expansion import customers_of
from billing.services.invoicing import credit_notes, queries
from billing.services.invoicing.queries import InvoiceFilter
from billing.services.kernel.refused import Refused
from billing.services.kernel.work import Window, Work

api = http_api("invoices")
payments = invoicing.payment_requests()
crediting = invoicing.credit_notes()
manual = invoicing.manual_invoices()
transitions = invoicing.invoice_transitions()
previews = invoicing.invoice_previews()
links = payment_links()


def _listed(
    work: Work, wanted: InvoiceFilter, window: Window, expand: Literal["customer"] | None, view: str
) -> Listing:
    found = queries.page(work, wanted, window)
    shape = InvoiceSummaryOut.of if view == "summary" else InvoiceRowOut.of
    return Listing.of(found, rows(shape, customers_of(work, found.items, expand)))


def _permit_credit() -> None:
    """Who issues credit notes may hand out money by an invoice, too."""
    current_call().require_scope(Scope.BILLING_ADMIN)


@api.get(
    "/v1/invoices",
    scope=Scope.BILLING_READ,
    limit=INVOICE_QUERIES,
    answers=InvoiceRowOut,
    many=True,
    summary=InvoiceSummaryOut,
)
def list_invoices(
    work: CurrentWork,
    customer: Filter = None,
    subscription: Filter = None,
    number: Filter = None,
    status: Annotated[InvoiceStatus | None, Query()] = None,
    currency: Annotated[Currency | None, Query()] = None,
    due_from: DueFrom = None,
    due_to: DueTo = None,
    overdue: Overdue = None,
    attempt: LastAttempt = None,
    expand: Expand = None,
    view: View = "full",
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List invoices, newest first; those whose last attempt failed by the next one."""
    failed = attempt == "failed"
    wanted = InvoiceFilter(customer, subscription, number, status, currency, due_from, due_to, bool(overdue), failed)
    window = Window(limit, cursor, created_from, created_to)
    return _listed(work, wanted, window, expand, view)


@api.get(
    "/v1/tenants/{tid}/invoices",
    scope=Scope.BILLING_READ,
    limit=INVOICE_QUERIES,
    answers=InvoiceRowOut,
    many=True,
    summary=InvoiceSummaryOut,
)
def list_tenant_invoices(
    tid: str,
    work: CurrentWork,
    customer: Filter = None,
    subscription: Filter = None,
    number: Filter = None,
    status: Annotated[InvoiceStatus | None, Query()] = None,
    currency: Annotated[Currency | None, Query()] = None,
    due_from: DueFrom = None,
    due_to: DueTo = None,
    overdue: Overdue = None,
    attempt: LastAttempt = None,
    expand: Expand = None,
    view: View = "full",
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List a tenant's invoices, newest first; those whose last attempt failed by the next one."""
    current_call().require_tenant(tid)
    failed = attempt == "failed"
    wanted = InvoiceFilter(customer, subscription, number, status, currency, due_from, due_to, bool(overdue), failed)
    window = Window(limit, cursor, created_from, created_to)
    return _listed(work, wanted, window, expand, view)


@api.get(
    "/v1/invoices/{invoice_id}", scope=Scope.BILLING_READ, versioned=Invoice, limit=INVOICE_QUERIES, answers=InvoiceOut
)
def get_invoice(invoice_id: str, work: CurrentWork) -> InvoiceOut:
    """Retrieve an invoice."""
    return InvoiceOut.of(queries.get(work, invoice_id))


@api.post("/v1/invoices", scope=Scope.BILLING_WRITE, answers=InvoiceOut)
def create_invoice(body: Annotated[OneOffIn, Body()], work: CurrentWork) -> InvoiceOut:
    """Create a one-off invoice: a draft, or finalized and charged in the request.

    One whose total is below zero hands out money, as a credit note does: it needs `billing:admin`.
    """
    return InvoiceOut.of(manual.create(work, body.new(), _permit_credit))


@api.post("/v1/invoices/preview", status=200, scope=Scope.BILLING_READ, limit=INVOICE_QUERIES, answers=PreviewOut)
def preview_invoice(body: Annotated[PreviewIn, Body()], work: CurrentWork) -> PreviewOut:
    """Preview the next invoice of a subscription, or a one-off invoice."""
    wanted = body.wanted()
    if isinstance(wanted, str):
        return PreviewOut.of(previews.next_of_subscription(work, wanted))
    return PreviewOut.of(previews.one_off(work, wanted))


@api.patch("/v1/invoices/{invoice_id}", scope=Scope.BILLING_WRITE, versioned=Invoice, answers=InvoiceOut)
def update_invoice(invoice_id: str, body: Annotated[DraftChangesIn, Body()], work: CurrentWork) -> InvoiceOut:
    """Change a draft: its lines, where it is a one-off invoice; lines beside a subscription's; metadata.

    Lines that leave its total below zero hand out money, as a credit note does: they need `billing:admin`.
    """
    return InvoiceOut.of(manual.update(work, invoice_id, body.changes(), _permit_credit))


@api.post(
    "/v1/invoices/{invoice_id}/finalize", status=200, scope=Scope.BILLING_WRITE, versioned=Invoice, answers=InvoiceOut
)
def finalize_invoice(invoice_id: str, work: CurrentWork) -> InvoiceOut:
    """Finalize a draft now, and charge it if it is to be charged automatically."""
    return InvoiceOut.of(transitions.finalize(work, invoice_id))


@api.post(
    "/v1/invoices/{invoice_id}/void", status=200, scope=Scope.BILLING_ADMIN, versioned=Invoice, answers=InvoiceOut
)
def void_invoice(invoice_id: str, work: CurrentWork) -> InvoiceOut | Refused:
    """Void a draft or open invoice: nobody has to pay it any more."""
    return shaped(transitions.void(work, invoice_id), InvoiceOut.of)


@api.post(
    "/v1/invoices/{invoice_id}/uncollectible",
    status=200,
    scope=Scope.BILLING_ADMIN,
    versioned=Invoice,
    answers=InvoiceOut,
)
def mark_invoice_uncollectible(invoice_id: str, work: CurrentWork) -> InvoiceOut:
    """Give an open invoice up as bad debt; it can still be paid."""
    return InvoiceOut.of(transitions.uncollectible(work, invoice_id))


@api.post("/v1/invoices/{invoice_id}/pay", status=200, scope=Scope.PAYMENTS_PROCESS, answers=PaidInvoiceOut)
def pay_invoice(
    invoice_id: str, work: CurrentWork, body: Annotated[PayIn | None, Body()] = None
) -> PaidInvoiceOut | Refused:
    """Pay an open invoice, or one that was given up, by a saved method."""
    paid = payments.pay_invoice(work, invoice_id, body.payment_method_id if body else None)
    return shaped(paid, PaidInvoiceOut.paid)


@api.post("/v1/invoices/{invoice_id}/payment-link", scope=Scope.BILLING_WRITE, answers=PaymentLinkOut)
def create_payment_link(invoice_id: str, work: CurrentWork) -> PaymentLinkOut:
    """Create a link on which an invoice's customer sees it and pays it, without an account.

    Good for 30 days. Whoever has it sees this invoice and nothing else; a card is entered at Stripe only. It leads to
    what is true at the time: an invoice that is paid, by whatever way, cannot be paid again.
    """
    return PaymentLinkOut.of(links.make(work, invoice_id))


@api.post("/v1/invoices/{invoice_id}/credit-notes", scope=Scope.BILLING_ADMIN, answers=CreditNoteViewOut)
def create_credit_note(invoice_id: str, body: Annotated[CreditNoteIn, Body()], work: CurrentWork) -> CreditNoteViewOut:
    """Credit an amount or lines of an invoice: first off what is due, then to the balance or back to the card."""
    return CreditNoteViewOut.view(crediting.create(work, invoice_id, body.request(), permit_refund))


@api.post(
    "/v1/invoices/{invoice_id}/credit-notes/preview",
    status=200,
    scope=Scope.BILLING_READ,
    limit=INVOICE_QUERIES,
    answers=CreditPreviewOut,
)
def preview_credit_note(invoice_id: str, body: Annotated[CreditNoteIn, Body()], work: CurrentWork) -> CreditPreviewOut:
    """Preview what a credit note would take off the invoice, and what would go to the balance or back to the card."""
    return CreditPreviewOut.of(crediting.preview(work, invoice_id, body.request()))


@api.get(
    "/v1/invoices/{invoice_id}/credit-notes",
    scope=Scope.BILLING_READ,
    limit=INVOICE_QUERIES,
    answers=CreditNoteOut,
    many=True,
)
def list_credit_notes(
    invoice_id: str,
    work: CurrentWork,
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List an invoice's credit notes, newest first."""
    window = Window(limit, cursor, created_from, created_to)
    return Listing.of(credit_notes.page(work, invoice_id, window), CreditNoteOut.of)


@api.get(
    "/v1/credit-notes/{credit_note_id}", scope=Scope.BILLING_READ, limit=INVOICE_QUERIES, answers=CreditNoteViewOut
)
def get_credit_note(credit_note_id: str, work: CurrentWork) -> CreditNoteViewOut:
    """Retrieve a credit note, with its refund."""
    return CreditNoteViewOut.view(credit_notes.view(work, credit_note_id))


lambda_handler = api.lambda_handler
