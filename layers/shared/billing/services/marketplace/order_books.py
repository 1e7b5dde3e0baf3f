"""What becomes of an order when its payment's money moves: ``services.payments.order_books.OrderBooks``.

Everything is staged in the unit of work of whoever settles the payment, refund or dispute. A payment that succeeds
writes the providers' earnings and leaves their accounts alone, so that no busy provider is a hot item at a checkout.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import InvalidState, LostRace, RefundWindowPassed
from billing.domain.kernel.event_types import EventType
from billing.domain.kernel.ids import derived
from billing.domain.kernel.marketplace_terms import Party
from billing.domain.kernel.money import Money, sum_money
from billing.domain.ledger import LedgerEntry, payment_received
from billing.domain.marketplace import books
from billing.domain.marketplace.account import Figures, LineType
from billing.domain.marketplace.earning import Earning, EarningStatus, standing
from billing.domain.marketplace.order import (
    Order,
    OrderReturn,
    OrderStatus,
    earning_id,
    moved,
    with_returned_status,
)
from billing.domain.marketplace.returning import by_amount, by_provider, fee_shares, taken
from billing.domain.marketplace.split import Split
from billing.domain.payments.dispute import Dispute
from billing.domain.payments.payment import Payment, PaymentStatus
from billing.domain.payments.refund import Refund
from billing.services.clocks.shards import DueShards
from billing.services.kernel.work import Ref, Work
from billing.services.marketplace import disputed_orders
from billing.services.marketplace.shares import Shares, figures_of, items_of
from billing.services.payments import fees
from billing.services.payments.order_books import PayableOrder

_log = logging.getLogger(__name__)
_ITEMS = 85
"""Of a transaction's 100 items, those that are left when the payment, the order, the refund and events are in it."""
_STATUS = {
    PaymentStatus.REQUIRES_ACTION: OrderStatus.REQUIRES_ACTION,
    PaymentStatus.PENDING: OrderStatus.PROCESSING,
    PaymentStatus.PROCESSING: OrderStatus.PROCESSING,
}
"""What an order is while its attempt has not paid; pending in all other cases: somebody has to pay it."""


