"""Reading events: one by its id, and the feed, page after page."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
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
NOBODY = ""
"""The customer in the row of an event that is about none: a row from before customers were noted there has no word."""


class About(Protocol):
    """What an event is about: its head, or its row."""

    @property
    def type(self) -> str:
        """One of the catalogue."""

    @property
    def object_id(self) -> str:
        """The object's id."""

    @property
    def customer_id(self) -> str | None:
        """The customer's."""

    @property
    def test_clock_id(self) -> str | None:
        """The test clock's, in whose time it happened."""

    @property
    def created_at(self) -> datetime:
        """When its unit of work began."""


@dataclass(frozen=True, slots=True)
class FeedRow:
    """A place in a tenant's feed, and what is known of its event without opening that.

    Args:
        place: counted from 1, without a gap.
        customer_id: ``NOBODY`` where it is about no customer; None in a row from before customers were noted.
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
    customer_id: str | None = None
    test_clock_id: str | None = None


class FeedRows(Protocol):
    """Where the feed is read."""

    def rows(self, tenant_id: str, after: int, limit: int) -> Sequence[FeedRow]:
        """The next places after one, in their order, ``limit`` at most; a consistent read."""

    def rows_back(self, tenant_id: str, before: int | None, limit: int) -> Sequence[FeedRow]:
        """The places before one, or before the end, backwards, ``limit`` at most; a consistent read."""

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
        customer_id: whom they are about.
        test_clock_id: in which test clock's time they happened.
        created_from, created_to: [from, to) of their time.
    """

    type: str | None = None
    object_id: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    customer_id: str | None = None
    test_clock_id: str | None = None

    def has(self, about: About) -> bool:
        """Whether an event is one of them."""
        return (
            (self.type is None or matches((self.type,), about.type))
            and self.object_id in (None, about.object_id)
            and self.customer_id in (None, about.customer_id)
            and self.test_clock_id in (None, about.test_clock_id)
            and (self.created_from is None or about.created_at >= self.created_from)
            and (self.created_to is None or about.created_at < self.created_to)
        )

    def may_have(self, row: FeedRow) -> bool:
        """Whether the event of a row can be one of them: whom an old row is about, only its event says."""
        return self.has(replace(row, customer_id=self.customer_id) if row.customer_id is None else row)


@dataclass(frozen=True, slots=True)
class Placed:
    """An event with its place in the feed; None where it has none yet."""

    event: Event
    place: int | None


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of events.

    Args:
        next_cursor: where to go on; of the feed always, for more will come. Of another list None at its end.
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
        items, fitting = self._opened(tenant_id, wanted, found)
        if fitting < len(found):
            reached, more = found[fitting].place - 1, True
        return EventPage(items, self._cursors.sealed(tenant_id, "feed", str(reached)), more, limit)

    def newest(self, tenant_id: str, wanted: Wanted, limit: int, cursor: str | None) -> EventPage:
        """The feed backwards, from the last place that can be read: whoever goes on meets every older event once.

        What gets its place later lies before the first page, and is in none of those that follow.
        """
        reached = None if cursor is None else int(self._cursors.opened(tenant_id, "newest", cursor))
        found, reached, more = self._rows_back(tenant_id, wanted, limit, reached)
        items, fitting = self._opened(tenant_id, wanted, found)
        if fitting < len(found):
            reached, more = found[fitting].place + 1, True
        next_cursor = self._cursors.sealed(tenant_id, "newest", str(reached)) if more else None
        return EventPage(items, next_cursor, more, limit)

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
            Placed(event, places.get(each)) for each in ids if (event := events.get(each)) and wanted.has(event.head)
        ]
        next_cursor = None if following is None else self._cursors.sealed(tenant_id, "failed", following)
        return EventPage(items, next_cursor, following is not None, limit)

    def _opened(self, tenant_id: str, wanted: Wanted, rows: Sequence[FeedRow]) -> tuple[list[Placed], int]:
        """The events of as many rows as fit into a page, and how many those are."""
        ids = [row.event_id for row in rows]
        events = self._all(tenant_id, ids)
        fitting = self._fitting(ids, events)
        # Where there is no event any more, it was forgotten, and its row will be.
        there = [Placed(events[row.event_id], row.place) for row in rows[:fitting] if row.event_id in events]
        return [each for each in there if wanted.has(each.event.head)], fitting

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
                if _on_its_way(row, after, settled):
                    return found, after, False
                if wanted.may_have(row):
                    if len(found) == limit:
                        return found, after, True
                    found.append(row)
                after = row.place
            if len(rows) < asked:
                return found, after, False
        return found, after, True

    def _rows_back(
        self, tenant_id: str, wanted: Wanted, limit: int, reached: int | None
    ) -> tuple[list[FeedRow], int | None, bool]:
        """The rows before a place that are wanted, the last place that was looked at, and whether there is more.

        The row of the place itself is read once more: when it was given says whether a gap behind it will be filled.
        """
        found: list[FeedRow] = []
        settled = self._clock() - _SETTLED
        asked = limit + 2 if wanted == Wanted() else _ROWS_AT_ONCE
        above: FeedRow | None = None
        for _ in range(_READS_AT_MOST):
            rows = self._feed.rows_back(tenant_id, None if reached is None else reached + 1, asked)
            for row in rows:
                if row.place == reached:
                    above = row
                    continue
                if _on_its_way(above, row.place, settled):
                    return found, reached, True
                if wanted.created_from is not None and row.placed_at + _CLOCKS_DIFFER < wanted.created_from:
                    return found, reached, False  # what has its place since before a time is older
                if wanted.may_have(row):
                    if len(found) == limit:
                        return found, reached, True
                    found.append(row)
                reached, above = row.place, row
            if len(rows) < asked:
                return found, reached, _on_its_way(above, 0, settled)
        return found, reached, True

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


def _on_its_way(above: FeedRow | None, below: int, settled: datetime) -> bool:
    """Whether what lies between a row and a place below it is still to be seen.

    A transaction's items do not become visible at once. Between two places there was never a gap, but for what was
    forgotten long ago.
    """
    return above is not None and above.place != below + 1 and above.placed_at > settled
