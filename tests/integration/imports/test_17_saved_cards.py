"""Issue 17, number 7: saved cards come along where the account's owner says at Stripe whose customer it is."""

from datetime import UTC, timedelta
from typing import Any

import pytest

from tests.integration.imports.test_17_stripe import bill, taken, text_of, verdicts, worked
from tests.integration.reports.runs import work
from tests.integration.webhooks.cuts import MODES, cut, every_cut
from tests.integration.world import Json, Tenant, World
from tests.support import stripe_account as stripe

PROOF = "ledgerline_tenant"


def at_stripe(world: World, metadata: Json, *cards: str, default: int | None = 0) -> Json:
    """A customer of the account's own at Stripe, with cards."""
    v1 = world.stripe.v1
    made = v1.customers.create({"metadata": metadata, "email": "ada@example.com", "name": "Ada"})
    saved = [v1.payment_methods.attach(each, {"customer": made.id}).id for each in cards]
    if saved and default is not None:
        made = v1.customers.update(made.id, {"invoice_settings": {"default_payment_method": saved[default]}})
    found: Json = made.to_dict()
    return found | {"cards": saved}


def account(world: World, *customers: Json, **fields: Any) -> list[Json]:
    """Those customers, each with three seats at 5.00 a month that are billed for another ten days."""
    end = world.clock().astimezone(UTC).replace(microsecond=0) + timedelta(days=10)
    seats = stripe.price("price_Seats", 500, "day", 30)
    made: list[Json] = []
    for each in customers:
        start = end - timedelta(days=30)
        source_id = each["id"].replace("cus_", "sub_")
        made.append({name: value for name, value in each.items() if name != "cards"})
        made.append(stripe.subscription(source_id, each["id"], [stripe.item(seats, 3)], start, end, **fields))
    return made


def imported(world: World, tenant: Tenant, made: list[Json]) -> Json:
    run = worked(world, tenant, {"source": "stripe", "data": text_of(made), "savedCards": True})
    return worked(world, tenant, {"dryRun": False, "dryRunId": run["id"]})


def ours(tenant: Tenant, source_id: str) -> Json:
    (found,) = tenant.get("/v1/customers", externalId=source_id).data
    return dict(found)


def cards_of(tenant: Tenant, customer_id: str) -> set[str]:
    return {each["id"] for each in tenant.get("/v1/payment-methods", customer=customer_id).data}


def note(tenant: Tenant, run: Json, source_id: str) -> str:
    return str(verdicts(tenant, run)[source_id]["note"])


def test_17_the_first_invoice_is_charged_to_the_card_that_came_along_once(world: World, tenant: Tenant) -> None:
    there = at_stripe(world, {PROOF: tenant.id}, "pm_card_mastercard", "pm_card_visa", default=1)
    made = account(world, there)
    dry = worked(world, tenant, {"source": "stripe", "data": text_of(made), "savedCards": True})
    assert dry["customersWithCards"] == 1
    assert world.stripe.v1.customers.retrieve(there["id"]).metadata.to_dict() == {PROOF: tenant.id}
    run = worked(world, tenant, {"dryRun": False, "dryRunId": dry["id"]})
    assert (run["customersWithCards"], run["savedCards"], run["before"]) == (1, True, run["after"])
    customer = ours(tenant, there["id"])
    assert customer["defaultPaymentMethodId"] == there["cards"][1]
    assert cards_of(tenant, customer["id"]) == set(there["cards"])
    assert tenant.get("/v1/invoices").data == []
    world.clock.advance(days=10, seconds=1)
    for _ in range(3):
        bill(world)
    (invoice,) = tenant.get("/v1/invoices").data
    assert (invoice["status"], invoice["amountPaid"]) == ("paid", 1_500_000)
    (intent,) = world.stripe.v1.payment_intents.list({"customer": there["id"]}).data
    assert (intent.amount, intent.payment_method, intent.status) == (1500, there["cards"][1], "succeeded")


def test_17_a_subscription_with_a_card_of_its_own_is_charged_to_that(world: World, tenant: Tenant) -> None:
    there = at_stripe(world, {PROOF: tenant.id}, "pm_card_visa", "pm_card_mastercard")
    imported(world, tenant, account(world, there, default_payment_method=there["cards"][1]))
    world.clock.advance(days=10, seconds=1)
    bill(world)
    (intent,) = world.stripe.v1.payment_intents.list({"customer": there["id"]}).data
    assert intent.payment_method == there["cards"][1]


