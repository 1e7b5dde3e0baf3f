"""Payments without an invoice: a plain amount, or an order of the tenant. Each is a sale of its own in the books.

By a saved method it is charged in the request, with two commits around the charge; where the payer is to complete it
in a form, the intent moves no money, so that it is made between load and commit (docs/decisions/0020-payments.md).
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from billing.domain import ledger
from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.kernel.card_limits import require_chargeable
from billing.domain.kernel.errors import PaymentMethodInvalid
from billing.domain.kernel.event_types import EventType
from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import Money
from billing.domain.payments.payment import (
    ChargeResult,
    Payment,
    PaymentError,
    PaymentStatus,
    SettledBy,
    intent_payment_id,
    sent_again,
)
from billing.services.clocks.customer_time import customer_time, outcome_time
from billing.services.kernel.recovery import ChargePending
from billing.services.kernel.work import Ref, Work
from billing.services.payments import fees
from billing.services.payments.collection import Collector
from billing.services.payments.idempotency_keys import outside_key
from billing.services.payments.methods import at_stripe, is_old, usable
from billing.services.payments.order_books import NO_ORDERS, OrderBooks
from billing.services.payments.processor import CardDeclined, CardProcessor, IntentRequest, OpenedIntent, References


@dataclass(frozen=True, slots=True)
class OneTimeRequest:
    """What is to be paid, and by whom.

    Args:
        customer_id: who pays; None for the tenant's default customer.
        payment_method_id: the method to charge now; None for the customer's default, or for the payer to choose.
        order_id: an order of the tenant (``OrderPayments`` takes it), or else the tenant's own reference of one.
        off_session: nobody is there to authenticate the payment.
        save_method: keep what it is paid by as a saved method.
    """

    amount: Money
    customer_id: str | None = None
    payment_method_id: str | None = None
    order_id: str | None = None
    off_session: bool = True
    save_method: bool = False
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Made:
    """A payment that was just made or continued, with the client secret if the payer has to go on."""

    payment: Payment
    client_secret: str | None


@dataclass(frozen=True, slots=True)
class OneTimePayments:
    """The use cases."""

    collector: Collector
    processor: CardProcessor
    orders: OrderBooks = NO_ORDERS

    def charge(self, work: Work, request: OneTimeRequest) -> Made:
        """Charge a saved method now.

        Raises:
            NotFound: no such customer.
            ValidationFailed: the amount cannot be charged in its currency.
            PaymentMethodInvalid: there is no method to charge, or it is another customer's.
            Unavailable: the card processor is down; nothing is written.
        """
        require_chargeable(request.amount)
        customer_ref = _customer_ref(work, request)
        method_ref = Ref(PaymentMethod, work.tenant.id, request.payment_method_id or "")
        found = work.load(customer_ref, *([method_ref] if method_ref.id else []))
        if isinstance(work.recovery_point, ChargePending):
            return self._go_on(work, work.recovery_point)
        self.processor.ready()
        customer = found.require(customer_ref)
        at = customer_time(work, customer)
        try:
            customer, method_id = self.method(work, customer, request.payment_method_id, found.get(method_ref))
        except CardDeclined as declined:
            customer = work.load(customer_ref).require(customer_ref)  # as Stripe has it now
            return self._declined(work, request, customer, declined.error, at)
        payment_id = work.fresh_id("pay", at)
        payment = replace(
            self._new(work, request, customer, payment_id, at),
            payment_method_id=method_id,
            due=self.collector.check_due(payment_id, work.now),
        )
        payment = work.save(payment)
        work.checkpoint(ChargePending(payment.id))
        result = self.collector.charge_now(payment)
        return self.made(self.settle(work, payment, result, at, SettledBy.REQUEST), result)

    def _declined(
        self, work: Work, request: OneTimeRequest, customer: Customer, why: PaymentError, at: datetime
    ) -> Made:
        """A payment by a new card that its bank declined when it was attached: it failed at once."""
        payment = self._new(work, request, customer, work.fresh_id("pay", at), at)
        payment = replace(payment, payment_method_id=request.payment_method_id)
        result = ChargeResult(PaymentStatus.FAILED, None, why)
        return self.made(self.settle(work, payment, result, at, SettledBy.REQUEST), result)

    def intent(self, work: Work, request: OneTimeRequest) -> Made:
        """Have a payer who is present pay: by a method now, or in a form within a day.

        Raises:
            NotFound: no such customer.
            ValidationFailed: the amount cannot be charged in its currency.
            PaymentMethodInvalid: the method that is named is another customer's, or cannot be used.
            Unavailable: the card processor is down; nothing is written.
        """
        if request.payment_method_id is not None:
            return self.charge(work, request)
        require_chargeable(request.amount)
        customer_ref = _customer_ref(work, request)
        customer = work.load(customer_ref).require(customer_ref)
        at = customer_time(work, customer)

        def open_intent(customer: Customer) -> tuple[str, OpenedIntent]:
            return self._opened(work, request, customer)

        customer, (key, opened) = at_stripe(work, self.processor, customer, open_intent)
        payment_id = intent_payment_id(customer.tenant_id, opened.id, opened.created_at)
        payment = replace(self._new(work, request, customer, payment_id, at), idempotency_key=key)
        return Made(work.save(self.collector.waiting(payment, opened, work.now)), opened.client_secret)

    def _opened(self, work: Work, request: OneTimeRequest, customer: Customer) -> tuple[str, OpenedIntent]:
        """A new intent, and its key at Stripe."""
        stripe_id = customer.stripe_customer_id or ""
        references = References(customer.tenant_id, customer.id, test_clock_id=customer.test_clock_id)
        key = outside_key(work, customer.tenant_id, "intent", stripe_id)
        opened = self.processor.open_intent(
            IntentRequest(request.amount, stripe_id, references, request.save_method, key)
        )
        if not is_old(opened, work.now):
            return key, opened
        key = f"{key}:{opened.id}"
        return key, self.processor.open_intent(
            IntentRequest(request.amount, stripe_id, references, request.save_method, key)
        )

    def settle(
        self,
        work: Work,
        payment: Payment,
        result: ChargeResult,
        at: datetime,
        by: SettledBy,
        event_id: str | None = None,
    ) -> Payment:
        """Stage what follows from Stripe's answer; nothing if that is nothing new.

        Args:
            at: now, on the customer's clock.
            event_id: Stripe's event, if a webhook told of it.
        """
        after = self.collector.payment_after(work, payment, result, at, by, event_id)
        if after is payment:
            after = fees.learnt(work, payment, result, at)
            if after is not payment and after.of_order:
                self.orders.charge_known(work, after, at)
            return after
        after = work.save(after)
        if after.of_order and after.status is not PaymentStatus.SUCCEEDED:
            self.orders.attempted(work, after, at)
        if after.never_sent:
            return after
        if after.status is PaymentStatus.SUCCEEDED:
            after = self._sold(work, after, at)
            work.emit(EventType.PAYMENT_SUCCEEDED, after)
        elif after.status in (PaymentStatus.FAILED, PaymentStatus.CANCELED):
            work.emit(EventType.PAYMENT_FAILED, after)
        elif after.status is PaymentStatus.REQUIRES_ACTION:
            work.emit(EventType.PAYMENT_REQUIRES_ACTION, after)
        return after

    def _sold(self, work: Work, payment: Payment, at: datetime) -> Payment:
        """Enter what a payment paid: its order, or a sale of its own; also where its order takes nothing of it."""
        if payment.of_order:
            if self.orders.paid(work, payment, at):
                if payment.taken is not None and payment.taken.balance_transaction_id is not None:
                    self.orders.charge_known(work, payment, at)
                return payment
            payment = work.save(replace(payment, of_order=False))
        fees.enter(work, payment, _sale(payment, at), at)
        return payment

    def withdraw(self, work: Work, payment: Payment, at: datetime) -> Payment:
        """Cancel an intent that its payer could still complete; it is paid instead if the payer was faster.

        Raises:
            InvalidState: it can no longer be canceled, and has no outcome yet.
        """
        if not payment.in_the_payers_hands:
            return payment
        return self.settle(work, payment, self.collector.cancel_charge(payment), at, SettledBy.SWEEP)

    def _go_on(self, work: Work, point: ChargePending) -> Made:
        """Continue from the first commit of an earlier run: ask about its attempt instead of starting again."""
        ref = Ref(Payment, work.tenant.id, point.payment_id)
        payment = work.load(ref).require(ref)
        if payment.never_sent:
            return self._sent_again(work, payment)
        if payment.status.is_final:
            return Made(payment, self.collector.secret_of(payment))
        result = self.collector.resolve(work, payment)
        payment = self.settle(work, payment, result, outcome_time(work, payment), SettledBy.REQUEST)
        return self.made(payment, result)

    def _sent_again(self, work: Work, payment: Payment) -> Made:
        """A payment that Stripe had refused without doing anything; committed before it is sent, as at first."""
        payment = work.save(sent_again(payment, self.collector.check_due(payment.id, work.now)))
        work.checkpoint(ChargePending(payment.id))
        result = self.collector.charge_again(work, payment)
        return self.made(self.settle(work, payment, result, outcome_time(work, payment), SettledBy.REQUEST), result)

    @staticmethod
    def made(payment: Payment, result: ChargeResult) -> Made:
        """The answer to who asked, from Stripe's."""
        return Made(payment, result.next_secret if payment.off_session else result.client_secret)

    def method(
        self, work: Work, customer: Customer, wanted: str | None, known: PaymentMethod | None
    ) -> tuple[Customer, str]:
        """What is charged: the method that is wanted, attached if it is not yet, or the customer's default.

        Args:
            known: the wanted method as it is stored, where it is.

        Raises:
            PaymentMethodInvalid: there is none, or it is another customer's.
            CardDeclined: its bank declined it.
        """
        if wanted is not None:
            customer, method = usable(work, self.processor, customer, wanted, known)
            return customer, method.id
        if customer.default_payment_method_id is None or customer.stripe_customer_id is None:
            raise PaymentMethodInvalid("The customer has no payment method")
        return customer, customer.default_payment_method_id

    @staticmethod
    def _new(work: Work, request: OneTimeRequest, customer: Customer, payment_id: str, at: datetime) -> Payment:
        assert customer.stripe_customer_id is not None
        return Payment(
            id=payment_id,
            tenant_id=customer.tenant_id,
            customer_id=customer.id,
            amount=request.amount,
            status=PaymentStatus.PENDING,
            attempt=1,
            idempotency_key=outside_key(work, customer.tenant_id, "payment", payment_id),
            stripe_customer_id=customer.stripe_customer_id,
            payment_method_id=None,
            off_session=request.off_session,
            created_at=at,
            submitted_at=work.now,
            order_id=request.order_id,
            test_clock_id=customer.test_clock_id,
            metadata=request.metadata,
        )


def _customer_ref(work: Work, request: OneTimeRequest) -> Ref[Customer]:
    return Ref(Customer, work.tenant.id, request.customer_id or work.tenant.default_customer_id)


def _sale(payment: Payment, at: datetime) -> list[ledger.LedgerEntry]:
    """20.00 sold and paid: Dr receivable 20.00, Cr revenue 20.00; Dr cash 20.00, Cr receivable 20.00."""
    about = (payment.id, payment.receivable, payment.amount, at)
    return [
        ledger.sold(derived("le", payment.created_at, "payment.sold", payment.id), *about),
        ledger.payment_received(derived("le", payment.created_at, "payment.succeeded", payment.id), *about),
    ]
