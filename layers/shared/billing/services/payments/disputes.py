"""Disputes, as Stripe reports them: recorded, entered in the ledger, and noted on the payment and invoice."""

from dataclasses import dataclass
from datetime import datetime

from billing.domain.invoicing import giving_back, settlement
from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.event_types import EventType
from billing.domain.payments import dispute
from billing.domain.payments.balance_line import Source, entered
from billing.domain.payments.dispute import Dispute, DisputeSnapshot
from billing.domain.payments.payment import Payment, PaymentStatus
from billing.domain.subscriptions import lifecycle
from billing.domain.subscriptions.subscription import Subscription
from billing.services.clocks.shards import DueShards
from billing.services.kernel.failures import NotWrittenYet
from billing.services.kernel.work import Ref, Work
from billing.services.payments.order_books import OrderBooks
from billing.services.payments.standing import save_if_changed


@dataclass(frozen=True, slots=True)
class Disputed:
    """What a dispute concerns, as it is stored.

    Args:
        invoice: what the payment paid; None for a sale of its own.
        dispute: None if it is new here.
    """

    payment: Payment
    invoice: Invoice | None
    dispute: Dispute | None


def apply(
    work: Work, about: Disputed, snapshot: DisputeSnapshot, at: datetime, shards: DueShards, orders: OrderBooks
) -> bool:
    """Stage what Stripe's word on a dispute changes; False where it is old news.

    The disputed amount is held back on the payment, so that nobody refunds it too, and noted on the invoice. What a
    subscription did not give back of the invoice meanwhile waits for its next invoice once the money is back.

    Args:
        at: now, on the customer's clock.
        orders: what the dispute of an order's payment takes from its providers.

    Raises:
        NotWrittenYet: the payment is not recorded as succeeded here yet.
    """
    payment, before = about.payment, about.dispute
    if payment.status is not PaymentStatus.SUCCEEDED:
        raise NotWrittenYet(f"{payment.id} is {payment.status}, and disputed")
    after = dispute.opened(payment, snapshot, at) if before is None else dispute.with_snapshot(before, snapshot, at)
    entry = None if after is before else dispute.entry_for(before, after, at, of_order=payment.of_order)
    after, lines = dispute.with_lines(after, snapshot)
    if after is before:
        return False
    source = Source(after.id, after.created_at, after.test_clock_id)
    for each in entered((entry,) if entry is not None else (), lines, source, at):
        work.save(each)
    after = work.save(after)
    held = dispute.held_back(payment, after)
    if held != payment:
        work.save(held)
    if payment.of_order:
        orders.disputed(work, payment, before, after, at)
    if about.invoice is not None:
        flagged, credits_ = giving_back.released(settlement.flagged(about.invoice, after))
        if flagged != about.invoice:
            work.save(flagged)
        if credits_:
            ref = Ref(Subscription, flagged.tenant_id, flagged.subscription_id or "")
            subscription = work.load(ref).require(ref)
            owed = lifecycle.owed(subscription, credits_, at, shards.of(subscription))
            save_if_changed(work, subscription, owed)
    if before is None:
        work.emit(EventType.DISPUTE_OPENED, after)
    if after.status.is_closed and (before is None or before.status is not after.status):
        work.emit(EventType.DISPUTE_CLOSED, after)
    return True
