"""Deliveries and the log of their attempts.

webhook_deliveries   owner_key       id
                     TENANT#we_...   dlv_...   a delivery; the ids of an endpoint's sort by their events' times
                     TENANT#dlv_...  000001    an attempt of it, for 30 days; what the receiver said is sealed

A delivery is not an entity of the unit of work: publisher, sender and worker write one item each, on condition that
nobody else has written it since, and no event or response goes with it.
"""

import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from billing.domain.kernel.ids import fresh
from billing.domain.kernel.times import parse_time, sort_key
from billing.domain.webhooks.delivery import (
    Attempt,
    Delivery,
    DeliveryState,
    delivery_id,
    endpoint_of,
    event_of,
    webhook_shard,
)
from billing.domain.webhooks.schedule import begun, overtaken
from billing.services.kernel.work import Page
from billing.services.webhooks.ports import Deliveries, DueDeliveries, DueDelivery, Unaccepted
from billing.storage.codec import Sealer
from billing.storage.cursors import SealedCursors
from billing.storage.database import Database, condition_failed, raw, table_name
from billing.storage.registry import join
from billing.storage.tables import WebhookDeliveryItem

_Item = dict[str, Any]
_KEPT = timedelta(days=30)
_LONGER = timedelta(days=1)
"""A delivery is kept for longer than its attempts, so that none of them is without one."""
_FILTERED_PAGE = 100
_PAGES_AT_MOST = 20
_SCANNED_PAGE = 500
_DUE_PAGE = 50
_ATTEMPTS_SHOWN = 100
_TRIES = 8
_LONGEST_ID = 256
_LATER_IDS = timedelta(seconds=1)
"""The ids of a unit's events are of its time and some milliseconds more: one for each of at most 100."""
_FIRST, _LAST = bytes(10), b"\xff" * 10


