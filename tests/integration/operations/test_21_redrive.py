"""Issue 21, number 2: dead letters go back to their queues, once each, whatever cuts a run off."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from operations.redrive import Letters, queues, redrive
from tests.integration.operations.conftest import QUEUES, Run
from tests.integration.world import Json, World


@pytest.fixture(autouse=True)
def _empty(world: World, outputs: dict[str, str]) -> Iterator[None]:
    world.clock.reset()
    yield
    for each in queues(outputs).values():
        received(world, each.queue_url)
        received(world, each.letters_url)


def letter(world: World, url: str, body: Json, group: str | None = None) -> None:
    fifo = {"MessageDeduplicationId": json.dumps(body)} if url.endswith(".fifo") else {}
    more = {"MessageGroupId": group} if group else {}
    world.aws("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(body), **more, **fifo)


def received(world: World, url: str) -> list[tuple[Json, str | None]]:
    """What is in a queue, with its groups; taken out of it."""
    sqs, found = world.aws("sqs"), []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"]).get(
        "Messages"
    ):
        for each in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            found.append((json.loads(each["Body"]), each.get("Attributes", {}).get("MessageGroupId")))
    return found


def test_every_queue_of_the_stack_has_a_name(outputs: dict[str, str]) -> None:
    assert list(queues(outputs)) == [
        "billing", "clock", "payout", "report", "usage", "webhook", "webhook-slow", "webhook-work",
    ]  # fmt: skip
    assert len(queues(outputs)) == len(QUEUES)


def test_letters_go_back_with_their_groups_and_twice_is_once(
    world: World, outputs: dict[str, str], operate: Run
) -> None:
    for shard in ("03", "07"):
        letter(world, outputs["BillingDeadLettersUrl"], {"shard": shard}, group=shard)
    for n in range(12):
        letter(world, outputs["UsageDeadLettersUrl"], {"chunk": n})
    shown = [each.split() for each in operate("redrive").output.splitlines()]
    assert ["│", "billing", "│", "2", "│"] in shown
    assert ["│", "usage", "│", "12", "│"] in shown
    assert "about 2 letters would be sent back" in operate("redrive", "billing", "--dry-run").output
    assert received(world, outputs["BillingQueueUrl"]) == []
    done = operate("redrive", "--all").output.splitlines()
    assert {"billing: 2 letters sent back", "usage: 12 letters sent back", "clock: 0 letters sent back"} <= set(done)
    assert received(world, outputs["BillingQueueUrl"]) == [({"shard": "03"}, "03"), ({"shard": "07"}, "07")]
    assert sorted(body["chunk"] for body, _ in received(world, outputs["UsageQueueUrl"])) == list(range(12))
    assert "usage: 0 letters sent back" in operate("redrive", "usage").output
    assert operate("redrive", "nothing").exit_code == 2
    routes = [row["route"]["S"] for row in world.rows_of("audit", "platform") if row["method"]["S"] == "OPERATE"]
    assert [each.split()[:2] for each in routes[-3:]] == [["operations", "redrive"]] * 3
    assert routes[-3] == "operations redrive billing --dry-run"
    assert "billing" in routes[-2].split()


class Dying:
    """SQS in front of a run that is killed before it deletes a letter."""

    def __init__(self, sqs: Any) -> None:
        self._sqs = sqs

    def __getattr__(self, name: str) -> Any:
        if name == "delete_message":
            raise KeyboardInterrupt
        return getattr(self._sqs, name)


def test_a_letter_that_a_killed_run_sent_is_not_lost_and_on_a_fifo_queue_not_doubled(
    world: World, outputs: dict[str, str]
) -> None:
    letters = queues(outputs)["clock"]
    letter(world, letters.letters_url, {"shard": "clock#ten_1#clk_1"}, group="clock#ten_1#clk_1")
    with pytest.raises(KeyboardInterrupt):
        redrive(Dying(world.aws("sqs")), letters)
    _show_again(world, letters)
    assert redrive(world.aws("sqs"), letters) == 1
    assert [body for body, _ in received(world, letters.queue_url)] == [{"shard": "clock#ten_1#clk_1"}]


def _show_again(world: World, letters: Letters) -> None:
    """Have the time pass for which a received letter is hidden."""
    from moto.backends import get_backend
    from moto.core import DEFAULT_ACCOUNT_ID

    name = letters.letters_url.rpartition("/")[2]
    queue = get_backend("sqs")[DEFAULT_ACCOUNT_ID]["us-east-1"].queues[name]
    for message in queue._messages:
        message.visible_at = 0
    queue.pending_message_groups.clear()
    queue.pending_messages.clear()
