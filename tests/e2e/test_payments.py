"""Payments on the deployed stack: payers in their forms and out of them, banks, and Stripe's record of the money."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from local.client import Answer, Client
from local.demo.payments import Payments
from local.demo.takings import same_takings
from local.stack.settings import STACK_NAME
from tests.e2e.conftest import Seller, Stack, charges, soon

AMOUNT = 4_999_000


@dataclass(frozen=True)
class Payer:
    """A customer; what it does in a form, Stripe's sandbox does."""

    client: Client
    id: str

    def body(self, **more: Any) -> dict[str, Any]:
        return {"customerId": self.id, "amount": AMOUNT, "currency": "USD", **more}

    def charge(self, **more: Any) -> Answer:
        """Off-session: nobody is there."""
        return self.client.call("POST", "/v1/payments", self.body(**more))

    def intent(self, **more: Any) -> Any:
        return self.client.post("/v1/payments/intents", self.body(**more))

    def pays(self, intent: Any, card: str = "pm_card_visa") -> Any:
        """In the form; the payment, once Stripe's webhook has told of it."""
        assert self.client.pay(intent["paymentIntentId"], card, intent["clientSecret"]) == 200
        return self.settled(intent["paymentId"])

    def paid(self, **more: Any) -> Any:
        """A payment that succeeded."""
        return self.pays(self.intent(**more))

    def authenticates(self, intent_id: str, succeed: bool = True) -> None:
        self.client.sandbox("POST", f"/_sandbox/payment_intents/{intent_id}/authenticate", {"succeed": succeed})

    def saves(self, card: str) -> Any:
        """A card, in a form of its own; the method, once Stripe's webhook has brought it."""
        known = {each["id"] for each in self.methods()}
        setup = self.client.post("/v1/payment-methods/setup", {"customerId": self.id})
        body = {"payment_method": card, "client_secret": setup["clientSecret"]}
        self.client.sandbox("POST", f"/_sandbox/setup_intents/{setup['setupIntentId']}/complete", body)
        return soon(lambda: next((each for each in self.methods() if each["id"] not in known), None))

    def methods(self) -> Any:
        return self.client.get(f"/v1/payment-methods?customer={self.id}")

    def default(self) -> Any:
        return self.client.get(f"/v1/customers/{self.id}")["defaultPaymentMethodId"]

    def settled(self, payment_id: str, status: str = "succeeded") -> Any:
        """The payment, once it is so."""

        def look() -> Any:
            payment = self.client.get(f"/v1/payments/{payment_id}")
            return payment if payment["status"] == status else None

        return soon(look)

    def disputes(self, payment: Any, reason: str = "fraudulent") -> Any:
        """Goes to the bank, which takes the money; the dispute, once it is known here."""
        act = f"/_sandbox/charges/{payment['paymentIntentId']}/dispute"
        self.client.sandbox("POST", act, {"reason": reason})
        return self.decided(payment, "needs_response")

    def decided(self, payment: Any, status: str) -> Any:
        """The payment's dispute, once it is so."""

        def look() -> Any:
            found = self.client.get(f"/v1/disputes?payment={payment['id']}")
            return found[0] if found and found[0]["status"] == status else None

        return soon(look)


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["error"]["code"]


def details(answer: Answer) -> dict[str, str]:
    return {each["field"]: each["reason"] for each in answer.body["error"]["details"]}


@pytest.fixture(scope="module")
def seller(stack: Stack) -> Seller:
    return Seller.new(stack, "Payments")


def new_payer(seller: Seller, name: str) -> Payer:
    """Who calls for itself: of a seller's intents, thirty a minute are each user's own."""
    made = seller.client.post("/v1/customers", {"name": name})["id"]
    return Payer(seller.client.on_behalf_of(made), made)


@pytest.fixture
def payer(seller: Seller) -> Payer:
    return new_payer(seller, "A Payer")


@pytest.fixture(scope="module")
def cardholder(seller: Seller) -> tuple[Payer, str]:
    """A payer with a saved card, whose behaviour each test sets."""
    payer = new_payer(seller, "A Cardholder")
    return payer, payer.saves("pm_card_visa")["id"]


