"""Values that are what they hold, items that are weighed once, indexes that read an item once.

moto wraps each value (``DynamoType``) and unwraps it, through half a dozen questions, wherever it compares, hashes or
weighs one. Most are texts, which are themselves.
"""

from collections.abc import Callable
from typing import Any

from botocore.utils import merge_dicts
from moto.dynamodb import responses
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import dynamo_type
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.models.utilities import dynamo_to_dict, find_nested_key

_LIMIT = 405_000
"""Bytes, as moto has it (``LimitedSizeDict``)."""


def quicken() -> None:
    """Have moto come to the point where a value is a text."""
    DynamoType.cast_value = property(_value_of_a_text(DynamoType.cast_value.fget))
    DynamoType.__hash__ = _hash
    DynamoType.__eq__ = _equal_texts(DynamoType.__eq__)
    DynamoType.__ne__ = lambda one, other: not one == other  # noqa: SIM201 - that is what it is made of
    DynamoType.size = _size_of_a_text(DynamoType.size)
    Item.__init__ = _weighed_once
    Item.project = _read_once
    Table.all_items = _sorted_by_what_is_held
    responses.dynamo_to_dict = _plain


def _value_of_a_text(cast_value: Callable[[DynamoType], Any]) -> Callable[[DynamoType], Any]:
    return lambda each: each.value if each.type == "S" else cast_value(each)


def _hash(each: DynamoType) -> int:
    return hash((each.type, each.value if each.type == "S" else each.cast_value))


def _equal_texts(equal: Callable[..., bool]) -> Callable[..., bool]:
    def wrapped(one: DynamoType, other: DynamoType) -> bool:
        if one.type == other.type == "S":
            return bool(one.value == other.value)
        return equal(one, other)

    return wrapped


def _size_of_a_text(size: Callable[[DynamoType], int]) -> Callable[[DynamoType], int]:
    def wrapped(each: DynamoType) -> int:
        if each.type == "S" and type(each.value) is str:
            return len(each.value) if each.value.isascii() else len(each.value.encode())
        return size(each)

    return wrapped


def _weighed_once(item: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: dict[str, Any]) -> None:
    """An item that weighs no more than is allowed: its attributes, each of them once, rather than all for each."""
    item.hash_key, item.range_key = hash_key, range_key
    item.attrs = LimitedSizeDict()
    weight = 0
    for name, value in attrs.items():
        held = DynamoType(value)
        weight += len(name.encode()) + held.size()
        if weight > _LIMIT:
            raise ItemSizeTooLarge
        dict.__setitem__(item.attrs, name, held)


def _read_once(item: Item, projection_expressions: list[list[str]]) -> Item:
    """The same item with what is wanted of it."""
    found: dict[str, Any] = {}
    plain = item.to_regular_json()
    for path in projection_expressions:
        merge_dicts(found, find_nested_key(path, plain))
    return Item(item.hash_key, item.range_key, dynamo_type.serializer.serialize(found)["M"])


def _sorted_by_what_is_held(table: Table) -> list[Item]:
    """All items in the order of their keys, which all are of the types that the table says."""
    if table.range_key_attr:
        ranged = [item for held in table.items.values() for item in held.values()]
        return sorted(ranged, key=lambda item: (item.hash_key.cast_value, item.range_key.cast_value))
    items: list[Any] = list(table.items.values())
    return sorted(items, key=lambda item: item.hash_key.cast_value)


def _plain(each: Any) -> Any:
    """What an answer holds, without moto's types, and nothing that the table holds itself."""
    kind = type(each)
    if kind is str or each is None or kind is bool:
        return each
    if kind is DynamoType and each.type in ("S", "N", "BOOL", "NULL"):
        return {each.type: each.value}
    if kind is DynamoType and each.type in ("M", "L"):
        return {each.type: _plain(each.value)}
    if kind is dict or kind is LimitedSizeDict:
        return {name: _plain(value) for name, value in each.items()}
    if kind is list:
        return [_plain(value) for value in each]
    return dynamo_to_dict(each)
