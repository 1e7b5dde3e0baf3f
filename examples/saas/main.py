"""A SaaS with a trial and seats: what its server asks of Ledgerline, from the sign-up to the last invoice.

    python examples/saas/main.py

The customer is on a test clock, so that two months take some seconds; leave ``testClockId`` out, and time is time.
"""

import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))
from ledgerline import Ledgerline

PLAN = {
    "id": "team-with-trial",
    "name": "Team",
    "currency": "USD",
    "interval": "month",
    "trialDays": 14,
    "components": [
        {"key": "base", "type": "flat", "unitAmount": 2_900_000},  # micro-units: $29.00
        {
            "key": "seats",
            "type": "licensed",
            "model": "graduated",
            "tiers": [{"upTo": 10, "unitAmount": 900_000}, {"upTo": None, "unitAmount": 700_000}],
        },
    ],
}
ledgerline = Ledgerline()


def dollars(micros: int) -> str:
    """Micro-units as a text: 1,000 of them are a cent."""
    return f"${Decimal(micros) / 100_000:,.2f}"


def sign_up(name: str, seats: int, clock: str) -> Any:
    """A customer with a card, and a trial of two weeks: nothing is charged yet."""
    customer = ledgerline.post("/v1/customers", {"name": name, "email": "ops@kestrel.example", "testClockId": clock})
    wanted = {
        "customerId": customer["id"],
        "planId": PLAN["id"],
        "quantities": {"seats": seats},
        "paymentMethodId": "pm_card_visa",  # of Stripe's form, where real customers sign up: examples/pay-page
    }
    return ledgerline.post("/v1/subscriptions", wanted)


def advance(clock: str, to: str) -> None:
    """Let time pass, with everything that is due."""
    ledgerline.post(f"/v1/test-clocks/{clock}/advance", {"frozenTime": to})
    while ledgerline.get(f"/v1/test-clocks/{clock}")["status"] != "ready":
        time.sleep(0.2)


def newest_invoice(subscription: Any) -> Any:
    return ledgerline.get("/v1/invoices", subscription=subscription["id"], limit=1)[0]


def main() -> None:
    ledgerline.publish("/v1/plans", PLAN)
    clock = ledgerline.post("/v1/test-clocks", {"frozenTime": "2026-01-01T00:00:00Z"})["id"]
    subscription = sign_up("Kestrel Robotics", 12, clock)
    print(f"1 January: {subscription['state']} until {subscription['trialEnd'][:10]}")
    advance(clock, "2026-01-15T00:00:00Z")
    first = newest_invoice(subscription)
    print(f"15 January: {first['status']}, {dollars(first['total'])} for 12 seats")
    advance(clock, "2026-01-31T00:00:00Z")
    change = {"quantities": {"seats": 20}, "prorationBehavior": "invoice_now"}
    preview = ledgerline.post(f"/v1/subscriptions/{subscription['id']}/preview", change)
    print(f"31 January: eight seats more would cost {dollars(preview['total'])} for the rest of the month")
    # Bills what was shown to the customer, or is refused because something has changed meanwhile.
    ledgerline.patch(f"/v1/subscriptions/{subscription['id']}", change | {"expectedTotal": preview["total"]})
    print(f"            billed {dollars(newest_invoice(subscription)['total'])}")
    ledgerline.post(f"/v1/subscriptions/{subscription['id']}/cancel", {"atPeriodEnd": True})
    advance(clock, "2026-02-16T00:00:00Z")
    ended = ledgerline.get(f"/v1/subscriptions/{subscription['id']}")
    print(f"16 February: {ended['state']}")


if __name__ == "__main__":
    main()
