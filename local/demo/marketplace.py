"""The fifth act of `make demo`: an order that three providers share, and its money's way to their banks.

A marketplace of its own; a coupon that it pays for, an order, a partial refund, the refund window on a test clock, a
payout for each provider. One bank sends its payout back; the provider names another one, and is paid. After each step
Stripe's account and the ledger's cash are compared to the cent, and what the ledger owes with what providers are told.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from local.client import Client
from local.demo.providers import Provider, Whereabouts
from local.demo.seller import Seller
from local.demo.story import console, money, require

SELLER: dict[str, Any] = {
    "name": "Bazaar",
    "legalName": "Bazaar Marketplace, Inc.",
    "mode": "test",
    "currency": "USD",
    "timezone": "UTC",
    "address": {"line1": "1 Market Hall", "city": "Portland", "postalCode": "97204", "state": "OR", "country": "US"},
    "email": "desk@bazaar.example",
    "invoicePrefix": "BAZ",
}
BUYER = {"name": "Ida Marsh", "email": "ida@example.com"}
COUPON = {"code": "OPENING10", "percentOff": "10", "duration": "once", "fundedBy": "marketplace"}
PROVIDERS = ("Pottery", "Weaver", "Bakery")
GOODS = {
    "Pottery": ("bowls", 12_000_000, 1_500),
    "Weaver": ("scarf", 8_000_000, 1_200),
    "Bakery": ("book", 2_450_000, 1_000),
}
EARNED = {"Pottery": 10_200_000, "Weaver": 7_040_000, "Bakery": 2_205_000}  # of the full price: the coupon is Bazaar's
SCARF_BACK = 3_600_000  # half of what the buyer paid for it; its provider gives half of 70.40 back
_CARD = "pm_card_bypassPending"  # Stripe has the money at once, and not in two days


class Market(Seller):
    """The steps from three providers to the last of their payouts.

    Args:
        client: of the running stack.
        folder: where the statement goes.
    """

    def __init__(self, client: Client, folder: Path) -> None:
        super().__init__(client)
        self.folder = folder
        self.providers: dict[str, Provider] = {}
        self.rows: list[tuple[str, Whereabouts]] = []
        self.until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=16)

    def play(self) -> Path:
        """From three providers to the last of their payouts; the path of a statement."""
        self.step("a marketplace; three providers, through Stripe's onboarding", self._begin)
        order = self.step("an order of all three, with a coupon that the marketplace pays for", self._order)
        self.step("it is paid once", lambda: self._pay(order))
        self.step("half of the scarf's price goes back", lambda: self._refund(order))
        self.step("two weeks later the refund window is over", self._release)
        payouts = self.step("all are paid out: a transfer each, and a payout to its bank", self._pay_out)
        self.step("two banks take it", lambda: self._arrive(payouts))
        self.step("the third sends it back", lambda: self._send_back(payouts["Weaver"]))
        again = self.step("with another bank it is paid again, once", self._again)
        path = self.step("its statements lead into each other", lambda: self._statements(payouts["Weaver"], again))
        self.step("the trial balance is zero", self._trial_balance)
        console.print()
        console.print(self.table())
        left = money(self.rows[-1][1].cash)
        console.print(f"{left} are left: Bazaar's commissions, less its coupon and Stripe's fees.")
        return path

    def table(self) -> Table:
        """The money's way: Stripe's account, the ledger's cash and each provider, after each step."""
        title = "The money's way, in USD"
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
        table.add_column("after")
        for name in ("at Stripe", "ledger"):
            table.add_column(name, justify="right")
        for name in PROVIDERS:
            table.add_column(name)
        for what, found in self.rows:
            cells = [found.of(name) for name in PROVIDERS]
            table.add_row(what, money(found.at_stripe, ""), money(found.cash, ""), *cells)
        return table

    def _begin(self) -> tuple[None, str]:
        platform = Client(self.client.stack, key=self.client.stack["platform_api_key"])
        self.open_shop(SELLER)
        for name in PROVIDERS:
            self.providers[name] = Provider.onboarded(platform, name, email=f"{name.lower()}@example.com")
        self.begin_clock((self.until - timedelta(days=16)).isoformat())
        customer = self.client.post("/v1/customers", {**BUYER, "testClockId": self.clock_id})
        self.customer_id = customer["id"]
        return None, ", ".join(each.stripe_account for each in self.providers.values())

    def _order(self) -> tuple[Any, str]:
        self.client.post("/v1/commerce/coupons", COUPON)
        items = [
            {
                "sku": sku,
                "description": sku.capitalize(),
                "unitAmount": price,
                "commissionBps": bps,
                "providerTenantId": self.providers[name].id,
            }
            for name, (sku, price, bps) in GOODS.items()
        ]
        wanted = {"customerId": self.customer_id, "currency": "USD", "couponCode": COUPON["code"], "items": items}
        order = self.client.post("/v1/commerce/orders", wanted)
        earned = dict(zip(PROVIDERS, (each["earning"] for each in order["items"]), strict=True))
        require(earned == EARNED, f"they earn {earned}")
        whole = sum(each["gross"] for each in order["items"])
        require(order["total"] == whole * 9 // 10, f"the total is {order['total']}")
        for item in order["items"]:  # what the buyer and the coupon pay is the earning and the commission
            parts = item["earning"] + item["commission"] - item["discountByMarketplace"]
            require(item["total"] == parts, f"{item['sku']} comes to {parts}")
        said = " + ".join(money(each) for each in earned.values())
        return order, f"{money(whole)} - {money(order['discount'])}; they earn {said}"

    def _pay(self, order: Any) -> tuple[None, str]:
        paid = self.client.post(f"/v1/commerce/orders/{order['id']}/pay", {"paymentMethodId": _CARD})
        require(paid["status"] == "paid", f"the order is {paid['status']}")
        found = self._note("paid")
        fee = paid["total"] - found.cash
        return None, f"{paid['payment']['paymentIntentId']}: {money(paid['total'])}, of which Stripe keeps {money(fee)}"

    def _refund(self, order: Any) -> tuple[None, str]:
        wanted = {"items": [{"itemId": "item_2", "amount": SCARF_BACK}], "reason": "One end is frayed"}
        refund = self.client.post(f"/v1/commerce/orders/{order['id']}/refund", wanted)
        require((refund["status"], refund["amount"]) == ("succeeded", SCARF_BACK), f"the refund is {refund}")
        (part,) = refund["items"]
        require(part["earning"] == EARNED["Weaver"] // 2, f"its provider gives {part['earning']} back")
        self._note("refunded in part")
        said = f"{money(part['earning'])} of its provider's, {money(part['commission'])} of the commission"
        return None, f"{money(refund['amount'])}: {said}"

    def _release(self) -> tuple[None, str]:
        self.advance((self.until - timedelta(days=1)).isoformat())
        # The days pass at Stripe, too: of a stack where much was refunded or disputed, payouts would wait for them.
        platform = self.client.stripe("/v1/account")["id"]
        self.client.sandbox("POST", "/_sandbox/balance/settle", {"account": platform})
        found = self._note("15 days later")
        available = {name: each["available"] for name, each in found.providers.items()}
        require(available == EARNED | {"Weaver": EARNED["Weaver"] // 2}, f"available are {available}")
        return None, f"{money(found.payable)} can be paid out"

    def _pay_out(self) -> tuple[dict[str, Any], str]:
        answer = self.client.post("/v1/payouts/trigger")
        require(not answer["skipped"], f"not paid: {answer['skipped']}")
        names = {each.id: name for name, each in self.providers.items()}
        made = {names[each["providerTenantId"]]: each for each in answer["payouts"]}
        sent = {name: self.providers[name].payout(made[name]["id"], "in_transit") for name in PROVIDERS}
        self._note("paid out")
        return sent, ", ".join(f"{each['number']} {money(each['amount'])}" for each in sent.values())

    def _arrive(self, payouts: dict[str, Any]) -> tuple[None, str]:
        for name in ("Pottery", "Bakery"):
            self.providers[name].bank_says(payouts[name], "paid")
        paid = [self.providers[name].payout(payouts[name]["id"], "paid") for name in ("Pottery", "Bakery")]
        self._note("two have it")
        return None, "by Stripe's webhook, at " + ", ".join(f"…{each['destination']}" for each in paid)

    def _send_back(self, payout: Any) -> tuple[None, str]:
        weaver = self.providers["Weaver"]
        weaver.bank_says(payout, "failed", failure_code="account_closed")
        failed = weaver.payout(payout["id"], "failed")
        weaver.returned(payout["id"])
        self._note("one came back")
        (transfer,) = self.client.stripe(f"/v1/transfers?transfer_group={payout['id']}")["data"]
        require(transfer["reversed"], "the transfer was not taken back")
        return None, f"{failed['failureCode']}; the transfer is reversed, {money(payout['amount'])} are on its account"

    def _again(self) -> tuple[Any, str]:
        weaver = self.providers["Weaver"]
        weaver.names_another_bank()
        (made,) = self.client.post("/v1/payouts/trigger", {"providerTenantId": weaver.id})["payouts"]
        sent = weaver.payout(made["id"], "in_transit")
        weaver.bank_says(sent, "paid")
        paid = weaver.payout(made["id"], "paid")
        self._note("all have it")
        return paid, f"{paid['number']} {money(paid['amount'])}"

    def _statements(self, first: Any, second: Any) -> tuple[Path, str]:
        one, two = (self.client.get(f"/v1/commerce/payouts/{each['id']}/statement") for each in (first, second))
        require(one["closingBalance"] == two["openingBalance"], "the second does not begin with what the first left")
        for each in (one, two):
            total = each["openingBalance"] + sum(line["amount"] for line in each["lines"])
            require(total == each["closingBalance"], f"{each['number']} does not add up")
        types = [line["type"] for line in two["lines"]]
        require(types == ["payout_returned", "payout"], f"the second has {types}")
        answer = self.providers["Weaver"].client.call("GET", f"/v1/commerce/payouts/{second['id']}/statement.pdf")
        require(answer.content.startswith(b"%PDF-"), f"the PDF route answered {answer.status}")
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{second['number']}-statement.pdf"
        path.write_bytes(answer.content)
        return path, f"{path.name}: {len(answer.content):,} bytes"

    def _trial_balance(self) -> tuple[None, str]:
        # The buyer's orders are in its clock's time, which is ahead; payouts are in Stripe's.
        of_buyer = f"?asOf={self.until:%Y-%m-%dT%H:%M:%SZ}&testClock={self.clock_id}"
        sums: dict[str, int] = {}
        for query in (of_buyer, ""):
            balance = self.client.get(f"/v1/reports/trial-balance{query}")
            require(balance["outOfBalance"] == {}, f"it is out of balance: {balance['outOfBalance']}")
            for each in balance["accounts"]:  # a provider's are its own
                sums[each["account"]] = sums.get(each["account"], 0) + each["balance"]
        require(sum(sums.values()) == 0, f"the sums are {sums}")
        left = {name: each for name, each in sums.items() if each}
        own = {"cash", "commission_revenue", "processing_fees", "promotions"}
        require(set(left) == own, f"open are {left}")
        return None, ", ".join(f"{name} {money(each)}" for name, each in sorted(left.items()))

    def _note(self, what: str) -> Whereabouts:
        """A row of the table, in which everybody agrees."""
        found = Whereabouts.now(self.client, self.tenant_id, list(self.providers.values()))
        self.rows.append((what, found))
        return found
