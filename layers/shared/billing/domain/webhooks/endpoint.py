"""Webhook endpoints: where a tenant's events are sent to."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

MOST_ENDPOINTS = 50
"""Of a tenant."""
ENDPOINT_PREFIX = "we_"
ROSTER_ID = "roster"
_LEFT_FOR = timedelta(days=1)


class EndpointStatus(StrEnum):
    """Whether events are sent to an endpoint."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class DisabledReason(StrEnum):
    """Why an endpoint is disabled."""

    REQUEST = "request"
    """The tenant asked for it."""
    GONE = "gone"
    """It answered 410."""
    FAILING = "failing"
    """Nothing reached it for five days."""


class Payload(StrEnum):
    """What is sent: the object as it was committed with the event, or only its type, id and version."""

    SNAPSHOT = "snapshot"
    THIN = "thin"


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """An endpoint.

    Its health is an item of its own (``domain.webhooks.health``): each attempt would otherwise change the version here,
    and a PATCH would lose races against deliveries.

    Args:
        url: https; None where events go to a bus. Sealed where it is stored: many a path is a credential.
        event_bus_arn: the tenant's own EventBridge bus, in another account; None where they go to a URL.
        event_types: patterns: ``*``, ``invoice.*``, ``invoice.paid``.
        api_version: the version of the API in whose shapes its events are, fixed when it was made.
        secret: signs what is sent, ``whsec_...``; sealed where it is stored.
        previous_secret, previous_until: the one before, which signs too until then.
        disabled_reason, disabled_at: None while it is enabled.
        enabled_at: since when it is enabled and where it is, where that is later than its creation: what failed before
            counts no more, for it was another's failure, or was mended.
        failing_since: the spell of failures that the tenant was told of, so that it is told once.
        deleted_at: of what is left of a deleted one for a day, for whoever loaded it before.
    """

    entity_name: ClassVar[str] = "WebhookEndpoint"

    id: str
    tenant_id: str
    event_types: tuple[str, ...]
    secret: str = field(metadata={"personal": True})
    api_version: str
    created_at: datetime
    url: str | None = field(default=None, metadata={"personal": True})
    event_bus_arn: str | None = None
    payload: Payload = Payload.SNAPSHOT
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    status: EndpointStatus = EndpointStatus.ENABLED
    disabled_reason: DisabledReason | None = None
    disabled_at: datetime | None = None
    enabled_at: datetime | None = None
    failing_since: datetime | None = None
    previous_secret: str | None = field(default=None, metadata={"personal": True})
    previous_until: datetime | None = None
    deleted_at: datetime | None = None
    version: int = 0

    @property
    def is_enabled(self) -> bool:
        """Whether events are sent to it; to a deleted one they are not."""
        return self.status is EndpointStatus.ENABLED

    @property
    def expires_at(self) -> datetime | None:
        """When nothing is left of it."""
        return self.deleted_at + _LEFT_FOR if self.deleted_at else None

    def deleted(self, now: datetime) -> "WebhookEndpoint":
        """What is left of it: nothing that anybody wrote, and nothing that could be sent."""
        return WebhookEndpoint(
            id=self.id,
            tenant_id=self.tenant_id,
            event_types=(),
            secret="",
            api_version=self.api_version,
            created_at=self.created_at,
            status=EndpointStatus.DISABLED,
            disabled_reason=DisabledReason.REQUEST,
            deleted_at=now,
            version=self.version,
        )

    @property
    def counts_from(self) -> datetime:
        """Since when its failures count: since it was made, enabled again, or pointed elsewhere."""
        return self.enabled_at or self.created_at

    def secrets(self, now: datetime) -> tuple[str, ...]:
        """What signs: the secret, and for as long as the one before is good, that too."""
        if self.previous_secret is None or self.previous_until is None or self.previous_until <= now:
            return (self.secret,)
        return (self.secret, self.previous_secret)


@dataclass(frozen=True, slots=True)
class WebhookRoster:
    """Which endpoints a tenant has: whoever makes or deletes one writes this, so that 50 are never 51."""

    entity_name: ClassVar[str] = "WebhookRoster"

    tenant_id: str
    endpoint_ids: tuple[str, ...] = ()
    version: int = 0

    @property
    def id(self) -> str:
        """The tenant has one."""
        return ROSTER_ID


@dataclass(frozen=True, slots=True)
class Subscriber:
    """What says which events an endpoint gets: all that has to be known to address an event, and nothing secret."""

    id: str
    tenant_id: str
    event_types: tuple[str, ...]
    created_at: datetime
    status: EndpointStatus

    @property
    def is_enabled(self) -> bool:
        """Whether events are sent to it; for a disabled one they are kept, as skipped."""
        return self.status is EndpointStatus.ENABLED
