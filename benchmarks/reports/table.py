"""A report, a journal and an export of 100,000 invoices: time, memory, what is asked of AWS, and what it costs.

python -m benchmarks.reports.table OUT [--invoices 100000]

The worker's own handler, in this process, over the emulator. The ledger has three entries for each invoice: issued,
paid, Stripe's fee. Time is this process's CPU time: the emulator's is not ours, and on AWS there is a wait for each
call instead, which is counted as 10 ms.
"""

import argparse
import json
import resource
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.backend import Backend, backend
from benchmarks.counting import Meter, Tally
from benchmarks.part import end_in_order, progress
from benchmarks.report import Row, Section, save_all, verdict
from benchmarks.shop import Refused, Shop
from benchmarks.usage.cost import GB_S_USD, READ_UNITS_USD, WRITE_UNITS_USD

INVOICES = 100_000
BORN = datetime(2026, 9, 1, tzinfo=UTC)
_CALL_S = 0.010
_WORKER_MB = 1769
"""As in template.yaml: one core."""
S3_PUT_USD, S3_GET_USD = 0.005 / 1000, 0.0004 / 1000
"""Source: aws.amazon.com/s3/pricing, S3 Standard, us-east-1."""
_BUDGET_MB = 400
"""The most memory, whatever there is to read: a quarter of the worker's."""
_BATCH = 25


@dataclass
class Measured:
    """What a run took.

    Args:
        cpu_s: of this process, without the emulator.
        grown_mb: by how much the most memory of this process grew meanwhile.
        s3: requests to S3 by name.
    """

    name: str
    records: int
    size: int
    turns: int
    cpu_s: float
    grown_mb: float
    tally: Tally
    s3: Counter[str]

    @property
    def billed_s(self) -> float:
        """What Lambda would bill: CPU, and a wait for each call."""
        return self.cpu_s + _CALL_S * (len(self.tally.dynamodb) + self.s3.total())

    @property
    def usd(self) -> float:
        """At list price."""
        puts = sum(count for name, count in self.s3.items() if name != "GetObject")
        units = self.tally.read_units * READ_UNITS_USD + self.tally.write_units * WRITE_UNITS_USD
        files = puts * S3_PUT_USD + self.s3["GetObject"] * S3_GET_USD
        return units + files + self.billed_s * _WORKER_MB / 1024 * GB_S_USD


def _entities(tenant_id: str, count: int) -> Iterator[Any]:
    """Invoices with their entries, a few seconds apart."""
    from billing.domain.kernel.ids import derived
    from billing.domain.kernel.money import Money
    from billing.domain.ledger import Account, LedgerEntry, Posting, Receivable, payment_received
    from tests.support.invoices import draft, finalized, line

    issued = finalized(draft([line(4_999, tax=1_000), line(2_500)]))
    (entry,) = issued.entries
    total, fee = issued.invoice.total, Money.from_minor(276, "USD")
    for n in range(count):
        at = BORN + timedelta(seconds=n * 20)
        invoice_id, payment_id = derived("in", at, str(n)), derived("pay", at, str(n))
        customer = f"cus_{n % 5000:05d}"
        yield replace(
            issued.invoice, id=invoice_id, tenant_id=tenant_id, customer_id=customer, number=f"ACME-{n:06d}",
            created_at=at, finalized_at=at,
        )  # fmt: skip
        yield replace(
            entry, id=derived("le", at, invoice_id), source_id=invoice_id, posted_at=at, tenant_id=tenant_id,
            invoice_id=invoice_id,
        )  # fmt: skip
        receivable = Receivable(customer, invoice_id, None)
        paid = payment_received(derived("le", at, payment_id), payment_id, receivable, total, at + timedelta(seconds=3))
        yield replace(paid, tenant_id=tenant_id)
        postings = Posting(Account.PROCESSING_FEES, fee), Posting(Account.CASH, -fee)
        fee_id = derived("le", at, payment_id, "fee")
        yield LedgerEntry(fee_id, "processing_fee", payment_id, at + timedelta(seconds=3), postings, tenant_id)


def _born(tenant_id: str) -> None:
    """Let the tenant be as old as its books: before that nothing of it is looked for."""
    from billing.bootstrap import storage
    from billing.storage.database import table_name
    from billing.storage.tables import TenantItem

    client, key = storage.database().client, {"tenant_id": {"S": tenant_id}, "item": {"S": "settings"}}
    item = client.get_item(TableName=table_name(TenantItem), Key=key)["Item"]
    body = json.loads(item["body"]["S"]) | {"created_at": f"{BORN:%Y-%m-%dT%H:%M:%SZ}"}
    client.put_item(TableName=table_name(TenantItem), Item=item | {"body": {"S": json.dumps(body)}})
    storage.tenants()._cached.clear()


