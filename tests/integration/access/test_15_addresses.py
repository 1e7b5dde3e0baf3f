"""Issue 15, item 7: allow lists, by the address that API Gateway saw; scenario 17."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.world import Answer, Tenant, World, http_event, request

HOME = "203.0.113.7"


def get_from(address: str, tenant: Tenant, **headers: str) -> Answer:
    event = http_event("GET", "/v1/customers", key=tenant.key, headers=headers)
    event["requestContext"]["http"]["sourceIp"] = address
    return request(event)


def limited(tenant: Tenant, *networks: str) -> Tenant:
    """The tenant, calling with a key that works from somewhere only."""
    made = tenant.post("/v1/api-keys", {"name": "a", "scope": "read", "ipAllowList": networks})
    return replace(tenant, key=made.data["key"])


def refused(answer: Answer) -> None:
    assert (answer.status, answer.error["code"]) == (403, "auth.address_not_allowed")


@pytest.mark.parametrize(
    ("listed", "address", "is_let_in"),
    [
        ("203.0.113.0/24", "203.0.113.255", True),
        ("203.0.113.0/24", "203.0.114.0", False),
        ("203.0.113.0/24", "::ffff:203.0.113.9", True),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("2001:db8::/32", "2001:db8:1::1", True),
        ("2001:db8::/32", "2001:db9::1", False),
        ("0.0.0.0/0", "2001:db8::1", False),
    ],
)
def test_17_a_key_works_from_its_networks(tenant: Tenant, listed: str, address: str, is_let_in: bool) -> None:
    answer = get_from(address, limited(tenant, listed))
    assert answer.status == (200 if is_let_in else 403)


def test_17_what_the_request_says_of_its_way_is_nothing(world: World, tenant: Tenant) -> None:
    caller = limited(tenant, HOME)
    for name in ("x-forwarded-for", "x-real-ip", "forwarded", "true-client-ip", "cf-connecting-ip"):
        refused(get_from("198.51.100.1", caller, **{name: HOME}))
    row = world.rows_of("audit", tenant.id)[-1]
    assert (row["ip"]["S"], row["status"]["N"]) == ("198.51.100.1", "403")


def test_whoever_is_elsewhere_learns_nothing_else(tenant: Tenant) -> None:
    caller = limited(tenant, HOME)
    event = http_event("POST", "/v1/customers", key=caller.key, body='{"name": 4242424242424242}', idempotency_key="a")
    event["requestContext"]["http"]["sourceIp"] = "198.51.100.1"
    refused(request(event))


def enterprise(world: World) -> Tenant:
    return world.tenant(tier="enterprise")


def listing(tenant: Tenant, *networks: str, address: str = HOME) -> Answer:
    body: Any = {"ipAllowList": list(networks)}
    event = http_event(
        "PATCH",
        f"/v1/tenants/{tenant.id}",
        key=tenant.key,
        body=json.dumps(body),
        idempotency_key=str(networks).replace(" ", ""),
    )
    event["requestContext"]["http"]["sourceIp"] = address
    return request(event)


def test_a_tenants_list_holds_for_all_its_keys_within_a_minute(world: World) -> None:
    tenant = enterprise(world)
    answer = listing(tenant, "203.0.113.0/24", "::ffff:198.51.100.0/120")
    assert answer.data["ipAllowList"] == ["203.0.113.0/24", "198.51.100.0/24"]
    world.clock.advance(seconds=61)
    assert get_from("198.51.100.9", tenant).status == 200
    refused(get_from("192.0.2.1", tenant))
    assert listing(tenant).data["ipAllowList"] == []
    world.clock.advance(seconds=61)
    assert get_from("192.0.2.1", tenant).status == 200


def test_both_lists_have_to_let_a_call_in(world: World) -> None:
    tenant = enterprise(world)
    listing(tenant, "203.0.113.0/24")
    event = http_event("POST", "/v1/api-keys", key=tenant.key, idempotency_key="k")
    event["body"] = '{"name": "a", "scope": "read", "ipAllowList": ["203.0.113.9", "192.0.2.1"]}'
    event["requestContext"]["http"]["sourceIp"] = HOME
    caller = replace(tenant, key=request(event).data["key"])
    world.clock.advance(seconds=61)
    assert get_from("203.0.113.9", caller).status == 200
    refused(get_from(HOME, caller))
    refused(get_from("192.0.2.1", caller))


def test_nobody_shuts_himself_out_but_the_platform_may_help(world: World) -> None:
    tenant = enterprise(world)
    assert listing(tenant, "192.0.2.0/24").bad_fields == {"ipAllowList": "shuts_out_the_caller"}
    listing(tenant, HOME)
    helped = world.platform().patch(f"/v1/tenants/{tenant.id}", {"ipAllowList": ["192.0.2.0/24"]})
    assert helped.data["ipAllowList"] == ["192.0.2.0/24"]


def test_a_list_is_the_enterprise_tiers(tenant: Tenant) -> None:
    assert listing(tenant, HOME).bad_fields == {"ipAllowList": "needs_the_enterprise_tier"}
    assert listing(tenant).status == 200
    assert listing(tenant, "10.0.0.1/8").bad_fields == {"ipAllowList.0": "invalid_network"}
