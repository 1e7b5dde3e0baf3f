"""On what terms a tenant sells for others, in the API."""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer
from pydantic_core import PydanticCustomError

from billing.domain.kernel.marketplace_terms import CommissionBase, MarketplaceTerms, Party
from billing.schemas.base import Amount, Country, Currency, Request, Resource, unsaid

_DECIMAL = re.compile(r"[0-9]{1,3}(\.[0-9]{1,4})?")
_DAY_S = 86_400


def _percent(value: Any) -> Decimal:
    # No float: 33.3 has no exact binary form.
    is_text = isinstance(value, str) and _DECIMAL.fullmatch(value) is not None
    if not is_text and type(value) is not int:
        raise PydanticCustomError("must_be_a_decimal", "an integer, or a decimal with at most four digits as a text")
    percent = Decimal(value)
    if percent < 0:
        raise PydanticCustomError("too_small", "less than nothing")
    if percent > 100:
        raise PydanticCustomError("too_large", "more than everything")
    return percent


def _once(codes: list[str]) -> list[str]:
    return list(dict.fromkeys(codes))


PercentIn = Annotated[
    Decimal,
    BeforeValidator(_percent, json_schema_input_type=int | str),
    Field(description="0 to 100: an integer, or a decimal with at most four digits as a text", examples=["21"]),
]
PercentOut = Annotated[Decimal, PlainSerializer(lambda value: format(value.normalize(), "f"), return_type=str)]
PartyIn = Literal["marketplace", "provider"]
Days = Annotated[int, Field(ge=0, le=365)]
Currencies = Annotated[list[Currency], Field(min_length=1, max_length=20), AfterValidator(_once)]


class RefundFeeIn(Request):
    percent: Annotated[PercentIn, Field(description="so much of its commission the marketplace keeps of a refund")]
    max_amount: Annotated[Amount | None, Field(description="but no more of an item; null for any")] = None


class ReserveIn(Request):
    percent: Annotated[PercentIn, Field(description="so much of an earning is held back for longer")]
    days: Annotated[int, Field(ge=0, le=365, description="for so many days more")]


class MarketplaceIn(Request):
    """On what terms orders are sold for other tenants; an order keeps those under which it was made.

    What is not said stays as it is.
    """

    refund_window_days: Annotated[Days, Field(description="so long after its payment an order can be refunded")] = (
        unsaid()
    )
    release_after_days: Annotated[
        Days | None,
        Field(description="so long after its payment an order's earnings can be paid out; null for the refund window"),
    ] = unsaid()
    fees_borne_by: Annotated[
        PartyIn,
        Field(description="who bears the card processor's fees of charges; those of disputes are the marketplace's"),
    ] = unsaid()
    tax_collector: Annotated[PartyIn, Field(description="who owes the tax of what providers sell")] = unsaid()
    coupons_funded_by: Annotated[PartyIn, Field(description="who pays for a coupon that does not say it")] = unsaid()
    commission_base: Annotated[
        Literal["net", "gross"], Field(description="a commission is of the price without tax, or with it")
    ] = unsaid()
    commission_tax_percent: Annotated[PercentIn, Field(description="the tax on the commission itself")] = unsaid()
    refund_fee: RefundFeeIn | None = unsaid()
    reserve: ReserveIn | None = unsaid()
    region_currencies: Annotated[
        Annotated[dict[Country, Currencies], Field(max_length=260)] | None,
        Field(
            description="by country, the currencies that orders may be charged in there, where the stack is strict"
            " about it; a country that is not named takes any. null for each country's legal tender"
        ),
    ] = unsaid()

    def changes(self) -> dict[str, Any]:
        """What is said, by the names of ``MarketplaceTerms``."""
        said = self.model_fields_set
        found: dict[str, Any] = {}
        if "refund_window_days" in said:
            found["refund_window_s"] = self.refund_window_days * _DAY_S
        if "release_after_days" in said:
            days = self.release_after_days
            found["release_after_s"] = None if days is None else days * _DAY_S
        for name in said & {"fees_borne_by", "tax_collector", "coupons_funded_by"}:
            found[name] = Party(getattr(self, name))
        if "commission_base" in said:
            found["commission_base"] = CommissionBase(self.commission_base)
        if "commission_tax_percent" in said:
            found["commission_tax_percent"] = self.commission_tax_percent
        if "refund_fee" in said:
            fee = self.refund_fee
            found |= {
                "refund_fee_percent": fee.percent if fee else Decimal(0),
                "refund_fee_most": fee.max_amount if fee else None,
            }
        if "reserve" in said:
            kept = self.reserve
            found |= {
                "reserve_percent": kept.percent if kept else Decimal(0),
                "reserve_days": kept.days if kept else 0,
            }
        if "region_currencies" in said:
            table = self.region_currencies
            found["region_currencies"] = None if table is None else {each: tuple(of) for each, of in table.items()}
        return found


class RefundFeeOut(Resource):
    percent: PercentOut
    max_amount: int | None


class ReserveOut(Resource):
    percent: PercentOut
    days: int


class MarketplaceOut(Resource):
    refund_window_days: int
    release_after_days: int | None
    fees_borne_by: str
    tax_collector: str
    coupons_funded_by: str
    commission_base: str
    commission_tax_percent: PercentOut
    refund_fee: RefundFeeOut | None
    reserve: ReserveOut | None
    region_currencies: dict[str, list[str]] | None

    @classmethod
    def of(cls, terms: MarketplaceTerms) -> "MarketplaceOut":
        released, table = terms.release_after_s, terms.region_currencies
        fee = RefundFeeOut(percent=terms.refund_fee_percent, max_amount=terms.refund_fee_most)
        reserve = ReserveOut(percent=terms.reserve_percent, days=terms.reserve_days)
        return cls(
            refund_window_days=terms.refund_window_s // _DAY_S,
            release_after_days=None if released is None else released // _DAY_S,
            fees_borne_by=terms.fees_borne_by.value,
            tax_collector=terms.tax_collector.value,
            coupons_funded_by=terms.coupons_funded_by.value,
            commission_base=terms.commission_base.value,
            commission_tax_percent=terms.commission_tax_percent,
            refund_fee=fee if terms.refund_fee_percent else None,
            reserve=reserve if terms.reserve_percent else None,
            region_currencies=None if table is None else {each: list(of) for each, of in table.items()},
        )
