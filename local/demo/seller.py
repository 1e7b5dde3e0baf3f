"""Shared by the acts of `make demo` that have a seller of their own, with its own books."""

from typing import Any

from local.client import Client
from local.demo.books import every, invoice_table, ledger_sums, stripe_charges
from local.demo.story import Story, console, money, require


class Seller(Story):
    """The story of a seller and one of its customers, who is on a test clock where one was begun.

    Args:
        client: of the running stack; the seller is made with the platform's key.
        currency: the one that it sells in.
    """

    def __init__(self, client: Client, currency: str = "USD") -> None:
        super().__init__(client)
        self.currency = currency
        self.tenant_id = self.clock_id = self.customer_id = self.subscription_id = ""

    def open_shop(self, seller: dict[str, Any]) -> None:
        """Make the seller, and act with its key from now on."""
        platform = Client(self.client.stack, key=self.client.stack["platform_api_key"])
        made = platform.post("/v1/tenants", seller)
        self.tenant_id = made["id"]
        self.client = Client(self.client.stack, key=made["apiKey"])

    def begin_clock(self, at: str) -> None:
        """A test clock that stands at this time."""
        self.clock_id = self.client.post("/v1/test-clocks", {"frozenTime": at})["id"]

    def advance(self, to: str) -> None:
        """Until then, with everything that is due."""
        self.client.advance(self.clock_id, to)

    def invoices(self) -> list[Any]:
        """Those of the subscription, newest first."""
        return every(self.client, f"/v1/invoices?subscription={self.subscription_id}&limit=100")

    def paid_one(self) -> Any:
        """The newest invoice, paid, and charged at Stripe as it says."""
        newest = self.invoices()[0]
        require(newest["status"] == "paid", f"{newest['number']} is {newest['status']}")
        self.charged(newest)
        return newest

    def next_preview(self) -> Any:
        """What the subscription's next invoice would be."""
        return self.client.post("/v1/invoices/preview", {"subscriptionId": self.subscription_id})

    def books(self, invoices: list[Any], **others: int) -> list[Any]:
        """Compare what the invoices say was paid with Stripe's charges, and both with the ledger; returns the charges.

        The ledger's cash is what Stripe has left of them after its fees.

        Args:
            others: further accounts of the ledger, and what each has to stand at, in micro-units.
        """
        paid = sum(each["amountPaid"] for each in invoices)
        charges = stripe_charges(self.client, self.customer_id)
        at_stripe = sum(charge["amount"] for charge in charges) * 1000
        require(paid == at_stripe, f"{self.said(paid)} were paid, Stripe holds {self.said(at_stripe)}")
        fees = sum(charge["balance_transaction"]["fee"] for charge in charges) * 1000
        cash = {"cash": at_stripe - fees, "processing_fees": fees}
        expected = {**cash, "receivable": 0, "customer_balance": 0, **others}
        sums = ledger_sums(self.client, self.tenant_id)
        found = {account: sums.get(account, 0) for account in expected}
        require(found == expected, f"the ledger says {found}, not {expected}")
        return charges

    def print_invoices(self, invoices: list[Any], charges: list[Any]) -> None:
        """The end of the story: the invoices as a table, and their sum beside that of Stripe's charges."""
        console.print(invoice_table(invoices))
        paid = sum(each["amountPaid"] for each in invoices)
        at_stripe = sum(charge["amount"] for charge in charges) * 1000
        console.print(f"Sum of paid {self.said(paid)} = sum of Stripe's charges {self.said(at_stripe)}")

    def said(self, micros: int) -> str:
        """An amount in the seller's currency."""
        return money(micros, self.currency)
