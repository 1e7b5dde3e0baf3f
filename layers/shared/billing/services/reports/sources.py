"""What a report is made from: the journal, folds of it that were kept, and how much may be read."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from billing.domain.ledger import LedgerEntry
from billing.domain.reports.fold import Fold, Posted
from billing.domain.reports.span import Span
from billing.domain.reports.table import Table
from billing.domain.subscriptions.mrr import MrrMovement
from billing.services.kernel.work import Work
from billing.services.reports.journal import Journal, with_documents

S = TypeVar("S")
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Before anything was posted; a test clock's time may begin before its tenant's."""
READ_AT_ONCE = 5_000
"""So many records are read within a request; a report of more is a run."""


class TooMuchToRead(Exception):
    """There is more to read than a request has time for."""


@dataclass(slots=True)
class Budget:
    """Counts the records that are read.

    Args:
        most: so many may be; None for any number.
    """

    most: int | None
    read: int = 0

    def spend(self, records: int = 1) -> None:
        """Count records.

        Raises:
            TooMuchToRead: they are too many.
        """
        self.read += records
        if self.most is not None and self.read > self.most:
            raise TooMuchToRead(f"more than {self.most} records")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report was asked for.

    Args:
        span: the days that it is about; None for one that is as of an instant.
        at: as of when: what was posted at this instant or later is not in it.
        zone: the tenant's, in which days and months are told.
        test_clock_id: whose customers it is about; None for those of no clock.
        options: a report's own parameters, ``{"by": "plan"}``.
    """

    at: datetime
    zone: str
    span: Span | None = None
    test_clock_id: str | None = None
    options: dict[str, str] = field(default_factory=dict)

    @property
    def end(self) -> datetime:
        """The end of what is read: the span's, or ``at`` if that is earlier."""
        return min(self.span.end, self.at) if self.span is not None else self.at


class KeptFolds(Protocol):
    """Keeps states of folds at the ends of finished months."""

    def state(self, fold: Fold[S, Any], asked: Asked, at: datetime) -> tuple[S, datetime]:
        """The latest state that is kept of before ``at`` (or ``fold.empty()``), and up to when it goes."""


class NoKeptFolds:
    """Keeps nothing: each fold begins at the beginning."""

    def state(self, fold: Fold[S, Any], asked: Asked, at: datetime) -> tuple[S, datetime]:
        """The empty state, of the beginning."""
        return fold.empty(), BEGINNING


@dataclass(frozen=True, slots=True)
class Sources:
    """What a report reads. Every record that it reads is counted."""

    work: Work
    journal: Journal
    asked: Asked
    kept: KeptFolds
    budget: Budget

    def entries(self, begin: datetime, end: datetime) -> Iterator[LedgerEntry]:
        """The journal's entries of [begin, end), in the order of posting."""
        tenant, clock_id = self.work.tenant, self.asked.test_clock_id
        if clock_id is None:
            begin = max(begin, tenant.created_at)  # nothing is posted before its tenant was there
        for entry in self.journal.entries(tenant.id, begin, end, clock_id):
            self.budget.spend()
            yield entry

    def posted(self, begin: datetime, end: datetime, *, with_document: bool = True) -> Iterator[Posted]:
        """The same, each with its invoice or credit note if it is about one."""
        entries = self.entries(begin, end)
        return with_documents(self.work, entries) if with_document else map(Posted, entries)

    def movements(self, begin: datetime, end: datetime, after: str | None = None) -> Iterator[MrrMovement]:
        """The movements of MRR of [begin, end), in the order of their time; those behind a place, if one is named."""
        tenant, clock_id = self.work.tenant, self.asked.test_clock_id
        if clock_id is None:
            begin = max(begin, tenant.created_at)
        for movement in self.journal.movements(tenant.id, begin, end, clock_id, after):
            self.budget.spend()
            yield movement

    def moved(self, fold: Fold[S, MrrMovement], at: datetime) -> S:
        """The state of a fold of every movement of MRR before an instant."""
        state, begin = self.kept.state(fold, self.asked, at)
        for movement in self.movements(begin, at):
            fold.add(state, movement)
        return state

    def state(self, fold: Fold[S, Posted], at: datetime) -> S:
        """The state of a fold of everything that was posted before an instant."""
        state, begin = self.kept.state(fold, self.asked, at)
        for record in self.posted(begin, at, with_document=fold.with_documents):
            fold.add(state, record)
        return state


class Report(Protocol):
    """A report: a table made from sources. It holds nothing of a request, so one object serves all."""

    @property
    def name(self) -> str:
        """As its route calls it: ``trial-balance``."""

    def table(self, asked: Asked, sources: Sources) -> Table:
        """Make it.

        Raises:
            TooMuchToRead: for a request; it has to be a run.
        """


def sources(work: Work, journal: Journal, kept: KeptFolds, asked: Asked, most: int | None = READ_AT_ONCE) -> Sources:
    """Sources for one report.

    Args:
        most: records that may be read; None for any number.
    """
    capped = replace(asked, at=min(asked.at, work.now)) if asked.test_clock_id is None else asked
    return Sources(work, journal, capped, kept, Budget(most))
