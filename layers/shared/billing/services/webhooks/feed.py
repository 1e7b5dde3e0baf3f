"""The feed: every event of a tenant has a place in one order, which anybody can follow without missing one.

Ids are no such order: an event's is minted when its unit of work begins, and it can be read when that commits, perhaps
seconds later. Whoever keeps the last id that was seen misses what became visible behind it. So an event gets its place
after its commit: the next number of its tenant, without a gap. Of two places the lower one is always the one that could
be read first.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from billing.domain.webhooks.event import EventHead
from billing.services.kernel.retries import until_won

_RUNS = 8
EVENTS_AT_ONCE = 40
"""In one transaction: a place and a mark for each, and the tenant's count; it takes 100 items."""


@dataclass(frozen=True, slots=True)
class FeedState:
    """How far a tenant's feed is.

    Args:
        last: the last place that was given; 0 where none was.
        places: of those of the events asked for that have one.
    """

    last: int
    places: Mapping[str, int]


class FeedStore(Protocol):
    """Where places are kept."""

    def state(self, tenant_id: str, event_ids: Collection[str]) -> FeedState:
        """How far the feed is, and which of these events have a place already; consistent reads."""

    def append(self, tenant_id: str, last: int, events: Sequence[EventHead], at: datetime) -> None:
        """Give these events the places after ``last``, all of them or none, in one transaction.

        Args:
            events: ``EVENTS_AT_ONCE`` at most.

        Raises:
            LostRace: the feed is further by now, or one of them has a place.
            Unavailable: nobody knows whether it was written; ``state`` will say.
        """


class Feed:
    """Gives events their places.

    Args:
        clock: the wall clock.
        jitter: gives a random share of a pause, from 0 to 1.
        pause: sleeps, in seconds.
    """

    def __init__(
        self,
        store: FeedStore,
        clock: Callable[[], datetime],
        jitter: Callable[[], float],
        pause: Callable[[float], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._jitter = jitter
        self._pause = pause

    def place(self, tenant_id: str, events: Sequence[EventHead]) -> int:
        """Give every event that has none its place, in the order given; how many got one now.

        It is safe twice, by several workers at once, and after a crash at any point: who has a place keeps it. An event
        whose time is over gets none: nobody could read it, and its mark may be forgotten.

        Args:
            events: committed ones of this tenant, perhaps some of them twice.

        Raises:
            LostRace: others were faster every time.
            Unavailable: the database was.
        """
        waiting = list({each.id: each for each in events}.values())
        placed = 0
        for start in range(0, len(waiting), EVENTS_AT_ONCE):
            placed += self._place(tenant_id, waiting[start : start + EVENTS_AT_ONCE])
        return placed

    def _place(self, tenant_id: str, events: Sequence[EventHead]) -> int:
        def once() -> int:
            now = self._clock()
            state = self._store.state(tenant_id, [each.id for each in events])
            new = [each for each in events if each.id not in state.places and each.expires_at > now.timestamp()]
            if new:
                self._store.append(tenant_id, state.last, new, now)
            return len(new)

        # Two shards of the stream have events of one tenant: each goes on after the other's places.
        return until_won(once, self._jitter, self._pause, runs=_RUNS)
