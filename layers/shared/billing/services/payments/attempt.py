"""An attempt to collect an invoice, with all that its outcome changes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.invoicing.invoice import Invoice
from billing.domain.payments.payment import Payment
from billing.domain.subscriptions.subscription import Subscription
from billing.services.kernel.work import Found, Ref, Work


@dataclass(frozen=True, slots=True)
class Attempt:
    """A payment, the invoice that it pays, and the subscription that the invoice bills."""

    payment: Payment
    invoice: Invoice
    subscription: Subscription | None


@dataclass(frozen=True, slots=True)
class PayableInvoice:
    """An unpaid invoice, with everything that its next attempt needs.

    Args:
        latest: the last attempt; it has an outcome, or its payer may still complete it.
        method: the payment method that was named for the next attempt, if it is stored.
        at: now, on the customer's clock.
    """

    invoice: Invoice
    customer: Customer
    subscription: Subscription | None
    latest: Payment | None
    method: PaymentMethod | None
    at: datetime


def load_attempt(
    work: Work, tenant_id: str, payment_id: str, invoice_id: str, subscription_id: str | None, *also: Ref[Any]
) -> tuple[Attempt | None, Found]:
    """The payment with its invoice and subscription; None if the payment is not written yet.

    Args:
        also: what else the batch is to bring; it is in the second part of the answer.
    """
    payment_ref, invoice_ref = Ref(Payment, tenant_id, payment_id), Ref(Invoice, tenant_id, invoice_id)
    subscription_ref = Ref(Subscription, tenant_id, subscription_id) if subscription_id else None
    found = work.load(payment_ref, invoice_ref, *([subscription_ref] if subscription_ref else []), *also)
    payment, invoice = found.get(payment_ref), found.get(invoice_ref)
    if payment is None or invoice is None:
        return None, found
    return Attempt(payment, invoice, found.get(subscription_ref) if subscription_ref else None), found
