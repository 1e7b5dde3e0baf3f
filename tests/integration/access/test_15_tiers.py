"""Issue 15, item 6: a tenant's tier decides the limits of the keys that it has, not only of those that it makes."""

import pytest

from tests.integration.world import World


def test_a_change_of_tier_reaches_every_key_within_a_minute(world: World) -> None:
    """The first call after it writes the new limits on the key's item; no other call costs a write more."""
    tenant = world.tenant()
    assert tenant.get("/v1/customers").headers["X-RateLimit-Limit"] == "1000"
    for tier, limit in (("enterprise", "10000"), ("standard", "1000")):
        world.platform().patch(f"/v1/tenants/{tenant.id}", {"tier": tier})
        world.clock.advance(seconds=61)
        tenant.get("/v1/customers")
        world.writes.clear()
        assert tenant.get("/v1/customers").headers["X-RateLimit-Limit"] == limit
        assert world.writes == [("UpdateItem", ["callers"]), ("PutItem", ["audit"])]


@pytest.mark.limits
def test_no_counter_is_set_back_by_it(world: World) -> None:
    tenant = world.tenant()
    world.platform().patch(f"/v1/tenants/{tenant.id}", {"tier": "enterprise"})
    world.clock.advance(seconds=61)
    left = [int(tenant.get("/v1/customers").headers["X-RateLimit-Remaining"]) for _ in range(3)]
    assert left == [999, 9998, 9997]
