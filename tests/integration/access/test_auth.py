"""Who may do what: keys, scopes, tenants. A caller that may not be here learns only that."""

import json
import secrets
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.bootstrap.access import new_api_key
from billing.domain.access.api_key import ApiKey
from billing.domain.access.key_text import compose
from billing.domain.tenant import SETTINGS_ID, TenantStatus
from billing.domain.tenant import Tenant as TenantSettings
from billing.services.kernel.work import Ref
from tests.integration.world import Answer, Tenant, World, http_event, request


def new_key(world: World, tenant: Tenant, **fields: Any) -> Tenant:
    """The tenant, calling with another key of its own."""
    text = new_api_key("test")
    unit = storage.units().begin(tenant.id)
    values: dict[str, Any] = {
        "id": unit.fresh_id("key"),
        "tenant_id": tenant.id,
        "key_sha256": sha256(text.encode()).hexdigest(),
        "name": "another",
        "scope": "admin",
        "minute_limit": 1000,
        "slot_limit": 333,
        "created_at": world.clock(),
    }
    unit.save(ApiKey(**values | fields))
    unit.commit()
    return replace(tenant, key=text)


def refused(world: World, answer: Answer, status: int, code: str, audited: str) -> None:
    assert (answer.status, answer.error["code"]) == (status, code)
    rows = world.audit_of_strangers() if audited == "anonymous" else world.rows_of("audit", audited)
    row = rows[-1]
    assert (row["request_id"]["S"], row["status"]["N"]) == (answer.error["request_id"], str(status))


WRITES = [
    ("POST", "/v1/customers", '{"name": "A"}'),
    ("POST", "/v1/customers", '{"nonsense":'),
    ("GET", "/v1/customers", None),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
@pytest.mark.parametrize(
    ("key", "is_possible"),
    [
        (None, False),
        ("", False),
        ("llk_nobody", False),
        ("x" * 5000, False),
        ("llk_" + "0" * 43, True),  # as keys were before they had a checksum
        (compose("live", b"nobody's"), True),
        (compose("live", b"nobody's")[:-1] + "~", False),
    ],
)
def test_without_a_key_nobody_learns_anything(
    world: World, key: str | None, is_possible: bool, method: str, path: str, body: str | None
) -> None:
    world.writes.clear()
    answer = request(http_event(method, path, key=key, idempotency_key="k", body=body))
    refused(world, answer, 401, "auth.unauthenticated", "anonymous")
    assert world.writes == ([("UpdateItem", ["callers"])] if is_possible else []) + [("PutItem", ["audit"])]
    assert answer.error["details"] == []
    assert "X-RateLimit-Limit" not in answer.headers


def test_an_unknown_key_makes_no_item(world: World) -> None:
    before = len(world.rows("callers"))
    request(http_event("GET", "/v1/customers", key="llk_nobody"))
    assert len(world.rows("callers")) == before


def test_a_revoked_key_is_refused_at_once(world: World, tenant: Tenant) -> None:
    assert tenant.get("/v1/customers").status == 200
    world.aws("dynamodb").update_item(
        TableName=world.tables["callers"],
        Key={"caller_id": {"S": "key#" + sha256(tenant.key.encode()).hexdigest()}},
        UpdateExpression="SET #s = :revoked",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":revoked": {"S": "revoked"}},
    )
    refused(world, tenant.get("/v1/customers"), 401, "auth.unauthenticated", "anonymous")


def test_a_key_works_until_it_expires(world: World, tenant: Tenant) -> None:
    caller = new_key(world, tenant, expires_at=world.clock() + timedelta(minutes=5))
    assert caller.get("/v1/customers").status == 200
    world.clock.advance(minutes=5, seconds=1)
    answer = caller.get("/v1/customers")
    refused(world, answer, 401, "auth.unauthenticated", "anonymous")
    assert "expired" in answer.error["message"]


def test_a_key_is_stored_as_its_hash_and_shown_once(world: World, tenant: Tenant) -> None:
    stored = json.dumps(world.rows("callers"))
    assert tenant.key not in stored
    assert sha256(tenant.key.encode()).hexdigest() in stored
    assert tenant.get(f"/v1/tenants/{tenant.id}").data["apiKey"] is None


# Scopes

