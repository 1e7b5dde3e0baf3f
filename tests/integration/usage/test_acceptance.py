"""POST /usage/events: all of a request or nothing, onto the queue before the response is stored, and once."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from billing.bootstrap import storage
from billing.bootstrap import usage as usage_bootstrap
from billing.domain.kernel.times import format_time
from billing.integrations.aws.usage_queue import parse_chunk
from billing.services.usage.ports import Chunk
from tests.integration.world import Answer, Json, Tenant, World

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
PATH = "/v1/usage/events"


@pytest.fixture(autouse=True)
def _noon(world: World) -> None:
    world.clock.freeze(NOW)


def usage(n: int = 1, **fields: Any) -> Json:
    """An event that is fine."""
    return {
        "eventId": f"e-{n}",
        "subscriptionId": "sub_1",
        "meter": "api_calls",
        "quantity": n,
        "timestamp": format_time(NOW),
        **fields,
    }


def sent(world: World) -> list[Chunk]:
    """What is on the queue, taken off it."""
    return [parse_chunk(message["body"]) for message in world.usage_messages()]


def sent_ids(world: World) -> list[str]:
    return sorted(event.event_id for chunk in sent(world) for event in chunk.events)


class Sqs:
    """The SQS client of the product, with answers of our own in front of it."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.script: list[Any] = []
        self.batches: list[list[str]] = []

    def send_message_batch(self, **request: Any) -> Any:
        """What the script says, then what SQS does."""
        self.batches.append([entry["Id"] for entry in request["Entries"]])
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        if step is None:
            return self._client.send_message_batch(**request)
        refused = {entry["Id"] for entry in request["Entries"][: step["refuse"]]}
        taken = [entry for entry in request["Entries"] if entry["Id"] not in refused]
        answer = self._client.send_message_batch(QueueUrl=request["QueueUrl"], Entries=taken) if taken else {}
        code = step.get("code", "InternalError")
        failed = [{"Id": each, "Code": code, "SenderFault": step.get("fault", False)} for each in sorted(refused)]
        return {**answer, "Failed": failed}


@pytest.fixture
def sqs(world: World) -> Iterator[Sqs]:
    """Stands before the queue; nobody really waits between its tries."""
    queue: Any = usage_bootstrap.usage_queue()
    client, pause = queue._client, queue._pause
    made = Sqs(client())
    queue._client, queue._pause = (lambda: made), world.clock.sleep
    yield made
    queue._client, queue._pause = client, pause


def test_a_request_is_accepted_and_on_the_queue(world: World, tenant: Tenant) -> None:
    answer = tenant.post(PATH, {"events": [usage(1), usage(2, quantity="2.50", properties={"region": "eu", "n": 1.5})]})
    assert (answer.status, answer.data) == (202, {"accepted": 2, "duplicates": 0})
    (chunk,) = sent(world)
    assert chunk.tenant_id == tenant.id
    first, second = chunk.events
    assert (first.event_id, first.subscription_id, first.meter) == ("e-1", "sub_1", "api_calls")
    assert (str(second.quantity), second.properties, second.timestamp) == ("2.5", {"region": "eu", "n": "1.5"}, NOW)


def test_an_event_without_a_quantity_is_one(world: World, tenant: Tenant) -> None:
    event = usage(1)
    del event["quantity"]
    assert tenant.post(PATH, {"events": [event]}).status == 202
    (chunk,) = sent(world)
    assert chunk.events[0].quantity == 1


def test_names_may_be_in_snake_case(world: World, tenant: Tenant) -> None:
    event = usage(1)
    named = {"event_id": event.pop("eventId"), "subscription_id": event.pop("subscriptionId"), **event}
    assert tenant.post(PATH, {"events": [named]}).status == 202
    assert sent_ids(world) == ["e-1"]


def test_a_thousand_events_are_three_messages(world: World, tenant: Tenant) -> None:
    answer = tenant.post(PATH, {"events": [usage(n) for n in range(1, 1001)]})
    assert answer.data == {"accepted": 1000, "duplicates": 0}
    chunks = sent(world)
    assert sorted(len(chunk.events) for chunk in chunks) == [40, 480, 480]
    assert len({event.event_id for chunk in chunks for event in chunk.events}) == 1000


@pytest.mark.parametrize("count", [0, 1001])
def test_how_many_events_a_request_has(world: World, tenant: Tenant, count: int) -> None:
    answer = tenant.post(PATH, {"events": [usage(n) for n in range(1, count + 1)]})
    assert answer.status == 400
    assert list(answer.bad_fields) == ["events"]
    assert sent(world) == []


