"""CSV files of whatever other system, with our columns: its customers, and its subscriptions to plans that are here.

What a subscription counts for a month is the other system's own figure, so that the totals before come from there.
"""

from collections.abc import Sequence
from decimal import Decimal

from billing.domain.imports.source import Kind, PlanHere, Record, SourceSubscription
from billing.domain.kernel.currencies import is_currency, minor_digits
from billing.domain.kernel.money import LARGEST_AMOUNT, MICROS_PER_MINOR, Money
from billing.domain.kernel.periods import Period
from billing.domain.kernel.times import parse_time
from billing.domain.subscriptions.subscription import SubscriptionState
from billing.schemas.imports.files import Line, guarded, id_of
from billing.schemas.imports.ledgerline import Object, checked_external_id, customer_record
from billing.schemas.imports.stripe_prices import Problems

_MALFORMED = "It does not fit the columns of docs/import.md"
_STATES = {each.value: each for each in (SubscriptionState.ACTIVE, SubscriptionState.TRIALING)}


def read_other(lines: Sequence[Line]) -> list[Record]:
    """The records of the files' rows: customers, then subscriptions."""
    made: dict[Kind | None, list[Record]] = {Kind.CUSTOMER: [], Kind.SUBSCRIPTION: [], None: []}
    seen: set[tuple[Kind | None, str]] = set()
    for line in lines:
        key = line.kind, id_of(line)
        if not line.value:
            made[None].append(line.refused())
        elif key in seen:
            made[None].append(Record(line.number, line.kind, id_of(line), ignored="It is in the file more than once"))
        elif line.kind is Kind.CUSTOMER:
            made[Kind.CUSTOMER].append(guarded(customer_record, Kind.CUSTOMER, line, _MALFORMED))
        else:
            made[Kind.SUBSCRIPTION].append(guarded(_subscription, Kind.SUBSCRIPTION, line, _MALFORMED))
        seen.add(key)
    return [record for records in made.values() for record in records]


def _subscription(line: int, source_id: str, given: Object) -> Record:
    problems = Problems()
    state = str(given.get("state") or SubscriptionState.ACTIVE)
    if state not in _STATES:
        problems("state", "not_supported", "active or trialing: leave out what has ended, or is unpaid")
    currency = str(given.get("currency") or "").upper()
    if not is_currency(currency):
        problems("currency", "unknown_currency", "It is no ISO 4217 currency")
    per_month = _per_month(given, currency, problems)
    billed_until, period = given.get("billedUntil"), given["currentPeriod"]
    if state == "active" and billed_until not in (None, period.get("end")):
        problems("billedUntil", "not_supported", "Billed to another time than its period's end it is not taken over")
    external_id = checked_external_id(given, source_id, problems)
    if problems.found or period.get("start") is None or period.get("end") is None or per_month is None:
        return Record(line, Kind.SUBSCRIPTION, source_id, problems=tuple(problems.found))
    start, end = parse_time(period["start"]), parse_time(period["end"])
    if start >= end:
        problems("currentPeriodEnd", "before_its_start", "A period ends after it begins")
        return Record(line, Kind.SUBSCRIPTION, source_id, problems=tuple(problems.found))
    anchor, began = (given.get(name) for name in ("anchor", "createdAt"))
    quantities = {str(key): _count(value) for key, value in given["itemQuantities"].items()}
    quantity = _count(given["quantity"]) if "quantity" in given and not quantities else None
    return Record(
        line, Kind.SUBSCRIPTION, source_id,
        SourceSubscription(
            source_id, str(given["customerId"]), PlanHere(str(given["planId"]), currency, quantity), quantities,
            _STATES[state], parse_time(anchor) if anchor else start, Period(start, end),
            parse_time(began) if began else start, per_month, bool(given.get("cancelAtPeriodEnd")),
            metadata=given.get("metadata") or {}, external_id=external_id,
        ),
    )  # fmt: skip


def _per_month(given: Object, currency: str, problems: Problems) -> Money | None:
    """The other system's figure: 49.99 of USD is 4,999,000 micro-units; what is finer is cut off."""
    amount = given.get("monthlyAmount")
    if not isinstance(amount, Decimal) or not is_currency(currency):
        problems("monthlyAmount", "missing_required_field", "What it counts for a month, less discounts and before tax")
        return None
    micros = amount * Decimal(10) ** minor_digits(currency) * MICROS_PER_MINOR
    if not 0 <= micros <= LARGEST_AMOUNT:
        problems("monthlyAmount", "out_of_range", "An amount of at least nothing")
        return None
    return Money(int(micros), currency)


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value <= 10**9:
        raise ValueError(value)
    return value
