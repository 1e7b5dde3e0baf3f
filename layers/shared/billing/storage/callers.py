"""The first beat: one conditional update proves who calls and counts the call against every limit.

The counters are attributes named after their window: ``m29412300`` counts a minute, ``s176473801`` a 10-second
slot, ``q29412300`` a route class within a minute. A new window is a new name that starts from nothing, so there
is no second update when a window turns over. Old names are removed on the way (docs/decisions/0002).

A revoked grant is an attribute, too: ``rfam_01J...``, whose value is the time (Unix) until which a token of it could
still be good. The same update that counts a bearer's call demands that there is none of the token's
grant, so that revocation costs no round trip (docs/decisions/0040).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from botocore.exceptions import ClientError

from billing.domain.access.caller import ACTIVE, Limits, digest, key_caller, user_caller
from billing.domain.access.scopes import narrowed
from billing.domain.access.signing_keys import KEPT_AFTER
from billing.domain.kernel.errors import Forbidden, RateLimited, Unauthenticated
from billing.domain.kernel.times import format_time, parse_time
from billing.services.access.callers import Bearer, Identity, RateState, RouteLimit
from billing.storage.caller_items import USER_KEPT_S
from billing.storage.database import Database, condition_failed, table_name
from billing.storage.tables import CallerItem

_MINUTE_S, _SLOT_S = 60, 10
_STALE_NAMES_AT_MOST = 24
_OF_CLIENT = "rcli_"
_Caller = tuple[str, str, frozenset[Any]]
"""Tenant, principal, scopes."""


def caller_id(key: str) -> str:
    """The hash key of an API key's item."""
    return key_caller(digest(key))


def user_caller_id(tenant_id: str, user_id: str) -> str:
    """The hash key of a user's item."""
    return user_caller(tenant_id, user_id)


@dataclass(slots=True)
class _Update:
    """The one update: what has to be so, what it counts and what it writes beside."""

    names: dict[str, str]
    values: dict[str, Any]
    conditions: list[str]
    counts: list[str]
    also: str = ""
    limits: Limits | None = None
    """Of the caller, where its item does not say them."""
    route_limit: RouteLimit | None = field(default=None)

    def count_route(self, limit: RouteLimit, minute: int) -> None:
        """Count against a route's limit, too."""
        self.route_limit = limit
        self.names["#route"] = f"{limit.letter}{minute}"
        self.values[":route_limit"] = {"N": str(limit.per_minute)}
        self.counts.append("#route :one")
        self.conditions.append("(attribute_not_exists(#route) OR #route < :route_limit)")