def test_every_wrong_event_is_named_and_nothing_is_sent(world: World, tenant: Tenant) -> None:
    events = [
        usage(1),
        usage(2, quantity="many", timestamp="yesterday"),
        {"eventId": "e 3"},
        usage(4, quantity=-1),
        usage(5, corrects="e-1", quantity=0),
        usage(6, corrects="e-6", quantity=-1),
        usage(7, quantity=0.1 + 0.2),
        usage(8, quantity=True, properties={"a": None, "b": [1]}),
        usage(9, colour="red"),
        "event",
    ]
    answer = tenant.post(PATH, {"events": events})
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert answer.bad_fields == {
        "events.1.quantity": "must_be_a_decimal",
        "events.1.timestamp": "must_be_a_time",
        "events.2.eventId": "invalid_format",
        "events.2.subscriptionId": "missing_required_field",
        "events.2.meter": "missing_required_field",
        "events.2.timestamp": "missing_required_field",
        "events.3.quantity": "must_not_be_negative",
        "events.4.quantity": "must_be_negative",
        "events.5.corrects": "must_not_be_its_own_id",
        "events.6.quantity": "too_many_decimals",
        "events.7.quantity": "must_be_a_decimal",
        "events.7.properties.a": "must_be_a_text_number_or_boolean",
        "events.7.properties.b": "must_be_a_text_number_or_boolean",
        "events.8.colour": "unknown_field",
        "events.9": "must_be_an_object",
    }
    assert sent(world) == []


def test_a_thousand_wrong_events_are_all_named(tenant: Tenant) -> None:
    answer = tenant.post(PATH, {"events": [usage(n, quantity="x", meter="X") for n in range(1000)]})
    assert answer.status == 400
    assert len(answer.bad_fields) == 2000


def test_events_outside_the_tenants_window_are_named(world: World, tenant: Tenant) -> None:
    events = [
        usage(n, timestamp=format_time(NOW + shift))
        for n, shift in enumerate(
            (
                timedelta(seconds=300),
                timedelta(seconds=301),
                timedelta(days=-35),
                timedelta(days=-35, seconds=-1),
            )
        )
    ]
    answer = tenant.post(PATH, {"events": events})
    assert answer.bad_fields == {
        "events.1.timestamp": "too_far_in_the_future",
        "events.3.timestamp": "too_far_in_the_past",
    }
    assert sent(world) == []
    assert tenant.post(PATH, {"events": [events[0], events[2]]}).status == 202


def test_one_id_twice_in_a_request(world: World, tenant: Tenant) -> None:
    """The same event is sent once, however its number is written; another one under the id is refused."""
    answer = tenant.post(PATH, {"events": [usage(1), usage(2), usage(1, quantity="1.0"), usage(1)]})
    assert answer.data == {"accepted": 2, "duplicates": 2}
    assert sent_ids(world) == ["e-1", "e-2"]
    answer = tenant.post(PATH, {"events": [usage(1), usage(2), usage(1, quantity=7), usage(2, meter="other")]})
    assert answer.bad_fields == {
        "events.2.eventId": "duplicate_event_id",
        "events.3.eventId": "duplicate_event_id",
    }
    assert sent(world) == []


def test_a_replay_sends_nothing(world: World, tenant: Tenant) -> None:
    body = {"events": [usage(1)]}
    first = tenant.post(PATH, body, idempotency_key="k")
    assert sent_ids(world) == ["e-1"]
    again = tenant.post(PATH, body, idempotency_key="k")
    assert (again.status, again.data, again.headers["Idempotent-Replayed"]) == (202, first.data, "true")
    assert sent(world) == []


def test_a_replay_is_answered_also_when_its_events_are_too_old_by_now(world: World, tenant: Tenant) -> None:
    body = {"events": [usage(1, timestamp=format_time(NOW - timedelta(days=35)))]}
    assert tenant.post(PATH, body, idempotency_key="k").status == 202
    world.clock.advance(hours=1)
    assert tenant.post(PATH, body, idempotency_key="k").status == 202
    assert tenant.post(PATH, body, idempotency_key="k2").status == 400


def test_a_key_that_was_used_for_other_events_sends_nothing(world: World, tenant: Tenant) -> None:
    tenant.post(PATH, {"events": [usage(1)]}, idempotency_key="k")
    sent(world)
    answer = tenant.post(PATH, {"events": [usage(2)]}, idempotency_key="k")
    assert (answer.status, answer.error["code"]) == (422, "idempotency.key_reused")
    assert sent(world) == []


def test_what_the_queue_refuses_for_now_is_sent_again(world: World, tenant: Tenant, sqs: Sqs) -> None:
    sqs.script = [{"refuse": 2}, {"refuse": 1}]
    answer = tenant.post(PATH, {"events": [usage(n) for n in range(1, 1001)]})
    assert answer.data == {"accepted": 1000, "duplicates": 0}
    assert [len(batch) for batch in sqs.batches] == [3, 2, 1]
    assert len(sent_ids(world)) == 1000


