"""A report as a request asks for it: made at once where there is little to read, else a run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from billing.domain.reports.run import Form, Purpose, ReportRun, RunRequest
from billing.domain.reports.table import Table
from billing.services.kernel.work import Work
from billing.services.reports.files import Files
from billing.services.reports.journal import Journal
from billing.services.reports.kept import KeptMonths
from billing.services.reports.printing import CELLS_AT_ONCE, check_length
from billing.services.reports.runs import Runs
from billing.services.reports.sources import READ_AT_ONCE, Asked, Report, Sources, TooMuchToRead, sources

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reports:
    """Makes reports.

    Args:
        files: where folds of finished months are kept.
        most: records that are read within a request.
    """

    journal: Journal
    files: Files
    runs: Runs
    most: int = READ_AT_ONCE

    def made(self, work: Work, report: Report, asked: Asked, form: Form = Form.JSON) -> Table | ReportRun:
        """A report's table, its rows in memory; or the run that makes it, where there is more to read, or to print.

        Args:
            form: of what is made of it; of the run's file.

        Raises:
            ReportTooLong: it is to be a PDF, and has too many rows.
        """

        def make(read: Sources) -> Table:
            table = report.table(asked, read)
            return Table(table.columns, tuple(table.rows))

        found = self.read(work, asked, make)
        if found is None or (form is Form.PDF and _takes_long(report, found)):
            return self.run(work, report, asked, form)
        return found

    def read(self, work: Work, asked: Asked, make: Callable[[Sources], T]) -> T | None:
        """What is made of the sources; None where there is more to read than a request has time for."""
        kept = KeptMonths(self.files, work.tenant.id)
        try:
            return make(sources(work, self.journal, kept, asked, self.most))
        except TooMuchToRead:
            return None

    def run(self, work: Work, report: Report, asked: Asked, form: Form) -> ReportRun:
        """The run that makes a report."""
        span = asked.span
        request = RunRequest(
            Purpose.REPORT, report.name, form, asked.at, asked.zone,
            span.first if span else None, span.until if span else None, asked.test_clock_id, asked.options,
        )  # fmt: skip
        # A test clock stands still: more may be posted at the very time that it has.
        return self.runs.ask(work, request, as_of_now=asked.test_clock_id is not None or asked.at >= work.now)


def _takes_long(report: Report, table: Table) -> bool:
    """Whether a table is too large to be printed within a request.

    Raises:
        ReportTooLong: it is too long to be printed at all.
    """
    rows = list(table.rows)
    check_length(report.name, len(rows))
    return len(rows) * len(table.columns) > CELLS_AT_ONCE
