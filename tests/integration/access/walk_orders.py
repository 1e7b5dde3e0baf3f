"""A walk through orders: every way in which an order's money moves."""

from tests.integration.marketplace.market import Market, item
from tests.integration.world import Tenant, World


def walk_orders(world: World, tenant: Tenant) -> None:
    """Orders: made with a coupon and with tax, paid by a card and in a form, refunded before and after the release, at
    Stripe, disputed, canceled, expired, and given back by a bank."""
    market = Market(world, tenant, world.tenant(name="X"), world.tenant(name="Y"))
    coupon = {"code": "ORDERS", "percentOff": 10, "duration": "once", "maxRedemptions": 10}
    assert tenant.post("/v1/commerce/coupons", coupon).status == 201
    first = market.sold(item(5000, 1000, market.x), item(3000, 0, market.y), couponCode="ORDERS")
    assert tenant.get("/v1/commerce/orders", status="paid").data[0]["id"] == first["id"]
    assert tenant.get("/v1/commerce/orders", customer=first["customerId"]).status == 200
    market.release(first, market.x)
    assert market.refund(first, amount=1_000_000).status == 201
    assert tenant.post(f"/v1/payments/{first['paymentId']}/refund", {"amount": 1_000_000}).status == 201
    intent_id = tenant.get(f"/v1/payments/{first['paymentId']}").data["paymentIntentId"]
    world.stripe.v1.refunds.create({"payment_intent": intent_id, "amount": 500})
    world.deliver_all(tenant)
    newest = world.stripe.v1.refunds.list({"payment_intent": intent_id, "limit": 1}).data[0]
    world.sandbox.post(f"refunds/{newest.id}/finish", succeed=False)
    world.deliver_all(tenant)
    for status in ("won", "lost"):
        order = market.sold(item(5000, 1000, market.x), item(3000, 0, market.y))
        market.release(order, market.x)
        intent_id = tenant.get(f"/v1/payments/{order['paymentId']}").data["paymentIntentId"]
        dispute = world.sandbox.post(f"charges/{intent_id}/dispute")["id"]
        world.deliver_all(tenant)
        world.sandbox.post(f"disputes/{dispute}/close", status=status)
        world.deliver_all(tenant)
    form = market.order(item(5000, 1000, market.x), customerId=tenant.customer())
    opened = market.pay(form, None).data["payment"]
    assert world.acts(f"payment_intents/{opened['paymentIntentId']}/pay", payment_method="pm_card_visa") == 200
    world.deliver_all(tenant)
    assert market.now(form)["status"] == "paid"
    assert market.pay(market.order(item(5000, 0, market.x)), "pm_card_chargeCustomerFail").status in (402, 502)
    canceled = market.order(item(5000, 0, market.x), couponCode="ORDERS")
    market.pay(canceled, None)
    assert tenant.post(f"/v1/commerce/orders/{canceled['id']}/cancel").status == 200
    late = market.order(item(5000, 0, market.x), couponCode="ORDERS")
    market.pay(late, None)
    market.let_expire(late)
    assert market.now(late)["status"] == "expired"
    walk_refused_order_refunds(world, market)
    buyer = tenant.customer()
    tenant.subscribe(customerId=buyer)
    (gone,) = (each for each in world.stripe_customers(tenant) if _is_of(world, each, buyer))
    world.stripe.v1.customers.delete(gone)
    assert market.pay(market.order(item(5000, 0, market.x), customerId=buyer), None).status == 200


def walk_refused_order_refunds(world: World, market: Market) -> None:
    """Refunds of what the payer has disputed, which nobody was told of: the route finds it out, or the sweep."""
    for is_heard in (True, False):
        order = market.sold(item(5000, 1000, market.x), item(3000, 0, market.y))
        market.release(order, market.x)
        intent_id = market.shop.get(f"/v1/payments/{order['paymentId']}").data["paymentIntentId"]
        if not is_heard:
            world.stripe_fails("drop_before", "/v1/refunds$", method="POST")
            assert market.refund(order).data["status"] == "pending"
            world.stripe_works()
        world.sandbox.post(f"charges/{intent_id}/dispute", amount=1_000)
        if is_heard:
            assert market.refund(order).data["status"] == "failed"
        world.clock.advance(seconds=61)
        world.work(*(f"{shard:02d}" for shard in range(16)))
        assert market.now(order)["disputed"] is True
        assert market.now(order)["amountRefunded"] == 1_000_000


def _is_of(world: World, stripe_id: str, customer_id: str) -> bool:
    return world.stripe.v1.customers.retrieve(stripe_id).metadata["customer_id"] == customer_id
