"""No order of legal calls hands out money that nobody paid, or charges twice what was given back.

Each of these was found by somebody who wanted to be billed too little.
"""

from typing import Any

import pytest

from tests.integration.steps import advance, flat, subscribed
from tests.integration.subscriptions.test_changes import newest, patch, seats
from tests.integration.world import Json, Tenant, World


def balance(tenant: Tenant, subscription: str) -> int:
    customer = tenant.get(f"/v1/subscriptions/{subscription}").data["customerId"]
    return int(tenant.get(f"/v1/customers/{customer}/balance").data["amount"])


def decline(world: World, tenant: Tenant, subscription: str, how: str | None = "insufficient_funds") -> None:
    customer = tenant.get(f"/v1/subscriptions/{subscription}").data["customerId"]
    (method,) = tenant.get("/v1/payment-methods", customer=customer).data
    world.sandbox.post(f"payment_methods/{method['id']}/behaviour", decline=how)


def receivable(world: World, tenant: Tenant) -> int:
    import json

    entries = [json.loads(row["body"]["S"]) for row in world.rows_of("ledger", tenant.id)]
    return sum(p["amount"]["micros"] for e in entries for p in e["postings"] if p["account"] == "receivable")


def test_an_upgrade_that_was_not_paid_and_its_downgrade_leave_nobody_with_money(world: World, tenant: Tenant) -> None:
    _, subscription = seats(world, tenant)
    decline(world, tenant, subscription)
    upgraded = patch(tenant, subscription, quantities={"seats": 1000}, prorationBehavior="invoice_now")
    assert upgraded["state"] == "past_due"
    down = patch(tenant, subscription, quantities={"seats": 10}, prorationBehavior="invoice_now")
    upgrade = tenant.get(f"/v1/invoices/{upgraded['latestInvoiceId']}").data
    assert (upgrade["status"], upgrade["amountDue"], upgrade["amountPaid"]) == ("paid", 0, 0)
    assert (down["state"], down["unpaidInvoiceIds"], balance(tenant, subscription)) == ("active", [], 0)
    assert receivable(world, tenant) == 0


def test_a_pause_of_what_is_unpaid_takes_it_off_the_invoice_and_void_is_no_way_around(
    world: World, tenant: Tenant
) -> None:
    clock, subscription = seats(world, tenant)
    decline(world, tenant, subscription)
    advance(world, tenant, clock, "2025-07-01T00:00:00Z")
    unpaid = newest(tenant, subscription)
    assert (unpaid["status"], unpaid["amountDue"]) == ("open", 20_000_000)
    patch(tenant, subscription, paused=True, prorationBehavior="invoice_now")
    unpaid = tenant.get(f"/v1/invoices/{unpaid['id']}").data
    assert (unpaid["status"], unpaid["amountDue"], balance(tenant, subscription)) == ("paid", 0, 0)
    assert tenant.post(f"/v1/invoices/{unpaid['id']}/void").status == 409


def test_voiding_drops_the_credits_that_waited(world: World, tenant: Tenant) -> None:
    clock, subscription = seats(world, tenant)
    decline(world, tenant, subscription)
    advance(world, tenant, clock, "2025-07-01T00:00:00Z")
    unpaid = newest(tenant, subscription)
    patch(tenant, subscription, quantities={"seats": 1})
    assert tenant.post(f"/v1/invoices/{unpaid['id']}/void").status == 200
    tenant.post(f"/v1/subscriptions/{subscription}/cancel", {"prorationBehavior": "create_prorations"})
    assert balance(tenant, subscription) == 0


def test_what_a_credit_note_gave_back_no_end_gives_back_again(world: World, tenant: Tenant) -> None:
    _, subscription = seats(world, tenant)
    invoice = newest(tenant, subscription)
    assert tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": 20_000_000}).status == 201
    tenant.post(f"/v1/subscriptions/{subscription}/cancel", {"prorationBehavior": "create_prorations"})
    assert balance(tenant, subscription) == 20_000_000


@pytest.fixture
def german(world: World) -> Tenant:
    """A tenant whose tax the built-in table knows."""
    return world.tenant(taxProvider="builtin", currency="USD", address={"country": "DE", "city": "Berlin"})


def taxed(tenant: Tenant, **address: str) -> tuple[str, str, str]:
    """A customer at an address, its clock, and its paid subscription of 100.00 a month."""
    plan = flat(tenant, "hundred", 10000)
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2026-06-01T00:00:00Z"}).data["id"]
    customer = tenant.customer(testClockId=clock, address=address)
    made = tenant.subscribe(planId=plan, quantities={}, customerId=customer)
    assert made["state"] == "active", made
    return clock, customer, made["id"]


def test_a_credit_gives_back_the_tax_that_was_billed_wherever_the_customer_has_moved(german: Tenant) -> None:
    _, customer, subscription = taxed(german, country="US", state="DE")
    assert newest(german, subscription)["tax"] == 0
    german.patch(f"/v1/customers/{customer}", {"address": {"country": "HU"}})
    paused = patch(german, subscription, paused=True, prorationBehavior="invoice_now")
    credit = german.get(f"/v1/invoices/{paused['latestInvoiceId']}").data
    assert (credit["total"], credit["tax"]) == (-10_000_000, 0)
    assert balance(german, subscription) == 10_000_000


