"""One tenant's sweep by more and more workers, over a database that is far away and refuses what collides.

python -m benchmarks.sweep.scaling OUT [--due 800] [--workers 1 4 16] [--latency-ms 150] [--shards 16]

A tenant with a million subscriptions is what a company that runs its own stack is. Whatever is one item of that tenant
is hot then, and the emulator alone does not show it: see ``contention``. Each line is a world of its own, looked at
after its sweep as those of ``sweep.table`` are; the first of a case is one worker, the others are judged beside it.
"""

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from rich.console import Console

from benchmarks.backend import Backend, backend
from benchmarks.part import end_in_order
from benchmarks.report import Row, Section, Verdict
from benchmarks.sweep.case import Card, Case
from benchmarks.sweep.contention import Register
from benchmarks.sweep.run import Outcome, Plan, Stuck, Sweep, verify, write
from benchmarks.sweep.worker import Outside

DUE, WORKERS, LATENCY_MS = 800, (1, 4, 16), 150.0
SPEED_UP, MORE_CALLS, LOST = 8.0, 1.2, 0.05
"""The most workers' rate beside one's, their calls an invoice beside its, and refused transactions an invoice."""
CALLS_PAID, CALLS_CHARGED = 1.5, 3.0
_SHARDS, _TURN_S, _WRITERS, _AT_MOST_S = 16, 35.0, 2, 1800.0
_TIMEOUT_S = 10


