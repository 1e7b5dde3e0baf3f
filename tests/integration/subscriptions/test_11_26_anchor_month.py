"""Quarters and years that begin in a month, through the API (issue 11, 26)."""

import pytest

from tests.integration.steps import advance, flat, nets, subscribed
from tests.integration.subscriptions.test_changes import newest
from tests.integration.world import Json, Tenant, World

IN_MARCH = {"anchorDay": 1, "anchorMonth": 3}


def test_11_26_a_year_begins_in_its_month(world: World, tenant: Tenant) -> None:
    """From 20 January to 1 March, 40 of 365 days; then a whole year."""
    year = flat(tenant, "year", 36_500, interval="year")
    clock, subscription = subscribed(tenant, year, "2026-01-20T00:00:00Z", **IN_MARCH)
    made = tenant.get(f"/v1/subscriptions/{subscription}").data
    assert (made["anchorDay"], made["anchorMonth"]) == (1, 3)
    first = newest(tenant, subscription)
    assert (first["total"], first["period"]["end"]) == (4_000_000, "2026-03-01T00:00:00Z")
    seen = tenant.post("/v1/invoices/preview", {"subscriptionId": subscription}).data
    advance(world, tenant, clock, "2026-03-01T00:00:00Z")
    whole = newest(tenant, subscription)
    assert whole["total"] == seen["total"] == 36_500_000
    assert whole["period"] == {"start": "2026-03-01T00:00:00Z", "end": "2027-03-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("fields", "body", "reasons"),
    [
        ({}, IN_MARCH, {"anchorMonth": "not_with_this_interval"}),
        ({"interval": "week"}, IN_MARCH, {"anchorMonth": "not_with_this_interval"}),
        ({"interval": "year"}, {"anchorMonth": 3}, {"anchorMonth": "only_with_anchor_day"}),
    ],
)
def test_11_26_a_month_where_it_makes_no_sense_is_refused(
    tenant: Tenant, fields: Json, body: Json, reasons: dict[str, str]
) -> None:
    plan = flat(tenant, "some", 1000, **fields)
    refused = tenant.post("/v1/subscriptions", {"planId": plan, "customerId": tenant.customer(), **body})
    assert (refused.status, refused.bad_fields) == (400, reasons)


@pytest.mark.parametrize("month", [0, 13, "3", 3.5])
def test_11_26_a_month_is_one_of_twelve(tenant: Tenant, month: object) -> None:
    year = flat(tenant, "year", 36_500, interval="year")
    body = {"planId": year, "customerId": tenant.customer(), "anchorDay": 1, "anchorMonth": month}
    refused = tenant.post("/v1/subscriptions", body)
    assert (refused.status, list(refused.bad_fields)) == (400, ["anchorMonth"])


def test_11_26_a_change_to_a_year_may_begin_it_in_a_month(world: World, tenant: Tenant) -> None:
    """Its preview says what is billed: 12 of January's 31 days back, 40 of 365 days of the year."""
    month, year = flat(tenant, "month", 3100), flat(tenant, "year", 36_500, interval="year")
    _, subscription = subscribed(tenant, month, "2026-01-20T00:00:00Z", anchorDay=1)
    change = {"planId": year, **IN_MARCH}
    seen = tenant.post(f"/v1/subscriptions/{subscription}/preview", change).data
    after = tenant.patch(f"/v1/subscriptions/{subscription}", change).data
    assert (after["anchorMonth"], after["currentPeriod"]["end"]) == (3, "2026-03-01T00:00:00Z")
    billed = newest(tenant, subscription)
    assert nets(billed["lines"]) == nets(seen["lines"]) == [-1200, 4000]


def test_11_26_without_another_interval_an_anchor_stays(tenant: Tenant) -> None:
    year, dear = flat(tenant, "year", 36_500, interval="year"), flat(tenant, "dear", 73_000, interval="year")
    _, subscription = subscribed(tenant, year, "2026-01-20T00:00:00Z")
    path = f"/v1/subscriptions/{subscription}"
    assert tenant.patch(path, {"planId": dear, **IN_MARCH}).bad_fields == {"anchorDay": "only_with_another_interval"}
    assert tenant.patch(path, IN_MARCH).bad_fields == dict.fromkeys(IN_MARCH, "only_with_plan_id")
    assert tenant.patch(path, {"paused": True, **IN_MARCH}).bad_fields == dict.fromkeys(IN_MARCH, "not_with_paused")
