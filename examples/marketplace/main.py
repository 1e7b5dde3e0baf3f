"""A marketplace of three sellers: one payment, three earnings, a refund, and a payout for each.

    python examples/marketplace/main.py

It needs the platform's key beside the marketplace's own, ``LEDGERLINE_PLATFORM_KEY``, for sellers are tenants. Sellers
go through Stripe's pages by themselves; on this machine the sandbox stands in for them (``LEDGERLINE_SANDBOX_URL``).
"""

import os
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests

sys.path.append(str(Path(__file__).resolve().parents[1]))
from ledgerline import Ledgerline

GOODS = {
    "Pottery": ("Bowls", 12_000_000, 1_500),
    "Weaver": ("A scarf", 8_000_000, 1_200),
    "Bakery": ("A book", 2_450_000, 1_000),
}
"""By seller: what it sells, the price in micro-units, and what the marketplace keeps, in hundredths of a percent."""
RETURNS = {"returnUrl": "https://bazaar.example/done", "refreshUrl": "https://bazaar.example/again"}
market, platform = Ledgerline(), Ledgerline(os.environ["LEDGERLINE_PLATFORM_KEY"])


def dollars(micros: int) -> str:
    """Micro-units as a text: 1,000 of them are a cent."""
    return f"${Decimal(micros) / 100_000:,.2f}"


class Seller:
    """A seller with a tenant and an account at Stripe of its own, once Stripe knows who it is."""

    def __init__(self, name: str) -> None:
        made = platform.post("/v1/tenants", {"name": name, "mode": "test", "currency": "USD"})
        self.name, self.id, self.own = name, made["id"], Ledgerline(made["apiKey"])
        opened = self.own.post("/v1/provider/account", {"country": "US", "schedule": {"interval": "manual"}, **RETURNS})
        if sandbox := os.environ.get("LEDGERLINE_SANDBOX_URL"):
            requests.post(f"{sandbox}/_sandbox/accounts/{opened['account']['id']}/onboard", json={}, timeout=30)
        else:
            print(f"{name} goes to {opened['onboarding']['url']}")
        while not self.own.get("/v1/provider/account")["ready"]:
            time.sleep(0.5)

    def earnings(self) -> Any:
        """What it has earned here: a line for each marketplace and currency, none while there is nothing."""
        lines = self.own.get("/v1/provider/earnings")
        return lines[0] if lines else {"pending": 0, "available": 0}


def order(buyer: str, sellers: list[Seller]) -> Any:
    """One of each seller's goods, priced once."""
    items = []
    for seller in sellers:
        description, price, bps = GOODS[seller.name]
        item = {"sku": seller.name.lower(), "description": description, "unitAmount": price, "commissionBps": bps}
        items.append(item | {"providerTenantId": seller.id})
    return market.post("/v1/commerce/orders", {"customerId": buyer, "currency": "USD", "items": items})


def main() -> None:
    sellers = [Seller(name) for name in GOODS]
    clock = market.post("/v1/test-clocks", {"frozenTime": "2026-01-01T00:00:00Z"})["id"]
    buyer = market.post("/v1/customers", {"name": "Ida Marsh", "testClockId": clock})["id"]
    made = order(buyer, sellers)
    # A card whose money Stripe has at once: others take two days, and payouts wait for it. A real buyer pays in a form.
    card = {"paymentMethodId": "pm_card_bypassPending"}
    paid = market.post(f"/v1/commerce/orders/{made['id']}/pay", card, once=f"pay-{made['id']}")
    print(f"paid: {dollars(paid['total'])}, once")
    for seller in sellers:
        print(f"  {seller.name} earns {dollars(seller.earnings()['pending'])}")
    back = {"items": [{"itemId": "item_2", "amount": 4_000_000}], "reason": "One end is frayed"}
    refund = market.post(f"/v1/commerce/orders/{made['id']}/refund", back, once=f"frayed-{made['id']}")
    print(f"refunded: {dollars(refund['amount'])}, of which Weaver bears {dollars(refund['items'][0]['earning'])}")
    market.post(f"/v1/test-clocks/{clock}/advance", {"frozenTime": "2026-01-16T00:00:00Z"})
    while not all(seller.earnings()["available"] for seller in sellers):
        time.sleep(0.5)
    print("two weeks later the refund window is over")
    names = {seller.id: seller.name for seller in sellers}
    paid_out = {
        names[each["providerTenantId"]]: each["amount"] for each in market.post("/v1/payouts/trigger")["payouts"]
    }
    for name in GOODS:
        print(f"  {name} is paid {dollars(paid_out[name])}")


if __name__ == "__main__":
    main()
