"""A report that is too large to be made at once: what it reads is spilled by part, each part is made, rows are merged.

A part is of some customers. So no step holds more than a step's records packed, one part's state, or a few thousand
rows of each part, however many there are; the journal is read once; and a part is made by the code that makes a small
report at once. Files have the try's token in their names, and the run's note says which are good: a step that is cut
off, or that a late worker does a second time, leaves files that nobody reads.

    3,000,000 entries, 32 parts: 30 steps of 100,000 entries, 32 of 94,000, and then the file, 8 MB a step
"""

import gzip
import heapq
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby, islice
from typing import Any
from zlib import crc32

from billing.domain.ledger import LedgerEntry, customer_of
from billing.domain.reports.fold import ABOUT_DOCUMENTS
from billing.domain.reports.merging import Key, row_of, text_of
from billing.domain.reports.run import Division, MadePart, ReportRun
from billing.domain.reports.table import Row
from billing.domain.subscriptions.mrr import MrrMovement
from billing.services.kernel.work import Work
from billing.services.reports.divisible import Divisible
from billing.services.reports.files import Files, UploadGone
from billing.services.reports.journal import Journal, place_of, with_documents
from billing.services.reports.kept import KeptMonths, RunFolds
from billing.services.reports.sources import Asked, Sources
from billing.services.reports.spills import TYPE, JournalTexts, Packs, SpilledJournal
from billing.services.reports.writing import Item, Sheet

Made = Callable[[Journal, RunFolds | KeptMonths], Sources]
"""Gives a report's sources, over a journal and what is kept."""


class _FirstRead(Exception):
    """What a report reads first, and from when on."""

    def __init__(self, source: str, begin: datetime) -> None:
        super().__init__(source)
        self.source, self.begin = source, begin


class _Asks:
    """A journal that only finds out what is read first."""

    def entries(self, tenant_id: str, begin: datetime, *_: Any) -> Iterator[LedgerEntry]:
        raise _FirstRead("entries", begin)

    def movements(self, tenant_id: str, begin: datetime, *_: Any) -> Iterator[MrrMovement]:
        raise _FirstRead("movements", begin)


