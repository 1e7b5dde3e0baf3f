"""The usage worker's edge: each message by itself, the last time it comes, and the time that is left."""

import copy
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from billing.domain.kernel.errors import Unavailable
from billing.edge.workers.usage import UsageWorker
from billing.integrations.aws.usage_queue import parse_chunk
from billing.services.usage.counting import CountReport, EventsMissing
from billing.services.usage.ports import Chunk

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EVENT = json.loads((Path(__file__).parents[4] / "events" / "sqs_usage_worker.json").read_text())


@dataclass
class Context:
    """A Lambda's time, that runs out."""

    left_ms: list[int]

    def get_remaining_time_in_millis(self) -> int:
        """The next of the times left."""
        return self.left_ms.pop(0)


@dataclass
class Counter:
    """Fails for the chunks that it is told to fail for."""

    failures: dict[str, Exception] = field(default_factory=dict)
    counted: list[tuple[str, bool]] = field(default_factory=list)

    def count(self, chunk: Chunk, last_try: bool = False) -> CountReport:
        """Notes the call."""
        self.counted.append((chunk.id, last_try))
        if chunk.id in self.failures:
            raise self.failures[chunk.id]
        return CountReport(counted=len(chunk.events))


def batch(*ids: str, receive_count: int = 1) -> dict[str, Any]:
    """The sample event, with a message for each chunk."""
    made = copy.deepcopy(EVENT)
    (sample,) = made["Records"]
    made["Records"] = []
    for chunk_id in ids:
        record = copy.deepcopy(sample)
        record["messageId"] = f"m-{chunk_id}"
        record["body"] = json.dumps(json.loads(sample["body"]) | {"id": chunk_id})
        record["attributes"]["ApproximateReceiveCount"] = str(receive_count)
        made["Records"].append(record)
    return made


def run(counter: Counter, event: dict[str, Any], left_ms: list[int] | None = None) -> list[str]:
    """The messages that failed."""
    worker = UsageWorker(
        parse_chunk, counter.count, Logger(service="test"), lambda: NOW, lambda values: {}, tries=8, margin_s=10.0
    )
    context = Context(left_ms if left_ms is not None else [30_000] * len(event["Records"]))
    return [each["itemIdentifier"] for each in worker.lambda_handler(event, context)["batchItemFailures"]]


def test_the_sample_event_is_a_message_of_today() -> None:
    counter = Counter()
    assert run(counter, EVENT) == []
    ((chunk_id, _),) = counter.counted
    assert chunk_id == json.loads(EVENT["Records"][0]["body"])["id"]


@pytest.mark.parametrize("failure", [EventsMissing("later"), Unavailable("busy"), RuntimeError("unforeseen")])
def test_what_fails_comes_again_and_the_rest_is_counted(failure: Exception) -> None:
    counter = Counter({"b": failure})
    assert run(counter, batch("a", "b", "c")) == ["m-b"]
    assert [each for each, _ in counter.counted] == ["a", "b", "c"]


def test_when_all_fail_all_are_named() -> None:
    counter = Counter({"a": Unavailable("busy"), "b": Unavailable("busy")})
    assert run(counter, batch("a", "b")) == ["m-a", "m-b"]


@pytest.mark.parametrize(("receive_count", "last"), [(1, False), (7, False), (8, True), (9, True)])
def test_the_eighth_time_is_the_last(receive_count: int, last: bool) -> None:
    counter = Counter()
    run(counter, batch("a", receive_count=receive_count))
    assert counter.counted == [("a", last)]


def test_what_there_is_no_time_for_is_not_begun() -> None:
    counter = Counter()
    assert run(counter, batch("a", "b", "c"), [10_001, 9_999, 9_000]) == ["m-b", "m-c"]
    assert [each for each, _ in counter.counted] == ["a"]
