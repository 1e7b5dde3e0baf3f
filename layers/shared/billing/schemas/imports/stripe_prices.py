"""Prices of Stripe Billing as components of a plan, as far as ours can say what they do.

Source: https://docs.stripe.com/api/prices/object
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from hashlib import sha256
from math import ceil
from typing import Any

from billing.domain.catalog.plan import TaxBehavior
from billing.domain.catalog.pricing import Component, ComponentType, PricingModel, Tier
from billing.domain.imports.source import Problem, SourcePlan
from billing.domain.kernel.currencies import is_currency
from billing.domain.kernel.money import LARGEST_AMOUNT, MICROS_PER_MINOR
from billing.domain.kernel.periods import Interval

_IN_OTHER_DIGITS = frozenset(("ISK", "UGX"))
"""Stripe writes them with two digits, for reasons of its own; ISO 4217 and we with none."""
_MOST_DIGITS = 30
Report = Callable[[str, str, str], None]


@dataclass(frozen=True, slots=True)
class Price:
    """A price as we can express it.

    Args:
        component: with the price's key within a plan.
    """

    id: str
    name: str
    currency: str
    interval: Interval
    interval_count: int
    tax_behavior: TaxBehavior
    component: Component


class Problems:
    """Collects problems, each under the field of the object that it is about."""

    def __init__(self, prefix: str = "") -> None:
        self.found: list[Problem] = []
        self.prefix = prefix

    def __call__(self, field: str, reason: str, text: str) -> None:
        self.found.append(Problem(self.prefix + field, reason, text))


def key_of(price_id: str) -> str:
    """The component's key of a price: ``price_1NsQ`` is ``price_1nsq-`` and eight digits, for ids differ by case."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "_-") else "-" for each in price_id.lower())
    return f"{plain[:40].lstrip('_-') or 'price'}-{sha256(price_id.encode()).hexdigest()[:8]}"


def price_of(given: Mapping[str, Any], products: Mapping[str, Mapping[str, Any]], report: Report) -> Price | None:
    """A price; None where there is a problem with it, and then all of them are reported."""
    problems = Problems()
    price_id = str(given.get("id") or "")
    if not price_id:
        problems("id", "missing_required_field", "A price has an id")
    currency = str(given.get("currency") or "").upper()
    if not is_currency(currency):
        problems("currency", "unknown_currency", "It is no ISO 4217 currency")
    if given.get("type") != "recurring" or not isinstance(given.get("recurring"), Mapping):
        problems("type", "not_recurring", "Only recurring prices make a plan")
        recurring: Mapping[str, Any] = {}
    else:
        recurring = given["recurring"]
        if recurring.get("usage_type", "licensed") != "licensed":
            problems("recurring.usage_type", "metered", "Metered prices are not taken over: make a meter and a plan")
        if recurring.get("interval") not in tuple(Interval):
            problems("recurring.interval", "unknown_value", "day, week, month or year")
        count = recurring.get("interval_count", 1)
        if type(count) is not int or not 1 <= count <= 366:
            problems("recurring.interval_count", "out_of_range", "1 to 366")
    if given.get("custom_unit_amount"):
        problems("custom_unit_amount", "not_supported", "The customer chooses its amount")
    component = _component(given, key_of(price_id), currency, problems)
    for each in problems.found:
        report(each.field, each.reason, each.text)
    if problems.found or component is None:
        return None
    inclusive = given.get("tax_behavior") == "inclusive"
    return Price(
        price_id, _name(given, products), currency, Interval(recurring["interval"]),
        int(recurring.get("interval_count", 1)),
        TaxBehavior.INCLUSIVE if inclusive else TaxBehavior.EXCLUSIVE, component,
    )  # fmt: skip


def plan_of(prices: list[Price], report: Report) -> SourcePlan | None:
    """The plan of what has these prices together: the same in whatever order they are."""
    prices = sorted(prices, key=lambda each: each.id)
    first = prices[0]
    alike = [
        ("currency", "currencies_differ"), ("interval", "intervals_differ"), ("interval_count", "intervals_differ"),
        ("tax_behavior", "tax_behaviors_differ"),
    ]  # fmt: skip
    bad = [reason for name, reason in alike if len({getattr(each, name) for each in prices}) > 1]
    if len({each.id for each in prices}) < len(prices):
        bad.append("price_twice")
    if len(prices) > 50:
        bad.append("too_many_prices")
    for reason in dict.fromkeys(bad):
        report("items", reason, f"Its prices are no plan together: {reason.replace('_', ' ')}")
    if bad:
        return None
    source_id = "+".join(each.id for each in prices)
    plain = key_of(first.id) if len(prices) == 1 else sha256(source_id.encode()).hexdigest()[:24]
    name = " + ".join(dict.fromkeys(each.name for each in prices))[:200].strip()
    return SourcePlan(
        source_id, f"stripe-{plain}", name, first.currency, first.interval, first.interval_count,
        tuple(each.component for each in prices), first.tax_behavior,
    )  # fmt: skip


def minor_amount(given: Any) -> Fraction | None:
    """An amount in minor units, exact; None where it is no amount."""
    if given is None or isinstance(given, bool):
        return None
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        return None
    # 1e999999999 is a short text, and as a fraction a number of a billion digits.
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_MOST_DIGITS or not 0 <= value <= LARGEST_AMOUNT:
        return None
    return Fraction(value)


