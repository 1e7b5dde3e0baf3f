"""What happens to a subscription with the invoices that bill it: paid, unpaid, void, given up."""

from dataclasses import replace
from datetime import datetime

from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.kernel.errors import PaymentMethodInvalid
from billing.domain.payments.payment import Payment
from billing.domain.subscriptions import lifecycle
from billing.domain.subscriptions.subscription import Subscription
from billing.services.clocks.shards import DueShards
from billing.services.kernel.work import Work


def follow_invoice(
    work: Work, subscription: Subscription | None, invoice: Invoice, at: datetime, shards: DueShards
) -> Subscription | None:
    """Stage what changes on the subscription when its invoice is paid, or need not be paid any more.

    Args:
        at: now, on the customer's clock.
    """
    if subscription is None or invoice.status in (InvoiceStatus.DRAFT, InvoiceStatus.OPEN):
        return subscription
    after = lifecycle.invoice_paid(subscription, invoice.id, at, shards.of(subscription))
    if invoice.status is InvoiceStatus.VOID:
        after = lifecycle.invoiced(after, invoice.lines)
        after = lifecycle.unbilled(after, invoice.lines)
    return save_if_changed(work, subscription, after)


def save_if_changed(work: Work, before: Subscription, after: Subscription) -> Subscription:
    """Stage a subscription if anything changed on it; and its event, if that is for anybody else."""
    if after is before:
        return before
    saved = work.save(after)
    if lifecycle.is_told(before, after):
        work.emit(lifecycle.event_of(before, saved), saved)
    return saved


def without_dead_method(subscription: Subscription, payment: Payment) -> Subscription:
    """If the subscription's own method is gone, charge the customer's default from now on.

    The subscription may have been given the method while that was being removed.
    """
    is_gone = payment.error is not None and payment.error.code == PaymentMethodInvalid.code
    if not is_gone or subscription.payment_method_id != payment.payment_method_id:
        return subscription
    return replace(subscription, payment_method_id=None)
