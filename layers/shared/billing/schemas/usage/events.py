"""Usage in the API: events come in, what was counted of them goes out."""

import re
from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from billing.domain.catalog.meter import Meter
from billing.domain.usage.event import LARGEST_QUANTITY, UsageEvent, by_dimension, problem_of
from billing.schemas.base import Id, MetadataKey, Quantity, Request, Resource, Time, TimeIn
from billing.schemas.catalog.plans import MeterKey
from billing.schemas.subscriptions import PeriodOut
from billing.services.usage.acceptance import Accepted
from billing.services.usage.ports import StoredEvent
from billing.services.usage.queries import UsageRow

MOST_EVENTS = 1000
_DECIMAL = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")


def _of_fraction(value: float) -> Decimal:
    """The decimal that a JSON number with a fraction names, as it was written (``edge.http.body.JsonNumber``)."""
    if not isfinite(value):  # 1e400
        raise PydanticCustomError("too_large", "out of range")
    return Decimal(str(value))


def _quantity(value: Any) -> Decimal:
    kind = type(value)
    if kind is int:
        # Before Decimal, which would read thousands of digits.
        number = Decimal(value) if abs(value) <= LARGEST_QUANTITY else LARGEST_QUANTITY + 1
    elif isinstance(value, float):
        number = _of_fraction(value)
    elif kind is str and _DECIMAL.fullmatch(value):
        number = Decimal(value)
    else:
        raise PydanticCustomError("must_be_a_decimal", "a number, or a decimal as a text")
    problem = problem_of(number)
    if problem == "too_large":
        raise PydanticCustomError("too_large", "out of range")
    if problem is not None:
        raise PydanticCustomError("too_many_decimals", "at most nine digits after the point")
    return number.normalize() or Decimal(0)  # 2.50 is 2.5, and -0 is 0


def _property(value: Any) -> str:
    """A property's text: ``true`` for true, ``1.5`` for 1.5."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if isinstance(value, float):
        return format(_of_fraction(value), "f")
    raise PydanticCustomError("must_be_a_text_number_or_boolean", "a text, a number or a boolean")


EventId = Annotated[
    str,
    # What a path can carry: an event is read by its id.
    StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:@|=+,;~!$&'()*\[\]{}<>^%-]+$"),
    Field(description="yours: the first event with it counts, and no other"),
]
QuantityIn = Annotated[
    Decimal,
    BeforeValidator(_quantity, json_schema_input_type=float | str),
    Field(
        description="a number, or a decimal as a text: at most 10^12, and nine digits after the point; "
        "negative in a correction, and only there",
        examples=["2.5"],
    ),
]
PropertyIn = Annotated[
    str,
    StringConstraints(max_length=200),
    BeforeValidator(_property, json_schema_input_type=str | float | bool),
]


class UsageEventIn(Request):
    """A measurement: how much of what a subscription used, and when."""

    event_id: EventId
    subscription_id: Id
    meter: MeterKey
    # Before the quantity, whose sign depends on it.
    corrects: Annotated[EventId, Field(description="the event that this takes something back of")] | None = None
    quantity: QuantityIn = Field(default=1, validate_default=True)
    timestamp: TimeIn
    # A factory, because pydantic makes a deep copy of a default: a tenth of the time of 1,000 events.
    properties: Annotated[
        dict[MetadataKey, PropertyIn],
        Field(max_length=20, default_factory=dict, json_schema_extra={"default": {}}),
    ]

    @field_validator("corrects", mode="after")
    @classmethod
    def _another_one(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and value == info.data.get("event_id"):
            raise PydanticCustomError("must_not_be_its_own_id", "an event does not correct itself")
        return value

    @field_validator("quantity", mode="after")
    @classmethod
    def _signed(cls, value: Decimal, info: ValidationInfo) -> Decimal:
        if "corrects" not in info.data:  # it is wrong itself
            return value
        if info.data["corrects"] is None:
            if value < 0:
                raise PydanticCustomError("must_not_be_negative", "negative, and no correction")
        elif value >= 0:
            raise PydanticCustomError("must_be_negative", "a correction that takes nothing back")
        return value

    def event(self) -> UsageEvent:
        """The event."""
        return UsageEvent(
            self.event_id,
            self.subscription_id,
            self.meter,
            self.quantity,
            self.timestamp,
            self.properties,
            self.corrects,
        )


class UsageEventsIn(Request):
    events: Annotated[list[UsageEventIn], Field(min_length=1, max_length=MOST_EVENTS)]

    def all(self) -> list[UsageEvent]:
        """The events."""
        return [each.event() for each in self.events]


class UsageAcceptedOut(Resource):
    """How many events were accepted; ``duplicates`` are those that the request had twice."""

    accepted: int
    duplicates: int

    @classmethod
    def of(cls, accepted: Accepted) -> "UsageAcceptedOut":
        return cls(accepted=accepted.accepted, duplicates=accepted.duplicates)


class UsageEventOut(Resource):
    """A counted event: what it measured, where it was counted, and what corrections have left of it."""

    id: str
    event_id: str
    status: Literal["counted"]
    subscription_id: str
    meter: str
    quantity: Quantity
    timestamp: Time
    properties: dict[str, str]
    corrects: str | None
    value: Quantity
    remaining: Quantity | None
    period: PeriodOut
    trial: bool
    dimensions: Mapping[str, str]
    counted_at: Time

    @classmethod
    def of(cls, stored: StoredEvent, meter: Meter) -> "UsageEventOut":
        event, span = stored.event, stored.cell.span
        return cls(
            id=event.event_id,
            event_id=event.event_id,
            status="counted",
            subscription_id=event.subscription_id,
            meter=event.meter,
            quantity=event.quantity,
            timestamp=event.timestamp,
            properties=event.properties,
            corrects=event.corrects,
            value=stored.value,
            remaining=stored.remaining,
            period=PeriodOut.of(span.period),
            trial=span.trial,
            dimensions=by_dimension(meter, stored.cell),
            counted_at=stored.counted_at,
        )


class UsageRowOut(Resource):
    """A total: of a period of the subscription's, or of an hour or a day."""

    subscription_id: str
    meter: str
    period: PeriodOut
    trial: bool
    dimensions: Mapping[str, str]
    total: Quantity

    @classmethod
    def of(cls, row: UsageRow) -> "UsageRowOut":
        return cls(
            subscription_id=row.subscription_id,
            meter=row.meter,
            period=PeriodOut.of(row.period),
            trial=row.trial,
            dimensions=row.dimensions,
            total=row.total,
        )