class DynamoDeliveries:
    """``services.webhooks.ports.DeliveryStore`` over DynamoDB.

    Args:
        sealer: seals what receivers say, and cursors.
        now: the wall clock.
    """

    def __init__(self, database: Database, sealer: Sealer, now: Callable[[], datetime]) -> None:
        self._database = database
        self._sealer = sealer
        self._cursors = SealedCursors(sealer)
        self._now = now

    # Writing

    def add(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        return [each for each in deliveries if self._put(each, 0)]

    def claim(self, delivery: Delivery, attempt: int, next_due_at: datetime) -> bool:
        assert attempt == delivery.attempt + 1, "not the next attempt of what was loaded"
        return self._put(begun(delivery, attempt, next_due_at), delivery.version)

    def change(self, delivery: Delivery, after: Delivery) -> bool:
        return self._put(after, delivery.version)

    def settle(self, delivery: Delivery, attempt: Attempt, after: Delivery) -> None:
        # The log first: an outcome whose attempt nobody can see would be worse than an attempt that comes again.
        self._log(delivery, attempt)
        version = delivery.version + (1 if delivery.attempt < attempt.number else 0)
        for _ in range(_TRIES):
            if self._put(after, version):
                return
            stored = self.get(delivery.tenant_id, delivery.id)
            if stored is None:
                return
            merged = overtaken(stored, after, attempt.number)
            if merged == stored:
                return
            after, version = merged, stored.version
        raise RuntimeError("an attempt's outcome was overtaken again and again")  # the message comes again, in vain

    def _put(self, delivery: Delivery, version: int) -> bool:
        item = _item(delivery, version + 1, self._now() + _KEPT + _LONGER)
        item["written_by"] = raw(uuid4().hex)
        condition: _Item = {"ConditionExpression": "attribute_not_exists(id)"}
        if version:
            condition = {
                "ConditionExpression": "#version = :version",
                "ExpressionAttributeNames": {"#version": "version"},
                "ExpressionAttributeValues": {":version": {"N": str(version)}},
            }
        try:
            self._database.call(
                lambda: self._database.client.put_item(
                    TableName=table_name(WebhookDeliveryItem),
                    Item=item,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **condition,
                )
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            # A try whose answer was lost has written just this: then it is ours, and nobody else would go on with it.
            stored: Any = error.response.get("Item", {})
            return bool(stored.get("written_by") == item["written_by"])
        return True

    def _log(self, delivery: Delivery, attempt: Attempt) -> None:
        item = {
            "owner_key": raw(join(delivery.tenant_id, delivery.id)),
            "id": raw(f"{attempt.number:06d}"),
            "tenant_id": raw(delivery.tenant_id),
            "at": raw(sort_key(attempt.at)),
            "duration_ms": _number(attempt.duration_ms),
            "expires_at": _number(int((attempt.at + _KEPT).timestamp())),
            **({"status": _number(attempt.status)} if attempt.status is not None else {}),
            **({"reason": raw(attempt.reason)} if attempt.reason is not None else {}),
            **({"retry_after_s": _number(attempt.retry_after_s)} if attempt.retry_after_s is not None else {}),
        }
        if attempt.excerpt:
            place = _place(delivery.id, attempt.number)
            item["excerpt"] = raw(self._sealer.seal(delivery.tenant_id, place, attempt.excerpt))
        self._database.call(
            lambda: self._database.client.put_item(TableName=table_name(WebhookDeliveryItem), Item=item)
        )

    # Reading

    def get(self, tenant_id: str, delivery_id: str) -> Delivery | None:
        return next(iter(self.get_many([(tenant_id, delivery_id)])), None)

    def get_many(self, places: Collection[tuple[str, str]]) -> list[Delivery]:
        keys = {key for tenant_id, each in places if (key := _key(tenant_id, each)) is not None}
        found = self._database.batch_get({WebhookDeliveryItem: keys})[WebhookDeliveryItem] if keys else {}
        return [_delivery(item) for item in found.values()]

    def attempts(self, tenant_id: str, delivery_id: str) -> list[Attempt]:
        request = {
            "TableName": table_name(WebhookDeliveryItem),
            "KeyConditionExpression": "owner_key = :owner",
            "ExpressionAttributeValues": {":owner": raw(join(tenant_id, delivery_id))},
            "ScanIndexForward": False,
            "ConsistentRead": True,
            "Limit": _ATTEMPTS_SHOWN,
        }
        answer = self._query(request)
        now = self._now().timestamp()
        # TTL deletes days late.
        rows = [item for item in answer["Items"] if int(item["expires_at"]["N"]) > now]
        return [self._attempt(tenant_id, delivery_id, item) for item in rows]

    def of_endpoint(
        self,
        tenant_id: str,
        endpoint_id: str,
        *,
        state: DeliveryState | None,
        since: datetime | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Delivery]:
        scope = json.dumps(["deliveries", endpoint_id, state, since and sort_key(since)])
        after = self._cursors.opened(tenant_id, scope, cursor) if cursor else None
        low = _bound(endpoint_id, since) if since else delivery_id(endpoint_id, "evt_0")
        request = _range(tenant_id, endpoint_id, low, after or delivery_id(endpoint_id, "evt_~"), backwards=True)
        if state is not None:
            request |= {"FilterExpression": "#state = :state", "ExpressionAttributeNames": {"#state": "state"}}
            request["ExpressionAttributeValues"][":state"] = raw(state.value)
        request["Limit"] = _FILTERED_PAGE if state is not None else limit + 2  # BETWEEN shows the place itself again
        items: list[Delivery] = []
        for _ in range(_PAGES_AT_MOST):
            answer = self._query(request)
            items += [_delivery(item) for item in answer["Items"] if item["id"]["S"] != after]
            if len(items) > limit:
                return Page(items[:limit], self._cursors.sealed(tenant_id, scope, items[limit - 1].id), limit)
            if "LastEvaluatedKey" not in answer:
                return Page(items, None, limit)
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        # A state that hardly any has: what was found so far, and a cursor to continue.
        last = str(request["ExclusiveStartKey"]["id"]["S"])
        return Page(items, self._cursors.sealed(tenant_id, scope, last), limit)

    def range_of(
        self, tenant_id: str, endpoint_id: str, *, since: datetime, until: datetime, after: str | None, limit: int
    ) -> Deliveries:
        high = delivery_id(endpoint_id, fresh("evt", until + _LATER_IDS, _LAST))
        request = _range(tenant_id, endpoint_id, after or _bound(endpoint_id, since), high, backwards=False)
        request["Limit"] = limit + 1
        answer = self._query(request)
        items = [_delivery(item) for item in answer["Items"] if item["id"]["S"] != after]
        more = "LastEvaluatedKey" in answer
        return Deliveries(items, answer["LastEvaluatedKey"]["id"]["S"] if more else None)

    def unaccepted(self, tenant_id: str, endpoint_id: str, after: str | None, limit: int, reads: int) -> Unaccepted:
        low, high = delivery_id(endpoint_id, after or "evt_0"), delivery_id(endpoint_id, "evt_~")
        request = _range(tenant_id, endpoint_id, low, high, backwards=False)
        # Of what is pending, what was tried: the rest is on its way.
        request["FilterExpression"] = "#state IN (:failed, :skipped) OR (#state = :pending AND attempt > :none)"
        request["ExpressionAttributeNames"] = {"#state": "state"}
        states = (DeliveryState.FAILED, DeliveryState.SKIPPED, DeliveryState.PENDING)
        request["ExpressionAttributeValues"] |= {f":{each.value}": raw(each.value) for each in states}
        request["ExpressionAttributeValues"][":none"] = _number(0)
        request["Limit"] = _SCANNED_PAGE
        found: list[str] = []
        for _ in range(reads):
            answer = self._query(request)
            found += [each for item in answer["Items"] if (each := event_of(item["id"]["S"])) != after]
            if len(found) > limit:
                return Unaccepted(found[:limit], found[limit - 1])
            if "LastEvaluatedKey" not in answer:
                return Unaccepted(found, None)
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return Unaccepted(found, event_of(request["ExclusiveStartKey"]["id"]["S"]))

    def due(self, shard: str, until: datetime, following: str | None = None) -> DueDeliveries:
        request: _Item = {
            "TableName": table_name(WebhookDeliveryItem),
            "IndexName": "by_due",
            "KeyConditionExpression": "due_shard = :shard AND due_at <= :until",
            "ExpressionAttributeValues": {":shard": raw(shard), ":until": raw(sort_key(until))},
            "Limit": _DUE_PAGE,
        }
        if following is not None:
            request["ExclusiveStartKey"] = json.loads(following)
        answer = self._query(request)
        items = [
            DueDelivery(item["owner_key"]["S"].partition("#")[0], item["id"]["S"], parse_time(item["due_at"]["S"]))
            for item in answer["Items"]
        ]
        last = answer.get("LastEvaluatedKey")
        return DueDeliveries(items, json.dumps(last) if last else None)

    def _query(self, request: _Item) -> Any:
        return self._database.call(lambda: self._database.client.query(**request))

    def _attempt(self, tenant_id: str, delivery_id: str, item: _Item) -> Attempt:
        number = int(item["id"]["S"])
        said = item.get("excerpt", {}).get("S")
        return Attempt(
            delivery_id=delivery_id,
            number=number,
            at=parse_time(item["at"]["S"]),
            duration_ms=int(item["duration_ms"]["N"]),
            status=_int(item, "status"),
            reason=item.get("reason", {}).get("S"),
            excerpt=self._sealer.open(tenant_id, _place(delivery_id, number), said) if said else "",
            retry_after_s=_int(item, "retry_after_s"),
        )


def _bound(endpoint_id: str, since: datetime) -> str:
    """An id that is not after that of any delivery of an event from a time on."""
    return delivery_id(endpoint_id, fresh("evt", since, _FIRST))


def _range(tenant_id: str, endpoint_id: str, low: str, high: str, *, backwards: bool) -> _Item:
    return {
        "TableName": table_name(WebhookDeliveryItem),
        "KeyConditionExpression": "owner_key = :owner AND id BETWEEN :low AND :high",
        "ExpressionAttributeValues": {
            ":owner": raw(join(tenant_id, endpoint_id)),
            ":low": raw(low),
            ":high": raw(high),
        },
        "ScanIndexForward": not backwards,
        "ConsistentRead": True,
    }


def _key(tenant_id: str, delivery_id: str) -> tuple[str, str] | None:
    try:
        return (join(tenant_id, endpoint_of(delivery_id)), delivery_id) if len(delivery_id) <= _LONGEST_ID else None
    except ValueError:
        return None


def _place(delivery_id: str, number: int) -> str:
    return f"webhook_attempt/{delivery_id}/{number}"


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _int(item: _Item, name: str) -> int | None:
    return int(item[name]["N"]) if name in item else None


def _time(item: _Item, name: str) -> datetime | None:
    return parse_time(item[name]["S"]) if name in item else None


def _item(delivery: Delivery, version: int, expires_at: datetime) -> _Item:
    times = {"due_at": delivery.due_at, "succeeded_at": delivery.succeeded_at, "resumes_at": delivery.resumes_at}
    return {
        "owner_key": raw(join(delivery.tenant_id, delivery.endpoint_id)),
        "id": raw(delivery.id),
        "tenant_id": raw(delivery.tenant_id),
        "event_type": raw(delivery.event_type),
        "created_at": raw(sort_key(delivery.created_at)),
        "state": raw(delivery.state.value),
        "attempt": _number(delivery.attempt),
        "step": _number(delivery.step),
        "version": _number(version),
        "expires_at": _number(int(expires_at.timestamp())),
        **({"due_shard": raw(webhook_shard(delivery.id))} if delivery.due_at is not None else {}),
        **({"asked": _number(delivery.asked)} if delivery.asked is not None else {}),
        **({"customer_id": raw(delivery.customer_id)} if delivery.customer_id is not None else {}),
        **{name: raw(sort_key(at)) for name, at in times.items() if at is not None},
    }


def _delivery(item: _Item) -> Delivery:
    an_id = item["id"]["S"]
    return Delivery(
        id=an_id,
        tenant_id=item["tenant_id"]["S"],
        endpoint_id=endpoint_of(an_id),
        event_id=event_of(an_id),
        event_type=item["event_type"]["S"],
        created_at=parse_time(item["created_at"]["S"]),
        state=DeliveryState(item["state"]["S"]),
        attempt=int(item["attempt"]["N"]),
        step=int(item["step"]["N"]),
        due_at=_time(item, "due_at"),
        succeeded_at=_time(item, "succeeded_at"),
        asked=_int(item, "asked"),
        resumes_at=_time(item, "resumes_at"),
        customer_id=item.get("customer_id", {}).get("S"),
        version=int(item["version"]["N"]),
    )
