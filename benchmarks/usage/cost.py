"""What a million events cost at list price: us-east-1, USD, no free tier, no discount, no tax.

Prices as published on 22 November 2026 at the addresses named with them.
"""

from dataclasses import dataclass

from benchmarks.usage.units import KindAsked

MILLION = 1_000_000
WRITE_UNITS_USD = 0.625 / MILLION
READ_UNITS_USD = 0.125 / MILLION
"""DynamoDB on demand, standard class, since 1 November 2024. Source: aws.amazon.com/dynamodb/pricing/on-demand."""
STORED_USD = 0.25
"""A GB and month, in the same place."""
SQS_USD = 0.40 / MILLION
"""Requests to a standard queue. Source: aws.amazon.com/sqs/pricing."""
INVOCATION_USD = 0.20 / MILLION
GB_S_USD = 0.0000133334
"""Lambda on arm64. Source: aws.amazon.com/lambda/pricing."""
HTTP_API_USD = 1.00 / MILLION
"""A request of up to 512 KB to an HTTP API. Source: aws.amazon.com/api-gateway/pricing."""
HTTP_API_BYTES = 512 * 1024
LAMBDA_MB = 512
"""The memory of both functions (template.yaml)."""
VCPU_MB = 1769
"""A Lambda of so much memory has one vCPU. Source: docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html."""
KEPT_DAYS = 90
"""Events (``services.usage.counting.EVENT_KEPT_S``)."""
_MONTH_DAYS = 365 / 12
_GB = 2**30


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
        Position("HTTP API", accepted.invocations * each * HTTP_API_USD),
        Position("Lambda", (seconds * LAMBDA_MB / 1024 * GB_S_USD + invocations * INVOCATION_USD) * each),
        Position("SQS", (accepted.sqs_requests + counted.sqs_requests) * each * SQS_USD),
        Position("DynamoDB, writes", (accepted.write_units + counted.write_units) * each * WRITE_UNITS_USD),
        Position("DynamoDB, reads", (accepted.read_units + counted.read_units) * each * READ_UNITS_USD),
    ]


def storage_usd(asked: KindAsked) -> float:
    """A million events kept for 90 days."""
    return asked.stored_bytes * MILLION / _GB * STORED_USD * KEPT_DAYS / _MONTH_DAYS
