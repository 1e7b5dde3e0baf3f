"""The tax report: a period's taxes by jurisdiction and rate, or each line with its taxes."""

from collections.abc import Iterable, Iterator, Sequence

from billing.domain.reports.fold import Posted
from billing.domain.reports.merging import Key, added
from billing.domain.reports.table import Column, Row
from billing.domain.reports.tax import COLUMNS, LINE_COLUMNS, TaxFold, itemised, keyed
from billing.services.reports.divisible import Divisible
from billing.services.reports.listing import JournalListing, Listing
from billing.services.reports.sources import BEGINNING, Asked, Sources


class TaxItems(JournalListing):
    """Each line and tax, in the order of posting."""

    with_documents = True

    def columns(self, asked: Asked) -> tuple[Column, ...]:
        """Of a line and a tax."""
        return LINE_COLUMNS

    def rows(self, asked: Asked, record: Posted) -> Iterable[Row]:
        """What an entry says to the tax authority."""
        return itemised(record, asked.zone)


class TaxReport(Divisible):
    """What was filed by jurisdiction and rate; ``rows=lines`` itemises it."""

    name = "tax"

    def columns(self, asked: Asked) -> tuple[Column, ...]:
        """Of a jurisdiction, a rate and a treatment."""
        return COLUMNS

    def listing(self, asked: Asked) -> Listing | None:
        """The lines, where those are asked for."""
        return TaxItems() if asked.options.get("rows") == "lines" else None

    def keyed(self, asked: Asked, sources: Sources) -> Iterator[tuple[Key, Row]]:
        """What was filed in the days that are asked about."""
        begin = asked.span.begin if asked.span is not None else BEGINNING
        fold = TaxFold()
        state = fold.empty()
        for each in sources.posted(begin, asked.end):
            fold.add(state, each)
        return keyed(state)

    def together(self, asked: Asked, rows: Sequence[Row]) -> Iterable[Row]:
        """The same of all customers."""
        return [added(COLUMNS, rows)]
