"""The flows of orders, ready to be cut: paid, refunded, disputed, given up, each with two who sell in it.

$60.00 of one provider at 10 %, and $40.00 of another at 15 %: 54.00 and 34.00 are theirs, 12.00 the marketplace's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.faults.books import Books
from tests.faults.crashes import Flow, Scene, recovery
from tests.faults.payment_flows import done
from tests.faults.processes import Json
from tests.faults.world import Tenant, World, post, step

_SWEEP = [step("sweep"), step("drain")]
_ORDER = "POST /v1/commerce/orders"
_PAY = "POST /v1/commerce/orders/{order_id}/pay"
_REFUND = "POST /v1/commerce/orders/{order_id}/refund"
_PAID = ("payment_intent.succeeded",)
CARD = "pm_card_visa"


@dataclass(frozen=True)
class Market(Tenant):
    """A marketplace, with those who sell in it."""

    sellers: tuple[Tenant, ...] = field(default=())

    def books(self, at: datetime) -> Books:
        """Its own, and with them the sellers'."""
        return Books(super().books(at).rows, {each.id: each.books(at) for each in self.sellers})

    def order(self, idem: str = "order", **more: Any) -> Json:
        """POST /commerce/orders, as a step."""
        x, y = (each.id for each in self.sellers)
        body = {
            "customerId": self.customer_ids[0],
            "currency": "USD",
            "items": [_item(6_000_000, 1000, x), _item(4_000_000, 1500, y)],
        } | more
        return post("orders", "/v1/commerce/orders", self.key, idem, body)

    def pay(self, order_id: str, idem: str = "pay", method: str | None = CARD) -> Json:
        """POST /commerce/orders/{id}/pay, as a step; in a form without a method."""
        body = {"paymentMethodId": method} if method else {}
        return post("orders", f"/v1/commerce/orders/{order_id}/pay", self.key, idem, body)

    def refund(self, order_id: str, idem: str = "refund", **body: Any) -> Json:
        """POST /commerce/orders/{id}/refund, as a step."""
        return post("orders", f"/v1/commerce/orders/{order_id}/refund", self.key, idem, body)


def _item(micros: int, bps: int, provider_id: str) -> Json:
    return {
        "sku": "thing",
        "description": "A thing",
        "unitAmount": micros,
        "commissionBps": bps,
        "providerTenantId": provider_id,
    }


def market(world: World, at: datetime, percent_off: int | None = None, **settings: Any) -> Market:
    """A marketplace with two who sell in it, and perhaps a coupon ``SAVE`` that it pays for."""
    sellers = tuple(world.new_tenant(at, customers=0, plans=()) for _ in range(2))
    shop = world.new_tenant(at, plans=(), **settings)
    made = Market(shop.world, shop.id, shop.key, shop.customer_ids, shop.clock_id, shop.since, sellers)
    if percent_off is not None:
        terms = {"code": "SAVE", "duration": "once", "percentOff": percent_off, "maxRedemptions": 1}
        done(world, at, post("coupons", "/v1/commerce/coupons", made.key, "coupon", terms))
    return made


def made(world: World, at: datetime, percent_off: int | None = None) -> tuple[Market, str]:
    """A marketplace, and an order of $100.00 in it, less a coupon."""
    shop = market(world, at, percent_off)
    code = {"couponCode": "SAVE"} if percent_off is not None else {}
    return shop, str(done(world, at, shop.order(**code))["id"])


def sold(world: World, at: datetime, card: str = CARD) -> tuple[Market, Json]:
    """A marketplace, and an order that a card paid; the order, with its payment."""
    shop, order_id = made(world, at)
    paid = done(world, at, shop.pay(order_id, method=card))
    assert paid["status"] == "paid", paid
    return shop, paid


def _again(shop: Market, *retry: Json) -> list[Json]:
    """After a crash Stripe tells what it has done so far; then the client asks again, and the sweep comes round."""
    return [shop.deliver(), *recovery(*retry)]


_ALL = [("pending", 3400), ("pending", 5400)]
_NONE = [("void", 0), ("void", 0)]


