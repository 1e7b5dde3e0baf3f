"""A report, a journal and an export of 100,000 invoices: time, memory, what is asked of AWS, and what it costs.

python -m benchmarks.reports.table OUT [--invoices 100000]

The steps are the worker's own, over its own journal, store and codec; DynamoDB and S3 are stood in for by what makes
each page when it is asked for, and forgets each part when it is sent, so that what grows is the worker. The emulator
goes through a whole table for each page, and would be all that is measured. The ledger has three entries for each
invoice: issued, paid, Stripe's fee.
"""

import argparse
import resource
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.counting import item_bytes, read_units_of
from benchmarks.part import end_in_order, progress
from benchmarks.report import Row, Section, save_all, verdict
from benchmarks.usage.cost import GB_S_USD, READ_UNITS_USD, VCPU_MB
from billing.domain.kernel.due import Due
from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import Money
from billing.domain.kernel.times import sort_key
from billing.domain.ledger import Account, LedgerEntry, Posting, Receivable, payment_received
from billing.domain.reports.run import Form, Purpose, ReportRun, RunRequest, RunState
from billing.schemas.exports.kinds import KINDS
from billing.schemas.reports.writers import WRITERS
from billing.services.reports.exporting import EntityExports
from billing.services.reports.ledger import JournalExport
from billing.services.reports.running import RunSteps
from billing.services.reports.trial_balance import TrialBalanceReport
from billing.storage.codec import encode
from billing.storage.database import Database
from billing.storage.journal import DynamoJournal, posted_attributes
from billing.storage.store import Store
from tests.support.invoices import draft, finalized, line
from tests.support.journals import MemoryFiles

INVOICES = 100_000
TENANT = "ten_1"
BORN = datetime(2026, 1, 1, tzinfo=UTC)
_PAGE_BYTES = 1024 * 1024
_CALL_S = 0.010
"""What a call takes within a Region, about: a page of 1 MB, a part of 8 MB."""
S3_PUT_USD, S3_GET_USD = 0.005 / 1000, 0.0004 / 1000
"""Source: aws.amazon.com/s3/pricing, S3 Standard, us-east-1."""
_BUDGET_MB = 200
"""The most memory, whatever there is to read; the worker has 1,769 MB."""


class Plain:
    """Seals nothing: what a data key seals is opened in microseconds, and there is no KMS here."""

    def seal(self, tenant_id: str, place: str, text: str, data_keys: Sequence[str] | None = None) -> str:
        return text

    def open(self, tenant_id: str, place: str, sealed: str, data_keys: Sequence[str] | None = None) -> str:
        return sealed

    def blind(self, tenant_id: str, text: str, data_keys: Sequence[str] | None = None) -> str:
        return text

    def blinds(self, tenant_id: str, text: str, data_keys: Sequence[str] | None = None) -> tuple[str, ...]:
        return (text,)


