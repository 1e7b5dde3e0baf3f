"""Issue 14: what the state machine has found, each by its name."""

import pytest

from tests.integration.marketplace.market import Market, cents, item
from tests.integration.marketplace.paying import AVAILABLE
from tests.integration.world import Json


def intent_of(market: Market, order: Json) -> str:
    payment = market.shop.get(f"/v1/payments/{market.now(order)['paymentId']}").data
    return str(payment["paymentIntentId"])


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_a_dispute_that_went_short_as_a_whole_and_was_won_takes_nothing(market: Market, outcome: str) -> None:
    """Nothing was left of the order; won, it waits for no room: of a refund that comes back, the seller has all."""
    world = market.world
    order = market.order(item(10000, 1000, market.x))
    assert market.pay(order, AVAILABLE).status == 200
    intent = intent_of(market, order)
    world.sandbox.post(f"payment_intents/{intent}/refund")
    dispute = world.sandbox.post(f"charges/{intent}/dispute", amount=1000)
    world.deliver_all(market.shop)
    assert len(market.stored(order).short) == 1
    world.sandbox.post(f"disputes/{dispute['id']}/close", status=outcome)
    world.deliver_all(market.shop)
    assert len(market.stored(order).short) == (outcome == "lost")
    refunds = list(world.stripe.v1.refunds.list({"payment_intent": intent}).data)
    world.sandbox.post(f"refunds/{refunds[0].id}/finish", succeed=False)
    world.deliver_all(market.shop)
    assert cents(market.earning(order, market.x).amount) == (9000 if outcome == "won" else 8100)
    assert market.stored(order).short == ()
