"""Counted events, totals and hourly series: counters that are added to without reading, and closed at once.

Unlike everything else, these are not entities under versions: eight writers of one total would lose races for ever.
Here the database adds, on condition that the total is open and each event is new (docs/decisions/0019-usage.md).

usage_events   event_key            TENANT#e#EVENT a counted event; TENANT#u#SHA256 a value that a unique meter saw
usage_totals   subscription_key     TENANT#SUBSCRIPTION
               item                 total#SLOT#METER#SHARD: an attribute for each cell; closed
                                    series#METER#DAY#SHARD: h00 ... h23
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from billing.domain.catalog.meter import EXACT, Aggregation, Amount
from billing.domain.kernel.times import format_time, parse_time
from billing.domain.usage.event import Cell, UsageEvent
from billing.services.usage.ports import (
    CLOSED,
    FINAL,
    Change,
    Counting,
    Outcome,
    SeriesKey,
    StoredEvent,
    TotalKey,
    Totals,
)
from billing.storage.database import Database, Key, raw, table_name
from billing.storage.tables import UsageEventItem, UsageTotalItem

_Item = dict[str, Any]
_NO_CELLS = {"subscription_key", "item", "closed", "expires_at"}
_ORDER_END = "\x1f"


class DynamoUsageStore:
    """``services.usage.ports.UsageStore`` over DynamoDB."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def apply(self, counting: Counting) -> Outcome:
        writes = _Writes(counting)
        token = uuid4().hex
        try:
            self._database.call(
                lambda: self._database.client.transact_write_items(TransactItems=writes.items, ClientRequestToken=token)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            outcome = writes.outcome(list(error.response.get("CancellationReasons", ())))
            if outcome.done:
                raise
            return outcome
        return Outcome()

    def events(self, tenant_id: str, event_ids: Collection[str]) -> dict[str, StoredEvent]:
        keys = {(_event_key(tenant_id, each), "") for each in event_ids}
        found = self._database.batch_get({UsageEventItem: keys})[UsageEventItem] if keys else {}
        stored = (_stored_event(item) for item in found.values())
        return {each.event.event_id: each for each in stored}

    def seen(self, keys: Collection[str]) -> set[str]:
        by_key = {_seen_key(each): each for each in keys}
        wanted: set[Key] = {(key, "") for key in by_key}
        found = self._database.batch_get({UsageEventItem: wanted})[UsageEventItem] if wanted else {}
        return {by_key[key] for key, _ in found}

    def totals(self, keys: Collection[TotalKey]) -> dict[TotalKey, Totals]:
        by_key: dict[Key, TotalKey] = {_total_key(each): each for each in keys}
        found = self._database.batch_get({UsageTotalItem: set(by_key)})[UsageTotalItem] if by_key else {}
        return {by_key[key]: _totals(by_key[key], item) for key, item in found.items()}

    def series(self, keys: Collection[SeriesKey]) -> dict[SeriesKey, Mapping[str, Amount]]:
        by_key: dict[Key, SeriesKey] = {_series_key(each): each for each in keys}
        found = self._database.batch_get({UsageTotalItem: set(by_key)})[UsageTotalItem] if by_key else {}
        return {by_key[key]: _cells(item) for key, item in found.items()}

    def close(self, key: TotalKey, *, final: bool) -> tuple[Totals, bool]:
        # Its cells stay as they were before: the update changes none, and nobody else will.
        expression = "closed = :closed" if final else "closed = if_not_exists(closed, :closed)"
        answer = self._database.call(
            lambda: self._database.client.update_item(
                TableName=table_name(UsageTotalItem),
                Key=_total_place(key),
                UpdateExpression=f"SET {expression}",
                ExpressionAttributeValues={":closed": raw(FINAL if final else CLOSED)},
                ReturnValues="ALL_OLD",
            )
        )
        totals = _totals(key, answer.get("Attributes") or {})
        return totals, bool(totals.closed)

    def of_subscription(self, tenant_id: str, subscription_id: str, from_slot: int = 0) -> list[Totals]:
        return [
            _totals(_parsed(tenant_id, subscription_id, item["item"]["S"]), item)
            for item in self._query(tenant_id, subscription_id, from_slot)
        ]

    def _query(self, tenant_id: str, subscription_id: str, from_slot: int) -> Iterator[_Item]:
        request: dict[str, Any] = {
            "TableName": table_name(UsageTotalItem),
            "KeyConditionExpression": "subscription_key = :key AND #item BETWEEN :low AND :high",
            "ExpressionAttributeNames": {"#item": "item"},
            "ExpressionAttributeValues": {
                ":key": raw(f"{tenant_id}#{subscription_id}"),
                ":low": raw(f"total#{from_slot:08d}"),
                ":high": raw("total#~"),
            },
            "ConsistentRead": True,
        }
        return self._database.query_all(request)


class _Writes:
    """The items of a counting's transaction, and how to read why it was canceled."""

    def __init__(self, counting: Counting) -> None:
        events_table, totals_table = table_name(UsageEventItem), table_name(UsageTotalItem)
        self.items: list[_Item] = []
        self._what: list[tuple[str, Any]] = []
        counted_at, expires_at = format_time(counting.counted_at), str(counting.expires_at)
        for event in counting.events:
            item = _event_item(counting.tenant_id, event, counted_at, expires_at)
            self._add("event", event.event.event_id, {"Put": _put_once(events_table, item)})
        for seen in counting.seen:
            item = {"event_key": raw(_seen_key(seen)), "expires_at": {"N": str(counting.seen_until)}}
            self._add("seen", seen, {"Put": _put_once(events_table, item)})
        for event_id, quantity in counting.taken_back.items():
            key = {"event_key": raw(_event_key(counting.tenant_id, event_id))}
            self._add("taken_back", event_id, {"Update": _take_back(events_table, key, quantity)})
        for total, changes in counting.totals.items():
            self._add("total", total, {"Update": _total_update(totals_table, total, changes)})
        until = counting.series_until
        for series, changes in counting.series.items():
            self._add("series", series, {"Update": _series_update(totals_table, series, changes, until)})

    def _add(self, kind: str, subject: Any, write: _Item) -> None:
        self._what.append((kind, subject))
        self.items.append(write)

    def outcome(self, reasons: Sequence[Any]) -> Outcome:
        """Why nothing was written, from DynamoDB's reasons, one for each item in order."""
        known: dict[str, str] = {}
        closed: dict[TotalKey, str] = {}
        short: list[str] = []
        outrun = False
        for (kind, subject), reason in zip(self._what, reasons, strict=False):
            if reason["Code"] != "ConditionalCheckFailed":
                continue
            item = reason.get("Item") or {}
            if kind == "event":
                known[subject] = item.get("digest", {}).get("S", "")
            elif kind == "taken_back":
                short.append(subject)
            elif kind == "total" and "closed" in item:
                closed[subject] = item["closed"]["S"]
            else:
                outrun = True
        return Outcome(known, closed, outrun, short)


def _put_once(table: str, item: _Item) -> _Item:
    return {
        "TableName": table,
        "Item": item,
        "ConditionExpression": "attribute_not_exists(event_key)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _take_back(table: str, key: _Item, quantity: Decimal) -> _Item:
    return {
        "TableName": table,
        "Key": key,
        "UpdateExpression": "SET remaining = remaining - :taken",
        "ConditionExpression": "remaining >= :taken",
        "ExpressionAttributeValues": {":taken": _number(quantity)},
    }


def _total_update(table: str, key: TotalKey, changes: Mapping[str, Change]) -> _Item:
    expression, condition, names, values = _cell_changes(changes)
    return {
        "TableName": table,
        "Key": _total_place(key),
        "UpdateExpression": expression,
        "ConditionExpression": " AND ".join(["attribute_not_exists(closed)", *condition]),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _series_update(table: str, key: SeriesKey, changes: Mapping[str, Change], expires_at: int) -> _Item:
    expression, condition, names, values = _cell_changes(changes)
    separator = ", expires_at = :expires" if expression.startswith("SET") else " SET expires_at = :expires"
    update: _Item = {
        "TableName": table,
        "Key": _series_place(key),
        "UpdateExpression": expression + separator,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {**values, ":expires": {"N": str(expires_at)}},
    }
    if condition:
        update["ConditionExpression"] = " AND ".join(condition)
    return update


def _cell_changes(changes: Mapping[str, Change]) -> tuple[str, list[str], dict[str, str], _Item]:
    """The update of one item's cells, all of one meter: added to, or set if the stored value is less."""
    names = {f"#c{n}": cell for n, cell in enumerate(changes)}
    values = {f":v{n}": _value(change) for n, change in enumerate(changes.values())}
    numbers = range(len(changes))
    if all(change.aggregation.adds_up for change in changes.values()):
        return "ADD " + ", ".join(f"#c{n} :v{n}" for n in numbers), [], names, values
    condition = [f"(attribute_not_exists(#c{n}) OR #c{n} < :v{n})" for n in numbers]
    return "SET " + ", ".join(f"#c{n} = :v{n}" for n in numbers), condition, names, values


def _value(change: Change) -> _Item:
    if change.aggregation is Aggregation.LAST:
        # Orders sort as texts, and no two events have the same one.
        return raw(f"{change.amount.order}{_ORDER_END}{_plain(change.amount.number)}")
    return _number(change.amount.number)


def _amount(value: _Item) -> Amount:
    if "N" in value:
        return Amount(Decimal(value["N"]))
    order, _, number = value["S"].partition(_ORDER_END)
    return Amount(Decimal(number), order)


def _cells(item: _Item) -> dict[str, Amount]:
    return {name: _amount(value) for name, value in item.items() if name not in _NO_CELLS}


def _totals(key: TotalKey, item: _Item) -> Totals:
    return Totals(key, _cells(item), item["closed"]["S"] if "closed" in item else "")


def _plain(number: Decimal) -> str:
    return format(number, "f")


def _number(number: Decimal) -> _Item:
    # Without zeros at its end, as DynamoDB keeps it: ministack takes 0.50 in a repeated transaction for another one.
    return {"N": format(number.normalize(EXACT), "f")}


def _event_key(tenant_id: str, event_id: str) -> str:
    return f"{tenant_id}#e#{event_id}"


def _seen_key(seen: str) -> str:
    tenant_id, _, rest = seen.partition("\x1f")
    return f"{tenant_id}#u#{sha256(rest.encode()).hexdigest()}"


def _total_key(key: TotalKey) -> Key:
    return f"{key.tenant_id}#{key.subscription_id}", f"total#{key.slot:08d}#{key.meter}#{key.shard:02d}"


def _series_key(key: SeriesKey) -> Key:
    return f"{key.tenant_id}#{key.subscription_id}", f"series#{key.meter}#{key.day}#{key.shard:02d}"


def _total_place(key: TotalKey) -> _Item:
    subscription_key, item = _total_key(key)
    return {"subscription_key": raw(subscription_key), "item": raw(item)}


def _series_place(key: SeriesKey) -> _Item:
    subscription_key, item = _series_key(key)
    return {"subscription_key": raw(subscription_key), "item": raw(item)}


def _parsed(tenant_id: str, subscription_id: str, item: str) -> TotalKey:
    _, slot, meter, shard = item.split("#")
    return TotalKey(tenant_id, subscription_id, int(slot), meter, int(shard))


def _event_item(tenant_id: str, stored: StoredEvent, counted_at: str, expires_at: str) -> _Item:
    event = stored.event
    quantity = _number(event.quantity)
    value = quantity if stored.value is event.quantity else _number(stored.value)
    item: _Item = {
        "event_key": {"S": _event_key(tenant_id, event.event_id)},
        "digest": {"S": stored.digest},
        "subscription_id": {"S": event.subscription_id},
        "meter": {"S": event.meter},
        "quantity": quantity,
        "timestamp": {"S": format_time(event.timestamp)},
        "value": value,
        "cell": {"S": stored.cell.name},
        "counted_at": {"S": counted_at},
        "expires_at": {"N": expires_at},
    }
    if event.properties:
        item["properties"] = {"S": json.dumps(event.properties, separators=(",", ":"), ensure_ascii=False)}
    if event.corrects is not None:
        item["corrects"] = {"S": event.corrects}
    if stored.remaining is not None:
        item["remaining"] = value if stored.remaining is stored.value else _number(stored.remaining)
    return item


def _stored_event(item: _Item) -> StoredEvent:
    event = UsageEvent(
        event_id=item["event_key"]["S"].split("#e#", 1)[1],
        subscription_id=item["subscription_id"]["S"],
        meter=item["meter"]["S"],
        quantity=Decimal(item["quantity"]["N"]),
        timestamp=parse_time(item["timestamp"]["S"]),
        properties=json.loads(item["properties"]["S"]) if "properties" in item else {},
        corrects=item["corrects"]["S"] if "corrects" in item else None,
    )
    return StoredEvent(
        event=event,
        digest=item["digest"]["S"],
        cell=Cell.of_name(item["cell"]["S"]),
        value=Decimal(item["value"]["N"]),
        remaining=Decimal(item["remaining"]["N"]) if "remaining" in item else None,
        counted_at=parse_time(item["counted_at"]["S"]),
    )
