"""The next numbers of a series: claimed by one plain UpdateItem, and never twice in use (docs/decisions/0064).

    claims   what was claimed lately, by a short name of its holder: a number whose document is (perhaps) under way
    before   the claims that were there when somebody last looked
    free     numbers that nobody came back for: given out again before any new one

A claim costs nothing else a wait: DynamoDB works the plain writes of an item one after the other, and no transaction
touches this one. What a claim does not do is to make a number its holder's own. That does the document's transaction:
it writes the number (``IssuedNumber``) where it is not there yet. So it is no mistake to give a claim to somebody else,
however late its holder's transaction may still come: of two documents with one number, one loses and takes another.
"""

import json
import logging
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Any

from botocore.exceptions import ClientError

from billing.domain.invoicing.numbers import Series, number_id
from billing.domain.kernel.errors import LostRace, Unavailable
from billing.storage.database import Database, condition_failed, raw, table_name
from billing.storage.packing import unpack
from billing.storage.tables import SequenceItem

LOOK_EVERY_S = 300
"""How often somebody looks for claims that nobody came back for: each is free 5 to 10 minutes after it was made."""
_AT_ONCE = 25
"""Claims in one update: an expression has 4 KB at most."""
_ROUNDS = 20
_SERIES_KEPT = 1_000
_Item = dict[str, Any]
_NAMES = {"#claims": "claims", "#before": "before", "#free": "free", "#next": "next_number"}
_NAME = re.compile(r"#\w+")
_ZERO: _Item = {"N": "0"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """Names a series: the key of its item."""

    tenant_id: str
    id: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number that was claimed, and what the numbers of its series begin with.

    Args:
        name: under which the claim stands on the item.
        issued_for: the claim of the document that has it already (``IssuedNumber``); None where none has.
    """

    prefix: str
    value: int
    name: str
    issued_for: str | None = None


class NumberBook:
    """Claims numbers for a process, and remembers which of its claims are no longer open."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._closed: dict[SeriesKey, list[str]] = {}
        self._reserved: dict[tuple[SeriesKey, str], Number] = {}

    def claim(self, key: SeriesKey, prefix: str, holders: Sequence[str], now: datetime) -> dict[str, Number]:
        """A number for each holder; for one that has claimed before and did not use it, the same as then.

        A holder is told of one document alone, and a claim is not kept from twins: two that do the same work at once
        have the same number, and one of them loses.

        Args:
            prefix: what numbers begin with in a series that begins now.

        Raises:
            Unavailable: the database is busy.
            LostRace: a holder's document is there by now.
        """
        found: dict[str, Number] = {}
        names = {each: each for each in holders}
        for _ in range(_ROUNDS + len(holders) // _AT_ONCE):
            wanted = [each for each in holders if each not in found][:_AT_ONCE]
            if not wanted:
                return found
            asked = [names[each] for each in wanted]
            item = self._next(key, prefix, asked, now)
            given = _held(item, asked) if item is not None else self._otherwise(key, prefix, asked, now)
            for each in wanted:
                number = given.get(names[each])
                if number is not None and number.issued_for is not None:
                    names[each] = _beside(number)
                elif number is not None:
                    found[each] = number
        raise Unavailable("The numbers of the series are busy", retry_after_s=1)

    def reserve(self, key: SeriesKey, prefix: str, holders: Sequence[str], now: datetime) -> None:
        """Claim a number for each holder that will ask for it in a moment."""
        wanted = [each for each in holders if (key, each) not in self._reserved]
        for holder, number in self.claim(key, prefix, wanted, now).items():
            self._reserved[key, holder] = number

    def reserved(self, key: SeriesKey, holder: str) -> Number | None:
        """What was claimed for a holder before; it is told once."""
        return self._reserved.pop((key, holder), None)

    def release(self) -> None:
        """Give back what was claimed for holders that did not ask for it."""
        while self._reserved:
            (key, _), number = self._reserved.popitem()
            self.give_back(key, number)

    def close(self, key: SeriesKey, number: Number) -> None:
        """Its number is in use: the next claim of this process takes the claim off the item.

        A claim that is forgotten here is found when somebody looks.
        """
        if len(self._closed) > _SERIES_KEPT:
            self._closed.clear()
        self._closed.setdefault(key, []).append(number.name)

    def give_back(self, key: SeriesKey, number: Number) -> None:
        """A number that its holder does not need any more; the next claim gets it."""
        names = {"#h": short(number.name), "#x": str(number.value)}
        expression = "SET #free.#x = :zero REMOVE #claims.#h, #before.#h"
        condition = "#claims.#h = :x OR #before.#h = :x"
        self._update(key, expression, condition, names, {":zero": _ZERO, ":x": _n(number.value)})

    def all_series(self, tenant_id: str, name: str) -> dict[str, Series]:
        """Where a tenant's series of a name stand, by their ids: its own, and those of its test clocks."""
        request = {
            "TableName": table_name(SequenceItem),
            "KeyConditionExpression": "tenant_id = :tenant AND begins_with(id, :name)",
            "ExpressionAttributeValues": {":tenant": raw(tenant_id), ":name": raw(name)},
            "ConsistentRead": True,
        }
        found = {item["id"]["S"]: item for item in self._database.query_all(request)}
        return {each: self._standing(SeriesKey(tenant_id, each), item) for each, item in found.items()}

    def _standing(self, key: SeriesKey, item: _Item) -> Series:
        if "next_number" not in item:
            return Series(_of_before(item).get("next_number", 1), frozenset())
        claimed = {int(each["N"]) for claims in ("claims", "before") for each in item[claims]["M"].values()}
        waiting = claimed | {int(each) for each in item["free"]["M"]}
        used = self._used(key, waiting) if waiting else {}
        return Series(int(item["next_number"]["N"]), frozenset(waiting - set(used)))

    def _next(self, key: SeriesKey, prefix: str, holders: list[str], now: datetime) -> _Item | None:
        """The item after the next numbers were claimed; None where something else comes first."""
        closed = [each for each in self._closed.pop(key, []) if each not in holders][-2 * _AT_ONCE :]
        names, values = _holders(holders), {":prefix": raw(prefix), ":now": _now(now), ":zero": _ZERO}
        values |= {f":k{n}": _n(n) for n in range(len(holders))} | {":count": _n(len(holders))}
        names |= {f"#d{n}": short(each) for n, each in enumerate(closed)}
        sets = [f"#claims.#h{n} = #next + :k{n}" for n in range(len(holders))]
        sets += ["#next = #next + :count", "prefix = if_not_exists(prefix, :prefix)"]
        gone = [f"{each}.#d{n}" for n in range(len(closed)) for each in ("#claims", "#before")]
        expression = f"SET {', '.join(sets)}" + (f" REMOVE {', '.join(gone)}" if gone else "")
        conditions = ["attribute_exists(#next)", "look_at > :now", "size(#free) = :zero", *_not_held(holders)]
        item = self._update(key, expression, " AND ".join(conditions), names, values)
        if item is None and closed:
            self._closed[key] = closed
        return item

    def _otherwise(self, key: SeriesKey, prefix: str, holders: list[str], now: datetime) -> dict[str, Number]:
        """Do what comes before the next number; what that gave to whom."""
        item = self._read(key)
        if "next_number" not in item:
            self._begin(key, prefix, item, now)
            return {}
        held = _held(item, holders)
        if held:
            return self._as_used(key, held)
        if int(item["look_at"]["N"]) <= int(now.timestamp()):
            self._look(key, item, now)
            return {}
        return self._freed(key, item, holders)

    def _begin(self, key: SeriesKey, prefix: str, item: _Item, now: datetime) -> None:
        """Begin a series, or go on with one of before: its item said the next number in its content.

        That content is taken away, so that a worker of the release before fails where it would count on from it.
        """
        old = _of_before(item)
        empty: _Item = {"M": {}}
        values = {
            ":n": _n(old.get("next_number", 1)), ":prefix": raw(old.get("prefix", prefix)), ":look": _look_at(now),
            ":version": _n(int(item.get("version", _ZERO)["N"]) + 1), ":c": empty, ":b": {"M": {}}, ":f": {"M": {}},
        }  # fmt: skip
        sets = (
            "SET #next = :n, #claims = :c, #before = :b, #free = :f, look_at = :look, version = :version, "
            "prefix = if_not_exists(prefix, :prefix) REMOVE body"
        )
        condition = "attribute_not_exists(#next) AND attribute_not_exists(version)"
        if "version" in item:
            condition = "attribute_not_exists(#next) AND version = :old"
            values[":old"] = item["version"]
        self._update(key, sets, condition, {}, values)

    def _as_used(self, key: SeriesKey, held: dict[str, Number]) -> dict[str, Number]:
        """What was claimed before, and whether a document has it."""
        used = self._used(key, (number.value for number in held.values()))
        return {name: replace(number, issued_for=used.get(number.value)) for name, number in held.items()}

    def _look(self, key: SeriesKey, item: _Item, now: datetime) -> None:
        """Free what has been claimed for long and is not in use; what was claimed since is looked at the next time.

        Nothing is claimed after the time for a look before that look: where it is late by as much as lies between two,
        all that is claimed has been so for long.
        """
        all_are_old = int(item["look_at"]["N"]) + LOOK_EVERY_S <= int(now.timestamp())
        old = [item["before"], item["claims"]] if all_are_old else [item["before"]]
        claimed = {int(each["N"]) for claims in old for each in claims["M"].values()}
        lost = claimed - set(self._used(key, claimed)) if claimed else set()
        freed = {**item["free"]["M"], **{str(number): _ZERO for number in lost}}
        empty: _Item = {"M": {}}
        values = {
            ":free": {"M": freed}, ":seen_free": item["free"], ":seen": item["look_at"], ":look": _look_at(now),
            ":before": empty if all_are_old else item["claims"], ":seen_claims": item["claims"], ":empty": empty,
        }  # fmt: skip
        expression = "SET #before = :before, #claims = :empty, #free = :free, look_at = :look"
        condition = "look_at = :seen AND #free = :seen_free AND #claims = :seen_claims"
        if self._update(key, expression, condition, {}, values) is not None and lost:
            _log.warning("nobody came back for numbers", extra={"series": key.id, "numbers": sorted(lost)})

    def _freed(self, key: SeriesKey, item: _Item, holders: list[str]) -> dict[str, Number]:
        """Claims of numbers that are free, the lowest first; none, where somebody else was faster."""
        pairs = list(zip(holders, sorted(map(int, item["free"]["M"])), strict=False))
        if not pairs:
            return {}
        names = _holders([holder for holder, _ in pairs]) | {f"#x{n}": str(x) for n, (_, x) in enumerate(pairs)}
        values = {f":x{n}": _n(x) for n, (_, x) in enumerate(pairs)}
        sets = ", ".join(f"#claims.#h{n} = :x{n}" for n in range(len(pairs)))
        gone = ", ".join(f"#free.#x{n}" for n in range(len(pairs)))
        conditions = [f"attribute_exists(#free.#x{n})" for n in range(len(pairs))]
        conditions += _not_held([holder for holder, _ in pairs])
        after = self._update(key, f"SET {sets} REMOVE {gone}", " AND ".join(conditions), names, values)
        return _held(after, [holder for holder, _ in pairs]) if after is not None else {}

    def _used(self, key: SeriesKey, numbers: Iterable[int]) -> dict[int, str]:
        """Those of some numbers that documents have, with what they were claimed for."""
        ids = {(key.tenant_id, number_id(key.id, number)): number for number in numbers}
        found = self._database.batch_get({SequenceItem: set(ids)})[SequenceItem]
        return {ids[place]: json.loads(unpack(item["body"]["S"]))["claim"] for place, item in found.items()}

    def _read(self, key: SeriesKey) -> _Item:
        place = (key.tenant_id, key.id)
        return self._database.batch_get({SequenceItem: {place}})[SequenceItem].get(place, {})

    def _update(
        self, key: SeriesKey, expression: str, condition: str, names: dict[str, str], values: _Item
    ) -> _Item | None:
        """The item after an update; None where its condition did not hold."""
        # DynamoDB refuses a name that is not used.
        used = set(_NAME.findall(f"{expression} {condition}"))
        names = {name: said for name, said in (_NAMES | names).items() if name in used}
        try:
            answer = self._database.call(
                lambda: self._database.client.update_item(
                    TableName=table_name(SequenceItem),
                    Key={"tenant_id": raw(key.tenant_id), "id": raw(key.id)},
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=values,
                    ReturnValues="ALL_NEW",
                )
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            return None
        item: _Item = answer["Attributes"]
        return item


def _of_before(item: _Item) -> dict[str, Any]:
    """What an item of the release before said in its content."""
    old: dict[str, Any] = json.loads(unpack(item["body"]["S"])) if "body" in item else {}
    return old


def short(holder: str) -> str:
    """A holder's name on the item: 12 characters, so that fifty claims are a kilobyte of it."""
    return urlsafe_b64encode(blake2b(holder.encode(), digest_size=9).digest()).decode()


def _beside(number: Number) -> str:
    """The name of a claim beside one of a number that another document got: it was taken for lost, and given away.

    That claim is not overwritten, for whoever sees it may be about to take it off.

    Raises:
        LostRace: the number is the holder's own document's.
    """
    if number.issued_for == short(number.name):
        raise LostRace("Somebody else has just done the same")
    return f"{number.name}/{number.value}"


def _holders(holders: list[str]) -> dict[str, str]:
    return {f"#h{n}": short(each) for n, each in enumerate(holders)}


def _not_held(holders: list[str]) -> list[str]:
    pairs = [(n, each) for n in range(len(holders)) for each in ("#claims", "#before")]
    return [f"attribute_not_exists({each}.#h{n})" for n, each in pairs]


def _held(item: _Item, holders: list[str]) -> dict[str, Number]:
    """What some holders have claimed."""
    claims = {**item["before"]["M"], **item["claims"]["M"]}
    found = {each: claims[short(each)] for each in holders if short(each) in claims}
    return {each: Number(item["prefix"]["S"], int(number["N"]), each) for each, number in found.items()}


def _n(number: int) -> _Item:
    return {"N": str(number)}


def _now(now: datetime) -> _Item:
    return _n(int(now.timestamp()))


def _look_at(now: datetime) -> _Item:
    return _n(int(now.timestamp()) + LOOK_EVERY_S)
