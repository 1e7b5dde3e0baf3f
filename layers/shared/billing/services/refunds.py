"""Sending money back: attempt, send, settle. The refund is committed before Stripe is called, as a charge is.

    attempt   stage the refund; the caller commits it with what it pays out (the first of two commits)
    send      ask Stripe, under the refund's key
    settle    stage what follows from Stripe's word: refund, ledger, events, and ``on_failed``

Whoever learns the outcome settles: the request that asked, Stripe's webhook, or the sweep that looks it up.
``settle`` changes nothing that is settled already, so they may come in any order, and each as often as it likes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing.domain.currencies import charge_step
from billing.domain.due import Due, clock_of
from billing.domain.errors import InvalidState, ValidationFailed
from billing.domain.money import Money
from billing.domain.payment import Payment, PaymentStatus
from billing.domain.refund import Refund, RefundResult, RefundStatus, entry_for, with_result
from billing.services.clocks import shard_of
from billing.services.collection import RESEND_WITHIN
from billing.services.keys import outside_key
from billing.services.ports import CardProcessor, OutcomeUnknown, Ref, Work

_LOOK_EVERY = timedelta(hours=6)
"""A bank may take days over a refund. Its webhook tells; this is for the one that got lost."""
_PENDING = RefundResult(RefundStatus.PENDING, None)

OnFailed = Callable[[Work, Refund, datetime], None]
"""Told in ``settle``, within its unit of work, of a refund behind a credit note that failed: (work, refund, now)."""

OnSettled = Callable[[Work, Refund, Money, datetime], None]
"""Told in ``settle``, within its unit of work, of a refund's outcome: (work, refund, what left the account, now)."""


def _nothing_to_note(work: Work, refund: Refund, paid_out: Money, at: datetime) -> None:
    """Where nobody keeps a sum of refunds."""


def _nobody_told(work: Work, refund: Refund, at: datetime) -> None:
    """Where no ``on_failed`` was handed in: the refund stays due, and an alarm goes off, rather than money vanish.

    Raises:
        LookupError: always.
    """
    raise LookupError(f"the refund {refund.id} failed, and nobody credits the customer of {refund.credit_note_id}")


