"""Reading events: one by its id, and the feed, page after page."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from billing.domain.kernel.errors import NotFound
from billing.domain.webhooks.event import Event
from billing.domain.webhooks.patterns import matches

_ROWS_AT_ONCE = 500
_PAGE_BYTES = 3_000_000
"""A page ends early after so much: Lambda answers with 6 MB at most."""
_READS_AT_MOST = 20
_SETTLED = timedelta(seconds=60)
_CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class FeedRow:
    """A place in a tenant's feed, and what is known of its event without opening that.

    Args:
        place: counted from 1, without a gap.
        placed_at: when it got its place, which is after its commit.
        expires_at: when the event is forgotten, in Unix seconds.
    """

    place: int
    event_id: str
    type: str
    object_id: str
    created_at: datetime
    placed_at: datetime
    expires_at: int


class FeedRows(Protocol):
    """Where the feed is read."""

    def rows(self, tenant_id: str, after: int, limit: int) -> Sequence[FeedRow]:
        """The next places after one, in their order, ``limit`` at most; a consistent read."""

    def places(self, tenant_id: str, event_ids: Collection[str]) -> Mapping[str, int]:
        """The places of those of some events that have one; a consistent read."""

    def last(self, tenant_id: str) -> int:
        """The last place that was given; 0 where none was."""


class EventStore(Protocol):
    """Where events are."""

    def all(self, tenant_id: str, event_ids: Collection[str]) -> Mapping[str, Event]:
        """Those of some events that are there, by their ids."""


class FailedEvents(Protocol):
    """Which events did not reach an endpoint."""

    def page(self, tenant_id: str, limit: int, start: str | None) -> tuple[Sequence[str], str | None]:
        """Ids of events with a delivery that failed or was skipped, each once, oldest first; and where to go on.

        Args:
            start: where the page before ended; its own words, in which nothing is personal.
        """


class Cursors(Protocol):
    """Makes opaque texts of places, and places of those."""

    def sealed(self, tenant_id: str, kind: str, place: str) -> str:
        """A cursor that is good for this tenant and this kind of list."""

    def opened(self, tenant_id: str, kind: str, cursor: str) -> str:
        """The place.

        Raises:
            ValidationFailed: it is no such cursor.
        """


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are asked for.

    Args:
        type: a type, or a pattern of types.
        object_id: what they are about.
        created_from, created_to: [from, to) of their time.
    """

    type: str | None = None
    object_id: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None

    def has(self, type: str, object_id: str, created_at: datetime) -> bool:
        """Whether an event is one of them."""
        return (
            (self.type is None or matches((self.type,), type))
            and self.object_id in (None, object_id)
            and (self.created_from is None or created_at >= self.created_from)
            and (self.created_to is None or created_at < self.created_to)
        )


