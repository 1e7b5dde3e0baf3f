"""Crash injection: every flow is cut at every call that leaves the process, and must end as if it had not been.

Two faults for each call: the process dies before it (which is also: after the one before it, untold), or it is done
and its answer is lost; cuts that leave the very same world are made once (``cuts``). Then the world goes on as it
would: the client asks again with its key, the queue delivers its message again, the sweep comes round.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.faults.books import AtStripe, Books, cents
from tests.faults.laws import discounts, violations
from tests.faults.processes import Answer, Json
from tests.faults.world import Tenant, World, step

MODES = ("kill", "lost")
START = datetime(2026, 10, 1, 12, tzinfo=UTC)
_APART = timedelta(days=200)
TABLE: dict[tuple[str, str], int] = {}
"""How many cuts were made, for each flow and fault."""
CALLS: dict[str, int] = {}
"""How many calls each flow makes."""


@dataclass(frozen=True)
class Scene:
    """A flow, ready to begin.

    Args:
        at: when it begins.
        steps: what is cut.
        again: what happens after that: the client's retry, the redelivery; with the time that passes before each.
        tenant: whose books are looked at; None where the flow makes the tenant.
        want: parts of the ``summary`` that a quiet day ends with, so that the flow is what its name says.
        status: how its first step is answered, where that is no success.
        looks: what else is wrong at the end, where more is left behind than the tables and Stripe have.
    """

    at: datetime
    steps: list[Json]
    again: list[Json]
    tenant: Tenant | None
    want: Json = field(default_factory=dict)
    status: int | None = None
    looks: Callable[[Books], list[str]] = lambda _: []


@dataclass(frozen=True)
class Flow:
    """A flow by name."""

    name: str
    arrange: Callable[[World, datetime], Scene]
    keyed: bool = True
    """Whether its first step is a request under an Idempotency-Key."""
    route: str = ""
    start: datetime = START
    """When its first case begins; the others are before it."""


def recovery(*retry: Json, sweeps: int = 1) -> list[Json]:
    """The client's retry when the dead run's lease is over, then a sweep when every alarm has come.

    Args:
        sweeps: how many there are, minutes apart: what one of them settles may set the next alarm at once.
    """
    sweep = [step("later", seconds=150), step("sweep"), step("drain")]
    return [step("later", seconds=15), *retry, step("drain"), *sweep * sweeps]


@dataclass
class Run:
    """One flow at one cut, to its end."""

    first: Answer
    rest: list[Any]
    books: Books
    summary: Json
    scene: Scene
    problems: list[str] = field(default_factory=list)


def _writes(call: str) -> bool:
    """Whether a call changes anything outside the process."""
    return call.startswith(("POST ", "PUT ", "DELETE ")) or call in (
        "TransactWriteItems",
        "UpdateItem",
        "PutItem",
        "SendMessage",
        "SendMessageBatch",
    )


def cuts(calls: list[str], mode: str) -> list[int]:
    """Where a flow is cut; every call is covered, and what would be the same case again is left out.

    A process that dies before its k-th call leaves the world as the last call that wrote left it: where call k - 1 only
    read, that is the case of k - 1. Nor does a lost answer to a read differ from one to the same read earlier on.
    """
    if mode == "kill":
        return [k for k in range(1, len(calls) + 2) if k == 1 or _writes(calls[k - 2])]
    return [k for k, call in enumerate(calls, 1) if _writes(call) or call not in calls[: k - 1]]


class Enumeration:
    """Runs a flow without a fault, then cut at every call."""

    def __init__(self, world: World, flow: Flow) -> None:
        self._world = world
        self._flow = flow
        self._cases = 0
        self._charges: set[str] = set()

    def run(self, modes: Iterable[str] = MODES) -> dict[str, list[str]]:
        """Every cut; returns what went wrong by mode, a line each."""
        clean = self._case("", 0)
        calls: list[str] = clean.first.all()[-1]
        problems = [f"no fault: {problem}" for problem in clean.problems]
        problems += [
            f"no fault: {name} are {clean.summary[name]}, not {wanted}"
            for name, wanted in clean.scene.want.items()
            if clean.summary[name] != wanted
        ]
        CALLS[self._flow.name] = len(calls)
        return {mode: problems + self._cut(mode, clean, calls) for mode in modes}

    def _cut(self, mode: str, clean: Run, calls: list[str]) -> list[str]:
        problems: list[str] = []
        wheres = cuts(calls, mode)
        for k in wheres:
            label = f"{self._flow.name}: {mode} at call {k} of {len(calls)} ({([*calls, 'after the last'])[k - 1]})"
            cut = self._case(mode, k)
            found = list(cut.problems)
            if mode == "kill" and k <= len(calls) and not cut.first.died:
                found.append("the call was not reached")
            if mode == "lost" and (cut.first.exit != 0 or _failed(cut.first.answers, cut.scene.status)):
                found.append(f"one lost answer was not absorbed: {cut.first.answers}")
            if cut.summary != clean.summary:
                found.append(f"ended differently: {_difference(clean.summary, cut.summary)}")
            problems += [f"{label}: {problem}" for problem in found]
        TABLE[self._flow.name, mode] = len(wheres)
        return problems

    def _case(self, mode: str, k: int) -> Run:
        # Each case lives before the one before it, so that nothing of another is ever due.
        at = self._flow.start - _APART * self._cases
        self._cases += 1
        since = int(time.time())
        scene = self._flow.arrange(self._world, at)
        fault = step("fault", mode=mode, call=k)
        first = self._world.run_apart(scene.at, fault, *scene.steps, step("calls"))
        problems = []
        # Where nothing died, there is nothing to make up for.
        again = [] if mode == "lost" else scene.again
        answers = self._world.run(scene.at + timedelta(seconds=1), *again, scene.steps[0]).all()
        if self._flow.keyed:
            problems += _replays(first, answers, scene.status)
        tenant = scene.tenant or _made(self._world, answers[-1])
        end = scene.at + timedelta(hours=1)
        books = tenant.books(end)
        stripe = tenant.at_stripe(methods=True)
        problems += violations(books, stripe) + scene.looks(books)
        if self._flow.route:
            states = [record["state"] for record in books.records(self._flow.route)]
            if set(states) != {"done"}:
                problems.append(f"idempotency records: {states}")
        more = {charge["id"] for charge in self._world.charges(since)} - self._charges
        self._charges |= more
        return Run(first, answers, books, summary(books, stripe) | {"charges at Stripe": len(more)}, scene, problems)


def summary(books: Books, stripe: AtStripe) -> Json:
    """What a flow leaves behind, without ids and times."""
    return {
        "subscriptions": sorted(
            (s["state"], len(s["pending"]), len(s["unpaid_invoice_ids"])) for s in books.bodies("subscriptions")
        ),
        "invoices": sorted(
            ((i["number"] or "-")[-6:], i["status"], i["attempt_count"]) for i in books.bodies("invoices")
        ),
        "dunning": sorted(i["dunning"]["steps_done"] for i in books.bodies("invoices") if i["dunning"]),
        "tax": sum(cents(i["tax"]) for i in books.bodies("invoices")),
        "balances": [cents(b["amount"]) for b in books.bodies("balances")],
        "payments": sorted((p["status"], p["attempt"]) for p in books.bodies("payments")),
        "one-time payments": sorted(p["status"] for p in books.bodies("payments") if p["invoice_id"] is None),
        "credit notes": sorted(
            (n["number"][-9:], n["to_invoice"]["micros"], n["to_balance"]["micros"], n["to_refund"]["micros"])
            for n in books.bodies("credit_notes")
        ),
        "refunds": sorted((r["status"], cents(r["amount"])) for r in books.bodies("refunds")),
        "disputes": sorted((d["status"], cents(d["amount"])) for d in books.bodies("disputes")),
        "redemptions": sorted(r["count"] for r in books.bodies("redemptions")),
        "discounts": discounts(books).total(),
        "methods": sorted("gone" if each["detached_at"] else "kept" for each in books.bodies("payment_methods")),
        "customers": len(books.rows["customers"]),
        "ledger": Counter(entry["kind"] for entry in books.bodies("ledger")),
        "events": books.event_types(),
        "places": places(books),
        "runs": sorted((each["state"], each["written"]["rows"]) for each in runs_of(books)),
        "files": books.files,
        "usage": usage(books),
        "orders": sorted(order_of(each) for each in books.bodies("orders")),
        "earnings": sorted(earning_of(each) for own in books.providers.values() for each in own.bodies("earnings")),
        "payouts": sorted(
            (each["status"], cents(each["amount"]))
            for own in books.providers.values()
            for each in own.bodies("payouts")
        ),
        "accounts": sorted(
            account_of(each) for own in books.providers.values() for each in own.bodies("provider_balances")
        ),
        "told": sum((own.event_types() for own in books.providers.values()), Counter()),
        "deliveries": sorted(
            (row["state"], "due_at" in row) for row in books.rows["webhook_deliveries"] if "state" in row
        ),
        "clocks": sorted(clock["status"] for clock in books.bodies("test_clocks")),
        "cents": sum(charge["amount"] for charge in stripe.taken),
        "cents sent back": sum(charge["amount_refunded"] for charge in stripe.taken),
        "intents": sorted(intent["status"] for intent in stripe.intents),
    }


def runs_of(books: Books) -> list[Json]:
    """Runs of reports and exports, without who asked for which."""
    return [each for each in books.bodies("report_runs") if "state" in each]


def places(books: Books) -> tuple[int, bool]:
    """How many events have a place in the feed, and whether each that has one has one alone, without a gap."""
    rows = [row for row in books.rows["event_feed"] if row["id"].startswith("place#")]
    whole = [int(row["place"]) for row in rows] == list(range(1, len(rows) + 1))
    return len(rows), whole and len({row["event_id"] for row in rows}) == len(rows)


def order_of(order: Json) -> tuple[str, int, int, int]:
    """An order's status, its attempts, what was given back of it in cents, and how many disputes are open."""
    back = sum(cents(item["returned"]["paid"]) for item in order["items"])
    return order["status"], order["attempts"], back, len(order["disputes"])


