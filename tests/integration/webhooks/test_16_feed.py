"""Issue 16, item 1: who follows the feed sees every event once, whatever the stream and its consumers do."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from billing.domain.kernel.errors import LostRace, Unavailable
from billing.storage.database import Database
from billing.storage.webhooks.feed import DynamoFeed
from tests.integration.webhooks import flow
from tests.integration.webhooks.feeding import consume, feed, followed, records
from tests.integration.world import Tenant, World, http_event, request


def ids(rows: list[Any]) -> list[str]:
    return [row["id"]["S"] if isinstance(row["id"], dict) else row["id"] for row in rows]


def test_16_an_event_has_its_place_after_its_commit_and_not_by_its_id(world: World, tenant: Tenant) -> None:
    """The second was begun before the first and committed after it: who has read the first reads on to the second.

    By ids, a poller with the first one's as its last would never be told of the second.
    """
    for name in ("Ada", "Grace", "Joan"):
        tenant.customer(name=name)
    early, *late = world.rows_of("events", tenant.id)[-3:]
    assert consume(records(late)) == []
    first, cursor = followed(tenant)
    assert ids(first) == ids(late)
    assert consume(records([early])) == []
    assert ids(followed(tenant, cursor)[0]) == [early["id"]["S"]]
    assert ids(followed(tenant)[0]) == [*ids(late), early["id"]["S"]]
    assert [each["sequence"] for each in followed(tenant)[0]] == [1, 2, 3]


def test_16_records_that_come_twice_and_in_any_order_get_one_place_each(world: World, tenant: Tenant) -> None:
    for n in range(5):
        tenant.customer(name=f"Ada {n}")
    made = records(world.rows_of("events", tenant.id))
    assert consume([*made[2:4], made[2]]) == []
    assert consume(made[::-1]) == []
    assert consume(made) == []
    seen, _ = followed(tenant, limit=2)
    assert sorted(ids(seen)) == sorted(each["dynamodb"]["Keys"]["id"]["S"] for each in made)
    assert [each["sequence"] for each in seen] == list(range(1, len(made) + 1))
    assert ids(seen)[:2] == ids([each["dynamodb"]["Keys"] for each in made[2:4]])


def test_16_more_events_than_one_transaction_takes_keep_their_order(world: World, tenant: Tenant) -> None:
    """A transaction has 100 items: 95 events are three of them."""
    tenant.customer()
    (sample,) = world.rows_of("events", tenant.id)[-1:]
    many = [{**sample, "id": {"S": f"evt_{n:026d}"}} for n in range(95)]
    assert consume(records(many)) == []
    rows = [row for row in world.rows_of("event_feed", tenant.id) if row["id"]["S"].startswith("place#")]
    assert [row["event_id"]["S"] for row in rows] == ids(many)
    assert [int(row["place"]["N"]) for row in rows] == list(range(1, 96))


def test_16_an_unreadable_record_and_another_tenants_failure_take_no_neighbor_with_them(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = world.tenant()
    tenant.customer()
    other.customer()
    mine, theirs = (world.rows_of("events", each.id) for each in (tenant, other))
    made = records([*theirs, *mine])
    broken = records([{"tenant_id": {"S": tenant.id}, "id": {"S": "evt_x"}}])[0]
    broken["dynamodb"]["SequenceNumber"] = "broken"
    real = Database.call

    def busy(self: Database, operation: Any) -> Any:
        if other.id in str(operation.__closure__ and [cell.cell_contents for cell in operation.__closure__]):
            raise Unavailable("The database is busy")
        return real(self, operation)

    monkeypatch.setattr(Database, "call", busy)
    failed = consume([made[0], broken, *made[1:]])
    monkeypatch.undo()
    assert set(failed) == {each["dynamodb"]["SequenceNumber"] for each in made[: len(theirs)]}
    (told,) = flow.received(world, "STREAM_FAILURES_URL")
    assert json.loads(told["Body"]) == {"consumer": "event_feed", "sequenceNumber": "broken"}
    assert ids(followed(tenant)[0]) == ids(mine)
    assert world.rows_of("event_feed", other.id) == []
    assert '"name"' not in world.logs.text  # an image is never logged
    feed(world, other)
    assert ids(followed(other)[0]) == ids(theirs)


def test_16_what_is_no_fault_of_a_record_sets_none_aside(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing right, or somebody who is always faster: all of it comes again by itself, and nobody has to redrive."""
    tenant.customer()
    made = records(world.rows_of("events", tenant.id))
    missing = ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "TransactWriteItems")
    for error in (missing, LostRace("Others were faster"), Unavailable("The database is busy")):

        def fails(*_: Any, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(DynamoFeed, "state", fails)
        assert consume(made) == [each["dynamodb"]["SequenceNumber"] for each in made]
    monkeypatch.undo()
    assert flow.received(world, "STREAM_FAILURES_URL") == []
    assert consume(made) == []
    assert ids(followed(tenant)[0]) == ids([each["dynamodb"]["Keys"] for each in made])


def test_16_what_is_no_new_event_is_passed_over(world: World, tenant: Tenant) -> None:
    """A filter of the mapping's keeps them away; where it does not, a removal is not read as an event."""
    tenant.customer()
    made = records(world.rows_of("events", tenant.id))
    for each in made:
        each["eventName"] = "REMOVE"
        del each["dynamodb"]["NewImage"]
    assert consume(made) == []
    assert world.rows_of("event_feed", tenant.id) == []


def test_16_an_event_whose_time_is_over_gets_no_place(world: World, tenant: Tenant) -> None:
    """TTL deletes late: its mark may be gone before it is, and then a redrive would tell it again."""
    tenant.customer()
    made = records(world.rows_of("events", tenant.id))
    world.clock.advance(days=31)
    assert consume(made) == []
    assert world.rows_of("event_feed", tenant.id) == []


def test_16_marks_outlive_their_events(world: World, tenant: Tenant) -> None:
    tenant.customer()
    feed(world, tenant)
    rows = world.rows_of("event_feed", tenant.id)
    ends = {kind: {int(row["expires_at"]["N"]) for row in rows if row["id"]["S"].startswith(kind)} for kind in
            ("event#", "place#")}  # fmt: skip
    assert min(ends["event#"]) >= max(ends["place#"]) + 7 * 86_400
    assert {int(row["expires_at"]["N"]) for row in world.rows_of("events", tenant.id)} == ends["place#"]
    (count,) = (row for row in rows if row["id"]["S"] == "count")
    assert "expires_at" not in count


def test_16_the_feed_has_nothing_personal(world: World, tenant: Tenant) -> None:
    tenant.customer(name="Zoë Ölmez", email="zoe@example.com")
    feed(world, tenant)
    text = json.dumps(world.rows_of("event_feed", tenant.id), ensure_ascii=False)
    assert "customer.created" in text
    assert "Zoë" not in text
    assert "zoe@" not in text


def test_16_a_place_that_is_not_visible_yet_is_waited_for_and_one_that_was_forgotten_is_not(
    world: World, tenant: Tenant
) -> None:
    """DynamoDB shows a transaction's items one after the other: 3 may be there before 2. A minute later it is there.

    In between nothing is missing but what TTL deleted, which it does in no order.
    """
    world.clock.freeze(world.clock())  # that minute is not the machine's
    for n in range(4):
        tenant.customer(name=f"Ada {n}")
    feed(world, tenant)
    rows = [row for row in world.rows_of("event_feed", tenant.id) if row["id"]["S"].startswith("place#")]
    hidden = rows[1]
    key = {name: hidden[name] for name in ("tenant_id", "id")}
    world.aws("dynamodb").delete_item(TableName=world.tables["event_feed"], Key=key)
    answer = tenant.get("/v1/events")
    assert [each["sequence"] for each in answer.data] == [1]
    assert answer.json["meta"]["pagination"]["has_more"] is False
    cursor = answer.json["meta"]["pagination"]["next_cursor"]
    assert followed(tenant, cursor)[0] == []
    world.aws("dynamodb").put_item(TableName=world.tables["event_feed"], Item=hidden)
    assert [each["sequence"] for each in followed(tenant, cursor)[0]] == list(range(2, len(rows) + 1))
    world.aws("dynamodb").delete_item(TableName=world.tables["event_feed"], Key=key)
    world.clock.advance(seconds=61)
    assert [each["sequence"] for each in followed(tenant)[0]] == [1, *range(3, len(rows) + 1)]


def test_16_the_feed_is_the_tenants_own(world: World, tenant: Tenant) -> None:
    other = world.tenant()
    tenant.customer()
    feed(world, tenant)
    mine, cursor = followed(tenant)
    assert followed(other)[0] == []
    refused = other.get("/v1/events", cursor=cursor)
    assert (refused.status, refused.bad_fields) == (400, {"cursor": "invalid_cursor"})
    assert other.get(f"/v1/events/{mine[0]['id']}").status == 404
    assert tenant.get(f"/api/v1/events/{mine[0]['id']}").data == mine[0]
    assert request(http_event("GET", "/v1/events")).status == 401