class Tables:
    """DynamoDB's Query, over items that are made when they are asked for.

    Args:
        made_s: CPU time of making them, which is none of the worker's.
    """

    def __init__(self, invoices: int) -> None:
        self.invoices = invoices
        self.calls = 0
        self.units = 0.0
        self.made_s = 0.0
        self._bodies = {
            kind: encode(each, Plain(), TENANT, "ID") for kind, each in _samples().items()
        }  # fmt: skip
        self._places: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
        for n in range(invoices):
            for kind, at in ((0, _at(n)), (1, _at(n) + timedelta(seconds=3)), (2, _at(n) + timedelta(seconds=3))):
                entry = replace(_samples_cached[f"entry{kind}"], id=_entry_id(n, kind), posted_at=at, tenant_id=TENANT)
                found = posted_attributes(entry)
                self._places[found["posted_key"]].append((found["posted"], f"entry{kind}", n))
        for each in self._places.values():
            each.sort()

    def query(self, **asked: Any) -> dict[str, Any]:
        """A page of 1 MB, or of as many as are asked for."""
        began = time.process_time()
        values = {name: value["S"] for name, value in asked["ExpressionAttributeValues"].items()}
        page = self._posted(asked, values) if asked.get("IndexName") == "by_posted" else self._newest(asked, values)
        self.calls += 1
        size = sum(map(item_bytes, page["Items"]))
        self.units += read_units_of(size) / (1 if asked.get("ConsistentRead") else 2)
        page |= {"Count": len(page["Items"]), "ScannedCount": len(page["Items"])}
        self.made_s += time.process_time() - began
        return page

    def _posted(self, asked: Any, values: dict[str, str]) -> dict[str, Any]:
        places = self._places.get(values[":key"], [])
        first = asked["ExclusiveStartKey"]["posted"]["S"] + "!" if "ExclusiveStartKey" in asked else values[":begin"]
        items: list[Any] = []
        size = 0
        for n in range(bisect_left(places, (first, "", 0)), len(places)):
            posted, kind, invoice = places[n]
            if posted > values[":end"]:
                break
            items.append(self._item(kind, invoice) | {"posted": {"S": posted}})
            size += item_bytes(items[-1])
            if size > _PAGE_BYTES:
                return {"Items": items, "LastEvaluatedKey": {"posted": {"S": posted}}}
        return {"Items": items}

    def _newest(self, asked: Any, values: dict[str, str]) -> dict[str, Any]:
        n = self.invoices - 1
        if ":after" in values:
            n = self._number(values[":after"]) - 1
        items: list[Any] = []
        size = 0
        while n >= 0:
            items.append(self._item("invoice", n))
            size += item_bytes(items[-1])
            if len(items) == asked["Limit"] or size > _PAGE_BYTES:
                return {"Items": items, "LastEvaluatedKey": {"id": items[-1]["id"]}}
            n -= 1
        return {"Items": items}

    def _number(self, invoice_id: str) -> int:
        low, high = 0, self.invoices
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if _invoice_id(middle) < invoice_id else (low, middle)
        return low

    def _item(self, kind: str, n: int) -> dict[str, Any]:
        item_id = _invoice_id(n) if kind == "invoice" else _entry_id(n, int(kind[-1]))
        at = _at(n) if kind in ("invoice", "entry0") else _at(n) + timedelta(seconds=3)
        body = self._bodies[kind].replace("2027-01-31T09:00:00Z", sort_key(at)).replace('"ID"', f'"{item_id}"')
        return {"tenant_id": {"S": TENANT}, "id": {"S": item_id}, "body": {"S": body}, "version": {"N": "1"}}


