"""The ledger by the time of posting: ``services.reports.journal.Journal`` over the index ``by_posted``.

A secondary index is a moment behind its table, which a finished month is not: it is kept an hour later.
"""

from collections.abc import Iterator
from datetime import datetime

from billing.domain.ledger import LedgerEntry
from billing.domain.subscriptions.mrr import MrrMovement
from billing.services.reports.journal import place_of
from billing.storage import by_time
from billing.storage.codec import Sealer, decode, encode
from billing.storage.database import Database
from billing.storage.mrr_movements import movements
from billing.storage.tables import LedgerItem

_BY_POSTING = by_time.ByTime(LedgerItem, "posted_key", "posted", index="by_posted")


def posted_attributes(entry: LedgerEntry, tenant_id: str | None = None) -> dict[str, str]:
    """Where an entry is in the index.

    Args:
        tenant_id: in whose books, where the entry itself does not say so.
    """
    owner = entry.tenant_id or tenant_id or ""
    key = by_time.key(owner, entry.posted_at, entry.test_clock_id, spread_by=entry.id)
    return {"posted_key": key, "posted": place_of(entry)}


class DynamoJournal:
    """See ``services.reports.journal.Journal``."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def entries(
        self,
        tenant_id: str,
        begin: datetime,
        end: datetime,
        test_clock_id: str | None = None,
        after: str | None = None,
    ) -> Iterator[LedgerEntry]:
        for item in _BY_POSTING.read(self._database, tenant_id, begin, end, test_clock_id, after):
            yield decode(LedgerEntry, item["body"]["S"], self._sealer, tenant_id, item["id"]["S"])

    def movements(
        self,
        tenant_id: str,
        begin: datetime,
        end: datetime,
        test_clock_id: str | None = None,
        after: str | None = None,
    ) -> Iterator[MrrMovement]:
        return movements(self._database, self._sealer, tenant_id, begin, end, test_clock_id, after)


class StoredTexts:
    """See ``services.reports.spills.JournalTexts``."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def text_of(self, tenant_id: str, record: LedgerEntry | MrrMovement) -> str:
        return encode(record, self._sealer, tenant_id, record.id)

    def entry_of(self, tenant_id: str, entry_id: str, text: str) -> LedgerEntry:
        return decode(LedgerEntry, text, self._sealer, tenant_id, entry_id)

    def movement_of(self, tenant_id: str, movement_id: str, text: str) -> MrrMovement:
        return decode(MrrMovement, text, self._sealer, tenant_id, movement_id)
