"""Making an invoice void: the books are put back, and so is the customer's balance."""

from datetime import datetime

from billing.domain.invoicing import settlement
from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.event_types import EventType
from billing.domain.subscriptions.subscription import Subscription
from billing.services.customers import balances
from billing.services.kernel.work import Work
from billing.services.usage.forgiveness import forgive


def void(work: Work, invoice: Invoice, subscription: Subscription | None, at: datetime) -> Invoice:
    """Stage the draft or open invoice as void.

    Args:
        subscription: whose invoice it is.

    Raises:
        InvalidState: it is neither, or something was paid, credited or given back on it.
    """
    voided = settlement.void(invoice, at, subscription.pending if subscription is not None else ())
    for entry in voided.entries:
        work.save(entry)
    balances.credit(work, invoice, voided.returned)
    forgive(work, invoice.tenant_id, invoice.lines, {}, dict.fromkeys(line.id for line in invoice.lines))
    after = work.save(voided.invoice)
    work.emit(EventType.INVOICE_VOIDED, after)
    return after