def _at(n: int) -> datetime:
    """Invoices are spread over the year's first eleven months."""
    return BORN + timedelta(seconds=n * (330 * 86400 // INVOICES))


def _invoice_id(n: int) -> str:
    return derived("in", _at(n), str(n))


def _entry_id(n: int, kind: int) -> str:
    return derived("le", _at(n), str(n), str(kind))


def _samples() -> dict[str, Any]:
    issued = finalized(draft([line(4_999, tax=1_000), line(2_500)]))
    at, fee, total = issued.entries[0].posted_at, Money.from_minor(276, "USD"), issued.invoice.total
    _samples_cached.update(
        invoice=replace(issued.invoice, id="ID", tenant_id=TENANT),
        entry0=replace(issued.entries[0], id="ID", tenant_id=TENANT),
        entry1=replace(payment_received("ID", "pay_1", Receivable("cus_1", "in_1", None), total, at), tenant_id=TENANT),
        entry2=LedgerEntry(
            "ID", "processing_fee", "pay_1", at,
            (Posting(Account.PROCESSING_FEES, fee), Posting(Account.CASH, -fee)), TENANT,
        ),
    )  # fmt: skip
    return _samples_cached


_samples_cached: dict[str, Any] = {}


@dataclass
class Sent(MemoryFiles):
    """S3, which forgets what it was sent, and counts."""

    calls: Counter[str] = field(default_factory=Counter)
    size: int = 0

    def part(self, key: str, upload_id: str, number: int, content: bytes) -> str:
        self.calls["put"] += 1
        self.size += len(content)
        return super().part(key, upload_id, number, b"")

    def put(self, key: str, content: bytes, content_type: str) -> None:
        self.calls["put"] += 1
        super().put(key, content, content_type)

    def get(self, key: str) -> bytes | None:
        self.calls["get"] += 1
        return super().get(key)

    def latest(self, prefix: str, below: str) -> str | None:
        self.calls["put"] += 1  # a list costs as much as a put
        return super().latest(prefix, below)


class _Stopwatch(Database):
    """The product's database over other tables."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(region="us-east-1", pause=lambda _: None)
        self._tables = tables

    @property
    def client(self) -> Any:
        return self._tables


@dataclass
class Measured:
    """What a run took; ``cpu_s`` is the steps' own."""

    name: str
    run: ReportRun
    steps: int
    cpu_s: float
    grown_mb: float
    tables: Tables
    files: Sent

    @property
    def billed_s(self) -> float:
        """What Lambda would bill: CPU, a wait for each call, and two commits a step."""
        return self.cpu_s + _CALL_S * (self.tables.calls + self.files.calls.total() + 4 * self.steps)

    @property
    def usd(self) -> float:
        """At list price."""
        files = self.files.calls["put"] * S3_PUT_USD + self.files.calls["get"] * S3_GET_USD
        return self.tables.units * READ_UNITS_USD + files + self.billed_s * VCPU_MB / 1024 * GB_S_USD


def _run(name: str, tables: Tables, request: RunRequest, files: Sent) -> Measured:
    """All steps of a run."""
    tables.calls, tables.units, tables.made_s = 0, 0.0, 0.0
    files.calls.clear()
    database, now = _Stopwatch(tables), request.at
    store = Store(database, Plain())
    tenant = SimpleNamespace(id=TENANT, created_at=BORN, timezone="UTC")

    def begin(_: str) -> Any:
        return SimpleNamespace(tenant=tenant, now=now, query=lambda asked: store.query(asked, TENANT))

    reports: Any = {each.name: each for each in (TrialBalanceReport(), JournalExport())}
    units: Any = SimpleNamespace(begin=begin)
    exports = EntityExports({"invoices": KINDS["invoices"]})
    none: Any = SimpleNamespace()  # no run here is an import, or printed
    journal = DynamoJournal(database, Plain())
    steps = RunSteps(units, journal, files, reports, exports, WRITERS, none, none, lambda: 800.0)
    run = ReportRun(f"rrn_{name.replace(' ', '')}", TENANT, request, now, due=Due("r00", now))
    most, cpu = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    count = 0
    while run.state is not RunState.DONE:
        run = steps._step(run, begin(""))
        count += 1
    cpu = time.process_time() - cpu - tables.made_s
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most) / 1024
    progress(f"{name}: {run.written.records} records, {run.written.size} bytes, {cpu:.1f} s of CPU, {count} steps")
    shown = SimpleNamespace(calls=tables.calls, units=tables.units)
    return Measured(name, run, count, cpu, grown, shown, replace(files, calls=Counter(files.calls)))  # type: ignore[arg-type]


def measure(invoices: int) -> list[Section]:
    """The table."""
    progress(f"{invoices} invoices and {3 * invoices} entries")
    tables, files = Tables(invoices), Sent()
    at = BORN + timedelta(days=360)

    def asked(purpose: Purpose, name: str, form: Form) -> RunRequest:
        return RunRequest(purpose, name, form, at, "UTC")

    report, export = Purpose.REPORT, Purpose.EXPORT
    balance = asked(report, "trial-balance", Form.CSV)
    return [
        table(
            invoices,
            [
                _run("trial balance, nothing kept", tables, balance, files),
                _run("trial balance, months kept", tables, balance, files),
                _run("the journal", tables, asked(report, "ledger-entries", Form.CSV), files),
                _run("export of invoices, CSV", tables, asked(export, "invoices", Form.CSV), files),
                _run("export of invoices, JSON lines", tables, asked(export, "invoices", Form.JSONL), files),
            ],
        )
    ]


def table(invoices: int, made: list[Measured]) -> Section:
    """The figures."""
    section = Section(
        f"{invoices:,} invoices, {3 * invoices:,} ledger entries".replace(",", " "),
        ["run", "records", "MB", "CPU s", "billed s", "memory +MB", "queries", "read units", "S3 calls", "USD"],
        notes=[
            "Billed: CPU time of this machine, and 10 ms for each call. At list prices of us-east-1: on-demand units,",
            f"S3 requests, {VCPU_MB} MB of Lambda. The budget is of memory: {_BUDGET_MB} MB, whatever there is.",
        ],
    )
    for each in made:
        cells = [
            each.name, f"{each.run.written.records}", f"{each.run.written.size / 1e6:.1f}", f"{each.cpu_s:.1f}",
            f"{each.billed_s:.1f}", f"{each.grown_mb:.0f}", f"{each.tables.calls}", f"{each.tables.units:.0f}",
            f"{each.files.calls.total()}", f"{each.usd:.4f}",
        ]  # fmt: skip
        figures = {"cpu_s": each.cpu_s, "grown_mb": each.grown_mb, "usd": each.usd}
        section.rows.append(Row(cells, verdict(each.grown_mb, _BUDGET_MB), figures))
    return section


def main() -> None:
    """Measure, and put the table into the file that the command line names."""
    end_in_order()
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--invoices", type=int, default=INVOICES)
    asked = parser.parse_args()
    save_all(measure(asked.invoices), asked.out)


if __name__ == "__main__":
    main()
