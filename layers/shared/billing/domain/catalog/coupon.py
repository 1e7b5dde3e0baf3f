"""Coupons, and the discounts that they become when they are redeemed.

A coupon is percent or amount off, for one period, some periods, or for ever. Redeeming it for a subscription copies
its terms into a ``Discount``, so that a later change of the coupon changes no running contract.

A coupon with a limit counts its redemptions itself, so that of two requests that race for the last one, one loses. A
coupon without a limit needs no such count, and a counter on it would be the one item that a whole campaign writes to:
there, only each customer's ``Redemption`` counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.errors import CouponExhausted, CouponExpired, CouponInvalid
from billing.domain.kernel.marketplace_terms import Party
from billing.domain.kernel.money import Money, exact_fraction, sum_money


class Duration(StrEnum):
    ONCE = "once"
    REPEATING = "repeating"
    FOREVER = "forever"


@dataclass(frozen=True, slots=True)
class Discount:
    """A redeemed coupon at work.

    Args:
        percent_off: 0 < percent <= 100; exactly one of this and ``amount_off`` is given.
        amount_off: taken off each period's charges together, never more than they are.
        periods: for how many billed periods it holds; None for ever.
        periods_used: how many it has been applied to, the running one included.
        plan_ids: the plans that it holds for; none for all.
        funded_by: who pays for it on an order; None for whoever the marketplace's settings say.
        provider_ids, skus: on an order it holds for what these tenants sell, and for these goods; none for all.
    """

    coupon_id: str
    code: str
    percent_off: Decimal | None
    amount_off: Money | None
    periods: int | None
    started_at: datetime
    periods_used: int = 0
    plan_ids: tuple[str, ...] = ()
    funded_by: Party | None = None
    provider_ids: tuple[str, ...] = ()
    skus: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.percent_off is None) == (self.amount_off is None):
            raise ValueError(f"discount {self.coupon_id}: percent or amount, one of them")

    @property
    def is_lasting(self) -> bool:
        """Whether it holds for ever."""
        return self.periods is None

    def shares(self, amounts: Sequence[Money]) -> list[Money]:
        """What the discount takes off each of a period's charges.

        25 % off 10.00 is 2.50, each line rounded once, half-up. An amount is split over the charges by their size, so
        that the parts sum to it: 10.00 off 100, 50, 30 and 20 is 5.00, 2.50, 1.50 and 1.00; off 8.00 it is 8.00.

        Args:
            amounts: of one currency, none negative.
        """
        if not amounts:
            return []
        currency = amounts[0].currency
        if self.percent_off is not None:
            rate = exact_fraction(self.percent_off) / 100
            return [Money.rounded(each.micros * rate, currency, charge_step(currency)) for each in amounts]
        assert self.amount_off is not None
        whole = sum_money(amounts, currency)
        if self.amount_off >= whole:
            return list(amounts)
        # In steps that can be charged: KWD 0.010 off two charges is 0.010 and nothing, not twice 0.005, for a credit
        # could then give back 0.010 each.
        step = charge_step(currency)
        parts = Money.from_minor(self.amount_off.minor // step, currency).allocate([each.micros for each in amounts])
        return [Money.from_minor(part.minor * step, currency) for part in parts]

    def next_period(self) -> "Discount | None":
        """The discount at the beginning of one more billed period; None when it has run out."""
        if self.periods is not None and self.periods_used >= self.periods:
            return None
        return replace(self, periods_used=self.periods_used + 1)

    def holds_for(self, plan_id: str) -> bool:
        """Whether it holds for a plan: a coupon may be for some plans only."""
        return not self.plan_ids or plan_id in self.plan_ids

    def holds_for_item(self, seller_id: str, sku: str) -> bool:
        """Whether it holds for an item of an order.

        Args:
            seller_id: the provider; the marketplace's own tenant where it sells itself.
        """
        sold_by_them = not self.provider_ids or seller_id in self.provider_ids
        return sold_by_them and (not self.skus or sku in self.skus)

    def applied(self) -> "Discount":
        """The discount once it has been applied in the running period: that is the first one that it uses."""
        return self if self.periods_used else replace(self, periods_used=1)


@dataclass(frozen=True, slots=True)
class Coupon:
    """A tenant's coupon.

    Args:
        id: the code in upper case, so that a code is taken once whatever its case.
        code: as its maker wrote it.
        percent_off: 0 < percent <= 100; exactly one of this and ``amount_off`` is given.
        amount_off: also says in which currency alone the coupon holds.
        duration_periods: billed periods, where the duration is ``repeating``.
        max_redemptions: by everybody together; None for any number.
        expires_at: from then on it cannot be redeemed; what was redeemed before goes on.
        plan_ids: the plans that it holds for; none for all.
        funded_by, provider_ids, skus: on an order, see ``Discount``.
        redeemed: how often it was, where ``max_redemptions`` limits that; else 0 (see the module's text).
        active: False once it is archived.
    """

    entity_name: ClassVar[str] = "Coupon"

    id: str
    tenant_id: str
    code: str
    percent_off: Decimal | None
    amount_off: Money | None
    duration: Duration
    created_at: datetime
    duration_periods: int | None = None
    max_redemptions: int | None = None
    max_redemptions_per_customer: int | None = None
    expires_at: datetime | None = None
    plan_ids: tuple[str, ...] = ()
    redeemed: int = 0
    active: bool = True
    funded_by: Party | None = None
    provider_ids: tuple[str, ...] = ()
    skus: tuple[str, ...] = ()
    version: int = 0

    def __post_init__(self) -> None:
        if (self.percent_off is None) == (self.amount_off is None):
            raise ValueError(f"coupon {self.id}: percent or amount, one of them")
        if self.percent_off is not None and not 0 < self.percent_off <= 100:
            raise ValueError(f"coupon {self.id}: {self.percent_off} % off")
        if self.amount_off is not None and self.amount_off.micros <= 0:
            raise ValueError(f"coupon {self.id}: {self.amount_off} off")
        if (self.duration is Duration.REPEATING) != (self.duration_periods is not None):
            raise ValueError(f"coupon {self.id}: {self.duration} for {self.duration_periods} periods")

    @property
    def periods(self) -> int | None:
        """For how many billed periods its discount holds; None for ever."""
        return 1 if self.duration is Duration.ONCE else self.duration_periods


@dataclass(frozen=True, slots=True)
class Redemption:
    """How often one customer redeemed one coupon."""

    entity_name: ClassVar[str] = "Redemption"

    id: str
    tenant_id: str
    coupon_id: str
    customer_id: str
    count: int
    last_redeemed_at: datetime
    version: int = 0


def coupon_id(code: str) -> str:
    """The id of the coupon that a code names, whatever its case.

    Codes are ASCII; any other text keeps its case and names nothing. Otherwise "ſale" would find SALE, and "ß" SS.
    """
    return code.upper() if code.isascii() else code


def redemption_id(code: str, customer_id: str) -> str:
    """The id of what a customer redeemed of the coupon that a code names."""
    return f"{coupon_id(code)}#{customer_id}"


def redeem(
    coupon: Coupon,
    redemption: Redemption | None,
    customer_id: str,
    plan_id: str | None,
    currency: str,
    at: datetime,
) -> tuple[Coupon, Redemption, Discount]:
    """One more redemption of a coupon.

    Args:
        redemption: what the customer redeemed of it before; None for nothing.
        plan_id: what it is redeemed for; None for something that is no plan.
        currency: ISO 4217, of what it is redeemed for.

    Returns:
        the coupon (the very same one where no limit needs its count), the customer's redemptions, and the discount.

    Raises:
        CouponInvalid: it is archived, or is not for this plan or currency.
        CouponExpired: its time is over.
        CouponExhausted: nothing is left of it, for anybody or for this customer.
    """
    _check_applies(coupon, plan_id, currency)
    if coupon.expires_at is not None and at >= coupon.expires_at:
        raise CouponExpired(f"The coupon {coupon.code} has expired")
    if coupon.max_redemptions is not None and coupon.redeemed >= coupon.max_redemptions:
        raise CouponExhausted(f"The coupon {coupon.code} is used up")
    before = redemption.count if redemption is not None else 0
    if coupon.max_redemptions_per_customer is not None and before >= coupon.max_redemptions_per_customer:
        raise CouponExhausted(f"The coupon {coupon.code} is used up for this customer")
    first = Redemption(redemption_id(coupon.id, customer_id), coupon.tenant_id, coupon.id, customer_id, 0, at)
    return (
        coupon if coupon.max_redemptions is None else replace(coupon, redeemed=coupon.redeemed + 1),
        replace(redemption or first, count=before + 1, last_redeemed_at=at),
        Discount(
            coupon.id,
            coupon.code,
            coupon.percent_off,
            coupon.amount_off,
            coupon.periods,
            at,
            plan_ids=coupon.plan_ids,
            funded_by=coupon.funded_by,
            provider_ids=coupon.provider_ids,
            skus=coupon.skus,
        ),
    )


def unredeem(coupon: Coupon, redemption: Redemption) -> tuple[Coupon, Redemption]:
    """One redemption less: what it was reserved for never came to be. It can be redeemed by somebody else then.

    Returns:
        the coupon (the very same one where no limit needs its count), and the customer's redemptions.
    """
    counted = coupon.max_redemptions is not None and coupon.redeemed > 0
    return (
        replace(coupon, redeemed=coupon.redeemed - 1) if counted else coupon,
        replace(redemption, count=max(redemption.count - 1, 0)),
    )


def _check_applies(coupon: Coupon, plan_id: str | None, currency: str) -> None:
    if not coupon.active:
        raise CouponInvalid(f"The coupon {coupon.code} is archived")
    if coupon.amount_off is not None and coupon.amount_off.currency != currency:
        raise CouponInvalid(f"The coupon {coupon.code} is in {coupon.amount_off.currency}, not in {currency}")
    if coupon.plan_ids and plan_id not in coupon.plan_ids:
        raise CouponInvalid(f"The coupon {coupon.code} is for other plans")
    if plan_id is not None and (coupon.provider_ids or coupon.skus):
        raise CouponInvalid(f"The coupon {coupon.code} is for items of orders")
