"""Issue 16: a batch of notices is worked at once; only faults of ours come again."""

import copy
import json
import logging
from pathlib import Path
from threading import Barrier

from aws_lambda_powertools import Logger

from billing.edge.workers.webhook_sender import THREADS, WebhookSender
from billing.integrations.aws.webhook_queue import parse_notice
from billing.services.webhooks.sending import Outcome, Report
from billing.services.webhooks.transport import Answer, Reason

EVENT = json.loads((Path(__file__).parents[4] / "events" / "sqs_webhook_sender.json").read_text())


def batch(*deliveries: str) -> dict:
    made = copy.deepcopy(EVENT)
    (sample,) = made["Records"]
    made["Records"] = [
        {**sample, "messageId": f"m{n}", "body": json.dumps({"t": "acme", "d": each, "n": 1})}
        for n, each in enumerate(deliveries)
    ]
    return made


def worker(send) -> WebhookSender:
    return WebhookSender(parse_notice, send, Logger(level=logging.CRITICAL))


def test_16_all_messages_of_a_batch_are_worked_at_once() -> None:
    """Each waits for all others: with one thread less, none would ever be done."""
    together = Barrier(THREADS, timeout=30)

    def send(_notice, *, again) -> Report:
        together.wait()
        return Report(Outcome.SUCCEEDED)

    event = batch(*(f"dlv_A_{n}" for n in range(THREADS)))
    assert worker(send).lambda_handler(event, None) == {"batchItemFailures": []}


def test_16_a_message_is_read_as_it_comes() -> None:
    seen = []

    def send(notice, *, again) -> Report:
        seen.append(notice)
        return Report(Outcome.UNWANTED)

    assert worker(send).lambda_handler(copy.deepcopy(EVENT), None) == {"batchItemFailures": []}
    (notice,) = seen
    assert notice.endpoint_id == EVENT["Records"][0]["attributes"]["MessageGroupId"]


def test_scenario_38_what_a_receiver_does_is_no_failure_of_a_message() -> None:
    answer = Report(Outcome.FAILED, Answer(40, 404, Reason.STATUS))
    assert worker(lambda _, **__: answer).lambda_handler(batch("dlv_A_1"), None) == {"batchItemFailures": []}


def test_16_a_fault_of_ours_fails_its_own_message_and_no_other() -> None:
    def send(notice, *, again) -> Report:
        if notice.delivery_id == "dlv_A_2":
            raise KeyError("a bug")
        return Report(Outcome.SUCCEEDED)

    answer = worker(send).lambda_handler(batch("dlv_A_1", "dlv_A_2", "no delivery's id"), None)
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["m1", "m2"]


def test_16_whoever_gets_a_message_for_the_second_time_is_told() -> None:
    """Somebody had it before, and died or could not work it."""
    seen = {}

    def send(notice, *, again) -> Report:
        seen[notice.delivery_id] = again
        return Report(Outcome.UNWANTED)

    event = batch("dlv_A_1", "dlv_A_2")
    event["Records"][1] = copy.deepcopy(event["Records"][1])
    event["Records"][1]["attributes"]["ApproximateReceiveCount"] = "2"
    worker(send).lambda_handler(event, None)
    assert seen == {"dlv_A_1": False, "dlv_A_2": True}