@dataclass(frozen=True, slots=True)
class Placed:
    """An event with its place in the feed; None where it has none yet."""

    event: Event
    place: int | None


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of events.

    Args:
        next_cursor: where to go on; of the feed always, for more will come.
        has_more: whether there is more already.
    """

    items: Sequence[Placed]
    next_cursor: str | None
    has_more: bool
    limit: int


class Events:
    """Reads a tenant's events.

    Args:
        clock: the wall clock.
        size: how long an event's answer will be, about, in bytes.
    """

    def __init__(
        self,
        feed: FeedRows,
        store: EventStore,
        failed: FailedEvents,
        cursors: Cursors,
        clock: Callable[[], datetime],
        size: Callable[[Event], int],
    ) -> None:
        self._feed = feed
        self._store = store
        self._failed = failed
        self._cursors = cursors
        self._clock = clock
        self._size = size

    def get(self, tenant_id: str, event_id: str) -> Placed:
        """An event.

        Raises:
            NotFound: the tenant has none of this id, or none any more.
        """
        event = self._all(tenant_id, [event_id]).get(event_id)
        if event is None:
            raise NotFound.of(Event, event_id)
        return Placed(event, self._feed.places(tenant_id, [event_id]).get(event_id))

    def page(self, tenant_id: str, wanted: Wanted, limit: int, cursor: str | None) -> EventPage:
        """The next events of the feed: whoever goes on with the cursor of each page meets every event once.

        Without a cursor it begins with the oldest event that is kept, or with ``created_from``. A page may have fewer
        than ``limit`` and still more behind it, where a filter leaves few, or events are long.
        """
        if cursor is not None:
            after = int(self._cursors.opened(tenant_id, "feed", cursor))
        else:
            after = self._before(tenant_id, wanted.created_from)
        found, reached, more = self._rows(tenant_id, wanted, limit, after)
        events = self._all(tenant_id, [row.event_id for row in found])
        fitting = self._fitting([row.event_id for row in found], events)
        if fitting < len(found):
            found, reached, more = found[:fitting], found[fitting].place - 1, True
        # Where there is no event any more, it was forgotten, and its row will be.
        items = [Placed(events[row.event_id], row.place) for row in found if row.event_id in events]
        return EventPage(items, self._cursors.sealed(tenant_id, "feed", str(reached)), more, limit)

    def failed(self, tenant_id: str, wanted: Wanted, limit: int, cursor: str | None) -> EventPage:
        """The next of the events that did not reach an endpoint."""
        start = None if cursor is None else self._cursors.opened(tenant_id, "failed", cursor)
        ids, following = self._failed.page(tenant_id, limit, start)
        events = self._all(tenant_id, ids)
        fitting = self._fitting(ids, events)
        if fitting < len(ids):  # where fewer end, only the port can say
            ids, following = self._failed.page(tenant_id, fitting, start)
        places = self._feed.places(tenant_id, ids) if ids else {}
        items = [
            Placed(event, places.get(each))
            for each in ids
            if (event := events.get(each)) and wanted.has(event.head.type, event.head.object_id, event.head.created_at)
        ]
        next_cursor = None if following is None else self._cursors.sealed(tenant_id, "failed", following)
        return EventPage(items, next_cursor, following is not None, limit)

    def _fitting(self, ids: Sequence[str], events: Mapping[str, Event]) -> int:
        """How many of these fit into a page; one always does."""
        length = 0
        for n, each in enumerate(ids):
            length += self._size(events[each]) if each in events else 0
            if n and length > _PAGE_BYTES:
                return n
        return len(ids)

    def _all(self, tenant_id: str, event_ids: Collection[str]) -> dict[str, Event]:
        now = self._clock().timestamp()
        found = self._store.all(tenant_id, event_ids)
        return {event_id: each for event_id, each in found.items() if each.head.expires_at > now}

    def _rows(self, tenant_id: str, wanted: Wanted, limit: int, after: int) -> tuple[list[FeedRow], int, bool]:
        """The next rows that are wanted, the last place that was looked at, and whether there is more behind it."""
        found: list[FeedRow] = []
        settled = self._clock() - _SETTLED
        plain = wanted == Wanted()
        for _ in range(_READS_AT_MOST):
            asked = limit + 1 if plain else _ROWS_AT_ONCE
            rows = self._feed.rows(tenant_id, after, asked)
            for row in rows:
                if row.place != after + 1 and row.placed_at > settled:
                    # A transaction's items do not become visible at once: the place before is on its way. Without a
                    # gap there was never anything else between two places, but for what was forgotten long ago.
                    return found, after, False
                if wanted.has(row.type, row.object_id, row.created_at):
                    if len(found) == limit:
                        return found, after, True
                    found.append(row)
                after = row.place
            if len(rows) < asked:
                return found, after, False
        return found, after, True

    def _before(self, tenant_id: str, at: datetime | None) -> int:
        """A place, of which nothing that is as new as a time is at or before.

        An event gets its place after its commit, so where places were given before a time, events are older. Halving
        finds that in twenty reads of a million places, rather than going through a month to what came today.
        """
        if at is None:
            return 0
        low, high = 0, self._feed.last(tenant_id)
        while low < high:
            middle = (low + high) // 2
            rows = self._feed.rows(tenant_id, middle, 1)
            if rows and rows[0].placed_at + _CLOCKS_DIFFER < at:  # before the year 1 there is no time to subtract
                low = rows[0].place
            else:
                high = middle
        return low
