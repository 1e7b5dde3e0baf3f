"""`make demo`: billing in six acts, told beside a running stack and checked at every step.

The first act is a month, here; the second a year (local/demo/year.py); the third is usage (local/demo/usage.py); the
fourth payments (local/demo/payments.py); the fifth a marketplace (local/demo/marketplace.py); the sixth who may do what
(local/demo/access.py). No answer is written down in advance: each result is compared with what another system says
about it, the invoice with Stripe's charge, the payment with the delivery of Stripe's webhook, the preview with the
bill, a scope with what its token gets.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from local.client import Client
from local.console import Failure
from local.demo.access import Access
from local.demo.marketplace import Market
from local.demo.payments import Payments
from local.demo.story import Story, console, money, require
from local.demo.usage import EVENTS, Usage
from local.demo.year import Year
from local.stack.settings import ROOT

DOCUMENTS = ROOT / ".local" / "documents"
PLAN: dict[str, Any] = {
    "id": "business-monthly",
    "name": "Business",
    "currency": "USD",
    "interval": "month",
    "components": [
        {"key": "base", "type": "flat", "unitAmount": 4_999_000},
        {"key": "seats", "type": "licensed", "model": "per_unit", "unitAmount": 500_000},
    ],
}
CUSTOMER = {
    "name": "Zoë Łukasiewicz 株式会社",
    "email": "zoe@example.com",
    "address": {"line1": "Königsallee 1", "city": "Düsseldorf", "postalCode": "40212", "country": "DE"},
    "taxId": "DE123456789",
}


class Month(Story):
    """A customer, a plan, a subscription, two invoices, a document.

    Args:
        client: of the running stack.
        folder: where the PDF goes.
    """

    def __init__(self, client: Client, folder: Path) -> None:
        super().__init__(client)
        self.folder = folder

    def play(self) -> Path:
        """From a customer to a paid invoice, to the next month's, to the PDF."""
        start = datetime.now(UTC).replace(microsecond=0)
        # Stripe's events may come before the answer to the call that caused them; here they always do. An unsigned
        # delivery first (refused) wakes the webhook's function, so that a cold start does not lose that race.
        requests.post(self.client.stack["stripe_webhook_url"], data=b"", timeout=60)
        self.client.sandbox("POST", "/_sandbox/webhooks", {"mode": "before_response"})
        try:
            clock = self.step("a test clock, so that a month takes a second", lambda: self._clock(start))
            customer = self.step("a customer", lambda: self._customer(clock["id"]))
            self.step("the plan business-monthly", self._plan)
            subscription = self.step("a subscription of 100 seats, paid by card", lambda: self._subscribe(customer))
            invoice = self.step("its first invoice is paid", lambda: self._paid(subscription["latestInvoiceId"]))
            self.step("Stripe holds a charge of the same sum", lambda: self._charge(invoice))
            self.step("paid by Stripe's signed webhook", lambda: self._webhook(invoice))
            second = self.step("a month later the sweep bills again", lambda: self._renewal(clock, subscription))
            self.step("the sum again, to the cent", lambda: self._charge(second))
            return self.step("the invoice as PDF", lambda: self._pdf(invoice))
        finally:
            self.client.sandbox("POST", "/_sandbox/webhooks", {"mode": "async"})

    def _clock(self, start: datetime) -> tuple[Any, str]:
        clock = self.client.post("/v1/test-clocks", {"frozenTime": start.isoformat()})
        return clock, f"{clock['id']} at {clock['frozenTime']}"

    def _customer(self, clock_id: str) -> tuple[Any, str]:
        customer = self.client.post("/v1/customers", {**CUSTOMER, "testClockId": clock_id})
        return customer, f"{customer['id']} {customer['name']}"

    def _plan(self) -> tuple[Any, str]:
        answer = self.client.call("POST", "/api/v1/plans", PLAN)
        if answer.status == 409:  # an earlier demo made it
            plan = self.client.get(f"/api/v1/plans/{PLAN['id']}")
            return plan, f"version {plan['version']}, there already"
        return answer.data, f"version {answer.data['version']}"

    def _subscribe(self, customer: Any) -> tuple[Any, str]:
        subscription = self.client.post(
            "/api/v1/subscriptions",
            {
                "customerId": customer["id"],
                "planId": PLAN["id"],
                "quantities": {"seats": 100},
                "paymentMethodId": "pm_card_visa",
            },
        )
        require(subscription["state"] == "active", f"the subscription is {subscription['state']}")
        period = subscription["currentPeriod"]
        return subscription, f"{subscription['id']} {period['start'][:10]} to {period['end'][:10]}"

    def _paid(self, invoice_id: str) -> tuple[Any, str]:
        invoice = self.client.get(f"/v1/invoices/{invoice_id}")
        require(invoice["status"] == "paid", f"the invoice is {invoice['status']}")
        lines = " + ".join(money(line["amount"]) for line in invoice["lines"])
        return invoice, f"{invoice['number']}: {lines} = {money(invoice['total'])}"

    def _charge(self, invoice: Any) -> tuple[Any, str]:
        charge = self.charged(invoice)
        require(charge["amount"] * 1000 == invoice["total"], f"Stripe holds {charge['amount']} cents")
        return charge, f"{charge['id']}: {charge['amount']} cents"

    def _webhook(self, invoice: Any) -> tuple[Any, str]:
        payment = self.client.get(f"/v1/payments/{invoice['latestPaymentId']}")
        require(payment["settledBy"] == "webhook", f"the payment was settled by the {payment['settledBy']}")
        deliveries = self.client.sandbox("GET", "/_sandbox/deliveries")
        deliveries = deliveries["data"] if isinstance(deliveries, dict) else deliveries
        ours = [one for one in deliveries if one.get("event") == payment["settledEventId"]]
        require(any(one.get("status") == 200 for one in ours), "no delivery of the event was answered with 200")
        return payment, f"{payment['settledEventId']} over HTTP, answered 200"

    def _renewal(self, clock: Any, subscription: Any) -> tuple[Any, str]:
        end = datetime.fromisoformat(subscription["currentPeriod"]["end"])
        self.client.advance(clock["id"], (end + timedelta(hours=1)).isoformat())
        renewed = self.client.get(f"/v1/subscriptions/{subscription['id']}")
        require(
            renewed["currentPeriod"]["start"] == subscription["currentPeriod"]["end"],
            "the periods have a gap",
        )
        listed = self.client.get(f"/v1/invoices?subscription={subscription['id']}")
        require([one["status"] for one in listed] == ["paid", "paid"], f"there are {len(listed)} invoices")
        return listed[0], f"{listed[0]['number']}: {money(listed[0]['total'])}"

    def _pdf(self, invoice: Any) -> tuple[Path, str]:
        answer = self.client.call("GET", f"/v1/invoices/{invoice['id']}/pdf")
        require(answer.content.startswith(b"%PDF-"), f"the PDF route answered {answer.status}")
        path = self.folder / f"{invoice['number']}.pdf"
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(answer.content)
        return path, f"{len(answer.content):,} bytes"


