"""Issue 13: the steps of a price sum to what is charged, whatever is rounded."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.catalog.pricing import (
    MOST_STEPS,
    Component,
    ComponentType,
    PriceStep,
    PricingModel,
    Tier,
    price,
    price_steps,
)

UNIT = st.integers(0, 200_000)
QUANTITIES = st.decimals(0, 500, places=3)


@st.composite
def tiered(draw: st.DrawFn) -> Component:
    bounds = sorted(draw(st.sets(st.integers(1, 300), max_size=6)))
    tiers = [Tier(Decimal(each), draw(UNIT), draw(st.sampled_from([0, 0, 1, 12_345]))) for each in bounds]
    tiers.append(Tier(None, draw(UNIT), draw(st.sampled_from([0, 5_000]))))
    model = draw(st.sampled_from([PricingModel.GRADUATED, PricingModel.VOLUME]))
    minimum = draw(st.none() | st.integers(0, 10**7))
    return Component(
        "seats", ComponentType.LICENSED, model, tiers=tuple(tiers), free_units=draw(st.integers(0, 9)), minimum=minimum
    )


@given(tiered(), QUANTITIES, st.sampled_from(["USD", "JPY", "KWD", "EUR"]))
def test_steps_sum_to_the_amount_and_to_the_quantity(component: Component, quantity: Decimal, currency: str) -> None:
    """The law: where there are steps, they are the whole line, and each is about its quantity times its price."""
    priced, steps = price(component, quantity, currency), price_steps(component, quantity, currency)
    if steps:
        assert sum(step.amount for step in steps) == priced.amount.micros
        assert sum(step.quantity for step in steps) == quantity
        unit = 10_000 if currency == "KWD" else 1_000
        for step in steps:
            assert abs(step.quantity * step.unit_amount + step.flat_amount - step.amount) < unit
    elif priced.unit_amount is None:
        assert component.minimum is not None  # the minimum is what is charged, and no step explains it


def test_eight_seats_are_five_and_three() -> None:
    """Stripe's graduated price: 5 at 120.00 and 3 at 90.00."""
    component = Component(
        "seats", ComponentType.LICENSED, PricingModel.GRADUATED,
        tiers=(Tier(Decimal(5), 12_000_000), Tier(None, 9_000_000)),
    )  # fmt: skip
    assert price_steps(component, Decimal(8), "EUR") == (
        PriceStep(Decimal(5), 12_000_000, 0, 60_000_000),
        PriceStep(Decimal(3), 9_000_000, 0, 27_000_000),
    )
    assert price_steps(component, Decimal(5), "EUR") == ()  # 5 at 120.00 say it themselves


def test_free_units_are_a_step_at_nothing() -> None:
    component = Component("calls", ComponentType.METERED, PricingModel.PER_UNIT, 1_000, free_units=10, meter="calls")
    assert price_steps(component, Decimal(121), "USD") == (
        PriceStep(Decimal(10), 0, 0, 0),
        PriceStep(Decimal(111), 1_000, 0, 111_000),
    )


@pytest.mark.parametrize(
    "component",
    [
        Component("base", ComponentType.FLAT, unit_amount=1_000),
        Component("seats", ComponentType.LICENSED, PricingModel.PER_UNIT, 1_000),
        Component("calls", ComponentType.METERED, PricingModel.PACKAGE, 1_000, package_size=10, meter="calls"),
        Component("seats", ComponentType.LICENSED, PricingModel.GRADUATED, minimum=10**9,
                  tiers=(Tier(Decimal(5), 1), Tier(None, 2))),
        Component("seats", ComponentType.LICENSED, PricingModel.GRADUATED,
                  tiers=(*(Tier(Decimal(n), 1_000 * n) for n in range(1, MOST_STEPS + 1)), Tier(None, 1))),
    ],
)  # fmt: skip
def test_a_price_that_steps_do_not_explain_has_none(component: Component) -> None:
    assert price_steps(component, Decimal(MOST_STEPS + 5), "USD") == ()
