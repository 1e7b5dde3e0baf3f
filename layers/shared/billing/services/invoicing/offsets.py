"""Taking credits off the unpaid invoices that billed what they give back, before anything goes to the balance.

An upgrade whose card is declined, and the downgrade after it, leave nobody with money: 4950.00 open, 4950.00 credited,
and both are settled. There may be more such invoices than one commit takes (a year of days, each unpaid). Then the
invoice over the credits is issued with those that fit; it says what of it is left and for which invoices, and has an
alarm. The request goes on in further commits, and where it was cut off, the alarm clock does:

    issued, 15 settled, 80 to go ──> 15 more ──> ... ──> the last ones, and what is over goes to the balance
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from billing.domain.invoicing import settlement
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus, Spreading
from billing.domain.kernel.errors import InvalidState
from billing.domain.kernel.event_types import EventType
from billing.domain.kernel.money import Money
from billing.domain.payments.payment import Payment
from billing.domain.subscriptions import lifecycle
from billing.domain.subscriptions.subscription import Subscription
from billing.services.customers import balances
from billing.services.kernel.recovery import CreditsPending
from billing.services.kernel.work import Found, Ref, Work
from billing.services.payments.attempt import Attempt
from billing.services.payments.collection import Collector
from billing.services.payments.limits import with_less_due

MOST_AT_ONCE = 15
"""Invoices in one commit: each is itself, its event, an entry, another where it was written off, and an attempt that is
taken back; 75 of a hundred items."""


@dataclass(frozen=True, slots=True)
class Offset:
    """What was taken off other invoices.

    Args:
        taken: how much.
        subscription: after invoices of it were paid so.
        spreading: what is left, and for which invoices; None where there is no more to look at.
    """

    taken: Money
    subscription: Subscription
    spreading: Spreading | None


def offset(work: Work, collector: Collector, draft: Invoice, subscription: Subscription, at: datetime) -> Offset:
    """Stage what a draft over credits takes off the unpaid invoices, as many as one commit takes.

    Those that billed what is given back come first, then the others of its subscription, oldest first.

    Raises:
        Unavailable: Stripe cannot be asked to take back what a payer has open; nothing is written.
    """
    ids = tuple(ref.id for ref in _refs(draft, subscription))
    available = draft.amount_credited - draft.total
    if available.micros <= 0:
        return Offset(Money.zero(draft.currency), subscription, None)
    return _taken(work, collector, Spreading(available, ids), draft.tenant_id, subscription, at)


def foreseen(work: Work, draft: Invoice, subscription: Subscription | None, at: datetime) -> list[settlement.Offset]:
    """What a draft would take off unpaid invoices, in however many commits; nothing is staged."""
    if subscription is None or not draft.total.is_negative:
        return []
    refs = _refs(draft, subscription)
    return settlement.offsets(_in_order(work.load(*refs), refs), -draft.total, at)


def _refs(draft: Invoice, subscription: Subscription) -> list[Ref[Invoice]]:
    credited = [line.credited_invoice_id for line in draft.lines if line.credited_invoice_id]
    ids = dict.fromkeys([*credited, *subscription.unpaid_invoice_ids])
    return [Ref(Invoice, draft.tenant_id, each) for each in ids if each != draft.id]


def _in_order(found: Found, refs: Sequence[Ref[Invoice]]) -> list[Invoice]:
    return [invoice for invoice in map(found.get, refs) if invoice is not None]


def go_on(
    work: Work, collector: Collector, invoice: Invoice, subscription: Subscription | None, at: datetime
) -> tuple[Invoice, Subscription | None]:
    """Commit until nothing of an invoice's credits is left to be spread; the last part is staged.

    Args:
        at: now, on the customer's clock.
    """
    while invoice.spreading is not None:
        invoice, subscription = _stage(work, collector, invoice, subscription, at)
        if invoice.spreading is not None:
            work.checkpoint(pending(invoice))
    return invoice, subscription


def pending(invoice: Invoice) -> CreditsPending:
    """From where a retry goes on with the spreading."""
    return CreditsPending(invoice.id, invoice.subscription_id or "")


def _stage(
    work: Work, collector: Collector, invoice: Invoice, subscription: Subscription | None, at: datetime
) -> tuple[Invoice, Subscription | None]:
    assert invoice.spreading is not None
    assert subscription is not None
    part = _taken(work, collector, invoice.spreading, invoice.tenant_id, subscription, at)
    balance = balances.of(work, invoice)
    spread = settlement.spread(invoice, part.taken, part.spreading, balance, at)
    for entry in spread.entries:
        work.save(entry)
    if spread.balance != balance:
        work.save(spread.balance)
    after = part.subscription
    if after is not subscription:
        after = work.save(after)
        work.emit(lifecycle.event_of(subscription, after), after)
    return work.save(spread.invoice), after


def _taken(
    work: Work,
    collector: Collector,
    spreading: Spreading,
    tenant_id: str,
    subscription: Subscription,
    at: datetime,
) -> Offset:
    now, later = spreading.invoice_ids[:MOST_AT_ONCE], spreading.invoice_ids[MOST_AT_ONCE:]
    left, shards = spreading.left, collector.shards
    refs = [Ref(Invoice, tenant_id, each) for each in now]
    for unpaid in _in_order(work.load(*refs), refs):
        if settlement.offset(unpaid, left, at)[1].is_zero:
            continue
        invoice = _taken_back(work, collector, unpaid, at)
        after, taken, entries = settlement.offset(invoice, left, at) if invoice is not None else (unpaid, None, ())
        if taken is not None and not taken.is_zero:
            left -= taken
            after = work.save(with_less_due(work, after, at, shards.of(after)))
            for entry in entries:
                work.save(entry)
            if after.status is InvoiceStatus.PAID:
                work.emit(EventType.INVOICE_PAID, after)
        if after.status is InvoiceStatus.PAID:
            subscription = lifecycle.invoice_paid(subscription, after.id, at, shards.of(subscription))
    rest = Spreading(left, later) if later and not left.is_zero else None
    return Offset(spreading.left - left, subscription, rest)


def _taken_back(work: Work, collector: Collector, invoice: Invoice, at: datetime) -> Invoice | None:
    """The invoice without an attempt that its payer could still complete, for more than is due after it.

    Where the payer was faster, it is paid. None where Stripe is processing what the payer has sent: that pays it, and
    the credits go on to the next one.
    """
    ref = Ref(Payment, invoice.tenant_id, invoice.latest_payment_id or "")
    latest = work.load(ref).get(ref) if ref.id else None
    if latest is None:
        return invoice
    try:
        return collector.withdraw(work, Attempt(latest, invoice, None), at, replaced=True).invoice
    except InvalidState:
        return None
