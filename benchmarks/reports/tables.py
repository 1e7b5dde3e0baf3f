"""What stands for DynamoDB and S3 in the table of reports: it makes each item when it is asked for, and keeps none.

A shop's year: each invoice has two lines, one of a plan for a year from then on, so that it runs, and one of usage; it
is paid but for a cent, so that it is open; a quarter as many customers as invoices; a movement of MRR for each invoice.
The ledger has three entries for each invoice: issued, paid, Stripe's fee; of every thousandth, the payout to the bank.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from benchmarks.counting import item_bytes, read_units_of
from billing.domain.kernel.money import Money
from billing.domain.kernel.periods import Period
from billing.domain.kernel.times import parse_time, sort_key
from billing.domain.ledger import Account, LedgerEntry, Posting, Receivable, payment_received
from billing.domain.lines.line import BilledUsage
from billing.domain.reports.span import Month
from billing.domain.subscriptions.mrr import MrrMovement
from billing.domain.subscriptions.recurring import Mrr, MrrStanding
from billing.domain.usage.event import UsageSpan
from billing.storage.codec import encode
from billing.storage.database import Database
from tests.support.invoices import draft, finalized, line
from tests.support.journals import MemoryFiles
from tests.support.sealing import Plain

TENANT = "ten_1"
BORN = datetime(2026, 1, 1, tzinfo=UTC)
_SPAN = timedelta(days=330)
"""Invoices are spread over the year's first eleven months."""
_PAGE_BYTES = 1024 * 1024
_LATER = timedelta(seconds=1)
_SAMPLE = datetime(2027, 1, 31, 9, tzinfo=UTC)
_PARTS = 4


