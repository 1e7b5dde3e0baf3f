"""Closing usage: each event is in one reading, and each reading on one invoice, whoever dies or races."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.catalog.meter import Aggregation, Amount, Meter
from billing.domain.catalog.plan import Plan
from billing.domain.kernel.errors import LostRace, Unavailable
from billing.domain.lines.line import InvoiceLine
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import ProrationBehavior, Step
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.domain.tenant import PLATFORM
from billing.domain.usage.event import Cell, UsageEvent, span_at
from billing.domain.usage.period import UsageHistory, UsagePeriod
from billing.services.kernel.work import Ref
from billing.services.usage.closing import LATE_BY, Closed, UsageCloser, ending
from billing.services.usage.ports import Change, Counting, StoredEvent, TotalKey
from tests.support.engine import TENANT, changed, flat, metered, nets, on, plan, running, started
from tests.support.usage import MemoryUnits, MemoryUsageStore, meter, reading

LAW = settings(max_examples=150, deadline=None)
START, END, LATE = on("2025-06-01"), on("2025-07-01"), on("2025-07-10")
MIDDLE = on("2025-06-16")
PLAN = plan(metered(1))
EVERY_EVENT = count(1)


class Died(Exception):
    """The process is gone."""


@dataclass
class Stage:
    """A subscription with its usage, and closers that may die."""

    sold: Plan = PLAN
    meters: tuple[Meter, ...] = (meter(),)
    subscription: Subscription = field(default_factory=lambda: running(PLAN, START))
    store: MemoryUsageStore = field(default_factory=MemoryUsageStore)
    invoiced: list[InvoiceLine] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.units = MemoryUnits(START, self.sold, self.subscription, *self.meters)
        self.closer = UsageCloser(self.store)

    @property
    def now(self) -> Subscription:
        """The subscription as it is stored."""
        found: Subscription = self.units.entities[Ref(Subscription, "ten_1", "sub_1")]
        return found

    @property
    def billed(self) -> int:
        """Minor units on invoices."""
        return sum(line.amount.minor for line in self.invoiced)

    def count(self, quantity: int | str, at: datetime = START, meter_key: str = "calls", shard: int = 0) -> None:
        """Count an event as a worker does: into its slot, or the next one where that is closed."""
        span, slot = span_at(self.now, at), self.now.usage_slot
        while not self._counted(quantity, TotalKey("ten_1", "sub_1", slot, meter_key, shard), Cell(span)):
            slot += 1

    def _counted(self, quantity: int | str, key: TotalKey, cell: Cell) -> bool:
        number = Decimal(quantity)
        event = UsageEvent(f"e{next(EVERY_EVENT)}", "sub_1", key.meter, number, START)
        counting = Counting("ten_1", START, 0, 0, 0)
        counting.events.append(StoredEvent(event, event.digest, cell, number, number, START))
        counting.totals[key] = {cell.name: Change(Aggregation.SUM, Amount(number))}
        return self.store.apply(counting).done

    def close(
        self,
        at: datetime,
        then: Callable[[Subscription], Subscription] = lambda subscription: subscription,
        target: Plan | None = None,
        final: bool = False,
        dies_before_commit: bool = False,
    ) -> tuple[InvoiceLine, ...]:
        """Close, and commit with the subscription as it is then.

        Raises:
            LostRace: another one committed first.
        """
        unit = self.units.begin("ten_1")
        before = unit.load(Ref(Subscription, "ten_1", "sub_1")).require(Ref(Subscription, "ten_1", "sub_1"))
        found = unit.load(*self.closer.refs(TENANT, before, *([target] if target else [])))
        used = self.closer.close(unit, found, before, self.sold, at, target=target, final=final)
        step = used.on(Step(then(before)))
        unit.save(step.subscription)
        if dies_before_commit:
            raise Died
        unit.commit()
        self.invoiced += step.invoiced
        return step.invoiced

    def renew(self) -> tuple[InvoiceLine, ...]:
        """The end of the period."""
        end = self.now.current_period.end
        return self.close(end, lambda before: changes.begin_period(before, self.sold, end).subscription)


def periods_of(stage: Stage) -> list[UsagePeriod]:
    """What is known of each period."""
    return [period for history in stage.units.of(UsageHistory) for period in history.periods]


def readings(stage: Stage) -> dict[tuple[str, tuple[str, ...]], Decimal]:
    """What all periods together have read."""
    found = [each for period in periods_of(stage) for each in period.readings]
    return {(each.meter, each.cell.dimensions): each.amount.number for each in found}


# A closing


def test_what_was_counted_is_billed_and_the_next_slot_takes_what_comes() -> None:
    stage = Stage()
    stage.count(30)
    assert nets(stage.close(MIDDLE)) == [30]
    assert stage.now.usage_slot == 1
    stage.count(12)
    assert nets(stage.renew()) == [12]
    assert (stage.now.usage_slot, stage.billed) == (2, 42)
    ((period,), (history,)) = periods_of(stage), stage.units.of(UsageHistory)
    assert (history.version, period.ended, [each.amount.number for each in period.readings]) == (2, True, [42])


def test_a_closed_item_takes_nothing_though_nobody_counted_into_it_before() -> None:
    stage = Stage()
    stage.close(MIDDLE)
    (closed,) = stage.store.of_subscription("ten_1", "sub_1")
    assert (closed.key.slot, closed.closed, closed.cells) == (0, "closed", {})
    assert not stage._counted(5, closed.key, Cell(span_at(stage.now, START)))


def test_all_shards_that_ever_were_are_read() -> None:
    """More are written to after a while only, and fewer at once: what the others took is there still."""
    shrunk = replace(meter(), shards=2, shards_before=8, most_shards=8, shards_changed_at=START)
    stage = Stage(meters=(shrunk,))
    for shard in range(8):
        stage.count(10**shard, shard=shard)
    assert nets(stage.close(MIDDLE)) == [11111111]
    assert len(stage.store.of_subscription("ten_1", "sub_1")) == 8


def test_cells_of_several_slots_and_shards_come_together_as_their_meter_says() -> None:
    peak = meter("peak", Aggregation.MAX, ("region",), shards=2, most_shards=2)
    latest = meter("latest", Aggregation.LAST)
    sold = plan(metered(1, "peak"), metered(1, "latest"))
    stage = Stage(sold, (peak, latest), running(sold, START))
    span = span_at(stage.now, START)

    def put(key: str, slot: int, shard: int, number: int, *dimensions: str, order: str = "") -> None:
        stage.store.put(
            TotalKey("ten_1", "sub_1", slot, key, shard), reading(span, number, *dimensions, of=key, order=order)
        )

    put("peak", 0, 0, 5, "eu")
    put("peak", 0, 1, 8, "eu")
    put("peak", 0, 1, 3, "us")
    put("latest", 0, 0, 100, order="2")
    with pytest.raises(Died):
        stage.close(MIDDLE, dies_before_commit=True)
    put("peak", 1, 0, 7, "us")
    put("latest", 1, 0, 999, order="1")
    stage.close(MIDDLE)
    assert readings(stage) == {("peak", ("eu",)): 8, ("peak", ("us",)): 7, ("latest", ()): 100}


def test_without_any_meter_nothing_is_read_and_nothing_changes() -> None:
    sold = plan(flat(1000))
    stage = Stage(sold, (), running(sold, START))
    assert stage.closer.refs(TENANT, stage.now) == ()
    unit = stage.units.begin("ten_1")
    closed = stage.closer.close(unit, unit.load(), stage.now, sold, MIDDLE)
    so_far = stage.closer.so_far(unit, unit.load(), stage.now, sold, MIDDLE)
    assert closed == so_far == Closed(0)
    assert (stage.units.loaded, stage.store.of_subscription("ten_1", "sub_1")) == ([], [])


def test_the_usual_closing_reads_what_was_named_and_no_more() -> None:
    stage = Stage()
    stage.count(30)
    stage.renew()
    named = {Ref(Subscription, "ten_1", "sub_1"), *stage.closer.refs(TENANT, running(PLAN, START))}
    assert set(stage.units.loaded) == named


def test_a_meter_may_be_the_platforms_and_the_tenants_own_goes_before_it() -> None:
    ours = meter(tenant_id=PLATFORM, most_shards=4)
    stage = Stage(meters=(ours,))
    stage.count(7, shard=3)
    assert nets(stage.close(MIDDLE)) == [7]
    both = Stage(meters=(ours, meter()))
    both.close(MIDDLE)
    assert len(both.store.of_subscription("ten_1", "sub_1")) == 1


def test_late_usage_reads_its_period_and_the_plan_that_it_was_used_under() -> None:
    stage = Stage(plan(metered(1, free_units=100)))
    stage.count(90)
    june = span_at(stage.now, START)
    stage.renew()
    pro = plan(metered(5), name="Pro")
    stage.units.put(pro)
    stage.close(
        on("2025-07-05"),
        lambda before: changed(before, stage.sold, on("2025-07-05"), to=pro).subscription,
        target=pro,
    )
    stage.sold = pro
    stage.count(30, at=START)
    stage.count(4, at=LATE)
    (late, running_line) = stage.close(LATE)
    assert (late.amount.minor, late.description) == (20, "Basic: calls, late usage of 2025-06-01 to 2025-06-30")
    assert (running_line.amount.minor, running_line.description) == (20, "Pro: calls")
    periods = {each.span: each for each in periods_of(stage)}
    assert periods[june].readings[0].amount.number == 120


def test_late_usage_finds_the_plan_of_a_part_in_which_nothing_was_used() -> None:
    """Basic until 16 June, then Pro, which asks 5.00 at least and is left in July."""
    stage = Stage()
    stage.count(30)
    pro, best = plan(metered(2, minimum=500_000), name="Pro"), plan(metered(3), name="Best")
    stage.units.put(pro, best)
    assert nets(stage.close(MIDDLE, lambda it: changed(it, PLAN, MIDDLE, to=pro).subscription, target=pro)) == [30]
    stage.sold = pro
    assert nets(stage.renew()) == [470]
    stage.close(on("2025-07-05"), lambda it: changed(it, pro, on("2025-07-05"), to=best).subscription, target=best)
    stage.sold = best
    stage.count(20, at=START)
    assert sorted(nets(stage.close(LATE))) == [-20, 20]


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
        used = stage.closer.close(unit, found, before, PLAN, MIDDLE)
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
    loser.save(stage.closer.close(loser, found, before, PLAN, MIDDLE).on(Step(before)).subscription)
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


# Changes of plan


def test_the_meters_of_the_plan_that_comes_are_closed_with_the_change() -> None:
    stage = Stage(meters=(meter(), meter("bytes", most_shards=2)))
    pro = plan(metered(3, "bytes"), name="Pro")
    stage.units.put(pro)
    stage.count(30)
    stage.count(500, meter_key="bytes")
    lines = stage.close(MIDDLE, lambda before: changed(before, PLAN, MIDDLE, to=pro).subscription, target=pro)
    assert nets(lines) == [30]
    assert (stage.now.meters, stage.now.usage_slot) == (("calls", "bytes"), 1)
    closed = stage.store.of_subscription("ten_1", "sub_1")
    assert [(each.key.meter, each.key.shard, each.closed) for each in closed] == [
        ("bytes", 0, "closed"),
        ("bytes", 1, "closed"),
        ("calls", 0, "closed"),
    ]
    stage.sold = pro
    stage.count(7, at=MIDDLE, meter_key="bytes")
    stage.count(1, at=START)
    # Bytes of before the change were nobody's; calls of before it have their price, those after it none.
    assert nets(stage.renew()) == [1, 21]


def test_usage_waits_with_the_changes_own_lines_or_goes_onto_its_invoice() -> None:
    used = Closed(3, changes.first_period(started(plan(flat(42)), START), plan(flat(42))).lines)
    before = running(PLAN, START)
    waiting = used.on(Step(before), ProrationBehavior.CREATE_PRORATIONS)
    assert (waiting.invoiced, nets(waiting.subscription.pending), waiting.subscription.usage_slot) == ((), [42], 3)
    now = used.on(Step(before), ProrationBehavior.INVOICE_NOW)
    assert (nets(now.invoiced), now.subscription.pending, now.subscription.usage_slot) == ([42], (), 3)
    assert nets(used.on(Step(before)).invoiced) == [42]
    assert Closed(4).on(Step(before)) == Step(replace(before, usage_slot=4))


# The end


def test_after_the_final_closing_nothing_is_taken_any_more() -> None:
    stage = Stage()
    stage.count(30)
    canceled = lifecycle.ended(stage.now, MIDDLE)
    waiting = ending(stage.now, canceled, TENANT)
    assert waiting.usage_until == MIDDLE + timedelta(seconds=TENANT.usage_past_s) + LATE_BY
    stage.close(MIDDLE, lambda before: replace(waiting, version=before.version))
    stage.count(5)
    with pytest.raises(Died):
        stage.close(MIDDLE, final=True, dies_before_commit=True)
    lines = stage.close(MIDDLE, lambda before: replace(before, usage_until=None), final=True)
    assert (nets(lines), stage.billed) == ([5], 35)
    closed = {each.key.slot: each.closed for each in stage.store.of_subscription("ten_1", "sub_1")}
    assert closed == {0: "closed", 1: "final", 2: "final"}
    assert stage.now.usage_slot == 3


@pytest.mark.parametrize(
    "before",
    [
        None,
        started(PLAN, START),
        lifecycle.ended(running(PLAN, START), MIDDLE),
        running(plan(flat(1)), START),
    ],
    ids=["new", "incomplete", "ended-before", "no-meter"],
)
def test_late_usage_is_waited_for_only_of_what_ran_and_has_just_ended(before: Subscription | None) -> None:
    after = lifecycle.ended(before or running(PLAN, START), MIDDLE)
    assert ending(before, after, TENANT) is after
    assert ending(running(PLAN, START), running(PLAN, START), TENANT).usage_until is None


def test_what_waits_for_late_usage_has_its_alarm_then() -> None:
    before = running(PLAN, START)
    waiting = ending(before, lifecycle.ended(before, MIDDLE), TENANT)
    assert waiting.state is SubscriptionState.CANCELED
    due = lifecycle.with_alarm(waiting, "07").due
    assert due is not None
    assert due.at == waiting.usage_until
    assert lifecycle.with_alarm(replace(waiting, usage_until=None), "07").due is None


# Ahead of time


def test_what_a_closing_would_bill_is_said_without_closing_anything() -> None:
    stage = Stage(plan(metered(1, minimum=100_000)), (meter(shards=2, most_shards=2),))
    stage.count(30)
    with pytest.raises(Died):
        stage.close(MIDDLE, dies_before_commit=True)
    stage.count(12, shard=1)
    unit = stage.units.begin("ten_1")
    found = unit.load(*stage.closer.refs(TENANT, stage.now))
    before = stage.store.of_subscription("ten_1", "sub_1")
    for _ in range(2):
        assert nets(stage.closer.so_far(unit, found, stage.now, stage.sold, MIDDLE).lines) == [42]
        assert nets(stage.closer.so_far(unit, found, stage.now, stage.sold, END).lines) == [100]
    assert stage.store.of_subscription("ten_1", "sub_1") == before
    unit.commit()
    assert (periods_of(stage), stage.now.usage_slot) == ([], 0)
    stage.count(8)
    assert nets(stage.close(MIDDLE)) == [50]


def test_what_was_billed_before_is_not_said_again() -> None:
    stage = Stage()
    stage.count(30)
    stage.close(MIDDLE)
    stage.count(5)
    unit = stage.units.begin("ten_1")
    found = unit.load(*stage.closer.refs(TENANT, stage.now))
    assert nets(stage.closer.so_far(unit, found, stage.now, PLAN, END).lines) == [5]
