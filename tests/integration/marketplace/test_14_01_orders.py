"""Issue 14, 1: an order is priced once, paid once, and reaches every provider."""

from tests.integration.marketplace.market import Json, Market, cents, item
from tests.integration.steps import event_types


def e1(market: Market) -> tuple[Json, Json, Json]:
    return item(6990), item(8712, 1600, market.x), item(4260, 2000, market.y)


def test_e1_an_order_reaches_every_provider(market: Market) -> None:
    """69.90 of its own, 87.12 at 16 %, 42.60 at 20 %: 73.18 and 34.08 are the providers', 92.36 the marketplace's."""
    order = market.order(*e1(market))
    assert (order["status"], order["total"], order["paymentId"]) == ("pending", 19_962_000, None)
    paid = market.pay(order)
    assert paid.status == 200, paid.json
    assert paid.data["status"] == "paid"
    assert cents(market.earning(order, market.x).amount) == 7318
    assert cents(market.earning(order, market.y).amount) == 3408
    assert market.books() == {
        "cash": 19962,
        "revenue": -6990,
        "commission_revenue": -(1394 + 852),
        "provider_pending": -(7318 + 3408),
        "provider_pending:x": -7318,
        "provider_pending:y": -3408,
    }
    assert (market.head(market.x), market.head(market.y)) == (None, None), "a sale leaves the accounts alone"
    told = [each for each in event_types(market.world, market.shop) if each != "customer.updated"]
    assert told == ["order.created", "order.paid", "payment.succeeded"]
