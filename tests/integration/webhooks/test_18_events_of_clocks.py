"""Issue 18: events of a customer and of a test clock, with what that clock showed; and newest first."""

import json
from typing import Any

import pytest

from tests.integration.steps import START, advance
from tests.integration.webhooks.feeding import consume, feed, followed, records
from tests.integration.world import Json, Tenant, World

_WRITE_UNIT_BYTES = 1024


def backwards(tenant: Tenant, limit: int = 3, **query: object) -> list[Json]:
    """What comes to whoever goes on, newest first, while there is more."""
    found: list[Json] = []
    cursor: str | None = None
    for _ in range(200):
        answer = tenant.get(
            "/v1/events", order="newest", limit=limit, **query, **({"cursor": cursor} if cursor else {})
        )
        found += answer.data
        pagination = answer.json["meta"]["pagination"]
        cursor = pagination["next_cursor"]
        assert (cursor is not None) == pagination["has_more"]
        if cursor is None:
            return found
    raise AssertionError("it never ends")


def size(item: Json) -> int:
    """A DynamoDB item's: its names and values, in bytes of UTF-8."""
    return sum(len(name.encode()) + len(next(iter(value.values())).encode()) for name, value in item.items())


def told(found: list[Json]) -> list[tuple[str, str]]:
    return [(each["type"], each["occurredAt"]) for each in found]


@pytest.fixture
def year(world: World, tenant: Tenant, clock: str, customer: str) -> str:
    """A subscription on a clock: it is renewed, then a charge fails, then it is canceled; and a customer elsewhere."""
    world.clock.reset()
    made = tenant.subscribe(customerId=customer)
    (method,) = tenant.get("/v1/payment-methods", customer=customer).data
    tenant.customer(name="On the wall clock")
    advance(world, tenant, clock, "2027-03-01T00:00:00Z")
    world.sandbox.post(f"payment_methods/{method['id']}/behaviour", decline="insufficient_funds")
    advance(world, tenant, clock, "2027-04-01T00:00:00Z")
    tenant.post(f"/v1/subscriptions/{made['id']}/cancel")
    feed(world, tenant)
    return clock


def test_18_a_clocks_events_say_what_it_showed(world: World, tenant: Tenant, customer: str, year: str) -> None:
    """A renewal, a charge that failed and a cancellation, each at the clock's time and not at the wall clock's."""
    story = followed(tenant, testClock=year, limit=100)[0]
    assert {each["testClockId"] for each in story} == {year}
    assert {each["created"][:10] for each in story} != {each["occurredAt"][:10] for each in story}
    happened = told(story)
    assert happened[0] == ("customer.created", START)
    for expected in (
        ("subscription.created", START),
        ("invoice.finalized", "2027-02-28T09:00:00Z"),
        ("payment.succeeded", "2027-02-28T09:00:00Z"),
        ("invoice.payment_failed", "2027-03-31T09:00:00Z"),
        ("subscription.past_due", "2027-03-31T09:00:00Z"),
        ("subscription.canceled", "2027-04-01T00:00:00Z"),
    ):
        assert expected in happened
    times = [each["occurredAt"] for each in story]
    assert times == sorted(times)
    everything = followed(tenant, limit=100)[0]
    elsewhere = [each for each in everything if each not in story]
    assert {(each["occurredAt"], each["testClockId"]) for each in elsewhere} == {(None, None)}
    assert len(elsewhere) > 0
    assert backwards(tenant, testClock=year) == story[::-1]
    assert backwards(tenant, testClock=year, customer=customer) == story[::-1]
    assert followed(tenant, testClock="clk_nobody")[0] == []