@dataclass(frozen=True, slots=True)
class MarketplaceBooks:
    """The orders behind payments.

    Args:
        shards: of the due index.
    """

    shards: DueShards

    def payable(self, work: Work, order_id: str) -> PayableOrder | None:
        ref = Ref(Order, work.tenant.id, order_id)
        order = work.load(ref).get(ref)
        if order is None:
            return None
        return PayableOrder(
            order.id,
            order.customer_id,
            order.total,
            order.status.value,
            order.status.is_open,
            order.created_at,
            order.payment_id,
            order.attempts,
        )

    def claim(self, work: Work, payment: Payment, *, beside_a_form: bool = False) -> None:
        order = _order_of(work, payment)
        if not order.status.is_open:
            raise InvalidState.of("order", order.status, "paid")
        if payment.attempt < order.attempts:  # one that is sent again, and another was made since it was looked at
            raise LostRace("The order was changed while it was being read")
        order = replace(order, attempts=payment.attempt)
        if not beside_a_form:
            order = moved(order, _STATUS.get(payment.status, OrderStatus.PENDING), "paid")
            order = replace(order, payment_id=payment.id)
        work.save(order)

    def attempted(self, work: Work, payment: Payment, at: datetime) -> None:
        order = _order_of(work, payment)
        if order.payment_id != payment.id or not order.status.is_open:
            return
        after = moved(order, _STATUS.get(payment.status, OrderStatus.PENDING), "paid")
        if after.due is None:  # its time was over while the attempt was under way
            after = replace(after, due=Due(self.shards.of(order), max(order.expires_at, at)))
        if after != order:
            work.save(after)

    def paid(self, work: Work, payment: Payment, at: datetime) -> bool:
        order = _order_of(work, payment)
        if not order.status.is_open or payment.amount != order.total:
            _log.critical(
                "an order's payment pays nothing of it",
                extra={"payment_id": payment.id, "order_id": order.id, "status": order.status.value},
            )
            if order.status.is_open and order.payment_id == payment.id:
                work.save(moved(order, OrderStatus.PENDING, "paid"))
            return False
        entry_id = derived("le", payment.created_at, "payment.succeeded", payment.id)
        self.sell(work, replace(order, payment_id=payment.id), at)
        received = payment_received(entry_id, payment.id, payment.receivable, payment.amount, at)
        fees.enter(work, payment, (received,), at)
        return True

    def sell(self, work: Work, order: Order, at: datetime) -> Order:
        """Stage that an order is sold: the sale, and what each provider earns by it.

        Args:
            order: with the payment that paid it, if there was anything to pay.
        """
        order = replace(
            moved(order, OrderStatus.PAID, "paid"),
            paid_at=at,
            refund_deadline_at=at + timedelta(seconds=order.terms.refund_window_s),
            due=None,
        )
        order = work.save(order)
        for provider_id in order.provider_ids:
            work.save(self._earned(order, provider_id, at))
        _post(work, books.sold(order, at))
        work.emit(EventType.ORDER_PAID, order)
        return order

    def _earned(self, order: Order, provider_id: str, at: datetime) -> Earning:
        own = [each for each in order.items if each.provider_id == provider_id]
        zero = Money.zero(order.currency)
        earning = Earning(
            id=earning_id(order, provider_id),
            tenant_id=provider_id,
            marketplace_id=order.tenant_id,
            order_id=order.id,
            payment_id=order.payment_id,
            item_ids=tuple(each.id for each in own),
            currency=order.currency,
            gross=sum_money((each.gross for each in own), order.currency),
            discount=sum_money((each.discount - each.split.promotion for each in own), order.currency),
            split=order.of_provider(provider_id),
            returned=Split.nothing(order.currency),
            fee=zero,
            status=EarningStatus.PENDING,
            created_at=at,
            release_at=at + timedelta(seconds=order.terms.held_for_s),
            test_clock_id=order.test_clock_id,
        )
        return standing(earning, self.shards.of_id(order.tenant_id, order.test_clock_id, earning.id), at)

    def charge_known(self, work: Work, payment: Payment, at: datetime) -> None:
        order = _order_of(work, payment)
        if payment.taken is None or order.payment_id != payment.id or order.fee is not None:
            return
        fee = payment.taken.fee
        bears = fee is not None and fee.currency == order.currency and not fee.is_negative
        shares: dict[str, Money] = {}
        if bears and fee is not None:
            order = replace(order, fee=fee)
            if order.terms.fees_borne_by is Party.PROVIDER:
                parts = fee_shares(order, fee)
                shares = {each: share for each, share in parts.items() if each is not None and not share.is_zero}
                order = replace(order, fees=shares)
            order = work.save(order)
        available_on = payment.taken.available_on
        if not shares and available_on is None:
            return
        held = Shares.of(work, order, order.provider_ids, self.shards, at)
        _post(work, books.fee_borne(order, payment.id, shares, held.accounts(), at))
        for provider_id in order.provider_ids:
            share = shares.get(provider_id, Money.zero(order.currency))
            if held.is_released(provider_id):
                held.line(provider_id, LineType.FEE, -share, payment.id, figures=_fee_figures(share))
                continue
            earning = held.earnings[provider_id]
            release_at = _released_at(order, available_on)
            held.change(replace(earning, fee=earning.fee + share, available_on=available_on, release_at=release_at))

    def require_in_time(self, work: Work, payment: Payment, at: datetime) -> None:
        require_in_time(_order_of(work, payment), at)

    def refunding(self, work: Work, payment: Payment, refund: Refund, at: datetime) -> None:
        order = _order_of(work, payment)
        ref = Ref(OrderReturn, refund.tenant_id, refund.id)
        back = work.load(ref).get(ref)
        if back is None:
            back = work.save(_by_amount(order, refund.id, refund.amount, at))
        elif back.order_version not in (None, order.version):
            # Two give back the same item: this one read the order, the other wrote, and here it is read once more.
            raise LostRace("The order was changed while it was being read")
        self.take(work, order, back, at)

    def take(self, work: Work, order: Order, back: OrderReturn, at: datetime) -> Order:
        """Stage what a refund takes of an order, and of everybody who sold: the order as it is staged."""
        after = with_returned_status(taken(order, back))
        if back.short is not None:
            after = replace(after, short=(*after.short, back.id))
            _post(work, books.beyond_the_items(order, ("short", back.id), back.id, back.short, at, of_dispute=False))
        after = work.save(after)
        self._moved(work, order, back.id, back.parts, ("refund", back.id), at, undone=False)
        work.emit(EventType.ORDER_REFUNDED, after)
        return after

    def refund_failed(self, work: Work, refund: Refund, at: datetime) -> None:
        back_ref = Ref(OrderReturn, refund.tenant_id, refund.id)
        order_ref = Ref(Order, refund.tenant_id, refund.order_id or "")
        found = work.load(back_ref, order_ref)
        back, order = found.require(back_ref), found.require(order_ref)
        if back.undone:
            return
        back = work.save(replace(back, undone=True))
        after = with_returned_status(taken(order, back))
        if back.short is not None:
            gone = ("short undone", back.id)
            _post(work, books.beyond_the_items(order, gone, back.id, -back.short, at, of_dispute=False))
        after = work.save(replace(after, short=tuple(each for each in after.short if each != back.id)))
        self._moved(work, order, back.id, back.parts, ("refund undone", back.id), at, undone=True)
        self._make_up(work, after, at, lines_beside=1)

    def make_up(self, work: Work, order: Order, at: datetime) -> Due | None:
        """The alarm clock's work on an order with room that others wait for; when it is due next.

        Args:
            at: now, on the buyer's clock.
        """
        order = work.save(replace(order, due=None))
        self._make_up(work, order, at, lines_beside=0)
        return _order_named(work, order.tenant_id, order.id).due

    def _make_up(self, work: Work, order: Order, at: datetime, lines_beside: int) -> None:
        """Take of the items what other returns had gone short of, now that there is room.

        A transaction holds 100 items, and each return is a line for each provider: of twenty providers, the third one
        is the next commit's, of the alarm clock.

        Args:
            lines_beside: how many lines of each provider are staged already, at the most.
        """
        providers = len(order.provider_ids)
        fits = (_ITEMS - providers * (1 + lines_beside)) // (providers + 4)
        for back_id in order.short:
            ref = Ref(OrderReturn, order.tenant_id, back_id)
            back = work.load(ref).require(ref)
            assert back.short is not None
            more = min(back.short, order.left)
            if more.is_zero:
                continue
            fits -= 1
            if fits < 0:
                work.save(replace(order, due=Due(self.shards.wall_clock(order.id), work.now)))
                return
            step = replace(_by_amount(order, back.id, more, at), is_dispute=back.is_dispute)
            rest = back.short - more
            back = work.save(replace(back, parts=_joined(back.parts, step.parts), short=None if rest.is_zero else rest))
            before, short = order, order.short if back.short else tuple(each for each in order.short if each != back_id)
            order = replace(taken(order, step), short=short)
            order = work.save(order if back.is_dispute else with_returned_status(order))
            fact = ("short", back.id, str(back.version))
            if back.is_dispute:
                disputed_orders.more_taken(work, before, back, step.parts, fact, self.shards, at)
                if not back.lost:
                    continue
            _post(work, books.beyond_the_items(before, fact, back.id, -more, at, of_dispute=back.is_dispute))
            if not back.is_dispute:
                self._moved(work, before, back.id, step.parts, ("refund", *fact), at, undone=False)

    def _moved(
        self,
        work: Work,
        order: Order,
        source_id: str,
        items: dict[str, Split],
        fact: tuple[str, ...],
        at: datetime,
        undone: bool,
    ) -> None:
        """Stage what a refund takes of each provider, or gives again, and its entry."""
        parts = by_provider(order, items)
        held = Shares.of(work, order, parts, self.shards, at)
        _post(work, books.returned(order, fact, source_id, parts, held.accounts(), at, undone))
        kind = LineType.REFUND_RETURNED if undone else LineType.REFUND
        for provider_id, part in parts.items():
            if provider_id is None:
                continue
            if not held.is_released(provider_id):
                held.shrink(provider_id, -part if undone else part)
                continue
            amount = part.earning if undone else -part.earning
            about = items_of(order, provider_id, items)
            held.line(provider_id, kind, amount, source_id, about, figures_of(part, 1 if undone else -1))

    def disputed(self, work: Work, payment: Payment, before: Dispute | None, after: Dispute, at: datetime) -> None:
        disputed_orders.follow(work, _order_of(work, payment), before, after, self.shards, at)
        self._make_up(work, _order_of(work, payment), at, lines_beside=3)  # let go, held again, and the earning


