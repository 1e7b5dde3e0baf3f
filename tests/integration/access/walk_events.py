"""A walk along the events: from the stream to the feed, and what is read of them."""

from tests.integration.webhooks.feeding import feed, followed
from tests.integration.world import Tenant, World


def walk_events(world: World, tenant: Tenant) -> None:
    """Events get their places and are read, one by its id too."""
    tenant.customer()
    feed(world, tenant)
    seen, _ = followed(tenant, from_="2020-01-01T00:00:00Z")
    assert tenant.get(f"/v1/events/{seen[0]['id']}").data == seen[0]
    assert tenant.get("/v1/events", deliverySuccess="false").status == 200
