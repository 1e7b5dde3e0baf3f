"""A customer's corrected time zone, through the API on test clocks (issue 11, 26)."""

import pytest

from tests.integration.steps import advance, flat, subscribed
from tests.integration.subscriptions.test_changes import newest, patch
from tests.integration.world import Json, Tenant, World

AUCKLAND, LOS_ANGELES = "Pacific/Auckland", "America/Los_Angeles"
BEGIN, END = "2025-12-31T11:00:00Z", "2026-01-31T11:00:00Z"  # January in Auckland


@pytest.fixture
def there(tenant: Tenant) -> tuple[str, str, str]:
    """A subscription for the months of Auckland: its customer, clock and own id."""
    plan = flat(tenant, "sixteen", 1600)
    clock = tenant.post("/v1/test-clocks", {"frozenTime": BEGIN}).data["id"]
    customer = tenant.customer(testClockId=clock, timezone=AUCKLAND)
    made = tenant.subscribe(planId=plan, quantities={}, customerId=customer)
    assert made["timezone"] == AUCKLAND
    return customer, clock, made["id"]


def corrected(tenant: Tenant, customer: str, zone: str) -> Json:
    answer = tenant.patch(f"/v1/customers/{customer}", {"timezone": zone})
    assert answer.status == 200, answer.json
    return dict(answer.data)


def test_11_26_a_zone_is_corrected_and_the_next_period_follows(
    world: World, tenant: Tenant, there: tuple[str, str, str]
) -> None:
    """The running period keeps its bounds, its invoice its dates; the next one joins it, billed as previewed, once."""
    customer, clock, subscription = there
    first = newest(tenant, subscription)
    pdf = tenant.get(f"/v1/invoices/{first['id']}").data
    assert corrected(tenant, customer, LOS_ANGELES)["timezone"] == LOS_ANGELES
    running = tenant.get(f"/v1/subscriptions/{subscription}").data
    assert (running["currentPeriod"], running["timezone"]) == ({"start": BEGIN, "end": END}, AUCKLAND)
    seen = tenant.post("/v1/invoices/preview", {"subscriptionId": subscription}).data
    advance(world, tenant, clock, "2026-02-01T08:00:00Z")  # midnight there, which is no end of a period
    assert tenant.get("/v1/invoices", subscription=subscription).data[1:] == [pdf]
    billed = newest(tenant, subscription)
    assert billed["period"] == seen["period"] == {"start": END, "end": "2026-03-01T08:00:00Z"}
    assert (billed["total"], seen["total"]) == (1_600_000, 1_600_000)
    following = tenant.get(f"/v1/subscriptions/{subscription}").data
    assert (following["timezone"], following["anchorDay"]) == (LOS_ANGELES, 1)
    advance(world, tenant, clock, "2026-04-01T07:00:00Z")  # over the change to summer time
    assert [each["period"]["start"] for each in tenant.get("/v1/invoices", subscription=subscription).data] == [
        "2026-04-01T07:00:00Z",
        "2026-03-01T08:00:00Z",
        END,
        BEGIN,
    ]


def test_11_26_back_again_the_hours_that_are_missing_are_not_billed(
    world: World, tenant: Tenant, there: tuple[str, str, str]
) -> None:
    """To Los Angeles and back: March in Auckland has 21 of its 744 hours before the period: 16.00 less 0.45."""
    customer, clock, subscription = there
    corrected(tenant, customer, LOS_ANGELES)
    advance(world, tenant, clock, END)
    corrected(tenant, customer, AUCKLAND)
    seen = tenant.post("/v1/invoices/preview", {"subscriptionId": subscription}).data
    advance(world, tenant, clock, "2026-03-01T08:00:00Z")
    billed = newest(tenant, subscription)
    assert billed["period"] == {"start": "2026-03-01T08:00:00Z", "end": "2026-03-31T11:00:00Z"}
    assert billed["total"] == seen["total"] == 1_555_000


def test_11_26_usage_of_the_old_zone_stays_in_its_period(world: World, tenant: Tenant) -> None:
    """Ten calls free a month; eleven in January, of which one comes late, and eleven in the month after it."""
    tenant.meter("calls")
    calls = {"key": "calls", "type": "metered", "meter": "calls", "unitAmount": 1_000_000, "freeUnits": 10}
    tenant.plan(id="calls", name="Calls", components=[calls])
    clock = tenant.post("/v1/test-clocks", {"frozenTime": BEGIN}).data["id"]
    customer = tenant.customer(testClockId=clock, timezone=AUCKLAND)
    made = tenant.subscribe(planId="calls", quantities={}, customerId=customer)
    used(world, tenant, made["id"], "e1", 10, "2026-01-30T00:00:00Z", clock)
    corrected(tenant, customer, LOS_ANGELES)
    advance(world, tenant, clock, END)
    assert newest(tenant, made["id"])["total"] == 0
    used(world, tenant, made["id"], "e2", 1, "2026-01-31T10:59:59Z", clock)  # late: the eleventh
    used(world, tenant, made["id"], "e3", 11, END, clock)
    rows = tenant.get("/v1/usage", subscription=made["id"]).data
    assert {(each["period"]["start"], each["period"]["end"], each["total"]) for each in rows} == {
        (BEGIN, END, "11"),
        (END, "2026-03-01T08:00:00Z", "11"),
    }
    advance(world, tenant, clock, "2026-03-01T08:00:00Z")
    lines = [line for line in newest(tenant, made["id"])["lines"] if line["amount"]]
    assert [line["amount"] for line in lines] == [1_000_000, 1_000_000]
    assert "late usage of 2026-01-01 to 2026-01-31" in lines[0]["description"]


def used(world: World, tenant: Tenant, subscription: str, event_id: str, quantity: int, at: str, clock: str) -> None:
    """Count an event; at the clock's time where that is earlier."""
    now = tenant.get(f"/v1/test-clocks/{clock}").data["frozenTime"]
    if at > now:
        advance(world, tenant, clock, at)
    event = {"eventId": event_id, "subscriptionId": subscription, "meter": "calls", "quantity": quantity}
    answer = tenant.post("/v1/usage/events", {"events": [event | {"timestamp": at}]})
    assert answer.status == 202, answer.json
    world.count_usage()


@pytest.mark.parametrize("zone", [None, "Mars/Olympus", "Factory", ""])
def test_11_26_no_zone_is_no_correction(tenant: Tenant, zone: str | None) -> None:
    refused = tenant.patch(f"/v1/customers/{tenant.customer()}", {"timezone": zone})
    assert (refused.status, list(refused.bad_fields)) == (400, ["timezone"])


def test_11_26_another_interval_begins_in_the_corrected_zone(world: World, tenant: Tenant) -> None:
    plan, yearly = flat(tenant, "month", 1000), flat(tenant, "year", 10_000, interval="year")
    _, subscription = subscribed(tenant, plan, "2026-01-10T12:00:00Z")
    customer = tenant.get(f"/v1/subscriptions/{subscription}").data["customerId"]
    corrected(tenant, customer, LOS_ANGELES)
    assert patch(tenant, subscription, planId=yearly, quantities={})["timezone"] == LOS_ANGELES
