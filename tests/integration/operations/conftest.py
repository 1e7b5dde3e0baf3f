"""The command line of an operator, in front of this process's world."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from local.stack.outputs import plain_name
from operations.__main__ import main
from operations.stack import Stack
from tests.integration.world import World

Run = Callable[..., Result]
QUEUES = ("Billing", "Clock", "Payout", "Usage", "WebhookWork", "Webhook", "WebhookSlow", "Report")
FIFO = ("Billing", "Clock", "Payout", "WebhookWork", "Report")


@pytest.fixture(scope="session")
def outputs(world: World) -> dict[str, str]:
    """As the template's: tables, and a queue with its dead letters of each name."""
    names = ["".join(word.capitalize() for word in plain.split("_")) for plain in world.tables]
    made = {f"Table{name}": world.tables[plain_name(f"Table{name}")] for name in names}
    for name in QUEUES:
        for suffix in ("Queue", "DeadLetters"):
            fifo = ".fifo" if name in FIFO else ""
            attributes = {"FifoQueue": "true"} if fifo else {}
            url = world.aws("sqs").create_queue(QueueName=f"ops-{name}{suffix}{fifo}", Attributes=attributes)
            made[f"{name}{suffix}Url"] = url["QueueUrl"]
    return made | {"OauthRoleArn": "arn:aws:iam::123456789012:role/oauth"}


@pytest.fixture
def operate(world: World, outputs: dict[str, str]) -> Run:
    """Run a command; what it printed, and its exit code."""

    def enter(name: str) -> Stack:
        return Stack(name, outputs, "operator:user/ada", world.aws)

    return lambda *arguments, **more: CliRunner().invoke(main, arguments, obj=enter, catch_exceptions=False, **more)
