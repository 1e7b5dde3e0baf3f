"""Closing usage: what was counted is billed, and the next slot takes what comes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from billing.domain.catalog.meter import Aggregation
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import ProrationBehavior, Step
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.domain.tenant import PLATFORM
from billing.domain.usage.event import Cell, span_at
from billing.domain.usage.period import UsageHistory
from billing.services.kernel.work import Ref
from billing.services.usage.closing import LATE_BY, Closed, Closing, Foreseen, ending
from billing.services.usage.ports import TotalKey
from tests.support.engine import TENANT, changed, flat, metered, nets, on, plan, running, started
from tests.support.usage import meter, reading
from tests.support.usage_closing import END, LATE, MIDDLE, PLAN, START, Died, Stage, periods_of, readings

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
    closed = stage.closer.close(unit, unit.load(), Closing(stage.now, sold, MIDDLE))
    so_far = stage.closer.so_far(unit, unit.load(), Closing(stage.now, sold, MIDDLE))
    assert (closed, so_far) == (Closed(0), Foreseen(0))
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
        assert nets(stage.closer.so_far(unit, found, Closing(stage.now, stage.sold, MIDDLE)).lines) == [42]
        assert nets(stage.closer.so_far(unit, found, Closing(stage.now, stage.sold, END)).lines) == [100]
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
    assert nets(stage.closer.so_far(unit, found, Closing(stage.now, PLAN, END)).lines) == [5]
