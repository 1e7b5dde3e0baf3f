"""Providers who are paid out, at the real gateway and the sandbox: onboarding, sales, and the payout worker's turns."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from billing.bootstrap import connect, storage
from billing.domain.marketplace.account import ProviderBalance
from billing.domain.marketplace.payout import Payout
from billing.domain.marketplace.provider import ACCOUNT_ID, AccountOwner, PayoutSchedule, ProviderAccount
from billing.services.kernel.work import Ref
from billing.services.marketplace.payout_processor import NewAccount
from tests.integration import lambdas
from tests.integration.marketplace.market import Market, item
from tests.integration.world import Answer, Json, Tenant

AVAILABLE = "pm_card_bypassPending"


@dataclass
class Payday:
    """A market whose providers can be paid out."""

    market: Market

    @property
    def world(self) -> Any:
        return self.market.world

    def onboard(self, provider: Tenant, currency: str = "USD", **fields: Any) -> str:
        """Give a provider an account at Stripe that is ready; returns its id."""
        # What other tests refunded is off the balance that all share, and what they sold is not on it yet.
        self.world.sandbox.post("balance/settle")
        gateway = connect.connect_gateway()
        made = gateway.create_account(NewAccount(provider.id, "US", "x@example.com", f"{provider.id}:account"))
        self.world.sandbox.post(f"accounts/{made.id}/onboard")
        account = gateway.account(made.id)
        assert account is not None
        unit = storage.units().begin(provider.id)
        unit.save(ProviderAccount(provider.id, "US", unit.now, account=account, **fields))
        unit.save(AccountOwner(made.id, provider.id, unit.now))
        unit.commit()
        return made.id

    def earn(self, provider: Tenant, cents: int, bps: int = 0) -> Json:
        """A sale that is on the provider's account: paid, its window passed, released by the worker."""
        order = self.market.order(item(cents, bps, provider))
        assert self.market.pay(order, AVAILABLE).status == 200
        self.release(order, provider)
        return order

    def release(self, order: Json, provider: Tenant) -> None:
        """The refund window passes, and the billing worker takes its turn."""
        self.world.clock.advance(days=15)
        earning = self.market.earning(order, provider)
        assert earning.due is not None
        assert self.world.work(earning.due.shard) == {"batchItemFailures": []}

    def trigger(self, **body: Any) -> Json:
        answer = self.market.shop.post("/v1/payouts/trigger", body)
        assert answer.status == 200, answer.json
        return dict(answer.data)

    def paid_out(self, provider: Tenant) -> Json:
        """A payout of a provider's that has just begun."""
        (made,) = self.trigger(providerTenantId=provider.id)["payouts"]
        return dict(made)

    def turn(self, shard: str) -> None:
        event = self.world.sqs_event(json.dumps({"shard": shard}))
        assert lambdas.invoke("payout_worker", event) == {"batchItemFailures": []}

    def work(self, provider: Tenant, payout: Json, turns: int = 1) -> Payout:
        """The payout worker's turns at a payout; as it is then."""
        for _ in range(turns):
            found = self.stored(provider, payout)
            self.world.clock.advance(seconds=1)  # it may stand still
            if found.due is not None:
                self.turn(found.due.shard)
        return self.stored(provider, payout)

    def stored(self, provider: Tenant, payout: Json) -> Payout:
        unit = storage.units().begin(provider.id)
        ref = Ref(Payout, provider.id, payout["id"])
        return unit.load(ref).require(ref)

    def head(self, provider: Tenant) -> ProviderBalance:
        head = self.market.head(provider)
        assert head is not None
        return head

    def bank(self, payout: Payout, status: str, **more: Any) -> None:
        """The bank takes the payout, or sends it back."""
        self.world.sandbox.post(f"payouts/{payout.bank.stripe_id}/finish", status=status, **more)

    def look(self, provider: Tenant, payout: Json) -> Payout:
        """Time passes until the worker looks at the payout, and it does."""
        due = self.stored(provider, payout).due
        assert due is not None
        self.world.clock.freeze(max(due.at, self.world.clock()))
        self.turn(due.shard)
        return self.stored(provider, payout)

    def earnings(self, provider: Tenant) -> Json:
        (found,) = provider.get("/v1/provider/earnings").data
        return dict(found)

    def transfers(self, payout: Json) -> list[Json]:
        """What the sandbox has in a payout's group."""
        page = self.world.stripe.v1.transfers.list({"transfer_group": payout["id"], "limit": 100})
        return [json.loads(str(each)) for each in page.data]

    def schedule(self, provider: Tenant, schedule: PayoutSchedule, **fields: Any) -> None:
        unit = storage.units().begin(provider.id)
        ref = Ref(ProviderAccount, provider.id, ACCOUNT_ID)
        unit.save(replace(unit.load(ref).require(ref), schedule=schedule, **fields))
        unit.commit()


def reasons(answer: Json) -> list[str]:
    return [str(each["reason"]) for each in answer["skipped"]]


def statuses(answer: Answer) -> list[str]:
    return [str(each["status"]) for each in answer.data]
