"""Coupons in the API."""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints
from pydantic_core import PydanticCustomError

from billing.domain.catalog.coupon import Coupon, Discount, Duration, Redemption
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.kernel.marketplace_terms import Party
from billing.domain.kernel.money import MICROS_PER_MINOR, Money
from billing.schemas.base import Currency, Id, Name, PositiveAmount, Request, Resource, Time, TimeIn
from billing.schemas.catalog.plans import PlanId
from billing.services.catalog.coupons import NewCoupon, Redeemed

MOST_PLANS = 40
"""Each is looked for in two catalogs, and DynamoDB reads at most 100 items at once."""

MOST_SELLERS, MOST_SKUS = 20, 100

_DECIMAL = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")
_PERCENT_DIGITS = 4


def _percent(value: Any) -> Decimal:
    # No float: 33.3 has no exact binary form, and would be another percentage by the time that it gets here.
    is_text = isinstance(value, str) and _DECIMAL.fullmatch(value) is not None
    if not is_text and type(value) is not int:
        raise PydanticCustomError("must_be_a_decimal", "an integer, or a decimal as a text")
    percent = Decimal(value)
    if percent <= 0:
        raise PydanticCustomError("too_small", "nothing off")
    if percent > 100:
        raise PydanticCustomError("too_large", "more than everything off")
    if -int(percent.as_tuple().exponent) > _PERCENT_DIGITS:
        raise PydanticCustomError("too_many_decimals", "at most four decimals")
    return percent


def _percent_text(percent: Decimal) -> str:
    return format(percent.normalize(), "f")  # "f", for the normal form of 100 is 1E+2


PercentIn = Annotated[
    Decimal,
    BeforeValidator(_percent, json_schema_input_type=int | str),
    Field(
        description="0 < percent <= 100: an integer, or a decimal with at most four digits as a text", examples=["25"]
    ),
]
Percent = Annotated[Decimal, PlainSerializer(_percent_text, return_type=str)]
"""A percentage; a text in responses, without needless zeros."""

CouponCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_\-]{0,63}$")]
CouponSku = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[!-~]+$")]
Redemptions = Annotated[int, Field(ge=1, le=1_000_000_000)]


class CouponIn(Request):
    code: CouponCode
    percent_off: PercentIn | None = None
    amount_off: PositiveAmount | None = None
    currency: Currency | None = None
    duration: Literal["once", "repeating", "forever"]
    duration_periods: Annotated[int, Field(ge=1, le=1200)] | None = None
    max_redemptions: Redemptions | None = None
    max_redemptions_per_customer: Redemptions | None = None
    expires_at: TimeIn | None = None
    plan_ids: Annotated[list[PlanId], Field(max_length=MOST_PLANS)] = []
    funded_by: Annotated[
        Literal["marketplace", "provider"] | None,
        Field(description="who pays for it on an order; the marketplace's setting where it is not said"),
    ] = None
    provider_tenant_ids: Annotated[
        list[Id], Field(max_length=MOST_SELLERS, description="on an order it holds for what they sell; none for all")
    ] = []
    skus: Annotated[
        list[CouponSku], Field(max_length=MOST_SKUS, description="on an order it holds for these goods; none for all")
    ] = []

    def new(self) -> NewCoupon:
        """The coupon that is asked for.

        Raises:
            ValidationFailed: its fields contradict each other.
        """
        bad = [*self._bad_terms(), *self._bad_duration(), *self._bad_scope()]
        if bad:
            raise ValidationFailed(", ".join(f"{each.field}: {each.reason}" for each in bad), tuple(bad))
        return NewCoupon(
            code=self.code,
            percent_off=self.percent_off,
            amount_off=Money(self.amount_off, self.currency) if self.amount_off and self.currency else None,
            duration=Duration(self.duration),
            duration_periods=self.duration_periods,
            max_redemptions=self.max_redemptions,
            max_redemptions_per_customer=self.max_redemptions_per_customer,
            expires_at=self.expires_at,
            plan_ids=tuple(self.plan_ids),
            funded_by=Party(self.funded_by) if self.funded_by else None,
            provider_ids=tuple(self.provider_tenant_ids),
            skus=tuple(self.skus),
        )

    def _bad_terms(self) -> list[Detail]:
        if (self.percent_off is None) == (self.amount_off is None):
            return [Detail(name, "exactly_one_of_percent_off_and_amount_off") for name in ("percentOff", "amountOff")]
        if self.amount_off is None:
            # A percentage holds in every currency.
            return [Detail("currency", "only_with_amount_off")] if self.currency is not None else []
        if self.currency is None:
            return [Detail("currency", "missing_required_field")]
        # KWD 5.125 cannot be charged, for cards take it to two decimals; so it cannot be taken off either.
        if self.amount_off % (charge_step(self.currency) * MICROS_PER_MINOR):
            return [Detail("amountOff", "not_chargeable_in_currency")]
        return []

    def _bad_duration(self) -> list[Detail]:
        if self.duration == "repeating":
            return [Detail("durationPeriods", "missing_required_field")] if self.duration_periods is None else []
        return [Detail("durationPeriods", "only_with_repeating")] if self.duration_periods is not None else []

    def _bad_scope(self) -> list[Detail]:
        if not self.plan_ids:
            return []
        # Plans are no items of orders: a coupon for both would hold for neither.
        named = {"providerTenantIds": self.provider_tenant_ids, "skus": self.skus}
        return [Detail(name, "not_with_plan_ids") for name, value in named.items() if value]


