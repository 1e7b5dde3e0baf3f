"""Where two things happen to one sum of money: past due, events, plans for nothing, what cannot be put off."""

import pytest

from tests.integration.steps import advance, behave, books, emitted, event_types, invoices_of, pay, subscription_of
from tests.integration.world import Json, Tenant, World


def without_dunning(world: World, tenant: Tenant) -> None:
    """Nothing is tried again, and what is unpaid stays so."""
    settings = {"dunning": {"scheduleDays": [], "action": "left"}}
    assert tenant.patch(f"/v1/tenants/{tenant.id}", settings).status == 200
    world.clock.advance(seconds=61)  # settings are cached for a minute


# Past due


def test_past_due_lasts_until_the_last_unpaid_invoice_is_paid(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    without_dunning(world, tenant)
    made = tenant.subscribe(customerId=customer)
    behave(world, made["paymentMethodId"], "insufficient_funds")
    advance(world, tenant, clock, "2027-02-28T09:00:00Z")
    assert subscription_of(tenant, made)["state"] == "past_due"
    behave(world, made["paymentMethodId"], None)
    advance(world, tenant, clock, "2027-03-31T09:00:00Z")
    _, unpaid, latest = invoices_of(tenant, made)
    assert (unpaid["status"], latest["status"]) == ("open", "paid")
    assert subscription_of(tenant, made)["state"] == "past_due"
    assert pay(tenant, unpaid).data["status"] == "paid"
    assert subscription_of(tenant, made)["state"] == "active"
    assert books(world, tenant)["receivable"] == 0
    types = event_types(world, tenant)
    assert types.count("subscription.past_due") == 1


def test_of_two_unpaid_invoices_either_may_be_paid_first(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    without_dunning(world, tenant)
    made = tenant.subscribe(customerId=customer)
    behave(world, made["paymentMethodId"], "insufficient_funds")
    advance(world, tenant, clock, "2027-03-31T09:00:00Z")
    behave(world, made["paymentMethodId"], None)
    _, first, second = invoices_of(tenant, made)
    assert pay(tenant, second).data["status"] == "paid"
    assert subscription_of(tenant, made)["state"] == "past_due"
    assert pay(tenant, first).data["status"] == "paid"
    assert subscription_of(tenant, made)["state"] == "active"


# Events


def test_the_events_of_a_unit_sort_as_they_were_emitted_each_with_its_own_version(world: World, tenant: Tenant) -> None:
    tenant.subscribe()
    story = [(name, thing["version"]) for name, thing in emitted(world, tenant) if name.startswith("invoice.")]
    assert [name for name, _ in story] == ["invoice.created", "invoice.finalized", "invoice.paid"]
    versions = [version for _, version in story]
    assert versions == sorted(set(versions))
    assert [thing["status"] for name, thing in emitted(world, tenant) if name.startswith("invoice.")] == [
        "draft",
        "open",
        "paid",
    ]
    assert versions[-1] == tenant.only_invoice()["version"]


def test_a_thing_never_has_one_version_with_two_contents(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    """Over a renewal, a decline, a new card and a cancellation: who reads by version never reads backwards."""
    made = tenant.subscribe(customerId=customer)
    behave(world, made["paymentMethodId"], "insufficient_funds")
    advance(world, tenant, clock, "2027-02-28T09:00:00Z")
    pay(tenant, invoices_of(tenant, made)[-1], "pm_card_mastercard")
    tenant.post(f"/v1/subscriptions/{made['id']}/cancel")
    seen: dict[str, list[Json]] = {}
    for _, thing in emitted(world, tenant):
        seen.setdefault(thing["id"], []).append(thing)
    assert len(seen) >= 6
    for states in seen.values():
        versions = [state["version"] for state in states]
        assert versions == sorted(versions), versions
        by_version: dict[int, Json] = {}
        for state in states:
            assert by_version.setdefault(state["version"], state) == state
    final = subscription_of(tenant, made)
    assert seen[made["id"]][-1]["version"] == final["version"]


FREE: list[Json] = [{"key": "base", "type": "flat", "unitAmount": 0}]


# For nothing


@pytest.mark.parametrize("method", ["pm_card_visa", None])
def test_a_free_plan_is_paid_at_once_and_nothing_is_charged(world: World, tenant: Tenant, method: str | None) -> None:
    tenant.plan(id="free", components=FREE)
    made = tenant.subscribe(method, planId="free", quantities={})
    assert made["state"] == "active"
    invoice = tenant.only_invoice()
    assert (invoice["status"], invoice["total"], invoice["amountDue"]) == ("paid", 0, 0)
    assert (invoice["number"], invoice["attemptCount"]) == ("ACME-000001", 0)
    assert invoice["paidAt"] == invoice["finalizedAt"]
    assert event_types(world, tenant).count("invoice.paid") == 1
    assert tenant.get("/v1/payments").data == world.intents(tenant) == world.rows_of("ledger", tenant.id) == []
    assert pay(tenant, invoice, "pm_card_visa").status == 409
    (row,) = world.rows_of("subscriptions", tenant.id)
    assert row["due_at"]["S"][:19] == made["currentPeriod"]["end"][:19]


def test_a_free_plan_renews_for_nothing(world: World, tenant: Tenant, clock: str, customer: str) -> None:
    tenant.plan(id="free", components=FREE)
    made = tenant.subscribe(None, planId="free", quantities={}, customerId=customer)
    advance(world, tenant, clock, "2027-02-28T09:00:00Z")
    assert [invoice["status"] for invoice in invoices_of(tenant, made)] == ["paid", "paid"]
    assert subscription_of(tenant, made)["state"] == "active"
    assert event_types(world, tenant).count("invoice.paid") == 2
    assert world.intents(tenant) == []


# What cannot even be put off


def test_an_item_that_cannot_even_be_put_off_does_not_stop_the_others(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    """Its row cannot be read, so it can neither be worked nor postponed: it stays due, and time goes on."""
    bad = tenant.subscribe(customerId=customer)
    advance(world, tenant, clock, "2027-01-31T10:00:00Z")
    good = tenant.subscribe(customerId=customer)
    (row,) = [row for row in world.rows_of("subscriptions", tenant.id) if row["id"]["S"] == bad["id"]]
    broken = row | {"body": {"S": "{"}}
    world.aws("dynamodb").put_item(TableName=world.tables["subscriptions"], Item=broken)
    world.logs.clear()
    advance(world, tenant, clock, "2027-02-28T10:00:00Z")
    assert [invoice["status"] for invoice in invoices_of(tenant, good)] == ["paid", "paid"]
    assert len(invoices_of(tenant, bad)) == 1
    critical = [line for line in world.logs.lines if line["level"] == "CRITICAL"]
    assert [(line["message"], line["item_id"]) for line in critical] == [("due item cannot be put off", bad["id"])]
    # Mended, it is billed late, for the period that it is about.
    world.aws("dynamodb").put_item(TableName=world.tables["subscriptions"], Item=row)
    advance(world, tenant, clock, "2027-02-28T11:00:00Z")
    assert [invoice["status"] for invoice in invoices_of(tenant, bad)] == ["paid", "paid"]
