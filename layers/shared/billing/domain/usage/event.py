"""Usage events, and what each of them measures: for which subscription, in which period, under which dimensions.

An event belongs to the period of its timestamp, always a whole period of the cadence. A pause in its middle, or a
change of plan, begins no new one, because free units and tiers would then begin again (docs/decisions/0019-usage.md).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import ClassVar

from billing.domain.catalog.meter import EXACT, QUANTITY, Aggregation, Amount, Meter
from billing.domain.catalog.plan import PlanKey
from billing.domain.kernel.periods import Cadence, Period
from billing.domain.kernel.times import format_time, parse_time, sort_key
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState

LARGEST_QUANTITY = Decimal(10) ** 12
LONGEST_CELL = 600
"""The longest name of a cell, in bytes: 200 of them are 120 KB, and a DynamoDB item holds 400."""
MOST_DECIMALS = 9
"""A DynamoDB number has 38 digits: 12 before the point and 9 behind it leave room for the sum of 10^17 events."""
_FINEST = Decimal(1).scaleb(-MOST_DECIMALS)
# Made once: json.dumps makes a new encoder for each call that asks for sorted keys.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")


class Refusal(StrEnum):
    """Why an event is not counted but kept aside and reported."""

    OTHER_CONTENT = "event_id_used_for_another_event"
    UNKNOWN_SUBSCRIPTION = "unknown_subscription"
    UNKNOWN_METER = "unknown_meter"
    BEFORE_START = "before_the_subscription_began"
    AFTER_END = "after_the_subscription_ended"
    ALREADY_FINAL = "subscription_finally_billed"
    NO_PROPERTY = "property_missing"
    NO_NUMBER = "property_not_a_number"
    TOO_MANY_DIMENSIONS = "too_many_dimension_values"
    LONG_DIMENSIONS = "dimension_values_too_long"
    UNKNOWN_EVENT = "corrected_event_unknown"
    OTHER_METER = "corrected_event_of_another_meter"
    NOT_CORRECTABLE = "meter_not_correctable"
    EXCEEDS_EVENT = "exceeds_the_corrected_event"
    WHOLE_EVENTS = "a_counted_event_is_taken_back_whole"


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """A measurement as a tenant reports it.

    Args:
        event_id: the tenant's own; the first event with it counts, and no other.
        quantity: negative in a correction, and only there.
        timestamp: when it was used; says to which period it belongs.
        properties: texts; numbers in them are decimal.
        corrects: the event of which a correction takes something back.
    """

    entity_name: ClassVar[str] = "UsageEvent"

    event_id: str
    subscription_id: str
    meter: str
    quantity: Decimal
    timestamp: datetime
    properties: dict[str, str] = field(default_factory=dict)
    corrects: str | None = None

    @property
    def digest(self) -> str:
        """A text that two events share only if their contents are the same."""
        # Neither ids nor numbers have a separator in them, and the properties come last.
        time, quantity = sort_key(self.timestamp), self.quantity.normalize()
        said = f"{self.subscription_id}\x1f{self.meter}\x1f{quantity}\x1f{time}\x1f{self.corrects or ''}"
        if self.properties:
            said += _encode(self.properties)
        return sha256(said.encode()).hexdigest()[:32]


@dataclass(frozen=True)  # no slots: its key is kept with it
class UsageSpan:
    """The stretch of time for which usage is totalled: a whole period of the cadence, or the trial.

    Args:
        since: when the plan changed within the period, if this is the part after that, which the new plan prices.
    """

    period: Period
    trial: bool = False
    since: datetime | None = None

    @cached_property
    def key(self) -> str:
        """``2026-01-01T00:00:00Z/2026-02-01T00:00:00Z``, with ``/trial`` or the time of the change behind it."""
        text = f"{format_time(self.period.start)}/{format_time(self.period.end)}"
        if self.since is not None:
            return f"{text}/{format_time(self.since)}"
        return f"{text}/trial" if self.trial else text

    @classmethod
    def of_key(cls, key: str) -> "UsageSpan":
        """The span that a key names."""
        start, end, *more = key.split("/")
        trial = more == ["trial"]
        return cls(
            Period(parse_time(start), parse_time(end)), trial, parse_time(more[0]) if more and not trial else None
        )

    @property
    def whole(self) -> "UsageSpan":
        """The whole period that it is of."""
        return self if self.since is None else replace(self, since=None)

    @property
    def begins(self) -> datetime:
        """Its first instant."""
        return self.since or self.period.start


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a total is kept: a span, and the values of the meter's dimensions in their order."""

    span: UsageSpan
    dimensions: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The attribute's name in storage."""
        if not self.dimensions:
            return self.span.key
        return f"{self.span.key} {json.dumps(self.dimensions, separators=(',', ':'), ensure_ascii=False)}"

    @classmethod
    def of_name(cls, name: str) -> "Cell":
        """The cell that an attribute's name names."""
        key, _, dimensions = name.partition(" ")
        return cls(UsageSpan.of_key(key), tuple(json.loads(dimensions)) if dimensions else ())


