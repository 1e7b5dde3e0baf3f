"""Requests about invoices that are made by hand: one-off invoices, changes of drafts, previews."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from billing.domain.invoicing.one_off import MOST_LINES, OneOffLine
from billing.domain.invoicing.terms import OwnTerms
from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.kernel.periods import Period
from billing.domain.lines.line import TaxRate
from billing.schemas.base import (
    Currency,
    CustomFieldsIn,
    Id,
    Metadata,
    Micros,
    Name,
    NetTermsDays,
    PoNumber,
    Request,
    SignedAmount,
    TimeIn,
    unsaid,
)
from billing.schemas.customers import custom_fields
from billing.services.invoicing.one_off import DraftChanges, NewInvoice

_ONE_OF_TWO = "exactly_one_of_subscription_id_and_lines"
_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")


def _decimal(largest: int, decimals: int) -> Callable[[Any], Decimal]:
    """Reads a decimal from 0 to ``largest``: an integer, or a text. No float: 0.1 has no exact binary form."""

    def read(value: Any) -> Decimal:
        is_text = isinstance(value, str) and _DECIMAL.fullmatch(value) is not None
        if not is_text and type(value) is not int:
            raise PydanticCustomError("must_be_a_decimal", "an integer, or a decimal as a text")
        if type(value) is int and abs(value) > largest:  # before Decimal, which would read a thousand digits
            raise PydanticCustomError("too_large" if value > 0 else "too_small", "out of range")
        number = Decimal(value)
        if number < 0:
            raise PydanticCustomError("too_small", "below zero")
        if number > largest:
            raise PydanticCustomError("too_large", "out of range")
        if -int(number.as_tuple().exponent) > decimals:
            raise PydanticCustomError("too_many_decimals", "too many decimals")
        return number

    return read


QuantityIn = Annotated[
    Decimal,
    BeforeValidator(_decimal(10**9, 9), json_schema_input_type=int | str),
    Field(description="an integer, or a decimal with at most nine digits after the point as a text", examples=["2.5"]),
]
RateIn = Annotated[
    Decimal,
    BeforeValidator(_decimal(100, 4), json_schema_input_type=int | str),
    Field(description="percent: an integer, or a decimal with at most four digits as a text", examples=["19"]),
]
TaxName = Annotated[Name, StringConstraints(max_length=50)]
TaxCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,49}$")]
CouponText = Annotated[Name, Field(description="a coupon's code, in any case")]
TaxBehaviorIn = Literal["exclusive", "inclusive"]


_OWN = "null for the customer's"
NetTermsIn = Annotated[NetTermsDays | None, Field(description=f"calendar days to pay it; {_OWN}")]
PoNumberIn = Annotated[PoNumber | None, Field(description=f"the buyer's own order number; {_OWN}")]
FieldsIn = Annotated[CustomFieldsIn | None, Field(description=_OWN)]


class PeriodIn(Request):
    start: TimeIn
    end: TimeIn


class TaxRateIn(Request):
    name: TaxName
    rate_percent: RateIn

    def rate(self) -> TaxRate:
        return TaxRate(self.name, self.rate_percent)


class LineIn(Request):
    description: Name
    quantity: QuantityIn = Decimal(1)
    unit_amount: Micros | None = None
    amount: SignedAmount | None = None
    period: PeriodIn | None = None
    taxes: Annotated[list[TaxRateIn], Field(max_length=5)] = []
    tax_code: TaxCode | None = None

    def bad(self, place: str) -> list[Detail]:
        """What does not fit together; ``place`` is the line's own path."""
        found = []
        if (self.unit_amount is None) == (self.amount is None):
            reason = "exactly_one_of_unit_amount_and_amount"
            found += [Detail(f"{place}.{name}", reason) for name in ("unitAmount", "amount")]
        if self.period is not None and self.period.end <= self.period.start:
            found.append(Detail(f"{place}.period.end", "not_after_the_start"))
        return found

    def line(self) -> OneOffLine:
        return OneOffLine(
            description=self.description,
            quantity=self.quantity,
            unit_amount=self.unit_amount,
            amount=self.amount,
            period=Period(self.period.start, self.period.end) if self.period else None,
            tax_rates=tuple(each.rate() for each in self.taxes),
            tax_code=self.tax_code,
        )


Lines = Annotated[list[LineIn], Field(min_length=1, max_length=MOST_LINES)]