class Tables:
    """DynamoDB's Query and BatchGetItem.

    Args:
        made_s: CPU time of making the items, which is none of the worker's.
    """

    def __init__(self, invoices: int) -> None:
        self.invoices = invoices
        self.calls = 0
        self.units = 0.0
        self.made_s = 0.0
        self._step = _SPAN / invoices
        self._bodies = {kind: encode(each, Plain(), TENANT, "ID") for kind, each in _samples().items()}

    def query(self, **asked: Any) -> dict[str, Any]:
        """A page of 1 MB, or of as many as are asked for."""
        began = time.process_time()
        values = {name: value.get("S", "") for name, value in asked["ExpressionAttributeValues"].items()}
        if ":first" in values:
            place = "posted" if asked.get("IndexName") == "by_posted" else "moved"
            page = self._by_time(asked, values, place)
        elif "Limit" in asked and "invoices" in asked["TableName"]:
            page = self._newest(asked, values)
        else:
            page = {"Items": []}  # rejections of usage, lines of deposits: there are none
        self._count(page["Items"], consistent=bool(asked.get("ConsistentRead")))
        page |= {"Count": len(page["Items"]), "ScannedCount": len(page["Items"])}
        self.made_s += time.process_time() - began
        return page

    def batch_get_item(self, *, RequestItems: Any) -> dict[str, Any]:  # noqa: N803
        """Invoices by their ids, and nothing else."""
        began = time.process_time()
        answers: dict[str, list[Any]] = {}
        for table, asked in RequestItems.items():
            ids = [key["id"]["S"] for key in asked["Keys"] if key.get("id", {}).get("S", "").startswith("in_")]
            answers[table] = [self._item("invoice", int(each[3:15])) for each in ids]
            self._count(answers[table], consistent=True)
        self.made_s += time.process_time() - began
        return {"Responses": answers}

    def _count(self, items: list[Any], *, consistent: bool) -> None:
        self.calls += 1
        self.units += read_units_of(sum(map(item_bytes, items))) / (1 if consistent else 2)

    def _by_time(self, asked: Any, values: dict[str, str], place: str) -> dict[str, Any]:
        _, month, part = values[":key"].split("#")
        first = values[":first"]
        if "ExclusiveStartKey" in asked:
            first = asked["ExclusiveStartKey"][place]["S"] + "!"
        items: list[Any] = []
        size = 0
        for at_place, kind, n in self._places(month, int(part), first, movements=place == "moved"):
            if at_place > values[":end"]:
                break
            items.append(self._item(kind, n) | {place: {"S": at_place}})
            size += item_bytes(items[-1])
            if size > _PAGE_BYTES:
                return {"Items": items, "LastEvaluatedKey": {place: {"S": at_place}}}
        return {"Items": items}

    def _places(self, month: str, part: int, first: str, *, movements: bool) -> Iterator[tuple[str, str, int]]:
        """The places of a part of a month, from one on, in order."""
        of = Month(int(month[:4]), int(month[5:]))
        begin, end = of.begin("UTC"), of.following.begin("UTC")
        since = max(begin, parse_time(first.partition("/")[0].rstrip("!")))
        n = max((since - _LATER - BORN) // self._step - 1, 0)
        for each in range(n + (part - n) % _PARTS, self.invoices, _PARTS):
            at = self._at(each)
            if at >= end:
                return
            for kind, when in self._kinds(each, at, movements=movements):
                if begin <= when < end:
                    place = sort_key(when) + "/" + (sort_key(when) + "/" if movements else "") + _id_of(kind, each)
                    if place >= first:
                        yield place, kind, each

    def _kinds(self, n: int, at: datetime, *, movements: bool) -> Iterator[tuple[str, datetime]]:
        if movements:
            yield "movement", at
            return
        yield "entry0", at
        yield "entry1", at + _LATER
        yield ("entry3" if n % 1000 == 0 else "entry2"), at + _LATER

    def _newest(self, asked: Any, values: dict[str, str]) -> dict[str, Any]:
        behind = values.get(":after") or asked.get("ExclusiveStartKey", {}).get("id", {}).get("S", "")
        n = int(behind[3:15]) - 1 if behind else self.invoices - 1
        items: list[Any] = []
        size = 0
        while n >= 0:
            items.append(self._item("invoice", n))
            size += item_bytes(items[-1])
            if len(items) == asked["Limit"] or size > _PAGE_BYTES:
                return {"Items": items, "LastEvaluatedKey": {"id": items[-1]["id"]}}
            n -= 1
        return {"Items": items}

    def _at(self, n: int) -> datetime:
        return BORN + n * self._step

    def _item(self, kind: str, n: int) -> dict[str, Any]:
        item_id = _id_of(kind, n)
        at = self._at(n) + (_LATER if kind in ("entry1", "entry2", "entry3") else timedelta())
        until = at.replace(year=at.year + 1) if (at.month, at.day) != (2, 29) else at + timedelta(days=365)
        body = (
            self._bodies[kind]
            .replace("2027-01-31T09:00:00Z", sort_key(at))
            .replace("2028-01-31T09:00:00Z", sort_key(until))
            .replace('"ID"', f'"{item_id}"')
            .replace("INVOICE", _id_of("invoice", n))
            .replace("CUSTOMER", f"cus_{n % max(self.invoices // 4, 1):026d}")
            .replace("SUBSCRIPTION", f"sub_{_spread(n)}")
        )
        return {"tenant_id": {"S": TENANT}, "id": {"S": item_id}, "body": {"S": body}, "version": {"N": "1"}}


def _spread(n: int) -> str:
    """Ends of ids that are as random as real ones, and have their number."""
    return f"{n:012d}{n * 0x9E3779B97F4A7C15 % 16**14:014x}"


def _id_of(kind: str, n: int) -> str:
    if kind == "invoice":
        return f"in_{_spread(n)}"
    return f"mrr_{_spread(n)}" if kind == "movement" else f"le_{_spread(n)}{kind[-1]}"


def _samples() -> dict[str, Any]:
    year = Period(_SAMPLE, _SAMPLE.replace(year=2028))
    used = BilledUsage(f"SUBSCRIPTION#{UsageSpan(year).key}", meter="calls")
    lines = [
        replace(line(4_999, tax=1_000), id="INVOICE.1", period=year, plan_id="pln_team", component="base"),
        replace(line(2_500), id="INVOICE.2", period=year, plan_id="pln_team", component="calls", usage=used,
                quantity=Decimal(25)),
    ]  # fmt: skip
    issued = finalized(draft(lines))
    invoice = replace(issued.invoice, id="ID", tenant_id=TENANT, customer_id="CUSTOMER")
    entry = replace(
        issued.entries[0], id="ID", tenant_id=TENANT, source_id="INVOICE", invoice_id="INVOICE",
        postings=tuple(replace(each, party=each.party and "CUSTOMER") for each in issued.entries[0].postings),
    )  # fmt: skip
    fee, cent, total = Money.from_minor(276, "USD"), Money.from_minor(1, "USD"), issued.invoice.total
    paid = payment_received("ID", "pay_1", Receivable("CUSTOMER", "INVOICE", None), total - cent, _SAMPLE)
    amount = Money.from_minor(4_999, "USD")
    mrr = Mrr(MrrStanding.COUNTED, amount, amount, "pln_team", _SAMPLE, counted_since=_SAMPLE)
    return {
        "invoice": replace(invoice, finalized_at=_SAMPLE, created_at=_SAMPLE),
        "entry0": replace(entry, posted_at=_SAMPLE),
        "entry1": replace(paid, tenant_id=TENANT),
        "entry2": _cash("processing_fee", Account.PROCESSING_FEES, fee),
        "entry3": _cash("paid_out", Account.BANK, fee),
        "movement": MrrMovement("ID", TENANT, "SUBSCRIPTION", 1, "CUSTOMER", _SAMPLE, _SAMPLE, None, mrr),
    }


def _cash(kind: str, account: Account, amount: Money) -> LedgerEntry:
    postings = (Posting(account, amount), Posting(Account.CASH, -amount))
    return LedgerEntry("ID", kind, "pay_1", _SAMPLE, postings, TENANT)


@dataclass
class Sent(MemoryFiles):
    """S3, which forgets the parts that it was sent, keeps what is read again on disk's behalf, and counts."""

    calls: Counter[str] = field(default_factory=Counter)
    size: int = 0
    folder: Any = None

    def part(self, key: str, upload_id: str, number: int, content: bytes) -> str:
        self.calls["put"] += 1
        self.size += len(content)
        return super().part(key, upload_id, number, b"")

    def put(self, key: str, content: bytes, content_type: str) -> None:
        self.calls["put"] += 1
        path = self._path(key)
        path.write_bytes(content)
        super().put(key, b"", content_type)

    def get(self, key: str) -> bytes | None:
        self.calls["get"] += 1
        return self._path(key).read_bytes() if key in self.objects else None

    def latest(self, prefix: str, below: str) -> str | None:
        self.calls["put"] += 1  # a list costs as much as a put
        return super().latest(prefix, below)

    def _path(self, key: str) -> Any:
        return self.folder / key.replace("/", "~")


class Stopwatch(Database):
    """The product's database over other tables."""

    def __init__(self, tables: Tables, pause: Callable[[float], None] = lambda _: None) -> None:
        super().__init__(region="us-east-1", pause=pause)
        self._tables = tables

    @property
    def client(self) -> Any:
        return self._tables
