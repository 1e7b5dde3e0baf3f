"""Imports as requests see them: a dry run first, of a text or of a file that is uploaded; then the same in earnest."""

from dataclasses import dataclass

from billing.domain.imports.source import Verdict
from billing.domain.kernel.errors import InvalidState, ValidationFailed
from billing.domain.reports.run import Form, Purpose, ReportRun, RunRequest, RunState
from billing.services.kernel.work import Work
from billing.services.reports.files import Files
from billing.services.reports.runs import Runs

DRY_RUN, UPLOAD, OF, SKIP_REFUSED, CARDS = "dryRun", "upload", "dryRunId", "skipRefused", "savedCards"
"""Options of an import's run."""
UPLOAD_S = 900
LARGEST_FILE = 64 * 1024 * 1024
_TEXT = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class ImportRequests:
    """The use cases."""

    files: Files
    runs: Runs

    def dry_run(self, work: Work, source: str, data: str | None, saved_cards: bool) -> ReportRun:
        """Begin a dry run, which writes nothing but its verdicts.

        Args:
            data: the file; None where it is to be uploaded.
            saved_cards: look for customers' cards at the processor.
        """
        run_id = self.runs.fresh_id(work, Purpose.IMPORT)
        said = {DRY_RUN: True, UPLOAD: data is None, CARDS: saved_cards}
        options = {name: "1" for name, value in said.items() if value}
        run = self.runs.begin(work, _request(work, source, options), run_id)
        if data is not None:
            # Before the commit: a run without its file could never begin. A file without a run goes after two days.
            self.files.put(_source_key(run), data.encode(), _TEXT)
        return run

    def upload_link(self, run: ReportRun) -> str | None:
        """Where the file of a run is to be put, if it is to be uploaded."""
        return self.files.upload_link(_upload_key(run), UPLOAD_S) if run.request.options.get(UPLOAD) else None

    def take_over(self, work: Work, dry_run_id: str, skip_refused: bool) -> ReportRun:
        """Begin an import of what a dry run has looked through.

        Raises:
            NotFound: there is no such import.
            ValidationFailed: it was no dry run; or it refused something, and that is not to be skipped.
            InvalidState: it is not done, or its file is gone.
        """
        dry = self.runs.get(work, dry_run_id, Purpose.IMPORT)
        if DRY_RUN not in dry.request.options:
            raise ValidationFailed.of("dryRunId", "not_a_dry_run")
        is_there = dry.state is RunState.DONE and dry.expires_at is not None and dry.expires_at > work.now
        content = self.files.get(_source_key(dry)) if is_there else None
        if content is None:
            state = RunState.EXPIRED if dry.state is RunState.DONE else dry.shown_state
            raise InvalidState.of("dry_run", state.value, "imported")
        refused = dry.written.tally.get(Verdict.REFUSED.value, 0)
        if refused and not skip_refused:
            raise ValidationFailed.of("skipRefused", "some_are_refused", f"{refused} records were refused")
        run_id = self.runs.fresh_id(work, Purpose.IMPORT)
        said = {SKIP_REFUSED: skip_refused, CARDS: CARDS in dry.request.options}
        options = {OF: dry.id} | {name: "1" for name, value in said.items() if value}
        run = self.runs.begin(work, _request(work, dry.request.name, options), run_id)
        self.files.put(_source_key(run), content, _TEXT)  # its own: the dry run's is taken away after a day
        return run


def source_of(files: Files, run: ReportRun) -> bytes | None:
    """The file of a run; None where it is yet to be uploaded.

    Who has the link can put another file there while it is good, so the run takes a copy before it reads: a step reads
    what the one before did, and the import what the dry run did.

    Raises:
        ValidationFailed: it is too large, or not there any more.
    """
    content = files.get(_source_key(run))
    if content is not None:
        return content
    if UPLOAD not in run.request.options or run.steps:
        raise ValidationFailed.of("data", "gone", "its file is not there any more")
    content = files.get(_upload_key(run))
    if content is None:
        return None
    if len(content) > LARGEST_FILE:
        raise ValidationFailed.of("data", "too_large", f"its file has more than {LARGEST_FILE} bytes")
    files.put(_source_key(run), content, _TEXT)
    return content


def _request(work: Work, source: str, options: dict[str, str]) -> RunRequest:
    return RunRequest(Purpose.IMPORT, source, Form.JSONL, work.now, work.tenant.timezone, options=options)


def _source_key(run: ReportRun) -> str:
    return run.folder + "source"


def _upload_key(run: ReportRun) -> str:
    return run.folder + "upload"
