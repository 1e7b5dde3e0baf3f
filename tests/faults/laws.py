"""What holds of every tenant's books at rest, whatever happened to them: the laws of money that the fault tests check.

They are computed anew from what the tables hold, not with the product's own code: a law that called ``amount_due``
would agree with a wrong ``amount_due``.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

Json = dict[str, Any]
_OWED = ("open", "uncollectible")
_UNDECIDED = ("pending", "processing")
_RUNNING = ("active", "past_due")
_ONCE = (
    "payment.succeeded", "payment.failed", "invoice.created", "invoice.finalized", "invoice.paid", "invoice.voided",
    "invoice.uncollectible", "subscription.created", "subscription.canceled", "credit_note.created", "refund.created",
)  # fmt: skip


@dataclass(frozen=True)
class Books:
    """A tenant's items, decoded: entities by their JSON bodies."""

    rows: Json

    def bodies(self, table: str) -> list[Json]:
        """The entities of a table, in order of their ids."""
        return [_body(row["body"]) for row in self.rows[table] if row.get("item") != "settings"]

    @property
    def tenant(self) -> Json:
        """The tenant and its settings."""
        (row,) = self.rows["tenants"]
        return _body(row["body"])

    def events(self) -> Counter[tuple[str, str]]:
        """How many events there are for each type and object."""
        return Counter((row["type"], row["object_id"]) for row in self.rows["events"])

    def event_types(self) -> Counter[str]:
        """How many events there are for each type."""
        return Counter(row["type"] for row in self.rows["events"])

    def records(self, route: str) -> list[Json]:
        """The idempotency records of a route."""
        return [row for row in self.rows["idempotency"] if row["record_id"].split("#")[1] == route]


def _body(stored: str) -> Json:
    """An entity; a long one is stored as ``z1:`` and the base64 of its zlib form."""
    if stored.startswith("z1:"):
        stored = zlib.decompress(base64.b64decode(stored[3:])).decode()
    found: Json = json.loads(stored)
    return found


def violations(books: Books, charges: list[Json]) -> list[str]:
    """Every law of money that a tenant's books break, in words.

    Args:
        charges: the tenant's charges at Stripe that took money.
    """
    return [
        *_numbers(books),
        *_lines(books),
        *_entries(books),
        *_accounts(books),
        *_statuses(books),
        *_events(books),
        *_redemptions(books),
        *_money(books, charges),
        *_alarms(books),
        *_usage(books),
    ]


def micros(money: Json) -> int:
    """An amount as it is stored."""
    value: int = money["micros"]
    return value


def cents(money: Json) -> int:
    """An amount as Stripe has it; whatever is charged is whole."""
    value = micros(money)
    assert value % 1000 == 0, value
    return value // 1000


def amount_due(invoice: Json) -> int:
    """What is still to be paid of an invoice, in micro-units."""
    taken = ("balance_applied", "amount_paid", "amount_credited")
    return micros(invoice["total"]) - sum(micros(invoice[name]) for name in taken)


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


def _lines(books: Books) -> Iterator[str]:
    """No instant of a component is billed twice, none is given back twice, and what is billed is on an invoice.

    A line counts once for its time, a credit takes that back: 1 June to 1 July billed, given back from 16 June and
    billed anew from there makes one everywhere. What waits for an invoice counts with what is on one, so a line that
    is in both places is a second one.
    """
    invoices = [invoice for invoice in books.bodies("invoices") if invoice["subscription_id"]]
    for subscription in books.bodies("subscriptions"):
        own = [invoice for invoice in invoices if invoice["subscription_id"] == subscription["id"]]
        pending = subscription["pending"]
        if not any(invoice["status"] == "void" for invoice in own):  # what was void is given back in no line
            metered = _metered(books)  # its late lines have the time of others; what it bills is in ``_usage``
            lines = [*pending, *(line for invoice in own for line in invoice["lines"])]
            lines = [line for line in lines if line["component"] not in metered]
            yield from (f"subscription {subscription['id']}: {problem}" for problem in _covered(lines))
        by_id = {line["id"]: (line, invoice) for invoice in own for line in invoice["lines"]}
        placed = Counter(_what(line) for line in (*pending, *(line for line, _ in by_id.values())))
        lost = (
            Counter(_what(line) for line in subscription["billed"] if micros(line["amount"]) and not line["id"])
            - placed
        )
        yield from (f"subscription {subscription['id']} counts as billed what is nowhere: {line}" for line in lost)
        for billed in (line for line in subscription["billed"] if line["id"]):
            line, invoice = by_id.get(billed["id"], (None, None))
            if line is None or invoice is None:
                yield f"subscription {subscription['id']} counts as billed what is nowhere: {billed['id']}"
            elif billed != line and not (invoice["credits"] and 0 < micros(billed["amount"]) < micros(line["amount"])):
                yield f"{billed['id']} counts as billed otherwise than it is"
    ids = Counter(line["id"] for invoice in books.bodies("invoices") for line in invoice["lines"])
    yield from (f"{n} lines with the id {line}" for line, n in ids.items() if n > 1)


