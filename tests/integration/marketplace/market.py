"""A marketplace with its providers, and the shortest words for what tests of orders ask."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from billing.bootstrap import storage
from billing.domain.kernel.due import wall_clock_shard
from billing.domain.kernel.money import Money
from billing.domain.marketplace.account import AccountLine, LineType, ProviderBalance, line_id
from billing.domain.marketplace.earning import Earning, EarningStatus
from billing.domain.marketplace.order import Order, earning_id
from billing.services.kernel.work import Ref
from billing.services.marketplace.accounts import add_line, head_of, head_ref
from tests.integration.world import Answer, Json, Tenant, World

CARD = "pm_card_visa"


def item(price: int, bps: int = 0, provider: Tenant | None = None, **fields: Any) -> Json:
    """An item, by its price in cents."""
    named = {"providerTenantId": provider.id} if provider is not None else {}
    return {
        "sku": "thing",
        "description": "A thing",
        "unitAmount": price * 1000,
        "commissionBps": bps,
        **named,
        **fields,
    }


@dataclass
class Market:
    """A marketplace and two providers."""

    world: World
    shop: Tenant
    x: Tenant
    y: Tenant

    def order(self, *items: Json, **fields: Any) -> Json:
        """A new order."""
        answer = self.ask(*items, **fields)
        assert answer.status == 201, answer.json
        return dict(answer.data)

    def ask(self, *items: Json, **fields: Any) -> Answer:
        return self.shop.post("/v1/commerce/orders", {"currency": "USD", "items": list(items), **fields})

    def sold(self, *items: Json, **fields: Any) -> Json:
        """A new order, paid by a card."""
        order = self.order(*items, **fields)
        return self.pay(order).data if order["total"] else order

    def pay(self, order: Json, method: str | None = CARD, **fields: Any) -> Answer:
        named = {"paymentMethodId": method} if method else {}
        return self.shop.post(f"/v1/commerce/orders/{order['id']}/pay", {**named, **fields})

    def refund(self, order: Json, **body: Any) -> Answer:
        return self.shop.post(f"/v1/commerce/orders/{order['id']}/refund", body)

    def now(self, order: Json) -> Json:
        """An order as it is now."""
        return dict(self.shop.get(f"/v1/commerce/orders/{order['id']}").data)

    # What is stored

    def stored(self, order: Json) -> Order:
        unit = storage.units().begin(self.shop.id)
        ref = Ref(Order, self.shop.id, order["id"])
        return unit.load(ref).require(ref)

    def earning(self, order: Json, provider: Tenant) -> Earning:
        unit = storage.units().begin(provider.id)
        ref = Ref(Earning, provider.id, earning_id(self.stored(order), provider.id))
        return unit.load(ref).require(ref)

    def head(self, provider: Tenant, currency: str = "USD") -> ProviderBalance | None:
        unit = storage.units().begin(provider.id)
        ref = head_ref(provider.id, self.shop.id, currency)
        return unit.load(ref).get(ref)

    def lines(self, provider: Tenant, currency: str = "USD") -> list[AccountLine]:
        """The lines of a provider's account, oldest first."""
        head = self.head(provider, currency)
        if head is None:
            return []
        unit = storage.units().begin(provider.id)
        refs = [Ref(AccountLine, provider.id, line_id(head.id, n + 1)) for n in range(head.seq)]
        found = unit.load(*refs)
        return [found.require(ref) for ref in refs]

    def release(self, order: Json, provider: Tenant) -> None:
        """What the worker does once nothing speaks against it: the earning goes to the account."""
        earning = self.earning(order, provider)
        unit = storage.units().begin(provider.id)
        ref = head_ref(provider.id, self.shop.id, earning.currency)
        head = head_of(unit.load(ref), ref, unit.now)
        unit.save(
            replace(earning, status=EarningStatus.RELEASED, released=earning.amount, released_at=unit.now, due=None)
        )
        add_line(unit, head, LineType.RELEASE, earning.amount, unit.now, earning.id, order["id"])
        unit.commit()

    def books(self) -> dict[str, int]:
        """The marketplace's ledger: balances by account, and by account and provider, that are not zero; in cents."""
        sums: dict[str, int] = {}
        names = {self.x.id: "x", self.y.id: "y"}
        for row in self.world.rows_of("ledger", self.shop.id):
            for posting in json.loads(row["body"]["S"])["postings"]:
                name = posting["account"]
                party = names.get(posting.get("party") or "")
                for key in (name, *([f"{name}:{party}"] if party else [])):
                    sums[key] = sums.get(key, 0) + _micros(posting["amount"]) // 1000
        assert sum(value for key, value in sums.items() if ":" not in key) == 0
        return {key: value for key, value in sums.items() if value}

    def work(self, order: Json) -> None:
        """A worker's turn at the order's shard."""
        assert self.world.work(wall_clock_shard(order["id"], 16)) == {"batchItemFailures": []}

    def let_expire(self, order: Json) -> None:
        """A day passes, and the worker looks at the order."""
        self.world.clock.advance(hours=24, seconds=1)
        self.work(order)


def _micros(amount: Any) -> int:
    return int(amount["micros"]) if isinstance(amount, dict) else int(str(amount).split()[0])


def cents(amount: Money) -> int:
    return amount.micros // 1000
