"""What holds of a marketplace's orders at rest, in its own books and in those of everybody who sold.

What was paid is what the parts sum to; what a party is owed in the ledger is what its earnings and account say; no more
comes back than was paid; and a coupon counts for the orders that are paid, or still may be.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from tests.faults.books import Books, Json, micros

OFTEN = (
    "order_dispute_held",
    "order_dispute_lost",
    "order_dispute_reopened",
    "order_return_short",
    "order_refunded",
    "earning_released",
)
"""Kinds of entries of which there may be more than one of a refund, dispute or earning: Stripe changes its mind, room
is made, and a reserve is released later."""
_OPEN = ("pending", "processing", "requires_action")
_SOLD = ("paid", "partially_refunded", "refunded")
_CLOSED = ("expired", "canceled")
_PARTS = ("paid", "promotion", "tax", "tax_owed", "commission", "commission_tax", "earning")


@dataclass(frozen=True)
class OfOrders:
    """What orders put into accounts that others use, too, in micro-units.

    Args:
        revenue_and_tax: what was sold for the marketplace itself, and what it owes authorities.
        refunds, bad_debt: what went back beyond the items.
        disputes: those of orders, by id.
    """

    revenue_and_tax: int
    refunds: int
    bad_debt: int
    disputes: frozenset[str]


def of_orders(books: Books) -> OfOrders:
    """The same, computed from the orders and what was given back of them."""
    first_party = _kept(books, "earning", providers=False)
    owed = sum(_kept(books, name) for name in ("tax_owed", "commission_tax"))
    short = [each for each in books.bodies("order_returns") if each["short"] and not each["undone"]]
    refunds = sum(micros(each["short"]) for each in short if not each["is_dispute"])
    bad_debt = sum(micros(each["short"]) for each in short if each["lost"])
    disputes = frozenset(each["id"] for each in books.bodies("order_returns") if each["is_dispute"])
    return OfOrders(first_party + owed, refunds, bad_debt, disputes)


def orders(books: Books) -> Iterator[str]:
    """Every law of orders."""
    for order in books.bodies("orders"):
        yield from _sums_of(order)
        yield from _paid_once(books, order)
        yield from _given_back(books, order)
        yield from _told(books, order)
        if order["status"] in _OPEN and order["due"] is None:
            yield f"order {order['id']} is {order['status']}, and nobody will give it up"
    yield from _coupons(books)
    if books.providers:
        yield from _shares(books)
        yield from _owed(books)
        for provider_id, own in books.providers.items():
            yield from _account_lines(provider_id, own)


def replaced_attempts(books: Books) -> Iterator[str]:
    """Payments of orders that were taken back for another attempt to be made at once."""
    present = {each["id"]: each["payment_id"] for each in books.bodies("orders")}
    for payment in books.bodies("payments"):
        if payment["of_order"] and payment["status"] == "canceled" and present[payment["order_id"]] != payment["id"]:
            yield payment["id"]


def expired_with_a_coupon(books: Books) -> int:
    """How many orders were given up whose redemption was told, and went back."""
    return sum(each["status"] in _CLOSED and each["coupon_code"] is not None for each in books.bodies("orders"))


def holders_of_coupons(books: Books) -> set[tuple[str, str]]:
    """(coupon, order) of each order that is paid with it, or may still be."""
    holding = (each for each in books.bodies("orders") if each["status"] not in _CLOSED and each["coupon_code"])
    return {(each["coupon_code"], each["id"]) for each in holding}


# --- an order -----------------------------------------------------------------------------------------------------


def _sums_of(order: Json) -> Iterator[str]:
    """Each item's parts sum to the whole, and of none more came back than there was."""
    for item in order["items"]:
        name = f"order {order['id']}, {item['id']}"
        for which in ("split", "returned"):
            parts = item[which]
            given = micros(parts["paid"]) + micros(parts["promotion"])
            got = sum(micros(parts[each]) for each in ("earning", "commission", "commission_tax", "tax_owed"))
            if given != got:
                yield f"{name}: {which} of {given} gives {got}"
        kept = _fee_of_refunds(order, item)
        for part in _PARTS:
            most = micros(item["split"][part]) + (kept if part == "earning" else 0)
            if not 0 <= micros(item["returned"][part]) <= most:
                yield f"{name}: of {part} {item['split'][part]} came {item['returned'][part]} back"


def _fee_of_refunds(order: Json, item: Json) -> int:
    """What a marketplace keeps of its commission at the most, which the provider then has to give back for it."""
    percent = Decimal(order["terms"]["refund_fee_percent"])
    return math.ceil(micros(item["split"]["commission"]) * percent / 100 / 1000) * 1000


