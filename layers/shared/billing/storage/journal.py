"""The ledger by the time of posting: ``services.reports.journal.Journal`` over the index ``by_posted``.

The index has a hash key for each tenant, UTC month and part, so that a million renewals on the first of a month are not
one hot partition; what is posted in a test clock's time is under that clock. The parts of a month are read side by side
and merged. A secondary index is a moment behind its table, which a finished month is not: it is kept an hour later.
"""

from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from zlib import crc32

from billing.domain.kernel.times import sort_key
from billing.domain.ledger import LedgerEntry
from billing.domain.subscriptions.mrr import MrrMovement
from billing.services.reports.journal import place_of, time_of
from billing.storage.by_time import part_key, under_all, under_of
from billing.storage.codec import Sealer, decode
from billing.storage.database import Database, raw, table_name
from billing.storage.mrr_movements import movements
from billing.storage.tables import LedgerItem

PARTS = 4
"""Of a tenant's month: 4,000 entries a second."""


def posted_attributes(entry: LedgerEntry, tenant_id: str | None = None) -> dict[str, str]:
    """Where an entry is in the index.

    Args:
        tenant_id: in whose books, where the entry itself does not say so.
    """
    part = crc32(entry.id.encode()) % PARTS
    under = under_of(entry.posted_at, entry.test_clock_id)
    return {"posted_key": part_key(entry.tenant_id or tenant_id or "", under, part), "posted": place_of(entry)}


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
        if begin >= end:
            return
        first = sort_key(begin)
        if after is not None and after >= first:
            # "!" sorts before every character of an id: this is the next key that there can be.
            first, begin = after + "!", max(begin, time_of(after))
            if begin >= end:
                return  # DynamoDB refuses such bounds
        for under in under_all(begin, end, test_clock_id):
            parts = [self._part(part_key(tenant_id, under, part), tenant_id, first, end) for part in range(PARTS)]
            yield from merge(*parts, key=place_of)

    def movements(
        self,
        tenant_id: str,
        begin: datetime,
        end: datetime,
        test_clock_id: str | None = None,
        after: str | None = None,
    ) -> Iterator[MrrMovement]:
        return movements(self._database, self._sealer, tenant_id, begin, end, test_clock_id, after)

    def _part(self, key: str, tenant_id: str, first: str, end: datetime) -> Iterator[LedgerEntry]:
        request = {
            "TableName": table_name(LedgerItem),
            "IndexName": "by_posted",
            "KeyConditionExpression": "posted_key = :key AND posted BETWEEN :begin AND :end",
            "ExpressionAttributeValues": {
                ":key": raw(key),
                ":begin": raw(first),
                # What was posted at an instant has "/" and its id after it, so that the end itself is left out.
                ":end": raw(sort_key(end)),
            },
        }
        for item in self._database.query_all(request):
            yield decode(LedgerEntry, item["body"]["S"], self._sealer, tenant_id, item["id"]["S"])
