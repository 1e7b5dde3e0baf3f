"""Crediting all that is left of an invoice that cannot be made void, because a part of it was credited or paid.

A void takes the whole out of the books; of 100.00 with 30.00 credited there are only 70.00 to take. A credit note over
those is the same for the buyer, and each document stays what it is. What was paid of it becomes the customer's balance.
"""

from datetime import datetime

from billing.domain.invoicing import credit_note
from billing.domain.invoicing.credit_note import CreditRequest
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.kernel.event_types import EventType
from billing.domain.lines.crediting import lines_left
from billing.services.customers import balances
from billing.services.invoicing.numbering import credit_note_number
from billing.services.kernel.work import Work
from billing.services.payments.limits import carried
from billing.services.usage.forgiveness import forgive


def credit_rest(work: Work, invoice: Invoice, reason: str, at: datetime) -> Invoice:
    """Stage a credit note over all that is left of an open invoice; nobody owes anything on it then.

    Args:
        reason: what the credit note says.
        at: now, on the customer's clock.
    """
    wanted = CreditRequest(invoice.creditable.micros, reason=reason)
    note_id = work.fresh_id("cn", at)
    issued = credit_note.issue(invoice, wanted, note_id, credit_note_number(work, invoice, note_id), at)
    for entry in issued.entries:
        work.save(entry)
    balances.credit(work, invoice, issued.credit_note.to_balance)
    after = issued.invoice
    if after.status is InvoiceStatus.OPEN:  # what it was to collect of the balance is owed there again
        after = carried(work, after, at)
    before, left = (lines_left(each.lines, each.credits) for each in (invoice, after))
    forgive(work, invoice.tenant_id, invoice.lines, before, left)
    work.emit(EventType.CREDIT_NOTE_CREATED, work.save(issued.credit_note))
    after = work.save(after)
    if after.status is InvoiceStatus.PAID:  # nothing is left to pay: told as after any other credit note
        work.emit(EventType.INVOICE_PAID, after)
    return after