NEEDS = [
    ("GET", "/v1/customers", "read"),
    ("GET", "/v1/invoices", "read"),
    ("GET", "/v1/payments", "read"),
    ("GET", "/v1/payment-methods", "read"),
    ("GET", "/v1/subscriptions", "read"),
    ("GET", "/v1/plans", "read"),
    ("GET", "/v1/coupons", "read"),
    ("GET", "/v1/coupons/none", "read"),
    ("GET", "/v1/commerce/coupons", "read"),
    ("POST", "/v1/customers", "write"),
    ("POST", "/v1/coupons", "write"),
    ("POST", "/v1/commerce/coupons", "write"),
    ("POST", "/v1/commerce/coupons/redeem", "write"),
    ("DELETE", "/v1/coupons/none", "write"),
    ("PATCH", "/v1/customers/cus_0", "write"),
    ("POST", "/v1/plans", "write"),
    ("POST", "/v1/subscriptions", "write"),
    ("POST", "/v1/subscriptions/sub_0/cancel", "write"),
    ("POST", "/v1/invoices/in_0/pay", "write"),
    ("POST", "/v1/invoices", "write"),
    ("POST", "/v1/invoices/preview", "read"),
    ("PATCH", "/v1/invoices/in_0", "write"),
    ("POST", "/v1/invoices/in_0/finalize", "write"),
    ("POST", "/v1/invoices/in_0/void", "admin"),
    ("POST", "/v1/invoices/in_0/uncollectible", "admin"),
    ("GET", "/v1/customers/cus_0/balance", "read"),
    ("GET", "/v1/invoices/in_0/credit-notes", "read"),
    ("GET", "/v1/credit-notes/cn_0", "read"),
    ("GET", "/v1/credit-notes/cn_0/pdf", "read"),
    ("GET", "/v1/credit-notes/cn_0/xml", "read"),
    ("GET", "/v1/invoices/in_0/xml", "read"),
    ("POST", "/v1/invoices/in_0/credit-notes", "admin"),
    ("POST", "/v1/invoices/in_0/credit-notes/preview", "read"),
    ("POST", "/v1/payments", "write"),
    ("GET", "/v1/usage", "read"),
    ("GET", "/v1/usage/events/none", "read"),
    ("GET", "/v1/usage/rejections", "read"),
    ("POST", "/v1/usage/events", "write"),
    ("POST", "/v1/test-clocks", "write"),
    ("POST", "/v1/tenants", "platform"),
]
ORDER = ["read", "write", "admin", "platform"]


@pytest.fixture(scope="module")
def scoped(world: World) -> dict[str, Tenant]:
    """One tenant, with a key of each scope."""
    tenant = world.tenant()
    return {scope: new_key(world, tenant, scope=scope) for scope in ("read", "write", "admin")}


@pytest.mark.parametrize(("method", "path", "needed"), NEEDS)
@pytest.mark.parametrize("scope", ["read", "write", "admin"])
def test_a_key_may_do_what_its_scope_says(
    world: World, scoped: dict[str, Tenant], scope: str, method: str, path: str, needed: str
) -> None:
    body = None if method == "GET" else "{}"
    answer = request(http_event(method, path, key=scoped[scope].key, idempotency_key=secrets.token_hex(4), body=body))
    if ORDER.index(scope) >= ORDER.index(needed):
        assert answer.status not in (401, 403)
    else:
        refused(world, answer, 403, "auth.forbidden", scoped[scope].id)


# Tenants


@pytest.fixture(scope="module")
def pair(world: World) -> tuple[Tenant, Tenant, dict[str, str]]:
    """Two tenants, and the ids of things that belong to the first one."""
    mine, other = world.tenant(), world.tenant()
    customer = mine.customer()
    subscription = mine.subscribe(customerId=customer)
    clock = mine.post("/v1/test-clocks", {"frozenTime": "2027-01-01T00:00:00Z"}).data["id"]
    invoice = mine.only_invoice()
    ids = {
        "customers": customer,
        "subscriptions": subscription["id"],
        "invoices": invoice["id"],
        "payments": invoice["latestPaymentId"],
        "test-clocks": clock,
    }
    return mine, other, ids


