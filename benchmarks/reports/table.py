"""Reports, the journal and exports of 100,000 invoices: time, memory, what is asked of AWS, and what it costs.

python -m benchmarks.reports.table OUT [--invoices 100000] [--runs aging revenue]

The steps are the worker's own, over its own journal, store and codec; DynamoDB and S3 are stood in for (``tables``), so
that what grows is the worker. The emulator goes through a whole table for each page, and would be all that is measured.
Each line of the table is a process of its own: its memory is its own, too.
"""

import argparse
import multiprocessing
import resource
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from benchmarks.part import end_in_order, progress
from benchmarks.prices import GB_SECOND, READ, S3_GET_USD, S3_PUT_USD, VCPU_MB
from benchmarks.report import Row, Section, save_all, verdict
from benchmarks.reports.tables import BORN, TENANT, Sent, Stopwatch, Tables
from billing.bootstrap.reports import all_reports
from billing.domain.kernel.due import Due
from billing.domain.reports.run import Form, Purpose, ReportRun, RunRequest, RunState
from billing.schemas.exports.kinds import KINDS
from billing.schemas.reports.writers import WRITERS
from billing.services.reports.exporting import EntityExports
from billing.services.reports.running import RunSteps
from billing.storage.journal import DynamoJournal, StoredTexts
from billing.storage.store import Store
from tests.support.sealing import Plain

INVOICES = 100_000
_CALL_S = 0.010
"""What a call takes within a Region, about: a page of 1 MB, a part of 8 MB."""
_BUDGET_MB = 400
"""The most memory of the process, whatever there is to read; the worker has 1,769 MB."""
_AT = BORN + timedelta(days=360)
_YEAR = date(2026, 1, 1), date(2026, 12, 1)
_OF_ALL = ("trial-balance", "aging", "ledger-entries")


def _report(name: str, form: Form = Form.CSV, **options: str) -> RunRequest:
    first, until = (None, None) if name in _OF_ALL else _YEAR
    return RunRequest(Purpose.REPORT, name, form, _AT, "UTC", first, until, options=options)


def _export(form: Form) -> RunRequest:
    return RunRequest(Purpose.EXPORT, "invoices", form, _AT, "UTC")


RUNS: dict[str, tuple[RunRequest, int]] = {
    "trial balance, nothing kept": (_report("trial-balance"), 1),
    "trial balance, months kept": (_report("trial-balance"), 2),
    "the journal, CSV": (_report("ledger-entries"), 1),
    "aging by customer": (_report("aging", day="2026-12-26", rows="customers"), 1),
    "revenue": (_report("revenue", per="month"), 1),
    "revenue by customer": (_report("revenue", per="month", by="customer"), 1),
    "recognition": (_report("recognition", rows="months"), 1),
    "recognition, months kept": (_report("recognition", rows="months"), 2),
    "recognition by customer": (_report("recognition", rows="months", by="customer"), 1),
    "tax": (_report("tax"), 1),
    "usage": (_report("usage"), 1),
    "MRR": (_report("mrr", interval="month"), 1),
    "retention": (_report("retention", over="month"), 1),
    "payouts": (_report("payouts", rows="payouts"), 1),
    "export of invoices, CSV": (_export(Form.CSV), 1),
    "export of invoices, JSON lines": (_export(Form.JSONL), 1),
}
"""What is run, and how often in a row: the last time is measured."""


@dataclass
class Measured:
    """What a run took.

    Args:
        cpu_s: of the steps.
        longest_s: of the longest of them.
        peak_mb: the most memory of the process.
    """

    name: str
    run: ReportRun
    steps: int
    cpu_s: float
    longest_s: float
    peak_mb: float
    queries: int
    units: float
    puts: int
    gets: int

    @property
    def billed_s(self) -> float:
        """What Lambda would bill: CPU, a wait for each call, and two commits a step."""
        return self.cpu_s + _CALL_S * (self.queries + self.puts + self.gets + 4 * self.steps)

    @property
    def usd(self) -> float:
        """At list price."""
        files = self.puts * S3_PUT_USD + self.gets * S3_GET_USD
        return self.units * READ.usd + files + self.billed_s * VCPU_MB / 1024 * GB_SECOND.usd