def test_17_of_cards_of_which_stripe_has_no_default_the_newest_is_it(world: World, tenant: Tenant) -> None:
    there = at_stripe(world, {PROOF: tenant.id}, "pm_card_visa", "pm_card_mastercard", default=None)
    assert imported(world, tenant, account(world, there))["customersWithCards"] == 1
    newest = world.stripe.v1.customers.payment_methods.list(there["id"]).data[0].id
    assert ours(tenant, there["id"])["defaultPaymentMethodId"] == newest


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({}, PROOF),
        ({PROOF: "ten_somebody"}, PROOF),
        ({"tenant_id": "TENANT"}, PROOF),
        (
            {PROOF: "TENANT", "tenant_id": "ten_somebody", "customer_id": "cus_theirs"},
            "another tenant_id or customer_id",
        ),
        ({PROOF: "TENANT", "tenant_id": "TENANT", "customer_id": "cus_another"}, "another tenant_id or customer_id"),
    ],
)
def test_17_without_the_owners_word_no_card_comes_along_and_nothing_is_written_there(
    world: World, tenant: Tenant, metadata: Json, says: str
) -> None:
    metadata = {name: tenant.id if value == "TENANT" else value for name, value in metadata.items()}
    there = at_stripe(world, metadata, "pm_card_visa")
    before = world.stripe.v1.customers.retrieve(there["id"]).to_dict()
    run = imported(world, tenant, account(world, there))
    assert (run["customersWithCards"], run["verdicts"]["created"]) == (0, 3)
    assert says in note(tenant, run, there["id"])
    assert cards_of(tenant, ours(tenant, there["id"])["id"]) == set()
    assert world.stripe.v1.customers.retrieve(there["id"]).to_dict() == before


def test_17_a_customer_that_another_tenant_has_is_never_anybody_elses(world: World, tenant: Tenant) -> None:
    """Also where the owner changes the proof afterwards: the first one goes on charging it."""
    other = world.tenant()
    there = at_stripe(world, {PROOF: tenant.id}, "pm_card_visa")
    made = account(world, there)
    assert imported(world, tenant, made)["customersWithCards"] == 1
    world.stripe.v1.customers.update(there["id"], {"metadata": {PROOF: other.id}})
    run = imported(world, other, made)
    assert run["customersWithCards"] == 0
    assert "another tenant_id" in note(other, run, there["id"])


def test_17_what_our_product_made_for_another_customer_is_refused(world: World, tenant: Tenant) -> None:
    """Also with the owner's word: it would be charged for two."""
    first = tenant.customer(name="Grace")
    tenant.subscribe(customerId=first)
    (stripe_id,) = world.stripe_customers(tenant)
    world.stripe.v1.customers.update(stripe_id, {"metadata": {PROOF: tenant.id}})
    there = world.stripe.v1.customers.retrieve(stripe_id).to_dict()
    run = imported(world, tenant, account(world, there))
    assert run["customersWithCards"] == 0
    assert "another tenant_id or customer_id" in note(tenant, run, stripe_id)


def test_17_the_proof_may_come_later_and_the_import_is_done_again(world: World, tenant: Tenant) -> None:
    there = at_stripe(world, {}, "pm_card_visa")
    made = account(world, there)
    assert imported(world, tenant, made)["customersWithCards"] == 0
    world.stripe.v1.customers.update(there["id"], {"metadata": {PROOF: tenant.id}})
    again = imported(world, tenant, made)
    assert (again["customersWithCards"], again["verdicts"]["created"], again["verdicts"]["exists"]) == (1, 0, 3)
    assert ours(tenant, there["id"])["defaultPaymentMethodId"] == there["cards"][0]


def test_17_one_that_has_saved_a_card_here_meanwhile_keeps_that(world: World, tenant: Tenant) -> None:
    there = at_stripe(world, {}, "pm_card_visa")
    made = account(world, there)
    taken(world, tenant, made)
    customer = ours(tenant, there["id"])
    method = tenant.subscribe("pm_card_mastercard", customerId=customer["id"])["paymentMethodId"]
    world.stripe.v1.customers.update(there["id"], {"metadata": {PROOF: tenant.id}})
    again = imported(world, tenant, made)
    assert again["customersWithCards"] == 0
    assert cards_of(tenant, customer["id"]) == {method}


def test_17_one_that_stripe_does_not_have_any_more_or_without_a_card_comes_without(
    world: World, tenant: Tenant
) -> None:
    deleted, bare = at_stripe(world, {PROOF: tenant.id}, "pm_card_visa"), at_stripe(world, {PROOF: tenant.id})
    world.stripe.v1.customers.delete(deleted["id"])
    unknown = stripe.customer("cus_ofAnotherAccount")
    run = imported(world, tenant, account(world, deleted, bare, unknown))
    assert (run["customersWithCards"], run["verdicts"]["created"]) == (0, 1 + 2 * 3)
    assert "no such customer" in note(tenant, run, deleted["id"])
    assert "no such customer" in note(tenant, run, unknown["id"])
    assert "no card" in note(tenant, run, bare["id"])


