"""Issue 20: requests and answers of DynamoDB as plain JSON are what botocore would have written and read."""

import io
import json
from collections.abc import Callable
from inspect import getmembers, isclass
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from hypothesis import given
from hypothesis import strategies as st
from pynamodb.attributes import Attribute, BinaryAttribute, BinarySetAttribute
from pynamodb.models import Model

from billing.storage import tables
from billing.storage.database import _is_busy
from billing.storage.wire import write_plainly

KEY = {"tenant_id": {"S": "ten_1"}, "id": {"S": "inv_1"}}
ITEM = KEY | {
    "body": {"S": 'Tromsø "\u2028\U0001f600" \\ \x1f'},
    "version": {"N": "3"},
    "free": {"M": {"a": {"L": [{"NULL": True}, {"BOOL": False}]}}},
    "names": {"SS": ["x", "y"]},
}
CHECKED = {"ConditionExpression": "#v = :v", "ExpressionAttributeNames": {"#v": "version"}} | {
    "ExpressionAttributeValues": {":v": {"N": "2"}}
}
REQUESTS: dict[str, dict[str, Any]] = {
    "get_item": {"TableName": "t", "Key": KEY, "ConsistentRead": True},
    "batch_get_item": {"RequestItems": {"t": {"Keys": [KEY], "ConsistentRead": True}, "u": {"Keys": [KEY]}}},
    "put_item": {"TableName": "t", "Item": ITEM, **CHECKED, "ReturnValues": "ALL_OLD"},
    "update_item": {"TableName": "t", "Key": KEY, "UpdateExpression": "SET #v = :v", **CHECKED},
    "delete_item": {"TableName": "t", "Key": KEY, **CHECKED},
    "query": {"TableName": "t", "IndexName": "by_due", "Limit": 5, "ScanIndexForward": False, "ExclusiveStartKey": KEY},
    "scan": {"TableName": "t", "TotalSegments": 4, "Segment": 0},
    "transact_write_items": {
        "TransactItems": [
            {"Put": {"TableName": "t", "Item": ITEM, **CHECKED}},
            {"Delete": {"TableName": "t", "Key": KEY}},
        ],
        "ClientRequestToken": "token",
    },
}
ANSWERS: dict[str, dict[str, Any]] = {
    "get_item": {"Item": ITEM},
    "batch_get_item": {"Responses": {"t": [ITEM, ITEM], "u": []}, "UnprocessedKeys": {}},
    "put_item": {},
    "update_item": {"Attributes": ITEM},
    "delete_item": {"ConsumedCapacity": {"TableName": "t", "CapacityUnits": 1.5}},
    "query": {"Items": [ITEM], "Count": 1, "ScannedCount": 8, "LastEvaluatedKey": KEY},
    "scan": {"Items": [], "Count": 0, "ScannedCount": 0},
    "transact_write_items": {"ConsumedCapacity": [{"TableName": "t", "CapacityUnits": 4.0}]},
}
REASONS = [{"Code": "ConditionalCheckFailed", "Item": ITEM, "Message": "failed"}, {"Code": "None"}]
CANCELED = {
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "Message": "canceled",
    "CancellationReasons": REASONS,
}


class Body(io.BytesIO):
    def stream(self, **_: Any) -> Any:
        yield self.read()


