"""Issue 18: the feed backwards shows each event once, and nobody passes over a place that is on its way."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from billing.domain.webhooks.event import Event, EventHead
from billing.services.webhooks.events import NOBODY, EventPage, Events, FeedRow, Wanted

NOW = datetime(2026, 11, 30, tzinfo=UTC)
LATER = int(NOW.timestamp()) + 60
LONG_AGO = NOW - timedelta(days=3)


def event(n: int, customer_id: str | None = None, clock_id: str | None = None, at: datetime = NOW) -> Event:
    head = EventHead(f"evt_{n:02d}", "ten_1", "invoice.paid", f"in_{n}", at, LATER, customer_id, clock_id)
    return Event(head, {"id": f"in_{n}", "version": 1})


def row(place: int, about: Event, placed_at: datetime = LONG_AGO, *, is_old: bool = False) -> FeedRow:
    head = about.head
    customer_id = None if is_old else head.customer_id or NOBODY
    return FeedRow(
        place, head.id, head.type, head.object_id, head.created_at, placed_at, LATER, customer_id, head.test_clock_id
    )


class Feed:
    """Rows of a feed, of which some may not be visible yet; a ``FeedRows``, an ``EventStore``, a ``FailedEvents``."""

    def __init__(self, events: Sequence[Event], placed_at: datetime = LONG_AGO, *, are_old: bool = False) -> None:
        self.events = {each.id: each for each in events}
        self.visible = {n: row(n, each, placed_at, is_old=are_old) for n, each in enumerate(events, 1)}
        self.opened: list[str] = []

    def hide(self, *places: int) -> dict[int, FeedRow]:
        return {place: self.visible.pop(place) for place in places}

    def rows(self, tenant_id: str, after: int, limit: int) -> list[FeedRow]:
        return [self.visible[place] for place in sorted(self.visible) if place > after][:limit]

    def rows_back(self, tenant_id: str, before: int | None, limit: int) -> list[FeedRow]:
        places = sorted(self.visible, reverse=True)
        return [self.visible[place] for place in places if before is None or place < before][:limit]

    def places(self, tenant_id: str, event_ids: Collection[str]) -> dict[str, int]:
        return {}

    def last(self, tenant_id: str) -> int:
        return max(self.visible, default=0)

    def all(self, tenant_id: str, event_ids: Collection[str]) -> dict[str, Event]:
        self.opened += event_ids
        return {each: self.events[each] for each in event_ids if each in self.events}

    def page(self, tenant_id: str, limit: int, start: str | None) -> tuple[list[str], str | None]:
        return [], None


class Open:
    """Cursors that anybody can read."""

    def sealed(self, tenant_id: str, kind: str, place: str) -> str:
        return f"{kind}:{place}"

    def opened(self, tenant_id: str, kind: str, cursor: str) -> str:
        assert cursor.startswith(f"{kind}:")
        return cursor.removeprefix(f"{kind}:")


def reader(feed: Feed, size: int = 1) -> Events:
    return Events(feed, feed, feed, Open(), lambda: NOW, lambda each: size)


def places(page: EventPage) -> list[int | None]:
    return [each.place for each in page.items]


def backwards(feed: Feed, wanted: Wanted | None = None, limit: int = 4, size: int = 1) -> list[int | None]:
    """All that comes to whoever goes on while there is more."""
    found: list[int | None] = []
    cursor: str | None = None
    while True:
        page = reader(feed, size).newest("ten_1", wanted or Wanted(), limit, cursor)
        found += places(page)
        assert page.has_more == (page.next_cursor is not None)
        if not page.has_more:
            return found
        cursor = page.next_cursor


@pytest.mark.parametrize("limit", [1, 2, 5, 22, 23, 24, 100])
@pytest.mark.parametrize("size", [1, 1_000_000, 5_000_000])
def test_18_every_limit_and_length_brings_every_event_once_newest_first(limit: int, size: int) -> None:
    feed = Feed([event(n) for n in range(23)])
    assert backwards(feed, limit=limit, size=size) == list(range(23, 0, -1))


def test_18_an_empty_feed_and_one_that_is_used_up_have_no_cursor() -> None:
    assert backwards(Feed([])) == []
    assert reader(Feed([event(1)])).newest("ten_1", Wanted(), 1, None).next_cursor is None


def test_18_a_place_that_is_not_visible_yet_is_waited_for_rather_than_passed_over() -> None:
    """The transaction of places 6 to 8 shows 8 and 6 before 7: nobody goes on to 6 without 7."""
    feed = Feed([event(n) for n in range(8)], NOW)
    hidden = feed.hide(7)
    made = reader(feed)
    first = made.newest("ten_1", Wanted(), 4, None)
    assert (places(first), first.has_more) == ([8], True)
    waits = made.newest("ten_1", Wanted(), 4, first.next_cursor)
    assert (places(waits), waits.has_more, waits.next_cursor) == ([], True, first.next_cursor)
    feed.visible |= hidden
    assert places(made.newest("ten_1", Wanted(), 4, waits.next_cursor)) == [7, 6, 5, 4]


def test_18_a_gap_right_behind_a_page_is_waited_for_as_well() -> None:
    feed = Feed([event(n) for n in range(8)], NOW)
    made = reader(feed)
    first = made.newest("ten_1", Wanted(), 4, None)
    hidden = feed.hide(4, 1)
    waits = made.newest("ten_1", Wanted(), 4, first.next_cursor)
    assert (places(waits), waits.has_more) == ([], True)
    feed.visible |= {4: hidden[4]}
    rest = made.newest("ten_1", Wanted(), 4, waits.next_cursor)
    assert (places(rest), rest.has_more) == ([4, 3, 2], True)
    feed.visible |= hidden
    assert places(made.newest("ten_1", Wanted(), 4, rest.next_cursor)) == [1]


def test_18_what_was_forgotten_long_ago_is_no_place_on_its_way() -> None:
    feed = Feed([event(n) for n in range(9)])
    feed.hide(1, 2, 5, 6)
    assert backwards(feed, limit=2) == [9, 8, 7, 4, 3]


def test_18_a_cursor_whose_own_place_was_forgotten_goes_on() -> None:
    feed = Feed([event(n) for n in range(6)])
    first = reader(feed).newest("ten_1", Wanted(), 2, None)
    feed.hide(5)
    assert places(reader(feed).newest("ten_1", Wanted(), 2, first.next_cursor)) == [4, 3]


def test_18_what_gets_its_place_meanwhile_is_in_none_of_the_pages_that_follow() -> None:
    feed = Feed([event(n) for n in range(4)])
    first = reader(feed).newest("ten_1", Wanted(), 2, None)
    late = event(9)
    feed.events[late.id] = late
    feed.visible[5] = row(5, late, NOW)
    rest = reader(feed).newest("ten_1", Wanted(), 9, first.next_cursor)
    assert (places(first), places(rest), rest.next_cursor) == ([4, 3], [2, 1], None)
    assert backwards(feed) == [5, 4, 3, 2, 1]


def test_18_times_end_the_way_back_and_begin_it() -> None:
    feed = Feed([event(n, at=NOW - timedelta(hours=10 - n)) for n in range(10)])
    for n, placed in enumerate(sorted(feed.visible), 0):
        feed.visible[placed] = row(placed, feed.events[f"evt_{n:02d}"], NOW - timedelta(hours=10 - n))
    wanted = Wanted(created_from=NOW - timedelta(hours=6), created_to=NOW - timedelta(hours=3))
    for limit in (1, 2, 3, 50):
        assert backwards(feed, wanted, limit) == [7, 6, 5]


def test_18_a_way_back_ends_where_all_is_older_and_reads_no_month(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = Feed([event(n, at=LONG_AGO) for n in range(2_000)])
    asked: list[int] = []
    real = feed.rows_back

    def rows_back(tenant_id: str, before: int | None, limit: int) -> list[FeedRow]:
        asked.append(limit)
        return real(tenant_id, before, limit)

    monkeypatch.setattr(feed, "rows_back", rows_back)
    assert backwards(feed, Wanted(created_from=NOW)) == []
    assert len(asked) == 1


@pytest.mark.parametrize("are_old", [False, True])
def test_18_a_customers_events_are_found_also_where_their_rows_do_not_say_whose_they_are(are_old: bool) -> None:
    """Rows of before hold no customer; their events do, so these are opened, and the others are not."""
    about = ["cus_1", None, "cus_2", "cus_1", None, "cus_2", "cus_1"]
    feed = Feed([event(n, each) for n, each in enumerate(about)], are_old=are_old)
    wanted = Wanted(customer_id="cus_1")
    for limit in (1, 2, 7):
        assert backwards(feed, wanted, limit) == [7, 4, 1]
    opened = set(feed.opened)
    assert opened == (set(feed.events) if are_old else {"evt_00", "evt_03", "evt_06"})
    page = reader(feed).page("ten_1", wanted, 100, None)
    assert places(page) == [1, 4, 7]


def test_18_a_clocks_events_are_those_that_were_recorded_with_it() -> None:
    feed = Feed([event(1, "cus_1", "clk_1"), event(2, "cus_1"), event(3, "cus_2", "clk_2"), event(4, None, "clk_1")])
    assert backwards(feed, Wanted(test_clock_id="clk_1")) == [4, 1]
    assert backwards(feed, Wanted(test_clock_id="clk_1", customer_id="cus_1")) == [1]
    assert backwards(feed, Wanted(test_clock_id="clk_3")) == []
