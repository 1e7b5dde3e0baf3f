"""What holds between the books and Stripe at rest: no money without a record, and no record without its money.

Payments, refunds, disputes and saved methods are compared one by one, by Stripe's ids; then the accounts of the ledger
with their sums.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.faults.books import AtStripe, Books, Json, amount_due, cents, micros
from tests.faults.laws_orders import of_orders

_REFUND_IS = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}
_FEE = ("processing_fee", "processing_fees")
_PAYABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def money(books: Books, stripe: AtStripe) -> Iterator[str]:
    """Every law of what Stripe took, gave back or holds."""
    yield from _payments(books, stripe)
    yield from _attempts(books, stripe)
    yield from _forms(books, stripe)
    yield from _refunds(books, stripe)
    yield from _disputes(books, stripe)
    yield from _sums(books, stripe)
    if stripe.methods is not None:
        yield from _methods(books, stripe.methods)


def _payments(books: Books, stripe: AtStripe) -> Iterator[str]:
    """Each PaymentIntent that brought money is a payment, and each payment that says so has its PaymentIntent."""
    payments = books.bodies("payments")
    here = {each["stripe_payment_intent_id"]: each for each in payments if each["stripe_payment_intent_id"]}
    if len(here) < sum(each["stripe_payment_intent_id"] is not None for each in payments):
        yield "two payments have one PaymentIntent"
    paid = {intent["id"]: intent for intent in stripe.intents if intent["status"] == "succeeded"}
    for intent_id, intent in paid.items():
        payment = here.get(intent_id)
        if payment is None:
            yield f"money without a record: {intent_id} brought {intent['amount_received']}"
        elif payment["status"] != "succeeded" or cents(payment["amount"]) != intent["amount_received"]:
            yield f"{intent_id} brought {intent['amount_received']}, {payment['id']} is {payment['status']}"
    for payment in payments:
        if payment["status"] == "succeeded" and payment["stripe_payment_intent_id"] not in paid:
            yield f"a record without money: {payment['id']}"
    charges = Counter(charge["payment_intent"] for charge in stripe.taken)
    yield from (f"{n} charges for {intent}" for intent, n in charges.items() if n > 1)
    for invoice in books.bodies("invoices"):
        own = (each for each in payments if each["invoice_id"] == invoice["id"] and each["status"] == "succeeded")
        came = sum(cents(each["amount"]) for each in own)
        if cents(invoice["amount_paid"]) != came:
            yield f"invoice {invoice['id']} says that {cents(invoice['amount_paid'])} were paid, its payments {came}"


def _attempts(books: Books, stripe: AtStripe) -> Iterator[str]:
    """One payment for each attempt of an invoice, and at Stripe one intent for each that a card was tried for."""
    charged = {charge["payment_intent"] for charge in stripe.charges}
    names = Counter(
        intent["metadata"].get("payment_id") or intent["metadata"].get("form")
        for intent in stripe.intents
        if intent["id"] in charged
    )
    yield from (f"{n} intents were charged for the attempt {name}" for name, n in names.items() if n > 1)
    tried = Counter((each["invoice_id"], each["attempt"]) for each in books.bodies("payments"))
    for invoice in books.bodies("invoices"):
        wanted = [(invoice["id"], n + 1) for n in range(invoice["attempt_count"])]
        if [tried[each] for each in wanted] != [1] * len(wanted):
            yield f"invoice {invoice['id']}: {invoice['attempt_count']} attempts, payments {dict(tried)}"


def _forms(books: Books, stripe: AtStripe) -> Iterator[str]:
    """What a payer was given a form for, and can still pay, is looked at again; on a test clock, its webhook tells."""
    intents = {intent["id"]: intent["status"] for intent in stripe.intents}
    for payment in books.bodies("payments"):
        open_at_stripe = intents.get(payment["stripe_payment_intent_id"]) in _PAYABLE
        in_hand = not payment["off_session"] or payment["status"] == "requires_action"
        if open_at_stripe and in_hand and payment["due"] is None and payment["test_clock_id"] is None:
            yield f"{payment['id']} is {payment['status']}, can still be paid, and nobody takes it back"


def _refunds(books: Books, stripe: AtStripe) -> Iterator[str]:
    """Stripe's refunds are ours, each once; of no payment more goes back than came."""
    refunds = books.bodies("refunds")
    here = {each["stripe_refund_id"]: each for each in refunds if each["stripe_refund_id"]}
    if len(here) < sum(each["stripe_refund_id"] is not None for each in refunds):
        yield "two refunds have one of Stripe's"
    for theirs in stripe.refunds:
        ours = here.get(theirs["id"])
        status = _REFUND_IS.get(theirs["status"], "pending")
        if ours is None:
            yield f"money went back without a record: {theirs['id']}, {theirs['amount']}"
        elif (cents(ours["amount"]), ours["status"]) != (theirs["amount"], status):
            yield f"{theirs['id']} is {theirs['status']}, {ours['id']} {ours['status']}; amounts {theirs['amount']}"
    known = {theirs["id"] for theirs in stripe.refunds}
    for refund in refunds:
        if refund["status"] == "succeeded" and refund["stripe_refund_id"] not in known:
            yield f"refund {refund['id']} succeeded, and Stripe knows nothing of it"
        if refund["status"] == "pending" and refund["due"] is None and refund["test_clock_id"] is None:
            yield f"refund {refund['id']} is pending, and nobody will look"
    for payment in books.bodies("payments"):
        own = [each for each in refunds if each["payment_id"] == payment["id"] and each["status"] != "failed"]
        if {name: micros(each) for name, each in payment["refunds"].items()} != {
            each["id"]: micros(each["amount"]) for each in own
        }:
            yield f"{payment['id']} says that {payment['refunds']} are taken of it, not {[e['id'] for e in own]}"
        if sum(micros(each["amount"]) for each in own) > micros(payment["amount"]):
            yield f"more than all of {payment['id']} is refunded"
    yield from _credit_notes(books, refunds)


