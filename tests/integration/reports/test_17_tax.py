"""Issue 17: taxes by jurisdiction and rate, and what was not taxed and why; they are the ledger's, whatever happens."""

import csv
import io
import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.credited import credited
from tests.integration.invoices import do, line, make
from tests.integration.marketplace.conftest import made as market_of
from tests.integration.marketplace.market import item
from tests.integration.world import Json, Tenant, World

PATH = "/v1/reports/tax"
BERLIN = {"line1": "Rosenthaler Str. 1", "city": "Berlin", "postalCode": "10119", "country": "DE"}
PARIS = {"line1": "1 rue de Rivoli", "city": "Paris", "postalCode": "75001", "country": "FR"}
LA = {"line1": "1 Main St", "city": "Los Angeles", "postalCode": "90002", "state": "CA", "country": "US"}
VAT_ID_FR = "FR40303265045"


@pytest.fixture
def german(world: World) -> Tenant:
    world.clock.freeze(datetime(2026, 11, 20, 12, tzinfo=UTC))
    return world.tenant(address=BERLIN, taxProvider="builtin", currency="EUR", timezone="Europe/Berlin")


def invoiced(tenant: Tenant, customer: str, *amounts: int, **fields: Any) -> Json:
    tenant.world.clock.advance(seconds=1)  # one after the other, however fast this is
    return make(tenant, *map(line, amounts), customerId=customer, autoFinalize=True, **fields)


def report(tenant: Tenant, world: World, **query: Any) -> list[Json]:
    world.clock.advance(seconds=1)
    rows: list[Json] = tenant.get(PATH, **query).data["rows"]
    return rows


def short(rows: list[Json]) -> list[tuple[Any, ...]]:
    names = ("country", "taxName", "ratePercent", "treatment", "currency", "taxable", "tax", "notTaxable", "documents")
    return [tuple(row[name] for name in names) for row in rows]


def tax_payable(world: World, tenant: Tenant) -> Counter[str]:
    """What the ledger owes tax authorities, by currency; above zero what is owed."""
    found: Counter[str] = Counter()
    for row in world.rows_of("ledger", tenant.id):
        for posting in json.loads(row["body"]["S"])["postings"]:
            if posting["account"] == "tax_payable":
                found[posting["amount"]["currency"]] -= posting["amount"]["micros"]
    return +found


def reported(rows: list[Json]) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in rows:
        found[row["currency"]] += row["tax"]
    return +found


# The worked example


def november(tenant: Tenant, **of_clock: Any) -> None:
    """2.4 of the research: 1,552.50 + 294.98, 120.00 + 22.80, -25.21 - 4.79; a reverse charge; and an exemption."""
    at_home = tenant.customer(address=BERLIN, currency="EUR", **of_clock)
    first = invoiced(tenant, at_home, 155_250)
    invoiced(tenant, at_home, 12_000)
    tenant.world.clock.advance(seconds=1)
    credited(tenant, first, amount=3_000_000)
    abroad = tenant.customer(address=PARIS, taxId=VAT_ID_FR, currency="EUR", **of_clock)
    invoiced(tenant, abroad, 100_000)
    exempt = tenant.customer(address={"country": "JP"}, taxExempt="exempt", currency="JPY", **of_clock)
    invoiced(tenant, exempt, 5_000, currency="JPY")


NOVEMBER = [
    ("DE", "VAT", "19", "standard", "EUR", 164_729_000, 31_299_000, 0, 3),
    ("FR", "VAT", "0", "reverse_charge", "EUR", 0, 0, 100_000_000, 1),
    ("JP", "Consumption tax", "0", "exempt", "JPY", 0, 0, 5_000_000, 1),
]


def test_2_4_the_november_of_the_research(german: Tenant, world: World) -> None:
    november(german)
    rows = report(german, world)
    assert short(rows) == NOVEMBER
    assert reported(rows) == tax_payable(world, german)


def test_2_4_on_a_test_clock_and_only_under_it(german: Tenant, world: World) -> None:
    """The clock's November is 2030's; the tenant's own figures know nothing of it."""
    clock = german.post("/v1/test-clocks", {"frozenTime": "2030-11-05T09:00:00Z"}).data["id"]
    november(german, testClockId=clock)
    days = {"from_": "2030-11-01", "to": "2030-12-01"}
    assert short(report(german, world, testClock=clock, asOf="2030-12-01T00:00:00Z", **days)) == NOVEMBER
    assert report(german, world, **days) == []
    assert report(german, world) == []


