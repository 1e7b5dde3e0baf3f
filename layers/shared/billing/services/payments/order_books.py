"""What becomes of an order when its payment's money moves: the port by which every way goes through the order.

Payments, refunds and disputes know no marketplace. Whoever settles one of a payment ``of_order`` calls this, within the
same unit of work, so that nothing leaves a buyer, or comes back, without the providers' shares of it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from billing.domain.kernel.money import Money
from billing.domain.payments.dispute import Dispute
from billing.domain.payments.payment import Payment
from billing.domain.payments.refund import Refund
from billing.services.kernel.work import Work


@dataclass(frozen=True, slots=True)
class PayableOrder:
    """What has to be known of an order to pay it.

    Args:
        status: in words, for a refusal.
        is_open: it may still be paid.
        created_at: on its buyer's clock; the ids of its attempts sort by it.
        payment_id: its present attempt; None for none.
        attempts: how many there were.
    """

    id: str
    customer_id: str
    total: Money
    status: str
    is_open: bool
    created_at: datetime
    payment_id: str | None
    attempts: int


class OrderBooks(Protocol):
    """The orders behind payments. Each method stages what follows for the order, its earnings, accounts and the books.

    ``at`` is now, on the customer's clock.
    """

    def payable(self, work: Work, order_id: str) -> PayableOrder | None:
        """The order of the tenant that is to be paid; None where it has none of this id."""

    def claim(self, work: Work, payment: Payment, *, beside_a_form: bool = False) -> None:
        """Make a payment its order's present attempt, within the commit that writes it: of two at once, one loses.

        Args:
            beside_a_form: it failed at once; the form that the payer has open stays the present attempt.

        Raises:
            InvalidState: the order cannot be paid any more.
        """

    def attempted(self, work: Work, payment: Payment, at: datetime) -> None:
        """A payment of an order has another state, in which it has not paid: the order's status follows.

        It failed, was canceled, waits for its payer, or is processing; one that is not the order's present attempt
        changes nothing.
        """

    def paid(self, work: Work, payment: Payment, at: datetime) -> bool:
        """A payment has paid its order: the sale, and what each provider earned, are entered.

        Returns:
            False where the order takes nothing: it was paid already, or is closed, or another amount came than it
            costs. The payment is then money that nobody owed, kept as a sale without an order; an alarm is raised.
        """

    def charge_known(self, work: Work, payment: Payment, at: datetime) -> None:
        """Stripe's fee of the charge, and when its money is available, came to be known (``payment.taken``)."""

    def require_in_time(self, work: Work, payment: Payment, at: datetime) -> None:
        """Refuse to refund an order's payment after the order's refund deadline.

        Raises:
            RefundWindowPassed: it has passed.
        """

    def refunding(self, work: Work, payment: Payment, refund: Refund, at: datetime) -> None:
        """A refund was begun, here or at Stripe: its share is taken from each provider at once.

        Where the order's own route has staged an ``OrderReturn`` of the refund's id, that says what it takes; else its
        amount is split over what is left of the items.
        """

    def refund_failed(self, work: Work, refund: Refund, at: datetime) -> None:
        """A refund failed, or the bank sent it back: what it took is the providers' again."""

    def disputed(self, work: Work, payment: Payment, before: Dispute | None, after: Dispute, at: datetime) -> None:
        """A dispute has another state: its money is held, given back, or lost."""


class NoOrders:
    """``OrderBooks`` where no payment is an order's: every order id is the tenant's own reference."""

    def payable(self, work: Work, order_id: str) -> PayableOrder | None:
        return None

    def claim(self, work: Work, payment: Payment, *, beside_a_form: bool = False) -> None:
        raise _unwired(payment)

    def attempted(self, work: Work, payment: Payment, at: datetime) -> None:
        raise _unwired(payment)

    def paid(self, work: Work, payment: Payment, at: datetime) -> bool:
        raise _unwired(payment)

    def charge_known(self, work: Work, payment: Payment, at: datetime) -> None:
        raise _unwired(payment)

    def require_in_time(self, work: Work, payment: Payment, at: datetime) -> None:
        raise _unwired(payment)

    def refunding(self, work: Work, payment: Payment, refund: Refund, at: datetime) -> None:
        raise _unwired(payment)

    def refund_failed(self, work: Work, refund: Refund, at: datetime) -> None:
        raise LookupError(f"{refund.id} is an order's, and nobody keeps its books")

    def disputed(self, work: Work, payment: Payment, before: Dispute | None, after: Dispute, at: datetime) -> None:
        raise _unwired(payment)


def _unwired(payment: Payment) -> LookupError:
    return LookupError(f"{payment.id} is an order's, and nobody keeps its books")


NO_ORDERS = NoOrders()
