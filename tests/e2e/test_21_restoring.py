"""Issue 21: a restore drill on the deployed stack loses nothing, and the deployed code goes on from what it restored.

What the emulator cannot show: it has no past, so that whatever second is asked for, it restores what is there now, each
table at once. And the alias `live` is not moved: the other tests' stack stays theirs.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local.stack.settings import STACK_NAME
from tests.e2e.conftest import TEAM, Seller, Stack, charges, soon, subscribe
from tests.e2e.operating import audited, operate
from tests.e2e.restored import Restored, pointed

Row = dict[str, Any]
BEGIN, RENEWED = "2026-01-01T00:00:00Z", "2026-02-01T01:00:00Z"


@dataclass(frozen=True)
class Drilled:
    """A tenant with an invoice and a credit note on a test clock, and a drill that began after them.

    Args:
        rows: the tenant's, by table and then by key, as they were before.
        said: what the command printed.
    """

    seller: Seller
    clock: str
    subscription: str
    rows: dict[str, dict[str, Row]]
    name: str
    said: str

    @property
    def tables(self) -> dict[str, str]:
        """The restored ones by their plain names."""
        return {plain: f"{STACK_NAME}-drill-{self.name}-{plain}" for plain in self.rows}

    @property
    def fine(self) -> str:
        """What the command prints where nothing is wrong."""
        tenant = self.seller.tenant_id
        return f"{tenant}'s books balance, and no number of an invoice or a credit note is missing"


def rows_of(stack: Stack, table: str, tenant_id: str) -> dict[str, Row]:
    """A tenant's items by their keys; where no key is the tenant's, those that name it."""
    dynamodb = stack.aws("dynamodb")
    keys = [each["AttributeName"] for each in dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]]
    values = {":t": {"S": tenant_id}}
    if keys[0] == "tenant_id":
        condition = {"KeyConditionExpression": "tenant_id = :t"}
        pages = dynamodb.get_paginator("query").paginate(TableName=table, ExpressionAttributeValues=values, **condition)
    else:
        condition = {"FilterExpression": "tenant_id = :t"}
        pages = dynamodb.get_paginator("scan").paginate(TableName=table, ExpressionAttributeValues=values, **condition)
    return {str([item[key] for key in keys]): item for page in pages for item in page["Items"]}


@pytest.fixture(scope="module")
def drilled(stack: Stack) -> Iterator[Drilled]:
    seller = Seller.new(stack, "Drilled")
    client = seller.client
    client.post("/v1/plans", TEAM)
    clock = client.post("/v1/test-clocks", {"frozenTime": BEGIN})["id"]
    customer = client.post("/v1/customers", {"name": "Ada", "testClockId": clock})["id"]
    subscription = subscribe(client, customer, TEAM["id"])
    client.post(f"/v1/invoices/{subscription['latestInvoiceId']}/credit-notes", {"amount": 1_000_000})
    rows = {plain: rows_of(stack, table, seller.tenant_id) for plain, table in stack.tables.items()}
    name = f"e2e{time.time_ns()}"
    said = operate(stack, "restore-drill", "--name", name, "--tenant", seller.tenant_id, "--keep")
    yield Drilled(seller, clock, subscription["id"], rows, name, said)
    for table in drill_tables(stack, name):  # of a test that failed
        stack.aws("dynamodb").delete_table(TableName=table)


def drill_tables(stack: Stack, drill: str) -> list[str]:
    """A drill's tables that are there."""
    pages = stack.aws("dynamodb").get_paginator("list_tables").paginate()
    return [name for page in pages for name in page["TableNames"] if name.startswith(f"{STACK_NAME}-drill-{drill}-")]


@pytest.fixture(scope="module")
def restored(stack: Stack, drilled: Drilled) -> Iterator[Restored]:
    with pointed(stack, drilled.tables) as made:
        yield made


def test_21_a_drill_restores_every_item_and_finds_the_books_and_numbers_right(stack: Stack, drilled: Drilled) -> None:
    assert f"drill {drilled.name}: {len(stack.tables)} tables" in drilled.said
    assert drilled.fine in drilled.said
    assert f"kept as {STACK_NAME}-drill-{drilled.name}-..." in drilled.said
    assert sorted(drill_tables(stack, drilled.name)) == sorted(drilled.tables.values())
    assert {plain for plain, rows in drilled.rows.items() if rows} >= {
        "tenants", "sequences", "customers", "subscriptions", "invoices", "payments", "credit_notes", "ledger",
    }  # fmt: skip
    for plain, table in drilled.tables.items():
        there = rows_of(stack, table, drilled.seller.tenant_id)
        for key, row in drilled.rows[plain].items():
            assert key in there, (plain, key)
            # A webhook of Stripe's may have come before the table's turn.
            assert row == there[key] or version(there[key]) > version(row), (plain, key)


def version(row: Row) -> int:
    return int(row["version"]["N"]) if "version" in row else 0


def test_21_the_deployed_code_renews_on_the_restored_tables_and_leaves_the_live_ones_alone(
    stack: Stack, drilled: Drilled, restored: Restored
) -> None:
    client, path = drilled.seller.client, f"/v1/test-clocks/{drilled.clock}"
    key = str(client._session.headers["X-API-Key"])
    restored.call(key, "POST", f"{path}/advance", {"frozenTime": RENEWED})
    soon(lambda: restored.call(key, "GET", path)["status"] == "ready", patience_s=120)
    series = restored.call(key, "GET", path)["series"]
    bills = rows_of(stack, drilled.tables["invoices"], drilled.seller.tenant_id).values()
    assert sorted(each["number_key"]["S"].rpartition(f"{series}-")[2] for each in bills) == ["000001", "000002"]
    assert {each["status"]["S"] for each in bills} == {"paid"}
    (live,) = client.get("/v1/invoices")
    assert (live["subscriptionId"], client.get(path)["frozenTime"]) == (drilled.subscription, BEGIN)


@pytest.mark.usefixtures("restored")
def test_21_a_drill_that_goes_on_checks_the_renewal_too_and_deletes_what_it_made(
    stack: Stack, drilled: Drilled
) -> None:
    said = operate(stack, "restore-drill", "--name", drilled.name, "--tenant", drilled.seller.tenant_id)
    assert "0 restored" in said
    assert drilled.fine in said
    assert f"{len(stack.tables)} tables deleted" in said
    assert drill_tables(stack, drilled.name) == []
    named = f"restore-drill {drilled.name} {drilled.seller.tenant_id}"
    assert [each for each in audited(stack, "platform") if each.startswith("restore-drill")][-2:] == [named] * 2


def test_21_the_same_renewal_on_the_live_tables_charges_nobody_twice(drilled: Drilled) -> None:
    """Both worked under the same derived keys, which is why a drill in production renews nothing."""
    client = drilled.seller.client
    client.advance(drilled.clock, RENEWED)
    bills = client.get(f"/v1/invoices?subscription={drilled.subscription}")
    assert [each["status"] for each in bills] == ["paid", "paid"]
    paid = [client.get(f"/v1/payments/{each['latestPaymentId']}") for each in bills]
    charged = [[charge["amount"] for charge in charges(client, each)] for each in paid]
    assert charged == [[5399], [6399]]  # the second is less by the credit note
