"""Issue 17, item 1: a subscription's external id is one's that runs, and finds it."""

from tests.integration.world import Tenant, World

PLAN = {"planId": "business-monthly", "quantities": {"seats": 1}}


def test_17_a_subscription_is_found_by_the_id_that_its_tenant_gave_it(tenant: Tenant) -> None:
    made = tenant.subscribe(externalId="workspace-1")
    tenant.subscribe(externalId="workspace-2")
    assert made["externalId"] == "workspace-1"
    for path in ("/v1/subscriptions", f"/v1/tenants/{tenant.id}/subscriptions"):
        assert [each["id"] for each in tenant.get(path, externalId="workspace-1").data] == [made["id"]]
        assert tenant.get(path, externalId="workspace-1", state="paused").data == []
        assert tenant.get(path, externalId="workspace-3").data == []


def test_17_a_customer_may_have_the_same_one(tenant: Tenant) -> None:
    customer = tenant.customer(externalId="42")
    assert tenant.subscribe(externalId="42", customerId=customer)["externalId"] == "42"


def test_17_a_second_one_that_runs_is_refused_and_nothing_is_charged(tenant: Tenant, world: World) -> None:
    tenant.subscribe(externalId="one")
    charged = len(world.charges(tenant))
    answer = tenant.post("/v1/subscriptions", {**PLAN, "externalId": "one", "paymentMethodId": "pm_card_visa"})
    assert (answer.status, answer.json["error"]["details"]) == (
        409,
        [{"field": "externalId", "reason": "already_exists"}],
    )
    assert len(world.charges(tenant)) == charged
    assert len(tenant.get("/v1/subscriptions").data) == 1


def test_17_a_new_one_takes_it_over_from_one_that_was_canceled(tenant: Tenant) -> None:
    """A workspace that was canceled subscribes again, under the name that it always had."""
    first = tenant.subscribe(externalId="ws")
    tenant.post(f"/v1/subscriptions/{first['id']}/cancel", {"atPeriodEnd": False})
    assert [each["id"] for each in tenant.get("/v1/subscriptions", externalId="ws").data] == [first["id"]]
    second = tenant.subscribe(externalId="ws")
    assert [each["id"] for each in tenant.get("/v1/subscriptions", externalId="ws").data] == [second["id"]]
    assert tenant.get(f"/v1/subscriptions/{first['id']}").data["externalId"] == "ws"  # what it was then


def test_17_it_may_be_changed_and_cleared_without_a_bill(tenant: Tenant) -> None:
    made, other = tenant.subscribe(externalId="a"), tenant.subscribe()
    path = f"/v1/subscriptions/{made['id']}"
    before = len(tenant.get("/v1/invoices").data)
    assert tenant.patch(f"/v1/subscriptions/{other['id']}", {"externalId": "a"}).status == 409
    assert tenant.patch(path, {"metadata": {"x": "y"}}).data["externalId"] == "a"
    assert tenant.patch(path, {"externalId": "b"}).data["externalId"] == "b"
    assert tenant.patch(f"/v1/subscriptions/{other['id']}", {"externalId": "a"}).data["externalId"] == "a"
    assert tenant.patch(path, {"externalId": None}).data["externalId"] is None
    assert tenant.patch(f"/v1/subscriptions/{other['id']}", {"externalId": "b"}).data["externalId"] == "b"
    assert len(tenant.get("/v1/invoices").data) == before
    assert tenant.patch(path, {"externalId": ""}).status == 400
