"""Issue 16: from a commit to its arrival: stream, publisher, queue, sender, and a receiver that verifies."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from billing.domain.webhooks.delivery import DeliveryState
from billing.schemas.webhooks.event import body
from tests.integration import lambdas
from tests.integration.webhooks import flow
from tests.integration.webhooks.receivers import endpoint, names_known
from tests.integration.world import Json, Tenant, World
from tests.support.receiver import LocalReceiver, receiving


@pytest.fixture(scope="module")
def _local(world: World) -> Iterator[None]:
    """A stack of one's own machine: its test tenants may have a receiver there."""
    import functions.webhook_sender.handler as handler
    from billing.bootstrap import webhook_sending

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webhook_sending, "loopback_allowed", lambda: True)
        patch.setattr(handler, "lambda_handler", webhook_sending.webhook_sender(body).lambda_handler)
        yield


@pytest.fixture
def receiver(world: World, _local: None) -> Iterator[LocalReceiver]:
    """A receiver; its library goes by the real time, and takes what is five minutes off. Time stands still at first."""
    flow.clear(world)
    world.clock.freeze(datetime.now(UTC))
    with receiving() as made, names_known(loopback=True):
        yield made


def registered(tenant: Tenant, receiver: LocalReceiver, **fields: object) -> Json:
    made = endpoint(tenant, url=receiver.url, **fields)
    receiver.secret = made["secret"]
    return made


def send(world: World, tenant: Tenant, lane: str | None = None) -> int:
    """Have the sender work all of a tenant's that waits in a lane, or in both; how many notices there were."""
    found = [message["Body"] for message in flow.waiting(world, lane)]
    bodies = [each for each in found if json.loads(each)["t"] == tenant.id]
    if bodies:
        answer = lambdas.invoke("webhook_sender", world.sqs_event(*bodies))
        assert answer == {"batchItemFailures": []}
    return len(bodies)


def test_16_what_is_committed_arrives_signed_as_it_was_committed_and_the_log_says_so(
    world: World, tenant: Tenant, receiver: LocalReceiver
) -> None:
    made = registered(tenant, receiver)
    customer = tenant.customer(name="Zoë")
    flow.publish(world, tenant)
    assert send(world, tenant) == 1
    (event,) = receiver.events
    assert (event["type"], event["tenantId"], event["data"]["object"]["id"]) == (
        "customer.created",
        tenant.id,
        customer,
    )
    assert event["data"]["object"] == tenant.get(f"/v1/events/{event['id']}").data["data"]["object"]
    assert receiver.headers[0]["webhook-id"] == event["id"]
    (delivery,) = tenant.get(f"/v1/webhook-endpoints/{made['id']}/deliveries").data
    assert delivery["state"] == "succeeded"
    told = tenant.get(f"/v1/webhook-deliveries/{delivery['id']}").data
    assert [each["status"] for each in told["log"]] == [200]
    assert tenant.get(f"/v1/webhook-endpoints/{made['id']}").data["health"]["lastSuccessAt"] is not None
    assert "Zoë" not in world.logs.text
    assert receiver.url not in world.logs.text


def test_scenario_30_an_answer_that_was_lost_brings_the_same_event_again_in_the_same_bytes(
    world: World, tenant: Tenant, receiver: LocalReceiver
) -> None:
    """The sender dies after the 200; its message comes again, and is sent again, under a claim: not a third time."""
    from billing.bootstrap.deliveries import delivery_store

    made = registered(tenant, receiver)
    tenant.customer()
    flow.publish(world, tenant)
    with pytest.MonkeyPatch.context() as patch:

        def dies(*_: object) -> None:
            raise RuntimeError("the process is gone")

        patch.setattr(delivery_store(), "settle", dies)
        bodies = [message["Body"] for message in flow.waiting(world, None)]
        answer = lambdas.invoke("webhook_sender", world.sqs_event(*bodies))
    assert len(answer["batchItemFailures"]) == 1
    for _ in range(2):
        assert lambdas.invoke("webhook_sender", flow.again(world.sqs_event(*bodies))) == {"batchItemFailures": []}
        assert len(receiver.bodies) == 2
    assert receiver.bodies[0] == receiver.bodies[1]
    assert receiver.headers[0]["webhook-id"] == receiver.headers[1]["webhook-id"]
    (delivery,) = flow.deliveries(tenant, made["id"])
    assert (delivery.state, delivery.attempt) == (DeliveryState.SUCCEEDED, 1)