def _paid_by_card(world: World, at: datetime) -> Scene:
    shop, order_id = made(world, at, percent_off=10)
    request = shop.pay(order_id)
    want = {"orders": [("paid", 1, 0, 0)], "earnings": _ALL, "cents": 9000, "redemptions": [1]}
    return Scene(at, [request], _again(shop, request), shop, want)


def _paid_in_a_form(world: World, at: datetime) -> Scene:
    shop, order_id = made(world, at)
    request = shop.pay(order_id, method=None)
    pays = step("payer", act="pay", body={"payment_method": CARD})
    steps = [request, pays, shop.deliver(*_PAID)]
    want = {"orders": [("paid", 1, 0, 0)], "earnings": _ALL, "cents": 10_000}
    return Scene(at, steps, _again(shop, *steps), shop, want)


def _paid_beside_a_form(world: World, at: datetime) -> Scene:
    """The payer has a form open, and pays by a card: the form is taken back first."""
    shop, order_id = made(world, at)
    done(world, at, shop.pay(order_id, "form", None))
    request = shop.pay(order_id)
    want = {"orders": [("paid", 2, 0, 0)], "cents": 10_000, "intents": ["canceled", "succeeded"]}
    # The webhook of the form comes last: where nobody has written down why it was canceled, it tells of a failure.
    return Scene(at, [request], [*recovery(request), shop.deliver()], shop, want)


def _of_nothing(world: World, at: datetime) -> Scene:
    shop = market(world, at, percent_off=100)
    request = shop.order(couponCode="SAVE")
    want = {"orders": [("paid", 0, 0, 0)], "earnings": _ALL, "cents": 0, "redemptions": [1]}
    return Scene(at, [request], _again(shop, request), shop, want)


def _refunded_amount(world: World, at: datetime) -> Scene:
    shop, order = sold(world, at)
    request = shop.refund(order["id"], amount=5_000_000)
    want = {"orders": [("partially_refunded", 1, 5000, 0)], "earnings": [("pending", 1700), ("pending", 2700)]}
    return Scene(at, [request], _again(shop, request), shop, want)


def _refunded_items(world: World, at: datetime) -> Scene:
    shop, order = sold(world, at)
    request = shop.refund(order["id"], items=[{"itemId": "item_1", "quantity": 1}])
    want = {"orders": [("partially_refunded", 1, 6000, 0)], "earnings": [("pending", 3400), ("void", 0)]}
    return Scene(at, [request], _again(shop, request), shop, want)


def _refund_unheard(world: World, at: datetime) -> Scene:
    """Stripe did it and its answer never came: the sweep finds out."""
    shop, order = sold(world, at)
    world.control("faults", kind="drop_after", method="POST", path="refunds$", times=50)
    world.run(at, shop.refund(order["id"])).all()
    world.clear_faults()
    want = {"orders": [("refunded", 1, 10_000, 0)], "earnings": _NONE, "cents sent back": 10_000}
    return Scene(at + timedelta(seconds=90), _SWEEP, _again(shop), shop, want)


def _refund_sent_back(world: World, at: datetime) -> Scene:
    """The bank sends the refund back: all of it is the sellers' again."""
    shop, order = sold(world, at, "pm_card_pendingRefund")
    done(world, at, shop.refund(order["id"], amount=5_000_000))
    (theirs,) = shop.at_stripe().refunds
    world.control(f"refunds/{theirs['id']}/finish", succeed=False)
    deliver = shop.deliver("refund.updated", "refund.failed")
    want = {"orders": [("paid", 1, 0, 0)], "earnings": _ALL, "refunds": [("failed", 5000)]}
    return Scene(at + timedelta(seconds=5), [deliver], _again(shop, deliver), shop, want)


def _refund_refused(world: World, at: datetime) -> Scene:
    """A colleague had refunded $30.00 in the dashboard: Stripe refuses the whole, and the $30.00 are known then."""
    shop, order = sold(world, at)
    world.control(f"payment_intents/{order['payment']['paymentIntentId']}/refund", amount=3000)
    request = shop.refund(order["id"])
    want = {"orders": [("partially_refunded", 1, 3000, 0)], "refunds": [("failed", 10_000), ("succeeded", 3000)]}
    return Scene(at, [request], [*recovery(request), shop.deliver()], shop, want)


