"""Prices in currencies of no, two and three decimals: what no card can pay is refused."""

import pytest

from tests.integration.world import Tenant, World


@pytest.fixture
def kuwaiti(world: World) -> Tenant:
    return world.tenant(currency="KWD")


def test_a_flat_amount_that_no_card_can_pay_is_refused(kuwaiti: Tenant) -> None:
    body = {
        "id": "p", "name": "P", "currency": "KWD", "interval": "month",
        "components": [
            {"key": "base", "type": "flat", "unitAmount": 5_125_000},
            {"key": "min", "type": "licensed", "unitAmount": 1, "minimum": 1000},
            {"key": "tiers", "type": "licensed", "model": "volume",
             "tiers": [{"upTo": None, "unitAmount": 1, "flatAmount": 15_000}]},
        ],
    }  # fmt: skip
    answer = kuwaiti.post("/v1/plans", body)
    assert (answer.status, answer.bad_fields) == (
        400,
        dict.fromkeys(
            ["components.0.unitAmount", "components.1.minimum", "components.2.tiers.0.flatAmount"],
            "not_chargeable_in_currency",
        ),
    )
    body["components"] = [{"key": "base", "type": "flat", "unitAmount": 5_120_000}]
    assert kuwaiti.post("/v1/plans", body).status == 201


@pytest.mark.parametrize(("seats", "fils"), [(1, 1230), (2, 2470), (3, 3700), (1000, 1_234_000)])
def test_per_unit_prices_in_dinars_are_rounded_to_ten_fils(
    world: World, kuwaiti: Tenant, seats: int, fils: int
) -> None:
    """1.234 a seat: 1.234 -> 1.230, 2.468 -> 2.470, 3.702 -> 3.700; 1000 seats are exact."""
    kuwaiti.plan(currency="KWD", components=[{"key": "seats", "type": "licensed", "unitAmount": 1_234_000}])
    kuwaiti.subscribe(quantities={"seats": seats})
    invoice = kuwaiti.only_invoice()
    assert (invoice["status"], invoice["total"]) == ("paid", fils * 1000)
    (charge,) = world.charges(kuwaiti)
    assert (charge["amount_received"], charge["currency"]) == (fils, "kwd")
    assert invoice["amountPaid"] == charge["amount_received"] * 1000


@pytest.mark.parametrize(
    ("currency", "unit_amount", "at_stripes"),
    [("MGA", 10_000_000, 100), ("ISK", 500_000, 50_000), ("UGX", 5_000_000, 500_000), ("JPY", 500_000, 500)],
)
def test_stripe_is_asked_in_its_own_units(world: World, currency: str, unit_amount: int, at_stripes: int) -> None:
    tenant = world.tenant(currency=currency)
    tenant.plan(currency=currency, components=[{"key": "base", "type": "flat", "unitAmount": unit_amount}])
    assert tenant.subscribe(quantities={})["state"] == "active"
    (charge,) = world.charges(tenant)
    assert (charge["amount_received"], charge["currency"]) == (at_stripes, currency.lower())
    assert (tenant.only_invoice()["total"], tenant.only_payment()["amount"]) == (unit_amount, unit_amount)


def test_part_of_an_ariary_is_refused(world: World) -> None:
    tenant = world.tenant(currency="MGA")
    component = {"key": "base", "type": "flat", "unitAmount": 10_001_000}
    body = {"id": "p", "name": "P", "currency": "MGA", "interval": "month", "components": [component]}
    assert tenant.post("/v1/plans", body).bad_fields == {"components.0.unitAmount": "not_chargeable_in_currency"}
