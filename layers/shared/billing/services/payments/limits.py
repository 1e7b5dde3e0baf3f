"""What becomes of an invoice whose amount no card can be charged.

Too little: the customer's balance pays it, and goes below zero; the next invoice asks for that, too. Too much: it waits
for another way to be paid, and an event says so. A credit note, or credits for unused time, may bring an open invoice
into either state, or out of the second; then it is charged by the next turn of the alarm clock.
"""

from dataclasses import replace
from datetime import datetime

from billing.domain.invoicing import settlement
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.kernel.card_limits import is_too_small
from billing.domain.kernel.due import Due
from billing.services.customers import balances
from billing.services.kernel.work import Work


def carried(work: Work, invoice: Invoice, at: datetime) -> Invoice:
    """The open invoice paid by the customer's balance, which is staged; the invoice is not."""
    after, balance, entry = settlement.carried(invoice, balances.of(work, invoice), at)
    work.save(entry)
    work.save(balance)
    return after


def with_less_due(work: Work, invoice: Invoice, at: datetime, shard: str) -> Invoice:
    """An invoice that asks for less than before: carried where that is too little, charged where it was too much.

    Args:
        shard: the invoice's, for its alarm.
    """
    if invoice.status is not InvoiceStatus.OPEN:
        return invoice
    if is_too_small(invoice.amount_due):
        return carried(work, invoice, at)
    after = settlement.waiting(invoice)
    if after is invoice or settlement.is_waiting(after):
        return invoice
    if after.is_early(at):
        return settlement.in_time(after, shard)
    return replace(after, due=Due(shard, at)) if after.auto_charge else after