def test_17_cards_are_only_looked_for_where_they_are_asked_for(world: World, tenant: Tenant) -> None:
    there = at_stripe(world, {PROOF: tenant.id}, "pm_card_visa")
    run = taken(world, tenant, account(world, there))
    assert (run["customersWithCards"], run["savedCards"]) == (0, False)
    assert note(tenant, run, there["id"]) == "None"
    wrong = tenant.post("/v1/imports", {"source": "ledgerline", "data": "{}", "savedCards": True})
    assert wrong.bad_fields == {"savedCards": "only_from_stripe"}


@pytest.mark.parametrize("mode", MODES)
def test_17_cut_off_at_any_call_the_cards_come_along_all_the_same(world: World, mode: str, monkeypatch: Any) -> None:
    from billing.bootstrap import storage

    monkeypatch.setattr(storage.database(), "_pause", lambda _: None)

    def once(n: int) -> list[str]:
        tenant = world.tenant()
        there = at_stripe(world, {PROOF: tenant.id}, "pm_card_visa", "pm_card_mastercard")
        made = account(world, there)
        dry = worked(world, tenant, {"source": "stripe", "data": text_of(made), "savedCards": True})
        asked = tenant.post("/v1/imports", {"dryRun": False, "dryRunId": dry["id"]}).data["id"]
        world.clock.advance(seconds=1)
        with cut(mode, n) as calls:
            work(world, asked)
        for _ in range(20):
            run = tenant.get(f"/v1/imports/{asked}").data
            if run["state"] == "done":
                break
            world.clock.advance(seconds=40)
            work(world, asked)
        assert (run["customersWithCards"], run["verdicts"]["created"]) == (1, 3), (mode, n, calls)
        assert cards_of(tenant, ours(tenant, there["id"])["id"]) == set(there["cards"]), (mode, n, calls)
        return calls

    assert every_cut(mode, once) >= 10


def test_17_while_stripe_is_ill_the_import_waits_and_loses_nothing(world: World, tenant: Tenant) -> None:
    there = at_stripe(world, {PROOF: tenant.id}, "pm_card_visa")
    made = account(world, there)
    dry = worked(world, tenant, {"source": "stripe", "data": text_of(made), "savedCards": True})
    asked = tenant.post("/v1/imports", {"dryRun": False, "dryRunId": dry["id"]}).data["id"]
    world.clock.advance(seconds=1)
    world.stripe_fails("drop_before", f"^/v1/customers/{there['id']}$")
    work(world, asked)
    assert tenant.get(f"/v1/imports/{asked}").data["state"] == "running"
    world.stripe_works()
    world.clock.advance(seconds=40)
    work(world, asked)
    run = tenant.get(f"/v1/imports/{asked}").data
    assert (run["state"], run["customersWithCards"], run["verdicts"]["created"]) == ("done", 1, 3)


def test_17_where_the_owner_takes_its_word_back_meanwhile_nobody_gets_the_cards(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the note; of two tenants that are named one after the other, at most one ever charges it."""
    from billing.bootstrap import payments

    other = world.tenant()
    there = at_stripe(world, {PROOF: tenant.id}, "pm_card_visa")
    made = account(world, there)
    gateway = payments.stripe_gateway()
    plain = gateway.claim_customer

    def late(stripe_id: str, references: Any) -> Any:
        world.stripe.v1.customers.update(stripe_id, {"metadata": {PROOF: other.id}})
        return plain(stripe_id, references)

    with monkeypatch.context() as patch:
        patch.setattr(gateway, "claim_customer", late)
        assert imported(world, tenant, made)["customersWithCards"] == 0
    assert cards_of(tenant, ours(tenant, there["id"])["id"]) == set()
    assert imported(world, other, made)["customersWithCards"] == 0


def test_17_a_webhook_that_comes_before_the_commit_takes_no_card_away(world: World, tenant: Tenant) -> None:
    """A step that is cut off behind its note at Stripe leaves this: Stripe's events are this customer's by then."""
    there = at_stripe(world, {PROOF: tenant.id}, "pm_card_visa", "pm_card_mastercard")
    made = account(world, there)
    taken(world, tenant, made)
    customer = ours(tenant, there["id"])["id"]
    noted = {"tenant_id": tenant.id, "customer_id": customer}
    world.stripe.v1.customers.update(there["id"], {"metadata": noted})
    world.stripe.v1.payment_methods.update(there["cards"][1], {"metadata": {"seen": "1"}})
    (event,) = [
        each
        for each in world.stripe.v1.events.list({"type": "payment_method.updated", "limit": 100}).data
        if each.data.object["id"] == there["cards"][1]
    ]
    world.deliver(str(event))
    assert cards_of(tenant, customer) == {there["cards"][1]}
    assert imported(world, tenant, made)["customersWithCards"] == 1
    assert cards_of(tenant, customer) == set(there["cards"])