def behave(client: Client, card: str, **behaviour: str | None) -> None:
    client.sandbox("POST", f"/_sandbox/payment_methods/{card}/behaviour", behaviour)


def open_invoice(payer: Payer, amount: int = 12_000_000) -> Any:
    body = {"customerId": payer.id, "lines": [{"description": "Consulting", "amount": amount}], "autoFinalize": True}
    return payer.client.post("/v1/invoices", body)


def test_the_payments_of_the_demo_hold_at_every_step(client: Client) -> None:
    Payments(client).play()


@pytest.mark.parametrize(
    ("bank_says", "status", "error", "payer_hears"),
    [
        ("generic_decline", 502, "payment.declined", "generic_decline"),
        ("expired_card", 502, "payment.declined", "expired_card"),
        ("stolen_card", 502, "payment.declined", "generic_decline"),
        ("lost_card", 502, "payment.declined", "generic_decline"),
        ("insufficient_funds", 402, "payment.insufficient_funds", "insufficient_funds"),
    ],
)
def test_a_decline_says_what_its_payer_may_hear(
    cardholder: tuple[Payer, str], bank_says: str, status: int, error: str, payer_hears: str
) -> None:
    payer, card = cardholder
    behave(payer.client, card, decline=bank_says)
    answer = payer.charge(paymentMethodId=card)
    assert code(answer) == (status, error)
    found = details(answer)
    assert found["declineCode"] == payer_hears
    assert bank_says == payer_hears or bank_says.partition("_")[0] not in answer.content.decode()
    payment = payer.client.get(f"/v1/payments/{found['paymentId']}")
    assert (payment["status"], payment["error"]["declineCode"]) == ("failed", payer_hears)
    why = payer.client.stripe(f"/v1/payment_intents/{payment['paymentIntentId']}")["last_payment_error"]
    assert bank_says in (why["code"], why.get("decline_code"))
    assert charges(payer.client, payment) == []


def test_an_off_session_charge_that_wants_authentication_is_finished_by_its_payer(payer: Payer) -> None:
    answer = payer.charge(paymentMethodId="pm_card_authenticationRequired")
    assert code(answer) == (402, "payment.authentication_required")
    found = details(answer)
    payment = payer.client.get(f"/v1/payments/{found['paymentId']}")
    assert (payment["status"], payment["paymentIntentId"]) == ("failed", found["paymentIntentId"])
    assert payer.client.pay(found["paymentIntentId"], payment["paymentMethodId"], found["clientSecret"]) == 200
    payer.authenticates(found["paymentIntentId"])
    paid = payer.settled(payment["id"])
    assert (paid["settledBy"], len(charges(payer.client, paid))) == ("webhook", 1)


@pytest.mark.parametrize(("succeed", "status", "charged"), [(True, "succeeded", 1), (False, "failed", 0)])
def test_a_payer_who_is_present_authenticates_or_does_not(
    payer: Payer, succeed: bool, status: str, charged: int
) -> None:
    intent = payer.intent(paymentMethodId="pm_card_threeDSecure2Required")
    assert (intent["requiresAction"], intent["status"]) == (True, "requires_action")
    assert intent["clientSecret"].startswith(intent["paymentIntentId"])
    payer.authenticates(intent["paymentIntentId"], succeed)
    payment = payer.settled(intent["paymentId"], status)
    assert len(charges(payer.client, payment)) == charged


def test_a_form_pays_an_order_after_a_decline(payer: Payer) -> None:
    order = f"order-{time.time_ns()}"
    intent = payer.intent(orderId=order, metadata={"shelf": "B 7"})
    assert (intent["requiresAction"], intent["status"]) == (False, "requires_payment_method")
    assert payer.client.pay(intent["paymentIntentId"], "pm_card_chargeDeclined", intent["clientSecret"]) == 402
    assert payer.settled(intent["paymentId"], "failed")["error"]["code"] == "payment.declined"
    paid = payer.pays(intent)
    assert payer.client.get(f"/v1/payments?order={order}") == [paid]
    assert (paid["metadata"], paid["error"]) == ({"shelf": "B 7"}, None)
    assert [each["amount"] for each in charges(payer.client, paid)] == [4999]


