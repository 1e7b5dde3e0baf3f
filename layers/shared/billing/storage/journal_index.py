"""Puts entries of before there was the index ``by_posted`` into it: the operator's job, once.

The ledger is append-only, and stays so: of an entry nothing is changed. What is added are two attributes beside it that
say where it is in the index, worked out from the entry itself, on condition that it has none and that its content is
still what was read. No function may do that (``AppendOnlyPolicy``); it runs with the operator's own rights, for the two
other ways are worse: entries that are put again would be under another id or over the old one, and a report that reads
the whole table beside the index would do so for ever.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from billing.domain.ledger import LedgerEntry
from billing.storage.codec import Sealer, decode
from billing.storage.database import Database, raw, table_name
from billing.storage.journal import posted_attributes
from billing.storage.tables import LedgerItem

_PAGE = 100


@dataclass(frozen=True, slots=True)
class JournalIndex:
    """The job; it may be stopped at any point and begun again.

    Args:
        pause: sleeps, in seconds.
        pace_s: how long to rest after each page, so that tenants have their capacity.
    """

    database: Database
    sealer: Sealer
    pause: Callable[[float], None]
    pace_s: float = 0.0

    def fill(self, tenant_id: str) -> int:
        """Index a tenant's entries that are in no index yet; how many there were."""
        return sum(self._index(tenant_id, item["id"]["S"], item["body"]["S"]) for item in self._missing(tenant_id))

    def missing(self, tenant_id: str) -> int:
        """How many ``fill`` would index now."""
        return sum(1 for _ in self._missing(tenant_id))

    def _missing(self, tenant_id: str) -> Iterator[dict[str, Any]]:
        request = {
            "TableName": table_name(LedgerItem),
            "KeyConditionExpression": "tenant_id = :tenant",
            "ExpressionAttributeValues": {":tenant": raw(tenant_id)},
            "ConsistentRead": True,
            "Limit": _PAGE,
        }
        for n, item in enumerate(self.database.query_all(request), start=1):
            if "posted_key" not in item:
                yield item
            if n % _PAGE == 0:
                self.pause(self.pace_s)

    def _index(self, tenant_id: str, entry_id: str, body: str) -> bool:
        entry = decode(LedgerEntry, body, self.sealer, tenant_id, entry_id)
        # What is stored before an entry said whose it is has no tenant's id in its body.
        places = posted_attributes(entry, tenant_id)
        return self.database.held(
            lambda: self.database.client.update_item(
                TableName=table_name(LedgerItem),
                Key={"tenant_id": raw(tenant_id), "id": raw(entry_id)},
                UpdateExpression="SET posted_key = :key, posted = :posted",
                ConditionExpression="attribute_not_exists(posted_key) AND body = :body",
                ExpressionAttributeValues={
                    ":key": raw(places["posted_key"]),
                    ":posted": raw(places["posted"]),
                    ":body": raw(body),
                },
            )
        )
