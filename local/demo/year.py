"""The second act of `make demo`: a year of one customer on a test clock.

A seller in Germany of its own, that charges VAT by the built-in table; its customer in Bremen has a trial, a coupon, an
upgrade, more seats, a pause, a card that fails, a new one, a credit note, another interval, and an end. Each bill is
held against what a preview said before, against Stripe's charges, and in the end against the ledger.
"""

from typing import Any

from local.client import Client
from local.demo.seller import Seller
from local.demo.story import console, money, require

SELLER: dict[str, Any] = {
    "name": "Kontor",
    "legalName": "Kontor Software GmbH",
    "mode": "test",
    "currency": "EUR",
    "timezone": "UTC",
    "address": {"line1": "Speicherstadt 4", "city": "Hamburg", "postalCode": "20457", "country": "DE"},
    "taxId": "DE136695976",
    "email": "rechnung@kontor.example",
    "invoicePrefix": "K",
    "taxProvider": "builtin",
    "dunning": {"scheduleDays": [1, 3, 5, 7], "action": "canceled"},
}
CUSTOMER: dict[str, Any] = {
    "name": "Else Gärtner",
    "email": "else@example.com",
    "address": {"line1": "Böttcherstraße 6", "city": "Bremen", "postalCode": "28195", "country": "DE"},
}
COUPON = {"code": "WELCOME25", "percentOff": "25", "duration": "repeating", "durationPeriods": 3}
_BILL = ("currency", "subtotal", "discount", "tax", "total", "balanceApplied")
_LINE = ("description", "component", "quantity", "unitAmount", "amount", "period", "proration", "taxes", "discounts")


def plan(plan_id: str, name: str, base: int, seat: int, months: int = 1) -> dict[str, Any]:
    """A plan of so many months, prices in cents."""
    return {
        "id": plan_id,
        "name": name,
        "currency": "EUR",
        "interval": "month",
        "intervalCount": months,
        "components": [
            {"key": "base", "type": "flat", "unitAmount": base * 1000},
            {"key": "seats", "type": "licensed", "model": "per_unit", "unitAmount": seat * 1000},
        ],
    }


TEAM = plan("team", "Team", 4900, 1000)
BUSINESS = plan("business", "Business", 9900, 1500)
QUARTERLY = plan("business-quarterly", "Business, quarterly", 28000, 4000, months=3)


