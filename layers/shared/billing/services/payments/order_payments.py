"""Paying an order of the tenant, by a saved method or in a form: one live attempt at a time.

Whatever may be refused comes first; only then is a form taken back that the payer may have open, and the charge made.
The attempt is claimed on the order in the commit that writes it, so that of two requests at once one runs again, and
finds the other's.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.kernel.errors import Detail, InvalidState, LostRace, NotFound, PaymentDiffersFromOrder
from billing.domain.kernel.money import Money
from billing.domain.payments.payment import (
    ChargeResult,
    Payment,
    PaymentError,
    PaymentStatus,
    SettledBy,
    attempt_id,
    sent_again,
)
from billing.services.clocks.customer_time import customer_time, outcome_time
from billing.services.kernel.recovery import ChargePending
from billing.services.kernel.work import Ref, Work
from billing.services.payments.collection import Collector
from billing.services.payments.idempotency_keys import outside_key
from billing.services.payments.methods import at_stripe
from billing.services.payments.one_time import Made, OneTimePayments
from billing.services.payments.order_books import OrderBooks, PayableOrder
from billing.services.payments.processor import CardDeclined, CardProcessor, IntentRequest, OpenedIntent, References


@dataclass(frozen=True, slots=True)
class OrderCharge:
    """How an order is to be paid.

    Args:
        payment_method_id: what is charged now; None for the customer's default, or for the payer to choose in a form.
        off_session: nobody is there to authenticate the payment.
        save_method: keep what it is paid by in the form as a saved method.
        amount, customer_id: what the caller takes them to be, checked where given.
    """

    order_id: str
    payment_method_id: str | None = None
    off_session: bool = True
    save_method: bool = False
    amount: Money | None = None
    customer_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Due:
    """An order with everything that its next attempt needs."""

    order: PayableOrder
    customer: Customer
    latest: Payment | None
    method: PaymentMethod | None
    at: datetime


@dataclass(frozen=True, slots=True)
class OrderPayments:
    """The use cases."""

    collector: Collector
    processor: CardProcessor
    one_time: OneTimePayments
    orders: OrderBooks

    def knows(self, work: Work, order_id: str) -> bool:
        """Whether an order id names an order of the tenant; else it is the tenant's own reference."""
        return self.orders.payable(work, order_id) is not None

    def charge(self, work: Work, request: OrderCharge) -> Made:
        """Charge a saved method now.

        Raises:
            NotFound: no such order.
            InvalidState: the order is not open, or an earlier charge of it is still undecided.
            PaymentDiffersFromOrder: the caller takes it to cost something else, or to be another customer's.
            PaymentMethodInvalid: there is no method to charge, or it is another customer's.
            Unavailable: the card processor is down; nothing is written.
        """
        order = self._order(work, request.order_id)
        if isinstance(work.recovery_point, ChargePending):
            return self._go_on(work, work.recovery_point)
        due = self._due(work, order, request)
        if isinstance(due, Made):
            return due
        try:
            customer, method_id = self.one_time.method(work, due.customer, request.payment_method_id, due.method)
        except CardDeclined as declined:
            return self._declined(work, due, request, declined.error)
        withdrawn = self._withdrawn(work, due)  # from here on nothing is refused any more
        if isinstance(withdrawn, Made):
            return withdrawn
        payment = self._new(work, replace(due, customer=customer), request)
        payment = replace(payment, payment_method_id=method_id, due=self.collector.check_due(payment.id, work.now))
        payment = work.save(payment)
        self.orders.claim(work, payment)
        work.checkpoint(ChargePending(payment.id))
        result = self.collector.charge_now(payment)
        return self.one_time.made(self.one_time.settle(work, payment, result, due.at, SettledBy.REQUEST), result)

    def form(self, work: Work, request: OrderCharge) -> Made:
        """Have a payer who is present pay: by a method now, or in a form within a day.

        Raises:
            as ``charge``.
        """
        if request.payment_method_id is not None:
            return self.charge(work, replace(request, off_session=False))
        request = replace(request, off_session=False)
        due = self._due(work, self._order(work, request.order_id), request)
        if isinstance(due, Made):
            return due

        def open_form(customer: Customer) -> tuple[Payment, OpenedIntent]:
            payment = self._new(work, replace(due, customer=customer), request)
            key = f"{payment.idempotency_key}:intent:{int(request.save_method)}:{payment.stripe_customer_id}"
            references = References.of(payment)
            asked = IntentRequest(payment.amount, payment.stripe_customer_id, references, request.save_method, key)
            return payment, self.processor.open_intent(asked)

        # The new form first, because it may be refused; then the old one is canceled.
        _, (payment, opened) = at_stripe(work, self.processor, due.customer, open_form)
        withdrawn = self._withdrawn(work, due)
        if isinstance(withdrawn, Made):
            return withdrawn
        payment = work.save(self.collector.waiting(payment, opened, work.now))
        self.orders.claim(work, payment)
        return Made(payment, opened.client_secret)

    def _order(self, work: Work, order_id: str) -> PayableOrder:
        order = self.orders.payable(work, order_id)
        if order is None:
            raise NotFound(f"No order {order_id}")
        return order

    def _due(self, work: Work, order: PayableOrder, request: OrderCharge) -> _Due | Made:
        """The order with what its next attempt needs; or paid, if an attempt that was parked had paid it."""
        _require_same(order, request)
        if not order.is_open:
            raise InvalidState.of("order", order.status, "paid")
        self.processor.ready()
        tenant_id = work.tenant.id
        customer_ref = Ref(Customer, tenant_id, order.customer_id)
        latest_ref = Ref(Payment, tenant_id, order.payment_id or "")
        method_ref = Ref(PaymentMethod, tenant_id, request.payment_method_id or "")
        found = work.load(customer_ref, *(each for each in (latest_ref, method_ref) if each.id))
        customer, latest = found.require(customer_ref), found.get(latest_ref)
        at = customer_time(work, customer)
        if latest is not None:
            if latest.status is PaymentStatus.SUCCEEDED and latest.of_order:
                raise LostRace("The order was paid while it was being read")
            if latest.is_undecided and latest.due is None:  # parked: nobody else asks about it any more
                latest = self.one_time.settle(work, latest, self.collector.resolve(work, latest), at, SettledBy.REQUEST)
                if latest.status is PaymentStatus.SUCCEEDED:
                    return Made(latest, None)
            if latest.is_undecided:
                raise InvalidState.of("payment", latest.status, "followed by another charge")
        return _Due(order, customer, latest, found.get(method_ref), at)

    def _withdrawn(self, work: Work, due: _Due) -> Made | None:
        """Take back the form that the payer may have open; the payment where the payer was faster."""
        payment = due.latest
        if payment is None or not payment.in_the_payers_hands:
            return None
        result = self.collector.cancel_charge(payment)
        if result.status is PaymentStatus.SUCCEEDED:
            return Made(self.one_time.settle(work, payment, result, due.at, SettledBy.REQUEST), None)
        # Another attempt follows at once, so nothing has failed, and nobody is told.
        after = self.collector.payment_after(work, payment, result, due.at, SettledBy.REQUEST, None)
        if after is not payment:
            work.save(after)
        return None

    def _declined(self, work: Work, due: _Due, request: OrderCharge, why: PaymentError) -> Made:
        """An attempt by a new card that its bank declined when it was attached: it failed at once."""
        ref = Ref(Customer, due.customer.tenant_id, due.customer.id)
        due = replace(due, customer=work.load(ref).require(ref))  # as Stripe has it now
        payment = replace(self._new(work, due, request), payment_method_id=request.payment_method_id)
        has_form = due.latest is not None and due.latest.in_the_payers_hands
        self.orders.claim(work, payment, beside_a_form=has_form)
        result = ChargeResult(PaymentStatus.FAILED, None, why)
        return self.one_time.made(self.one_time.settle(work, payment, result, due.at, SettledBy.REQUEST), result)

    def _go_on(self, work: Work, point: ChargePending) -> Made:
        """Continue from the first commit of an earlier run: ask about its attempt instead of starting again."""
        ref = Ref(Payment, work.tenant.id, point.payment_id)
        payment = work.load(ref).require(ref)
        if payment.never_sent:
            return self._sent_again(work, payment)
        if payment.status.is_final:
            return Made(payment, self.collector.secret_of(payment))
        result = self.collector.resolve(work, payment)
        payment = self.one_time.settle(work, payment, result, outcome_time(work, payment), SettledBy.REQUEST)
        return self.one_time.made(payment, result)

    def _sent_again(self, work: Work, payment: Payment) -> Made:
        """An attempt that Stripe had refused without doing anything; committed before it is sent, as at first.

        Raises:
            InvalidState: the order is not to be paid any more, or another attempt was made since.
        """
        order = self._order(work, payment.order_id or "")
        if not order.is_open:
            raise InvalidState.of("order", order.status, "paid")
        if order.payment_id != payment.id:
            raise InvalidState.of("payment", payment.status, "sent again: another attempt was made since")
        payment = work.save(sent_again(payment, self.collector.check_due(payment.id, work.now)))
        self.orders.claim(work, payment)
        work.checkpoint(ChargePending(payment.id))
        result = self.collector.charge_again(work, payment)
        payment = self.one_time.settle(work, payment, result, outcome_time(work, payment), SettledBy.REQUEST)
        return self.one_time.made(payment, result)

    @staticmethod
    def _new(work: Work, due: _Due, request: OrderCharge) -> Payment:
        """The order's next attempt: the same for everybody who makes it, so that it is made once."""
        order, customer = due.order, due.customer
        assert customer.stripe_customer_id is not None
        number = order.attempts + 1
        return Payment(
            id=attempt_id(order.id, order.created_at, number),
            tenant_id=customer.tenant_id,
            customer_id=customer.id,
            amount=order.total,
            status=PaymentStatus.PENDING,
            attempt=number,
            idempotency_key=outside_key(work, customer.tenant_id, "order", order.id, "attempt", str(number)),
            stripe_customer_id=customer.stripe_customer_id,
            payment_method_id=None,
            off_session=request.off_session,
            created_at=due.at,
            submitted_at=work.now,
            order_id=order.id,
            of_order=True,
            test_clock_id=customer.test_clock_id,
            metadata=request.metadata,
        )


def _require_same(order: PayableOrder, request: OrderCharge) -> None:
    """Refuse a payment that is not the order's.

    Raises:
        PaymentDiffersFromOrder: every field that differs is named.
    """
    bad = []
    if request.amount is not None and request.amount.currency != order.total.currency:
        bad.append(Detail("currency", "differs_from_the_order"))
    elif request.amount is not None and request.amount != order.total:
        bad.append(Detail("amount", "differs_from_the_order"))
    if request.customer_id not in (None, order.customer_id):
        bad.append(Detail("customerId", "differs_from_the_order"))
    if bad:
        raise PaymentDiffersFromOrder(f"The order {order.id} asks for {order.total}", tuple(bad))