def require_in_time(order: Order, at: datetime) -> None:
    """Refuse to refund an order after its deadline, the same instant at which its earnings may be released.

    Raises:
        RefundWindowPassed: it has passed.
    """
    if order.refund_deadline_at is not None and at >= order.refund_deadline_at:
        raise RefundWindowPassed(
            f"The order {order.id} could be refunded until {order.refund_deadline_at:%Y-%m-%d %H:%M:%S} UTC"
        )


def _order_of(work: Work, payment: Payment) -> Order:
    return _order_named(work, payment.tenant_id, payment.order_id or "")


def _order_named(work: Work, tenant_id: str, order_id: str) -> Order:
    ref = Ref(Order, tenant_id, order_id)
    return work.load(ref).require(ref)


def _by_amount(order: Order, return_id: str, amount: Money, at: datetime) -> OrderReturn:
    """What an amount takes of the items; what there is no room for is short."""
    within = min(amount, order.left)
    parts = {} if within.is_zero else by_amount(order, within)
    short = None if within == amount else amount - within
    return OrderReturn(return_id, order.tenant_id, order.id, parts, at, short=short)


def _joined(parts: dict[str, Split], more: dict[str, Split]) -> dict[str, Split]:
    return parts | {each: parts[each] + part if each in parts else part for each, part in more.items()}


def _released_at(order: Order, available_on: datetime | None) -> datetime:
    """When an earning is released: after it was held for long enough, and once Stripe has the money.

    Stripe's days mean nothing on a test clock.
    """
    assert order.paid_at is not None
    held_until = order.paid_at + timedelta(seconds=order.terms.held_for_s)
    return held_until if available_on is None or order.test_clock_id else max(held_until, available_on)


def _post(work: Work, entry: LedgerEntry | None) -> None:
    if entry is not None:
        work.save(entry)


def _fee_figures(share: Money) -> Figures:
    zero = Money.zero(share.currency)
    return Figures(zero, zero, zero, zero, zero, share)
