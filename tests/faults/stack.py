"""What the fault tests stand on: an emulator, a Stripe sandbox, and processes that run the product.

Nothing here touches AWS from the pytest process, where another suite may have put moto between.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from billing.services.payments.stripe_lookup import HANDLED
from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.webhooks import signature
from tests.faults.at_stripe import SECRET
from tests.faults.books import AtStripe, Books
from tests.faults.laws import violations
from tests.support.tables import table_definitions

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
SETTINGS: Json = {"idempotency_wait_s": 3.0, "stripe_timeout_s": 1.2}
LEASE_S = 10.0
PAYMENT_CHECK_S = 60.0
RETRY = timedelta(seconds=15)
"""After this a client asks again: the run that died holds its idempotency record for 10 s."""
_READY_TIMEOUT_S = 40.0
_STOP_TIMEOUT_S = 10.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _asked(url: str, key: str | None = None, body: Json | None = None) -> Json:
    request = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode())
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: Json = json.loads(answer.read())
        return found


class Process:
    """A child process whose output goes to a file, ended by its own id."""

    def __init__(self, command: Sequence[str], env: dict[str, str], log: Path, pipes: bool = False) -> None:
        pipe = subprocess.PIPE if pipes else subprocess.DEVNULL
        with log.open("ab") as sink:
            self.popen = subprocess.Popen(
                command,
                env=env,
                cwd=ROOT,
                stdin=pipe,
                stdout=pipe if pipes else sink,
                stderr=sink,
                text=pipes,
            )

    def stop(self) -> None:
        """Ask it to end, then end it."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                pipe.close()


@dataclass(frozen=True)
class Answer:
    """How a job ended: the exit code of its process, and what its steps answered before that."""

    exit: int
    answers: list[Any]

    @property
    def died(self) -> bool:
        """Whether it was killed where it was told to be."""
        return self.exit == 137

    def all(self) -> list[Any]:
        """The answers of a job that ran to its end."""
        assert self.exit == 0, self.answers[-1].get("raised", self.answers[-1]) if self.answers else self.exit
        return self.answers

    def last(self) -> Any:
        """The last step's answer, of a job that ran to its end."""
        return self.all()[-1]


class Driver:
    """A parent process that forks a child for each job (``driver``)."""

    def __init__(self, env: dict[str, str], logs: Path) -> None:
        log = logs / f"driver-{os.urandom(3).hex()}.log"
        command = [sys.executable, "-m", "tests.faults.driver"]
        self.process = Process(command, env | {"FAULTS_LOG": str(log)}, log, pipes=True)
        self._lock = threading.Lock()
        self._log = log

    def wait_ready(self) -> None:
        """Return when it has imported everything."""
        assert self.process.popen.stdout is not None
        line = self.process.popen.stdout.readline()
        assert line == '"ready"\n', f"the driver did not start: {self._log.read_text()[-3000:]}"

    def run(self, jobs: Sequence[Json]) -> list[Answer]:
        """Run the jobs at the same time, each in a process of its own."""
        with self._lock:
            pipe = self.process.popen
            assert pipe.stdin is not None
            assert pipe.stdout is not None
            pipe.stdin.write(json.dumps(list(jobs)) + "\n")
            pipe.stdin.flush()
            line = pipe.stdout.readline()
        assert line, f"the driver ended: {self._log.read_text()[-3000:]}"
        return [Answer(answer["exit"], answer["answers"]) for answer in json.loads(line)]


@dataclass(frozen=True)
class Lane:
    """A driver with a Stripe of its own, so that one test's faults are not another's."""

    driver: Driver
    sandbox: SandboxServer

    def clear_faults(self) -> None:
        """Stripe is well again."""
        assert self.sandbox.sandbox is not None
        self.sandbox.sandbox.faults.clear()


