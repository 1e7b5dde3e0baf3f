"""The command line of the doctor: `make doctor STACK=ledgerline-dev`, or `python -m operations.doctor --stack ...`."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

import boto3

from local.console import say
from operations.deploy.run import main_of, told
from operations.deploy.stack import Addresses, found, require_working
from operations.doctor.findings import Aws, Patient
from operations.doctor.run import examine, report


def command(arguments: Sequence[str] | None = None) -> int:
    """Examine a stack; the exit code.

    Args:
        arguments: those of the command line.
    """
    parser = argparse.ArgumentParser(prog="operations.doctor", description="Says what is wrong with a stack.")
    parser.add_argument("--stack", default="ledgerline-dev", help="name of the CloudFormation stack")
    parser.add_argument("--api-url", help="another address of the API, such as a proxy's")
    parser.add_argument("--webhook-url", help="another address that Stripe sends to")
    parser.add_argument("--connect-webhook-url", help="the same for events of connected accounts")
    options = parser.parse_args(arguments)
    aws: Aws = boto3.client  # type: ignore[assignment]  # the stubs want the service as a literal

    def run() -> int:
        with told("stack"):
            stack = require_working(found(aws("cloudformation"), options.stack), options.stack)
        addresses = Addresses.of(stack, options.api_url, options.webhook_url, options.connect_webhook_url)
        say(f"{stack.name}, {stack.status}:")
        return report(examine(Patient(stack, addresses, aws, datetime.now(UTC))))

    return main_of(run)
