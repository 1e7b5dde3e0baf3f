"""Payments, and the customers' saved payment methods."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing import bootstrap
from billing.edge.http import CurrentWork, Listing, Refused
from billing.edge.scopes import Scope
from billing.schemas.base import Limit
from billing.schemas.customers import PaymentMethodOut
from billing.schemas.invoices import PaymentIn, PaymentOut
from billing.services import invoices, payments
from billing.services.invoices import InvoicePayments

api = bootstrap.http_api("payments")
invoice_payments = InvoicePayments(bootstrap.collector())

OptionalText = Annotated[str | None, Query()]


@api.post("/v1/payments", scope=Scope.PAYMENTS_PROCESS, answers=PaymentOut)
def create_payment(body: Annotated[PaymentIn, Body()], work: CurrentWork) -> PaymentOut | Refused:
    """Charge a saved method, off-session, for an open invoice."""
    paid = invoice_payments.pay(work, body.invoice_id, body.payment_method_id)
    error = invoices.failure(paid)
    return Refused(error) if error else PaymentOut.of(paid.payment)


@api.get("/v1/payments", scope=Scope.BILLING_READ, answers=PaymentOut, many=True)
def list_payments(
    work: CurrentWork,
    customer: OptionalText = None,
    status: OptionalText = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: OptionalText = None,
) -> Listing:
    """List payments, newest first."""
    return Listing.of(payments.page(work, customer, status, limit, cursor), PaymentOut.of)


@api.get("/v1/payments/{payment_id}", scope=Scope.BILLING_READ, answers=PaymentOut)
def get_payment(payment_id: str, work: CurrentWork) -> PaymentOut:
    """Retrieve a payment."""
    return PaymentOut.of(payments.get(work, payment_id))


@api.get("/v1/payment-methods", scope=Scope.BILLING_READ, answers=PaymentMethodOut, many=True)
def list_payment_methods(
    work: CurrentWork,
    customer: OptionalText = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: OptionalText = None,
) -> Listing:
    """List a customer's saved payment methods; the tenant's own where no customer is named."""
    return Listing.of(payments.methods(work, customer, limit, cursor), PaymentMethodOut.of)


lambda_handler = api.lambda_handler
