"""Two proration units in one period, through the API on test clocks (issue 11, 6)."""

from tests.integration.steps import advance, flat, nets, subscribed
from tests.integration.subscriptions.test_changes import newest, patch
from tests.integration.subscriptions.test_nothing_from_nothing import balance
from tests.integration.world import Tenant, World


def test_11_6_three_nights_of_another_unit_give_nothing_away(world: World, tenant: Tenant) -> None:
    """30.00 by the day; at 23:59:59 to the same price by the second, at midnight back: 3.00 of it came back."""
    by_day = flat(tenant, "by-day", 3000, prorationUnit="day")
    by_second = flat(tenant, "by-second", 3000, prorationUnit="second")
    clock, subscription = subscribed(tenant, by_day, "2025-06-01T00:00:00Z")
    for night in range(3):
        for at, to in ((f"2025-06-{5 + night:02}T23:59:59Z", by_second), (f"2025-06-{6 + night:02}T00:00:00Z", by_day)):
            advance(world, tenant, clock, at)
            patch(tenant, subscription, planId=to, prorationBehavior="invoice_now")
            assert newest(tenant, subscription)["total"] == 0
    billed = tenant.get("/v1/invoices", subscription=subscription).data
    assert (len(billed), sum(each["total"] for each in billed)) == (7, 3_000_000)
    assert balance(tenant, subscription) == 0


def test_11_6_a_period_goes_on_by_the_second_until_it_is_over(world: World, tenant: Tenant) -> None:
    """Half a day of June is half a day; July, under the plan by the day alone, counts its days."""
    by_day, by_second = flat(tenant, "by-day", 3000, prorationUnit="day"), flat(tenant, "by-second", 6000)
    clock, subscription = subscribed(tenant, by_day, "2025-06-01T00:00:00Z")
    advance(world, tenant, clock, "2025-06-16T12:00:00Z")
    patch(tenant, subscription, planId=by_second, prorationBehavior="invoice_now")
    assert nets(newest(tenant, subscription)["lines"]) == [-1450, 2900]
    patch(tenant, subscription, planId=by_day, prorationBehavior="invoice_now")
    assert nets(newest(tenant, subscription)["lines"]) == [-2900, 1450]
    advance(world, tenant, clock, "2025-07-31T12:00:00Z")
    tenant.post(f"/v1/subscriptions/{subscription}/cancel", {"prorationBehavior": "create_prorations"})
    (last,) = newest(tenant, subscription)["lines"]
    assert (last["amount"], last["period"]["end"]) == (-97_000, "2025-08-01T00:00:00Z")
