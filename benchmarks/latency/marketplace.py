"""The marketplace's requests whose p95 has a budget: orders, payouts, statements; in the order of a story.

Every order has a buyer of its own, and every payout a seller of its own: of two at once, one would wait for the other.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

import requests

from benchmarks.latency.cases import INTENT_MS, QUERY_MS, Ask, Json, Measure, Story, Unexpected, in_parallel

PDF_MS = 500
"""The budget of a printed statement (benchmarks/README.md)."""

_CARD = "pm_card_bypassPending"  # Stripe has the money at once: it can be paid out
_PRICE = 10_000_000
_SELLERS_AN_ORDER = 20
_PATIENCE_S = 120.0
_BEGIN, _AFTER = "2027-01-01T00:00:00Z", "2027-01-16T00:00:00Z"
_ONBOARDING = {"country": "US", "schedule": {"interval": "manual"}}


class Printed(Ask):
    """A request whose answer is a PDF: as bytes over HTTP, in base64 as Lambda answers it."""

    def data(self, status: int, text: str) -> Any:
        """What the answer holds.

        Raises:
            Unexpected: it is no PDF.
        """
        if status != 200 or not text.startswith(("%PDF-", "JVBERi")):
            raise Unexpected(f"{self.method} {self.path}: {status} {text[:200]!r}")
        return text


class MarketStory(Story):
    """A marketplace with its sellers and buyers."""

    def tell(self, measure: Measure) -> None:
        """All cases."""
        sellers = in_parallel(self._seller, self._numbers)
        self._earn(sellers)
        # Before anything is measured: a bare run writes over what its recorded requests were about.
        paid = in_parallel(self._paid_order, self._bodies(sellers))
        self._orders(measure, sellers)
        # A cent: the bare run sends it again and again, and of one payment there is only so much to refund.
        asks = [self._order_ask(each, "refund", {"items": [{"itemId": "item_1", "amount": 1000}]}) for each in paid]
        measure("order: refund of an item", INTENT_MS, asks)
        asks = [self._api("payouts", "/v1/payouts/trigger", {"providerTenantId": each}) for each in sellers]
        payouts = [each["payouts"][0]["id"] for each in measure("payout: trigger, one seller", INTENT_MS, asks)]
        # The bare run wrote over the lines of those that were recorded; what was measured after them is as it was.
        intact = payouts[len(payouts) // 2 :]
        paths = [f"/v1/commerce/payouts/{each}/statement" for each in [*intact, *intact][: len(payouts)]]
        measure("statement, JSON", QUERY_MS, [Ask("documents", "GET", each, self._key) for each in paths])
        measure("statement, PDF", PDF_MS, [Printed("documents", "GET", f"{each}.pdf", self._key) for each in paths])

    def _bodies(self, sellers: Sequence[str]) -> list[Json]:
        """Orders of two sellers each, of a new buyer each."""
        pairs = zip(sellers, [*sellers[1:], sellers[0]], strict=True)
        return [
            {"customerId": buyer, "currency": "USD", "items": [_item(each) for each in pair]}
            for buyer, pair in zip(self._customers(), pairs, strict=True)
        ]

    def _paid_order(self, body: Json) -> Json:
        order: Json = self._done(self._api("orders", "/v1/commerce/orders", body))
        return dict(self._done(self._order_ask(order, "pay", {"paymentMethodId": "pm_card_visa"}, status="paid")))

    def _orders(self, measure: Measure, sellers: Sequence[str]) -> None:
        """Orders are made, and paid by cards that their buyers had saved."""
        bodies = self._bodies(sellers)
        cards = in_parallel(lambda body: self._saved_card(str(body["customerId"])), bodies)
        asks = [self._api("orders", "/v1/commerce/orders", body, status="pending") for body in bodies]
        orders: list[Json] = measure("order: create, of two sellers", INTENT_MS, asks)
        asks = [
            self._order_ask(order, "pay", {"paymentMethodId": card}, status="paid")
            for order, card in zip(orders, cards, strict=True)
        ]
        measure("order: pay by a saved card", INTENT_MS, asks)

    def _order_ask(self, order: Json, what: str, body: Json, **expected: Any) -> Ask:
        return self._api("orders", f"/v1/commerce/orders/{order['id']}/{what}", body, **expected)

    def _saved_card(self, buyer: str) -> str:
        setup = self._done(self._api("payments", "/v1/payment-methods/setup", {"customerId": buyer}))
        path = f"setup_intents/{setup['setupIntentId']}/complete"
        method = str(self._act(path, payment_method="pm_card_visa")["payment_method"])
        self._done(self._told("payment_method.attached", [method])[0])
        return method

    def _seller(self, n: int) -> str:
        """A tenant that can be paid out; its id."""
        tenant = {"name": f"S{n}", "mode": "test", "currency": "USD", "tier": "enterprise"}
        made = self._done(self._api("tenants", "/v1/tenants", tenant, key=self._known["platform_api_key"]))
        ask = self._api("provider_accounts", "/v1/provider/account", _ONBOARDING, key=made["apiKey"])
        account = self._done(ask)["account"]["id"]
        self._act(f"accounts/{account}/onboard")
        path, headers = "/v1/events", {"Stripe-Account": account}
        event = self._stripe(path, {"type": "account.updated", "limit": "1"}, headers)["data"][0]
        self._connected({**event, "account": account})
        return str(made["id"])

    def _connected(self, event: Json) -> None:
        """Deliver an event of a connected account."""
        ask = Ask("stripe_webhook", "POST", "", secret=self._connect_secret, body=json.dumps(event))
        url = self._known["stripe_connect_webhook_url"]
        answer = requests.post(url, data=ask.body.encode(), headers=ask.headers(), timeout=60)
        ask.data(answer.status_code, answer.text)

    def _earn(self, sellers: Sequence[str]) -> None:
        """Each seller earns something that can be paid out: sold on a test clock, whose refund windows pass."""
        clock = self._done(self._api("test_clocks", "/v1/test-clocks", {"frozenTime": _BEGIN}))["id"]
        buyer = self._done(self._api("customers", "/v1/customers", {"name": "B", "testClockId": clock}))["id"]
        # The marketplace's own sale: Stripe keeps its fees of what is sold.
        baskets = [[{"sku": "own", "description": "Ours", "unitAmount": 100 * _PRICE}]]
        firsts = range(0, len(sellers), _SELLERS_AN_ORDER)
        baskets += [[_item(each) for each in sellers[first : first + _SELLERS_AN_ORDER]] for first in firsts]
        for items in baskets:
            body = {"customerId": buyer, "currency": "USD", "items": items}
            order = self._done(self._api("orders", "/v1/commerce/orders", body))
            self._done(self._order_ask(order, "pay", {"paymentMethodId": _CARD}, status="paid"))
        self._done(self._api("test_clocks", f"/v1/test-clocks/{clock}/advance", {"frozenTime": _AFTER}))
        deadline = time.monotonic() + _PATIENCE_S
        look = Ask("test_clocks", "GET", f"/v1/test-clocks/{clock}", self._key)
        while self._done(look)["status"] != "ready":
            if time.monotonic() > deadline:
                raise Unexpected("the refund windows did not pass")
            time.sleep(0.5)


def _item(seller: str) -> Json:
    item = {"sku": "thing", "description": "A thing", "unitAmount": _PRICE, "commissionBps": 1500}
    return {**item, "providerTenantId": seller}
