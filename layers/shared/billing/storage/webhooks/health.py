"""How endpoints fare: an item each, which every attempt updates in place and nobody puts.

What is counted stands in attributes named after their time, as with callers (docs/decisions/0002): ``w117649201`` the
attempts begun in a quarter of a minute, ``s122551`` and ``f122551`` what succeeded and failed within four hours,
``e40850`` the time of an event of that half day that failed. A new time is a new name that begins with nothing. Names
whose time is over are removed by an update of their own, once there are some.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from billing.domain.kernel.ids import time_of
from billing.domain.kernel.times import parse_time, sort_key
from billing.domain.webhooks.health import (
    DISABLED_AFTER,
    STARTS_A_WINDOW,
    WINDOW_S,
    EndpointHealth,
    half_day,
    window,
)
from billing.storage.database import Database, condition_failed, raw, table_name
from billing.storage.tables import WebhookHealthItem

_COUNTED_S = 4 * 3600
_COUNTED_FOR = 6
"""So many past counters, beside the present one, are the last 24 hours."""
_HALF_DAYS = 12
"""The half days that five days may touch, and one for the next."""
_TIDY_FROM = 8
_KEPT_S = 90 * 86_400
Item = dict[str, Any]


class DynamoEndpointHealth:
    """``services.webhooks.endpoint_ports.EndpointHealthStore`` over DynamoDB."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def get(self, tenant_id: str, endpoint_id: str) -> EndpointHealth:
        return self.of(tenant_id, [endpoint_id])[endpoint_id]

    def of(self, tenant_id: str, endpoint_ids: Iterable[str]) -> dict[str, EndpointHealth]:
        keys = {(tenant_id, each) for each in endpoint_ids}
        items = self._database.batch_get({WebhookHealthItem: keys})[WebhookHealthItem] if keys else {}
        now = self._clock()
        return {endpoint_id: _read(items.get((tenant_id, endpoint_id), {}), now) for _, endpoint_id in keys}

    def open_slot(self, tenant_id: str, endpoint_id: str, at: datetime) -> bool:
        update = _Update(at).add(f"w{window(at)}", 1)
        condition = f"(attribute_not_exists(#a0) OR #a0 < {update.value(STARTS_A_WINDOW)})"
        try:
            self._send(tenant_id, endpoint_id, update, condition)
        except ClientError as error:
            if not condition_failed(error):
                raise
            return False
        return True

    def succeeded(self, tenant_id: str, endpoint_id: str, at: datetime, ms: int) -> None:
        now = self._clock()
        update = _Update(now).set("last_success_at", sort_key(now)).set("last_ms", ms).add(f"s{_counter(now)}", 1)
        if window(now) - window(at) <= 1:
            update.add(f"w{window(at)}", -1)
        for name in ("failing_since", "last_event", *(f"e{half_day(now) + 1 - n}" for n in range(_HALF_DAYS + 1))):
            update.remove(name)
        self._tidy(tenant_id, endpoint_id, self._send(tenant_id, endpoint_id, update), now)

    def failed(self, tenant_id: str, endpoint_id: str, event_id: str, at: datetime, reason: str) -> EndpointHealth:
        now = self._clock()
        update = _Update(now).set("last_failure_at", sort_key(now)).set("last_failure_reason", reason)
        update.set_once("failing_since", sort_key(at)).add(f"f{_counter(now)}", 1)
        made_at = time_of(event_id)
        if made_at > now - DISABLED_AFTER:  # an old one that was sent again says nothing of today
            update.set("last_event", sort_key(made_at)).set_once(f"e{half_day(made_at)}", sort_key(made_at))
        item = self._send(tenant_id, endpoint_id, update)
        self._tidy(tenant_id, endpoint_id, item, now)
        return _read(item, now)

    def _send(self, tenant_id: str, endpoint_id: str, update: "_Update", condition: str | None = None) -> Item:
        request = {"ConditionExpression": condition} if condition else {}
        answer = self._database.call(
            lambda: self._database.client.update_item(
                TableName=table_name(WebhookHealthItem),
                Key={"tenant_id": raw(tenant_id), "id": raw(endpoint_id)},
                ReturnValues="ALL_NEW",
                **update.request(),
                **request,
            )
        )
        item: Item = answer["Attributes"]
        return item

    def _tidy(self, tenant_id: str, endpoint_id: str, item: Item, now: datetime) -> None:
        stale = [name for name in item if _is_over(name, now)]
        if len(stale) >= _TIDY_FROM:
            update = _Update(now)
            for name in stale:
                update.remove(name)
            self._send(tenant_id, endpoint_id, update)