def run_once(name: str, invoices: int) -> Measured:
    """All steps of a run, as often as it is to be made."""
    request, times = RUNS[name]
    with TemporaryDirectory(prefix="ledgerline-reports-") as folder:
        tables, files = Tables(invoices), Sent(folder=Path(folder))
        for _ in range(times - 1):
            _all_steps(name, tables, request, files)
        return _all_steps(name, tables, request, files)


def _all_steps(name: str, tables: Tables, request: RunRequest, files: Sent) -> Measured:
    tables.calls, tables.units, tables.made_s = 0, 0.0, 0.0
    files.calls.clear()
    steps, begin = _steps(tables, files, request)
    run = ReportRun(f"rrn_{len(files.objects)}", TENANT, request, request.at, due=Due("r00", request.at))
    cpu, count, longest = time.process_time(), 0, 0.0
    while run.state is not RunState.DONE:
        began, made = time.process_time(), tables.made_s
        run = steps._step(run.begun(), begin(""))
        longest = max(longest, time.process_time() - began - (tables.made_s - made))
        count += 1
        if run.reason:
            raise RuntimeError(f"{name}: {run.reason}")
    cpu = time.process_time() - cpu - tables.made_s
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    progress(f"{name}: {run.written.records} records, {run.written.rows} rows, {cpu:.1f} s of CPU, {count} steps")
    return Measured(
        name, run, count, cpu, longest, peak, tables.calls, tables.units, files.calls["put"], files.calls["get"]
    )


def _steps(tables: Tables, files: Sent, request: RunRequest) -> tuple[RunSteps, Any]:
    database = Stopwatch(tables)
    store = Store(database, Plain())
    tenant = SimpleNamespace(id=TENANT, created_at=BORN, timezone="UTC")

    def begin(_: str) -> Any:
        return SimpleNamespace(
            tenant=tenant, now=request.at, query=lambda asked: store.query(asked, TENANT),
            load=lambda *refs: store.load(refs, {})[0],
        )  # fmt: skip

    units: Any = SimpleNamespace(begin=begin)
    exports = EntityExports({"invoices": KINDS["invoices"]})
    none: Any = SimpleNamespace()  # no run here is an import, or printed
    journal = DynamoJournal(database, Plain())
    steps = RunSteps(
        units, journal, files, all_reports(), exports, WRITERS, none, none, StoredTexts(Plain()), lambda: 800.0
    )
    return steps, begin


def measure(invoices: int, names: list[str]) -> list[Section]:
    """The table."""
    progress(f"{invoices} invoices and {3 * invoices} entries")
    made = []
    for name in names:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            made.append(pool.apply(run_once, (name, invoices)))
    return [table(invoices, made)]


def table(invoices: int, made: list[Measured]) -> Section:
    """The figures."""
    section = Section(
        f"{invoices:,} invoices, {3 * invoices:,} ledger entries".replace(",", " "),
        [
            "run",
            "records",
            "rows",
            "MB",
            "CPU s",
            "longest step",
            "billed s",
            "peak MB",
            "read units",
            "S3 calls",
            "USD",
        ],
        notes=[
            "Billed: CPU time of this machine, and 10 ms for each call. At list prices of us-east-1: on-demand units,",
            f"S3 requests, {VCPU_MB} MB of Lambda. The budget is of memory: {_BUDGET_MB} MB, whatever there is.",
        ],
    )
    for each in made:
        written = each.run.written
        cells = [
            each.name, f"{written.records}", f"{written.rows}", f"{written.size / 1e6:.1f}", f"{each.cpu_s:.1f}",
            f"{each.longest_s:.1f}", f"{each.billed_s:.1f}", f"{each.peak_mb:.0f}", f"{each.units:.0f}",
            f"{each.puts + each.gets}", f"{each.usd:.4f}",
        ]  # fmt: skip
        figures = {"cpu_s": each.cpu_s, "peak_mb": each.peak_mb, "usd": each.usd}
        section.rows.append(Row(cells, verdict(each.peak_mb, _BUDGET_MB), figures))
    return section


def main() -> None:
    """Measure, and put the table into the file that the command line names."""
    end_in_order()
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--invoices", type=int, default=INVOICES)
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS))
    asked = parser.parse_args()
    save_all(measure(asked.invoices, asked.runs), asked.out)


if __name__ == "__main__":
    main()
