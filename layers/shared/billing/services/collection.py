"""Collecting an invoice's money: attempt, charge, settle. The attempt is committed before Stripe is called.

    attempt   stage the payment; the caller commits it with the invoice (the first of two commits)
    charge    ask Stripe, under the attempt's key
    settle    stage what follows from Stripe's word: payment, invoice, subscription, ledger, events

Whoever learns the outcome settles: the request that charged, Stripe's webhook, or the sweep that looks it up.
``settle`` changes nothing that is settled already, so they may come in any order, and each as often as it likes.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from billing.domain import settlement
from billing.domain import subscription as lifecycle
from billing.domain.customer import Customer
from billing.domain.due import Due, wall_clock_shard
from billing.domain.dunning import Dunning
from billing.domain.invoicing import Invoice, InvoiceStatus
from billing.domain.payment import (
    ChargeResult,
    Payment,
    PaymentError,
    PaymentStatus,
    SettledBy,
    attempt_id,
    with_result,
)
from billing.domain.subscription import Subscription, SubscriptionState
from billing.domain.tenant import Tenant
from billing.services import balances
from billing.services.clocks import shard_of
from billing.services.keys import outside_key
from billing.services.ports import CardProcessor, Found, OutcomeUnknown, Ref, Work

RESEND_WITHIN = timedelta(hours=23)
"""Stripe knows a key for 24 hours; after that the same request would charge again, so it is looked up instead."""
_PENDING = ChargeResult(PaymentStatus.PENDING, None)


@dataclass(frozen=True, slots=True)
class Case:
    """What one payment is about."""

    payment: Payment
    invoice: Invoice
    subscription: Subscription | None


@dataclass(frozen=True, slots=True)
class Collector:
    """Collects invoices.

    Args:
        processor: Stripe.
        due_shards: how many wall-clock shards there are.
        check_after_s: when an attempt without an outcome is looked up.
    """

    processor: CardProcessor
    due_shards: int
    check_after_s: int

    def attempt(
        self,
        work: Work,
        invoice: Invoice,
        customer: Customer,
        payment_method_id: str,
        at: datetime,
        off_session: bool,
        due: Due | None = None,
    ) -> tuple[Payment, Invoice]:
        """Stage the invoice's next charge attempt.

        Args:
            at: now, on the customer's clock.
            off_session: nobody is there to authenticate the payment.
            due: when an outcome that nobody heard of is looked up; by default in a minute of the wall clock.
        """
        assert customer.stripe_customer_id is not None
        number = invoice.attempt_count + 1
        payment_id = attempt_id(invoice.id, invoice.created_at, number)
        payment = Payment(
            id=payment_id,
            tenant_id=invoice.tenant_id,
            customer_id=customer.id,
            amount=invoice.amount_due,
            status=PaymentStatus.PENDING,
            attempt=number,
            idempotency_key=outside_key(work, invoice.tenant_id, "invoice", invoice.id, "attempt", str(number)),
            stripe_customer_id=customer.stripe_customer_id,
            payment_method_id=payment_method_id,
            off_session=off_session,
            created_at=at,
            submitted_at=work.now,
            invoice_id=invoice.id,
            subscription_id=invoice.subscription_id,
            test_clock_id=invoice.test_clock_id,
            due=due or self._check_due(payment_id, work.now),
        )
        payment = work.save(payment)
        # Its next dunning step is set when this attempt has failed.
        return payment, work.save(replace(settlement.attempted(invoice, payment), due=None))

    def charge(self, payment: Payment) -> ChargeResult:
        """Stripe's word on an attempt; ``pending`` where it gave none, and the sweep will ask again."""
        try:
            return self.processor.charge(payment)
        except OutcomeUnknown:
            return _PENDING

    def resolve(self, work: Work, payment: Payment) -> ChargeResult:
        """What became of an attempt whose outcome nobody wrote down.

        Raises:
            Unavailable: Stripe cannot be asked just now.
        """
        if payment.stripe_payment_intent_id is None and work.now - payment.submitted_at < RESEND_WITHIN:
            return self.charge(payment)
        found = self.processor.find_charge(payment)
        if found is not None:
            return found
        never_sent = PaymentError("payment.declined", "The charge never reached the card processor.", "not_sent")
        return ChargeResult(PaymentStatus.FAILED, None, never_sent)

    def settle(
        self,
        work: Work,
        case: Case,
        result: ChargeResult,
        at: datetime,
        by: SettledBy,
        event_id: str | None = None,
    ) -> Case:
        """Stage what follows from Stripe's word.

        Args:
            at: now, on the customer's clock.
            event_id: Stripe's event, where a webhook brought the news.
        """
        payment = with_result(case.payment, result, at, by, event_id)
        if payment is case.payment:
            return case
        if not payment.status.is_final:
            payment = replace(payment, due=payment.due or self._check_due(payment.id, work.now))
        payment = work.save(payment)
        if payment.status is PaymentStatus.SUCCEEDED:
            return self._succeeded(work, replace(case, payment=payment), at)
        if payment.status in (PaymentStatus.FAILED, PaymentStatus.CANCELED):
            return self._failed(work, replace(case, payment=payment), at)
        if payment.status is PaymentStatus.REQUIRES_ACTION:
            work.emit("payment.requires_action", payment)
        return replace(case, payment=payment)

    def withdraw(self, work: Work, case: Case, at: datetime) -> Case:
        """Take back an attempt that its payer could still complete, before another one is made.

        A form that the payer has open keeps its secret: without this, an old form and a new card would both pay.
        Where the payer was faster, the attempt is settled as paid, and the invoice with it.
        """
        payment = case.payment
        in_the_payers_hands = payment.status is PaymentStatus.REQUIRES_ACTION or (
            payment.status is PaymentStatus.FAILED and not payment.off_session
        )
        if not in_the_payers_hands or payment.stripe_payment_intent_id is None:
            return case
        return self.settle(work, case, self.processor.cancel_charge(payment), at, SettledBy.REQUEST)

    def _succeeded(self, work: Work, case: Case, at: datetime) -> Case:
        received = settlement.paid(case.invoice, case.payment, at)
        for entry in received.entries:
            work.save(entry)
        balances.credit(work, case.invoice, received.excess)
        invoice = work.save(received.invoice)
        work.emit("payment.succeeded", case.payment)
        if case.invoice.status is not InvoiceStatus.PAID and invoice.status is InvoiceStatus.PAID:
            work.emit("invoice.paid", invoice)
        return Case(case.payment, invoice, self.paid(work, case.subscription, invoice, at))

    def paid(
        self, work: Work, subscription: Subscription | None, invoice: Invoice, at: datetime
    ) -> Subscription | None:
        """Stage what it means for its subscription that an invoice is paid, or that nobody has to pay it any more."""
        if subscription is None or invoice.status in (InvoiceStatus.DRAFT, InvoiceStatus.OPEN):
            return subscription
        after = lifecycle.invoice_paid(subscription, invoice.id, at, self.shard_of(subscription))
        if invoice.status is InvoiceStatus.VOID:
            after = lifecycle.invoiced(after, invoice.lines)
            after = lifecycle.rebilled(after, dict.fromkeys(line.id for line in invoice.lines))
            after = lifecycle.credited_again(after, invoice.lines)
        return _saved(work, subscription, after)

    def in_dunning(self, invoice: Invoice, tenant: Tenant, dunning: Dunning, at: datetime) -> Invoice:
        """The open invoice with its next dunning step."""
        shard = shard_of(invoice.tenant_id, invoice.test_clock_id, invoice.id, self.due_shards)
        return settlement.dunned(invoice, dunning, tenant.dunning_schedule_days, at, shard)

    def shard_of(self, subscription: Subscription) -> str:
        """The due shard of a subscription."""
        return shard_of(subscription.tenant_id, subscription.test_clock_id, subscription.id, self.due_shards)

    def _failed(self, work: Work, case: Case, at: datetime) -> Case:
        work.emit("payment.failed", case.payment)
        invoice, subscription = case.invoice, case.subscription
        if invoice.status is not InvoiceStatus.OPEN or invoice.latest_payment_id != case.payment.id:
            return case  # a later attempt has decided about the invoice already
        failed = settlement.payment_failed(invoice, case.payment)
        began = subscription is None or subscription.state is not SubscriptionState.INCOMPLETE
        if invoice.auto_charge and began:
            for_good = case.payment.error is not None and case.payment.error.final
            dunning = (invoice.dunning or Dunning(at)).refused(case.payment.payment_method_id, for_good)
            failed = self.in_dunning(failed, work.tenant, dunning, at)
        invoice = work.save(failed)
        work.emit("invoice.payment_failed", invoice)
        if subscription is not None:
            subscription = _saved(work, subscription, lifecycle.invoice_unpaid(subscription, invoice.id))
        return Case(case.payment, invoice, subscription)

    def _check_due(self, payment_id: str, now: datetime) -> Due:
        return Due(wall_clock_shard(payment_id, self.due_shards), now + timedelta(seconds=self.check_after_s))


