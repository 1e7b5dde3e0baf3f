"""What holds of every tenant's books at rest, whatever happened to them: the laws of money that the fault tests check.

They are computed anew from what the tables hold, not with the product's own code: a law that called ``amount_due``
would agree with a wrong ``amount_due``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime

from tests.faults.books import AtStripe, Books, Json, amount_due, micros
from tests.faults.laws_journal import journal
from tests.faults.laws_lines import What, lines_of_time
from tests.faults.laws_money import money
from tests.faults.laws_orders import OFTEN, expired_with_a_coupon, holders_of_coupons, orders, replaced_attempts
from tests.faults.laws_payouts import payouts, payouts_at_stripe
from tests.faults.laws_usage import usage

_OWED = ("open", "uncollectible")
_UNDECIDED = ("pending", "processing")
_WITH_THE_PAYER = ("requires_payment_method", "requires_action")
_RUNNING = ("active", "past_due")
_LEAST = 50_000  # micro-units: 0.50 USD
_OF_A_LINE = {"line_settled", "line_exchanged", "line_cleared", "processing_fee", "payout_returned"}
_MORE_THAN_ONCE = ("balance_used", "credit_applied", "dispute_moved", *OFTEN)
_ONCE = (
    "payment.succeeded", "payment.failed", "invoice.created", "invoice.finalized", "invoice.paid", "invoice.voided",
    "invoice.uncollectible", "subscription.created", "subscription.canceled", "credit_note.created", "refund.created",
    "refund.succeeded", "refund.failed", "dispute.opened", "dispute.closed",
)  # fmt: skip


def violations(books: Books, stripe: AtStripe, left: Collection[What] = ()) -> list[str]:
    """Every law of money that a tenant's books break, in words.

    Args:
        stripe: what Stripe has of the tenant.
        left: see ``lines_of_time``.
    """
    return [
        *_numbers(books),
        *lines_of_time(books, left),
        *_entries(books),
        *_accounts(books),
        *journal(books),
        *_statuses(books),
        *_events(books, stripe),
        *_redemptions(books),
        *money(books, stripe),
        *_alarms(books),
        *usage(books),
        *orders(books),
        *payouts(books),
        *payouts_at_stripe(books, stripe),
    ]


def consistent(books: Books) -> list[str]:
    """Every law that a tenant's books break of those that hold after each commit, whatever Stripe has done since."""
    return [*_entries(books), *orders(books), *payouts(books)]


# --- invoices -----------------------------------------------------------------------------------------------------


def _numbers(books: Books) -> Iterator[str]:
    """A number each from 1 on, for every invoice that was finalized, and for no draft."""
    invoices = books.bodies("invoices")
    numbers = sorted(int(invoice["number"].rsplit("-", 1)[-1]) for invoice in invoices if invoice["number"])
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"invoice numbers have gaps: {numbers}"
    for invoice in invoices:
        if (invoice["number"] is None) != (invoice["finalized_at"] is None):
            yield f"invoice {invoice['id']} has number {invoice['number']}, finalized {invoice['finalized_at']}"
        if invoice["status"] == "draft" and invoice["number"] is not None:
            yield f"draft {invoice['id']} has a number"
        yield from _in_time(invoice)


def _in_time(invoice: Json) -> Iterator[str]:
    """A due date with the number, not before it; and no dunning before that date."""
    name, finalized, due = f"invoice {invoice['id']}", invoice["finalized_at"], invoice["due_at"]
    if (finalized is None) != (due is None):
        yield f"{name} was finalized {finalized}, and is to be paid by {due}"
    if finalized is None or due is None:
        return
    payable_by = datetime.fromisoformat(due)
    if payable_by < datetime.fromisoformat(finalized):
        yield f"{name} is to be paid by {due}, before it was finalized"
    dunning, alarm = invoice["dunning"], invoice["due"]
    if dunning is not None and datetime.fromisoformat(dunning["failed_at"]) < payable_by:
        yield f"{name} is dunned since {dunning['failed_at']}, and to be paid by {due}"
    if invoice["status"] == "open" and alarm is not None and datetime.fromisoformat(alarm["at"]) < payable_by:
        yield f"{name} is to be collected at {alarm['at']}, and to be paid by {due}"


def _statuses(books: Books) -> Iterator[str]:
    for invoice in books.bodies("invoices"):
        name, status, due = f"invoice {invoice['id']}", invoice["status"], amount_due(invoice)
        if status == "paid" and due:
            yield f"{name} is paid, and {due} are due on it"
        if status in _OWED and due <= 0:
            yield f"{name} is {status}, and {due} are due on it"
        if status == "draft" and (micros(invoice["amount_paid"]) or micros(invoice["balance_applied"])):
            yield f"{name} is a draft that something was paid on"
        if invoice["withheld"] and not _may_come_back(invoice):
            yield f"{name} withholds what no dispute holds"
        if invoice["number"] and invoice["tax_waits"]:
            yield f"{name} went out while nobody knew its tax"


