"""Runs: reports and exports that are too long for a request, made step by step into a file."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from billing.domain.kernel.due import Due, wall_clock_shard

REPORT_SHARDS = 16
"""The shards of the report worker, ``r00`` to ``r15``."""
TRIES = 6
"""So many steps in a row that leave nothing behind make a run a failed one."""
REPORT_KEPT = timedelta(days=7)
EXPORT_KEPT = timedelta(hours=24)
"""Exports, and what is imported, have personal data in the open: nobody who is erased may stay in one
(docs/decisions/0053)."""
RUN_KEPT = timedelta(days=90)
"""So long it can be looked up what was made."""


class RunState(StrEnum):
    """How far a run is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    """It was done, and its file is gone."""


class Form(StrEnum):
    """What is in the file."""

    JSON = "json"
    CSV = "csv"
    JSONL = "jsonl"
    PDF = "pdf"


class Purpose(StrEnum):
    """What is made: the two have routes, scopes and times of their own."""

    REPORT = "report"
    EXPORT = "export"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run was asked for.

    Args:
        name: the report's, the kind of an export, or the source of an import: ``trial-balance``, ``invoices``.
        at: as of when.
        zone: the tenant's, when it was asked for.
        first, until: the days that it is about, [first, until); None for none.
        options: its own parameters.
    """

    purpose: Purpose
    name: str
    form: Form
    at: datetime
    zone: str
    first: date | None = None
    until: date | None = None
    test_clock_id: str | None = None
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MadePart:
    """A part of a divided report whose rows are there.

    Args:
        token: in the names of the files that they are in.
        rows: how many.
    """

    token: str
    rows: int


@dataclass(frozen=True, slots=True)
class Division:
    """How far a report is that is made of parts, each of some customers: what it reads is spilled by part, each part
    is made, and their rows are merged.

    Args:
        of: the number of parts.
        chunk: so many rows of a part are in one file.
        source: what is read, ``entries`` or ``movements``; empty where that is not known yet.
        begin: from when on; what was posted before is in folds that are kept.
        place: behind which the reading goes on.
        spills: in the names of what was spilled, in the order in which it was read.
        is_read: nothing is left to read.
        made: the parts that are made, the first ones.
    """

    of: int
    chunk: int
    source: str = ""
    begin: datetime | None = None
    place: str | None = None
    spills: tuple[str, ...] = ()
    is_read: bool = False
    made: tuple[MadePart, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """How far a file is written.

    Args:
        place: where its source goes on; None before the first record.
        records: that were read; of a report that adds up, those of the states that it has kept.
        rows: that are written.
        size: bytes that are written.
        upload_id: of the multipart upload at S3, once there is a part.
        parts: what S3 answered to each part, in their order.
        tail: bytes that are too few for a part yet, and are kept beside it.
        tally: what an import has counted: verdicts, and totals before and after (``services.imports``).
        division: of a report that is made of parts; ``place`` is where the merging of their rows goes on.
    """

    place: str | None = None
    records: int = 0
    rows: int = 0
    size: int = 0
    upload_id: str | None = None
    parts: tuple[str, ...] = ()
    tail: int = 0
    tally: dict[str, int] = field(default_factory=dict)
    division: Division | None = None


@dataclass(frozen=True, slots=True)
class ReportRun:
    """A run.

    Args:
        written: what the steps so far have left behind.
        steps: that have left something behind; what lies beside the file is named after it.
        tries: steps that were begun since.
        reason: why it failed.
        expires_at: when its file is taken away; None before it is done.
        due: its next step; once it is done, its expiry.
    """

    entity_name: ClassVar[str] = "ReportRun"

    id: str
    tenant_id: str
    request: RunRequest
    created_at: datetime
    state: RunState = RunState.QUEUED
    written: Written = Written()
    steps: int = 0
    tries: int = 0
    reason: str | None = None
    ended_at: datetime | None = None
    expires_at: datetime | None = None
    due: Due | None = None
    version: int = 0

    @property
    def is_going(self) -> bool:
        """Whether there is still something to do for its file."""
        return self.state in (RunState.QUEUED, RunState.RUNNING)

    @property
    def is_worked(self) -> bool:
        """Whether it is going, and not given up by the alarm clock."""
        return self.is_going and self.due is not None

    @property
    def shown_state(self) -> RunState:
        """Its state; one that the alarm clock has given up is a failed one, whatever it was doing."""
        return RunState.FAILED if self.is_going and self.due is None else self.state

    @property
    def file_name(self) -> str:
        """``trial-balance-2026-11-30T052702Z.csv``, ``revenue-2026-01-01-2026-02-01.json``."""
        asked = self.request
        days = f"{asked.first or 'beginning'}-{asked.until or asked.at.date()}" if asked.first or asked.until else None
        return f"{asked.name}-{days or f'{asked.at:%Y-%m-%dT%H%M%SZ}'}.{asked.form.value}"

    @property
    def folder(self) -> str:
        """Where its file and what lies beside it are: what exports leave is taken away sooner."""
        return f"{self.request.purpose.value}s/{self.tenant_id}/{self.id}/"

    @property
    def key(self) -> str:
        """The name of its file in the bucket."""
        return self.folder + "file"

    def tail_key(self, steps: int) -> str:
        """The name of what is too short for a part, after a number of steps: a step never changes what the one before
        left, so that one that is cut off can be done again."""
        return f"{self.folder}tail-{steps:06d}"

    @property
    def token(self) -> str:
        """Names what a try of a step leaves behind, and no other try: each is noted under the run's version. A worker
        that is late cannot change what the run goes on with."""
        return f"{self.steps:06d}-{self.tries}"

    def begun(self) -> "ReportRun":
        """With a step begun."""
        return replace(self, state=RunState.RUNNING, tries=self.tries + 1)

    def gone_on(self, written: Written) -> "ReportRun":
        """After a step; the next one is due at once: a turn takes up again what moved, and what is due by its start."""
        assert self.due is not None
        due = Due(self.due.shard, self.due.at + timedelta(microseconds=1))
        return replace(self, written=written, steps=self.steps + 1, tries=0, due=due)

    def waiting(self, at: datetime) -> "ReportRun":
        """With its file yet to be uploaded: looked at again at ``at``."""
        assert self.due is not None
        return replace(self, tries=0, due=Due(self.due.shard, at))

    def done(self, written: Written, now: datetime) -> "ReportRun":
        """With its file there."""
        kept = REPORT_KEPT if self.request.purpose is Purpose.REPORT else EXPORT_KEPT
        expires = now + kept
        return replace(
            self, state=RunState.DONE, written=written, steps=self.steps + 1, tries=0, ended_at=now,
            expires_at=expires, due=Due(report_shard(self.id), expires),
        )  # fmt: skip

    def failed(self, reason: str, now: datetime) -> "ReportRun":
        """Given up; what it left behind is taken away by the bucket's own rules."""
        return replace(self, state=RunState.FAILED, reason=reason, ended_at=now, due=None)

    def expired(self) -> "ReportRun":
        """With its file gone."""
        return replace(self, state=RunState.EXPIRED, due=None)


