"""Issue 17: entries of before there was an index are put into it, and nothing of them is changed."""

from typing import Any

import pytest

from billing.bootstrap.resealing import journal_index
from tests.integration.payer import sale
from tests.integration.webhooks.cuts import cut
from tests.integration.world import Tenant, World


def _items(world: World, tenant: Tenant) -> dict[str, Any]:
    return {row["id"]["S"]: row for row in world.rows_of("ledger", tenant.id)}


def _out_of_the_index(world: World, tenant: Tenant) -> None:
    """As they were stored then."""
    for entry_id in _items(world, tenant):
        world.aws("dynamodb").update_item(
            TableName=world.tables["ledger"],
            Key={"tenant_id": {"S": tenant.id}, "id": {"S": entry_id}},
            UpdateExpression="REMOVE posted, posted_key",
        )


@pytest.fixture
def old(world: World, tenant: Tenant) -> Tenant:
    """Two sales, in two months."""
    sale(tenant)
    world.clock.advance(days=40)
    sale(tenant)
    world.clock.advance(seconds=1)
    return tenant


def test_17_older_entries_are_found_after_the_job_and_are_what_they_were(world: World, old: Tenant) -> None:
    before, balance = _items(world, old), old.get("/v1/reports/trial-balance").data["accounts"]
    assert balance
    _out_of_the_index(world, old)
    assert old.get("/v1/reports/trial-balance").data["accounts"] == []
    assert journal_index(0.0).fill(old.id) == 6
    assert _items(world, old) == before
    assert old.get("/v1/reports/trial-balance").data["accounts"] == balance
    assert journal_index(0.0).fill(old.id) == 0


def test_17_a_job_that_is_stopped_goes_on(world: World, old: Tenant) -> None:
    before = _items(world, old)
    for n in range(2, 8):
        _out_of_the_index(world, old)
        with cut("dies", n):
            journal_index(0.0).fill(old.id)
        assert journal_index(0.0).fill(old.id) == 6 - (n - 2)
        assert _items(world, old) == before


def test_17_nobody_elses_entries_are_touched(world: World, old: Tenant) -> None:
    other = world.tenant()
    sale(other)
    _out_of_the_index(world, other)
    journal_index(0.0).fill(old.id)
    assert all("posted_key" not in row for row in _items(world, other).values())
