"""What holds of providers' payouts at rest: each is made once, and what came back is on the account once.

Of each account, statements lead into each other; what is on its way and what arrived is what its payouts say; and the
banks have got no more than that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.faults.books import AtStripe, Books, Json, cents, micros
from tests.faults.laws_orders import gone, pending

_OPEN = ("pending", "transferring", "in_transit")
_AT_THE_BANK = ("in_transit", "paid")
_TOLD = {
    "payout.created": lambda _: True,
    "payout.paid": lambda payout: payout["paid_at"] is not None,
    "payout.failed": lambda payout: payout["status"] == "failed",
    "payout.canceled": lambda payout: payout["status"] == "canceled",
}


def payouts(books: Books) -> Iterator[str]:
    """Every law of payouts in the books; they hold after each commit."""
    for provider_id, own in books.providers.items():
        made = _of(books, own)
        for payout in made:
            yield from _looked_after(payout)
            yield from _returned_once(payout, own)
            yield from _told(payout, books, own)
        for head in own.bodies("provider_balances"):
            of_account = [each for each in made if each["amount"]["currency"] == head["currency"]]
            yield from _statements(head, of_account, own)
            yield from _sums(head, of_account)
        yield from _in_the_ledger(books, provider_id, made)
        yield from _nothing_lost(books, provider_id, own)


def payouts_at_stripe(books: Books, stripe: AtStripe) -> Iterator[str]:
    """What holds between payouts and Stripe at rest."""
    for provider_id, own in books.providers.items():
        made = _of(books, own)
        for payout in made:
            yield from _moved_once(payout, stripe)
        yield from _at_the_bank(provider_id, made, stripe)
    known = {each["transfer"]["stripe_id"] for own in books.providers.values() for each in own.bodies("payouts")}
    yield from (f"a transfer without a record: {each['id']}" for each in stripe.transfers if each["id"] not in known)


def _of(books: Books, own: Books) -> list[Json]:
    """A provider's payouts of this marketplace."""
    return [each for each in own.bodies("payouts") if each["marketplace_id"] == books.tenant["id"]]


def _moved_once(payout: Json, stripe: AtStripe) -> Iterator[str]:
    """One transfer of its amount; taken back whole where its money is on the account again, else not at all."""
    name = f"payout {payout['id']}, {payout['status']},"
    transfers = [each for each in stripe.transfers if each["metadata"]["payout_id"] == payout["id"]]
    sent = payout["transfer"]["stripe_id"]
    if [each["id"] for each in transfers] != ([sent] if sent else []):
        yield f"{name} has the transfer {sent}, Stripe {[each['id'] for each in transfers]}"
        return
    back = payout["returned_seq"] is not None
    for each in transfers:
        if each["amount"] != cents(payout["amount"]):
            yield f"{name} is {payout['amount']}, and {each['amount']} were sent"
        if each["amount_reversed"] != (each["amount"] if back else 0):
            yield f"{name} came back in line {payout['returned_seq']}, at Stripe {each['amount_reversed']}"


def _looked_after(payout: Json) -> Iterator[str]:
    back = payout["returned_seq"] is not None
    waits = payout["status"] in _OPEN or (payout["status"] == "failed" and not back and not payout["stranded"])
    if waits and payout["due"] is None:
        yield f"payout {payout['id']} is {payout['status']}, and nobody will look"


def _returned_once(payout: Json, own: Books) -> Iterator[str]:
    lines = [
        (each["type"], micros(each["amount"]))
        for each in own.bodies("account_lines")
        if each["source_id"] == payout["id"]
    ]
    amount = micros(payout["amount"])
    back = payout["returned_seq"] is not None
    if lines != [("payout", -amount), *([("payout_returned", amount)] if back else [])]:
        yield f"payout {payout['id']} of {amount} has the lines {lines}"
    if back and payout["status"] not in ("failed", "canceled"):
        yield f"payout {payout['id']} is {payout['status']}, and its money is on the account"


def _told(payout: Json, books: Books, own: Books) -> Iterator[str]:
    """Each thing that became of it was told once, to the provider and to the marketplace."""
    for kind, was in _TOLD.items():
        for who, events in (("provider", own.events()), ("marketplace", books.events())):
            if events[kind, payout["id"]] != int(was(payout)):
                yield f"{events[kind, payout['id']]} events {kind} to the {who} of {payout['id']}, {payout['status']}"


