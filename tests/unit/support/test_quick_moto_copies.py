"""What a quicker moto shares instead of copying is nobody's to change: not a caller's, not a later update's."""

import copy
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.parsing.ast_nodes import Node
from moto.dynamodb.parsing.expressions import UpdateExpressionParser

from tests.support.quick_moto import expressions, quicken

Json = dict[str, Any]
A: Json = {"owner_id": {"S": "a"}}


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    """DynamoDB in memory."""
    quicken()
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    with mock_aws():
        yield boto3.client("dynamodb", region_name="us-east-1", **keys)


@pytest.fixture
def client(dynamodb: Any) -> Iterator[Any]:
    """A table of items with range keys and an index that holds some of their attributes; a/1 and a/2 are in it."""
    dynamodb.create_table(
        TableName="items",
        KeySchema=_schema("owner_id", "own_id"),
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in (("owner_id", "S"), ("own_id", "S"), ("shard", "S"), ("due", "N"))
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due",
                "KeySchema": _schema("shard", "due"),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["note"]},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    for own, due in (("1", "10"), ("2", "9")):
        put(dynamodb, own, shard={"S": "s"}, due={"N": due}, note={"M": {"n": {"N": "1"}}}, label={"S": "x"})
    yield dynamodb
    dynamodb.delete_table(TableName="items")


def _schema(hash_key: str, range_key: str) -> list[Json]:
    return [{"AttributeName": hash_key, "KeyType": "HASH"}, {"AttributeName": range_key, "KeyType": "RANGE"}]


def key(own: str) -> Json:
    return A | {"own_id": {"S": own}}


def put(client: Any, own: str, **attributes: Any) -> None:
    client.put_item(TableName="items", Item=key(own) | attributes)


def got(client: Any, own: str) -> Json:
    item: Json = client.get_item(TableName="items", Key=key(own))["Item"]
    return item


def in_index(client: Any, **more: Any) -> list[Json]:
    found: list[Json] = client.query(
        TableName="items",
        IndexName="due",
        KeyConditionExpression="shard = :s AND due > :n",
        ExpressionAttributeValues={":s": {"S": "s"}, ":n": {"N": "0"}},
        **more,
    )["Items"]
    return found


def update(own: str, expression: str, **more: Any) -> Json:
    return {"TableName": "items", "Key": key(own), "UpdateExpression": expression, **more}


def test_what_was_put_is_a_copy_of_what_the_caller_has(client: Any) -> None:
    names = ["x"]
    note = {"M": {"names": {"SS": names}}}
    put(client, "3", note=note)
    names.append("y")
    note["M"]["more"] = {"SS": ["z"]}
    assert got(client, "3")["note"] == {"M": {"names": {"SS": ["x"]}}}


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda client: [got(client, "1")], id="get"),
        pytest.param(lambda client: client.scan(TableName="items")["Items"], id="scan"),
        pytest.param(in_index, id="query"),
        pytest.param(
            lambda client: client.batch_get_item(RequestItems={"items": {"Keys": [key("1")]}})["Responses"]["items"],
            id="batch",
        ),
    ],
)
def test_what_was_read_stays_as_it_was_and_is_the_callers(client: Any, read: Any) -> None:
    found = read(client)
    before = copy.deepcopy(found)
    one = {":one": {"N": "1"}}
    client.update_item(**update("1", "SET note.n = note.n + :one", ExpressionAttributeValues=one))
    assert found == before
    for item in found:
        item["note"]["M"].clear()
    assert got(client, "1")["note"] == {"M": {"n": {"N": "2"}}}


@pytest.mark.parametrize("wanted", ["ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW", "NONE"])
def test_an_update_tells_what_was_there_and_what_is(client: Any, wanted: str) -> None:
    answer = client.update_item(
        **update("1", "SET note.n = :five REMOVE label", ExpressionAttributeValues={":five": {"N": "5"}}),
        ReturnValues=wanted,
    )
    old = key("1") | {"shard": {"S": "s"}, "due": {"N": "10"}, "note": {"M": {"n": {"N": "1"}}}, "label": {"S": "x"}}
    new = {name: value for name, value in old.items() if name != "label"} | {"note": {"M": {"n": {"N": "5"}}}}
    expected = {
        "ALL_OLD": old,
        "ALL_NEW": new,
        "UPDATED_OLD": {"note": old["note"], "label": old["label"]},
        "UPDATED_NEW": {"note": new["note"]},
        "NONE": None,
    }
    assert answer.get("Attributes") == expected[wanted]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_an_index_holds_what_it_is_to_hold_in_the_order_of_its_numbers(client: Any) -> None:
    """9 before 10, which as texts would be the other way round."""
    nine, ten = in_index(client)
    assert (nine["due"], ten["due"]) == ({"N": "9"}, {"N": "10"})
    assert nine == key("2") | {"shard": {"S": "s"}, "due": {"N": "9"}, "note": {"M": {"n": {"N": "1"}}}}
    assert [each["own_id"]["S"] for each in in_index(client, ScanIndexForward=False)] == ["1", "2"]
    assert in_index(client, Limit=1) == [nine]


def test_an_item_that_is_too_large_is_refused_and_one_that_just_fits_is_not(client: Any) -> None:
    """moto's limit is 405,000 bytes: names and texts in UTF-8 together, an ``ü`` twice."""
    named = sum(len(name) for name in ("owner_id", "own_id", "text")) + len("a3")
    put(client, "3", text={"S": "ü" + "x" * (405_000 - named - 2)})
    with pytest.raises(ClientError, match="Item size has exceeded the maximum allowed size"):
        put(client, "3", text={"S": "ü" + "x" * (405_000 - named - 1)})


