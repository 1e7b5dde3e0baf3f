"""After a sweep: every period that was due has one invoice, paid once, and nothing else has changed.

Looks at everything that the tables hold of a tenant, and at what ``sweep_case`` says of it.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.sweep.case import Case, Expected
from benchmarks.sweep.worker import Outside
from billing.bootstrap import storage
from billing.storage.database import Database, table_name
from billing.storage.packing import unpack
from billing.storage.tables import (
    BalanceItem,
    EventItem,
    InvoiceItem,
    LedgerItem,
    PaymentItem,
    SequenceItem,
    SubscriptionItem,
)

Json = dict[str, Any]
_MOST = 20
"""Problems that are told of one tenant."""
_OF_STRIPE = {"processing_fee"}
_TIMEOUT_S = 120.0
"""A page of a large table takes the emulator seconds."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the tables hold of a tenant: entities by id, ledger entries, and events by type and object."""

    subscriptions: dict[str, Json]
    invoices: dict[str, Json]
    balances: dict[str, Json]
    sequences: dict[str, Json]
    ledger: list[Json]
    events: Counter[tuple[str, str]]
    payments: int


def check(pipe: "Connection[Any, Any]", outside: Outside, case: Case, tenants: list[int]) -> None:
    """Look at some tenants; for each of them the problems that were found are sent, as texts."""
    outside.enter()
    storage.database()  # it says what the tables are called
    database = Database(timeout_s=_TIMEOUT_S)
    for tenant in tenants:
        expected = [case.expected(n) for n in case.of_tenant(tenant)]
        pipe.send(problems(_read(database, case.tenant_id(tenant), case.tenants == 1), expected)[:_MOST])


def problems(found: Found, expected: list[Expected]) -> list[str]:
    """Every way in which a tenant's books are not what they have to be."""
    return [
        *_subscriptions(found, expected),
        *_invoices(found, expected),
        *_order_of_time(found, expected),
        *_numbers(found),
        *_money(found, expected),
        *_events(found, expected),
    ]


def _subscriptions(found: Found, expected: list[Expected]) -> Iterator[str]:
    yield from _same("subscriptions", found.subscriptions, {each.subscription_id for each in expected})
    for each in expected:
        has = found.subscriptions.get(each.subscription_id)
        if has is None:
            continue
        end, due = datetime.fromisoformat(has["current_period"]["end"]), has["due"]
        if end != each.period_end:
            yield f"{each.subscription_id} runs until {end}, not {each.period_end}"
        if due is None or datetime.fromisoformat(due["at"]) != each.period_end or due["shard"] != each.shard:
            yield f"{each.subscription_id} is due {due}, not at {each.period_end}"
        if has["state"] != "active":
            yield f"{each.subscription_id} is {has['state']}"
        if has["latest_invoice_id"] != (each.invoice_ids[-1] if each.invoice_ids else None):
            yield f"{each.subscription_id} has {has['latest_invoice_id']} as its latest invoice"


def _invoices(found: Found, expected: list[Expected]) -> Iterator[str]:
    yield from _same("invoices", found.invoices, {name for each in expected for name in each.invoice_ids})
    for each in expected:
        for invoice in (found.invoices[name] for name in each.invoice_ids if name in found.invoices):
            paid = invoice["amount_paid" if each.charged else "balance_applied"]["micros"]
            if (invoice["status"], invoice["total"]["micros"], paid) != ("paid", each.total_micros, each.total_micros):
                yield f"{invoice['id']} is {invoice['status']}, {paid} paid of {invoice['total']}"
            if invoice["subscription_id"] != each.subscription_id:
                yield f"{invoice['id']} is not {each.subscription_id}'s"


def _order_of_time(found: Found, expected: list[Expected]) -> Iterator[str]:
    """A subscription's periods that were missed are billed in order of time.

    Their numbers are not: those of a page are claimed together, and what nobody came back for is given out first.
    """
    for each in expected:
        own = [found.invoices[name] for name in each.invoice_ids if name in found.invoices]
        if [_finalized(invoice) for invoice in own] != sorted(map(_finalized, own)):
            yield f"{each.subscription_id} was not billed in order: {[invoice['number'] for invoice in own]}"


def _numbers(found: Found) -> Iterator[str]:
    numbers = sorted(map(_number, found.invoices.values()))
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"{len(numbers)} invoices are numbered {numbers[:3]} ... {numbers[-3:]}: with gaps, or twice"
    following = [sequence["next_number"] for sequence in found.sequences.values()]
    if following != ([len(numbers) + 1] if numbers else []):
        yield f"the next number is {following} after {len(numbers)} invoices"
    yield from (f"{sequence['free']} are free" for sequence in found.sequences.values() if sequence["free"])


