"""The feed's places: ``services.webhooks.feed.FeedStore`` and ``services.webhooks.events.FeedRows`` over one table.

tenant_id   id
TENANT      count                       how far the feed is: ``last``
TENANT      place#0000000000000042      which event has this place
TENANT      event#evt_1                 which place this event has

A mark for each event, rather than an attribute of the event's own item: to update that would cost a write unit for each
KB of its body, twice over in a transaction; it would raise a second record in the stream that this is fed by; and
whoever redacts an event could put the attribute away again. Marks are kept for a week longer than events, for a table
forgets late, and an event that is still there without its mark would get a second place.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from billing.domain.kernel.errors import LostRace
from billing.domain.kernel.times import format_time, parse_time
from billing.domain.webhooks.event import EventHead
from billing.services.webhooks.events import NOBODY, FeedRow
from billing.services.webhooks.feed import FeedState
from billing.storage.database import Database, raw, table_name
from billing.storage.tables import EventFeedItem

COUNT = "count"
_PLACE, _EVENT = "place#", "event#"
_END = _PLACE + "~"
_DIGITS = 16
_MARK_LONGER_S = 7 * 86_400


class DynamoFeed:
    """Appends to tenants' feeds, and reads them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def state(self, tenant_id: str, event_ids: Collection[str]) -> FeedState:
        keys = {(tenant_id, COUNT), *((tenant_id, _EVENT + each) for each in event_ids)}
        items = self._database.batch_get({EventFeedItem: keys})[EventFeedItem]
        count = items.pop((tenant_id, COUNT), None)
        places = {key.removeprefix(_EVENT): int(item["place"]["N"]) for (_, key), item in items.items()}
        return FeedState(int(count["last"]["N"]) if count else 0, places)

    def last(self, tenant_id: str) -> int:
        return self.state(tenant_id, ()).last

    def places(self, tenant_id: str, event_ids: Collection[str]) -> Mapping[str, int]:
        return self.state(tenant_id, event_ids).places

    def append(self, tenant_id: str, last: int, events: Sequence[EventHead], at: datetime) -> None:
        puts = [_count(tenant_id, last, len(events))]
        for place, event in enumerate(events, last + 1):
            puts += [_put(_row(event, place, at)), _put(_mark(event, place))]
        token = uuid4().hex
        try:
            self._database.call(
                lambda: self._database.client.transact_write_items(TransactItems=puts, ClientRequestToken=token)
            )
        except ClientError as error:
            if "ConditionalCheckFailed" in {each["Code"] for each in error.response.get("CancellationReasons", ())}:
                raise LostRace("Others gave places meanwhile") from error
            raise

    def rows(self, tenant_id: str, after: int, limit: int) -> list[FeedRow]:
        return self._between(tenant_id, _key(after + 1), _END, limit, forward=True)

    def rows_back(self, tenant_id: str, before: int | None, limit: int) -> list[FeedRow]:
        last = _END if before is None else _key(before - 1)
        return self._between(tenant_id, _key(1), last, limit, forward=False) if before != 1 else []

    def _between(self, tenant_id: str, first: str, last: str, limit: int, *, forward: bool) -> list[FeedRow]:
        request: dict[str, Any] = {
            "TableName": table_name(EventFeedItem),
            "KeyConditionExpression": "tenant_id = :tenant AND id BETWEEN :first AND :last",
            "ExpressionAttributeValues": {":tenant": raw(tenant_id), ":first": raw(first), ":last": raw(last)},
            "ConsistentRead": True,
            "ScanIndexForward": forward,
            "Limit": limit,
        }
        return list(self._found(request, limit))

    def _found(self, request: dict[str, Any], limit: int) -> Iterator[FeedRow]:
        left = limit
        while True:
            answer = self._database.call(partial(self._database.client.query, **request))
            yield from map(_read, answer["Items"])
            left -= len(answer["Items"])
            if "LastEvaluatedKey" not in answer or left <= 0:
                return
            request |= {"ExclusiveStartKey": answer["LastEvaluatedKey"], "Limit": left}


def _count(tenant_id: str, last: int, more: int) -> dict[str, Any]:
    """The count goes on from where it was seen, or begins."""
    put: dict[str, Any] = {
        "TableName": table_name(EventFeedItem),
        "Item": EventFeedItem(tenant_id=tenant_id, id=COUNT, last=last + more).serialize(),
        "ConditionExpression": "attribute_not_exists(id)",
    }
    if last:
        put |= {
            "ConditionExpression": "#last = :last",
            "ExpressionAttributeNames": {"#last": "last"},
            "ExpressionAttributeValues": {":last": {"N": str(last)}},
        }
    return {"Put": put}


def _put(item: EventFeedItem) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": table_name(EventFeedItem),
            "Item": item.serialize(),
            "ConditionExpression": "attribute_not_exists(id)",
        }
    }


def _row(event: EventHead, place: int, at: datetime) -> EventFeedItem:
    return EventFeedItem(
        tenant_id=event.tenant_id,
        id=_key(place),
        place=place,
        event_id=event.id,
        type=event.type,
        object_id=event.object_id,
        customer_id=event.customer_id or NOBODY,
        test_clock_id=event.test_clock_id,
        created_at=format_time(event.created_at),
        placed_at=format_time(at),
        expires_at=event.expires_at,
    )


def _mark(event: EventHead, place: int) -> EventFeedItem:
    return EventFeedItem(
        tenant_id=event.tenant_id, id=_EVENT + event.id, place=place, expires_at=event.expires_at + _MARK_LONGER_S
    )


def _key(place: int) -> str:
    return f"{_PLACE}{place:0{_DIGITS}d}"


def _read(item: Mapping[str, Any]) -> FeedRow:
    return FeedRow(
        place=int(item["place"]["N"]),
        event_id=item["event_id"]["S"],
        type=item["type"]["S"],
        object_id=item["object_id"]["S"],
        customer_id=item.get("customer_id", {}).get("S"),
        test_clock_id=item.get("test_clock_id", {}).get("S"),
        created_at=parse_time(item["created_at"]["S"]),
        placed_at=parse_time(item["placed_at"]["S"]),
        expires_at=int(item["expires_at"]["N"]),
    )