class Callers:
    """Authenticates and counts."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._stale: dict[str, list[str]] = {}

    def identify(self, key: str, route_limit: RouteLimit | None = None, user_id: str | None = None) -> Identity:
        now = self._clock()
        update = _counting(now, None)
        update.conditions += [
            "#status = :active",
            "(attribute_not_exists(key_expires_at) OR key_expires_at > :now)",
        ]
        update.values |= {":now": {"S": format_time(now)}, ":today": {"S": now.date().isoformat()}}
        update.also = " SET used_on = :today"
        if user_id is None and route_limit is not None:
            update.count_route(route_limit, _windows(now)[0])
        item = self._count(caller_id(key), now, update, lambda item: _why_no_key(item, now), _of_key)
        caller = _of_key(item)
        rate = _state(item, now, update)
        if route_limit is not None and user_id is not None:
            rate = self._count_user(user_caller(caller[0], user_id), now, route_limit, rate, caller)
        networks = item.get("networks", {}).get("S", "")
        secret = item.get("secret", {}).get("S")
        limits = _limits(item, update)
        ends = item.get("key_expires_at", {}).get("S")
        return Identity(
            *caller, rate, networks=tuple(networks.split()), sealed_signing_secret=secret, limits=limits,
            expires_at=parse_time(ends) if ends else None,
        )  # fmt: skip

    def set_limits(self, key: str, limits: Limits) -> None:
        values = {":minute": {"N": str(limits.per_minute)}, ":slot": {"N": str(limits.per_slot)}}
        names = {"#minute": "minute_limit", "#slot": "slot_limit"}
        expression = "SET #minute = :minute, #slot = :slot"
        self._update(caller_id(key), expression, ["attribute_exists(caller_id)"], names, values, "NONE")

    def identify_bearer(
        self, bearer: Bearer, limits: Limits, route_limit: RouteLimit | None = None, user_id: str | None = None
    ) -> Identity:
        now = self._clock()
        update = _counting(now, limits)
        update.names["#revoked"] = f"r{bearer.grant_id}"
        update.conditions.append("attribute_not_exists(#revoked)")
        if bearer.client_id is not None:
            # Until when its tokens of before could be good: 61 minutes after they were worth nothing any more.
            update.names["#client"] = f"r{bearer.client_id}"
            update.values[":floor"] = {"N": str(_floor(bearer))}
            update.conditions.append("(attribute_not_exists(#client) OR #client < :floor)")
        if bearer.issued_at is not None:
            update.values[":issued"] = {"N": str(bearer.issued_at)}
            update.conditions.append("(attribute_not_exists(tokens_after) OR tokens_after < :issued)")
        if bearer.user_id is None:
            update.conditions.append("#status = :active")
        else:
            # Whoever has not called for a day has no item, and a foreign issuer's user has none before the first call.
            update.conditions.append("(attribute_not_exists(#status) OR #status = :active)")
            update.values[":expiry"] = {"N": str(int(now.timestamp()) + USER_KEPT_S)}
            update.also = " SET expires_at = :expiry"
        on_other = user_id if bearer.user_id is None else None
        if on_other is None and route_limit is not None:
            update.count_route(route_limit, _windows(now)[0])
        caller: _Caller = (bearer.tenant_id, bearer.principal, bearer.scopes)
        item = self._count(bearer.caller_id, now, update, lambda item: _why_no_bearer(item, bearer), lambda _: caller)
        rate = _state(item, now, update)
        if route_limit is not None and on_other is not None:
            rate = self._count_user(user_caller(bearer.tenant_id, on_other), now, route_limit, rate, caller)
        ends, entered = _at(bearer.expires_at), _at(bearer.authenticated_at)
        return Identity(*caller, rate, bearer.user_id, expires_at=ends, authenticated_at=entered)

    def is_revoked(self, caller_id: str, grant_id: str) -> bool:
        """Whether tokens of a grant are refused; see ``services.access.tokens.Revocations``."""
        answer = self._database.call(
            lambda: self._database.client.get_item(
                TableName=table_name(CallerItem), Key={"caller_id": {"S": caller_id}}, ConsistentRead=True
            )
        )
        return f"r{grant_id}" in answer.get("Item", {})

    def last_used(self, keys_sha256: Sequence[str]) -> dict[str, date]:
        """The day of each key's last call, by the key's hash; see ``services.access.keys.KeyUse``."""
        places = {(key_caller(each), ""): each for each in keys_sha256}
        items = self._database.batch_get({CallerItem: set(places)})[CallerItem] if places else {}
        return {
            places[place]: date.fromisoformat(item["used_on"]["S"])
            for place, item in items.items()
            if "used_on" in item
        }

    def _count(
        self,
        identifier: str,
        now: datetime,
        update: _Update,
        why_not: Callable[[dict[str, Any]], Unauthenticated | None],
        who: Callable[[dict[str, Any]], _Caller],
    ) -> dict[str, Any]:
        minute, slot = _windows(now)
        # Checked again: if the clock was set back, an old name may be the present one, and one update
        # cannot both count and remove it.
        taken = set(update.names.values())
        stale = [
            name
            for name in self._stale.pop(identifier, [])
            if name not in taken and (name[0] == "r" or _is_stale(name, minute, slot))
        ]
        update.names.update({f"#x{n}": name for n, name in enumerate(stale)})
        remove = " REMOVE " + ", ".join(f"#x{n}" for n in range(len(stale))) if stale else ""
        expression = "ADD " + ", ".join(update.counts) + update.also + remove
        try:
            answer = self._update(identifier, expression, update.conditions, update.names, update.values, "ALL_NEW")
        except ClientError as error:
            if not condition_failed(error):
                raise
            before: Any = error.response.get("Item") or {}
            raise why_not(before) or _too_many(before, now, update, who(before)) from None
        item: dict[str, Any] = answer["Attributes"]
        self._remember_stale(identifier, item, now)
        return item

    def _count_user(
        self, identifier: str, now: datetime, limit: RouteLimit, keys: RateState, caller: _Caller
    ) -> RateState:
        """Count a user's call on its own item, made by the first one; returns the tighter of the two limits."""
        minute, _ = _windows(now)
        reset = (minute + 1) * _MINUTE_S
        names = {"#route": f"{limit.letter}{minute}", "#before": f"{limit.letter}{minute - 1}", "#status": "status"}
        # The item of a user who does not return expires after a day, with whatever counters are left on it.
        expiry = str(int(now.timestamp()) + USER_KEPT_S)
        values = {
            ":one": {"N": "1"},
            ":limit": {"N": str(limit.per_minute)},
            ":expiry": {"N": expiry},
            ":active": {"S": ACTIVE},
        }
        condition = [
            "(attribute_not_exists(#route) OR #route < :limit)",
            "(attribute_not_exists(#status) OR #status = :active)",
        ]
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
            if not condition_failed(error):
                raise
            user: Any = error.response.get("Item") or {}
            if not _is_active(user, ACTIVE):
                raise Forbidden("The user that x-user-id names is disabled") from None
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

    def _remember_stale(self, identifier: str, item: dict[str, Any], now: datetime) -> None:
        """Have the next update remove the counters of past windows and what nobody can use any more, some at a time."""
        minute, slot = _windows(now)
        stale = [
            name
            for name, value in item.items()
            if _is_stale(name, minute, slot) or (_is_revocation(name, value) and int(value["N"]) < now.timestamp())
        ]
        if stale:
            self._stale[identifier] = stale[:_STALE_NAMES_AT_MOST]


