"""A running subscription changed through the API: plans, quantities, coupons, pauses, ends, and every refusal."""

from collections import Counter
from typing import Any

import pytest

from tests.integration.steps import advance, flat, nets, subscribed
from tests.integration.world import Json, Tenant, World

SEATS: Json = {
    "id": "seats",
    "name": "Seats",
    "currency": "USD",
    "interval": "month",
    "components": [
        {"key": "base", "type": "flat", "unitAmount": 10_000_000},
        {"key": "seats", "type": "licensed", "unitAmount": 1_000_000},
    ],
}
HALF_WAY = "2025-06-16T00:00:00Z"


def seats(world: World, tenant: Tenant, quantity: int = 10, at: str = HALF_WAY, **fields: Any) -> tuple[str, str]:
    """A subscription since 1 June 2025, 100.00 and 10.00 a seat, with its clock moved on."""
    tenant.post("/v1/plans", SEATS)
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2025-06-01T00:00:00Z"}).data["id"]
    made = tenant.subscribe(
        planId="seats", quantities={"seats": quantity}, customerId=tenant.customer(testClockId=clock), **fields
    )
    if at != "2025-06-01T00:00:00Z":
        advance(world, tenant, clock, at)
    return clock, made["id"]


def patch(tenant: Tenant, subscription: str, **fields: Any) -> Json:
    answer = tenant.patch(f"/v1/subscriptions/{subscription}", fields)
    assert answer.status == 200, answer.json
    return dict(answer.data)


def newest(tenant: Tenant, subscription: str) -> Json:
    """By number: on a clock that stands still, several invoices have one time."""
    found = [each for each in tenant.get("/v1/invoices", subscription=subscription).data if each["number"]]
    return dict(max(found, key=lambda each: each["number"]))


def test_more_seats_wait_for_the_next_invoice(world: World, tenant: Tenant) -> None:
    clock, subscription = seats(world, tenant)
    changed = patch(tenant, subscription, quantities={"seats": 20})
    assert (changed["itemQuantities"], changed["pendingLineCount"]) == ({"seats": 20}, 2)
    assert len(tenant.get("/v1/invoices", subscription=subscription).data) == 1
    advance(world, tenant, clock, "2025-07-01T00:00:00Z")
    invoice = newest(tenant, subscription)
    # -10 seats x 15/30, +20 seats x 15/30, then July: the base price, which did not change, is not prorated.
    assert nets(invoice["lines"]) == [-5000, 10000, 10000, 20000]
    assert (invoice["total"], invoice["status"]) == (35_000_000, "paid")
    assert tenant.get(f"/v1/subscriptions/{subscription}").data["pendingLineCount"] == 0


def test_invoice_now_charges_in_the_request_and_takes_what_waited_along(world: World, tenant: Tenant) -> None:
    _, subscription = seats(world, tenant)
    patch(tenant, subscription, quantities={"seats": 12})
    changed = patch(tenant, subscription, quantities={"seats": 20}, prorationBehavior="invoice_now")
    invoice = newest(tenant, subscription)
    assert nets(invoice["lines"]) == [-5000, 6000, -6000, 10000]
    assert (invoice["status"], invoice["amountPaid"], invoice["billingReason"]) == (
        "paid",
        5_000_000,
        "subscription_update",
    )
    assert (changed["latestInvoiceId"], changed["pendingLineCount"]) == (invoice["id"], 0)


def test_none_changes_without_billing_and_the_next_period_has_it(world: World, tenant: Tenant) -> None:
    clock, subscription = seats(world, tenant)
    assert patch(tenant, subscription, quantities={"seats": 20}, prorationBehavior="none")["pendingLineCount"] == 0
    advance(world, tenant, clock, "2025-07-01T00:00:00Z")
    assert nets(newest(tenant, subscription)["lines"]) == [10000, 20000]


def test_an_upgrade_and_an_immediate_downgrade_cost_nothing(world: World, tenant: Tenant) -> None:
    clock, subscription = seats(world, tenant, at="2025-06-11T07:13:29Z")
    patch(tenant, subscription, quantities={"seats": 33})
    patch(tenant, subscription, quantities={"seats": 10})
    advance(world, tenant, clock, "2025-07-01T00:00:00Z")
    lines = nets(newest(tenant, subscription)["lines"])
    assert sum(lines[:4]) == 0
    assert lines[4:] == [10000, 10000]


