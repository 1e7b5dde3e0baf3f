"""Updates of whole attributes, done at once.

moto copies an update's tree twice, walks it five times, and makes a condition's operators twice. What the product
sends most is simple: ``ADD #minute :one SET expires_at = :expiry REMOVE #x0``, under a condition. Of such an update the
actions are read off its text once; each time its condition is asked once, and a copy of the item changed. Everything
else, and whatever moto would refuse, is left to moto.
"""

import re
from functools import cache
from typing import Any

from moto.core.responses import ActionResult
from moto.dynamodb.comparisons import create_condition_expression_parser
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.validators import ExpressionPathResolver
from moto.dynamodb.responses import DynamoHandler

_KNOWN = {
    "TableName", "Key", "UpdateExpression", "ConditionExpression", "ExpressionAttributeNames",
    "ExpressionAttributeValues", "ReturnValues", "ReturnValuesOnConditionCheckFailure",
}  # fmt: skip
_CLAUSE = re.compile(r"\b(ADD|SET|REMOVE)\b\s+(.*?)\s*(?=\b(?:ADD|SET|REMOVE|DELETE)\b|$)")
_NAME = r"(#?\w+)"
_ACTIONS = {
    "ADD": re.compile(rf"{_NAME}\s+(:\w+)"),
    "SET": re.compile(rf"{_NAME}\s*=\s*(?:(:\w+)|if_not_exists\(\s*{_NAME}\s*,\s*(:\w+)\s*\))"),
    "REMOVE": re.compile(_NAME),
}
_COMMA = re.compile(r"\s*,\s*(?![^()]*\))")
_LIMIT = 405_000
"""Bytes, as moto has it (``LimitedSizeDict``)."""
_Action = tuple[str, str, str | None, str | None]
"""The clause, the attribute, the attribute whose value is kept where there is one, and the value."""


class LeftToMoto(Exception):
    """Not simple, or refused."""


def update_item(handler: DynamoHandler) -> ActionResult:
    """``DynamoHandler.update_item``, for what is simple.

    Raises:
        LeftToMoto: nothing was changed.
    """
    body = handler.body
    actions = _read(body.get("UpdateExpression") or "")
    if actions is None or not body.keys() <= _KNOWN:
        raise LeftToMoto
    table: Table = handler.dynamodb_backend.get_table(body["TableName"])
    names, values = body.get("ExpressionAttributeNames", {}), handler._get_expr_attr_values()
    hash_key, range_key = _key(table, body["Key"])
    before = table.get_item(hash_key, range_key)
    condition = create_condition_expression_parser(body.get("ConditionExpression"), names, values)
    if not condition.parse().expr(before):
        raise LeftToMoto
    used = [each for action in actions for each in action[1:] if each is not None]
    if any(names.get(each, each) in body["Key"] for each in used):
        raise LeftToMoto
    _all_are_used(names, values, {*used, *condition.expr_attr_names_found, *condition.expr_attr_values_found})
    after = Item(hash_key, range_key, attrs={} if before is not None else body["Key"])
    if before is not None:
        dict.update(after.attrs, before.attrs)
    _change(after.attrs, LimitedSizeDict(after.attrs), actions, names, values)
    if sum(len(name.encode()) + value.size() for name, value in after.attrs.items()) > _LIMIT:
        raise LeftToMoto
    _put(table, after)
    told = _told(body.get("ReturnValues", "NONE"), before, after)
    # As moto has it: what ALL_OLD finds nothing of has no attributes.
    return ActionResult({"Attributes": told} if told else {})


@cache
def _read(expression: str) -> tuple[_Action, ...] | None:
    """The actions of an expression; None where they are not simple."""
    found: list[_Action] = []
    rest = expression.strip()
    while rest:
        clause = _CLAUSE.match(rest)
        if clause is None:
            return None
        for each in _COMMA.split(clause[2]):
            action = _ACTIONS[clause[1]].fullmatch(each.strip())
            if action is None:
                return None
            found.append(_action(clause[1], action.groups()))
        rest = rest[clause.end() :].strip()
    written = [action[1] for action in found]
    return tuple(found) if found and len(set(written)) == len(written) else None


def _action(clause: str, said: tuple[str | None, ...]) -> _Action:
    name = said[0] or ""
    for each in (name, said[2] if clause == "SET" else None):
        if each is not None and not each.startswith("#"):
            ExpressionPathResolver.raise_exception_if_keyword(each)
    if clause == "SET":
        return clause, name, said[2], said[1] or said[3]
    return clause, name, None, said[1] if clause == "ADD" else None


def _key(table: Table, key: dict[str, Any]) -> tuple[DynamoType, DynamoType | None]:
    kinds = {table.hash_key_attr: table.hash_key_type}
    if table.range_key_attr:
        kinds[table.range_key_attr] = table.range_key_type
    if {name: next(iter(value)) for name, value in key.items()} != kinds or table.stream_shard is not None:
        raise LeftToMoto
    ranged = DynamoType(key[table.range_key_attr]) if table.range_key_attr else None
    return DynamoType(key[table.hash_key_attr]), ranged


def _all_are_used(names: dict[str, str], values: dict[str, Any], used: set[str]) -> None:
    if not (names.keys() | values.keys()) <= used or len(set(names.values())) != len(names):
        raise LeftToMoto


def _change(
    attrs: LimitedSizeDict,
    before: LimitedSizeDict,
    actions: tuple[_Action, ...],
    names: dict[str, str],
    values: dict[str, Any],
) -> None:
    """Carry the actions out, each of which sees what was there before all of them."""
    for clause, name, otherwise, value in actions:
        attribute = names.get(name, name)
        if clause == "REMOVE":
            attrs.pop(attribute, None)
            continue
        given = DynamoType(values[value or ""])
        if clause == "ADD":
            present = before.get(attribute, DynamoType({"N": "0"}))
            if present.type != "N" or given.type != "N":
                raise LeftToMoto
            given = present + given
        elif otherwise is not None:
            given = before.get(names.get(otherwise, otherwise), given)
        dict.__setitem__(attrs, attribute, given)


def _put(table: Table, item: Item) -> None:
    if table.has_range_key:
        table.items[item.hash_key][item.range_key] = item
    else:
        table.items[item.hash_key] = item


def _told(wanted: str, before: Item | None, after: Item) -> dict[str, Any]:
    old = before.to_json()["Attributes"] if before is not None else {}
    new = after.to_json()["Attributes"]
    if wanted == "ALL_NEW":
        return new
    if wanted == "ALL_OLD":
        return old
    if wanted == "UPDATED_NEW":
        return {name: value for name, value in new.items() if old.get(name) != value}
    if wanted != "NONE":
        raise LeftToMoto
    return {}
