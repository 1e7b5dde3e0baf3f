"""Issue 15, item 1: API keys are made, shown once, listed, rotated, revoked; scenarios 15 and 16."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from billing.domain.access.caller import digest
from billing.domain.access.key_text import is_possible
from tests.integration.world import Answer, Json, Tenant, World

KEYS = "/v1/api-keys"


def made(tenant: Tenant, **fields: Any) -> tuple[Json, Tenant]:
    """A key, and the tenant that calls with it."""
    answer = tenant.post(KEYS, {"name": "server", "scope": "write"} | fields)
    assert answer.status == 201, answer.json
    return answer.data, replace(tenant, key=answer.data["key"])


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.error["code"]


def test_a_key_is_made_and_shown_once(world: World, tenant: Tenant) -> None:
    data, caller = made(tenant, metadata={"server": "eu-1"})
    assert is_possible(data["key"])
    assert data["key"].startswith("llk_test_")
    assert (data["hint"], data["status"]) == (f"llk_test_...{data['key'][-4:]}", "active")
    assert data["scopes"] == ["billing:read", "billing:write", "payments:process", "subscriptions:manage"]
    assert caller.get("/v1/customers").status == 200
    shown = tenant.get(f"{KEYS}/{data['id']}").data
    assert shown == data | {"key": None, "lastUsedOn": world.clock().date().isoformat()}
    assert data["key"] not in world.everything_of(tenant.id)
    assert data["key"] not in world.logs.text


def test_keys_are_listed_newest_first_with_the_first_admins(world: World, tenant: Tenant) -> None:
    names = ["a", "b", "c"]
    for name in names:
        made(tenant, name=name)
    first = tenant.get(KEYS, limit=2)
    assert [key["name"] for key in first.data] == ["c", "b"]
    cursor = first.json["meta"]["pagination"]["next_cursor"]
    rest = tenant.get(KEYS, limit=2, cursor=cursor).data
    assert [key["name"] for key in rest] == ["a", "first admin key"]
    assert all(key["key"] is None for key in rest)


def test_only_a_day_of_use_is_noted(world: World, tenant: Tenant) -> None:
    """By the update that identifies: not one more."""
    data, caller = made(tenant)
    assert tenant.get(f"{KEYS}/{data['id']}").data["lastUsedOn"] is None
    world.writes.clear()
    caller.get("/v1/customers")
    assert world.writes == [("UpdateItem", ["callers"]), ("PutItem", ["audit"])]
    first = world.clock().date()
    world.clock.advance(days=1)
    caller.get("/v1/customers")
    world.clock.advance(days=5)
    used = tenant.get(f"{KEYS}/{data['id']}").data["lastUsedOn"]
    assert used == (first + timedelta(days=1)).isoformat()


def test_a_narrower_key_has_what_it_lists(world: World, tenant: Tenant) -> None:
    data, caller = made(tenant, scopes=["billing:read"])
    assert data["scopes"] == ["billing:read"]
    assert caller.get("/v1/customers").status == 200
    assert refusal(caller.post("/v1/customers", {"name": "A"})) == (403, "auth.forbidden")
    bad = tenant.post(KEYS, {"name": "a", "scope": "read", "scopes": ["billing:read", "billing:admin", "x"]})
    assert bad.bad_fields == {"scopes.1": "not_of_its_scope", "scopes.2": "not_of_its_scope"}


def test_nobody_makes_a_key_that_may_do_more(world: World, tenant: Tenant) -> None:
    _, keeper = made(tenant, scope="admin", scopes=["billing:admin", "billing:read"])
    assert refusal(keeper.post(KEYS, {"name": "x", "scope": "write"})) == (403, "auth.forbidden")
    assert keeper.post(KEYS, {"name": "x", "scope": "read"}).status == 201
    strong, _ = made(tenant, scope="admin")
    assert refusal(keeper.post(f"{KEYS}/{strong['id']}/rotate")) == (403, "auth.forbidden")
    assert refusal(tenant.post(KEYS, {"name": "x", "scope": "platform"})) == (403, "auth.forbidden")


def test_the_platforms_keys_are_made_and_rotated_likewise(world: World, tenant: Tenant) -> None:
    platform = world.platform()
    data, caller = made(platform, scope="platform", name="second")
    assert data["key"].startswith("llk_platform_")
    assert caller.get(f"/v1/tenants/{tenant.id}").status == 200
    weaker, _ = made(platform, scope="admin")
    assert "platform" not in weaker["scopes"]
    assert caller.post(f"{KEYS}/{data['id']}/rotate", {"overlapSeconds": 0}).status == 201
    assert caller.get(f"/v1/tenants/{tenant.id}").status == 401
    assert "platform" in [key["name"] for key in platform.get(KEYS, limit=100).data]  # the one that came with the stack


def test_after_a_rotation_the_old_key_works_a_day_more(world: World, tenant: Tenant) -> None:
    data, old = made(tenant, ipAllowList=["::ffff:203.0.113.0/120"], name="server")
    world.clock.advance(hours=1)
    answer = tenant.post(f"{KEYS}/{data['id']}/rotate")
    new = replace(tenant, key=answer.data["key"])
    for name in ("name", "scope", "scopes", "ipAllowList", "metadata"):
        assert answer.data[name] == data[name]
    assert answer.data["ipAllowList"] == ["203.0.113.0/24"]
    before = tenant.get(f"{KEYS}/{data['id']}").data
    assert (before["status"], before["replacedBy"]) == ("active", answer.data["id"])
    world.clock.advance(hours=23, minutes=59)
    assert (old.get("/v1/customers").status, new.get("/v1/customers").status) == (200, 200)
    world.clock.advance(minutes=2)
    assert (old.get("/v1/customers").status, new.get("/v1/customers").status) == (401, 200)
    assert tenant.get(f"{KEYS}/{data['id']}").data["status"] == "expired"


def test_15_a_leaked_key_ends_now(world: World, tenant: Tenant) -> None:
    data, old = made(tenant)
    assert old.get("/v1/customers").status == 200
    assert tenant.post(f"{KEYS}/{data['id']}/rotate", {"overlapSeconds": 0}).status == 201
    assert old.get("/v1/customers").status == 401
    shown = tenant.get(f"{KEYS}/{data['id']}").data
    assert shown["status"] == "revoked"
    assert shown["lastUsedOn"] is not None


@pytest.mark.parametrize(("seconds", "reason"), [(-1, "too_small"), (604_801, "too_large")])
def test_an_overlap_is_a_week_at_most(tenant: Tenant, seconds: int, reason: str) -> None:
    data, _ = made(tenant)
    answer = tenant.post(f"{KEYS}/{data['id']}/rotate", {"overlapSeconds": seconds})
    assert answer.bad_fields == {"overlapSeconds": reason}


def test_a_rotation_prolongs_nothing(world: World, tenant: Tenant) -> None:
    """A key of 30 days with one hour left: the old one keeps its end, and the new one has 30 days of its own."""
    end = world.clock() + timedelta(days=30)
    data, old = made(tenant, expiresAt=end.isoformat())
    world.clock.advance(days=29, hours=23)
    answer = tenant.post(f"{KEYS}/{data['id']}/rotate")
    left = tenant.get(f"{KEYS}/{data['id']}").data["expiresAt"]
    assert left == data["expiresAt"]
    assert answer.data["expiresAt"] > left
    world.clock.advance(hours=2)
    assert old.get("/v1/customers").status == 401
    assert refusal(tenant.post(f"{KEYS}/{data['id']}/rotate")) == (409, "api_key.invalid_state")


def test_a_key_is_rotated_once(world: World, tenant: Tenant) -> None:
    data, _ = made(tenant)
    assert tenant.post(f"{KEYS}/{data['id']}/rotate").status == 201
    assert refusal(tenant.post(f"{KEYS}/{data['id']}/rotate")) == (409, "api_key.invalid_state")


@pytest.mark.limits
def test_a_revocation_counts_from_the_next_call_on_and_sets_no_counter_back(world: World, tenant: Tenant) -> None:
    data, caller = made(tenant)
    caller.get("/v1/customers")
    assert tenant.post(f"{KEYS}/{data['id']}/revoke").data["status"] == "revoked"
    assert refusal(caller.get("/v1/customers")) == (401, "auth.unauthenticated")
    assert tenant.post(f"{KEYS}/{data['id']}/revoke").status == 200
    (item,) = [row for row in world.rows("callers") if row.get("key_id") == {"S": data["id"]}]
    assert any(name[0] == "m" and name[1:].isdigit() for name in item)


def test_16_a_repeat_shows_the_key_again_to_its_maker_until_it_is_revoked(world: World, tenant: Tenant) -> None:
    body = {"name": "a", "scope": "admin"}
    first = tenant.post(KEYS, body, idempotency_key="once")
    again = tenant.post(KEYS, body, idempotency_key="once")
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    other = replace(tenant, key=made(tenant, scope="admin")[0]["key"])
    assert refusal(other.post(KEYS, body, idempotency_key="once")) == (422, "idempotency.key_reused")
    tenant.post(f"{KEYS}/{first.data['id']}/revoke")
    hidden = tenant.post(KEYS, body, idempotency_key="once")
    assert (hidden.status, hidden.data) == (201, first.data | {"key": None})


def test_16_the_first_admin_key_is_shown_again_until_it_is_revoked(world: World) -> None:
    body = {"name": "Once", "mode": "test", "currency": "USD"}
    first = world.platform().post("/v1/tenants", body, idempotency_key="tenant-once")
    assert world.platform().post("/v1/tenants", body, idempotency_key="tenant-once").content == first.content
    tenant = Tenant(world, first.data["id"], first.data["apiKey"], first.data)
    (key,) = tenant.get(KEYS).data
    tenant.post(f"{KEYS}/{key['id']}/revoke")
    again = world.platform().post("/v1/tenants", body, idempotency_key="tenant-once")
    assert (again.status, again.data["apiKey"]) == (201, None)


def test_another_tenants_key_is_not_there(world: World, tenant: Tenant) -> None:
    other = world.tenant()
    data, caller = made(other)
    for answer in (
        tenant.get(f"{KEYS}/{data['id']}"),
        tenant.post(f"{KEYS}/{data['id']}/rotate"),
        tenant.post(f"{KEYS}/{data['id']}/revoke"),
    ):
        assert refusal(answer) == (404, "resource.not_found")
    assert caller.get("/v1/customers").status == 200
    assert data["id"] not in str(tenant.get(KEYS).data)


def test_what_a_key_may_be(world: World, tenant: Tenant) -> None:
    past = (world.clock() - timedelta(seconds=1)).isoformat()
    for field, value, reason in (
        ("scope", "root", "not_one_of_the_allowed_values"),
        ("ipAllowList", ["10.0.0.1/8"], "invalid_network"),
        ("ipAllowList", ["10.0.0.1"] * 9, "too_long"),
        ("expiresAt", past, "must_be_in_the_future"),
        ("key", "llk_mine", "unknown_field"),
    ):
        answer = tenant.post(KEYS, {"name": "a", "scope": "read", field: value})
        assert set(answer.bad_fields.values()) == {reason}
    assert digest("llk_mine") not in str(world.rows("callers"))


def test_keys_are_the_admins(world: World, tenant: Tenant) -> None:
    data, writer = made(tenant)
    for answer in (
        writer.get(KEYS),
        writer.get(f"{KEYS}/{data['id']}"),
        writer.post(KEYS, {"name": "a", "scope": "read"}),
        writer.post(f"{KEYS}/{data['id']}/rotate"),
        writer.post(f"{KEYS}/{data['id']}/revoke"),
    ):
        assert refusal(answer) == (403, "auth.forbidden")
