"""The first beat: one conditional update proves who calls and counts the call against every limit.

The counters are attributes named after their window: ``m29412300`` counts a minute, ``s176473801`` a 10-second
slot, ``q29412300`` a route class within a minute. A new window is a new name that starts from nothing, so there
is no second update when a window turns over. Old names are removed on the way (docs/decisions/0002).
"""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any

from botocore.exceptions import ClientError

from billing.domain.kernel.errors import RateLimited, Unauthenticated
from billing.domain.kernel.times import format_time
from billing.domain.tenant import ApiKey
from billing.services.access.callers import Identity, RateState, RouteLimit
from billing.storage.database import Database, table_name
from billing.storage.tables import CallerItem

_MINUTE_S, _SLOT_S = 60, 10
_STALE_NAMES_AT_MOST = 24
_USER_KEPT_S = 86_400


def _sha256(text: str) -> str:
    # A header may be any text that JSON can write, half a surrogate pair too.
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def caller_id(key: str) -> str:
    """The hash key of an API key's item."""
    return "key#" + _sha256(key)


def user_caller_id(tenant_id: str, user_id: str) -> str:
    """The hash key of the counters of a user that acts through an API key (``x-user-id``)."""
    return "user#" + tenant_id + "#" + _sha256(user_id)


class Callers:
    """Authenticates and counts."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._stale: dict[str, list[str]] = {}

    def identify(self, key: str, route_limit: RouteLimit | None = None, user_id: str | None = None) -> Identity:
        now = self._clock()
        counted_here = route_limit if user_id is None else None
        item = self._count(caller_id(key), now, counted_here)
        rate = _state(item, now, counted_here)
        tenant_id, key_id, scope = _who(item)
        if route_limit is not None and user_id is not None:
            rate = self._count_user(
                user_caller_id(tenant_id, user_id), now, route_limit, rate, (tenant_id, key_id, scope)
            )
        return Identity(tenant_id, key_id, scope, rate)

    def _count(self, identifier: str, now: datetime, route_limit: RouteLimit | None) -> dict[str, Any]:
        minute, slot = _windows(now)
        names = {"#minute": f"m{minute}", "#slot": f"s{slot}", "#status": "status"}
        values: dict[str, Any] = {
            ":one": {"N": "1"},
            ":active": {"S": "active"},
            ":now": {"S": format_time(now)},
        }
        counts = ["#minute :one", "#slot :one"]
        conditions = [
            "#status = :active",
            "(attribute_not_exists(key_expires_at) OR key_expires_at > :now)",
            "(attribute_not_exists(#minute) OR #minute < minute_limit)",
            "(attribute_not_exists(#slot) OR #slot < slot_limit)",
        ]
        if route_limit is not None:
            names["#route"] = f"{route_limit.letter}{minute}"
            values[":route_limit"] = {"N": str(route_limit.per_minute)}
            counts.append("#route :one")
            conditions.append("(attribute_not_exists(#route) OR #route < :route_limit)")
        # Checked again: if the clock was set back, an old name may be the present one, and one update
        # cannot both count and remove it.
        stale = [name for name in self._stale.pop(identifier, []) if _is_stale(name, minute, slot)]
        names.update({f"#x{n}": name for n, name in enumerate(stale)})
        remove = " REMOVE " + ", ".join(f"#x{n}" for n in range(len(stale))) if stale else ""
        try:
            answer = self._update(identifier, "ADD " + ", ".join(counts) + remove, conditions, names, values, "ALL_NEW")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            before: Any = error.response.get("Item")
            raise _refusal(before, now, minute, slot, route_limit) from None
        item: dict[str, Any] = answer["Attributes"]
        self._remember_stale(identifier, item, minute, slot)
        return item

    def _count_user(
        self, identifier: str, now: datetime, limit: RouteLimit, keys: RateState, caller: tuple[str, str, str]
    ) -> RateState:
        """Count a user's call on its own item, made by the first one; returns the tighter of the two limits."""
        minute, _ = _windows(now)
        reset = (minute + 1) * _MINUTE_S
        names = {"#route": f"{limit.letter}{minute}", "#before": f"{limit.letter}{minute - 1}"}
        # The item of a user who does not return expires after a day, with whatever counters are left on it.
        expiry = str(int(now.timestamp()) + _USER_KEPT_S)
        values = {":one": {"N": "1"}, ":limit": {"N": str(limit.per_minute)}, ":expiry": {"N": expiry}}
        condition = ["(attribute_not_exists(#route) OR #route < :limit)"]
        try:
            answer = self._update(
                identifier,
                "ADD #route :one SET expires_at = :expiry REMOVE #before",
                condition,
                names,
                values,
                "UPDATED_NEW",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            wait_s = _until_next(now, _MINUTE_S)
            raise RateLimited("Too many requests of this kind", wait_s, (limit.per_minute, 0, reset), caller) from None
        left = limit.per_minute - _count_in(answer["Attributes"], f"{limit.letter}{minute}")
        return RateState(limit.per_minute, left, reset) if left < keys.remaining else keys

    def _update(
        self,
        identifier: str,
        expression: str,
        conditions: list[str],
        names: dict[str, str],
        values: dict[str, Any],
        wanted: str,
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self._database.call(
            lambda: self._database.client.update_item(
                TableName=table_name(CallerItem),
                Key={"caller_id": {"S": identifier}},
                UpdateExpression=expression,
                ConditionExpression=" AND ".join(conditions),
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ReturnValues=wanted,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        )
        return answer

    def _remember_stale(self, identifier: str, item: dict[str, Any], minute: int, slot: int) -> None:
        """Have the next update remove the counters of past windows, some at a time."""
        stale = [name for name in item if _is_stale(name, minute, slot)]
        if stale:
            self._stale[identifier] = stale[:_STALE_NAMES_AT_MOST]


def caller_item(key: ApiKey) -> CallerItem:
    """The item of a new API key."""
    return CallerItem(
        caller_id="key#" + key.key_sha256,
        tenant_id=key.tenant_id,
        key_id=key.id,
        name=key.name,
        scope=key.scope,
        status=key.status,
        minute_limit=key.minute_limit,
        slot_limit=key.slot_limit,
        created_at=format_time(key.created_at),
        key_expires_at=format_time(key.expires_at) if key.expires_at else None,
    )


def _windows(now: datetime) -> tuple[int, int]:
    unix = int(now.timestamp())
    return unix // _MINUTE_S, unix // _SLOT_S


def _is_stale(name: str, minute: int, slot: int) -> bool:
    head, digits = name[:1], name[1:]
    if not digits.isdigit():
        return False
    return int(digits) < (slot if head == "s" else minute)


def _count_in(item: dict[str, Any], name: str) -> int:
    return int(item.get(name, {}).get("N", 0))


def _state(item: dict[str, Any], now: datetime, route_limit: RouteLimit | None) -> RateState:
    minute, _ = _windows(now)
    reset = (minute + 1) * _MINUTE_S
    limit = int(item["minute_limit"]["N"])
    state = RateState(limit, max(0, limit - _count_in(item, f"m{minute}")), reset)
    if route_limit is not None:
        left = route_limit.per_minute - _count_in(item, f"{route_limit.letter}{minute}")
        if left < state.remaining:
            return RateState(route_limit.per_minute, max(0, left), reset)
    return state


def _refusal(
    item: dict[str, Any] | None, now: datetime, minute: int, slot: int, route_limit: RouteLimit | None
) -> Unauthenticated | RateLimited:
    """Why the condition failed, from the item as it was."""
    if not item or item.get("status", {}).get("S") != "active":
        return Unauthenticated("The API key is unknown or revoked")
    if item.get("key_expires_at", {}).get("S", "~") <= format_time(now):
        return Unauthenticated("The API key has expired")
    slot_full = _count_in(item, f"s{slot}") >= int(item["slot_limit"]["N"])
    minute_full = _count_in(item, f"m{minute}") >= int(item["minute_limit"]["N"])
    wait_s = _until_next(now, _SLOT_S if slot_full and not minute_full else _MINUTE_S)
    state = _state(item, now, route_limit)
    return RateLimited("Too many requests", wait_s, (state.limit, state.remaining, state.reset), _who(item))


def _who(item: dict[str, Any]) -> tuple[str, str, str]:
    """The tenant, the id and the scope of a key's item."""
    return item["tenant_id"]["S"], item["key_id"]["S"], item["scope"]["S"]


def _until_next(now: datetime, window_s: int) -> int:
    return window_s - int(now.timestamp()) % window_s