def _refund_at_stripe(world: World, at: datetime) -> Scene:
    shop, order = sold(world, at)
    world.control(f"payment_intents/{order['payment']['paymentIntentId']}/refund", amount=5000)
    deliver = shop.deliver("refund.created")
    want = {"orders": [("partially_refunded", 1, 5000, 0)], "earnings": [("pending", 1700), ("pending", 2700)]}
    return Scene(at + timedelta(seconds=5), [deliver], _again(shop, deliver), shop, want)


def _disputed(world: World, at: datetime, outcome: str, want: Json) -> Scene:
    shop, order = sold(world, at)
    dispute = world.control(f"charges/{order['payment']['paymentIntentId']}/dispute", reason="fraudulent")
    decides = step("bank", path=f"disputes/{dispute['id']}/close", body={"status": outcome})
    opened = shop.deliver("charge.dispute.created", "charge.dispute.funds_withdrawn")
    closed = shop.deliver("charge.dispute.funds_reinstated", "charge.dispute.closed")
    steps = [opened, decides, closed]
    return Scene(at + timedelta(seconds=5), steps, _again(shop, *steps), shop, want)


def _dispute_won(world: World, at: datetime) -> Scene:
    want = {"disputes": [("won", 10_000)], "orders": [("paid", 1, 0, 0)], "earnings": _ALL}
    return _disputed(world, at, "won", want)


def _dispute_lost(world: World, at: datetime) -> Scene:
    want = {"disputes": [("lost", 10_000)], "orders": [("paid", 1, 10_000, 0)], "earnings": _NONE}
    return _disputed(world, at, "lost", want)


def _expires(world: World, at: datetime) -> Scene:
    """Nobody completed the form within the day: it is taken back, and the coupon is somebody else's."""
    shop, order_id = made(world, at, percent_off=10)
    done(world, at, shop.pay(order_id, method=None))
    want = {"orders": [("expired", 1, 0, 0)], "earnings": [], "redemptions": [0], "intents": ["canceled"]}
    later = at + timedelta(hours=24, minutes=1)
    return Scene(later, _SWEEP, [shop.deliver(), *recovery(sweeps=2)], shop, want)


def _canceled(world: World, at: datetime) -> Scene:
    shop, order_id = made(world, at, percent_off=10)
    done(world, at, shop.pay(order_id, method=None))
    request = post("orders", f"/v1/commerce/orders/{order_id}/cancel", shop.key, "cancel")
    want = {"orders": [("canceled", 1, 0, 0)], "redemptions": [0], "intents": ["canceled"]}
    return Scene(at, [request], _again(shop, request), shop, want)


FLOWS = (
    Flow("order paid by a card, with a coupon", _paid_by_card, route=_PAY),
    Flow("order paid in a form", _paid_in_a_form, route=_PAY),
    Flow("order paid beside a form", _paid_beside_a_form, route=_PAY),
    Flow("order of total 0", _of_nothing, route=_ORDER),
    Flow("order refunded by amount", _refunded_amount, route=_REFUND),
    Flow("order refunded by items", _refunded_items, route=_REFUND),
    Flow("order refund settled by the sweep", _refund_unheard, keyed=False),
    Flow("order refund sent back by the bank", _refund_sent_back, keyed=False, route="stripe-event"),
    Flow("order refund refused by Stripe", _refund_refused, route=_REFUND),
    Flow("order refund in Stripe's dashboard", _refund_at_stripe, keyed=False, route="stripe-event"),
    Flow("order disputed, won", _dispute_won, keyed=False, route="stripe-event"),
    Flow("order disputed, lost", _dispute_lost, keyed=False, route="stripe-event"),
    Flow("order expires", _expires, keyed=False),
    Flow("order canceled", _canceled, route="POST /v1/commerce/orders/{order_id}/cancel"),
)
