"""Our own exports of customers, plans and subscriptions, read as ``Record``s for another tenant.

As JSON lines the three files may be put together into one, in any order: an object's id says what it is, or its
components do.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.pricing import ComponentType
from billing.domain.customers.customer import TaxExempt
from billing.domain.imports.source import Kind, Problem, Record, SourceCustomer, SourcePlan, SourceSubscription
from billing.domain.kernel.errors import ValidationFailed
from billing.domain.kernel.money import LARGEST_AMOUNT, Money
from billing.domain.kernel.periods import Period
from billing.domain.kernel.times import parse_time
from billing.domain.subscriptions.subscription import SubscriptionState
from billing.schemas.catalog.plans import PlanIn
from billing.schemas.customers import CustomerIn
from billing.schemas.imports.files import Line, found_wrong, guarded, id_of
from billing.schemas.imports.stripe_prices import Problems
from billing.schemas.imports.totals import exact_cost, per_month

Object = Mapping[str, Any]
_MALFORMED = "Exports write it otherwise"
_TAKEN = (SubscriptionState.ACTIVE, SubscriptionState.TRIALING, SubscriptionState.PAUSED)
_STATES = {each.value: each for each in _TAKEN}


def read_ledgerline(lines: Sequence[Line]) -> list[Record]:
    """The records of an export's objects: customers, plans, subscriptions."""
    of_plans = [each for each in lines if each.value and _kind_of(each) is Kind.PLAN]
    plans = {id_of(each): guarded(_plan, Kind.PLAN, each, _MALFORMED) for each in of_plans}
    made: dict[Kind | None, list[Record]] = {Kind.CUSTOMER: [], Kind.PLAN: [*plans.values()], Kind.SUBSCRIPTION: []}
    seen: set[str] = set()
    for line in lines:
        source_id, kind = id_of(line), _kind_of(line)
        if not line.value:
            made.setdefault(None, []).append(line.refused())
        elif kind is Kind.PLAN:
            continue
        elif source_id in seen:
            note = "It is in the file more than once"
            made.setdefault(None, []).append(Record(line.number, line.kind, source_id, ignored=note))
        elif kind is Kind.CUSTOMER:
            made[Kind.CUSTOMER].append(guarded(customer_record, Kind.CUSTOMER, line, _MALFORMED))
        elif kind is Kind.SUBSCRIPTION:
            made[Kind.SUBSCRIPTION].append(
                guarded(lambda n, i, given: _subscription(n, i, given, plans), Kind.SUBSCRIPTION, line, _MALFORMED)
            )
        else:
            made.setdefault(None, []).append(Record(line.number, None, source_id, ignored="No kind that is taken over"))
        seen.add(source_id)
    return [record for records in made.values() for record in records]


def _kind_of(line: Line) -> Kind | None:
    if line.kind is not None:
        return line.kind
    if "components" in line.value:
        return Kind.PLAN
    return _PREFIXES.get(id_of(line)[:4])


_PREFIXES = {"cus_": Kind.CUSTOMER, "sub_": Kind.SUBSCRIPTION}


def customer_record(line: int, source_id: str, given: Object) -> Record:
    """A customer, as the API shows one."""
    if given.get("deletedAt"):
        return Record(line, Kind.CUSTOMER, source_id, ignored="It was deleted")
    said = {name: value for name, value in given.items() if name in _FIELDS_OF_CUSTOMER and value is not None}
    said.setdefault("externalId", source_id)
    try:
        new = CustomerIn.model_validate(said).new()
    except ValidationError as error:
        return Record(line, Kind.CUSTOMER, source_id, problems=found_wrong(error))
    return Record(
        line, Kind.CUSTOMER, source_id,
        SourceCustomer(
            source_id, new.name, new.external_id or source_id, new.currency, new.timezone, new.email, new.address,
            new.locale, new.tax_id, TaxExempt(new.tax_exempt), new.metadata, new.net_terms_days, new.po_number,
            new.custom_fields,
        ),
    )  # fmt: skip


_FIELDS_OF_CUSTOMER = {
    "name", "email", "address", "taxId", "currency", "timezone", "metadata", "taxExempt", "locale", "netTermsDays",
    "poNumber", "customFields", "externalId",
}  # fmt: skip
_FIELDS_OF_PLAN = {
    "id", "name", "currency", "interval", "intervalCount", "trialDays", "prorationUnit", "pauseBilling", "taxBehavior",
    "components",
}  # fmt: skip