def test_an_invoices_newer_form_takes_the_older_one_back_and_pays_it_once(payer: Payer) -> None:
    invoice = open_invoice(payer)
    wanted = {"invoiceId": invoice["id"]}
    wrong = payer.client.call("POST", "/v1/payments/intents", {**wanted, "amount": 1000, "currency": "USD"})
    assert (code(wrong), details(wrong)) == ((400, "VALIDATION_ERROR"), {"amount": "differs_from_the_invoice"})
    older = payer.client.post("/v1/payments/intents", wanted)
    newer = payer.client.post("/v1/payments/intents", wanted)
    assert payer.client.stripe(f"/v1/payment_intents/{older['paymentIntentId']}")["status"] == "canceled"
    assert payer.client.pay(older["paymentIntentId"], "pm_card_visa", older["clientSecret"]) == 400
    paid = payer.pays(newer)
    invoice = payer.client.get(f"/v1/invoices/{invoice['id']}")
    assert (invoice["status"], invoice["amountDue"], invoice["latestPaymentId"]) == ("paid", 0, paid["id"])
    late = payer.client.call("POST", "/v1/payments/intents", wanted)
    assert code(late) == (409, "invoice.invalid_state")


def test_a_payment_goes_back_in_parts_and_never_more_than_it_was(payer: Payer) -> None:
    payment = payer.paid()
    path = f"/v1/payments/{payment['id']}/refund"
    key = f"refund-{time.time_ns()}"
    first, again = (payer.client.call("POST", path, {"amount": 1_000_000}, key=key) for _ in range(2))
    assert (first.status, again.headers["Idempotent-Replayed"], again.data) == (201, "true", first.data)
    with ThreadPoolExecutor(4) as pool:  # three times 12.00 are in what is left, four times are not
        answers = list(pool.map(lambda _: payer.client.again().call("POST", path, {"amount": 1_200_000}), range(4)))
    assert sorted(answer.status for answer in answers) == [201, 201, 201, 422]
    refused = next(answer for answer in answers if answer.status == 422)
    assert code(refused) == (422, "billing.refund.exceeds_available")
    rest = payer.client.post(path)
    assert (rest["amount"], rest["status"]) == (AMOUNT - 4_600_000, "succeeded")
    assert code(payer.client.call("POST", path)) == (422, "billing.refund.exceeds_available")
    here = sorted(each["amount"] // 1000 for each in payer.client.get(f"/v1/payments/{payment['id']}/refunds"))
    there = payer.client.stripe(f"/v1/refunds?payment_intent={payment['paymentIntentId']}")["data"]
    assert here == sorted(each["amount"] for each in there) == [399, 1000, 1200, 1200, 1200]


def test_a_refund_of_an_invoices_payment_is_a_credit_note(payer: Payer) -> None:
    invoice = open_invoice(payer)
    payment = payer.pays(payer.client.post("/v1/payments/intents", {"invoiceId": invoice["id"]}))
    wanted = {"amount": 4_500_000, "reason": "Half a day"}
    refund = payer.client.post(f"/v1/payments/{payment['id']}/refund", wanted)
    (note,) = payer.client.get(f"/v1/invoices/{invoice['id']}/credit-notes")
    assert (note["id"], note["total"], note["reason"]) == (refund["creditNoteId"], 4_500_000, "Half a day")
    after = payer.client.get(f"/v1/invoices/{invoice['id']}")
    assert (after["status"], after["amountPaid"], after["amountRefunded"]) == ("paid", 12_000_000, 4_500_000)


def test_a_refund_that_was_made_at_stripe_is_written_down(payer: Payer) -> None:
    payment = payer.paid()
    payer.client.sandbox("POST", f"/_sandbox/payment_intents/{payment['paymentIntentId']}/refund", {"amount": 999})
    (refund,) = soon(lambda: payer.client.get(f"/v1/payments/{payment['id']}/refunds"))
    assert (refund["amount"], refund["madeAtStripe"]) == (999_000, True)
    too_much = payer.client.call("POST", f"/v1/payments/{payment['id']}/refund", {"amount": 4_001_000})
    assert code(too_much) == (422, "billing.refund.exceeds_available")


def test_cards_are_saved_chosen_and_removed(payer: Payer) -> None:
    none = payer.charge()
    assert code(none) == (400, "validation.payment_method.invalid")
    visa, amex = payer.saves("pm_card_visa"), payer.saves("pm_card_amex")
    assert (visa["card"]["last4"], amex["card"]["brand"], payer.default()) == ("4242", "amex", visa["id"])
    payer.client.post(f"/v1/payment-methods/{amex['id']}/set-default")
    assert payer.charge().data["paymentMethodId"] == amex["id"]
    assert payer.client.call("DELETE", f"/v1/payment-methods/{amex['id']}").status == 200
    assert (payer.default(), [each["id"] for each in payer.methods()]) == (visa["id"], [visa["id"]])
    assert payer.client.stripe(f"/v1/payment_methods/{amex['id']}")["customer"] is None
    gone = payer.charge(paymentMethodId=amex["id"])
    assert code(gone) == (400, "validation.payment_method.invalid")
    foreign = Payer(payer.client, payer.client.post("/v1/customers", {"name": "Another"})["id"])
    assert code(foreign.charge(paymentMethodId=visa["id"])) == (400, "validation.payment_method.invalid")
    removed, again = (payer.client.call("DELETE", f"/v1/payment-methods/{visa['id']}") for _ in range(2))
    assert (removed.status, again.status, again.data["detachedAt"]) == (200, 200, removed.data["detachedAt"])
    assert (payer.default(), payer.methods()) == (None, [])


def test_a_card_that_is_removed_at_stripe_is_removed_here(payer: Payer) -> None:
    card = payer.saves("pm_card_visa")
    payer.client.sandbox("POST", f"/_sandbox/payment_methods/{card['id']}/detach")
    soon(lambda: payer.methods() == [])
    assert payer.default() is None


@pytest.mark.parametrize(("decision", "disputed", "refunded"), [("won", False, 201), ("lost", True, 422)])
def test_a_disputed_invoice_says_so_and_its_payment_is_held_back(
    payer: Payer, decision: str, disputed: bool, refunded: int
) -> None:
    invoice = open_invoice(payer)
    payment = payer.pays(payer.client.post("/v1/payments/intents", {"invoiceId": invoice["id"]}))
    dispute = payer.disputes(payment)
    assert (dispute["amount"], dispute["fundsWithdrawn"], dispute["invoiceId"]) == (12_000_000, True, invoice["id"])
    assert payer.client.get(f"/v1/payments/{payment['id']}")["disputed"]
    flagged = payer.client.get(f"/v1/invoices/{invoice['id']}")
    assert (flagged["disputed"], flagged["disputeIds"], flagged["status"]) == (True, [dispute["id"]], "paid")
    path = f"/v1/payments/{payment['id']}/refund"
    assert code(payer.client.call("POST", path)) == (422, "billing.refund.exceeds_available")
    payer.client.sandbox("POST", f"/_sandbox/disputes/{dispute['stripeDisputeId']}/close", {"status": decision})
    closed = payer.decided(payment, decision)
    assert closed["closedAt"] is not None
    soon(lambda: payer.client.get(f"/v1/disputes/{dispute['id']}")["fundsWithdrawn"] == disputed)
    assert payer.client.get(f"/v1/invoices/{invoice['id']}")["disputed"] == disputed
    assert payer.client.call("POST", path).status == refunded


def test_a_card_number_is_refused_wherever_it_is_and_is_nowhere_afterwards(payer: Payer, seller: Seller) -> None:
    number, since_ms = "6011 0009 9013 9424", int(time.time() * 1000)
    digits = number.replace(" ", "")
    calls = [
        payer.client.call("POST", "/v1/payments/intents", payer.body(metadata={"note": f"card {number}, please"})),
        payer.client.call("POST", "/v1/payments/intents", payer.body(orderId=digits)),
        payer.client.call("GET", f"/v1/payments?customer={digits}"),
        payer.client.call("POST", "/v1/payments", payer.body(), key=digits),
    ]
    assert [code(each) for each in calls] == [(400, "VALIDATION_ERROR")] * 4
    fields = ["metadata.note", "orderId", "customer", "Idempotency-Key"]
    assert [details(each) for each in calls] == [{field: "card_number_not_accepted"} for field in fields]
    assert payer.client.get(f"/v1/payments?customer={payer.id}") == []
    # Of this stack's function and tables; what the sandbox keeps of its own cards is its own.
    log = logged(payer.client, "payments", since_ms)
    rows = [row for table in ("audit", "events", "customers") for row in items(seller, table)]
    texts = [*(each.content.decode() for each in calls), *log, *map(repr, rows)]
    assert all(any(each.body["error"]["request_id"] in text for text in log) for each in calls)
    assert not any(digits in text or number in text for text in texts)


def logged(client: Client, function: str, since_ms: int) -> list[str]:
    """What a function has logged since then."""
    group = f"/ledgerline/{STACK_NAME}/{function}"
    pages = client.aws("logs").get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since_ms)
    return [event["message"] for page in pages for event in page["events"]]


