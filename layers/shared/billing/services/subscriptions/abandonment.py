"""The end of a subscription that never began: its first invoice is voided, and its payment canceled at Stripe.

Of an invoice that was credited or paid in part the rest is credited, for it cannot be void: every state has a way out.
"""

from datetime import datetime

from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.kernel.errors import InvalidState
from billing.domain.kernel.event_types import EventType
from billing.domain.payments.payment import Payment
from billing.domain.subscriptions import lifecycle
from billing.domain.subscriptions.subscription import Subscription
from billing.services.invoicing.crediting_rest import credit_rest
from billing.services.invoicing.voiding import void
from billing.services.kernel.work import Ref, Work
from billing.services.payments.attempt import Attempt
from billing.services.payments.collection import Collector


def give_up(work: Work, collector: Collector, subscription: Subscription, at: datetime) -> Subscription:
    """The incomplete subscription canceled, with its unpaid invoice void; or active, if its payer was faster.

    Args:
        at: now, on the customer's clock.

    Raises:
        InvalidState: the payment has no outcome yet: it may still succeed.
    """
    tenant_id = subscription.tenant_id
    invoice_ref = Ref(Invoice, tenant_id, subscription.latest_invoice_id or "")
    invoice = work.load(invoice_ref).require(invoice_ref)
    if invoice.latest_payment_id is not None:
        payment_ref = Ref(Payment, tenant_id, invoice.latest_payment_id)
        payment = work.load(payment_ref).require(payment_ref)
        attempt = collector.decided(work, Attempt(payment, invoice, subscription), at)
        if attempt.payment.is_undecided:
            raise InvalidState.of("payment", attempt.payment.status, "given up")
        attempt = collector.withdraw(work, attempt, at)
        invoice, subscription = attempt.invoice, attempt.subscription or subscription
    if invoice.status is InvoiceStatus.PAID:
        return subscription
    if invoice.status is InvoiceStatus.OPEN and _is_partly_settled(invoice):
        credit_rest(work, invoice, "The subscription did not begin", at)
    elif invoice.status in (InvoiceStatus.DRAFT, InvoiceStatus.OPEN):
        void(work, invoice, subscription, at)
    ended = work.save(lifecycle.ended(subscription, at))
    work.emit(EventType.SUBSCRIPTION_CANCELED, ended)
    return ended


def _is_partly_settled(invoice: Invoice) -> bool:
    return not invoice.amount_credited.is_zero or not invoice.amount_paid.is_zero
