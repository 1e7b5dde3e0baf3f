"""Issue 17, number 6: reports as PDF are short, and made by the worker where there is much to read.

A run that is to be a PDF keeps its rows from step to step, and is printed once.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import ReportTooLong
from billing.domain.kernel.money import Money
from billing.domain.reports.run import Form, Purpose, ReportRun, RunRequest, RunState
from billing.domain.reports.table import Column, Kind, Row, Table
from billing.schemas.reports.writers import WRITERS
from billing.services.reports.asking import Reports
from billing.services.reports.listing import Listing
from billing.services.reports.printing import CELLS_AT_ONCE, MOST_ROWS, KeptRows, check_length, with_locale
from billing.services.reports.running import Limits, RunSteps
from billing.services.reports.sources import Asked, Sources
from billing.services.reports.writing import Item
from tests.support.journals import MemoryFiles, MemoryJournal

NOW = datetime(2026, 11, 1, tzinfo=UTC)
COLUMNS = (Column("name", Kind.TEXT), Column("n", Kind.INTEGER))
CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.text(st.characters(codec="utf-8")),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.builds(Money, st.integers(-(2**62), 2**62), st.sampled_from(["EUR", "JPY", "KWD"])),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
)


class Told:
    """Prints a report as its rows, and says how often."""

    def __init__(self) -> None:
        self.printed: list[list[Row]] = []

    def pdf(self, work: Any, name: str, asked: Asked, table: Table) -> bytes:
        rows = list(table.rows)
        check_length(name, len(rows))
        self.printed.append(rows)
        return repr(rows).encode()


class Names(Listing):
    """A listing of names, with two rows each."""

    name = "names"

    def __init__(self, names: int) -> None:
        self.names = names

    def columns(self, asked: Asked) -> tuple[Column, ...]:
        return COLUMNS

    def rows(self, asked: Asked, record: int) -> list[Row]:
        return [(f"name {record}", record), ("again", -record)]

    def items(self, asked: Asked, sources: Sources, after: str | None = None) -> Iterator[Item]:
        for n in range(int(after) + 1 if after is not None else 0, self.names):
            yield Item(str(n), n)


class Long:
    """A report that is one table, whose rows are made as they are read."""

    name = "long"

    def __init__(self, rows: int, columns: tuple[Column, ...] = COLUMNS) -> None:
        self.made, self._rows, self._columns = 0, rows, columns

    def table(self, asked: Asked, sources: Sources) -> Table:
        return Table(self._columns, self._each())

    def _each(self) -> Iterator[Row]:
        for n in range(self._rows):
            self.made += 1
            yield (f"name {n}", *[n] * (len(self._columns) - 1))


class Steps:
    """A run that is to be a PDF, and the steps that it takes."""

    def __init__(self, report: Any, limits: Limits = Limits()) -> None:
        tenant = SimpleNamespace(id="ten_1", created_at=NOW - timedelta(days=9), timezone="UTC")
        units: Any = SimpleNamespace(begin=lambda _: SimpleNamespace(tenant=tenant, now=NOW))
        none: Any = SimpleNamespace()
        self.files, self.told = MemoryFiles(), Told()
        printer: Any = self.told
        self.steps = RunSteps(
            units, MemoryJournal([]), self.files, {report.name: report}, none, WRITERS, printer, none,
            none, lambda: 100.0, limits,
        )  # fmt: skip
        request = RunRequest(Purpose.REPORT, report.name, Form.PDF, NOW, "UTC")
        self.run = ReportRun("rrn_1", "ten_1", request, NOW, due=Due("r00", NOW))

    def one(self) -> ReportRun:
        """The next step."""
        work: Any = SimpleNamespace(now=NOW)
        self.run = self.steps._step(self.run, work)
        return self.run

    def to_the_end(self) -> ReportRun:
        """All steps."""
        for _ in range(200):
            if not self.one().is_going:
                return self.run
        raise AssertionError("it does not end")


@given(st.lists(st.lists(CELLS, max_size=6), max_size=6))
def test_rows_that_are_kept_are_read_again_as_they_were(rows: list[Row]) -> None:
    text = KeptRows().rows((), rows, 0)
    read = list(KeptRows.read(text))
    assert read == rows
    assert [[type(cell) for cell in row] for row in read] == [[type(cell) for cell in row] for row in rows]


def test_dates_and_times_stay_apart() -> None:
    row = [date(2026, 11, 1), datetime(2026, 11, 1, tzinfo=UTC), Decimal("1.50")]
    assert list(KeptRows.read(KeptRows().rows((), [row], 0))) == [row]


@pytest.mark.parametrize("records", [1, 7, 1000])
@pytest.mark.parametrize("part_bytes", [10, 10_000_000])
def test_a_listing_in_steps_is_printed_once_and_whole(records: int, part_bytes: int) -> None:
    """However short its parts were to be: a PDF is no upload."""
    steps = Steps(Names(40), Limits(step_records=records, part_bytes=part_bytes))
    run = steps.to_the_end()
    assert run.state is RunState.DONE
    expected = [row for n in range(40) for row in ([f"name {n}", n], ["again", -n])]
    assert steps.told.printed == [expected]
    content = steps.files.objects[run.key]
    assert content == repr(expected).encode()
    assert (run.written.records, run.written.rows, run.written.size) == (40, 80, len(content))
    assert run.file_name.endswith(".pdf")
    assert steps.files.uploads == {}


def test_a_step_that_is_done_twice_is_printed_as_once() -> None:
    steps = Steps(Names(10), Limits(step_records=3))
    while steps.run.is_going:
        before = steps.run
        steps.one()
        steps.run = before
        steps.one()
    assert steps.told.printed[-1] == [row for n in range(10) for row in ([f"name {n}", n], ["again", -n])]


def test_a_listing_that_is_too_long_fails_when_it_is_found_out_and_names_the_csv() -> None:
    steps = Steps(Names(10_000), Limits(step_records=100))
    run = steps.to_the_end()
    assert run.state is RunState.FAILED
    assert run.reason == ("A PDF has at most 1,000 rows, and this report has more: all are in /v1/reports/names.csv")
    assert run.written.rows < MOST_ROWS + 200  # and nine tenths of it are not read for nothing
    assert steps.told.printed == []


def test_a_table_that_is_too_long_fails_and_is_not_made_to_its_end() -> None:
    report = Long(1_000_000)
    run = Steps(report).to_the_end()
    assert run.state is RunState.FAILED
    assert run.reason is not None
    assert report.made == MOST_ROWS + 1


def test_a_table_of_as_many_rows_as_there_may_be_is_printed() -> None:
    steps = Steps(Long(MOST_ROWS))
    assert steps.to_the_end().state is RunState.DONE
    assert len(steps.told.printed[0]) == MOST_ROWS


def reports(most: int = 5_000) -> tuple[Reports, list[RunRequest], Any]:
    asked: list[RunRequest] = []

    def ask(work: Any, request: RunRequest, *, as_of_now: bool) -> ReportRun:
        asked.append(request)
        return ReportRun("rrn_1", "ten_1", request, NOW)

    runs: Any = SimpleNamespace(ask=ask)
    tenant = SimpleNamespace(id="ten_1", created_at=NOW, timezone="UTC")
    work: Any = SimpleNamespace(now=NOW, tenant=tenant)
    return Reports(MemoryJournal([]), MemoryFiles(), runs, most), asked, work


def test_what_takes_long_to_print_is_a_run_of_that_form() -> None:
    """400 rows of 31 columns are more than a Lambda answers with; as JSON or CSV they are nothing."""
    made, asked, work = reports()
    wide = Long(CELLS_AT_ONCE // 31 + 1, (COLUMNS[0], *[COLUMNS[1]] * 30))
    about = Asked(NOW, "UTC")
    assert isinstance(made.made(work, wide, about, Form.CSV), Table)
    assert isinstance(made.made(work, wide, about, Form.PDF), ReportRun)
    assert [(each.name, each.form) for each in asked] == [("long", Form.PDF)]
    assert isinstance(made.made(work, Long(100), about, Form.PDF), Table)


def test_a_request_for_too_many_rows_is_refused_and_begins_no_run() -> None:
    made, asked, work = reports()
    with pytest.raises(ReportTooLong, match=r"/v1/reports/long\.csv"):
        made.made(work, Long(MOST_ROWS + 1), Asked(NOW, "UTC"), Form.PDF)
    assert asked == []
    assert isinstance(made.made(work, Long(MOST_ROWS + 1), Asked(NOW, "UTC"), Form.CSV), Table)


def test_the_journal_s_csv_is_where_it_is() -> None:
    with pytest.raises(ReportTooLong, match=r"/v1/ledger/entries\.csv"):
        check_length("ledger-entries", MOST_ROWS + 1)


def test_another_language_is_another_run() -> None:
    asked = Asked(NOW, "UTC", options={"by": "plan"})
    assert with_locale(asked, "de").options == {"by": "plan", "locale": "de"}
    assert with_locale(asked, None) == asked
