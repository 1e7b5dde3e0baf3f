"""Prices: laws; the worked examples of docs/vectors.md are in ``test_pricing_vectors``."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.catalog.pricing import (
    Component,
    ComponentType,
    PricedQuantity,
    PricingModel,
    Tier,
    exact_price,
    price,
)
from billing.domain.kernel.money import Money

# No deadline: a busy machine is no broken law.
LAW = settings(max_examples=60, deadline=None)
LICENSED = ComponentType.LICENSED
METERED = ComponentType.METERED
FLAT = ComponentType.FLAT
UNIT = st.integers(0, 10**7)
FREE = st.integers(0, 50)
QUANTITIES = st.one_of(st.integers(0, 400).map(Decimal), st.decimals(0, 400, places=4))


@st.composite
def tiers(draw: st.DrawFn, flat: bool = True) -> tuple[Tier, ...]:
    bounds = sorted(draw(st.sets(st.integers(1, 300), max_size=4)))
    amounts = st.integers(0, 10**7) if flat else st.just(0)
    ends = [Decimal(bound) for bound in bounds] + [None]
    return tuple(Tier(end, draw(UNIT), draw(amounts)) for end in ends)


@st.composite
def components(draw: st.DrawFn) -> Component:
    model = draw(st.sampled_from(PricingModel))
    tiered = model in (PricingModel.GRADUATED, PricingModel.VOLUME)
    return Component(
        "c",
        LICENSED,
        model,
        unit_amount=None if tiered else draw(UNIT),
        tiers=draw(tiers()) if tiered else (),
        package_size=draw(st.integers(1, 40)) if model is PricingModel.PACKAGE else None,
        free_units=draw(FREE),
        minimum=draw(st.none() | UNIT),
    )


def dollars(amount: str) -> int:
    """Dollars in micro-units: dollars("6.50") is 650_000."""
    return int(Decimal(amount) * 100_000)


def tiered(model: PricingModel, *steps: tuple[int | None, str, str], **more: Any) -> Component:
    rows = tuple(
        Tier(None if up_to is None else Decimal(up_to), dollars(unit), dollars(flat)) for up_to, unit, flat in steps
    )
    return Component("fonts", LICENSED, model, tiers=rows, **more)


STRIPE = ((5, "7", "0"), (10, "6.50", "0"), (None, "6", "0"))
LAGO = ((10, "10", "2"), (20, "5", "3"), (None, "5", "3"))
PACKAGE: dict[str, Any] = {"model": PricingModel.PACKAGE, "unit_amount": dollars("100"), "package_size": 10}


# The contract's example


def test_the_contracts_plan() -> None:
    base = Component("base", FLAT, unit_amount=1_000_000)
    seats = Component("seats", LICENSED, PricingModel.GRADUATED, tiers=(Tier(Decimal(5), 700_000), Tier(None, 600_000)))
    calls = Component(
        "api_calls",
        METERED,
        PricingModel.PACKAGE,
        100_000,
        package_size=1000,
        free_units=10_000,
        meter="api_calls",
    )
    assert price(base, Decimal(1), "USD").amount.minor == 1000
    assert price(seats, Decimal(100), "USD").amount.minor == 5 * 700 + 95 * 600
    assert price(calls, Decimal(12_001), "USD").amount.minor == 300
    assert price(calls, Decimal(10_000), "USD").amount.is_zero


# Each model


@LAW
@given(QUANTITIES)
def test_flat_ignores_the_quantity(quantity: Decimal) -> None:
    component = Component("base", FLAT, unit_amount=1_234_000)
    assert price(component, quantity, "USD") == PricedQuantity(Decimal(1), 1_234_000, Money(1_234_000, "USD"))


@LAW
@given(UNIT, FREE, QUANTITIES)
def test_per_unit_is_quantity_times_price_after_the_free_units(unit: int, free: int, quantity: Decimal) -> None:
    component = Component("c", LICENSED, PricingModel.PER_UNIT, unit, free_units=free)
    assert exact_price(component, quantity) == max(Fraction(quantity) - free, Fraction(0)) * unit


@LAW
@given(UNIT, st.integers(1, 40), QUANTITIES)
def test_a_package_begun_is_a_package_paid(unit: int, size: int, quantity: Decimal) -> None:
    component = Component("c", LICENSED, PricingModel.PACKAGE, unit, package_size=size)
    packages = exact_price(component, quantity) / unit if unit else Fraction(0)
    if unit:
        assert packages.denominator == 1
        assert (packages - 1) * size < quantity <= packages * size
    else:
        assert exact_price(component, quantity) == 0


@LAW
@given(tiers(), st.data())
def test_volume_and_graduated_agree_on_the_first_tier(steps: tuple[Tier, ...], data: st.DataObject) -> None:
    end = steps[0].up_to if steps[0].up_to is not None else Decimal(400)
    quantity = data.draw(st.decimals(0, end, places=4))
    volume = Component("c", LICENSED, PricingModel.VOLUME, tiers=steps)
    graduated = Component("c", LICENSED, PricingModel.GRADUATED, tiers=steps)
    assert exact_price(volume, quantity) == exact_price(graduated, quantity)


@LAW
@given(tiers(flat=False), QUANTITIES, st.decimals(0, 5, places=4))
def test_graduated_is_continuous(steps: tuple[Tier, ...], quantity: Decimal, more: Decimal) -> None:
    component = Component("c", LICENSED, PricingModel.GRADUATED, tiers=steps)
    rise = exact_price(component, quantity + more) - exact_price(component, quantity)
    prices = [tier.unit_amount for tier in steps]
    assert min(prices) * Fraction(more) <= rise <= max(prices) * Fraction(more)


@LAW
@given(tiers(), FREE, st.lists(QUANTITIES, min_size=2, max_size=6))
def test_graduated_never_falls_as_the_quantity_rises(
    steps: tuple[Tier, ...], free: int, quantities: list[Decimal]
) -> None:
    component = Component("c", LICENSED, PricingModel.GRADUATED, tiers=steps, free_units=free)
    charges = [exact_price(component, quantity) for quantity in sorted(quantities)]
    assert charges == sorted(charges)


@LAW
@given(tiers(), QUANTITIES)
def test_volume_prices_every_unit_at_the_tier_reached(steps: tuple[Tier, ...], quantity: Decimal) -> None:
    reached = next(tier for tier in steps if tier.up_to is None or tier.up_to >= quantity)
    component = Component("c", LICENSED, PricingModel.VOLUME, tiers=steps)
    assert exact_price(component, quantity) == Fraction(quantity) * reached.unit_amount + reached.flat_amount


@pytest.mark.parametrize("model", [PricingModel.GRADUATED, PricingModel.VOLUME])
def test_a_first_tier_up_to_zero_makes_nothing_free(model: PricingModel) -> None:
    component = tiered(model, (0, "0", "0"), (None, "1", "5"))
    assert exact_price(component, Decimal(0)) == 0
    assert exact_price(component, Decimal(1)) == dollars("6")


def test_a_fraction_past_the_bound_is_in_the_next_tier() -> None:
    component = tiered(PricingModel.VOLUME, *STRIPE)
    assert exact_price(component, Decimal("5.5")) == Fraction("5.5") * dollars("6.50")


# All models


@LAW
@given(components(), QUANTITIES)
def test_free_units_come_off_before_anything_else(component: Component, quantity: Decimal) -> None:
    without = Component(
        component.key,
        component.type,
        component.model,
        component.unit_amount,
        component.tiers,
        component.package_size,
        minimum=component.minimum,
    )
    assert exact_price(component, quantity + component.free_units) == exact_price(without, quantity)
    assert exact_price(component, Decimal(component.free_units)) == exact_price(component, Decimal(0))


@LAW
@given(components(), QUANTITIES)
def test_the_charge_is_never_below_the_minimum(component: Component, quantity: Decimal) -> None:
    assert exact_price(component, quantity) >= (component.minimum or 0)


def test_the_minimum_only_lifts() -> None:
    component = Component("c", LICENSED, PricingModel.PER_UNIT, dollars("1"), minimum=dollars("50"))
    assert exact_price(component, Decimal(3)) == dollars("50")
    assert exact_price(component, Decimal(51)) == dollars("51")


@LAW
@given(components(), QUANTITIES)
def test_the_amount_is_the_exact_price_rounded_once(component: Component, quantity: Decimal) -> None:
    priced = price(component, quantity, "USD")
    assert priced.amount == Money.rounded(exact_price(component, quantity), "USD")
    assert priced.quantity == quantity


@LAW
@given(components(), QUANTITIES)
def test_a_unit_amount_shown_explains_the_amount(component: Component, quantity: Decimal) -> None:
    shown = price(component, quantity, "USD").unit_amount
    billed = max(Fraction(quantity) - component.free_units, Fraction(0))
    if shown is not None:
        assert billed * shown == exact_price(component, quantity)


@pytest.mark.parametrize(
    ("component", "quantity", "shown"),
    [
        (Component("c", FLAT, unit_amount=900), 7, 900),
        (Component("c", LICENSED, PricingModel.PER_UNIT, 900), 7, 900),
        (Component("c", LICENSED, PricingModel.PER_UNIT, 900, minimum=6_301), 7, None),
        (Component("c", LICENSED, PricingModel.PER_UNIT, 900, minimum=6_300), 7, 900),
        (Component("c", LICENSED, **PACKAGE), 7, None),
        (tiered(PricingModel.VOLUME, *STRIPE), 7, dollars("6.50")),
        (tiered(PricingModel.VOLUME, *LAGO), 7, None),
        (tiered(PricingModel.GRADUATED, *STRIPE), 5, dollars("7")),
        (tiered(PricingModel.GRADUATED, *STRIPE), 6, None),
        (tiered(PricingModel.GRADUATED, *LAGO), 5, None),
    ],
)
def test_a_unit_amount_is_shown_where_there_is_exactly_one(
    component: Component, quantity: int, shown: int | None
) -> None:
    assert price(component, Decimal(quantity), "USD").unit_amount == shown


@pytest.mark.parametrize(("quantity", "cents"), [(1, 0), (499, 0), (500, 1), (1499, 1), (1500, 2), (100_000, 100)])
def test_a_thousandth_of_a_cent_a_unit_adds_up(quantity: int, cents: int) -> None:
    component = Component("c", METERED, PricingModel.PER_UNIT, 1, meter="tokens")
    assert price(component, Decimal(quantity), "USD").amount.minor == cents


def test_yen_round_to_whole_yen() -> None:
    component = Component("c", METERED, PricingModel.PER_UNIT, 250, meter="calls")
    assert price(component, Decimal(6), "JPY").amount == Money(2_000, "JPY")


def test_long_quantities_keep_every_digit() -> None:
    component = Component("c", METERED, PricingModel.PER_UNIT, 1_000, free_units=1, meter="calls")
    quantity = Decimal("123456789012345678901234567890.5")
    assert exact_price(component, quantity) == (Fraction(quantity) - 1) * 1_000


@pytest.mark.parametrize("quantity", ["-1", "-0.0001", "NaN", "Infinity"])
def test_quantities_that_make_no_sense_are_refused(quantity: str) -> None:
    component = Component("c", LICENSED, PricingModel.PER_UNIT, 1_000)
    with pytest.raises(ValueError, match=r"negative|finite"):
        price(component, Decimal(quantity), "USD")


def test_a_float_is_no_quantity() -> None:
    quantity: Any = 1.5
    with pytest.raises(TypeError):
        exact_price(Component("c", LICENSED, PricingModel.PER_UNIT, 1_000), quantity)


# Invariants


ONE_TIER = (Tier(None, 1),)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"key": "", "type": FLAT, "unit_amount": 1}, "needs a key"),
        ({"type": FLAT}, "needs a unit_amount"),
        ({"type": FLAT, "unit_amount": 1, "model": PricingModel.PER_UNIT}, "flat has no model"),
        ({"type": FLAT, "unit_amount": 1, "tiers": ONE_TIER}, "flat has no model, tiers"),
        ({"type": FLAT, "unit_amount": 1, "free_units": 1}, "flat has no model"),
        ({"type": FLAT, "unit_amount": 1, "package_size": 1}, "flat has no model"),
        ({"type": FLAT, "unit_amount": 1, "meter": "m"}, "only metered has a meter"),
        ({"type": LICENSED, "unit_amount": 1}, "licensed needs a model"),
        (
            {"type": LICENSED, "model": PricingModel.PER_UNIT, "unit_amount": 1, "meter": "m"},
            "only metered has",
        ),
        ({"type": METERED, "model": PricingModel.PER_UNIT, "unit_amount": 1}, "metered needs a meter"),
        ({"model": PricingModel.PER_UNIT}, "per_unit needs a unit_amount"),
        ({"model": PricingModel.PER_UNIT, "unit_amount": -1}, "unit_amount must be at least 0"),
        ({"model": PricingModel.PER_UNIT, "unit_amount": 1, "tiers": ONE_TIER}, "per_unit has no tiers"),
        (
            {"model": PricingModel.PER_UNIT, "unit_amount": 1, "package_size": 5},
            "only package has a package_size",
        ),
        (
            {"model": PricingModel.PER_UNIT, "unit_amount": 1, "free_units": -1},
            "free_units must be at least 0",
        ),
        ({"model": PricingModel.PER_UNIT, "unit_amount": 1, "minimum": -1}, "minimum must be at least 0"),
        ({"model": PricingModel.PACKAGE, "unit_amount": 1}, "package needs a package_size"),
        ({"model": PricingModel.PACKAGE, "package_size": 1}, "package needs a unit_amount"),
        (
            {"model": PricingModel.PACKAGE, "unit_amount": 1, "package_size": 0},
            "package_size must be at least 1",
        ),
        ({"model": PricingModel.GRADUATED}, "graduated needs tiers"),
        ({"model": PricingModel.VOLUME}, "volume needs tiers"),
        ({"model": PricingModel.VOLUME, "tiers": ONE_TIER, "unit_amount": 1}, "prices in tiers alone"),
        ({"model": PricingModel.VOLUME, "tiers": ONE_TIER, "package_size": 1}, "prices in tiers alone"),
        ({"model": PricingModel.VOLUME, "tiers": (Tier(Decimal(5), 1),)}, "last tier must have no up_to"),
        ({"model": PricingModel.VOLUME, "tiers": ONE_TIER * 2}, "only the last tier may have no up_to"),
        (
            {"model": PricingModel.VOLUME, "tiers": (Tier(Decimal(5), 1), Tier(Decimal(5), 1), *ONE_TIER)},
            "tiers must ascend: 5 is followed by 5",
        ),
        (
            {"model": PricingModel.VOLUME, "tiers": (Tier(Decimal(5), 1), Tier(Decimal(4), 1), *ONE_TIER)},
            "tiers must ascend: 5 is followed by 4",
        ),
    ],
)
def test_a_component_that_makes_no_sense_cannot_be_made(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Component(**({"key": "c", "type": LICENSED} | arguments))


@pytest.mark.parametrize(
    "wrong", [{"unit_amount": 1.0}, {"unit_amount": True}, {"free_units": Decimal(1)}, {"minimum": 1.5}]
)
def test_a_components_numbers_are_ints(wrong: dict[str, Any]) -> None:
    good: dict[str, Any] = {"key": "c", "type": LICENSED, "model": PricingModel.PER_UNIT, "unit_amount": 1}
    assert exact_price(Component(**good), Decimal(2)) == 2
    with pytest.raises(TypeError):
        Component(**good | wrong)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((Decimal(-1), 1, 0), ValueError),
        ((Decimal("NaN"), 1, 0), ValueError),
        ((Decimal("Infinity"), 1, 0), ValueError),
        ((1.5, 1, 0), TypeError),
        ((None, -1, 0), ValueError),
        ((None, 1, -1), ValueError),
        ((None, 1.0, 0), TypeError),
        ((None, 1, True), TypeError),
    ],
)
def test_a_tier_that_makes_no_sense_cannot_be_made(arguments: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Tier(*arguments)
