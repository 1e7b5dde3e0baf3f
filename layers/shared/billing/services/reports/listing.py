"""Listings: reports with rows for each record of a source, written as they are read."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from billing.domain.reports.fold import Posted
from billing.domain.reports.table import Column, Row, Table
from billing.services.reports.journal import place_of
from billing.services.reports.sources import BEGINNING, Asked, Sources
from billing.services.reports.writing import Item


class Listing(ABC):
    """A report whose rows come of one record each, in the order of its source; a ``sources.Report`` for requests, too.

    A long one is a run that goes on after a crash from the last record that it wrote. So ``rows`` rests on its record
    and on what was asked alone, never on the records before it. ``name`` is as its route calls it.
    """

    name: ClassVar[str]

    @abstractmethod
    def columns(self, asked: Asked) -> tuple[Column, ...]:
        """Its columns."""

    @abstractmethod
    def rows(self, asked: Asked, record: Any) -> Iterable[Row]:
        """The rows of a record; none where it is not asked for."""

    @abstractmethod
    def items(self, asked: Asked, sources: Sources, after: str | None = None) -> Iterator[Item]:
        """What it is made of, each with its place.

        Args:
            after: the place of the record that was the last; None at the beginning.
        """

    def table(self, asked: Asked, sources: Sources) -> Table:
        """All of it."""
        rows = (row for item in self.items(asked, sources) for row in self.rows(asked, item.record))
        return Table(self.columns(asked), rows)


class JournalListing(Listing):
    """A listing of the journal: of what was posted on the days that were asked for, or of all before the instant.

        class TaxItems(JournalListing):
            name = "tax-items"
            with_documents = True

            def columns(self, asked): return _COLUMNS
            def rows(self, asked, record): ...

    ``with_documents`` says whether ``rows`` needs ``Posted.document``.
    """

    with_documents: ClassVar[bool] = False

    @abstractmethod
    def rows(self, asked: Asked, record: Posted) -> Iterable[Row]:
        """The rows of an entry; none where it is not asked for."""

    def items(self, asked: Asked, sources: Sources, after: str | None = None) -> Iterator[Item]:
        """The entries, in the order of posting."""
        begin = asked.span.begin if asked.span is not None else BEGINNING
        for each in sources.posted(begin, sources.asked.end, with_document=self.with_documents, after=after):
            yield Item(place_of(each.entry), each)