def _money(found: Found, expected: list[Expected]) -> Iterator[str]:
    accounts: Counter[str] = Counter()
    for entry in found.ledger:
        amounts = [posting["amount"]["micros"] for posting in entry["postings"]]
        if sum(amounts):
            yield f"entry {entry['id']} sums to {sum(amounts)}"
        for posting in entry["postings"]:
            accounts[posting["account"]] += posting["amount"]["micros"]
    facts = Counter((entry["kind"], entry["source_id"]) for entry in found.ledger)
    yield from (f"{times} entries {fact}" for fact, times in facts.items() if times > 1)
    if len([each for each in found.ledger if each["kind"] not in _OF_STRIPE]) != 2 * len(found.invoices):
        yield f"{len(found.ledger)} ledger entries for {len(found.invoices)} invoices"
    billed = sum(each.total_micros * len(each.invoice_ids) for each in expected)
    charged = sum(each.total_micros * len(each.invoice_ids) for each in expected if each.charged)
    if (accounts["receivable"], accounts["revenue"], accounts["customer_balance"]) != (0, -billed, billed - charged):
        yield f"{billed} were billed, the accounts say {dict(accounts)}"
    for each in expected:
        left = found.balances[each.customer_id]["amount"]["micros"]
        if left != each.left_micros:
            yield f"the balance of {each.customer_id} is {left}, not {each.left_micros}"
    wanted = sum(len(each.invoice_ids) for each in expected if each.charged)
    if found.payments != wanted:
        yield f"{found.payments} payments were made, not {wanted}"


def _events(found: Found, expected: list[Expected]) -> Iterator[str]:
    wanted: Counter[tuple[str, str]] = Counter()
    for each in expected:
        if each.invoice_ids:
            wanted["subscription.updated", each.subscription_id] = len(each.invoice_ids)
        for name in each.invoice_ids:
            wanted.update((f"invoice.{what}", name) for what in ("created", "finalized", "paid"))
    told = Counter({event: n for event, n in found.events.items() if not event[0].startswith("payment.")})
    lost, extra = wanted - told, told - wanted
    yield from (f"{times} events are missing: {event}" for event, times in lost.items())
    yield from (f"{times} events too many: {event}" for event, times in extra.items())


def _same(what: str, has: dict[str, Json], wanted: set[str]) -> Iterator[str]:
    missing, extra = wanted - has.keys(), has.keys() - wanted
    if missing:
        yield f"{len(missing)} {what} are missing, such as {min(missing)}"
    if extra:
        yield f"{len(extra)} {what} too many, such as {min(extra)}"


def _number(invoice: Json) -> int:
    return int(invoice["number"].rsplit("-", 1)[-1])


def _finalized(invoice: Json) -> datetime:
    return datetime.fromisoformat(invoice["finalized_at"])


def _read(database: Database, tenant_id: str, alone: bool) -> Found:
    def items(model: Any, wanted: str, names: dict[str, str] | None = None) -> Iterator[Json]:
        request: Json = {
            "TableName": table_name(model),
            "ExpressionAttributeValues": {":tenant": {"S": tenant_id}},
            "ProjectionExpression": wanted,
            "ConsistentRead": True,
        }
        return _pages(database, request | ({"ExpressionAttributeNames": names} if names else {}), alone)

    def bodies(model: Any) -> list[Json]:
        return [json.loads(unpack(item["body"]["S"])) for item in items(model, "body")]

    def by_id(model: Any) -> dict[str, Json]:
        return {body["id"]: body for body in bodies(model)}

    events = items(EventItem, "#type, object_id", {"#type": "type"})
    numbers = items(SequenceItem, "prefix, next_number, #free", {"#free": "free"})
    return Found(
        subscriptions=by_id(SubscriptionItem),
        invoices=by_id(InvoiceItem),
        balances=by_id(BalanceItem),
        sequences=_series(numbers),
        ledger=bodies(LedgerItem),
        events=Counter((item["type"]["S"], item["object_id"]["S"]) for item in events),
        payments=sum(1 for _ in items(PaymentItem, "id")),
    )


def _series(items: Iterator[Json]) -> dict[str, Json]:
    """The next number of each series, and the numbers that nobody has."""
    return {
        item["prefix"]["S"]: {"next_number": int(item["next_number"]["N"]), "free": sorted(item["free"]["M"])}
        for item in items
        if "next_number" in item
    }


def _pages(database: Database, request: Json, alone: bool) -> Iterator[Json]:
    """A tenant's items of a table.

    Args:
        alone: no other tenant has any. They are scanned then: the emulator compares and sorts all items of a partition
            for each page of a query, which with a hundred thousand is seconds a page.
    """
    if alone:
        return database.scan_all(request | {"FilterExpression": "tenant_id = :tenant"})
    return database.query_all(request | {"KeyConditionExpression": "tenant_id = :tenant"})
