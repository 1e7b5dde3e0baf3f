"""The billing worker's edge over its queue: shards that are busy do not wait for each other."""

import heapq
import json
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from billing.edge.workers.billing import QueueWorker
from billing.services.kernel.deadline import Deadline
from billing.services.sweep.worker import ShardReport
from tests.support.transformed import of_type, properties_of

EPOCH = datetime(2026, 12, 1, tzinfo=UTC)
MARGIN_S = 25.0
TIMEOUT_S = float(properties_of("BillingWorkerFunction")["Timeout"])
MAPPING = of_type("AWS::Lambda::EventSourceMapping")["BillingWorkerFunctionDue"]["Properties"]


@dataclass
class Shards:
    """A FIFO queue and the work behind it, on a clock of its own.

    A receive brings messages of several groups, as many as a batch holds, and locks them until the invocation ends: the
    worst that SQS may do with one poller.
    """

    work_s: dict[str, float]
    batch_size: int
    workers: int = 16
    now_s: float = 0.0
    waiting: deque[str] = field(default_factory=deque)
    done_at_s: dict[str, float] = field(default_factory=dict)

    def run(self) -> float:
        """Seconds until all shards are worked."""
        self.waiting.extend(self.work_s)
        busy: list[tuple[float, list[str]]] = []
        while self.waiting or busy:
            while self.waiting and len(busy) < self.workers:
                batch = [self.waiting.popleft() for _ in range(min(self.batch_size, len(self.waiting)))]
                heapq.heappush(busy, (self._invoke(batch), batch))
            ended_s, batch = heapq.heappop(busy)
            self.now_s = ended_s
            self.waiting.extend(shard for shard in batch if shard not in self.done_at_s)  # the worker asked for more
        return self.now_s

    def _invoke(self, batch: list[str]) -> float:
        """One invocation of the real worker; when it ends."""
        clock = [self.now_s]

        class Context:
            function_name = "billing-worker"

            def get_remaining_time_in_millis(self) -> int:
                return int((TIMEOUT_S - (clock[0] - began_s)) * 1000)

        def turn(shard: str, until: datetime) -> ShardReport:
            share_s = max((until - EPOCH).total_seconds() - clock[0], 0.0)
            spent_s = min(share_s, self.work_s[shard])
            clock[0] += spent_s
            self.work_s[shard] -= spent_s
            if self.work_s[shard] <= 0:
                self.done_at_s[shard] = clock[0]
            return ShardReport(done=1, postponed=0, parked=0, cut_short=self.work_s[shard] > 0)

        began_s = clock[0]
        worker = QueueWorker(
            turn,
            Logger(level="ERROR"),
            lambda: EPOCH + timedelta(seconds=clock[0]),
            MARGIN_S,
            Deadline(lambda: clock[0]),
            lambda values: {},
        )
        answer = worker.lambda_handler({"Records": [_record(shard) for shard in batch]}, Context())
        assert answer == {"batchItemFailures": []}
        return clock[0]


def _record(shard: str) -> dict[str, Any]:
    return {
        "messageId": shard,
        "receiptHandle": shard,
        "body": json.dumps({"shard": shard}),
        "attributes": {"MessageGroupId": shard},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:billing.fifo",
        "awsRegion": "us-east-1",
    }


def sixteen_busy_shards(batch_size: int) -> float:
    return Shards({f"{n:02d}": 120.0 for n in range(16)}, batch_size).run()


def test_sixteen_shards_with_two_minutes_of_work_each_take_two_minutes() -> None:
    assert sixteen_busy_shards(MAPPING["BatchSize"]) == 120.0


@pytest.mark.parametrize("batch_size", [2, 10])
def test_a_batch_of_several_shards_would_have_them_wait_for_each_other(batch_size: int) -> None:
    """What the mapping's size is for: this is the stick, and it tells the difference."""
    assert sixteen_busy_shards(batch_size) >= 120.0 * batch_size / 2
