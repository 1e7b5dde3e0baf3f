"""50,000 retries that are due in one minute: what the webhook worker makes of them, minute by minute.

python -m benchmarks.webhooks.retries OUT [--due 50000]

The worker is the product's; clock, store and queue are kept in memory, so that every call is counted and no machine's
speed is in the figures. The sender of this world attempts at once what it is handed, and the receiver accepts it.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from pathlib import Path
from random import Random

from benchmarks.report import Row, Section, save_all, verdict
from billing.domain.kernel.ids import fresh
from billing.domain.webhooks.delivery import (
    WEBHOOK_SHARDS,
    Delivery,
    DeliveryState,
    Notice,
    delivery_id,
    webhook_shard,
)
from billing.domain.webhooks.health import EndpointHealth
from billing.domain.webhooks.schedule import is_wanted
from billing.services.webhooks.enqueuer import PACE, Enqueuer
from billing.services.webhooks.ports import DueDeliveries, DueDelivery

DUE = 50_000
START = datetime(2026, 12, 1, 9, tzinfo=UTC)
TENANT, ENDPOINT = "ten_1", fresh("we", START, bytes(10))
_PAGE = 50
_CALL_S = 0.005
"""What a call of DynamoDB or SQS takes, about, within a Region."""
_TURN_S = 35.0
"""A turn: the Lambda's 60 s less the margin that the worker keeps."""
_WORKERS = 4
"""MaximumConcurrency of the worker's queue."""