def test_a_failed_transaction_leaves_partitions_in_their_order(client: Any) -> None:
    """What it deleted stands where it stood; what it made, in a partition of its own or not, is gone."""
    backend = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID]["us-east-1"]

    def partitions() -> Json:
        return {each: list(held) for each, held in backend.tables["items"].items.items()}

    before = partitions()
    stranger = {"owner_id": {"S": "b"}, "own_id": {"S": "1"}}
    writes = [
        {"Delete": {"TableName": "items", "Key": key("1")}},
        {"Put": {"TableName": "items", "Item": key("3")}},
        {"Put": {"TableName": "items", "Item": stranger}},
        {
            "ConditionCheck": {
                "TableName": "items", "Key": key("2"), "ConditionExpression": "attribute_not_exists(own_id)"
            }
        },
    ]  # fmt: skip
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        client.transact_write_items(TransactItems=writes)
    assert partitions() == before
    client.transact_write_items(TransactItems=writes[:3])
    assert [each["own_id"]["S"] for each in client.scan(TableName="items")["Items"]] == ["2", "3", "1"]


def test_one_text_may_speak_of_other_names_and_values(client: Any) -> None:
    """And of none: what it names has to be there each time."""

    def count(name: str, limit: str, **more: Any) -> Json:
        said: Json = {
            "ExpressionAttributeNames": {"#n": name},
            "ExpressionAttributeValues": {":one": {"N": "1"}, ":limit": {"N": limit}},
        }
        answer: Json = client.update_item(
            **update("1", "ADD #n :one", ConditionExpression="attribute_not_exists(#n) OR #n < :limit", **said | more),
            ReturnValues="UPDATED_NEW",
        )
        return answer

    assert count("calls", "2")["Attributes"] == {"calls": {"N": "1"}}
    assert count("reads", "1")["Attributes"] == {"reads": {"N": "1"}}
    assert count("calls", "2")["Attributes"] == {"calls": {"N": "2"}}
    for name, limit in (("calls", "2"), ("reads", "1")):
        with pytest.raises(ClientError, match="conditional request failed"):
            count(name, limit)
    with pytest.raises(Exception, match="limit"):
        count("calls", "2", ExpressionAttributeValues={":one": {"N": "1"}})
    assert count("calls", "3")["Attributes"] == {"calls": {"N": "3"}}


def test_an_unused_name_or_value_is_refused_each_time(client: Any) -> None:
    for _ in range(2):
        with pytest.raises(ClientError, match="unused in expressions"):
            client.update_item(
                **update("1", "SET label = :a", ExpressionAttributeValues={":a": {"S": "a"}, ":b": {"S": "b"}})
            )


def test_who_looks_at_requests_or_answers_sees_them(client: Any) -> None:
    """A hook to what botocore sends or gets has the call go the whole way; without it, it goes the short one."""
    seen: list[str] = []

    def look(**_: Any) -> None:
        seen.append("looked")

    for event in ("before-send.dynamodb.GetItem", "after-call.dynamodb"):
        client.meta.events.register(event, look)
        whole = got(client, "1")
        assert seen == ["looked"]
        client.meta.events.unregister(event, look)
        assert got(client, "1") == whole
        assert seen == ["looked"]
        seen.clear()


def test_a_hook_for_parameters_runs_once_whether_moto_refuses_or_not(client: Any) -> None:
    seen: list[str] = []

    def note(params: Json, model: Any, **_: Any) -> None:
        seen.append(model.name)

    client.meta.events.register("provide-client-params.dynamodb.*", note)
    got(client, "1")
    with pytest.raises(ClientError, match="conditional request failed"):
        client.put_item(TableName="items", Item=key("1"), ConditionExpression="attribute_not_exists(own_id)")
    assert seen == ["GetItem", "PutItem"]


def test_a_copied_tree_is_the_same_tree_and_another() -> None:
    """Each node hangs in the node that holds it, as in the general way of copying."""
    quicken()
    tree = UpdateExpressionParser.make("SET a.#b[1] = if_not_exists(c, :d) + :e ADD f :g REMOVE h, #i DELETE j :k")
    assert UpdateExpressionParser.make("SET a = :b") is UpdateExpressionParser.make("SET a = :b")
    assert _drawn(expressions._copied(tree)) == _drawn(copy.deepcopy(tree)) == _drawn(tree)
    mine = {id(each) for each in _nodes(tree)}
    assert mine.isdisjoint(id(each) for each in _nodes(expressions._copied(tree)))


def _nodes(tree: Node) -> list[Node]:
    return [tree, *(node for child in tree.children or () if isinstance(child, Node) for node in _nodes(child))]


def _drawn(tree: Any) -> Any:
    if not isinstance(tree, Node):
        return tree
    assert all(child.parent is tree for child in tree.children or () if isinstance(child, Node))
    return (type(tree), [_drawn(child) for child in tree.children or ()])


@pytest.mark.parametrize(
    ("value", "held", "weight"),
    [
        ({"S": "ü"}, "ü", 2),
        ({"S": ""}, "", 0),
        ({"N": "1.50"}, 1.5, 4),
        ({"BOOL": True}, True, 1),
        ({"SS": ["a", "b"]}, {"a", "b"}, 2),
        ({"L": [{"S": "a"}, {"N": "10"}]}, ["a", 10], 3),
        ({"M": {"a": {"S": "bc"}}}, {"a": "bc"}, 3),
    ],
)
def test_a_value_is_what_it_holds(value: Json, held: Any, weight: int) -> None:
    quicken()
    one, other = DynamoType(value), DynamoType(value)
    assert one.cast_value == held
    assert one.size() == weight
    assert one == other
    assert not one != other  # noqa: SIM202 - the other operator
    assert one != DynamoType({"B": b"other"})
