"""Requests to pay: an invoice or an amount, by a saved method or in a form; and how each is answered.

A charge that did not go through is answered with its error; what was written of it stays written.
"""

from dataclasses import dataclass

from billing.domain.kernel.money import Money
from billing.services.invoicing.payments import InvoicePayments, Paid
from billing.services.kernel.refused import Refused
from billing.services.kernel.work import Work
from billing.services.payments.one_time import Made, OneTimePayments, OneTimeRequest
from billing.services.payments.order_payments import OrderCharge, OrderPayments
from billing.services.payments.refusals import failure


@dataclass(frozen=True, slots=True)
class InvoiceCharge:
    """An open invoice that is to be paid.

    Args:
        payment_method_id: what is charged; None for the saved one, or for the payer to choose in a form.
        amount: what the caller takes the invoice to ask for; None where it says nothing.
        save_method: keep what it is paid by in the form as a saved method.
    """

    invoice_id: str
    payment_method_id: str | None = None
    amount: Money | None = None
    save_method: bool = False


@dataclass(frozen=True, slots=True)
class PaymentRequests:
    """The use cases; see ``InvoicePayments`` and ``OneTimePayments`` for what they raise."""

    invoices: InvoicePayments
    one_time: OneTimePayments
    orders: OrderPayments

    def pay_invoice(self, work: Work, invoice_id: str, payment_method_id: str | None) -> Paid | Refused:
        """Charge an invoice by a saved method; the answer shows the invoice."""
        paid = self.invoices.pay(work, invoice_id, payment_method_id)
        error = failure(paid.payment, paid.client_secret)
        return Refused(error) if error else paid

    def charge(self, work: Work, wanted: InvoiceCharge | OneTimeRequest) -> Made | Refused:
        """Charge a saved method now, nobody being present."""
        if isinstance(wanted, OneTimeRequest):
            order = self._order(work, wanted)
            return _answered(self.orders.charge(work, order) if order else self.one_time.charge(work, wanted))
        paid = self.invoices.pay(work, wanted.invoice_id, wanted.payment_method_id)
        return _answered(Made(paid.payment, paid.client_secret))

    def intent(self, work: Work, wanted: InvoiceCharge | OneTimeRequest) -> Made | Refused:
        """Have a payer pay who is present: by a method now, or in a form."""
        if isinstance(wanted, OneTimeRequest):
            order = self._order(work, wanted)
            return _answered(self.orders.form(work, order) if order else self.one_time.intent(work, wanted))
        paid = self.invoices.intent(
            work, wanted.invoice_id, wanted.amount, wanted.payment_method_id, wanted.save_method
        )
        return _answered(Made(paid.payment, paid.client_secret))

    def _order(self, work: Work, wanted: OneTimeRequest) -> OrderCharge | None:
        """How an order is to be paid; None where the order id is none, or the tenant's own reference."""
        if wanted.order_id is None or not self.orders.knows(work, wanted.order_id):
            return None
        return OrderCharge(
            wanted.order_id,
            wanted.payment_method_id,
            wanted.off_session,
            wanted.save_method,
            wanted.amount,
            wanted.customer_id,
            wanted.metadata,
        )


def _answered(made: Made) -> Made | Refused:
    error = failure(made.payment, made.client_secret)
    return Refused(error) if error else made
