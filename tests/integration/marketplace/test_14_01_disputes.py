"""Issue 14, 1: disputes of an order's payment: held, given back, or lost, of each provider its part."""

import pytest

from tests.integration.marketplace.market import Json, Market, cents, item
from tests.integration.payments.test_disputes import close, dispute


def sold(market: Market, *released: str) -> Json:
    order = market.sold(item(10000, 1000, market.x), item(10000, 1000, market.y))
    for name in released:
        market.release(order, getattr(market, name))
    return order


def disputed(market: Market, order: Json, **how: object) -> str:
    payment = market.shop.get(f"/v1/payments/{order['paymentId']}").data
    found = dispute(market.world, payment, **how)
    market.world.deliver_all(market.shop)
    return found


def closed(market: Market, dispute_id: str, status: str) -> None:
    close(market.world, dispute_id, status)
    market.world.deliver_all(market.shop)


def statuses(market: Market, order: Json) -> list[str]:
    return [str(market.earning(order, each).status) for each in (market.x, market.y)]


def test_an_open_dispute_holds_every_earning_of_the_order(market: Market) -> None:
    """What is pending waits; what is on an account is held there; the order's status stands."""
    order = sold(market, "x")
    disputed(market, order)
    assert (market.now(order)["status"], market.now(order)["disputed"]) == ("paid", True)
    assert statuses(market, order) == ["released", "held"]
    assert market.earning(order, market.y).due is None
    head = market.head(market.x)
    assert head is not None
    assert (cents(head.balance), cents(head.held)) == (0, 9000)
    assert [(each.type, cents(each.amount)) for each in market.lines(market.x)][1:] == [("dispute_hold", -9000)]
    books = market.books()
    assert (books.get("cash", 0), books["disputes"]) == (0, 20000)
    assert (books["provider_payable:x"], books["provider_held:x"]) == (9000, -9000)
    assert market.refund(order, amount=1_000_000).error["code"] == "billing.refund.exceeds_available"


def test_a_dispute_that_is_won_gives_all_of_it_back(market: Market) -> None:
    """The account, the pending earning, and the books are as before."""
    order = sold(market, "x")
    before = market.books()
    closed(market, disputed(market, order), "won")
    assert market.books() == before
    assert statuses(market, order) == ["released", "pending"]
    assert market.earning(order, market.y).due is not None
    assert [(each.type, cents(each.amount)) for each in market.lines(market.x)][1:] == [
        ("dispute_hold", -9000), ("dispute_released", 9000),
    ]  # fmt: skip
    head = market.head(market.x)
    assert head is not None
    assert (cents(head.balance), cents(head.held)) == (9000, 0)
    assert market.now(order)["amountRefunded"] == 0
    assert market.refund(order, amount=20_000_000).data["orderStatus"] == "refunded"


def test_a_dispute_that_is_lost_takes_the_shares_and_no_bad_debt(market: Market) -> None:
    """Of each its own: the held part of the account, the pending earning, and the commission."""
    order = sold(market, "x")
    closed(market, disputed(market, order), "lost")
    books = market.books()
    assert "bad_debt" not in books
    assert "disputes" not in books
    assert {each: books[each] for each in books if not each.startswith("provider_payable")} == {
        "provider_pending": -9000,  # x's, whose release was not entered here
        "provider_pending:x": -9000,
    }
    head = market.head(market.x)
    assert head is not None
    assert (cents(head.balance), cents(head.held)) == (0, 0)
    assert statuses(market, order) == ["released", "void"]


@pytest.mark.parametrize("released", [(), ("x", "y")])
def test_c38_a_lost_dispute_of_a_part_takes_only_that_part(market: Market, released: tuple[str, ...]) -> None:
    """60.00 of 200.00: 27.00 of each provider, 6.00 of the commission; the rest stays theirs."""
    order = sold(market, *released)
    closed(market, disputed(market, order, amount=6000), "lost")
    for each in (market.x, market.y):
        head = market.head(each)
        left = cents(market.earning(order, each).amount) if head is None else cents(head.balance)
        assert left == 6300
    books = market.books()
    assert (books["commission_revenue"], books["cash"]) == (-1400, 14000)
    assert market.now(order)["amountRefunded"] == 6_000_000


def test_an_inquiry_stops_the_release_and_moves_nothing(market: Market) -> None:
    """An early warning: nothing is withdrawn, and nothing released; closed, all goes on."""
    order = sold(market)
    before = market.books()
    inquiry = disputed(market, order, inquiry=True)
    assert statuses(market, order) == ["held", "held"]
    assert market.books() == before
    closed(market, inquiry, "warning_closed")
    assert statuses(market, order) == ["pending", "pending"]
    assert market.books() == before


def test_a_refund_then_a_dispute_of_the_rest(market: Market) -> None:
    """50.00 are refunded, then all that is left is disputed and lost: nothing is taken twice."""
    order = sold(market)
    assert market.refund(order, amount=5_000_000).status == 201
    closed(market, disputed(market, order, amount=15000), "lost")
    assert market.books() == {}
    assert statuses(market, order) == ["void", "void"]
