"""Issue 21, number 3: what the dashboard shows is counted where the fact is known."""

import copy
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from billing.domain.kernel.due import Due
from billing.edge.workers.billing import QueueWorker
from billing.edge.workers.stream import StreamWorker
from billing.edge.workers.usage import UsageWorker
from billing.integrations.aws.usage_queue import parse_chunk
from billing.integrations.stripe.circuit_breaker import CircuitBreaker
from billing.services.kernel.deadline import Deadline
from billing.services.sweep.worker import ShardReport
from billing.services.usage.counting import CountReport
from billing.storage.webhooks.events import head_of
from tests.unit.services.sweep.test_worker import CLOCK, NOW, SHARD, Stage, minutes, payment

EVENTS = Path(__file__).parents[4] / "events"


class Counts:
    """Keeps what is to be counted."""

    def __init__(self) -> None:
        self.values: list[dict[str, float]] = []

    def __call__(self, values: Mapping[str, tuple[float, str]]) -> dict[str, Any]:
        self.values.append({name: number for name, (number, _) in values.items()})
        return {}


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def _turn(report: ShardReport) -> list[dict[str, float]]:
    counts = Counts()
    worker = QueueWorker(lambda *_: report, Logger(level="ERROR"), lambda: NOW, 25, Deadline(lambda: 0.0), counts)
    record = {"messageId": "m", "body": json.dumps({"shard": "07"}), "attributes": {}}
    worker.lambda_handler({"Records": [record]}, Context())
    return counts.values


def test_a_turn_that_found_something_says_how_late_it_was_and_an_idle_one_costs_nothing() -> None:
    assert _turn(ShardReport()) == []
    assert _turn(ShardReport(done=3, postponed=1, cut_short=True, oldest_s=75.0)) == [
        {"oldest_due_s": 75.0, "due_worked": 4, "due_postponed": 1, "turns_cut_short": 1}
    ]


def test_the_age_of_a_turn_is_that_of_its_first_item_on_the_wall_clock_alone() -> None:
    stage = Stage()
    stage.table.put(payment("pay_1", NOW - minutes(3)), payment("pay_2", NOW - minutes(1)))
    assert stage.turn().oldest_s == 180
    assert stage.turn().oldest_s == 0
    assert Due(CLOCK, NOW).shard != SHARD


def test_usage_says_how_long_it_waited_since_it_was_accepted() -> None:
    event = copy.deepcopy(json.loads((EVENTS / "sqs_usage_worker.json").read_text()))
    sent = datetime.fromtimestamp(int(event["Records"][0]["attributes"]["SentTimestamp"]) / 1000, UTC)
    counts = Counts()
    worker = UsageWorker(
        parse_chunk, lambda chunk, last_try: CountReport(counted=2), Logger(level="ERROR"),
        lambda: sent + timedelta(seconds=4.5), counts, tries=8, margin_s=10.0,
    )  # fmt: skip
    worker.lambda_handler(event, Context())
    assert counts.values == [{"usage_lag_s": 4.5, "usage_events": 2}]


@pytest.mark.parametrize(("new", "counted"), [(2, 1), (0, 0)])
def test_events_that_were_placed_before_are_not_counted_again(new: int, counted: int) -> None:
    event = json.loads((EVENTS / "stream_events_table.json").read_text())
    seen: list[Any] = []

    def counts(heads: Any) -> dict[str, Any]:
        seen.append(heads)
        return {}

    worker = StreamWorker(head_of, lambda *_: new, Logger(level="ERROR"), "events placed", counted=counts)
    worker.lambda_handler({"Records": event["Records"][:1]}, None)
    assert len(seen) == counted


def test_each_failure_of_stripe_is_told_and_whether_it_opened_the_circuit() -> None:
    told: list[bool] = []
    breaker = CircuitBreaker(lambda: 0.0, failures_to_open=2, tell=told.append)
    breaker.failed()
    breaker.failed()
    assert told == [False, True]
