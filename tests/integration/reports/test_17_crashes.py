"""Issue 17, number 4: the report worker dies at each of its calls, or loses an answer; the file is a quiet run's."""

from contextlib import nullcontext
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from billing.domain.reports.run import TRIES
from tests.integration.payer import sale
from tests.integration.reports.runs import at_most, objects, steps_of, work
from tests.integration.webhooks.cuts import MODES, cut, every_cut
from tests.integration.world import Json, Tenant, World

JOURNAL = "/v1/ledger/entries.csv"
BUCKET = "report-files"
BALANCE = "/v1/reports/trial-balance.csv"
REVENUE = "/v1/reports/revenue.csv?from_=2020-01-01"


@pytest.fixture
def sold(tenant: Tenant, world: World, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    """Two sales a month apart; requests read nothing."""
    from billing.bootstrap import storage

    monkeypatch.setattr(storage.database(), "_pause", lambda _: None)
    monkeypatch.setattr("moto.settings.S3_UPLOAD_PART_MIN_SIZE", 1, raising=False)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1, raising=False)
    monkeypatch.setattr("billing.services.reports.kept._WORTH_KEEPING", 1)
    now = world.clock()
    third = (now.replace(day=1, hour=9) + timedelta(days=31)).replace(day=3)
    world.clock.advance(seconds=(third - now).total_seconds())  # all that the cuts take stays within the second month
    sale(tenant)
    world.clock.advance(days=31)
    sale(tenant)
    world.clock.advance(seconds=1)
    at_most(monkeypatch, -1)
    return tenant


class Killed(BaseException):
    """The process is gone."""


def _dies(*_: Any) -> None:
    raise Killed


def _to_the_end(world: World, tenant: Tenant, run_id: str) -> Json:
    """What was cut off comes again, as the queue and the next minutes' sweeps have it."""
    for _ in range(20):
        found: Json = tenant.get(f"/v1/report-runs/{run_id}").data
        if found["state"] not in ("queued", "running"):
            return found
        world.clock.advance(minutes=10)
        work(world, run_id)
    raise AssertionError(f"{run_id} does not end: {found}")


def _file(world: World, tenant: Tenant, run_id: str) -> bytes:
    return objects(world, f"reports/{tenant.id}/{run_id}/file")[f"reports/{tenant.id}/{run_id}/file"]


def _asked(world: World, tenant: Tenant, path: str) -> str:
    """A run of its own: one that is done is good for five minutes."""
    world.clock.advance(minutes=6)
    path, _, query = path.partition("?")
    run_id: str = tenant.get(path, **dict(parse_qsl(query))).data["id"]
    world.clock.advance(seconds=1)
    return run_id


def _cut_everywhere(world: World, tenant: Tenant, mode: str, path: str, quiet: bytes, forget: str = "nothing") -> int:
    def once(n: int) -> list[str]:
        for key in objects(world, forget):
            world.aws("s3").delete_object(Bucket=BUCKET, Key=key)
        run_id = _asked(world, tenant, path)
        with cut(mode, n) as calls:
            work(world, run_id)
        done = _to_the_end(world, tenant, run_id)
        assert (done["state"], done["reason"]) == ("done", None), (mode, n, calls)
        assert _file(world, tenant, run_id) == quiet, (mode, n, calls)
        assert done["bytes"] == len(quiet), (mode, n, calls)
        return calls

    return every_cut(mode, once)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("part_bytes", "records", "calls"), [(1, 2, 25), (400, 2, 20), (10_000, 4, 12)])
def test_17_a_listing_that_is_cut_is_written_all_the_same(
    world: World, sold: Tenant, monkeypatch: pytest.MonkeyPatch, mode: str, part_bytes: int, records: int, calls: int
) -> None:
    """In parts, in parts with what is too short for one between them, and in one piece."""
    with steps_of(monkeypatch, step_records=records, part_bytes=part_bytes):
        quiet_id = _asked(world, sold, JOURNAL)
        _to_the_end(world, sold, quiet_id)
        quiet = _file(world, sold, quiet_id)
        assert quiet.count(b"\r\n") == 1 + 12
        assert _cut_everywhere(world, sold, mode, JOURNAL, quiet) >= calls


@pytest.mark.parametrize("mode", MODES)
def test_17_a_fold_that_is_cut_goes_on_and_comes_to_the_same(
    world: World, sold: Tenant, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    with steps_of(monkeypatch, fold_records=2):
        quiet_id = _asked(world, sold, BALANCE)
        _to_the_end(world, sold, quiet_id)
        quiet = _file(world, sold, quiet_id)
        assert quiet.count(b"\r\n") == 1 + 4
        kept = objects(world, f"folds/{sold.id}/")
        assert len(kept) == 1  # the first month's end; of the second one nothing is over yet
        assert _cut_everywhere(world, sold, mode, BALANCE, quiet, forget=f"folds/{sold.id}/") >= 15
        assert objects(world, f"folds/{sold.id}/") == kept  # to the byte, whoever kept it


@pytest.mark.parametrize("mode", MODES)
def test_17_a_report_in_parts_that_is_cut_says_what_it_says_at_once(
    world: World, sold: Tenant, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """While it is spilled, while a part is made, and while their rows are merged."""
    at_once_id = _asked(world, sold, REVENUE)
    _to_the_end(world, sold, at_once_id)
    quiet = _file(world, sold, at_once_id)
    assert quiet.count(b"\r\n") == 1 + 2
    with steps_of(monkeypatch, at_once=0, parts=2, chunk_rows=1, fold_records=4) as steps:
        assert _cut_everywhere(world, sold, mode, REVENUE, quiet) >= 60
    assert {step.written.division is not None for step in steps} == {True}


@pytest.mark.parametrize("mode", MODES)
def test_17_a_file_that_expires_is_taken_away_whatever_cuts_that(world: World, sold: Tenant, mode: str) -> None:
    def once(n: int) -> list[str]:
        run_id = _asked(world, sold, JOURNAL)
        _to_the_end(world, sold, run_id)
        assert objects(world, f"reports/{sold.id}/{run_id}/")
        world.clock.advance(days=7)
        with cut(mode, n) as calls:
            work(world, run_id)
        for _ in range(3):
            world.clock.advance(minutes=1)
            work(world, run_id)
        assert sold.get(f"/v1/report-runs/{run_id}").data["state"] == "expired"
        assert objects(world, f"reports/{sold.id}/{run_id}/") == {}
        assert sold.get(f"/v1/report-runs/{run_id}/file").status == 409
        return calls

    assert every_cut(mode, once) >= 5


def test_17_a_run_that_leaves_nothing_behind_fails_with_a_reason(
    world: World, sold: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies in the middle of each step, as of too little memory: nobody is told, and nothing is written."""
    run_id = _asked(world, sold, JOURNAL)
    with monkeypatch.context() as patch:
        patch.setattr("billing.services.reports.running.RunSteps._step", _dies)
        for n in range(8):
            dies: Any = pytest.raises(Killed) if n < TRIES else nullcontext()
            with dies:
                work(world, run_id)
            world.clock.advance(minutes=1)
    failed = sold.get(f"/v1/report-runs/{run_id}").data
    assert (failed["state"], failed["reason"]) == ("failed", "nothing was left behind by so many steps in a row")
    assert "report_run.failed" in {row["type"]["S"] for row in world.rows_of("events", sold.id) if "type" in row}
    again = sold.get(JOURNAL).data
    assert again["id"] != run_id  # what has failed is nobody's answer
