"""Partial batch failures: which messages come again."""

from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    SqsFifoPartialProcessor,
    process_partial_response,
)
from hypothesis import given
from hypothesis import strategies as st

from billing.edge.workers.batch import Message, work_batch


def message(name: str, group: str | None, body: str = "ok") -> Message:
    attributes = {"ApproximateReceiveCount": "1"} | ({"MessageGroupId": group} if group else {})
    return {"messageId": name, "body": body, "attributes": attributes, "eventSource": "aws:sqs"}


def failing(seen: list[str]) -> Any:
    """Works a message and notes it; fails where the body says so."""

    def work(each: Message) -> None:
        seen.append(each["messageId"])
        if each["body"] != "ok":
            raise ValueError(each["body"])

    return work


def named(answer: dict[str, Any]) -> list[str]:
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_what_fails_is_named_and_the_others_are_worked() -> None:
    seen: list[str] = []
    batch = [message("1", None), message("2", None, "bad"), message("3", None)]
    assert named(work_batch({"Records": batch}, failing(seen), in_order=False)) == ["2"]
    assert seen == ["1", "2", "3"]


def test_after_a_failure_the_rest_of_its_group_waits_and_other_groups_go_on() -> None:
    seen: list[str] = []
    batch = [message("1", "a", "bad"), message("2", "b"), message("3", "a"), message("4", "b")]
    assert named(work_batch({"Records": batch}, failing(seen), in_order=True)) == ["1", "3"]
    assert seen == ["1", "2", "4"]


def test_when_all_fail_all_are_named_and_nothing_is_raised() -> None:
    batch = [message("1", None, "bad"), message("2", None, "bad")]
    assert named(work_batch({"Records": batch}, failing([]), in_order=True)) == ["1", "2"]


def test_a_process_that_is_told_to_end_ends() -> None:
    def work(_: Message) -> None:
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        work_batch({"Records": [message("1", None)]}, work, in_order=True)


_BODIES = st.sampled_from(["ok", "ok", "bad"])


@pytest.mark.parametrize("in_order", [False, True], ids=["standard", "fifo"])
def test_powertools_would_say_the_same(in_order: bool) -> None:
    """What it took the place of, for batches of either kind of queue; a standard queue's messages may have a group."""
    groups = st.sampled_from("abc") if in_order else st.none() | st.sampled_from("abc")

    @given(st.lists(st.tuples(groups, _BODIES), min_size=1, max_size=10))
    def law(drawn: list[tuple[str | None, str]]) -> None:
        event = {"Records": [message(str(n), group, body) for n, (group, body) in enumerate(drawn)]}
        theirs: Any = SqsFifoPartialProcessor(skip_group_on_error=True) if in_order else BatchProcessor(EventType.SQS)
        theirs.raise_on_entire_batch_failure = False
        seen: list[str] = []
        work = failing(seen)
        answer = process_partial_response(
            event=event, record_handler=lambda record: work(record.raw_event), processor=theirs
        )
        also: list[str] = []
        ours = work_batch(event, failing(also), in_order=in_order)
        assert sorted(named(ours)) == sorted(named(dict(answer)))
        assert also == seen

    law()