def items(seller: Seller, table: str) -> list[Any]:
    """A tenant's items of a table."""
    found = seller.client.aws("dynamodb").query(
        TableName=seller.client.stack["tables"][table],
        KeyConditionExpression="tenant_id = :tenant",
        ExpressionAttributeValues={":tenant": {"S": seller.tenant_id}},
        ScanIndexForward=False,
    )
    assert found["Items"]
    return list(found["Items"])


@pytest.fixture
def stripe_down(client: Client) -> Iterator[Any]:
    """Stripe answers 503 until the test calls this."""

    def up_again() -> None:
        client.sandbox("DELETE", "/_sandbox/faults")

    client.sandbox("POST", "/_sandbox/faults", {"kind": "status", "path": "^/v1/", "times": 100_000, "status": 503})
    try:
        yield up_again
    finally:
        up_again()


def test_while_stripe_is_down_nobody_waits_and_nothing_is_charged_twice(
    cardholder: tuple[Payer, str], stripe_down: Any
) -> None:
    payer, card = cardholder
    behave(payer.client, card, decline=None)
    charge, form = payer.body(paymentMethodId=card, metadata={"when": "down"}), payer.body(orderId="down")
    key = f"down-{time.time_ns()}"
    first = payer.client.call("POST", "/v1/payments", charge, key=key)
    assert code(first) == (503, "service.unavailable")
    (pending,) = payer.client.get(f"/v1/payments?customer={payer.id}&status=pending")
    asked = refusals(payer, form)
    assert asked[-1] == 0, "Stripe is asked again and again"
    stripe_down()
    opened = patiently(payer, "/v1/payments/intents", form, f"{key}-form")
    assert payer.pays(opened.data)["orderId"] == "down"
    paid = patiently(payer, "/v1/payments", charge, key)
    assert (paid.status, paid.data["id"], paid.data["status"]) == (201, pending["id"], "succeeded")
    assert len(charges(payer.client, paid.data)) == 1


