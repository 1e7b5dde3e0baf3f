"""Refunding an order: an amount, or so many of some items. What it takes of whom is written before Stripe is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from billing.domain.customers.customer import Customer
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.errors import Detail, InvalidState, NotFound, ValidationFailed
from billing.domain.kernel.money import Money
from billing.domain.marketplace.order import Order, OrderReturn, OrderStatus
from billing.domain.marketplace.returning import by_amount, by_items
from billing.domain.payments.payment import Payment
from billing.domain.payments.refund import Refund, RefundStatus
from billing.services.clocks.customer_time import customer_time, outcome_time
from billing.services.kernel.recovery import RefundPending
from billing.services.kernel.work import Ref, Work
from billing.services.marketplace.order_books import MarketplaceBooks, require_in_time
from billing.services.marketplace.orders import get
from billing.services.payments.permits import PermitRefund, permit_any
from billing.services.payments.processor import CardProcessor
from billing.services.payments.refunds import (
    Refunder,
    RefundRequest,
    require_refundable,
    require_undisputed,
)


@dataclass(frozen=True, slots=True)
class WantedReturn:
    """What is to be refunded of an order: an amount, items, or (with neither) all that is left.

    Args:
        amount: micro-units of the order's currency.
        quantities: by item id, how many.
        amounts: by the ids of other items, micro-units.
        named: the ids of all these items, in the order in which they were named.
        reason: the tenant's own words.
    """

    amount: int | None = None
    quantities: dict[str, int] = field(default_factory=dict)
    amounts: dict[str, int] = field(default_factory=dict)
    named: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def names_items(self) -> bool:
        """Whether it says which items."""
        return bool(self.quantities or self.amounts)


@dataclass(frozen=True, slots=True)
class Returned:
    """What came of it; without a refund where there was nothing to send back."""

    order: Order
    back: OrderReturn
    refund: Refund | None


@dataclass(frozen=True, slots=True)
class OrderRefunds:
    """The use case."""

    processor: CardProcessor
    refunder: Refunder
    books: MarketplaceBooks

    def create(self, work: Work, order_id: str, wanted: WantedReturn, permit: PermitRefund = permit_any) -> Returned:
        """Refund an order; the refund is pending where its outcome is not known yet.

        Raises:
            NotFound: no such order, or no such item of it.
            InvalidState: it was not paid, or is refunded.
            RefundWindowPassed: its refund deadline has passed.
            ValidationFailed: an amount cannot be transferred in its currency.
            RefundExceedsAvailable: more than is left of it, or of an item; or a dispute holds it.
            Unavailable: the card processor is down; nothing is written.
        """
        order = get(work, order_id)
        if isinstance(work.recovery_point, RefundPending):
            return self._go_on(work, work.recovery_point)
        if not order.status.is_sold or order.status is OrderStatus.REFUNDED:
            raise InvalidState.of("order", order.status, "refunded")
        customer_ref = Ref(Customer, order.tenant_id, order.customer_id)
        payment_ref = Ref(Payment, order.tenant_id, order.payment_id or "")
        found = work.load(customer_ref, *([payment_ref] if payment_ref.id else []))
        at = customer_time(work, found.require(customer_ref), of_the_past=True)
        require_in_time(order, at)
        back = replace(_taken(order, work.fresh_id("re"), wanted, at), order_version=order.version)
        amount = back.amount(order.currency)
        if amount.is_zero:
            return self._without_money(work, order, back, at)
        payment = found.require(payment_ref)
        require_undisputed(payment)
        require_refundable(payment, amount)
        self.processor.ready()
        work.save(back)
        request = RefundRequest(payment, amount, wanted.reason, refund_id=back.id, permit=permit)
        refund = self.refunder.attempt(work, request, at)
        work.checkpoint(RefundPending(refund.id))
        refund = self.refunder.settle(work, refund, self.refunder.send(refund), at)
        return self._returned(work, refund)

    def _without_money(self, work: Work, order: Order, back: OrderReturn, at: datetime) -> Returned:
        """Give back what cost the buyer nothing: its providers' shares, which a coupon had paid."""
        back = work.save(back)
        return Returned(self.books.take(work, order, back, at), back, None)

    def _go_on(self, work: Work, point: RefundPending) -> Returned:
        """Go on from the first commit of an earlier run: ask about its refund instead of starting anew."""
        ref = Ref(Refund, work.tenant.id, point.refund_id)
        refund = work.load(ref).require(ref)
        if refund.status is RefundStatus.PENDING:
            refund = self.refunder.settle(work, refund, self.refunder.resolve(work, refund), outcome_time(work, refund))
        return self._returned(work, refund)

    @staticmethod
    def _returned(work: Work, refund: Refund) -> Returned:
        order_ref = Ref(Order, refund.tenant_id, refund.order_id or "")
        back_ref = Ref(OrderReturn, refund.tenant_id, refund.id)
        found = work.load(order_ref, back_ref)
        return Returned(found.require(order_ref), found.require(back_ref), refund)


def _taken(order: Order, refund_id: str, wanted: WantedReturn, at: datetime) -> OrderReturn:
    """What a refund is to take of an order's items."""
    quantities = wanted.quantities
    if not wanted.names_items and wanted.amount is None:
        quantities = {
            each.id: each.quantity - each.returned_quantity
            for each in order.items
            if each.returned_quantity < each.quantity and not (each.left.is_zero and not each.split.paid.is_zero)
        }
    if wanted.amount is not None or not (quantities or wanted.amounts):
        amount = order.left if wanted.amount is None else Money(wanted.amount, order.currency)
        _require_steps({"amount": amount})
        return OrderReturn(refund_id, order.tenant_id, order.id, by_amount(order, amount), at)
    unknown = ({*quantities, *wanted.amounts}) - {each.id for each in order.items}
    if unknown:
        raise NotFound(f"No item {', '.join(sorted(unknown))} of {order.id}")
    amounts = {each: Money(micros, order.currency) for each, micros in wanted.amounts.items()}
    _require_steps({f"items.{wanted.named.index(each)}.amount": amount for each, amount in amounts.items()})
    parts = by_items(order, quantities, amounts)
    return OrderReturn(refund_id, order.tenant_id, order.id, parts, at, dict(quantities))


def _require_steps(amounts: Mapping[str, Money]) -> None:
    """Refuse amounts that cannot be sent back in their currency; every one is named, by its field."""
    bad = [
        Detail(name, "not_chargeable_in_currency")
        for name, amount in amounts.items()
        if amount.minor % charge_step(amount.currency)
    ]
    if bad:
        raise ValidationFailed.all(bad)
