"""What a divided report reads, spilled by part: each step's records, in files that are read again part by part.

A record is spilled as it is stored, so that nothing personal is in the open. A line is its place in the journal and its
text, and a file is gzip.
"""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from billing.domain.kernel.times import sort_key
from billing.domain.ledger import LedgerEntry
from billing.domain.subscriptions.mrr import MrrMovement
from billing.services.reports.files import Files, UploadGone
from billing.services.reports.journal import time_of

TYPE = "application/gzip"
_FAST = 1
_GZIP = 31


class JournalTexts(Protocol):
    """The stored texts of what is in a journal."""

    def text_of(self, tenant_id: str, record: LedgerEntry | MrrMovement) -> str:
        """A record as it is stored, without a line's end in it."""

    def entry_of(self, tenant_id: str, entry_id: str, text: str) -> LedgerEntry:
        """The entry that was stored so."""

    def movement_of(self, tenant_id: str, movement_id: str, text: str) -> MrrMovement:
        """The movement that was stored so."""


class Packs:
    """Lines that are packed as they come, for each part.

    Args:
        parts: how many there are.
    """

    def __init__(self, parts: int) -> None:
        self._packers = [zlib.compressobj(_FAST, wbits=_GZIP) for _ in range(parts)]
        self._packed = [bytearray() for _ in range(parts)]

    def add(self, part: int, place: str, text: str) -> None:
        """Add a line to a part."""
        self._packed[part] += self._packers[part].compress(f"{place}\t{text}\n".encode())

    def closed(self) -> Iterator[bytes]:
        """The file of each part."""
        for packer, packed in zip(self._packers, self._packed, strict=True):
            yield bytes(packed + packer.flush())


@dataclass(slots=True)
class SpilledJournal:
    """``services.reports.journal.Journal``, of the customers of one part.

    Args:
        keys: of its files, in the order of the journal.
        begin: from when on there is something in them.
    """

    files: Files
    texts: JournalTexts
    keys: Sequence[str]
    begin: datetime
    _spans: dict[str, tuple[str, str]] = field(default_factory=dict)

    def entries(
        self,
        tenant_id: str,
        begin: datetime,
        end: datetime,
        test_clock_id: str | None = None,
        after: str | None = None,
    ) -> Iterator[LedgerEntry]:
        """See ``Journal``; all files are of one clock."""
        for place, text in self._lines(begin, end, after):
            yield self.texts.entry_of(tenant_id, place.rpartition("/")[2], text)

    def movements(
        self,
        tenant_id: str,
        begin: datetime,
        end: datetime,
        test_clock_id: str | None = None,
        after: str | None = None,
    ) -> Iterator[MrrMovement]:
        """See ``Journal``."""
        for place, text in self._lines(begin, end, after):
            yield self.texts.movement_of(tenant_id, place.rpartition("/")[2], text)

    def _lines(self, begin: datetime, end: datetime, after: str | None) -> Iterator[tuple[str, str]]:
        """The places and texts of [begin, end).

        Raises:
            UploadGone: a file is gone, or what is kept of the time before is: it has to be read anew.
        """
        from_there = max(begin, time_of(after)) if after is not None else begin
        if from_there < self.begin and begin < end:
            raise UploadGone(f"from {from_there} on was not spilled")
        first, last = sort_key(begin), sort_key(end)
        for key in self.keys:
            span = self._spans.get(key)
            if span is not None and (span[1] < first or span[0] >= last or (after is not None and span[1] <= after)):
                continue
            for place, text in self._file(key):
                if place >= last:
                    break  # files are in order, and what is left of this one is later, too
                if place >= first and (after is None or place > after):
                    yield place, text

    def _file(self, key: str) -> Iterator[tuple[str, str]]:
        content = self.files.get(key)
        if content is None:
            raise UploadGone(key)
        lines = gzip.decompress(content).decode().split("\n")[:-1]
        self._spans[key] = (_place(lines[0]), _place(lines[-1])) if lines else ("", "")
        for line in lines:
            place, _, text = line.partition("\t")
            yield place, text


def _place(line: str) -> str:
    return line.partition("\t")[0]
