"""The fourth act of `make demo`: payments, with payers who are present, who are not, and who want their money back.

A gallery of its own sells single pieces to a collector. Its payers type cards into forms (the sandbox stands in for
Stripe.js), are declined, authenticate, get something back, and go to their bank. What Stripe tells of it comes by
webhook; at the end the payments, Stripe's balance and the ledger say the same.
"""

from typing import Any

from local.client import Answer
from local.demo.seller import Seller
from local.demo.story import console, money, require, wait_for
from local.demo.takings import same_takings, takings_table

SELLER: dict[str, Any] = {
    "name": "Gallery",
    "legalName": "Gallery, Inc.",
    "mode": "test",
    "currency": "USD",
    "timezone": "UTC",
    "address": {"line1": "12 Canal Street", "city": "New York", "postalCode": "10013", "state": "NY", "country": "US"},
    "email": "desk@gallery.example",
    "invoicePrefix": "G",
}
CUSTOMER = {"name": "Peggy Solomon", "email": "peggy@example.com"}
LITHOGRAPH, FRAME, CATALOG, PRINT, SKETCH = 45_000_000, 8_550_000, 2_900_000, 12_000_000, 6_400_000  # micro-units
_AT_ONCE = "pm_card_bypassPending"
"""Stripe has its money at once. What goes back and what banks take comes out of that; were it on its way for two days,
that would come out of what the next act's providers are to be paid with, and Stripe would refuse to pay them."""