def _plan(line: int, source_id: str, given: Object) -> Record:
    """A plan, in the version that it has now."""
    try:
        new = PlanIn.model_validate({name: given[name] for name in _FIELDS_OF_PLAN if name in given}).new()
    except ValidationError as error:
        return Record(line, Kind.PLAN, source_id, problems=found_wrong(error))
    except ValidationFailed as error:
        problems = tuple(Problem(each.field, each.reason, error.message) for each in error.details)
        return Record(line, Kind.PLAN, source_id, problems=problems)
    if any(each.type is ComponentType.METERED for each in new.components):
        text = "Metered prices are not taken over: make the meter and the plan"
        return Record(line, Kind.PLAN, source_id, problems=(Problem("components", "metered", text),))
    return Record(
        line, Kind.PLAN, source_id,
        SourcePlan(
            f"{source_id}@{given.get('version')}", new.id, new.name, new.currency, new.interval, new.interval_count,
            new.components, new.tax_behavior, new.trial_days, new.proration_unit, new.pause_billing,
        ),
    )  # fmt: skip


def _subscription(line: int, source_id: str, given: Object, plans: Mapping[str, Record]) -> Record:
    state = str(given.get("state"))
    if state == "canceled":
        return Record(line, Kind.SUBSCRIPTION, source_id, ignored="It has ended")
    problems = Problems()
    if state not in _STATES or given.get("pausedBy") in ("start", "dunning"):
        problems("state", "not_supported", "Only what is active, in a trial or paused by request is taken over")
    if given.get("pendingLineCount") or given.get("unpaidInvoiceIds"):
        problems(
            "pendingLineCount", "not_supported", "Something waits for its next invoice, or is unpaid: bill it first"
        )
    record = plans.get(str(given.get("planId")))
    plan = record.item if record is not None and isinstance(record.item, SourcePlan) else None
    if plan is None:
        problems("planId", "plan_not_found", "Its plan is not in the file, or not taken over")
    elif plan.id != f"{given.get('planId')}@{given.get('planVersion')}":
        problems("planVersion", "plan_differs", "It has another version of its plan than the file")
    discount = _discount(given, plan, problems)
    external_id = checked_external_id(given, source_id, problems)
    if problems.found or plan is None:
        return Record(line, Kind.SUBSCRIPTION, source_id, problems=tuple(problems.found))
    period = Period(_time(given["currentPeriod"]["start"]), _time(given["currentPeriod"]["end"]))
    quantities = {str(key): _count(value) for key, value in given["itemQuantities"].items()}
    resumes_at = _time(given["resumesAt"]) if given.get("resumesAt") else None
    cost = exact_cost(plan.components, quantities)
    return Record(
        line, Kind.SUBSCRIPTION, source_id,
        SourceSubscription(
            source_id, str(given["customerId"]), plan, quantities, _STATES[state], period.start, period,
            _time(given["createdAt"]), per_month(cost, plan, discount), bool(given.get("cancelAtPeriodEnd")),
            resumes_at, discount, given.get("metadata") or {}, external_id,
        ),
    )  # fmt: skip


def checked_external_id(given: Object, source_id: str, problems: Problems) -> str:
    """The external id of a subscription; it and the metadata are checked by the rules of the API."""
    external_id = given.get("externalId") or source_id or None
    try:
        CustomerIn.model_validate({"name": "x", "metadata": given.get("metadata") or {}, "externalId": external_id})
    except ValidationError as error:
        problems.found += found_wrong(error)
    return str(external_id)


def _discount(given: Object, plan: SourcePlan | None, problems: Problems) -> Discount | None:
    found = given.get("discount")
    if given.get("currentPeriodDiscount") != found:
        problems("currentPeriodDiscount", "not_supported", "Its running period has another discount than the next one")
    if found is None or plan is None:
        return None
    if found.get("periods") is not None:
        problems("discount", "not_for_ever", "Only discounts for ever are taken over")
        return None
    percent, amount = found.get("percentOff"), found.get("amountOff")
    share = Decimal(str(percent)) if percent is not None else None
    if share is not None and not (Decimal("0.000001") <= share <= 100):
        raise ValueError(percent)
    money = Money(_count(amount, LARGEST_AMOUNT), found["currency"]) if amount is not None else None
    return Discount(str(found["couponId"]), str(found["code"]), share, money, None, _time(found["startedAt"]), 1)


def _time(text: str) -> datetime:
    return parse_time(text)


def _count(value: Any, most: int = 10**9) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(value)
    return value
