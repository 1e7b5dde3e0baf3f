"""Handler CPU per request, beside the same routes under FastAPI and Mangum in the same process and run.

Both sides take turns in short rounds, so that whatever else the machine does falls on both; the figure is the median
over the rounds of this process's CPU time (not of the clock on the wall). The garbage collector is on.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from aws_lambda_powertools import Logger

from benchmarks.cpu import ours as cpu_ours
from benchmarks.cpu import peer as cpu_peer
from benchmarks.cpu import samples
from benchmarks.events import Context, Event, http_event
from benchmarks.report import Row, Section, verdict

BUDGET = 0.5
ROUNDS = 15
_WARM_UP = 30
Handler = Callable[[Event, Any], dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """A request, and how often it is made in each round."""

    name: str
    event: Event
    repeats: int


def cases() -> list[Case]:
    """The requests that are compared."""
    read = {"x-api-key": "llk_" + "b" * 43}
    write = {**read, "idempotency-key": "4f9c2a70-8a1e-4d2b-9a53-0c7f6f1f2b11"}
    page = {"limit": "50", "status": "open"}

    def post(path: str, body: Any) -> Event:
        return http_event("POST", path, headers=write, body=body)

    one = f"/v1/customers/{samples.CUSTOMER.id}"
    return [
        Case("POST customer", post("/v1/customers", samples.CUSTOMER_BODY), 60),
        Case("POST customer, three bad fields", post("/v1/customers", samples.BAD_CUSTOMER_BODY), 60),
        Case("GET customer", http_event("GET", one, headers=read), 60),
        Case("POST subscription", post("/v1/subscriptions", samples.SUBSCRIPTION_BODY), 60),
        Case("list of 50 invoices", http_event("GET", "/v1/invoices", headers=read, query=page), 10),
    ]


def measure() -> Section:
    """The whole table."""
    with Path("/dev/null").open("w") as sink:
        silent = Logger(service="silent", stream=sink, utc=True, level="WARNING")
        ours: Handler = cpu_ours.app(silent).lambda_handler
        peer: Handler = cpu_peer.lambda_handler(silent)
        talking: Handler = cpu_ours.app(Logger(service="talking", stream=sink, utc=True)).lambda_handler
        section = Section(
            "Handler CPU per request, over an empty service",
            ["route", "ours, µs", "FastAPI + Mangum, µs", "ratio", "budget"],
        )
        for case in cases():
            print(f"    {case.name}", file=sys.stderr, flush=True)
            require_same_answer(case, ours, peer)
            section.rows.append(_row(case, ours, peer))
        read = next(case for case in cases() if case.event["requestContext"]["http"]["method"] == "GET")
        with_log, without = compared(read, talking, ours)
        section.notes = [
            f"Median of {ROUNDS} interleaved rounds of process CPU time; both sides' answers are compared first.",
            "Ours includes idempotency fingerprint and body limits; the peer has no such thing (cpu_peer.py).",
            f"The log line, {with_log - without:.0f} µs, would be the same on both sides and is in neither figure.",
        ]
        return section


def _row(case: Case, ours: Handler, peer: Handler) -> Row:
    ours_us, peer_us = compared(case, ours, peer)
    ratio = ours_us / peer_us
    cells = [case.name, f"{ours_us:.0f}", f"{peer_us:.0f}", f"{ratio:.2f}", f"{BUDGET:.2f}"]
    return Row(cells, verdict(ratio, BUDGET), {"ours_us": ours_us, "peer_us": peer_us, "ratio": ratio})


def compared(case: Case, one: Handler, other: Handler) -> tuple[float, float]:
    """The CPU time of a call on each side, in microseconds."""
    handlers = (one, other)
    seconds: tuple[list[float], list[float]] = ([], [])
    for handler in handlers:
        _cpu_s(handler, case.event, _WARM_UP)
    for n in range(ROUNDS):
        for side in (0, 1) if n % 2 else (1, 0):
            seconds[side].append(_cpu_s(handlers[side], case.event, case.repeats))
    return median(seconds[0]) * 1e6, median(seconds[1]) * 1e6


def _cpu_s(handler: Handler, event: Event, repeats: int) -> float:
    context = Context()
    started = time.process_time()
    for _ in range(repeats):
        handler(event, context)
    return (time.process_time() - started) / repeats


def require_same_answer(case: Case, ours: Handler, peer: Handler) -> None:
    """Two sides that answer differently would be no comparison.

    Raises:
        AssertionError: they do.
    """
    answers = [handler(case.event, Context()) for handler in (ours, peer)]
    shapes = [(answer["statusCode"], _names(answer["headers"]), _masked(answer["body"])) for answer in answers]
    assert shapes[0] == shapes[1], f"{case.name}: {shapes[0]} is not {shapes[1]}"


def _names(headers: dict[str, str]) -> set[str]:
    # Starlette counts the bytes, API Gateway does it for us; the peer has no versions to tell.
    return {name.lower() for name in headers} - {"content-length", "etag"}


def _masked(body: str) -> Any:
    """The body but for what differs from call to call, and for the error's catalogue entry."""
    value = json.loads(body)
    if "error" in value:
        return [value["error"]["details"], sorted(value["error"])]
    value["meta"].update(request_id="", timestamp="")
    return value


def main() -> None:
    """For ``benchmarks.run``: the table goes into a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    measure().save(parser.parse_args().out)


if __name__ == "__main__":
    main()
