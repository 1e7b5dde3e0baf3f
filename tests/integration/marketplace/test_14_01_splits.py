"""Issue 14, 1: the worked examples of splits and refunds (E1 to E20), through the API."""

from typing import Any

import pytest

from tests.integration.marketplace.conftest import made
from tests.integration.marketplace.market import Json, Market, cents, item
from tests.integration.world import World


def amounts(market: Market, order: Json, *names: str) -> list[list[int]]:
    """Some figures of each item, in cents."""
    return [[each[name] // 1000 for name in names] for each in market.now(order)["items"]]


def test_e2_a_commission_rounds_once_and_the_earning_is_the_rest(market: Market) -> None:
    """6.45 at 30 %: 1.94 and 4.51."""
    order = market.sold(item(645, 3000, market.x))
    assert amounts(market, order, "commission", "earning") == [[194, 451]]


def test_e3_the_tax_on_a_commission_comes_off_the_earning(world: World) -> None:
    """100.00 at 3.33 %, 21 % on the commission: 3.33, 0.70, 95.97."""
    market = made(world, {"commissionTaxPercent": 21})
    order = market.sold(item(10000, 333, market.x))
    assert amounts(market, order, "commission", "commissionTax", "earning") == [[333, 70, 9597]]
    assert market.books()["tax_payable"] == -70


@pytest.mark.parametrize(
    ("base", "behavior", "commission"),
    [("net", "inclusive", 800), ("net", "exclusive", 1000), ("gross", "inclusive", 960)],
)
def test_e4_the_base_of_a_commission_is_without_tax_unless_said(
    world: World, base: str, behavior: str, commission: int
) -> None:
    """96.00 with 16.00 tax in it (or 100.00 with 20.00 on top) at 10 %."""
    address = {"line1": "1", "city": "London", "postalCode": "N1", "country": "GB"}
    market = made(world, {"commissionBase": base}, currency="GBP", address=address, taxProvider="builtin")
    price = 10000 if behavior == "exclusive" else 9600
    order = market.sold(item(price, 1000, market.x), currency="GBP", taxBehavior=behavior)
    assert amounts(market, order, "tax", "commission") == [[2000 if behavior == "exclusive" else 1600, commission]]


def test_e5_yen_have_no_cents_and_dinars_are_charged_in_tens(world: World) -> None:
    """JPY 1000 at 3.33 %: 33 and 967; KWD 5.120 at 16 %: 0.820 and 4.300; KWD 5.125 is no price."""
    market = made(world)
    yen = market.sold(item(1000, 333, market.x), currency="JPY")
    assert amounts(market, yen, "commission", "earning") == [[33, 967]]
    dinars = market.sold(item(5120, 1600, market.x), currency="KWD")
    assert amounts(market, dinars, "commission", "earning") == [[820, 4300]]
    refused = market.ask(item(5125, 1600, market.x), item(5121), currency="KWD")
    assert refused.bad_fields == {f"items.{n}.unitAmount": "not_chargeable_in_currency" for n in (0, 1)}


@pytest.mark.parametrize(
    ("percent", "bps", "funder", "earning", "revenue"),
    [
        (50, 1000, "marketplace", 9000, -4000),  # E6
        (20, 2500, "marketplace", 7500, 500),  # E7
        (20, 2500, "provider", 6000, 2000),
    ],
)
def test_e6_e7_c24_who_funds_a_coupon_pays_for_it(
    market: Market, percent: int, bps: int, funder: str, earning: int, revenue: int
) -> None:
    """A coupon of the marketplace's: the seller gets its share of the full price, and the marketplace may lose."""
    coupon(market, percentOff=percent, fundedBy=funder)
    order = market.sold(item(10000, bps, market.x), couponCode="SAVE")
    assert cents(market.earning(order, market.x).amount) == earning
    books = market.books()
    assert -books["commission_revenue"] - books.get("promotions", 0) == revenue
    assert books["cash"] == 10000 - percent * 100


def coupon(market: Market, code: str = "SAVE", **terms: Any) -> Json:
    made_one = market.shop.post("/v1/commerce/coupons", {"code": code, "duration": "once", **terms})
    assert made_one.status == 201, made_one.json
    return dict(made_one.data)


def e1(market: Market) -> tuple[Json, Json, Json]:
    return item(6990), item(8712, 1600, market.x), item(4260, 2000, market.y)


@pytest.mark.parametrize(
    ("funder", "earnings", "left"), [("provider", (6951, 3238), 8773), ("marketplace", (7318, 3408), 8236)]
)
def test_e8_an_amount_off_is_split_by_largest_remainder(
    market: Market, funder: str, earnings: tuple[int, int], left: int
) -> None:
    """10.00 off E1 is 3.50, 4.37 and 2.13."""
    coupon(market, amountOff=1_000_000, currency="USD", fundedBy=funder)
    order = market.sold(*e1(market), couponCode="save")
    assert amounts(market, order, "discount") == [[350], [437], [213]]
    assert tuple(cents(market.earning(order, each).amount) for each in (market.x, market.y)) == earnings
    books = market.books()
    assert -books["revenue"] - books["commission_revenue"] - books.get("promotions", 0) == left


def test_e9_a_refund_takes_back_the_promotion_as_well(market: Market) -> None:
    """Item Y refunded: the buyer gets 40.47, of which 34.08 and 8.52 come back, 2.13 the marketplace saves."""
    coupon(market, amountOff=1_000_000, currency="USD")
    order = market.sold(*e1(market), couponCode="SAVE")
    back = market.refund(order, items=[{"itemId": "item_3", "quantity": 1}])
    assert back.status == 201, back.json
    assert (back.data["amount"], back.data["status"]) == (4_047_000, "succeeded")
    assert back.data["items"] == [
        {"itemId": "item_3", "quantity": 1, "amount": 4_047_000, "earning": 3_408_000, "commission": 852_000}
    ]
    books = market.books()
    assert (books["promotions"], books["commission_revenue"]) == (437, -1394)
    assert "provider_pending:y" not in books


@pytest.mark.parametrize(
    ("items", "back", "earnings", "commission"),
    [
        ([(10000, 500)], 5000, [4750], 250),  # E10
        ([(3275, 1374)], 600, [2825 - 518], 368),  # E11: commission 4.50, of which 0.82 is back
        ([(1000, 1000), (2000, 500)], 3000, [], 0),  # all of it
        ([(28000, 0), (12000, 0)], 5001, [28000 - 3501, 12000 - 1500], 0),  # E15
    ],
)
def test_e10_e11_e15_a_refund_by_amount_is_over_what_is_left(
    market: Market, items: list[tuple[int, int]], back: int, earnings: list[int], commission: int
) -> None:
    """A refund by amount splits over what is left of each item; the commission goes with what was refunded in all."""
    sellers = (market.x, market.y)
    order = market.sold(*(item(price, bps, each) for (price, bps), each in zip(items, sellers, strict=False)))
    assert market.refund(order, amount=back * 1000).status == 201
    found = [cents(market.earning(order, each).amount) for each, _ in zip(sellers, items, strict=False)]
    assert [each for each in found if each] == earnings
    assert -market.books().get("commission_revenue", 0) == commission


@pytest.mark.parametrize(
    ("price", "bps", "steps", "commission"),
    [(1000, 3333, (333, 333, 334), (111, 111, 111)), (3, 5000, (1, 1, 1), (1, 0, 1))],
)
def test_e13_e14_c5_partial_refunds_lose_and_make_no_cent(
    market: Market, price: int, bps: int, steps: tuple[int, ...], commission: tuple[int, ...]
) -> None:
    """Several partial refunds before a payout are all deducted, and together take back exactly what was sold."""
    order = market.sold(item(price, bps, market.x), item(1000))
    found = [
        market.refund(order, items=[{"itemId": "item_1", "amount": step * 1000}]).data["items"][0]["commission"] // 1000
        for step in steps
    ]
    assert tuple(found) == commission
    assert cents(market.earning(order, market.x).amount) == 0
    assert market.earning(order, market.x).status == "void"


def test_e16_an_amount_off_e1(market: Market) -> None:
    """50.00 of E1: 17.51, 21.82 and 10.67; 3.49 and 2.13 of commission; the sellers give 18.33 and 8.54."""
    order = market.sold(*e1(market))
    items = market.refund(order, amount=5_000_000).data["items"]
    assert [each["amount"] // 1000 for each in items] == [1751, 2182, 1067]
    assert [each["commission"] // 1000 for each in items] == [0, 349, 213]
    assert [each["earning"] // 1000 for each in items[1:]] == [1833, 854]
    assert market.now(order)["status"] == "partially_refunded"


def test_e17_e18_c23_an_item_takes_back_its_own_commission(market: Market) -> None:
    """Never a blended rate, nor the rate of today: 10.00 come back, not 12.50; of the delivery nothing."""
    order = market.sold(item(10000, 1000, market.x), item(10000, 1500, market.x), item(2000, 0, market.x))
    first = market.refund(order, items=[{"itemId": "item_1", "quantity": 1}]).data["items"]
    assert [each["commission"] for each in first] == [1_000_000]
    assert cents(market.earning(order, market.x).amount) == 8500 + 2000


def test_e20_the_card_processors_fee_is_borne_by_gross(world: World) -> None:
    """A fee of 3.20 on 100.00 split 60 to 40: 1.92 and 1.28, off the pending earnings."""
    market = made(world, {"feesBorneBy": "provider"})
    order = market.sold(item(6000, 0, market.x), item(4000, 0, market.y))
    world.deliver_all(market.shop)
    assert [cents(market.earning(order, each).amount) for each in (market.x, market.y)] == [5808, 3872]
    books = market.books()
    assert (books["processing_fees"], books["provider_pending"]) == (-320, -9680)
    assert cents(market.stored(order).fee) == 320  # type: ignore[arg-type]


def test_a_commission_above_what_an_item_brings_is_refused(world: World) -> None:
    """Of a commission of 100 % and 21 % tax on it nothing is left, and less: 422, the items named."""
    market = made(world, {"commissionTaxPercent": "21"})
    refused = market.ask(item(1000, 500, market.x), item(1000, 10_000, market.x))
    assert (refused.status, refused.error["code"]) == (422, "order.commission_too_high")
    assert refused.bad_fields == {"items.1.commissionBps": "more_than_the_item_brings"}
