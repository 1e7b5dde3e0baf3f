"""Providers of the demo's marketplace: how they are onboarded, what they are owed, and what Stripe holds of it."""

from dataclasses import dataclass
from typing import Any

from local.client import Client
from local.demo.books import ledger_sums
from local.demo.story import money, require, wait_for
from local.demo.takings import at_stripe

_VISIT = {"returnUrl": "https://bazaar.example/done", "refreshUrl": "https://bazaar.example/again"}
_SWEEP_S = 150.0
"""What no webhook wakes is found by the schedule, which comes every minute."""


@dataclass(frozen=True)
class Provider:
    """A tenant that sells at the marketplace.

    Args:
        client: with the tenant's own key.
        name: for the tables.
        stripe_account: its account at Stripe.
    """

    client: Client
    id: str
    name: str
    stripe_account: str

    @classmethod
    def onboarded(cls, platform: Client, name: str, **settings: Any) -> "Provider":
        """A new tenant with an account at Stripe, whose holder has been through onboarding there.

        Args:
            settings: the tenant's.
        """
        made = platform.post("/v1/tenants", {"name": name, "mode": "test", "currency": "USD", **settings})
        client = Client(platform.stack, key=made["apiKey"])
        account = client.post("/v1/provider/account", {"country": "US", "schedule": {"interval": "manual"}, **_VISIT})
        require(bool(account["onboarding"]["url"]) and not account["ready"], f"the account is {account}")
        stripe_account = account["account"]["id"]
        client.sandbox("POST", f"/_sandbox/accounts/{stripe_account}/onboard")
        wait_for(lambda: client.get("/v1/provider/account")["ready"], "Stripe's webhook did not say that it is ready")
        return cls(client, made["id"], name, stripe_account)

    def standing(self) -> Any:
        """What it has earned, pending to paid; None where nothing."""
        listed = self.client.get("/v1/provider/earnings")
        require(len(listed) < 2, "it has earned at several marketplaces")
        return listed[0] if listed else None

    def payout(self, payout_id: str, status: str) -> Any:
        """A payout of its own, once it is so."""

        def look() -> Any:
            payout = self.client.get(f"/v1/payouts/{payout_id}")
            return payout if payout["status"] == status else None

        return wait_for(look, f"payout {payout_id} is not {status}", _SWEEP_S)

    def returned(self, payout_id: str) -> Any:
        """A payout, once what the bank sent back is on the account again."""

        def look() -> Any:
            payout = self.client.get(f"/v1/payouts/{payout_id}")
            return payout if payout["returned"] else None

        return wait_for(look, f"payout {payout_id} is not on the account again", _SWEEP_S)

    def bank_says(self, payout: Any, status: str, **more: str) -> None:
        """The bank takes a payout, or sends it back."""
        self.client.sandbox("POST", f"/_sandbox/payouts/{payout['bankPayoutId']}/finish", {"status": status, **more})

    def names_another_bank(self) -> None:
        """At Stripe; a payout that a bank sent back makes it one that takes none."""
        self.client.sandbox("POST", f"/_sandbox/accounts/{self.stripe_account}/replace_bank", {})

        def look() -> bool:
            account = self.client.get("/v1/provider/account")
            return bool(account["ready"]) and not any(each["errored"] for each in account["account"]["banks"])

        wait_for(look, "Stripe's webhook did not tell of the other bank")


@dataclass(frozen=True)
class Whereabouts:
    """Where a marketplace's money is at a moment, in micro-units.

    Args:
        at_stripe: what is on the platform's account there of this marketplace.
        cash: the same by the ledger.
        payable: what the ledger owes its providers: pending, payable, and on the way.
        providers: by name, what each is told: so much is pending, available, on its way, paid.
    """

    at_stripe: int
    cash: int
    payable: int
    providers: dict[str, dict[str, int]]

    @classmethod
    def now(cls, client: Client, tenant_id: str, providers: list[Provider]) -> "Whereabouts":
        """As Stripe, the ledger and the API say it.

        Raises:
            Failure: two of them differ.
        """
        takings, fees = at_stripe(client, tenant_id)
        there = takings.left - fees - _transferred(client, tenant_id)
        sums = ledger_sums(client, tenant_id)
        cash = sums["cash"]
        require(there == cash, f"Stripe holds {money(there)}, the ledger's cash is {money(cash)}")
        keys = ("pending", "available", "inTransit", "paid")
        told = {each.name: {key: (each.standing() or {}).get(key, 0) for key in keys} for each in providers}
        owed = -sum(sums.get(account, 0) for account in ("provider_pending", "provider_payable"))
        claimed = sum(each["pending"] + each["available"] for each in told.values())
        require(owed == claimed, f"the ledger owes {money(owed)}, the providers are told of {money(claimed)}")
        return cls(there, cash, owed, told)

    def of(self, name: str) -> str:
        """What a provider is told, in a cell: ``35.20 ready`` is on its account and can be paid out."""
        words = {"pending": "pending", "available": "ready", "inTransit": "sent", "paid": "paid"}
        found = [f"{money(micros, '')} {words[key]}" for key, micros in self.providers[name].items() if micros]
        return ", ".join(found) or "-"


def _transferred(client: Client, tenant_id: str) -> int:
    """What Stripe's own list of transfers has for a marketplace's providers, less what came back, in micro-units."""
    page = client.stripe("/v1/transfers?limit=100")
    require(not page["has_more"], "Stripe holds more than a page of transfers")
    ours = [each for each in page["data"] if each["metadata"].get("marketplace_id") == tenant_id]
    cents: int = sum(each["amount"] - each["amount_reversed"] for each in ours)
    return cents * 1000
