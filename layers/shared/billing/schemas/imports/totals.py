"""What subscriptions count for where they come from: a month of each."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.pricing import Component, exact_price
from billing.domain.imports.source import SourcePlan
from billing.domain.kernel.money import Money
from billing.domain.kernel.periods import Interval

_MONTHS = {
    Interval.MONTH: Fraction(1), Interval.YEAR: Fraction(12), Interval.WEEK: Fraction(12, 52),
    Interval.DAY: Fraction(12, 365),
}  # fmt: skip


def per_month(micros: Fraction, plan: SourcePlan, off: Discount | None) -> Money:
    """A month of what a period costs: 1,200.00 a year less 10 % is 90.00."""
    if off is not None and off.percent_off is not None:
        micros *= 1 - Fraction(off.percent_off) / 100
    if off is not None and off.amount_off is not None:
        micros = max(micros - off.amount_off.micros, Fraction(0))
    return Money(round(micros / _MONTHS[plan.interval] / plan.interval_count), plan.currency)


def exact_cost(components: Sequence[Component], quantities: Mapping[str, int]) -> Fraction:
    """What a period of our own plan costs, in micro-units."""
    return sum((Fraction(exact_price(each, Decimal(quantities.get(each.key, 1)))) for each in components), Fraction(0))