@pytest.mark.parametrize("kind", ["customers", "subscriptions", "invoices", "payments", "test-clocks"])
def test_an_id_of_another_tenant_is_not_found(pair: tuple[Tenant, Tenant, dict[str, str]], kind: str) -> None:
    mine, other, ids = pair
    assert mine.get(f"/v1/{kind}/{ids[kind]}").status == 200
    answer = other.get(f"/v1/{kind}/{ids[kind]}")
    assert (answer.status, answer.error["code"]) == (404, "resource.not_found")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/subscriptions", {"planId": "business-monthly", "quantities": {"seats": 1}, "customerId": "customers"}),
        ("/v1/subscriptions/{subscriptions}/cancel", None),
        ("/v1/invoices/{invoices}/pay", None),
        ("/v1/payments", {"invoiceId": "invoices"}),
        ("/v1/customers", {"name": "A", "testClockId": "test-clocks"}),
        ("/v1/test-clocks/{test-clocks}/advance", {"frozenTime": "2028-01-01T00:00:00Z"}),
    ],
)
def test_nothing_of_another_tenant_can_be_changed(
    world: World, pair: tuple[Tenant, Tenant, dict[str, str]], path: str, body: dict[str, Any] | None
) -> None:
    _, other, ids = pair
    if other.get("/v1/plans").data == []:
        other.plan()
    named = body and {name: ids.get(value, value) if isinstance(value, str) else value for name, value in body.items()}
    world.writes.clear()
    answer = other.post(path.format(**ids), named)
    assert (answer.status, answer.error["code"]) == (404, "resource.not_found")
    assert world.writes == [("UpdateItem", ["callers"]), ("PutItem", ["audit"])]


def test_the_lists_of_another_tenants_customer_are_empty(pair: tuple[Tenant, Tenant, dict[str, str]]) -> None:
    mine, other, ids = pair
    for kind in ("subscriptions", "invoices", "payments", "payment-methods"):
        assert mine.get(f"/v1/{kind}", customer=ids["customers"]).data != []
        assert other.get(f"/v1/{kind}", customer=ids["customers"]).data == []


@pytest.mark.parametrize("path", ["/v1/tenants/{tid}", "/v1/tenants/{tid}/subscriptions", "/v1/tenants/{tid}/invoices"])
def test_a_path_that_names_another_tenant_is_forbidden(
    world: World, pair: tuple[Tenant, Tenant, dict[str, str]], path: str
) -> None:
    """The tenant of the credential must be the tenant of the resource."""
    mine, other, _ = pair
    assert mine.get(path.format(tid=mine.id)).status == 200
    refused(world, other.get(path.format(tid=mine.id)), 403, "auth.tenant_mismatch", other.id)


def test_the_tenant_header_must_agree_with_the_credential(world: World, tenant: Tenant) -> None:
    assert tenant.get("/v1/customers", headers={"x-tenant-id": tenant.id}).status == 200
    answer = tenant.get("/v1/customers", headers={"X-Tenant-Id": "ten_other"})
    refused(world, answer, 403, "auth.tenant_mismatch", tenant.id)


def test_a_suspended_tenant_is_refused(world: World, tenant: Tenant) -> None:
    unit = storage.units().begin(tenant.id)
    ref = Ref(TenantSettings, tenant.id, SETTINGS_ID)
    unit.save(replace(unit.load(ref).require(ref), status=TenantStatus.SUSPENDED))
    unit.commit()
    world.clock.advance(seconds=61)  # settings are cached for a minute
    refused(world, tenant.get("/v1/customers"), 403, "tenant.suspended", tenant.id)
    refused(world, tenant.post("/v1/customers", {"name": "A"}), 403, "tenant.suspended", tenant.id)


def test_the_platform_sees_every_tenant(world: World, tenant: Tenant) -> None:
    found = world.platform().get(f"/v1/tenants/{tenant.id}").data
    assert found == tenant.data | {"apiKey": None}


@pytest.mark.parametrize("path", ["/health", "/v1/health", "/api/v1/health"])
def test_health_is_open_to_everybody_and_not_audited(world: World, path: str) -> None:
    answer = request(http_event("GET", path))
    assert (answer.status, answer.data["status"]) == (200, "ok")
    assert world.writes == []


def test_test_clocks_are_refused_for_a_live_tenant(world: World) -> None:
    live = world.tenant(mode="live")
    answers = [
        live.post("/v1/test-clocks", {"frozenTime": "2027-01-01T00:00:00Z"}),
        live.get("/v1/test-clocks"),
        live.get("/v1/test-clocks/clk_0"),
        live.post("/v1/test-clocks/clk_0/advance", {"frozenTime": "2027-01-01T00:00:00Z"}),
        live.delete("/v1/test-clocks/clk_0"),
        live.post("/v1/customers", {"name": "A", "testClockId": "clk_0"}),
    ]
    for answer in answers:
        assert (answer.status, answer.error["code"]) == (403, "test_clock.live_tenant")