def test_the_proration_date_may_be_earlier_but_not_before_the_period_or_the_last_change(
    world: World, tenant: Tenant
) -> None:
    _, subscription = seats(world, tenant)
    path = f"/v1/subscriptions/{subscription}"
    wanted = {"quantities": {"seats": 20}, "prorationDate": "2025-06-11T00:00:00Z"}
    preview = tenant.post(f"{path}/preview", wanted).data
    assert nets(preview["lines"]) == [-6667, 13333]
    for date in ("2025-05-31T23:59:59Z", "2025-07-01T00:00:00Z"):
        refused = tenant.patch(path, wanted | {"prorationDate": date})
        assert refused.bad_fields == {"prorationDate": "outside_the_current_period"}
    patch(tenant, subscription, **wanted)
    again = tenant.patch(path, {"quantities": {"seats": 5}, "prorationDate": "2025-06-10T00:00:00Z"})
    assert again.bad_fields == {"prorationDate": "before_the_last_change"}


def test_a_preview_is_what_the_change_then_bills_and_writes_nothing(world: World, tenant: Tenant) -> None:
    _, subscription = seats(world, tenant)
    wanted = {"quantities": {"seats": 17}, "prorationBehavior": "invoice_now"}
    before = tenant.get(f"/v1/subscriptions/{subscription}").data
    preview = tenant.post(f"/v1/subscriptions/{subscription}/preview", wanted).data
    assert tenant.get(f"/v1/subscriptions/{subscription}").data == before
    patch(tenant, subscription, **wanted)
    invoice = newest(tenant, subscription)
    assert nets(invoice["lines"]) == nets(preview["lines"]) == [-5000, 8500]
    assert invoice["total"] == preview["total"] == preview["amountDue"] == 3_500_000


def test_a_declined_upgrade_is_past_due_with_the_invoice_open(world: World, tenant: Tenant) -> None:
    _, subscription = seats(world, tenant)
    customer = tenant.get(f"/v1/subscriptions/{subscription}").data["customerId"]
    (method,) = tenant.get("/v1/payment-methods", customer=customer).data
    world.sandbox.post(f"payment_methods/{method['id']}/behaviour", decline="insufficient_funds")
    changed = patch(tenant, subscription, quantities={"seats": 20}, prorationBehavior="invoice_now")
    invoice = newest(tenant, subscription)
    assert (changed["state"], changed["unpaidInvoiceIds"]) == ("past_due", [invoice["id"]])
    assert (invoice["status"], invoice["paymentError"]["code"]) == ("open", "payment.insufficient_funds")


def test_an_upgrade_by_a_card_that_wants_its_holder_gives_the_secret_to_go_on_with(
    world: World, tenant: Tenant
) -> None:
    _, subscription = seats(world, tenant)
    changed = patch(
        tenant,
        subscription,
        quantities={"seats": 20},
        prorationBehavior="invoice_now",
        paymentMethodId="pm_card_threeDSecure2Required",
    )
    assert changed["clientSecret"]
    assert changed["state"] == "active"


def test_a_retry_under_the_same_key_is_one_change_and_one_charge(world: World, tenant: Tenant) -> None:
    _, subscription = seats(world, tenant)
    path, body = f"/v1/subscriptions/{subscription}", {"quantities": {"seats": 20}, "prorationBehavior": "invoice_now"}
    first, second = (tenant.patch(path, body, idempotency_key="once") for _ in range(2))
    assert first.json == second.json
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(world.charges(tenant)) == 2


def test_a_pause_gives_the_rest_back_and_a_resume_bills_it_anew(world: World, tenant: Tenant) -> None:
    clock, subscription = seats(world, tenant)
    paused = patch(tenant, subscription, paused=True)
    assert (paused["state"], paused["pausedAt"], paused["pausedBy"]) == ("paused", HALF_WAY, "request")
    advance(world, tenant, clock, "2025-08-16T12:00:00Z")
    assert len(tenant.get("/v1/invoices", subscription=subscription).data) == 1
    resumed = tenant.post(f"/v1/subscriptions/{subscription}/resume").data
    assert (resumed["state"], resumed["currentPeriod"]) == (
        "active",
        {"start": "2025-08-16T12:00:00Z", "end": "2025-09-01T00:00:00Z"},
    )
    invoice = newest(tenant, subscription)
    assert nets(invoice["lines"]) == [-5000, -5000, 5000, 5000]
    assert (invoice["total"], invoice["status"]) == (0, "paid")
    counts = Counter(row["type"]["S"] for row in world.rows_of("events", tenant.id))
    assert (counts["subscription.paused"], counts["subscription.resumed"]) == (1, 1)


