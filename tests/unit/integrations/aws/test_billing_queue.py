"""The worker's queues: test clocks have one of their own, and the sweep wakes ten shards with a call."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from billing.domain.kernel.due import clock_shard, payout_shard
from billing.integrations.aws.billing_queue import BillingQueue, NotWoken
from billing.services.sweep.wake_ups import wake_payouts


class Sqs:
    """Takes messages, or refuses some."""

    def __init__(self, refused: int = 0) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.batches: list[int] = []
        self.refused = refused

    def send_message(self, **message: Any) -> None:
        self.sent.append((message.pop("QueueUrl"), message))

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.batches.append(len(Entries))
        failed = [{"Id": each["Id"], "Code": "InternalError"} for each in Entries[: self.refused]]
        self.sent += [(QueueUrl, each) for each in Entries[self.refused :]]
        self.refused = 0
        return {"Failed": failed} if failed else {}


def queue(sqs: Sqs) -> BillingQueue:
    return BillingQueue(lambda: sqs, "live", "clocks", "payouts")


def test_a_test_clocks_shard_goes_to_a_queue_of_its_own() -> None:
    sqs = Sqs()
    queue(sqs).wake("07", "a")
    queue(sqs).wake(clock_shard("ten_1", "clock_1"), "a")
    assert [(url, json.loads(message["MessageBody"])["shard"]) for url, message in sqs.sent] == [
        ("live", "07"),
        ("clocks", "clock#ten_1#clock_1"),
    ]


def test_14_a_shard_of_payouts_goes_to_a_queue_of_its_own_and_the_sweep_wakes_all_of_them() -> None:
    """Billing's messages cannot delay them; the shards are as many whatever billing's number is."""
    sqs = Sqs()
    queue(sqs).wake(payout_shard("po_1"), "a")
    assert sqs.sent.pop()[0] == "payouts"
    wake_payouts(queue(sqs), datetime(2026, 12, 1, tzinfo=UTC))
    assert {url for url, _ in sqs.sent} == {"payouts"}
    woken = [json.loads(message["MessageBody"])["shard"] for _, message in sqs.sent]
    assert woken == [f"p{n:02d}" for n in range(16)]
    assert payout_shard("po_1") in woken


def test_sixteen_shards_are_two_calls_and_the_same_messages_as_one_by_one() -> None:
    together, alone = Sqs(), Sqs()
    shards = [f"{n:02d}" for n in range(16)]
    queue(together).wake_many(shards, "2026-12-01T00:00")
    for shard in shards:
        queue(alone).wake(shard, "2026-12-01T00:00")
    assert together.batches == [10, 6]
    assert [(url, {k: v for k, v in message.items() if k != "Id"}) for url, message in together.sent] == alone.sent


def test_what_sqs_refuses_is_said_once_the_others_are_sent() -> None:
    """The sweep then fails, which an alarm counts, and the next minute sends them again."""
    sqs = Sqs(refused=1)
    with pytest.raises(NotWoken, match="1 of 16"):
        queue(sqs).wake_many([f"{n:02d}" for n in range(16)], "2026-12-01T00:00")
    assert len(sqs.sent) == 15