def _covered(lines: Iterable[Json]) -> Iterator[str]:
    """Where the number of lines less the number of credits is anything but none or one."""
    changes: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        if line["period"] is None or not micros(line["amount"]):
            continue
        sign = 1 if micros(line["amount"]) > 0 else -1
        changes[line["component"]][line["period"]["start"]] += sign
        changes[line["component"]][line["period"]["end"]] -= sign
    for component, marks in changes.items():
        billed = 0
        for instant in sorted(marks, key=datetime.fromisoformat):
            billed += marks[instant]
            if billed not in (0, 1):
                yield f"{component} is billed {billed} times from {instant} on"


def _what(line: Json) -> tuple[Any, ...]:
    period = line["period"] or {}
    return (line["component"], micros(line["amount"]), period.get("start"), period.get("end"), line["quantity"])


def _statuses(books: Books) -> Iterator[str]:
    for invoice in books.bodies("invoices"):
        name, status, due = f"invoice {invoice['id']}", invoice["status"], amount_due(invoice)
        if status == "paid" and due:
            yield f"{name} is paid, and {due} are due on it"
        if status in _OWED and due <= 0:
            yield f"{name} is {status}, and {due} are due on it"
        if status == "draft" and (micros(invoice["amount_paid"]) or micros(invoice["balance_applied"])):
            yield f"{name} is a draft that something was paid on"
        if invoice["number"] and invoice["tax_waits"]:
            yield f"{name} went out while nobody knew its tax"


# --- the ledger ---------------------------------------------------------------------------------------------------


def _entries(books: Books) -> Iterator[str]:
    entries = books.bodies("ledger")
    for entry in entries:
        total = sum(micros(posting["amount"]) for posting in entry["postings"])
        if total:
            yield f"entry {entry['id']} sums to {total}"
    # A balance may be used for an invoice, and given back when that is void; everything else is posted once.
    kinds = Counter((entry["kind"], entry["source_id"]) for entry in entries if entry["kind"] != "balance_used")
    yield from (f"{n} entries for {fact}" for fact, n in kinds.items() if n > 1)


def _accounts(books: Books) -> Iterator[str]:
    """Each customer's receivable is what its invoices still ask for; its balance is what the ledger says.

    What was written off is in no receivable. A refund that is on its way has left it, and has not reached the card.
    """
    posted: Counter[tuple[str, str]] = Counter()
    for entry in books.bodies("ledger"):
        for posting in entry["postings"]:
            posted[posting["account"], posting["party"]] += micros(posting["amount"])
    owed: Counter[str] = Counter()
    for invoice in books.bodies("invoices"):
        owed[invoice["customer_id"]] += amount_due(invoice) if invoice["status"] == "open" else 0
        owed[invoice["customer_id"]] -= sum(micros(each) for each in invoice["pending_refunds"].values())
    credit = {each["id"]: micros(each["amount"]) for each in books.bodies("balances")}
    for customer in {each["id"] for each in books.bodies("customers")} | set(owed) | set(credit):
        if posted["receivable", customer] != owed[customer]:
            yield f"{customer}: the receivable is {posted['receivable', customer]}, invoices owe {owed[customer]}"
        has = credit.get(customer, 0)
        if -posted["customer_balance", customer] != has:
            yield f"{customer}: the balance is {has}, the ledger says {-posted['customer_balance', customer]}"
        if has < 0:
            yield f"{customer}: the balance is {has}"


def _money(books: Books, charges: list[Json]) -> Iterator[str]:
    paid = sum(cents(invoice["amount_paid"]) for invoice in books.bodies("invoices"))
    charged = sum(charge["amount"] for charge in charges)
    if paid != charged:
        yield f"Stripe took {charged} cents, the invoices say {paid}"
    returned = sum(cents(invoice["amount_refunded"]) for invoice in books.bodies("invoices"))
    sent_back = sum(charge["amount_refunded"] for charge in charges)
    if returned != sent_back:
        yield f"Stripe sent {sent_back} cents back, the invoices say {returned}"
    attempts = Counter(charge["payment_intent"] for charge in charges)
    yield from (f"{n} charges for {intent}" for intent, n in attempts.items() if n > 1)
    tried = Counter((each["invoice_id"], each["attempt"]) for each in books.bodies("payments"))
    for invoice in books.bodies("invoices"):
        wanted = [(invoice["id"], n + 1) for n in range(invoice["attempt_count"])]
        if [tried[each] for each in wanted] != [1] * len(wanted):
            yield f"invoice {invoice['id']}: {invoice['attempt_count']} attempts, payments {dict(tried)}"


