"""What the alarm clock does: bill the next period, and settle payments whose outcome nobody wrote down.

Each step is one unit of work (or two commits around a charge), safe to repeat: the invoice's id is derived from
(subscription, period), the attempt's from (invoice, number), and the subscription moves by its version.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing.domain import invoicing
from billing.domain import subscription as lifecycle
from billing.domain.customer import Customer
from billing.domain.due import Due, clock_of
from billing.domain.errors import InvalidState
from billing.domain.invoicing import InvoiceStatus
from billing.domain.payment import Payment, PaymentStatus, SettledBy
from billing.domain.plan import Plan, version_id
from billing.domain.subscription import RENEWING, Subscription, SubscriptionState
from billing.domain.tenant import INVOICE_SEQUENCE_ID, InvoiceSequence
from billing.services.collection import Case, Collector, load_case
from billing.services.incomplete import give_up
from billing.services.ports import Ref, Work

_LOOK_EVERY = timedelta(hours=1)
_LOOK_FOR = timedelta(hours=24)


class StillUnknown(Exception):
    """The payment has no outcome yet: look again later."""


@dataclass(frozen=True, slots=True)
class Renewals:
    """The use cases of the billing worker."""

    collector: Collector

    def bill_subscription(self, work: Work, subscription_id: str, now: datetime) -> Due | None:
        """Do what a due subscription wants: end it, or begin its next period with an invoice and a charge.

        Args:
            now: the wall clock's time, or the test clock's.

        Returns:
            when it is due next; None when never.
        """
        tenant_id = work.tenant.id
        ref = Ref(Subscription, tenant_id, subscription_id)
        before = work.load(ref).get(ref)
        if before is None or before.due is None or before.due.at > now:
            return before.due if before else None
        if before.state is SubscriptionState.INCOMPLETE:
            return self._give_up(work, before, now)
        if before.state not in RENEWING:
            return work.save(replace(before, due=None)).due
        if before.cancel_at_period_end:
            ended = work.save(lifecycle.ended(before, before.current_period.end))
            work.emit("subscription.canceled", ended)
            return None
        customer_ref = Ref(Customer, tenant_id, before.customer_id)
        plan_ref = Ref(Plan, before.plan_tenant_id, version_id(before.plan_id, before.plan_version))
        sequence_ref = Ref(InvoiceSequence, tenant_id, INVOICE_SEQUENCE_ID)
        found = work.load(customer_ref, plan_ref, sequence_ref)
        customer, plan = found.require(customer_ref), found.require(plan_ref)
        sequence = found.get(sequence_ref) or InvoiceSequence(tenant_id, work.tenant.invoice_prefix)
        return self._next_period(work, before, customer, plan, sequence)

    def _next_period(
        self, work: Work, before: Subscription, customer: Customer, plan: Plan, sequence: InvoiceSequence
    ) -> Due | None:
        assert before.due is not None
        # The period begins when the one before it ends, also when the sweep comes late.
        at = before.current_period.end
        renewed = lifecycle.renew(lifecycle.trial_over(before))
        renewed = lifecycle.with_alarm(renewed, before.due.shard)
        draft = work.save(invoicing.period_invoice(work.tenant, customer, renewed, plan, at))
        invoice, sequence, entry = invoicing.finalize(draft, sequence, at)
        invoice = work.save(invoice)
        work.save(sequence)
        if entry is not None:
            work.save(entry)
        method_id = renewed.payment_method_id or customer.default_payment_method_id
        owed = invoice.status is InvoiceStatus.OPEN
        renewed = replace(renewed, latest_invoice_id=invoice.id)
        if owed and method_id is None:
            renewed = lifecycle.invoice_unpaid(renewed, invoice.id)
        subscription = work.save(renewed)
        work.emit("invoice.created", draft)
        work.emit("invoice.finalized", invoice)
        if not owed:
            work.emit("invoice.paid", invoice)
        fell_behind = subscription.state is SubscriptionState.PAST_DUE and before.state is not subscription.state
        work.emit("subscription.past_due" if fell_behind else "subscription.updated", subscription)
        if not owed or method_id is None:
            return subscription.due
        payment, invoice = self.collector.attempt(
            work,
            invoice,
            customer,
            method_id,
            at,
            off_session=True,
            due=self._check_within(before.due.shard, at),
        )
        work.checkpoint({"payment": payment.id})
        result = self.collector.charge(payment)
        self.collector.settle(work, Case(payment, invoice, subscription), result, at, SettledBy.SWEEP)
        return subscription.due

    def _give_up(self, work: Work, subscription: Subscription, now: datetime) -> Due | None:
        """End a subscription whose first invoice nobody paid; later, where its payment has no outcome yet."""
        try:
            return give_up(work, self.collector, subscription, now).due
        except InvalidState:
            assert subscription.due is not None
            again = replace(subscription.due, at=now + _LOOK_EVERY)
            return work.save(replace(subscription, due=again)).due

    def _look_again(self, work: Work, case: Case, at: datetime) -> Due | None:
        """Stripe has it, without an outcome: look once an hour for a day, for its webhook may have been lost.

        Then a payment that waits for its payer is taken back. On a test clock, whose hours mean nothing to Stripe,
        the webhook has to tell.
        """
        payment = case.payment
        if payment.due is None or clock_of(payment.due.shard):
            return work.save(replace(payment, due=None)).due
        if payment.status is PaymentStatus.REQUIRES_ACTION and work.now - payment.submitted_at > _LOOK_FOR:
            return self.collector.withdraw(work, case, at).payment.due
        return work.save(replace(payment, due=Due(payment.due.shard, work.now + _LOOK_EVERY))).due

    @staticmethod
    def _check_within(shard: str, at: datetime) -> Due | None:
        """On a test clock an attempt that was cut off comes before anything later, so that time stays in order."""
        return Due(shard, at) if clock_of(shard) else None

    def settle_payment(self, work: Work, payment_id: str, now: datetime) -> Due | None:
        """Ask Stripe about an attempt that has no outcome, and settle it.

        Raises:
            StillUnknown: Stripe does not know either, yet.
        """
        ref = Ref(Payment, work.tenant.id, payment_id)
        payment = work.load(ref).get(ref)
        if payment is None or payment.due is None or payment.due.at > now or payment.invoice_id is None:
            return payment.due if payment else None
        result = self.collector.resolve(work, payment)
        case, _ = load_case(work, work.tenant.id, payment.id, payment.invoice_id, payment.subscription_id)
        assert case is not None
        at = payment.created_at if payment.test_clock_id else work.now
        case = self.collector.settle(work, case, result, at, SettledBy.SWEEP)
        if case.payment.status in (PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING):
            return self._look_again(work, case, at)
        if case.payment.due is not None:
            raise StillUnknown(f"payment {payment_id} is {case.payment.status}")
        return None
