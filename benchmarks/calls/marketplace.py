"""The routes of orders, payouts and statements, and the workers' part of them, in the table of calls."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from benchmarks.calls.book import MOVES_MONEY, READ, WEBHOOK, WRITE, Book, Prepared, ignore
from benchmarks.shop import Json, Shop
from billing.domain.kernel.due import payout_shard

_CARD = "pm_card_bypassPending"  # Stripe has the money at once: it can be paid out
_PRICE = 10_000_000
_ONBOARDING = {"country": "US", "schedule": {"interval": "manual"}}


@dataclass(frozen=True)
class _Seller:
    """A tenant that sells at the marketplace, with an account at Stripe that is ready."""

    id: str
    key: str
    account: str

    @classmethod
    def onboarded(cls, shop: Shop) -> "_Seller":
        tenant_id, key = shop.tenant(name="Seller")
        path = "/v1/provider/account"
        account = shop.call("provider_accounts", "POST", path, _ONBOARDING, key=key)["account"]["id"]
        shop.act(f"accounts/{account}/onboard")
        told = shop.stripe("/v1/events", account=account, type="account.updated", limit="1")["data"][0]
        shop.deliver({**told, "account": account}, "applied")
        return cls(tenant_id, key, account)


class _Market:
    """The shop as a marketplace of two sellers."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.x, self.y = _Seller.onboarded(shop), _Seller.onboarded(shop)
        # A clock for what is paid out: an order's refund window passes on it.
        self.now = datetime(2027, 1, 1, tzinfo=UTC)
        self.clock, self._advance = shop.clock_advancer(self.now.isoformat())
        self.buyer, self.clocked = shop.customer(), shop.customer(testClockId=self.clock)
        shop.saved_card(self.buyer)
        method = shop.call("customers", "GET", f"/v1/customers/{self.buyer}")["defaultPaymentMethodId"]
        self.saved = {"paymentMethodId": method}
        self.call("coupons", "/v1/commerce/coupons", {"code": "TENTH", "percentOff": "10", "duration": "once"})
        own = self.order([self.item(None, 100 * _PRICE)])  # Stripe keeps its fees of what is sold
        self.pay(own, {"paymentMethodId": _CARD})

    def call(self, function: str, path: str, body: Json | None = None) -> Json:
        answer: Json = self.shop.call(function, "POST", path, body)
        return answer

    @staticmethod
    def item(seller: _Seller | None, price: int = _PRICE) -> Json:
        named: Json = {"providerTenantId": seller.id, "commissionBps": 1500} if seller else {}
        return {"sku": "thing", "description": "A thing", "unitAmount": price, **named}

    def order(self, items: list[Json] | None = None, customer: str | None = None, **more: str) -> Json:
        """An order of three things, of two sellers."""
        wanted = items or [self.item(self.x), self.item(self.y), self.item(self.y)]
        body = {"customerId": customer or self.buyer, "currency": "USD", "items": wanted, **more}
        return self.call("orders", "/v1/commerce/orders", body)

    def pay(self, order: Json, body: Json | None = None) -> Json:
        return self.call("orders", f"/v1/commerce/orders/{order['id']}/pay", body or self.saved)

    def refund(self, order: Json) -> Json:
        items = [{"itemId": "item_1", "quantity": 1}]
        return self.call("orders", f"/v1/commerce/orders/{order['id']}/refund", {"items": items})

    def paid(self) -> Json:
        made = self.order()
        self.pay(made)
        return made

    def due_release(self) -> Prepared:
        """A sale of the first seller's, whose refund window is over: the worker's turn that releases it."""
        order = self.order([self.item(self.x)], self.clocked)
        self.pay(order, {"paymentMethodId": _CARD})
        self.now += timedelta(days=15)
        return self._advance(self.now.isoformat())

    def trigger(self) -> Json:
        answer = self.call("payouts", "/v1/payouts/trigger", {"providerTenantId": self.x.id})
        (made,) = answer["payouts"]
        payout: Json = made
        return payout

    def sent(self) -> Json:
        """A payout that is on its way to the bank."""
        made = self.trigger()
        self.shop.pay_out(payout_shard(made["id"]))
        found: Json = self.shop.call("payouts", "GET", f"/v1/commerce/payouts/{made['id']}")
        return found

    def told_of(self, payout: Json) -> Json:
        """The bank takes it; Stripe's event of that."""
        self.shop.act(f"payouts/{payout['bankPayoutId']}/finish", status="paid")
        events = self.shop.stripe("/v1/events", account=self.x.account, type="payout.paid", limit="1")["data"]
        return {**events[0], "account": self.x.account}

    def none_open(self) -> None:
        """Have whatever payout is under way arrive, for an account has one at a time."""
        for status in ("pending", "in_transit"):
            for each in self.shop.call("payouts", "GET", "/v1/commerce/payouts", query={"status": status}):
                self.shop.pay_out(payout_shard(each["id"]))
                found = self.shop.call("payouts", "GET", f"/v1/commerce/payouts/{each['id']}")
                self.shop.deliver(self.told_of(found), "applied")

    def sold(self) -> None:
        """A sale that can be paid out, and no payout under way."""
        self.none_open()
        self.due_release()()