def _credit_notes(books: Books, refunds: list[Json]) -> Iterator[str]:
    """A credit note pays out what its refund does; invoices sum what went back.

    Where its refund failed, it pays out at most what went back of the payment otherwise: a refund is refused because a
    colleague made one in Stripe's dashboard, or the bank took the money back.
    """
    by_id = {each["id"]: each for each in refunds}
    payments = {each["id"]: each for each in books.bodies("payments")}
    otherwise: Counter[str] = Counter()
    for note in books.bodies("credit_notes"):
        refund = by_id.get(note["refund_id"] or "")
        if refund and refund["status"] == "failed":
            otherwise[refund["payment_id"]] += micros(note["to_refund"])
            if micros(note["to_refund"]) + micros(note["to_balance"]) < micros(refund["amount"]):
                yield f"credit note {note['number']} promises {refund['amount']}, and nobody gives it"
            continue
        paid_out = micros(refund["amount"]) if refund else 0
        if micros(note["to_refund"]) != paid_out:
            yield f"credit note {note['number']} pays out {note['to_refund']}, its refund {paid_out}"
    for payment_id, promised in otherwise.items():
        payment = payments[payment_id]
        gone = sum(micros(each) for each in [*payment["refunds"].values(), *payment["disputed"].values()])
        if promised > gone:
            yield f"credit notes say that {promised} of {payment_id} went back otherwise, and {gone} did"
    for invoice in books.bodies("invoices"):
        own = (each for each in refunds if each["invoice_id"] == invoice["id"] and each["status"] == "succeeded")
        returned = sum(cents(each["amount"]) for each in own)
        if cents(invoice["amount_refunded"]) != returned:
            yield f"invoice {invoice['id']} says that {cents(invoice['amount_refunded'])} went back, not {returned}"


def _disputes(books: Books, stripe: AtStripe) -> Iterator[str]:
    """Stripe's disputes are ours, each once, and on what they are about."""
    disputes = books.bodies("disputes")
    here = {each["stripe_dispute_id"]: each for each in disputes}
    if len(here) < len(disputes):
        yield "two disputes have one of Stripe's"
    for theirs in stripe.disputes:
        ours = here.pop(theirs["id"], None)
        wanted = (theirs["status"], theirs["amount"], _held(theirs) > 0)
        if ours is None:
            yield f"a dispute without a record: {theirs['id']}"
        elif (ours["status"], cents(ours["amount"]), ours["withdrawn"]) != wanted:
            yield f"{theirs['id']} is {wanted}, {ours['id']} {ours['status']}, withdrawn {ours['withdrawn']}"
    yield from (f"a dispute that Stripe does not know: {ours['id']}" for ours in here.values())
    for payment in books.bodies("payments"):
        own = {d["id"]: d["amount"] for d in disputes if d["payment_id"] == payment["id"] and d["withdrawn"]}
        if payment["disputed"] != own:
            yield f"{payment['id']} says that {payment['disputed']} are disputed, not {own}"
    for invoice in books.bodies("invoices"):
        flags = {each["id"]: each["status"] for each in disputes if each["invoice_id"] == invoice["id"]}
        if invoice["disputes"] != flags:
            yield f"invoice {invoice['id']} says {invoice['disputes']} of its disputes, not {flags}"


def _held(dispute: Json) -> int:
    """What a dispute has off the account at Stripe, in cents; its fee is not the payer's."""
    moved: list[int] = [each["amount"] for each in dispute["balance_transactions"]]
    return -sum(moved)


