"""Counting: each event once with all that it changes, in the slot, shard and cell that it belongs to."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.catalog.meter import SHARDS_SETTLE
from billing.domain.kernel.errors import Unavailable
from billing.domain.subscriptions import lifecycle
from billing.domain.subscriptions.lifecycle import Start
from billing.domain.usage.event import Refusal, UsageEvent, span_at
from billing.services.usage.counting import EVENT_KEPT_S, SERIES_KEPT_S
from billing.services.usage.effects import MOST_CELLS
from billing.services.usage.ports import Counting
from tests.support.engine import CUSTOMER, changed, metered, on, plan, running
from tests.support.usage import meter
from tests.support.usage_counting import JUNE, NOW, PLAN, START, Stage, event, report

LAW = settings(max_examples=40, deadline=None)


# Once each


def test_events_are_counted_with_their_hours() -> None:
    stage = Stage()
    early = on("2025-06-09T23:59:59")
    assert stage.count(event("a", 5), event("b", "2.5"), event("c", 1, at=early)) == report(3)
    assert stage.totals() == {JUNE: Decimal("8.5")}
    assert (stage.hours(), stage.hours(day="2025-06-09")) == ({"h12": Decimal("7.5")}, {"h23": 1})
    assert len(stage.store.applied) == 1
    assert (stage.rejected, stage.reported) == ([], [])


def test_a_message_that_comes_again_counts_nothing_again() -> None:
    stage = Stage()
    events = (event("a", 5), event("b", 7), event("c", 1, "requests"))
    assert stage.count(*events, chunk="chk") == report(3)
    assert stage.count(*events, chunk="chk") == report(duplicates=3)
    assert (stage.total(), stage.total("requests"), stage.hours()) == (12, 1, {"h12": 12})


def test_of_a_message_that_is_counted_in_part_the_rest_is_counted() -> None:
    stage = Stage()
    stage.count(event("b", 7))
    assert stage.count(event("a", 5), event("b", 7), event("c", 1)) == report(2, duplicates=1)
    assert (stage.total(), stage.rejected) == (13, [])


def test_another_event_under_a_used_id_is_reported() -> None:
    stage = Stage()
    stage.count(event("a", 5))
    assert stage.count(event("a", 6), event("b", 1)) == report(1, rejected=1)
    assert (stage.total(), stage.rejected, stage.reported) == (6, [("a", Refusal.OTHER_CONTENT)], [["a"]])


def test_of_twins_in_one_message_the_first_counts() -> None:
    stage = Stage()
    assert stage.count(event("a", 5), event("a", 5), event("a", 6)) == report(1, 1, 1)
    assert (stage.total(), stage.rejected) == (5, [("a", Refusal.OTHER_CONTENT)])


def test_events_of_several_subscriptions_and_meters_do_not_mix() -> None:
    other = replace(running(PLAN, START), id="sub_2", usage_slot=3)
    stage = Stage(subscriptions=(running(PLAN, START), other))
    stage.count(event("a", 5), event("b", 7, sub="sub_2"), event("c", 9, "requests"))
    assert (stage.total(), stage.total("requests"), stage.totals(sub="sub_2")) == (5, 1, {JUNE: 7})
    (item,) = stage.store.of_subscription("ten_1", "sub_2")
    assert item.key.slot == 3


def test_an_event_is_of_the_period_and_the_plan_of_its_time() -> None:
    before = running(PLAN, START)
    after = changed(before, PLAN, on("2025-06-05"), to=plan(metered(5), name="Pro")).subscription
    stage = Stage(subscriptions=(after,))
    stage.count(event("a", 1), event("b", 10, at=START), event("c", 100, at=on("2025-07-02")), event("d", 1000))
    assert stage.totals() == {
        JUNE: 10,
        f"{JUNE}/2025-06-05T00:00:00Z": 1001,
        "2025-07-01T00:00:00Z/2025-08-01T00:00:00Z": 100,
    }


@LAW
@given(st.data())
def test_spans_that_are_remembered_within_a_message_are_those_of_each_event(data: st.DataObject) -> None:
    trial = data.draw(st.integers(0, 20))
    made = lifecycle.start("sub_1", CUSTOMER, PLAN, START, Start(trial_days=trial))
    stage = Stage(subscriptions=(made,))
    days = data.draw(st.lists(st.integers(0, 90), min_size=1, max_size=12))
    events = [event(f"e{n}", at=START + timedelta(days=day)) for n, day in enumerate(days)]
    stage.count(*events)
    stored = stage.store.events("ten_1", {each.event_id for each in events})
    assert {key: each.cell.span for key, each in stored.items()} == {
        each.event_id: span_at(made, each.timestamp) for each in events
    }


def test_what_is_kept_says_how_long() -> None:
    stage = Stage()
    stage.count(event("a", 5), event("u", of="users", properties={"user": "ada"}))
    (counting,) = stage.store.applied
    now_s, june_s = int(NOW.timestamp()), 30 * 86_400
    assert (counting.expires_at, counting.series_until) == (now_s + EVENT_KEPT_S, now_s + SERIES_KEPT_S)
    # A value seen on the first day is still known when the last late event of the period comes.
    assert counting.seen_until >= now_s + june_s + 60 * 86_400
    (stored,) = stage.store.events("ten_1", {"a"}).values()
    assert (stored.value, stored.remaining, stored.counted_at) == (Decimal(5), Decimal(5), NOW)


# Shards


def test_a_message_counts_into_one_shard_the_same_when_it_comes_again() -> None:
    stage = Stage((meter(shards=8, shards_before=8, most_shards=8),))
    for n in range(40):
        stage.count(event(f"e{n}", 1), chunk=f"chk_{n}")
        stage.count(event(f"e{n}", 1), chunk=f"chk_{n}")
    items = stage.store.of_subscription("ten_1", "sub_1")
    assert (stage.total(), len(items)) == (40, 8)


def test_more_shards_are_written_to_once_every_closing_reads_them() -> None:
    grown = meter().resharded(8, NOW)
    stage = Stage((grown,))
    for n in range(20):
        stage.count(event(f"e{n}"))
    assert {each.key.shard for each in stage.store.of_subscription("ten_1", "sub_1")} == {0}
    stage.now = NOW + SHARDS_SETTLE
    for n in range(20, 60):
        stage.count(event(f"e{n}"))
    assert len({each.key.shard for each in stage.store.of_subscription("ten_1", "sub_1")}) > 1


# Slots


def test_where_a_slot_is_closed_the_next_one_takes_it() -> None:
    stage = Stage()
    stage.count(event("a", 5))
    stage.close(0, 1)
    assert stage.count(event("b", 7), event("c", 1)) == report(2)
    slots = {each.key.slot: each.cells for each in stage.store.of_subscription("ten_1", "sub_1")}
    assert {slot: {name: each.number for name, each in cells.items()} for slot, cells in slots.items()} == {
        0: {JUNE: 5},
        1: {},
        2: {JUNE: 8},
    }
    assert stage.hours() == {"h12": 13}
    assert stage.pauses_s == []


def test_a_slot_that_closes_between_two_messages_or_within_one_loses_nothing() -> None:
    stage = Stage()
    closing = iter([0, 1, 2])

    def close(counting: Counting) -> None:
        slot = next(closing, None)
        if slot is not None:
            stage.close(slot)

    stage.store.before_apply = close
    assert stage.count(event("a", 5)) == report(1)
    assert (stage.total(), stage.amount("calls", slot=3)) == (5, 5)


def test_all_meters_of_a_subscription_go_to_the_slot_that_is_open() -> None:
    stage = Stage()
    stage.close(0)
    stage.count(event("a", 5), event("b", 7, "requests"))
    assert {
        (each.key.meter, each.key.slot) for each in stage.store.of_subscription("ten_1", "sub_1") if each.cells
    } == {
        ("calls", 1),
        ("requests", 1),
    }


def test_what_is_final_takes_nothing_and_says_so() -> None:
    """The worker had loaded the subscription before its last closing."""
    other = replace(running(PLAN, START), id="sub_2")
    stage = Stage(subscriptions=(running(PLAN, START), other))
    stage.close(0)
    stage.close(1, final=True)
    assert stage.count(event("a", 5), event("b", 7, sub="sub_2")) == report(1, rejected=1)
    assert (stage.total(), stage.totals(sub="sub_2"), stage.rejected) == (0, {JUNE: 7}, [("a", Refusal.ALREADY_FINAL)])


def test_after_ever_more_closed_slots_the_message_comes_again() -> None:
    stage = Stage()

    def close(counting: Counting) -> None:
        for key in counting.totals:
            stage.store.close(key, final=False)

    stage.store.before_apply = close
    with pytest.raises(Unavailable):
        stage.count(event("a", 5))
    stage.store.before_apply = None
    assert (stage.total(), stage.rejected) == (0, [])


def test_however_many_closings_failed_the_open_slot_is_found() -> None:
    stage = Stage()
    stage.close(*range(45))
    assert stage.count(event("a", 5)) == report(1)


# Meters that are looked at first


def test_a_maximum_is_written_where_it_is_above() -> None:
    stage = Stage()
    assert stage.count(event("a", 5, "peak"), event("b", 9, "peak"), event("c", 7, "peak")) == report(3)
    assert stage.amount("peak") == 9
    assert stage.count(event("d", 8, "peak")) == report(1)
    # It is stored, so that it is known when it comes again; nothing else is written.
    assert (stage.store.applied[-1].totals, stage.store.applied[-1].series) == ({}, {})
    assert stage.count(event("d", 8, "peak")) == report(duplicates=1)
    later = on("2025-06-10T13:00")
    assert stage.count(event("e", 8, "peak", at=later)) == report(1)
    assert (stage.amount("peak"), stage.hours("peak")) == (9, {"h12": 9, "h13": 8})
    assert stage.count(event("f", 10, "peak")) == report(1)
    assert (stage.amount("peak"), stage.hours("peak")) == (10, {"h12": 10, "h13": 8})


def test_the_latest_is_by_its_time_not_by_its_coming() -> None:
    stage = Stage()
    later, latest = NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)
    stage.count(event("b", 20, "latest", at=later))
    stage.count(event("a", 10, "latest"), event("c", 5, "latest", at=latest))
    stage.count(event("d", 7, "latest", at=later))
    assert (stage.amount("latest"), stage.hours("latest")) == (5, {"h12": 5})


@pytest.mark.parametrize(("mine", "theirs", "after"), [(9, 12, 12), (9, 7, 9)])
def test_a_maximum_that_was_passed_meanwhile_is_looked_at_again(mine: int, theirs: int, after: int) -> None:
    stage = Stage()

    def other(counting: Counting) -> None:
        stage.store.before_apply = None
        stage.count(event("other", theirs, "peak"))

    stage.store.before_apply = other
    assert stage.count(event("mine", mine, "peak")) == report(1)
    assert (stage.amount("peak"), set(stage.store.events("ten_1", {"mine", "other"}))) == (
        after,
        {"mine", "other"},
    )
    assert len(stage.pauses_s) == (1 if theirs > mine else 0)


def test_a_maximum_after_a_closing_is_written_anew() -> None:
    stage = Stage()
    stage.count(event("a", 9, "peak"))
    stage.close(0, of="peak")
    assert stage.count(event("b", 12, "peak"), event("c", 3, "peak")) == report(2)
    assert (stage.amount("peak", 0), stage.amount("peak", 1)) == (9, 12)


def test_a_value_counts_once_a_period() -> None:
    stage = Stage()

    def seen(event_id: str, user: str, at: datetime = NOW) -> UsageEvent:
        return event(event_id, 99, "users", at, properties={"user": user})

    assert stage.count(seen("a", "ada"), seen("b", "bob"), seen("c", "ada")) == report(3)
    assert stage.count(seen("d", "bob"), seen("e", "eve"), seen("f", "ada", on("2025-07-02"))) == report(3)
    assert stage.totals("users") == {JUNE: 3, "2025-07-01T00:00:00Z/2025-08-01T00:00:00Z": 1}
    assert stage.count(seen("d", "bob")) == report(duplicates=1)
    stage.close(0, of="users")
    assert stage.count(seen("g", "bob"), seen("h", "zoe")) == report(2)
    assert stage.amount("users", 1) == 1


def test_a_value_that_another_saw_meanwhile_counts_once() -> None:
    stage = Stage()

    def other(counting: Counting) -> None:
        stage.store.before_apply = None
        stage.count(event("other", 1, "users", properties={"user": "ada"}))

    stage.store.before_apply = other
    users = [event(f"e{n}", 1, "users", properties={"user": user}) for n, user in enumerate(["ada", "bob"])]
    assert stage.count(*users) == report(2)
    assert stage.total("users") == 2


def test_dimensions_have_cells_of_their_own() -> None:
    stage = Stage()
    regions = ["eu", "us", "eu", ""]
    stage.count(*(event(f"e{n}", 10**n, "traffic", properties={"region": r}) for n, r in enumerate(regions)))
    stage.count(event("none", 5, "traffic"))
    assert stage.totals("traffic") == {f'{JUNE} ["eu"]': 101, f'{JUNE} ["us"]': 10, f'{JUNE} [""]': 1005}


def dimensional(n: int, of: str = "traffic") -> UsageEvent:
    name = "region" if of == "traffic" else "host"
    return event(f"{of}-{n}", 1, of, properties={name: f"v{n}"})


@pytest.mark.parametrize("of", ["traffic", "load"])
def test_dimension_values_beyond_the_limit_are_reported_and_those_that_are_there_go_on(of: str) -> None:
    stage = Stage()
    for n in range(0, MOST_CELLS - 1, 50):
        stage.count(*(dimensional(k, of) for k in range(n, min(n + 50, MOST_CELLS - 1))))
    # Two more, of which one has room; and one that is there.
    again = replace(dimensional(3, of), event_id="again", quantity=Decimal(7))
    assert stage.count(dimensional(500, of), dimensional(501, of), again) == report(2, rejected=1)
    assert stage.rejected == [(f"{of}-501", Refusal.TOO_MANY_DIMENSIONS)]
    (item,) = stage.store.of_subscription("ten_1", "sub_1")
    assert len(item.cells) == MOST_CELLS
    # After a closing there is room again.
    stage.close(0, of=of)
    stage.units.put(replace(stage.subscriptions[0], usage_slot=1))
    assert stage.count(dimensional(502, of)) == report(1)


def test_that_a_closed_slot_is_full_says_nothing_of_the_open_one() -> None:
    """A closing whose commit failed leaves the subscription pointing at a closed slot."""
    stage = Stage()
    for n in range(0, MOST_CELLS, 50):
        stage.count(*(dimensional(k) for k in range(n, n + 50)))
    stage.close(0, of="traffic")
    assert stage.count(dimensional(500)) == report(1)
