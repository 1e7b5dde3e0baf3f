"""Issue 16: each event is addressed to each endpoint that wants it, once, whatever the stream does."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from billing.domain.kernel.errors import Unavailable
from billing.domain.webhooks.delivery import DeliveryState, delivery_id
from operations.replay import replay
from tests.integration import lambdas
from tests.integration.webhooks import flow
from tests.integration.webhooks.receivers import endpoint, names_known
from tests.integration.webhooks.test_16_redrive import Functions
from tests.integration.world import Json, Tenant, World

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _known(world: World) -> Iterator[None]:
    world.clock.freeze(NOW)
    flow.clear(world)
    with names_known():
        yield


def _disable(tenant: Tenant, endpoint_id: str) -> None:
    assert tenant.patch(f"/v1/webhook-endpoints/{endpoint_id}", {"status": "disabled"}).status == 200


def _ids(world: World, tenant: Tenant) -> list[str]:
    return [row["id"]["S"] for row in world.rows_of("events", tenant.id)]


def test_an_event_goes_to_each_endpoint_that_wants_it(world: World, tenant: Tenant) -> None:
    """The delivery is written under its endpoint's watch, and the notice sent: ids only, the endpoint as its group."""
    wants = [endpoint(tenant)["id"], endpoint(tenant, eventTypes=["customer.*"])["id"]]
    other = endpoint(tenant, eventTypes=["invoice.*"])["id"]
    disabled = endpoint(tenant)["id"]
    _disable(tenant, disabled)
    world.clock.advance(seconds=1)
    tenant.customer()
    row = world.rows_of("events", tenant.id)[-1]  # the first one says that an endpoint was disabled
    event_id = row["id"]["S"]
    assert flow.publish(world, tenant, [row]) == {"batchItemFailures": []}
    sent = flow.waiting(world, None)
    assert sorted(json.loads(each["Body"])["d"] for each in sent) == sorted(delivery_id(e, event_id) for e in wants)
    assert {each["Attributes"]["MessageGroupId"] for each in sent} == set(wants)
    assert all(json.loads(each["Body"]).keys() == {"t", "d", "n"} for each in sent)
    for each in wants:
        (delivery,) = flow.deliveries(tenant, each)
        assert (delivery.state, delivery.due_at) == (DeliveryState.PENDING, None)
        assert flow.store().watches(tenant.id, [each])[each].due_at == world.clock() + timedelta(hours=1)
        assert (delivery.event_id, delivery.event_type, delivery.attempt) == (event_id, "customer.created", 0)
    assert flow.deliveries(tenant, other) == []
    (skipped,) = flow.deliveries(tenant, disabled)
    assert (skipped.state, skipped.due_at) == (DeliveryState.SKIPPED, None)


def test_an_endpoint_gets_nothing_that_is_older_than_itself_and_all_that_is_not(world: World, tenant: Tenant) -> None:
    """Nothing is cached: an endpoint that was made a moment before an event gets it, in the publisher's next batch."""
    tenant.customer()
    flow.publish(world, tenant)
    world.clock.advance(seconds=1)
    made = endpoint(tenant)["id"]
    tenant.customer()
    flow.publish(world, tenant)
    assert [each.event_id for each in flow.deliveries(tenant, made)] == _ids(world, tenant)[-1:]


def test_records_come_twice_and_in_any_order(world: World, tenant: Tenant) -> None:
    """Whatever the stream gives, each event has one delivery, and one notice at first."""
    made = endpoint(tenant)["id"]
    world.clock.advance(seconds=1)
    for _ in range(6):
        tenant.customer()
    rows = world.rows_of("events", tenant.id)
    mixed = rows * 3
    Random(16).shuffle(mixed)
    for start in range(0, len(mixed), 5):
        assert flow.publish(world, tenant, mixed[start : start + 5]) == {"batchItemFailures": []}
    expected = sorted((delivery_id(made, row["id"]["S"]), 1) for row in rows)
    assert flow.notices(world, of=tenant) == expected
    assert sorted(each.id for each in flow.deliveries(tenant, made)) == [each for each, _ in expected]
    changed = flow.records(rows)
    for record in changed["Records"]:
        record["eventName"] = "MODIFY"
    lambdas.invoke("webhook_publisher", changed)
    assert flow.notices(world, of=tenant) == []


