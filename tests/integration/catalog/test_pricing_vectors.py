"""The worked examples of docs/vectors.md on prices and splitting, by name and through the API, to the invoice line."""

from decimal import Decimal
from typing import Any

import pytest

from tests.integration.world import Json, Tenant, World

Steps = list[tuple[int | None, str, str]]
STRIPE: Steps = [(5, "7", "0"), (10, "6.50", "0"), (None, "6", "0")]
LAGO: Steps = [(10, "10", "2"), (20, "5", "3"), (None, "5", "3")]


def micros(amount: str) -> int:
    """Two-decimal currencies: "6.50" is 650,000."""
    return int(Decimal(amount) * 100_000)


def tiered(model: str, steps: Steps) -> Json:
    tiers = [{"upTo": up_to, "unitAmount": micros(unit), "flatAmount": micros(flat)} for up_to, unit, flat in steps]
    return {"model": model, "tiers": tiers}


PACKAGE = {"model": "package", "unitAmount": micros("100"), "packageSize": 10}
VECTORS: dict[str, tuple[str, Json, list[tuple[int, str]]]] = {
    "tiers-volume": ("USD", tiered("volume", STRIPE), [(1, "7"), (5, "35"), (6, "39"), (20, "120"), (25, "150")]),
    "tiers-graduated": (
        "USD", tiered("graduated", STRIPE), [(1, "7"), (5, "35"), (6, "41.50"), (20, "127.50"), (25, "157.50")]
    ),
    "lago-graduated": (
        "EUR",
        tiered("graduated", LAGO),
        [(0, "2"), (1, "12"), (10, "102"), (11, "110"), (12, "115"), (21, "163")],
    ),
    "lago-package": ("EUR", PACKAGE, [(121, "1300")]),
    "lago-package-10-free": ("EUR", PACKAGE | {"freeUnits": 10}, [(121, "1200")]),
}  # fmt: skip
"""From a vector's name to the currency, the price, and rows of (quantity, amount)."""
CASES = [
    pytest.param(name, quantity, amount, id=f"{name}-{quantity}")
    for name, (_, _, rows) in VECTORS.items()
    for quantity, amount in rows
]


@pytest.fixture(scope="module")
def shop(world: World) -> Tenant:
    """One tenant that sells each vector's price as a plan, with a customer for each currency."""
    tenant = world.tenant()
    for name, (currency, price, _) in VECTORS.items():
        tenant.plan(id=name, currency=currency, components=[{"key": "units", "type": "licensed", **price}])
    for currency in ("USD", "EUR"):
        tenant.data[currency] = tenant.customer(currency=currency)
    return tenant


@pytest.mark.parametrize(("name", "quantity", "amount"), CASES)
def test_the_invoice_line_of_a_vector(shop: Tenant, name: str, quantity: int, amount: str) -> None:
    currency, _, _ = VECTORS[name]
    subscription = shop.subscribe(planId=name, customerId=shop.data[currency], quantities={"units": quantity})
    invoice: dict[str, Any] = shop.get(f"/v1/invoices/{subscription['latestInvoiceId']}").data
    (line,) = invoice["lines"]
    assert (line["component"], line["quantity"], line["amount"]) == ("units", str(quantity), micros(amount))
    assert (invoice["currency"], invoice["total"], invoice["status"]) == (currency, micros(amount), "paid")


@pytest.mark.parametrize(
    ("currency", "off", "amounts", "parts"),
    [
        pytest.param("USD", 5, [500, 500, 500], [2, 2, 1], id="splitting-0.05-over-1:1:1"),
        pytest.param("JPY", 5, [500, 500, 500], [2, 2, 1], id="splitting-jpy-5"),
        pytest.param("USD", 10_000, [5_000, 10_000, 15_000], [1_667, 3_333, 5_000], id="splitting-100.00-over-1:2:3"),
    ],
)
def test_a_coupons_amount_is_split_over_the_lines(
    tenant: Tenant, currency: str, off: int, amounts: list[int], parts: list[int]
) -> None:
    """Amounts in minor units."""
    components = [{"key": f"part-{n}", "type": "flat", "unitAmount": each * 1000} for n, each in enumerate(amounts)]
    tenant.plan(id="parts", currency=currency, components=components)
    terms = {"code": "SPLIT", "amountOff": off * 1000, "currency": currency, "duration": "once"}
    assert tenant.post("/v1/coupons", terms).status == 201
    customer = tenant.customer(currency=currency)
    subscription = tenant.subscribe(planId="parts", customerId=customer, quantities={}, couponCode="SPLIT")
    invoice = tenant.get(f"/v1/invoices/{subscription['latestInvoiceId']}").data
    assert [[each["amount"] for each in line["discounts"]] for line in invoice["lines"]] == [
        [part * 1000] for part in parts
    ]
    assert (invoice["discount"], invoice["total"]) == (off * 1000, (sum(amounts) - off) * 1000)
