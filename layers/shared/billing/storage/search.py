"""The index of what customers are found by: an item for each term of each, whose key is the term's keyed hash.

Written in the transaction of the customer. No function deletes, so an item whose term is gone gets a time at which the
table forgets it (``expires_at``), and is passed over from then on; its key alone says nothing to who has not the key.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from billing.storage.codec import Sealer
from billing.storage.database import Database, raw, table_name
from billing.storage.registry import Stored, join
from billing.storage.tables import SearchItem

_PURPOSE = "search "
"""Before each term: no address, which has no space in it, has the hash of a term."""
_FURTHER_PAGES, _FURTHER_ROWS = 4, 1_000
"""How far a query goes on behind rows that are let go of, which stand there until the table forgets them."""


def changes(
    stored: Stored,
    sealer: Sealer,
    tenant_id: str,
    entity_id: str,
    entities: tuple[Any | None, Any],
    now: datetime,
    data_keys: Sequence[str] | None,
) -> Iterator[SearchItem]:
    """What is to be put into the index where an entity changes; nothing where its terms stay.

    Args:
        entities: as it was, None for a new one; and as it is now.
        data_keys: see ``Sealer``.
    """
    before, after = (stored.terms(each) if each is not None else frozenset() for each in entities)
    for term in sorted(after - before):
        yield row(tenant_id, entity_id, sealer.blind(tenant_id, _PURPOSE + term, data_keys))
    for term in sorted(before - after):
        for key in sealer.blinds(tenant_id, _PURPOSE + term):
            gone = row(tenant_id, entity_id, key)
            gone.expires_at = int(now.timestamp())
            yield gone


def row(tenant_id: str, entity_id: str, key: str) -> SearchItem:
    """An item of the index."""
    return SearchItem(term_key=join(tenant_id, key), id=entity_id)


def hashed(term: str) -> str:
    """The text of a term, as the blind index hashes it."""
    return _PURPOSE + term


class SearchIndex:
    """``services.search.search.Terms`` over DynamoDB."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def ids(self, tenant_id: str, term: str, most: int) -> list[str]:
        """Whose term it is, the newest first; while the index is made anew, some are under each of two keys."""
        found: set[str] = set()
        for key in self._sealer.blinds(tenant_id, _PURPOSE + term):
            found |= self._of_key(join(tenant_id, key), most)
        return sorted(found, reverse=True)[:most]

    def _of_key(self, term_key: str, most: int) -> set[str]:
        """Who has a row under a key. DynamoDB counts a page before it filters: 100 who were erased fill one of 100."""
        found: set[str] = set()
        request = {
            "TableName": table_name(SearchItem),
            "KeyConditionExpression": "term_key = :key",
            "FilterExpression": "attribute_not_exists(expires_at)",
            "ExpressionAttributeValues": {":key": raw(term_key)},
            "ProjectionExpression": "id",
            "ScanIndexForward": False,
            "ConsistentRead": True,
        }
        after: dict[str, Any] = {}
        for limit in (most, *(_FURTHER_ROWS,) * _FURTHER_PAGES):
            answer = self._database.call(partial(self._database.client.query, **request, **after, Limit=limit))
            found |= {item["id"]["S"] for item in answer["Items"]}
            if len(found) >= most or "LastEvaluatedKey" not in answer:
                break
            after = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return found
