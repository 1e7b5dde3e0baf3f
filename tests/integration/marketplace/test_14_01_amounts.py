"""Issue 14, 1: more worked examples (E12, E19), refund fees, a fee learnt late, and what cost the buyer nothing."""

import logging
from typing import Any

import pytest

from tests.integration.marketplace.conftest import made
from tests.integration.marketplace.market import Market, cents, item
from tests.integration.marketplace.test_14_01_splits import coupon
from tests.integration.world import World

LONDON = {"line1": "1", "city": "London", "postalCode": "N1", "country": "GB"}


def test_e12_of_a_delivery_without_commission_nothing_comes_back(market: Market) -> None:
    """A book at 10.00 with 15 %, delivery at 3.00 without: of 5.00 of the book 0.75 of the commission are back."""
    order = market.sold(item(1000, 1500, market.x), item(300, 0, market.x))
    (back,) = market.refund(order, items=[{"itemId": "item_1", "amount": 500_000}]).data["items"]
    assert (back["commission"], back["earning"]) == (75_000, 425_000)
    assert market.books() == {
        "cash": 800, "commission_revenue": -75, "provider_pending": -725, "provider_pending:x": -725,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("collector", "amount", "tax", "commission", "earning"),
    [
        ("marketplace", 6000, 1000, 750, 4250),
        ("provider", 6000, 1000, 750, 5250),
        ("marketplace", 3333, 556, 417, 2360),
        ("provider", 3333, 556, 417, 2916),
    ],
)
def test_e19_tax_comes_back_of_whoever_owes_it(
    world: World, collector: str, amount: int, tax: int, commission: int, earning: int
) -> None:
    """100.00 and 20.00 tax at 15 %, of which a part is refunded: tax and commission by what was refunded in all."""
    market = made(world, {"taxCollector": collector}, currency="GBP", address=LONDON, taxProvider="builtin")
    order = market.sold(item(10000, 1500, market.x), currency="GBP")
    owed = collector == "marketplace"
    assert market.books().get("tax_payable", 0) == (-2000 if owed else 0)
    (back,) = market.refund(order, amount=amount * 1000).data["items"]
    assert (back["commission"] // 1000, back["earning"] // 1000) == (commission, earning)
    books = market.books()
    assert books.get("tax_payable", 0) == (tax - 2000 if owed else 0)
    assert books["provider_pending:x"] == earning - (8500 if owed else 10500)


@pytest.mark.parametrize(("most", "kept"), [(None, 300), (200_000, 200)])
def test_a_refund_fee_is_kept_of_the_commission(world: World, most: int | None, kept: int) -> None:
    """Of 15.00 the marketplace keeps 20 %, or 2.00 at the most, however many refunds there are: the seller bears it."""
    market = made(world, {"refundFee": {"percent": 20, "maxAmount": most}})
    order = market.sold(item(10000, 1500, market.x))
    for _ in range(4):
        assert market.refund(order, amount=2_500_000).status == 201
    assert market.now(order)["status"] == "refunded"
    books = market.books()
    assert (books["commission_revenue"], books["provider_pending:x"]) == (-kept, kept)
    earning = market.earning(order, market.x)
    assert (earning.status, cents(earning.amount)) == ("pending", -kept), (
        "what it owes waits, to be taken off its account"
    )
    assert earning.due is not None


@pytest.mark.parametrize("released", [False, True])
def test_a_fee_that_is_learnt_after_the_sale_is_the_sellers(
    world: World, monkeypatch: pytest.MonkeyPatch, released: bool
) -> None:
    """Stripe's fee of 3.20 comes to be known later, and is taken once: off what is pending, or by a line."""
    from billing.services.marketplace.order_books import MarketplaceBooks

    market = made(world, {"feesBorneBy": "provider"})
    with monkeypatch.context() as patch:
        patch.setattr(MarketplaceBooks, "charge_known", lambda *_: None)
        order = market.sold(item(6000, 0, market.x), item(4000, 0, market.y))
    if released:
        market.release(order, market.x)
    learn(market, order)
    learn(market, order)
    assert cents(market.earning(order, market.y).amount) == 3872
    books = market.books()
    assert "processing_fees" not in books, "Stripe's 3.20 are entered with the charge, and the sellers bear all of it"
    assert cents(market.stored(order).fees[market.x.id]) == 192
    if released:
        assert [(each.type, cents(each.amount)) for each in market.lines(market.x)][1:] == [("fee", -192)]
        assert books["provider_payable:x"] == 192
    else:
        assert cents(market.earning(order, market.x).amount) == 5808


def learn(market: Market, order: dict[str, Any]) -> None:
    """What a webhook does once Stripe has told the fee."""
    from billing.bootstrap import payments, storage
    from billing.domain.payments.payment import Payment
    from billing.services.kernel.work import Ref

    unit = storage.units().begin(market.shop.id)
    ref = Ref(Payment, market.shop.id, order["paymentId"])
    payment = unit.load(ref).require(ref)
    assert payment.taken is not None
    payments.marketplace_books().charge_known(unit, payment, unit.now)
    unit.commit()


@pytest.mark.parametrize("way", ["amount", "rest", "dashboard"])
def test_nobody_keeps_anything_of_an_order_that_is_refunded(market: Market, way: str) -> None:
    """One item a coupon of the marketplace's has paid alone: with the last cent of the others it comes back, too."""
    coupon(market, percentOff=100, skus=["gift"])
    order = market.sold(item(5000, 1000, market.x), item(2000, 1000, market.y, sku="gift"), couponCode="SAVE")
    assert market.books()["provider_pending:y"] == -1800
    if way == "dashboard":
        payment = market.shop.get(f"/v1/payments/{order['paymentId']}").data
        market.world.stripe.v1.refunds.create({"payment_intent": payment["paymentIntentId"], "amount": 5000})
        market.world.deliver_all(market.shop)
    else:
        assert market.refund(order, **({"amount": 5_000_000} if way == "amount" else {})).status == 201
    assert market.now(order)["status"] == "refunded"
    assert market.books() == {}
    assert market.earning(order, market.y).status == "void"


def test_a_part_of_an_order_leaves_what_was_free(market: Market, caplog: pytest.LogCaptureFixture) -> None:
    """As long as something is left of the order, who sold the free item keeps its share; nothing is logged as wrong."""
    caplog.set_level(logging.ERROR)
    coupon(market, percentOff=100, skus=["gift"])
    order = market.sold(item(5000, 1000, market.x), item(2000, 1000, market.y, sku="gift"), couponCode="SAVE")
    assert market.refund(order, amount=4_999_000).status == 201
    assert market.books()["provider_pending:y"] == -1800
    assert market.refund(order, amount=1_000).data["orderStatus"] == "refunded"
    assert market.books() == {}
    assert not caplog.records
