"""The product in processes that can really die: a parent that has imported everything forks one child for each job.

Run as ``python -m tests.faults.driver``; talks JSON lines over stdin and stdout (``stack.Driver`` is the other end).
A child is a Lambda worker at its cold start: nothing cached, no connection open. A fault is counted over everything
that leaves the process: botocore's and Stripe's HTTP calls. Not imported by the product or by another test.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import sys
import traceback
from copy import copy
from dataclasses import replace
from typing import Any, TextIO

from billing.bootstrap import connect, payments, storage
from billing.bootstrap import process as process_bootstrap
from billing.config import Settings
from billing.domain.webhooks import delivery
from billing.integrations.stripe.calls import StripeCalls
from billing.integrations.stripe.http_client import GuardedClient
from billing.services.marketplace.pace import Pace
from billing.services.sweep import worker
from tests.faults.child import CLIENTS, CLOCK, GROUPS, HANDLERS, Child, Json, client
from tests.faults.outside import OUTSIDE, Outside, hook


def prepare() -> None:
    """Import the functions with a clock that can be moved and short waits; what a deployment does at build time."""
    waits = json.loads(os.environ["FAULTS_SETTINGS"])
    settings: Settings = replace(Settings.from_environment(), **waits)
    process_bootstrap.now = CLOCK.now
    process_bootstrap.monotonic_s = CLOCK.seconds
    process_bootstrap.settings = lambda: settings  # type: ignore[assignment]
    hook()
    for group in GROUPS:
        HANDLERS[group] = importlib.import_module(f"functions.{group}.handler")
    for service in ("dynamodb", "s3", "sqs", "secretsmanager"):
        client(service)  # their models take long to read
    from billing.integrations.aws.clients import aws_client

    for service in ("kms", "s3", "sqs", "secretsmanager"):
        aws_client(service)
    storage.database().client  # noqa: B018 - made here, connected in the child
    worker._INDEX_LAG_S = 0.02  # the emulator's indexes do not lag
    delivery.WEBHOOK_SHARDS = 1
    Pace.__call__ = lambda self: None  # type: ignore[method-assign]  # a clock that is set back would wait for years
    remember_the_cold_start()


def here(job: Json) -> Json:
    """Run a job in the parent, without the price of a fork.

    What is to be harmed is as cold as a child. Others keep what the ones before them learnt of the same world, for a
    test's preparations are no worker's.
    """
    out = io.StringIO()
    world = job["world"].get("prefix", "")
    if world != _warm["world"] or any(step["do"] == "fault" for step in job["steps"]):
        forget()
    payments.stripe_circuit().succeeded()
    wait_for_stripe(job)
    _warm["world"] = world
    OUTSIDE.__dict__.update(Outside().__dict__)
    code = 0
    try:
        Child(job, out).run(job["steps"])
    except Exception:  # noqa: BLE001 - told to the test, whatever it is
        out.write(json.dumps({"raised": traceback.format_exc()}) + "\n")
        code = 1
    OUTSIDE.__dict__.update(Outside().__dict__)
    if job.get("freeze"):
        gc.collect()
        gc.freeze()  # a child then copies fewer pages
    return {"exit": code, "answers": [json.loads(line) for line in out.getvalue().splitlines()]}


_PATIENT_S = 60.0
_COLD: list[tuple[Any, Json]] = []
_warm = {"world": ""}


def remember_the_cold_start() -> None:
    """What those that keep something in memory hold before the first job, whatever they call it."""
    for holder in (storage.tenants(), storage.vault(), payments.stripe_secrets()):
        state = {name: copy(value) for name, value in vars(holder).items() if value is None or isinstance(value, dict)}
        _COLD.append((holder, state))


def forget() -> None:
    """What no worker knows at its cold start: tenants, their keys, Stripe's secrets, and that Stripe was ill."""
    payments.stripe_circuit().succeeded()
    for holder, state in _COLD:
        vars(holder).update({name: copy(value) for name, value in state.items()})


def wait_for_stripe(job: Json) -> None:
    """Let each call of a job's product wait as long for Stripe as a test that wants its answer, whatever else runs."""
    waits = _PATIENT_S if job.get("patient") else process_bootstrap.settings().stripe_timeout_s
    for gateway in gateways():
        if gateway._http._session._read_s != waits:
            connect_anew(gateway, waits)


def gateways() -> tuple[StripeCalls, ...]:
    """Everything of the product's that is connected to Stripe."""
    return payments.stripe_gateway(), connect.connect_gateway(), connect.balance_transactions()


def connect_anew(gateway: StripeCalls, waits_s: float) -> None:
    """Let a gateway make its connections again: those that it has may be another process's."""
    gateway._http = GuardedClient(gateway._api_base, gateway._breaker, waits_s, gateway._left_s)
    gateway._clients.clear()


def disconnect() -> None:
    """In a child: let go of the parent's connections, without a word to the other side."""
    from billing.integrations.aws.clients import aws_client

    product = [aws_client(service) for service in ("kms", "sqs", "secretsmanager")]
    for each in [*product, *CLIENTS.values(), storage.database().client]:
        each._endpoint.http_session.close()
    for gateway in gateways():
        connect_anew(gateway, gateway._http._session._read_s)


def begin(job: Json) -> tuple[int, TextIO]:
    """Fork a child for a job; returns its process id and where its answers come."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, os.fdopen(reader)
    code = 1
    try:
        os.close(reader)
        with os.fdopen(writer, "w") as out:
            try:
                gc.disable()  # it is over before there is much to collect
                forget()
                disconnect()
                wait_for_stripe(job)
                Child(job, out).run(job["steps"])
                code = 0
            except BaseException:  # noqa: BLE001 - told to the test, whatever it is
                out.write(json.dumps({"raised": traceback.format_exc()}) + "\n")
    finally:
        os._exit(code)


def end(child: int, answers: TextIO) -> Json:
    """What a child answered, and how it ended."""
    with answers:
        lines = [json.loads(line) for line in answers]
    _, status = os.waitpid(child, 0)
    return {"exit": os.waitstatus_to_exitcode(status), "answers": lines}


def main() -> None:
    """Serve until stdin ends."""
    replies = os.fdopen(os.dup(1), "w")
    log = os.open(os.environ["FAULTS_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)  # the handlers' log lines
    os.dup2(log, 2)
    prepare()
    replies.write(json.dumps("ready") + "\n")
    replies.flush()
    for line in sys.stdin:
        jobs = json.loads(line)
        if jobs[0].get("here"):
            replies.write(json.dumps([here(job) for job in jobs]) + "\n")
        else:
            children = [begin(job) for job in jobs]
            replies.write(json.dumps([end(*child) for child in children]) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
