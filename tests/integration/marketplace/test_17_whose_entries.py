"""Issue 17: what a buyer on a clock causes is in that clock's books; what Stripe pays a provider is in no clock's."""

from collections import Counter

from tests.integration.cash import entries
from tests.integration.marketplace.market import item
from tests.integration.marketplace.paying import AVAILABLE, Payday
from tests.integration.steps import advance
from tests.integration.world import Tenant


def balances(shop: Tenant, **query: str) -> Counter[str]:
    """The trial balance by account, without what is zero, in cents."""
    found: Counter[str] = Counter()
    report = shop.get("/v1/reports/trial-balance", **query).data
    assert report["outOfBalance"] == {}
    for each in report["accounts"]:
        found[each["account"]] += each["balance"] // 1000
    return found


def test_an_order_of_a_buyer_on_a_clock_from_its_sale_to_its_payout(payday: Payday) -> None:
    """100.00 sold, 40.00 refunded, the rest released and paid out."""
    market, shop = payday.market, payday.market.shop
    clock = shop.post("/v1/test-clocks", {"frozenTime": "2030-01-01T00:00:00Z"}).data["id"]
    order = market.order(item(10_000, 0, market.x), customerId=shop.customer(testClockId=clock))
    assert market.pay(order, AVAILABLE).status == 200
    assert market.refund(order, amount=40_00_000).status == 201
    advance(payday.world, shop, clock, "2030-02-01T00:00:00Z")
    payout = payday.work(market.x, payday.paid_out(market.x), turns=3)
    assert payout.amount.minor == 6_000
    of_clock = {each["kind"] for each in entries(payday.world, shop) if each["test_clock_id"] == clock}
    of_none = {each["kind"] for each in entries(payday.world, shop) if each["test_clock_id"] is None}
    assert of_clock == {
        "order_sold", "payment_received", "processing_fee", "order_refunded", "refund_paid", "earning_released",
    }  # fmt: skip
    assert of_none == {"order_sold", "payment_received", "processing_fee", "payout_claimed", "payout_sent"}
    payday.world.clock.advance(seconds=1)
    its, own = balances(shop, testClock=clock, asOf="2031-01-01T00:00:00Z"), balances(shop)
    assert (its["provider_payable"], own["provider_payable"]) == (-6_000, 6_000)
    assert (its["receivable"], own["receivable"], own["payouts_in_transit"]) == (0, 0, 0)
