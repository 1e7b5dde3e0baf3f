"""What all requests and responses share: camelCase names, strict types, no unknown fields.

JSON numbers with a fraction, booleans and texts are no integers here: no float ever touches money.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from billing.domain.kernel.countries import is_country
from billing.domain.kernel.currencies import is_currency
from billing.domain.kernel.external_ids import LONGEST as LONGEST_EXTERNAL_ID
from billing.domain.kernel.locales import canonical_locale
from billing.domain.kernel.money import LARGEST_AMOUNT, MICROS_PER_MINOR
from billing.domain.kernel.times import EARLIEST, TOO_LATE, parse_time


class Request(BaseModel):
    """A request body; fields may be spelled in camelCase or snake_case."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _is_an_object(cls, value: Any) -> Any:
        # Powertools has pydantic read anything with attributes as a model, and a JSON number with a fraction has some
        # (``JsonNumber``): {"address": 1.5} would be an address without lines, and a refund of 5.0 one of everything.
        if not isinstance(value, dict):
            raise PydanticCustomError("must_be_an_object", "a JSON object")
        return value

    def __repr__(self) -> str:
        # Powertools writes a handler's arguments into a text for a debug line, whether or not it is logged: pydantic's
        # takes a fifth of the time of 1,000 usage events, and it would have the customer's data in it.
        return f"{type(self).__name__}()"


class Resource(BaseModel):
    """A resource in a response: camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


def _time(value: Any) -> Any:
    if isinstance(value, datetime):
        return value if value.tzinfo is UTC else value.astimezone(UTC)
    if not isinstance(value, str):
        raise PydanticCustomError("must_be_a_time", "an RFC 3339 time")
    try:
        return parse_time(value)
    except (ValueError, OverflowError):
        raise PydanticCustomError("must_be_a_time", "an RFC 3339 time with an offset") from None


def _whole_minor(value: int) -> int:
    if value % MICROS_PER_MINOR:
        raise PydanticCustomError("sub_minor_unit", "not a whole number of minor units")
    return value


def _currency(value: str) -> str:
    if not is_currency(value):
        raise PydanticCustomError("unknown_currency", "not an ISO 4217 code")
    return value


_NO_ZONES = {"Factory", "localtime", "posixrules"}
"""In the database's folder, and no place: no zone yet, the machine's own, the rules of texts such as ``EST5EDT``."""


@cache
def _timezones() -> frozenset[str]:
    # Walks the whole time zone database: 10 ms, once per process and only if a request names a zone.
    return frozenset(available_timezones()) - _NO_ZONES


def _timezone(value: str) -> str:
    if value not in _timezones():
        raise PydanticCustomError("unknown_timezone", "not an IANA time zone")
    return value


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


def _country(value: str) -> str:
    if not is_country(value):
        raise PydanticCustomError("unknown_country", "not an ISO 3166-1 alpha-2 code")
    return value


_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,19})")
_FLAGS = {"true": True, "false": False}


def _query_integer(value: Any) -> Any:
    if isinstance(value, str) and _INTEGER.fullmatch(value) is None:
        raise PydanticCustomError("must_be_an_integer", "an integer")
    return value


def _query_flag(value: Any) -> Any:
    if isinstance(value, str) and value not in _FLAGS:
        raise PydanticCustomError("must_be_a_boolean", "true or false")
    return _FLAGS[value] if isinstance(value, str) else value


def _email(value: str) -> str:
    if not _EMAIL.fullmatch(value):
        raise PydanticCustomError("invalid_format", "not an email address")
    return value


def printable(value: str) -> str:
    """The text, if it has no control characters."""
    if _CONTROL.search(value):
        raise PydanticCustomError("invalid_format", "control characters")
    return value


def _without_space_around(value: str) -> str:
    if value != value.strip():
        raise PydanticCustomError("invalid_format", "spaces before or after it")
    return value


def _immutable(_: Any) -> Any:
    raise PydanticCustomError("immutable", "cannot be changed")


def unsaid() -> Any:
    """The default of a field of a change: a missing field stays as it is, so the API's description shows no default."""
    return Field(default_factory=lambda: None)


