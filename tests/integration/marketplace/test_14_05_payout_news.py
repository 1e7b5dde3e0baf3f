"""Issue 14, 5: a payout of ours follows what Stripe tells of it, at the endpoint of connected accounts."""

from tests.integration.access.walk_providers import payout_under_way, stored
from tests.integration.marketplace.connect import become, deliver, deliver_all, events, onboard
from tests.integration.world import Tenant, World


def test_c34_a_payout_arrives_and_comes_back(world: World, tenant: Tenant) -> None:
    """A failure after success wins, whatever the order of the events."""
    become(tenant)
    account = onboard(world, tenant)
    payout, at_stripe = payout_under_way(world, tenant, world.tenant(), account)
    assert deliver_all(world, account)[-1] == (200, "applied")  # it is on its way
    world.sandbox.post(f"payouts/{at_stripe}/finish", status="paid")
    assert deliver_all(world, account) == [(200, "applied")]
    assert stored(tenant, payout).status.value == "paid"
    world.sandbox.post(f"payouts/{at_stripe}/finish", status="failed")
    assert (200, "applied") in deliver_all(world, account)
    assert stored(tenant, payout).status.value == "failed"
    late = events(world, account, "payout.paid")[-1] | {"id": "evt_late_news"}
    assert deliver(world, late) == (200, "unchanged")
