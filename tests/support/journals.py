"""A journal and a bucket in memory, for what is made of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from billing.domain.kernel.money import Money
from billing.domain.ledger import Account, LedgerEntry, Posting
from billing.domain.subscriptions.mrr import MrrMovement
from billing.services.reports.files import UploadGone
from billing.services.reports.journal import place_of


def entry(entry_id: str, at: datetime, micros: int = 1_000, currency: str = "USD") -> LedgerEntry:
    """A sale."""
    amount = Money(micros, currency)
    postings = (Posting(Account.RECEIVABLE, amount, "cus_1"), Posting(Account.REVENUE, -amount))
    return LedgerEntry(entry_id, "sale", f"pay_{entry_id}", at, postings, "ten_1")


@dataclass
class MemoryJournal:
    """``services.reports.journal.Journal``; counts what is read."""

    kept: list[LedgerEntry]
    moved: list[MrrMovement] = field(default_factory=list)
    read: int = 0

    def entries(
        self, tenant_id: str, begin: datetime, end: datetime, test_clock_id: str | None = None, after: str | None = None
    ) -> Iterator[LedgerEntry]:
        for each in sorted(self.kept, key=place_of):
            if begin <= each.posted_at < end and (after is None or place_of(each) > after):
                self.read += 1
                yield each

    def movements(
        self, tenant_id: str, begin: datetime, end: datetime, test_clock_id: str | None = None, after: str | None = None
    ) -> Iterator[MrrMovement]:
        for each in sorted(self.moved, key=lambda each: each.place):
            if begin <= each.at < end and (after is None or each.place > after):
                self.read += 1
                yield each


@dataclass
class MemoryFiles:
    """``services.reports.files.Files``, as strict as S3 about uploads."""

    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[int, tuple[str, bytes]]] = field(default_factory=dict)
    sent: int = 0

    def get(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def put(self, key: str, content: bytes, content_type: str) -> None:
        self.objects[key] = content

    def copy(self, key: str, to: str) -> bool:
        if key in self.objects:
            self.objects[to] = self.objects[key]
        return key in self.objects

    def size_of(self, key: str) -> int | None:
        return len(self.objects[key]) if key in self.objects else None

    def exists(self, key: str) -> bool:
        return key in self.objects

    def latest(self, prefix: str, below: str) -> str | None:
        return max((key for key in self.objects if key.startswith(prefix) and key < below), default=None)

    def delete(self, prefix: str) -> None:
        self.objects = {key: each for key, each in self.objects.items() if not key.startswith(prefix)}

    def begin(self, key: str, content_type: str) -> str:
        self.uploads[upload_id := f"up_{len(self.uploads)}"] = {}
        return upload_id

    def part(self, key: str, upload_id: str, number: int, content: bytes) -> str:
        if upload_id not in self.uploads:
            raise UploadGone(upload_id)
        self.sent += 1
        self.uploads[upload_id][number] = (f"etag-{self.sent}", content)  # under KMS it is no digest
        return f"etag-{self.sent}"

    def complete(self, key: str, upload_id: str, parts: Sequence[str]) -> None:
        found = self.uploads.get(upload_id)
        if found is None or [found.get(n, ("", b""))[0] for n in range(1, len(parts) + 1)] != list(parts):
            raise UploadGone(upload_id)
        self.objects[key] = b"".join(found[n][1] for n in range(1, len(parts) + 1))
        del self.uploads[upload_id]

    def link(self, key: str, name: str, seconds: int) -> str:
        return f"https://files.example/{key}?{seconds}"

    def upload_link(self, key: str, seconds: int) -> str:
        return f"https://files.example/{key}?put&{seconds}"
