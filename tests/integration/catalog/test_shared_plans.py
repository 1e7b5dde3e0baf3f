"""The platform's plans, and what is sold of them and of the tenant's own."""

import json
from typing import Any

import pytest

from tests.integration.kernel.test_bad_input import check_error
from tests.integration.world import BUSINESS_MONTHLY, Json, Tenant, World

SEATS_AT_SIX = [{"key": "base", "type": "flat", "unitAmount": 4_999_000},
                {"key": "seats", "type": "licensed", "unitAmount": 600_000}]  # fmt: skip
PATH = "/v1/plans/business-monthly"


def platform_plan(world: World, plan_id: str, **fields: Any) -> Json:
    """A plan in the platform's catalog. It outlives the test, so each has an id of its own."""
    answer = world.platform().post("/v1/plans", BUSINESS_MONTHLY | {"id": plan_id} | fields)
    assert answer.status == 201, answer.json
    made: Json = answer.data
    return made


# The platform's plans


def test_every_tenant_reads_the_platforms_plans_and_their_versions(world: World, tenant: Tenant) -> None:
    made = platform_plan(world, "platform-read")
    assert made["catalog"] == "platform"
    assert tenant.get("/v1/plans/platform-read").data == made
    world.platform().patch("/v1/plans/platform-read", {"name": "Second"})
    assert tenant.get("/v1/plans/platform-read").data["version"] == 2
    assert tenant.get("/v1/plans/platform-read", version=1).data == made


def test_the_platforms_plans_are_a_list_of_their_own(world: World, tenant: Tenant) -> None:
    for n in range(3):
        platform_plan(world, f"platform-list-{n}")
    world.platform().post("/v1/plans/platform-list-1/archive")
    tenant.plan()
    assert [plan["id"] for plan in tenant.get("/v1/plans").data] == ["business-monthly"]
    theirs: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = tenant.get("/v1/plans", catalog="platform", active="true", limit=1, **cursor)
        theirs += [plan["id"] for plan in page.data]
        if not page.json["meta"]["pagination"]["has_more"]:
            break
        cursor = {"cursor": page.json["meta"]["pagination"]["next_cursor"]}
    assert [name for name in theirs if name.startswith("platform-list")] == ["platform-list-2", "platform-list-0"]
    own = world.platform().get("/v1/plans", active="true", limit=100).data
    assert [plan["id"] for plan in own] == theirs


def test_a_cursor_of_the_platforms_list_fits_no_other_list_and_no_other_tenant(world: World, tenant: Tenant) -> None:
    for n in range(2):
        platform_plan(world, f"platform-cursor-{n}")
    page = tenant.get("/v1/plans", catalog="platform", limit=1)
    cursor = page.json["meta"]["pagination"]["next_cursor"]
    for answer in (
        tenant.get("/v1/plans", cursor=cursor),
        world.tenant().get("/v1/plans", catalog="platform", cursor=cursor),
    ):
        assert (answer.status, answer.bad_fields) == (400, {"cursor": "invalid_cursor"})


def test_a_tenant_changes_nothing_in_the_platforms_catalog(world: World, tenant: Tenant) -> None:
    made = platform_plan(world, "platform-guarded")
    check_error(tenant.patch("/v1/plans/platform-guarded", {"name": "Mine"}), 404, "billing.plan.not_found")
    check_error(tenant.post("/v1/plans/platform-guarded/archive"), 404, "billing.plan.not_found")
    assert world.platform().get("/v1/plans/platform-guarded").data == made


def test_a_tenants_own_plan_hides_the_platforms_also_when_it_is_archived(world: World, tenant: Tenant) -> None:
    platform_plan(world, "platform-hidden", name="Theirs")
    world.platform().patch("/v1/plans/platform-hidden", {"name": "Theirs, second"})
    tenant.plan(id="platform-hidden", name="Ours")
    tenant.post("/v1/plans/platform-hidden/archive")
    shown = tenant.get("/v1/plans/platform-hidden").data
    assert (shown["name"], shown["catalog"], shown["active"]) == ("Ours", "tenant", False)
    check_error(tenant.get("/v1/plans/platform-hidden", version=2), 404, "billing.plan.not_found")
    body = {"planId": "platform-hidden", "quantities": {"seats": 1}, "trialDays": 1}
    check_error(tenant.post("/v1/subscriptions", body), 404, "billing.plan.not_found")


def test_a_tenant_sees_nothing_of_another_tenants_catalog(world: World, shop: Tenant) -> None:
    other = world.tenant()
    check_error(other.get(PATH), 404, "billing.plan.not_found")
    check_error(other.get(PATH, version=1), 404, "billing.plan.not_found")
    check_error(other.patch(PATH, {"name": "Mine"}), 404, "billing.plan.not_found")
    assert "business-monthly" not in json.dumps(other.get("/v1/plans", catalog="platform").json)


def period_after(world: World, tenant: Tenant, clock: str, until: str, subscription: Json) -> Json:
    """The newest invoice of a subscription after time has passed on its clock."""
    tenant.post(f"/v1/test-clocks/{clock}/advance", {"frozenTime": until})
    world.drain()
    newest: Json = tenant.get("/v1/invoices", subscription=subscription["id"]).data[0]
    return newest


@pytest.fixture
def clock(tenant: Tenant) -> str:
    made: str = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-15T00:00:00Z"}).data["id"]
    return made


# What is sold


def test_a_running_subscription_keeps_its_version_when_the_plan_changes_and_is_archived(
    world: World, tenant: Tenant, clock: str
) -> None:
    subscription = tenant.subscribe(customerId=tenant.customer(testClockId=clock))
    tenant.patch(PATH, {"components": SEATS_AT_SIX, "name": "Dearer"})
    second = tenant.subscribe(customerId=tenant.customer(testClockId=clock))
    tenant.post(PATH + "/archive")
    bills = [
        period_after(world, tenant, clock, until, each)["total"]
        for until, each in (("2027-02-15T00:00:01Z", subscription), ("2027-02-15T00:00:02Z", second))
    ]
    assert bills == [54_999_000, 64_999_000]
    shown = [tenant.get(f"/v1/subscriptions/{each['id']}").data["planVersion"] for each in (subscription, second)]
    assert shown == [1, 2]


def test_a_tenant_sells_a_plan_of_the_platform(world: World, tenant: Tenant, clock: str) -> None:
    platform_plan(world, "platform-sold")
    subscription = tenant.subscribe(planId="platform-sold", customerId=tenant.customer(testClockId=clock))
    world.platform().patch("/v1/plans/platform-sold", {"components": SEATS_AT_SIX})
    world.platform().post("/v1/plans/platform-sold/archive")
    invoice = period_after(world, tenant, clock, "2027-02-15T00:00:01Z", subscription)
    assert (subscription["planVersion"], invoice["total"]) == (1, 54_999_000)
    body = {"planId": "platform-sold", "quantities": {"seats": 1}, "trialDays": 1}
    check_error(tenant.post("/v1/subscriptions", body), 404, "billing.plan.not_found")


def test_metered_components_alone_bill_nothing_in_advance(tenant: Tenant) -> None:
    component = {"key": "calls", "type": "metered", "meter": tenant.meter(), "unitAmount": 250}
    tenant.plan(id="metered", components=[component])
    subscription = tenant.subscribe(planId="metered", quantities={})
    assert (subscription["state"], subscription["itemQuantities"]) == ("active", {})
    assert tenant.get("/v1/invoices", subscription=subscription["id"]).data == []
