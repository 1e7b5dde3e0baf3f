"""Issue 14, 1: requests that no order may come of: every bad field is named, and nothing is written."""

from typing import Any

import pytest

from tests.integration.marketplace.market import CARD, Json, Market, item
from tests.integration.marketplace.test_14_01_splits import coupon
from tests.integration.world import World

BIG = 10**15


def nothing_written(market: Market) -> None:
    assert market.shop.get("/v1/commerce/orders").data == []
    assert market.books() == {}
    assert market.world.charges(market.shop) == []


@pytest.mark.parametrize(
    ("items", "bad"),
    [
        ([item(-1)], {"unitAmount"}),
        ([item(1) | {"unitAmount": 999}], {"unitAmount"}),
        ([item(1) | {"unitAmount": 10.5}], {"unitAmount"}),
        ([item(1) | {"unitAmount": 1000.0}], {"unitAmount"}),
        ([item(1) | {"unitAmount": "1000"}], {"unitAmount"}),
        ([item(1) | {"unitAmount": True}], {"unitAmount"}),
        ([item(1) | {"unitAmount": BIG + 1000}], {"unitAmount"}),
        ([item(1) | {"unitAmount": 10**400}], {"unitAmount"}),
        ([item(1, quantity=0)], {"quantity"}),
        ([item(1, quantity=-3)], {"quantity"}),
        ([item(1, quantity=1.5)], {"quantity"}),
        ([item(1, quantity=10**7)], {"quantity"}),
        ([item(BIG // 1000, quantity=2)], {"quantity"}),
        ([item(1, 10_001)], {"commissionBps"}),
        ([item(1, -1)], {"commissionBps"}),
        ([item(1, 12.5)], {"commissionBps"}),  # type: ignore[arg-type]
        ([item(1, color="red")], {"color"}),
        ([item(1, sku="")], {"sku"}),
        ([item(1, sku="a b")], {"sku"}),
        ([item(1, taxCollector="buyer")], {"taxCollector"}),
        ([item(1, providerTenantId="../x")], {"providerTenantId"}),
        ([item(1, earning=1, split={})], {"earning", "split"}),
    ],
)
def test_a_bad_item_is_named(market: Market, items: list[Json], bad: set[str]) -> None:
    """400, with the item's place; the good item beside it is not."""
    answer = market.ask(item(5000), *items)
    assert answer.status == 400, answer.json
    assert set(answer.bad_fields) == {f"items.1.{each}" for each in bad}
    nothing_written(market)


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        ({"currency": "XYZ"}, {"currency"}),
        ({"currency": "usd"}, {"currency"}),
        ({"region": "UK"}, {"region"}),
        ({"taxBehavior": "none"}, {"taxBehavior"}),
        ({"status": "paid", "total": 1}, {"status", "total"}),
        ({"metadata": {"a b": "c"}}, None),
        ({"items": []}, {"items"}),
        ({"items": [item(1)] * 101}, {"items"}),
        ({"items": [item(1, providerTenantId=f"p{n}") for n in range(21)]}, {"items"}),
        ({"items": None}, {"items"}),
        ({"customerId": 7, "currency": 7, "items": {}}, {"customerId", "currency", "items"}),
    ],
)
def test_every_bad_field_of_an_order_is_named(market: Market, fields: Json, bad: set[str] | None) -> None:
    """400, all of them at once."""
    answer = market.shop.post("/v1/commerce/orders", {"currency": "USD", "items": [item(5000)], **fields})
    assert answer.status == 400, answer.json
    assert set(answer.bad_fields) == bad if bad is not None else answer.bad_fields
    nothing_written(market)


def test_several_items_are_named_together(market: Market) -> None:
    """Steps of the currency and sums that are too large, in one answer: KWD are charged in tens of fils."""
    answer = market.ask(item(5121), item(5120), item(BIG // 1000, quantity=3), currency="KWD")
    assert answer.bad_fields == {"items.0.unitAmount": "not_chargeable_in_currency", "items.2.quantity": "too_large"}
    yen = market.ask(item(5) | {"unitAmount": 1500}, currency="JPY")
    assert yen.status == 400
    nothing_written(market)


def test_items_that_are_too_much_together_are_refused(market: Market) -> None:
    """Each is an amount that can be written, their sum is none: also where a coupon would pay for all of it."""
    coupon(market, percentOff=100, maxRedemptions=1)
    for more in ({}, {"couponCode": "SAVE"}):
        answer = market.ask(*[item(BIG // 1000)] * 3, **more)
        assert answer.status == 400, answer.json
        assert answer.bad_fields == {"items": "too_large"}
    assert market.shop.get("/v1/coupons/SAVE").data["timesRedeemed"] == 0
    nothing_written(market)


def test_the_marketplaces_own_id_is_none_of_the_twenty_providers(market: Market) -> None:
    """Twenty others and the marketplace itself, by its id: as many as there may be; they are then looked for."""
    others = [item(100, providerTenantId=f"p{n}") for n in range(20)]
    answer = market.ask(*others, item(100, 0, market.shop))
    assert (answer.status, answer.error["code"]) == (422, "provider.unavailable")


def test_what_is_another_tenants_is_not_there(world: World, market: Market) -> None:
    """A foreign customer, coupon, order: 404 or 422 as if it did not exist, whatever is asked of it."""
    foreign = market.x.customer()
    assert market.ask(item(5000), customerId=foreign).status == 404
    market.x.post("/v1/commerce/coupons", {"code": "THEIRS", "duration": "once", "percentOff": 10})
    theirs, none = (market.ask(item(5000), couponCode=code) for code in ("THEIRS", "NONE"))
    assert (theirs.status, theirs.error["code"]) == (none.status, none.error["code"])
    nothing_written(market)
    order = market.order(item(5000, 0, market.x))
    for path in ("", "/pay", "/refund", "/cancel"):
        url = f"/v1/commerce/orders/{order['id']}{path}"
        body = {"paymentMethodId": CARD} if path == "/pay" else None if path == "/cancel" else {}
        answer = market.x.post(url, body) if path else market.x.get(url)
        assert (answer.status, answer.error["code"]) == (404, "resource.not_found"), path
    assert market.x.get("/v1/commerce/orders").data == []
    assert market.now(order)["status"] == "pending"


def test_a_coupon_in_another_currency_is_refused(market: Market) -> None:
    """5.00 EUR are not off dollars: 422, and no redemption is used up."""
    coupon(market, amountOff=500_000, currency="EUR", maxRedemptions=1)
    answer = market.ask(item(5000), couponCode="SAVE")
    assert (answer.status, answer.error["code"]) == (422, "billing.coupon.invalid")
    assert market.shop.get("/v1/coupons/SAVE").data["timesRedeemed"] == 0
    nothing_written(market)


def test_an_order_that_is_refused_redeems_no_coupon(market: Market) -> None:
    """Too little to be charged after its discount: 422, and the coupon is whole."""
    coupon(market, percentOff=99, maxRedemptions=1)
    answer = market.ask(item(1000, 0, market.x), couponCode="SAVE")
    assert (answer.status, answer.error["code"]) == (422, "order.not_chargeable")
    assert market.shop.get("/v1/coupons/SAVE").data["timesRedeemed"] == 0
    nothing_written(market)


@pytest.mark.parametrize(
    ("body", "bad"),
    [
        ({"amount": 0}, {"amount"}),
        ({"amount": -1000}, {"amount"}),
        ({"amount": 999}, {"amount"}),
        ({"amount": 10.0}, {"amount"}),
        ({"amount": None}, {"amount"}),
        ({"items": []}, {"items"}),
        ({"items": None}, {"items"}),
        ({"items": [{"itemId": "item_0", "quantity": 1}]}, {"items.0.itemId"}),
        ({"items": [{"itemId": "item_1"}]}, {"items.0.quantity", "items.0.amount"}),
        ({"items": [{"itemId": "item_1", "quantity": 0}]}, {"items.0.quantity"}),
        ({"items": [{"itemId": "item_1", "quantity": 1, "earning": 1}]}, {"items.0.earning"}),
        ({"orderId": "x"}, {"orderId"}),
    ],
)
def test_a_bad_refund_is_named_and_gives_nothing_back(market: Market, body: Json, bad: set[str]) -> None:
    """400, each field; nothing moved."""
    order = market.sold(item(5000, 1000, market.x))
    before = market.books()
    answer = market.refund(order, **body)
    assert answer.status == 400, answer.json
    assert set(answer.bad_fields) == bad
    assert market.books() == before
    assert market.now(order)["amountRefunded"] == 0


def test_dinars_are_refunded_in_tens(market: Market) -> None:
    """Of KWD 5.120, 1.005 cannot be sent back, by amount or by item: 400, the field named."""
    order = market.sold(item(5120, 1600, market.x), currency="KWD")
    assert market.refund(order, amount=1_005_000).bad_fields == {"amount": "not_chargeable_in_currency"}
    by_item = market.refund(order, items=[{"itemId": "item_1", "amount": 1_005_000}])
    assert by_item.bad_fields == {"items.0.amount": "not_chargeable_in_currency"}
    assert market.refund(order, amount=1_010_000).status == 201


def test_pages_of_orders_have_each_once(market: Market) -> None:
    """Five orders by twos: each once, newest first, and the last page says so; a cursor of another list is refused."""
    made = [market.order(item(5000))["id"] for _ in range(5)]
    seen: list[str] = []
    cursor: Any = None
    while True:
        page = market.shop.get("/v1/commerce/orders", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [each["id"] for each in page.data]
        cursor = page.json["meta"]["pagination"]["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]
    assert market.shop.get("/v1/commerce/orders", limit=0).status == 400
    assert market.shop.get("/v1/commerce/orders", limit=101).status == 400
    assert market.shop.get("/v1/commerce/orders", status="lost").status == 400
    assert market.shop.get("/v1/commerce/orders", cursor="x").status == 400
