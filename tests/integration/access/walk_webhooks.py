"""A walk through outgoing webhooks: an event on its way, retried, listed, and sent again."""

from datetime import timedelta

from billing.domain.webhooks.delivery import webhook_shard
from tests.integration import lambdas
from tests.integration.webhooks import flow
from tests.integration.webhooks.receivers import endpoint, names_known
from tests.integration.world import Tenant, World


def walk_webhooks(world: World, tenant: Tenant) -> None:
    """Each function and route of deliveries, once."""
    with names_known():
        made = endpoint(tenant)["id"]
        world.clock.advance(seconds=1)
        tenant.customer()
        row = world.rows_of("events", tenant.id)[-1]
        broken = {name: value for name, value in row.items() if name != "type"}
        flow.publish(world, tenant, [row, broken])
        since = (world.clock() - timedelta(hours=1)).isoformat()
        (shown,) = tenant.get(f"/v1/webhook-endpoints/{made}/deliveries").data
        assert tenant.get("/v1/events", deliverySuccess="false").status == 200
        world.clock.advance(minutes=2)
        flow.work(world, webhook_shard(shown["id"]))
        flow.attempted(world, tenant.id, shown["id"], status=200, excerpt="ok")
        assert tenant.get(f"/v1/webhook-deliveries/{shown['id']}").data["log"]
        assert tenant.post(f"/v1/webhook-deliveries/{shown['id']}/redeliver").status == 202
        job = tenant.post(f"/v1/webhook-endpoints/{made}/redeliver", {"since": since, "status": "all"}).data
        flow.work(world, webhook_shard(job["id"]))
        assert tenant.get(f"/v1/webhook-redeliveries/{job['id']}").data["status"] == "completed"
        lambdas.invoke("billing_sweep", {})
        _turn_cut_short(world)
        flow.clear(world)


def _turn_cut_short(world: World) -> None:
    """A turn that has no time asks for another."""
    message = world.sqs_event('{"shard": "w00"}')
    whole = lambdas.Context.get_remaining_time_in_millis
    lambdas.Context.get_remaining_time_in_millis = lambda _: 25_000  # type: ignore[method-assign]
    try:
        lambdas.invoke("webhook_worker", message)
    finally:
        lambdas.Context.get_remaining_time_in_millis = whole  # type: ignore[method-assign]
