"""The same moto, quicker: more than half of what the integration tests take is moto's own work, much of it done anew.

Nothing here changes an answer (tests/unit/support/test_quick_moto.py); each part is one that moto does from scratch:

- A transaction copies every item of its tables, to put them back where it fails. Here it copies what finds the items,
  and an update changes a copy of its item, so that what is put back is as it was.
- A condition is cut into words by regular expressions that are looked up for every word of it.
- A response is searched for every member of its shape under up to a dozen names, which are worked out each time.
- The methods of a service are listed by reflection at every request.
"""

import copy
from collections import defaultdict, deque
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from moto.core import responses, serialize
from moto.core.serialize import AttributePicker, AttributePickerContext
from moto.core.utils import method_names_from_class
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table


def quicken() -> None:
    """Have moto of this process remember; once is enough, and more often does no harm."""
    if hasattr(Table, "__deepcopy__"):
        return
    Table.__deepcopy__ = _snapshot
    DynamoDBBackend.update_item = _on_a_copy(DynamoDBBackend.update_item)
    ConditionExpressionParser._lex_condition_expression = _words_of(ConditionExpressionParser._lex_condition_expression)
    AttributePicker.__call__ = _by_known_names(AttributePicker.__call__)
    responses.method_names_from_class = cache(method_names_from_class)


def _snapshot(table: Table, memo: dict[int, Any]) -> Table:
    """A table with the same items: what is put or deleted in one of the two is not in the other."""
    made = copy.copy(table)
    made.items = defaultdict(dict)
    for key, items in table.items.items():
        made.items[key] = dict(items) if table.has_range_key else items
    return made


def _on_a_copy(update_item: Callable[..., Any]) -> Callable[..., Any]:
    """Put a copy of an item in its place before it is changed: a snapshot may hold the item itself."""

    @wraps(update_item)
    def wrapped(backend: DynamoDBBackend, table_name: str, key: dict[str, Any], *rest: Any, **more: Any) -> Any:
        table = backend.tables.get(table_name)
        if table is not None and table.hash_key_attr in key:
            hash_key = DynamoType(key[table.hash_key_attr])
            items = table.items.get(hash_key) if table.has_range_key else table.items
            own = DynamoType(key[table.range_key_attr]) if table.range_key_attr in key else hash_key
            if items is not None and own in items:
                items[own] = copy.deepcopy(items[own])
        return update_item(backend, table_name, key, *rest, **more)

    return wrapped


def _words_of(lex: Callable[[Any], deque[Any]]) -> Callable[[Any], deque[Any]]:
    """The words of an expression; nothing of the expression's names and values is in them."""

    @cache
    def words(expression: str) -> tuple[Any, ...]:
        return tuple(lex(ConditionExpressionParser(expression, {}, {})))

    return lambda parser: deque(words(parser.condition_expression) if parser.condition_expression else ())


def _by_known_names(pick: Callable[..., Any]) -> Callable[..., Any]:
    """Remember, with a shape, under which names its members may be in a dictionary."""

    def wrapped(picker: AttributePicker, context: AttributePickerContext) -> Any:
        obj, shape = context.obj, context.shape
        if type(obj) is not dict or shape is None or picker.response_transformers:
            return pick(picker, context)
        known = shape.__dict__.setdefault("_known_names", {})
        names = known.get((type(picker), context.key))
        if names is None:
            names = known[type(picker), context.key] = tuple(picker.get_possible_keys(context))
        for name in names:
            value = obj.get(name, serialize.MISSING) if "." not in name else serialize.get_value(obj, name)
            if value is not serialize.MISSING:
                return value
        return None

    return wrapped
