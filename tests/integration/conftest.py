"""One world for the session; a fresh tenant for each test."""

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import boto3
import pytest
import stripe
from moto import mock_aws

from billing.config import tables_variable
from local.stack.platform_key import create_platform_key
from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control
from local.stripe_sandbox.testing import client as stripe_client
from tests.integration import lambdas
from tests.integration.emitted import Emitted
from tests.integration.steps import START
from tests.integration.world import TAX_WEBHOOK_SECRET, Clock, Entropy, Tenant, World
from tests.support.quick_moto import quicken
from tests.support.signing import sign_digests
from tests.support.tables import create_tables

STRIPE_KEY = "sk_test_integration01"
ISSUER = "https://billing.example"


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxServer]:
    """Stripe, as strict as its own description. Deliveries wait: the tests carry them to the handler."""
    with SandboxServer(check_responses=True) as server:
        Control(server.url).post("webhooks", mode="paused")
        yield server
        assert server.sandbox is not None
        assert server.sandbox.violations == []


@pytest.fixture(scope="session")
def world(sandbox: SandboxServer) -> Iterator[World]:
    """AWS and Stripe, with the environment that template.yaml would set. ``bootstrap`` keeps what it makes for the
    process, so the environment is set once."""
    patch = pytest.MonkeyPatch()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "ledgerline",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "STRIPE_API_BASE": sandbox.url,
        "TAXJAR_API_BASE": sandbox.url,
    }.items():
        patch.setenv(name, value)
    # The SDK waits between its tries; here nobody has to.
    patch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
    patch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.002)
    quicken()
    sign_digests(patch)
    emitted = Emitted()
    with mock_aws():
        made = _stack(patch, cache(boto3.client), sandbox)
        emitted.watch(patch)
        yield made
    patch.undo()
    assert emitted.problems() == []


def _stack(patch: pytest.MonkeyPatch, aws: Any, sandbox: SandboxServer) -> World:
    tables = create_tables(aws("dynamodb"))
    patch.setenv("TABLES", tables_variable(tables))
    api = stripe_client(sandbox, STRIPE_KEY)
    endpoint = api.v1.webhook_endpoints.create(
        {"url": "https://billing.example/webhooks/stripe", "enabled_events": ["*"]}
    )
    assert endpoint.secret is not None
    of_connected = api.v1.webhook_endpoints.create(
        {"url": "https://billing.example/webhooks/stripe-connect", "enabled_events": ["*"], "connect": True}
    )
    assert of_connected.secret is not None
    secret = json.dumps(
        {
            "api_key": STRIPE_KEY,
            "webhook_secrets": [endpoint.secret],
            "connect_webhook_secrets": [of_connected.secret],
        }
    )
    queue = aws("sqs").create_queue(QueueName="billing.fifo", Attributes={"FifoQueue": "true"})
    clock_queue = aws("sqs").create_queue(QueueName="clocks.fifo", Attributes={"FifoQueue": "true"})
    usage_queue = aws("sqs").create_queue(QueueName="usage")
    patch.setenv("KMS_KEY_ID", aws("kms").create_key()["KeyMetadata"]["Arn"])
    signing_key = aws("kms").create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    patch.setenv("SIGNING_KEY_ID", signing_key)
    patch.setenv("ISSUER", ISSUER)
    patch.setenv("STRIPE_SECRET_ID", aws("secretsmanager").create_secret(Name="stripe", SecretString=secret)["Name"])
    tax = json.dumps({"taxjar_token": "tj_integration", "webhook_secrets": [TAX_WEBHOOK_SECRET]})
    patch.setenv("TAX_SECRET_ID", aws("secretsmanager").create_secret(Name="tax", SecretString=tax)["Name"])
    patch.setenv("BILLING_QUEUE_URL", queue["QueueUrl"])
    patch.setenv("CLOCK_QUEUE_URL", clock_queue["QueueUrl"])
    patch.setenv("USAGE_QUEUE_URL", usage_queue["QueueUrl"])
    payout_queue = aws("sqs").create_queue(QueueName="payouts.fifo", Attributes={"FifoQueue": "true"})
    patch.setenv("PAYOUT_QUEUE_URL", payout_queue["QueueUrl"])
    _webhook_queues(patch, aws)
    report_queue = aws("sqs").create_queue(QueueName="reports.fifo", Attributes={"FifoQueue": "true"})
    patch.setenv("REPORT_QUEUE_URL", report_queue["QueueUrl"])
    aws("s3").create_bucket(Bucket="report-files")
    patch.setenv("REPORT_BUCKET", "report-files")
    entropy = Entropy()
    world = World(
        aws=aws,
        tables=tables,
        clock=_own_clock(patch, entropy),
        platform_key=create_platform_key(aws("dynamodb"), tables),
        queue_url=queue["QueueUrl"],
        clock_queue_url=clock_queue["QueueUrl"],
        usage_queue_url=usage_queue["QueueUrl"],
        stripe=api,
        sandbox=Control(sandbox.url),
        sandbox_url=sandbox.url,
        stripe_secret_id=os.environ["STRIPE_SECRET_ID"],
        webhook_secret=endpoint.secret,
        connect_webhook_secret=of_connected.secret,
        entropy=entropy,
    )
    from billing.bootstrap import process as process_bootstrap
    from billing.bootstrap import storage
    from billing.bootstrap import users as users_bootstrap

    patch.setattr(users_bootstrap, "mailer", lambda: world.outbox)
    logger = process_bootstrap.logger()
    world.logs.handler.setFormatter(logger.registered_formatter)
    logger.addHandler(world.logs.handler)
    logging.getLogger("billing").addHandler(world.logs.handler)
    patch.setattr(lambdas, "before_each", [world.forget_counts])
    world.keep_signing_keys()
    storage.database().client.meta.events.register("provide-client-params.dynamodb.*", world.note_write)
    return world


