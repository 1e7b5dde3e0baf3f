"""Issue 14, 1: whoever gives an order's money back goes through the order: no provider is left untouched."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from billing.domain.kernel.errors import RefundWindowPassed
from billing.domain.kernel.money import Money
from billing.domain.marketplace.split import Split
from billing.services.marketplace.order_books import require_in_time
from tests.integration.marketplace.conftest import made
from tests.integration.marketplace.market import Json, Market, cents, item
from tests.integration.world import World


def by_order(market: Market, order: Json, cents_: int) -> None:
    assert market.refund(order, amount=cents_ * 1000).status == 201


def by_payment(market: Market, order: Json, cents_: int) -> None:
    answer = market.shop.post(f"/v1/payments/{order['paymentId']}/refund", {"amount": cents_ * 1000})
    assert (answer.status, answer.data["orderId"]) == (201, order["id"]), answer.json


def by_dashboard(market: Market, order: Json, cents_: int) -> None:
    at_stripe = market.shop.get(f"/v1/payments/{order['paymentId']}").data["paymentIntentId"]
    market.world.stripe.v1.refunds.create({"payment_intent": at_stripe, "amount": cents_})
    market.world.deliver_all(market.shop)


WAYS = [by_order, by_payment, by_dashboard]


def e10(market: Market) -> Json:
    return market.sold(item(10000, 500, market.x), item(10000, 1000, market.y))


@pytest.mark.parametrize("way", WAYS)
def test_c6_every_way_back_shrinks_the_pending_earnings(
    market: Market, way: Callable[[Market, Json, int], None]
) -> None:
    """100.00 of 200.00 back: half of each provider's share, of the commissions, and of the cash; nothing in refunds."""
    order = e10(market)
    way(market, order, 10000)
    market.world.deliver_all(market.shop)
    assert [cents(market.earning(order, each).amount) for each in (market.x, market.y)] == [4750, 4500]
    assert market.books() == {
        "cash": 10000,
        "commission_revenue": -750,
        "provider_pending": -9250,
        "provider_pending:x": -4750,
        "provider_pending:y": -4500,
    }
    assert market.now(order)["status"] == "partially_refunded"
    assert market.now(order)["amountRefunded"] == 10_000_000


@pytest.mark.parametrize("way", WAYS)
def test_c7_c30_after_the_release_a_refund_is_a_line_and_the_balance_may_be_below_zero(
    market: Market, way: Callable[[Market, Json, int], None]
) -> None:
    """Released and paid out or not, the provider owes what the buyer got back: once."""
    order = e10(market)
    market.release(order, market.x)
    way(market, order, 20000)
    market.world.deliver_all(market.shop)
    (release, refund) = market.lines(market.x)
    assert (release.type, cents(release.amount)) == ("release", 9500)
    assert (refund.type, cents(refund.amount), cents(refund.balance_after)) == ("refund", -9500, 0)
    assert refund.figures is not None
    assert (cents(refund.figures.gross), cents(refund.figures.commission)) == (-10000, -500)
    assert refund.item_ids == ("item_1",)
    assert market.earning(order, market.y).status == "void"
    assert market.now(order)["status"] == "refunded"
    assert market.books()["provider_payable:x"] == 9500, "until the release itself is entered"


def test_c36_a_refund_that_fails_is_the_providers_again(market: Market) -> None:
    """The bank sends it back: the pending earning, the account, and the order are as before."""
    order = e10(market)
    market.release(order, market.x)
    before = market.books()
    back = market.refund(order, amount=20_000_000)
    assert (back.status, back.data["orderStatus"]) == (201, "refunded")
    refund_id = back.data["id"]
    at_stripe = [each.id for each in market.world.stripe.v1.refunds.list({"limit": 1}).data]
    market.world.sandbox.post(f"refunds/{at_stripe[0]}/finish", succeed=False)
    market.world.deliver_all(market.shop)
    assert market.shop.get(f"/v1/payments/{order['paymentId']}/refunds").data[0]["id"] == refund_id
    assert market.now(order)["status"] == "paid"
    assert market.books() == before
    assert [(each.type, cents(each.amount)) for each in market.lines(market.x)] == [
        ("release", 9500), ("refund", -9500), ("refund_returned", 9500),
    ]  # fmt: skip
    earning = market.earning(order, market.y)
    assert (earning.status, cents(earning.amount)) == ("pending", 9000)
    assert earning.due is not None
    again = market.refund(order, items=[{"itemId": "item_1", "quantity": 1}])
    assert again.status == 201, "what came back can be refunded again"


