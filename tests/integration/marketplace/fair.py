"""A marketplace in which anything may happen at any time, and how it is looked at: what the state machine stands on.

Stripe tells when it is let to, banks decide when they like, the workers come round when they come. Everything is read
from moto's memory, and from Stripe by its lists.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import stripe

from billing.domain.marketplace.provider import PayoutInterval, PayoutSchedule
from tests.faults.books import AtStripe, Books, micros
from tests.faults.laws import consistent, violations
from tests.integration import lambdas
from tests.integration.marketplace.conftest import made
from tests.integration.marketplace.connect import deliver as deliver_connect
from tests.integration.marketplace.market import Market, item
from tests.integration.marketplace.paying import AVAILABLE, Payday
from tests.integration.reports.taxes import disagreements
from tests.integration.walk.stand import own
from tests.integration.world import Json, Tenant, World

BEGIN = datetime(2041, 3, 4, 9, tzinfo=UTC)
"""Long after Stripe's own time, which does not move: whatever it says is available has been for years."""
_DUE = {"billing_worker": ("payments", "refunds", "orders", "earnings", "provider_balances"),
        "payout_worker": ("payouts", "provider_balances")}  # fmt: skip
COUPONS: dict[str, Json] = {
    "HALF": {"percentOff": 50, "fundedBy": "marketplace"},
    "FIFTH": {"percentOff": 20, "fundedBy": "provider"},
    "GIFT": {"percentOff": 100, "skus": ["gift"]},
}


