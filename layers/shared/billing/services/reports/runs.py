"""Runs as requests see them: asked for, looked at, and downloaded by a link that is good for minutes."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import InvalidState, NotFound, RateLimited
from billing.domain.kernel.times import format_time
from billing.domain.reports.run import (
    GOING_AT_MOST,
    Purpose,
    ReportRun,
    RunClaim,
    RunRequest,
    RunsGoing,
    RunState,
    report_shard,
)
from billing.services.clocks.due_index import Alarm
from billing.services.kernel.work import Ref, Work
from billing.services.reports.files import Files

LINK_S = 300
_WAIT_S = 30
_FRESH = timedelta(minutes=5)
"""A report as of now is not made again while one is so young."""
_PREFIXES = {Purpose.REPORT: "rrn", Purpose.EXPORT: "exp", Purpose.IMPORT: "imp"}


@dataclass(frozen=True, slots=True)
class Link:
    """A way to download a file.

    Args:
        url: whoever has it needs no key.
        expires_at: until when it is good.
    """

    url: str
    name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Runs:
    """The use cases.

    Args:
        of_platform: the names of reports that only the operator's own keys may see.
    """

    files: Files
    alarm: Alarm
    of_platform: frozenset[str] = frozenset()

    def ask(self, work: Work, request: RunRequest, *, as_of_now: bool) -> ReportRun:
        """Begin a run, or join the one that there is of the same.

        Raises:
            RateLimited: as ``begin``.

        Args:
            as_of_now: what it is about may still change: one that is going, or was begun a moment ago, is good. On the
                wall clock that is whatever is as of now; a test clock's time goes with it.
        """
        ref = Ref(RunClaim, work.tenant.id, claim_id(request, as_of_now))
        claim = work.load(ref).get(ref)
        if claim is not None:
            of_claim = Ref(ReportRun, work.tenant.id, claim.run_id)
            run = work.load(of_claim).get(of_claim)
            if run is not None and _is_good(run, work.now, as_of_now):
                return run
        run = self.begin(work, request, self.fresh_id(work, request.purpose))
        claim = claim or RunClaim(ref.id, work.tenant.id, run.id, work.now)
        work.save(replace(claim, run_id=run.id, created_at=work.now))
        return run

    @staticmethod
    def fresh_id(work: Work, purpose: Purpose) -> str:
        """The id of a run that is yet to begin."""
        return work.fresh_id(_PREFIXES[purpose])

    def begin(self, work: Work, request: RunRequest, run_id: str) -> ReportRun:
        """Begin a run.

        Raises:
            RateLimited: the tenant has as many as it may have at once.
        """
        self._admit(work, request.purpose, run_id)
        shard = report_shard(run_id)
        run = work.save(ReportRun(run_id, work.tenant.id, request, work.now, due=Due(shard, work.now)))
        work.after_commit(lambda: self.alarm.wake(shard, f"run:{run_id}"))
        return run

    @staticmethod
    def _admit(work: Work, purpose: Purpose, run_id: str) -> None:
        """Count a run among those that are going: one item for all of them, so that of two at once one comes after.

        A worker makes four shards' at a time for everybody: who begins a hundred would have the others wait.
        """
        ref = Ref(RunsGoing, work.tenant.id, f"going#{purpose.value}")
        going = work.load(ref).get(ref) or RunsGoing(ref.id, work.tenant.id, (), work.now)
        runs = [Ref(ReportRun, work.tenant.id, each) for each in going.run_ids]
        found = work.load(*runs) if runs else None
        left = [each.id for each in runs if found and (run := found.get(each)) is not None and run.is_worked]
        if len(left) >= GOING_AT_MOST:
            raise RateLimited(f"{len(left)} {purpose.value}s are being made; ask again when one is done", _WAIT_S)
        work.save(replace(going, run_ids=(*left, run_id)))

    def get(self, work: Work, run_id: str, purpose: Purpose, *, by_platform: bool = False) -> ReportRun:
        """A run.

        Args:
            by_platform: the caller may see the platform's reports.

        Raises:
            NotFound: the tenant has no such run, or the caller may not see it: it is one of the other purpose, or of a
                report of the platform's, which have scopes of their own.
        """
        ref = Ref(ReportRun, work.tenant.id, run_id)
        run = work.load(ref).get(ref)
        if run is None or run.request.purpose is not purpose:
            raise NotFound.of(ReportRun, run_id)
        if run.request.name in self.of_platform and not by_platform:
            raise NotFound.of(ReportRun, run_id)
        return run

    def link(self, work: Work, run_id: str, purpose: Purpose, *, by_platform: bool = False) -> Link:
        """A link to a run's file, good for five minutes.

        Raises:
            NotFound: as ``get``.
            InvalidState: there is no file yet, or not any more.
        """
        run = self.get(work, run_id, purpose, by_platform=by_platform)
        if run.state is not RunState.DONE or (run.expires_at is not None and run.expires_at <= work.now):
            state = RunState.EXPIRED if run.state is RunState.DONE else run.shown_state
            raise InvalidState.of("report_run", state.value, "downloaded")
        url = self.files.link(run.key, run.file_name, LINK_S)
        return Link(url, run.file_name, work.now + timedelta(seconds=LINK_S))


def claim_id(request: RunRequest, as_of_now: bool) -> str:
    """What says that two requests are for the same."""
    at = None if as_of_now and request.test_clock_id is None else format_time(request.at)
    said = [
        request.purpose.value, request.name, request.form.value, request.zone, str(request.first), str(request.until),
        request.test_clock_id, sorted(request.options.items()), at,
    ]  # fmt: skip
    return "claim#" + sha256(json.dumps(said).encode()).hexdigest()


def _is_good(run: ReportRun, now: datetime, as_of_now: bool) -> bool:
    if run.is_going:
        return run.is_worked
    if run.state is not RunState.DONE or run.expires_at is None or run.expires_at <= now:
        return False
    return not as_of_now or run.created_at > now - _FRESH
