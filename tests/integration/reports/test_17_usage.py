"""Issue 17: usage as it was billed: by period of use and dimensions, late, corrected, void; and what was rejected."""

import csv
import io
from collections import Counter
from typing import Any

import pytest

from billing.domain.reports.usage import UsageFold
from tests.integration.invoices import do
from tests.integration.reports.taxes import posted
from tests.integration.steps import advance, behave
from tests.integration.walk import billing
from tests.integration.walk.stand import SEEDS, STEPS
from tests.integration.world import Json, Tenant, World

PATH = "/v1/reports/usage"
MARCH, APRIL, MAY = (f"2027-0{month}-01T00:00:00Z" for month in (3, 4, 5))


class Metered:
    """A subscription on a test clock that pays 0.01 a call, by region, since 1 March."""

    def __init__(self, world: World, tenant: Tenant) -> None:
        self.world, self.tenant = world, tenant
        tenant.meter("calls", dimensions=["region"])
        component = {"key": "calls", "type": "metered", "meter": "calls", "unitAmount": 1_000, "groupBy": ["region"]}
        tenant.plan(id="metered", name="Metered", components=[component])
        self.clock = tenant.post("/v1/test-clocks", {"frozenTime": MARCH}).data["id"]
        self.customer = tenant.customer(testClockId=self.clock)
        made = tenant.subscribe(planId="metered", quantities={}, customerId=self.customer)
        self.id, self.method = made["id"], made["paymentMethodId"]

    def used(self, event_id: str, quantity: int, at: str, region: str = "eu", **more: Any) -> None:
        event = {"eventId": event_id, "subscriptionId": self.id, "meter": "calls", "quantity": quantity}
        event |= {"timestamp": at, "properties": {"region": region}} | more
        assert self.tenant.post("/v1/usage/events", {"events": [event]}).status == 202
        self.world.count_usage()

    def until(self, to: str) -> None:
        advance(self.world, self.tenant, self.clock, to)

    def report(self, first: str, to: str) -> list[Json]:
        query = {"from_": first, "to": to, "testClock": self.clock, "asOf": "2028-01-01T00:00:00Z"}
        rows: list[Json] = self.tenant.get(PATH, **query).data["rows"]
        return rows

    def billed(self, first: str, to: str) -> list[tuple[Any, ...]]:
        names = ("periodStart", "dimensions", "billedQuantity", "net", "lateQuantity", "lateNet")
        return [tuple(row[name] for name in names) for row in self.report(first, to) if row["currency"]]


@pytest.fixture
def metered(world: World, tenant: Tenant) -> Metered:
    return Metered(world, tenant)


def test_what_is_billed_is_under_its_period_and_dimensions(metered: Metered) -> None:
    metered.used("a", 1_000, MARCH)
    metered.used("b", 50, MARCH, region="us")
    metered.until(APRIL)
    assert metered.report("2027-03-01", "2027-04-01") == []
    eu, us = metered.report("2027-04-01", "2027-05-01")
    assert eu == {
        "customerId": metered.customer, "subscriptionId": metered.id, "periodStart": MARCH, "periodEnd": APRIL,
        "meter": "calls", "component": "calls", "dimensions": "region=eu", "currency": "USD",
        "billedQuantity": "1000", "amount": 1_000_000, "discounts": 0, "net": 1_000_000,
        "lateQuantity": "0", "lateNet": 0, "rejectedEvents": 0,
    }  # fmt: skip
    assert (us["dimensions"], us["billedQuantity"], us["net"]) == ("region=us", "50", 50_000)


def test_what_comes_late_is_in_the_month_that_bills_it_under_the_month_that_used_it(metered: Metered) -> None:
    metered.used("a", 1_000, MARCH)
    metered.until(APRIL)
    before = metered.billed("2027-04-01", "2027-05-01")
    metered.used("late", 20, "2027-03-20T00:00:00Z")
    metered.used("b", 300, APRIL)
    metered.until(MAY)
    assert metered.billed("2027-04-01", "2027-05-01") == before == [(MARCH, "region=eu", "1000", 1_000_000, "0", 0)]
    assert metered.billed("2027-05-01", "2027-06-01") == [
        (MARCH, "region=eu", "20", 20_000, "20", 20_000),
        (APRIL, "region=eu", "300", 300_000, "0", 0),
    ]


