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

from benchmarks.environment import furnished, queue_arn
from billing.config import tables_variable
from local.stack.emulator import start_emulator, wait_for_emulator
from local.stack.platform_key import create_platform_key
from local.stack.settings import Paths, Ports, aws_environment
from local.stripe_sandbox.server import SandboxServer
from tests.support.tables import create_tables

PREFIX = "bench-"
"""Of the tables' names."""
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
    payout_queue_arn: str
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
    names = create_tables(dynamodb, prefix=PREFIX)
    api_key, webhook_secret = "sk_test_" + secrets.token_hex(12), "whsec_" + secrets.token_hex(16)
    secret = json.dumps(
        {"api_key": api_key, "webhook_secrets": [webhook_secret], "connect_webhook_secrets": [webhook_secret]}
    )
    boto3.client("secretsmanager").create_secret(Name="stripe", SecretString=secret)
    known = {
        "TABLES": tables_variable(names),
        "StripeSecret": "stripe",
        "TaxSecret": "tax",
        "STRIPE_API_BASE": sandbox.url,
        "TAXJAR_API_BASE": sandbox.url,
        "ISSUER": "https://bench.example",
    }
    variables = furnished(known | {"STAGE": "dev", "POWERTOOLS_SERVICE_NAME": "benchmark"})
    # The log lines of thousands of calls are not what is looked at here; nor is what the platform does beside.
    os.environ.update(variables | {"POWERTOOLS_LOG_LEVEL": "WARNING", "RECONCILE_EVERY_S": "0"})
    return Backend(
        emulator_pid=emulator_pid,
        stripe_url=sandbox.url,
        stripe_api_key=api_key,
        webhook_secret=webhook_secret,
        platform_key=create_platform_key(dynamodb, names),
        queue_arn=queue_arn(variables["BILLING_QUEUE_URL"]),
        payout_queue_arn=queue_arn(variables["PAYOUT_QUEUE_URL"]),
        usage_queue_arn=queue_arn(variables["USAGE_QUEUE_URL"]),
    )
