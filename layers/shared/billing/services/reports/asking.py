"""A report as a request asks for it: made at once where there is little to read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from billing.domain.kernel.errors import Detail, Unprocessable
from billing.domain.reports.table import Table
from billing.services.kernel.work import Work
from billing.services.reports.journal import Journal
from billing.services.reports.sources import READ_AT_ONCE, Asked, KeptFolds, Report, Sources, TooMuchToRead, sources

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reports:
    """Makes reports.

    Args:
        most: records that are read within a request.
    """

    journal: Journal
    kept: KeptFolds
    most: int = READ_AT_ONCE

    def made(self, work: Work, report: Report, asked: Asked) -> Table:
        """A report's table, its rows in memory.

        Raises:
            Unprocessable: there is more to read than a request has time for.
        """

        def make(read: Sources) -> Table:
            table = report.table(asked, read)
            return Table(table.columns, tuple(table.rows))

        return self.read(work, asked, make)

    def read(self, work: Work, asked: Asked, make: Callable[[Sources], T]) -> T:
        """What is made of the sources, within what a request may read.

        Raises:
            Unprocessable: there is more to read than a request has time for.
        """
        try:
            return make(sources(work, self.journal, self.kept, asked, self.most))
        except TooMuchToRead:
            message = f"The report would read more than {self.most} records"
            raise Unprocessable(message, (Detail("asOf", "too_much_to_read"),)) from None
