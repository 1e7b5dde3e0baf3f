"""Orders: one payment of a buyer that reaches several providers."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing.bootstrap.http import http_api
from billing.bootstrap.marketplace import order_refunds, order_requests, orders
from billing.domain.marketplace.order import OrderStatus
from billing.edge.http.api import CurrentWork, Listing, shaped
from billing.edge.http.permits import permit_refund
from billing.edge.http.scopes import Scope
from billing.schemas.base import Currency, Limit
from billing.schemas.marketplace.orders import (
    OrderIn,
    OrderOut,
    OrderPaidOut,
    OrderPayIn,
    OrderRefundIn,
    OrderRefundOut,
)
from billing.schemas.marketplace.rows import OrderRowOut
from billing.schemas.parameters import CreatedFrom, CreatedTo, Cursor, Filter
from billing.schemas.rows import Expand, rows
from billing.services.customers.expansion import customers_of
from billing.services.kernel.refused import Refused
from billing.services.kernel.work import Window
from billing.services.marketplace import orders as queries

api = http_api("orders")
made = orders()
requests = order_requests()
refunds = order_refunds()


@api.post("/v1/commerce/orders", scope=Scope.BILLING_WRITE, answers=OrderOut)
def create_order(body: Annotated[OrderIn, Body()], work: CurrentWork) -> OrderOut:
    """Make an order, priced once; it can be paid within a day."""
    return OrderOut.of(made.create(work, body.new(work.tenant.id)))


@api.get("/v1/commerce/orders", scope=Scope.BILLING_READ, answers=OrderRowOut, many=True)
def list_orders(
    work: CurrentWork,
    customer: Filter = None,
    status: Annotated[OrderStatus | None, Query()] = None,
    currency: Annotated[Currency | None, Query()] = None,
    expand: Expand = None,
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List orders, newest first."""
    filters = {"customer": customer, "status": status, "currency": currency}
    found = queries.page(work, filters, Window(limit, cursor, created_from, created_to))
    return Listing.of(found, rows(OrderRowOut.of, customers_of(work, found.items, expand)))


@api.get("/v1/commerce/orders/{order_id}", scope=Scope.BILLING_READ, answers=OrderOut)
def get_order(order_id: str, work: CurrentWork) -> OrderOut:
    """Retrieve an order."""
    return OrderOut.of(queries.get(work, order_id))


@api.post("/v1/commerce/orders/{order_id}/pay", 200, scope=Scope.PAYMENTS_PROCESS, answers=OrderPaidOut)
def pay_order(
    order_id: str, work: CurrentWork, body: Annotated[OrderPayIn | None, Body()] = None
) -> OrderPaidOut | Refused:
    """Pay an order: by a saved method now, or in a form, with the client secret."""
    wanted = body or OrderPayIn()
    paid = requests.pay(work, order_id, wanted.payment_method_id, wanted.save_payment_method)
    return shaped(paid, lambda result: OrderPaidOut.of_payment(result.order, result.made))


@api.post("/v1/commerce/orders/{order_id}/refund", scope=Scope.PAYMENTS_PROCESS, answers=OrderRefundOut)
def refund_order(
    order_id: str, work: CurrentWork, body: Annotated[OrderRefundIn | None, Body()] = None
) -> OrderRefundOut:
    """Refund an order: an amount, so many or so much of some items, or all that is left."""
    return OrderRefundOut.of(refunds.create(work, order_id, (body or OrderRefundIn()).wanted(), permit_refund))


@api.post("/v1/commerce/orders/{order_id}/cancel", 200, scope=Scope.BILLING_WRITE, answers=OrderOut)
def cancel_order(order_id: str, work: CurrentWork) -> OrderOut | Refused:
    """Cancel an order that nobody has paid; a form that its payer has open is taken back."""
    return shaped(made.cancel(work, order_id), OrderOut.of)


lambda_handler = api.lambda_handler
