"""Deliveries: one event on its way to one endpoint, and each attempt to hand it over."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DeliveryState(StrEnum):
    """What has become of a delivery."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Every attempt of the schedule failed."""
    SKIPPED = "skipped"
    """The endpoint was disabled; it can be redelivered."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to an endpoint.

    Args:
        id: derived from the endpoint and the event, so that both can be read off it.
        attempt: how many were begun.
        step: how far in the schedule of retries; a redelivery by hand adds an attempt and no step.
        due_at: when the next attempt is due; None when there is none.
    """

    id: str
    tenant_id: str
    endpoint_id: str
    event_id: str
    event_type: str
    created_at: datetime
    state: DeliveryState = DeliveryState.PENDING
    attempt: int = 0
    step: int = 0
    due_at: datetime | None = None
    succeeded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to hand an event over.

    Args:
        number: from 1.
        status: the HTTP status; None where there was no answer.
        reason: why it failed, such as ``timeout``, ``blocked_address``, ``dns``, ``tls``, ``connection``, ``redirect``,
            ``status``; None where it succeeded.
        duration_ms: of the whole attempt.
        excerpt: the first KiB of the answer, text.
        retry_after_s: what the receiver asked for, in seconds.
    """

    delivery_id: str
    number: int
    at: datetime
    duration_ms: int
    status: int | None = None
    reason: str | None = None
    excerpt: str = ""
    retry_after_s: int | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the receiver has it."""
        return self.reason is None
