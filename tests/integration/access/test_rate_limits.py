"""Limits per key and per user, and the headers that tell of them. The clock stands at the start of a minute."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from billing.storage.callers import user_caller_id
from tests.integration.world import Answer, Tenant, World

pytestmark = pytest.mark.limits
START = datetime(2026, 12, 1, 9, tzinfo=UTC)
MINUTE = int(START.timestamp())


@pytest.fixture(autouse=True)
def _start_of_a_minute(world: World, tenant: Tenant) -> None:
    world.clock.freeze(START)


def headers(answer: Answer) -> tuple[int, int, int]:
    return tuple(int(answer.headers[f"X-RateLimit-{name}"]) for name in ("Limit", "Remaining", "Reset"))  # type: ignore[return-value]


def used(world: World, caller: str, **counters: int) -> None:
    """Say that so many calls were made in windows: the counters are what a thousand calls would leave behind."""
    names = {f"#{n}": name for n, name in enumerate(counters)}
    values: dict[str, Any] = {f":{n}": {"N": str(count)} for n, count in enumerate(counters.values())}
    world.aws("dynamodb").update_item(
        TableName=world.tables["callers"],
        Key={"caller_id": {"S": caller}},
        UpdateExpression="SET " + ", ".join(f"#{n} = :{n}" for n in range(len(counters))),
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
    )


def key_of(tenant: Tenant) -> str:
    return "key#" + sha256(tenant.key.encode()).hexdigest()


def test_every_answer_tells_what_is_left(tenant: Tenant) -> None:
    for n, answer in enumerate(
        [tenant.get("/v1/customers"), tenant.get("/v1/none"), tenant.post("/v1/customers", {})], 1
    ):
        assert headers(answer) == (1000, 1000 - n, MINUTE + 60)


@pytest.mark.parametrize(("tier", "limit"), [("standard", 1_000), ("enterprise", 10_000)])
def test_the_tier_decides_the_limit(world: World, tier: str, limit: int) -> None:
    assert headers(world.tenant(tier=tier).get("/v1/customers"))[:2] == (limit, limit - 1)


def test_a_used_up_minute_is_429_until_the_next_one(world: World, tenant: Tenant) -> None:
    used(world, key_of(tenant), **{f"m{MINUTE // 60}": 999})
    world.clock.advance(seconds=20)
    assert tenant.get("/v1/customers").status == 200
    answer = tenant.get("/v1/customers")
    assert (answer.status, answer.error["code"]) == (429, "rate.limited")
    assert answer.headers["Retry-After"] == "40"
    assert headers(answer) == (1000, 0, MINUTE + 60)
    world.clock.advance(seconds=40)
    assert headers(tenant.get("/v1/customers"))[:2] == (1000, 999)


def test_a_burst_may_take_twice_its_share_of_ten_seconds(world: World, tenant: Tenant) -> None:
    """Twice the share of 1,000 a minute in a 10-second window is 333."""
    used(world, key_of(tenant), **{f"s{MINUTE // 10}": 332})
    assert tenant.get("/v1/customers").status == 200
    answer = tenant.get("/v1/customers")
    assert (answer.status, answer.error["code"], answer.headers["Retry-After"]) == (429, "rate.limited", "10")
    world.clock.advance(seconds=10)
    assert tenant.get("/v1/customers").status == 200


def test_what_is_refused_is_not_counted(world: World, tenant: Tenant) -> None:
    used(world, key_of(tenant), **{f"s{MINUTE // 10}": 333})
    for _ in range(3):
        assert tenant.get("/v1/customers").status == 429
    world.clock.advance(seconds=10)
    assert headers(tenant.get("/v1/customers"))[1] == 999


def test_a_refusal_is_audited_under_the_callers_name(world: World, tenant: Tenant) -> None:
    used(world, key_of(tenant), **{f"m{MINUTE // 60}": 1000})
    answer = tenant.get("/v1/customers")
    (row,) = world.rows_of("audit", tenant.id)
    assert (row["status"]["N"], row["request_id"]["S"]) == ("429", answer.error["request_id"])
    assert row["principal"]["S"].startswith("key_")


def test_a_refused_write_writes_nothing(world: World, tenant: Tenant) -> None:
    used(world, key_of(tenant), **{f"m{MINUTE // 60}": 1000})
    world.writes.clear()
    assert tenant.post("/v1/customers", {"name": "A"}).status == 429
    assert world.writes == [("UpdateItem", ["callers"]), ("PutItem", ["audit"])]


def test_keys_count_apart(world: World, tenant: Tenant) -> None:
    used(world, key_of(tenant), **{f"m{MINUTE // 60}": 1000})
    assert world.tenant().get("/v1/customers").status == 200


# Invoice queries: 300 a minute for each user


@pytest.mark.parametrize(
    "path",
    [
        "/v1/invoices",
        "/v1/invoices/in_0",
        "/v1/invoices/in_0/pdf",
        "/v1/invoices/in_0/xml",
        "/v1/tenants/{tid}/invoices",
    ],
)
def test_invoice_queries_have_a_limit_of_their_own(world: World, tenant: Tenant, path: str) -> None:
    path = path.format(tid=tenant.id)
    used(world, key_of(tenant), **{f"q{MINUTE // 60}": 299})
    assert tenant.get(path).status in (200, 404)
    answer = tenant.get(path)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
    assert headers(answer) == (300, 0, MINUTE + 60)
    assert tenant.get("/v1/customers").status == 200


def test_the_tightest_limit_is_the_one_that_is_told(tenant: Tenant) -> None:
    assert headers(tenant.get("/v1/invoices")) == (300, 299, MINUTE + 60)


def test_invoice_queries_count_on_the_user_that_is_named(world: World, tenant: Tenant) -> None:
    ann, bob = {"x-user-id": "ann"}, {"x-user-id": "bob"}
    used(world, user_caller_id(tenant.id, "ann"), **{f"q{MINUTE // 60}": 299})
    last = tenant.get("/v1/invoices", headers=ann)
    assert (last.status, headers(last)) == (200, (300, 0, MINUTE + 60))
    answer = tenant.get("/v1/invoices", headers=ann)
    assert (answer.status, answer.error["code"], answer.headers["Retry-After"]) == (429, "rate.limited", "60")
    assert headers(answer) == (300, 0, MINUTE + 60)
    assert tenant.get("/v1/invoices", headers=bob).status == 200
    assert tenant.get("/v1/invoices").status == 200
    world.clock.advance(seconds=60)
    assert tenant.get("/v1/invoices", headers=ann).status == 200


# Intents: 30 a minute for each user

INTENT = {"amount": 5_000_000, "currency": "USD"}


def test_payment_intents_have_a_limit_of_their_own(world: World, tenant: Tenant) -> None:
    used(world, key_of(tenant), **{f"i{MINUTE // 60}": 29})
    last = tenant.post("/v1/payments/intents", INTENT)
    assert (last.status, headers(last)) == (201, (30, 0, MINUTE + 60))
    answer = tenant.post("/v1/payments/intents", INTENT)
    assert (answer.status, answer.error["code"], answer.headers["Retry-After"]) == (429, "rate.limited", "60")
    assert len(tenant.get("/v1/payments").data) == 1
    world.clock.advance(seconds=60)
    assert tenant.post("/v1/payments/intents", INTENT).status == 201


def test_payment_intents_count_on_the_user_that_is_named(world: World, tenant: Tenant) -> None:
    used(world, user_caller_id(tenant.id, "ann"), **{f"i{MINUTE // 60}": 30})
    for user, status in (("ann", 429), ("bob", 201)):
        answer = tenant.post("/v1/payments/intents", INTENT, headers={"x-user-id": user})
        assert answer.status == status
    assert tenant.post("/v1/payments/intents", INTENT).status == 201


def test_a_users_refusal_is_audited_in_its_tenant(world: World, tenant: Tenant) -> None:
    used(world, user_caller_id(tenant.id, "ann"), **{f"q{MINUTE // 60}": 300})
    answer = tenant.get("/v1/invoices", headers={"x-user-id": "ann"})
    (row,) = world.rows_of("audit", tenant.id)
    assert row["request_id"]["S"] == answer.error["request_id"]


def test_users_of_two_tenants_with_one_name_count_apart(world: World, tenant: Tenant) -> None:
    used(world, user_caller_id(tenant.id, "ann"), **{f"q{MINUTE // 60}": 300})
    assert world.tenant().get("/v1/invoices", headers={"x-user-id": "ann"}).status == 200


def test_counters_of_windows_gone_by_do_not_pile_up(world: World, tenant: Tenant) -> None:
    for _ in range(12):
        tenant.get("/v1/invoices")
        world.clock.advance(seconds=35)
    key = {"caller_id": {"S": key_of(tenant)}}
    item = world.aws("dynamodb").get_item(TableName=world.tables["callers"], Key=key)["Item"]
    assert len([name for name in item if name[1:].isdigit()]) <= 6
