"""Issue 17, number 4: what is too long for a request is a run, which goes on after whatever cuts it off."""

import pytest

from tests.integration.payer import sale
from tests.integration.reports.runs import at_most, file_of, work
from tests.integration.world import Tenant, World

PATH = "/v1/reports/trial-balance"


def test_a_report_that_is_too_long_is_made_by_the_worker(
    tenant: Tenant, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale(tenant)
    world.clock.advance(seconds=1)
    at_once = tenant.get(f"{PATH}.csv").content
    at_most(monkeypatch, 2)
    answer = tenant.get(f"{PATH}.csv")
    assert answer.status == 202
    run = answer.data
    assert answer.headers["Location"] == f"/v1/report-runs/{run['id']}"
    assert (run["state"], run["name"], run["format"]) == ("queued", "trial-balance", "csv")
    assert tenant.get(f"/v1/report-runs/{run['id']}/file").error["code"] == "report_run.invalid_state"
    world.clock.advance(seconds=1)
    assert work(world, run["id"]) == {"batchItemFailures": []}
    done = tenant.get(f"/v1/report-runs/{run['id']}").data
    assert (done["state"], done["records"], done["rows"]) == ("done", 3, 4)
    assert file_of(tenant, f"/v1/report-runs/{run['id']}") == at_once


def test_a_report_that_is_opened_twice_runs_once(tenant: Tenant, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sale(tenant)
    world.clock.advance(seconds=1)
    at_most(monkeypatch, 2)
    first, second = tenant.get(PATH).data, tenant.get(PATH).data
    assert first["id"] == second["id"]
    assert tenant.get(f"{PATH}.csv").data["id"] != first["id"]
    world.clock.advance(seconds=1)
    work(world, first["id"])
    assert tenant.get(PATH).data["state"] == "done"
    world.clock.advance(minutes=6)
    assert tenant.get(PATH).data["id"] != first["id"]


def test_a_run_is_its_tenants_own(world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    sale(tenant)
    world.clock.advance(seconds=1)
    at_most(monkeypatch, 2)
    run = tenant.get(PATH).data
    assert world.tenant().get(f"/v1/report-runs/{run['id']}").status == 404
    assert tenant.get(f"/v1/exports/{run['id']}").status == 404


def test_17_a_read_that_begins_a_run_is_one_commit_with_its_audit_row(
    tenant: Tenant, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale(tenant)
    world.clock.advance(seconds=1)
    at_most(monkeypatch, 2)
    run = tenant.get(f"{PATH}.csv").data
    rows = [row for row in world.rows_of("audit", tenant.id) if row["route"]["S"] == f"GET {PATH}.csv"]
    assert [row["status"]["N"] for row in rows] == ["202"]
    kept = {row["id"]["S"].partition("#")[0] for row in world.rows_of("report_runs", tenant.id)}
    assert kept == {run["id"], "claim"}


def test_17_a_time_that_was_named_is_a_run_of_its_own_and_good_for_as_long_as_its_file(
    tenant: Tenant, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale(tenant)
    world.clock.advance(seconds=1)
    at = world.clock().isoformat()
    world.clock.advance(seconds=1)
    at_most(monkeypatch, 2)
    now, then = tenant.get(PATH).data, tenant.get(PATH, asOf=at).data
    assert now["id"] != then["id"]
    world.clock.advance(seconds=1)
    work(world, then["id"])
    world.clock.advance(days=6)
    assert tenant.get(PATH, asOf=at).data["id"] == then["id"]
    world.clock.advance(days=2)
    assert tenant.get(PATH, asOf=at).data["id"] != then["id"]
