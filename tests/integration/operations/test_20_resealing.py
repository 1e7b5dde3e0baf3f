"""The two jobs over all that a tenant has: what they would do, what they do, and who had them done."""

import re
from collections.abc import Iterator

import pytest

from billing.storage.packing import unpack
from tests.integration.operations.conftest import Run
from tests.integration.operations.test_21_parked import audit_of
from tests.integration.payer import sale
from tests.integration.world import Tenant, World


@pytest.fixture(autouse=True)
def _waits(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two minutes are the world's, not the test's."""
    world.clock.reset()
    monkeypatch.setattr("billing.bootstrap.resealing.time.sleep", world.clock.sleep)
    yield
    world.clock.reset()


def _keys_of(world: World, tenant: Tenant, customer: str) -> set[str]:
    """The numbers of the data keys under which a customer's fields are."""
    (row,) = (each for each in world.rows_of("customers", tenant.id) if each["id"]["S"] == customer)
    return set(re.findall(r"v3\.([0-9]+)\.", unpack(row["body"]["S"])))


def _operated(world: World, tenant: Tenant) -> list[str]:
    return [row[2] for row in audit_of(world, tenant.id)]


def test_20_what_is_under_an_older_key_is_counted_and_then_sealed_anew(
    world: World, tenant: Tenant, operate: Run
) -> None:
    customers = [tenant.customer(name="Ada"), tenant.customer(name="Grace")]
    operate("rotate-keys", "data", tenant.id)
    world.clock.advance(seconds=61)  # a process that is not as fresh as an operator's knows of it
    would = operate("reseal", tenant.id, "--dry-run", "--index").output
    assert would.splitlines() == [
        f"{tenant.id}: 3 items would be sealed anew",  # the customers, and what the tenant says of itself
        f"{tenant.id}: addresses and names would be looked up under data key 2",
    ]
    assert [_keys_of(world, tenant, each) for each in customers] == [{"1"}, {"1"}]
    assert operate("reseal", tenant.id).output.splitlines() == [
        f"{tenant.id}: 3 items sealed anew",
        f"{tenant.id}: 0 items sealed anew",
    ]
    assert [_keys_of(world, tenant, each) for each in customers] == [{"2"}, {"2"}]
    assert f"{tenant.id}: 0 items would be sealed anew" in operate("reseal", tenant.id, "--dry-run").output
    assert _operated(world, tenant)[-4:] == [
        f"operations rotate-keys data {tenant.id}",
        f"operations reseal {tenant.id} --index --dry-run",
        f"operations reseal {tenant.id}",
        f"operations reseal {tenant.id} --dry-run",
    ]


def test_20_addresses_are_looked_up_under_the_newest_key(world: World, tenant: Tenant, operate: Run) -> None:
    customer = tenant.customer(name="Ada", email="ada@example.com")
    operate("rotate-keys", "data", tenant.id)
    world.clock.advance(seconds=61)
    said = operate("reseal", tenant.id, "--index", "--pace", "0").output
    assert f"{tenant.id}: 1 addresses indexed anew" in said
    world.clock.advance(seconds=61)
    found = tenant.get("/v1/customers", email="ada@example.com").data
    assert [each["id"] for each in found] == [customer]


def test_20_older_entries_of_the_ledger_are_counted_and_then_indexed(
    world: World, tenant: Tenant, operate: Run
) -> None:
    sale(tenant)
    rows = world.rows_of("ledger", tenant.id)
    for row in rows:
        world.aws("dynamodb").update_item(
            TableName=world.tables["ledger"],
            Key={name: row[name] for name in ("tenant_id", "id")},
            UpdateExpression="REMOVE posted, posted_key",
        )
    assert (
        f"{tenant.id}: {len(rows)} entries would be indexed" in operate("index-ledger", tenant.id, "--dry-run").output
    )
    assert f"{tenant.id}: {len(rows)} entries indexed" in operate("index-ledger", tenant.id).output
    assert f"{tenant.id}: 0 entries indexed" in operate("index-ledger", tenant.id).output
    assert {row["id"]["S"]: row for row in world.rows_of("ledger", tenant.id)} == {row["id"]["S"]: row for row in rows}
    assert _operated(world, tenant)[-1] == f"operations index-ledger {tenant.id}"


@pytest.mark.parametrize("command", ["reseal", "index-ledger"])
def test_20_it_is_said_whose(command: str, world: World, operate: Run) -> None:
    assert operate(command).exit_code == operate(command, "ten_1", "--all").exit_code == 2
    assert "No tenant ten_unknown" in operate(command, "ten_unknown").output


@pytest.mark.parametrize("command", ["reseal", "index-ledger"])
def test_20_all_are_the_operators_list(command: str, world: World, tenant: Tenant, operate: Run) -> None:
    said = operate(command, "--all", "--dry-run").output
    assert f"{tenant.id}: 0 " in said
    assert "platform: " in said
