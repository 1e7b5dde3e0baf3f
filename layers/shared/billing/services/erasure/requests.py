"""Deleting a customer: what must have ended before, and what begins."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from billing.domain.clocks import Clock, ClockStatus
from billing.domain.customers.customer import Customer
from billing.domain.customers.erasure import Step
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import InvalidState
from billing.domain.kernel.event_types import EventType
from billing.domain.marketplace.order import Order, OrderStatus
from billing.domain.payments.dispute import Dispute
from billing.domain.payments.payment import Payment, PaymentStatus
from billing.domain.payments.refund import Refund, RefundStatus
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.services.clocks.shards import DueShards
from billing.services.kernel import external_ids
from billing.services.kernel.work import Query, Ref, Work, every

SETTLED_AFTER = timedelta(seconds=60)
"""When the erasure goes on: a request that was under way has ended by then, and the indexes show what it made."""
_UNDER_WAY: tuple[tuple[type[Any], str, tuple[str, ...]], ...] = (
    (Invoice, "invoice", (InvoiceStatus.DRAFT.value, InvoiceStatus.OPEN.value)),
    (Payment, "payment", tuple(each.value for each in PaymentStatus if not each.is_final)),
    (Refund, "refund", (RefundStatus.PENDING.value,)),
    (
        Order,
        "order",
        (OrderStatus.PENDING.value, OrderStatus.PROCESSING.value, OrderStatus.REQUIRES_ACTION.value),
    ),
)
_PAGE = 100


def delete(work: Work, shards: DueShards, customer_id: str) -> Customer:
    """The customer, of which nothing personal is left; what was copied of it is erased by the alarm clock.

    Asked again it does nothing, but that it has an erasure that was given up go on.

    Raises:
        NotFound: the tenant has no such customer.
        InvalidState: it is the tenant's own, or something of it is still under way: the message says what.
    """
    ref = Ref(Customer, work.tenant.id, customer_id)
    customer = work.load(ref).require(ref)
    due = Due(shards.wall_clock(customer.id), work.now + SETTLED_AFTER)
    if customer.deleted_at is not None:
        return _woken(work, customer, due)
    if customer.id == work.tenant.default_customer_id:
        raise InvalidState.of("customer", "the tenant itself", "deleted")
    require_done(work, customer)
    external_ids.exchange(work, Customer, customer.id, customer.external_id, None)
    customer = work.save(customer.deleted(due, work.now))
    work.emit(EventType.CUSTOMER_DELETED, customer)
    return customer


def require_done(work: Work, customer: Customer) -> None:
    """Refuse to go on while something of a customer is under way.

    Raises:
        InvalidState: something is, and what.
    """
    under_way = next(_under_way(work, customer), None)
    if under_way is not None:
        raise InvalidState.of("customer", f"not done with its {under_way}", "erased")


def _woken(work: Work, customer: Customer, due: Due) -> Customer:
    erasure = customer.erasure
    if customer.due is not None or erasure is None or erasure.step is Step.DONE:
        return customer
    return work.save(customer.erased_on(erasure, due))


def _under_way(work: Work, customer: Customer) -> Iterator[str]:
    """What is not over, in words and with ids: money may still move for it, and somebody may still need the name."""
    customer_id, goes_on = customer.id, _time_goes_on(work, customer)
    for subscription in _all(work, Subscription, customer_id):
        # One that has ended may have its last usage billed yet.
        if subscription.state is not SubscriptionState.CANCELED or (subscription.due is not None and goes_on):
            yield f"subscription {subscription.id}"
    for kind, word, statuses in _UNDER_WAY:
        for status in statuses:
            query = Query(kind, index="customer", value=customer_id, filters={"status": status}, limit=1)
            for each in work.query(query).items:
                yield f"{word} {each.id}"
    for dispute in _all(work, Dispute, customer_id):
        if not dispute.status.is_closed:
            yield f"dispute {dispute.id}"


def _time_goes_on(work: Work, customer: Customer) -> bool:
    """Whether what is due at a time will ever be: not on a test clock that was deleted."""
    if customer.test_clock_id is None:
        return True
    ref = Ref(Clock, customer.tenant_id, customer.test_clock_id)
    clock = work.load(ref).get(ref)
    return clock is not None and clock.status is not ClockStatus.DELETED


def _all(work: Work, kind: type[Any], customer_id: str) -> Iterator[Any]:
    return every(work, Query(kind, index="customer", value=customer_id, limit=_PAGE))
