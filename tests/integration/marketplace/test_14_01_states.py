"""Issue 14, 1: an order's states, what each allows, and how it ends where nobody pays."""

from dataclasses import replace

import pytest

from tests.integration.marketplace.conftest import made
from tests.integration.marketplace.market import CARD, Json, Market, item
from tests.integration.marketplace.test_14_01_splits import coupon
from tests.integration.payer import THREE_DS, pay
from tests.integration.steps import event_types
from tests.integration.world import World


def form(market: Market, order: Json) -> Json:
    """The form of an order: what its payer needs."""
    answer = market.pay(order, None)
    assert answer.status == 200, answer.json
    return dict(answer.data["payment"])


def test_a_form_pays_an_order_by_its_webhook(market: Market) -> None:
    """The intent has a client secret, the order stays pending until Stripe tells that it was paid; twice tells once."""
    order = market.order(item(5000, 1000, market.x))
    made_form = form(market, order)
    assert made_form["clientSecret"]
    assert market.now(order)["status"] == "pending"
    assert pay(market.world, made_form) == 200
    market.world.deliver_all(market.shop)
    assert market.now(order)["status"] == "paid"
    for event in market.world.stripe_events(market.shop):
        market.world.deliver(event)
    assert market.books()["provider_pending"] == -4500


def test_c9_a_sale_is_earned_once_whoever_tells_of_it(market: Market) -> None:
    """The request, its webhook, and the same webhook again: one earning, one sale in the books."""
    order = market.sold(item(10000, 1000, market.x))
    before = market.books()
    for _ in range(2):
        for event in market.world.stripe_events(market.shop):
            market.world.deliver(event)
    assert market.books() == before
    assert market.earning(order, market.x).version <= 2


def test_one_live_attempt_the_older_form_is_taken_back(market: Market) -> None:
    """A form that is open cannot be paid any more once another way to pay was begun."""
    order = market.order(item(5000, 0, market.x))
    first = form(market, order)
    second = form(market, order)
    assert first["paymentId"] != second["paymentId"]
    assert pay(market.world, first) != 200
    assert market.pay(order).data["status"] == "paid"
    assert pay(market.world, second) != 200
    assert len(market.world.charges(market.shop)) == 1


def test_an_intent_that_names_an_order_pays_it(market: Market) -> None:
    """POST /payments/intents and POST /payments of an order go the same way, for its own amount and currency alone."""
    order = market.order(item(5000, 0, market.x))
    wrong = market.shop.post("/v1/payments/intents", {"orderId": order["id"], "amount": 4_000_000, "currency": "USD"})
    assert (wrong.status, wrong.error["code"]) == (422, "payment.differs_from_order")
    assert wrong.bad_fields == {"amount": "differs_from_the_order"}
    euros = market.shop.post("/v1/payments", {"orderId": order["id"], "amount": 5_000_000, "currency": "EUR"})
    assert euros.bad_fields == {"currency": "differs_from_the_order"}
    body = {"orderId": order["id"], "amount": 5_000_000, "currency": "USD", "paymentMethodId": CARD}
    paid = market.shop.post("/v1/payments", body)
    assert (paid.status, paid.data["orderId"]) == (201, order["id"])
    assert market.now(order)["status"] == "paid"
    assert market.shop.post("/v1/payments", body).error["code"] == "order.invalid_state"
    assert len(market.world.charges(market.shop)) == 1
    own = market.shop.post("/v1/payments/intents", {"orderId": "basket-7", "amount": 4_000_000, "currency": "USD"})
    assert own.status == 201, "an order id that names none is the tenant's own reference"


def test_a_declined_card_leaves_the_order_to_be_paid(market: Market) -> None:
    """A decline is answered as one; the order is pending, and another card pays it."""
    order = market.order(item(5000, 0, market.x))
    declined = market.pay(order, "pm_card_chargeCustomerFail")
    assert declined.status in (402, 502)
    assert market.now(order)["status"] == "pending"
    assert market.pay(order).data["status"] == "paid"


def test_a_bank_that_wants_its_payer(market: Market) -> None:
    """The order waits for its payer meanwhile."""
    order = market.order(item(5000, 0, market.x))
    answer = market.pay(order, THREE_DS)
    assert (answer.status, answer.data["status"]) == (200, "requires_action")
    assert answer.data["payment"]["requiresAction"] is True
    assert market.shop.post(f"/v1/commerce/orders/{order['id']}/cancel").error["code"] == "order.invalid_state"


def canceled(market: Market) -> Json:
    order = market.order(item(5000, 0, market.x))
    answer = market.shop.post(f"/v1/commerce/orders/{order['id']}/cancel")
    assert (answer.status, answer.data["status"]) == (200, "canceled")
    return dict(answer.data)


def expired(market: Market) -> Json:
    order = market.order(item(5000, 0, market.x))
    market.let_expire(order)
    return market.now(order)


