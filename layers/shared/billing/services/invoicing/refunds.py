"""Refunding a payment on demand: all that is left of it, or a part, as often as there is something left.

Only a credit note takes back what an invoice billed (docs/decisions/0018-credit-notes.md), so the refund of an
invoice's payment issues one and pays it out. What was paid too much was never billed: it comes off the customer's
balance. A payment without an invoice is given back as it is.
"""

from dataclasses import dataclass
from datetime import datetime

from billing.domain.customers.customer import Customer
from billing.domain.invoicing.credit_note import CreditRequest
from billing.domain.kernel.errors import Detail, InvalidState, RefundExceedsAvailable
from billing.domain.kernel.money import Money
from billing.domain.payments.payment import Payment, PaymentStatus
from billing.domain.payments.refund import Refund, RefundStatus
from billing.services.clocks.customer_time import customer_time, outcome_time
from billing.services.invoicing.credit_notes import CreditNotes
from billing.services.kernel.recovery import RefundPending
from billing.services.kernel.work import Ref, Work
from billing.services.payments import queries
from billing.services.payments.permits import PermitRefund, permit_any
from billing.services.payments.processor import CardProcessor
from billing.services.payments.refunds import (
    Refunder,
    RefundRequest,
    in_balance,
    require_refundable,
    require_undisputed,
)


@dataclass(frozen=True, slots=True)
class PaymentRefunds:
    """The use case."""

    processor: CardProcessor
    refunder: Refunder
    credit_notes: CreditNotes

    def create(
        self,
        work: Work,
        payment_id: str,
        amount: int | None,
        reason: str | None,
        permit: PermitRefund = permit_any,
    ) -> Refund:
        """Refund a payment; pending where its outcome is not known yet.

        Args:
            amount: micro-units of the payment's currency; None for all that is left.
            reason: the tenant's own words.

        Raises:
            NotFound: no such payment.
            InvalidState: it brought no money.
            ValidationFailed: the amount cannot be transferred in its currency.
            RefundExceedsAvailable: more than is left of it, of its invoice, or of the balance that it went to.
            RefundWindowPassed: it paid an order whose refund deadline has passed.
            Unavailable: the card processor is down; nothing is written.
        """
        ref = Ref(Payment, work.tenant.id, queries.id_of(work, payment_id))
        payment = work.load(ref).require(ref)
        if isinstance(work.recovery_point, RefundPending):
            return self._go_on(work, work.recovery_point, payment)
        if payment.status is not PaymentStatus.SUCCEEDED:
            raise InvalidState.of("payment", payment.status, "refunded")
        at = self._time(work, payment)
        if payment.of_order:
            self.refunder.orders.require_in_time(work, payment, at)
        too_much = in_balance(work, payment)
        wanted = _wanted(payment, amount, too_much)
        self.processor.ready()
        if not too_much.is_zero:
            return self._sent(work, RefundRequest(payment, wanted, reason, from_balance=True, permit=permit), at)
        if payment.invoice_id is not None and not payment.in_another_currency:
            return self._credited(work, payment, wanted, reason, permit, as_much_as_can_be=amount is None)
        return self._sent(work, RefundRequest(payment, wanted, reason, permit=permit), at)

    def _credited(
        self,
        work: Work,
        payment: Payment,
        wanted: Money,
        reason: str | None,
        permit: PermitRefund,
        *,
        as_much_as_can_be: bool,
    ) -> Refund:
        """A credit note that pays out what is wanted; where no amount was named, as much of it as the invoice has left.

        Of 1,000.00, where a credit note has put 300.00 into the balance, 700.00.
        """
        assert payment.invoice_id is not None
        amount, up_to = (None, wanted.micros) if as_much_as_can_be else (wanted.micros, None)
        request = CreditRequest(amount, reason=reason, refund=True, payment_id=payment.id, up_to=up_to)
        refund = self.credit_notes.create(work, payment.invoice_id, request, permit).refund
        assert refund is not None
        return refund

    @staticmethod
    def _time(work: Work, payment: Payment) -> datetime:
        """Now, on the customer's clock."""
        if payment.test_clock_id is None:
            return work.now
        ref = Ref(Customer, payment.tenant_id, payment.customer_id)
        return customer_time(work, work.load(ref).require(ref), of_the_past=True)

    def _sent(self, work: Work, request: RefundRequest, at: datetime) -> Refund:
        refund = self.refunder.attempt(work, request, at)
        work.checkpoint(RefundPending(refund.id))
        return self.refunder.settle(work, refund, self.refunder.send(refund), at)

    def _go_on(self, work: Work, point: RefundPending, payment: Payment) -> Refund:
        """Go on from the first commit of an earlier run: ask about its refund instead of starting anew."""
        if point.credit_note_id is not None:
            assert payment.invoice_id is not None
            refund = self.credit_notes.create(work, payment.invoice_id, CreditRequest(None)).refund
            assert refund is not None
            return refund
        ref = Ref(Refund, work.tenant.id, point.refund_id)
        refund = work.load(ref).require(ref)
        if refund.status is not RefundStatus.PENDING:
            return refund
        return self.refunder.settle(work, refund, self.refunder.resolve(work, refund), outcome_time(work, refund))


def _wanted(payment: Payment, amount: int | None, too_much: Money) -> Money:
    """What is to be refunded now.

    An overpayment comes first, and in a refund of its own, because it needs no credit on the invoice. What the customer
    has used of it meanwhile cannot be refunded: of 100.00 with 40.00 too much, of which 25.00 are used, first 15.00 can
    be refunded and then the 60.00 that paid the invoice.

    Args:
        amount: micro-units; None for all that can be refunded now.
        too_much: what of the payment is on the customer's balance.

    Raises:
        RefundExceedsAvailable: less is left, or a dispute holds it.
    """
    require_undisputed(payment)
    used = (payment.excess or Money.zero(payment.amount.currency)) - too_much
    left = payment.refundable - used if too_much.is_zero else min(too_much, payment.refundable)
    wanted = left if amount is None else Money(amount, payment.amount.currency)
    if amount is None and left <= Money.zero(left.currency):
        raise RefundExceedsAvailable("Nothing is left to refund", (Detail("amount", "nothing_left"),))
    require_refundable(payment, wanted)
    if wanted > left:
        message = f"{left} can be refunded now: what was paid too much comes first, as far as it is not used"
        raise RefundExceedsAvailable(message, (Detail("amount", "above_what_was_paid_too_much"),))
    return wanted