def test_scenario_40_one_bad_record_holds_nobody_up_and_is_delivered_once_afterwards(
    world: World, tenant: Tenant
) -> None:
    """The others go out at once; the bad one is told of, by its position alone; publishing again delivers it once."""
    made = endpoint(tenant)["id"]
    world.clock.advance(seconds=1)
    for _ in range(3):
        tenant.customer()
    rows = world.rows_of("events", tenant.id)
    broken = {name: value for name, value in rows[1].items() if name != "type"}
    assert flow.publish(world, tenant, [rows[0], broken, rows[2]]) == {"batchItemFailures": []}
    assert [each for each, _ in flow.notices(world, of=tenant)] == [
        delivery_id(made, rows[n]["id"]["S"]) for n in (0, 2)
    ]
    (told,) = flow.received(world, "STREAM_FAILURES_URL")
    assert json.loads(told["Body"]) == {"consumer": "webhook_publisher", "sequenceNumber": "1001"}
    assert _redriven(tenant) == (3, [])
    assert flow.notices(world, of=tenant) == [(delivery_id(made, rows[1]["id"]["S"]), 1)]
    assert _redriven(tenant) == (3, [])
    assert flow.notices(world, of=tenant) == []


def _redriven(tenant: Tenant) -> tuple[int, list[str]]:
    """The operator has the tenant's events published again; how many there were, and which failed."""
    since = NOW - timedelta(minutes=1)
    return replay(Functions("webhook_publisher"), "ledgerline-dev-webhook-publisher", since, [tenant.id])


def _fails_for(monkeypatch: pytest.MonkeyPatch, error: Exception, event_id: str | None = None) -> None:
    """Let the store fail for one event's deliveries, or for all."""
    plain = flow.store().add

    def add(deliveries: Any) -> Any:
        if event_id is None or any(each.event_id == event_id for each in deliveries):
            raise error
        return plain(deliveries)

    monkeypatch.setattr(flow.store(), "add", add)