def test_a_correction_takes_back_what_it_names(metered: Metered) -> None:
    metered.used("a", 1_000, MARCH)
    metered.until(APRIL)
    metered.used("b", 500, APRIL)
    metered.used("c", -400, MARCH, corrects="a")
    metered.until(MAY)
    assert [row[:4] for row in metered.billed("2027-05-01", "2027-06-01")] == [
        (MARCH, "region=eu", "-400", -400_000),
        (APRIL, "region=eu", "500", 500_000),
    ]


def test_a_void_invoice_takes_its_lines_out_again(metered: Metered) -> None:
    behave(metered.world, metered.method, "generic_decline")
    metered.used("a", 1_000, MARCH)
    metered.until(APRIL)
    (invoice,) = (each for each in metered.tenant.get("/v1/invoices").data if each["total"])
    assert do(metered.tenant, "void", invoice).status == 200
    assert metered.billed("2027-04-01", "2027-05-01") == [(MARCH, "region=eu", "0", 0, "0", 0)]


def test_what_was_rejected_is_counted_by_meter(metered: Metered) -> None:
    metered.used("a", 1, MARCH)
    metered.used("a", 2, MARCH)  # another event under a used id
    metered.used("early", 5, "2027-02-20T00:00:00Z")
    (rejected,) = metered.report("2027-03-01", "2027-04-01")
    assert {name: value for name, value in rejected.items() if value is not None} == {
        "customerId": metered.customer, "subscriptionId": metered.id, "meter": "calls", "rejectedEvents": 1,
    }  # fmt: skip
    assert [row["rejectedEvents"] for row in metered.report("2027-02-01", "2027-03-01")] == [1]


def test_rejections_of_the_wall_clock_are_of_the_day_on_which_they_were_made(world: World, tenant: Tenant) -> None:
    tenant.meter("calls")
    now = world.clock()
    event = {"eventId": "x", "subscriptionId": "sub_unknown", "meter": "calls", "quantity": 1}
    answer = tenant.post("/v1/usage/events", {"events": [event | {"timestamp": now.isoformat()}]})
    assert answer.status == 202, answer.json
    world.count_usage()
    world.clock.advance(seconds=1)
    (row,) = tenant.get(PATH).data["rows"]
    assert (row["customerId"], row["subscriptionId"], row["rejectedEvents"]) == (None, "sub_unknown", 1)


def test_as_csv(metered: Metered) -> None:
    metered.used("a", 1_234, MARCH, region="=eu")
    metered.until(APRIL)
    query = {"from_": "2027-04-01", "to": "2027-05-01", "testClock": metered.clock, "asOf": MAY}
    (row,) = csv.DictReader(io.StringIO(metered.tenant.get(f"{PATH}.csv", **query).content.decode()))
    assert (row["dimensions"], row["billedQuantity"], row["net"]) == ("region==eu", "1234", "12.34")


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_what_is_billed_is_the_lines_of_invoices(world: World, seed: int) -> None:
    """Late usage, corrections, changes of plan, coupons, pauses and voids, in any order."""
    walk = billing.begin(world, seed, "usage")
    for _ in range(STEPS):
        walk.step()
    fold, records = UsageFold(), posted(world, walk.on.tenant)
    state = fold.empty()
    for each in records:
        fold.add(state, each)
    state = fold.read(fold.dump(state))
    lines: Counter[str] = Counter()
    of_nothing = {invoice["id"] for invoice in walk.on.kept("invoices")} - {each.entry.source_id for each in records}
    for invoice in walk.on.kept("invoices"):
        if invoice["number"] is None or invoice["status"] == "void" or invoice["id"] in of_nothing:
            continue
        for line in invoice["lines"]:
            if line["usage"] is not None:
                off = sum(each["amount"]["micros"] for each in line["discounts"])
                included = sum(tax["amount"]["micros"] for tax in line["taxes"] if tax["inclusive"])
                lines["net"] += line["amount"]["micros"] - off - included
                lines["quantity"] += int(float(line["quantity"] or 0) * 1000)
    assert sum(each.net for each in state.values()) == lines["net"]
    assert sum(int(each.quantity * 1000) for each in state.values()) == lines["quantity"]
    assert lines["quantity"] > 0
