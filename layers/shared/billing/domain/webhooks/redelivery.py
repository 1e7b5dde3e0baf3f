"""Redeliveries: what an endpoint did not get since a time is sent to it again, little by little."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from billing.domain.kernel.due import Due
from billing.domain.webhooks.delivery import Delivery, DeliveryState


class RedeliveryStatus(StrEnum):
    """How far a redelivery is."""

    RUNNING = "running"
    COMPLETED = "completed"
    """Whatever was asked for is on its way, or has arrived."""
    CANCELED = "canceled"
    """The endpoint was disabled or deleted before the end."""
    PARKED = "parked"
    """It failed for a day, and nobody goes on with it: what it has not had sent again is asked for by another one.
    Never stored: whoever parks a due item takes its alarm away, and knows nothing more of it."""


class Selection(StrEnum):
    """Which deliveries are sent again. What is pending comes by itself, and is in none of these."""

    FAILED = "failed"
    SKIPPED = "skipped"
    UNDELIVERED = "undelivered"
    """What has failed and what was skipped."""
    ALL = "all"
    """What has succeeded, too: for a receiver that lost what it had."""


_STATES = {
    Selection.FAILED: {DeliveryState.FAILED},
    Selection.SKIPPED: {DeliveryState.SKIPPED},
    Selection.UNDELIVERED: {DeliveryState.FAILED, DeliveryState.SKIPPED},
    Selection.ALL: {DeliveryState.FAILED, DeliveryState.SKIPPED, DeliveryState.SUCCEEDED},
}


@dataclass(frozen=True, slots=True)
class Redelivery:
    """A job that has an endpoint's deliveries sent again.

    Args:
        since, until: of the events, both included; ``until`` is when the job was made.
        selection: which deliveries.
        found: how many it has had sent again so far.
        after: the delivery that it looked at last.
        due: when its next step is due; None once it has ended.
    """

    entity_name: ClassVar[str] = "WebhookRedelivery"

    id: str
    tenant_id: str
    endpoint_id: str
    since: datetime
    until: datetime
    selection: Selection
    created_at: datetime
    status: RedeliveryStatus = RedeliveryStatus.RUNNING
    found: int = 0
    after: str | None = None
    ended_at: datetime | None = None
    due: Due | None = None
    version: int = 0

    @property
    def shown_status(self) -> RedeliveryStatus:
        """How far it is, as its tenant sees it: one that has no next step and has not ended is parked."""
        is_parked = self.status is RedeliveryStatus.RUNNING and self.due is None
        return RedeliveryStatus.PARKED if is_parked else self.status

    def takes(self, delivery: Delivery) -> bool:
        """Whether a delivery is to be sent again."""
        return delivery.state in _STATES[self.selection] and self.since <= delivery.created_at <= self.until

    def ended(self, status: RedeliveryStatus, now: datetime) -> "Redelivery":
        """The job after its end."""
        return replace(self, status=status, ended_at=now, due=None)
