"""The sweep at scale: every due subscription is billed once though workers are killed and messages come three times.

python -m benchmarks.sweep.table OUT [--due 1000 10000] [--one-tenant]

For each size a world of its own on an emulator of its own; after the sweep everything that the tables hold is looked at
(``sweep_check``), and a single wrong invoice fails the benchmark. What is budgeted is that a subscription's cost and a
worker's memory do not grow with the number of them.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks.backend import backend
from benchmarks.part import end_in_order
from benchmarks.report import Row, Section, Verdict, verdict
from benchmarks.run import SWEEP_SIZES
from benchmarks.sweep.case import Case
from benchmarks.sweep.run import Outcome, Plan, Stuck, Sweep, verify, write
from benchmarks.sweep.worker import Outside

GROWTH = 1.25
"""A subscription may cost, and a worker need, so many times what it is at the first size."""
_TENANTS_AT_LEAST, _ORDERS_A_TENANT = 20, 1_000
_SHARDS_AT_LEAST, _ORDERS_A_SHARD = 16, 1_500
"""Sixteen as they are deployed; the emulator sorts a whole shard for each page, which takes seconds of a large one."""
_TURN_S = 35.0
"""As deployed: the Lambda's 60 s less the margin that the worker keeps."""
_WRITERS = 2
_LINE_EVERY_S = 15.0
_AT_MOST_S, _AT_MOST_EACH_S = 300.0, 0.15
"""A sweep that takes longer does not come to its end; a machine that is busy with other things takes a third of it."""
_TICKS = os.sysconf("SC_CLK_TCK")


class Wrong(Exception):
    """Something was not billed once; the message says what."""


@dataclass(frozen=True)
class Measured:
    """One size: what it took, and the emulator's share of it."""

    case: Case
    outcome: Outcome
    emulator_cpu_s: float

    def each(self, seconds: float) -> float:
        """Milliseconds an invoice."""
        return seconds * 1000 / self.case.invoices


class Steps:
    """Says how far it is: a bar on a terminal, a line now and then in a log."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("    {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._console = console

    def say(self, text: str) -> None:
        """A line."""
        self._console.print(f"    {text}", highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, name: str, total: int) -> Iterator[Callable[[int, str], None]]:
        """One step of ``total`` parts; what is yielded is told how many are done, and what else there is to say."""
        started = told = time.monotonic()

        def at(done: int, more: str = "") -> None:
            nonlocal told
            now = time.monotonic()
            rate = done / max(now - started, 0.001)
            self._bar.update(task, completed=done, rate=f"{rate:,.0f}/s{more}")
            if not self._console.is_terminal and (now - told >= _LINE_EVERY_S or done >= total > told_at[0]):
                left = f"{(total - done) / rate:,.0f} s left" if rate else ""
                self.say(f"{name} {done:,}/{total:,} after {now - started:,.0f} s, {rate:,.0f}/s, {left}{more}")
                told, told_at[0] = now, done

        told_at = [0]
        task = self._bar.add_task(name, total=total, rate="")
        with self._bar:
            yield at
        self._bar.remove_task(task)


def measure(due: int, one_tenant: bool, folder: Path, steps: Steps) -> Measured:
    """One size.

    Raises:
        Wrong: a subscription was not billed once.
        Stuck: it does not come to its end.
    """
    tenants = 1 if one_tenant else max(_TENANTS_AT_LEAST, due // _ORDERS_A_TENANT)
    with backend() as running:
        shards = max(_SHARDS_AT_LEAST, due // _ORDERS_A_SHARD)
        case = Case(due, tenants, shards, datetime.now(UTC).replace(microsecond=0))
        outside = Outside(dict(os.environ) | {"DUE_SHARDS": str(shards)}, folder / f"sweep-{due}.log", _TURN_S)
        try:
            _write(outside, case, steps)
            cpu_s = _cpu_s(running.emulator_pid)
            outcome = _sweep(outside, case, steps)
            measured = Measured(case, outcome, _cpu_s(running.emulator_pid) - cpu_s)
            steps.say(" ".join(f"{name}={figure:.4g}" for name, figure in figures_of(measured).items()))
            _verify(outside, case, steps)
        finally:
            # It would save its state first: that takes longer than all of this, and nobody wants it.
            os.kill(running.emulator_pid, signal.SIGKILL)
    return measured


def _write(outside: Outside, case: Case, steps: Steps) -> None:
    done = 0
    with steps.step(f"{case.due:,} due, and {case.orders - case.due:,} that are not: written", case.orders) as at:

        def tell(more: int) -> None:
            nonlocal done
            done += more
            at(done, "")

        write(outside, case, _WRITERS, tell)


def _sweep(outside: Outside, case: Case, steps: Steps) -> Outcome:
    kills = max(10, case.due // 1000)
    plan = Plan(
        kills=kills,
        kill_every=case.invoices / (2 * kills),
        at_most_s=_AT_MOST_S + _AT_MOST_EACH_S * case.due,
    )
    with steps.step("invoices billed", case.invoices) as at:

        def tell(now: Outcome) -> None:
            at(now.beat.commits, f", {now.kills} killed")

        return Sweep(outside, case, plan, lambda: datetime.now(UTC), tell).run()


def _verify(outside: Outside, case: Case, steps: Steps) -> None:
    done = 0
    with steps.step("tenants' books looked at", case.tenants) as at:

        def tell(more: int) -> None:
            nonlocal done
            done += more
            at(done, "")

        problems = verify(outside, case, tell)
    if problems:
        raise Wrong(f"{len(problems)} problems among {case.due} subscriptions:\n" + "\n".join(problems[:40]))


def _cpu_s(pid: int) -> float:
    """The CPU seconds of a process so far. Source: proc(5), fields 14 and 15 of stat."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS


