"""``make bench``: what the product costs, each figure beside its budget or its peer. See README.md in this folder.

python -m benchmarks.run [--only calls usage access webhooks hostile retries reports recognition cpu imports documents
    drafts scaling sweep p95] [--due 1000 10000] [--one-tenant] [--invoices 100000] [--strict]
"""

import argparse
import json
import platform
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks import ROOT
from benchmarks.part import end_in_order
from benchmarks.report import Section, load_all

_PARTS = {
    "calls": ("benchmarks.calls.table", 240, "DynamoDB and Stripe calls, in process, over an emulator of their own"),
    "usage": ("benchmarks.usage.table", 300, "usage events through handler, queue and worker, beside the raw client"),
    "access": ("benchmarks.access.table", 240, "access tokens: round trips, CPU time of verifying, tokens per second"),
    "webhooks": ("benchmarks.webhooks.table", 180, "webhooks: deliveries a second, commit to arrival, cost a million"),
    "hostile": ("benchmarks.webhooks.hostile", 240, "webhooks: a healthy endpoint beside endpoints that hang"),
    "retries": ("benchmarks.webhooks.retries", 120, "50,000 webhook retries that are due in one minute"),
    "reports": (
        "benchmarks.reports.table",
        1500,
        "reports, a journal and exports of 100,000 invoices, or so many",
    ),
    "cpu": ("benchmarks.cpu.table", 120, "handler CPU beside FastAPI + Mangum"),
    "imports": ("benchmarks.imports.table", 180, "import times beside FastAPI + Mangum"),
    "documents": ("benchmarks.documents.table", 180, "printed invoices: import, first, later, 500 lines, memory"),
    "recognition": ("benchmarks.recognition.table", 300, "recognised and deferred revenue of a million invoice lines"),
    "drafts": ("benchmarks.drafts.table", 120, "draft invoices beside django-silver"),
    "scaling": ("benchmarks.sweep.scaling", 1800, "the sweep of one tenant, over a far database"),
    "sweep": ("benchmarks.sweep.table", 300, "the sweep, with workers killed"),
    "p95": ("benchmarks.latency.table", 900, "p50 and p95 of a local stack of its own, over HTTP"),
}
_SWEEP_EACH_S = 0.2
"""So much longer the sweep may take for each subscription that is due; an idle machine takes a tenth of it."""
_STOP_S = 30
_NOTHING_TO_MEASURE = 3
_WITHOUT = {
    "drafts": "draft invoices beside django-silver: it cannot be run on this machine, the reason stands above.",
    "p95": "p95 of a local stack: none could be started, the reason stands above.",
}
SWEEP_SIZES = (1_000, 10_000)
REPORT_INVOICES = 100_000
_REPORTS_EACH_S = 0.02
"""Sixteen runs, each of which reads an invoice and its three entries, and makes them beforehand."""
RESULTS = ROOT / ".local" / "bench.json"


def run_part(name: str, out: Path, options: argparse.Namespace) -> tuple[list[Section], int]:
    """One part in a process of its own, so that none of them sees what another has loaded; its exit code, too."""
    module, at_most_s, _ = _PARTS[name]
    command = [sys.executable, "-m", module, str(out)]
    if name == "sweep":
        command += ["--due", *map(str, options.due), *(["--one-tenant"] if options.one_tenant else [])]
        at_most_s += int(sum(options.due) * _SWEEP_EACH_S)
    if name == "reports":
        command += ["--invoices", str(options.invoices)]
        at_most_s += int(options.invoices * _REPORTS_EACH_S)
    child = subprocess.Popen(command, cwd=ROOT)
    try:
        code = child.wait(at_most_s)
    except subprocess.TimeoutExpired:
        print(f"    stopped: it took more than {at_most_s} s", file=sys.stderr)
        code = 1
    finally:
        _stop(child)
    return (load_all(out) if code == 0 else []), code


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End a part that is still going, and let it stop what it had started."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def save(parts: dict[str, list[Section]], path: Path) -> None:
    """The figures, for a comparison with an earlier run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    tables = {name: [asdict(section) for section in sections] for name, sections in parts.items()}
    path.write_text(json.dumps({"at": time.strftime("%FT%TZ", time.gmtime()), **machine, "tables": tables}, indent=2))


def main() -> int:
    """Measure, print, and say what is over its budget."""
    end_in_order()
    parser = argparse.ArgumentParser(description="What the product costs, beside its budgets and its peers.")
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=list(_PARTS), help="some of the tables")
    parser.add_argument("--due", type=int, nargs="+", default=SWEEP_SIZES, help="sizes of the sweep")
    parser.add_argument("--one-tenant", action="store_true", help="the sweep's subscriptions are one tenant's")
    parser.add_argument("--invoices", type=int, default=REPORT_INVOICES, help="invoices of the reports")
    parser.add_argument("--strict", action="store_true", help="exit 1 when something is over its budget")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 160)
    parts: dict[str, list[Section]] = {}
    failed: list[str] = []
    absent: list[str] = []
    with TemporaryDirectory(prefix="ledgerline-bench-") as folder:
        for name in options.only:
            print(f"  {_PARTS[name][2]}", file=sys.stderr, flush=True)
            sections, code = run_part(name, Path(folder) / f"{name}.json", options)
            if sections:
                parts[name] = sections
            else:
                (absent if code == _NOTHING_TO_MEASURE else failed).append(name)
    console.print()
    shown = [section for sections in parts.values() for section in sections]
    for section in shown:
        section.show(console)
    for name in absent:
        console.print(f"{_WITHOUT[name]}\n", highlight=False)
    save(parts, RESULTS)
    over = [f"{section.title}: {row.cells[0]}" for section in shown for row in section.over()]
    console.print(f"figures: {RESULTS.relative_to(ROOT)}; over budget: {len(over)}", highlight=False)
    for line in over:
        console.print(f"  over: {line}", highlight=False, markup=False)
    for name in failed:
        console.print(f"  not measured, it failed: {name}", style="red")
    return 1 if failed or (over and options.strict) else 0


if __name__ == "__main__":
    sys.exit(main())
