"""Invoices: read, list, pay."""

from datetime import datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing import bootstrap
from billing.edge.http import CurrentWork, Listing, Refused, current_call
from billing.edge.limits import INVOICE_QUERIES
from billing.edge.scopes import Scope
from billing.schemas.base import Limit, Time
from billing.schemas.invoices import InvoiceOut, PaidInvoiceOut, PayIn
from billing.services import invoices
from billing.services.invoices import InvoiceFilter, InvoicePayments
from billing.services.ports import Work

api = bootstrap.http_api("invoices")
payments = InvoicePayments(bootstrap.collector())

OptionalText = Annotated[str | None, Query()]


def _page(
    work: Work,
    customer: str | None,
    subscription: str | None,
    status: str | None,
    bounds: tuple[datetime | None, datetime | None],
    limit: int,
    cursor: str | None,
) -> Listing:
    wanted = InvoiceFilter(customer, subscription, status, *bounds)
    return Listing.of(invoices.page(work, wanted, limit, cursor), InvoiceOut.of)


@api.get("/v1/invoices", scope=Scope.BILLING_READ, limit=INVOICE_QUERIES, answers=InvoiceOut, many=True)
def list_invoices(
    work: CurrentWork,
    customer: OptionalText = None,
    subscription: OptionalText = None,
    status: OptionalText = None,
    created_from: Annotated[Time | None, Query(alias="from")] = None,
    created_to: Annotated[Time | None, Query(alias="to")] = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: OptionalText = None,
) -> Listing:
    """List invoices, newest first."""
    return _page(work, customer, subscription, status, (created_from, created_to), limit, cursor)


@api.get(
    "/v1/tenants/{tid}/invoices",
    scope=Scope.BILLING_READ,
    limit=INVOICE_QUERIES,
    answers=InvoiceOut,
    many=True,
)
def list_tenant_invoices(
    tid: str,
    work: CurrentWork,
    customer: OptionalText = None,
    subscription: OptionalText = None,
    status: OptionalText = None,
    created_from: Annotated[Time | None, Query(alias="from")] = None,
    created_to: Annotated[Time | None, Query(alias="to")] = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: OptionalText = None,
) -> Listing:
    """List a tenant's invoices, newest first."""
    current_call().require_tenant(tid)
    return _page(work, customer, subscription, status, (created_from, created_to), limit, cursor)


@api.get("/v1/invoices/{invoice_id}", scope=Scope.BILLING_READ, limit=INVOICE_QUERIES, answers=InvoiceOut)
def get_invoice(invoice_id: str, work: CurrentWork) -> InvoiceOut:
    """Retrieve an invoice."""
    return InvoiceOut.of(invoices.get(work, invoice_id))


@api.post("/v1/invoices/{invoice_id}/pay", status=200, scope=Scope.PAYMENTS_PROCESS, answers=PaidInvoiceOut)
def pay_invoice(
    invoice_id: str, work: CurrentWork, body: Annotated[PayIn | None, Body()] = None
) -> PaidInvoiceOut | Refused:
    """Pay an open invoice by a saved method."""
    paid = payments.pay(work, invoice_id, body.payment_method_id if body else None)
    error = invoices.failure(paid)
    return Refused(error) if error else PaidInvoiceOut.paid(paid)


lambda_handler = api.lambda_handler
