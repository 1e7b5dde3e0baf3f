"""Where times and ids run to their ends."""

from typing import Any

import pytest

from tests.integration.steps import START, advance
from tests.integration.world import Answer, Json, Tenant, World

LONG = "x" * 3000


def listed(tenant: Tenant, path: str, query: Json) -> Answer:
    return tenant.get(path, **query)


# Times at their ends


@pytest.mark.parametrize("to", ["2029-02-03T09:00:01Z", "2127-01-01T00:00:00Z"])
def test_a_test_clock_advances_two_years_at_most(tenant: Tenant, clock: str, to: str) -> None:
    answer = tenant.post(f"/v1/test-clocks/{clock}/advance", {"frozenTime": to})
    assert (answer.status, answer.bad_fields) == (400, {"frozenTime": "too_far_ahead"})
    assert tenant.get(f"/v1/test-clocks/{clock}").data["status"] == "ready"


def test_two_years_are_not_too_far(world: World, tenant: Tenant, clock: str) -> None:
    advance(world, tenant, clock, "2029-02-01T09:00:00Z")


OUT_OF_RANGE = [
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-14:00",
    "10000-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
]


@pytest.mark.parametrize("time", OUT_OF_RANGE)
def test_a_time_out_of_range_is_refused(tenant: Tenant, clock: str, time: str) -> None:
    for path in ("/v1/test-clocks", f"/v1/test-clocks/{clock}/advance"):
        answer = tenant.post(path, {"frozenTime": time})
        assert (answer.status, answer.bad_fields) == (400, {"frozenTime": "must_be_a_time"})
    for bound in ("from", "to"):
        answer = listed(tenant, "/v1/invoices", {bound: time})
        assert (answer.status, answer.bad_fields) == (400, {bound: "must_be_a_time"})


@pytest.mark.parametrize("bound", ["from", "to"])
@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "0300-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_the_first_and_the_last_instant_are_bounds_as_any_other(tenant: Tenant, bound: str, time: str) -> None:
    tenant.subscribe()
    found = listed(tenant, "/v1/invoices", {bound: time}).data
    assert len(found) == ((bound == "from") == (time[0] == "0"))


@pytest.mark.parametrize("more", [{}, {"trialDays": 730}], ids=["paid", "trial"])
@pytest.mark.parametrize("start", ["1970-01-01T00:00:00Z", "2499-12-31T23:59:59Z"])
def test_a_clock_may_stand_at_either_end_of_time(tenant: Tenant, start: str, more: Json) -> None:
    clock = tenant.post("/v1/test-clocks", {"frozenTime": start}).data
    customer = tenant.customer(testClockId=clock["id"])
    tenant.plan(intervalCount=366, interval="year")
    body = {"planId": "business-monthly", "quantities": {"seats": 1}, "customerId": customer, **more}
    assert tenant.post("/v1/subscriptions", body).status == 201


@pytest.mark.parametrize("start", ["1969-12-31T23:59:59Z", "2500-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_beyond_the_ends_of_time_no_clock_is_made(tenant: Tenant, start: str) -> None:
    refused = tenant.post("/v1/test-clocks", {"frozenTime": start})
    assert (refused.status, refused.bad_fields) == (400, {"frozenTime": "out_of_range"})


# Ids that are too long


@pytest.mark.parametrize("kind", ["customers", "subscriptions", "invoices", "payments", "test-clocks", "plans"])
def test_a_very_long_id_is_not_found(tenant: Tenant, kind: str) -> None:
    assert tenant.get(f"/v1/{kind}/{LONG}").status == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/invoices/@/pay", None),
        ("/v1/subscriptions/@/cancel", None),
        ("/v1/test-clocks/@/advance", {"frozenTime": START}),
    ],
)
def test_a_very_long_id_is_not_found_to_write_to_either(tenant: Tenant, path: str, body: Any) -> None:
    assert tenant.post(path.replace("@", LONG), body).status == 404


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/invoices", "customer"),
        ("/v1/invoices", "subscription"),
        ("/v1/subscriptions", "customer"),
        ("/v1/payments", "customer"),
        ("/v1/payment-methods", "customer"),
        ("/v1/customers", "email"),
        ("/v1/invoices", "number"),
    ],
)
def test_a_very_long_filter_finds_nothing(tenant: Tenant, path: str, name: str) -> None:
    tenant.subscribe(trialDays=1)
    answer = listed(tenant, path, {name: LONG})
    assert (answer.status, answer.data) == (200, [])
