"""Issue 15, item 9: every call is in the log, refused ones too; who may read it, by what, and page by page."""

import csv
import io
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.services.kernel.work import AuditRow
from billing.storage.audit_rows import audit_item, put_once
from billing.storage.tables import AuditItem
from tests.integration.world import Answer, Json, Tenant, World, http_event, request

LOG = "/v1/audit-log"


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.error["code"]


def every(tenant: Tenant, limit: int = 100, **query: Any) -> list[Json]:
    """All pages."""
    found: list[Json] = []
    cursor: dict[str, str] = {}
    while True:
        answer = tenant.get(LOG, limit=limit, **query, **cursor)
        found += answer.data
        following = answer.json["meta"]["pagination"]["next_cursor"]
        if following is None:
            return found
        cursor = {"cursor": following}


def calls(world: World, tenant: Tenant) -> tuple[str, datetime]:
    """Some calls: two by a reader, one of them refused, a second apart; the reader's id, and the time between."""
    key = tenant.post("/v1/api-keys", {"name": "reader", "scope": "read"}).data
    reader = replace(tenant, key=key["key"])
    reader.get("/v1/customers")
    world.clock.advance(seconds=2)
    between = world.clock()
    world.clock.advance(seconds=2)
    reader.post("/v1/customers", {"name": "A"})
    reader.get("/v1/customers/cus_none")
    return key["id"], between


def test_19_every_call_is_a_row_with_what_came_of_it(world: World, tenant: Tenant) -> None:
    principal, _ = calls(world, tenant)
    rows = every(tenant, principal=principal)
    assert [(row["route"], row["status"]) for row in rows] == [
        ("GET /v1/customers/{customer_id}", 404),
        ("POST /v1/customers", 403),
        ("GET /v1/customers", 200),
    ]
    assert rows[0].keys() == {
        "id", "requestId", "at", "principal", "method", "route", "status", "ip", "durationMs",
    }  # fmt: skip
    assert rows[0]["ip"]


@pytest.mark.parametrize(
    ("query", "statuses"),
    [
        ({"status": "403"}, [403]),
        ({"status": "4xx"}, [404, 403]),
        ({"status": "5xx"}, []),
        ({"route": "GET /v1/customers"}, [200]),
        ({"route": "POST /v1/customers", "status": "2xx"}, []),
    ],
)
def test_it_is_read_by_status_and_route(
    world: World, tenant: Tenant, query: dict[str, str], statuses: list[int]
) -> None:
    principal, _ = calls(world, tenant)
    assert [row["status"] for row in every(tenant, principal=principal, **query)] == statuses


def test_it_is_read_by_time(world: World, tenant: Tenant) -> None:
    principal, between = calls(world, tenant)
    assert [row["status"] for row in every(tenant, principal=principal, from_=between.isoformat())] == [404, 403]
    assert [row["status"] for row in every(tenant, principal=principal, to=between.isoformat())] == [200]
    nothing = tenant.get(LOG, from_=between.isoformat(), to=between.isoformat())
    assert (nothing.data, nothing.json["meta"]["pagination"]["has_more"]) == ([], False)


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_page_by_page_nothing_is_missing_and_nothing_twice(world: World, tenant: Tenant, limit: int) -> None:
    for _ in range(9):
        tenant.get("/v1/customers")
    until = world.clock()
    world.clock.advance(seconds=1)
    whole = [row["id"] for row in every(tenant, to=until.isoformat())]
    assert [row["id"] for row in every(tenant, limit, to=until.isoformat())] == whole
    assert whole == sorted(whole, reverse=True)
    assert len(whole) == len(set(whole)) == 9


def test_a_cursor_is_good_for_its_query_and_its_tenant_alone(world: World, tenant: Tenant) -> None:
    for _ in range(3):
        tenant.get("/v1/customers")
    cursor = tenant.get(LOG, limit=1).json["meta"]["pagination"]["next_cursor"]
    other = world.tenant()
    for caller, query in ((other, {}), (tenant, {"status": "200"}), (tenant, {"principal": "key_1"})):
        assert caller.get(LOG, limit=1, cursor=cursor, **query).bad_fields == {"cursor": "invalid_cursor"}