@dataclass(frozen=True, slots=True)
class Refunder:
    """Refunds payments.

    Args:
        processor: Stripe.
        due_shards: how many wall-clock shards there are.
        check_after_s: when a refund without an outcome is looked up.
        on_failed: gives the customer otherwise what a credit note promised: it credits ``refund.amount`` to the
            customer's balance (Dr receivable, Cr customer balance). Called once for each refund at most, also for
            one that had succeeded and came back; never for a refund without a credit note.
        on_settled: keeps the sums of what was refunded. It gets the refund's amount when that succeeded, minus that
            when the bank sent it back, and zero when it never left.
    """

    processor: CardProcessor
    due_shards: int
    check_after_s: int
    on_failed: OnFailed = _nobody_told
    on_settled: OnSettled = _nothing_to_note

    def attempt(
        self, work: Work, payment: Payment, amount: Money, reason: str | None, at: datetime, credit_note_id: str | None
    ) -> Refund:
        """Stage a refund of ``amount``, or a part of it, to the card that paid.

        How much is left of the payment is Stripe's to say: what is too much fails, and says so in its reason.

        Args:
            reason: the tenant's own words; ``duplicate``, ``fraudulent`` and ``requested_by_customer`` go to Stripe.
            at: now, on the customer's clock.
            credit_note_id: the credit note that it pays out.

        Raises:
            InvalidState: the payment brought no money.
            ValidationFailed: the amount is not above zero, above the payment's, or none that can be transferred.
        """
        if payment.status is not PaymentStatus.SUCCEEDED or payment.stripe_payment_intent_id is None:
            raise InvalidState.of("payment", payment.status, "refunded")
        _require_refundable(payment, amount)
        refund_id = work.fresh_id("re")
        refund = Refund(
            id=refund_id,
            tenant_id=payment.tenant_id,
            customer_id=payment.customer_id,
            payment_id=payment.id,
            invoice_id=payment.invoice_id,
            credit_note_id=credit_note_id,
            amount=amount,
            status=RefundStatus.PENDING,
            reason=reason,
            idempotency_key=outside_key(work, payment.tenant_id, "refund", refund_id),
            stripe_payment_intent_id=payment.stripe_payment_intent_id,
            created_at=at,
            submitted_at=work.now,
            test_clock_id=payment.test_clock_id,
            due=self._check_due(payment, refund_id, at, work.now),
        )
        refund = work.save(refund)
        work.emit("refund.created", refund)
        return refund

    def send(self, refund: Refund) -> RefundResult:
        """Stripe's word on a refund; ``pending`` where it gave none, and the sweep will ask again."""
        try:
            return self.processor.refund(refund)
        except OutcomeUnknown:
            return _PENDING

    def resolve(self, work: Work, refund: Refund) -> RefundResult:
        """What became of a refund whose outcome nobody wrote down.

        Raises:
            Unavailable: Stripe cannot be asked just now.
        """
        if refund.stripe_refund_id is None and work.now - refund.submitted_at < RESEND_WITHIN:
            return self.send(refund)
        found = self.processor.find_refund(refund)
        return found or RefundResult(RefundStatus.FAILED, None, "not_sent")

    def settle(self, work: Work, refund: Refund, result: RefundResult, at: datetime) -> Refund:
        """Stage what follows from Stripe's word.

        Args:
            at: now, on the customer's clock.
        """
        after = with_result(refund, result, at)
        if after is refund:
            return refund
        after = work.save(after)
        if after.status is not refund.status:
            self.on_settled(work, after, _paid_out(refund, after), at)
        entry = entry_for(refund, after, at)
        if entry is not None:
            work.save(entry)
        if after.status is RefundStatus.SUCCEEDED:
            work.emit("refund.succeeded", after)
        if after.status is RefundStatus.FAILED:
            work.emit("refund.failed", after)
            if after.credit_note_id is not None:
                self.on_failed(work, after, at)
        return after

    def settle_refund(self, work: Work, refund_id: str, now: datetime) -> Due | None:
        """The alarm clock's work on a refund: ask Stripe about it, and settle it.

        Args:
            now: the wall clock's time, or the test clock's.

        Returns:
            when it is due next; None when never.

        Raises:
            OutcomeUnknown: Stripe does not know either, yet.
        """
        ref = Ref(Refund, work.tenant.id, refund_id)
        refund = work.load(ref).get(ref)
        if refund is None or refund.due is None or refund.due.at > now:
            return refund.due if refund else None
        result = self.resolve(work, refund)
        at = refund.created_at if refund.test_clock_id else work.now
        refund = self.settle(work, refund, result, at)
        if refund.due is None:
            return None
        if refund.stripe_refund_id is None:
            raise OutcomeUnknown(f"refund {refund_id} is {refund.status}")
        # On a test clock, whose hours mean nothing to a bank, the webhook has to tell.
        later = None if clock_of(refund.due.shard) else Due(refund.due.shard, work.now + _LOOK_EVERY)
        return work.save(replace(refund, due=later)).due

    def _check_due(self, payment: Payment, refund_id: str, at: datetime, now: datetime) -> Due:
        """On a test clock it comes before anything later, so that time stays in order; else in a minute."""
        shard = shard_of(payment.tenant_id, payment.test_clock_id, refund_id, self.due_shards)
        return Due(shard, at if payment.test_clock_id else now + timedelta(seconds=self.check_after_s))


def _paid_out(before: Refund, after: Refund) -> Money:
    if after.status is RefundStatus.SUCCEEDED:
        return after.amount
    return -after.amount if before.status is RefundStatus.SUCCEEDED else Money.zero(after.amount.currency)


def _require_refundable(payment: Payment, amount: Money) -> None:
    if amount <= Money.zero(payment.amount.currency):
        raise ValidationFailed.of("amount", "not_positive")
    if amount > payment.amount:
        raise ValidationFailed.of("amount", "above_the_payment", f"The payment was {payment.amount}")
    if amount.minor % charge_step(amount.currency):
        raise ValidationFailed.of("amount", "not_chargeable_in_currency")