def earning_of(earning: Json) -> tuple[str, int]:
    """An earning's status, and what is left of it in cents, Stripe's fee apart."""
    return earning["status"], cents(earning["split"]["earning"]) - cents(earning["returned"]["earning"])


def account_of(head: Json) -> tuple[int, int, int, int]:
    """In cents, a provider's balance, what disputes hold of it, what is on its way to the bank, and what arrived."""
    balance, held, in_transit, paid = (cents(head[name]) for name in ("balance", "held", "in_transit", "paid"))
    return balance, held, in_transit, paid


def usage(books: Books) -> list[tuple[str, str]]:
    """Quantities on invoices and on their way there, by metered component."""
    metered = {each["key"] for plan in books.bodies("plans") for each in plan["components"] if each["meter"]}
    found: dict[str, Decimal] = defaultdict(Decimal)
    for holder, name in (("invoices", "lines"), ("subscriptions", "pending")):
        for line in (line for each in books.bodies(holder) for line in each[name] if line["component"] in metered):
            found[line["component"]] += Decimal(line["quantity"] or 0)
    return sorted((key, str(total.normalize())) for key, total in found.items())


def _failed(answers: list[Any], allowed: int | None) -> bool:
    statuses = {answer.get("status", 200) for answer in answers if isinstance(answer, dict)} - {allowed}
    return max(statuses, default=200) >= 400