class Payments(Seller):
    """The steps from the first form to the books."""

    def play(self) -> None:
        """From the first form to the books."""
        self.step("a gallery, a collector", self._begin)
        order = self.step("a form for an order: one card is declined, another pays", self._form)
        card = self.step("a card is saved, in a form of its own", self._setup)
        self.step("it is charged while nobody is there; a stolen one is declined", lambda: self._charges(card))
        frame = self.step("3-D Secure: the bank wants the payer, who comes back", lambda: self._authenticated(card))
        invoice = self.step("an invoice, paid in a form", self._invoice)
        self.step("refunds in parts, and no more than there is", lambda: self._refunds(order))
        self.step("a refund of the invoice is a credit note", lambda: self._credit_note(invoice))
        self.step("a bank takes money back; the dispute is lost", lambda: self._lost(frame))
        self.step("another dispute is open", lambda: self._disputed(invoice))
        fees = self.step("payments, Stripe's balance and the ledger say the same", self._takings)
        console.print()
        console.print(takings_table(self.client, self.tenant_id))
        console.print(f"Less Stripe's own fees, {money(fees)}: the ledger's cash is Stripe's balance.")
        link = self.step("an invoice to pay yourself, by the card 4242 4242 4242 4242", self._link)
        console.print(f"    Open it in a browser: {link}", soft_wrap=True)

    def _begin(self) -> tuple[None, str]:
        self.open_shop(SELLER)
        customer = self.client.post("/v1/customers", CUSTOMER)
        self.customer_id = customer["id"]
        return None, f"{self.tenant_id}, {self.customer_id} {customer['name']}"

    def _form(self) -> tuple[Any, str]:
        wanted = {"customerId": self.customer_id, "orderId": "lithograph-7", "amount": LITHOGRAPH, "currency": "USD"}
        intent = self.client.post("/v1/payments/intents", wanted)
        require(bool(intent["clientSecret"]), "there is no client secret")
        self._pay(intent, "pm_card_visa_chargeDeclined", 402)
        declined = self._settled(intent["paymentId"], "failed")
        self._pay(intent, _AT_ONCE)
        paid = self._settled(intent["paymentId"], "succeeded")
        require(paid["settledBy"] == "webhook", f"it was settled by the {paid['settledBy']}")
        return paid, f"{intent['paymentIntentId']}: {declined['error']['code']}, then {money(paid['amount'])}"

    def _setup(self) -> tuple[str, str]:
        setup = self.client.post("/v1/payment-methods/setup", {"customerId": self.customer_id})
        path = f"/_sandbox/setup_intents/{setup['setupIntentId']}/complete"
        body = {"payment_method": "pm_card_mastercard", "client_secret": setup["clientSecret"]}
        self.client.sandbox("POST", path, body)
        listed = wait_for(lambda: self.client.get(f"/v1/payment-methods?customer={self.customer_id}"), "no card came")
        card = listed[0]["card"]
        return listed[0]["id"], f"{card['brand']} {card['last4']}, by Stripe's webhook"

    def _charges(self, card: str) -> tuple[None, str]:
        wanted = {"customerId": self.customer_id, "amount": CATALOG, "currency": "USD", "paymentMethodId": card}
        charged = self.client.post("/v1/payments", wanted)
        require(charged["status"] == "succeeded", f"the payment is {charged['status']}")
        self._behave(card, decline="stolen_card")
        error = self._refused("/v1/payments", wanted, 502, "payment.declined")
        self._behave(card, decline=None)
        shown = self._detail(error, "declineCode")
        require("stolen" not in error.content.decode(), "the payer was told that the card is known to be stolen")
        return None, f"{money(charged['amount'])}; of the stolen one the payer hears: {shown}"

    def _authenticated(self, card: str) -> tuple[Any, str]:
        self._behave(card, auth="always")
        wanted = {"customerId": self.customer_id, "amount": FRAME, "currency": "USD"}
        error = self._refused("/v1/payments", wanted, 402, "payment.authentication_required")
        intent_id, payment_id = (self._detail(error, name) for name in ("paymentIntentId", "paymentId"))
        intent = {"paymentIntentId": intent_id, "clientSecret": self._detail(error, "clientSecret")}
        self._pay(intent, card)
        self.client.sandbox("POST", f"/_sandbox/payment_intents/{intent_id}/authenticate", {"succeed": True})
        paid = self._settled(payment_id, "succeeded")
        self._behave(card, auth=None)
        return paid, f"402 with the client secret, then {money(paid['amount'])}"

    def _invoice(self) -> tuple[Any, str]:
        lines = [
            {"description": "Print", "amount": PRINT},
            {"description": "Sketch", "amount": SKETCH},
        ]
        wanted = {"customerId": self.customer_id, "lines": lines, "autoFinalize": True}
        invoice = self.client.post("/v1/invoices", wanted)
        intent = self.client.post("/v1/payments/intents", {"invoiceId": invoice["id"], "savePaymentMethod": True})
        self._pay(intent, "pm_card_amex")
        self._settled(intent["paymentId"], "succeeded")
        paid = self.client.get(f"/v1/invoices/{invoice['id']}")
        require(paid["status"] == "paid", f"the invoice is {paid['status']}")
        self.charged(paid)
        return paid, f"{paid['number']}: {money(paid['amountPaid'])}"

    def _link(self) -> tuple[str, str]:
        lines = [{"description": "Frame", "amount": FRAME}]
        wanted = {"customerId": self.customer_id, "lines": lines, "autoFinalize": True, "autoCharge": False}
        invoice = self.client.post("/v1/invoices", wanted)
        require(invoice["status"] == "open", f"the invoice is {invoice['status']}")
        link = self.client.post(f"/v1/invoices/{invoice['id']}/payment-link")
        return link["url"], f"{invoice['number']}, {money(invoice['amountDue'])}; good until {link['expiresAt'][:10]}"

    def _refunds(self, payment: Any) -> tuple[None, str]:
        path = f"/v1/payments/{payment['id']}/refund"
        parts = [
            self.client.post(path, {"amount": part, "reason": "A scratch"}) for part in (LITHOGRAPH // 10, 2_345_000)
        ]
        require([each["status"] for each in parts] == ["succeeded"] * 2, f"the refunds are {parts}")
        back = sum(each["amount"] for each in parts)
        error = self._refused(path, {"amount": LITHOGRAPH - back + 1000}, 422, "billing.refund.exceeds_available")
        now = self.client.get(f"/v1/payments/{payment['id']}")
        require(now["amountRefunded"] == back, f"{now['amountRefunded']} are refunded")
        said = " + ".join(money(each["amount"]) for each in parts)
        return None, f"{said}; then {error.body['error']['code']}"

    def _credit_note(self, invoice: Any) -> tuple[None, str]:
        wanted = {"amount": SKETCH // 2, "reason": "It was smaller than it looked"}
        refund = self.client.post(f"/v1/payments/{invoice['latestPaymentId']}/refund", wanted)
        require(refund["status"] == "succeeded", f"the refund is {refund['status']}")
        (note,) = self.client.get(f"/v1/invoices/{invoice['id']}/credit-notes")
        require((note["id"], note["toRefund"]) == (refund["creditNoteId"], refund["amount"]), f"the note is {note}")
        return None, f"{note['number']}: {money(note['total'])}"

    def _lost(self, payment: Any) -> tuple[None, str]:
        dispute = self._dispute(payment["paymentIntentId"], "fraudulent")
        path = f"/v1/payments/{payment['id']}/refund"
        error = self._refused(path, {}, 422, "billing.refund.exceeds_available")
        stripe_id = dispute["stripeDisputeId"]
        self.client.sandbox("POST", f"/_sandbox/disputes/{stripe_id}/close", {"status": "lost"})
        lost = wait_for(lambda: self._dispute_if(dispute["id"], "lost"), "the dispute is not closed")
        return None, f"{money(lost['amount'])} are gone; a refund meanwhile: {error.body['error']['code']}"

    def _disputed(self, invoice: Any) -> tuple[None, str]:
        payment = self.client.get(f"/v1/payments/{invoice['latestPaymentId']}")
        dispute = self._dispute(payment["paymentIntentId"], "product_not_received", PRINT // 1000)
        now = self.client.get(f"/v1/invoices/{invoice['id']}")
        require((now["disputed"], now["disputeIds"]) == (True, [dispute["id"]]), "the invoice does not say so")
        return None, f"{money(dispute['amount'])} are held; {invoice['number']} says so"

    def _takings(self) -> tuple[int, str]:
        takings, fees = same_takings(self.client, self.tenant_id)
        return fees, f"{money(takings.charged)} came in, {money(takings.left)} are left"

    def _pay(self, intent: Any, card: str, status: int = 200) -> None:
        """The payer pays in the form, by the client secret that the API gave out."""
        answered = self.client.pay(intent["paymentIntentId"], card, intent["clientSecret"])
        require(answered == status, f"Stripe answered the payer with {answered}")

    def _behave(self, card: str, **behaviour: str | None) -> None:
        self.client.sandbox("POST", f"/_sandbox/payment_methods/{card}/behaviour", behaviour)

    def _refused(self, path: str, body: Any, status: int, code: str) -> Answer:
        answer = self.client.call("POST", path, body)
        require(answer.status == status, f"the API answered {answer.status}: {answer.body}")
        require(answer.body["error"]["code"] == code, f"the error is {answer.body['error']['code']}")
        return answer

    @staticmethod
    def _detail(answer: Answer, name: str) -> str:
        return next(str(each["reason"]) for each in answer.body["error"]["details"] if each["field"] == name)

    def _settled(self, payment_id: str, status: str) -> Any:
        """The payment, once Stripe's webhook has said so."""

        def look() -> Any:
            payment = self.client.get(f"/v1/payments/{payment_id}")
            return payment if payment["status"] == status else None

        return wait_for(look, f"the payment is not {status}")

    def _dispute(self, intent_id: str, reason: str, cents: int | None = None) -> Any:
        body = {"reason": reason} | ({"amount": cents} if cents else {})
        made = self.client.sandbox("POST", f"/_sandbox/charges/{intent_id}/dispute", body)

        def look() -> Any:
            listed = self.client.get(f"/v1/disputes?customer={self.customer_id}")
            ours = [each for each in listed if each["stripeDisputeId"] == made["id"] and each["fundsWithdrawn"]]
            return ours[0] if ours else None

        return wait_for(look, "the dispute did not come")

    def _dispute_if(self, dispute_id: str, status: str) -> Any:
        dispute = self.client.get(f"/v1/disputes/{dispute_id}")
        return dispute if dispute["status"] == status else None
