"""Issue 17: what the integration tests stand on is the same on every machine, however many calls it makes a second."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise

import pytest

from tests.integration.time_and_chance import Clock
from tests.integration.world import Tenant, World


def test_17_the_clock_shows_no_millisecond_twice_and_does_not_run_away() -> None:
    clock = Clock()
    shown = [clock() for _ in range(500)]
    assert all(after - before >= timedelta(milliseconds=1) for before, after in pairwise(shown))
    clock.advance(hours=1)
    assert timedelta(hours=1) < clock() - shown[-1]
    clock.reset()
    assert abs(clock() - datetime.now(UTC)) < timedelta(minutes=1)


def test_17_a_clock_that_stands_stands() -> None:
    clock, at = Clock(), datetime(2026, 12, 1, 9, tzinfo=UTC)
    clock.freeze(at)
    assert [clock(), clock()] == [at, at]


def test_17_calls_of_one_test_sort_as_they_were_made(world: World, tenant: Tenant) -> None:
    for _ in range(20):
        tenant.get("/v1/customers")
        tenant.get("/v1/plans")
    rows = [row["route"]["S"] for row in world.rows_of("audit", tenant.id)]
    assert rows == ["GET /v1/customers", "GET /v1/plans"] * 20


def use_up(world: World, tenant: Tenant) -> None:
    """Whatever a second has of calls, for every second of these minutes."""
    minute = int(world.clock().timestamp()) // 60
    counts = {f"m{minute + n}": {"N": "1000"} for n in range(3)}
    caller = "key#" + sha256(tenant.key.encode()).hexdigest()
    world.aws("dynamodb").update_item(
        TableName=world.tables["callers"],
        Key={"caller_id": {"S": caller}},
        UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in counts),
        ExpressionAttributeValues={f":{name}": count for name, count in counts.items()},
    )


def test_17_no_test_meets_a_limit_by_chance(world: World, tenant: Tenant) -> None:
    use_up(world, tenant)
    assert tenant.get("/v1/customers").status == 200


@pytest.mark.limits
def test_17_a_test_of_limits_meets_them(world: World, tenant: Tenant) -> None:
    use_up(world, tenant)
    assert tenant.get("/v1/customers").status == 429