class OneOffIn(Request):
    customer_id: Id | None = None
    currency: Currency | None = None
    lines: Lines
    tax_behavior: TaxBehaviorIn = "exclusive"
    coupon_code: CouponText | None = None
    auto_finalize: bool = False
    auto_charge: bool = False
    metadata: Metadata = {}
    net_terms_days: NetTermsIn = None
    po_number: PoNumberIn = None
    custom_fields: FieldsIn = None

    def new(self) -> NewInvoice:
        """The invoice that is asked for.

        Raises:
            ValidationFailed: a line's fields contradict each other.
        """
        _refuse(_bad_lines("lines", self.lines))
        return NewInvoice(
            lines=tuple(line.line() for line in self.lines),
            customer_id=self.customer_id,
            currency=self.currency,
            tax_inclusive=self.tax_behavior == "inclusive",
            coupon_code=self.coupon_code,
            auto_finalize=self.auto_finalize,
            auto_charge=self.auto_charge,
            metadata=self.metadata,
            own=OwnTerms(
                self.net_terms_days,
                self.po_number,
                None if self.custom_fields is None else custom_fields(self.custom_fields),
            ),
        )


class DraftChangesIn(Request):
    """What may be changed of a draft; a field that is not there stays as it is."""

    lines: Annotated[Lines | None, Field(description="instead of a one-off invoice's lines")] = None
    add_lines: Annotated[Lines | None, Field(description="beside the lines that there are")] = None
    tax_behavior: Annotated[TaxBehaviorIn | None, Field(description="of the new lines")] = None
    metadata: Metadata | None = None
    net_terms_days: NetTermsIn = unsaid()
    po_number: PoNumberIn = unsaid()
    custom_fields: FieldsIn = unsaid()

    def changes(self) -> DraftChanges:
        """The change that is asked for.

        Raises:
            ValidationFailed: its fields contradict each other.
        """
        bad = [*_bad_lines("lines", self.lines or ()), *_bad_lines("addLines", self.add_lines or ())]
        if self.lines is not None and self.add_lines is not None:
            bad.append(Detail("addLines", "not_with_lines"))
        if self.tax_behavior is not None and self.lines is None and self.add_lines is None:
            bad.append(Detail("taxBehavior", "only_with_lines"))
        _refuse(bad)
        return DraftChanges(
            lines=_lines(self.lines),
            add_lines=_lines(self.add_lines),
            tax_inclusive=None if self.tax_behavior is None else self.tax_behavior == "inclusive",
            metadata=self.metadata,
            own=self._own(),
        )

    def _own(self) -> dict[str, Any]:
        names = {"net_terms_days": "net_days", "po_number": "po_number", "custom_fields": "custom_fields"}
        found = {names[name]: getattr(self, name) for name in names.keys() & self.model_fields_set}
        if self.custom_fields is not None:
            found["custom_fields"] = custom_fields(self.custom_fields)
        return found


class PreviewIn(Request):
    """A subscription's next invoice; or a one-off one, with the fields of its creation."""

    subscription_id: Id | None = None
    customer_id: Id | None = None
    currency: Currency | None = None
    lines: Lines | None = None
    tax_behavior: TaxBehaviorIn = "exclusive"
    coupon_code: CouponText | None = None
    auto_finalize: bool = False
    auto_charge: bool = False
    metadata: Metadata = {}
    net_terms_days: NetTermsIn = None
    po_number: PoNumberIn = None
    custom_fields: FieldsIn = None

    def wanted(self) -> str | NewInvoice:
        """The id of the subscription whose next invoice is asked for; or the one-off invoice.

        Raises:
            ValidationFailed: it is neither, or both.
        """
        if self.subscription_id is None:
            _refuse(
                [] if self.lines is not None else [Detail(name, _ONE_OF_TWO) for name in ("subscriptionId", "lines")]
            )
            one_off = {name: getattr(self, name) for name in self.model_fields_set - {"subscription_id"}}
            return OneOffIn.model_construct(**one_off).new()
        others = sorted(self.model_fields_set - {"subscription_id"})
        aliases = type(self).model_fields
        _refuse([Detail(aliases[name].alias or name, "not_with_subscription_id") for name in others])
        return self.subscription_id


def _lines(lines: list[LineIn] | None) -> tuple[OneOffLine, ...] | None:
    return None if lines is None else tuple(line.line() for line in lines)


def _bad_lines(field: str, lines: Sequence[LineIn]) -> list[Detail]:
    return [detail for n, line in enumerate(lines) for detail in line.bad(f"{field}.{n}")]


def _refuse(bad: list[Detail]) -> None:
    if bad:
        raise ValidationFailed(", ".join(f"{each.field}: {each.reason}" for each in bad[:5]), tuple(bad))