def test_a_call_without_an_answer_is_sent_again(world: World, tenant: Tenant, sqs: Sqs) -> None:
    sqs.script = [ReadTimeoutError(endpoint_url="https://sqs")]
    assert tenant.post(PATH, {"events": [usage(1)]}).status == 202
    assert sent_ids(world) == ["e-1"]


def _refused(answer: Answer) -> None:
    assert (answer.status, answer.error["code"]) == (503, "service.unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_what_the_queue_goes_on_refusing_is_a_503_that_a_retry_makes_good(
    world: World, tenant: Tenant, sqs: Sqs
) -> None:
    body = {"events": [usage(n) for n in range(1, 491)]}
    sqs.script = [{"refuse": 1}] * 5
    _refused(tenant.post(PATH, body, idempotency_key="k"))
    assert len(sqs.batches) == 5
    before = sent(world)
    assert len(before) == 1
    answer = tenant.post(PATH, body, idempotency_key="k")
    assert (answer.status, answer.data) == (202, {"accepted": 490, "duplicates": 0})
    after = sent(world)
    assert len(after) == 2
    # What got through before comes again as the very same message.
    assert before[0] in after


def test_what_the_queue_will_never_take_is_not_tried_again(world: World, tenant: Tenant, sqs: Sqs) -> None:
    sqs.script = [{"refuse": 1, "fault": True, "code": "InvalidMessageContents"}]
    _refused(tenant.post(PATH, {"events": [usage(1)]}))
    assert len(sqs.batches) == 1
    assert "InvalidMessageContents" in world.logs.text
    assert "e-1" not in world.logs.text


def test_a_customers_test_clock_decides_what_is_too_early_or_too_late(world: World, tenant: Tenant) -> None:
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-31T00:00:00Z"}).data["id"]
    mine = tenant.subscribe(customerId=tenant.customer(testClockId=clock))["id"]

    def at(time: str, subscription: str = mine) -> Answer:
        events = [usage(1, subscriptionId=subscription, timestamp=time)]
        return tenant.post(PATH, {"events": events})

    assert at("2027-01-31T00:05:00Z").status == 202
    assert at("2027-01-31T00:05:01Z").bad_fields == {"events.0.timestamp": "too_far_in_the_future"}
    assert at(format_time(NOW)).bad_fields == {"events.0.timestamp": "too_far_in_the_past"}
    # Nobody else's clock is that one.
    assert at("2027-01-31T00:00:00Z", "sub_unknown").status == 400
    assert at(format_time(NOW), "sub_unknown").status == 202
    # On its way, the clock is where it will be: what is due there may come before it has arrived.
    tenant.post(f"/v1/test-clocks/{clock}/advance", {"frozenTime": "2027-02-10T00:00:00Z"})
    assert at("2027-02-10T00:05:00Z").status == 202
    world.drain()
    sent(world)


def test_a_live_tenants_references_are_not_read(world: World) -> None:
    live = world.tenant(mode="live")
    reads: list[str] = []
    events = storage.database().client.meta.events

    def note(params: Json, model: Any, **_: Any) -> None:
        if model.name == "BatchGetItem":
            reads.extend(params["RequestItems"])

    live.post(PATH, {"events": [usage(1)]})  # its settings are known from now on
    events.register("provide-client-params.dynamodb.*", note)
    try:
        assert live.post(PATH, {"events": [usage(n) for n in range(100)]}).status == 202
    finally:
        events.unregister("provide-client-params.dynamodb.*", note)
    assert reads == [world.tables["idempotency"]]
    sent(world)


def test_no_event_is_in_a_log_line(world: World, tenant: Tenant) -> None:
    tenant.post(PATH, {"events": [usage(1, eventId="secret-id", properties={"user": "zoe@example.com"})]})
    tenant.post(PATH, {"events": [usage(1, eventId="secret-id", properties={"user": ["zoe@example.com"]})]})
    world.count_usage()
    assert "secret-id" not in world.logs.text
    assert "zoe" not in world.logs.text


# --- the worker's edge


def test_a_poison_message_does_not_hold_up_the_others(world: World, tenant: Tenant) -> None:
    tenant.post(PATH, {"events": [usage(1)]})
    (good,) = world.usage_messages()
    poison = [
        {"messageId": f"poison-{n}", "body": body}
        for n, body in enumerate(
            ("zoe@example.com", "{}", json.dumps({"v": 1, "id": "x", "tenant": "t", "events": [[1]]}))
        )
    ]
    answer = world.count_usage([poison[0], good, *poison[1:]])
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["poison-0", "poison-1", "poison-2"]
    errors = [line for line in world.logs.lines if line["level"] == "ERROR"]
    assert [line["message_id"] for line in errors] == ["poison-0", "poison-1", "poison-2"]
    assert "zoe" not in world.logs.text