@dataclass(frozen=True, slots=True)
class Measured:
    """An event with what it measures.

    Args:
        value: for a ``unique`` meter 1, if the value was not seen before.
        seen: the value of a ``unique`` meter; else None.
    """

    event: UsageEvent
    meter: Meter
    cell: Cell
    value: Decimal
    seen: str | None = None

    @property
    def amount(self) -> Amount:
        """The value as a part of a total."""
        if self.meter.aggregation is Aggregation.LAST:
            return Amount(self.value, f"{sort_key(self.event.timestamp)} {self.event.event_id}")
        return Amount(self.value)


def span_at(subscription: Subscription, at: datetime) -> UsageSpan:
    """The stretch of time that usage at an instant belongs to."""
    if subscription.trial_end is not None and at < subscription.trial_end:
        return UsageSpan(Period(min(subscription.began, at), subscription.trial_end), trial=True)
    since = None
    for past in subscription.past_terms:
        if at < past.until:
            break
        since = past.until
    period = cadence_at(subscription, at).period_at(at)
    return UsageSpan(period, since=since if since is not None and since > period.start else None)


def cadence_at(subscription: Subscription, at: datetime) -> Cadence:
    """The cadence that a subscription had at an instant, where it remembers that; else its present one."""
    return next((past.cadence for past in subscription.past_terms if at < past.until), subscription.cadence)


def plan_of(subscription: Subscription, span: UsageSpan) -> PlanKey:
    """The plan that prices a span: the one that was in force when it began."""
    at = max(span.begins, subscription.began)
    return next((past.plan for past in subscription.past_terms if at < past.until), subscription.plan_key)


def measured(event: UsageEvent, subscription: Subscription, meter: Meter, span: UsageSpan) -> Measured | Refusal:
    """What an event measures, or why it is not counted.

    Args:
        span: of the event's timestamp (``span_at``).
    """
    refused = _out_of_time(subscription, event.timestamp)
    if refused is not None:
        return refused
    value = _value(event, meter)
    if isinstance(value, Refusal):
        return value
    cell = Cell(span, tuple(event.properties.get(name, "") for name in meter.dimensions))
    if meter.dimensions and len(cell.name.encode()) > LONGEST_CELL:
        return Refusal.LONG_DIMENSIONS
    seen = event.properties[meter.property or ""] if meter.aggregation is Aggregation.UNIQUE else None
    return Measured(event, meter, cell, value, seen)


def _out_of_time(subscription: Subscription, at: datetime) -> Refusal | None:
    if at < subscription.began:
        return Refusal.BEFORE_START
    if subscription.state is not SubscriptionState.CANCELED:
        return None
    assert subscription.canceled_at is not None
    if at >= subscription.canceled_at:
        return Refusal.AFTER_END
    return Refusal.ALREADY_FINAL if subscription.usage_until is None else None


def _value(event: UsageEvent, meter: Meter) -> Decimal | Refusal:
    if meter.aggregation is Aggregation.COUNT:
        return Decimal(1)
    if meter.property == QUANTITY:
        return event.quantity
    text = event.properties.get(meter.property or "")
    if text is None:
        return Refusal.NO_PROPERTY
    if meter.aggregation is Aggregation.UNIQUE:
        return Decimal(1)
    return quantity_of(text)


def quantity_of(text: str) -> Decimal | Refusal:
    """The decimal that a property's text names, within the limits of a quantity; not negative."""
    if not _NUMBER.fullmatch(text):
        return Refusal.NO_NUMBER
    number = Decimal(text)
    return number if number >= 0 and problem_of(number) is None else Refusal.NO_NUMBER


def problem_of(number: Decimal) -> str | None:
    """Why a finite decimal cannot be a quantity; None if it can."""
    # Exact: in Decimal's usual context a 29th digit would be rounded away, and let pass.
    if number.copy_abs() > LARGEST_QUANTITY:
        return "too_large"
    return "too_many_decimals" if number.quantize(_FINEST, context=EXACT) != number else None


def hour_of(at: datetime) -> tuple[str, str]:
    """The UTC day and hour of an instant, by which the hourly series is kept: ``("2026-01-31", "h07")``."""
    text = at.astimezone(UTC).isoformat()  # strftime takes ten times as long
    return text[:10], f"h{text[11:13]}"


def window_problem(at: datetime, now: datetime, past_s: int, future_s: int) -> str | None:
    """Why an event of ``at`` comes too late or too early; None where it does not.

    Args:
        now: the customer's clock.
        past_s, future_s: how far back and ahead the tenant lets events lie, in seconds.
    """
    ahead_s = (at - now).total_seconds()
    if ahead_s > future_s:
        return "too_far_in_the_future"
    return "too_far_in_the_past" if -ahead_s > past_s else None


def by_dimension(meter: Meter, cell: Cell) -> Mapping[str, str]:
    """A cell's dimension values by their names."""
    return dict(zip(meter.dimensions, cell.dimensions, strict=True))
