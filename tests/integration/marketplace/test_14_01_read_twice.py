"""Issue 14, 1: an order that changes between two reads of one request: it runs again, and goes by what is so now."""

from typing import Any

import pytest

from billing.bootstrap import marketplace, payments, storage
from billing.services.marketplace import order_refunds, orders
from billing.services.marketplace.order_refunds import WantedReturn
from billing.services.payments.order_payments import OrderCharge
from tests.integration.marketplace.market import Market, item
from tests.integration.payer import pay


def test_one_item_is_not_given_back_twice(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another refund of the only piece is written after this one has read the order, and before it reads it again."""
    order = market.sold(item(4000, 1000, market.x), item(6000, 1000, market.y))
    real = order_refunds.get

    def meanwhile(work: Any, order_id: str) -> Any:
        found = real(work, order_id)
        monkeypatch.setattr(order_refunds, "get", real)
        unit = storage.units().begin(market.shop.id)
        marketplace.order_refunds().create(unit, order_id, WantedReturn(quantities={"item_1": 1}))
        unit.commit()
        return found

    monkeypatch.setattr(order_refunds, "get", meanwhile)
    late = market.refund(order, items=[{"itemId": "item_1", "quantity": 1}])
    assert (late.status, late.error["code"]) == (422, "billing.refund.exceeds_available")
    now = market.now(order)
    assert (now["amountRefunded"], now["items"][0]["quantityRefunded"]) == (4_000_000, 1)
    assert market.books().get("provider_pending:x", 0) == 0


def test_a_form_that_is_opened_while_the_order_is_canceled_is_taken_back(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cancel had seen no form; it looks again, and nobody can pay an order that is canceled."""
    order = market.order(item(4000, 1000, market.x))
    real = orders._payment_of
    secret: list[dict[str, str]] = []

    def meanwhile(work: Any, of: Any) -> Any:
        found = real(work, of)
        monkeypatch.setattr(orders, "_payment_of", real)
        unit = storage.units().begin(market.shop.id)
        made = payments.order_payments().form(unit, OrderCharge(of.id))
        unit.commit()
        secret.append({"paymentIntentId": str(made.payment.stripe_payment_intent_id)})
        return found

    monkeypatch.setattr(orders, "_payment_of", meanwhile)
    answer = market.shop.post(f"/v1/commerce/orders/{order['id']}/cancel")
    assert (answer.status, answer.data["status"]) == (200, "canceled")
    assert pay(market.world, secret[0]) != 200
    assert market.world.charges(market.shop) == []
