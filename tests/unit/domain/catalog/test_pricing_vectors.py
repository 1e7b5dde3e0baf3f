"""The worked examples of docs/vectors.md on prices, by name: Tiers, Lago graduated, Lago package, Splitting."""

from decimal import Decimal
from typing import Any

import pytest

from billing.domain.catalog.pricing import Component, ComponentType, PricingModel, Tier, price
from billing.domain.kernel.money import Money

Steps = tuple[tuple[int | None, str, str], ...]
STRIPE: Steps = ((5, "7", "0"), (10, "6.50", "0"), (None, "6", "0"))
"""Stripe's page: 1-5 at $7, 6-10 at $6.50, 11 and more at $6."""
LAGO: Steps = ((10, "10", "2"), (20, "5", "3"), (None, "5", "3"))
"""Lago: 0-10 at 10 + 2, 11-20 at 5 + 3, 21 and more at 5 + 3."""


def money(amount: str, currency: str = "USD") -> Money:
    return Money(int(Decimal(amount) * 100_000), currency)


def tiered(model: PricingModel, steps: Steps) -> Component:
    tiers = tuple(
        Tier(None if up_to is None else Decimal(up_to), money(unit).micros, money(flat).micros)
        for up_to, unit, flat in steps
    )
    return Component("fonts", ComponentType.LICENSED, model, tiers=tiers)


def vectors(name: str, *rows: tuple[Any, str]) -> list[Any]:
    """Rows of (quantity, amount), each under the vector's name: ``tiers-volume-6``."""
    return [pytest.param(quantity, amount, id=f"{name}-{quantity}") for quantity, amount in rows]


@pytest.mark.parametrize(
    ("quantity", "amount"), vectors("tiers-volume", (1, "7"), (5, "35"), (6, "39"), (20, "120"), (25, "150"))
)
def test_tiers_volume(quantity: int, amount: str) -> None:
    assert price(tiered(PricingModel.VOLUME, STRIPE), Decimal(quantity), "USD").amount == money(amount)


@pytest.mark.parametrize(
    ("quantity", "amount"),
    vectors("tiers-graduated", (1, "7"), (5, "35"), (6, "41.50"), (20, "127.50"), (25, "157.50")),
)
def test_tiers_graduated(quantity: int, amount: str) -> None:
    assert price(tiered(PricingModel.GRADUATED, STRIPE), Decimal(quantity), "USD").amount == money(amount)


@pytest.mark.parametrize(
    ("quantity", "amount"),
    vectors("lago-graduated", (0, "2"), (1, "12"), (10, "102"), (11, "110"), (12, "115"), (21, "163")),
)
def test_lago_graduated(quantity: int, amount: str) -> None:
    component = tiered(PricingModel.GRADUATED, LAGO)
    assert price(component, Decimal(quantity), "EUR").amount == money(amount, "EUR")


@pytest.mark.parametrize("type_", [ComponentType.LICENSED, ComponentType.METERED])
@pytest.mark.parametrize(("free_units", "amount"), vectors("lago-package-121-free", (0, "1300"), (10, "1200")))
def test_lago_package(free_units: int, amount: str, type_: ComponentType) -> None:
    meter = "calls" if type_ is ComponentType.METERED else None
    component = Component(
        "calls", type_, PricingModel.PACKAGE, money("100").micros, package_size=10, free_units=free_units, meter=meter
    )
    assert price(component, Decimal(121), "EUR").amount == money(amount, "EUR")


@pytest.mark.parametrize(
    ("whole", "currency", "weights", "parts"),
    [
        pytest.param(5, "USD", [1, 1, 1], [2, 2, 1], id="splitting-0.05-over-1:1:1"),
        pytest.param(5, "JPY", [1, 1, 1], [2, 2, 1], id="splitting-jpy-5"),
        pytest.param(10_000, "USD", [1, 2, 3], [1_667, 3_333, 5_000], id="splitting-100.00-over-1:2:3"),
    ],
)
def test_splitting(whole: int, currency: str, weights: list[int], parts: list[int]) -> None:
    assert [part.minor for part in Money.from_minor(whole, currency).allocate(weights)] == parts
