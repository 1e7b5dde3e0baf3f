"""Issue 14: what the local stack tells of itself is what the end-to-end tests know of it."""

import json
from pathlib import Path

from local.stack import seed
from local.stack.routes import template
from local.stack.settings import Paths, Ports
from tests.e2e.conftest import Stack


def test_14_the_stack_file_has_what_the_end_to_end_tests_read_and_nothing_else(tmp_path: Path) -> None:
    """A field that only one of both has would fail every end-to-end test, before the first of them."""
    paths = Paths(tmp_path)
    outputs = {name: f"the {name}" for name in template()["Outputs"]}
    seed.write_stack_file(paths, Ports(1, 2, 3, 4), seed.Keys(), outputs)
    stack = Stack(**json.loads(paths.stack.read_text()))
    assert stack.stripe_connect_webhook_url == "http://127.0.0.1:2/webhooks/stripe-connect"
    assert stack.payout_queue_url == "the PayoutQueueUrl"
    assert stack.payout_dead_letter_queue_url == "the PayoutDeadLettersUrl"
    assert stack.tables["payouts"] == "the TablePayouts"
