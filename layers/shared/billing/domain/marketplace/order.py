"""Orders: a buyer pays once, and it reaches several providers.

pending ──> processing | requires_action ──> paid ──> partially_refunded ──> refunded
   └──────> expired | canceled                (and back to pending where an attempt to pay it failed)

What each item brings to whom is frozen when the order is made (``split``); what was given back of it is added up beside
it (``OrderItem.returned``). A dispute does not change the status: it stands beside it, open (``disputes``) or lost
(``lost``), for a bank may change its mind.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import InvalidState
from billing.domain.kernel.ids import derived
from billing.domain.kernel.marketplace_terms import MarketplaceTerms, Party
from billing.domain.kernel.money import Money, sum_money
from billing.domain.lines.line import TaxAmount
from billing.domain.marketplace.split import Split

PAY_WITHIN = timedelta(hours=24)
"""How long an order may be paid. Then its form is taken back, and it expires."""
MOST_ITEMS, MOST_PROVIDERS = 100, 20
"""A payment writes an earning for each provider, a refund up to three items for each: a transaction holds 100."""


class OrderStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    EXPIRED = "expired"
    CANCELED = "canceled"

    @property
    def is_open(self) -> bool:
        """Whether it may still be paid."""
        return self in (OrderStatus.PENDING, OrderStatus.PROCESSING, OrderStatus.REQUIRES_ACTION)

    @property
    def is_sold(self) -> bool:
        """Whether it was paid, whatever was given back since."""
        return self in (OrderStatus.PAID, OrderStatus.PARTIALLY_REFUNDED, OrderStatus.REFUNDED)


@dataclass(frozen=True, slots=True)
class OrderItem:
    """A line of an order.

    Args:
        id: within the order (``item_1``).
        provider_id: the tenant who sells it; None where the marketplace does.
        quantity: above zero.
        unit_amount: as the caller asks for it; with tax where the order's prices include it.
        gross: quantity x unit amount.
        discount: taken off that by a coupon, whoever pays for it.
        split: who gets what, frozen.
        taxes: what ``split.tax`` is made of.
        untaxed: the taxes that are not on it, and why.
        returned: what was given back of it, by whichever way: refunds here and at Stripe, disputes.
        returned_quantity: how many were given back by number.
        disputed: the part of ``returned`` that disputes hold, or took; None for none.
    """

    id: str
    sku: str
    description: str
    provider_id: str | None
    quantity: int
    unit_amount: Money
    commission_bps: int
    gross: Money
    discount: Money
    split: Split
    returned: Split
    tax_collector: Party = Party.MARKETPLACE
    tax_code: str | None = None
    taxes: tuple[TaxAmount, ...] = ()
    returned_quantity: int = 0
    disputed: Split | None = None
    untaxed: tuple[TaxAmount, ...] = ()

    @property
    def refunded(self) -> Split:
        """What refunds gave back of it: what disputes took is not among it."""
        return self.returned if self.disputed is None else self.returned - self.disputed

    @property
    def left(self) -> Money:
        """What the buyer paid for it and has not got back."""
        return self.split.paid - self.returned.paid


@dataclass(frozen=True, slots=True)
class Order:
    """An order, in its marketplace's books.

    Args:
        customer_id: the buyer.
        region: ISO 3166-1 country in which it is sold; None for the customer's.
        total: what the buyer pays, with tax.
        terms: the marketplace's, when it was made.
        coupon_code: as its maker wrote it; its redemption goes back where the order is never paid.
        tax_notes: what a receipt has to say of its taxes (``Reverse charge``).
        payment_id: the present attempt to pay it, or the one that paid it.
        attempts: how many there were.
        refund_deadline_at: from then on it cannot be refunded here; None until it is paid.
        disputes: the ids of the disputes of its payment that are open.
        fee: Stripe's for its charge, in the order's currency; None while that is not known.
        fees: by provider, what it bears of that.
        lost: by dispute that was lost, what it took of the items.
        short: the returns that gave back more than was left of it (``OrderReturn.short``).
        test_clock_id: the buyer's.
    """

    entity_name: ClassVar[str] = "Order"

    id: str
    tenant_id: str
    customer_id: str
    status: OrderStatus
    currency: str
    items: tuple[OrderItem, ...]
    terms: MarketplaceTerms
    created_at: datetime
    expires_at: datetime
    region: str | None = None
    tax_inclusive: bool = False
    coupon_code: str | None = None
    tax_notes: tuple[str, ...] = ()
    payment_id: str | None = None
    attempts: int = 0
    paid_at: datetime | None = None
    refund_deadline_at: datetime | None = None
    closed_at: datetime | None = None
    disputes: tuple[str, ...] = ()
    fee: Money | None = None
    fees: dict[str, Money] = field(default_factory=dict)
    lost: dict[str, Money] = field(default_factory=dict)
    short: tuple[str, ...] = ()
    test_clock_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    due: Due | None = None
    version: int = 0

    @property
    def total(self) -> Money:
        return sum_money((each.split.paid for each in self.items), self.currency)

    @property
    def returned(self) -> Money:
        """What the buyer got back."""
        return sum_money((each.returned.paid for each in self.items), self.currency)

    @property
    def left(self) -> Money:
        """What the buyer paid and has not got back."""
        return self.total - self.returned

    @property
    def provider_ids(self) -> tuple[str, ...]:
        """Who sells, in the order of the items; the marketplace itself is not among them."""
        return tuple(dict.fromkeys(each.provider_id for each in self.items if each.provider_id is not None))

    def of_provider(self, provider_id: str | None) -> Split:
        """The sum of a provider's items."""
        total = Split.nothing(self.currency)
        for each in self.items:
            if each.provider_id == provider_id:
                total += each.split
        return total


