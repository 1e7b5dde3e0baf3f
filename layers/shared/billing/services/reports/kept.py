"""Folds that are kept in files: at the ends of finished months for everybody, and on their way for one run.

What is kept of a month is a function of its entries alone, to the byte: two workers that keep the same month at once
write the same. It says what it was made of, and by which version of its fold, in which zone; under any other it is
never read.
"""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from billing.domain.kernel.errors import Unavailable
from billing.domain.kernel.times import format_time, parse_time, sort_key
from billing.domain.reports.fold import Fold
from billing.domain.reports.span import Month
from billing.services.reports.files import Files
from billing.services.reports.sources import Asked, Folded, StepOver, TooMuchToRead

S = TypeVar("S")
_FORMAT = 1
_FINISHED_AFTER = timedelta(hours=1)
"""So long after its end a month is kept: what was posted in it has long been committed then, and is in the index."""
RECORDS_A_STEP = 100_000
_WORTH_KEEPING = 1_000
"""A run does not write down again what it folds again in less than a second."""
_TYPE = "application/gzip"


def dumped(fold: Fold[S, Any], zone: str, folded: Folded[S]) -> bytes:
    """A state as it is kept: always the same bytes."""
    content = {
        "format": _FORMAT,
        "fold": fold.name,
        "version": fold.version,
        "zone": zone,
        "begin": format_time(folded.begin),
        "after": folded.after,
        "last": format_time(folded.last) if folded.last is not None else None,
        "entries": folded.entries,
        "digest": folded.digest,
        "state": fold.dump(folded.state),
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return gzip.compress(text.encode(), mtime=0)


def read(fold: Fold[S, Any], zone: str, content: bytes | None) -> Folded[S] | None:
    """The state that was kept; None where it is another fold's, version's or zone's, or nothing that can be read."""
    try:
        found: dict[str, Any] = json.loads(gzip.decompress(content or b""))
        if (found["format"], found["fold"], found["version"], found["zone"]) != (
            _FORMAT,
            fold.name,
            fold.version,
            zone,
        ):
            return None
        state = fold.read(found["state"])
        last = parse_time(found["last"]) if found["last"] is not None else None
        begin = parse_time(found["begin"])
        return Folded(state, begin, found["after"], last, found["entries"], found["digest"])
    except (EOFError, OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class KeptMonths:
    """Reads what runs have kept of finished months: ``sources.KeptFolds`` of a request.

    Args:
        part: of a report that is made in parts, which one, and of how many: each keeps months of its own.
    """

    files: Files
    tenant_id: str
    part: str = ""

    def before(self, fold: Fold[S, Any], asked: Asked, since: datetime, at: datetime) -> Folded[S]:
        """The latest kept month's end, or the beginning: the longer way, also where the files do not answer."""
        try:
            return self.found(fold, asked, since, at)
        except Unavailable:
            return Folded(fold.empty())

    def found(self, fold: Fold[S, Any], asked: Asked, since: datetime, at: datetime) -> Folded[S]:
        """The same.

        Raises:
            Unavailable: the files do not answer.
        """
        # In a tenant's first month there is none; a test clock's time is nobody's month.
        if asked.test_clock_id is None and Month.of(since, asked.zone) < Month.of(at, asked.zone):
            prefix = folder(self.tenant_id, fold, asked.zone, self.part)
            key = self.files.latest(prefix, prefix + _month(Month.of(at, asked.zone)) + "~")
            kept = read(fold, asked.zone, self.files.get(key)) if key is not None else None
            if kept is not None and kept.begin <= at:
                return kept
        return Folded(fold.empty())

    def passing(self, fold: Fold[S, Any], asked: Asked, folded: Folded[S], following: datetime, at: datetime) -> None:
        """A request keeps nothing: it has no right to write."""


class NothingKept:
    """For who believes the entries alone: ``sources.KeptFolds`` that keep nothing."""

    def before(self, fold: Fold[S, Any], asked: Asked, since: datetime, at: datetime) -> Folded[S]:
        """The beginning."""
        return Folded(fold.empty())

    def passing(self, fold: Fold[S, Any], asked: Asked, folded: Folded[S], following: datetime, at: datetime) -> None:
        """Nothing."""


@dataclass(slots=True)
class RunFolds:
    """Keeps, for one run.

    Args:
        run_folder: where what is kept on the way is.
        now: the wall clock's time.
        left_s: how long the step may go on, in seconds.
        records: how many it may fold.
        most_bytes: what is kept may be as large; None for any size.
    """

    months: KeptMonths
    run_folder: str
    now: datetime
    left_s: Callable[[], float]
    records: int = RECORDS_A_STEP
    most_bytes: int | None = None
    folded: int = 0
    _begun: dict[str, int] = field(default_factory=dict)
    _kept: dict[str, datetime] = field(default_factory=dict)
    _next: dict[str, datetime] = field(default_factory=dict)

    def before(self, fold: Fold[S, Any], asked: Asked, since: datetime, at: datetime) -> Folded[S]:
        """The run's own latest state, or that of the latest kept month where that is later."""
        found = self.months.found(fold, asked, since, at)
        prefix = self._prefix(fold)
        key = self.months.files.latest(prefix, prefix + sort_key(at) + "~")
        own = read(fold, asked.zone, self.months.files.get(key)) if key is not None else None
        found = own if own is not None and own.entries > found.entries else found
        self._begun[self._own(fold, at)] = found.entries
        # What goes on from within a month has nothing to keep of that month's begin: it is behind it already.
        within = found.begin if found.last is None else max(found.begin, found.last)
        self._is_kept_until(fold, Month.of(within, asked.zone).begin(asked.zone), asked.zone)
        return found

    def passing(self, fold: Fold[S, Any], asked: Asked, folded: Folded[S], following: datetime, at: datetime) -> None:
        """Keep a month that is over, and what was folded so far when it is time to stop.

        Raises:
            TooMuchToRead: it is too large for that.
        """
        if asked.test_clock_id is None and following >= self._next[fold.name]:
            self._keep_month(fold, asked, folded, following)
        key = self._own(fold, at)
        fresh = folded.entries - self._begun[key]
        if following == at and fresh >= _WORTH_KEEPING:
            self._keep(key, fold, asked, folded)
        elif (
            following != at
            and fresh
            and (self.folded >= self.records or (self.folded % 100 == 0 and self.left_s() <= 0))
        ):
            self._keep(key, fold, asked, folded)
            raise StepOver
        self.folded += following != at

    def _is_kept_until(self, fold: Fold[S, Any], begin: datetime, zone: str) -> None:
        self._kept[fold.name] = begin
        self._next[fold.name] = Month.of(begin, zone).following.begin(zone)

    def _keep_month(self, fold: Fold[S, Any], asked: Asked, folded: Folded[S], following: datetime) -> None:
        """All that was posted before the month of ``following``, where that month began an hour ago."""
        month = Month.of(following, asked.zone)
        begin = month.begin(asked.zone)
        if begin + _FINISHED_AFTER > self.now or begin <= self._kept[fold.name]:
            return
        self._is_kept_until(fold, begin, asked.zone)
        if not folded.entries:
            return  # before the first entry there is nothing to keep
        kept = Folded(folded.state, begin, None, None, folded.entries, folded.digest)
        self._keep(folder(self.months.tenant_id, fold, asked.zone, self.months.part) + _month(month), fold, asked, kept)

    def _keep(self, key: str, fold: Fold[S, Any], asked: Asked, folded: Folded[S]) -> None:
        content = dumped(fold, asked.zone, folded)
        if self.most_bytes is not None and len(content) > self.most_bytes:
            raise TooMuchToRead(f"what is kept of {folded.entries} records")
        self.months.files.put(key, content, _TYPE)

    def _prefix(self, fold: Fold[S, Any]) -> str:
        return f"{self.run_folder}fold-{fold.name}-"

    def _own(self, fold: Fold[S, Any], at: datetime) -> str:
        return self._prefix(fold) + sort_key(at)


def folder(tenant_id: str, fold: Fold[S, Any], zone: str, part: str = "") -> str:
    """Where the months of a fold are: what another version, zone or division has made is in another folder."""
    return f"folds/{tenant_id}/{fold.name}/v{fold.version}/{zone.replace('/', '~')}{part and f'+{part}'}/"


def _month(month: Month) -> str:
    """The name of what was posted before a month."""
    return f"before-{month}"
