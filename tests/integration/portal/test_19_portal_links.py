"""Issue 19, item 1: links into the portal, and the tenant's settings of it."""

import pytest

from billing.bootstrap import storage
from billing.domain.portal import PortalLink, link_id
from billing.services.kernel.work import Ref
from tests.integration.world import Json, Tenant, World

DEFAULTS = ["invoices", "paymentMethods", "cancel", "details", "usage"]


@pytest.fixture(scope="module")
def tenant(world: World) -> Tenant:
    return world.tenant()


def key_with(tenant: Tenant, *scopes: str) -> Tenant:
    """The tenant as one of its keys sees it that has only these scopes."""
    made = tenant.post("/v1/api-keys", {"name": "narrow", "scope": "write", "scopes": list(scopes)})
    return Tenant(tenant.world, tenant.id, made.data["key"], tenant.data)


def test_a_link_is_of_one_customer_and_for_a_quarter_of_an_hour(world: World, tenant: Tenant) -> None:
    world.clock.reset()
    customer = tenant.customer()
    made = tenant.post("/v1/portal-sessions", {"customerId": customer, "returnUrl": "https://app.example/me"})
    assert made.status == 201
    assert made.data["customerId"] == customer
    assert made.data["url"].startswith(f"https://billing.example/portal/enter?token={tenant.id}.")
    secret = made.data["url"].rpartition(".")[2]
    assert len(secret) == 43  # 256 bits
    assert made.data["id"] == link_id(secret)
    link = storage.units().begin(tenant.id).load(Ref(PortalLink, tenant.id, link_id(secret)))
    found = link.require(Ref(PortalLink, tenant.id, link_id(secret)))
    assert (found.expires_at - found.created_at).total_seconds() == 900
    assert found.return_url == "https://app.example/me"
    assert not any(secret in str(item) for item in world.items), "only a hash of the secret is kept"


def test_the_same_request_again_shows_the_link_again_to_the_same_key(tenant: Tenant) -> None:
    body = {"customerId": tenant.customer()}
    first = tenant.post("/v1/portal-sessions", body, idempotency_key="portal-once")
    again = tenant.post("/v1/portal-sessions", body, idempotency_key="portal-once")
    assert (again.status, again.data["url"]) == (201, first.data["url"])
    other = key_with(tenant, "billing:read", "billing:write", "subscriptions:manage", "payments:process")
    assert other.post("/v1/portal-sessions", body, idempotency_key="portal-once").status == 422


def test_the_answer_shows_no_link_any_more_when_it_is_too_old(world: World, tenant: Tenant) -> None:
    body = {"customerId": tenant.customer()}
    tenant.post("/v1/portal-sessions", body, idempotency_key="portal-old")
    world.clock.advance(seconds=901)
    again = tenant.post("/v1/portal-sessions", body, idempotency_key="portal-old")
    assert (again.status, again.data["url"]) == (201, None)


@pytest.mark.parametrize(
    ("body", "bad"),
    [
        ({"returnUrl": "javascript:alert(1)"}, {"returnUrl"}),
        ({"returnUrl": "http://app.example/"}, {"returnUrl"}),
        ({"returnUrl": "https://app.example@evil.example/"}, {"returnUrl"}),
        ({"features": ["invoices", "everything"], "locale": "none at all"}, {"features.1", "locale"}),
        ({"features": ["pause"]}, {"features.0"}),
        ({"customerId": None}, {"customerId"}),
    ],
)
def test_what_is_wrong_is_named(tenant: Tenant, body: Json, bad: set[str]) -> None:
    answer = tenant.post("/v1/portal-sessions", {"customerId": tenant.customer()} | body)
    assert (answer.status, {each["field"] for each in answer.error["details"]}) == (400, bad)


def test_nobody_gives_away_more_than_they_may_do(tenant: Tenant) -> None:
    customer = tenant.customer()
    read = ("subscriptions:manage", "billing:read")
    narrow = key_with(tenant, *read)
    all_that_is_on = narrow.post("/v1/portal-sessions", {"customerId": customer})
    assert (all_that_is_on.status, all_that_is_on.error["code"]) == (403, "auth.forbidden")
    needs = {"paymentMethods": "payments:process", "details": "billing:write", "invoices": "billing:write"}
    for feature, scope in needs.items():
        body = {"customerId": customer, "features": [feature]}
        assert narrow.post("/v1/portal-sessions", body).status == 403
        assert key_with(tenant, *read, scope).post("/v1/portal-sessions", body).status == 201
    for features in (["cancel"], ["usage"], []):
        body = {"customerId": customer, "features": features}
        blind = key_with(tenant, "subscriptions:manage", "payments:process").post("/v1/portal-sessions", body)
        assert (blind.status, blind.error["code"]) == (403, "auth.forbidden")
        assert narrow.post("/v1/portal-sessions", body).status == 201


def test_a_deleted_customer_gets_no_link(tenant: Tenant) -> None:
    customer = tenant.customer()
    tenant.delete(f"/v1/customers/{customer}")
    answer = tenant.post("/v1/portal-sessions", {"customerId": customer})
    assert (answer.status, answer.error["code"]) == (409, "customer.invalid_state")


def test_settings_change_what_they_say(world: World) -> None:
    tenant = world.tenant()
    assert tenant.get(f"/v1/tenants/{tenant.id}").data["portal"] == {
        "features": DEFAULTS, "plans": [], "cancel": "period_end",
    }  # fmt: skip
    changed = tenant.patch(
        f"/v1/tenants/{tenant.id}", {"portal": {"features": ["pause", "pause"], "plans": ["a-plan"]}}
    )
    assert changed.data["portal"] == {"features": ["pause"], "plans": ["a-plan"], "cancel": "period_end"}
    again = tenant.patch(f"/v1/tenants/{tenant.id}", {"portal": {"cancel": "either"}})
    assert again.data["portal"] == {"features": ["pause"], "plans": ["a-plan"], "cancel": "either"}
    bad = tenant.patch(f"/v1/tenants/{tenant.id}", {"portal": {"features": ["fly"], "cancel": "never"}})
    assert {each["field"] for each in bad.error["details"]} == {"portal.features.0", "portal.cancel"}