def _counting(now: datetime, limits: Limits | None) -> _Update:
    """The part of the update that is the same for everybody: a minute and a slot, each with its limit.

    Args:
        limits: None where they are on the item.
    """
    minute, slot = _windows(now)
    made = _Update(
        names={"#minute": f"m{minute}", "#slot": f"s{slot}", "#status": "status"},
        values={":one": {"N": "1"}, ":active": {"S": ACTIVE}},
        conditions=[],
        counts=["#minute :one", "#slot :one"],
        limits=limits,
    )
    per_minute, per_slot = "minute_limit", "slot_limit"
    if limits is not None:
        per_minute, per_slot = ":minute_limit", ":slot_limit"
        made.values[per_minute] = {"N": str(limits.per_minute)}
        made.values[per_slot] = {"N": str(limits.per_slot)}
    made.conditions += [
        f"(attribute_not_exists(#minute) OR #minute < {per_minute})",
        f"(attribute_not_exists(#slot) OR #slot < {per_slot})",
    ]
    return made


def _windows(now: datetime) -> tuple[int, int]:
    unix = int(now.timestamp())
    return unix // _MINUTE_S, unix // _SLOT_S


def _is_stale(name: str, minute: int, slot: int) -> bool:
    head, digits = name[:1], name[1:]
    if not digits.isdigit():
        return False
    return int(digits) < (slot if head == "s" else minute)


def _is_revocation(name: str, value: dict[str, Any]) -> bool:
    """Whether an attribute says that a grant is revoked; no other attribute that begins with ``r`` is a number.

    A grant is revoked once. That a client's tokens have ended may be said again, later, under the same name: a worker
    that remembers it as stale would remove what was written since. There is one for each client, so it can stay.
    """
    return name[0] == "r" and not name[1:].isdigit() and not name.startswith(_OF_CLIENT) and "N" in value


def _at(unix: int | None) -> datetime | None:
    return datetime.fromtimestamp(unix, UTC) if unix is not None else None


def _count_in(item: dict[str, Any], name: str) -> int:
    return int(item.get(name, {}).get("N", 0))


def _limits(item: dict[str, Any], update: _Update) -> Limits:
    return update.limits or Limits(int(item["minute_limit"]["N"]), int(item["slot_limit"]["N"]))


def _state(item: dict[str, Any], now: datetime, update: _Update) -> RateState:
    minute, _ = _windows(now)
    reset = (minute + 1) * _MINUTE_S
    limit = _limits(item, update).per_minute
    state = RateState(limit, max(0, limit - _count_in(item, f"m{minute}")), reset)
    if update.route_limit is not None:
        left = update.route_limit.per_minute - _count_in(item, f"{update.route_limit.letter}{minute}")
        if left < state.remaining:
            return RateState(update.route_limit.per_minute, max(0, left), reset)
    return state


def _is_active(item: dict[str, Any], otherwise: str) -> bool:
    status: str = item.get("status", {}).get("S", otherwise)
    return status == ACTIVE


def _why_no_key(item: dict[str, Any], now: datetime) -> Unauthenticated | None:
    """Why the holder of a key is not let in, from the item as it was; None where only its limits are used up."""
    if not _is_active(item, "unknown"):
        return Unauthenticated("The API key is unknown or revoked")
    if item.get("key_expires_at", {}).get("S", "~") <= format_time(now):
        return Unauthenticated("The API key has expired")
    return None


def _floor(bearer: Bearer) -> int:
    """What ends all tokens of a client that were issued when this one was, or before, is at least this."""
    return (bearer.issued_at or 0) + int(KEPT_AFTER.total_seconds())


def _why_no_bearer(item: dict[str, Any], bearer: Bearer) -> Unauthenticated | None:
    known = "unknown" if bearer.user_id is None else ACTIVE
    ended = bearer.issued_at is not None and bearer.issued_at <= int(item.get("tokens_after", {}).get("N", -1))
    client_ended = bearer.client_id is not None and _count_in(item, f"r{bearer.client_id}") >= _floor(bearer)
    if ended or client_ended or f"r{bearer.grant_id}" in item or not _is_active(item, known):
        return Unauthenticated("The access token is revoked")
    return None


def _too_many(item: dict[str, Any], now: datetime, update: _Update, caller: _Caller) -> RateLimited:
    """Which limit is used up, from the item as it was."""
    minute, slot = _windows(now)
    limits = _limits(item, update)
    slot_full = _count_in(item, f"s{slot}") >= limits.per_slot
    minute_full = _count_in(item, f"m{minute}") >= limits.per_minute
    wait_s = _until_next(now, _SLOT_S if slot_full and not minute_full else _MINUTE_S)
    state = _state(item, now, update)
    return RateLimited("Too many requests", wait_s, (state.limit, state.remaining, state.reset), caller)


def _of_key(item: dict[str, Any]) -> _Caller:
    """The tenant, the id and the scopes of a key's item."""
    scopes = narrowed(item["scope"]["S"], item.get("scopes", {}).get("S"))
    return item["tenant_id"]["S"], item["key_id"]["S"], scopes


def _until_next(now: datetime, window_s: int) -> int:
    return window_s - int(now.timestamp()) % window_s