def test_2_4_as_csv_with_the_digits_of_each_currency(german: Tenant, world: World) -> None:
    november(german)
    world.clock.advance(seconds=1)
    answer = german.get(f"{PATH}.csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [(row["country"], row["currency"], row["taxable"], row["tax"], row["notTaxable"]) for row in rows] == [
        ("DE", "EUR", "1647.29", "312.99", "0.00"),
        ("FR", "EUR", "0.00", "0.00", "1000.00"),
        ("JP", "JPY", "0", "0", "5000"),
    ]
    assert 'filename="tax-2026-11-01-2026-11-21.csv"' in answer.headers["Content-Disposition"]


def test_2_4_itemised_with_number_tax_id_and_reason(german: Tenant, world: World) -> None:
    november(german)
    rows = report(german, world, rows="lines")
    told = [
        (row["date"], row["about"], row["customerTaxId"], row["customerCountry"], row["reason"], row["taxable"],
         row["tax"], row["notTaxable"])
        for row in rows
    ]  # fmt: skip
    assert told == [
        ("2026-11-20", "invoice", None, "DE", "standard", 155_250_000, 29_498_000, 0),
        ("2026-11-20", "invoice", None, "DE", "standard", 12_000_000, 2_280_000, 0),
        ("2026-11-20", "credit_note", None, "DE", "standard", -2_521_000, -479_000, 0),
        ("2026-11-20", "invoice", VAT_ID_FR, "FR", "reverse_charge", 0, 0, 100_000_000),
        ("2026-11-20", "invoice", None, "JP", "customer_exempt", 0, 0, 5_000_000),
    ]
    assert [row["number"] for row in rows] == [
        "ACME-000001", "ACME-000002", "ACME-CN-000001", "ACME-000003", "ACME-000004",
    ]  # fmt: skip
    assert [row["lineId"] is None for row in rows] == [False, False, True, False, False]


# When it counts


def test_a_credit_and_a_void_count_in_the_month_in_which_they_are_posted(german: Tenant, world: World) -> None:
    customer = german.customer(address=BERLIN, currency="EUR")
    first, second = invoiced(german, customer, 10_000), invoiced(german, customer, 5_000)
    before = report(german, world, from_="2026-11-01", to="2026-12-01")
    world.clock.freeze(datetime(2026, 12, 5, tzinfo=UTC))
    credited(german, first, amount=11_900_000)
    assert do(german, "void", second).status == 200
    november_, december = (
        report(german, world, from_=f"2026-{month}-01", to=to) for month, to in ((11, "2026-12-01"), (12, "2027-01-01"))
    )
    assert november_ == before
    assert short(november_) == [("DE", "VAT", "19", "standard", "EUR", 15_000_000, 2_850_000, 0, 2)]
    assert short(december) == [("DE", "VAT", "19", "standard", "EUR", -15_000_000, -2_850_000, 0, 2)]
    assert short(report(german, world, from_="2026-11-01", to="2027-01-01"))[0][5:8] == (0, 0, 0)


def test_the_month_is_the_tenants(german: Tenant, world: World) -> None:
    """23:30Z on 30 November is December in Berlin."""
    world.clock.freeze(datetime(2026, 11, 30, 23, 30, tzinfo=UTC))
    invoiced(german, german.customer(address=BERLIN, currency="EUR"), 10_000)
    assert report(german, world, from_="2026-11-01", to="2026-12-01") == []
    (row,) = report(german, world, from_="2026-12-01", to="2027-01-01", rows="lines")
    assert (row["date"], row["tax"]) == ("2026-12-01", 1_900_000)


# What was not taxed, and whose tax it is