@dataclass
class Backlog:
    """One endpoint's deliveries, all due at ``START``; ports of the worker, in memory.

    Args:
        calls: of the database and of the queue, by name, since ``minute`` began.
        writes: how often each delivery was written by the worker.
    """

    deliveries: dict[str, Delivery]
    now: datetime = START
    calls: Counter[str] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)
    health_now: EndpointHealth = field(default_factory=lambda: EndpointHealth(failing_since=START - timedelta(days=1)))
    notices: list[Notice] = field(default_factory=list)
    woken: list[str] = field(default_factory=list)
    _due: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, count: int) -> "Backlog":
        """So many that failed three times while the receiver was away."""
        backlog = cls({})
        for n in range(count):
            event_id = fresh("evt", START - timedelta(hours=10), n.to_bytes(10))
            an_id = delivery_id(ENDPOINT, event_id)
            made = Delivery(an_id, TENANT, ENDPOINT, event_id, "invoice.paid", START, attempt=3, step=3, due_at=START)
            backlog._keep(made)
        return backlog

    def _keep(self, delivery: Delivery) -> None:
        self.deliveries[delivery.id] = delivery
        if delivery.due_at is not None:
            heappush(self._due.setdefault(webhook_shard(delivery.id), []), (delivery.due_at, delivery.id))

    # The ports

    def due(self, shard: str, until: datetime, following: str | None = None) -> DueDeliveries:
        self.calls["due"] += 1
        found: list[DueDelivery] = []
        queue = self._due.get(shard, [])
        while queue and queue[0][0] <= until and len(found) < _PAGE:
            at, an_id = heappop(queue)
            if self.deliveries[an_id].due_at == at:
                found.append(DueDelivery(TENANT, an_id, at))
        return DueDeliveries(found, "more" if len(found) == _PAGE else None)

    def get_many(self, places: Collection[tuple[str, str]]) -> list[Delivery]:
        self.calls["read"] += 1 if places else 0
        return [self.deliveries[an_id] for _, an_id in places]

    def change(self, delivery: Delivery, after: Delivery) -> bool:
        self.calls["write"] += 1
        self.writes[delivery.id] += 1
        self._keep(after)
        return True

    def of_endpoints(self, _tenant_id: str, endpoint_ids: Iterable[str]) -> dict[str, EndpointHealth]:
        self.calls["read"] += 1
        return dict.fromkeys(endpoint_ids, self.health_now)

    def send(self, notices: Sequence[Notice], *, slow: bool = False, delay_s: int = 0) -> list[Notice]:
        self.calls["send"] += -(-len(notices) // 10)
        self.notices += notices
        return []

    def wake(self, shard: str, _deduplication_id: str) -> None:
        self.woken.append(shard)

    # The world

    def attempted(self) -> int:
        """The sender attempts what it was told of; how many the receiver has got now."""
        count = 0
        for each in self.notices:
            delivery = self.deliveries[each.delivery_id]
            if is_wanted(delivery, each.attempt):
                count += 1
                done = {"state": DeliveryState.SUCCEEDED, "attempt": each.attempt, "due_at": None}
                self.deliveries[each.delivery_id] = replace(delivery, **done)  # type: ignore[arg-type]
        self.notices.clear()
        if count:
            self.health_now = EndpointHealth(last_success_at=self.now)
        return count


class _Health:
    """The worker's view of how endpoints fare."""

    def __init__(self, backlog: Backlog) -> None:
        self.of = backlog.of_endpoints


@dataclass(frozen=True)
class Outcome:
    """What became of a backlog.

    Args:
        first: calls of the first minute, all shards together.
        handed_over: in each minute, until everything was delivered.
        writes: the worker's, of each delivery: the mean, and the most.
    """

    due: int
    first: dict[str, int]
    handed_over: list[int]
    mean_writes: float
    most_writes: int


def worked_off(backlog: Backlog, random: Random, at_most: int = 24 * 60) -> Outcome:
    """The sweep wakes every shard each minute, until nothing is left."""
    worker = Enqueuer(backlog, _Health(backlog), backlog, backlog, lambda: backlog.now, random.random)  # type: ignore[arg-type]
    due = len(backlog.deliveries)
    handed_over: list[int] = []
    first: dict[str, int] = {}
    left = due
    while left and len(handed_over) < at_most:
        told = 0
        for shard in range(WEBHOOK_SHARDS):
            told += worker.work_shard(f"w{shard:02d}", backlog.now + timedelta(seconds=_TURN_S)).handed_over
        first = first or dict(backlog.calls)
        handed_over.append(told)
        left -= backlog.attempted()
        backlog.now += timedelta(minutes=1)
    writes = backlog.writes.values()
    return Outcome(due, first, handed_over, sum(writes) / due, max(writes))


def table(outcome: Outcome) -> Section:
    """The figures, and what they may be."""
    section = Section(
        f"{outcome.due:,} retries of one endpoint due in one minute".replace(",", " "),
        ["what", "figure", "at most"],
        notes=[
            "The receiver is back, and accepts. A call is counted as 5 ms. None of these calls is of a table, an",
            "index or a queue of billing's: a renewal that is due in that minute is done as in any other.",
        ],
    )
    a_shard = sum(outcome.first.values()) * _CALL_S / WEBHOOK_SHARDS
    limit = PACE * WEBHOOK_SHARDS
    rows: list[tuple[str, float, float | None]] = [
        ("the first minute's calls of a shard, s", a_shard, _TURN_S),
        (f"the first minute's calls of all, with {_WORKERS} workers, s", a_shard * WEBHOOK_SHARDS / _WORKERS, None),
        ("handed over in the first minute, to an endpoint that failed until then", outcome.handed_over[0], 48),
        ("handed over in a minute, the most", max(outcome.handed_over), limit),
        ("minutes until all are delivered", len(outcome.handed_over), None),
        ("writes of the worker for each, the mean", outcome.mean_writes, 3.0),
        ("writes of the worker for one, the most", outcome.most_writes, None),
    ]
    for name, figure, budget in rows:
        shown = "" if budget is None else f"{budget:g}"
        section.rows.append(Row([name, f"{figure:.4g}", shown], verdict(figure, budget), {"figure": figure}))
    return section


def main() -> int:
    """Measure, and save the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--due", type=int, default=DUE)
    options = parser.parse_args()
    save_all([table(worked_off(Backlog.of(options.due), Random(16)))], options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