class _Update:
    """An update in the making; ``#a0`` is the name that it says first."""

    def __init__(self, now: datetime) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Item] = {}
        self._sets: list[str] = []
        self._adds: list[str] = []
        self._removes: list[str] = []
        self._expires = str(int(now.timestamp()) + _KEPT_S)

    def value(self, value: str | int) -> str:
        """A value's placeholder."""
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = {"N": str(value)} if isinstance(value, int) else raw(value)
        return placeholder

    def _name(self, name: str) -> str:
        placeholder = f"#a{len(self._names)}"
        self._names[placeholder] = name
        return placeholder

    def set(self, name: str, value: str | int) -> "_Update":
        """Whatever it was."""
        self._sets.append(f"{self._name(name)} = {self.value(value)}")
        return self

    def set_once(self, name: str, value: str) -> "_Update":
        """Unless it is there."""
        place = self._name(name)
        self._sets.append(f"{place} = if_not_exists({place}, {self.value(value)})")
        return self

    def add(self, name: str, value: int) -> "_Update":
        """To what it was, or to nothing."""
        self._adds.append(f"{self._name(name)} {self.value(value)}")
        return self

    def remove(self, name: str) -> None:
        """Whether or not it is there."""
        self._removes.append(self._name(name))

    def request(self) -> Item:
        """As the client takes it."""
        self._sets.append(f"expires_at = {self.value(int(self._expires))}")
        parts = (("SET", self._sets), ("ADD", self._adds), ("REMOVE", self._removes))
        return {
            "UpdateExpression": " ".join(f"{verb} {', '.join(each)}" for verb, each in parts if each),
            "ExpressionAttributeNames": self._names,
            "ExpressionAttributeValues": self._values,
        }


def _counter(at: datetime) -> int:
    return int(at.timestamp()) // _COUNTED_S


def _numbered(name: str) -> tuple[str, int] | None:
    head, digits = name[:1], name[1:]
    return (head, int(digits)) if head in "wsfe" and digits.isdigit() else None


def _is_over(name: str, now: datetime) -> bool:
    """Whether an attribute counts what is past: whoever's clock is a window behind finds its counter yet."""
    numbered = _numbered(name)
    if numbered is None:
        return False
    head, number = numbered
    if head == "w":
        return number < window(now) - 2 * 60 // WINDOW_S
    if head == "e":
        return number <= half_day(now) - _HALF_DAYS
    return number < _counter(now) - _COUNTED_FOR


def _read(item: Item, now: datetime) -> EndpointHealth:
    counted = {"s": 0, "f": 0}
    events = [item["last_event"]["S"]] if "last_event" in item else []
    for name, value in item.items():
        head, number = _numbered(name) or ("", 0)
        if head in counted and number >= _counter(now) - _COUNTED_FOR:
            counted[head] += int(value["N"])
        elif head == "e":
            events.append(value["S"])

    def time(name: str) -> datetime | None:
        return parse_time(item[name]["S"]) if name in item else None

    return EndpointHealth(
        failing_since=time("failing_since"),
        failed_events=tuple(sorted({parse_time(each) for each in events})),
        last_success_at=time("last_success_at"),
        last_failure_at=time("last_failure_at"),
        last_failure_reason=item["last_failure_reason"]["S"] if "last_failure_reason" in item else None,
        last_attempt_ms=int(item["last_ms"]["N"]) if "last_ms" in item else None,
        succeeded_24h=counted["s"],
        failed_24h=counted["f"],
    )
