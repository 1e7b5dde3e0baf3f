"""What holds of every entry at rest: whose time it was posted in, and which invoice's receivable it moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.faults.books import Books, Json, amount_due, micros

_FACTS = ("invoices", "credit_notes", "payments", "refunds", "disputes", "orders")
_OF_NO_CLOCK = ("payout_", "provider_adjusted")
"""An account has what buyers of any clock brought, and Stripe pays it in its own time."""


def journal(books: Books) -> Iterator[str]:
    """The laws of entries; they hold after each commit, but for invoices whose credits are still being spread."""
    yield from _whose(books)
    yield from _invoices(books)
    yield from _without_invoice(books)


def _whose(books: Books) -> Iterator[str]:
    """What a customer on a test clock caused says so, and nothing else does; none is of a time to come."""
    clock_of = {each["id"]: each["test_clock_id"] for table in _FACTS for each in books.bodies(table)}
    orders = {each["id"]: each["test_clock_id"] for each in books.bodies("orders")}
    clock_of |= {each["id"]: orders[each["order_id"]] for each in books.bodies("order_returns")}
    for own in books.providers.values():
        clock_of |= {each["id"]: each["test_clock_id"] for each in own.bodies("earnings")}
    for entry in books.bodies("ledger"):
        known = entry["source_id"] in clock_of
        if not known and not entry["kind"].startswith(_OF_NO_CLOCK):
            yield f"{entry['kind']} {entry['id']} is of {entry['source_id']}, and nobody knows it"
        wanted = None if entry["kind"].startswith(_OF_NO_CLOCK) else clock_of.get(entry["source_id"])
        if entry["test_clock_id"] != wanted:
            yield f"{entry['kind']} {entry['id']} says clock {entry['test_clock_id']}, its cause {wanted}"


def _invoices(books: Books) -> Iterator[str]:
    """The receivable of each invoice is what it still asks for, less refunds on their way; in its own currency alone.

    One that is paid, void or uncollectible has none. A draft may have credits of another one, which it is less by when
    it is finalized.
    """
    posted = _receivable(books)
    pending = _leaving(books)
    for invoice in books.bodies("invoices"):
        due = {"open": amount_due(invoice), "draft": -micros(invoice["amount_credited"])}.get(invoice["status"], 0)
        due -= sum(micros(each) for each in invoice["pending_refunds"].values()) + pending[invoice["id"]]
        has = posted.pop((invoice["id"], invoice["currency"]), 0)
        if has != due:
            yield f"invoice {invoice['id']} is {invoice['status']}, asks for {due}, and the ledger for {has}"
    of_invoices = {each["id"] for each in books.bodies("invoices")}
    for (invoice_id, currency), amount in posted.items():
        if invoice_id is not None and amount and invoice_id not in of_invoices:
            yield f"{amount} {currency} of {invoice_id}, which is no invoice"
        # Money in another currency than the invoice's pays nothing of it: it is refunded, or on its way.
        if invoice_id in of_invoices and amount > 0:
            yield f"{amount} {currency} of {invoice_id}, which is in another currency"


def _without_invoice(books: Books) -> Iterator[str]:
    """What is of no invoice is sold and paid at once: what is left is what is on its way back."""
    left = sum(amount for (invoice_id, _), amount in _receivable(books).items() if invoice_id is None)
    away = _leaving(books)[None]
    if left != -away:
        yield f"of no invoice, {left} are receivable and {away} on their way back"


def _receivable(books: Books) -> Counter[tuple[str | None, str]]:
    """What is posted to the receivable, by invoice and currency."""
    found: Counter[tuple[str | None, str]] = Counter()
    for entry in books.bodies("ledger"):
        for posting in entry["postings"]:
            if posting["account"] == "receivable":
                found[entry["invoice_id"], posting["amount"]["currency"]] += micros(posting["amount"])
    return found


def _leaving(books: Books) -> Counter[str | None]:
    """Refunds without an outcome whose other side is entered already: the balance's, or an order's; by invoice."""
    found: Counter[str | None] = Counter()
    for refund in books.bodies("refunds"):
        if refund["status"] == "pending":
            found[refund["invoice_id"]] += _entered(refund)
    return found


def _entered(refund: Json) -> int:
    if refund["from_balance"] or refund["order_id"]:
        return micros(refund["amount"])
    return micros(refund["part_from_balance"]) if refund["part_from_balance"] else 0