def test_a_refund_in_stripes_dashboard_beside_one_under_way(market: Market) -> None:
    """120.00 are on their way here, 150.00 are refunded at Stripe: only 80.00 were left of the items. Ours is refused,
    and the other 70.00 are then taken of whoever sold, too."""
    order = e10(market)
    at_stripe = market.shop.get(f"/v1/payments/{order['paymentId']}").data["paymentIntentId"]
    market.world.stripe_fails("drop_before", "^/v1/refunds$", method="POST")
    assert market.refund(order, amount=12_000_000).data["status"] == "pending"
    market.world.stripe_works()
    market.world.stripe.v1.refunds.create({"payment_intent": at_stripe, "amount": 15000})
    market.world.deliver_all(market.shop)
    assert market.now(order)["amountRefunded"] == 20_000_000
    assert market.books()["refunds"] == 7000, "short, until the other one is known to have failed"
    market.world.clock.advance(minutes=5)
    for shard in range(16):
        market.world.work(f"{shard:02d}")
    assert market.now(order)["amountRefunded"] == 15_000_000
    assert market.now(order)["status"] == "partially_refunded"
    books = market.books()
    assert "refunds" not in books
    assert (books["cash"], books["provider_pending"], books["commission_revenue"]) == (5000, -4625, -375)
    assert market.stored(order).short == ()


def test_the_deadline_is_the_same_instant_for_refunds_and_releases(market: Market) -> None:
    """Until a moment before it can be refunded; from then on it is refused, and the earning may be released."""
    customer_clock = market.shop.post("/v1/test-clocks", {"frozenTime": "2027-01-01T00:00:00Z"}).data
    customer = market.shop.customer(testClockId=customer_clock["id"])
    order = market.sold(item(10000, 500, market.x), customerId=customer)
    assert order["refundDeadlineAt"] == "2027-01-15T00:00:00Z"
    earning = market.earning(order, market.x)
    assert earning.release_at.isoformat() == "2027-01-15T00:00:00+00:00"
    stored = market.stored(order)
    assert stored.refund_deadline_at == earning.release_at
    require_in_time(stored, earning.release_at - timedelta(microseconds=1))
    with pytest.raises(RefundWindowPassed):
        require_in_time(stored, earning.release_at)


def test_after_the_deadline_the_api_refuses_and_the_dashboard_is_adopted(world: World) -> None:
    """403 refund.window_passed on the order's route and the payment's; a refund at Stripe has happened."""
    market = made(world, {"refundWindowDays": 0})
    order = e10(market)
    for answer in (
        market.refund(order, amount=1_000_000),
        market.shop.post(f"/v1/payments/{order['paymentId']}/refund", {"amount": 1_000_000}),
    ):
        assert (answer.status, answer.error["code"]) == (403, "refund.window_passed")
    assert "refunds" not in market.books()
    by_dashboard(market, order, 10000)
    assert market.books()["provider_pending"] == -9250


def test_more_than_is_left_is_refused_item_by_item(market: Market) -> None:
    """422, and nothing is written; an item that is not there is 404; contradictions are 400."""
    order = e10(market)
    by_order(market, order, 5000)
    before = market.books()
    for body in ({"amount": 15_001_000}, {"items": [{"itemId": "item_1", "quantity": 2}]},
                 {"items": [{"itemId": "item_1", "amount": 7_501_000}]}):  # fmt: skip
        answer = market.refund(order, **body)
        assert (answer.status, answer.error["code"]) == (422, "billing.refund.exceeds_available")
    assert market.refund(order, items=[{"itemId": "item_9", "quantity": 1}]).status == 404
    twice = [{"itemId": "item_1", "quantity": 1, "amount": 1000}, {"itemId": "item_1", "quantity": 1}]
    assert set(market.refund(order, amount=1000, items=twice).bad_fields) == {
        "items", "items.0.quantity", "items.0.amount", "items.1.itemId",
    }  # fmt: skip
    assert market.books() == before


def test_c19_an_order_refunded_in_steps_reads_refunded(market: Market) -> None:
    """By item, by amount, and the rest: refunded, and nothing is left in any account."""
    order = e10(market)
    assert market.refund(order, items=[{"itemId": "item_1", "quantity": 1}]).data["orderStatus"] == "partially_refunded"
    by_order(market, order, 2500)
    assert market.refund(order).data["orderStatus"] == "refunded"
    assert market.books() == {}


def test_c35_a_refund_is_checked_against_the_order_not_the_providers_balance(market: Market) -> None:
    """The provider's balance may be smaller than what is refunded: the buyer gets it all the same."""
    order = e10(market)
    market.release(order, market.x)
    market.release(order, market.y)
    by_order(market, order, 15000)
    assert [cents(head.balance) for head in (market.head(market.x), market.head(market.y)) if head] == [2375, 2250]


def test_c37_parts_that_are_not_the_whole_cannot_be_made() -> None:
    """A split refuses to be anything but the whole."""
    zero, ten, nine = (Money.from_minor(each, "USD") for each in (0, 1000, 900))
    with pytest.raises(ValueError, match="a split of"):
        Split(ten, zero, zero, zero, zero, zero, nine)


def test_a_repeated_refund_request_is_one_refund(market: Market) -> None:
    """The same key: the same answer, and money goes back once."""
    order = e10(market)
    path = f"/v1/commerce/orders/{order['id']}/refund"
    first = market.shop.post(path, {"amount": 1_000_000}, idempotency_key="once")
    again = market.shop.post(path, {"amount": 1_000_000}, idempotency_key="once")
    assert (again.headers["Idempotent-Replayed"], again.data) == ("true", first.data)
    assert market.now(order)["amountRefunded"] == 1_000_000
