"""Revenue (net billings) and collections, by month or day."""

from collections.abc import Iterable, Iterator, Sequence

from billing.domain.reports.merging import Key, added, is_nothing
from billing.domain.reports.revenue import columns, revenue_of
from billing.domain.reports.table import Column, Row
from billing.services.reports.divisible import Divisible
from billing.services.reports.sources import Asked, Sources


class RevenueReport(Divisible):
    """Its options: ``per`` day, else month; ``by`` plan, component, customer or country.

    It reads the entries of its days, and nothing before them.
    """

    name = "revenue"

    def columns(self, asked: Asked) -> tuple[Column, ...]:
        """What is told of what it is divided by."""
        return columns(*_options(asked))

    def keyed(self, asked: Asked, sources: Sources) -> Iterator[tuple[Key, Row]]:
        """What was billed, collected and given back."""
        assert asked.span is not None
        return revenue_of(sources.posted(asked.span.begin, asked.end), asked.zone, *_options(asked)).keyed()

    def together(self, asked: Asked, rows: Sequence[Row]) -> Iterable[Row]:
        """Sums of all customers; none where they come to nothing."""
        return [row for row in [added(self.columns(asked), rows)] if not is_nothing(row)]


def _options(asked: Asked) -> tuple[str, str]:
    return asked.options.get("per", "month"), asked.options.get("by", "")