def measure(book: Book, shop: Shop) -> None:
    """All of them."""
    market = _Market(shop)
    _orders(book, market)
    _payouts(book, market)
    _reads(book, market)


def _orders(book: Book, market: _Market) -> None:
    def payable(*items: Json) -> Prepared:
        order = market.order(list(items) or None)
        return lambda: ignore(market.pay(order))

    def refundable() -> Prepared:
        order = market.paid()
        return lambda: ignore(market.refund(order))

    book.route("order: create, of two sellers", WRITE, lambda: lambda: ignore(market.order()))
    book.route("order: create, with a coupon", WRITE, lambda: lambda: ignore(market.order(couponCode="TENTH")))
    book.route("order: pay by a saved card, two sellers", MOVES_MONEY, payable)
    book.route("order: pay by a saved card, one seller", MOVES_MONEY, lambda: payable(market.item(market.x)))
    book.route("order: refund of an item", MOVES_MONEY, refundable)


def _payouts(book: Book, market: _Market) -> None:
    shop = market.shop

    def triggered() -> Prepared:
        market.sold()
        return lambda: ignore(market.trigger())

    def sending() -> Prepared:
        market.sold()
        payout = market.trigger()
        return lambda: shop.pay_out(payout_shard(payout["id"]))

    def arriving() -> Prepared:
        market.sold()
        event = market.told_of(market.sent())
        return lambda: shop.deliver(event, "applied")

    book.route("worker: an earning is released", None, market.due_release)
    book.route("payout: trigger, one seller", MOVES_MONEY, triggered)
    book.route("worker: a payout is transferred and sent to its bank", None, sending)
    book.route("Stripe webhook: a payout has arrived", WEBHOOK, arriving)


def _reads(book: Book, market: _Market) -> None:
    shop = market.shop
    market.sold()
    payout = market.sent()
    order = market.paid()

    def read(function: str, path: str, key: str | None = None, **query: str) -> Callable[[], Prepared]:
        return lambda: lambda: ignore(shop.call(function, "GET", path, key=key, query=query))

    def document(path: str) -> Callable[[], Prepared]:
        return lambda: lambda: ignore(shop.document("documents", path))

    statement = f"/v1/commerce/payouts/{payout['id']}/statement"
    book.route("GET order", READ, read("orders", f"/v1/commerce/orders/{order['id']}"))
    book.route("list 20 orders", READ, read("orders", "/v1/commerce/orders", limit="20"))
    book.route("GET payout, as its marketplace", READ, read("payouts", f"/v1/commerce/payouts/{payout['id']}"))
    book.route("GET provider's earnings", READ, read("payouts", "/v1/provider/earnings", market.x.key))
    book.route(
        "GET provider's ledger, 20 lines", READ, read("payouts", "/v1/provider/ledger", market.x.key, limit="20")
    )
    book.route("statement, JSON", READ, read("documents", statement))
    book.route("statement, PDF", READ, document(f"{statement}.pdf"))