def _not_null(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("must_not_be_null", "leave it out instead")
    return value


def not_null(kind: Any) -> BeforeValidator:
    """Marks a field that may be left out and may not be null, though None is what it is then.

    Where nothing said means everything (``amount`` of a refund), null is a variable of the caller's that has no value.
    """
    return BeforeValidator(_not_null, json_schema_input_type=kind)


Immutable = SkipJsonSchema[Annotated[Any, BeforeValidator(_immutable)]]
"""A field of a change that is known and refused by name; the API's description does not show it."""

Time = Annotated[datetime, BeforeValidator(_time, json_schema_input_type=datetime)]
"""In: RFC 3339 with an offset. Out: UTC with ``Z``, as ``domain.kernel.times.format_time`` writes it; pydantic does so
by itself, at a tenth of the cost of a function of ours (nine times an invoice)."""


def _within_reason(value: datetime) -> datetime:
    if not EARLIEST <= value < TOO_LATE:
        raise PydanticCustomError("out_of_range", "a year from 1970 to 2499")
    return value


TimeIn = Annotated[Time, AfterValidator(_within_reason), Field(description="a year from 1970 to 2499")]
"""A ``Time`` of a request that is used in calculations."""


def _day_within_reason(value: date) -> date:
    if not EARLIEST.date() <= value < TOO_LATE.date():
        raise PydanticCustomError("out_of_range", "a year from 1970 to 2499")
    return value


DayIn = Annotated[date, AfterValidator(_day_within_reason)]
"""A day of a request, 1970 to 2499: the months around it are in Python's calendar, and so is its begin in any zone."""

Micros = Annotated[int, Field(ge=0, le=LARGEST_AMOUNT, description="micro-units: 1,000 are one minor unit")]
"""A price, which may be finer than a minor unit."""

Amount = Annotated[Micros, AfterValidator(_whole_minor)]
"""An amount to be charged: whole minor units, in micro-units."""

PositiveAmount = Annotated[
    int,
    Field(gt=0, le=LARGEST_AMOUNT, description="micro-units: 1,000 are one minor unit"),
    AfterValidator(_whole_minor),
]
"""An ``Amount`` that is not zero."""

SignedAmount = Annotated[
    int,
    Field(ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT, description="micro-units, whole minor units; negative for a credit"),
    AfterValidator(_whole_minor),
]
"""An ``Amount`` that may be a credit."""

Currency = Annotated[str, AfterValidator(_currency)]
Timezone = Annotated[str, AfterValidator(_timezone)]
Email = Annotated[str, StringConstraints(max_length=254), AfterValidator(_email)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), AfterValidator(printable)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(printable)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_\-]+$")]
ExternalId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_EXTERNAL_ID),
    AfterValidator(printable),
    AfterValidator(_without_space_around),
    Field(description="your own id of it, no place for personal data"),
]
MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_.\-]+$")]
Metadata = Annotated[dict[MetadataKey, Annotated[str, StringConstraints(max_length=500)]], Field(max_length=50)]
Country = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{2}$"),
    AfterValidator(_country),
    Field(description="ISO 3166-1 alpha-2: GB, not UK; GR, not EL"),
]


def _locale(value: str) -> str:
    tag = canonical_locale(value)
    if tag is None:
        raise PydanticCustomError("invalid_format", "no language tag")
    return tag


Locale = Annotated[
    str,
    StringConstraints(max_length=35),
    AfterValidator(_locale),
    Field(
        description="language tag (BCP 47): a language, and perhaps a script and a region; English is what a document"
        " is in whose language nobody has words for",
        examples=["de-AT"],
    ),
]
NetTermsDays = Annotated[
    int,
    Field(
        ge=0,
        le=365,
        description="calendar days to pay what no saved method is charged for; so long it is not dunned. A"
        " subscription begins before it is paid then",
    ),
]
PoNumber = Annotated[Name, StringConstraints(max_length=100), Field(description="the buyer's own order number")]


class CustomFieldIn(Request):
    """A line that documents show because the buyer wants it there."""

    name: Annotated[Name, StringConstraints(max_length=40)]
    value: Annotated[Name, StringConstraints(max_length=140)]


CustomFieldsIn = Annotated[list[CustomFieldIn], Field(max_length=4)]


class CustomFieldOut(Resource):
    name: str
    value: str


InQuery = BeforeValidator(_query_integer)
"""Marks an integer of a query, which is written as in JSON: 14, and not 14.0, +14 or 1_4, which pydantic would take."""
QueryFlag = Annotated[bool, BeforeValidator(_query_flag)]
"""``true`` or ``false``, as in JSON."""
Limit = Annotated[int, InQuery, Field(ge=1, le=100)]
Quantity = Annotated[Decimal, PlainSerializer(lambda value: format(value, "f"), return_type=str)]
"""A decimal; a text in responses."""