def test_18_each_dunning_step_has_its_own_day(world: World, tenant: Tenant, clock: str, customer: str) -> None:
    tenant.subscribe(customerId=customer)
    (method,) = tenant.get("/v1/payment-methods", customer=customer).data
    world.sandbox.post(f"payment_methods/{method['id']}/behaviour", decline="insufficient_funds")
    advance(world, tenant, clock, "2027-06-01T00:00:00Z")
    feed(world, tenant)
    failed = followed(tenant, testClock=clock, type="invoice.payment_failed", limit=100)[0]
    invoice = failed[0]["data"]["object"]
    of_one = [each for each in failed if each["data"]["object"]["id"] == invoice["id"]]
    times = [each["occurredAt"] for each in of_one]
    assert len(set(times)) == len(times) > 1
    # each step happened when the one before said that it would
    said = [each["data"]["object"]["nextAttemptAt"] for each in of_one]
    assert times[1:] == said[: len(times) - 1]


def test_18_what_a_request_changes_is_told_at_the_time_that_the_clock_shows(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    """A change of a customer reads no clock, and its event has its time all the same."""
    advance(world, tenant, clock, "2027-03-05T00:00:00Z")
    tenant.patch(f"/v1/customers/{customer}", {"name": "Grace"})
    feed(world, tenant)
    assert told(followed(tenant, testClock=clock)[0]) == [
        ("customer.created", START),
        ("customer.updated", "2027-03-05T00:00:00Z"),
    ]


def test_18_a_webhooks_body_and_one_event_by_its_id(world: World, tenant: Tenant, year: str) -> None:
    """The API tells clock and time; what webhooks carry is as it was."""
    from billing.bootstrap import storage
    from billing.schemas.webhooks.event import told as carried
    from billing.storage.webhooks.events import opened

    row = world.rows_of("events", tenant.id)[-1]
    shown = tenant.get(f"/v1/events/{row['id']['S']}").data
    assert (shown["testClockId"], shown["occurredAt"]) == (year, row["occurred_at"]["S"])
    body = carried(opened(row, storage.vault()))
    assert {**body, "sequence": shown["sequence"]} == {
        name: value for name, value in shown.items() if name not in ("testClockId", "occurredAt")
    }


def test_18_customers_events_in_both_orders(world: World, tenant: Tenant) -> None:
    world.clock.reset()
    ada, grace = tenant.customer(name="Ada"), tenant.customer(name="Grace")
    for customer in (ada, grace, ada):
        tenant.subscribe(customerId=customer)
    feed(world, tenant)
    whole = followed(tenant, limit=100)[0]
    assert backwards(tenant) == backwards(tenant, limit=100) == whole[::-1]
    mine = [each for each in whole if ada in json.dumps(each["data"]["object"])]
    assert followed(tenant, customer=ada)[0] == followed(tenant, customer=ada, limit=1)[0] == mine
    assert backwards(tenant, customer=ada) == mine[::-1]
    assert {each["type"].partition(".")[0] for each in mine} >= {"customer", "subscription", "invoice", "payment"}
    paid = [each for each in mine if each["type"] == "invoice.paid"]
    assert backwards(tenant, customer=ada, type="invoice.paid") == paid[::-1]
    assert len(paid) == 2
    assert followed(tenant, customer="cus_nobody")[0] == backwards(tenant, customer="cus_nobody") == []


def test_18_rows_of_before_are_found_by_their_events(world: World, tenant: Tenant) -> None:
    """Rows that were written before they had a customer: the event's own item has had one for longer."""
    ada, _ = tenant.customer(name="Ada"), tenant.customer(name="Grace")
    tenant.subscribe(customerId=ada)
    feed(world, tenant)
    expected = backwards(tenant, customer=ada)
    assert len(expected) > 3
    _as_before(world, tenant)
    assert backwards(tenant, customer=ada) == expected
    assert followed(tenant, customer=ada)[0] == expected[::-1]


def test_18_pages_go_on_across_what_is_placed_meanwhile(world: World, tenant: Tenant) -> None:
    for n in range(4):
        tenant.customer(name=f"Ada {n}")
    early, late = world.rows_of("events", tenant.id)[:-1], world.rows_of("events", tenant.id)[-1:]
    assert consume(records(early)) == []
    first = tenant.get("/v1/events", order="newest", limit=2)
    cursor = first.json["meta"]["pagination"]["next_cursor"]
    assert consume(records(late)) == []
    rest = tenant.get("/v1/events", order="newest", limit=100, cursor=cursor)
    assert [each["id"] for each in [*first.data, *rest.data]] == [row["id"]["S"] for row in early][::-1]
    assert tenant.get("/v1/events", order="newest", limit=1).data[0]["id"] == late[0]["id"]["S"]


def test_18_a_place_that_is_not_visible_yet_is_waited_for(world: World, tenant: Tenant) -> None:
    for n in range(3):
        tenant.customer(name=f"Ada {n}")
    feed(world, tenant)
    whole = backwards(tenant)
    places = {row["event_id"]["S"]: row for row in world.rows_of("event_feed", tenant.id) if "event_id" in row}
    hidden, table = places[whole[1]["id"]], world.tables["event_feed"]
    key = {name: hidden[name] for name in ("tenant_id", "id")}
    world.aws("dynamodb").delete_item(TableName=table, Key=key)
    first = tenant.get("/v1/events", order="newest")
    pagination = first.json["meta"]["pagination"]
    assert ([each["id"] for each in first.data], pagination["has_more"]) == ([whole[0]["id"]], True)
    world.aws("dynamodb").put_item(TableName=table, Item=hidden)
    rest = tenant.get("/v1/events", order="newest", cursor=pagination["next_cursor"])
    assert [*first.data, *rest.data] == whole


def test_18_cursors_of_one_order_do_not_fit_the_other(world: World, tenant: Tenant) -> None:
    tenant.customer()
    tenant.customer()
    feed(world, tenant)
    cursors: dict[str, Any] = {
        order: tenant.get("/v1/events", order=order, limit=1).json["meta"]["pagination"]["next_cursor"]
        for order in ("feed", "newest")
    }
    for order, other in (("feed", "newest"), ("newest", "feed")):
        assert tenant.get("/v1/events", order=order, cursor=cursors[order]).status == 200
        answer = tenant.get("/v1/events", order=order, cursor=cursors[other])
        assert (answer.status, answer.bad_fields) == (400, {"cursor": "invalid_cursor"})


def test_18_bad_questions_name_their_fields(tenant: Tenant) -> None:
    assert set(tenant.get("/v1/events", order="oldest").bad_fields) == {"order"}
    assert set(tenant.get("/v1/events", customer="", testClock="").bad_fields) == {"customer", "testClock"}
    answer = tenant.get("/v1/events", order="newest", deliverySuccess="false")
    assert (answer.status, answer.bad_fields) == (400, {"order": "not_with_delivery_success"})
    assert tenant.get("/v1/events", order="feed", deliverySuccess="false").status == 200


def test_18_another_tenants_customer_and_clock_bring_nothing(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    feed(world, tenant)
    other = world.tenant()
    other.customer()
    feed(world, other)
    for query in ({"customer": customer}, {"testClock": clock}):
        assert len(followed(tenant, **query)[0]) > 0
        assert followed(other, **query)[0] == backwards(other, **query) == []


def test_18_a_place_costs_four_write_units_as_before(world: World, tenant: Tenant, year: str) -> None:
    """A row and a mark, each twice in a transaction, as long as each is within one unit."""
    rows = [row for row in world.rows_of("event_feed", tenant.id) if row["id"]["S"] != "count"]
    assert any("test_clock_id" in row for row in rows)
    assert max(size(row) for row in rows) < _WRITE_UNIT_BYTES / 2
    stored = [row for row in world.rows_of("events", tenant.id) if "occurred_at" in row]
    longer = [size({name: row[name] for name in ("test_clock_id", "occurred_at")}) for row in stored]
    assert max(longer) < 100
    elsewhere = [row for row in world.rows_of("events", tenant.id) if row not in stored]
    assert all("test_clock_id" not in row for row in elsewhere)
    assert len(elsewhere) > 0


def _as_before(world: World, tenant: Tenant) -> None:
    for row in world.rows_of("event_feed", tenant.id):
        before = {name: value for name, value in row.items() if name not in ("customer_id", "test_clock_id")}
        world.aws("dynamodb").put_item(TableName=world.tables["event_feed"], Item=before)
