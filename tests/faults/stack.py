"""What the fault tests stand on: an emulator, a Stripe sandbox, and processes that run the product.

Nothing here touches AWS from the pytest process, where another suite may have put moto between.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from pathlib import Path
from urllib.parse import urlencode

from billing.config import tables_variable
from billing.integrations.stripe.events import HANDLED
from local.stripe_sandbox.server import SandboxServer
from tests.faults.at_stripe import SECRET
from tests.faults.processes import ROOT, Driver, Json, Lane, Process
from tests.faults.world import World, asked, step
from tests.support.tables import table_definitions

SETTINGS: Json = {"idempotency_wait_s": 3.0, "stripe_timeout_s": 1.2}
_READY_TIMEOUT_S = 40.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Stack:
    """One emulator for the session, and the lanes in which tests run beside each other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._url = f"http://127.0.0.1:{_free_port()}"
        self._emulator = Process(
            [sys.executable, "-m", "tests.faults.emulator"], self._emulator_env(), folder / "emulator.log"
        )
        self._worlds = count(1)
        self._drivers: list[Driver] = []
        self._sandboxes: list[SandboxServer] = []
        try:
            # Side by side: they take their time to start.
            self.main = self._begin_lane()
            self._wait_for_emulator()
            self.main.driver.wait_ready()
            key = {"world": {}, "at": "2026-01-01T00:00:00+00:00", "steps": [step("create_key")]}
            self.main.driver.run([key])[0].all()
            self._warm_up(self.main)
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Where the emulator answers."""
        return self._url

    def stop(self) -> None:
        """End what was started."""
        for driver in self._drivers:
            driver.process.stop()
        self._emulator.stop()
        for sandbox in self._sandboxes:
            sandbox.stop()

    @cached_property
    def second(self) -> Lane:
        """Another lane, for what runs beside the main one."""
        lane = self._begin_lane()
        lane.driver.wait_ready()
        self._warm_up(lane)
        return lane

    def driver_beside(self, lane: Lane) -> Driver:
        """A second driver of a lane, for what has to happen while the first one works."""
        driver = self._driver(lane.sandbox)
        driver.wait_ready()
        return driver

    def world(self, sink_url: str | None = None, lane: Lane | None = None) -> World:
        """Tables, queue and Stripe account that no other test has.

        Args:
            sink_url: where Stripe's webhooks go; nowhere by default.
        """
        lane = lane or self.main
        number = next(self._worlds)
        prefix = f"w{number}-"
        key = f"sk_test_world{number:08d}"
        secrets = [SECRET]
        if sink_url:
            secrets.append(self._endpoint_secret(lane, key, sink_url))
        made = step("create_world", prefix=prefix, stripe_key=key, webhook_secrets=secrets)
        job = {"world": {}, "at": "2026-01-01T00:00:00+00:00", "steps": [made], "here": True}
        return World(lane, lane.driver.run([job])[0].last())

    def environment(self, world: World) -> dict[str, str]:
        """The environment of a process that runs the product in a world."""
        names = {plain: world.names["prefix"] + plain for plain in table_definitions()}
        variables = {
            "TABLES": tables_variable(names),
            "STRIPE_SECRET_ID": world.names["secret_id"],
            "BILLING_QUEUE_URL": world.names["queue_url"],
            "CLOCK_QUEUE_URL": world.names["queue_url"],
            "USAGE_QUEUE_URL": world.names["usage_queue_url"],
            "PAYOUT_QUEUE_URL": world.names["payout_queue_url"],
            "WEBHOOK_WORK_QUEUE_URL": world.names["webhook_work_queue_url"],
            "REPORT_QUEUE_URL": world.names["report_queue_url"],
            "REPORT_BUCKET": world.names["report_bucket"],
        }
        return self._driver_env(world.lane.sandbox.url) | variables

    def _begin_lane(self) -> Lane:
        sandbox = SandboxServer(retry_base_s=0.2).start()
        self._sandboxes.append(sandbox)
        return Lane(self._driver(sandbox), sandbox)

    def _driver(self, sandbox: SandboxServer) -> Driver:
        driver = Driver(self._driver_env(sandbox.url), self._folder)
        self._drivers.append(driver)
        return driver

    def _warm_up(self, lane: Lane) -> None:
        """Play a little of everything in the parent, so that its children have it in memory."""
        world = self.world(lane=lane)
        at = datetime(2026, 1, 1, tzinfo=UTC)
        tenant = world.new_tenant(at)
        delivery = world.delivery({"id": "evt_1", "type": "none", "data": {}})
        sweeps = [step("later", seconds=40 * 86400), step("sweep"), step("drain"), delivery]
        steps = [tenant.subscribe(), *sweeps, step("dump", tenant_id=tenant.id)]
        lane.driver.run([world.job(at, *steps) | {"here": True, "freeze": True}])[0].all()

    @staticmethod
    def _endpoint_secret(lane: Lane, key: str, url: str) -> str:
        # Those that the product handles: others would only keep a request waiting that they precede.
        data = urlencode([("url", url), *(("enabled_events[]", each) for each in sorted(HANDLED))]).encode()
        request = urllib.request.Request(f"{lane.sandbox.url}/v1/webhook_endpoints", data=data)
        request.add_header("Authorization", f"Bearer {key}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(json.loads(answer.read())["secret"])

    def _emulator_env(self) -> dict[str, str]:
        return self._aws_env() | {
            "GATEWAY_PORT": self._url.rsplit(":", 1)[-1],
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": "us-east-1",
            "SERVICES": "dynamodb,kms,s3,secretsmanager,sqs,sts",
            "PERSIST_STATE": "0",
            "IOT_MTLS_ENABLED": "false",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
        }

    def _driver_env(self, stripe_url: str) -> dict[str, str]:
        return self._aws_env() | {
            "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'shared'}",
            "KMS_KEY_ID": "alias/faults",
            "STRIPE_SECRET_ID": "stripe",
            "STRIPE_API_BASE": stripe_url,
            "BILLING_QUEUE_URL": "set by the world",
            "CLOCK_QUEUE_URL": "set by the world",
            "USAGE_QUEUE_URL": "set by the world",
            "PAYOUT_QUEUE_URL": "set by the world",
            "WEBHOOK_WORK_QUEUE_URL": "set by the world",
            "REPORT_QUEUE_URL": "set by the world",
            "REPORT_BUCKET": "set by the world",
            "WEBHOOK_QUEUE_URL": "set by the world",
            "WEBHOOK_SLOW_QUEUE_URL": "set by the world",
            "WEBHOOK_LOOPBACK": "1",
            "ISSUER": "https://billing.example",
            "DUE_SHARDS": "1",
            "POWERTOOLS_SERVICE_NAME": "faults",
            "POWERTOOLS_LOG_LEVEL": "INFO",
            "POWERTOOLS_TRACE_DISABLED": "true",
            "FAULTS_SETTINGS": json.dumps(SETTINGS),
        }

    def _aws_env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON", "STRIPE_"))}
        return kept | {
            "AWS_ENDPOINT_URL": self._url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _wait_for_emulator(self) -> None:
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while True:
            try:
                asked(f"{self._url}/_ministack/health")
                return
            except (urllib.error.URLError, OSError):
                assert self._emulator.popen.poll() is None, "the emulator ended by itself"
                assert time.monotonic() < deadline, "the emulator did not answer in time"
                time.sleep(0.05)
