"""Draft invoices per second, beside django-silver in the same run: the same customers, the same bills.

Both sides take turns, so that whatever else the machine does falls on both; figures are medians over the rounds.
Every draft of every round is compared with what it has to say before its time counts.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import IO

from benchmarks import ROOT
from benchmarks.backend import backend
from benchmarks.drafts.case import CUSTOMERS, Round
from benchmarks.drafts.ours import DECIDED, STORED, Desk
from benchmarks.part import end_in_order
from benchmarks.report import Row, Section, verdict_at_least
from scripts.ensure_env import STAMP, python_of

BUDGET = 10.0
LEAST_ROUNDS, MOST_ROUNDS = 3, 7
ROUNDS_S = 25.0
"""No new turn is begun after this time, once there are enough."""
PEER_ENV = ROOT / ".venv-silver"


class NotThere(Exception):
    """The peer cannot be run on this machine; the message says why."""


class Peer:
    """django-silver in a process of its own; it ends when its standard input does."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._asks: IO[str] = process.stdin
        self._answers: IO[str] = process.stdout

    def wait_until_ready(self) -> None:
        """Wait until its world stands.

        Raises:
            NotThere: it ended before.
        """
        if self._answers.readline() != "ready\n":
            raise NotThere("django-silver does not start here (its error stands above)")

    def round(self) -> Round:
        """Its next round."""
        self._asks.write("\n")
        self._asks.flush()
        return Round.from_line(self._answers.readline())


@contextmanager
def peer(env: Path = PEER_ENV) -> Iterator[Peer]:
    """Start the peer; it makes its world while the caller makes another.

    Raises:
        NotThere: its environment is not installed.
    """
    if not (env / STAMP).exists():
        raise NotThere(f"django-silver is not installed in {env.name}: `make silver-env` says why")
    command = [str(python_of(env)), "-m", "benchmarks.drafts.silver"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Peer(process)
        finally:
            process.kill()  # all it has is in its memory


def interleaved(sides: Sequence[Callable[[], Round]], clock: Callable[[], float] = time.monotonic) -> list[list[Round]]:
    """The rounds of each side, in turns; every other turn goes the other way round."""
    found: list[list[Round]] = [[] for _ in sides]
    until = clock() + ROUNDS_S
    for n in range(MOST_ROUNDS):
        if n >= LEAST_ROUNDS and clock() >= until:
            break
        order = range(len(sides))
        for side in order if n % 2 else reversed(order):
            found[side].append(sides[side]())
    return found


def rate(rounds: Sequence[Round], seconds: Callable[[Round], float]) -> float:
    """Drafts per second of the median round."""
    return median(one.drafts / seconds(one) for one in rounds)


def section_of(decided: Sequence[Round], stored: Sequence[Round], silver: Sequence[Round]) -> Section:
    """The table."""
    section = Section(
        "Draft invoices per second, beside django-silver",
        ["what", "ours, 1/s", "django-silver, 1/s", "ratio", "budget"],
        notes=[
            f"A flat price and 100 seats a month, the same bills on both sides; medians of {len(silver)} turns each.",
            "Decided: ours is the domain alone; silver's is its round less the time inside SQLite (its models decide",
            "while they load and save). Stored: ours is the worker's renewal, one transaction with subscription and",
            "the events, onto the emulator (HTTP, another process); silver's is row by row into SQLite in its memory.",
            "The clock compares the two stores above all, which favours silver; CPU time is the biller's alone.",
        ],
    )
    _add(section, "decided, without a store", decided, silver, lambda one: one.wall_s - one.store_s, BUDGET)
    _add(section, "stored, by CPU time of the billing process", stored, silver, lambda one: one.cpu_s, None)
    _add(section, "stored, on the clock", stored, silver, lambda one: one.wall_s, None)
    return section


def _add(
    section: Section,
    name: str,
    ours: Sequence[Round],
    silver: Sequence[Round],
    seconds: Callable[[Round], float],
    budget: float | None,
) -> None:
    ours_rate, silver_rate = rate(ours, seconds), rate(silver, seconds)
    ratio = ours_rate / silver_rate
    cells = [name, f"{ours_rate:,.0f}", f"{silver_rate:,.0f}", f"{ratio:.1f}", f"{budget:g}" if budget else "-"]
    figures = {"ours_per_s": ours_rate, "silver_per_s": silver_rate, "ratio": ratio}
    section.rows.append(Row(cells, verdict_at_least(ratio, budget), figures))


def measure() -> Section:
    """The whole table.

    Raises:
        NotThere: the peer cannot be run.
    """
    with peer() as silver, backend() as running:
        desk = Desk(running)
        silver.wait_until_ready()
        desk.decide()
        desk.store()  # caches fill
        print(f"    rounds of {DECIDED}, {STORED} and {CUSTOMERS} drafts", file=sys.stderr, flush=True)
        decided, stored, peers = interleaved([desk.decide, desk.store, silver.round])
    for rounds, drafts in ((decided, DECIDED), (stored, STORED), (peers, CUSTOMERS)):
        for one in rounds:
            one.require(drafts)
    return section_of(decided, stored, peers)


def main() -> None:
    """For ``benchmarks.run``: the table goes into a file; exit code 3 where there is nothing to measure."""
    end_in_order()
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    try:
        measure().save(parser.parse_args().out)
    except NotThere as reason:
        print(f"    not measured: {reason}", file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()
