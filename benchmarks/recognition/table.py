"""Recognised and deferred revenue of 100,000 and of a million invoice lines; each case in a fresh interpreter."""

import json
import subprocess
import sys

from benchmarks import ROOT
from benchmarks.part import progress, save_measured
from benchmarks.report import Row, Section, verdict

CASES = ((100_000, 1), (100_000, 12), (1_000_000, 1))
"""How many lines, and for how many months each is."""
BUDGET_S = 0.1
"""For a thousand lines: a million takes no more than a ninth of a worker's 900 s, beside reading them."""
BUDGET_MB = 512.0
_AT_MOST_S = 240.0
Figures = dict[str, float]


def once(lines: int, months: int) -> Figures:
    """The figures of one case.

    Raises:
        RuntimeError: it failed, or what it recognised and deferred is not what was billed.
    """
    command = [sys.executable, "-m", "benchmarks.recognition.one", str(lines), str(months)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=_AT_MOST_S)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    figures: Figures = json.loads(done.stdout)
    return figures


def row(lines: int, months: int, figures: Figures) -> Row:
    """A case beside its budget."""
    allowed_s = BUDGET_S * lines / 1_000
    cells = [
        f"{lines:,} lines of {months} month{'s' if months > 1 else ''}",
        f"{figures['report_s']:.1f}",
        f"{allowed_s:.0f}",
        f"{figures['open']:,.0f}",
        f"{figures['kept_mb']:.1f}",
        f"{figures['keep_s']:.2f}",
        f"{figures['rss_mb']:.0f}",
        f"{BUDGET_MB:.0f}",
    ]
    worst = max(figures["report_s"] / allowed_s, figures["rss_mb"] / BUDGET_MB)
    return Row(cells, verdict(worst, 1.0), figures)


def measure() -> list[Section]:
    """The whole table."""
    columns = ["a year of", "s", "budget", "lines that run", "kept, MB", "kept and read, s", "MB", "budget"]
    section = Section("Recognised and deferred revenue, fresh interpreter", columns)
    for lines, months in CASES:
        progress(f"{lines:,} lines of {months} months")
        section.rows.append(row(lines, months, once(lines, months)))
    section.notes = [
        "CPU time of folding the invoices and of twelve months of figures by plan, without making or reading them.",
        "Kept: the state at the year's end as JSON. MB: the most that the process had, the kept state twice in it.",
    ]
    return [section]


if __name__ == "__main__":
    save_measured(measure)
