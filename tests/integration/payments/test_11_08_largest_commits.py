"""Issue 11, item 8: the commits that grow with what a customer has hold no more than a transaction takes.

What grows with nothing is small: a subscription that begins with a coupon and a new card has some 20 items. Credits
over unpaid invoices are in ``subscriptions/test_11_08_many_unpaid.py``. A use case that staged more than a hundred
would raise ``TransactionTooLarge`` in whatever test builds it.
"""

import pytest

from billing.storage.refusals import MOST_ITEMS
from tests.integration.world import Tenant, World


@pytest.mark.parametrize("how", ["detached", "deleted_at_stripe", "deleted_unheard"])
def test_the_methods_of_many_subscriptions_go(world: World, tenant: Tenant, how: str) -> None:
    """Of 45 some in one commit, the others in the next; 38 in one with all that the request around it stages."""
    customer = tenant.customer()
    count = 38 if how == "deleted_unheard" else 45
    first = tenant.subscribe("pm_card_visa", customerId=customer, trialDays=5)
    (method,) = tenant.get("/v1/payment-methods", customer=customer).data
    for _ in range(count - 1):
        tenant.subscribe(method["id"], customerId=customer, trialDays=5)
    world.deliver_all(tenant)
    (stripe_id,) = world.stripe_customers(tenant)
    lines = [{"description": "Work", "amount": 1_000_000}]
    invoice = tenant.post("/v1/invoices", {"customerId": customer, "lines": lines, "autoFinalize": True}).data
    world.writes.clear()
    if how == "detached":
        assert tenant.delete(f"/v1/payment-methods/{method['id']}").status == 200
    else:
        world.stripe.v1.customers.delete(stripe_id)
    if how == "deleted_at_stripe":
        world.deliver_all(tenant)
    if how == "deleted_unheard":
        assert tenant.post("/v1/payments/intents", {"invoiceId": invoice["id"]}).status == 201
    sizes = [len(tables) for name, tables in world.writes if name == "TransactWriteItems"]
    assert 70 < max(sizes) <= MOST_ITEMS
    assert tenant.get("/v1/payment-methods", customer=customer).data == []
    assert tenant.get(f"/v1/subscriptions/{first['id']}").data["paymentMethodId"] is None
