"""Coupons that come and go while a subscription runs, through the API on test clocks (issue 11, 4)."""

from typing import Any

import pytest

from tests.integration.steps import advance, nets
from tests.integration.subscriptions.test_changes import HALF_WAY, newest, patch
from tests.integration.world import Json, Tenant, World

BEGIN, JULY = "2025-06-01T00:00:00Z", "2025-07-01T00:00:00Z"
SEATS: Json = {"key": "seats", "type": "licensed", "unitAmount": 1_000_000}
HALF: Json = {"code": "HALF", "percentOff": 50, "duration": "repeating", "durationPeriods": 12}
ONCE: Json = {"code": "ONCE", "percentOff": 50, "duration": "once"}
OTHER: Json = {"code": "OTHER", "percentOff": 20, "duration": "forever"}


def seated(world: World, tenant: Tenant, at: str = HALF_WAY, **fields: Any) -> tuple[str, str]:
    """100 seats at 10.00 since 1 June, at half price unless the fields say otherwise; its clock moved on."""
    for coupon in (HALF, ONCE, OTHER):
        assert tenant.post("/v1/coupons", coupon).status == 201
    tenant.plan(id="seats", name="Seats", components=[SEATS])
    clock = tenant.post("/v1/test-clocks", {"frozenTime": BEGIN}).data["id"]
    customer = tenant.customer(testClockId=clock)
    made = tenant.subscribe(**({"planId": "seats", "customerId": customer, "couponCode": "HALF"} | fields))
    if at != BEGIN:
        advance(world, tenant, clock, at)
    return clock, made["id"]


def codes(subscription: Json) -> tuple[str | None, str | None]:
    """What it has in the running period, and from the next one on."""
    found = (subscription["currentPeriodDiscount"], subscription["discount"])
    return found[0] and found[0]["code"], found[1] and found[1]["code"]


@pytest.mark.parametrize("behavior", ["create_prorations", "invoice_now", "none"])
@pytest.mark.parametrize(("code", "july"), [("HALF", 50_500), ("OTHER", 80_800), ("", 101_000)])
def test_11_4_a_coupon_that_comes_leaves_the_running_period_as_it_is(
    world: World, tenant: Tenant, behavior: str, code: str, july: int
) -> None:
    """It billed nothing, and then a seat more cost 255.00 instead of 2.50, and one less 245.00."""
    clock, subscription = seated(world, tenant)
    first = newest(tenant, subscription)["id"]
    patched = patch(tenant, subscription, couponCode=code, prorationBehavior=behavior)
    assert (patched["pendingLineCount"], newest(tenant, subscription)["id"]) == (0, first)
    assert codes(patched) == ("HALF", code or None)
    for seats, cost in ((101, 2_500), (100, -2_500), (101, 2_500)):
        body = {"quantities": {"seats": seats}, "prorationBehavior": "invoice_now"}
        preview = tenant.post(f"/v1/subscriptions/{subscription}/preview", body).data
        patch(tenant, subscription, **body)
        assert preview["total"] == newest(tenant, subscription)["total"] == cost * 100
    upcoming = tenant.post("/v1/invoices/preview", {"subscriptionId": subscription}).data
    advance(world, tenant, clock, JULY)
    assert nets(upcoming["lines"]) == nets(newest(tenant, subscription)["lines"]) == [july]
    assert codes(tenant.get(f"/v1/subscriptions/{subscription}").data) == (code or None, code or None)


def test_11_4_next_month_half_price_is_next_month(world: World, tenant: Tenant) -> None:
    """The default: June stays as it was paid, July is at half price, August is not."""
    clock, subscription = seated(world, tenant, couponCode=None)
    assert codes(patch(tenant, subscription, couponCode="ONCE")) == (None, "ONCE")
    advance(world, tenant, clock, "2025-08-01T00:00:00Z")
    billed = tenant.get("/v1/invoices", subscription=subscription).data[::-1]
    assert [each["total"] for each in billed] == [100_000_000, 50_000_000, 100_000_000]


def test_11_4_at_once_where_that_is_asked_for(world: World, tenant: Tenant) -> None:
    clock, subscription = seated(world, tenant, couponCode=None)
    wanted = {"couponCode": "ONCE", "couponApplies": "now", "prorationBehavior": "invoice_now"}
    preview = tenant.post(f"/v1/subscriptions/{subscription}/preview", wanted).data
    patched = patch(tenant, subscription, **wanted)
    assert codes(patched) == ("ONCE", "ONCE")
    assert nets(preview["lines"]) == nets(newest(tenant, subscription)["lines"]) == [-50_000, 25_000]
    advance(world, tenant, clock, JULY)
    assert nets(newest(tenant, subscription)["lines"]) == [100_000]


