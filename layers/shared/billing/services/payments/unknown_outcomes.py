"""Payments without a recorded outcome: the alarm clock asks Stripe, and settles them.

no answer to the charge     asked about after a minute, by id or metadata, until Stripe knows
processing, authenticating  looked at once an hour, because the webhook may have been lost
waiting for the payer       canceled when the payer's day is over; paid, if the payer was faster
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing.domain.kernel.due import Due, clock_of
from billing.domain.payments.payment import PAYER_HAS, Payment, PaymentStatus, SettledBy
from billing.services.clocks.customer_time import outcome_time
from billing.services.kernel.due_items import load_due
from billing.services.kernel.work import Work
from billing.services.payments.attempt import Attempt, load_attempt
from billing.services.payments.collection import Collector
from billing.services.payments.one_time import OneTimePayments

_LOOK_EVERY = timedelta(hours=1)


class StillUnknown(Exception):
    """The payment has no outcome yet: look again later."""


@dataclass(frozen=True, slots=True)
class UnknownOutcomes:
    """The use case of the billing worker."""

    collector: Collector
    one_time: OneTimePayments

    def settle_payment(self, work: Work, payment_id: str, now: datetime) -> Due | None:
        """Ask Stripe about a payment that is due, and settle it.

        Args:
            now: the wall clock's time, or the test clock's.

        Returns:
            when it is due next; None when never.

        Raises:
            StillUnknown: Stripe does not know the outcome yet either.
        """
        payment, due = load_due(work, Payment, payment_id, now)
        if payment is None or due is None:
            return due
        result = self.collector.resolve(work, payment)
        at = outcome_time(work, payment)
        if payment.invoice_id is None:
            payment = self.one_time.settle(work, payment, result, at, SettledBy.SWEEP)
            return self._following(work, payment, None, at)
        attempt, _ = load_attempt(work, work.tenant.id, payment.id, payment.invoice_id, payment.subscription_id)
        assert attempt is not None
        attempt = self.collector.settle(work, attempt, result, at, SettledBy.SWEEP)
        return self._following(work, attempt.payment, attempt, at)

    def _following(self, work: Work, payment: Payment, attempt: Attempt | None, at: datetime) -> Due | None:
        """Its next alarm. A test clock's hours mean nothing to Stripe, so there the webhook has to tell."""
        if payment.due is None:
            return None
        if payment.status is PaymentStatus.PENDING:
            raise StillUnknown(f"payment {payment.id} is {payment.status}")
        if clock_of(payment.due.shard):
            return work.save(replace(payment, due=None)).due
        if payment.in_the_payers_hands and work.now - payment.submitted_at >= PAYER_HAS:
            self._taken_back(work, payment, attempt, at)
            return None
        return work.save(replace(payment, due=Due(payment.due.shard, work.now + _LOOK_EVERY))).due

    def _taken_back(self, work: Work, payment: Payment, attempt: Attempt | None, at: datetime) -> None:
        """Cancel a payment whose payer has had enough time."""
        if attempt is None:
            after = self.one_time.withdraw(work, payment, at)
        else:
            after = self.collector.withdraw(work, attempt, at).payment
        if after.due is not None:  # it had failed before, so canceling it changes only the alarm
            work.save(replace(after, due=None))
