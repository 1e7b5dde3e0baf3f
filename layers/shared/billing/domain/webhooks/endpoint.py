"""Webhook endpoints: where a tenant's events are sent to."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar


class EndpointStatus(StrEnum):
    """Whether events are sent to an endpoint."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class Payload(StrEnum):
    """What is sent: the object as it was committed with the event, or only its type, id and version."""

    SNAPSHOT = "snapshot"
    THIN = "thin"


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """An endpoint.

    Args:
        url: https; None where events go to a bus.
        event_bus_arn: the tenant's own EventBridge bus, in another account; None where they go to a URL.
        event_types: patterns: ``*``, ``invoice.*``, ``invoice.paid``.
        api_version: the version of the API in whose shapes its events are, fixed when it was made.
        secret: signs what is sent, ``whsec_...``; sealed where it is stored.
        previous_secret, previous_until: the one before, which signs too until then.
        disabled_reason: ``request``, ``gone`` (410) or ``failing``; None while it is enabled.
    """

    entity_name: ClassVar[str] = "WebhookEndpoint"

    id: str
    tenant_id: str
    event_types: tuple[str, ...]
    secret: str
    api_version: str
    created_at: datetime
    url: str | None = None
    event_bus_arn: str | None = None
    payload: Payload = Payload.SNAPSHOT
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    status: EndpointStatus = EndpointStatus.ENABLED
    disabled_reason: str | None = None
    previous_secret: str | None = None
    previous_until: datetime | None = None
    version: int = 0
