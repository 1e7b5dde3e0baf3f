"""Issue 17, item 1: a customer's external id is one customer's, and finds it."""

import json
from typing import Any

import pytest

from billing.bootstrap import storage
from tests.integration.customers.test_15_erasure import erase, opened
from tests.integration.world import Json, Tenant, World


def test_17_a_customer_is_found_by_the_id_that_its_tenant_gave_it(tenant: Tenant) -> None:
    first = tenant.customer(externalId="crm/4711 ä")
    tenant.customer(externalId="crm/4712")
    tenant.customer()
    (found,) = tenant.get("/v1/customers", externalId="crm/4711 ä").data
    assert (found["id"], found["externalId"]) == (first, "crm/4711 ä")
    assert tenant.get("/v1/customers", externalId="crm/4713").data == []
    assert tenant.get("/v1/customers", externalId="crm/4711 ä", currency="EUR").data == []
    assert tenant.get("/v1/customers", externalId="crm/4711 ä", email="nobody@example.com").data == []
    assert [each["id"] for each in tenant.get("/v1/customers", externalId="crm/4711 ä", email="ZOE@example.com").data]


def told(world: World, tenant: Tenant, kind: str) -> Json:
    """What the one event of a type says."""
    from billing.storage.webhooks.events import opened as event_of

    events = (event_of(row, storage.vault()) for row in world.rows_of("events", tenant.id))
    (event,) = (each for each in events if each.head.type == kind)
    return {"object": event.object, "changed": list(event.changed or ())}


def test_17_it_is_in_the_events(world: World, tenant: Tenant) -> None:
    customer = tenant.customer(externalId="a")
    tenant.patch(f"/v1/customers/{customer}", {"externalId": "b"})
    made, changed = (told(world, tenant, kind) for kind in ("customer.created", "customer.updated"))
    assert made["object"]["externalId"] == "a"
    assert changed["object"]["externalId"] == "b"
    assert changed["changed"] == ["externalId"]


def test_17_a_second_customer_with_it_is_refused_by_name_and_not_made(tenant: Tenant, world: World) -> None:
    tenant.customer(externalId="one")
    before = len(tenant.get("/v1/customers").data)
    answer = tenant.post("/v1/customers", {"name": "Twin", "externalId": "one"})
    assert (answer.status, answer.json["error"]["code"]) == (409, "resource.already_exists")
    assert answer.json["error"]["details"] == [{"field": "externalId", "reason": "already_exists"}]
    assert len(tenant.get("/v1/customers").data) == before
    other = world.tenant()
    assert other.customer(externalId="one")  # it is another tenant's to give


def test_17_it_may_be_changed_and_cleared_and_is_free_then(tenant: Tenant) -> None:
    first, second = tenant.customer(externalId="x"), tenant.customer(externalId="y")
    path = f"/v1/customers/{first}"
    assert tenant.patch(path, {"externalId": "y"}).status == 409
    assert tenant.patch(path, {"name": "Other"}).data["externalId"] == "x"  # what is not named stays
    assert tenant.patch(path, {"externalId": "x"}).data["externalId"] == "x"
    assert tenant.patch(path, {"externalId": "z"}).data["externalId"] == "z"
    assert tenant.patch(f"/v1/customers/{second}", {"externalId": "x"}).data["externalId"] == "x"
    assert tenant.patch(path, {"externalId": None}).data["externalId"] is None
    assert tenant.get("/v1/customers", externalId="z").data == []
    assert tenant.customer(externalId="z")


def test_17_the_same_request_twice_makes_one_customer(tenant: Tenant) -> None:
    body = {"name": "Ada", "externalId": "twice"}
    made = [tenant.post("/v1/customers", body, idempotency_key="k-twice") for _ in range(2)]
    assert [each.status for each in made] == [201, 201]
    assert made[0].content == made[1].content


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("", "too_short"),
        ("x" * 201, "too_long"),
        (" a", "invalid_format"),
        ("a\n", "invalid_format"),
        ("a\x7fb", "invalid_format"),
        (17, "must_be_a_string"),
    ],
)
def test_17_what_cannot_be_one_is_named_with_every_other_bad_field(tenant: Tenant, given: Any, reason: str) -> None:
    answer = tenant.post("/v1/customers", {"name": "A", "email": "no", "externalId": given})
    assert answer.status == 400
    named = {each["field"]: each["reason"] for each in answer.json["error"]["details"]}
    assert set(named) == {"email", "externalId"}
    assert named["externalId"] == reason


def test_17_two_hundred_characters_are_kept(tenant: Tenant) -> None:
    longest = "ä" * 200
    customer = tenant.customer(externalId=longest)
    assert [each["id"] for each in tenant.get("/v1/customers", externalId=longest).data] == [customer]


def test_17_an_erased_customer_leaves_it_behind_and_others_may_have_it(world: World, tenant: Tenant) -> None:
    """Of the text nothing is left, of its subscriptions' neither; the claim's own id does not say it."""
    customer = tenant.customer(externalId="crm-Hagebutte")
    subscription = tenant.subscribe(customerId=customer, externalId="abo-Hagebutte")
    tenant.post(f"/v1/subscriptions/{subscription['id']}/cancel", {"atPeriodEnd": False})
    world.deliver_all(tenant)
    assert "Hagebutte" in opened(world, tenant)
    assert erase(world, tenant, customer)["externalId"] is None
    assert tenant.get(f"/v1/subscriptions/{subscription['id']}").data["externalId"] is None
    assert "Hagebutte" not in opened(world, tenant)
    assert tenant.customer(externalId="crm-Hagebutte") != customer
    rows = (row for row in world.rows_of("sequences", tenant.id) if not row["id"]["S"].startswith("number#"))
    claims = [json.dumps(each) for each in rows if "#" in each["id"]["S"]]
    assert sorted("cus_" in each for each in claims) == [False, True]