def _replays(first: Answer, rest: list[Any], wanted: int | None) -> list[str]:
    """The last answer is a replay of every one that came before it, byte for byte."""
    *before, last = [answer for answer in (*first.answers, *rest) if isinstance(answer, dict) and "headers" in answer]
    found = []
    if last["status"] >= 300 and last["status"] != wanted:
        found.append(f"the last answer is {last['status']}: {last['body']}")
    if not before:
        found.append("nobody was answered before the last")
    if any((each["status"], each["body"]) != (last["status"], last["body"]) for each in before):
        found.append(f"the last answer and one before it differ: {before}, {last}")
    if last["headers"].get("Idempotent-Replayed") != "true":
        found.append("the last answer is no replay")
    return found


def _made(world: World, answer: Json) -> Tenant:
    data = answer["body"]["data"]
    return Tenant(world, data["id"], data["apiKey"])


def _difference(one: Json, other: Json) -> str:
    return "; ".join(f"{name}: {one[name]} -> {other[name]}" for name in one if one[name] != other[name])


def counted() -> list[tuple[str, str, int, int]]:
    """What was enumerated: a flow, its fault, how many calls it makes and how often it was cut."""
    return [(name, mode, CALLS[name], cuts) for (name, mode), cuts in TABLE.items()]


def count(of_worker: Iterable[tuple[str, str, int, int]]) -> None:
    """Take in what another process enumerated."""
    for name, mode, calls, cuts in of_worker:
        CALLS[name], TABLE[name, mode] = calls, cuts


def report() -> list[str]:
    """The table of what was enumerated."""
    names = sorted({name for name, _ in TABLE})
    rows = [(name, CALLS[name], TABLE.get((name, "kill"), 0), TABLE.get((name, "lost"), 0)) for name in names]
    return [
        f"{'flow':58} {'calls':>6} {'killed':>7} {'answer lost':>12}",
        *(f"{name:58} {calls:>6} {killed:>7} {lost:>12}" for name, calls, killed, lost in rows),
        f"{len(names)} flows, {sum(CALLS.values())} calls, {sum(TABLE.values())} cuts",
    ]
