"""Events of a message that cannot be counted: kept aside, and reported to the tenant, each once."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from billing.domain.kernel.event_types import EventType
from billing.domain.kernel.ids import derived
from billing.domain.usage.event import Refusal, UsageEvent
from billing.domain.usage.rejection import RejectedEvent, UsageRejection
from billing.services.kernel.retries import run_again
from billing.services.kernel.work import Ref, Unit
from billing.services.usage.ports import Chunk, UsageStore

_log = logging.getLogger(__name__)


def rejection_ref(chunk: Chunk) -> Ref[UsageRejection]:
    """Where a message's rejected events are kept, however often the message comes."""
    first = min(each.timestamp for each in chunk.events)
    return Ref(UsageRejection, chunk.tenant_id, derived("urj", first, chunk.id))


def named(rejection: UsageRejection | None) -> set[tuple[str, str]]:
    """The events that a rejection has, by id and content."""
    return {(each.event.event_id, each.event.digest) for each in rejection.events} if rejection is not None else set()


class Rejected:
    """The events of a message that cannot be counted."""

    def __init__(self, chunk: Chunk) -> None:
        self._chunk = chunk
        self.events: list[RejectedEvent] = []

    def add(self, event: UsageEvent, reason: Refusal) -> None:
        """Add a rejected event."""
        self.events.append(RejectedEvent(event, reason))

    def drop_counted(self, store: UsageStore) -> int:
        """Forget the events that an earlier delivery counted, and return how many there were.

        Such a delivery may have counted at 12:00; then the subscription ended as of 11:59, or its dimensions filled up
        in another slot, so that the same event would now be rejected.
        """
        stored = store.events(self._chunk.tenant_id, {each.event.event_id for each in self.events})
        digests = {event_id: each.digest for event_id, each in stored.items()}
        left = [each for each in self.events if digests.get(each.event.event_id) != each.event.digest]
        dropped, self.events = len(self.events) - len(left), left
        return dropped

    def report(self, unit: Unit, now: datetime, jitter: Callable[[], float], pause: Callable[[float], None]) -> None:
        """Store the rejected events, and report those that were not reported yet."""
        ref = rejection_ref(self._chunk)

        def once() -> None:
            before = unit.load(ref).get(ref) or UsageRejection(ref.id, ref.tenant_id, (), now)
            known = named(before)
            new = tuple(each for each in self.events if (each.event.event_id, each.event.digest) not in known)
            if not new:
                return
            # An earlier delivery has reported its rejections: only a correction that had to wait can be new.
            saved = unit.save(replace(before, events=(*before.events, *new)))
            unit.emit(EventType.USAGE_EVENTS_REJECTED, replace(saved, events=new))
            unit.commit()

        run_again(unit, once, jitter, pause)
        _log.warning(
            "usage events rejected",
            extra={"chunk": self._chunk.id, "tenant_id": ref.tenant_id, "events": len(self.events)},
        )