def paid(market: Market) -> Json:
    return market.sold(item(5000, 0, market.x))


def refunded(market: Market) -> Json:
    order = paid(market)
    assert market.refund(order).status == 201
    return market.now(order)


def pending(market: Market) -> Json:
    return market.order(item(5000, 0, market.x))


@pytest.mark.parametrize(
    ("reach", "status", "refused"),
    [
        (pending, "pending", ["refund"]),
        (paid, "paid", ["pay", "cancel"]),
        (refunded, "refunded", ["pay", "cancel", "refund"]),
        (canceled, "canceled", ["pay", "cancel", "refund"]),
        (expired, "expired", ["pay", "cancel", "refund"]),
    ],
)
def test_every_illegal_transition_is_a_conflict(market: Market, reach: object, status: str, refused: list[str]) -> None:
    """409 order.invalid_state, and nothing happens."""
    order = reach(market)  # type: ignore[operator]
    assert order["status"] == status
    for action in refused:
        answer = market.shop.post(f"/v1/commerce/orders/{order['id']}/{action}", {} if action != "cancel" else None)
        assert (answer.status, answer.error["code"]) == (409, "order.invalid_state"), action
    assert market.now(order)["status"] == status


def test_expiry_takes_the_form_back_and_returns_the_coupon(market: Market) -> None:
    """Only a form that nobody can pay any more is given up: the last redemption is somebody else's then."""
    coupon(market, percentOff=10, maxRedemptions=1, maxRedemptionsPerCustomer=1)
    order = market.order(item(5000, 0, market.x), couponCode="SAVE")
    assert market.ask(item(5000, 0, market.x), couponCode="SAVE").error["code"] == "billing.coupon.exhausted"
    open_form = form(market, order)
    market.let_expire(order)
    assert market.now(order)["status"] == "expired"
    assert pay(market.world, open_form) != 200
    assert event_types(market.world, market.shop)[-1] == "order.expired"
    assert market.shop.get("/v1/coupons/SAVE").data["timesRedeemed"] == 0
    assert market.order(item(5000, 0, market.x), couponCode="SAVE")["discount"] == 500_000


def test_a_payer_who_was_faster_than_the_expiry_has_paid(market: Market) -> None:
    """The webhook is lost, the day is over: the form turns out to be paid, and so is the order; the coupon is used."""
    coupon(market, percentOff=10, maxRedemptions=1)
    order = market.order(item(5000, 0, market.x), couponCode="SAVE")
    open_form = form(market, order)
    assert pay(market.world, open_form) == 200
    market.let_expire(order)
    assert market.now(order)["status"] == "paid"
    assert market.shop.get("/v1/coupons/SAVE").data["timesRedeemed"] == 1
    assert market.books()["provider_pending"] == -5000


def test_an_order_of_nothing_is_paid_at_once_and_its_sellers_are_owed(market: Market) -> None:
    """A coupon of 100 % that the marketplace pays for: no charge, 90.00 for the seller; given back by number alone."""
    coupon(market, percentOff=100)
    order = market.order(item(5000, 1000, market.x, quantity=2), couponCode="SAVE")
    assert (order["status"], order["total"], order["paymentId"]) == ("paid", 0, None)
    assert market.books() == {
        "promotions": 10000,
        "commission_revenue": -1000,
        "provider_pending": -9000,
        "provider_pending:x": -9000,
    }
    back = market.refund(order, items=[{"itemId": "item_1", "quantity": 1}])
    assert (back.status, back.data["amount"], back.data["orderStatus"]) == (201, 0, "partially_refunded")
    assert market.books()["provider_pending"] == -4500
    assert market.refund(order, items=[{"itemId": "item_1", "quantity": 1}]).data["orderStatus"] == "refunded"
    assert market.books() == {}
    assert market.world.charges(market.shop) == []


def test_a_total_that_no_card_can_be_charged_is_refused(market: Market) -> None:
    """0.30 cannot be charged: 422 when the order is made."""
    answer = market.ask(item(30, 0, market.x))
    assert (answer.status, answer.error["code"]) == (422, "order.not_chargeable")


def test_a_provider_has_to_be_there_active_and_of_the_same_mode(world: World, market: Market) -> None:
    """422 provider.unavailable, every item named; the marketplace's own id is first-party."""
    live = world.tenant(name="Live", mode="live")
    world.platform().patch(f"/v1/tenants/{market.y.id}", {"status": "suspended"})
    answer = market.ask(
        item(1000, 0, market.x),
        item(1000, 0, live),
        item(1000, 0, market.y),
        item(1000) | {"providerTenantId": "nobody"},
        item(1000, 0, market.shop),
    )
    assert (answer.status, answer.error["code"]) == (422, "provider.unavailable")
    assert answer.bad_fields == {
        "items.1.providerTenantId": "in_another_mode",
        "items.2.providerTenantId": "suspended",
        "items.3.providerTenantId": "no_such_provider",
    }
    own = market.order(item(1000, 900, market.shop))["items"][0]
    assert (own["providerTenantId"], own["commission"]) == (None, 0)