def main() -> int:
    """Play it; one line and exit code 1 where something is wrong."""
    try:
        client = Client.of_file()
        console.print("[bold]A month of a customer[/bold]")
        path = Month(client, DOCUMENTS).play()
        console.print(f"    The invoice: {path}\n", soft_wrap=True)
        console.print("[bold]A year of another, on a test clock[/bold]")
        year = Year(client)
        year.play()
        console.print(f"A year in {year.elapsed_s:.0f} s.\n")
        console.print(f"[bold]{EVENTS:,} usage events of a third[/bold]")
        usage = Usage(client)
        usage.play()
        console.print(f"Sent, counted and billed in {usage.elapsed_s:.0f} s.\n")
        console.print("[bold]Payments, refunds and disputes[/bold]")
        payments = Payments(client)
        payments.play()
        console.print(f"Paid, refunded and disputed in {payments.elapsed_s:.0f} s.\n")
        console.print("[bold]An order of three providers, and their payouts[/bold]")
        market = Market(client, DOCUMENTS)
        path = market.play()
        console.print(f"    The statement: {path}", soft_wrap=True)
        console.print(f"Sold, shared and paid out in {market.elapsed_s:.0f} s.\n")
        console.print("[bold]Somebody is invited, and lets an application act for them[/bold]")
        access = Access(client)
        access.play()
        console.print(f"Invited, allowed, rotated and revoked in {access.elapsed_s:.0f} s.")
    except Failure as failure:
        console.print(f"[red]error:[/red] {failure}", soft_wrap=True, markup=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
