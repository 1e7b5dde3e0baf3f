"""Payments: intents, charges, refunds and disputes; and the customers' saved payment methods."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing.bootstrap.http import http_api
from billing.bootstrap.invoicing import payment_refunds, payment_requests
from billing.bootstrap.payments import saved_methods as payment_methods
from billing.domain.payments.dispute import DisputeStatus
from billing.domain.payments.payment import PaymentStatus
from billing.edge.http.api import CurrentWork, Listing, shaped
from billing.edge.http.limits import PAYMENT_INTENTS
from billing.edge.http.permits import permit_refund
from billing.edge.http.scopes import Scope
from billing.schemas.base import Currency, Limit
from billing.schemas.parameters import CreatedFrom, CreatedTo, Cursor, Filter, MethodFilter
from billing.schemas.payments.method import PaymentMethodOut, SetupIn, SetupOut
from billing.schemas.payments.payment import IntentIn, IntentOut, PaymentIn, PaymentOut
from billing.schemas.payments.refund import RefundIn, RefundOut
from billing.schemas.payments.rows import DisputeRowOut, PaymentRowOut
from billing.schemas.rows import Expand, ExpandOne, rows
from billing.services.customers.expansion import customers_of
from billing.services.kernel.refused import Refused
from billing.services.kernel.work import Window
from billing.services.payments import methods, queries

api = http_api("payments")
payments = payment_requests()
refunds = payment_refunds()
saved_methods = payment_methods()


@api.post("/v1/payments/intents", scope=Scope.PAYMENTS_PROCESS, limit=PAYMENT_INTENTS, answers=IntentOut)
def create_intent(body: Annotated[IntentIn, Body()], work: CurrentWork) -> IntentOut | Refused:
    """Have a payer who is present pay: by a saved method now, or in a form, with the client secret."""
    return shaped(payments.intent(work, body.wanted()), lambda made: IntentOut.of(made.payment, made.client_secret))


@api.post("/v1/payments", scope=Scope.PAYMENTS_PROCESS, answers=PaymentOut)
def create_payment(body: Annotated[PaymentIn, Body()], work: CurrentWork) -> PaymentOut | Refused:
    """Charge a saved method, off-session, for an open invoice or an amount."""
    return shaped(payments.charge(work, body.wanted()), lambda made: PaymentOut.of(made.payment))


@api.get("/v1/payments", scope=Scope.BILLING_READ, answers=PaymentRowOut, many=True)
def list_payments(
    work: CurrentWork,
    customer: Filter = None,
    invoice: Filter = None,
    order: Filter = None,
    subscription: Filter = None,
    method: MethodFilter = None,
    status: Annotated[PaymentStatus | None, Query()] = None,
    currency: Annotated[Currency | None, Query()] = None,
    expand: Expand = None,
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List payments, newest first."""
    filters = {"customer": customer, "invoice_id": invoice, "order_id": order, "subscription_id": subscription}
    filters |= {"method_id": method, "status": status, "currency": currency}
    found = queries.page(work, filters, Window(limit, cursor, created_from, created_to))
    return Listing.of(found, rows(PaymentRowOut.of, customers_of(work, found.items, expand)))


@api.get("/v1/payments/{payment_id}", scope=Scope.BILLING_READ, answers=PaymentRowOut)
def get_payment(payment_id: str, work: CurrentWork, expand: ExpandOne = None) -> PaymentRowOut:
    """Retrieve a payment, by its id or its PaymentIntent's."""
    payment = queries.get(work, payment_id)
    return rows(PaymentRowOut.of, customers_of(work, [payment], expand))(payment)


@api.post("/v1/payments/{payment_id}/refund", scope=Scope.PAYMENTS_PROCESS, answers=RefundOut)
def refund_payment(payment_id: str, work: CurrentWork, body: Annotated[RefundIn | None, Body()] = None) -> RefundOut:
    """Refund a payment, in part or all that is left; if it paid an invoice, by a credit note.

    In the dashboard, a large one (`refundReauthenticationAbove` of the tenant) needs a password of the last ten
    minutes.
    """
    wanted = body or RefundIn()
    return RefundOut.of(refunds.create(work, payment_id, wanted.amount, wanted.reason, permit_refund))


@api.get("/v1/payments/{payment_id}/refunds", scope=Scope.BILLING_READ, answers=RefundOut, many=True)
def list_refunds(
    payment_id: str,
    work: CurrentWork,
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List a payment's refunds, newest first."""
    window = Window(limit, cursor, created_from, created_to)
    return Listing.of(queries.refunds(work, payment_id, window), RefundOut.of)


@api.get("/v1/disputes", scope=Scope.BILLING_READ, answers=DisputeRowOut, many=True)
def list_disputes(
    work: CurrentWork,
    customer: Filter = None,
    payment: Filter = None,
    status: Annotated[DisputeStatus | None, Query()] = None,
    expand: Expand = None,
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List disputes, newest first."""
    filters = {"customer": customer, "payment": payment, "status": status}
    found = queries.disputes(work, filters, Window(limit, cursor, created_from, created_to))
    return Listing.of(found, rows(DisputeRowOut.of, customers_of(work, found.items, expand)))


@api.get("/v1/disputes/{dispute_id}", scope=Scope.BILLING_READ, answers=DisputeRowOut)
def get_dispute(dispute_id: str, work: CurrentWork, expand: ExpandOne = None) -> DisputeRowOut:
    """Retrieve a dispute."""
    dispute = queries.dispute(work, dispute_id)
    return rows(DisputeRowOut.of, customers_of(work, [dispute], expand))(dispute)


@api.post("/v1/payment-methods/setup", scope=Scope.PAYMENTS_PROCESS, answers=SetupOut)
def set_up_payment_method(work: CurrentWork, body: Annotated[SetupIn | None, Body()] = None) -> SetupOut:
    """Have a payer who is present save a payment method in a form, with the client secret."""
    return SetupOut.of(saved_methods.setup(work, body.customer_id if body else None))


@api.get("/v1/payment-methods", scope=Scope.BILLING_READ, answers=PaymentMethodOut, many=True)
def list_payment_methods(
    work: CurrentWork,
    customer: Filter = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List a customer's saved payment methods; the tenant's own where no customer is named."""
    return Listing.of(methods.page(work, customer, limit, cursor), PaymentMethodOut.of)


@api.delete("/v1/payment-methods/{method_id}", scope=Scope.PAYMENTS_PROCESS, answers=PaymentMethodOut)
def delete_payment_method(method_id: str, work: CurrentWork) -> PaymentMethodOut:
    """Detach a payment method for good; if there is another one, it becomes the default."""
    return PaymentMethodOut.of(saved_methods.remove(work, method_id))


@api.post("/v1/payment-methods/{method_id}/set-default", 200, scope=Scope.PAYMENTS_PROCESS, answers=PaymentMethodOut)
def set_default_payment_method(method_id: str, work: CurrentWork) -> PaymentMethodOut:
    """Make this method the customer's default."""
    return PaymentMethodOut.of(saved_methods.set_default(work, method_id))


lambda_handler = api.lambda_handler
