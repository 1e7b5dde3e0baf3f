"""Wires orders, and what becomes of them when their payments' money moves."""

from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import payments, process, tax
from billing.domain.catalog.coupon import Redemption
from billing.domain.customers.customer import Customer
from billing.domain.marketplace.order import Order
from billing.schemas import events

if TYPE_CHECKING:
    from billing.services.marketplace.order_refunds import OrderRefunds
    from billing.services.marketplace.order_requests import OrderRequests
    from billing.services.marketplace.orders import Orders


@cache
def orders() -> "Orders":
    """The service that makes, lists and gives up orders."""
    from billing.services.marketplace.orders import Orders

    events.prepare(Customer, Order, Redemption)
    return Orders(
        tax.taxes(),
        payments.marketplace_books(),
        payments.one_time_payments(),
        payments.collector(),
        process.settings().strict_currency_region,
    )


@cache
def order_requests() -> "OrderRequests":
    """What pays orders, on request."""
    from billing.services.marketplace.order_requests import OrderRequests

    return OrderRequests(payments.order_payments())


@cache
def order_refunds() -> "OrderRefunds":
    """The service that refunds orders."""
    from billing.services.marketplace.order_refunds import OrderRefunds

    return OrderRefunds(payments.stripe_gateway(), payments.refunder(), payments.marketplace_books())
