"""What the card processor's webhooks change here.

Events may come in any order and any number of times: an event's id is committed with its effects (as an idempotency
record), and what it says is compared with what is recorded already.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billing.domain.clocks import Clock
from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.invoicing.invoice import Invoice
from billing.domain.payments.dispute import Dispute, dispute_id
from billing.domain.payments.payment import Payment, PaymentStatus, SettledBy
from billing.domain.payments.refund import Refund
from billing.services.kernel.failures import NotWrittenYet
from billing.services.kernel.work import Found, Ref, Work
from billing.services.payments import disputes, methods
from billing.services.payments.attempt import load_attempt
from billing.services.payments.collection import Collector
from billing.services.payments.disputes import Disputed
from billing.services.payments.one_time import OneTimePayments
from billing.services.payments.processor_updates import (
    CustomerDeleted,
    DisputeUpdate,
    MethodUpdate,
    PaymentUpdate,
    RefundUpdate,
    Update,
)
from billing.services.payments.refunds import Refunder, adopted_id


@dataclass(frozen=True, slots=True)
class ProcessorEvents:
    """The use case of the webhook."""

    collector: Collector
    one_time: OneTimePayments
    refunder: Refunder

    def apply(self, work: Work, event_id: str, update: Update) -> bool:
        """Stage what the event changes; False where it is old news.

        Raises:
            NotWrittenYet: what it is about is not in the tables yet.
            Unauthenticated: nor is its tenant, so another stack shares the account.
        """
        if isinstance(update, PaymentUpdate):
            return self._charge(work, event_id, update)
        if isinstance(update, RefundUpdate):
            return self._refund(work, update)
        if isinstance(update, DisputeUpdate):
            return self._disputed(work, update)
        if isinstance(update, MethodUpdate):
            return _method(work, update)
        return _customer_gone(work, update)

    def _charge(self, work: Work, event_id: str, update: PaymentUpdate) -> bool:
        if update.invoice_id is None:
            payment, at, _ = _payment_and_time(work, update)
            return self.one_time.settle(work, payment, update.result, at, SettledBy.WEBHOOK, event_id) is not payment
        clock = _clock_refs(update)
        attempt, found = load_attempt(
            work, update.tenant_id, update.payment_id, update.invoice_id, update.subscription_id, *clock
        )
        if attempt is None:
            raise NotWrittenYet(f"{update.payment_id} of {work.tenant.id}")
        at = _when(attempt.payment, found.get(clock[0]) if clock else None, work.now)
        settled = self.collector.settle(work, attempt, update.result, at, SettledBy.WEBHOOK, event_id)
        return settled is not attempt

    def _refund(self, work: Work, update: RefundUpdate) -> bool:
        refund_id = update.refund_id or adopted_id(update.refund)
        refund_ref = Ref(Refund, update.tenant_id, refund_id)
        payment_ref = Ref(Payment, update.tenant_id, update.payment_id)
        clock = _clock_refs(update)
        found = work.load(refund_ref, payment_ref, *clock)
        refund, payment = found.get(refund_ref), found.get(payment_ref)
        if payment is None or (refund is None and update.refund_id is not None):
            raise NotWrittenYet(f"{refund_id} of {work.tenant.id}")
        at = _when(refund or payment, found.get(clock[0]) if clock else None, work.now)
        if refund is not None:
            return self.refunder.settle(work, refund, update.refund.result, at) is not refund
        if payment.status is not PaymentStatus.SUCCEEDED:
            # If it were recorded now, we could not tell how much of the payment went to the balance.
            raise NotWrittenYet(f"{payment.id} is {payment.status}, and refunded")
        self.refunder.adopt(work, payment, update.refund, at)
        return True

    def _disputed(self, work: Work, update: DisputeUpdate) -> bool:
        dispute_ref = Ref(Dispute, update.tenant_id, dispute_id(update.snapshot))
        invoice_ref = Ref(Invoice, update.tenant_id, update.invoice_id or "")
        also: list[Ref[Any]] = [dispute_ref, *([invoice_ref] if update.invoice_id else [])]
        payment, at, found = _payment_and_time(work, update, *also)
        about = Disputed(payment, found.get(invoice_ref), found.get(dispute_ref))
        return disputes.apply(work, about, update.snapshot, at, self.collector.shards, self.refunder.orders)


def _method(work: Work, update: MethodUpdate) -> bool:
    method_ref = Ref(PaymentMethod, update.tenant_id, update.method_id)
    customer_ref = Ref(Customer, update.tenant_id, update.customer_id)
    found = work.load(method_ref, customer_ref)
    method, customer = found.get(method_ref), found.get(customer_ref)
    if customer is None:
        raise NotWrittenYet(f"{update.customer_id} of {work.tenant.id}")
    if update.on_file is None:
        if method is None:
            methods.tombstone(work, customer, update.method_id)
            return True
        return methods.remove_method(work, customer, method) is not method
    if method is not None and (method.detached_at is not None or method.customer_id != customer.id):
        return False
    if customer.deleted_at is not None:
        return False  # a form that its payer completed late: nothing is to be shown of anybody any more
    stripe_id = update.on_file.processor_customer_id
    assert stripe_id is not None
    if customer.stripe_customer_id not in (None, stripe_id):
        return False  # of a Stripe customer that has been replaced by a newer one
    return methods.store_method(work, customer, stripe_id, update.on_file.method, method) != (customer, method)


def _customer_gone(work: Work, update: CustomerDeleted) -> bool:
    """Nothing can be charged to this customer of the processor's any more; the next charge makes a new one."""
    ref = Ref(Customer, update.tenant_id, update.customer_id)
    customer = work.load(ref).get(ref)
    if customer is None or customer.stripe_customer_id != update.processor_customer_id:
        return False
    methods.forget_stripe_customer(work, customer)
    return True


def _clock_refs(update: PaymentUpdate | RefundUpdate | DisputeUpdate) -> list[Ref[Clock]]:
    return [Ref(Clock, update.tenant_id, update.test_clock_id)] if update.test_clock_id else []


def _payment_and_time(
    work: Work, update: PaymentUpdate | DisputeUpdate, *also: Ref[Any]
) -> tuple[Payment, datetime, Found]:
    """The payment that an update is about, and the time on its customer's clock.

    Args:
        also: what else the batch is to bring; it is in the third part of the answer.

    Raises:
        NotWrittenYet: it is not there.
    """
    ref = Ref(Payment, update.tenant_id, update.payment_id)
    clock = _clock_refs(update)
    found = work.load(ref, *clock, *also)
    payment = found.get(ref)
    if payment is None:
        raise NotWrittenYet(f"{update.payment_id} of {work.tenant.id}")
    return payment, _when(payment, found.get(clock[0]) if clock else None, work.now), found


def _when(money: Payment | Refund, clock: Clock | None, now: datetime) -> datetime:
    """The time on the customer's clock; while that advances, the attempt's own time is the best there is."""
    if clock is None:
        return now if money.test_clock_id is None else money.created_at
    return max(clock.frozen_time, money.created_at)
