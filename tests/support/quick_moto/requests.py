"""What reads and writes items reaches moto's handlers without HTTP; other requests get there by a shorter way.

- A client's call is answered as soon as its hooks for parameters have run, from a copy of its parameters. What moto
  refuses has changed nothing: it goes botocore's and moto's whole way, on which it is refused again. So does a call of
  a client to which somebody has hooked what looks at requests or answers.
- A response is searched for every member of its shape under up to a dozen names, which are worked out each time.
- The methods of a service are listed by reflection at every request, and a queue's attributes named in Python's way.
- botocore puts the name of the client together anew for every request.
"""

import marshal
from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.client import BaseClient
from botocore.context import get_context
from botocore.useragent import UserAgentString
from moto.core import DEFAULT_ACCOUNT_ID, models, responses, serialize
from moto.core.responses import ActionResult
from moto.core.serialize import AttributePicker, AttributePickerContext
from moto.core.utils import camelcase_to_underscores, method_names_from_class
from moto.dynamodb.responses import DynamoHandler
from moto.sqs import models as sqs

from tests.support.quick_moto import updates

_QUICK = {
    "BatchGetItem": DynamoHandler.batch_get_item,
    "BatchWriteItem": DynamoHandler.batch_write_item,
    "DeleteItem": DynamoHandler.delete_item,
    "GetItem": DynamoHandler.get_item,
    "PutItem": DynamoHandler.put_item,
    "Query": DynamoHandler.query,
    "Scan": DynamoHandler.scan,
    "TransactWriteItems": DynamoHandler.transact_write_items,
    "UpdateItem": updates.update_item,
}
_LOOKS = ("before-call", "request-created", "choose-signer", "before-sign", "before-send", "response-received",
          "needs-retry", "after-call")  # fmt: skip
_THEIRS = ("botocore.", "moto.", "boto3.", "pynamodb.", "aws_lambda_powertools.")
"""Whose hooks say nothing of an answer: they sign, try again, and put the names of clients into headers."""


class _Answered(Exception):
    """moto has answered."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer


def quicken() -> None:
    """Have requests take shorter ways."""
    BaseClient._make_api_call = _by_answer(BaseClient._make_api_call)
    BaseClient._emit_api_params = _at_once(BaseClient._emit_api_params)
    AttributePicker.__call__ = _by_known_names(AttributePicker.__call__)
    responses.method_names_from_class = cache(method_names_from_class)
    sqs.camelcase_to_underscores = cache(camelcase_to_underscores)
    UserAgentString.to_string = _said_once(UserAgentString.to_string)


def _by_answer(call: Callable[..., Any]) -> Callable[..., Any]:
    """A call ends where it is answered."""

    def wrapped(client: BaseClient, operation_name: str, api_params: dict[str, Any]) -> Any:
        try:
            return call(client, operation_name, api_params)
        except _Answered as answered:
            return answered.answer

    return wrapped


def _at_once(emit_params: Callable[..., Any]) -> Callable[..., Any]:
    """Answer when the parameters are known.

    Raises:
        _Answered: it is.
    """

    def wrapped(client: BaseClient, api_params: Any, operation_model: Any, context: Any) -> Any:
        params = emit_params(client, api_params, operation_model, context)
        act = _QUICK.get(operation_model.name)
        if act is not None and _is_only_motos(client, operation_model.name):
            answer = _answer(client, act, params)
            if answer is not None:
                members = operation_model.output_shape.members
                said = {name: value for name, value in answer.items() if name in members and value is not None}
                raise _Answered(said | {"ResponseMetadata": {"HTTPStatusCode": 200, "RetryAttempts": 0}})
        return params

    return wrapped


def _is_only_motos(client: BaseClient, operation: str) -> bool:
    """Whether moto answers DynamoDB's requests, and nobody else looks at them or at what they are answered."""
    if client.meta.service_model.service_name != "dynamodb" or not models.botocore_stubber.enabled:
        return False
    emitter = client.meta.events._emitter
    known = emitter._lookup_cache  # a new one, whenever a hook comes or goes
    if ("quick", operation) not in known:
        hooks = [each for name in _LOOKS for each in emitter._handlers.prefix_search(f"{name}.dynamodb.{operation}")]
        theirs = [getattr(each, "__module__", type(each).__module__).startswith(_THEIRS) for each in hooks]
        known["quick", operation] = models.botocore_stubber in hooks and all(theirs)
    return bool(known["quick", operation])


def _answer(client: BaseClient, act: Callable[[DynamoHandler], Any], params: dict[str, Any]) -> dict[str, Any] | None:
    handler = DynamoHandler()
    handler.current_account = DEFAULT_ACCOUNT_ID
    handler.region = client.meta.region_name
    try:
        # A copy: what the caller does with its parameters later is nothing to the table.
        handler.body = handler.params = marshal.loads(marshal.dumps(params, 2))
        result = act(handler)
    except Exception:  # noqa: BLE001 - whatever it is, moto raises it again
        return None
    if not isinstance(result, ActionResult) or not isinstance(result.result, dict):
        raise TypeError(f"moto answers with {type(result)}")
    return result.result


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
