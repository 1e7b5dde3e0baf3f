"""Usage events that were accepted but could not be counted: kept aside, and reported once."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from billing.domain.usage.event import Refusal, UsageEvent


@dataclass(frozen=True, slots=True)
class RejectedEvent:
    """An event, and why it was not counted."""

    event: UsageEvent
    reason: Refusal


@dataclass(frozen=True, slots=True)
class UsageRejection:
    """The events of one message that could not be counted.

    Args:
        id: derived from the message, so that it is reported once however often the message comes.
    """

    entity_name: ClassVar[str] = "UsageRejection"

    id: str
    tenant_id: str
    events: tuple[RejectedEvent, ...]
    created_at: datetime
    version: int = 0
