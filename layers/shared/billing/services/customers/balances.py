"""A customer's balance outside a finalization: an overpayment, or the balance that a void invoice had used."""

from billing.domain.customers.balance import Balance
from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.money import Money
from billing.services.kernel.work import Ref, Work


def credit(work: Work, invoice: Invoice, amount: Money) -> None:
    """Stage ``amount`` more on the balance of an invoice's customer; it is read here, because it is rarely needed."""
    if amount.is_zero:
        return
    work.save(of(work, invoice).used(-amount))


def of(work: Work, invoice: Invoice) -> Balance:
    """The balance of an invoice's customer, as it is stored or staged."""
    ref = Ref(Balance, invoice.tenant_id, invoice.customer_id)
    return work.load(ref).get(ref) or Balance.empty(ref.tenant_id, ref.id, invoice.currency)