# --- what is told, counted and still to come ----------------------------------------------------------------------


def _events(books: Books) -> Iterator[str]:
    """One event for each fact, and none of nothing."""
    events = books.events()
    wanted = {("subscription.created", each["id"]) for each in books.bodies("subscriptions")}
    for payment in books.bodies("payments"):
        told = {"succeeded": "payment.succeeded", "failed": "payment.failed", "canceled": "payment.failed"}
        if payment["status"] in told:
            wanted.add((told[payment["status"]], payment["id"]))
    for invoice in books.bodies("invoices"):
        wanted.add(("invoice.created", invoice["id"]))
        if invoice["number"]:
            wanted.add(("invoice.finalized", invoice["id"]))
        if invoice["status"] in ("paid", "void"):
            wanted.add(({"paid": "invoice.paid", "void": "invoice.voided"}[invoice["status"]], invoice["id"]))
    ended = (each for each in books.bodies("subscriptions") if each["state"] == "canceled")
    wanted |= {("subscription.canceled", each["id"]) for each in ended}
    wanted |= {("credit_note.created", each["id"]) for each in books.bodies("credit_notes")}
    wanted |= {("refund.created", each["id"]) for each in books.bodies("refunds")}
    had = {event for event in events if event[0] in _ONCE}
    yield from (f"no event {event}" for event in sorted(wanted - had))
    # What was given up, and paid after all, was both.
    yield from (
        f"an event of nothing: {event}" for event in sorted(had - wanted) if event[0] != "invoice.uncollectible"
    )
    yield from (f"{n} events {event}" for event, n in events.items() if n > 1 and event[0] in _ONCE)
    yield from (f"parked: {event}" for event in events if event[0].endswith(".parked"))


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
    if told != counts.total():
        yield f"{told} redemptions were told, {counts.total()} made"
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
    return Counter(code for code, _ in holders)


def _alarms(books: Books) -> Iterator[str]:
    """Whatever is to happen later has an alarm, and none comes too early."""
    payments = {each["id"]: each for each in books.bodies("payments")}
    subscriptions = {each["id"]: each for each in books.bodies("subscriptions")}
    for payment in payments.values():
        if payment["status"] in _UNDECIDED and payment["due"] is None:
            yield f"payment {payment['id']} is {payment['status']} and nobody will look"
    for subscription in subscriptions.values():
        due, state = subscription["due"], subscription["state"]
        waits = state in (*_RUNNING, "trialing") or (state == "paused" and subscription["resumes_at"])
        waits = waits or subscription["usage_until"]
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


# --- usage --------------------------------------------------------------------------------------------------------


def _usage(books: Books) -> Iterator[str]:
    """What is billed of each meter is what its closed slots show, and costs what its periods say that it cost.

    Closed are those before the slot that the subscription counts into. A closing whose commit failed left others that
    take nothing any more; they are billed with the next one. A component is the same in every plan that has its key.
    """
    components = {each["key"]: each for plan in books.bodies("plans") for each in plan["components"] if each["meter"]}
    meters = {each["key"]: each for each in books.bodies("meters")}
    for subscription in books.bodies("subscriptions"):
        items = _slots(books, subscription["id"])
        name = f"subscription {subscription['id']}"
        yield from (
            f"{name}: slot {slot} of {meter} is open, and {subscription['usage_slot']} is counted into"
            for slot, meter, item in items
            if slot < subscription["usage_slot"] and meter in subscription["meters"] and "closed" not in item
        )
        own = [each for each in books.bodies("invoices") if each["subscription_id"] == subscription["id"]]
        lines = [*subscription["pending"], *(line for invoice in own for line in invoice["lines"])]
        # Components of one meter that filter alike share what it shows, each from when its plan came.
        alike: dict[str, list[Json]] = defaultdict(list)
        for component in components.values():
            alike[json.dumps([component["meter"], component["filters"]], sort_keys=True)].append(component)
        for same in alike.values():
            keys = {each["key"] for each in same}
            shown = _shown(books, subscription, same, meters[same[0]["meter"]], items)
            billed = sum((Decimal(line["quantity"] or 0) for line in lines if line["component"] in keys), Decimal(0))
            if shown != billed:
                yield f"{name}: closed slots show {shown} of {same[0]['meter']}, and {billed} are billed"
        yield from (f"{name}: {problem}" for problem in _charges(books, subscription, own, lines, components))


