"""Issue 17, number 7: exports have all rows, the API's own form of each, and personal data for a day only."""

import csv
import io
import json
from dataclasses import replace

import pytest

from tests.integration.payer import sale
from tests.integration.reports.runs import file_of, objects, steps_of, work
from tests.integration.world import Json, Tenant, World

KINDS = ("customers", "plans", "subscriptions", "invoices", "invoice-lines", "credit-notes", "payments", "ledger")


def export(world: World, tenant: Tenant, **body: str | bool) -> Json:
    """An export, worked to its end."""
    asked = tenant.post("/v1/exports", body)
    assert asked.status == 202, asked.json
    world.clock.advance(seconds=1)
    work(world, asked.data["id"])
    found: Json = tenant.get(f"/v1/exports/{asked.data['id']}").data
    assert found["state"] == "done", found
    return found


def lines_of(world: World, tenant: Tenant, **body: str) -> list[Json]:
    run = export(world, tenant, format="jsonl", **body)
    return [json.loads(line) for line in file_of(tenant, f"/v1/exports/{run['id']}").splitlines()]


def rows_of(world: World, tenant: Tenant, **body: str | bool) -> list[dict[str, str]]:
    run = export(world, tenant, format="csv", **body)
    return list(csv.DictReader(io.StringIO(file_of(tenant, f"/v1/exports/{run['id']}").decode("utf-8-sig"))))


@pytest.fixture
def shop(tenant: Tenant) -> Tenant:
    """Two customers, a plan, a subscription with its invoice, a sale, a credit note."""
    tenant.customer(name="=Ada", email="ada@example.com", metadata={"team": "a,b"})
    subscribed = tenant.customer(name="Grace")
    tenant.subscribe(customerId=subscribed)
    sale(tenant)
    sold = tenant.post(
        "/v1/invoices",
        {"customerId": subscribed, "lines": [
            {"description": "-5 % off", "quantity": "2", "unitAmount": 1_500_000},
            {"description": "Setup", "quantity": "1", "unitAmount": 100_000},
        ]},
    ).data["id"]  # fmt: skip
    tenant.post(f"/v1/invoices/{sold}/finalize", {})
    tenant.post(f"/v1/invoices/{sold}/credit-notes", {"amount": 1_000_000})
    return tenant


def _listed(tenant: Tenant, path: str) -> list[Json]:
    found: list[Json] = tenant.get(path, limit="100").data
    return found


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("customers", "/v1/customers"), ("plans", "/v1/plans"), ("subscriptions", "/v1/subscriptions"),
        ("invoices", "/v1/invoices"), ("payments", "/v1/payments"), ("ledger", "/v1/ledger/entries"),
    ],
)  # fmt: skip
def test_17_json_lines_are_what_the_api_shows_of_each(world: World, shop: Tenant, kind: str, path: str) -> None:
    def by_id(each: Json) -> str:
        return str(each["id"])

    found = lines_of(world, shop, kind=kind)
    # A list tells of a subscription's MRR, too; a line is what is shown of one by itself.
    shown = [{name: value for name, value in each.items() if name != "mrr"} for each in _listed(shop, path)]
    assert sorted(found, key=by_id) == sorted(shown, key=by_id)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_17_steps_of_one_record_write_what_one_step_writes(
    world: World, shop: Tenant, monkeypatch: pytest.MonkeyPatch, kind: str, format: str
) -> None:
    whole = export(world, shop, kind=kind, format=format)
    world.clock.advance(minutes=6)
    with steps_of(monkeypatch, step_records=1) as steps:
        cut = export(world, shop, kind=kind, format=format)
    assert cut["id"] != whole["id"]
    assert len(steps) > 1
    paths = [f"/v1/exports/{each['id']}" for each in (whole, cut)]
    assert file_of(shop, paths[0]) == file_of(shop, paths[1])


def test_17_a_customers_row(world: World, shop: Tenant) -> None:
    found = {row["email"]: row for row in rows_of(world, shop, kind="customers", bom=True)}["ada@example.com"]
    assert (found["name"], found["metadata"]) == ("'=Ada", '{"team": "a,b"}')


def test_17_an_invoices_lines_are_rows_of_their_own(world: World, shop: Tenant) -> None:
    rows = rows_of(world, shop, kind="invoice-lines")
    mine = {row["description"]: (row["quantity"], row["amount"], row["currency"]) for row in rows}
    assert mine["'-5 % off"] == ("2", "30.00", "USD")
    assert mine["Setup"] == ("1", "1.00", "USD")


def test_17_a_credit_notes_amounts_are_decimals_that_no_apostrophe_spoils(world: World, shop: Tenant) -> None:
    (row,) = rows_of(world, shop, kind="credit-notes")
    assert (row["total"], row["currency"]) == ("10.00", "USD")