@dataclass(frozen=True, slots=True)
class OrderReturn:
    """What one refund, or one dispute, takes of an order's items; under the refund's or dispute's own id.

    Args:
        parts: by item id.
        quantities: by item id, how many it gives back by number.
        order_version: of the order that its parts were worked out from; None where that was the one it was entered in.
        short: what it gives back beyond what was left of the order. Of 100.00 a refund of 60.00 is under way, and
            somebody refunds 80.00 at Stripe: 40.00 are taken of the items, 40.00 are short until the first one fails.
        undone: the bank sent the refund back, or the dispute was won: all of it is the sellers' again.
        lost: a dispute that was lost: what it held is gone.
    """

    entity_name: ClassVar[str] = "OrderReturn"

    id: str
    tenant_id: str
    order_id: str
    parts: dict[str, Split]
    created_at: datetime
    quantities: dict[str, int] = field(default_factory=dict)
    is_dispute: bool = False
    undone: bool = False
    lost: bool = False
    short: Money | None = None
    order_version: int | None = None
    version: int = 0

    def amount(self, currency: str) -> Money:
        """What the buyer gets back, in the order's currency."""
        parts = sum_money((each.paid for each in self.parts.values()), currency)
        return parts if self.short is None else parts + self.short


def earning_id(order: Order, provider_id: str) -> str:
    """The id of what a provider earns by an order: one, however often its payment is settled."""
    return derived("earn", order.created_at, order.id, provider_id)


_FROM_OPEN = {
    OrderStatus.PROCESSING,
    OrderStatus.REQUIRES_ACTION,
    OrderStatus.PENDING,
    OrderStatus.PAID,
    OrderStatus.EXPIRED,
    OrderStatus.CANCELED,
}


def moved(order: Order, status: OrderStatus, action: str) -> Order:
    """The order in another status.

    Args:
        action: what is tried, as a participle ("paid"), for the refusal.

    Raises:
        InvalidState: it cannot get there from where it is.
    """
    allowed = status in _FROM_OPEN if order.status.is_open else order.status.is_sold and status.is_sold
    if not allowed:
        raise InvalidState.of("order", order.status, action)
    return replace(order, status=status)


def with_returned_status(order: Order) -> Order:
    """The order in the status that says what refunds gave back: all, some, or none (after one came back).

    What disputes hold or took stands beside it: 200.00 of which 60.00 are lost, and 140.00 refunded, are partially
    refunded; and of a refund that fails because its payer disputed the order nothing is left in the status.
    """
    free = order.total.is_zero  # nothing was paid for it, so all of it is back once every item is
    if free:
        all_of_it = all(each.returned_quantity == each.quantity for each in order.items)
    else:
        all_of_it = all(each.refunded.paid == each.split.paid for each in order.items)
    if all_of_it:
        return moved(order, OrderStatus.REFUNDED, "refunded")
    nothing = all(each.refunded == Split.nothing(order.currency) for each in order.items)
    return moved(order, OrderStatus.PAID if nothing else OrderStatus.PARTIALLY_REFUNDED, "refunded")
