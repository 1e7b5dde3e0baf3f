"""Imports as requests see them: a dry run first, of a text or of a file that is uploaded; then the same in earnest."""

from collections.abc import Mapping
from dataclasses import dataclass

from billing.domain.imports.source import Verdict
from billing.domain.kernel.errors import InvalidState, ValidationFailed
from billing.domain.reports.run import Form, Purpose, ReportRun, RunRequest, RunState
from billing.services.kernel.work import Work
from billing.services.reports.files import Files
from billing.services.reports.runs import Runs

DRY_RUN, UPLOAD, OF, SKIP_REFUSED, CARDS = "dryRun", "upload", "dryRunId", "skipRefused", "savedCards"
CSV, DELIMITER = "csv", "delimiter"
"""Options of an import's run."""
UPLOAD_S = 900
LARGEST_FILE = 64 * 1024 * 1024
_TEXT = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of an import.

    Args:
        kind: of CSV, what its rows are: ``customers``; None of a file of JSON, whose objects say what they are.
        delimiter: of CSV.
    """

    kind: str | None
    content: bytes
    delimiter: str = ","


@dataclass(frozen=True, slots=True)
class NewImport:
    """A dry run as it is asked for.

    Args:
        files: the text of each by its kind, or None where it is to be uploaded; JSON has one, of the kind None.
        saved_cards: look for customers' cards at the processor.
    """

    source: str
    files: Mapping[str | None, str | None]
    delimiter: str = ","
    saved_cards: bool = False


@dataclass(frozen=True, slots=True)
class ImportRequests:
    """The use cases."""

    files: Files
    runs: Runs

    def dry_run(self, work: Work, new: NewImport) -> tuple[ReportRun, dict[str | None, str]]:
        """Begin a dry run, which writes nothing but its verdicts.

        Returns:
            It, and where each of its files is to be put that is yet to be uploaded.
        """
        run_id = self.runs.fresh_id(work, Purpose.IMPORT)
        uploads = [kind for kind, text in new.files.items() if text is None]
        said = {DRY_RUN: "1", UPLOAD: "1" if uploads else "", CARDS: "1" if new.saved_cards else ""}
        if None not in new.files:
            said |= {CSV: ",".join(str(kind) for kind in new.files), DELIMITER: new.delimiter}
        options = {name: value for name, value in said.items() if value}
        run = self.runs.begin(work, _request(work, new.source, options), run_id)
        for kind, text in new.files.items():
            if text is not None:
                # Before the commit: a run without its file could never begin. A file without a run goes after two days.
                self.files.put(_source_key(run, kind), text.encode(), _TEXT)
        return run, {kind: self.files.upload_link(_upload_key(run, kind), UPLOAD_S) for kind in uploads}

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
        if not is_there:
            raise _gone(dry)
        refused = dry.written.tally.get(Verdict.REFUSED.value, 0)
        if refused and not skip_refused:
            raise ValidationFailed.of("skipRefused", "some_are_refused", f"{refused} records were refused")
        run_id = self.runs.fresh_id(work, Purpose.IMPORT)
        kept = {name: value for name, value in dry.request.options.items() if name in (CARDS, CSV, DELIMITER)}
        options = {OF: dry.id} | kept | ({SKIP_REFUSED: "1"} if skip_refused else {})
        run = self.runs.begin(work, _request(work, dry.request.name, options), run_id)
        for kind in _kinds(dry):  # its own: the dry run's are taken away after a day
            if not self.files.copy(_source_key(dry, kind), _source_key(run, kind)):
                raise _gone(dry)
        return run


def files_of(files: Files, run: ReportRun) -> list[SourceFile] | None:
    """The files of a run; None where one is yet to be uploaded.

    Who has the link can put another file there while it is good, so the run takes a copy before it reads: a step reads
    what the one before did, and the import what the dry run did.

    Raises:
        ValidationFailed: one is too large, or not there any more.
    """
    found = [_content(files, run, kind) for kind in _kinds(run)]
    delimiter = run.request.options.get(DELIMITER, ",")
    there = [(kind, each) for kind, each in zip(_kinds(run), found, strict=True) if each is not None]
    return [SourceFile(kind, each, delimiter) for kind, each in there] if len(there) == len(found) else None


def _content(files: Files, run: ReportRun, kind: str | None) -> bytes | None:
    content = files.get(_source_key(run, kind))
    if content is not None:
        return content
    if UPLOAD not in run.request.options or run.steps:
        raise ValidationFailed.of("data", "gone", "its file is not there any more")
    size = files.size_of(_upload_key(run, kind))
    if size is not None and size > LARGEST_FILE:
        raise ValidationFailed.of("data", "too_large", f"its file has more than {LARGEST_FILE} bytes")
    if size is None or not files.copy(_upload_key(run, kind), _source_key(run, kind)):
        return None
    return files.get(_source_key(run, kind))


def _gone(dry: ReportRun) -> InvalidState:
    state = RunState.EXPIRED if dry.state is RunState.DONE else dry.shown_state
    return InvalidState.of("dry_run", state.value, "imported")


def _kinds(run: ReportRun) -> list[str | None]:
    """What the files of a run have; that of JSON is one, of whatever its objects say."""
    said = run.request.options.get(CSV)
    return [*said.split(",")] if said else [None]


def _request(work: Work, source: str, options: dict[str, str]) -> RunRequest:
    return RunRequest(Purpose.IMPORT, source, Form.JSONL, work.now, work.tenant.timezone, options=options)


def _source_key(run: ReportRun, kind: str | None) -> str:
    return run.folder + ("source" if kind is None else f"source-{kind}")


def _upload_key(run: ReportRun, kind: str | None) -> str:
    return run.folder + ("upload" if kind is None else f"upload-{kind}")
