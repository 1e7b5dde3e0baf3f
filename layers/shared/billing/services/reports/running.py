"""The report worker's steps: each reads on from where the one before stopped, and leaves its work in files.

A step leaves first what it did, then (one commit) the note of it on the run. Cut off anywhere, it is done again from
the note: parts are numbered, so that one that is sent again replaces itself; and what is too short for a part lies
under a name with the step's number, so that no step changes what the one before has left.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import ReportTooLong, ValidationFailed
from billing.domain.kernel.event_types import EventType
from billing.domain.reports.run import TRIES, Division, Form, Purpose, ReportRun, RunState, Written
from billing.domain.reports.span import Span
from billing.domain.reports.table import Table
from billing.services.kernel.due_items import load_due
from billing.services.kernel.work import Unit, Units, Work
from billing.services.reports.dividing import Dividing
from billing.services.reports.divisible import Divisible
from billing.services.reports.files import Files, UploadGone
from billing.services.reports.journal import Journal
from billing.services.reports.kept import KeptMonths, RunFolds
from billing.services.reports.listing import Listing
from billing.services.reports.printing import CONTENT_TYPE, MOST_ROWS, KeptRows, Printer, check_length
from billing.services.reports.sources import Asked, KeptFolds, Report, Sources, StepOver, TooMuchToRead, sources
from billing.services.reports.spills import JournalTexts
from billing.services.reports.writing import Exports, Imports, RowWriter, Sheet

_log = logging.getLogger(__name__)
PART_BYTES = 5 * 1024 * 1024
"""S3 takes no shorter part but the last."""
STEP_BYTES = 8 * 1024 * 1024
STEP_RECORDS = 20_000
_WAITS, _LOOKS_EVERY = timedelta(hours=1), timedelta(seconds=15)
_KEPT_ROWS = KeptRows()
_NOTHING_LEFT = "nothing was left behind by so many steps in a row"


@dataclass(frozen=True, slots=True)
class Limits:
    """When a step is over.

    Args:
        part_bytes: what is sent as a part has so many.
        step_bytes, step_records: it has written, or read, so many.
        fold_records: it has folded so many.
        at_once: a report that can be made in parts is, where it reads more records in one step than so many.
        kept_bytes: or where what is kept of it is longer.
        parts: then it has so many.
        chunk_rows: of each part so many rows are in memory when they are merged.
        margin_s: so much time is left in the invocation.
    """

    part_bytes: int = PART_BYTES
    step_bytes: int = STEP_BYTES
    step_records: int = STEP_RECORDS
    fold_records: int = 100_000
    at_once: int = 100_000
    kept_bytes: int = 2 * 1024 * 1024
    parts: int = 32
    chunk_rows: int = 4_000
    margin_s: float = 20.0


@dataclass(frozen=True, slots=True)
class RunSteps:
    """Takes the steps.

    Args:
        reports: that can be runs, by their names.
        forms: how tables are written.
        printer: makes PDFs.
        imports: what is taken over from elsewhere.
        texts: how records of the journal are spilled.
        left_s: what is left of the invocation, in seconds.
    """

    units: Units
    journal: Journal
    files: Files
    reports: Mapping[str, Report]
    exports: Exports
    forms: Mapping[Form, RowWriter]
    printer: Printer
    imports: Imports
    texts: JournalTexts
    left_s: Callable[[], float]
    limits: Limits = Limits()

    def advance(self, work: Work, run_id: str, now: datetime) -> Due | None:
        """The next step of a run, or the end of its file: the worker's task."""
        self._count_try(work.tenant.id, run_id, now)
        run, due = load_due(work, ReportRun, run_id, now)
        if run is None or due is None:
            return due
        if not run.is_going:
            self.files.delete(run.folder)
            return work.save(run.expired()).due
        if run.tries > TRIES:
            _log.critical("report run failed", extra={"run_id": run.id, "report": run.request.name})
            failed = work.save(run.failed(run.reason or _NOTHING_LEFT, work.now))
            work.emit(EventType.REPORT_RUN_FAILED, failed)
            return None
        run = work.save(self._step(run, work))
        if not run.is_going:
            work.emit(EventType.REPORT_RUN_FAILED if run.state is RunState.FAILED else EventType.REPORT_RUN_DONE, run)
        return run.due

    def _count_try(self, tenant_id: str, run_id: str, now: datetime) -> None:
        """Note that a step begins, in a commit of its own: a step that ends with its process leaves that behind."""
        unit = self.units.begin(tenant_id)
        run, _ = load_due(unit, ReportRun, run_id, now)
        if run is not None and run.is_going:
            unit.save(run.begun())
            unit.commit()

    def _step(self, run: ReportRun, work: Work) -> ReportRun:
        reader = self.units.begin(run.tenant_id)
        asked = asked_of(run)
        try:
            if run.request.purpose is Purpose.IMPORT:
                return self._imported(run, asked, self.forms[run.request.form], work.now)
            if run.written.division is not None:
                made = self._divided(run, reader, asked, work.now)
                if isinstance(made, ReportRun):
                    return made
                sheet = made
            else:
                found = self._sheet(run, reader, asked)
                if found is None:
                    return self._folded(run, reader, asked, work.now)
                sheet = found
            if run.request.form is Form.PDF:
                return self._printed(run, reader, sheet, asked, work.now)
            return self._listed(run, sheet, asked, self.forms[run.request.form], work.now)
        except ReportTooLong as error:
            return run.failed(error.message, work.now)
        except UploadGone:
            _log.warning("report upload begun anew", extra={"run_id": run.id})
            return replace(run.gone_on(Written()), tries=run.tries)

    def _imported(self, run: ReportRun, asked: Asked, writer: RowWriter, now: datetime) -> ReportRun:
        """The next records of an import; it waits for its file for an hour, and fails where that cannot be read."""
        try:
            sheet = self.imports.sheet(run)
        except ValidationFailed as error:
            return run.failed(error.message, now)
        if sheet is not None:
            return self._listed(run, sheet, asked, writer, now)
        if now >= run.created_at + _WAITS:
            return run.failed("no file was uploaded within an hour", now)
        return run.waiting(now + _LOOKS_EVERY)

    def _sheet(self, run: ReportRun, reader: Unit, asked: Asked) -> Sheet | None:
        """What a listing or an export is written from; None for a report that is one table."""
        request = run.request
        if request.purpose is Purpose.EXPORT:
            return self.exports.sheet(reader, asked, request.name, request.form is Form.JSONL)
        report: Report | None = self.reports[request.name]
        if isinstance(report, Divisible):
            report = report.listing(asked)
        if not isinstance(report, Listing):
            return None
        months = KeptMonths(self.files, run.tenant_id)
        found = self._sources(run, reader, months, asked)
        return Sheet(
            report.columns(asked),
            lambda after: report.items(asked, found, after),
            lambda record: report.rows(asked, record),
        )

    def _divided(self, run: ReportRun, reader: Unit, asked: Asked, now: datetime) -> ReportRun | Sheet:
        """The next step of a report that is made in parts."""
        report = self.reports[run.request.name]
        assert isinstance(report, Divisible)

        def over(journal: Journal, kept: KeptFolds) -> Sources:
            return replace(self._sources(run, reader, kept, asked), journal=journal)

        steps = Dividing(
            run, report, asked, self.journal, self.files, self.texts, over, self._step_left_s,
            self.limits.fold_records, now,
        )  # fmt: skip
        try:
            return steps.step()
        except StepOver:
            return run.gone_on(run.written)
        except TooMuchToRead as error:
            return _tried(run, error)

    def _step_left_s(self) -> float:
        return self.left_s() - self.limits.margin_s

    def _sources(self, run: ReportRun, reader: Unit, kept: KeptFolds, asked: Asked, most: int | None = None) -> Sources:
        """All that there is to read, or so much, as long as there is time for it."""
        margin = self.limits.margin_s
        found = sources(reader, self.journal, kept, asked, most, lambda: self.left_s() - margin / 2)
        return replace(found, reader=lambda: self.units.begin(run.tenant_id))

    def _listed(self, run: ReportRun, sheet: Sheet, asked: Asked, writer: RowWriter, now: datetime) -> ReportRun:
        written, text, over = self._text(run, sheet, asked, writer)
        return self._left(run, written, text, over, writer, now)

    def _printed(self, run: ReportRun, reader: Unit, sheet: Sheet, asked: Asked, now: datetime) -> ReportRun:
        """A listing that is to be a PDF: its rows are few, and kept until all of them are there."""
        written, text, over = self._text(run, sheet, asked, _KEPT_ROWS)
        check_length(run.request.name, written.rows)
        if not over:
            return self._kept(run, written, text, _KEPT_ROWS)
        table = Table(tuple(sheet.columns), tuple(_KEPT_ROWS.read(text)))
        content = self.printer.pdf(reader, run.request.name, asked, table)
        self.files.put(run.key, content, CONTENT_TYPE)
        return run.done(replace(written, size=len(content), tail=0), now)

    def _text(self, run: ReportRun, sheet: Sheet, asked: Asked, writer: RowWriter) -> tuple[Written, bytes, bool]:
        """What a step writes: how far that is, the text since the last part, and whether it is the end."""
        done = run.written
        text = bytearray(self._tail(run))
        size = len(text)
        if done.place is None:
            text += writer.head(run.request.name, asked, sheet.columns)
        place, records, rows, over = done.place, 0, 0, True
        for item in sheet.items(done.place):
            made = list(sheet.rows(item.record))
            text += writer.rows(sheet.columns, made, done.rows + rows)
            place, records, rows = item.place, records + 1, rows + len(made)
            if records == sheet.most or self._enough(records, len(text) - size):
                over = False
                break
        if over:
            text += writer.foot()
        size = done.size + len(text) - size
        tally = {name: done.tally.get(name, 0) + sheet.tally.get(name, 0) for name in {*done.tally, *sheet.tally}}
        records = done.records + (records if sheet.counted else 0)
        written = replace(done, place=place, records=records, rows=done.rows + rows, size=size, tally=tally)
        return written, bytes(text), over

    def _enough(self, records: int, size: int) -> bool:
        if records >= self.limits.step_records or size >= self.limits.step_bytes:
            return True
        return records % 100 == 0 and self.left_s() < self.limits.margin_s

    def _tail(self, run: ReportRun) -> bytes:
        """What is written already and too short for a part."""
        if not run.written.tail:
            return b""
        found = self.files.get(run.tail_key(run.steps))
        if found is None or len(found) != run.written.tail:
            raise UploadGone(run.id)  # somebody has emptied the bucket: from the beginning
        return found

    def _left(
        self, run: ReportRun, written: Written, text: bytes, over: bool, writer: RowWriter, now: datetime
    ) -> ReportRun:
        """Leave what a step wrote, and note it."""
        if over and written.upload_id is None:
            self.files.put(run.key, text, writer.content_type)
            return run.done(replace(written, tail=0), now)
        if over:
            return self._completed(run, written, text, now)
        if len(text) < self.limits.part_bytes:
            return self._kept(run, written, text, writer)
        upload_id = written.upload_id or self.files.begin(run.key, writer.content_type)
        part = self.files.part(run.key, upload_id, len(written.parts) + 1, text)
        return run.gone_on(replace(written, upload_id=upload_id, parts=(*written.parts, part), tail=0))

    def _kept(self, run: ReportRun, written: Written, text: bytes, writer: RowWriter) -> ReportRun:
        """Leave what is not yet a part, or a file, for the next step."""
        self.files.put(run.tail_key(run.steps + 1), text, writer.content_type)
        return run.gone_on(replace(written, tail=len(text)))

    def _completed(self, run: ReportRun, written: Written, text: bytes, now: datetime) -> ReportRun:
        """Make one file of the parts; a step that was cut off behind that finds the file there, and no upload."""
        assert written.upload_id is not None
        parts = written.parts
        try:
            if text:
                parts = (*parts, self.files.part(run.key, written.upload_id, len(parts) + 1, text))
            self.files.complete(run.key, written.upload_id, parts)
        except UploadGone:
            if not self.files.exists(run.key):
                raise
        return run.done(replace(written, parts=parts, tail=0), now)

    def _folded(self, run: ReportRun, reader: Unit, asked: Asked, now: datetime) -> ReportRun:
        """A report that is one table: made at once, where its folds are not kept far enough by what is read now."""
        report, limits = self.reports[run.request.name], self.limits
        divisible = isinstance(report, Divisible)
        folds = RunFolds(
            KeptMonths(self.files, run.tenant_id), run.folder, now, self._step_left_s, limits.fold_records,
            limits.kept_bytes if divisible else None,
        )  # fmt: skip
        found = self._sources(run, reader, folds, asked, limits.at_once if divisible else None)
        written = run.written
        most = MOST_ROWS + 1 if run.request.form is Form.PDF else None
        try:
            table = report.table(asked, found)
            rows = tuple(islice(table.rows, most))
        except StepOver:
            return run.gone_on(replace(written, records=written.records + folds.folded))
        except TooMuchToRead as error:
            division = Division(limits.parts, limits.chunk_rows) if divisible else None
            return run.gone_on(Written(division=division)) if division else _tried(run, error)
        size = self._put_whole(run, reader, asked, Table(table.columns, rows))
        records = written.records + folds.folded
        return run.done(replace(written, records=records, rows=len(rows), size=size), now)

    def _put_whole(self, run: ReportRun, reader: Unit, asked: Asked, table: Table) -> int:
        """Make a file of a table; its size."""
        name, form = run.request.name, run.request.form
        if form is Form.PDF:
            content, content_type = self.printer.pdf(reader, name, asked, table), CONTENT_TYPE
        else:
            writer = self.forms[form]
            content = (
                writer.head(name, asked, table.columns) + writer.rows(table.columns, table.rows, 0) + writer.foot()
            )
            content_type = writer.content_type
        self.files.put(run.key, content, content_type)
        return len(content)


def _tried(run: ReportRun, error: TooMuchToRead) -> ReportRun:
    """The time was too short for a step that leaves nothing behind: it is tried again, from the begin of a turn."""
    return replace(run.gone_on(run.written), tries=run.tries, reason=f"it reads {error}")


def asked_of(run: ReportRun) -> Asked:
    """What a run was asked for, as its report takes it."""
    request = run.request
    span = None
    if request.first is not None and request.until is not None:
        span = Span(request.first, request.until, request.zone)
    return Asked(request.at, request.zone, span, request.test_clock_id, dict(request.options))
