"""Issue 14, 1: two at once, and requests that die between their commits: money moves once, and is entered once."""

from typing import Any

import pytest

from billing.bootstrap import payments, storage
from billing.integrations.stripe.gateway import StripeGateway
from billing.services.payments.order_payments import OrderCharge
from tests.integration.kernel.test_idempotency import Died
from tests.integration.marketplace.market import CARD, Market, item


def test_two_pays_at_once_charge_once(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is carried out while the first is about to write: the first runs again, and finds the order paid."""
    order = market.order(item(5000, 1000, market.x))
    twin: list[str] = []
    real = StripeGateway.ready

    def meanwhile(self: StripeGateway) -> None:
        monkeypatch.setattr(StripeGateway, "ready", real)
        unit = storage.units().begin(market.shop.id)
        made = payments.order_payments().form(unit, OrderCharge(order["id"], CARD))
        unit.commit()
        twin.append(made.payment.status.value)
        real(self)

    monkeypatch.setattr(StripeGateway, "ready", meanwhile)
    late = market.pay(order)
    assert twin == ["succeeded"]
    assert (late.status, late.error["code"]) == (409, "order.invalid_state")
    assert len(market.world.charges(market.shop)) == 1
    assert market.books()["provider_pending"] == -4500


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_pay_that_dies_at_stripe_goes_on_with_its_attempt(
    market: Market, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Whether or not Stripe had charged: the same key, a while later, finds the one charge."""
    order = market.order(item(5000, 1000, market.x))
    path, body = f"/v1/commerce/orders/{order['id']}/pay", {"paymentMethodId": CARD}
    with monkeypatch.context() as patch:
        patch.setattr(StripeGateway, "charge", _dies(StripeGateway.charge, when))
        with pytest.raises(Died):
            market.shop.post(path, body, idempotency_key="pay")
    assert market.now(order)["status"] == "processing"
    market.world.clock.advance(seconds=15)
    assert market.shop.post(path, body, idempotency_key="pay").data["status"] == "paid"
    assert len(market.world.charges(market.shop)) == 1
    assert market.books()["provider_pending"] == -4500


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_refund_that_dies_at_stripe_goes_on_with_its_return(
    market: Market, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """What it takes of the provider is written before Stripe is asked, and once."""
    order = market.sold(item(5000, 1000, market.x))
    path, body = f"/v1/commerce/orders/{order['id']}/refund", {"amount": 2_000_000}
    with monkeypatch.context() as patch:
        patch.setattr(StripeGateway, "refund", _dies(StripeGateway.refund, when))
        with pytest.raises(Died):
            market.shop.post(path, body, idempotency_key="back")
    assert market.books()["provider_pending"] == -2700
    market.world.clock.advance(seconds=15)
    assert market.shop.post(path, body, idempotency_key="back").data["status"] == "succeeded"
    assert market.books() == {
        "cash": 3000, "commission_revenue": -300, "provider_pending": -2700, "provider_pending:x": -2700,
    }  # fmt: skip


def _dies(real: Any, when: str) -> Any:
    def call(self: StripeGateway, thing: Any) -> None:
        if when == "after":
            real(self, thing)
        raise Died

    return call
