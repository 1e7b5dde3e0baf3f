"""Events as they are stored: what happened, to which object, and how that looked after it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

API_VERSION = "1.0"
"""In whose shapes the objects of new events are."""


@dataclass(frozen=True, slots=True)
class EventHead:
    """What is known of an event without opening it; nothing personal.

    Args:
        type: one of the catalogue; of an event that is older than this release, perhaps not of this one's.
        expires_at: when it is forgotten, in Unix seconds.
        customer_id: the customer whom it is about, so that an erasure finds it.
        test_clock_id: the test clock in whose time it happened; None for the wall clock.
        occurred_at: what that clock showed; None without one, and where it was not recorded.
    """

    id: str
    tenant_id: str
    type: str
    object_id: str
    created_at: datetime
    expires_at: int
    customer_id: str | None = None
    test_clock_id: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An event, opened.

    Args:
        object: the resource that the type begins with, as the API shows it, in the version that was committed with the
            event.
        changed: the names of the object's fields that the event's change gave another value; None where the type tells
            of no change, or what was there before is not known.
        api_version: in whose shapes the object is.
    """

    entity_name: ClassVar[str] = "Event"

    head: EventHead
    object: dict[str, Any]
    changed: tuple[str, ...] | None = None
    api_version: str = API_VERSION

    @property
    def id(self) -> str:
        """Its id, which every repeat of a delivery carries."""
        return self.head.id
