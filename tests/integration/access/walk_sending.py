"""Events on their way: endpoints, the stream's consumers, the worker, and the sender to a receiver that goes away."""

import json

import pytest

from billing.domain.kernel.due import Due
from billing.schemas.webhooks.event import body
from billing.storage.webhooks.deliveries import DynamoDeliveries
from tests.integration import lambdas
from tests.integration.webhooks import feeding, flow
from tests.integration.webhooks.receivers import names_known
from tests.integration.world import Tenant, World
from tests.support.receiver import LocalReceiver, receiving


def walk_sending(world: World, tenant: Tenant) -> None:
    """Every route and every consumer; a receiver that fails, accepts, and says that it is gone."""
    import functions.webhook_sender.handler as handler
    from billing.bootstrap import webhook_sending

    with pytest.MonkeyPatch.context() as patch, names_known(loopback=True), receiving() as receiver:
        patch.setattr(webhook_sending, "loopback_allowed", lambda: True)
        patch.setattr(handler, "lambda_handler", webhook_sending.webhook_sender(body).lambda_handler)
        flow.clear(world)
        world.clock.reset()  # the receiver goes by the real time
        _walk(world, tenant, receiver)
        flow.clear(world)


def _walk(world: World, tenant: Tenant, receiver: LocalReceiver) -> None:
    made = tenant.post("/v1/webhook-endpoints", {"url": receiver.url, "eventTypes": ["customer.*"]}).data
    receiver.secret, path = made["secret"], f"/v1/webhook-endpoints/{made['id']}"
    tenant.get("/v1/webhook-endpoints")
    tenant.patch(path, {"description": "ours"})
    tenant.post(f"{path}/test")
    receiver.answers = [500, 200, 410]
    customer = tenant.customer()
    tenant.patch(f"/v1/customers/{customer}", {"name": "New Name"})
    feeding.feed(world, tenant)
    event = tenant.get("/v1/events").data[0]
    tenant.get(f"/v1/events/{event['id']}")
    assert tenant.get("/v1/events", deliverySuccess="false").status == 200
    flow.publish(world, tenant)
    sent = _send(world)
    assert len(receiver.events) == sent == 3
    assert tenant.get(path).data["status"] == "disabled"
    tenant.patch(path, {"status": "enabled"})
    listed = tenant.get(f"{path}/deliveries").data
    tenant.get(f"/v1/webhook-deliveries/{listed[0]['id']}")
    assert tenant.post(f"/v1/webhook-deliveries/{listed[0]['id']}/redeliver").status == 202
    job = tenant.post(f"{path}/redeliver", {"since": "2026-01-01T00:00:00Z", "status": "all"}).data
    world.clock.advance(minutes=2)
    flow.work(world, *flow.all_shards())
    tenant.get(f"/v1/webhook-redeliveries/{job['id']}")
    _send(world)
    _parked(world, tenant, path)
    tenant.post(f"{path}/rotate-secret", {})
    tenant.delete(path)


def _parked(world: World, tenant: Tenant, path: str) -> None:
    """A job of which nothing comes, at its last try."""

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    assert tenant.post(f"{path}/redeliver", {"since": "2026-01-01T00:00:00Z", "status": "all"}).status == 202
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoDeliveries, "range_of", fails)
        patch.setattr(Due, "postponed", lambda *_: None)
        world.clock.advance(minutes=2)
        flow.work(world, *flow.all_shards())
    assert "webhook_redelivery.parked" in [row["type"]["S"] for row in world.rows_of("events", tenant.id)]


def _send(world: World) -> int:
    """Work what waits in both lanes, one after the other: a recorder notes one call at a time."""
    bodies = [each["Body"] for lane in flow.LANES.values() for each in flow.received(world, lane)]
    for text in sorted(bodies, key=lambda each: str(json.loads(each)["d"])):
        assert lambdas.invoke("webhook_sender", world.sqs_event(text)) == {"batchItemFailures": []}
    return len(bodies)
