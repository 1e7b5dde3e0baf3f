"""Deliveries, their attempts and redeliveries in the API.

A receiver chooses what it answers, and somebody may show that in a page: so the text is sent with ``<``, ``>`` and
``&`` as JSON escapes, which every reader of JSON turns back.
"""

from typing import Any, Literal

from billing.domain.webhooks.delivery import Attempt, Delivery
from billing.domain.webhooks.redelivery import Redelivery, Selection
from billing.schemas.base import Request, Resource, Time, TimeIn
from billing.services.webhooks.deliveries import DeliveryView

State = Literal["pending", "succeeded", "failed", "skipped"]


class WebhookDeliveryOut(Resource):
    """An event on its way to an endpoint."""

    id: str
    endpoint_id: str
    event_id: str
    event_type: str
    state: State
    attempts: int
    next_attempt_at: Time | None
    succeeded_at: Time | None
    event_created_at: Time

    @classmethod
    def of(cls, delivery: Delivery) -> "WebhookDeliveryOut":
        return cls(**_fields(delivery))  # type: ignore[arg-type]


class WebhookAttemptOut(Resource):
    """An attempt to hand an event over: when, how long it took, and what the receiver answered."""

    number: int
    at: Time
    duration_ms: int
    succeeded: bool
    status: int | None
    reason: str | None
    response: str
    """The first KiB, as text."""

    @classmethod
    def of(cls, attempt: Attempt) -> "WebhookAttemptOut":
        return cls(
            number=attempt.number,
            at=attempt.at,
            duration_ms=attempt.duration_ms,
            succeeded=attempt.succeeded,
            status=attempt.status,
            reason=attempt.reason,
            response=attempt.excerpt,
        )


class WebhookDeliveryLogOut(WebhookDeliveryOut):
    """A delivery with its log, the latest attempt first; an attempt is shown for 30 days."""

    log: list[WebhookAttemptOut]

    def model_dump_json(self, **options: Any) -> str:
        """As JSON in which no text is HTML; outside of texts, JSON has none of these characters."""
        text = super().model_dump_json(**options)
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

    @classmethod
    def of_view(cls, view: DeliveryView) -> "WebhookDeliveryLogOut":
        return cls(**_fields(view.delivery), log=[WebhookAttemptOut.of(each) for each in view.attempts])  # type: ignore[arg-type]


class RedeliveryIn(Request):
    since: TimeIn
    status: Literal["failed", "skipped", "undelivered", "all"] = "undelivered"

    def selection(self) -> Selection:
        """Which deliveries are asked for."""
        return Selection(self.status)


class RedeliveryOut(Resource):
    """A job that has an endpoint's deliveries sent again."""

    id: str
    endpoint_id: str
    since: Time
    until: Time
    selection: Literal["failed", "skipped", "undelivered", "all"]
    status: Literal["running", "completed", "canceled", "parked"]
    redelivered: int
    created_at: Time
    ended_at: Time | None
    version: int

    @classmethod
    def of(cls, job: Redelivery) -> "RedeliveryOut":
        return cls(
            id=job.id,
            endpoint_id=job.endpoint_id,
            since=job.since,
            until=job.until,
            selection=job.selection.value,
            status=job.shown_status.value,
            redelivered=job.found,
            created_at=job.created_at,
            ended_at=job.ended_at,
            version=job.version,
        )


def _fields(delivery: Delivery) -> dict[str, object]:
    return {
        "id": delivery.id,
        "endpoint_id": delivery.endpoint_id,
        "event_id": delivery.event_id,
        "event_type": delivery.event_type,
        "state": delivery.state.value,
        "attempts": delivery.attempt,
        "next_attempt_at": delivery.due_at,
        "succeeded_at": delivery.succeeded_at,
        "event_created_at": delivery.created_at,
    }
