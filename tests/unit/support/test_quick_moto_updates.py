"""A quicker moto answers an update as moto does, and leaves the same item; what moto refuses, it refuses."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.responses import DynamoHandler

from tests.support.quick_moto import quicken, requests, updates

Json = dict[str, Any]
ONE = {":one": {"N": "1"}}
COUNT = {"UpdateExpression": "ADD #n :one", "ExpressionAttributeNames": {"#n": "count"}}
COUNT |= {"ExpressionAttributeValues": ONE}
MANY = {
    "UpdateExpression": "ADD #m :one, #s :one SET expires_at = :at, closed = if_not_exists(closed, :yes) REMOVE #x0, b",
    "ConditionExpression": "(attribute_not_exists(#m) OR #m < :most) AND (attribute_not_exists(#st) OR #st = :active)",
    "ExpressionAttributeNames": {"#m": "m12", "#s": "count", "#x0": "gone", "#st": "status"},
    "ExpressionAttributeValues": ONE
    | {":at": {"N": "7"}, ":yes": {"S": "final"}, ":most": {"N": "5"}, ":active": {"S": "active"}},
}
SIMPLE: dict[str, Json] = {
    "count": COUNT,
    "many": MANY,
    "all old": COUNT | {"ReturnValues": "ALL_OLD"},
    "updated": MANY | {"ReturnValues": "UPDATED_NEW"},
    "all new": MANY | {"ReturnValues": "ALL_NEW"},
    "set": {"UpdateExpression": "SET closed=:c", "ExpressionAttributeValues": {":c": {"L": [{"S": "x"}, ONE[":one"]]}}},
    "kept": {"UpdateExpression": "SET a = if_not_exists(b, :c)", "ExpressionAttributeValues": {":c": {"S": "x"}}},
    "removed": {"UpdateExpression": "REMOVE closed, gone", "ReturnValues": "ALL_NEW"},
}
LEFT: dict[str, Json] = {
    "a false condition": COUNT | {"ConditionExpression": "attribute_exists(nothing)"},
    "and what was there": COUNT
    | {"ConditionExpression": "attribute_exists(nothing)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"},
    "a value that is missing": COUNT | {"ExpressionAttributeValues": {":two": {"N": "2"}}},
    "a value that nobody asks for": COUNT | {"ExpressionAttributeValues": ONE | {":two": {"N": "2"}}},
    "a name that nobody asks for": COUNT | {"ExpressionAttributeNames": {"#n": "count", "#o": "other"}},
    "a reserved word": {"UpdateExpression": "ADD count :one", "ExpressionAttributeValues": ONE},
    "a text plus one": COUNT | {"ExpressionAttributeNames": {"#n": "closed"}},
    "the key": COUNT | {"ExpressionAttributeNames": {"#n": "own_id"}},
    "twice the same": COUNT | {"UpdateExpression": "ADD #n :one SET #n = :one"},
    "nonsense": COUNT | {"UpdateExpression": "ADD #n"},
    "an element": {"UpdateExpression": "SET list[0] = :one", "ExpressionAttributeValues": ONE},
    "a sum": COUNT | {"UpdateExpression": "SET #n = #n + :one"},
    "a set": COUNT | {"ExpressionAttributeValues": {":one": {"SS": ["x"]}}},
    "more than an item holds": COUNT
    | {"UpdateExpression": "SET #n = :one", "ExpressionAttributeValues": {":one": {"S": "x" * 406_000}}},
}


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """DynamoDB in memory, with a table ``ranged``."""
    quicken()
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    with mock_aws():
        made = boto3.client("dynamodb", region_name="us-east-1", **keys)
        made.create_table(
            TableName="ranged",
            KeySchema=[
                {"AttributeName": "owner_id", "KeyType": "HASH"},
                {"AttributeName": "own_id", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("owner_id", "own_id")],
            BillingMode="PAY_PER_REQUEST",
        )
        yield made


def outcome(client: Any, request: Json, present: bool) -> Json:
    """What an update of an item is answered with, and the item after it."""
    key = {"owner_id": {"S": "a"}, "own_id": {"S": "1"}}
    client.delete_item(TableName="ranged", Key=key)
    if present:
        more = {"count": {"N": "3"}, "closed": {"S": "no"}, "gone": {"BOOL": True}, "b": {"S": "b"}}
        client.put_item(TableName="ranged", Item=key | more | {"list": {"L": [{"S": "x"}]}})
    try:
        answer: Any = client.update_item(TableName="ranged", Key=key, **request).get("Attributes")
    except ClientError as error:
        answer = (error.response["Error"], error.response.get("Item"))
    return {"answer": answer, "item": client.get_item(TableName="ranged", Key=key).get("Item")}


@pytest.mark.parametrize("present", [True, False])
@pytest.mark.parametrize("name", [*SIMPLE, *LEFT])
def test_an_update_ends_as_at_moto(client: Any, monkeypatch: pytest.MonkeyPatch, name: str, present: bool) -> None:
    done: list[bool] = []

    def noted(handler: DynamoHandler) -> Any:
        answer = updates.update_item(handler)
        done.append(True)
        return answer

    monkeypatch.setitem(requests._QUICK, "UpdateItem", noted)
    quick = outcome(client, {**SIMPLE, **LEFT}[name], present)
    monkeypatch.setitem(requests._QUICK, "UpdateItem", DynamoHandler.update_item)
    assert quick == outcome(client, {**SIMPLE, **LEFT}[name], present)
    assert done or name in LEFT