def _saved(work: Work, before: Subscription, after: Subscription) -> Subscription:
    if after is before:
        return before
    after = work.save(after)
    work.emit(event_of(before, after), after)
    return after


def event_of(before: Subscription | None, after: Subscription) -> str:
    """The event that a changed subscription is announced by."""
    if before is None:
        return "subscription.created"
    if before.state is after.state:
        return "subscription.updated"
    if before.state is SubscriptionState.PAUSED and after.state in lifecycle.RENEWING:
        return "subscription.resumed"
    return _ENTERED.get(after.state, "subscription.updated")


_ENTERED = {
    SubscriptionState.CANCELED: "subscription.canceled",
    SubscriptionState.PAUSED: "subscription.paused",
    SubscriptionState.PAST_DUE: "subscription.past_due",
}


def load_case(
    work: Work, tenant_id: str, payment_id: str, invoice_id: str, subscription_id: str | None, *also: Ref[Any]
) -> tuple[Case | None, Found]:
    """The payment with its invoice and subscription; None where the payment is not written (yet).

    Args:
        also: what else the batch is to bring; it is in the second part of the answer.
    """
    payment_ref, invoice_ref = Ref(Payment, tenant_id, payment_id), Ref(Invoice, tenant_id, invoice_id)
    subscription_ref = Ref(Subscription, tenant_id, subscription_id) if subscription_id else None
    found = work.load(payment_ref, invoice_ref, *([subscription_ref] if subscription_ref else []), *also)
    payment, invoice = found.get(payment_ref), found.get(invoice_ref)
    if payment is None or invoice is None:
        return None, found
    return Case(payment, invoice, found.get(subscription_ref) if subscription_ref else None), found