class Wire:
    """What stands for the network: keeps the requests, and gives one answer."""

    def __init__(self, status: int = 200, answer: Any = None) -> None:
        self.sent: list[AWSPreparedRequest] = []
        self.bodies: list[Any] = []
        self._status = status
        self._answer = answer if isinstance(answer, bytes) else json.dumps(answer or {}).encode()

    def __call__(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        self.sent.append(request)
        self.bodies.append(request.body)
        raw: Any = Body(self._answer)
        return AWSResponse(request.url, self._status, {}, raw)


def both(wire: Wire) -> tuple[Any, Any]:
    """botocore's own client, and one that writes plainly."""
    config = Config(parameter_validation=False, retries={"max_attempts": 0})
    clients = [
        boto3.client(
            "dynamodb", region_name="us-east-1", aws_access_key_id="1", aws_secret_access_key="2", config=config
        )
        for _ in range(2)
    ]
    write_plainly(clients[1])
    for each in clients:
        each.meta.events.register("before-send.dynamodb", wire)
    return clients[0], clients[1]


@pytest.mark.parametrize("operation", REQUESTS)
def test_what_is_sent_is_what_botocore_would_send(operation: str) -> None:
    wire = Wire()
    for client in both(wire):
        getattr(client, operation)(**REQUESTS[operation])
    first, second = wire.sent
    assert json.loads(wire.bodies[1]) == REQUESTS[operation]
    assert wire.bodies[0] == wire.bodies[1]
    assert first.url == second.url
    for header in ("X-Amz-Target", "Content-Type", "Content-Length"):
        assert first.headers[header] == second.headers[header]


@pytest.mark.parametrize("operation", REQUESTS)
def test_what_is_read_is_what_botocore_would_read(operation: str) -> None:
    plain, ours = [getattr(each, operation)(**REQUESTS[operation]) for each in both(Wire(answer=ANSWERS[operation]))]
    assert ours == plain
    assert ours["ResponseMetadata"]["HTTPStatusCode"] == 200


values = st.recursive(
    st.builds(lambda text: {"S": text}, st.text(max_size=20))
    | st.builds(lambda number: {"N": str(number)}, st.decimals(allow_nan=False, allow_infinity=False))
    | st.builds(lambda yes: {"BOOL": yes}, st.booleans())
    | st.just({"NULL": True}),
    lambda inner: (
        st.builds(lambda each: {"L": each}, st.lists(inner, max_size=3))
        | st.builds(lambda each: {"M": each}, st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3))
    ),
    max_leaves=8,
)
WIRE = Wire()
CLIENTS = both(WIRE)


@given(st.dictionaries(st.text(min_size=1, max_size=5), values, max_size=5))
def test_any_item_is_written_as_botocore_writes_it(item: dict[str, Any]) -> None:
    WIRE.bodies.clear()
    for client in CLIENTS:
        client.put_item(TableName="t", Item=item)
    assert WIRE.bodies[0] == WIRE.bodies[1]


def test_a_refusal_says_why_as_before() -> None:
    found: list[Any] = []
    for client in both(Wire(400, CANCELED)):
        with pytest.raises(ClientError) as refused:
            client.transact_write_items(**REQUESTS["transact_write_items"])
        assert type(refused.value).__name__ == "TransactionCanceledException"
        found.append(refused.value.response)
    assert found[0] == found[1]
    assert found[1]["CancellationReasons"] == REASONS


@pytest.mark.parametrize("answer", [b"<html>a gateway's</html>", b'{"Items": [', b"\xff", b"[1]", b'"{}"', b""])
def test_what_is_no_answer_is_as_if_none_had_come(answer: bytes) -> None:
    """botocore takes it for an empty one, and a transaction for committed; a repeat under its token finds out."""
    client = both(Wire(answer=answer))[1]
    for operation in ("query", "transact_write_items"):
        with pytest.raises(HTTPClientError) as none:
            getattr(client, operation)(**REQUESTS[operation])
        assert _is_busy(none.value)


def test_a_token_that_botocore_adds_is_sent() -> None:
    wire = Wire()
    _, ours = both(wire)
    ours.transact_write_items(TransactItems=[])
    assert len(json.loads(wire.bodies[0])["ClientRequestToken"]) == 36


def test_who_looks_at_a_call_sees_all_of_it() -> None:
    """Before it is made, as it is sent, and afterwards: PynamoDB names the tables of a call that failed."""
    seen: list[Any] = []

    def note(what: str) -> Callable[..., None]:
        return lambda **said: seen.append(json.loads(json.dumps(said[what], default=lambda body: body.decode())))

    _, ours = both(Wire(answer=ANSWERS["query"]))
    events = ours.meta.events
    events.register("before-parameter-build.dynamodb", note("params"))
    events.register("before-call.dynamodb.Query", lambda params, **_: seen.append(json.loads(params["body"])))
    events.register("after-call.dynamodb", lambda parsed, **_: seen.append(parsed["Items"]))
    given = dict(REQUESTS["query"])
    ours._make_api_call("Query", given)
    assert seen == [REQUESTS["query"], REQUESTS["query"], [ITEM]]
    assert given == REQUESTS["query"]


def test_no_table_has_binary_values() -> None:
    """They alone are written otherwise (base64)."""
    models = [each for _, each in getmembers(tables, isclass) if issubclass(each, Model) and each is not Model]
    attributes: list[Attribute[Any]] = [attribute for model in models for attribute in model.get_attributes().values()]
    assert len(models) > 30
    assert not [each for each in attributes if isinstance(each, BinaryAttribute | BinarySetAttribute)]
