"""What the alarm clock has given up, set going again by an operator (docs/operations.md, "Parked items")."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from billing.domain.clocks import Clock, ClockStatus
from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.customers.erasure import Step
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import InvalidState
from billing.domain.marketplace.account import ProviderBalance, watched
from billing.domain.marketplace.earning import Earning, standing
from billing.domain.marketplace.order import Order
from billing.domain.marketplace.paying_out import due_at
from billing.domain.marketplace.payout import Payout, PayoutStatus
from billing.domain.payments.payment import Payment
from billing.domain.payments.refund import Refund, RefundStatus
from billing.domain.subscriptions.lifecycle import with_alarm
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.domain.webhooks.delivery import webhook_shard
from billing.domain.webhooks.event import EventHead
from billing.domain.webhooks.redelivery import Redelivery, RedeliveryStatus
from billing.services.clocks.shards import DueShards
from billing.services.kernel.work import Ref, Work
from billing.services.sweep.kinds import DUE_KINDS

UNPARKED = ("payment", "refund", "invoice", "subscription", "order", "earning", "payout", "provider_balance",
            "test_clock", "customer", "payment_method", "redelivery")  # fmt: skip
"""Kinds that an operator sets going again. The reconciliation begins again by itself, and a run of a report is asked
for again."""
Following = Callable[[Any, datetime, DueShards], Due | None]
"""(A parked item, now on its customer's clock, the shards) -> when it goes on; None where nothing is left to do."""


def _payment(payment: Payment, now: datetime, shards: DueShards) -> Due | None:
    undecided = not payment.status.is_final or payment.in_the_payers_hands
    return Due(shards.wall_clock(payment.id), now) if undecided else None


def _refund(refund: Refund, now: datetime, shards: DueShards) -> Due | None:
    return Due(shards.of(refund), now) if refund.status is RefundStatus.PENDING else None


def _invoice(invoice: Invoice, now: datetime, shards: DueShards) -> Due | None:
    waits = invoice.status is InvoiceStatus.DRAFT or invoice.to_charge or invoice.spreading is not None
    return Due(shards.of(invoice), now) if waits else None


def _subscription(subscription: Subscription, now: datetime, shards: DueShards) -> Due | None:
    """As if it had never been parked: of several periods that have passed each is billed, one after the other."""
    if subscription.state is SubscriptionState.CANCELED and subscription.pending:
        return Due(shards.of(subscription), now)
    return with_alarm(subscription, shards.of(subscription)).due


def _order(order: Order, now: datetime, shards: DueShards) -> Due | None:
    if order.status.is_open:
        return Due(shards.of(order), max(order.expires_at, now))
    return Due(shards.wall_clock(order.id), now) if order.short else None


def _earning(earning: Earning, now: datetime, shards: DueShards) -> Due | None:
    return standing(earning, shards.of(earning), now).due


def _payout(payout: Payout, now: datetime, shards: DueShards) -> Due | None:
    to_reverse = (
        payout.status is PayoutStatus.FAILED and payout.reversal is not None and payout.reversal.stripe_id is None
    )
    return due_at(payout, now) if payout.status.is_open or to_reverse else None


def _provider_balance(head: ProviderBalance, now: datetime, shards: DueShards) -> Due | None:
    return watched(head, now).due


def _test_clock(clock: Clock, now: datetime, shards: DueShards) -> Due | None:
    return Due(shards.wall_clock(clock.id), now) if clock.status is ClockStatus.ADVANCING else None


def _customer(customer: Customer, now: datetime, shards: DueShards) -> Due | None:
    goes_on = customer.erasure is not None and customer.erasure.step is not Step.DONE
    return Due(shards.wall_clock(customer.id), now) if goes_on else None


def _payment_method(method: PaymentMethod, now: datetime, shards: DueShards) -> Due | None:
    return Due(shards.wall_clock(method.id), now) if method.detaching else None


def _redelivery(job: Redelivery, now: datetime, shards: DueShards) -> Due | None:
    return Due(webhook_shard(job.id), now) if job.status is RedeliveryStatus.RUNNING else None


_FOLLOWING: dict[str, Following] = {
    "payment": _payment,
    "refund": _refund,
    "invoice": _invoice,
    "subscription": _subscription,
    "order": _order,
    "earning": _earning,
    "payout": _payout,
    "provider_balance": _provider_balance,
    "test_clock": _test_clock,
    "customer": _customer,
    "payment_method": _payment_method,
    "redelivery": _redelivery,
}
_ON_THEIR_CLOCK = (Refund, Invoice, Subscription, Order, Earning)
"""Entities whose alarm is in their customer's time; all others' is on the wall clock."""


class ParkedEvents(Protocol):
    """The events of parked items."""

    def of(self, tenant_id: str, types: frozenset[str], since: datetime) -> Iterator[EventHead]:
        """A tenant's events of some types, oldest first."""


@dataclass(frozen=True, slots=True)
class ParkedItem:
    """An item that nobody tries any more."""

    kind: str
    tenant_id: str
    id: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Parked:
    """The use cases.

    Args:
        events: say what was parked; they are kept for 30 days.
    """

    shards: DueShards
    events: ParkedEvents

    def of(self, work: Work, tenant_id: str, since: datetime) -> list[ParkedItem]:
        """A tenant's items that were parked since then, and are so still."""
        kinds = {DUE_KINDS[kind][1].value: kind for kind in UNPARKED}
        last = {(kinds[head.type], head.object_id): head for head in self.events.of(tenant_id, frozenset(kinds), since)}
        refs = {place: Ref(DUE_KINDS[place[0]][0], tenant_id, place[1]) for place in last}
        found = work.load(*refs.values()) if refs else None
        return [
            ParkedItem(kind, tenant_id, item_id, head.created_at)
            for (kind, item_id), head in last.items()
            if found is not None and self._is_parked(work, kind, found.get(refs[kind, item_id]))
        ]

    def _is_parked(self, work: Work, kind: str, item: Any) -> bool:
        return item is not None and item.due is None and _FOLLOWING[kind](item, work.now, self.shards) is not None

    def unpark(self, work: Work, kind: str, item_id: str) -> Due:
        """Have an item be due again; one that is due already stays as it is.

        Args:
            kind: one of ``UNPARKED``.

        Raises:
            NotFound: the tenant has no such item, or its test clock is gone.
            InvalidState: nothing is left to do for it.
        """
        ref = Ref(DUE_KINDS[kind][0], work.tenant.id, item_id)
        item: Any = work.load(ref).require(ref)
        known: Due | None = item.due
        if known is not None:
            return known
        due = _FOLLOWING[kind](item, _present(work, item), self.shards)
        if due is None:
            raise InvalidState.of(kind, "finished", "set going again")
        work.save(replace(item, due=due))
        return due


def _present(work: Work, item: Any) -> datetime:
    """Now, on the clock by which an item's alarm goes."""
    clock_id = item.test_clock_id if isinstance(item, _ON_THEIR_CLOCK) else None
    if clock_id is None:
        return work.now
    ref = Ref(Clock, item.tenant_id, clock_id)
    return work.load(ref).require(ref).frozen_time
