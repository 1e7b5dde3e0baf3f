"""Deliveries: one event on its way to one endpoint, and each attempt to hand it over."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from billing.domain.kernel.due import wall_clock_shard
from billing.domain.kernel.ids import SEPARATOR

DELIVERY_PREFIX = "dlv"
WEBHOOK_SHARDS = 16
"""The shards of the webhook worker, ``w00`` to ``w15``: the wall clock's, and none of the billing worker's."""
_ENDPOINT, _EVENT = "we", "evt"


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
        step: how many of the schedule were begun; a redelivery by hand adds an attempt and no step.
        due_at: when the next attempt is due, or when somebody has to look what became of one; None for never.
        asked: the number of the attempt that was asked for by hand, while that is owed.
        resumes_at: when the schedule goes on after what was asked for by hand.
        customer_id: the customer whom the event is about, so that an erasure finds what receivers said of it.
        version: how often it was written; each write is on condition that nobody else wrote meanwhile.
    """

    entity_name: ClassVar[str] = "WebhookDelivery"

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
    asked: int | None = None
    resumes_at: datetime | None = None
    customer_id: str | None = None
    version: int = 0


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


@dataclass(frozen=True, slots=True)
class Notice:
    """Says that an attempt is to be begun, and nothing more: what is sent, and where to, is read when it is begun.

    Args:
        attempt: the number that the attempt will have. One that was begun meanwhile is not begun again.
    """

    tenant_id: str
    delivery_id: str
    attempt: int

    @property
    def endpoint_id(self) -> str:
        """The endpoint that it is for."""
        return endpoint_of(self.delivery_id)


def delivery_id(endpoint_id: str, event_id: str) -> str:
    """The one id of an event's delivery to an endpoint.

    >>> delivery_id("we_01A", "evt_01B")
    'dlv_01A_01B'
    """
    parts = (endpoint_id.partition(SEPARATOR)[2], event_id.partition(SEPARATOR)[2])
    return SEPARATOR.join((DELIVERY_PREFIX, *parts))


def endpoint_of(an_id: str) -> str:
    """The endpoint of a delivery, read off its id.

    Raises:
        ValueError: it is no delivery's id.
    """
    return f"{_ENDPOINT}{SEPARATOR}{_parts(an_id)[0]}"


def event_of(an_id: str) -> str:
    """The event of a delivery, read off its id.

    Raises:
        ValueError: it is no delivery's id.
    """
    return f"{_EVENT}{SEPARATOR}{_parts(an_id)[1]}"


def _parts(an_id: str) -> tuple[str, str]:
    prefix, *parts = an_id.split(SEPARATOR)
    if prefix != DELIVERY_PREFIX or len(parts) != 2 or not all(parts):
        raise ValueError("not the id of a delivery")
    return parts[0], parts[1]


def webhook_shard(item_id: str) -> str:
    """The webhook worker's shard of an item: ``w07``."""
    return "w" + wall_clock_shard(item_id, WEBHOOK_SHARDS)


def is_webhook_shard(shard: str) -> bool:
    """Whether a shard is the webhook worker's."""
    return shard.startswith("w")
