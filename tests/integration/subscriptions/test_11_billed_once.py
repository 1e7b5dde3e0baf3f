"""No time is billed twice (issue 11): the shortest of what the random walk took exception to, and what is meant so.

The law is ``tests/faults/laws_lines.py``.
"""

from tests.integration.steps import advance, flat, invoices_of, nets, subscribed
from tests.integration.world import Tenant, World

START, MIDDLE, LATER = "2027-06-01T00:00:00Z", "2027-06-16T00:00:00Z", "2027-06-21T00:00:00Z"


def test_a_refunded_month_that_is_paused_and_resumed_is_billed_once(world: World, tenant: Tenant) -> None:
    """June for 30.00, all of it refunded; the pause finds nothing left to give back, the rest is billed anew: 10.00.

    Thirty days were billed and refunded, ten are paid. So the rest of June stands on two lines, and was paid once.
    """
    clock, made = subscribed(tenant, flat(tenant, "monthly", 3000), START)
    path = f"/v1/subscriptions/{made}"
    payment = tenant.only_payment()
    assert tenant.post(f"/v1/payments/{payment['id']}/refund", {}).status == 201
    advance(world, tenant, clock, MIDDLE)
    assert tenant.patch(path, {"paused": True, "prorationBehavior": "invoice_now"}).status == 200
    assert len(invoices_of(tenant, {"id": made})) == 1
    advance(world, tenant, clock, LATER)
    assert tenant.post(f"{path}/resume", {}).status == 200
    first, second = invoices_of(tenant, {"id": made})
    assert (nets(first["lines"]), nets(second["lines"])) == ([3000], [1000])
    assert sum(each["amountPaid"] - each["amountRefunded"] for each in (first, second)) == 1_000_000


def test_another_interval_with_none_bills_the_new_cycle_and_leaves_the_old(world: World, tenant: Tenant) -> None:
    """As ``none`` says, and as Stripe does: a quarter for 90.00, monthly for 30.00 from the 16th; nothing comes back.

    With prorations it would.
    """
    quarter = flat(tenant, "quarterly", 9000, interval="month", intervalCount=3)
    clock, made = subscribed(tenant, quarter, "2027-06-01T00:00:00Z")
    path, monthly = f"/v1/subscriptions/{made}", flat(tenant, "monthly", 3000)
    advance(world, tenant, clock, MIDDLE)
    seen = tenant.post(f"{path}/preview", {"planId": monthly, "prorationBehavior": "create_prorations"}).data
    assert nets(seen["lines"]) == [-7500 - 33, 3000]  # 77 of 92 days
    assert tenant.patch(path, {"planId": monthly, "prorationBehavior": "none"}).status == 200
    assert [nets(each["lines"]) for each in invoices_of(tenant, {"id": made})] == [[9000], [3000]]
