"""Issue 15: whoever holds a fenced key makes himself none without the fence."""

from dataclasses import replace

from tests.integration.world import Tenant, World

HERE = {"ipAllowList": ["192.0.2.0/24", "203.0.113.0/24", "0.0.0.0/1", "128.0.0.0/1"]}
"""Everywhere, in words that are a fence all the same."""


def fenced(tenant: Tenant) -> Tenant:
    made = tenant.post("/v1/api-keys", {"name": "fenced", "scope": "admin", **HERE})
    assert made.status == 201, made.json
    return replace(tenant, key=made.data["key"])


def test_15_a_key_that_works_from_some_networks_makes_none_for_others(world: World, tenant: Tenant) -> None:
    """Neither a new one, nor by rotating one that works from everywhere; within its own networks it does."""
    key = fenced(tenant)
    for networks in ([], ["2001:db8::/32"]):
        answer = key.post("/v1/api-keys", {"name": "free", "scope": "read", "ipAllowList": networks})
        assert (answer.status, answer.error["code"]) == (403, "auth.forbidden")
    free = tenant.post("/v1/api-keys", {"name": "free", "scope": "read"}).data["id"]
    assert key.post(f"/v1/api-keys/{free}/rotate", {"overlapSeconds": 0}).status == 403
    assert tenant.get(f"/v1/api-keys/{free}").data["status"] == "active"
    assert key.post("/v1/api-keys", {"name": "in", "scope": "read", "ipAllowList": ["192.0.2.7/32"]}).status == 201
    own = next(each["id"] for each in tenant.get("/v1/api-keys").data if each["name"] == "fenced")
    assert key.post(f"/v1/api-keys/{own}/rotate").status == 201


def test_15_a_key_outlives_the_user_who_made_it_and_says_so(world: World, tenant: Tenant) -> None:
    """Keys are the tenant's servers': nobody's leaving stops them. Who made one is in the list, to be rotated."""
    from tests.integration.access.oauth import app, user

    person = user(world, tenant)
    user(world, tenant, email="second@example.com")
    client = app(tenant, scopes=["billing:read", "billing:admin"])
    token = client.tokens(person)["access_token"]
    made = client.bearer(token).post("/v1/api-keys", '{"name": "k", "scope": "read"}')
    assert made.status == 201, made.json
    assert tenant.patch(f"/v1/users/{person.id}", {"status": "disabled"}).status == 200
    shown = tenant.get(f"/v1/api-keys/{made.data['id']}").data
    assert (shown["createdBy"], shown["status"]) == (person.id, "active")
    assert replace(tenant, key=made.data["key"]).get("/v1/customers").status == 200
