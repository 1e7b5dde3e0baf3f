"""Issue 21, number 2: a restore drill loses nothing and touches nothing live, and a renewal works on what it made."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.bootstrap import operating
from billing.domain.clocks import series
from billing.storage.packing import unpack
from operations.drill import Drill, OtherSecond, checked
from operations.operator import Operator
from operations.stack import Stack
from tests.integration.credited import credited
from tests.integration.operations.conftest import Run
from tests.integration.steps import advance
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
    assert "every tenant's books balance, and no number of an invoice or a credit note is missing" in done.output
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


def test_one_tenants_books_are_checked_alone_and_an_unknown_one_is_refused_before_anything_is_made(
    world: World, tenant: Tenant, drilled: Drill, operate: Run
) -> None:
    refused = operate("restore-drill", "--name", drilled.name, "--tenant", "ten_unknown")
    assert (refused.exit_code, refused.output) == (1, "error: restore-drill: No tenant ten_unknown\n")
    assert drilled.clean() == 0
    named = ("--name", drilled.name, "--at", "2026-11-02T11:59")
    kept = operate("restore-drill", *named, "--tenant", tenant.id, "--keep")
    assert f"{tenant.id}'s books balance" in kept.output
    assert f"kept as {drilled.prefix}..." in kept.output
    assert drilled.clean() == len(world.tables)


def test_a_table_without_recovery_is_named(drilled: Drill, operate: Run) -> None:
    """As moto makes tables."""
    refused = operate("restore-drill", "--name", "five")
    assert (refused.exit_code, refused.output.count("\n")) == (1, 1)
    assert "has no point-in-time recovery: switch it on" in refused.output


@pytest.fixture
def numbered(world: World, tenant: Tenant, clock: str, customer: str) -> str:
    """A paid invoice and a credit note in the tenant's own series and in a test clock's; the name of that one."""
    for moved in (False, True):
        invoice = tenant.subscribe("pm_card_visa", **({"customerId": customer} if moved else {}))["latestInvoiceId"]
        credited(tenant, {"id": invoice}, amount=1_000_000)
    advance(world, tenant, clock, "2027-03-01T09:00:00Z")
    return series(clock)


def lost(world: World, tenant: Tenant, table: str, number: str) -> str:
    """Delete the document of a number, as nobody should; its id."""
    (row,) = [each for each in world.rows_of(table, tenant.id) if f'"{number}"' in unpack(each["body"]["S"])]
    world.aws("dynamodb").delete_item(
        TableName=world.tables[table], Key={"tenant_id": row["tenant_id"], "id": row["id"]}
    )
    return str(row["id"]["S"])


def test_each_series_has_its_numbers_and_what_is_missing_is_named(
    world: World, tenant: Tenant, drilled: Drill, numbered: str
) -> None:
    operator = Operator(drilled.stack, "restore-drill")
    assert operator.act(tenant.id, operating.number_gaps) == []
    lost(world, tenant, "invoices", "ACME-000001")
    lost(world, tenant, "invoices", f"ACME.{numbered}-000002")
    lost(world, tenant, "credit_notes", "ACME-CN-000001")
    assert operator.act(tenant.id, operating.number_gaps) == [
        "invoice number 1 is missing",
        f"invoice number 2 of {numbered} is missing",
        "credit note number 1 is missing",
    ]


@pytest.mark.usefixtures("numbered")
def test_documents_are_read_to_the_last_page(tenant: Tenant, drilled: Drill, monkeypatch: pytest.MonkeyPatch) -> None:
    from billing.services.reports import numbering

    for name in ("_INVOICES", "_NOTES"):
        monkeypatch.setattr(numbering, name, replace(getattr(numbering, name), limit=1))
    assert Operator(drilled.stack, "restore-drill").act(tenant.id, operating.number_gaps) == []


@pytest.mark.parametrize(("kind", "document"), [("invoice", "invoice"), ("credit_note", "credit note")])
def test_a_sequence_that_was_lost_is_found_by_the_numbers_that_it_gave(
    world: World, tenant: Tenant, drilled: Drill, numbered: str, kind: str, document: str
) -> None:
    key = {"tenant_id": {"S": tenant.id}, "id": {"S": f"{kind}.{numbered}"}}
    world.aws("dynamodb").delete_item(TableName=world.tables["sequences"], Key=key)
    found = Operator(drilled.stack, "restore-drill").act(tenant.id, operating.number_gaps)
    assert f"{document} number 1 of {numbered} was never given" in found


def test_an_entry_that_somebody_changed_in_a_test_clocks_books_is_found(
    world: World, tenant: Tenant, drilled: Drill, numbered: str, clock: str
) -> None:
    operator = Operator(drilled.stack, "restore-drill")
    world.clock.advance(seconds=1)
    drilled.restore(NOW, world.clock.sleep)
    assert list(checked(operator, drilled, tenant.id)) == [(tenant.id, [])]
    on_clock = [each for each in world.rows_of("ledger", tenant.id) if clock in each["posted_key"]["S"]]
    row = next(each for each in on_clock if "549990" in unpack(each["body"]["S"]))
    row["body"]["S"] = unpack(row["body"]["S"]).replace("549990", "549980", 1)
    world.aws("dynamodb").put_item(TableName=drilled.tables["ledger"], Item=row)
    ((_, problems),) = checked(operator, drilled, tenant.id)
    assert ["does not balance" in each for each in problems] == [True]


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
