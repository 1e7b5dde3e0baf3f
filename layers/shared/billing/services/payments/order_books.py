"""What becomes of an order when its payment's money moves: the port by which every way goes through the order.

Payments, refunds and disputes know no marketplace. Whoever settles one of a payment ``of_order`` calls this, within the
same unit of work, so that nothing leaves a buyer, or comes back, without the providers' shares of it.
"""

from datetime import datetime
from typing import Protocol

from billing.domain.payments.dispute import Dispute
from billing.domain.payments.payment import Payment
from billing.domain.payments.refund import Refund
from billing.services.kernel.work import Work


class OrderBooks(Protocol):
    """The orders behind payments. Each method stages what follows for the order, its earnings, accounts and the books.

    ``at`` is now, on the customer's clock.
    """

    def attempted(self, work: Work, payment: Payment, at: datetime) -> None:
        """A payment of an order has another state, in which it has not paid: the order's status follows.

        It failed, was canceled, waits for its payer, or is processing; one that is not the order's present attempt
        changes nothing.
        """

    def paid(self, work: Work, payment: Payment, at: datetime) -> None:
        """A payment has paid its order: the sale, what each provider earned, and the coupon are entered.

        An order that was paid already, or has expired, takes nothing: the payment is then money that nobody owed, kept
        as a sale without an order, and an alarm is raised.
        """

    def charge_known(self, work: Work, payment: Payment, at: datetime) -> None:
        """Stripe's fee of the charge, and when its money is available, came to be known (``payment.taken``)."""

    def refunding(self, work: Work, payment: Payment, refund: Refund, at: datetime) -> None:
        """A refund was begun, here or at Stripe: its share is taken from each provider at once.

        Where the order's own route has staged an ``OrderReturn`` of the refund's id, that says what it takes; else its
        amount is split over what is left of the items.
        """

    def refund_failed(self, work: Work, refund: Refund, at: datetime) -> None:
        """A refund failed, or the bank sent it back: what it took is the providers' again."""

    def disputed(self, work: Work, payment: Payment, before: Dispute | None, after: Dispute, at: datetime) -> None:
        """A dispute has another state: its money is held, given back, or lost."""
