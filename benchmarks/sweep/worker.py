"""The processes of a sweep: what writes its world, the billing worker (which may be killed), what looks what is due.

Each runs in a fork of a clean process (``sweep_run``): a Lambda worker at its cold start, nothing cached, no
connection open. A worker is the product as it is deployed, from the SQS event to the database; only what it wakes goes
to the local queue, and its due index is timed.
"""

import os
import resource
import signal
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.counting import item_bytes, read_units_of
from benchmarks.events import Context, queue_event
from benchmarks.sweep.case import Case
from benchmarks.sweep.contention import Far
from benchmarks.sweep.queue import Message
from billing.bootstrap import process as process_bootstrap
from billing.bootstrap import storage
from billing.bootstrap import sweep as sweep_bootstrap
from billing.edge.workers.billing import QueueWorker
from billing.services.clocks.due_index import DueIndex, DueItem, DuePage
from billing.storage.due_index import PAGE, DynamoDueIndex

_STAGED_AT_ONCE = 8
"""Orders of a tenant in one transaction: ten items each with the words of a name, and a transaction holds a hundred."""
_ARN = "arn:aws:sqs:us-east-1:000000000000:billing.fifo"


@dataclass(frozen=True, slots=True)
class Outside:
    """Where a child runs.

    Args:
        env: its environment: where the emulator is, what the tables are called.
        log: where what it says goes.
        turn_s: how long a worker's turn may take until it has to ask for another.
        latency_s: how long each call of a worker's to the database takes beside what the emulator does.
        register: the socket of what says what is in flight (``contention``); without it nothing collides.
    """

    env: Mapping[str, str]
    log: Path
    turn_s: float
    latency_s: float = 0.0
    register: str = ""

    def enter(self) -> None:
        """Make this process one that runs there."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
        os.environ.clear()
        os.environ.update(self.env)
        with self.log.open("ab") as sink:
            os.dup2(sink.fileno(), sys.stdout.fileno())
            os.dup2(sink.fileno(), sys.stderr.fileno())


@dataclass(slots=True)
class Beat:
    """What a worker did since it last said so; sent after every transaction, so that a kill hides little.

    Args:
        commits: transactions that went through: one for each invoice, two where it is charged.
        lost: transactions that were refused: something had changed since it was loaded.
        conflicts: transactions and plain writes that were refused because of another one in flight.
        writes: plain writes that went through.
        page_wall_s, page_cpu_s, page_units: of each full page of the due index: seconds on the clock, CPU seconds
            of the worker, read units.
        cpu_s: CPU seconds of the worker.
        rss_kb: the most memory it has had.
    """

    commits: int = 0
    lost: int = 0
    conflicts: int = 0
    writes: int = 0
    loads: int = 0
    queries: int = 0
    page_wall_s: list[float] = field(default_factory=list)
    page_cpu_s: list[float] = field(default_factory=list)
    page_units: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    rss_kb: int = 0

    @property
    def calls(self) -> int:
        """Requests to the database."""
        return self.loads + self.queries + self.commits + self.lost + self.conflicts + self.writes

    def add(self, other: "Beat") -> None:
        """Take in what another one counted."""
        for each in fields(self):
            if each.name != "rss_kb":
                setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))
        self.rss_kb = max(self.rss_kb, other.rss_kb)


@dataclass(frozen=True, slots=True)
class Wake:
    """A message for the queue."""

    shard: str
    deduplication_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A message was worked, or the worker named it among the failed."""

    failed: bool


