"""Plans: their versions, what a subscription chooses of them, and what cannot be charged."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.domain.catalog.plan import PauseBilling, Plan, TaxBehavior, unchargeable, version_id
from billing.domain.catalog.pricing import Component, ComponentType, PricingModel, Tier
from billing.domain.kernel.periods import Interval
from billing.domain.kernel.proration import ProrationUnit
from billing.schemas.catalog.plans import PlanIn, PlanOut

AT = datetime(2027, 1, 31, 9, tzinfo=UTC)
BASE = Component("base", ComponentType.FLAT, unit_amount=4_999_000)
SEATS = Component("seats", ComponentType.LICENSED, PricingModel.PER_UNIT, 500_000)
CALLS = Component("calls", ComponentType.METERED, PricingModel.PACKAGE, 100_000, package_size=1000, meter="api_calls")


def plan(*components: Component, **fields: Any) -> Plan:
    values: dict[str, Any] = {
        "id": "business-monthly",
        "tenant_id": "ten_1",
        "plan_version": 1,
        "name": "Business",
        "currency": "USD",
        "interval": Interval.MONTH,
        "interval_count": 1,
        "components": components,
        "created_at": AT,
    }
    return Plan(**values | fields)


def tiered(*steps: tuple[int | None, int]) -> Component:
    """Steps of (up to, flat amount)."""
    rows = tuple(Tier(None if up_to is None else Decimal(up_to), 1, flat) for up_to, flat in steps)
    return Component("tiered", ComponentType.LICENSED, PricingModel.VOLUME, tiers=rows)


def test_a_plan_that_says_nothing_prorates_by_the_second_credits_pauses_and_adds_tax() -> None:
    made = plan(BASE)
    assert (made.proration_unit, made.pause_billing, made.tax_behavior, made.active) == (
        ProrationUnit.SECOND,
        PauseBilling.CREDIT,
        TaxBehavior.EXCLUSIVE,
        True,
    )


@pytest.mark.parametrize("components", [(), (BASE, BASE), (SEATS, CALLS, SEATS)])
def test_a_plan_has_components_each_with_a_key_of_its_own(components: tuple[Component, ...]) -> None:
    with pytest.raises(ValueError, match="key of its own"):
        plan(*components)


def test_a_subscription_chooses_the_quantity_of_licensed_components_alone() -> None:
    assert plan(BASE, SEATS, CALLS).licensed_keys == ("seats",)


def test_a_plan_may_have_metered_components_alone() -> None:
    assert plan(CALLS).licensed_keys == ()


@pytest.mark.parametrize(
    ("interval", "count", "second"),
    [
        (Interval.DAY, 10, datetime(2027, 2, 10, 9, tzinfo=UTC)),
        (Interval.WEEK, 2, datetime(2027, 2, 14, 9, tzinfo=UTC)),
        (Interval.MONTH, 1, datetime(2027, 2, 28, 9, tzinfo=UTC)),
        (Interval.MONTH, 13, datetime(2028, 2, 29, 9, tzinfo=UTC)),
        (Interval.YEAR, 3, datetime(2030, 1, 31, 9, tzinfo=UTC)),
    ],
)
def test_the_cadence_counts_any_number_of_intervals_from_the_anchor(
    interval: Interval, count: int, second: datetime
) -> None:
    cadence = plan(BASE, interval=interval, interval_count=count).cadence(AT, "UTC")
    assert cadence.boundary(1) == second


def test_versions_sort_as_text() -> None:
    names = [version_id("p", n) for n in (1, 2, 9, 10, 99, 100, 999_999)]
    assert names[0] == "p@000001"
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("components", "currency", "fields"),
    [
        ((BASE, SEATS, CALLS), "USD", ()),
        ((Component("base", ComponentType.FLAT, unit_amount=5_125_000),), "KWD", ("components.0.unitAmount",)),
        ((Component("base", ComponentType.FLAT, unit_amount=5_120_000),), "KWD", ()),
        ((Component("seats", ComponentType.LICENSED, PricingModel.PER_UNIT, 5_125_001),), "KWD", ()),
        ((SEATS, tiered((5, 0), (10, 1_000), (None, 10_000))), "KWD", ("components.1.tiers.1.flatAmount",)),
        (
            (Component("seats", ComponentType.LICENSED, PricingModel.PER_UNIT, 1, minimum=150_000),),
            "MGA",
            ("components.0.minimum",),
        ),
    ],
)
def test_what_is_charged_as_it_is_must_be_chargeable(
    components: tuple[Component, ...], currency: str, fields: tuple[str, ...]
) -> None:
    assert unchargeable(components, currency) == fields


METERED: list[dict[str, Any]] = [
    {"model": "per_unit", "unitAmount": 250},
    {"model": "package", "unitAmount": 100_000, "packageSize": 1000, "freeUnits": 10_000},
    {"model": "graduated", "tiers": [{"upTo": 10, "unitAmount": 7}, {"upTo": None, "unitAmount": 6}]},
    {"model": "volume", "tiers": [{"upTo": None, "unitAmount": 6, "flatAmount": 1_000}], "minimum": 5_000},
]


@pytest.mark.parametrize("price", METERED, ids=lambda price: str(price["model"]))
def test_a_metered_component_takes_every_model_and_shows_what_was_said(price: dict[str, Any]) -> None:
    body = {
        "id": "metered",
        "name": "Metered",
        "currency": "USD",
        "interval": "month",
        "components": [{"key": "calls", "type": "metered", "meter": "api_calls", **price}],
    }
    new = PlanIn.model_validate(body).new()
    shown = PlanOut.of(plan(*new.components)).model_dump(by_alias=True)["components"][0]
    tiers = [{"unitAmount": 0, "flatAmount": 0, **tier} for tier in price.get("tiers", [])]
    assert shown == {
        "key": "calls",
        "type": "metered",
        "meter": "api_calls",
        "unitAmount": None,
        "packageSize": None,
        "freeUnits": 0,
        "minimum": None,
        "filters": {},
        "groupBy": [],
        **price,
        "tiers": tiers,
    }
