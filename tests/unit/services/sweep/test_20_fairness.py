"""Issue 20: whose turn it is when a million renewals of one tenant are due, and what comes before them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.services.clocks.due_index import DueItem, DuePage
from billing.services.sweep.turn_queue import IN_A_ROW, TurnItems, TurnQueue

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
PAGE = 20


def renewals(tenant: str, count: int, since: datetime = NOW - timedelta(hours=2)) -> list[DueItem]:
    return [
        DueItem(since + timedelta(milliseconds=n), 4, "subscription", tenant, f"{tenant}-{n:05d}") for n in range(count)
    ]


@dataclass
class Index:
    """An index that is read by pages, and forgets what was done."""

    items: list[DueItem]
    looks: list[str] = field(default_factory=list)

    def due(self, shard: str, until: datetime, kinds: Collection[str] | None = None) -> DuePage:
        self.looks.append("all" if kinds is None else ",".join(sorted(kinds)))
        found, cut, complete_until = [], set(), until
        for kind in sorted({each.kind for each in self.items}):
            if kinds is None or kind in kinds:
                of_kind = sorted(each for each in self.items if each.kind == kind and each.at <= until)[:PAGE]
                found += of_kind
                if len(of_kind) == PAGE:
                    complete_until = min(complete_until, of_kind[-1].at)
                    cut.add(kind)
        return DuePage(sorted(found), complete_until, frozenset(cut))

    def behind(self, shard: str, until: datetime, kinds: Collection[str], tenants: Collection[str]) -> list[DueItem]:
        self.looks.append("behind " + ",".join(sorted(tenants)))
        found = [each for each in self.items if each.kind in kinds and each.tenant_id not in tenants]
        return sorted(found)[:PAGE]


def worked(index: Index, until: datetime = NOW) -> list[DueItem]:
    """All that a turn without a deadline does, in its order."""
    due = TurnItems(index, "03", until, lambda s: pytest.fail("it waits"), TurnQueue(on_test_clock=False))
    done = []
    while due.more():
        item = due.queue.take()
        index.items.remove(item)
        done.append(item)
    return done


def test_ten_renewals_do_not_wait_for_a_thousand_that_were_due_before() -> None:
    index = Index([*renewals("big", 1_000), *renewals("small", 10, since=NOW - timedelta(minutes=1))])
    done = worked(index)
    assert len(done) == 1_010
    five = IN_A_ROW
    assert [each.tenant_id for each in done[: 4 * five]] == [*["big"] * five, *["small"] * five] * 2
    assert index.looks[:2] == ["all", "behind big"]
    assert sum(look.startswith("behind") for look in index.looks) == 1


def test_of_kinds_that_were_seen_whole_nothing_is_asked_again() -> None:
    retry = DueItem(NOW - timedelta(minutes=5), 3, "invoice", "small", "inv_1")
    index = Index([*renewals("big", 2 * PAGE), retry])
    assert worked(index)[IN_A_ROW] == retry
    assert index.looks == ["all", "behind big", "subscription", "subscription"]


def test_where_little_is_due_it_is_looked_for_once() -> None:
    index = Index(renewals("big", PAGE - 1))
    assert len(worked(index)) == PAGE - 1
    assert index.looks == ["all"]


def test_many_small_tenants_have_nobody_behind_them() -> None:
    index = Index([each for n in range(PAGE) for each in renewals(f"t{n:02d}", 3)])
    assert len(worked(index)) == 3 * PAGE
    assert not any(look.startswith("behind") for look in index.looks)


def test_an_index_that_still_shows_what_is_done_ends_the_turn() -> None:
    index = Index(renewals("big", 3 * PAGE))
    due = TurnItems(index, "03", NOW, lambda s: None, TurnQueue(on_test_clock=False))
    done = []
    while due.more():
        done.append(due.queue.take())
    assert len(done) == len(set(done)) == PAGE


def test_outcomes_that_nobody_knows_come_before_a_million_renewals() -> None:
    outcomes = [
        DueItem(NOW, 1, "refund", "ten_2", "re_1"),
        DueItem(NOW - timedelta(minutes=1), 0, "payment", "ten_2", "pay_1"),
    ]
    done = worked(Index([*renewals("big", 5), *outcomes]))
    assert [each.id for each in done[:3]] == ["pay_1", "re_1", "big-00000"]


def test_on_a_test_clock_time_is_the_order() -> None:
    queue = TurnQueue(on_test_clock=True)
    queue.add([DueItem(NOW, 0, "payment", "t", "pay_1"), *renewals("t", 1)])
    assert [queue.take().id for _ in range(2)] == ["t-00000", "pay_1"]


@given(
    counts=st.lists(st.integers(1, 3 * IN_A_ROW), min_size=1, max_size=6),
    late=st.lists(st.integers(0, 50), min_size=6, max_size=6),
    begun=st.integers(0, 2 * IN_A_ROW),
)
def test_nobody_waits_for_more_than_one_turn_of_each_other(counts: list[int], late: list[int], begun: int) -> None:
    queue = TurnQueue(on_test_clock=False)
    for n, count in enumerate(counts):
        queue.add(renewals(f"t{n}", count, NOW - timedelta(minutes=late[n])))
    before = [queue.take() for _ in range(min(begun, sum(counts)))]
    foreseen = queue.upcoming("subscription", sum(counts))
    done = [*before, *(queue.take() for _ in range(len(queue)))]
    assert [*before, *foreseen] == done
    assert len(queue) == 0
    for tenant, count in ((f"t{n}", count) for n, count in enumerate(counts)):
        places = [place for place, item in enumerate(done) if item.tenant_id == tenant]
        assert [done[place] for place in places] == renewals(tenant, count, done[places[0]].at)
        others = IN_A_ROW * (len(counts) - 1)
        assert all(after - before <= 1 + others for before, after in zip([-1, *places], places, strict=False))
        interruptions = sum(after > before + 1 for before, after in pairwise(places))
        assert interruptions <= (count - 1) // IN_A_ROW