def _shown(
    books: Books, subscription: Json, same: list[Json], meter: Json, items: list[tuple[int, str, Json]]
) -> Decimal:
    """What closed slots show, of periods that were billed, and of the parts of them whose plan prices the meter."""
    group_by, filters = same[0]["group_by"], same[0]["filters"]
    cells: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for slot, key, item in items:
        for name, value in item.items():
            text, _, dimensions = name.partition(" ")
            start, _, rest = text.partition("/")
            if key != meter["key"] or slot >= subscription["usage_slot"] or not rest or rest.endswith("/trial"):
                continue
            end, _, since = rest.partition("/")
            if not _was_billed(books, subscription, start, end):
                continue
            values = dict(zip(meter["dimensions"], json.loads(dimensions or "[]"), strict=True))
            if all(values[each] in wanted for each, wanted in filters.items()):
                group = json.dumps([values[each] for each in group_by])
                cells[f"{start}/{end}", group][since or start].append(value)
    keys = {each["key"] for each in same}
    total = Decimal(0)
    for parts in cells.values():
        so_far: list[str] = []
        for begins in sorted(parts, key=datetime.fromisoformat):
            before = _together(meter["aggregation"], so_far)
            so_far += parts[begins]
            if keys & _priced(books, subscription, begins):
                total += _together(meter["aggregation"], so_far) - before
    return total


def _priced(books: Books, subscription: Json, begins: str) -> set[str]:
    """The components of the plan that was in force then, or when the subscription began."""
    at = max(_time(begins), _time(subscription["began_at"] or subscription["created_at"]))
    named = {"plan_id": subscription["plan_id"], "plan_version": subscription["plan_version"]}
    key = next((past["plan"] for past in subscription["past_terms"] if at < _time(past["until"])), named)
    (plan,) = {
        each["id"]: each
        for each in books.bodies("plans")
        if (each["id"], each["plan_version"]) == (key["plan_id"], key["plan_version"])
    }.values()
    return {each["key"] for each in plan["components"]}


def _was_billed(books: Books, subscription: Json, start: str, end: str) -> bool:
    """Whether a period was billed: what comes before it begins waits for that."""
    if subscription["state"] == "canceled":
        return _time(start) < _time(subscription["canceled_at"])
    if _time(start) < _time(subscription["current_period"]["start"]):
        return True
    key = f"{subscription['id']}#{start}/{end}"
    return any(each["id"] == key and each["charges"] for each in _usage_periods(books))


def _charges(
    books: Books, subscription: Json, invoices: list[Json], lines: list[Json], components: dict[str, Json]
) -> Iterator[str]:
    """What the periods say that was billed is on the lines; what was void or credited is forgiven there."""
    if any(each["status"] == "void" or each["credits"] for each in invoices):
        return
    billed: Counter[str] = Counter()
    for period in _usage_periods(books):
        if period["subscription_id"] == subscription["id"]:
            for charge in period["charges"]:
                billed[charge["component"]] += sum(_net(line) for line in charge["lines"])
    for line in lines:
        if line["component"] in components:
            billed[line["component"]] -= _net(line)
    yield from (f"{key} is billed, by its periods, {more} more than on lines" for key, more in billed.items() if more)


def _usage_periods(books: Books) -> Iterator[Json]:
    """The periods of all histories."""
    for history in books.bodies("usage_periods"):
        yield from history["periods"]


def _net(line: Json) -> int:
    """What a line comes to without its discounts: a credit is net of those of what it gives back."""
    return micros(line["amount"]) - sum(micros(each["amount"]) for each in line["discounts"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _together(aggregation: str, values: list[str]) -> Decimal:
    if not values:
        return Decimal(0)
    if aggregation == "last":  # an order, a separator, and the number
        return Decimal(max(values).partition("\x1f")[2])
    if aggregation == "max":
        return max(map(Decimal, values))
    return sum(map(Decimal, values), Decimal(0))


def _slots(books: Books, subscription_id: str) -> list[tuple[int, str, Json]]:
    """Items of totals: slot, meter, and the item itself."""
    found: list[tuple[int, str, Json]] = []
    for row in books.rows["usage_totals"]:
        kind, *parts = row["item"].split("#")
        if kind == "total" and row["subscription_key"].endswith(f"#{subscription_id}"):
            found.append((int(parts[0]), parts[1], row))
    return found


def _metered(books: Books) -> set[str]:
    """The components that bill usage."""
    return {each["key"] for plan in books.bodies("plans") for each in plan["components"] if each["meter"]}