def cost_at_stripe(given: Mapping[str, Any], quantity: int) -> Fraction:
    """What a quantity of a price costs for one period at Stripe, in minor units of the currency as Stripe writes it.

    Computed from the object alone, and by nothing of ours, so that a mistake in the mapping shows as a difference.
    """
    divide = given.get("transform_quantity") or {}
    if divide:
        quantity = ceil(Fraction(quantity, int(divide["divide_by"])))
    if given.get("billing_scheme", "per_unit") != "tiered":
        return quantity * (_said(given, "unit_amount") or Fraction(0))
    sofar, before = Fraction(0), 0
    for tier in given["tiers"]:
        up_to = tier.get("up_to")
        unit, flat = _said(tier, "unit_amount") or Fraction(0), _said(tier, "flat_amount") or Fraction(0)
        inside = up_to is None or quantity <= up_to
        if given.get("tiers_mode") == "volume":
            if inside:
                return quantity * unit + flat
            continue
        sofar += ((quantity if inside else up_to) - before) * unit + flat
        if inside:
            return sofar
        before = up_to
    return sofar


def in_minor_units(amount: Fraction, currency: str) -> Fraction:
    """An amount of Stripe's in minor units of ISO 4217: ISK 500 at Stripe are 5 krónur."""
    return amount / 100 if currency in _IN_OTHER_DIGITS else amount


def at_stripe(minor: Decimal, currency: str) -> str:
    """An amount in minor units of ISO 4217 as Stripe writes it: the other way round."""
    return f"{minor * 100 if currency in _IN_OTHER_DIGITS else minor:f}"


def _said(given: Mapping[str, Any], name: str) -> Fraction | None:
    """An amount of an object: the decimal one, which is finer, where there is one."""
    found = given.get(f"{name}_decimal")
    return minor_amount(found if found is not None else given.get(name))


def _component(given: Mapping[str, Any], key: str, currency: str, problems: Problems) -> Component | None:
    scheme = given.get("billing_scheme", "per_unit")
    divide = given.get("transform_quantity")
    if scheme == "tiered":
        if divide:
            problems("transform_quantity", "not_supported", "Tiers of packages are not taken over")
        return _tiered(given, key, currency, problems)
    if scheme != "per_unit":
        problems("billing_scheme", "unknown_value", "per_unit or tiered")
        return None
    unit = _micros(given, "unit_amount", currency, problems, "")
    size = None
    if divide:
        size = divide.get("divide_by")
        if divide.get("round") != "up":
            problems("transform_quantity.round", "not_supported", "Only what is rounded up is taken over")
        if type(size) is not int or size < 1:
            problems("transform_quantity.divide_by", "out_of_range", "A whole number")
    if problems.found or unit is None:
        return None
    model = PricingModel.PER_UNIT if size is None else PricingModel.PACKAGE
    return Component(key, ComponentType.LICENSED, model, unit, package_size=size)


def _tiered(given: Mapping[str, Any], key: str, currency: str, problems: Problems) -> Component | None:
    tiers = given.get("tiers")
    if not isinstance(tiers, list) or not tiers:
        problems("tiers", "missing_required_field", "Stripe sends tiers only where they are asked for: expand them")
        return None
    if given.get("tiers_mode") not in ("graduated", "volume"):
        problems("tiers_mode", "unknown_value", "graduated or volume")
        return None
    made: list[Tier] = []
    for n, tier in enumerate(tiers):
        at, up_to = f"tiers.{n}.", tier.get("up_to")
        before = made[-1].up_to if made else Decimal(0)
        last = n == len(tiers) - 1
        fits = up_to is None if last else type(up_to) is int and before is not None and up_to > before
        if not fits:
            problems(at + "up_to", "out_of_order", "Tiers ascend, and only the last one has no end")
        unit = _micros(tier, "unit_amount", currency, problems, at, optional=True)
        flat = _micros(tier, "flat_amount", currency, problems, at, optional=True)
        if flat is not None and flat % MICROS_PER_MINOR:
            problems(at + "flat_amount_decimal", "sub_minor_unit", "A flat amount is charged as it is")
        if not problems.found:
            made.append(Tier(None if last else Decimal(up_to), unit or 0, flat or 0))
    if problems.found:
        return None
    return Component(key, ComponentType.LICENSED, PricingModel(given["tiers_mode"]), tiers=tuple(made))


def _micros(
    given: Mapping[str, Any], name: str, currency: str, problems: Problems, at: str, optional: bool = False
) -> int | None:
    """A price in micro-units: 0.5 of a cent is 500; what is finer than a thousandth of a cent is refused."""
    fine = given.get(f"{name}_decimal")
    field = at + (f"{name}_decimal" if fine is not None else name)
    if fine is None and given.get(name) is None:
        if not optional:
            problems(field, "missing_required_field", "It has no amount")
        return None
    amount = _said(given, name)
    if amount is None:
        problems(field, "must_be_an_amount", "It is no amount, or a negative one")
        return None
    micros = in_minor_units(amount, currency) * MICROS_PER_MINOR
    if micros.denominator != 1:
        problems(field, "too_fine", "It is finer than a thousandth of a minor unit")
        return None
    if micros > LARGEST_AMOUNT:
        problems(field, "out_of_range", "It is larger than any amount of ours")
        return None
    return int(micros)


def _name(given: Mapping[str, Any], products: Mapping[str, Mapping[str, Any]]) -> str:
    """What documents call it: its product's name, as at Stripe; else its nickname, or its id."""
    product = given.get("product")
    known = product if isinstance(product, Mapping) else products.get(str(product or ""), {})
    text = known.get("name") or given.get("nickname") or given.get("id")
    return "".join(each for each in str(text) if each.isprintable())[:100].strip() or str(given.get("id"))
