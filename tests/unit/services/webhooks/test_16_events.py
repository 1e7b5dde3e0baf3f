"""Issue 16, item 1: pages of events end before they are too long to be answered with, and nothing is left out by it."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from billing.domain.kernel.errors import NotFound
from billing.domain.webhooks.event import Event, EventHead
from billing.services.webhooks.events import EventPage, Events, FeedRow, Wanted

NOW = datetime(2026, 11, 30, tzinfo=UTC)
LATER = int(NOW.timestamp()) + 60
MEGABYTE = 1_000_000


def event(n: int, expires_at: int = LATER) -> Event:
    head = EventHead(f"evt_{n:02d}", "ten_1", "invoice.paid", f"in_{n}", NOW, expires_at)
    return Event(head, {"id": f"in_{n}", "version": 1})


class Stored:
    """Events with places in the order of their numbers; a ``FeedRows``, an ``EventStore`` and a ``FailedEvents``."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = {each.id: each for each in events}
        self.ids = list(self.events)

    def rows(self, tenant_id: str, after: int, limit: int) -> list[FeedRow]:
        heads = [self.events[each].head for each in self.ids]
        return [
            FeedRow(place, head.id, head.type, head.object_id, head.created_at, NOW, head.expires_at)
            for place, head in list(enumerate(heads, 1))[after : after + limit]
        ]

    def rows_back(self, tenant_id: str, before: int | None, limit: int) -> list[FeedRow]:
        return self.rows(tenant_id, 0, len(self.ids) if before is None else before - 1)[::-1][:limit]

    def places(self, tenant_id: str, event_ids: Collection[str]) -> dict[str, int]:
        return {each: self.ids.index(each) + 1 for each in event_ids}

    def last(self, tenant_id: str) -> int:
        return len(self.ids)

    def all(self, tenant_id: str, event_ids: Collection[str]) -> dict[str, Event]:
        return {each: self.events[each] for each in event_ids if each in self.events}

    def page(self, tenant_id: str, limit: int, start: str | None) -> tuple[list[str], str | None]:
        first = int(start or 0)
        end = first + limit
        return self.ids[first:end], str(end) if end < len(self.ids) else None


class Open:
    """Cursors that anybody can read."""

    def sealed(self, tenant_id: str, kind: str, place: str) -> str:
        return place

    def opened(self, tenant_id: str, kind: str, cursor: str) -> str:
        return cursor


def reader(events: Sequence[Event], size: int) -> Events:
    stored = Stored(events)
    return Events(stored, stored, stored, Open(), lambda: NOW, lambda each: size)


def pages(read: object, wanted: Wanted | None = None) -> list[EventPage]:
    """All of them, as one goes on who is told that there is more."""
    found: list[EventPage] = []
    cursor: str | None = None
    while True:
        page: EventPage = read("ten_1", wanted or Wanted(), 10, cursor)  # type: ignore[operator]
        found.append(page)
        if not page.has_more:
            return found
        cursor = page.next_cursor


@pytest.mark.parametrize("size", [1, MEGABYTE, 5 * MEGABYTE])
@pytest.mark.parametrize("failed", [False, True])
def test_16_long_events_make_short_pages_and_none_is_left_out(size: int, failed: bool) -> None:
    events = [event(n) for n in range(23)]
    made = reader(events, size)
    found = pages(made.failed if failed else made.page)
    assert [each.event.id for page in found for each in page.items] == [each.id for each in events]
    assert [each.place for page in found for each in page.items] == list(range(1, 24))
    assert all(len(page.items) == 1 or len(page.items) * size <= 3 * MEGABYTE for page in found)


def test_16_what_is_forgotten_is_passed_over_wherever_it_lies() -> None:
    events = [event(n, LATER if n % 3 else int(NOW.timestamp())) for n in range(9)]
    made = reader(events, 1)
    kept = [each.id for n, each in enumerate(events) if n % 3]
    assert [each.event.id for page in pages(made.page) for each in page.items] == kept
    with pytest.raises(NotFound):
        made.get("ten_1", events[0].id)


def test_16_the_feeds_last_page_has_a_cursor_and_that_of_failures_has_none() -> None:
    made = reader([event(1)], 1)
    assert (made.page("ten_1", Wanted(), 10, None).next_cursor, made.page("ten_1", Wanted(), 10, "1").items) == (
        "1",
        [],
    )
    assert made.failed("ten_1", Wanted(), 10, None).next_cursor is None
    assert made.failed("ten_1", Wanted(created_from=NOW + timedelta(seconds=1)), 10, None).items == []
