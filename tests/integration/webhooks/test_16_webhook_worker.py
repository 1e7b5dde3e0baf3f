"""Issue 16: the alarm clock of deliveries: in shards of its own, and each endpoint at a pace."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.domain.kernel.ids import fresh
from billing.domain.webhooks.delivery import Delivery, DeliveryState
from billing.services.webhooks.enqueuer import PACE
from tests.integration import lambdas
from tests.integration.webhooks import flow
from tests.integration.webhooks.receivers import endpoint, names_known
from tests.integration.world import Tenant, World

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
SHARD = "w05"


@pytest.fixture(scope="module")
def acme(world: World) -> Iterator[Tenant]:
    world.clock.reset()
    with names_known():
        yield world.tenant()


@pytest.fixture(autouse=True)
def _stopped(world: World) -> None:
    world.clock.freeze(NOW)
    flow.clear(world)


def _delivery(world: World, tenant: Tenant, endpoint_id: str) -> Delivery:
    """A delivery to an endpoint, as the publisher makes one; not kept."""
    at = world.clock() - timedelta(hours=10)
    return Delivery("", tenant.id, endpoint_id, "", "invoice.paid", at, attempt=3, step=3)


def _put(delivered: list[Delivery]) -> list[str]:
    assert len(flow.store().add(delivered).new) == len(delivered)
    return [each.id for each in delivered]


def _get(each: Delivery) -> Delivery:
    found: Delivery = flow.store().get(each.tenant_id, each.id)
    return found


def _fails(tenant: Tenant, endpoint_id: str) -> None:
    from billing.bootstrap.webhook_endpoints import endpoint_health

    endpoint_health().failed(tenant.id, endpoint_id, fresh("evt", NOW, bytes(10)), NOW, "timeout")


def test_what_is_due_is_handed_over_once(world: World, acme: Tenant) -> None:
    """What is not due yet waits; what was handed over is looked at again ten minutes later, if nothing came of it."""
    made = flow.due_in(SHARD, _delivery(world, acme, endpoint(acme)["id"]), 12)
    made[11] = replace(made[11], due_at=NOW + timedelta(seconds=1))
    ids = _put(made)
    assert flow.work(world, SHARD) == {"batchItemFailures": []}
    assert flow.notices(world, of=acme) == sorted((each, 4) for each in ids[:11])
    flow.work(world, SHARD)
    assert flow.notices(world, of=acme) == []
    world.clock.advance(seconds=1)
    flow.work(world, SHARD)
    assert flow.notices(world, of=acme) == [(ids[11], 4)]
    world.clock.advance(minutes=11)
    flow.work(world, SHARD)
    assert flow.notices(world, of=acme) == sorted((each, 4) for each in ids)


def test_a_delivery_that_cannot_be_read_holds_up_no_other_and_is_told(
    world: World, acme: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    """A release that was taken back left a state that this one does not know."""
    made = flow.due_in(SHARD, _delivery(world, acme, endpoint(acme)["id"]), 3)
    (_, unreadable, _), ids = made, _put(made)
    row = {"owner_key": {"S": f"{acme.id}#{unreadable.endpoint_id}"}, "id": {"S": unreadable.id}}
    deliveries, table = world.aws("dynamodb"), world.tables["webhook_deliveries"]
    deliveries.update_item(
        TableName=table,
        Key=row,
        UpdateExpression="SET #s = :later",
        ExpressionAttributeNames={"#s": "state"},
        ExpressionAttributeValues={":later": {"S": "of_a_later_release"}},
        ConditionExpression="attribute_exists(id)",
    )
    try:
        assert flow.work(world, SHARD)["batchItemFailures"]
        assert flow.notices(world, of=acme) == sorted((each, 4) for each in (ids[0], ids[2]))
        (told,) = (each for each in caplog.records if "passed over" in each.getMessage())
        assert vars(told)["passed_over"] == unreadable.id
        assert (vars(told)["error"], "of_a_later_release" in caplog.text) == ("ValueError", False)  # no value is logged
    finally:
        deliveries.delete_item(TableName=table, Key=row)
    assert flow.work(world, SHARD) == {"batchItemFailures": []}


def test_a_notice_that_is_late_begins_nothing_twice(world: World, acme: Tenant) -> None:
    """Its attempt was begun by another one: the sender can tell by the number."""
    from billing.domain.webhooks.schedule import is_wanted

    (made,) = flow.due_in(SHARD, _delivery(world, acme, endpoint(acme)["id"]), 1)
    _put([made])
    flow.work(world, SHARD)
    ((_, number),) = flow.notices(world, of=acme)
    assert is_wanted(_get(made), number)
    after = flow.attempted(world, acme.id, made.id)
    assert not is_wanted(after, number)
    assert after.due_at == NOW + timedelta(hours=2, milliseconds=10)  # the pause after the fourth attempt


def test_scenario_39_an_endpoint_that_is_back_gets_its_deliveries_at_a_pace(world: World, acme: Tenant) -> None:
    """60 are due to one that failed, and one to another: 3 and 1 are handed over, and the rest is put off, 15 minutes
    at most; once the endpoint answers, 50 go in a minute."""
    failing, other = endpoint(acme)["id"], endpoint(acme)["id"]
    _fails(acme, failing)
    many = flow.due_in(SHARD, _delivery(world, acme, failing), 60)
    (last,) = flow.due_in(SHARD, _delivery(world, acme, other), 1)
    last = replace(last, due_at=many[-1].due_at)
    ids = _put(many)
    _put([last])
    flow.work(world, SHARD)
    assert flow.notices(world, "slow", of=acme) == sorted([*((each, 4) for each in ids[:3]), (last.id, 4)])
    assert flow.notices(world, "fast", of=acme) == []  # nothing has succeeded at the other one, either
    waits = [(due_at - NOW).total_seconds() for each in many[3:] if (due_at := _get(each).due_at)]
    assert [int(wait - 0.001) // 60 for wait in waits] == [min(n // 3 - 1, 14) for n in range(3, len(many))]
    from billing.bootstrap.webhook_endpoints import endpoint_health

    endpoint_health().succeeded(acme.id, failing, NOW, 20)
    world.clock.advance(hours=1)
    flow.work(world, SHARD)
    assert len([each for each, _ in flow.notices(world, "fast", of=acme) if each in ids]) == 50
    assert [each for each, _ in flow.notices(world, "slow", of=acme) if each in ids] == []


def test_a_turn_that_runs_out_of_time_asks_for_another(
    world: World, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = flow.due_in(SHARD, _delivery(world, acme, endpoint(acme)["id"]), 51)
    _put(made)
    with monkeypatch.context() as patch:
        patch.setattr(lambdas.Context, "get_remaining_time_in_millis", lambda _: 25_000)
        flow.work(world, SHARD)
    assert flow.notices(world, of=acme) == []
    (again,) = flow.received(world, "WEBHOOK_WORK_QUEUE_URL")
    assert lambdas.invoke("webhook_worker", world.sqs_event(again["Body"])) == {"batchItemFailures": []}
    assert len(flow.notices(world, of=acme)) == PACE == 50


def test_what_was_never_heard_of_after_its_last_attempt_has_failed(world: World, acme: Tenant) -> None:
    (made,) = flow.due_in(SHARD, _delivery(world, acme, endpoint(acme)["id"]), 1)
    made = replace(made, attempt=10, step=10)
    _put([made])
    flow.work(world, SHARD)
    assert flow.notices(world, of=acme) == []
    assert (_get(made).state, _get(made).due_at) == (DeliveryState.FAILED, None)


def test_scenario_39_no_worker_looks_at_what_is_the_others(world: World, acme: Tenant) -> None:
    """Billing reads no index and no shard in which a delivery can be, and its sweep wakes both, each by its queue."""
    from billing.bootstrap import sweep
    from billing.domain.kernel.due import clock_of
    from billing.storage.due_index import BILLING_KINDS, PAYOUT_KINDS, WEBHOOK_KINDS

    assert not {*BILLING_KINDS, *PAYOUT_KINDS} & {*WEBHOOK_KINDS}
    made = flow.due_in(SHARD, _delivery(world, acme, endpoint(acme)["id"]), 3)
    _put(made)
    asked: list[Any] = []
    world.writes.clear()
    lambdas.invoke("billing_sweep", {})
    assert clock_of(SHARD) is None
    work = flow.received(world, "WEBHOOK_WORK_QUEUE_URL")
    assert sorted(each["Body"] for each in work) == [f'{{"shard": "{each}"}}' for each in flow.all_shards()]
    for body in world.queued():
        asked.append(body)
        assert lambdas.invoke("billing_worker", world.sqs_event(body)) == {"batchItemFailures": []}
    assert len(asked) == 16
    assert not any('"w' in body for body in asked)
    assert {_get(each).version for each in made} == {1}
    assert sweep.alarm() is sweep.alarm()