def _paid_once(books: Books, order: Json) -> Iterator[str]:
    """What is sold was paid by one payment, exactly; what is not by none."""
    came = [
        micros(each["amount"])
        for each in books.bodies("payments")
        if each["of_order"] and each["order_id"] == order["id"] and each["status"] == "succeeded"
    ]
    total = _total(order, "split")
    wanted = [total] if order["status"] in _SOLD and total else []
    if came != wanted:
        yield f"order {order['id']} is {order['status']} and costs {total}, its payments brought {came}"
    if (order["status"] in _SOLD) != (order["paid_at"] is not None):
        yield f"order {order['id']} is {order['status']}, paid at {order['paid_at']}"


def _given_back(books: Books, order: Json) -> Iterator[str]:
    """What came back of the items is what its refunds and disputes took, each once."""
    backs = [each for each in books.bodies("order_returns") if each["order_id"] == order["id"] and not each["undone"]]
    for item in order["items"]:
        for part in _PARTS:
            took = sum(micros(each["parts"][item["id"]][part]) for each in backs if item["id"] in each["parts"])
            if took != micros(item["returned"][part]):
                yield f"order {order['id']}, {item['id']}: returns took {took} of {part}, it says {item['returned']}"
    went = sum(
        micros(each["amount"])
        for each in books.bodies("refunds")
        if each["order_id"] == order["id"] and each["status"] != "failed"
    )
    payments = {each["id"] for each in books.bodies("payments") if each["of_order"]}
    own = (each for each in books.bodies("disputes") if each["payment_id"] == order["payment_id"])
    went += sum(micros(each["amount"]) for each in own if each["withdrawn"] and each["payment_id"] in payments)
    short = sum(micros(each["short"]) for each in backs if each["short"])
    if _total(order, "returned") + short != went:
        yield f"order {order['id']}: {went} went back, {_total(order, 'returned')} of its items and {short} beyond"
    if set(order["short"]) != {each["id"] for each in backs if each["short"]}:
        yield f"order {order['id']} says {order['short']} went short"
    if short and _total(order, "returned") != _total(order, "split"):
        yield f"order {order['id']} is {short} short, and not all of it is given back"
    refunds = [each for each in backs if not each["is_dispute"] and each["parts"]]
    gave = sum(micros(part["paid"]) for each in refunds for part in each["parts"].values())
    full = gave == _total(order, "split") > 0
    wanted = "refunded" if full else "partially_refunded" if refunds else "paid"
    if order["status"] in _SOLD and order["status"] != wanted and _total(order, "split"):
        yield f"order {order['id']} is {order['status']}, its returns {[each['id'] for each in backs]}"


def _told(books: Books, order: Json) -> Iterator[str]:
    """One event for each thing that became of it."""
    events = books.events()
    wanted = {
        "order.created": 1,
        "order.paid": int(order["status"] in _SOLD),
        "order.expired": int(order["status"] in _CLOSED),
        "order.refunded": sum(
            each["order_id"] == order["id"] and not each["is_dispute"] for each in books.bodies("order_returns")
        ),
    }
    for kind, n in wanted.items():
        if events[kind, order["id"]] != n:
            yield f"{events[kind, order['id']]} events {kind} of {order['id']}, which is {order['status']}"


def _coupons(books: Books) -> Iterator[str]:
    """Where orders alone use coupons, each redemption is that of an order that is paid, or may be."""
    if books.bodies("subscriptions") or books.bodies("invoices"):
        return
    counts: Counter[str] = Counter()
    for redemption in books.bodies("redemptions"):
        counts[redemption["coupon_id"]] += redemption["count"]
    held = Counter(code for code, _ in holders_of_coupons(books))
    if +counts != held:
        yield f"coupons count {dict(counts)}, orders hold {dict(held)}"


# --- who is owed what ---------------------------------------------------------------------------------------------


def _shares(books: Books) -> Iterator[str]:
    """Each who sold has one earning of each order that was paid: what its items brought, less what was taken of it."""
    for order in books.bodies("orders"):
        names = {item["provider_id"] for item in order["items"]} - {None}
        for provider_id, own in books.providers.items():
            earnings = [each for each in own.bodies("earnings") if each["order_id"] == order["id"]]
            wanted = int(order["status"] in _SOLD and provider_id in names)
            if len(earnings) != wanted:
                yield f"{provider_id} has {len(earnings)} earnings of {order['id']}, which is {order['status']}"
                continue
            for earning in earnings:
                items = [item for item in order["items"] if item["provider_id"] == provider_id]
                yield from _earned(books, order, earning, items)


