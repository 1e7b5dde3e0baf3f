"""Issue 17, number 4: what is too long for a request is a run, which goes on after whatever cuts it off."""

from typing import cast

import pytest

from billing.domain.kernel.errors import LostRace, RateLimited
from billing.domain.reports.run import GOING_AT_MOST, Form, Purpose, RunRequest
from billing.services.clocks.due_index import Alarm
from billing.services.kernel.work import Unit
from billing.services.reports.runs import Runs
from tests.integration.payer import sale
from tests.integration.reports.runs import at_most, file_of, work
from tests.integration.world import Answer, Tenant, World
from tests.support.journals import MemoryFiles

PATH = "/v1/reports/trial-balance"


class Silent:
    """An alarm clock that wakes nobody."""

    def wake(self, shard: str, unless: str) -> None:
        """Do nothing."""


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


def _asked(tenant: Tenant, n: int) -> Answer:
    """A report of its own: of a day that nobody else asks for."""
    return tenant.get("/v1/reports/revenue.csv", from_=f"2026-{1 + n // 28:02d}-{1 + n % 28:02d}")


def test_17_ten_reports_are_made_at_once_and_one_more_when_one_is_done(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale(tenant)
    world.clock.advance(seconds=1)
    at_most(monkeypatch, -1)
    runs = [_asked(tenant, n).data["id"] for n in range(GOING_AT_MOST)]
    refused = _asked(tenant, GOING_AT_MOST)
    assert (refused.status, refused.error["code"]) == (429, "rate.limited")
    assert refused.error["message"] == "10 reports are being made; ask again when one is done"
    assert int(refused.headers["Retry-After"]) == 30
    assert _asked(tenant, 3).data["id"] == runs[3]  # what there is already is joined
    export = {"kind": "invoices", "format": "csv"}
    assert tenant.post("/v1/exports", export).status == 202  # of those ten, too
    other = world.tenant()
    sale(other)
    world.clock.advance(seconds=1)
    assert _asked(other, 0).status == 202  # another tenant's are its own
    world.clock.advance(seconds=1)
    work(world, runs[0])
    assert tenant.get(f"/v1/report-runs/{runs[0]}").data["state"] == "done"
    assert _asked(tenant, GOING_AT_MOST).status == 202
    done = sum(tenant.get(f"/v1/report-runs/{each}").data["state"] == "done" for each in runs)
    left = [_asked(tenant, GOING_AT_MOST + n).status for n in range(1, 1 + done)]
    assert left == [202] * (done - 1) + [429]


def test_17_of_two_that_begin_the_last_one_at_once_one_comes_after(tenant: Tenant) -> None:
    """Both have counted nine: the second one's commit fails, and counts again."""
    from billing.bootstrap import storage

    runs, units = Runs(MemoryFiles(), cast("Alarm", Silent())), storage.units()

    def begin(unit: Unit, n: int) -> None:
        request = RunRequest(Purpose.REPORT, "revenue", Form.CSV, unit.now, "UTC", options={"n": str(n)})
        runs.begin(unit, request, runs.fresh_id(unit, Purpose.REPORT))

    for n in range(GOING_AT_MOST - 1):
        unit = units.begin(tenant.id)
        begin(unit, n)
        unit.commit()
    one, other = units.begin(tenant.id), units.begin(tenant.id)
    begin(one, 20)
    begin(other, 21)
    one.commit()
    with pytest.raises(LostRace):
        other.commit()
    with pytest.raises(RateLimited):
        begin(units.begin(tenant.id), 21)


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
    assert kept == {run["id"], "claim", "going"}


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