def test_a_plan_that_keeps_paused_time_gives_nothing_back(world: World, tenant: Tenant) -> None:
    plan = flat(tenant, "keeper", 3000, pauseBilling="keep")
    clock, subscription = subscribed(tenant, plan, "2025-06-01T00:00:00Z")
    advance(world, tenant, clock, "2025-06-11T00:00:00Z")
    assert patch(tenant, subscription, paused=True)["pendingLineCount"] == 0
    advance(world, tenant, clock, "2025-06-21T00:00:00Z")
    within = patch(tenant, subscription, paused=False)
    assert (within["state"], within["currentPeriod"]["end"]) == ("active", "2025-07-01T00:00:00Z")
    assert len(tenant.get("/v1/invoices", subscription=subscription).data) == 1
    patch(tenant, subscription, paused=True, resumesAt="2025-07-22T00:00:00Z")
    advance(world, tenant, clock, "2025-08-01T00:00:00Z")
    totals = [each["total"] for each in tenant.get("/v1/invoices", subscription=subscription).data[::-1]]
    # July's last 10 of 31 days, then August.
    assert totals == [3_000_000, 968_000, 3_000_000]


def test_a_trial_is_announced_three_days_before_its_end_and_can_be_paused(world: World, tenant: Tenant) -> None:
    clock, subscription = seats(world, tenant, trialDays=14, at="2025-06-11T23:59:59Z")

    def announced() -> int:
        return sum(row["type"]["S"] == "subscription.trial_will_end" for row in world.rows_of("events", tenant.id))

    assert announced() == 0
    advance(world, tenant, clock, "2025-06-12T00:00:00Z")
    assert announced() == 1
    patch(tenant, subscription, paused=True)
    advance(world, tenant, clock, "2025-06-14T00:00:00Z")
    assert patch(tenant, subscription, paused=False)["state"] == "trialing"
    patch(tenant, subscription, planId="seats", quantities={"seats": 3})
    advance(world, tenant, clock, "2025-06-15T00:00:00Z")
    assert nets(newest(tenant, subscription)["lines"]) == [10000, 3000]
    assert announced() == 1


def test_a_later_start_bills_nothing_until_then(world: World, tenant: Tenant) -> None:
    clock, subscription = seats(world, tenant, startDate="2025-07-10T00:00:00Z", at="2025-07-09T23:59:59Z")
    waiting = tenant.get(f"/v1/subscriptions/{subscription}").data
    assert (waiting["state"], waiting["pausedBy"], waiting["resumesAt"]) == ("paused", "start", "2025-07-10T00:00:00Z")
    assert tenant.get("/v1/invoices", subscription=subscription).data == []
    advance(world, tenant, clock, "2025-07-10T00:00:00Z")
    begun = tenant.get(f"/v1/subscriptions/{subscription}").data
    assert begun["currentPeriod"] == {"start": "2025-07-10T00:00:00Z", "end": "2025-08-10T00:00:00Z"}
    assert (begun["state"], newest(tenant, subscription)["total"]) == ("active", 20_000_000)


def test_an_earlier_start_within_the_period_is_billed_from_then(world: World, tenant: Tenant) -> None:
    _, subscription = seats(world, tenant, startDate="2025-05-20T00:00:00Z", at="2025-06-01T00:00:00Z")
    invoice = newest(tenant, subscription)
    assert invoice["period"] == {"start": "2025-05-20T00:00:00Z", "end": "2025-06-20T00:00:00Z"}
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2025-06-01T00:00:00Z"}).data["id"]
    body = {"planId": "seats", "quantities": {"seats": 1}, "customerId": tenant.customer(testClockId=clock)}
    refused = tenant.post("/v1/subscriptions", body | {"startDate": "2025-05-01T00:00:00Z"})
    assert refused.bad_fields == {"startDate": "too_far_back"}


def test_an_anchor_day_makes_a_short_first_period(world: World, tenant: Tenant) -> None:
    plan = flat(tenant, "anchored", 3100)
    clock, subscription = subscribed(tenant, plan, "2025-01-20T00:00:00Z", anchorDay=1)
    first = newest(tenant, subscription)
    assert (first["total"], first["period"]["end"]) == (1_200_000, "2025-02-01T00:00:00Z")  # 12/31
    advance(world, tenant, clock, "2025-02-01T00:00:00Z")
    assert newest(tenant, subscription)["total"] == 3_100_000