def test_scenario_40_an_event_that_cannot_be_addressed_is_found_among_its_tenants(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = endpoint(tenant)["id"]
    world.clock.advance(seconds=1)
    for _ in range(3):
        tenant.customer()
    rows = world.rows_of("events", tenant.id)
    bad = rows[1]["id"]["S"]
    _fails_for(monkeypatch, RuntimeError("something in it"), bad)
    assert flow.publish(world, tenant) == {"batchItemFailures": []}
    assert {each.event_id for each in flow.deliveries(tenant, made)} == {row["id"]["S"] for row in rows} - {bad}
    (told,) = flow.received(world, "STREAM_FAILURES_URL")
    assert json.loads(told["Body"]) == {
        "consumer": "webhook_publisher", "sequenceNumber": "1001", "tenantId": tenant.id, "eventId": bad,
    }  # fmt: skip


def test_in_an_outage_the_records_come_again(world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sets aside what is no record's fault; and another tenant's events are done."""
    made = endpoint(tenant)["id"]
    world.clock.advance(seconds=1)
    tenant.customer()
    (row,) = world.rows_of("events", tenant.id)
    other = {**row, "tenant_id": {"S": "ten_nobody"}}
    with monkeypatch.context() as patch:
        _fails_for(patch, Unavailable("The database is busy", retry_after_s=1))
        answer = flow.publish(world, tenant, [other, row])
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1001"}]}
    assert flow.received(world, "STREAM_FAILURES_URL") == []
    assert flow.publish(world, tenant) == {"batchItemFailures": []}
    assert flow.notices(world, of=tenant) == [(delivery_id(made, row["id"]["S"]), 1)]


def test_an_endpoint_that_fails_is_sent_to_in_the_slow_lane(world: World, tenant: Tenant) -> None:
    from billing.bootstrap.webhook_endpoints import endpoint_health

    made = endpoint(tenant)["id"]
    world.clock.advance(seconds=1)
    tenant.customer()
    (event_id,) = _ids(world, tenant)
    endpoint_health().failed(tenant.id, made, event_id, world.clock(), "timeout")
    flow.publish(world, tenant)
    assert flow.notices(world, "fast", of=tenant) == []
    assert flow.notices(world, "slow", of=tenant) == [(delivery_id(made, event_id), 1)]


def test_endpoints_of_which_nobody_knows_that_they_answer_take_no_place_of_the_fast_lane(
    world: World, tenant: Tenant
) -> None:
    """Ten that are new, and may hang for 15 s each; one that has answered today."""
    from billing.bootstrap.webhook_endpoints import endpoint_health

    known, *new = (endpoint(tenant)["id"] for _ in range(11))
    world.clock.advance(seconds=1)
    tenant.customer()
    (event_id,) = _ids(world, tenant)
    endpoint_health().succeeded(tenant.id, known, world.clock(), 20)
    flow.publish(world, tenant)
    assert flow.notices(world, "fast", of=tenant) == [(delivery_id(known, event_id), 1)]
    assert flow.notices(world, "slow", of=tenant) == sorted((delivery_id(each, event_id), 1) for each in new)


def test_the_first_success_of_a_day_brings_an_endpoint_to_the_fast_lane(world: World, tenant: Tenant) -> None:
    from billing.bootstrap.webhook_endpoints import endpoint_health

    made, lanes = endpoint(tenant)["id"], []
    for pause in (timedelta(seconds=1), timedelta(seconds=1), timedelta(hours=20), timedelta(hours=29)):
        world.clock.advance(seconds=pause.total_seconds())
        seen = set(_ids(world, tenant))
        tenant.customer()
        rows = [each for each in world.rows_of("events", tenant.id) if each["id"]["S"] not in seen]
        flow.publish(world, tenant, rows)
        lanes.append([lane for lane in flow.LANES if flow.notices(world, lane, of=tenant)])
        shown = tenant.get(f"/v1/webhook-endpoints/{made}").data["health"]["lane"]
        assert lanes[-1] == [shown]
        endpoint_health().succeeded(tenant.id, made, world.clock(), 20)
    assert lanes == [["slow"], ["fast"], ["fast"], ["slow"]]


def _refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    from billing.integrations.aws.clients import aws_client

    def refused(**request: Json) -> Json:
        return {"Failed": [{"Id": each["Id"], "Code": "Busy"} for each in request["Entries"]]}

    monkeypatch.setattr(aws_client("sqs"), "send_message_batch", refused)


def test_what_the_queue_does_not_take_the_alarm_clock_finds(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing fails for it: a minute later the delivery is due, and the worker hands it over."""
    made = endpoint(tenant)["id"]
    world.clock.advance(seconds=1)
    tenant.customer()
    (event_id,) = _ids(world, tenant)
    with monkeypatch.context() as patch:
        _refusing(patch)
        assert flow.publish(world, tenant) == {"batchItemFailures": []}
    assert flow.notices(world, of=tenant) == []
    flow.work(world, *flow.all_shards())
    assert flow.notices(world, of=tenant) == []
    world.clock.advance(seconds=60)
    assert flow.work(world, *flow.all_shards()) == {"batchItemFailures": []}
    assert flow.notices(world, of=tenant) == [(delivery_id(made, event_id), 1)]
    flow.work(world, *flow.all_shards())
    assert flow.notices(world, of=tenant) == []
