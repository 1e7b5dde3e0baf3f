"""docs/athena.md: its queries, on an export file in DynamoDB's format, say what the API says.

SQLite stands for Athena: the queries are plain SQL, and the view that they read is made here in Python, by the paths
that its own statement names.
"""

import gzip
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from local.stack.settings import ROOT
from tests.integration.payer import sale
from tests.integration.world import Tenant, World

DOC = (ROOT / "docs" / "athena.md").read_text()
STATEMENTS = re.findall(r"```sql\n(.*?)```", DOC, re.DOTALL)
QUERIES = [each for each in STATEMENTS if not each.startswith("-- athena")]
TRIAL_BALANCE, UNBALANCED, REVENUE, OWED, FEES = QUERIES


def exported(world: World, tenant: Tenant, folder: Path) -> Path:
    """An export of the ledger, as DynamoDB writes one."""
    path = folder / "data.json.gz"
    lines = (json.dumps({"Item": row}) for row in world.rows_of("ledger", tenant.id))
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def _path(value: Any, path: str) -> Any:
    """``json_extract_scalar``."""
    for name in path.removeprefix("$.").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def read(path: Path) -> sqlite3.Connection:
    """A database with the view, by what its statement in the document says of each column."""
    (view,) = (each for each in STATEMENTS if "CREATE VIEW postings" in each)
    of_item = re.findall(r"item\.(\w+)\.s AS (\w+)", view)
    of_body = re.findall(r"json_extract_scalar\(item\.body\.s, '([^']+)'\) AS (\w+)", view)
    of_posting = re.findall(r"json_extract_scalar\(posting, '([^']+)'\)(?: AS BIGINT\))? AS (\w+)", view)
    columns = [name for _, name in (*of_item, *of_body, *of_posting)]
    assert len(columns) == 11
    database = sqlite3.connect(":memory:")
    database.execute(f"CREATE TABLE postings ({', '.join(columns)})")
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        item = json.loads(line)["Item"]
        body = json.loads(item["body"]["S"])
        for posting in body["postings"]:
            row = [item[name]["S"] for name, _ in of_item]
            row += [_path(body, each) for each, _ in of_body] + [_path(posting, each) for each, _ in of_posting]
            database.execute(f"INSERT INTO postings VALUES ({', '.join('?' * len(row))})", row)
    return database


@pytest.fixture
def database(world: World, tenant: Tenant, tmp_path: Path) -> sqlite3.Connection:
    for _ in range(2):
        sale(tenant)
        world.clock.advance(days=31)
    owing = tenant.customer(name="Grace")
    lines = [{"description": "Setup", "quantity": "1", "unitAmount": 1_500_000}]
    invoice = tenant.post("/v1/invoices", {"customerId": owing, "lines": lines}).data["id"]
    assert tenant.post(f"/v1/invoices/{invoice}/finalize", {}).status == 200
    world.clock.advance(seconds=1)
    return read(exported(world, tenant, tmp_path))


def test_17_the_trial_balance_is_the_apis(database: sqlite3.Connection, tenant: Tenant) -> None:
    shown = tenant.get("/v1/reports/trial-balance").data["accounts"]
    found = database.execute(TRIAL_BALANCE).fetchall()
    assert found == sorted(
        (tenant.id, each["currency"], each["account"], each["debit"], each["credit"]) for each in shown
    )
    assert database.execute(UNBALANCED).fetchall() == []


def test_17_revenue_is_that_of_the_sales_in_their_months(database: sqlite3.Connection) -> None:
    found = database.execute(REVENUE).fetchall()
    assert [row[2] for row in found if row[2] != 1_500_000] == [4_999_000, 4_999_000]
    assert sum(row[2] for row in found) == 2 * 4_999_000 + 1_500_000


def test_17_who_owes_and_what_stripe_took(database: sqlite3.Connection, tenant: Tenant) -> None:
    ((of, _, currency, owed),) = database.execute(OWED).fetchall()
    assert (of, currency, owed) == (tenant.id, "USD", 1_500_000)
    assert database.execute(FEES).fetchall() == [("USD", 2 * 175_000, 2 * 4_999_000)]


def test_17_what_test_clocks_posted_is_left_out(database: sqlite3.Connection) -> None:
    queries = (TRIAL_BALANCE, REVENUE, OWED, FEES)
    before = [database.execute(each).fetchall() for each in queries]
    database.execute("CREATE TABLE twin AS SELECT * FROM postings")
    database.execute("UPDATE twin SET test_clock_id = 'clk_1'")
    database.execute("INSERT INTO postings SELECT * FROM twin")
    assert [database.execute(each).fetchall() for each in queries] == before