@dataclass
class Fair:
    """A marketplace, two providers that can be paid out, and what Stripe has not told yet.

    Args:
        accounts: at Stripe, by provider.
        had: the platform's balance at Stripe when it began, in cents.
        told: what has happened, to be read where a law is broken.
        news: Stripe's events that nobody has heard of yet: (whose account, the event).
        seen: of the platform's events, and of each account's, the newest.
    """

    market: Market
    payday: Payday
    accounts: dict[str, str]
    had: int
    told: list[str] = field(default_factory=list)
    news: list[tuple[str | None, Json]] = field(default_factory=list)
    seen: dict[str | None, str] = field(default_factory=dict)
    orders: list[Json] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.market.world

    @property
    def providers(self) -> tuple[Tenant, Tenant]:
        return self.market.x, self.market.y

    def tell(self, what: str) -> None:
        """Note what happens, a second after what happened before."""
        self.world.clock.advance(seconds=1)
        self.told.append(f"{self.world.clock():%m-%dT%H:%M:%S} {what}")

    # What happens

    def sell(self, baskets: list[Json], card: str, **fields: Any) -> None:
        """An order, paid at once."""
        order = self.market.order(*baskets, **fields)
        if order["total"]:
            answer = self.market.pay(order, card)
            assert answer.status in (200, 503), (answer.json, self.told)
        self.orders.append(self.market.now(order))

    def intent_of(self, order: Json) -> str | None:
        """Of its payment at Stripe; None where nothing was paid."""
        payment_id = self.market.now(order)["paymentId"]
        if payment_id is None:
            return None
        found: str | None = self.market.shop.get(f"/v1/payments/{payment_id}").data["paymentIntentId"]
        return found

    def work(self, only: str | None = None) -> None:
        """The workers come round: a turn at each shard in which something is due."""
        now = f"{self.world.clock():%Y-%m-%dT%H:%M:%S.%fZ}"
        for worker, tables in _DUE.items():
            rows = (
                row for table in tables for who in (self.market.shop, *self.providers) for row in self._rows(table, who)
            )
            shards = {row["due_shard"] for row in rows if row.get("due_shard") and row["due_at"] <= now}
            payouts = worker == "payout_worker"
            for shard in sorted(each for each in shards if each.startswith("p") == payouts):
                if only in (None, worker):
                    event = self.world.sqs_event(json.dumps({"shard": shard}))
                    answer = lambdas.invoke(worker, event)
                    assert answer == {"batchItemFailures": []}, self.told

    def listen(self) -> None:
        """Fetch what Stripe has to tell; nobody has heard of it yet."""
        for account in (None, *self.accounts.values()):
            options: Any = {"stripe_account": account} if account else {}
            while True:
                after = {"ending_before": self.seen[account]} if account in self.seen else {}
                page: Any = {"limit": 100, **after}
                found = [json.loads(str(each)) for each in self.world.stripe.v1.events.list(page, options).data]
                if not found:
                    break
                self.news += [(account, each) for each in reversed(found)]
                self.seen[account] = found[0]["id"]

    def hear(self, n: int) -> str:
        """Have one of Stripe's events come in: the n-th of those that wait; its type and what was answered."""
        account, event = self.news.pop(n)
        if account is not None:
            status, outcome = deliver_connect(self.world, event)
        else:
            answer = self.world.deliver(event)
            status, outcome = answer["statusCode"], json.loads(answer["body"])["outcome"]
        if status != 200:
            self.news.append((account, event))  # Stripe sends it again
        return f"{event['type']}: {status} {outcome}"

    def own(self, objects: str) -> list[Json]:
        """The refunds, or the disputes, of the marketplace's orders at Stripe, oldest first."""
        ids = {each["id"] for each in self.world.intents(self.market.shop)}
        since: Any = {"limit": 100, "created": {"gte": self.market.shop.since}}
        found = _listed(getattr(self.world.stripe.v1, objects).list(since))
        return [each for each in reversed(found) if each["payment_intent"] in ids]

    def at_the_bank(self) -> list[Json]:
        """All payouts to providers' banks at Stripe, oldest first of each."""
        return [each for provider in self.providers for each in reversed(self._payouts(provider))]

    def failed_payouts(self) -> list[Json]:
        """Those of all providers, as they are stored."""
        found = (each for provider in self.providers for each in own(self.world, provider, "payouts").bodies("payouts"))
        return [each for each in found if each["status"] == "failed"]

    def takes_back(self, transfer_id: str, amount: int) -> str:
        """A colleague reverses a part of a transfer in Stripe's dashboard; what Stripe says to it."""
        params: Any = {"amount": amount}
        try:
            return str(self.world.stripe.v1.transfers.reversals.create(transfer_id, params).id)
        except stripe.StripeError as refusal:
            return str(refusal.code)

    def rest(self) -> None:
        """Stripe is well, its money has settled, and everything that is to happen in the next days does."""
        self.world.stripe_works()
        for days in (0, 1, 1, 6, 15, 0):
            self.world.sandbox.post("balance/settle")
            self.world.clock.advance(days=days, minutes=10)
            self.work()
            self.listen()
            while self.news:
                waited = len(self.news)
                told = self.hear(0)
                assert len(self.news) < waited, (told, self.told)
        self.work()

    # What is looked at

    def books(self) -> Books:
        """The marketplace's, with its providers'."""
        providers = {each.id: own(self.world, each, *self.world.tables) for each in self.providers}
        return Books(own(self.world, self.market.shop, *self.world.tables).rows, providers)

    def check(self) -> None:
        """What holds at any time."""
        broken = consistent(self.books())
        assert broken == [], "\n".join([*self.told, *broken])

    def check_at_rest(self) -> None:
        """Every law; and cash is what the platform's balance at Stripe has become."""
        books = self.books()
        broken = violations(books, self._at_stripe()) + disagreements(self.world, self.market.shop)
        entries = (posting for entry in books.bodies("ledger") for posting in entry["postings"])
        cash = sum(micros(each["amount"]) for each in entries if each["account"] == "cash")
        has = balance(self.world)
        if cash != (has - self.had) * 1000:
            broken.append(f"cash is {cash}, the balance at Stripe {has}, and {self.had} when it began")
        assert broken == [], "\n".join([*self.told, *broken])

    def _rows(self, table: str, tenant: Tenant) -> list[Json]:
        found: list[Json] = own(self.world, tenant, table).rows[table]
        return found

    def _at_stripe(self) -> AtStripe:
        shop, api = self.market.shop, self.world.stripe.v1
        since: Any = {"limit": 100, "created": {"gte": shop.since}}
        intents = self.world.intents(shop)
        ids = {each["id"] for each in intents}
        found = [_listed(page.list(since)) for page in (api.charges, api.refunds, api.disputes)]
        charges, refunds, disputes = ([each for each in some if each["payment_intent"] in ids] for some in found)
        transfers = [
            each for each in _listed(api.transfers.list(since)) if each["metadata"].get("marketplace_id") == shop.id
        ]
        backs = [back for each in transfers for back in each["reversals"]["data"]]
        sources = {each["id"] for each in (*charges, *refunds, *disputes, *transfers, *backs)}
        lines = [each for each in _listed(api.balance_transactions.list(since)) if each["source"] in sources]
        payouts = {each.id: self._payouts(each) for each in self.providers}
        return AtStripe(intents, charges, refunds, disputes, lines, None, transfers, payouts)

    def _payouts(self, provider: Tenant) -> list[Json]:
        options: Any = {"stripe_account": self.accounts[provider.id]}
        return _listed(self.world.stripe.v1.payouts.list({"limit": 100}, options))


def fair(world: World, name: str, terms: Json) -> Fair:
    """A marketplace with two providers, the first paid each week, the second on request; and money of its own.

    Args:
        terms: its settings.
    """
    world.entropy.begin(name)
    world.clock.freeze(BEGIN)
    page = world.stripe.v1.events.list({"limit": 1}).data
    had = balance(world)
    market = made(world, terms)
    payday = Payday(market)
    accounts = {
        market.x.id: payday.onboard(market.x),
        market.y.id: payday.onboard(market.y, schedule=PayoutSchedule(PayoutInterval.MANUAL)),
    }
    for code, terms_of in COUPONS.items():
        answer = market.shop.post("/v1/commerce/coupons", {"code": code, "duration": "once", **terms_of})
        assert answer.status == 201, answer.json
    begun = Fair(market, payday, accounts, had, [f"{name}: {terms}"])
    if page:
        begun.seen[None] = page[0].id
    begun.sell([item(100_000)], AVAILABLE)
    return begun


def balance(world: World) -> int:
    """All that the platform has at Stripe, in cents."""
    found = json.loads(str(world.stripe.v1.balance.retrieve()))
    return sum(
        each["amount"]
        for side in ("available", "pending", "connect_reserved")
        for each in found.get(side, [])
        if each["currency"] == "usd"
    )


def _listed(page: Any) -> list[Json]:
    return [json.loads(str(each)) for each in page.auto_paging_iter()]
