"""Movements of MRR: written with the subscription that they are about, and read in the order of their time.

A movement is found by its time alone. So its key is tenant, UTC month and part; then its time, the wall clock's, and
its id. There is no index, and what was committed is seen at once. What happens in a test clock's time is under that
clock.
"""

from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from zlib import crc32

from billing.domain.kernel.times import parse_time, sort_key
from billing.domain.subscriptions.mrr import MrrMovement
from billing.storage.by_time import part_key, under_all, under_of
from billing.storage.codec import Sealer, decode, encode
from billing.storage.database import Database, raw, table_name
from billing.storage.tables import MrrMovementItem

PARTS = 4
"""Of a tenant's month: 4,000 movements a second. All of a subscription's are in one."""


def movements(
    database: Database,
    sealer: Sealer,
    tenant_id: str,
    begin: datetime,
    end: datetime,
    test_clock_id: str | None = None,
    after: str | None = None,
) -> Iterator[MrrMovement]:
    """The movements of [begin, end), see ``services.reports.journal.Journal``: the parts side by side, merged."""
    first, last = max(sort_key(begin), after or ""), sort_key(end)
    if first > last:
        return  # a report as of a time before its days; DynamoDB refuses such bounds
    for under in under_all(parse_time(first.partition("/")[0]), end, test_clock_id):
        keys = [part_key(tenant_id, under, part) for part in range(PARTS)]
        parts = (_part(database, sealer, tenant_id, key, first, last) for key in keys)
        yield from (each for each in merge(*parts, key=lambda each: each.place) if each.place != after)


def _part(database: Database, sealer: Sealer, tenant_id: str, key: str, first: str, end: str) -> Iterator[MrrMovement]:
    request = {
        "TableName": table_name(MrrMovementItem),
        "ConsistentRead": True,
        "KeyConditionExpression": "moved_key = :key AND moved BETWEEN :first AND :end",
        "ExpressionAttributeValues": {
            ":key": raw(key),
            ":first": raw(first),
            ":end": raw(end),  # what moved at an instant has "/" after it: the end itself is left out
        },
    }
    for item in database.query_all(request):
        yield decode(MrrMovement, item["body"]["S"], sealer, tenant_id, item["moved"]["S"].rpartition("/")[2])


def movement_item(moved: MrrMovement, sealer: Sealer) -> MrrMovementItem:
    """A movement as it is put into its table, once."""
    part = crc32(moved.subscription_id.encode()) % PARTS
    return MrrMovementItem(
        moved_key=part_key(moved.tenant_id, under_of(moved.at, moved.test_clock_id), part),
        moved=moved.place,
        body=encode(moved, sealer, moved.tenant_id, moved.id),
    )
