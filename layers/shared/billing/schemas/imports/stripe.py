"""Files of Stripe Billing's objects, as its API and its command line write them, read as ``Record``s.

What we cannot express is refused with its reason, and nothing is left out in silence that somebody would pay for.
Source: https://docs.stripe.com/api/subscriptions/object, /customers/object; both the shape with the running period on
the subscription and the one with it on each item (2025-03-31) are read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from billing.domain.catalog.coupon import Discount
from billing.domain.customers.customer import TaxExempt
from billing.domain.imports.source import (
    Kind,
    Problem,
    Record,
    SourceCustomer,
    SourcePlan,
    SourceSubscription,
)
from billing.domain.kernel.money import MICROS_PER_MINOR, Money
from billing.domain.kernel.periods import Period
from billing.domain.subscriptions.subscription import SubscriptionState
from billing.schemas.imports.files import Line, guarded, id_of, problems_of
from billing.schemas.imports.stripe_prices import (
    Price,
    Problems,
    cost_at_stripe,
    in_minor_units,
    minor_amount,
    plan_of,
    price_of,
)
from billing.schemas.imports.totals import per_month

_Object = Mapping[str, Any]
_MALFORMED = "Stripe writes it otherwise"
_ENDED = ("canceled", "incomplete_expired")
_STATES = {
    "active": SubscriptionState.ACTIVE, "trialing": SubscriptionState.TRIALING, "past_due": SubscriptionState.ACTIVE,
}  # fmt: skip
_STAYS = "An invoice of it is unpaid: that stays at Stripe, and is collected there"
_NOT_TAKEN = {
    "unpaid": "Invoices are unpaid at Stripe: collect them, or give them up, there first",
    "incomplete": "Its first invoice is unpaid at Stripe",
    "paused": "Its trial ended without a payment method: nothing says when its periods begin",
}
_MUST_BE_EMPTY = {
    "schedule": "Later phases of a schedule are not taken over",
    "billing_schedules": "Billing in advance of its periods is not taken over",
    "on_behalf_of": "It is sold for another account",
    "pending_update": "A change waits for its payment at Stripe",
    "transfer_data": "Its payments are shared with another account",
    "application_fee_percent": "Its payments are shared with another account",
    "billing_thresholds": "Billing at thresholds is not taken over",
    "pending_invoice_item_interval": "Invoices between its periods are not taken over",
    "next_pending_invoice_item_invoice": "Invoices between its periods are not taken over",
}
_SECONDS = range(16_725_225_600)
"""Unix times until 2500, as other times of requests."""


def read_stripe(lines: Sequence[Line]) -> list[Record]:
    """The records of a file's objects: customers, plans, subscriptions, each kind in the file's order."""
    return _Reading(lines).records()


class _Reading:
    """One reading of a file.

    Args:
        lines: its objects.
    """

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._products = self._of("product")
        self._customers = self._of("customer")
        self._currency: dict[str, str] = {}
        self._plans: dict[str, Record] = {}

    def _of(self, kind: str) -> dict[str, _Object]:
        return {str(each.value.get("id")): each.value for each in self._lines if each.value.get("object") == kind}

    def records(self) -> list[Record]:
        seen: set[str] = set()
        made: dict[Kind | None, list[Record]] = {Kind.CUSTOMER: [], Kind.SUBSCRIPTION: [], None: []}
        prices: list[Line] = []
        for line in sorted(self._lines, key=lambda each: each.value.get("object") != "subscription"):
            kind, source_id = line.value.get("object"), id_of(line)
            if not line.value:
                made[None].append(line.refused())
            elif kind == "product":
                continue
            elif f"{kind}:{source_id}" in seen:
                made[None].append(Record(line.number, None, source_id, ignored="It is in the file more than once"))
            elif kind == "subscription":
                made[Kind.SUBSCRIPTION].append(guarded(self._subscription, Kind.SUBSCRIPTION, line, _MALFORMED))
            elif kind == "customer":
                made[Kind.CUSTOMER].append(guarded(self._customer, Kind.CUSTOMER, line, _MALFORMED))
            elif kind == "price":
                prices.append(line)
            else:
                made[None].append(
                    Record(line.number, None, source_id, ignored=f"No import of {str(kind)[:40]} objects")
                )
            seen.add(f"{kind}:{source_id}")
        for line in prices:
            found = self._plans.get(id_of(line)) or guarded(self._price, Kind.PLAN, line, _MALFORMED)
            self._plans[id_of(line)] = replace(found, line=line.number)  # not of the first subscription that has it
        plans = sorted(self._plans.values(), key=lambda each: each.line)
        return [*made[Kind.CUSTOMER], *plans, *made[Kind.SUBSCRIPTION], *made[None]]

    def _customer(self, line: int, source_id: str, given: _Object) -> Record:
        if given.get("deleted"):
            return Record(line, Kind.CUSTOMER, source_id, ignored="It was deleted at Stripe")
        problems = Problems()
        if not source_id:
            problems("id", "missing_required_field", "A customer has an id")
        if given.get("balance"):
            problems("balance", "not_supported", "It has a balance at Stripe: settle it there first")
        if given.get("discount"):
            problems("discount", "not_supported", "Give its subscriptions the discount at Stripe")
        address = given.get("address") if isinstance(given.get("address"), Mapping) else None
        locales = given.get("preferred_locales")
        tax_ids = (given.get("tax_ids") or {}).get("data") or []
        # What Stripe writes for nothing is null or an empty text.
        said = {
            "name": given.get("name") or given.get("email") or given.get("description") or source_id,
            "email": given.get("email") or None,
            "address": {name: address.get(name) or None for name in _ADDRESS} if address else None,
            "locale": locales[0] if isinstance(locales, list) and locales else None,
            "tax_id": tax_ids[0].get("value") if tax_ids else None,
            "metadata": given.get("metadata") or {},
            "tax_exempt": given.get("tax_exempt") or "none",
            "external_id": source_id or None,
        }
        currency = str(given.get("currency") or "").upper() or self._currency.get(source_id)
        checked, wrong = problems_of({**said, "currency": currency})
        found = [*problems.found, *wrong]
        if checked is None or found:
            return Record(line, Kind.CUSTOMER, source_id, problems=tuple(found))
        return Record(
            line, Kind.CUSTOMER, source_id,
            SourceCustomer(
                source_id, checked.name, source_id, currency, "UTC", checked.email, checked.address, checked.locale,
                checked.tax_id, TaxExempt(checked.tax_exempt), checked.metadata,
            ),
        )  # fmt: skip

    def _price(self, line: int, price_id: str, given: _Object) -> Record:
        """A price of its own, as a plan."""
        if given.get("type") == "one_time" or given.get("active") is False:
            why = "It is for once" if given.get("type") == "one_time" else "It is not sold any more, and nobody has it"
            return Record(line, Kind.PLAN, price_id, ignored=why)
        problems = Problems()
        price = price_of(given, self._products, problems)
        plan = plan_of([price], problems) if price is not None else None
        return Record(line, Kind.PLAN, price_id, plan, tuple(problems.found))

    def _subscription(self, line: int, source_id: str, given: _Object) -> Record:
        status = str(given.get("status"))
        if status in _ENDED:
            return Record(line, Kind.SUBSCRIPTION, source_id, ignored="It has ended")
        problems = Problems()
        if not source_id:
            problems("id", "missing_required_field", "A subscription has an id")
        if status not in _STATES:
            problems("status", "not_supported", _NOT_TAKEN.get(status, "No status that is known"))
        for name, why in _MUST_BE_EMPTY.items():
            if given.get(name):
                problems(name, "not_supported", why)
        if given.get("collection_method", "charge_automatically") != "charge_automatically":
            problems("collection_method", "not_supported", "Only what is charged automatically is taken over")
        customer_id = _id_of(given.get("customer"))
        if not customer_id:
            problems("customer", "missing_required_field", "A subscription has a customer")
        plan, quantities, cost = self._items(line, given, problems)
        times = _times(given, status, problems)
        pause = given.get("pause_collection")
        resumes_at = _paused(pause, problems) if pause else None
        began_at = _time(given.get("start_date", given.get("created")), "start_date", problems)
        off = self._discount(given, plan, problems)
        metadata = given.get("metadata") or {}
        problems.found += problems_of({"name": "x", "metadata": metadata, "external_id": source_id or None})[1]
        if problems.found or plan is None or times is None or began_at is None:
            return Record(line, Kind.SUBSCRIPTION, source_id, problems=tuple(dict.fromkeys(problems.found)))
        self._currency.setdefault(customer_id, plan.currency)
        anchor, period = times
        micros = in_minor_units(cost, plan.currency) * MICROS_PER_MINOR
        return Record(
            line, Kind.SUBSCRIPTION, source_id,
            SourceSubscription(
                source_id, customer_id, plan, quantities, SubscriptionState.PAUSED if pause else _STATES[status],
                anchor, period, began_at, per_month(micros, plan, off), bool(_ends(given)), resumes_at, off, metadata,
                payment_method_id=_id_of(given.get("default_payment_method")) or None,
            ),
            note=_STAYS if status == "past_due" else None,
        )  # fmt: skip

    def _items(
        self, line: int, given: _Object, problems: Problems
    ) -> tuple[SourcePlan | None, dict[str, int], Fraction]:
        """What it is to, in which quantities, and what that costs a period at Stripe, in its minor units."""
        found = given.get("items") or {}
        items = found.get("data") if isinstance(found, Mapping) else None
        if not isinstance(items, list) or not items:
            problems("items.data", "missing_required_field", "A subscription has items")
            return None, {}, Fraction(0)
        if found.get("has_more"):
            problems("items.has_more", "incomplete", "It has more items than are in the file")
        prices: list[Price] = []
        quantities: dict[str, int] = {}
        cost = Fraction(0)
        for n, item in enumerate(items):
            at = Problems(f"items.data.{n}.")
            price = _price_of_item(item, self._products, at)
            quantity = item.get("quantity", 1)
            if type(quantity) is not int or not 0 <= quantity <= 10**9:
                at("quantity", "out_of_range", "A whole number of at most 10^9")
            for name in ("discounts", "billing_thresholds"):
                if item.get(name):
                    at(name, "not_supported", "Of a single item they are not taken over")
            if item.get("billed_until") not in (None, given.get("current_period_end"), item.get("current_period_end")):
                at("billed_until", "not_supported", "It is billed to another time than its period's end")
            problems.found += at.found
            if price is not None and not at.found:
                prices.append(price)
                quantities[price.component.key] = quantity
                cost += cost_at_stripe(item["price"], quantity)
        if problems.found or len(prices) < len(items):
            return None, {}, cost
        plan = plan_of(prices, problems)
        if plan is not None:
            self._plans.setdefault(plan.id, Record(line, Kind.PLAN, plan.id, plan))
        return plan, quantities, cost

    @staticmethod
    def _discount(given: _Object, plan: SourcePlan | None, problems: Problems) -> Discount | None:
        """The discount, if it is one for ever; any other one is refused."""
        given_ones = given.get("discounts") or ([given["discount"]] if given.get("discount") else [])
        if not given_ones:
            return None
        one = given_ones[0]
        if len(given_ones) > 1 or not isinstance(one, Mapping):
            problems("discounts", "not_supported", "One discount is taken over, and only where it is expanded")
            return None
        coupon = one.get("coupon") or (one.get("source") or {}).get("coupon")
        if not isinstance(coupon, Mapping) or coupon.get("duration") != "forever" or one.get("end"):
            problems("discounts", "not_for_ever", "Only discounts for ever are taken over, with their coupon expanded")
            return None
        if coupon.get("applies_to"):
            problems("discounts", "not_supported", "A discount on some products is not taken over")
            return None
        since = _time(one.get("start", given.get("created")), "discounts", problems)
        if plan is None or since is None:
            return None  # that is said already
        percent, amount = minor_amount(coupon.get("percent_off")), minor_amount(coupon.get("amount_off"))
        off = in_minor_units(amount, plan.currency) if amount is not None else None
        is_percent = percent is not None and 0 < percent <= 100 and off is None
        is_amount = off is not None and off > 0 and off.denominator == 1 and percent is None
        if not is_percent and not (is_amount and str(coupon.get("currency")).upper() == plan.currency):
            problems("discounts", "must_be_an_amount", "Its coupon takes a percent off, or an amount in its currency")
            return None
        name = str(coupon.get("name") or coupon.get("id"))[:40]
        money = Money(int(off) * MICROS_PER_MINOR, plan.currency) if off is not None else None
        share = Decimal(str(coupon["percent_off"])) if is_percent else None
        return Discount(str(coupon.get("id")), name, share, money, None, since, 1)


_ADDRESS = ("line1", "line2", "city", "postal_code", "state", "country")


def _id_of(named: Any) -> str:
    """The id of what an object names, expanded or not; empty where it names nothing."""
    return str((named.get("id") if isinstance(named, Mapping) else named) or "")


def _price_of_item(item: _Object, products: Mapping[str, _Object], at: Problems) -> Price | None:
    price = item.get("price")
    if not isinstance(price, Mapping):
        at("price", "missing_required_field", "A price is expanded in its item, or in a file of prices")
        return None
    inner = Problems("price.")
    made = price_of(price, products, inner)
    at.found += [Problem(at.prefix + each.field, each.reason, each.text) for each in inner.found]
    return made


def _time(given: Any, field: str, problems: Problems) -> datetime | None:
    if type(given) is not int or given not in _SECONDS:
        problems(field, "must_be_a_time", "A Unix time in seconds")
        return None
    return datetime.fromtimestamp(given, UTC)


def _times(given: _Object, status: str, problems: Problems) -> tuple[datetime, Period] | None:
    """From when its periods are counted, and the one that runs."""
    held: list[_Object] = [given]
    if given.get("current_period_end") is None:
        found = given.get("items")
        items = found.get("data") if isinstance(found, Mapping) else None
        held = [each for each in items or [] if isinstance(each, Mapping)] or [given]
    if len({(each.get("current_period_start"), each.get("current_period_end")) for each in held}) > 1:
        problems("items", "periods_differ", "Its items have different periods")
        return None
    start = _time(held[0].get("current_period_start"), "current_period_start", problems)
    end = _time(held[0].get("current_period_end"), "current_period_end", problems)
    anchor = _time(given.get("billing_cycle_anchor"), "billing_cycle_anchor", problems)
    if start is None or end is None or anchor is None:
        return None
    if start >= end:
        problems("current_period_end", "before_its_start", "A period ends after it begins")
        return None
    if status == "trialing" and {given.get("trial_end"), int(anchor.timestamp())} != {int(end.timestamp())}:
        problems("trial_end", "not_supported", "Only a trial is taken over whose end begins the first paid period")
        return None
    cancel_at = given.get("cancel_at")
    if cancel_at and cancel_at != held[0].get("current_period_end"):
        problems("cancel_at", "not_supported", "Only an end with the running period is taken over")
    return anchor, Period(start, end)


def _ends(given: _Object) -> bool:
    return bool(given.get("cancel_at_period_end") or given.get("cancel_at"))


def _paused(pause: _Object, problems: Problems) -> datetime | None:
    """When collection goes on."""
    if pause.get("behavior") != "void":
        problems("pause_collection.behavior", "not_supported", "Only a pause whose invoices are void is taken over")
    if pause.get("resumes_at") is None:
        return None
    return _time(pause["resumes_at"], "pause_collection.resumes_at", problems)