def test_17_the_ledger_balances_in_its_export(world: World, shop: Tenant) -> None:
    rows = rows_of(world, shop, kind="ledger")
    debits = sum(round(float(row["debit"] or 0) * 100) for row in rows)
    assert debits == sum(round(float(row["credit"] or 0) * 100) for row in rows) > 0


def test_17_days_are_those_of_the_tenants_zone(world: World, tenant: Tenant) -> None:
    first = tenant.customer(name="Before")
    world.clock.advance(days=2)
    second = tenant.customer(name="After")
    day = tenant.get(f"/v1/customers/{second}").data["createdAt"][:10]
    found = lines_of(world, tenant, kind="customers", **{"from": day})
    assert {each["id"] for each in found} >= {second}
    assert first not in {each["id"] for each in found}
    before = lines_of(world, tenant, kind="customers", to=day)
    assert first in {each["id"] for each in before}
    assert second not in {each["id"] for each in before}


def test_17_whatever_is_wrong_is_named_at_once_and_nothing_begins(world: World, tenant: Tenant) -> None:
    wrong = {"kind": "invoices", "format": "jsonl", "from": "2026-02-01", "to": "2026-01-01", "bom": True}
    answer = tenant.post("/v1/exports", wrong)
    assert (answer.status, answer.bad_fields) == (400, {"to": "before_from", "bom": "only_for_csv"})
    assert tenant.post("/v1/exports", {"kind": "secrets"}).bad_fields.keys() == {"kind"}
    assert world.rows_of("report_runs", tenant.id) == []


def test_17_only_an_admin_exports_and_the_file_is_gone_after_a_day(world: World, shop: Tenant) -> None:
    run = export(world, shop, kind="customers")
    path = f"/v1/exports/{run['id']}"
    assert shop.get(f"/v1/report-runs/{run['id']}").status == 404
    reader = shop.post("/v1/api-keys", {"name": "reader", "scope": "write"}).data["key"]
    of_reader = replace(shop, key=reader)
    assert of_reader.get(f"{path}/file").status == 403
    assert of_reader.post("/v1/exports", {"kind": "customers"}).status == 403
    assert objects(world, f"exports/{shop.id}/")
    world.clock.advance(hours=24)
    assert shop.get(f"{path}/file").error["code"] == "report_run.invalid_state"  # before the worker came by, too
    work(world, run["id"])
    assert objects(world, f"exports/{shop.id}/") == {}
    assert shop.get(path).data["state"] == "expired"


def test_17_a_person_who_was_erased_is_in_no_export(world: World, shop: Tenant) -> None:
    person = shop.customer(name="Zoe Secret", email="zoe@secret.example")
    shop.delete(f"/v1/customers/{person}")
    for kind in ("customers", "invoices"):
        run = export(world, shop, kind=kind, format="jsonl")
        assert b"Secret" not in file_of(shop, f"/v1/exports/{run['id']}")


def test_17_the_link_is_asked_for_in_the_audit_log(world: World, shop: Tenant) -> None:
    run = export(world, shop, kind="plans")
    file_of(shop, f"/v1/exports/{run['id']}")
    routes = [row["route"]["S"] for row in world.rows_of("audit", shop.id)]
    assert "GET /v1/exports/{export_id}/file" in routes


def test_17_what_is_written_meanwhile_is_neither_missed_nor_twice(
    world: World, shop: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {each["id"] for each in _listed(shop, "/v1/customers")}
    asked = shop.post("/v1/exports", {"kind": "customers", "format": "jsonl"}).data
    with steps_of(monkeypatch, step_records=1) as steps:
        world.clock.advance(seconds=1)
        work_one = [shop.customer(name="Meanwhile")]
        work(world, asked["id"])
    assert len(steps) > 2
    found = [json.loads(line)["id"] for line in file_of(shop, f"/v1/exports/{asked['id']}").splitlines()]
    assert len(found) == len(set(found))
    assert before <= set(found) <= before | set(work_one)


def test_17_a_tenants_own_ids_are_in_the_flat_form(world: World, tenant: Tenant) -> None:
    """By them its own systems join the file."""
    customer = tenant.customer(externalId="crm-7")
    subscribed = tenant.subscribe(customerId=customer, externalId="-contract-9")["id"]
    customers = {row["id"]: row["externalId"] for row in rows_of(world, tenant, kind="customers")}
    subscriptions = {row["id"]: row["externalId"] for row in rows_of(world, tenant, kind="subscriptions")}
    assert customers[customer] == "crm-7"
    assert subscriptions[subscribed] == "'-contract-9"
