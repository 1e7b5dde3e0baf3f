"""The same moto, quicker: more than half of what the integration tests take is moto's own work, much of it done anew.

Nothing here changes an answer (tests/unit/support/test_quick_moto.py); each part is one that moto does from scratch:

- A transaction copies every item of its tables, to put them back where it fails. Here it copies what finds the items,
  and an update changes a copy of its item, so that what is put back is as it was.
- A condition is cut into words by regular expressions that are looked up for every word of it.
- A response is searched for every member of its shape under up to a dozen names, which are worked out each time.
- The methods of a service are listed by reflection at every request.
- A request is put into the form of a web server's and taken apart by the service's model, and the answer alike. Here
  what reads and writes items gets its JSON at once; whatever it refuses goes moto's own way, which refuses it again.
- botocore puts the name of the client together anew for every request, and signs what nobody verifies.
"""

import base64
import copy
import json
from collections import defaultdict, deque
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest
from botocore.context import get_context
from botocore.useragent import UserAgentString
from moto.core import DEFAULT_ACCOUNT_ID, responses, serialize
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.responses import ActionResult
from moto.core.serialize import AttributePicker, AttributePickerContext
from moto.core.utils import method_names_from_class
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

_TARGET = "DynamoDB_20120810."
_QUICK = {
    "BatchGetItem": DynamoHandler.batch_get_item,
    "BatchWriteItem": DynamoHandler.batch_write_item,
    "DeleteItem": DynamoHandler.delete_item,
    "GetItem": DynamoHandler.get_item,
    "PutItem": DynamoHandler.put_item,
    "Query": DynamoHandler.query,
    "TransactWriteItems": DynamoHandler.transact_write_items,
    "UpdateItem": DynamoHandler.update_item,
}


def quicken() -> None:
    """Have moto of this process remember; once is enough, and more often does no harm."""
    if hasattr(Table, "__deepcopy__"):
        return
    Table.__deepcopy__ = _snapshot
    DynamoDBBackend.update_item = _on_a_copy(DynamoDBBackend.update_item)
    ConditionExpressionParser._lex_condition_expression = _words_of(ConditionExpressionParser._lex_condition_expression)
    AttributePicker.__call__ = _by_known_names(AttributePicker.__call__)
    responses.method_names_from_class = cache(method_names_from_class)
    BotocoreStubber.process_request = _at_once(BotocoreStubber.process_request)
    SigV4Auth.add_auth = _unless_dynamodb(SigV4Auth.add_auth)
    UserAgentString.to_string = _said_once(UserAgentString.to_string)


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


def _at_once(process: Callable[..., Any]) -> Callable[..., Any]:
    """Answer what reads and writes items out of its JSON; what raises has changed nothing, and goes the long way."""

    def wrapped(stubber: BotocoreStubber, request: AWSPreparedRequest) -> Any:
        target = request.headers.get("X-Amz-Target", "")
        target = target if isinstance(target, str) else target.decode()
        act = _QUICK.get(target.removeprefix(_TARGET)) if target.startswith(_TARGET) else None
        if act is None:
            return process(stubber, request)
        handler = DynamoHandler()
        handler.current_account = DEFAULT_ACCOUNT_ID
        handler.region = request.url.split(".", 2)[1]
        handler.body = handler.params = json.loads(request.body, object_hook=_binary)
        try:
            result = act(handler)
        except Exception:  # noqa: BLE001 - whatever it is, moto raises it again
            return process(stubber, request)
        said = result.result if isinstance(result, ActionResult) else None
        if not isinstance(said, dict):
            raise TypeError(f"moto answers {target} with {type(result)}")
        body = json.dumps({name: value for name, value in said.items() if value is not None}, default=_base64)
        return 200, {"content-type": "application/x-amz-json-1.0"}, body

    return wrapped


def _unless_dynamodb(sign: Callable[..., Any]) -> Callable[..., Any]:
    """Sign what is for other services; KMS's and others' calls are few."""
    return lambda auth, request: None if auth._service_name == "dynamodb" else sign(auth, request)


def _binary(value: dict[str, Any]) -> dict[str, Any]:
    """A binary attribute as bytes, as moto keeps it; a map may have a member of that name, which is no text."""
    if len(value) == 1:
        if isinstance(value.get("B"), str):
            return {"B": base64.b64decode(value["B"])}
        if isinstance(value.get("BS"), list):
            return {"BS": [base64.b64decode(each) for each in value["BS"]]}
    return value


def _base64(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"no JSON: {type(value)}")


def _said_once(to_string: Callable[[UserAgentString], str]) -> Callable[[UserAgentString], str]:
    """Remember the name for as long as the features in it are the same."""

    def wrapped(agent: UserAgentString) -> str:
        whose, said = agent.__dict__.get("_said", (None, {}))
        if whose is not agent:  # a copy, for another client
            said = {}
            agent.__dict__["_said"] = (agent, said)
        features = tuple(sorted(get_context().features)) if get_context() else ()
        if features not in said:
            said[features] = to_string(agent)
        return said[features]

    return wrapped