def section_of(sizes: list[Measured]) -> Section:
    """The table."""
    section = Section(
        "The sweep: what is due is billed once, though workers are killed and messages come three times",
        [
            "due", "tenants", "invoices", "seconds", "invoices/s", "worker CPU, ms each", "emulator CPU, ms each",
            "calls each", "page, ms (own CPU)", "page, RCU", "killed", "delivered", "returned", "lost races",
            "worker, MB",
        ],
        notes=[
            "Everything in the tables was looked at after each sweep: one invoice a period, in order of time, numbers",
            "without gaps, ledger and balances to the cent, every event once. Invoices are paid from the customers'",
            "balances: no call to Stripe. Seconds and invoices/s are the emulator's as much as ours (it is one Python",
            f"process). Budget: an invoice's CPU and calls, and a worker's memory, within {GROWTH} times those of the",
            "first size. Each: an invoice; cold starts after kills, empty turns and lost races are in it.",
        ],
    )  # fmt: skip
    for one in sizes:
        section.rows.append(_row(one, sizes[0]))
    return section


def _row(one: Measured, first: Measured) -> Row:
    figures, base = figures_of(one), figures_of(first)
    judged: Verdict = ""
    if one is not first:
        growth = max(figures[name] / base[name] for name in ("worker_cpu_ms", "calls", "worker_mb"))
        judged = verdict(growth, GROWTH)
    cells = [
        f"{one.case.due:,}",
        f"{one.case.tenants:,}",
        f"{one.case.invoices:,}",
        f"{figures['seconds']:,.0f}",
        f"{figures['invoices_per_s']:,.0f}",
        f"{figures['worker_cpu_ms']:.1f}",
        f"{figures['emulator_cpu_ms']:.1f}",
        f"{figures['calls']:.2f}",
        f"{figures['page_ms']:.0f} ({figures['page_cpu_ms']:.0f})",
        f"{figures['page_units']:.1f}",
        f"{figures['kills']:.0f}",
        f"{figures['deliveries']:.0f}",
        f"{figures['returned']:.0f}",
        f"{figures['lost_races']:.0f}",
        f"{figures['worker_mb']:.0f}",
    ]
    return Row(cells, judged, figures)


def figures_of(one: Measured) -> dict[str, float]:
    """The plain numbers of a size."""
    outcome, beat = one.outcome, one.outcome.beat
    return {
        "due": one.case.due,
        "invoices": one.case.invoices,
        "seconds": outcome.seconds,
        "invoices_per_s": one.case.invoices / outcome.seconds,
        "worker_cpu_ms": one.each(beat.cpu_s),
        "emulator_cpu_ms": one.each(one.emulator_cpu_s),
        "calls": beat.calls / one.case.invoices,
        "page_ms": median(beat.page_wall_s or [0.0]) * 1000,
        "page_cpu_ms": median(beat.page_cpu_s or [0.0]) * 1000,
        "page_units": median(beat.page_units or [0.0]),
        "kills": outcome.kills,
        "messages": outcome.messages,
        "deliveries": outcome.deliveries,
        "returned": outcome.returned,
        "lost_races": beat.lost,
        "rounds": outcome.rounds,
        "worker_mb": beat.rss_kb / 1024,
    }


def main() -> None:
    """For ``benchmarks.run``: the table goes into a file."""
    end_in_order()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--due", type=int, nargs="+", default=SWEEP_SIZES, help="how many subscriptions are due")
    parser.add_argument("--one-tenant", action="store_true", help="all of them are one tenant's")
    options = parser.parse_args()
    console = Console(stderr=True)
    with TemporaryDirectory(prefix="ledgerline-sweep-") as folder:
        try:
            sizes = [measure(due, options.one_tenant, Path(folder), Steps(console)) for due in options.due]
        except (Wrong, Stuck) as error:
            console.print(f"    {type(error).__name__.lower()}: {error}", style="red", highlight=False, markup=False)
            for log in sorted(Path(folder).glob("*.log")):
                console.print(f"    {log.name}: {log.read_text()[-3000:]}", highlight=False, markup=False)
            sys.exit(1)
    section = section_of(sizes)
    section.save(options.out)


if __name__ == "__main__":
    main()