def test_rates_of_one_country_are_apart_and_a_product_may_be_exempt(german: Tenant, world: World) -> None:
    customer = german.customer(address=BERLIN, currency="EUR")
    lines = [line(10_000), line(2_000, taxCode="reduced"), line(500, taxCode="exempt"), line(300, taxCode="zero")]
    make(german, *lines, customerId=customer, autoFinalize=True)
    assert short(report(german, world)) == [
        ("DE", "VAT", "0", "exempt", "EUR", 0, 0, 500_000, 1),
        ("DE", "VAT", "0", "zero", "EUR", 300_000, 0, 0, 1),
        ("DE", "VAT", "19", "standard", "EUR", 10_000_000, 1_900_000, 0, 1),
        ("DE", "VAT", "7", "reduced", "EUR", 2_000_000, 140_000, 0, 1),
    ]


def test_a_tenant_that_collects_nothing_reports_what_it_sold_where(world: World, tenant: Tenant) -> None:
    invoiced(tenant, tenant.customer(address=LA), 10_000)
    invoiced(tenant, tenant.customer(), 500)
    rows = report(tenant, world)
    assert [(row["country"], row["region"], row["treatment"], row["notTaxable"]) for row in rows] == [
        ("US", "CA", "not_collecting", 10_000_000),
        (None, None, "not_collecting", 500_000),
    ]


def test_a_rate_that_the_caller_fixed_is_taxed_where_the_buyer_is(world: World, tenant: Tenant) -> None:
    vat = [{"name": "VAT", "ratePercent": "20"}]
    made = make(tenant, line(10_000, taxes=vat), customerId=tenant.customer(address=PARIS), autoFinalize=True)
    assert made["tax"] == 2_000_000
    assert short(report(tenant, world)) == [("FR", "VAT", "20", "taxed", "USD", 10_000_000, 2_000_000, 0, 1)]


@pytest.mark.parametrize(
    ("provider", "treatment", "lowest"), [("stripe", "standard", "district"), ("taxjar", "taxed", "district")]
)
def test_each_level_of_a_us_rate_is_a_row_on_the_same_base(
    world: World, provider: str, treatment: str, lowest: str
) -> None:
    tenant = world.tenant(taxProvider=provider)
    made = invoiced(tenant, tenant.customer(address=LA), 10_000)
    rows = report(tenant, world)
    told = {(row["level"], row["ratePercent"], row["taxable"], row["tax"], row["treatment"]) for row in rows}
    assert told == {
        ("state", "6.25", 10_000_000, 625_000, treatment),
        ("county", "1", 10_000_000, 100_000, treatment),
        (lowest, "2.25", 10_000_000, 225_000, treatment),
    }
    assert {(row["country"], row["region"], row["category"]) for row in rows} == {("US", "CA", "sales_tax")}
    credited(tenant, made, amount=made["total"])
    assert {(row["taxable"], row["tax"]) for row in report(tenant, world)} == {(0, 0)}


# Orders


def test_a_marketplaces_own_taxes_are_in_it_and_go_back_with_refunds(world: World) -> None:
    settings = {"taxCollector": "marketplace", "commissionTaxPercent": "19"}
    market = market_of(world, settings, address=BERLIN, taxProvider="builtin")
    buyer = market.shop.customer(address=PARIS)
    order = market.sold(item(10_000, 1_000, market.x), item(5_000), customerId=buyer)
    rows = report(market.shop, world)
    assert short(rows) == [
        ("FR", "VAT", "20", "standard", "USD", 15_000_000, 3_000_000, 0, 1),
        (None, "Commission tax", "19", "taxed", "USD", 1_000_000, 190_000, 0, 1),
    ]
    assert reported(rows) == tax_payable(world, market.shop)
    assert market.refund(order, items=[{"itemId": "item_1", "quantity": 1}]).status == 201
    world.drain()
    rows = report(market.shop, world)
    assert short(rows)[0] == ("FR", "VAT", "20", "standard", "USD", 5_000_000, 1_000_000, 0, 2)
    assert short(rows)[1][5:8] == (0, 0, 0)
    assert reported(rows) == tax_payable(world, market.shop)


# What it refuses


def test_it_is_the_tenants_own_and_says_what_is_wrong(german: Tenant, world: World) -> None:
    november(german)
    assert report(world.tenant(), world) == []
    answer = german.get(PATH, rows="cells", to="2026-13-01")
    assert answer.status == 400
    assert {each["field"] for each in answer.error["details"]} == {"rows", "to"}
