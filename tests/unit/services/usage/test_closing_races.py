"""Closing usage: each event is in one reading, and each reading on one invoice, whoever dies or races."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.kernel.errors import LostRace, Unavailable
from billing.domain.subscriptions.changes import Step
from billing.services.usage.closing import Closing
from billing.services.usage.ports import TotalKey
from tests.support.engine import TENANT, metered, nets, plan
from tests.support.usage import meter
from tests.support.usage_closing import MIDDLE, PLAN, Died, Stage, periods_of

LAW = settings(max_examples=80, deadline=None)


# Crashes


def test_after_a_crash_before_the_commit_the_next_closing_reads_both_slots() -> None:
    stage = Stage()
    stage.count(30)
    with pytest.raises(Died):
        stage.close(MIDDLE, dies_before_commit=True)
    assert (stage.now.usage_slot, periods_of(stage), stage.invoiced) == (0, [], [])
    stage.count(12)
    assert [each.key.slot for each in stage.store.of_subscription("ten_1", "sub_1")] == [0, 1]
    assert nets(stage.close(MIDDLE)) == [42]
    assert stage.now.usage_slot == 2
    stage.count(1)
    assert nets(stage.renew()) == [1]


@pytest.mark.parametrize("survives", range(6))
def test_after_a_crash_between_two_items_the_next_closing_reads_all(survives: int) -> None:
    stage = Stage(meters=(meter(shards=3, most_shards=3), meter("bytes", shards=3, most_shards=3)))
    sold = plan(metered(1), metered(1, "bytes"))
    stage.units.put(sold)
    stage.sold, stage.subscription = sold, replace(stage.now, meters=("calls", "bytes"))
    stage.units.put(stage.subscription)
    for shard in range(3):
        stage.count(1, shard=shard)
        stage.count(10, meter_key="bytes", shard=shard)
    calls = count()

    def die(key: TotalKey) -> None:
        if next(calls) == survives:
            raise Died

    stage.store.before_close = die
    with pytest.raises(Died):
        stage.close(MIDDLE)
    stage.store.before_close = None
    for shard in range(3):
        stage.count(100, shard=shard)
        stage.count(1000, meter_key="bytes", shard=shard)
    assert nets(stage.close(MIDDLE)) == [303, 3030]


def test_however_often_a_commit_failed_the_next_closing_comes_to_an_end() -> None:
    """A tax provider that is down for a day, and a client that tries again every few minutes."""
    stage = Stage()
    for _ in range(60):
        stage.count(1)
        with pytest.raises((Died, Unavailable)):
            stage.close(MIDDLE, dies_before_commit=True)
    assert nets(stage.close(MIDDLE)) == [60]


# Races


def test_of_two_closers_one_bills_and_the_other_bills_what_came_between() -> None:
    stage = Stage()
    stage.count(30)
    first, second = stage.units.begin("ten_1"), stage.units.begin("ten_1")
    before = stage.now
    slots = []
    for unit, more in ((first, 5), (second, 7)):
        found = unit.load(*stage.closer.refs(TENANT, before))
        used = stage.closer.close(unit, found, Closing(before, PLAN, MIDDLE))
        unit.save(used.on(Step(before)).subscription)
        slots.append((used.slot, nets(used.lines)))
        stage.count(more)
    # The second finds the first one's slot closed, reads it as well, and closes the one that came after it.
    assert slots == [(1, [30]), (2, [35])]
    second.commit()
    with pytest.raises(LostRace):
        first.commit()
    assert (stage.now.usage_slot, nets(stage.close(MIDDLE))) == (2, [7])


def test_a_loser_that_runs_again_bills_what_nobody_did() -> None:
    stage = Stage()
    stage.count(30)
    loser = stage.units.begin("ten_1")
    before = stage.now
    found = loser.load(*stage.closer.refs(TENANT, before))
    loser.save(stage.closer.close(loser, found, Closing(before, PLAN, MIDDLE)).on(Step(before)).subscription)
    stage.count(5)
    assert nets(stage.close(MIDDLE)) == [35]
    stage.count(2)
    with pytest.raises(LostRace):
        loser.commit()
    assert nets(stage.close(MIDDLE)) == [2]
    assert stage.billed == 37


def test_where_others_close_all_the_time_one_is_told_so() -> None:
    stage = Stage()

    def other(key: TotalKey) -> None:
        stage.store.before_close = None
        stage.store.close(key, final=False)
        stage.store.before_close = other

    stage.store.before_close = other
    with pytest.raises(Unavailable):
        stage.close(MIDDLE)
    assert (stage.now.usage_slot, stage.invoiced) == (0, [])


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int, int, int]]:
    """What happens: counting, or a closing during which something is counted, or that dies somewhere."""
    kinds = st.sampled_from(["count", "count", "close", "close", "dies", "uncommitted", "two", "renew"])
    steps = st.tuples(kinds, st.integers(0, 4), st.integers(0, 2), st.integers(1, 50))
    return draw(st.lists(steps, min_size=1, max_size=12))


@LAW
@given(histories())
def test_each_event_is_on_one_invoice_whatever_happens(history: list[tuple[str, int, int, int]]) -> None:
    stage = Stage(meters=(meter(shards=3, most_shards=3),))
    counted = 0

    def during(step: int, shard: int, quantity: int, other: bool, dies: bool) -> Callable[[TotalKey], None]:
        calls = count()

        def act(key: TotalKey) -> None:
            nonlocal counted
            if next(calls) != step:
                return
            stage.store.before_close = None
            stage.count(quantity, shard=shard, at=stage.now.current_period.start)
            counted += quantity
            if other:
                stage.close(stage.now.current_period.start + timedelta(days=1))
            if dies:
                raise Died

        return act

    for kind, step, shard, quantity in history:
        if kind == "count":
            stage.count(quantity, shard=shard, at=stage.now.current_period.start)
            counted += quantity
            continue
        stage.store.before_close = during(step, shard, quantity, kind == "two", kind == "dies")
        try:
            if kind == "renew":
                stage.renew()
            else:
                at = stage.now.current_period.start + timedelta(days=1)
                stage.close(at, dies_before_commit=kind == "uncommitted")
        except (Died, LostRace):
            pass
        stage.store.before_close = None
        assert stage.billed <= counted
    stage.renew()
    assert stage.billed == counted
    assert sum(each.amount.number for period in periods_of(stage) for each in period.readings) == counted