@dataclass(frozen=True, slots=True)
class RunClaim:
    """Which run there is of what was asked: a report that is opened twice runs once.

    Args:
        id: ``claim#`` and a hash of what was asked, without its time where nobody named one.
    """

    entity_name: ClassVar[str] = "ReportRunClaim"

    id: str
    tenant_id: str
    run_id: str
    created_at: datetime
    version: int = 0


GOING_AT_MOST = 10
"""So many reports of a tenant's are made at once, and so many exports, and imports."""


@dataclass(frozen=True, slots=True)
class RunsGoing:
    """The runs of a purpose that a tenant has begun and that may still be going: whoever begins one looks at them.

    Nobody takes a run away from here that is over: who begins another one does, and reads for it ten runs at most.

    Args:
        id: ``going#`` and the purpose.
    """

    entity_name: ClassVar[str] = "ReportRunsGoing"

    id: str
    tenant_id: str
    run_ids: tuple[str, ...]
    created_at: datetime
    version: int = 0


def report_shard(run_id: str) -> str:
    """The report worker's shard of a run: ``r07``."""
    return "r" + wall_clock_shard(run_id, REPORT_SHARDS)


def is_report_shard(shard: str) -> bool:
    """Whether a shard is the report worker's."""
    return shard.startswith("r")
