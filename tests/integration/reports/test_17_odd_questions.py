"""Issue 17: reports that are asked for strangely, too late, or by whom they are not for."""

import importlib
from collections import Counter
from typing import Any

import pytest

from billing.bootstrap import reports as wired
from billing.storage.database import Database
from tests.integration.reports.runs import at_most, work
from tests.integration.steps import advance
from tests.integration.world import Tenant, World

ZONES = ("America/Los_Angeles", "Asia/Tokyo")
OF_DAYS = ("mrr", "mrr-movements", "retention", "cohorts", "tax", "usage", "revenue", "recognition")
AS_OF = ("trial-balance", "mrr", "tax", "revenue", "recognition")


@pytest.fixture
def asked_of_dynamodb(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each table was queried; never by bounds that DynamoDB refuses, which moto takes."""
    found: Counter[str] = Counter()
    plain = Database.query_all

    def counted(self: Database, request: dict[str, Any], *more: Any) -> Any:
        found[request["TableName"]] += 1
        bounds = request["ExpressionAttributeValues"]
        if ":begin" in bounds and ":end" in bounds:
            assert bounds[":begin"]["S"] <= bounds[":end"]["S"]
        return plain(self, request, *more)

    monkeypatch.setattr(Database, "query_all", counted)
    return found


@pytest.mark.parametrize("zone", ZONES)
def test_days_that_no_calendar_has_beside_them_are_refused_by_name(world: World, zone: str) -> None:
    tenant = world.tenant(timezone=zone)
    for name in OF_DAYS:
        path = f"/v1/reports/{name}"
        answer = tenant.get(path, **{"from": "9999-12-01", "to": "9999-12-31"})
        assert (answer.status, answer.bad_fields) == (400, {"from": "out_of_range", "to": "out_of_range"}), name
        assert tenant.get(path, to="0001-01-01").bad_fields == {"to": "out_of_range"}
        assert tenant.get(path, **{"from": "1970-01-01", "to": "1970-01-01"}).status == 200
        assert tenant.get(path, **{"from": "2499-12-01", "to": "2499-12-31"}).status in (200, 400)
    for name in AS_OF:
        assert tenant.get(f"/v1/reports/{name}", asOf="0001-01-01T00:00:00Z").bad_fields == {"asOf": "out_of_range"}
        assert tenant.get(f"/v1/reports/{name}", asOf="1970-01-01T00:00:00Z").status == 200
    assert tenant.get("/v1/reports/aging", asOf="0001-01-01").bad_fields == {"asOf": "out_of_range"}
    assert tenant.get("/v1/ledger/entries", to="0001-01-01").bad_fields == {"to": "out_of_range"}
    odd = {"kind": "customers", "from": "0001-01-01", "to": "9999-12-31"}
    assert tenant.post("/v1/exports", odd).bad_fields == {"from": "out_of_range", "to": "out_of_range"}


def test_days_far_ahead_are_not_looked_through_month_by_month(
    tenant: Tenant, world: World, asked_of_dynamodb: Counter[str]
) -> None:
    world.clock.advance(seconds=1)
    for name in OF_DAYS:
        days = {"from": "2499-11-01", "to": "2499-12-01"}
        assert tenant.get(f"/v1/reports/{name}", **days).data["rows"] == [], name
    assert max(asked_of_dynamodb.values(), default=0) <= 4 * 2 * len(OF_DAYS)


def test_a_run_about_a_test_clock_is_not_that_of_its_time_before(
    tenant: Tenant, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is years ahead of the wall clock: what is younger than five minutes is told by the wall clock."""
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2029-01-31T00:00:00Z"}).data["id"]
    tenant.subscribe(customerId=tenant.customer(testClockId=clock))
    at_most(monkeypatch, -1)
    path = "/v1/reports/trial-balance"
    first = tenant.get(path, testClock=clock).data
    assert tenant.get(path, testClock=clock).data["id"] == first["id"]
    world.clock.advance(seconds=1)
    work(world, first["id"])
    assert tenant.get(path, testClock=clock).data["id"] == first["id"]
    world.clock.advance(minutes=6)  # the clock stands still, and more may be posted at its time
    later = tenant.get(path, testClock=clock).data
    assert later["id"] != first["id"]
    advance(world, tenant, clock, "2029-03-02T00:00:00Z")
    after = tenant.get(path, testClock=clock).data
    assert after["id"] not in (first["id"], later["id"])
    assert after["asOf"] > later["asOf"]


def test_what_the_platforms_reports_are_is_what_their_routes_say(world: World) -> None:
    api: Any = importlib.import_module("functions.reports.handler").api
    names = {
        route.path.rpartition("/")[2].removesuffix(".csv").removesuffix(".pdf")
        for route in api.documentation
        if route.scope is not None and route.scope.value == "platform" and route.or_accepts is not None
    }
    assert names == set(wired.OF_PLATFORM)


def test_a_cursor_behind_the_days_that_are_asked_for_ends_the_list(
    tenant: Tenant, asked_of_dynamodb: Counter[str]
) -> None:
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-31T00:00:00Z"}).data["id"]
    tenant.subscribe(customerId=tenant.customer(testClockId=clock))
    path, days = "/v1/ledger/entries", {"from": "2027-01-01", "testClock": clock}
    page = tenant.get(path, limit="1", **days)
    cursor = page.json["meta"]["pagination"]["next_cursor"]
    assert cursor
    answer = tenant.get(path, limit="1", cursor=cursor, to="2027-01-02", **days)
    assert (answer.status, answer.data) == (200, [])
    assert asked_of_dynamodb
