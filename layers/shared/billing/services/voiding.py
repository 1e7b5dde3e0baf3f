"""Making an invoice void: the books are put back, and so is the customer's balance."""

from datetime import datetime

from billing.domain import balance as balances
from billing.domain import settlement
from billing.domain.balance import Balance
from billing.domain.invoicing import Invoice
from billing.services.ports import Ref, Work


def void(work: Work, invoice: Invoice, at: datetime) -> Invoice:
    """Stage the draft or open invoice as void.

    Raises:
        InvalidState: it is neither, or something was paid or credited on it.
    """
    voided = settlement.void(invoice, at)
    for entry in voided.entries:
        work.save(entry)
    if not voided.returned.is_zero:
        ref = Ref(Balance, invoice.tenant_id, invoice.customer_id)
        balance = work.load(ref).get(ref) or balances.empty(ref.tenant_id, ref.id, voided.returned.currency)
        work.save(balance.used(-voided.returned))
    after = work.save(voided.invoice)
    work.emit("invoice.voided", after)
    return after