def test_a_pending_end_is_undone_by_resume(world: World, tenant: Tenant) -> None:
    clock, subscription = seats(world, tenant)
    tenant.post(f"/v1/subscriptions/{subscription}/cancel", {"atPeriodEnd": True})
    undone = tenant.post(f"/v1/subscriptions/{subscription}/resume").data
    assert (undone["state"], undone["cancelAtPeriodEnd"]) == ("active", False)
    advance(world, tenant, clock, "2025-07-01T00:00:00Z")
    assert tenant.get(f"/v1/subscriptions/{subscription}").data["state"] == "active"


def test_an_end_now_with_prorations_gives_the_rest_to_the_balance(world: World, tenant: Tenant) -> None:
    _, subscription = seats(world, tenant)
    ended = tenant.post(f"/v1/subscriptions/{subscription}/cancel", {"prorationBehavior": "create_prorations"}).data
    assert ended["state"] == "canceled"
    invoice = newest(tenant, subscription)
    assert (nets(invoice["lines"]), invoice["billingReason"]) == ([-5000, -5000], "subscription_cancel")
    assert tenant.get(f"/v1/customers/{ended['customerId']}/balance").data["amount"] == 10_000_000


def test_an_end_bills_what_waited(world: World, tenant: Tenant) -> None:
    clock, subscription = seats(world, tenant)
    patch(tenant, subscription, quantities={"seats": 20})
    tenant.post(f"/v1/subscriptions/{subscription}/cancel", {"atPeriodEnd": True})
    advance(world, tenant, clock, "2025-07-01T00:00:00Z")
    invoice = newest(tenant, subscription)
    assert (nets(invoice["lines"]), invoice["amountPaid"]) == ([-5000, 10000], 5_000_000)


def test_nobody_is_billed_more_than_the_largest_amount(world: World, tenant: Tenant) -> None:
    """A billion seats at 10.00 are exactly the limit; the base of 100.00 is then worth ten seats too many."""
    tenant.post("/v1/plans", SEATS)
    world.writes.clear()
    too_many = {"planId": "seats", "quantities": {"seats": 10**9}, "trialDays": 14}
    refused = tenant.post("/v1/subscriptions", too_many)
    assert (refused.status, refused.bad_fields) == (400, {"quantities.seats": "amount_too_large"})
    assert {table for _, tables in world.writes for table in tables} == {"callers", "audit"}
    assert tenant.post("/v1/subscriptions", too_many | {"quantities": {"seats": 10**9 - 10}}).status == 201


def test_a_subscription_keeps_its_plan_version_until_it_is_moved(world: World, tenant: Tenant) -> None:
    clock, subscription = seats(world, tenant)
    base, _ = SEATS["components"]
    components = [base, {"key": "seats", "type": "licensed", "unitAmount": 2_000_000}]
    assert tenant.patch("/v1/plans/seats", {"components": components}).data["version"] == 2
    assert patch(tenant, subscription, quantities={"seats": 11})["planVersion"] == 1
    advance(world, tenant, clock, "2025-07-01T00:00:00Z")
    assert nets(newest(tenant, subscription)["lines"])[-1] == 11000
    moved = patch(tenant, subscription, planId="seats", prorationBehavior="none")
    assert moved["planVersion"] == 2
    advance(world, tenant, clock, "2025-08-01T00:00:00Z")
    assert nets(newest(tenant, subscription)["lines"])[-1] == 22000


@pytest.mark.parametrize(
    ("duration", "discounted"),
    [({"duration": "once"}, 1), ({"duration": "repeating", "durationPeriods": 2}, 2), ({"duration": "forever"}, 4)],
    ids=["once", "repeating", "forever"],
)
def test_a_coupon_holds_for_its_periods(
    world: World, tenant: Tenant, duration: dict[str, Any], discounted: int
) -> None:
    tenant.post("/v1/coupons", {"code": "TEN", "amountOff": 10_000_000, "currency": "USD", **duration})
    _, subscription = seats(world, tenant, couponCode="TEN", at="2025-09-01T00:00:00Z")
    billed = tenant.get("/v1/invoices", subscription=subscription).data[::-1]
    assert [each["discount"] for each in billed] == [10_000_000] * discounted + [0] * (4 - discounted)
    # 100.00 off 100.00 and 100.00: half each.
    assert nets(billed[0]["lines"]) == [5000, 5000]
    assert billed[0]["total"] == 10_000_000