def test_11_4_with_another_plan_it_holds_at_once_or_waits_where_that_is_asked_for(world: World, tenant: Tenant) -> None:
    clock, subscription = seated(world, tenant, couponCode=None)
    tenant.plan(id="dear", name="Dear", components=[SEATS | {"unitAmount": 2_000_000}])
    both = {"planId": "dear", "couponCode": "ONCE"}
    at_once, waits = (
        tenant.post(f"/v1/subscriptions/{subscription}/preview", both | more).data
        for more in ({}, {"couponApplies": "next_period"})
    )
    assert (nets(at_once["lines"]), nets(waits["lines"])) == ([-50_000, 50_000], [-50_000, 100_000])
    patch(tenant, subscription, **both, couponApplies="next_period")
    advance(world, tenant, clock, JULY)
    assert nets(newest(tenant, subscription)["lines"]) == [-50_000, 100_000, 100_000]


@pytest.mark.parametrize("paused_first", [True, False])
def test_11_4_three_days_after_a_pause_do_not_use_up_a_coupon(world: World, tenant: Tenant, paused_first: bool) -> None:
    """A coupon for one month waits for July, and is not spent on 28 to 30 June."""
    clock, subscription = seated(world, tenant, couponCode=None)
    steps: list[Json] = [{"paused": True, "prorationBehavior": "invoice_now"}, {"couponCode": "ONCE"}]
    for step in steps if paused_first else reversed(steps):
        patch(tenant, subscription, **step)
    advance(world, tenant, clock, "2025-06-28T00:00:00Z")
    tenant.post(f"/v1/subscriptions/{subscription}/resume")
    assert nets(newest(tenant, subscription)["lines"]) == [10_000]
    advance(world, tenant, clock, "2025-08-01T00:00:00Z")
    assert [each["total"] for each in tenant.get("/v1/invoices", subscription=subscription).data[:2]] == [
        100_000_000,
        50_000_000,
    ]


def test_11_4_an_end_gives_back_what_was_paid(world: World, tenant: Tenant) -> None:
    _, subscription = seated(world, tenant)
    patch(tenant, subscription, couponCode="")
    tenant.post(f"/v1/subscriptions/{subscription}/cancel", {"prorationBehavior": "create_prorations"})
    assert nets(newest(tenant, subscription)["lines"]) == [-25_000]


@pytest.mark.parametrize("code", ["HALF", "OTHER", ""])
def test_11_4_usage_in_arrears_has_the_discount_of_its_period(world: World, tenant: Tenant, code: str) -> None:
    """100.00 of June's calls at June's half price, though the coupon was replaced on the 16th. It asked for 100.00."""
    tenant.meter("calls")
    calls = {"key": "calls", "type": "metered", "model": "per_unit", "unitAmount": 1_000, "meter": "calls"}
    tenant.plan(id="calls", name="Calls", components=[calls])
    clock, subscription = seated(world, tenant, at=BEGIN, planId="calls", quantities={})
    advance(world, tenant, clock, HALF_WAY)
    event = {"subscriptionId": subscription, "meter": "calls", "timestamp": "2025-06-15T12:00:00Z"}
    sent = tenant.post("/v1/usage/events", {"events": [event | {"eventId": "e-1", "quantity": 10_000}]})
    assert sent.status == 202
    world.count_usage()
    patch(tenant, subscription, couponCode=code, prorationBehavior="none")
    advance(world, tenant, clock, JULY)
    assert nets(newest(tenant, subscription)["lines"]) == [5_000]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"couponApplies": "now"}, "only_with_coupon_code"),
        ({"couponApplies": "now", "quantities": {"seats": 3}}, "only_with_coupon_code"),
        ({"couponApplies": "now", "couponCode": "ONCE", "prorationBehavior": "none"}, "not_without_prorations"),
        ({"couponApplies": "later", "couponCode": "ONCE"}, "not_one_of_the_allowed_values"),
        ({"couponApplies": "now", "paused": True}, "not_with_paused"),
    ],
)
def test_11_4_what_has_no_meaning_is_refused(tenant: Tenant, body: Json, reason: str) -> None:
    refused = tenant.patch("/v1/subscriptions/sub_1", body)
    assert (refused.status, refused.bad_fields) == (400, {"couponApplies": reason})


def test_11_4_a_proration_date_has_no_meaning_for_a_coupon_that_waits(tenant: Tenant) -> None:
    body = {"couponCode": "ONCE", "prorationDate": HALF_WAY}
    assert tenant.patch("/v1/subscriptions/sub_1", body).bad_fields == {"prorationDate": "only_with_a_change"}
