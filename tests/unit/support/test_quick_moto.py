"""A quicker moto answers as moto does: what a failed transaction put, changed or deleted is as it was."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.support.quick_moto import quicken

Json = dict[str, Any]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """DynamoDB in memory."""
    quicken()
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    with mock_aws():
        yield boto3.client("dynamodb", region_name="us-east-1", **keys)


@pytest.fixture
def dynamodb(client: Any) -> Iterator[Any]:
    """Two tables: ``ranged`` with items a/1 and a/2, ``plain`` with item a; each has a number, 1, and a list."""
    for name, keys in (("ranged", {"owner_id": "HASH", "own_id": "RANGE"}), ("plain", {"owner_id": "HASH"})):
        client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": each, "KeyType": kind} for each, kind in keys.items()],
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in keys],
            BillingMode="PAY_PER_REQUEST",
        )
    for table, key in (("ranged", ranged("1")), ("ranged", ranged("2")), ("plain", PLAIN)):
        client.put_item(TableName=table, Item=key | {"number": {"N": "1"}, "list": {"L": [{"S": "x"}]}})
    yield client
    for name in ("ranged", "plain"):
        client.delete_table(TableName=name)


PLAIN: Json = {"owner_id": {"S": "a"}}
NO_SUCH = {
    "ConditionCheck": {"TableName": "plain", "Key": PLAIN, "ConditionExpression": "attribute_not_exists(owner_id)"}
}


def ranged(own: str) -> Json:
    return PLAIN | {"own_id": {"S": own}}


def update(table: str, key: Json) -> Json:
    """A change of an item's number and of what is in its list."""
    return {
        "TableName": table,
        "Key": key,
        "UpdateExpression": "SET #l[0] = :y ADD #n :one",
        "ExpressionAttributeNames": {"#l": "list", "#n": "number"},
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":y": {"S": "y"}},
    }


def creation(table: str, key: Json) -> Json:
    """An update that makes its item."""
    return {
        "TableName": table,
        "Key": key,
        "UpdateExpression": "ADD #n :one",
        "ExpressionAttributeNames": {"#n": "number"},
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }


def stored(client: Any) -> list[Json]:
    """All items of both tables."""
    items = [item for table in ("ranged", "plain") for item in client.scan(TableName=table)["Items"]]
    return sorted(items, key=str)


@pytest.mark.parametrize(
    "write",
    [
        {"Update": update("ranged", ranged("1"))},
        {"Update": creation("plain", {"owner_id": {"S": "b"}})},
        {"Update": creation("ranged", ranged("3"))},
        {"Put": {"TableName": "ranged", "Item": ranged("1")}},
        {"Put": {"TableName": "ranged", "Item": ranged("3")}},
        {"Put": {"TableName": "plain", "Item": {"owner_id": {"S": "b"}}}},
        {"Delete": {"TableName": "ranged", "Key": ranged("2")}},
    ],
)
def test_a_failed_transaction_leaves_nothing(dynamodb: Any, write: Json) -> None:
    before = stored(dynamodb)
    with pytest.raises(ClientError) as failed:
        dynamodb.transact_write_items(TransactItems=[write, NO_SUCH])
    reasons = failed.value.response["CancellationReasons"]
    assert reasons[-1]["Code"] == "ConditionalCheckFailed"
    assert stored(dynamodb) == before


def test_a_failed_transaction_leaves_the_changed_item_of_a_plain_table(dynamodb: Any) -> None:
    before = stored(dynamodb)
    check = NO_SUCH["ConditionCheck"] | {"TableName": "ranged", "Key": ranged("1")}
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        dynamodb.transact_write_items(
            TransactItems=[
                {"Update": update("plain", PLAIN)},
                {"Update": update("ranged", ranged("2"))},
                {"ConditionCheck": check},
            ]
        )
    assert stored(dynamodb) == before
    dynamodb.transact_write_items(TransactItems=[{"Update": update("plain", PLAIN)}])
    (changed,) = dynamodb.scan(TableName="plain")["Items"]
    assert (changed["number"], changed["list"]) == ({"N": "2"}, {"L": [{"S": "y"}]})


def test_a_condition_is_about_its_own_names_and_values_each_time(dynamodb: Any) -> None:
    """The same words, said of other attributes and values."""

    def put(name: str, value: str) -> None:
        dynamodb.put_item(
            TableName="plain",
            Item=PLAIN | {"number": {"N": "1"}, "other": {"N": "7"}},
            ConditionExpression="attribute_exists(#owner) AND (#one = :value OR #one > :value)",
            ExpressionAttributeNames={"#owner": "owner_id", "#one": name},
            ExpressionAttributeValues={":value": {"N": value}},
        )

    put("number", "1")
    put("other", "7")
    for name, value in (("number", "2"), ("other", "8")):
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            put(name, value)
    put("number", "0")


def test_what_is_old_and_new_is_told_apart(dynamodb: Any) -> None:
    answer = dynamodb.update_item(**update("plain", PLAIN), ReturnValues="ALL_OLD")
    assert answer["Attributes"]["number"] == {"N": "1"}
    answer = dynamodb.update_item(**update("plain", PLAIN), ReturnValues="UPDATED_NEW")
    assert answer["Attributes"]["number"] == {"N": "3"}
    assert dynamodb.get_item(TableName="plain", Key=PLAIN)["Item"]["number"] == {"N": "3"}
    assert "Item" not in dynamodb.get_item(TableName="plain", Key={"owner_id": {"S": "none"}})


def test_what_is_read_is_what_was_written_of_every_type(dynamodb: Any) -> None:
    """Bytes, sets, nothing, a map that has a member called B: as they were put."""
    item = ranged("3") | {
        "bytes": {"B": b"\x00\xff"},
        "many": {"BS": [b"\x01", b"\x02"]},
        "null": {"NULL": True},
        "no": {"BOOL": False},
        "numbers": {"NS": ["1", "2.5"]},
        "map": {"M": {"B": {"S": "no bytes"}, "BS": {"L": [{"B": b"x"}]}}},
        "empty": {"L": []},
    }
    dynamodb.put_item(TableName="ranged", Item=item)
    assert dynamodb.get_item(TableName="ranged", Key=ranged("3"))["Item"] == item
    found = dynamodb.query(
        TableName="ranged", KeyConditionExpression="owner_id = :a AND own_id = :b",
        ExpressionAttributeValues={":a": {"S": "a"}, ":b": {"S": "3"}},
    )  # fmt: skip
    assert (found["Items"], found["Count"]) == ([item], 1)


def test_what_is_refused_is_refused_as_moto_does(dynamodb: Any) -> None:
    """With its code, and its message."""
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        dynamodb.get_item(TableName="none", Key=PLAIN)
    with pytest.raises(ClientError, match="conditional request failed") as refused:
        dynamodb.put_item(TableName="plain", Item=PLAIN, ConditionExpression="attribute_not_exists(owner_id)")
    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    with pytest.raises(ClientError, match=r"\[None, ConditionalCheckFailed\]") as canceled:
        dynamodb.transact_write_items(TransactItems=[{"Update": update("ranged", ranged("1"))}, NO_SUCH])
    assert canceled.value.response["Error"]["Code"] == "TransactionCanceledException"
    assert dynamodb.get_item(TableName="ranged", Key=ranged("1"))["Item"]["number"] == {"N": "1"}
