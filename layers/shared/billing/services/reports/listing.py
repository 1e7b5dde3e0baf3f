"""Listings: reports with rows for each record of the journal, written as they are read."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar

from billing.domain.reports.fold import Posted
from billing.domain.reports.table import Column, Row, Table
from billing.services.reports.sources import BEGINNING, Asked, Sources


class JournalListing(ABC):
    """A report whose rows come of one record each, in the order of posting; a ``sources.Report`` for requests, too.

    A long one is a run that goes on after a crash from the last record that it wrote. So ``rows`` rests on its record
    and on what was asked alone, never on the records before it.

        class TaxItems(JournalListing):
            name = "tax-items"
            with_documents = True

            def columns(self, asked): return _COLUMNS
            def rows(self, asked, record): ...

    ``name`` is as its route calls it; ``with_documents`` says whether ``rows`` needs ``Posted.document``.
    """

    name: ClassVar[str]
    with_documents: ClassVar[bool] = False

    @abstractmethod
    def columns(self, asked: Asked) -> tuple[Column, ...]:
        """Its columns."""

    @abstractmethod
    def rows(self, asked: Asked, record: Posted) -> Iterable[Row]:
        """The rows of a record; none where it is not asked for."""

    def table(self, asked: Asked, sources: Sources) -> Table:
        """All of it."""
        rows = (row for record in self.records(asked, sources) for row in self.rows(asked, record))
        return Table(self.columns(asked), rows)

    def records(self, asked: Asked, sources: Sources, after: str | None = None) -> Iterator[Posted]:
        """What it is made of: of the days that were asked for, or of all before the instant.

        Args:
            after: the place of the record that was the last (``journal.place_of``).
        """
        begin = asked.span.begin if asked.span is not None else BEGINNING
        return sources.posted(begin, sources.asked.end, with_document=self.with_documents, after=after)
