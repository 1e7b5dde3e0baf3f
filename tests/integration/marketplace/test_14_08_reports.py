"""Issue 14: what a marketplace's providers sold in a quarter, for DAC7 and 1099-K."""

import csv
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from tests.integration.marketplace.conftest import made
from tests.integration.marketplace.market import Market, item
from tests.integration.world import Json, Tenant, World

REPORT = "/v1/commerce/reports/providers"


def rows(caller: Tenant, **query: Any) -> list[Json]:
    return list(caller.get(REPORT, **query).data)


def this_quarter() -> Json:
    now = datetime.now(UTC)
    return {"year": now.year, "quarter": (now.month + 2) // 3}


def test_14_a_provider_s_quarter_is_its_sales_before_and_after_what_was_taken_off(market: Market) -> None:
    """100.00 at 15 % and 40.00 of it refunded, 50.00 at 10 %: gross 150.00, consideration 85.00 - 34.00 + 45.00."""
    order = market.sold(item(10_000, 1_500, market.x), item(2_000, 0, market.y))
    market.sold(item(2_500, 1_000, market.x, quantity=2))
    refund = market.refund(order, items=[{"itemId": "item_1", "amount": 40_00 * 1000}])
    assert refund.status == 201, refund.json
    x, y = sorted(rows(market.shop, **this_quarter()), key=lambda row: row["providerTenantId"] != market.x.id)
    assert (x["providerTenantId"], x["name"], x["currency"]) == (market.x.id, "X", "USD")
    assert (x["sales"], x["quantity"], x["gross"], x["refunded"]) == (2, 3, 150_00_000, 40_00_000)
    assert (x["commission"], x["consideration"], x["taxWithheld"]) == (20_00_000, 96_00_000, 0)
    assert (y["sales"], y["gross"], y["consideration"]) == (1, 20_00_000, 20_00_000)


def test_14_only_what_was_paid_in_the_quarter_counts_and_only_the_marketplace_s_own(market: Market) -> None:
    """Open orders, another quarter, and another tenant's report have nothing of it."""
    market.order(item(10_000, 0, market.x))
    assert rows(market.shop, **this_quarter()) == []
    market.sold(item(10_000, 0, market.x))
    year = datetime.now(UTC).year
    assert rows(market.shop, year=year - 1) == []
    assert rows(market.x, **this_quarter()) == []
    assert len(rows(market.shop, year=year)) == 1


def test_14_a_quarter_begins_at_the_marketplace_s_midnight(world: World) -> None:
    """Paid at 2027-03-31 23:30 UTC is April in Berlin: the second quarter's."""
    market = made(world, timezone="Europe/Berlin")
    world.clock.freeze(datetime(2027, 3, 31, 23, 30, tzinfo=UTC))
    market.sold(item(10_000, 0, market.x))
    assert rows(market.shop, year=2027, quarter=1) == []
    assert [row["quarter"] for row in rows(market.shop, year=2027)] == [2]
    assert [row["gross"] for row in rows(market.shop, year=2027, quarter=2)] == [100_00_000]


def test_14_the_csv_has_the_json_s_rows(market: Market) -> None:
    market.sold(item(10_000, 1_500, market.x))
    answer = market.shop.get(f"{REPORT}.csv", **this_quarter())
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/csv")
    (row,) = csv.DictReader(StringIO(answer.content.decode()))
    assert row == {
        name: "" if value is None else str(value) for name, value in rows(market.shop, **this_quarter())[0].items()
    }


def test_14_a_report_needs_a_year_and_knows_four_quarters(market: Market) -> None:
    for query in ({}, {"year": 1969}, {"year": 2026, "quarter": 5}, {"year": 2026, "quarter": 0}):
        assert market.shop.get(REPORT, **query).status == 400
