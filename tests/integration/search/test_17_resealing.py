"""Issue 17, item 5: the index of search is made anew with the data keys, and made for what is from before it."""

from dataclasses import replace
from typing import Any

import pytest

from billing.bootstrap import resealing as bootstrap
from billing.bootstrap import storage
from billing.storage.resealing import Resealing
from tests.integration.access.test_15_data_keys import rotate
from tests.integration.search.test_17_search import found, rows
from tests.integration.world import Json, Tenant, World


@pytest.fixture
def job(world: World) -> Resealing:
    return replace(bootstrap.resealing(0.0), pause=world.clock.sleep)


def _hits(tenant: Tenant, *texts: str) -> list[list[str]]:
    return [[each[1] for each in found(tenant, text)] for text in texts]


def _keys(world: World, tenant: Tenant, customer: str) -> set[str]:
    return {each["term_key"]["S"] for each in rows(world, tenant, customer) if "expires_at" not in each}


def test_17_names_are_found_at_every_moment_of_a_new_index_and_nothing_stays_under_the_old_key(
    world: World, tenant: Tenant, job: Resealing, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, grace = tenant.customer(name="Ada Lovelace"), tenant.customer(name="Grace Hopper")
    old = _keys(world, tenant, ada) | _keys(world, tenant, grace)
    rotate(tenant)
    looked: list[int] = []
    plain = Resealing._put_terms

    def looking(self: Resealing, *arguments: Any) -> bool:
        done = plain(self, *arguments)
        assert _hits(tenant, "lovel", "hopper") == [[ada], [grace]]
        looked.append(1)
        return done

    monkeypatch.setattr(Resealing, "_put_terms", looking)
    job.index_anew(tenant.id)
    assert len(looked) >= 4  # and the tenant's own
    assert _hits(tenant, "lovel", "hopper") == [[ada], [grace]]
    new = _keys(world, tenant, ada) | _keys(world, tenant, grace)
    assert not old & {each["term_key"]["S"] for each in world.rows("search")}
    assert len(new) == len(old)
    assert job.index_anew(tenant.id) == 0


def test_17_who_is_renamed_while_the_index_is_made_anew_is_found_and_the_old_name_forgotten(
    world: World, tenant: Tenant, job: Resealing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer is between the job's reading and its writing, under the new key and again under the old one."""
    customer = tenant.customer(name="Ada Lovelace")
    rotate(tenant)
    names = iter(["Ada Byron", "Ada Noel"])
    plain = Resealing._put_terms

    def overtaken(self: Resealing, tenant_id: str, item: Json, number: int, gone: bool) -> bool:
        if item["id"] == {"S": customer} and (name := next(names, None)):
            assert tenant.patch(f"/v1/customers/{customer}", {"name": name}).status == 200
        return plain(self, tenant_id, item, number, gone)

    with monkeypatch.context() as patch:
        patch.setattr(Resealing, "_put_terms", overtaken)
        job.index_anew(tenant.id)
    assert _hits(tenant, "noel", "ada", "byron", "lovelace") == [[customer], [customer], [], []]
    assert next(names, None) is None
    assert len(_keys(world, tenant, customer)) == len({"ada", "noe", "noel", "@example.com"})


def test_17_what_is_from_before_is_found_after_the_job(world: World, tenant: Tenant, job: Resealing) -> None:
    """Items as an earlier release left them: no terms, no attribute of a credit note's number, of Stripe's id."""
    customer = tenant.customer(name="Ada Lovelace")
    tenant.subscribe(customerId=customer)
    invoice, payment = tenant.only_invoice(customer=customer), tenant.only_payment(customer=customer)
    note = tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": 1_000_000, "reason": "a"}).data
    (stripe_id,) = world.stripe_customers(tenant)
    client = storage.database().client
    for row in rows(world, tenant, customer):
        client.delete_item(TableName=world.tables["search"], Key=row)
    for table, entity_id, names in (
        ("customers", customer, "stripe_key"),
        ("credit_notes", note["id"], "number_key"),
        ("payments", payment["id"], "method_id, subscription_id"),
    ):
        key = {"tenant_id": {"S": tenant.id}, "id": {"S": entity_id}}
        client.update_item(TableName=world.tables[table], Key=key, UpdateExpression=f"REMOVE {names}")
    texts = ("lovelace", "example.com", note["number"], stripe_id)
    assert _hits(tenant, *texts) == [[], [], [], []]
    assert tenant.get("/v1/payments", method=payment["paymentMethodId"]).data == []
    version = tenant.get(f"/v1/customers/{customer}").data["version"]
    assert job.complete(tenant.id) == 3
    assert _hits(tenant, *texts) == [[customer], [customer], [note["id"]], [customer]]
    assert len(tenant.get("/v1/payments", method=payment["paymentMethodId"]).data) == 1
    assert tenant.get(f"/v1/customers/{customer}").data["version"] == version
    assert job.complete(tenant.id) == 0


def test_17_an_erased_customer_gets_no_terms_again(world: World, tenant: Tenant, job: Resealing) -> None:
    customer = tenant.customer(name="Ada Lovelace")
    assert tenant.delete(f"/v1/customers/{customer}").status == 202
    job.complete(tenant.id)
    assert _keys(world, tenant, customer) == set()