def transitions() -> list[Any]:
    """Every call that a state refuses."""
    cancel, resume = ("post", "/cancel", None), ("post", "/resume", None)
    change, pause = ("patch", "", {"quantities": {"seats": 3}}), ("patch", "", {"paused": True})
    unpause = ("patch", "", {"paused": False})
    return [
        pytest.param(state, *call, id=f"{state}-{call[1] or call[2]}")
        for state, calls in {
            "canceled": (cancel, resume, change, pause, unpause),
            "incomplete": (resume, change, pause, unpause),
            "active": (resume, unpause),
            "trialing": (resume, unpause),
            "paused": (pause, ("post", "/cancel", {"atPeriodEnd": True})),
        }.items()
        for call in calls
    ]


@pytest.mark.parametrize(("state", "method", "path", "body"), transitions())
def test_an_illegal_transition_is_a_409_that_names_the_state(
    world: World, tenant: Tenant, state: str, method: str, path: str, body: Json | None
) -> None:
    fields: dict[str, Any] = {"trialDays": 14} if state == "trialing" else {}
    fields |= {"method": "pm_card_chargeCustomerFail"} if state == "incomplete" else {}
    _, subscription = seats(world, tenant, at="2025-06-01T00:00:00Z", **fields)
    if state == "canceled":
        tenant.post(f"/v1/subscriptions/{subscription}/cancel")
    if state == "paused":
        patch(tenant, subscription, paused=True)
    before = tenant.get(f"/v1/subscriptions/{subscription}").data
    assert before["state"] == state
    refused = getattr(tenant, method)(f"/v1/subscriptions/{subscription}{path}", body)
    assert (refused.status, refused.error["code"]) == (409, "subscription.invalid_state")
    assert f"is {state}" in refused.error["message"]
    assert tenant.get(f"/v1/subscriptions/{subscription}").data == before


@pytest.mark.parametrize(
    ("body", "bad"),
    [
        ({"quantities": {"seats": -1}}, {"quantities.seats": "too_small"}),
        ({"quantities": {"chairs": 1}}, {"quantities.chairs": "unknown_component"}),
        ({"prorationBehavior": "always"}, {"prorationBehavior": "not_one_of_the_allowed_values"}),
        ({"paused": True, "planId": "seats"}, {"planId": "not_with_paused"}),
        ({"resumesAt": "2025-07-01T00:00:00Z"}, {"resumesAt": "only_with_paused_true"}),
        ({"paused": True, "resumesAt": "2025-06-16T00:00:00Z"}, {"resumesAt": "not_in_the_future"}),
        ({"planId": "euros"}, {"planId": "currency_mismatch"}),
        ({"quantities": {"seats": 10**9}}, {"quantities.seats": "amount_too_large"}),
        ({"quantities": {"seats": 11}, "prorationDate": "9999-12-31T23:59:59Z"}, {"prorationDate": "out_of_range"}),
        ({"paused": True, "resumesAt": "9999-12-31T23:59:59Z"}, {"resumesAt": "out_of_range"}),
        ({"prorationDate": HALF_WAY}, {"prorationDate": "only_with_a_change"}),
        ({"prorationDate": HALF_WAY, "metadata": {"a": "b"}}, {"prorationDate": "only_with_a_change"}),
        ({"paused": True, "prorationDate": HALF_WAY}, {"prorationDate": "not_with_paused"}),
        (
            {"prorationDate": HALF_WAY, "resumesAt": HALF_WAY},
            {"prorationDate": "only_with_a_change", "resumesAt": "only_with_paused_true"},
        ),
    ],
)  # fmt: skip
def test_bad_changes_name_every_bad_field(world: World, tenant: Tenant, body: Json, bad: dict[str, str]) -> None:
    flat(tenant, "euros", 100, currency="EUR")
    _, subscription = seats(world, tenant)
    refused = tenant.patch(f"/v1/subscriptions/{subscription}", body)
    assert (refused.status, refused.bad_fields) == (400, bad)
    refused = tenant.post(f"/v1/subscriptions/{subscription}/preview", body)
    assert (refused.status, refused.bad_fields) == (400, bad)