class Year(Seller):
    """The steps of the year 2027."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, "EUR")

    def play(self) -> list[Any]:
        """From the trial to the end; returns the year's invoices, oldest first."""
        self.step("1 January: a seller that charges VAT, a customer on a test clock", self._begin)
        preview = self.step("a trial of 14 days, 25 % off the first three months", self._trial)
        self.step("15 January: the trial ends, the first invoice is what was shown", lambda: self._first(preview))
        self.step("1 March: an upgrade, half way through the month", self._upgrade)
        self.step("the plan's price goes up; who has it keeps their version", self._new_version)
        self.step("1 May: five more seats, billed with the next invoice", self._more_seats)
        self.step("1 June: a pause until 1 July, what is left of the month comes back", self._pause)
        self.step("1 July: it resumes by itself and bills the rest of its month", self._resumed)
        unpaid = self.step("15 July: the card is declined, and again the day after", self._declined)
        self.step("18 July: the third attempt takes a new card", lambda: self._recovered(unpaid))
        self.step("a credit note, that the next invoice uses", lambda: self._credit_note(unpaid))
        self.step("1 October: quarters instead of months, a new cycle at once", self._quarterly)
        self.step("it is canceled, and ends with its quarter: at the end of the year", self._end)
        invoices, charges = self.step("the books, Stripe and the invoices say the same", self._books)
        console.print()
        self.print_invoices(invoices, charges)
        return invoices

    def _begin(self) -> tuple[None, str]:
        self.open_shop(SELLER)
        for each in (TEAM, BUSINESS, QUARTERLY):
            self.client.post("/v1/plans", each)
        self.client.post("/v1/coupons", COUPON)
        self.begin_clock("2027-01-01T00:00:00Z")
        customer = self.client.post("/v1/customers", {**CUSTOMER, "testClockId": self.clock_id})
        self.customer_id = customer["id"]
        return None, f"{self.tenant_id}, {self.customer_id} {customer['name']}"

    def _trial(self) -> tuple[Any, str]:
        wanted = {"customerId": self.customer_id, "planId": "team", "quantities": {"seats": 10}, "trialDays": 14}
        wanted |= {"paymentMethodId": "pm_card_visa", "couponCode": COUPON["code"]}
        subscription = self.client.post("/v1/subscriptions", wanted)
        self.subscription_id = subscription["id"]
        require(subscription["state"] == "trialing", f"the subscription is {subscription['state']}")
        require(self.invoices() == [], "a trial was billed")
        preview = self.next_preview()
        return preview, f"until {subscription['trialEnd'][:10]}; then {bill(preview)}"

    def _first(self, preview: Any) -> tuple[None, str]:
        self.advance("2027-01-15T01:00:00Z")
        first = self.paid_one()
        same_bill(preview, first)
        return None, f"{first['number']}: {bill(first)}"

    def _upgrade(self) -> tuple[None, str]:
        self.advance("2027-03-01T00:00:00Z")
        wanted = {"planId": "business", "prorationBehavior": "invoice_now"}
        preview = self._change_preview(wanted)
        self.client.patch(self._subscription_path, wanted)
        invoice = self.paid_one()
        same_bill(preview, invoice)
        back = sum(line["amount"] for line in invoice["lines"] if line["amount"] < 0)
        require(back < 0, "nothing was given back")
        return None, f"{invoice['number']}: {euros(back)} back, {bill(invoice)}"

    def _new_version(self) -> tuple[None, str]:
        dearer = plan("business", "Business", 12900, 1900)
        raised = self.client.patch("/v1/plans/business", {"components": dearer["components"]})
        self.advance("2027-05-01T00:00:00Z")
        april, march = self.invoices()[:2]
        version = self._subscription()["planVersion"]
        require((raised["version"], version) == (2, 1), f"versions {raised['version']} and {version}")
        require(april["subtotal"] == 9_900_000 + 10 * 1_500_000, f"April cost {april['subtotal']}")
        require(march["discount"] > 0 == april["discount"], "the coupon did not end after three months")
        for each in (march, april):
            self.charged(each)
        return None, f"March {euros(march['total'])} with the coupon, April {euros(april['total'])} without"

    def _more_seats(self) -> tuple[None, str]:
        wanted = {"quantities": {"seats": 15}}
        shown = self._change_preview(wanted)
        pending = self.client.patch(self._subscription_path, wanted)["pendingLineCount"]
        require(pending == len(shown["lines"]), f"{pending} lines wait, {len(shown['lines'])} were shown")
        preview = self.next_preview()
        self.advance("2027-05-15T01:00:00Z")
        invoice = self.paid_one()
        same_bill(preview, invoice)
        return None, f"{invoice['number']}: {euros(shown['subtotal'])} for May's rest, {bill(invoice)}"

    def _pause(self) -> tuple[None, str]:
        self.advance("2027-06-01T00:00:00Z")
        wanted = {"paused": True, "resumesAt": "2027-07-01T00:00:00Z"}
        shown = self._change_preview(wanted)
        paused = self.client.patch(self._subscription_path, wanted)
        require(paused["state"] == "paused", f"the subscription is {paused['state']}")
        require(paused["pendingLineCount"] == len(shown["lines"]), f"{paused['pendingLineCount']} lines wait")
        require(shown["subtotal"] < 0, "nothing comes back")
        return None, f"{euros(shown['total'])} wait for the next invoice"

    def _resumed(self) -> tuple[None, str]:
        before, preview = self.invoices(), self.next_preview()
        self.advance("2027-07-01T01:00:00Z")
        invoice = self.paid_one()
        require(len(self.invoices()) == len(before) + 1, "the paused time was billed")
        same_bill(preview, invoice)
        require(self._subscription()["state"] == "active", "it did not resume")
        return None, f"{invoice['number']}: {bill(invoice)}"

    def _declined(self) -> tuple[Any, str]:
        method = self._subscription()["paymentMethodId"]
        self.client.sandbox("POST", f"/_sandbox/payment_methods/{method}/behaviour", {"decline": "insufficient_funds"})
        self.advance("2027-07-15T01:00:00Z")
        first = self.invoices()[0]
        require((first["status"], first["attemptCount"]) == ("open", 1), f"{first['attemptCount']} attempts")
        self.advance("2027-07-17T00:00:00Z")
        unpaid = self.invoices()[0]
        require((unpaid["id"], unpaid["attemptCount"]) == (first["id"], 2), f"{unpaid['attemptCount']} attempts")
        state = self._subscription()["state"]
        require(state == "past_due", f"the subscription is {state}")
        said = f"{unpaid['number']}: {unpaid['paymentError']['code']}, {state}, next on {unpaid['nextAttemptAt'][:10]}"
        return unpaid, said

    def _recovered(self, unpaid: Any) -> tuple[None, str]:
        self.client.patch(self._subscription_path, {"paymentMethodId": "pm_card_mastercard"})
        self.advance("2027-07-18T01:00:00Z")
        paid = self.paid_one()
        require((paid["id"], paid["attemptCount"]) == (unpaid["id"], 3), f"{paid['attemptCount']} attempts")
        brand = self.charged(paid)["payment_method_details"]["card"]["brand"]
        require(brand == "mastercard", f"Stripe charged the {brand}")
        state = self._subscription()["state"]
        require(state == "active", f"the subscription is {state}")
        return None, f"{euros(paid['amountPaid'])} by {brand}, {state}"

    def _credit_note(self, invoice: Any) -> tuple[None, str]:
        wanted = {"amount": 3_000_000, "reason": "A day without service"}
        note = self.client.post(f"/v1/invoices/{invoice['id']}/credit-notes", wanted)
        balance = self.client.get(f"/v1/customers/{self.customer_id}/balance")
        require(note["toBalance"] == balance["amount"] == 3_000_000, f"the balance is {balance}")
        preview = self.next_preview()
        self.advance("2027-08-15T01:00:00Z")
        following = self.paid_one()
        same_bill(preview, following)
        require(following["balanceApplied"] == note["total"], "the balance was not used")
        return None, f"{note['number']} ({euros(note['tax'])} of it VAT); {following['number']}: {bill(following)}"

    def _quarterly(self) -> tuple[None, str]:
        self.advance("2027-10-01T00:00:00Z")
        self.paid_one()
        wanted = {"planId": "business-quarterly"}
        preview = self._change_preview(wanted)
        changed = self.client.patch(self._subscription_path, wanted)
        invoice = self.paid_one()
        same_bill(preview, invoice)
        end = changed["currentPeriod"]["end"]
        require(end == "2028-01-01T00:00:00Z", f"the quarter ends on {end}")
        return None, f"{invoice['number']}: {bill(invoice)}, until {end[:10]}"

    def _end(self) -> tuple[None, str]:
        before = self.invoices()
        marked = self.client.post(f"{self._subscription_path}/cancel", {"atPeriodEnd": True})
        require((marked["state"], marked["cancelAtPeriodEnd"]) == ("active", True), "it ended at once")
        self.advance("2028-01-01T01:00:00Z")
        ended = self._subscription()
        require(ended["state"] == "canceled", f"the subscription is {ended['state']}")
        require(self.invoices() == before, "its end was billed")
        return None, f"canceled at {ended['canceledAt']}, nothing more is billed"

    def _books(self) -> tuple[tuple[list[Any], list[Any]], str]:
        invoices = self.invoices()[::-1]
        notes = [note for each in invoices for note in self.client.get(f"/v1/invoices/{each['id']}/credit-notes")]
        owed = sum(each["tax"] for each in invoices) - sum(note["tax"] for note in notes)
        charges = self.books(invoices, tax_payable=-owed)
        charged = sum(charge["amount"] for charge in charges) * 1000
        said = f"{len(charges)} charges, {euros(charged)}, VAT owed {euros(owed)}, receivable {euros(0)}"
        return (invoices, charges), said

    @property
    def _subscription_path(self) -> str:
        return f"/v1/subscriptions/{self.subscription_id}"

    def _subscription(self) -> Any:
        return self.client.get(self._subscription_path)

    def _change_preview(self, wanted: dict[str, Any]) -> Any:
        return self.client.post(f"{self._subscription_path}/preview", wanted)


def same_bill(preview: Any, invoice: Any) -> None:
    """A preview and the invoice that came of it say the same, to the cent and line by line."""
    for key in _BILL:
        require(preview[key] == invoice[key], f"{key} was {preview[key]} in the preview, and is {invoice[key]}")
    require(preview["amountDue"] == invoice["amountPaid"], "another sum was paid than the preview said")
    lines = [[{key: line[key] for key in _LINE} for line in each["lines"]] for each in (preview, invoice)]
    require(lines[0] == lines[1], f"the lines were {lines[0]} in the preview, and are {lines[1]}")


def bill(invoice: Any) -> str:
    """``€99.00 - €24.75 + €14.11 VAT = €88.36``."""
    parts = euros(invoice["subtotal"])
    parts += f" - {euros(invoice['discount'])}" if invoice["discount"] else ""
    parts += f" + {euros(invoice['tax'])} VAT = {euros(invoice['total'])}"
    return parts + (f", {euros(invoice['balanceApplied'])} of it from the balance" if invoice["balanceApplied"] else "")


def euros(micros: int) -> str:
    """4999000 micro-units as ``€49.99``."""
    return money(micros, "EUR")