def _may_come_back(invoice: Json) -> bool:
    """Whether a dispute that is not lost holds some of its money."""
    return any(invoice["disputes"].get(each) not in (None, "lost") for each in invoice["taken_back"])


# --- the ledger ---------------------------------------------------------------------------------------------------


def _entries(books: Books) -> Iterator[str]:
    entries = books.bodies("ledger")
    for entry in entries:
        total = sum(micros(posting["amount"]) for posting in entry["postings"])
        if total:
            yield f"entry {entry['id']} sums to {total}"
    # A balance may be used for an invoice, and given back when that is void; a dispute takes money, and may give it
    # back; everything else is posted once, and what is of a line of Stripe's account, once for each line: a refund may
    # have two, one that paid it and one that brought it back.
    kinds = Counter(
        (entry["kind"], entry["source_id"], entry["balance_transaction_id"] if entry["kind"] in _OF_A_LINE else None)
        for entry in entries
        if entry["kind"] not in _MORE_THAN_ONCE
    )
    yield from (f"{n} entries for {fact}" for fact, n in kinds.items() if n > 1)


def _accounts(books: Books) -> Iterator[str]:
    """Each customer's receivable is what its invoices still ask for; its balance is what the ledger says.

    What was written off is in no receivable. A refund that is on its way has left it, or the balance, and has not
    reached the card.
    """
    posted: Counter[tuple[str, str]] = Counter()
    for entry in books.bodies("ledger"):
        for posting in entry["postings"]:
            posted[posting["account"], posting["party"]] += micros(posting["amount"])
    owed: Counter[str] = Counter()
    for invoice in books.bodies("invoices"):
        owed[invoice["customer_id"]] += amount_due(invoice) if invoice["status"] == "open" else 0
        owed[invoice["customer_id"]] -= sum(micros(each) for each in invoice["pending_refunds"].values())
    for refund in books.bodies("refunds"):
        on_its_way = (refund["from_balance"] or refund["order_id"]) and refund["status"] == "pending"
        owed[refund["customer_id"]] -= micros(refund["amount"]) if on_its_way else 0
    credit = {each["id"]: micros(each["amount"]) for each in books.bodies("balances")}
    for customer in {each["id"] for each in books.bodies("customers")} | set(owed) | set(credit):
        if posted["receivable", customer] != owed[customer]:
            yield f"{customer}: the receivable is {posted['receivable', customer]}, invoices owe {owed[customer]}"
        has = credit.get(customer, 0)
        if -posted["customer_balance", customer] != has:
            yield f"{customer}: the balance is {has}, the ledger says {-posted['customer_balance', customer]}"
        if has <= -_LEAST:  # what is owed of amounts that no card can be charged
            yield f"{customer}: the balance is {has}"


# --- what is told, counted and still to come ----------------------------------------------------------------------


def _events(books: Books, stripe: AtStripe) -> Iterator[str]:
    """One event for each fact, and none of nothing."""
    events = books.events()
    wanted = {("subscription.created", each["id"]) for each in books.bodies("subscriptions")}
    for invoice in books.bodies("invoices"):
        wanted.add(("invoice.created", invoice["id"]))
        if invoice["number"]:
            wanted.add(("invoice.finalized", invoice["id"]))
        if invoice["status"] in ("paid", "void"):
            wanted.add(({"paid": "invoice.paid", "void": "invoice.voided"}[invoice["status"]], invoice["id"]))
    ended = (each for each in books.bodies("subscriptions") if each["state"] == "canceled")
    wanted |= {("subscription.canceled", each["id"]) for each in ended}
    wanted |= {("credit_note.created", each["id"]) for each in books.bodies("credit_notes")}
    wanted |= set(_of_money(books))
    had = {event for event in events if event[0] in _ONCE}
    yield from (f"no event {event}" for event in sorted(wanted - had))
    yield from (f"an event of nothing: {event}" for event in sorted(had - wanted - set(_overtaken(books, stripe))))
    yield from (f"{n} events {event}" for event, n in events.items() if n > 1 and event[0] in _ONCE)
    yield from (f"parked: {event}" for event in events if event[0].endswith(".parked"))
    for payment in books.bodies("payments"):
        if payment["status"] == "requires_action" and not events["payment.requires_action", payment["id"]]:
            yield f"nobody was told that {payment['id']} requires action"


def _of_money(books: Books) -> Iterator[tuple[str, str]]:
    """The events of payments, refunds and disputes as they are now."""
    replaced = set(_replaced(books))
    for payment in books.bodies("payments"):
        told = {"succeeded": "payment.succeeded", "failed": "payment.failed", "canceled": "payment.failed"}
        if payment["status"] in told and payment["id"] not in replaced:
            yield told[payment["status"]], payment["id"]
    for refund in books.bodies("refunds"):
        yield "refund.created", refund["id"]
        if refund["status"] != "pending":
            yield f"refund.{refund['status']}", refund["id"]
    for dispute in books.bodies("disputes"):
        yield "dispute.opened", dispute["id"]
        if dispute["closed_at"]:
            yield "dispute.closed", dispute["id"]


