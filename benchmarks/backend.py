"""The world the handlers need, on this machine alone: the AWS emulator and the Stripe sandbox, on free ports."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import boto3

from local.stack.emulator import start_emulator, wait_for_emulator
from local.stack.platform_key import create_platform_key
from local.stack.settings import REGION, Paths, Ports, aws_environment
from local.stripe_sandbox.server import SandboxServer
from tests.support.tables import create_tables

_STOP_TIMEOUT_S = 20.0  # nothing it keeps is wanted


@dataclass(frozen=True)
class Backend:
    """What runs, and the secrets to use it."""

    emulator_pid: int
    stripe_url: str
    stripe_api_key: str
    webhook_secret: str
    platform_key: str
    queue_arn: str
    usage_queue_arn: str


@contextmanager
def backend() -> Iterator[Backend]:
    """Start both, make what template.yaml declares, and point this process's environment at it.

    The environment stays changed: this is for a process that does nothing else afterwards.
    """
    with TemporaryDirectory(prefix="ledgerline-bench-") as folder:
        paths, ports = Paths(Path(folder)), Ports.free()
        paths.make()
        emulator = start_emulator(paths, ports)
        try:
            wait_for_emulator(emulator, ports)
            with SandboxServer() as sandbox:
                os.environ.update(aws_environment(ports))
                yield _furnished(sandbox, emulator.process.pid)
        finally:
            emulator.stop(_STOP_TIMEOUT_S)


def _furnished(sandbox: SandboxServer, emulator_pid: int) -> Backend:
    dynamodb = boto3.client("dynamodb")
    names = create_tables(dynamodb, prefix="bench-")
    api_key, webhook_secret = "sk_test_" + secrets.token_hex(12), "whsec_" + secrets.token_hex(16)
    secret = json.dumps({"api_key": api_key, "webhook_secrets": [webhook_secret]})
    boto3.client("secretsmanager").create_secret(Name="stripe", SecretString=secret)
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName="billing.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    # As long as in template.yaml: no message that is being worked comes a second time.
    usage_queue = sqs.create_queue(QueueName="usage", Attributes={"VisibilityTimeout": "180"})["QueueUrl"]
    os.environ.update({f"TABLE_{plain.upper()}": name for plain, name in names.items()})
    os.environ.update(
        KMS_KEY_ID=boto3.client("kms").create_key()["KeyMetadata"]["Arn"],
        STRIPE_SECRET_ID="stripe",
        STRIPE_API_BASE=sandbox.url,
        BILLING_QUEUE_URL=queue,
        CLOCK_QUEUE_URL=queue,
        PAYOUT_QUEUE_URL=queue,
        USAGE_QUEUE_URL=usage_queue,
        STAGE="dev",
        POWERTOOLS_SERVICE_NAME="benchmark",
        POWERTOOLS_LOG_LEVEL="WARNING",  # the log lines of thousands of calls are not what is looked at here
    )
    return Backend(
        emulator_pid=emulator_pid,
        stripe_url=sandbox.url,
        stripe_api_key=api_key,
        webhook_secret=webhook_secret,
        platform_key=create_platform_key(dynamodb, names),
        queue_arn=f"arn:aws:sqs:{REGION}:000000000000:billing.fifo",
        usage_queue_arn=f"arn:aws:sqs:{REGION}:000000000000:usage",
    )
