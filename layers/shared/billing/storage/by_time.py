"""What is read in the order of its time: a tenant's UTC month in parts, or a test clock's time in parts.

The parts keep a million renewals on the first of a month from being one hot partition. They are read side by side, and
merged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any
from zlib import crc32

from pynamodb.models import Model

from billing.domain.kernel.times import sort_key
from billing.domain.reports.span import Month
from billing.services.reports.journal import time_of
from billing.storage.database import Database, raw, table_name

PARTS = 4
"""Of a tenant's month: 4,000 writes a second."""


@dataclass(frozen=True, slots=True)
class ByTime:
    """Items in the order of their places: a time, ``/``, and what tells those of one instant apart.

    Args:
        hash_name, range_name: the attributes that ``key`` and the place are in.
        index: None for the table itself, which is read consistently.
    """

    model: type[Model]
    hash_name: str
    range_name: str
    index: str | None = None

    def read(
        self,
        database: Database,
        tenant_id: str,
        begin: datetime,
        end: datetime,
        test_clock_id: str | None,
        after: str | None,
    ) -> Iterator[dict[str, Any]]:
        """The items (DynamoDB JSON) of [begin, end); those behind a place, where one is named."""
        first = sort_key(begin)
        if after is not None and after >= first:
            # "!" sorts before every character of an id: this is the next place that there can be.
            first, begin = after + "!", max(begin, time_of(after))
        if begin >= end:
            return  # DynamoDB refuses such bounds
        for under in _under_all(begin, end, test_clock_id):
            parts = [self._part(database, _part_key(tenant_id, under, part), first, end) for part in range(PARTS)]
            yield from merge(*parts, key=self._place)

    def _part(self, database: Database, key: str, first: str, end: datetime) -> Iterator[dict[str, Any]]:
        return database.query_all(
            {
                "TableName": table_name(self.model),
                **({"ConsistentRead": True} if self.index is None else {"IndexName": self.index}),
                "KeyConditionExpression": f"{self.hash_name} = :key AND {self.range_name} BETWEEN :first AND :end",
                "ExpressionAttributeValues": {
                    ":key": raw(key),
                    ":first": raw(first),
                    # What is of an instant has "/" after it, so that the end itself is left out.
                    ":end": raw(sort_key(end)),
                },
            }
        )

    def _place(self, item: dict[str, Any]) -> str:
        return str(item[self.range_name]["S"])


def key(tenant_id: str, at: datetime, test_clock_id: str | None, spread_by: str) -> str:
    """The hash key of what is of an instant.

    Args:
        spread_by: what has the same text is in the same part.
    """
    return _part_key(tenant_id, test_clock_id or str(Month.of(at, "UTC")), crc32(spread_by.encode()) % PARTS)


def _part_key(tenant_id: str, under: str, part: int) -> str:
    return f"{tenant_id}#{under}#{part}"


def _under_all(begin: datetime, end: datetime, test_clock_id: str | None) -> Iterator[str]:
    """The months that have a part of [begin, end), in order; or the test clock."""
    if test_clock_id is not None:
        yield test_clock_id
        return
    month = Month.of(begin, "UTC")
    while month.begin("UTC") < end:
        yield str(month)
        month = month.following
