"""Lists: newest first, in pages, behind cursors that only fit where they came from."""

import base64
from typing import Any

import pytest

from tests.integration.world import Tenant, World


@pytest.fixture
def five(tenant: Tenant) -> list[str]:
    """Ids of five subscriptions, newest first."""
    tenant.plan()
    body = {"planId": "business-monthly", "quantities": {"seats": 1}, "trialDays": 1}
    return [tenant.post("/v1/subscriptions", body).data["id"] for _ in range(5)][::-1]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_pages_cover_everything_once_newest_first(tenant: Tenant, five: list[str], limit: int) -> None:
    seen: list[str] = []
    query: dict[str, Any] = {"limit": limit}
    for _ in range(6):
        page = tenant.get("/v1/subscriptions", **query)
        meta = page.json["meta"]["pagination"]
        seen += [item["id"] for item in page.data]
        assert meta["limit"] == limit
        assert meta["has_more"] is (meta["next_cursor"] is not None)
        if not meta["has_more"]:
            break
        query["cursor"] = meta["next_cursor"]
    assert seen == five


def test_a_page_has_twenty_items_where_nothing_is_asked(tenant: Tenant) -> None:
    assert tenant.get("/v1/customers").json["meta"]["pagination"]["limit"] == 20


@pytest.mark.parametrize("query", [{"customer": True}, {"state": "trialing"}])
def test_filtered_lists_page_as_well(tenant: Tenant, five: list[str], query: dict[str, Any]) -> None:
    if "customer" in query:
        query = {"customer": tenant.data["defaultCustomerId"]}
    first = tenant.get("/v1/subscriptions", limit=3, **query)
    cursor = first.json["meta"]["pagination"]["next_cursor"]
    second = tenant.get("/v1/subscriptions", limit=3, cursor=cursor, **query)
    assert [item["id"] for item in [*first.data, *second.data]] == five
    assert second.json["meta"]["pagination"]["has_more"] is False


def test_plans_page_without_their_versions(tenant: Tenant) -> None:
    for name in ("a", "b", "b-2", "c"):
        tenant.plan(id=name)
    first = tenant.get("/v1/plans", limit=2)
    rest = tenant.get("/v1/plans", limit=2, cursor=first.json["meta"]["pagination"]["next_cursor"])
    assert [plan["id"] for plan in [*first.data, *rest.data]] == ["c", "b-2", "b", "a"]


@pytest.fixture
def cursor(tenant: Tenant, five: list[str]) -> str:
    found: str = tenant.get("/v1/subscriptions", limit=2).json["meta"]["pagination"]["next_cursor"]
    return found


def flipped(cursor: str) -> str:
    raw = bytearray(base64.urlsafe_b64decode(cursor[3:]))
    raw[-1] ^= 1
    return cursor[:3] + base64.urlsafe_b64encode(bytes(raw)).decode()


def test_a_cursor_does_not_fit_another_tenant(world: World, cursor: str) -> None:
    answer = world.tenant().get("/v1/subscriptions", cursor=cursor)
    assert (answer.status, answer.bad_fields) == (400, {"cursor": "invalid_cursor"})


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/invoices", {}),
        ("/v1/subscriptions", {"state": "active"}),
        ("/v1/subscriptions", {"customer": "cus_1"}),
    ],
)
def test_a_cursor_does_not_fit_another_query(tenant: Tenant, cursor: str, path: str, query: dict[str, Any]) -> None:
    answer = tenant.get(path, cursor=cursor, **query)
    assert (answer.status, answer.bad_fields) == (400, {"cursor": "invalid_cursor"})


@pytest.mark.parametrize("forge", [flipped, lambda c: c[:-4], lambda c: "x" + c, lambda c: "v1.", lambda c: "v1.ä"])
def test_a_forged_cursor_is_refused(tenant: Tenant, cursor: str, forge) -> None:  # type: ignore[no-untyped-def]
    answer = tenant.get("/v1/subscriptions", cursor=forge(cursor))
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert answer.bad_fields == {"cursor": "invalid_cursor"}


def test_the_page_size_may_change_on_the_way(tenant: Tenant, cursor: str, five: list[str]) -> None:
    assert [item["id"] for item in tenant.get("/v1/subscriptions", limit=100, cursor=cursor).data] == five[2:]


def test_a_cursor_tells_nothing(tenant: Tenant, cursor: str, five: list[str]) -> None:
    assert five[1].encode() not in base64.urlsafe_b64decode(cursor[3:])


@pytest.mark.parametrize(
    ("limit", "reason"),
    [("0", "too_small"), ("101", "too_large"), ("ten", "must_be_an_integer"), ("1.5", "must_be_an_integer")],
)
def test_a_page_has_one_to_a_hundred_items(tenant: Tenant, limit: str, reason: str) -> None:
    answer = tenant.get("/v1/customers", limit=limit)
    assert (answer.status, answer.bad_fields) == (400, {"limit": reason})