class Heart:
    """Counts what a worker asks of DynamoDB, and tells the parent."""

    def __init__(self, pipe: "Connection[Any, Any]") -> None:
        self._pipe = pipe
        self._cpu_s = time.process_time()
        self._units = 0.0
        self.beat = Beat()

    def attach(self, client: Any) -> None:
        """Watch the client from now on."""
        client.meta.events.register("after-call.dynamodb", self._answered)

    def paged(self, index: DueIndex, shard: str, until: datetime, kinds: Collection[str] | None) -> DuePage:
        """A page of the index, timed; only full ones count: a page that is cut by the end of a shard costs less."""
        self._units, wall, cpu = 0.0, time.perf_counter(), time.process_time()
        page = index.due(shard, until, kinds)
        if len(page.items) >= PAGE:
            self.beat.page_wall_s.append(time.perf_counter() - wall)
            self.beat.page_cpu_s.append(time.process_time() - cpu)
            self.beat.page_units.append(self._units)
        return page

    def tell(self) -> None:
        """Send what was counted."""
        cpu_s = time.process_time()
        self.beat.cpu_s, self._cpu_s = cpu_s - self._cpu_s, cpu_s
        self.beat.rss_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._pipe.send(self.beat)
        self.beat = Beat()

    def _answered(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name == "Query":
            self.beat.queries += 1
            self._units += read_units_of(sum(map(item_bytes, parsed.get("Items", ())))) / 2
        elif model.name == "BatchGetItem":
            self.beat.loads += 1
        elif "TransactionConflict" in {*_reasons(parsed), parsed.get("Error", {}).get("Code", "")[:19]}:
            self.beat.conflicts += 1
        elif model.name == "TransactWriteItems":
            refused = "Error" in parsed
            self.beat.lost += refused
            self.beat.commits += not refused
            self.tell()
        elif model.name == "UpdateItem":
            self.beat.writes += 1


def _reasons(parsed: dict[str, Any]) -> set[str]:
    return {reason["Code"] for reason in parsed.get("CancellationReasons", ())}


@dataclass(frozen=True, slots=True)
class _TimedIndex:
    """The due index, watched."""

    index: DueIndex
    heart: Heart

    def due(self, shard: str, until: datetime, kinds: Collection[str] | None = None) -> DuePage:
        return self.heart.paged(self.index, shard, until, kinds)

    def behind(self, shard: str, until: datetime, kinds: Collection[str], tenants: Collection[str]) -> list[DueItem]:
        return self.index.behind(shard, until, kinds, tenants)


@dataclass(frozen=True, slots=True)
class _PipeAlarm:
    """What the worker wakes goes to the parent, which has the queue."""

    pipe: "Connection[Any, Any]"

    def wake(self, shard: str, deduplication_id: str) -> None:
        self.pipe.send(Wake(shard, deduplication_id))


class _LambdaContext(Context):
    """So much time is left that a turn gets its share."""

    def __init__(self, remaining_s: float) -> None:
        self._until = time.monotonic() + remaining_s

    def get_remaining_time_in_millis(self) -> int:
        return int((self._until - time.monotonic()) * 1000)


def work(pipe: "Connection[Any, Any]", outside: Outside) -> None:
    """Work messages until there are none, or until it is killed."""
    outside.enter()
    heart = Heart(pipe)
    heart.attach(storage.database().client)
    if outside.register:
        Far(outside.latency_s, outside.register).attach(storage.database().client)
    product = sweep_bootstrap.worker()
    timed = replace(product, index=_TimedIndex(product.index, heart), alarm=_PipeAlarm(pipe))
    margin_s = process_bootstrap.settings().worker_margin_s
    handler = QueueWorker(
        timed.work_shard,
        process_bootstrap.logger(),
        process_bootstrap.now,
        margin_s,
        process_bootstrap.deadline(),
        process_bootstrap.counted(("worker", "billing")),
    ).lambda_handler
    while True:
        try:
            message: Message = pipe.recv()
        except EOFError:
            return
        event = queue_event(_ARN, {"shard": message.shard}, message.number)
        answer = handler(event, _LambdaContext(outside.turn_s + margin_s))
        heart.tell()
        pipe.send(Answer(failed=bool(answer["batchItemFailures"])))


def seed(pipe: "Connection[Any, Any]", outside: Outside, case: Case, part: int, parts: int) -> None:
    """Write every ``parts``-th tenant with its plan and orders, by the product's own unit of work."""
    outside.enter()
    for tenant in range(part, case.tenants, parts):
        tenant_id = case.tenant_id(tenant)
        first = storage.units().begin(tenant_id)
        first.save(case.tenant(tenant, storage.vault().new_data_key(tenant_id)))
        first.save(case.plan(tenant_id))
        first.commit()
        numbers = case.of_tenant(tenant)
        for start in range(0, len(numbers), _STAGED_AT_ONCE):
            some = numbers[start : start + _STAGED_AT_ONCE]
            unit = storage.units().begin(tenant_id)
            for order in map(case.order, some):
                unit.save(order.customer)
                unit.save(order.balance)
                unit.save(order.subscription)
            unit.commit()
            pipe.send(len(some))


def still_due(pipe: "Connection[Any, Any]", outside: Outside, case: Case, within: timedelta) -> None:
    """How many items are due by then, at least: what failed is due again in a while."""
    outside.enter()
    index, until = DynamoDueIndex(storage.database()), process_bootstrap.now() + within
    pipe.send(sum(len(index.due(f"{shard:02d}", until).items) for shard in range(case.shards)))
