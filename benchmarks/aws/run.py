"""``make bench-aws``: starts and latencies of a deployed stack, over its real endpoint.

    LEDGERLINE_API_URL=https://... LEDGERLINE_API_KEY=llk_... LEDGERLINE_STACK=ledgerline-prod make bench-aws

The AWS credentials are the environment's, and may read the functions' log groups (``logs:DescribeLogGroups``,
``logs:FilterLogEvents``). The key is a tenant's of its own, in test mode: a customer is created by one request in five.
Without LEDGERLINE_API_URL it starts a local stack and measures that one, whose figures say only that this works.
"""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3
import requests
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from benchmarks.aws.reports import Starts, starts
from benchmarks.latency.cases import CLIENTS
from benchmarks.latency.table import Shot, fire, percentile
from benchmarks.part import end_in_order
from benchmarks.report import Row, Section
from benchmarks.stack import NotThere, running
from local.stack.deploy import client
from local.stack.settings import STACK_NAME

EACH = 25
"""Measured requests of each client and route: a hundred in all, and of customers 400 a minute at most."""
LOOK_BACK_S = 24 * 3600
"""How far back the logs are read: with SnapStart, the INIT_REPORT is from the deploy."""
INGESTION_S = 20
"""After so long the last lines are in CloudWatch."""
_TIMEOUT_S = 60
_PATTERN = "?REPORT ?INIT_REPORT ?RESTORE_REPORT"


@dataclass(frozen=True)
class Route:
    """One that is measured; each is of another function, so that five functions start.

    Args:
        log: the end of the name of its function's log group.
    """

    log: str
    method: str
    path: str
    status: int = 200

    @property
    def name(self) -> str:
        """As in the table."""
        return f"{self.method} {self.path}"


ROUTES = (
    Route("service", "GET", "/v1/health"),
    Route("customers", "POST", "/v1/customers", 201),
    Route("catalog", "GET", "/v1/plans"),
    Route("subscriptions", "GET", "/v1/subscriptions"),
    Route("invoices", "GET", "/v1/invoices"),
)


@dataclass(frozen=True)
class Target:
    """A stack to measure.

    Args:
        logs: a client of CloudWatch Logs.
        ingestion_s: how long its log lines take to be found.
    """

    api_url: str
    api_key: str
    stack: str
    logs: Any
    ingestion_s: float


class Refused(Exception):
    """An answer that is not the one that was to be measured."""


def shot(target: Target, route: Route) -> Shot:
    """One request of a route."""

    def send(session: requests.Session) -> requests.Response:
        headers = {"X-API-Key": target.api_key, "Content-Type": "application/json"}
        body = None
        if route.method == "POST":
            headers["Idempotency-Key"] = uuid4().hex
            body = {"name": "bench-aws", "email": f"bench+{uuid4().hex}@example.com"}
        url = target.api_url.rstrip("/") + route.path
        return session.request(route.method, url, headers=headers, json=body, timeout=_TIMEOUT_S)

    def check(answer: requests.Response) -> None:
        if answer.status_code != route.status:
            raise Refused(f"{route.name}: {answer.status_code} {answer.text[:300]}")

    return Shot(send, check)


def log_lines(target: Target, function: str, since_s: float) -> Iterator[str]:
    """The lines of a function's log that may be reports."""
    group = f"/ledgerline/{target.stack}/{function}"
    pages = target.logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=int(since_s * 1000), filterPattern=_PATTERN
    )
    for page in pages:
        for event in page["events"]:
            yield from event["message"].splitlines()


def read_starts(target: Target, route: Route, since_s: float) -> Starts | str:
    """What the log says of a function's starts; or why it does not."""
    try:
        return starts(log_lines(target, route.log, since_s))
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except BotoCoreError as error:
        return type(error).__name__


def measure(target: Target, each: int = EACH) -> Section:
    """The whole table."""
    section = Section(
        f"{target.stack} at {target.api_url}, {CLIENTS} clients",
        ["request", "first, ms", "p50, ms", "p95, ms", "init, ms", "restore, ms", "memory, MB"],
    )
    spans: dict[Route, tuple[float, list[float]]] = {}
    for route in ROUTES:
        print(f"    {route.name}", file=sys.stderr, flush=True)
        # The first of each client: whoever finds no environment waits for one.
        first, _ = fire([shot(target, route)] * CLIENTS, 0)
        spans[route] = first[-1], fire([shot(target, route)] * (CLIENTS * each), 0)[0]
    time.sleep(target.ingestion_s)
    since_s = time.time() - LOOK_BACK_S
    found = {route: read_starts(target, route, since_s) for route in ROUTES}
    for route in ROUTES:
        section.rows.append(row(route, *spans[route], found[route]))
    section.notes = notes(each, list(found.values()))
    return section


def row(route: Route, first_ms: float, spans: list[float], found: Starts | str) -> Row:
    """The line of a route."""
    p50, p95 = percentile(spans, 50), percentile(spans, 95)
    figures = {"first_ms": first_ms, "p50_ms": p50, "p95_ms": p95}
    cells = [route.name, f"{first_ms:.0f}", f"{p50:.0f}", f"{p95:.0f}"]
    if isinstance(found, str):
        return Row([*cells, "-", "-", "-"], "", figures)
    for name, taken in (("init", found.inits), ("restore", found.restores)):
        cells.append(f"{percentile(sorted(taken), 50):.0f} ({len(taken)})" if taken else "-")
        figures |= {f"{name}_ms": percentile(sorted(taken), 50)} if taken else {}
    return Row([*cells, f"{found.memory_mb:.0f}" if found.memory_mb else "-"], "", figures)


def notes(each: int, found: list[Starts | str]) -> list[str]:
    """What a reader has to know."""
    hours = LOOK_BACK_S // 3600
    said = [
        f"{CLIENTS * each} requests each, over HTTP from here: the way to the Region is in them. First: the slowest of",
        f"{CLIENTS} at once before that. Init and restore: medians, and of how many, in {hours} hours of the logs.",
    ]
    errors = sorted({each for each in found if isinstance(each, str)})
    if errors:
        said.append(f"Logs that could not be read: {', '.join(errors)}.")
    reports = [each for each in found if isinstance(each, Starts)]
    if reports and not any(each.invocations or each.inits for each in reports):
        said.append("There are no REPORT lines in this stack's logs: only Lambda itself writes them, no emulator does.")
    failed = sum(each.failed for each in reports)
    if failed:
        said.append(f"{failed} starts failed or ran out of time: read the logs.")
    return said


def _from_environment() -> Target:
    url, key = os.environ["LEDGERLINE_API_URL"], os.environ.get("LEDGERLINE_API_KEY", "")
    if not key:
        raise NotThere("LEDGERLINE_API_URL without LEDGERLINE_API_KEY")
    return Target(url, key, os.environ.get("LEDGERLINE_STACK", STACK_NAME), boto3.client("logs"), INGESTION_S)


def main() -> int:
    """Measure and print; 1 where that is impossible."""
    end_in_order()
    try:
        if "LEDGERLINE_API_URL" in os.environ:
            section = measure(_from_environment())
        else:
            print("    LEDGERLINE_API_URL is not set: a local stack", file=sys.stderr, flush=True)
            with running() as stack:
                known = stack.known
                logs = client("logs", stack.ports)
                section = measure(Target(known["api_url"], known["api_key"], STACK_NAME, logs, 0))
    except (NotThere, Refused, requests.RequestException) as reason:
        print(f"error: {reason}", file=sys.stderr)
        return 1
    section.show(Console(width=None if sys.stdout.isatty() else 160))
    return 0


if __name__ == "__main__":
    sys.exit(main())