def _replaced(books: Books) -> Iterator[str]:
    """Payments that were taken back for another attempt to be made at once: nothing failed, and it may not be told."""
    last = {each["latest_payment_id"] for each in books.bodies("invoices")}
    for payment in books.bodies("payments"):
        if payment["status"] == "canceled" and payment["invoice_id"] and payment["id"] not in last:
            yield payment["id"]
    yield from replaced_attempts(books)


def _overtaken(books: Books, stripe: AtStripe) -> Iterator[tuple[str, str]]:
    """Events of what was true once.

    What was given up, and paid after all, was both; so was a payment whose card was declined before its payer took
    another, and a refund that the bank sent back.
    """
    for invoice in books.bodies("invoices"):
        yield "invoice.uncollectible", invoice["id"]
    for payment_id in _replaced(books):
        yield "payment.failed", payment_id
    declined = {charge["payment_intent"] for charge in stripe.charges if charge["status"] == "failed"}
    for payment in books.bodies("payments"):
        if payment["stripe_payment_intent_id"] in declined:
            yield "payment.failed", payment["id"]
    for entry in books.bodies("ledger"):
        if entry["kind"] == "refund_paid":
            yield "refund.succeeded", entry["source_id"]


def _redemptions(books: Books) -> Iterator[str]:
    """A coupon counts what its customers redeemed, each redemption is told, and no discount came without one."""
    counts: Counter[str] = Counter()
    for redemption in books.bodies("redemptions"):
        counts[redemption["coupon_id"]] += redemption["count"]
    for coupon in books.bodies("coupons"):
        limit = coupon["max_redemptions"]
        if limit is not None and coupon["redeemed"] != counts[coupon["id"]]:
            yield f"coupon {coupon['id']} counts {coupon['redeemed']}, its customers {counts[coupon['id']]}"
        if limit is not None and counts[coupon["id"]] > limit:
            yield f"coupon {coupon['id']} was redeemed {counts[coupon['id']]} times, of {limit}"
    told = books.event_types()["coupon.redeemed"]
    made = counts.total() + expired_with_a_coupon(books)
    if told != made:
        yield f"{told} redemptions were told, {made} made"
    for code, n in discounts(books).items():
        if n > counts[code]:
            yield f"{n} discounts came of {counts[code]} redemptions of {code}"


def discounts(books: Books) -> Counter[str]:
    """Who has a discount, by its coupon: subscriptions, also by their invoices alone, and one-off invoices."""
    holders: set[tuple[str, str]] = set()
    for subscription in books.bodies("subscriptions"):
        if subscription["discount"]:
            holders.add((subscription["discount"]["coupon_id"], subscription["id"]))
    for invoice in books.bodies("invoices"):
        holder = invoice["subscription_id"] or invoice["id"]
        holders |= {(off["coupon_id"], holder) for line in invoice["lines"] for off in line["discounts"]}
    holders |= holders_of_coupons(books)
    return Counter(code for code, _ in holders)


def _alarms(books: Books) -> Iterator[str]:
    """Whatever is to happen later has an alarm, and none comes too early."""
    payments = {each["id"]: each for each in books.bodies("payments")}
    subscriptions = {each["id"]: each for each in books.bodies("subscriptions")}
    for payment in payments.values():
        waits = payment["status"] in _UNDECIDED or (
            payment["status"] in _WITH_THE_PAYER and payment["test_clock_id"] is None
        )
        if waits and payment["due"] is None:
            yield f"payment {payment['id']} is {payment['status']} and nobody will look"
    for subscription in subscriptions.values():
        due, state = subscription["due"], subscription["state"]
        waits = state in (*_RUNNING, "trialing") or (state == "paused" and subscription["resumes_at"])
        waits = waits or subscription["usage_until"] or (state == "canceled" and subscription["pending"])
        if waits and due is None:
            yield f"subscription {subscription['id']} is {state} without an alarm"
        ends = datetime.fromisoformat(subscription["current_period"]["end"])
        if state in _RUNNING and due is not None and datetime.fromisoformat(due["at"]) < ends:
            yield f"subscription {subscription['id']} is due before its period ends"
    days = books.tenant["dunning_schedule_days"]
    for invoice in books.bodies("invoices"):
        if invoice["due"] is not None:
            continue
        if invoice["status"] == "draft" and invoice["subscription_id"]:
            yield f"draft {invoice['id']} waits, and nobody will finalize it"
        latest = payments.get(invoice["latest_payment_id"] or "", {"status": "none"})["status"]
        began = subscriptions.get(invoice["subscription_id"] or "", {"state": "none"})["state"] != "incomplete"
        collects = invoice["status"] == "open" and invoice["auto_charge"] and began and latest not in _UNDECIDED
        if collects and (invoice["dunning"] is None or invoice["dunning"]["steps_done"] < len(days)):
            yield f"invoice {invoice['id']} is open, its latest payment {latest}, and nobody will collect it"
