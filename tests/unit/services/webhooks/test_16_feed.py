"""Issue 16, item 1: places are given once and without a gap, wherever whoever gives them dies."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from random import Random

import pytest

from billing.domain.kernel.errors import LostRace, Unavailable
from billing.domain.webhooks.event import EventHead
from billing.services.webhooks.feed import EVENTS_AT_ONCE, Feed, FeedState

NOW = datetime(2026, 11, 30, tzinfo=UTC)
LATER = 2_000_000_000


def head(n: int, expires_at: int = LATER) -> EventHead:
    return EventHead(f"evt_{n:03d}", "ten_1", "customer.created", f"cus_{n}", NOW, expires_at)


class Died(Exception):
    """The worker is gone."""


class Memory:
    """A ``FeedStore``, with faults at one of its calls, counted over all.

    Args:
        dies_at: the worker dies before this call.
        unheard_at: this call is done, and nobody hears of it.
        overtaken: places that others give between a read and the write after it, a list for each write.
    """

    def __init__(self, dies_at: int = 0, unheard_at: int = 0, overtaken: Sequence[list[EventHead]] = ()) -> None:
        self.placed: list[str] = []
        self.calls = 0
        self.dies_at, self.unheard_at = dies_at, unheard_at
        self.overtaken = list(overtaken)

    def _call(self) -> None:
        self.calls += 1
        if self.calls == self.dies_at:
            raise Died

    def state(self, tenant_id: str, event_ids: Sequence[str]) -> FeedState:
        self._call()
        return FeedState(
            len(self.placed), {each: self.placed.index(each) + 1 for each in event_ids if each in self.placed}
        )

    def append(self, tenant_id: str, last: int, events: Sequence[EventHead], at: datetime) -> None:
        self._call()
        if self.overtaken:
            self.placed += [each.id for each in self.overtaken.pop(0) if each.id not in self.placed]
        ids = [each.id for each in events]
        if last != len(self.placed) or set(ids) & set(self.placed):
            raise LostRace("Others gave places meanwhile")
        assert len(ids) <= EVENTS_AT_ONCE
        self.placed += ids
        if self.calls == self.unheard_at:
            raise Unavailable("The database is busy")


def feed(store: Memory) -> Feed:
    return Feed(store, lambda: NOW, lambda: 0.0, lambda seconds: None)


@pytest.mark.parametrize("mode", ["dies_at", "unheard_at"])
def test_16_cut_at_any_call_and_repeated_in_any_order_each_event_has_one_place(mode: str) -> None:
    events = [head(n) for n in range(EVENTS_AT_ONCE * 2 + 5)]
    whole = Memory()
    assert feed(whole).place("ten_1", events) == len(events)
    for call in range(1, whole.calls + 1):
        store = Memory(**{mode: call})
        with suppress(Died, Unavailable):
            feed(store).place("ten_1", events)
        again = [*events, *events[:7]]
        Random(call).shuffle(again)
        feed(store).place("ten_1", again)
        assert sorted(store.placed) == [each.id for each in events], (mode, call)
        assert feed(store).place("ten_1", events) == 0


def test_16_who_is_overtaken_goes_on_after_the_other() -> None:
    """By events of the same batch, too: the stream gives a record twice, to two workers."""
    mine = [head(n) for n in range(4)]
    store = Memory(overtaken=[[head(9)], [mine[1], head(8)]])
    assert feed(store).place("ten_1", mine) == 3
    assert store.placed == ["evt_009", "evt_001", "evt_008", "evt_000", "evt_002", "evt_003"]


def test_16_who_is_overtaken_every_time_gives_up_and_the_batch_comes_again() -> None:
    store = Memory(overtaken=[[head(100 + n)] for n in range(50)])
    with pytest.raises(LostRace):
        feed(store).place("ten_1", [head(1)])
    assert feed(Memory()).place("ten_1", [head(1)]) == 1


def test_16_an_event_whose_time_is_over_gets_none() -> None:
    store = Memory()
    assert feed(store).place("ten_1", [head(1, int(NOW.timestamp())), head(2, int(NOW.timestamp()) + 1)]) == 1
    assert store.placed == ["evt_002"]