def _sums(books: Books, stripe: AtStripe) -> Iterator[str]:
    """Cash is what Stripe has; the other accounts are what came about."""
    posted: Counter[str] = Counter()
    sold = fees = 0
    for entry in books.bodies("ledger"):
        for posting in entry["postings"]:
            posted[posting["account"]] += micros(posting["amount"])
            fees += micros(posting["amount"]) if (entry["kind"], posting["account"]) == _FEE else 0
            sold -= micros(posting["amount"]) if entry["kind"] == "sold" and posting["account"] == "revenue" else 0
    payments, refunds, disputes = books.bodies("payments"), books.bodies("refunds"), books.bodies("disputes")
    invoices = [each for each in books.bodies("invoices") if each["number"] and each["status"] != "void"]
    own = (p for p in payments if p["status"] == "succeeded" and not p["of_order"])
    one_time = sum(micros(p["amount"]) for p in own if p["invoice_id"] is None)
    unexplained = (
        each
        for each in refunds
        if each["status"] == "succeeded" and not (each["credit_note_id"] or each["from_balance"] or each["order_id"])
    )
    held = (each for each in disputes if each["withdrawn"])
    credited = sum(micros(each["total"]) for each in books.bodies("credit_notes"))
    failed = {each["id"] for each in refunds if each["status"] == "failed"}
    explained_by_notes = sum(micros(n["to_refund"]) for n in books.bodies("credit_notes") if n["refund_id"] in failed)
    orders = of_orders(books)
    lost = (each for each in disputes if each["withdrawn"] and each["closed_at"] and each["id"] not in orders.disputes)
    given_up = (each for each in invoices if each["status"] == "uncollectible")
    bad_debt = (
        sum(micros(each["amount"]) for each in lost) + sum(amount_due(each) for each in given_up) + orders.bad_debt
    )
    wanted = {
        "cash": sum(line["net"] for line in stripe.lines) * 1000,
        "cash_clearing": sum(_underway(each) for each in stripe.refunds),
        "refunds": sum(micros(each["amount"]) for each in unexplained) - explained_by_notes + orders.refunds,
        "disputes": sum(micros(each["amount"]) for each in held if not each["closed_at"]),
        "bad_debt": bad_debt,
    }
    for account, amount in wanted.items():
        if posted[account] != amount:
            yield f"the ledger has {posted[account]} in {account}, not {amount}"
    yield from _lines(books, stripe)
    if fees != sum(line["fee"] for line in stripe.lines) * 1000:
        yield f"the ledger has {fees} of Stripe's fees"
    if sold != one_time:
        yield f"the ledger has {sold} sold without an invoice, payments brought {one_time}"
    billed = sum(micros(each["total"]) for each in invoices) - credited + one_time + orders.revenue_and_tax
    if -(posted["revenue"] + posted["tax_payable"]) != billed:
        yield f"revenue and tax are {-(posted['revenue'] + posted['tax_payable'])}, what was billed or sold {billed}"


def _underway(refund: Json) -> int:
    """What Stripe's account has paid for a refund whose payer has no money yet, in micro-units."""
    return refund["amount"] * 1000 if _REFUND_IS.get(refund["status"], "pending") == "pending" else 0


def _lines(books: Books, stripe: AtStripe) -> Iterator[str]:
    """Cash is posted to by line of Stripe's account: each line with its fee, and nothing else."""
    posted: Counter[str] = Counter()
    for entry in books.bodies("ledger"):
        for posting in entry["postings"]:
            if posting["account"] == "cash":
                posted[entry["balance_transaction_id"]] += micros(posting["amount"])
    there = {line["id"]: line["net"] * 1000 for line in stripe.lines}
    if dict(posted) != there:
        yield f"cash has the lines {dict(posted)}, Stripe's account {there}"


def _methods(books: Books, attached: list[Json]) -> Iterator[str]:
    """What is attached at Stripe is a saved method here, and nothing else is; who has one has a default."""
    here = {each["id"]: each for each in books.bodies("payment_methods") if each["detached_at"] is None}
    if set(here) != {each["id"] for each in attached}:
        yield f"Stripe has the methods {[each['id'] for each in attached]}, we have {list(here)}"
    for customer in books.bodies("customers"):
        own = {each["id"] for each in here.values() if each["customer_id"] == customer["id"]}
        default = customer["default_payment_method_id"]
        if default not in (own or {None}):
            yield f"{customer['id']} has {default} as default, of {own}"
    for subscription in books.bodies("subscriptions"):
        chosen = subscription["payment_method_id"]
        if subscription["state"] != "canceled" and chosen is not None and chosen not in here:
            yield f"subscription {subscription['id']} is paid by {chosen}, which is gone"