def test_a_customer_who_becomes_exempt_gets_the_tax_back_that_it_paid(german: Tenant) -> None:
    _, customer, subscription = taxed(german, country="FR")
    assert newest(german, subscription)["total"] == 12_000_000
    german.patch(f"/v1/customers/{customer}", {"taxExempt": "exempt"})
    german.post(f"/v1/subscriptions/{subscription}/cancel", {"prorationBehavior": "create_prorations"})
    assert newest(german, subscription)["total"] == -12_000_000
    assert balance(german, subscription) == 12_000_000


def test_without_an_address_the_invoice_waits_and_is_asked_about_every_day(world: World, german: Tenant) -> None:
    clock, customer, subscription = taxed(german, country="FR")
    german.patch(f"/v1/customers/{customer}", {"address": None})
    advance(world, german, clock, "2026-07-20T00:00:00Z")
    waiting = [each for each in german.get("/v1/invoices", subscription=subscription).data if each["taxWaits"]]
    assert [each["status"] for each in waiting] == ["draft"]
    german.patch(f"/v1/customers/{customer}", {"address": {"country": "FR"}})
    advance(world, german, clock, "2026-07-22T00:00:00Z")
    after = german.get(f"/v1/invoices/{waiting[0]['id']}").data
    assert (after["status"], after["total"], after["buyer"]["address"]["country"]) == ("paid", 12_000_000, "FR")


def test_a_year_is_not_given_back_by_a_daily_plan_from_its_first_day(world: World, tenant: Tenant) -> None:
    yearly, daily = flat(tenant, "yearly", 120000, interval="year"), flat(tenant, "daily", 100, interval="day")
    clock, subscription = subscribed(tenant, yearly, "2025-01-01T00:00:00Z")
    advance(world, tenant, clock, "2025-12-30T00:00:00Z")
    body = {"planId": daily, "prorationDate": "2025-01-01T00:00:00Z"}
    refused = tenant.patch(f"/v1/subscriptions/{subscription}", body)
    assert refused.bad_fields == {"prorationDate": "not_with_another_interval"}


def test_what_is_due_comes_before_an_end(world: World, tenant: Tenant) -> None:
    flat(tenant, "wall", 1000, interval="day")
    made = tenant.subscribe(planId="wall", quantities={}, customerId=tenant.customer())
    world.clock.advance(hours=25)
    for path, body in (("/cancel", {}), ("/cancel", {"atPeriodEnd": True})):
        refused = tenant.post(f"/v1/subscriptions/{made['id']}{path}", body)
        assert (refused.status, refused.error["code"]) == (409, "resource.conflict")
        assert refused.headers["Retry-After"]


@pytest.mark.parametrize("action", ["paused", "canceled"])
def test_dunning_is_not_escaped_by_a_pause(world: World, action: str) -> None:
    tenant = world.tenant(dunning={"scheduleDays": [2], "action": action})
    clock, subscription = seats(world, tenant)
    decline(world, tenant, subscription)
    advance(world, tenant, clock, "2025-07-01T00:00:00Z")
    patch(tenant, subscription, paused=True, prorationBehavior="none")
    advance(world, tenant, clock, "2025-07-03T00:00:00Z")
    after = tenant.get(f"/v1/subscriptions/{subscription}").data
    assert (after["state"], after["pausedBy"]) == (action, "dunning" if action == "paused" else after["pausedBy"])
    refused = tenant.post(f"/v1/subscriptions/{subscription}/resume")
    assert (refused.status, refused.error["code"]) == (409, "subscription.invalid_state")


def test_an_amount_that_no_card_can_pay_is_carried_and_ends_nothing(world: World, tenant: Tenant) -> None:
    plan = flat(tenant, "tiny", 20)
    clock, subscription = subscribed(tenant, plan, "2025-06-01T00:00:00Z")
    advance(world, tenant, clock, "2025-07-20T00:00:00Z")
    billed = tenant.get("/v1/invoices", subscription=subscription).data
    assert [(each["status"], each["amountDue"], each["attemptCount"]) for each in billed] == [("paid", 0, 0)] * 2
    assert balance(tenant, subscription) == -40_000  # it stayed open for ever before (issue 11, item 7)
    assert tenant.get(f"/v1/subscriptions/{subscription}").data["state"] == "active"


def test_an_early_start_has_the_trial_that_was_agreed(tenant: Tenant) -> None:
    flat(tenant, "later", 1000, trialDays=14)
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2025-06-01T00:00:00Z"}).data["id"]
    made: Json = tenant.subscribe(
        planId="later", quantities={}, customerId=tenant.customer(testClockId=clock), startDate="2035-06-01T00:00:00Z"
    )
    started = tenant.post(f"/v1/subscriptions/{made['id']}/resume").data
    assert (started["state"], started["trialEnd"]) == ("trialing", "2025-06-15T00:00:00Z")
    assert started["currentPeriod"] == {"start": "2025-06-01T00:00:00Z", "end": "2025-06-15T00:00:00Z"}


def test_invoice_now_alone_bills_what_waits(world: World, tenant: Tenant) -> None:
    _, subscription = seats(world, tenant)
    patch(tenant, subscription, quantities={"seats": 12})
    flushed: dict[str, Any] = patch(tenant, subscription, prorationBehavior="invoice_now")
    assert flushed["pendingLineCount"] == 0
    assert newest(tenant, subscription)["total"] == 1_000_000
