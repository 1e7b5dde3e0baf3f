"""A walk through the erasure of a customer: all that the worker looks through and redacts."""

from tests.integration.webhooks import flow
from tests.integration.webhooks.receivers import endpoint, names_known
from tests.integration.world import Tenant, World


def walk_erasure(world: World, tenant: Tenant) -> None:
    """A customer with a card, an order that was never paid, a credit note, and usage that could not be counted."""
    customer = tenant.customer(metadata={"note": "a"})
    subscription = tenant.subscribe(customerId=customer, metadata={"note": "b"})
    paid = tenant.post("/v1/payments", {"customerId": customer, "amount": 1_000_000, "currency": "USD"}).data
    assert tenant.post(f"/v1/payments/{paid['id']}/refund", {"amount": 1_000, "reason": "a"}).status == 201
    items = [{"sku": "a", "description": "A", "quantity": 1, "unitAmount": 1_000_000, "commissionBps": 0}]
    body = {"customerId": customer, "currency": "USD", "items": items, "metadata": {"note": "c"}}
    order = tenant.post("/v1/commerce/orders", body)
    if order.status == 201:
        assert tenant.post(f"/v1/commerce/orders/{order.data['id']}/cancel").status == 200
    invoice = tenant.get("/v1/invoices", customer=customer).data[0]["id"]
    note = {"amount": 1_000_000, "metadata": {"note": "d"}}
    assert tenant.post(f"/v1/invoices/{invoice}/credit-notes", note).status == 201
    event = {
        "eventId": "e", "subscriptionId": subscription["id"], "meter": "nobodys", "quantity": 1,
        "timestamp": world.clock().isoformat(), "properties": {"who": "a"},
    }  # fmt: skip
    assert tenant.post("/v1/usage/events", {"events": [event]}).status == 202
    world.count_usage()
    tenant.post(f"/v1/subscriptions/{subscription['id']}/cancel", {"atPeriodEnd": False})
    _told_of(world, tenant, customer)
    assert tenant.delete(f"/v1/customers/{customer}").status == 202
    for _ in range(2):  # the second time, what receivers said
        world.clock.advance(minutes=3)
        world.work(*(f"{n:02d}" for n in range(16)))
    assert tenant.get(f"/v1/customers/{customer}").data["erasedAt"] is not None


def _told_of(world: World, tenant: Tenant, customer: str) -> None:
    """A receiver was sent an event about the customer, and said something."""
    from billing.bootstrap.webhook_endpoints import endpoint_health

    with names_known():
        made = endpoint(tenant, eventTypes=["customer.updated"])["id"]
        world.clock.advance(seconds=1)
        assert tenant.patch(f"/v1/customers/{customer}", {"name": "Ada"}).status == 200
        flow.publish(world, tenant)
        endpoint_health().open_slot(tenant.id, made, world.clock())
        (delivery,) = flow.deliveries(tenant, made)
        flow.attempted(world, tenant.id, delivery.id, status=200, excerpt="ok")
        flow.clear(world)