def _webhook_queues(patch: pytest.MonkeyPatch, aws: Any) -> None:
    for variable, name in {
        "WEBHOOK_WORK_QUEUE_URL": "webhooks.fifo",
        "WEBHOOK_QUEUE_URL": "webhooks-fast",
        "WEBHOOK_SLOW_QUEUE_URL": "webhooks-slow",
        "STREAM_FAILURES_URL": "stream-failures",
    }.items():
        attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        patch.setenv(variable, aws("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def _own_clock(patch: pytest.MonkeyPatch, entropy: Entropy) -> Clock:
    """A clock that the tests can move, handed in where bootstrap hands in the wall clock and ``sleep``."""
    from billing.bootstrap import process as process_bootstrap
    from billing.bootstrap import storage, sweep
    from billing.storage.units import DynamoUnits

    clock = Clock()
    patch.setattr(process_bootstrap, "now", clock)
    patch.setattr(process_bootstrap, "sleep", clock.sleep)
    patch.setattr(process_bootstrap, "monotonic_s", clock.passed_s)
    units = DynamoUnits(replace(storage.units().runtime, pause=clock.sleep, entropy=entropy))
    patch.setattr(storage, "units", lambda: units)
    # moto's indexes do not lag: a worker that waits for them waits on this clock.
    worker = replace(sweep.worker(), pause=clock.sleep)
    patch.setattr(sweep, "worker", lambda: worker)
    payout_worker = replace(sweep.payout_worker(), pause=clock.sleep)
    patch.setattr(sweep, "payout_worker", lambda: payout_worker)
    return clock


@pytest.fixture(scope="module", autouse=True)
def _small_tables(world: World) -> Iterator[None]:
    """moto copies every table in every transaction: what a module leaves behind would slow down all the others."""
    yield
    world.forget_all()


@pytest.fixture(autouse=True)
def _fresh(world: World, request: pytest.FixtureRequest) -> Iterator[None]:
    """The real time again, a Stripe that works, no call counted yet, and nothing left in queues, mails or logs."""
    world.forget_counts()
    world.counting = request.node.get_closest_marker("limits") is not None
    for _ in world.queued():
        pass
    world.usage_messages()
    world.writes.clear()
    world.begin()
    world.logs.clear()
    world.outbox.mails.clear()
    yield
    world.counting = False
    world.clock.reset()
    world.entropy.reset()
    if world.sandbox.get("faults")["data"]:
        world.stripe_works()
    world.forget_tenants()
    world.restore_signing_keys()


@pytest.fixture
def tenant(world: World) -> Tenant:
    """A fresh tenant in test mode, with its first admin key."""
    return world.tenant()


@pytest.fixture
def clock(tenant: Tenant) -> str:
    """A test clock at ``START``."""
    made: str = tenant.post("/v1/test-clocks", {"frozenTime": START}).data["id"]
    return made


@pytest.fixture
def customer(tenant: Tenant, clock: str) -> str:
    """A customer on the clock."""
    return tenant.customer(testClockId=clock)
