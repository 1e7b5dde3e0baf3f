"""Printed invoices: import, first and later documents, five hundred lines, memory; each in a fresh interpreter.

``python -m benchmarks.documents.table OUT --beside PATH`` measures the ``layers/shared`` of another checkout in the
same rounds, as the renderer before Typst was (docs/decisions/0030-documents-by-typst.md).
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks import ROOT
from benchmarks.report import Row, Section, verdict

BUDGET_BIG_MS = 1_000.0
BUDGET_MB = 512.0
ROUNDS = 5
_ONE_S = 60.0
_BIG = 500
Figures = dict[str, float]


def once(shared: Path, lines: int) -> Figures:
    """The figures of one process whose first invoice has so many lines.

    Raises:
        RuntimeError: it failed.
    """
    command = [sys.executable, "-m", "benchmarks.documents.one", str(lines), str(shared.resolve())]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=_ONE_S)
    if done.returncode:
        raise RuntimeError(f"{shared}: {done.stderr.strip().splitlines()[-1]}")
    figures: Figures = json.loads(done.stdout)
    return figures


def measure(beside: Path | None) -> Section:
    """The whole table."""
    section = Section(
        "Printed invoices, fresh interpreter",
        [
            *(
                "renderer",
                "import, ms",
                "first, ms",
                "later, ms",
                "500 lines first, ms",
                "on the clock",
                "500 later, ms",
            ),
            *("budget", "KB", "MB"),
        ],
    )
    sides = {"ours": ROOT / "layers" / "shared"} | ({"beside": beside} if beside else {})
    runs: dict[tuple[str, int], list[Figures]] = {(name, lines): [] for name in sides for lines in (3, _BIG)}
    for n in range(ROUNDS):
        print(f"    round {n + 1} of {ROUNDS}", file=sys.stderr, flush=True)
        for name, lines in runs if n % 2 else reversed(runs):
            runs[name, lines].append(once(sides[name], lines))
    section.rows = [_row(name, runs) for name in sides]
    section.notes = [
        f"CPU time, medians of {ROUNDS} interleaved rounds; the memory is the most of any. KB: three lines, and 500.",
        "First: three lines, in a process that has rendered nothing. Later: ten more of them.",
        f"Budget: 500 lines in a fresh process below {BUDGET_BIG_MS:.0f} ms, and {BUDGET_MB:.0f} MB.",
    ]
    return section


def _row(name: str, runs: dict[tuple[str, int], list[Figures]]) -> Row:
    small, big = runs[name, 3], runs[name, _BIG]
    figures = {key: median(run[key] for run in small) for key in small[0]}
    figures["big_first_ms"] = median(run["first_ms"] for run in big)
    figures["big_wall_ms"] = median(run["first_wall_ms"] for run in big)
    figures["rss_mb"] = max(run["rss_mb"] for run in (*small, *big))
    shown = ["import_ms", "first_ms", "later_ms", "big_first_ms", "big_wall_ms", "big_ms"]
    sizes = f"{figures['small_bytes'] / 1024:.0f} / {figures['big_bytes'] / 1024:.0f}"
    cells = [name, *(f"{figures[key]:.0f}" for key in shown), f"{BUDGET_BIG_MS:.0f}", sizes, f"{figures['rss_mb']:.0f}"]
    worst = max(figures["big_first_ms"] / BUDGET_BIG_MS, figures["rss_mb"] / BUDGET_MB)
    return Row(cells, verdict(worst, 1.0), figures)


def main() -> None:
    """For ``benchmarks.run``: the table goes into a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--beside", type=Path, help="layers/shared of another checkout")
    options = parser.parse_args()
    section = measure(options.beside)
    section.save(options.out)
    for row in section.rows:
        print("    " + " | ".join(row.cells), file=sys.stderr)


if __name__ == "__main__":
    main()
