"""A transaction that fails is undone, rather than begun with a copy of its tables; an update changes a copy.

moto copies the tables of a transaction with all their items, and puts the copies in the tables' place where it fails.
Here the partitions that it writes to are remembered, and no item is ever changed in place: an update is made to a
copy that takes the item's place. So an item that was found before an update is as it was, and need not be copied to
remain so.
"""

import copy
from collections.abc import Callable
from functools import wraps
from threading import local
from types import SimpleNamespace
from typing import Any

from moto.dynamodb import models, responses
from moto.dynamodb.models import DynamoDBBackend, table
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

_state = local()
"""``is_undone`` while a transaction runs that this module undoes."""


def quicken() -> None:
    """Have moto copy no more than what changes."""
    Table.__deepcopy__ = _itself_in_a_transaction
    DynamoDBBackend.transact_write_items = _undone_where_it_fails(DynamoDBBackend.transact_write_items)
    DynamoDBBackend.update_item = _on_a_copy(DynamoDBBackend.update_item)
    for module in (models, responses, table):
        module.copy = SimpleNamespace(copy=copy.copy, deepcopy=_shared)  # type: ignore[attr-defined]


def _shared(each: Any, memo: dict[int, Any] | None = None) -> Any:
    """An item, or a list of items, as it is: whoever finds them does not change them, nor does an update."""
    if type(each) is Item or (type(each) is list and each and type(each[0]) is Item):
        return each
    return copy.deepcopy(each, memo)


def _itself_in_a_transaction(each: Table, memo: dict[int, Any]) -> Table:
    """The table itself, where moto would put a copy aside for a transaction; elsewhere a copy."""
    if getattr(_state, "is_undone", False):
        return each
    made = copy.copy(each)
    made.__dict__.update({name: copy.deepcopy(value, memo) for name, value in vars(each).items()})
    return made


def _undone_where_it_fails(transact: Callable[..., None]) -> Callable[..., None]:
    """What the partitions of a transaction held is put back where it fails."""

    @wraps(transact)
    def wrapped(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        undo = _undo(backend, transact_items)
        _state.is_undone = True
        try:
            transact(backend, transact_items)
        except BaseException:
            for put_back in undo:
                put_back()
            raise
        finally:
            _state.is_undone = False

    return wrapped


def _undo(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> list[Callable[[], None]]:
    """What puts back what is there now, wherever the transaction may write."""
    found: dict[Any, Callable[[], None]] = {}
    for each in transact_items:
        for kind, operation in each.items():
            written = backend.tables.get(operation.get("TableName"))
            if kind == "ConditionCheck" or written is None:
                continue
            key = operation.get("Item" if kind == "Put" else "Key", {}).get(written.hash_key_attr)
            # A table without range keys has its items side by side; so, to be sure, has a key that moto will refuse.
            if written.has_range_key and key is not None:
                partition = DynamoType(key)
                found.setdefault((written.name, partition), _put_back(written, partition))
            else:
                found.setdefault(written.name, _put_back_all(written))
    return list(found.values())


def _put_back(written: Table, partition: DynamoType) -> Callable[[], None]:
    before = dict(written.items[partition]) if partition in written.items else None

    def put_back() -> None:
        if before is None:
            written.items.pop(partition, None)
        else:
            written.items[partition] = before

    return put_back


def _put_back_all(written: Table) -> Callable[[], None]:
    before = {key: dict(held) if written.has_range_key else held for key, held in written.items.items()}

    def put_back() -> None:
        written.items.clear()
        written.items.update(before)

    return put_back


def _on_a_copy(update_item: Callable[..., Any]) -> Callable[..., Any]:
    """Put a copy of an item in its place before it is changed: somebody may hold the item itself."""

    @wraps(update_item)
    def wrapped(backend: DynamoDBBackend, table_name: str, key: dict[str, Any], *rest: Any, **more: Any) -> Any:
        written = backend.tables.get(table_name)
        if written is not None and written.hash_key_attr in key:
            if written.stream_shard is not None:
                raise TypeError(f"{table_name} has a stream, whose old images nobody copies here")
            hash_key = DynamoType(key[written.hash_key_attr])
            items = written.items.get(hash_key) if written.has_range_key else written.items
            own = DynamoType(key[written.range_key_attr]) if written.range_key_attr in key else hash_key
            if items is not None and own in items:
                items[own] = copy.deepcopy(items[own])
        return update_item(backend, table_name, key, *rest, **more)

    return wrapped