def _earned(books: Books, order: Json, earning: Json, items: list[Json]) -> Iterator[str]:
    name = f"{earning['id']} of {order['id']}"
    for part in _PARTS:
        brought = sum(micros(item["split"][part]) for item in items)
        if micros(earning["split"][part]) != brought:
            yield f"{name}: {part} is {earning['split'][part]}, its items brought {brought}"
    taken = sum(gone(books, order, item, "earning") for item in items)
    if earning["released"] is None and micros(earning["returned"]["earning"]) != taken:
        yield f"{name}: {earning['returned']['earning']} is taken of it, of its items {taken}"
    if set(earning["disputes"]) != set(order["disputes"]) and earning["status"] != "void":
        yield f"{name} knows the disputes {earning['disputes']}, its order {order['disputes']}"
    left = micros(earning["split"]["earning"]) - taken - micros(earning["fee"])
    wanted = "held" if earning["disputes"] else "pending" if left else "void"
    if earning["released"] is None and earning["status"] != wanted:
        yield f"{name} is {earning['status']}, not {wanted}"
    if earning["status"] == "pending" and earning["due"] is None:
        yield f"{name} is pending, and nobody will release it"


def _owed(books: Books) -> Iterator[str]:
    """The ledger owes each party what its earnings and its account say, and has what orders brought otherwise."""
    posted: Counter[tuple[str, str | None]] = Counter()
    for entry in books.bodies("ledger"):
        for posting in entry["postings"]:
            posted[posting["account"], posting["party"]] += micros(posting["amount"])
    for provider_id, own in books.providers.items():
        waits = sum(pending(each) for each in own.bodies("earnings"))
        heads = own.bodies("provider_balances")
        wanted = {
            "provider_pending": waits,
            "provider_payable": sum(micros(each["balance"]) for each in heads),
            "provider_held": sum(micros(each["held"]) for each in heads),
        }
        for account, amount in wanted.items():
            if -posted[account, provider_id] != amount:
                yield f"{account} of {provider_id} is {-posted[account, provider_id]}, its figures say {amount}"
    for account, amount in {
        "commission_revenue": adjusted(books) - _kept(books, "commission"),
        "promotions": _kept(books, "promotion"),
    }.items():
        had = sum(each for (name, _), each in posted.items() if name == account)
        if had != amount:
            yield f"the ledger has {had} in {account}, orders say {amount}"


def adjusted(books: Books) -> int:
    """What providers were given by hand, at the marketplace's expense."""
    lines = (line for own in books.providers.values() for line in own.bodies("account_lines"))
    return sum(micros(line["amount"]) for line in lines if line["type"] == "adjustment")


def _account_lines(provider_id: str, own: Books) -> Iterator[str]:
    """An account's lines have no gap, and each balance is the one before it and the line."""
    for head in own.bodies("provider_balances"):
        account = f"{head['marketplace_id']}:{head['currency']}"
        lines = sorted(
            (each for each in own.bodies("account_lines") if each["account_id"] == account),
            key=lambda each: each["seq"],
        )
        if [each["seq"] for each in lines] != list(range(1, head["seq"] + 1)):
            yield f"{provider_id}: the lines of {account} have gaps"
        balance = 0
        for line in lines:
            balance += micros(line["amount"])
            if micros(line["balance_after"]) != balance:
                yield f"{provider_id}: line {line['seq']} of {account} says {line['balance_after']}, not {balance}"
        if micros(head["balance"]) != balance:
            yield f"{provider_id}: {account} says {head['balance']}, its lines {balance}"


def pending(earning: Json) -> int:
    taken = micros(earning["returned"]["earning"]) + micros(earning["fee"])
    return micros(earning["split"]["earning"]) - taken - (micros(earning["released"]) if earning["released"] else 0)


def _total(order: Json, which: str) -> int:
    return sum(micros(item[which]["paid"]) for item in order["items"])


def gone(books: Books, order: Json, item: Json, part: str) -> int:
    """What is gone for good of an item's part: what open disputes hold of it is not yet."""
    held = (
        each
        for each in books.bodies("order_returns")
        if each["order_id"] == order["id"] and each["is_dispute"] and not each["undone"] and not each["lost"]
    )
    waits = sum(micros(each["parts"][item["id"]][part]) for each in held if item["id"] in each["parts"])
    return micros(item["returned"][part]) - waits


def _kept(books: Books, part: str, providers: bool = True) -> int:
    """A part of all that was sold, less what is gone of it; with ``providers`` off, of the marketplace's own goods."""
    return sum(
        micros(item["split"][part]) - gone(books, order, item, part)
        for order in books.bodies("orders")
        if order["status"] in _SOLD
        for item in order["items"]
        if providers or item["provider_id"] is None
    )