def refusals(payer: Payer, body: Any) -> list[int]:
    """How often Stripe was asked for each of so many requests; the last is the first for which it was not."""
    asked: list[int] = []
    while len(asked) < 30 and 0 not in asked:
        before = len(payer.client.sandbox("GET", "/_sandbox/requests")["data"])
        answer = payer.client.call("POST", "/v1/payments/intents", body, headers={"x-user-id": "in-the-dark"})
        assert code(answer) == (503, "service.unavailable")
        assert 0 < int(answer.headers["Retry-After"]) <= 20
        asked.append(len(payer.client.sandbox("GET", "/_sandbox/requests")["data"]) - before)
    return asked


def patiently(payer: Payer, path: str, body: Any, key: str) -> Answer:
    """The answer, for which the client comes back when it is told to."""
    deadline = time.monotonic() + 60
    answer = payer.client.call("POST", path, body, key=key)
    while answer.status in (409, 503) and time.monotonic() < deadline:
        time.sleep(int(answer.headers["Retry-After"]))
        answer = payer.client.call("POST", path, body, key=key)
    return answer


def test_payments_stripes_balance_and_the_ledger_agree(seller: Seller) -> None:
    takings, fees = same_takings(seller.client, seller.tenant_id)
    assert takings.charged > -takings.refunded > 0
    assert takings.lost == -12_000_000
    assert fees > 0
