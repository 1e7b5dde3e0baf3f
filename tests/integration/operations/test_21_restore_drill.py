"""Issue 21, number 2: a restore drill loses nothing and touches nothing live, and a renewal works on what it made."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.bootstrap import operating, storage
from billing.storage.packing import unpack
from operations.drill import Drill, OtherSecond
from operations.operator import Operator
from operations.stack import Stack
from tests.integration.operations.conftest import Run
from tests.integration.world import Tenant, World

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
SHARDS = [f"{shard:02d}" for shard in range(16)]


@pytest.fixture(autouse=True)
def _at(world: World) -> Iterator[None]:
    world.clock.reset()
    world.clock.freeze(NOW)
    yield
    operating.read_from(world.tables)
    world.items[:] = [(table, item) for table, item in world.items if table in world.tables]  # the others are gone


@pytest.fixture
def drilled(world: World, outputs: dict[str, str]) -> Iterator[Drill]:
    made = Drill(Stack("ledgerline-dev", outputs, "operator:user/ada", world.aws), "one", world.tables)
    yield made
    made.clean()


def test_the_command_restores_checks_and_deletes(world: World, tenant: Tenant, operate: Run) -> None:
    tenant.subscribe("pm_card_visa")
    world.clock.advance(seconds=1)
    before = world.snapshot()
    at = "2026-11-02T11:59"
    assert "would restore" in operate("restore-drill", "--name", "two", "--at", at, "--dry-run").output
    done = operate("restore-drill", "--name", "two", "--at", at)
    assert done.exit_code == 0, done.output
    assert "every tenant's books balance, and no invoice number is missing" in done.output
    assert f"{len(world.tables)} tables deleted" in done.output
    operating.read_from(world.tables)
    after = world.snapshot()
    assert {name for name in after if after[name] != before[name]} == {"audit"}  # that it was run
    assert all("-drill-" not in name for name in world.aws("dynamodb").list_tables()["TableNames"])


def test_nothing_is_lost_and_a_renewal_works_on_the_restored_tables_alone(
    world: World, tenant: Tenant, drilled: Drill
) -> None:
    subscription = tenant.subscribe("pm_card_visa")["id"]
    with pytest.raises(KeyboardInterrupt):  # cut off after some tables
        Drill(_dying(drilled.stack, after=7), drilled.name, drilled.live).restore(NOW, world.clock.sleep)
    assert drilled.restore(NOW, world.clock.sleep) == len(world.tables) - 7
    assert drilled.restore(NOW, world.clock.sleep) == 0
    assert [plain for plain, (live, restored) in drilled.counts().items() if live != restored] == []
    live = len(world.rows_of("invoices", tenant.id))
    operating.read_from(drilled.tables)
    world.clock.freeze(NOW + timedelta(days=31))
    assert world.work(*SHARDS) == {"batchItemFailures": []}
    assert tenant.get(f"/v1/subscriptions/{subscription}").data["state"] == "active"
    numbers = [each["number"] for each in tenant.get("/v1/invoices").data]
    assert sorted(numbers) == ["ACME-000001", "ACME-000002"]
    assert len(world.charges(tenant)) == 2
    assert len(world.rows_of("invoices", tenant.id)) == live  # of the live table


def test_a_drill_that_goes_on_keeps_its_second(world: World, drilled: Drill) -> None:
    stack = _remembering(drilled.stack)
    with pytest.raises(KeyboardInterrupt):
        Drill(_dying(stack, after=2), drilled.name, drilled.live).restore(NOW, world.clock.sleep)
    goes_on = Drill(stack, drilled.name, drilled.live)
    world.clock.freeze(NOW + timedelta(minutes=10))
    assert goes_on.second() == NOW
    assert goes_on.second(NOW + timedelta(microseconds=7)) == NOW
    with pytest.raises(OtherSecond, match="drill one was begun as of 2026-11-02T12:00:00: leave --at out"):
        goes_on.second(NOW - timedelta(seconds=1))
    with pytest.raises(KeyboardInterrupt):  # what a release before this one did
        Drill(_dying(stack, after=1), drilled.name, drilled.live).restore(NOW + timedelta(minutes=9), world.clock.sleep)
    with pytest.raises(OtherSecond, match="has tables as of 2026-11-02T12:00:00, 2026-11-02T12:09:00: delete them"):
        goes_on.second()


def test_the_command_refuses_another_second_for_a_drill_that_goes_on(
    world: World, outputs: dict[str, str], operate: Run
) -> None:
    dynamodb, name = world.aws("dynamodb"), "ledgerline-dev-drill-three-customers"
    dynamodb.restore_table_to_point_in_time(SourceTableName=world.tables["customers"], TargetTableName=name)
    refused = operate("restore-drill", "--name", "three", "--at", "2020-01-01T00:00")
    assert (refused.exit_code, "drill three was begun as of" in refused.output) == (1, True)
    tables = [each for each in dynamodb.list_tables()["TableNames"] if "-drill-three-" in each]
    dynamodb.delete_table(TableName=name)
    assert tables == [name]


def test_a_missing_invoice_is_found(world: World, tenant: Tenant, drilled: Drill) -> None:
    tenant.subscribe("pm_card_visa")
    (row,) = world.rows_of("invoices", tenant.id)
    assert "ACME-000001" in unpack(row["body"]["S"])
    world.aws("dynamodb").delete_item(
        TableName=world.tables["invoices"], Key={"tenant_id": row["tenant_id"], "id": row["id"]}
    )
    operator = Operator(drilled.stack, "restore-drill")
    assert operator.act(tenant.id, operating.number_gaps) == ["invoice number 1 is missing"]
    storage.tenants().forget()


def _remembering(stack: Stack) -> Stack:
    """A stack whose DynamoDB tells as of when a table was restored; moto tells when it was made."""
    dynamodb, seconds = stack.aws("dynamodb"), {}

    class Remembering:
        def __getattr__(self, name: str) -> object:
            return getattr(dynamodb, name)

        def restore_table_to_point_in_time(self, **asked: Any) -> None:
            dynamodb.restore_table_to_point_in_time(**asked)
            seconds[asked["TargetTableName"]] = asked["RestoreDateTime"]

        def describe_table(self, TableName: str) -> Any:  # noqa: N803 - as botocore has it
            told = dynamodb.describe_table(TableName=TableName)
            if TableName in seconds:
                told["Table"]["RestoreSummary"]["RestoreDateTime"] = seconds[TableName]
            return told

    return Stack(stack.name, stack.outputs, stack.operator, lambda service, remembering=Remembering(): remembering)


def _dying(stack: Stack, after: int) -> Stack:
    """A stack whose process is killed when it has begun some tables."""
    dynamodb = stack.aws("dynamodb")

    class Dying:
        begun = 0

        def __getattr__(self, name: str) -> object:
            if name == "restore_table_to_point_in_time":
                if self.begun == after:
                    raise KeyboardInterrupt
                self.begun += 1
            return getattr(dynamodb, name)

    return Stack(stack.name, stack.outputs, stack.operator, lambda service, dying=Dying(): dying)