def _statements(head: Json, made: list[Json], own: Books) -> Iterator[str]:
    """Each begins where the one before it ended, with its balance."""
    account = f"{head['marketplace_id']}:{head['currency']}"
    after = {
        each["seq"]: micros(each["balance_after"])
        for each in own.bodies("account_lines")
        if each["account_id"] == account
    }
    following = 1
    for payout in sorted(made, key=lambda each: int(each["first_seq"])):
        if payout["first_seq"] != following:
            yield f"the statement {payout['number']} begins with line {payout['first_seq']}, not {following}"
        if micros(payout["opening_balance"]) != after.get(payout["first_seq"] - 1, 0):
            yield f"the statement {payout['number']} opens with {payout['opening_balance']}"
        if after.get(payout["last_seq"], -1) < 0:
            yield f"the statement {payout['number']} closes with {after.get(payout['last_seq'])}"
        following = payout["last_seq"] + 1
    if (head["statement_seq"], head["payouts"]) != (following - 1, len(made)):
        yield f"{account} has {head['payouts']} statements up to {head['statement_seq']}"


def _sums(head: Json, made: list[Json]) -> Iterator[str]:
    """What is on its way, arrived, or is stuck, and which payout holds up the next one."""
    sums: Counter[str] = Counter()
    for payout in made:
        amount, stuck = micros(payout["amount"]), payout["stranded"]
        if payout["status"] in _OPEN or (payout["status"] == "failed" and payout["returned_seq"] is None):
            sums["in_transit"] += amount
        if payout["status"] == "paid":
            sums["paid"] += amount
        sums["stranded"] += micros(stuck) if stuck else 0
    for name in ("in_transit", "paid", "stranded"):
        had = micros(head[name]) if head[name] else 0
        if had != sums[name]:
            yield f"{head['marketplace_id']}:{head['currency']} says {had} {name}, its payouts {sums[name]}"
        if had < 0:
            yield f"{had} are {name}"
    open_now = [each["id"] for each in made if each["status"] in _OPEN]
    if len(open_now) > 1 or (open_now and head["open_payout_id"] != open_now[0]):
        yield f"{open_now} are open, the account says {head['open_payout_id']}"
    if not open_now and head["open_payout_id"] is not None:
        late = next(each for each in made if each["id"] == head["open_payout_id"])
        if late["status"] != "failed" or late["returned_seq"] or late["stranded"]:
            yield f"{head['open_payout_id']} is {late['status']}, and holds up the next payout"


def _at_the_bank(provider_id: str, made: list[Json], stripe: AtStripe) -> Iterator[str]:
    """The bank has what was paid out, and nothing twice."""
    theirs = stripe.payouts.get(provider_id, [])
    ours = {each["bank"]["stripe_id"]: each for each in made if each["bank"]["stripe_id"]}
    if {each["id"] for each in theirs} != set(ours):
        yield f"{provider_id} has the payouts {[each['id'] for each in theirs]} at Stripe, we have {list(ours)}"
        return
    there = sum(each["amount"] for each in theirs if each["status"] in ("pending", *_AT_THE_BANK))
    here = sum(cents(each["amount"]) for each in made if each["status"] in _AT_THE_BANK)
    if there != here:
        yield f"{provider_id} was paid {there} at Stripe, our payouts say {here}"


def _in_the_ledger(books: Books, provider_id: str, made: list[Json]) -> Iterator[str]:
    """What was claimed and has not left is in transit in the ledger."""
    waits = sum(
        micros(each["amount"])
        for each in made
        if each["transfer"]["stripe_id"] is None and each["returned_seq"] is None
    )
    posted = sum(
        micros(posting["amount"])
        for entry in books.bodies("ledger")
        for posting in entry["postings"]
        if (posting["account"], posting["party"]) == ("payouts_in_transit", provider_id)
    )
    if -posted != waits:
        yield f"payouts_in_transit of {provider_id} is {-posted}, {waits} have not left"


def _nothing_lost(books: Books, provider_id: str, own: Books) -> Iterator[str]:
    """What a provider has, waits for and has got is what its items brought and what it was given, less its fees."""
    heads = own.bodies("provider_balances")
    has = sum(micros(head[name]) for head in heads for name in ("balance", "held", "in_transit", "paid"))
    earnings = own.bodies("earnings")
    has += sum(pending(each) for each in earnings)
    brought = sum(
        micros(item["split"]["earning"]) - gone(books, order, item, "earning")
        for order in books.bodies("orders")
        if order["paid_at"] is not None
        for item in order["items"]
        if item["provider_id"] == provider_id
    )
    fees = sum(micros(order["fees"][provider_id]) for order in books.bodies("orders") if provider_id in order["fees"])
    lines = (line for line in own.bodies("account_lines") if line["type"] == "adjustment")
    given = sum(micros(line["amount"]) for line in lines)
    if has != brought + given - fees:
        yield f"{provider_id} has {has}: its items brought {brought}, it was given {given}, and bears {fees}"
