"""What a run's file is written from, record by record, and in which form: ports, and what is done with them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from billing.domain.reports.run import ReportRun
from billing.domain.reports.table import Column, Row
from billing.services.kernel.work import Work
from billing.services.reports.sources import Asked


class RowWriter(Protocol):
    """Writes a table as text."""

    @property
    def content_type(self) -> str:
        """Of the file."""

    def head(self, name: str, asked: Asked, columns: Sequence[Column]) -> bytes:
        """What comes before the first row."""

    def rows(self, columns: Sequence[Column], rows: Iterable[Row], before: int) -> bytes:
        """Rows.

        Args:
            before: how many there are already.
        """

    def foot(self) -> bytes:
        """What comes after the last row."""


@dataclass(frozen=True, slots=True)
class Item:
    """A record, and the place behind which its source goes on."""

    place: str
    record: Any


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file of records.

    Args:
        columns: of its rows.
        items: the records behind a place, in the order of the source; each is read when it is come to.
        rows: the rows of a record.
        tally: what was counted of those whose rows were asked for.
        most: records that a step takes up, if not as many as any does.
        counted: whether its items are records that the run has read; rows that are merged are of records before them.
    """

    columns: Sequence[Column]
    items: Callable[[str | None], Iterator[Item]]
    rows: Callable[[Any], Iterable[Row]]
    tally: Mapping[str, int] = field(default_factory=dict)
    most: int | None = None
    counted: bool = True


class Exports(Protocol):
    """What can be exported, and how each kind is written."""

    def sheet(self, work: Work, asked: Asked, kind: str, as_json: bool) -> Sheet:
        """The records of a kind; as JSON, each row is one cell: the object as the API shows it."""


class Imports(Protocol):
    """What is taken over from elsewhere: a file of verdicts whose rows do what they tell."""

    def sheet(self, run: ReportRun) -> Sheet | None:
        """The records of an import; None where its file is yet to be uploaded.

        Raises:
            ValidationFailed: the file cannot be read.
        """
