"""Previews say what is then billed."""

import pytest

from tests.integration.invoices import BERLIN, CONSULTING, NEXT, clocked, line, make, refused
from tests.integration.steps import (
    THREE_DS,
    advance,
    flat,
)
from tests.integration.world import Json, Tenant, World


def shown(invoice: Json) -> Json:
    """What a preview says as well, without the ids of lines."""
    names = ("currency", "period", "subtotal", "discount", "tax", "taxIncluded", "total", "balanceApplied", "notes")
    lines = [{name: value for name, value in each.items() if name != "id"} for each in invoice["lines"]]
    return {name: invoice[name] for name in names} | {"lines": lines}


def test_the_preview_is_what_the_renewal_then_bills(world: World, tenant: Tenant) -> None:
    """With lines that wait, a discount and a balance."""
    tenant.patch(f"/v1/tenants/{tenant.id}", {"taxProvider": "builtin", "address": BERLIN})
    tenant = Tenant(world, tenant.id, tenant.key, tenant.data, tenant.since)
    world.clock.advance(seconds=61)
    clock, customer = clocked(tenant, address=BERLIN)
    tenant.post("/v1/coupons", {"code": "FOREVER", "percentOff": "12.5", "duration": "forever"})
    made = tenant.subscribe(customerId=customer, couponCode="FOREVER")
    advance(world, tenant, clock, "2027-01-16T00:00:00Z")
    tenant.patch(f"/v1/subscriptions/{made['id']}", {"quantities": {"seats": 150}})
    make(tenant, line(-3000, taxes=[{"name": "none", "ratePercent": 0}]), customerId=customer, autoFinalize=True)
    world.writes.clear()
    preview = tenant.post("/v1/invoices/preview", {"subscriptionId": made["id"]}).data
    written = {table for _, tables in world.writes for table in tables}
    assert written == {world.tables[name] for name in ("callers", "idempotency", "audit")}
    assert (preview["period"], preview["balanceApplied"]) == (
        {"start": NEXT, "end": "2027-03-01T00:00:00Z"},
        3_000_000,
    )
    assert (len(preview["lines"]), preview["tax"] > 0, preview["discount"] > 0) == (4, True, True)
    advance(world, tenant, clock, NEXT)
    renewal = tenant.get("/v1/invoices", subscription=made["id"]).data[0]
    assert shown(renewal) == shown(preview)
    assert (renewal["status"], renewal["amountPaid"]) == ("paid", preview["amountDue"])


@pytest.mark.parametrize("case", ["trial", "resume", "resume_in_a_paid_period", "ending"])
def test_the_preview_of_a_trial_a_pause_and_an_end(world: World, tenant: Tenant, case: str) -> None:
    clock, customer = clocked(tenant)
    plan = flat(tenant, "monthly", 3100, pauseBilling="keep" if case == "resume_in_a_paid_period" else "credit")
    trial = {"trialDays": 10} if case == "trial" else {}
    made = tenant.subscribe(planId=plan, quantities={}, customerId=customer, **trial)
    path = f"/v1/subscriptions/{made['id']}"
    if case == "ending":
        advance(world, tenant, clock, "2027-01-11T00:00:00Z")
        dearer = flat(tenant, "dearer", 6200)
        tenant.patch(path, {"planId": dearer})
        assert tenant.post(f"{path}/cancel", {"atPeriodEnd": True}).status == 200
    elif case != "trial":
        advance(world, tenant, clock, "2027-01-11T00:00:00Z")
        assert tenant.patch(path, {"paused": True, "resumesAt": "2027-01-21T00:00:00Z"}).status == 200
    known = {each["id"] for each in tenant.get("/v1/invoices", subscription=made["id"]).data}
    preview = tenant.post("/v1/invoices/preview", {"subscriptionId": made["id"]}).data
    advance(world, tenant, clock, "2027-02-02T00:00:00Z")
    billed = [e for e in tenant.get("/v1/invoices", subscription=made["id"]).data if e["id"] not in known]
    assert shown(billed[-1]) == shown(preview)
    assert (
        preview["total"]
        == {
            "trial": 3_100_000,
            "resume": (11 - 21) * 100_000,  # 21 days given back, the last 11 billed anew
            "resume_in_a_paid_period": 3_100_000,
            "ending": 2_100_000,
        }[case]
    )


@pytest.mark.parametrize("state", ["canceled", "incomplete", "paused", "ending_free"])
def test_where_nothing_will_be_billed_there_is_no_preview(tenant: Tenant, state: str) -> None:
    method = THREE_DS if state == "incomplete" else "pm_card_visa"
    made = tenant.subscribe(method)
    path = f"/v1/subscriptions/{made['id']}"
    if state == "canceled":
        tenant.post(f"{path}/cancel", {})
    elif state == "paused":
        tenant.patch(path, {"paused": True})
    elif state == "ending_free":
        tenant.post(f"{path}/cancel", {"atPeriodEnd": True})
    answer = tenant.post("/v1/invoices/preview", {"subscriptionId": made["id"]})
    refused(answer, "subscription.invalid_state", "active" if state == "ending_free" else state)


def test_a_one_off_preview_is_what_is_then_made(world: World, tenant: Tenant) -> None:
    customer = tenant.customer()
    tenant.post("/v1/coupons", {"code": "ONE", "percentOff": 10, "duration": "once", "maxRedemptions": 1})
    make(tenant, line(-1000), customerId=customer, autoFinalize=True)
    body = {
        "customerId": customer,
        "lines": [CONSULTING, line(500, taxes=[{"name": "VAT", "ratePercent": "7.5"}])],
        "couponCode": "ONE",
        "autoFinalize": True,
    }
    world.writes.clear()
    preview = tenant.post("/v1/invoices/preview", body)
    assert preview.status == 200
    assert not {"invoices", "coupons", "redemptions", "events"} & {t for _, tables in world.writes for t in tables}
    made = tenant.post("/v1/invoices", body).data
    assert shown(made) == shown(preview.data)
    assert (made["amountDue"], made["balanceApplied"]) == (preview.data["amountDue"], 1_000_000)


@pytest.mark.parametrize(
    ("body", "bad"),
    [
        ({"subscriptionId": "sub_1", "lines": [line(1)], "couponCode": "X"}, ["couponCode", "lines"]),
        ({"subscriptionId": "sub_1", "autoFinalize": True}, ["autoFinalize"]),
    ],
)
def test_a_preview_is_of_one_thing(tenant: Tenant, body: Json, bad: list[str]) -> None:
    answer = tenant.post("/v1/invoices/preview", body)
    assert answer.bad_fields == dict.fromkeys(bad, "not_with_subscription_id")
