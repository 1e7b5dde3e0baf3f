"""What was told to end on a day, and is changed before it, through the API (issue 11, 26)."""

import pytest

from tests.integration.steps import advance, flat, subscribed
from tests.integration.subscriptions.test_changes import newest, patch
from tests.integration.subscriptions.test_nothing_from_nothing import balance, decline
from tests.integration.world import Tenant, World

BEGIN, HALF, END = "2026-06-01T00:00:00Z", "2026-06-16T00:00:00Z", "2026-07-01T00:00:00Z"


@pytest.fixture
def ending(world: World, tenant: Tenant) -> tuple[str, str]:
    """30.00 for June, and told to end with it: its clock and its id, on the 16th."""
    plan = flat(tenant, "month", 3000)
    clock, subscription = subscribed(tenant, plan, BEGIN)
    advance(world, tenant, clock, HALF)
    told = tenant.post(f"/v1/subscriptions/{subscription}/cancel", {"atPeriodEnd": True}).data
    assert (told["cancelAtPeriodEnd"], told["currentPeriod"]["end"]) == (True, END)
    return clock, subscription


@pytest.mark.parametrize("behavior", ["create_prorations", "invoice_now", "none"])
def test_11_26_a_year_is_not_charged_to_what_ends_this_month(
    world: World, tenant: Tenant, ending: tuple[str, str], behavior: str
) -> None:
    """Refused, and so is its preview; nothing was billed, and it ends on the day."""
    clock, subscription = ending
    year = flat(tenant, "year", 30_000, interval="year")
    path, change = f"/v1/subscriptions/{subscription}", {"planId": year, "prorationBehavior": behavior}
    for refused in (tenant.patch(path, change), tenant.post(f"{path}/preview", change)):
        assert (refused.status, refused.error["code"]) == (409, "subscription.invalid_state")
        assert "about to end" in refused.error["message"]
    advance(world, tenant, clock, "2027-08-01T00:00:00Z")
    ended = tenant.get(path).data
    assert (ended["state"], ended["canceledAt"]) == ("canceled", END)
    assert len(tenant.get("/v1/invoices", subscription=subscription).data) == 1


def test_11_26_with_the_end_withdrawn_in_the_same_request_the_year_runs_and_renews(
    world: World, tenant: Tenant, ending: tuple[str, str]
) -> None:
    clock, subscription = ending
    change = {"planId": flat(tenant, "year", 30_000, interval="year"), "cancelAtPeriodEnd": False}
    seen = tenant.post(f"/v1/subscriptions/{subscription}/preview", change).data
    after = patch(tenant, subscription, **change)
    assert (after["cancelAtPeriodEnd"], after["currentPeriod"]["end"]) == (False, "2027-06-16T00:00:00Z")
    assert newest(tenant, subscription)["total"] == seen["total"] == 28_500_000
    advance(world, tenant, clock, "2027-06-16T00:00:00Z")
    assert tenant.get(f"/v1/subscriptions/{subscription}").data["state"] == "active"
    assert newest(tenant, subscription)["total"] == 30_000_000


def test_11_26_a_dearer_plan_costs_until_the_end_and_no_more(
    world: World, tenant: Tenant, ending: tuple[str, str]
) -> None:
    """60.00 instead of 30.00 for the last half of June: 15.00 more, on the last invoice."""
    clock, subscription = ending
    after = patch(tenant, subscription, planId=flat(tenant, "dear", 6000))
    assert (after["cancelAtPeriodEnd"], after["pendingLineCount"]) == (True, 2)
    advance(world, tenant, clock, "2026-09-01T00:00:00Z")
    last = newest(tenant, subscription)
    assert (last["total"], last["billingReason"]) == (1_500_000, "subscription_cancel")
    assert {line["period"]["end"] for line in last["lines"]} == {END}
    assert tenant.get(f"/v1/subscriptions/{subscription}").data["canceledAt"] == END


def test_11_26_the_end_alone_is_withdrawn(world: World, tenant: Tenant, ending: tuple[str, str]) -> None:
    """As by resuming; once more it changes nothing."""
    clock, subscription = ending
    for _ in range(2):
        assert patch(tenant, subscription, cancelAtPeriodEnd=False)["cancelAtPeriodEnd"] is False
    advance(world, tenant, clock, END)
    assert tenant.get(f"/v1/subscriptions/{subscription}").data["state"] == "active"


def test_11_26_a_pause_may_withdraw_the_end(tenant: Tenant, ending: tuple[str, str]) -> None:
    _, subscription = ending
    path = f"/v1/subscriptions/{subscription}"
    assert tenant.patch(path, {"paused": True}).status == 409
    paused = patch(tenant, subscription, paused=True, cancelAtPeriodEnd=False)
    assert (paused["state"], paused["cancelAtPeriodEnd"]) == ("paused", False)


@pytest.mark.parametrize("said", [True, 0, "false"])
def test_11_26_an_end_is_not_set_by_a_change(tenant: Tenant, ending: tuple[str, str], said: object) -> None:
    refused = tenant.patch(f"/v1/subscriptions/{ending[1]}", {"cancelAtPeriodEnd": said})
    assert (refused.status, list(refused.bad_fields)) == (400, ["cancelAtPeriodEnd"])


def test_11_26_in_a_trial_another_interval_costs_nothing_and_ends_with_it(world: World, tenant: Tenant) -> None:
    month, year = flat(tenant, "month", 3000), flat(tenant, "year", 30_000, interval="year")
    clock = tenant.post("/v1/test-clocks", {"frozenTime": BEGIN}).data["id"]
    customer = tenant.customer(testClockId=clock)
    made = tenant.subscribe(planId=month, quantities={}, customerId=customer, trialDays=15)
    tenant.post(f"/v1/subscriptions/{made['id']}/cancel", {"atPeriodEnd": True})
    assert patch(tenant, made["id"], planId=year)["cancelAtPeriodEnd"] is True
    advance(world, tenant, clock, "2026-09-01T00:00:00Z")
    assert tenant.get(f"/v1/subscriptions/{made['id']}").data["canceledAt"] == HALF
    assert tenant.get("/v1/invoices", subscription=made["id"]).data == []


def test_11_26_what_dunning_pauses_before_its_end_ends_on_the_day(world: World) -> None:
    """July is unpaid and paused on the 3rd, told to end with July on the 2nd: it ends with it, and owes what it owed"""
    tenant = world.tenant(dunning={"scheduleDays": [2], "action": "paused"})
    clock, subscription = subscribed(tenant, flat(tenant, "month", 3000), BEGIN)
    decline(world, tenant, subscription)
    advance(world, tenant, clock, "2026-07-02T00:00:00Z")
    tenant.post(f"/v1/subscriptions/{subscription}/cancel", {"atPeriodEnd": True})
    advance(world, tenant, clock, "2026-07-20T00:00:00Z")
    paused = tenant.get(f"/v1/subscriptions/{subscription}").data
    assert (paused["state"], paused["pausedBy"], paused["cancelAtPeriodEnd"]) == ("paused", "dunning", True)
    advance(world, tenant, clock, "2026-10-01T00:00:00Z")
    ended = tenant.get(f"/v1/subscriptions/{subscription}").data
    assert (ended["state"], ended["canceledAt"]) == ("canceled", "2026-08-01T00:00:00Z")
    unpaid = newest(tenant, subscription)
    assert (unpaid["status"], unpaid["amountDue"], balance(tenant, subscription)) == ("open", 3_000_000, 0)
