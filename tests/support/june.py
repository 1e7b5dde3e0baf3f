"""A month of calls at a cent each: what the tests of usage billing have in common."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from billing.domain.catalog.plan import Plan
from billing.domain.catalog.pricing import Component, ComponentType, PricingModel, Tier
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.money import MICROS_PER_MINOR
from billing.domain.kernel.periods import Period
from billing.domain.lines.line import InvoiceLine
from billing.domain.subscriptions import changes
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.usage.event import UsageSpan
from tests.support.engine import on

START, END, LATE = on("2025-06-01"), on("2025-07-01"), on("2025-07-10")
JUNE = UsageSpan(Period(START, END))
CURRENCIES = ("JPY", "USD", "KWD")
QUANTITIES = st.integers(0, 5000).map(Decimal) | st.decimals(0, 5000, places=9, allow_nan=False)
CENT = MICROS_PER_MINOR


def calls(**more: Any) -> Component:
    """A price of calls; 0.01 a call unless something else is said."""
    values: dict[str, Any] = {"model": PricingModel.PER_UNIT, "unit_amount": CENT, "meter": "calls", "key": "calls"}
    if "tiers" in more:
        values |= {"model": PricingModel.GRADUATED, "unit_amount": None}
    return Component(type=ComponentType.METERED, **(values | more))


def renewed(before: Subscription, sold: Plan) -> Subscription:
    return changes.begin_period(before, sold, before.current_period.end).subscription


def said(lines: Sequence[InvoiceLine]) -> list[tuple[str | None, int, str]]:
    """Component, minor units and quantity of lines."""
    return [(line.component, line.amount.minor, str(line.quantity)) for line in lines]


@st.composite
def priced(draw: st.DrawFn, currency: str, more: dict[str, Any]) -> Component:
    """A metered price of any model."""
    step = charge_step(currency) * MICROS_PER_MINOR
    model = draw(st.sampled_from(PricingModel))
    values: dict[str, Any] = {
        "model": model,
        "free_units": draw(st.sampled_from([0, 0, 10, 1000])),
        "minimum": draw(st.none() | st.integers(0, 500).map(lambda n: n * step)),
    }
    unit_amounts = st.integers(0, 3 * step)
    if model in (PricingModel.GRADUATED, PricingModel.VOLUME):
        bounds = sorted(draw(st.sets(QUANTITIES, max_size=3)))
        flats = st.integers(0, 50).map(lambda n: n * step)
        values["tiers"] = tuple(Tier(each, draw(unit_amounts), draw(flats)) for each in (*bounds, None))
    else:
        values["unit_amount"] = draw(unit_amounts)
        values["package_size"] = draw(st.integers(1, 100)) if model is PricingModel.PACKAGE else None
    return Component(type=ComponentType.METERED, **{"key": "calls", "meter": "calls"} | values | more)
