"""Requests to pay an order, and how each is answered: a charge that did not go through, with its error."""

from dataclasses import dataclass

from billing.domain.marketplace.order import Order
from billing.services.kernel.refused import Refused
from billing.services.kernel.work import Work
from billing.services.marketplace.orders import get
from billing.services.payments.one_time import Made
from billing.services.payments.order_payments import OrderCharge, OrderPayments
from billing.services.payments.refusals import failure


@dataclass(frozen=True, slots=True)
class PaidOrder:
    """An order as its payment left it."""

    order: Order
    made: Made


@dataclass(frozen=True, slots=True)
class OrderRequests:
    """The use case; see ``OrderPayments`` for what it raises."""

    payments: OrderPayments

    def pay(self, work: Work, order_id: str, payment_method_id: str | None, save_method: bool) -> PaidOrder | Refused:
        """Charge a method now, the payer being present; or, without one, have the payer choose in a form."""
        made = self.payments.form(
            work, OrderCharge(order_id, payment_method_id, off_session=False, save_method=save_method)
        )
        error = failure(made.payment, made.client_secret)
        return Refused(error) if error else PaidOrder(get(work, order_id), made)