class Wrong(Exception):
    """Something was not billed once; the message says what."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One line: whose subscriptions, who sweeps them, and how far the database is."""

    tenants: int
    charged: bool
    workers: int
    due: int
    latency_ms: float
    shards: int = _SHARDS

    @property
    def name(self) -> str:
        """Of the lines that are compared with each other."""
        tenants = "one tenant" if self.tenants == 1 else f"{self.tenants} tenants"
        return f"{tenants}, {'a card is charged' if self.charged else 'the balance pays'}, {self.latency_ms:g} ms"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a line took."""

    asked: Asked
    invoices: int
    outcome: Outcome

    @property
    def rate(self) -> float:
        """Invoices a second."""
        return self.invoices / self.outcome.seconds

    @property
    def calls(self) -> float:
        """Requests to the database, an invoice."""
        return self.outcome.beat.calls / self.invoices

    @property
    def refused(self) -> float:
        """Transactions and writes that were refused, an invoice."""
        return (self.outcome.beat.lost + self.outcome.beat.conflicts) / self.invoices


def measure(asked: Asked, folder: Path) -> Measured:
    """One line.

    Raises:
        Wrong: a subscription was not billed once.
        Stuck: it does not come to its end.
    """
    with backend() as running:
        card = _card(running) if asked.charged else None
        case = Case(asked.due, asked.tenants, asked.shards, datetime.now(UTC).replace(microsecond=0), card)
        address = folder / "register"
        env = dict(os.environ) | {"DUE_SHARDS": str(asked.shards)}
        outside = Outside(env, folder / "scaling.log", _TURN_S, asked.latency_ms / 1000, str(address))
        try:
            write(outside, case, _WRITERS, lambda more: None)
            with Register().open(address):
                plan = Plan(asked.workers, copies=1, kills=0, at_most_s=_AT_MOST_S)
                outcome = Sweep(outside, case, plan, lambda: datetime.now(UTC), lambda now: None).run()
            problems = verify(outside, case, lambda more: None)
        finally:
            os.kill(running.emulator_pid, signal.SIGKILL)  # it would save its state first, and nobody wants it
    if problems:
        raise Wrong(f"{len(problems)} problems:\n" + "\n".join(problems[:40]))
    return Measured(asked, case.invoices, outcome)


def _card(running: Backend) -> Card:
    """A card that pays everything, at the sandbox."""

    def post(path: str, **fields: str) -> str:
        headers = {"authorization": f"Bearer {running.stripe_api_key}"}
        answer = requests.post(f"{running.stripe_url}/v1/{path}", data=fields, headers=headers, timeout=_TIMEOUT_S)
        answer.raise_for_status()
        return str(answer.json()["id"])

    customer_id = post("customers", name="Everybody")
    return Card(customer_id, post("payment_methods/pm_card_visa/attach", customer=customer_id))


def section_of(lines: Sequence[Measured]) -> Section:
    """The table."""
    section = Section(
        "The sweep of one tenant: more workers, a far database, conflicts",
        [
            "case", "workers", "invoices", "seconds", "invoices/s", "beside one", "calls each", "lost races",
            "conflicts", "worker CPU, ms each",
        ],
        notes=[
            "Each call to the database takes so many ms more, and of two transactions in flight on one item, or a",
            f"transaction and a write, one is refused. Budget: {max(WORKERS)} workers {SPEED_UP:g} times one's rate,",
            f"calls within {MORE_CALLS:g} times, {LOST:.0%} refused; one worker's calls {CALLS_PAID:g}, with a charge",
            f"{CALLS_CHARGED:g}. The rate of many is this machine's, too: they share its cores with the emulator.",
        ],
    )  # fmt: skip
    first: dict[str, Measured] = {}
    for one in lines:
        section.rows.append(_row(one, first.setdefault(one.asked.name, one)))
    return section


def _row(one: Measured, first: Measured) -> Row:
    beat = one.outcome.beat
    cells = [
        one.asked.name,
        f"{one.asked.workers}",
        f"{one.invoices:,}",
        f"{one.outcome.seconds:.0f}",
        f"{one.rate:.1f}",
        f"{one.rate / first.rate:.1f}",
        f"{one.calls:.2f}",
        f"{beat.lost}",
        f"{beat.conflicts}",
        f"{beat.cpu_s * 1000 / one.invoices:.1f}",
    ]
    figures = {"workers": one.asked.workers, "invoices_per_s": one.rate, "calls": one.calls, "refused": one.refused}
    return Row(cells, _verdict(one, first), figures)


def _verdict(one: Measured, first: Measured) -> Verdict:
    if one is first:
        return "ok" if one.calls <= (CALLS_CHARGED if one.asked.charged else CALLS_PAID) else "over"
    if one.asked.workers < max(WORKERS):
        return ""
    kept = one.rate >= SPEED_UP * first.rate and one.calls <= MORE_CALLS * first.calls and one.refused <= LOST
    return "ok" if kept else "over"


def lines_of(due: int, workers: Sequence[int], latency_ms: float, shards: int = _SHARDS) -> Iterator[Asked]:
    """What is measured: one tenant first, then with a card, then twenty tenants for comparison."""
    for tenants, charged in ((1, False), (1, True), (20, False)):
        yield from (Asked(tenants, charged, each, due, latency_ms, shards) for each in workers)


def main() -> None:
    """For ``benchmarks.run``: the table goes into a file."""
    end_in_order()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--due", type=int, default=DUE, help="how many subscriptions are due")
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS)
    parser.add_argument("--latency-ms", type=float, default=LATENCY_MS, help="so much longer takes each call")
    parser.add_argument("--shards", type=int, default=_SHARDS, help="of the due index; a worker takes one at a time")
    parser.add_argument("--one-tenant", action="store_true", help="only the first case")
    options = parser.parse_args()
    console = Console(stderr=True)
    lines = []
    for asked in lines_of(options.due, options.workers, options.latency_ms, options.shards):
        if options.one_tenant and (asked.charged or asked.tenants > 1):
            continue
        with TemporaryDirectory(prefix="ledgerline-scaling-") as folder:
            try:
                lines.append(measure(asked, Path(folder)))
            except (Wrong, Stuck) as error:
                log = Path(folder) / "scaling.log"
                said = log.read_text()[-3000:] if log.exists() else ""
                console.print(f"    {error}\n{said}", style="red", highlight=False, markup=False)
                sys.exit(1)
        cells = section_of(lines).rows[-1].cells
        console.print(f"    {' | '.join(cells)}", highlight=False, markup=False, soft_wrap=True)
    section_of(lines).save(options.out)


if __name__ == "__main__":
    main()