def _seed(tenant_id: str, count: int) -> None:
    """Straight into the tables: 100,000 invoices by the API would take an hour."""
    from billing.bootstrap import storage
    from billing.storage.codec import encode
    from billing.storage.database import table_name
    from billing.storage.registry import REGISTRY

    client, vault = storage.database().client, storage.vault()
    made = _entities(tenant_id, count)
    while batch := list(islice(made, _BATCH)):
        requests: dict[str, list[Any]] = {}
        for each in batch:
            stored = REGISTRY[type(each)]
            found = {"tenant_id": tenant_id, "id": each.id, "body": encode(each, vault, tenant_id, each.id)}
            found |= stored.attributes(each, BORN)
            item = {name: {"S": value} for name, value in found.items()} | {"version": {"N": "1"}}
            requests.setdefault(table_name(stored.model), []).append({"PutRequest": {"Item": item}})
        client.batch_write_item(RequestItems=requests)


class Worker:
    """The report worker's handler, turn after turn."""

    def __init__(self, running: Backend) -> None:
        from billing.bootstrap import storage
        from billing.integrations.aws.clients import aws_client

        self._shop = Shop(running)
        self.tenant_id = self._shop.tenant_id
        self._meter = Meter(running.stripe_url)
        self._meter.attach(storage.database().client)
        self._s3: Counter[str] = Counter()
        aws_client("s3").meta.events.register("before-send.s3", self._sent)

    def _sent(self, event_name: str, **_: Any) -> None:
        self._s3[event_name.rpartition(".")[2]] += 1

    def run(self, name: str, run_id: str, path: str) -> Measured:
        """Work a run to its end.

        Raises:
            Refused: it failed.
        """
        from billing.domain.reports.run import report_shard
        from functions.report_worker import handler

        body = json.dumps({"shard": report_shard(run_id)})
        record = {"messageId": "m", "eventSource": "aws:sqs", "body": body, "attributes": {"MessageGroupId": "g"}}
        self._s3.clear()
        turns, cpu, most = 0, time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with self._meter.open() as tally:
            while (found := self._look(path))["state"] in ("queued", "running"):
                turns += 1
                handler.lambda_handler({"Records": [record]}, _Context())
        if found["state"] != "done":
            raise Refused(f"{name}: {found}")
        cpu = time.process_time() - cpu
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most) / 1024
        progress(f"{name}: {found['records']} records, {found['bytes']} bytes, {cpu:.1f} s of CPU, {turns} turns")
        return Measured(name, found["records"], found["bytes"], turns, cpu, grown, tally, Counter(self._s3))

    def _look(self, path: str) -> Any:
        return self._shop.call("reports", "GET", path)

    def report(self, name: str, path: str) -> Measured:
        """A report that a request begins."""
        found = self._look(path)
        return self.run(name, found["id"], f"/v1/report-runs/{found['id']}")

    def export(self, kind: str, form: str) -> Measured:
        """An export."""
        found = self._shop.call("reports", "POST", "/v1/exports", {"kind": kind, "format": form})
        return self.run(f"export of {kind}, {form}", found["id"], f"/v1/exports/{found['id']}")


class _Context:
    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def measure(invoices: int) -> list[Section]:
    """The table."""
    with backend() as running:
        worker = Worker(running)
        _born(worker.tenant_id)
        progress(f"{invoices} invoices and {3 * invoices} entries")
        _seed(worker.tenant_id, invoices)
        made = [
            worker.report("trial balance, nothing kept", "/v1/reports/trial-balance"),
            worker.report("the journal", "/v1/ledger/entries.csv"),
            worker.export("invoices", "csv"),
            worker.export("invoices", "jsonl"),
        ]
    return [table(invoices, made)]


def table(invoices: int, made: list[Measured]) -> Section:
    """The figures."""
    section = Section(
        f"{invoices:,} invoices, {3 * invoices:,} ledger entries".replace(",", " "),
        [
            "run",
            "records",
            "MB",
            "CPU s",
            "billed s",
            "memory grown MB",
            "DynamoDB calls",
            "read units",
            "S3 requests",
            "USD",
        ],
        notes=[
            "Billed: CPU time of this machine, and 10 ms for each call. At list prices of us-east-1: on-demand units,",
            f"S3 requests, {_WORKER_MB} MB of Lambda. The budget is of memory: {_BUDGET_MB} MB, whatever there is.",
        ],
    )
    for each in made:
        cells = [
            each.name, f"{each.records}", f"{each.size / 1e6:.1f}", f"{each.cpu_s:.1f}", f"{each.billed_s:.1f}",
            f"{each.grown_mb:.0f}", f"{len(each.tally.dynamodb)}", f"{each.tally.read_units:.0f}", f"{each.s3.total()}",
            f"{each.usd:.4f}",
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
