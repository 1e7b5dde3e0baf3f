"""Deliveries and the log of their attempts.

webhook_deliveries   owner_key       id
                     TENANT#we_...   dlv_...   a delivery; the ids of an endpoint's sort by their events' times
                     TENANT#we_...   watch     when somebody looks for what was lost (``domain.webhooks.watch``)
                     TENANT#dlv_...  000001    an attempt of it, for 30 days; what the receiver said is sealed

A first attempt that succeeded, as nearly all do, is logged in the delivery itself (``log_at``, ``excerpt`` ...): one
write less. So a delivery is put once and then updated, which leaves that as it is.

A delivery is not an entity of the unit of work: publisher, sender and worker write one item each, on condition that
nobody else has written it since, and no event or response goes with it.
"""

import json
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
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
from billing.domain.webhooks.watch import Watch, is_carried
from billing.services.kernel.work import Page
from billing.services.webhooks.ports import Added, Deliveries, DueDeliveries, DueDelivery, Unaccepted
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
_ADDED_AT_ONCE = 8
"""As many connections as the client may have, nearly: 50 endpoints and 100 events are 5,000 puts within a minute."""
_WATCH = "watch"
_OPTIONAL = ("due_shard", "due_at", "succeeded_at", "asked", "resumes_at")
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

    def add(self, deliveries: Sequence[Delivery]) -> Added:
        with ThreadPoolExecutor(_ADDED_AT_ONCE, "deliveries") as threads:
            done = list(threads.map(self._add, deliveries))  # the first failure cancels what was not begun
        new = [replace(each, version=1) for each, stored in zip(deliveries, done, strict=True) if stored is None]
        return Added(new, [stored for stored in done if stored is not None and is_carried(stored)])

    def _add(self, delivery: Delivery) -> Delivery | None:
        """None where it was put; else the one that is there."""
        stored = self._refused(self._put, self._marked(delivery, 1))
        return None if stored is None else _delivery(stored)

    def claim(self, delivery: Delivery, attempt: int, next_due_at: datetime) -> bool:
        assert attempt == delivery.attempt + 1, "not the next attempt of what was loaded"
        return self._write(begun(delivery, attempt, next_due_at), delivery.version)

    def change(self, delivery: Delivery, after: Delivery) -> bool:
        return self._write(after, delivery.version)

    def settle(self, delivery: Delivery, attempt: Attempt, after: Delivery, *, claimed: bool = True) -> None:
        version = delivery.version + (1 if claimed and delivery.attempt < attempt.number else 0)
        if attempt.number == 1 and attempt.succeeded and self._write(after, version, self._logged(delivery, attempt)):
            return
        # The log first: an outcome whose attempt nobody can see would be worse than an attempt that comes again.
        self._log(delivery, attempt)
        for _ in range(_TRIES):
            if self._write(after, version):
                return
            stored = self.get(delivery.tenant_id, delivery.id)
            if stored is None:
                return
            merged = overtaken(stored, after, attempt.number)
            if merged == stored:
                return
            after, version = merged, stored.version
        raise RuntimeError("an attempt's outcome was overtaken again and again")  # the message comes again, in vain

    def _write(self, delivery: Delivery, version: int, log: _Item | None = None) -> bool:
        """Update a delivery that has a version; False where it has another one by now."""

        def update(item: _Item) -> None:
            names = {f"#{n}": name for n, name in enumerate(item)}
            sets = ", ".join(f"{place} = :{place[1:]}" for place in names)
            gone = [name for name in _OPTIONAL if name not in item]
            names |= {f"#g{n}": name for n, name in enumerate(gone)} | {"#version": "version"}
            removes = " REMOVE " + ", ".join(f"#g{n}" for n in range(len(gone))) if gone else ""
            self._database.client.update_item(
                TableName=table_name(WebhookDeliveryItem),
                Key=key,
                UpdateExpression=f"SET {sets}{removes}",
                ConditionExpression="#version = :version",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={f":{n}": value for n, value in enumerate(item.values())}
                | {":version": {"N": str(version)}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )

        item: _Item = {**self._marked(delivery, version + 1), **(log or {})}
        key = {name: item.pop(name) for name in ("owner_key", "id")}
        return self._refused(update, item) is None

    def _put(self, item: _Item) -> None:
        self._database.client.put_item(
            TableName=table_name(WebhookDeliveryItem),
            Item=item,
            ConditionExpression="attribute_not_exists(id)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def _marked(self, delivery: Delivery, version: int) -> _Item:
        """A delivery's item with the mark of whoever writes it."""
        return _item(delivery, version, self._now() + _KEPT + _LONGER) | {"written_by": raw(uuid4().hex)}

    def _refused(self, write: Callable[[_Item], None], item: _Item) -> _Item | None:
        """Write an item under its condition; the one that is there instead, where the condition did not hold."""
        try:
            self._database.call(lambda: write(item))
        except ClientError as error:
            if not condition_failed(error):
                raise
            # A try whose answer was lost has written just this: then it is ours, and nobody else would go on with it.
            stored: Any = error.response.get("Item", {})
            return None if stored.get("written_by") == item["written_by"] else stored
        return None

    def _logged(self, delivery: Delivery, attempt: Attempt) -> _Item:
        """A first attempt, which succeeded, as the delivery's own item says it."""
        return {
            "log_at": raw(sort_key(attempt.at)),
            "log_ms": _number(attempt.duration_ms),
            **({"log_status": _number(attempt.status)} if attempt.status is not None else {}),
            **self._said(delivery, attempt),
        }

    def _said(self, delivery: Delivery, attempt: Attempt) -> _Item:
        """What the receiver said, sealed."""
        if not attempt.excerpt:
            return {}
        place = _place(delivery.id, attempt.number)
        return {"excerpt": raw(self._sealer.seal(delivery.tenant_id, place, attempt.excerpt))}

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
            **self._said(delivery, attempt),
        }
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
        found = [self._attempt(tenant_id, delivery_id, item) for item in rows]
        keys = {key for key in (_key(tenant_id, delivery_id),) if key is not None}
        for item in self._database.batch_get({WebhookDeliveryItem: keys})[WebhookDeliveryItem].values() if keys else ():
            if "log_at" in item and parse_time(item["log_at"]["S"]) + _KEPT > self._now():
                log = {"id": raw("1"), "at": item["log_at"], "duration_ms": item["log_ms"]}
                status = {"status": item["log_status"]} if "log_status" in item else {}
                said = {"excerpt": item["excerpt"]} if "excerpt" in item else {}
                found.append(self._attempt(tenant_id, delivery_id, log | status | said))
        return found

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
        found = [
            (*item["owner_key"]["S"].split("#", 1), item["id"]["S"], item["due_at"]["S"]) for item in answer["Items"]
        ]
        items = [DueDelivery(of, an_id, parse_time(at)) for of, _, an_id, at in found if an_id != _WATCH]
        watches = [(of, endpoint_id) for of, endpoint_id, an_id, _ in found if an_id == _WATCH]
        last = answer.get("LastEvaluatedKey")
        return DueDeliveries(items, json.dumps(last) if last else None, watches)

    # Watches

    def watches(self, tenant_id: str, endpoint_ids: Collection[str]) -> dict[str, Watch]:
        keys = {(join(tenant_id, each), _WATCH) for each in endpoint_ids}
        found = self._database.batch_get({WebhookDeliveryItem: keys})[WebhookDeliveryItem] if keys else {}
        watches = (
            Watch(tenant_id, owner.split("#", 1)[1], parse_time(item["since"]["S"]), parse_time(item["due_at"]["S"]))
            for (owner, _), item in found.items()
            if "due_at" in item
        )
        return {each.endpoint_id: each for each in watches}

    def watch(self, watch: Watch) -> bool:
        return self._rewatch(watch, watch, "attribute_not_exists(due_at)", {})

    def watch_on(self, watch: Watch, after: Watch | None) -> bool:
        return self._rewatch(watch, after, "due_at = :before", {":before": raw(sort_key(watch.due_at))})

    def _rewatch(self, watch: Watch, after: Watch | None, condition: str, values: _Item) -> bool:
        """Update an endpoint's watch, which has an alarm as long as it goes on."""
        update = "SET expires_at = :expires REMOVE due_at, due_shard, since"
        if after is not None:
            update = "SET expires_at = :expires, due_at = :due, due_shard = :shard, since = :since"
            values |= {":due": raw(sort_key(after.due_at)), ":since": raw(sort_key(after.since))}
            values[":shard"] = raw(webhook_shard(watch.endpoint_id))
        values[":expires"] = _number(int((self._now() + _KEPT).timestamp()))
        request = partial(
            self._database.client.update_item,
            TableName=table_name(WebhookDeliveryItem),
            Key={"owner_key": raw(join(watch.tenant_id, watch.endpoint_id)), "id": raw(_WATCH)},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
        )
        return self._database.held(request)

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