@dataclass(frozen=True, slots=True)
class Dividing:
    """The steps of one run.

    Args:
        sources: gives the report's sources over a journal.
        left_s: how long the step may go on, in seconds.
        records: how many it may read.
    """

    run: ReportRun
    report: Divisible
    asked: Asked
    journal: Journal
    files: Files
    texts: JournalTexts
    sources: Made
    left_s: Callable[[], float]
    records: int
    now: datetime

    def step(self) -> ReportRun | Sheet:
        """The next step; once all parts are made, what the file is written from.

        Raises:
            StepOver: a part's fold is kept on its way, and goes on in the next step.
            TooMuchToRead: the time is too short for a part.
            UploadGone: what was spilled is gone.
        """
        division = self.run.written.division
        assert division is not None
        if not division.source:
            return self._noted(self._begun(division))
        if not division.is_read:
            return self._spilled(division)
        if len(division.made) < division.of:
            return self._noted(self._made(division))
        return Sheet(self.report.columns(self.asked), lambda after: self._merged(division, after), tuple, counted=False)

    def _noted(self, division: Division, records: int = 0) -> ReportRun:
        written = self.run.written
        return self.run.gone_on(replace(written, records=written.records + records, division=division))

    def _begun(self, division: Division) -> Division:
        """From when on it has to be read: the earliest that any part asks for; each has kept months of its own."""
        found = [each for each in map(self._first_read, range(division.of)) if each is not None]
        if not found:
            return replace(division, source="entries", begin=self.asked.end, is_read=True)
        return replace(division, source=found[0].source, begin=min(each.begin for each in found))

    def _first_read(self, part: int) -> _FirstRead | None:
        sources = replace(self.sources(_Asks(), self._months(part)), part=part)
        try:
            for _ in self.report.keyed(self.asked, sources):
                break
        except _FirstRead as read:
            return read
        return None

    def _months(self, part: int) -> KeptMonths:
        division = self.run.written.division
        assert division is not None
        return KeptMonths(self.files, self.run.tenant_id, f"{part:02d}of{division.of}")

    def _spilled(self, division: Division) -> ReportRun:
        """Read on, and leave what was read to its parts."""
        packs, place, count, over = Packs(division.of), division.place, 0, True
        loading = self.sources(self.journal, self._months(0)).loading
        for place, customer_id, record in self._read(division, loading):
            part = crc32((customer_id or "").encode()) % division.of
            packs.add(part, place, self.texts.text_of(self.run.tenant_id, record))
            count += 1
            if count >= self.records or (count % 100 == 0 and self.left_s() <= 0):
                over = False
                break
        token = self.run.token
        for part, content in enumerate(packs.closed()):
            self.files.put(self._spill(part, token), content, TYPE)
        return self._noted(replace(division, place=place, spills=(*division.spills, token), is_read=over), count)

    def _read(
        self, division: Division, loading: Callable[[], Work]
    ) -> Iterator[tuple[str, str | None, LedgerEntry | MrrMovement]]:
        tenant_id, asked = self.run.tenant_id, self.asked
        assert division.begin is not None
        limits = (division.begin, asked.end, asked.test_clock_id, division.place)
        if division.source == "movements":
            for movement in self.journal.movements(tenant_id, *limits):
                yield movement.place, movement.customer_id, movement
            return
        for entry in self.journal.entries(tenant_id, *limits):
            customer_id = customer_of(entry)
            if customer_id is None and entry.kind in ABOUT_DOCUMENTS:
                # Its total is zero, so nothing of it is posted to its customer; its document says whose it is.
                (posted,) = with_documents(loading, [entry])
                customer_id = posted.document.customer_id if posted.document is not None else None
            yield place_of(entry), customer_id, entry

    def _made(self, division: Division) -> Division:
        """The rows of the next part, in files of some thousand."""
        part, token, assured = len(division.made), self.run.token, division.begin
        assert assured is not None
        spilled = [self._spill(part, each) for each in division.spills]
        journal = SpilledJournal(self.files, self.texts, spilled, assured)
        folds = RunFolds(self._months(part), f"{self.run.folder}part-{part:02d}/", self.now, self.left_s, self.records)
        sources = replace(self.sources(journal, folds), part=part)
        rows, count = iter(self.report.keyed(self.asked, sources)), 0
        while lines := [text_of(*each) for each in islice(rows, division.chunk)]:
            content = gzip.compress("\n".join(lines).encode(), 1, mtime=0)
            self.files.put(self._chunk(part, token, count // division.chunk), content, TYPE)
            count += len(lines)
        return replace(division, made=(*division.made, MadePart(token, count)))

    def _merged(self, division: Division, after: str | None) -> Iterator[Item]:
        """The rows of all parts in order; a place says how many of each part are written."""
        done: list[int] = json.loads(after) if after is not None else [0] * division.of
        made, chunk = division.made, division.chunk
        streams = [self._rows(part, each, done[part], chunk) for part, each in enumerate(made)]
        in_order = heapq.merge(*streams, key=lambda each: each[0])
        for _, group in groupby(in_order, key=lambda each: each[0]):
            rows = []
            for _, part, row in group:
                done[part] += 1
                rows.append(row)
            yield Item(json.dumps(done), tuple(self.report.together(self.asked, rows)))

    def _rows(self, part: int, made: MadePart, done: int, size: int) -> Iterator[tuple[Key, int, Row]]:
        for chunk in range(done // size, -(-made.rows // size)):
            content = self.files.get(key := self._chunk(part, made.token, chunk))
            if content is None:
                raise UploadGone(key)
            lines = gzip.decompress(content).decode().split("\n")
            for line in lines[max(done - chunk * size, 0) :]:
                key_of, row = row_of(line)
                yield key_of, part, row

    def _spill(self, part: int, token: str) -> str:
        return f"{self.run.folder}spill-{token}-{part:02d}"

    def _chunk(self, part: int, token: str, number: int) -> str:
        return f"{self.run.folder}rows-{token}-{part:02d}-{number:05d}"