class Stack:
    """One emulator for the session, and the lanes in which tests run beside each other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._url = f"http://127.0.0.1:{_free_port()}"
        self._emulator = Process([sys.executable, "-m", "ministack"], self._emulator_env(), folder / "emulator.log")
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

    def stop(self) -> None:
        """End what was started."""
        for driver in self._drivers:
            driver.process.stop()
        self._emulator.stop()
        for sandbox in self._sandboxes:
            sandbox.stop()

    def lane(self) -> Lane:
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
        tables = {f"TABLE_{plain.upper()}": world.names["prefix"] + plain for plain in table_definitions()}
        names = {
            "STRIPE_SECRET_ID": world.names["secret_id"],
            "BILLING_QUEUE_URL": world.names["queue_url"],
            "USAGE_QUEUE_URL": world.names["usage_queue_url"],
        }
        return self._driver_env(world.lane.sandbox.url) | tables | names

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
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(json.loads(answer.read())["secret"])

    def _emulator_env(self) -> dict[str, str]:
        return self._aws_env() | {
            "GATEWAY_PORT": self._url.rsplit(":", 1)[-1],
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": "us-east-1",
            "SERVICES": "dynamodb,kms,secretsmanager,sqs,sts",
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
            "USAGE_QUEUE_URL": "set by the world",
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
                _asked(f"{self._url}/_ministack/health")
                return
            except (urllib.error.URLError, OSError):
                assert self._emulator.popen.poll() is None, "the emulator ended by itself"
                assert time.monotonic() < deadline, "the emulator did not answer in time"
                time.sleep(0.05)


def step(do: str, **arguments: Any) -> Json:
    """A step of a job."""
    return {"do": do, **arguments}


def post(group: str, path: str, key: str, idem: str, body: Json | None = None) -> Json:
    """A write, as a step."""
    return step("http", group=group, method="POST", path=path, key=key, idem=idem, body=body)


def patch(group: str, path: str, key: str, idem: str, body: Json) -> Json:
    """A change, as a step."""
    return step("http", group=group, method="PATCH", path=path, key=key, idem=idem, body=body)


def delete(group: str, path: str, key: str, idem: str) -> Json:
    """A removal, as a step."""
    return step("http", group=group, method="DELETE", path=path, key=key, idem=idem)


def get(group: str, path: str, key: str) -> Json:
    """A read, as a step."""
    return step("http", group=group, method="GET", path=path, key=key)


class World:
    """Tables, a queue and a Stripe account of its own, and how a test acts in it."""

    def __init__(self, lane: Lane, names: Json) -> None:
        self.lane = lane
        self.names = names
        self.platform_key: str = names["platform_key"]
        self.stripe_key: str = names["stripe_key"]

    def job(self, at: datetime, *steps: Json) -> Json:
        """A job that starts when the product's clock shows ``at``."""
        return {"world": self.names, "at": at.isoformat(), "steps": list(steps)}

    def run(self, at: datetime, *steps: Json) -> Answer:
        """One job, in the driver itself."""
        return self.lane.driver.run([self.job(at, *steps) | {"here": True}])[0]

    def run_apart(self, at: datetime, *steps: Json) -> Answer:
        """One job in a process of its own, which may die."""
        return self.lane.driver.run([self.job(at, *steps)])[0]

    def stripe(self, path: str) -> Json:
        """What Stripe says to a GET."""
        return _asked(f"{self.lane.sandbox.url}/v1/{path}", self.stripe_key)

    def control(self, path: str, /, **body: Any) -> Json:
        """The sandbox's control API."""
        return _asked(f"{self.lane.sandbox.url}/_sandbox/{path}", None, body)

    def clear_faults(self) -> None:
        """Stripe is well again."""
        self.lane.clear_faults()

    def requests(self) -> list[Json]:
        """The sandbox's log."""
        found: list[Json] = _asked(f"{self.lane.sandbox.url}/_sandbox/requests")["data"]
        return found

    def charges(self, since: int = 0) -> list[Json]:
        """Every charge of this world's Stripe account, newest first, failed ones too.

        Args:
            since: in Unix seconds.
        """
        return self.listed("charges", since)

    def listed(self, objects: str, since: int = 0, **filters: str) -> list[Json]:
        """All of one of Stripe's lists, newest first."""
        wanted = {"limit": "100", **filters} | ({"created[gte]": str(since)} if since else {})
        found: list[Json] = []
        while True:
            page = self.stripe(f"{objects}?{urlencode(wanted)}")
            found += page["data"]
            if not page["has_more"]:
                return found
            wanted["starting_after"] = found[-1]["id"]

    def event_of(self, intent_id: str, kind: str = "payment_intent.succeeded") -> Json:
        """Stripe's event about an intent."""
        events = self.stripe(f"events?type={kind}&limit=100")["data"]
        found: Json = next(event for event in events if event["data"]["object"]["id"] == intent_id)
        return found

    def event_about(self, tenant: Tenant, kind: str) -> Json:
        """Stripe's newest event of a kind about one of a tenant's intents."""
        events = self.stripe(f"events?type={kind}&limit=100")["data"]
        own = (event for event in events if event["data"]["object"]["metadata"].get("tenant_id") == tenant.id)
        return next(own)

    def delivery(self, event: Json) -> Json:
        """A delivery of an event with a valid signature, as a step."""
        body = json.dumps(event)
        return step("webhook", body=body, signature=signature(SECRET, body, int(time.time())))

    def new_tenant(
        self,
        at: datetime,
        customers: int = 1,
        clock: bool = False,
        plans: Sequence[str] = ("business",),
        address: Json | None = None,
        **settings: Any,
    ) -> Tenant:
        """A tenant in test mode, with plans and customers.

        Args:
            clock: the customers are attached to a test clock.
            plans: ids of ``PLANS``.
            address: of each customer.
            settings: of the tenant.
        """
        name, since = os.urandom(4).hex(), int(time.time())
        wanted = {"name": name, "mode": "test", "currency": "USD", **settings}
        made = self.run(at, post("tenants", "/v1/tenants", self.platform_key, name, wanted)).last()
        assert made["status"] == 201, made
        key = made["body"]["data"]["apiKey"]
        steps = [post("catalog", "/v1/plans", key, plan, PLANS[plan]) for plan in plans]
        clock_id = None
        if clock:
            frozen = (at + timedelta(days=1)).replace(microsecond=0)
            text = frozen.isoformat().replace("+00:00", "Z")
            answer = self.run(at, post("test_clocks", "/v1/test-clocks", key, "clock", {"frozenTime": text})).last()
            clock_id = answer["body"]["data"]["id"]
        for n in range(customers):
            body: Json = {"name": f"Zoë {n}", "email": f"zoe{n}@example.org"}
            body |= {"address": address} if address else {}
            body |= {"testClockId": clock_id} if clock_id else {}
            steps.append(post("customers", "/v1/customers", key, f"customer-{n}", body))
        answers = self.run(at, *steps).all()
        assert [answer["status"] for answer in answers] == [201] * len(answers), answers
        ids = [answer["body"]["data"]["id"] for answer in answers[len(plans) :]]
        return Tenant(self, made["body"]["data"]["id"], key, ids, clock_id, since)