def test_an_order_has_at_most_100_items_and_20_providers(market: Market) -> None:
    """400, and the field is named."""
    assert market.ask(*[item(100)] * 101).bad_fields == {"items": "too_long"}
    many = [item(100) | {"providerTenantId": f"provider-{n}"} for n in range(21)]
    assert market.ask(*many).bad_fields == {"items": "too_many_providers"}


def test_c25_a_coupon_holds_for_its_scope_alone(market: Market) -> None:
    """For one provider, or one sku: the items of others are untouched; for none of them it is refused."""
    coupon(market, "X10", percentOff=10, providerTenantIds=[market.x.id])
    coupon(market, "SKU", percentOff=10, skus=["other"])
    order = market.order(item(5000, 0, market.x), item(5000, 0, market.y), couponCode="X10")
    assert [each["discount"] for each in order["items"]] == [500_000, 0]
    refused = market.ask(item(5000, 0, market.x), couponCode="SKU")
    assert (refused.status, refused.error["code"]) == (422, "billing.coupon.invalid")
    other = market.order(item(5000, 0, market.x), item(5000, 0, market.x, sku="other"), couponCode="SKU")
    assert [each["discount"] for each in other["items"]] == [0, 500_000]
    redeemed = market.shop.post("/v1/commerce/coupons/redeem", {"code": "X10"})
    assert redeemed.status == 200


def test_orders_are_listed_by_customer_and_status(market: Market) -> None:
    """Newest first, within the tenant; another tenant's order is not there."""
    customer = market.shop.customer()
    first = market.order(item(5000, 0, market.x), customerId=customer)
    second = market.sold(item(5000, 0, market.x))
    listed = market.shop.get("/v1/commerce/orders").data
    assert [each["id"] for each in listed] == [second["id"], first["id"]]
    assert [each["id"] for each in market.shop.get("/v1/commerce/orders", customer=customer).data] == [first["id"]]
    assert [each["id"] for each in market.shop.get("/v1/commerce/orders", status="paid").data] == [second["id"]]
    assert market.x.get(f"/v1/commerce/orders/{first['id']}").status == 404


def test_settings_of_the_marketplace_are_checked_together(market: Market) -> None:
    """Every bad field is named; what is not said stays."""
    bad = {"refundWindowDays": 400, "feesBorneBy": "buyer", "commissionTaxPercent": 1.5, "reserve": {"percent": 101}}
    answer = market.shop.patch(f"/v1/tenants/{market.shop.id}", {"marketplace": bad})
    assert answer.status == 400
    assert set(answer.bad_fields) == {
        "marketplace.refundWindowDays",
        "marketplace.feesBorneBy",
        "marketplace.commissionTaxPercent",
        "marketplace.reserve.percent",
        "marketplace.reserve.days",
    }
    good = {"refundWindowDays": 30, "reserve": {"percent": "12.5", "days": 90}, "regionCurrencies": {"DE": ["EUR"]}}
    market.shop.patch(f"/v1/tenants/{market.shop.id}", {"marketplace": good})
    shown = market.shop.patch(f"/v1/tenants/{market.shop.id}", {"marketplace": {"feesBorneBy": "provider"}}).data
    assert shown["marketplace"] == {
        "refundWindowDays": 30, "releaseAfterDays": None, "feesBorneBy": "provider", "taxCollector": "marketplace",
        "couponsFundedBy": "marketplace", "commissionBase": "net", "commissionTaxPercent": "0", "refundFee": None,
        "reserve": {"percent": "12.5", "days": 90}, "regionCurrencies": {"DE": ["EUR"]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("table", "region", "currency", "status"),
    [
        (None, "DE", "EUR", 201),
        (None, "DE", "USD", 422),
        ({"DE": ["USD"]}, "DE", "USD", 201),
        ({"DE": ["USD"]}, "FR", "USD", 201),
    ],
)
def test_a_strict_stack_charges_the_currencies_of_the_region(
    world: World, monkeypatch: pytest.MonkeyPatch, table: Json | None, region: str, currency: str, status: int
) -> None:
    """COMMERCE_STRICT_CURRENCY_REGION=1: by the tenant's table, or else by each country's legal tender."""
    from functions.orders import handler

    monkeypatch.setattr(handler, "made", replace(handler.made, strict_regions=True))
    market = made(world, {"regionCurrencies": table} if table else None)
    answer = market.ask(item(5000), region=region, currency=currency)
    assert answer.status == status, answer.json
    if status == 422:
        assert answer.error["code"] == "plan.currency.unsupported_in_region"
