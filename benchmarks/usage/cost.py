"""What a million events cost at list price (``benchmarks.prices``)."""

from dataclasses import dataclass

from benchmarks.prices import (
    GB,
    GB_SECOND,
    HTTP_API,
    INVOCATION,
    MILLION,
    MONTH_DAYS,
    READ,
    SQS,
    STORED,
    VCPU_MB,
    WRITE,
)
from benchmarks.usage.units import KindAsked

LAMBDA_MB = 512
"""The memory of both functions (template.yaml)."""
KEPT_DAYS = 90
"""Events (``services.usage.counting.EVENT_KEPT_S``)."""


@dataclass(frozen=True)
class Position:
    """A line of the bill: USD for a million events."""

    name: str
    usd: float


def duration_s(cpu_s: float, wait_s: float) -> float:
    """How long a Lambda of 512 MB takes for work that needs this much CPU time and waits this long.

    It has 0.29 of a vCPU: 10 ms of CPU time take it 35 ms.

    >>> round(duration_s(0.010, 0.005), 4)
    0.0396
    """
    return cpu_s * VCPU_MB / LAMBDA_MB + wait_s


def bill(asked: KindAsked) -> list[Position]:
    """All but storage, for a million events of a kind."""
    accepted, counted = asked.accepted, asked.counted
    each = MILLION / accepted.events
    seconds = duration_s(accepted.cpu_s + counted.cpu_s, accepted.wait_s + counted.wait_s)
    invocations = accepted.invocations + counted.invocations
    return [
        Position("HTTP API", accepted.invocations * each * HTTP_API.usd),
        Position("Lambda", (seconds * LAMBDA_MB / 1024 * GB_SECOND.usd + invocations * INVOCATION.usd) * each),
        Position("SQS", (accepted.sqs_requests + counted.sqs_requests) * each * SQS.usd),
        Position("DynamoDB, writes", (accepted.write_units + counted.write_units) * each * WRITE.usd),
        Position("DynamoDB, reads", (accepted.read_units + counted.read_units) * each * READ.usd),
    ]


def storage_usd(asked: KindAsked) -> float:
    """A million events kept for 90 days."""
    return asked.stored_bytes * MILLION / GB * STORED.usd * KEPT_DAYS / MONTH_DAYS