class RedeemIn(Request):
    # As a buyer typed it: what can be no coupon's code is a coupon that does not exist, not a malformed request.
    code: Name
    customer_id: Id | None = None
    plan_id: PlanId | None = None


class CouponOut(Resource):
    id: str
    code: str
    percent_off: Percent | None
    amount_off: int | None
    currency: str | None
    duration: str
    duration_periods: int | None
    max_redemptions: int | None
    max_redemptions_per_customer: int | None
    expires_at: Time | None
    plan_ids: list[str]
    funded_by: str | None
    provider_tenant_ids: list[str]
    skus: list[str]
    times_redeemed: Annotated[
        int | None, Field(description="null where maxRedemptions is: then it is counted for each customer alone")
    ]
    active: bool
    created_at: Time
    version: int

    @classmethod
    def of(cls, coupon: Coupon) -> "CouponOut":
        return cls(
            id=coupon.id,
            code=coupon.code,
            percent_off=coupon.percent_off,
            amount_off=coupon.amount_off.micros if coupon.amount_off else None,
            currency=coupon.amount_off.currency if coupon.amount_off else None,
            duration=coupon.duration.value,
            duration_periods=coupon.duration_periods,
            max_redemptions=coupon.max_redemptions,
            max_redemptions_per_customer=coupon.max_redemptions_per_customer,
            expires_at=coupon.expires_at,
            plan_ids=list(coupon.plan_ids),
            funded_by=coupon.funded_by.value if coupon.funded_by else None,
            provider_tenant_ids=list(coupon.provider_ids),
            skus=list(coupon.skus),
            times_redeemed=None if coupon.max_redemptions is None else coupon.redeemed,
            active=coupon.active,
            created_at=coupon.created_at,
            version=coupon.version,
        )


class RedemptionOut(Resource):
    """What a customer redeemed of a coupon: the object of the event ``coupon.redeemed``."""

    id: str
    coupon_id: str
    customer_id: str
    times_redeemed: int
    last_redeemed_at: Time
    version: int

    @classmethod
    def of(cls, redemption: Redemption) -> "RedemptionOut":
        return cls(
            id=redemption.id,
            coupon_id=redemption.coupon_id,
            customer_id=redemption.customer_id,
            times_redeemed=redemption.count,
            last_redeemed_at=redemption.last_redeemed_at,
            version=redemption.version,
        )


class CouponDiscountOut(Resource):
    """The discount that a coupon became; ``periods`` is null where it holds for ever."""

    coupon_id: str
    code: str
    percent_off: Percent | None
    amount_off: int | None
    currency: str | None
    periods: int | None
    periods_used: int
    started_at: Time

    @classmethod
    def of(cls, discount: Discount) -> "CouponDiscountOut":
        return cls(
            coupon_id=discount.coupon_id,
            code=discount.code,
            percent_off=discount.percent_off,
            amount_off=discount.amount_off.micros if discount.amount_off else None,
            currency=discount.amount_off.currency if discount.amount_off else None,
            periods=discount.periods,
            periods_used=discount.periods_used,
            started_at=discount.started_at,
        )


class RedeemedOut(Resource):
    code: str
    customer_id: str
    discount: CouponDiscountOut

    @classmethod
    def of(cls, redeemed: Redeemed) -> "RedeemedOut":
        return cls(
            code=redeemed.discount.code,
            customer_id=redeemed.customer_id,
            discount=CouponDiscountOut.of(redeemed.discount),
        )
