"""The end of a paused subscription, through the API on test clocks: what its pause kept comes back (issue 11, 5)."""

import pytest

from tests.integration.steps import advance, flat, nets, subscribed
from tests.integration.subscriptions.test_changes import HALF_WAY, newest, patch, seats
from tests.integration.subscriptions.test_nothing_from_nothing import balance, decline, receivable
from tests.integration.world import Tenant, World

GIVE_BACK = {"prorationBehavior": "create_prorations"}


@pytest.mark.parametrize("fields", [{"pauseBilling": "keep"}, {}], ids=["by the plan", "by the caller"])
def test_11_5_an_end_gives_back_what_the_pause_kept(world: World, tenant: Tenant, fields: dict[str, str]) -> None:
    """30.00 for June, paused on the 11th, canceled on the 16th: half of it; the days of the pause stay paid."""
    plan = flat(tenant, "thirty", 3000, **fields)
    clock, subscription = subscribed(tenant, plan, "2025-06-01T00:00:00Z")
    advance(world, tenant, clock, "2025-06-11T00:00:00Z")
    how = {} if fields else {"prorationBehavior": "none"}
    paused = patch(tenant, subscription, paused=True, **how)
    assert (paused["state"], paused["pendingLineCount"]) == ("paused", 0)
    advance(world, tenant, clock, HALF_WAY)
    assert tenant.post(f"/v1/subscriptions/{subscription}/cancel", GIVE_BACK).data["state"] == "canceled"
    last = newest(tenant, subscription)
    assert (nets(last["lines"]), last["total"]) == ([-1500], -1_500_000)
    assert balance(tenant, subscription) == 1_500_000


def test_11_5_without_prorations_the_pause_keeps_what_it_kept(world: World, tenant: Tenant) -> None:
    plan = flat(tenant, "thirty", 3000, pauseBilling="keep")
    clock, subscription = subscribed(tenant, plan, "2025-06-01T00:00:00Z")
    advance(world, tenant, clock, "2025-06-11T00:00:00Z")
    patch(tenant, subscription, paused=True)
    tenant.post(f"/v1/subscriptions/{subscription}/cancel")
    assert len(tenant.get("/v1/invoices", subscription=subscription).data) == 1
    assert balance(tenant, subscription) == 0


def test_11_5_after_a_pause_by_dunning_it_comes_off_what_is_unpaid(world: World) -> None:
    """July's 200.00 are open; canceled on 16 July 12:00: half of July's 31 days, off the open invoice."""
    tenant = world.tenant(dunning={"scheduleDays": [2], "action": "paused"})
    clock, subscription = seats(world, tenant)
    decline(world, tenant, subscription)
    advance(world, tenant, clock, "2025-07-16T12:00:00Z")
    before = tenant.get(f"/v1/subscriptions/{subscription}").data
    assert (before["state"], before["pausedBy"]) == ("paused", "dunning")
    unpaid = newest(tenant, subscription)
    assert unpaid["amountDue"] == 20_000_000
    tenant.post(f"/v1/subscriptions/{subscription}/cancel", GIVE_BACK)
    credit = newest(tenant, subscription)
    assert sum(nets(credit["lines"])) == -10_000
    assert tenant.get(f"/v1/invoices/{unpaid['id']}").data["amountDue"] == 10_000_000
    assert (balance(tenant, subscription), receivable(world, tenant)) == (0, 10_000_000)
