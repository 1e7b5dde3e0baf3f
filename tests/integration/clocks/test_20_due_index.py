"""Issue 20: what the due index shows where one tenant has a page of it and more."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from billing.bootstrap import storage
from billing.domain.kernel.times import sort_key
from billing.storage.due_index import PAGE, DynamoDueIndex
from tests.integration.world import World

SHARD, AT = "fair", datetime(2026, 3, 1, tzinfo=UTC)
SMALL = ("ten_small_1", "ten_small_2")


@pytest.fixture
def index(world: World) -> Iterator[DynamoDueIndex]:
    """In a shard of its own: two pages of one tenant's subscriptions, three of others behind them, and an invoice."""
    dynamodb = world.aws("dynamodb")
    items = [("subscriptions", "ten_big", f"sub_{n:03d}", timedelta(seconds=n)) for n in range(2 * PAGE)]
    items += [("subscriptions", SMALL[n % 2], f"sub_small_{n}", timedelta(hours=1, seconds=n)) for n in range(3)]
    items.append(("invoices", SMALL[0], "in_small", timedelta(hours=2)))
    for table, tenant_id, item_id, after in items:
        key = {"tenant_id": {"S": tenant_id}, "id": {"S": item_id}}
        due = {"due_shard": {"S": SHARD}, "due_at": {"S": sort_key(AT + after)}, "version": {"N": "1"}}
        dynamodb.put_item(TableName=world.tables[table], Item=key | due)
    yield DynamoDueIndex(storage.database())
    for table, tenant_id, item_id, _ in items:
        dynamodb.delete_item(TableName=world.tables[table], Key={"tenant_id": {"S": tenant_id}, "id": {"S": item_id}})


def test_a_page_says_of_which_kinds_there_may_be_more(index: DynamoDueIndex) -> None:
    page = index.due(SHARD, AT + timedelta(hours=3))
    assert [item.id for item in page.items] == [*(f"sub_{n:03d}" for n in range(PAGE)), "in_small"]
    assert page.cut == {"subscription"}
    assert page.complete_until == AT + timedelta(seconds=PAGE - 1)
    assert index.due(SHARD, AT + timedelta(hours=3), ["invoice"]).cut == frozenset()


def test_behind_a_busy_tenant_are_the_others(index: DynamoDueIndex) -> None:
    until = AT + timedelta(hours=3)
    behind = index.behind(SHARD, until, ["subscription"], ["ten_big"])
    assert [(item.tenant_id, item.id) for item in behind] == [(SMALL[n % 2], f"sub_small_{n}") for n in range(3)]
    assert index.behind(SHARD, AT + timedelta(minutes=59), ["subscription"], ["ten_big"]) == []
    assert [item.id for item in index.behind(SHARD, until, ["subscription"], ["ten_big", SMALL[0]])] == ["sub_small_1"]
    assert len(index.behind(SHARD, until, ["subscription"], [SMALL[0]])) == PAGE