def test_a_tenant_reads_its_own_and_only_its_admins(world: World, tenant: Tenant) -> None:
    other = world.tenant()
    other.get("/v1/plans")
    assert "GET /v1/plans" not in {row["route"] for row in every(tenant)}
    reader = replace(tenant, key=tenant.post("/v1/api-keys", {"name": "r", "scope": "write"}).data["key"])
    assert refusal(reader.get(LOG)) == (403, "auth.forbidden")
    assert refusal(reader.get(f"{LOG}/export.csv")) == (403, "auth.forbidden")
    assert refusal(tenant.get(LOG, strangers="true")) == (403, "auth.forbidden")


def test_strangers_calls_are_the_platforms_to_read_from_all_partitions_in_order(world: World) -> None:
    """Old rows, from before strangers were spread, are found with the others."""
    start = world.clock()
    for _ in range(40):
        world.clock.advance(seconds=1)
        request(http_event("GET", "/v1/customers", key="llk_wrong"))
    old = audit_item("anonymous", "aud_" + "0" * 26, _row("req_old"), start, 1000)
    item = old.serialize() | {"tenant_id": {"S": "anonymous"}, "id": {"S": _id_between(world, start)}}
    world.aws("dynamodb").put_item(TableName=world.tables["audit"], Item=item)
    since = {"from_": start.isoformat(), "strangers": "true"}
    whole = every(world.platform(), **since)
    assert len({row["id"] for row in whole}) == len(whole) == 41
    assert [row["id"] for row in whole] == sorted((row["id"] for row in whole), reverse=True)
    assert "req_old" in [row["requestId"] for row in whole]
    assert [row["id"] for row in every(world.platform(), 7, **since)] == [row["id"] for row in whole]
    assert len(every(world.platform(), 7, **since, status="4xx")) == 41


def _row(request_id: str) -> AuditRow:
    return AuditRow(request_id, "anonymous", "GET", "(no route)", 401, None, 1)


def _id_between(world: World, start: datetime) -> str:
    return storage.units().begin("platform").fresh_id("aud", start + timedelta(seconds=20, milliseconds=500))


def test_it_is_exported_as_csv(world: World, tenant: Tenant) -> None:
    principal, _ = calls(world, tenant)
    answer = tenant.get(f"{LOG}/export.csv", principal=principal)
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [row["status"] for row in rows] == ["404", "403", "200"]
    assert {row["principal"] for row in rows} == {principal}


def test_what_is_asked_has_a_shape(tenant: Tenant) -> None:
    for query, reason in (({"status": "9xx"}, "invalid_format"), ({"from_": "yesterday"}, "must_be_a_time")):
        assert set(tenant.get(LOG, **query).bad_fields.values()) == {reason}


def test_a_row_is_never_written_over(world: World, tenant: Tenant) -> None:
    """PutItem replaces, and IAM cannot ask for absence: the condition does. The same row again is no error."""
    database = storage.database()
    audit_id = storage.units().begin(tenant.id).fresh_id("aud")
    first = audit_item(tenant.id, audit_id, _row("req_1"), world.clock(), 1000)
    put_once(database, first)
    put_once(database, first)
    with pytest.raises(Exception, match="ConditionalCheckFailed"):
        put_once(database, audit_item(tenant.id, audit_id, _row("req_2"), world.clock(), 1000))
    assert [row["request_id"]["S"] for row in world.rows_of("audit", tenant.id)][-1] == "req_1"
    assert AuditItem.Meta.table_name == world.tables["audit"]


def test_every_way_to_write_a_row_has_the_condition(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself after a read or a refusal, and in the transaction of a write."""
    seen: list[str | None] = []
    client = storage.database().client

    def note(params: Json, model: Any, **_: Any) -> None:
        puts = [each["Put"] for each in params.get("TransactItems", []) if "Put" in each]
        puts += [params] if model.name == "PutItem" else []
        seen.extend(put.get("ConditionExpression") for put in puts if put["TableName"] == world.tables["audit"])

    client.meta.events.register("before-parameter-build.dynamodb", note)
    try:
        tenant.get("/v1/customers")
        tenant.get("/v1/customers/none")
        tenant.post("/v1/customers", {"name": "A"})
    finally:
        client.meta.events.unregister("before-parameter-build.dynamodb", note)
    assert len(seen) == 3
    assert all(condition and condition.startswith("attribute_not_exists") for condition in seen)
