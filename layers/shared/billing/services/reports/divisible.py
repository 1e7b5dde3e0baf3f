"""Divisible reports: those whose rows can be made for some customers at a time, and then merged.

One that is small is made at once. Of one that is not (``dividing``), each part is made by the very same code out of
what its customers' entries say. So the law of it is short: the rows of all parts, merged, are the rows made at once.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from billing.domain.reports.merging import Key
from billing.domain.reports.table import Column, Row, Table
from billing.services.reports.listing import Listing
from billing.services.reports.sources import Asked, Sources


class Divisible(ABC):
    """A ``sources.Report`` that can be made in parts. ``name`` is as its route calls it."""

    name: ClassVar[str]

    @abstractmethod
    def columns(self, asked: Asked) -> tuple[Column, ...]:
        """Its columns."""

    @abstractmethod
    def keyed(self, asked: Asked, sources: Sources) -> Iterator[tuple[Key, Row]]:
        """Its rows with their keys, in the order of those.

        Its first reading of the journal is of the earliest time that it reads at all; what it reads of anything else is
        read by ``sources.is_first_part`` alone, or of its own customers.
        """

    def together(self, asked: Asked, rows: Sequence[Row]) -> Iterable[Row]:
        """The rows of one key, of all parts, as the report shows them; as they are, where a key is one customer's."""
        return rows

    def listing(self, asked: Asked) -> Listing | None:
        """The listing that it is, where it is asked for rows of one record each."""
        return None

    def table(self, asked: Asked, sources: Sources) -> Table:
        """All of it at once."""
        listing = self.listing(asked)
        if listing is not None:
            return listing.table(asked, sources)
        return Table(self.columns(asked), (row for _, row in self.keyed(asked, sources)))
