"""What a report is made from: the journal, folds of it that were kept, and how much may be read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from math import inf
from typing import Any, Generic, Protocol, TypeVar

from billing.domain.ledger import LedgerEntry
from billing.domain.reports.fold import Fold, Posted
from billing.domain.reports.span import Span
from billing.domain.reports.table import Table
from billing.domain.subscriptions.mrr import MrrMovement
from billing.services.kernel.work import Work
from billing.services.reports.journal import Journal, place_of, with_documents

S = TypeVar("S")
R = TypeVar("R")
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Before anything was posted; a test clock's time may begin before its tenant's."""
READ_AT_ONCE = 5_000
"""So many records are read within a request; a report of more is a run."""
_LOOK_EVERY = 100


class TooMuchToRead(Exception):
    """There is more to read than a request, or a turn of the worker, has time for."""


@dataclass(slots=True)
class Budget:
    """Counts the records that are read.

    Args:
        most: so many may be; None for any number.
        left_s: how long they may be read, in seconds; asked after each hundred.
    """

    most: int | None
    read: int = 0
    left_s: Callable[[], float] = lambda: inf

    def spend(self, records: int = 1) -> None:
        """Count records.

        Raises:
            TooMuchToRead: they are too many, or the time is over.
        """
        self.read += records
        if self.most is not None and self.read > self.most:
            raise TooMuchToRead(f"more than {self.most} records")
        if self.read % _LOOK_EVERY == 0 and self.left_s() <= 0:
            raise TooMuchToRead(f"{self.read} records, and no time for more")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report was asked for.

    Args:
        span: the days that it is about; None for one that is as of an instant.
        at: as of when, and not in the future: what was posted at this instant or later is not in it.
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


@dataclass(frozen=True, slots=True)
class Record(Generic[R]):
    """A record as a fold takes it.

    Args:
        at, place: when it is from, and behind which place its source goes on.
    """

    at: datetime
    id: str
    place: str
    value: R


@dataclass(slots=True)
class Folded(Generic[S]):
    """A state of a fold, and what it was made of.

    Args:
        begin, after: it goes on with what is from ``begin`` on, behind the place ``after`` where there is one.
        last: when the last record is from.
        entries, digest: how many records are in it, and a hash of all their ids in order: of each hash and the next id.
    """

    state: S
    begin: datetime = BEGINNING
    after: str | None = None
    last: datetime | None = None
    entries: int = 0
    digest: str = ""

    def add(self, fold: Fold[S, R], record: Record[R]) -> None:
        """Fold a record."""
        fold.add(self.state, record.value)
        self.entries += 1
        self.digest = sha256(f"{self.digest}{record.id}".encode()).hexdigest()
        self.after, self.last = record.place, record.at


class KeptFolds(Protocol):
    """Keeps states of folds: those at the ends of finished months for everybody, and those of a run for itself."""

    def before(self, fold: Fold[S, Any], asked: Asked, since: datetime, at: datetime) -> Folded[S]:
        """The latest state that is kept of before ``at``, or the empty one.

        Args:
            since: when the tenant was made.
        """

    def passing(self, fold: Fold[S, Any], asked: Asked, folded: Folded[S], following: datetime, at: datetime) -> None:
        """A state is about to go on: keep it, where it is to be kept.

        Args:
            following: when what it goes on with was posted; ``at``, where that is nothing.

        Raises:
            StepOver: it was kept, and the rest is for the next step.
        """


class StepOver(Exception):
    """A run's step has done enough: what it did is kept, and the next one goes on from there."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What a report reads. Every record that it reads is counted.

    Args:
        reader: gives the unit of work that loads documents, where it is not ``work`` for all of them.
        part: of a report that is made in parts, which one it is; what is no customer's is read by the first.
    """

    work: Work
    journal: Journal
    asked: Asked
    kept: KeptFolds
    budget: Budget
    reader: Callable[[], Work] | None = None
    part: int = 0

    @property
    def is_first_part(self) -> bool:
        """Whether it is the one that reads what is no customer's; a report that is not divided is."""
        return self.part == 0

    def loading(self) -> Work:
        """A unit of work that loads a batch, and may be forgotten with what it has loaded."""
        return self.reader() if self.reader is not None else self.work

    def entries(self, begin: datetime, end: datetime, after: str | None = None) -> Iterator[LedgerEntry]:
        """The journal's entries of [begin, end), in the order of posting; those behind a place, where one is named."""
        tenant, clock_id = self.work.tenant, self.asked.test_clock_id
        # Each month costs queries, also an empty one: a report on days in 2499 looks through no century.
        end = min(end, self.asked.at)
        if clock_id is None:
            begin = max(begin, tenant.created_at)  # nothing is posted before its tenant was there
        for entry in self.journal.entries(tenant.id, begin, end, clock_id, after):
            self.budget.spend()
            yield entry

    def posted(
        self, begin: datetime, end: datetime, *, with_document: bool = True, after: str | None = None
    ) -> Iterator[Posted]:
        """The same, each with its invoice or credit note if it is about one."""
        entries = self.entries(begin, end, after)
        if not with_document:
            return map(Posted, entries)
        return with_documents(self.loading, entries)

    def movements(self, begin: datetime, end: datetime, after: str | None = None) -> Iterator[MrrMovement]:
        """The movements of MRR of [begin, end), in the order of their time; those behind a place, if one is named."""
        tenant, clock_id = self.work.tenant, self.asked.test_clock_id
        end = min(end, self.asked.at)
        if clock_id is None:
            begin = max(begin, tenant.created_at)
        for movement in self.journal.movements(tenant.id, begin, end, clock_id, after):
            self.budget.spend()
            yield movement

    def moved(self, fold: Fold[S, MrrMovement], at: datetime) -> S:
        """The state of a fold of every movement of MRR before an instant."""

        def read(begin: datetime, after: str | None) -> Iterator[Record[MrrMovement]]:
            for each in self.movements(begin, at, after):
                yield Record(each.at, each.id, each.place, each)

        return self.folded(fold, at, read)

    def state(self, fold: Fold[S, Posted], at: datetime) -> S:
        """The state of a fold of everything that was posted before an instant."""

        def read(begin: datetime, after: str | None) -> Iterator[Record[Posted]]:
            for each in self.posted(begin, at, with_document=fold.with_documents, after=after):
                yield Record(each.entry.posted_at, each.entry.id, place_of(each.entry), each)

        return self.folded(fold, at, read)

    def folded(self, fold: Fold[S, R], at: datetime, read: Callable[[datetime, str | None], Iterator[Record[R]]]) -> S:
        """The state of a fold of all records before an instant, which goes on from what is kept of it.

        Args:
            read: gives the records from a time on until ``at``, in order; those behind a place, where one is named.
        """
        at = min(at, self.asked.at)  # no further is read, so nothing may be kept as if it were
        folded = self.kept.before(fold, self.asked, self.work.tenant.created_at, at)
        for record in read(folded.begin, folded.after):
            self.kept.passing(fold, self.asked, folded, record.at, at)
            folded.add(fold, record)
        self.kept.passing(fold, self.asked, folded, at, at)
        return folded.state


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


def sources(
    work: Work,
    journal: Journal,
    kept: KeptFolds,
    asked: Asked,
    most: int | None = READ_AT_ONCE,
    left_s: Callable[[], float] = lambda: inf,
) -> Sources:
    """Sources for one report.

    Args:
        most: records that may be read; None for any number.
        left_s: how long they may be read, in seconds.
    """
    return Sources(work, journal, asked, kept, Budget(most, left_s=left_s))