def test_16_a_receiver_that_fails_is_asked_again_in_five_seconds_then_minutes_on_the_slow_lane(
    world: World, tenant: Tenant, receiver: LocalReceiver
) -> None:
    world.clock.advance(minutes=-3)  # six minutes later it is three minutes off again
    made = registered(tenant, receiver)
    receiver.answers = [500, 503]
    tenant.customer()
    flow.publish(world, tenant)
    send(world, tenant)
    world.clock.advance(seconds=6)
    assert send(world, tenant, "fast") == 0
    (delivery,) = flow.deliveries(tenant, made["id"])
    # The queue's own delay is the emulator's clock's: the notice that waits in it is handed over here.
    again = {"t": tenant.id, "d": delivery.id, "n": 2}
    assert lambdas.invoke("webhook_sender", world.sqs_event(json.dumps(again))) == {"batchItemFailures": []}
    (delivery,) = flow.deliveries(tenant, made["id"])
    assert timedelta(minutes=5) <= delivery.due_at - world.clock() <= timedelta(minutes=5.6)
    flow.clear(world)
    world.clock.advance(minutes=6)
    flow.work(world, *flow.all_shards())
    assert send(world, tenant, "slow") == 1
    assert [each["webhook-id"] for each in receiver.headers] == [delivery.event_id] * 3
    assert len(set(receiver.bodies)) == 1
    attempts = tenant.get(f"/v1/webhook-deliveries/{delivery.id}").data["log"]
    assert [each["status"] for each in attempts] == [200, 503, 500]


def test_16_gone_disables_and_what_comes_meanwhile_is_kept_and_redelivered(
    world: World, tenant: Tenant, receiver: LocalReceiver
) -> None:
    made = registered(tenant, receiver, eventTypes=["customer.*"])
    receiver.answers = [410]
    tenant.customer()
    flow.publish(world, tenant)
    send(world, tenant)
    shown = tenant.get(f"/v1/webhook-endpoints/{made['id']}").data
    assert (shown["status"], shown["disabledReason"]) == ("disabled", "gone")
    assert "webhook_endpoint.disabled" in [row["type"]["S"] for row in world.rows_of("events", tenant.id)]
    (delivery,) = flow.deliveries(tenant, made["id"])
    assert delivery.state is DeliveryState.SKIPPED
    tenant.patch(f"/v1/webhook-endpoints/{made['id']}", {"status": "enabled"})
    assert tenant.post(f"/v1/webhook-deliveries/{delivery.id}/redeliver").status == 202
    assert send(world, tenant) == 1
    assert len(receiver.events) == 2
    assert receiver.bodies[0] == receiver.bodies[1]


def test_16_a_stack_that_is_not_local_sends_nothing_to_its_own_machine(
    world: World, tenant: Tenant, receiver: LocalReceiver
) -> None:
    """The endpoint is there, as from another time; the flag is not, and the attempt says why."""
    from billing.bootstrap import webhook_sending

    made = registered(tenant, receiver)
    tenant.customer()
    flow.publish(world, tenant)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webhook_sending, "loopback_allowed", lambda: False)
        bodies = [message["Body"] for message in flow.waiting(world, None)]
        webhook_sending.webhook_sender(body).lambda_handler(world.sqs_event(*bodies), None)
    assert receiver.bodies == []
    (delivery,) = flow.deliveries(tenant, made["id"])
    (attempt,) = tenant.get(f"/v1/webhook-deliveries/{delivery.id}").data["log"]
    assert (attempt["status"], attempt["reason"]) == (None, "blocked_address")
