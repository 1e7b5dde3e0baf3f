"""Issue 17, number 4: what the worker's steps leave behind, and what they do where somebody else was at it."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import billing.services.reports
from billing.bootstrap.reports import all_reports
from billing.domain.kernel.due import Due
from billing.domain.reports.run import Form, Purpose, ReportRun, RunRequest, RunState
from billing.domain.reports.table import Column, Kind
from billing.schemas.reports.writers import WRITERS
from billing.services.reports.running import Limits, RunSteps
from billing.services.reports.sources import Asked
from billing.services.reports.writing import Item, Sheet
from tests.support.journals import MemoryFiles, MemoryJournal

NOW = datetime(2026, 12, 1, tzinfo=UTC)
TEXTS = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30), max_size=30)


class Names:
    """Something to export: names, the newest first."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def sheet(self, work: Any, asked: Asked, kind: str, as_json: bool) -> Sheet:
        def items(after: str | None) -> Iterator[Item]:
            for n, name in list(enumerate(self.names))[int(after) + 1 if after is not None else 0 :]:
                yield Item(str(n), name)

        return Sheet((Column("name", Kind.TEXT), Column("n", Kind.INTEGER)), items, lambda name: [(name, len(name))])


class Steps:
    """A run, and the steps that it takes."""

    def __init__(self, names: list[str], form: Form, limits: Limits, left_s: float = 100.0) -> None:
        units: Any = SimpleNamespace(begin=lambda _: SimpleNamespace())
        none: Any = SimpleNamespace()  # no run here is an import, printed or divided
        self.files = MemoryFiles()
        self.steps = RunSteps(
            units, MemoryJournal([]), self.files, {}, Names(names), WRITERS, none, none, none, lambda: left_s, limits
        )
        request = RunRequest(Purpose.EXPORT, "names", form, NOW, "UTC")
        self.run = ReportRun("exp_1", "ten_1", request, NOW, due=Due("r00", NOW))

    def one(self) -> ReportRun:
        """The next step."""
        work: Any = SimpleNamespace(now=NOW)
        self.run = self.steps._step(self.run, work)
        return self.run

    def to_the_end(self) -> bytes:
        """All steps; the file."""
        for _ in range(200):
            if self.one().state is RunState.DONE:
                return self.files.objects[self.run.key]
        raise AssertionError("it does not end")


def whole(names: list[str], form: Form) -> bytes:
    return Steps(names, form, Limits()).to_the_end()


@given(TEXTS, st.sampled_from(sorted(WRITERS)), st.integers(1, 9), st.integers(1, 200), st.integers(1, 400))
def test_a_file_in_steps_is_the_file_at_once(
    names: list[str], form: Form, records: int, part_bytes: int, step_bytes: int
) -> None:
    steps = Steps(names, form, Limits(part_bytes=part_bytes, step_records=records, step_bytes=step_bytes))
    text = steps.to_the_end()
    assert text == whole(names, form)
    written = steps.run.written
    assert (written.records, written.rows, written.size) == (len(names), len(names), len(text))
    assert steps.files.uploads == {}


@given(TEXTS, st.integers(1, 9), st.integers(1, 200), st.data())
def test_a_step_that_is_done_twice_is_done_once(
    names: list[str], records: int, part_bytes: int, data: st.DataObject
) -> None:
    """It was cut off before it was noted, whatever it had left; and the next one begins from the same note."""
    steps = Steps(names, Form.CSV, Limits(part_bytes=part_bytes, step_records=records))
    while steps.run.state is not RunState.DONE:
        before = steps.run
        steps.one()
        if data.draw(st.booleans()):
            steps.run = before
            steps.one()
    assert steps.files.objects[steps.run.key] == whole(names, Form.CSV)


def test_a_part_that_somebody_else_sent_again_has_the_upload_begun_anew() -> None:
    """A second worker, late by a visibility timeout: its part has another ETag, although it says the same."""
    names = [f"name {n}" for n in range(30)]
    steps = Steps(names, Form.CSV, Limits(part_bytes=20, step_records=4))
    first = steps.one()
    assert first.written.upload_id is not None
    content = steps.files.uploads[first.written.upload_id][1][1]
    steps.files.part(first.key, first.written.upload_id, 1, content)
    seen = []
    while steps.run.state is not RunState.DONE:
        seen.append(steps.one().written.place)
    assert None in seen  # it began again
    assert steps.files.objects[steps.run.key] == whole(names, Form.CSV)


def test_a_bucket_that_somebody_emptied_has_it_begun_anew() -> None:
    names = [f"name {n}" for n in range(30)]
    for part_bytes in (20, 10_000):
        steps = Steps(names, Form.CSV, Limits(part_bytes=part_bytes, step_records=4))
        steps.one()
        steps.files.objects.clear()
        steps.files.uploads.clear()
        assert steps.to_the_end() == whole(names, Form.CSV)


def test_a_step_is_over_before_its_time_is() -> None:
    steps = Steps([f"name {n}" for n in range(1000)], Form.CSV, Limits(margin_s=20.0), left_s=19.0)
    assert steps.one().written.records == 100
    assert steps.run.state is not RunState.DONE


def test_no_text_becomes_a_formula_and_no_number_a_text() -> None:
    from decimal import Decimal

    from billing.domain.kernel.money import Money

    columns = [Column(name, Kind.TEXT) for name in ("a", "b", "c", "d")]
    row = ("=1+1", "  @cmd", Money(-12_340, "USD"), Decimal("-1.5"))
    assert WRITERS[Form.CSV].rows(columns, [row], 0) == b"'=1+1,'  @cmd,-0.1234,-1.5\r\n"
    assert WRITERS[Form.JSONL].rows(columns, [row], 0) == b'{"a":"=1+1","b":"  @cmd","c":-12340,"d":"-1.5"}\n'


def test_every_report_can_be_a_run() -> None:
    """The worker makes a report again from its name: one that it does not know would fail there, and not before."""
    found = set()
    for module in pkgutil.iter_modules(billing.services.reports.__path__, "billing.services.reports."):
        for name, each in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            is_report = isinstance(getattr(each, "name", None), str) and callable(getattr(each, "table", None))
            if is_report and each.__module__ == module.name and not inspect.isabstract(each):
                found.add(name)
    assert found == {type(each).__name__ for each in all_reports().values()}
    assert all(name == each.name for name, each in all_reports().items())


@pytest.mark.parametrize("form", WRITERS)
def test_an_empty_file_is_a_file(form: Form) -> None:
    assert (
        whole([], form)
        == {
            Form.CSV: b"name,n\r\n",
            Form.JSONL: b"",
            Form.JSON: b'{"report":"names","from":null,"to":null,"timezone":"UTC","asOf":"2026-12-01T00:00:00Z",'
            b'"testClockId":null,"columns":[{"name":"name","kind":"text","description":""},'
            b'{"name":"n","kind":"integer","description":""}],"rows":[\n]}\n',
        }[form]
    )
