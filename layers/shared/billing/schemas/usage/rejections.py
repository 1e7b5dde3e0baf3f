"""Rejected usage events in the API; a module of its own, because every function may have to show them as an event."""

from billing.domain.usage.rejection import RejectedEvent, UsageRejection
from billing.schemas.base import Quantity, Resource, Time


class RejectedEventOut(Resource):
    """An event as it was sent, and why it was not counted."""

    event_id: str
    subscription_id: str
    meter: str
    quantity: Quantity
    timestamp: Time
    properties: dict[str, str]
    corrects: str | None
    reason: str

    @classmethod
    def of(cls, rejected: RejectedEvent) -> "RejectedEventOut":
        event = rejected.event
        return cls(
            event_id=event.event_id,
            subscription_id=event.subscription_id,
            meter=event.meter,
            quantity=event.quantity,
            timestamp=event.timestamp,
            properties=event.properties,
            corrects=event.corrects,
            reason=rejected.reason.value,
        )


class UsageRejectionOut(Resource):
    """Events that were accepted, and could not be counted."""

    id: str
    events: list[RejectedEventOut]
    created_at: Time
    version: int

    @classmethod
    def of(cls, rejection: UsageRejection) -> "UsageRejectionOut":
        return cls(
            id=rejection.id,
            events=[RejectedEventOut.of(each) for each in rejection.events],
            created_at=rejection.created_at,
            version=rejection.version,
        )