PLAN: Json = {
    "id": "business",
    "name": "Business",
    "currency": "USD",
    "interval": "month",
    "components": [
        {"key": "base", "type": "flat", "unitAmount": 4999000},
        {"key": "seats", "type": "licensed", "unitAmount": 500000},
    ],
}
PERIOD_CENTS = 4999 + 3 * 500
# Their months are all of a length, and they prorate by the day: what they bill does not depend on when a test runs.
THIRTY_DAYS: Json = PLAN | {"id": "thirty", "interval": "day", "intervalCount": 30, "prorationUnit": "day"}
NINETY_DAYS: Json = THIRTY_DAYS | {
    "id": "ninety",
    "intervalCount": 90,
    "components": [{"key": "base", "type": "flat", "unitAmount": 13500000}, PLAN["components"][1]],
}
PLANS: dict[str, Json] = {plan["id"]: plan for plan in (PLAN, THIRTY_DAYS, NINETY_DAYS)}


@dataclass(frozen=True)
class Tenant:
    """A tenant in a world.

    Args:
        since: nothing at Stripe is older, in Unix seconds.
    """

    world: World
    id: str
    key: str
    customer_ids: list[str] = field(default_factory=list)
    clock_id: str | None = None
    since: int = 0

    def subscribe(self, idem: str = "sub", customer: int = 0, **more: Any) -> Json:
        """POST /subscriptions, as a step: $49.99 and three seats of $5.00, by a card that works."""
        body = {
            "customerId": self.customer_ids[customer],
            "planId": "business",
            "quantities": {"seats": 3},
            "paymentMethodId": "pm_card_visa",
        } | more
        return post("subscriptions", "/v1/subscriptions", self.key, idem, body)

    def change(self, subscription_id: str, idem: str = "change", **change: Any) -> Json:
        """PATCH /subscriptions/{id}, as a step."""
        return patch("subscriptions", f"/v1/subscriptions/{subscription_id}", self.key, idem, change)

    def books(self, at: datetime) -> Books:
        """What the tables hold."""
        return Books(self.world.run(at, step("dump", tenant_id=self.id)).last())

    def deliver(self, *types: str, copies: int = 1, shuffle: int | None = None) -> Json:
        """Stripe sends its events about the tenant, all or those of some types, as a step."""
        wanted = list(types) or None
        return step("deliver", tenant_id=self.id, since=self.since, types=wanted, copies=copies, shuffle=shuffle)

    def at_stripe(self, methods: bool = False) -> AtStripe:
        """What Stripe has of the tenant.

        Args:
            methods: what is attached to its customers, too.
        """
        intents = [each for each in self.world.listed("payment_intents", self.since) if self._owns(each)]
        ids = {intent["id"] for intent in intents}

        def about(objects: str) -> list[Json]:
            return [each for each in self.world.listed(objects, self.since) if each["payment_intent"] in ids]

        attached = self._attached() if methods else None
        return AtStripe(intents, about("charges"), about("refunds"), about("disputes"), attached)

    def charges(self) -> list[Json]:
        """The tenant's charges at Stripe that took money."""
        return self.at_stripe().taken

    def check(self, at: datetime, methods: bool = False) -> Books:
        """The books, after the laws that hold for every tenant at rest.

        Args:
            methods: those of saved methods, too: that Stripe's are ours, and that whoever has some has a default.
        """
        books = self.books(at)
        problems = violations(books, self.at_stripe(methods))
        assert not problems, "\n".join(problems)
        return books

    def _attached(self) -> list[Json]:
        customers = [each for each in self.world.listed("customers", self.since) if self._owns(each)]
        return [method for each in customers for method in self.world.listed(f"customers/{each['id']}/payment_methods")]

    def _owns(self, at_stripe: Json) -> bool:
        return bool(at_stripe["metadata"].get("tenant_id") == self.id)


def at_once(world: World, at: datetime, jobs: Sequence[Sequence[Json]]) -> list[Answer]:
    """Several jobs that start at the same moment."""
    start = time.time() + 0.15 + 0.02 * len(jobs)
    prepared = [world.job(at, step("wait_until", unix=start), *steps) for steps in jobs]
    return world.lane.driver.run(prepared)


def iso(moment: datetime) -> str:
    """RFC 3339, as the API wants it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Steps = Callable[[], list[Json]]
