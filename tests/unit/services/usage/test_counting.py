"""Counting: each event once with all that it changes, and what cannot be counted is reported once."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.catalog.meter import SHARDS_SETTLE, Aggregation, Meter
from billing.domain.kernel.errors import Unavailable
from billing.domain.subscriptions import lifecycle
from billing.domain.subscriptions.lifecycle import Start
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.usage.event import Refusal, UsageEvent, span_at
from billing.domain.usage.rejection import UsageRejection
from billing.services.kernel.work import Ref
from billing.services.usage.counting import (
    EVENT_KEPT_S,
    SERIES_KEPT_S,
    CountReport,
    EventsMissing,
    UsageCounter,
)
from billing.services.usage.effects import MOST_CELLS, MOST_ITEMS
from billing.services.usage.ports import Chunk, Counting, SeriesKey, TotalKey
from tests.support.engine import CUSTOMER, changed, metered, on, plan, running
from tests.support.usage import MemoryUnits, MemoryUsageStore, cells_of, meter, span_on

LAW = settings(max_examples=40, deadline=None)
Number = Any  # a Decimal, compared with whole numbers
START, NOW = on("2025-06-01"), on("2025-06-10T12:00")
PLAN = plan(metered(1))
JUNE = "2025-06-01T00:00:00Z/2025-07-01T00:00:00Z"
METERS = (
    meter(),
    meter("requests", Aggregation.COUNT),
    meter("peak", Aggregation.MAX),
    meter("latest", Aggregation.LAST),
    meter("users", Aggregation.UNIQUE),
    meter("traffic", dimensions=("region",)),
    meter("load", Aggregation.MAX, ("host",)),
)


def event(
    event_id: str, quantity: int | str = 1, of: str = "calls", at: datetime = NOW, sub: str = "sub_1", **more: Any
) -> UsageEvent:
    return UsageEvent(event_id, sub, of, Decimal(quantity), at, more.pop("properties", {}), **more)


def correction(event_id: str, corrects: str, quantity: int | str, of: str = "calls", **more: Any) -> UsageEvent:
    return event(event_id, quantity, of, corrects=corrects, **more)


@dataclass
class Stage:
    """A worker, and what it counts into."""

    meters: tuple[Meter, ...] = METERS
    subscriptions: tuple[Subscription, ...] = field(default_factory=lambda: (running(PLAN, START),))
    store: MemoryUsageStore = field(default_factory=MemoryUsageStore)
    now: datetime = NOW
    pauses_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.units = MemoryUnits(NOW, *self.subscriptions, *self.meters)
        self._chunks = count(1)

    def count(self, *events: UsageEvent, chunk: str = "", last_try: bool = False) -> CountReport:
        """One delivery of a message."""
        counter = UsageCounter(self.units, self.store, lambda: self.now, lambda: 1.0, self.pauses_s.append)
        return counter.count(Chunk(chunk or f"chk_{next(self._chunks)}", "ten_1", events), last_try)

    def totals(self, of: str = "calls", sub: str = "sub_1") -> dict[str, Number]:
        """What all slots and shards of a meter that adds up show, cell by cell."""
        found = self.store.of_subscription("ten_1", sub)
        return cells_of([each for each in found if each.key.meter == of])

    def total(self, of: str = "calls") -> Number:
        """What they show together."""
        return sum(self.totals(of).values(), Decimal(0))

    def amount(self, of: str, slot: int = 0) -> Number:
        """The one cell of a meter in a slot."""
        (item,) = self.store.totals({TotalKey("ten_1", "sub_1", slot, of)}).values()
        (found,) = item.cells.values()
        return found.number

    def hours(self, of: str = "calls", day: str = "2025-06-10") -> dict[str, Number]:
        """A day of the hourly series."""
        key = SeriesKey("ten_1", "sub_1", of, day)
        return {hour: each.number for hour, each in self.store.series({key}).get(key, {}).items()}

    def close(self, *slots: int, of: str = "calls", final: bool = False) -> None:
        """Close a meter's slots, as a closing does."""
        for slot in slots:
            self.store.close(TotalKey("ten_1", "sub_1", slot, of), final=final)

    @property
    def rejected(self) -> list[tuple[str, Refusal]]:
        """All that was kept aside."""
        return [(it.event.event_id, it.reason) for each in self.units.of(UsageRejection) for it in each.events]

    @property
    def reported(self) -> list[list[str]]:
        """What each event of the outbox names."""
        assert {kind for kind, _ in self.units.events} <= {"usage.events_rejected"}
        return [[it.event.event_id for it in rejection.events] for _, rejection in self.units.events]


def report(counted: int = 0, duplicates: int = 0, rejected: int = 0) -> CountReport:
    return CountReport(counted, duplicates, rejected)


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


# What cannot be counted


def test_what_refers_to_nothing_is_reported_once_over_three_deliveries() -> None:
    stage = Stage()
    events = (event("a", 5), event("b", sub="sub_9"), event("c", of="nothing"), event("d", at=on("2025-05-01")))
    assert stage.count(*events, chunk="chk") == report(1, rejected=3)
    again = stage.count(*events, chunk="chk")
    assert (again.counted, again.duplicates) == (0, 1)
    stage.count(*events, chunk="chk")
    assert stage.rejected == [
        ("b", Refusal.UNKNOWN_SUBSCRIPTION),
        ("c", Refusal.UNKNOWN_METER),
        ("d", Refusal.BEFORE_START),
    ]
    assert stage.reported == [["b", "c", "d"]]
    assert stage.total() == 5


def test_what_was_rejected_stays_so_though_a_later_delivery_could_count_it() -> None:
    """The tenant was told that it is not counted, and may have sent it anew under another id."""
    stage = Stage()
    stage.count(event("a", of="late_meter"), event("b", 5), chunk="chk")
    stage.units.put(meter("late_meter"))
    stage.count(event("a", of="late_meter"), event("b", 5), chunk="chk")
    assert (stage.totals("late_meter"), stage.reported) == ({}, [["a"]])


def test_what_an_earlier_delivery_counted_is_no_rejection() -> None:
    stage = Stage()
    stage.count(event("a", 5), chunk="chk")
    ended = replace(lifecycle.ended(stage.subscriptions[0], NOW - timedelta(minutes=1)), usage_until=None)
    stage.units.put(ended)
    assert stage.count(event("a", 5), chunk="chk") == report(duplicates=1)
    assert (stage.rejected, stage.reported) == ([], [])


def test_rejections_of_two_messages_are_two_records() -> None:
    stage = Stage()
    stage.count(event("a", sub="sub_9"), chunk="one")
    stage.count(event("b", sub="sub_9"), chunk="two")
    assert (len(stage.units.of(UsageRejection)), stage.reported) == (2, [["a"], ["b"]])


def test_a_rejection_that_lost_a_race_is_written_after_it() -> None:
    """Two deliveries of one message at once: the later one finds all of it reported."""
    stage = Stage()
    events = (event("a", sub="sub_9"), event("b", 5))

    def twin(counting: Counting) -> None:
        stage.store.before_apply = None
        stage.count(*events, chunk="chk")

    stage.store.before_apply = twin
    stage.count(*events, chunk="chk")
    assert (stage.rejected, stage.reported, stage.total()) == (
        [("a", Refusal.UNKNOWN_SUBSCRIPTION)],
        [["a"]],
        5,
    )


# Corrections


def test_a_correction_takes_back_from_the_period_and_the_hour_of_its_event() -> None:
    stage = Stage()
    stage.count(event("a", 10, at=START), event("x", 10, "traffic", at=START, properties={"region": "eu"}))
    later = on("2025-07-02")
    both = (correction("c", "a", "-2.5", at=later), correction("y", "x", -4, "traffic", at=later))
    assert stage.count(*both) == report(2)
    assert (stage.totals(), stage.totals("traffic")) == ({JUNE: Decimal("7.5")}, {f'{JUNE} ["eu"]': 6})
    assert stage.hours(day="2025-06-01") == {"h00": Decimal("7.5")}
    stored = stage.store.events("ten_1", {"a", "c"})
    assert (stored["a"].remaining, stored["c"].remaining) == (Decimal("7.5"), None)


def test_a_correction_in_the_message_of_its_event_comes_after_it() -> None:
    stage = Stage()
    assert stage.count(correction("c", "a", -3), event("a", 10)) == report(2)
    assert stage.total() == 7


def test_a_correction_that_comes_again_takes_nothing_more() -> None:
    stage = Stage()
    stage.count(event("a", 10))
    stage.count(correction("c", "a", -10))
    assert stage.count(correction("c", "a", -10)) == report(duplicates=1)
    assert stage.count(correction("c", "a", -9)) == report(rejected=1)
    assert (stage.total(), stage.rejected) == (0, [("c", Refusal.OTHER_CONTENT)])


def test_a_correction_before_its_event_lets_the_message_come_again_and_all_else_is_counted() -> None:
    stage = Stage()
    chunk = (correction("c", "a", -3), event("b", 5), correction("d", "b", -1), event("e", sub="sub_9"))
    for _ in range(2):
        with pytest.raises(EventsMissing):
            stage.count(*chunk, chunk="chk")
    assert (stage.total(), stage.rejected, stage.reported) == (4, [("e", Refusal.UNKNOWN_SUBSCRIPTION)], [["e"]])
    stage.count(event("a", 10))
    assert stage.count(*chunk, chunk="chk").counted == 1
    assert (stage.total(), stage.reported) == (11, [["e"]])


def test_the_last_time_what_a_correction_lacks_is_reported() -> None:
    stage = Stage()
    with pytest.raises(EventsMissing):
        stage.count(correction("c", "a", -3), event("e", sub="sub_9"), chunk="chk")
    stage.count(correction("c", "a", -3), event("e", sub="sub_9"), chunk="chk", last_try=True)
    assert stage.rejected == [("e", Refusal.UNKNOWN_SUBSCRIPTION), ("c", Refusal.UNKNOWN_EVENT)]
    assert stage.reported == [["e"], ["c"]]


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        (correction("c", "a", -11), Refusal.EXCEEDS_EVENT),
        (correction("c", "a", -1, "requests"), Refusal.OTHER_METER),
        (correction("c", "a", -1, sub="sub_2"), Refusal.OTHER_METER),
        (correction("c", "a", -1, sub="sub_9"), Refusal.UNKNOWN_SUBSCRIPTION),
        (correction("c", "a", -1, "nothing"), Refusal.UNKNOWN_METER),
        (correction("c", "p", -1, "peak"), Refusal.NOT_CORRECTABLE),
        (correction("c", "u", -1, "users"), Refusal.NOT_CORRECTABLE),
        (correction("c", "l", -1, "latest"), Refusal.NOT_CORRECTABLE),
        (correction("c", "r", -2, "requests"), Refusal.WHOLE_EVENTS),
    ],
)
def test_a_correction_that_cannot_be_says_why(of: UsageEvent, reason: Refusal) -> None:
    stage = Stage(subscriptions=(running(PLAN, START), replace(running(PLAN, START), id="sub_2")))
    stage.count(
        event("a", 10),
        event("p", 10, "peak"),
        event("l", 10, "latest"),
        event("r", 10, "requests"),
        event("u", 10, "users", properties={"user": "ada"}),
    )
    assert stage.count(of, event("b", 5)) == report(1, rejected=1)
    assert (stage.rejected, stage.total(), stage.amount("peak")) == ([("c", reason)], 15, 10)
    assert stage.total("requests") == 1


def test_a_correction_cannot_be_corrected() -> None:
    stage = Stage()
    stage.count(event("a", 10), correction("c", "a", -3))
    assert stage.count(correction("d", "c", -1)) == report(rejected=1)
    assert (stage.total(), stage.rejected) == (7, [("d", Refusal.NOT_CORRECTABLE)])


def test_of_two_corrections_of_one_event_the_first_has_what_is_left() -> None:
    stage = Stage()
    stage.count(event("a", 10))
    assert stage.count(correction("c", "a", -7), correction("d", "a", -4), correction("e", "a", -3)) == report(
        2, rejected=1
    )
    assert (stage.total(), stage.rejected) == (0, [("d", Refusal.EXCEEDS_EVENT)])


def test_a_correction_after_a_closing_goes_to_the_open_slot() -> None:
    stage = Stage()
    stage.count(event("a", 10))
    stage.close(0)
    stage.count(correction("c", "a", -10))
    assert (stage.amount("calls", 0), stage.amount("calls", 1), stage.total()) == (10, -10, 0)


def test_a_correction_after_the_last_closing_is_reported() -> None:
    stage = Stage()
    stage.count(event("a", 10))
    stage.close(0)
    stage.close(1, final=True)
    ended = replace(lifecycle.ended(stage.subscriptions[0], NOW + timedelta(days=1)), usage_slot=2)
    stage.units.put(ended)
    assert stage.count(correction("c", "a", -3)) == report(rejected=1)
    assert stage.rejected == [("c", Refusal.ALREADY_FINAL)]


def test_a_correction_that_waits_is_not_lost_with_its_twin() -> None:
    stage = Stage()
    chunk = (correction("c", "a", -3), correction("c", "a", -4))
    with pytest.raises(EventsMissing):
        stage.count(*chunk, chunk="chk")
    assert stage.rejected == [("c", Refusal.OTHER_CONTENT)]
    stage.count(event("a", 10))
    stage.count(*chunk, chunk="chk")
    assert stage.total() == 7


# Laws


@st.composite
def chunks(draw: st.DrawFn) -> list[UsageEvent]:
    """A full message: of many subscriptions, meters, days, dimension values and users, or of few."""
    subs, days, values = draw(st.integers(1, 40)), draw(st.integers(0, 60)), draw(st.integers(1, 60))
    keys = draw(st.sets(st.sampled_from([each.key for each in METERS]), min_size=1))
    found = []
    for n in range(draw(st.integers(1, 96))):
        value = f"v{draw(st.integers(1, values))}"
        found.append(
            event(
                f"e{n}",
                draw(st.integers(0, 100)),
                draw(st.sampled_from(sorted(keys))),
                START + timedelta(days=draw(st.integers(0, days)), hours=draw(st.integers(0, 23))),
                f"sub_{draw(st.integers(1, subs))}",
                properties={"user": value, "region": value, "host": value},
            )
        )
    return found


@LAW
@given(chunks(), st.sets(st.integers(0, 95), max_size=20), st.sets(st.integers(1, 40), max_size=3))
def test_no_transaction_has_more_than_100_items_and_all_is_counted_once(
    events: list[UsageEvent], before: set[int], closed: set[int]
) -> None:
    stage = Stage(subscriptions=tuple(replace(running(PLAN, START), id=f"sub_{n}") for n in range(1, 41)))
    stage.count(*(each for n, each in enumerate(events) if n in before), event("first"))
    for n in closed:
        for each in METERS:
            stage.store.close(TotalKey("ten_1", f"sub_{n}", 0, each.key), final=False)
    known = len([n for n in before if n < len(events)])
    assert stage.count(*events) == report(len(events) - known, known)
    assert max(each.size for each in stage.store.applied) <= MOST_ITEMS
    assert len(stage.store.events("ten_1", {each.event_id for each in events})) == len(events)
    for of, amount in (("calls", lambda each: each.quantity), ("requests", lambda each: 1)):
        mine = [each for each in events if each.meter == of]
        expected = sum((Decimal(amount(each)) for each in mine), Decimal(of == "calls"))
        shown = sum((sum(stage.totals(of, f"sub_{n}").values(), Decimal(0)) for n in range(1, 41)), Decimal(0))
        assert shown == expected
    users = {(each.subscription_id, span_on(stage.subscriptions[0], each.timestamp), each.properties["user"])
             for each in events if each.meter == "users"}  # fmt: skip
    shown = sum((sum(stage.totals("users", f"sub_{n}").values(), Decimal(0)) for n in range(1, 41)), Decimal(0))
    assert shown == len(users)
    for of in ("peak", "latest"):
        best: dict[tuple[str, str], UsageEvent] = {}
        for it in events:
            if it.meter == of:
                place = (it.subscription_id, span_on(stage.subscriptions[0], it.timestamp).key)
                best[place] = max(best.get(place, it), it, key=_rank)
        for (sub, cell), top in best.items():
            items = [item for item in stage.store.of_subscription("ten_1", sub) if item.key.meter == of]
            amounts = [item.cells[cell] for item in items if cell in item.cells]
            assert max(amounts, key=lambda found: (found.order, found.number)).number == top.quantity


def _rank(of: UsageEvent) -> Any:
    return of.quantity if of.meter == "peak" else (of.timestamp, of.event_id)


@LAW
@given(chunks(), st.integers(0, 6))
def test_a_worker_that_dies_anywhere_leaves_each_event_counted_whole_or_not_at_all(
    events: list[UsageEvent], dies_at: int
) -> None:
    class Died(Exception):
        pass

    stage = Stage(subscriptions=tuple(replace(running(PLAN, START), id=f"sub_{n}") for n in range(1, 41)))
    calls = count()

    def die(counting: Counting) -> None:
        if next(calls) == dies_at:
            raise Died

    stage.store.before_apply = die
    try:
        stage.count(*events, chunk="chk")
    except Died:
        again = stage.count(*events, chunk="chk")
        assert again.counted + again.duplicates == len(events)
    summed = sum((each.quantity for each in events if each.meter == "calls"), Decimal(0))
    shown = sum((sum(stage.totals("calls", f"sub_{n}").values(), Decimal(0)) for n in range(1, 41)), Decimal(0))
    assert shown == summed
    assert stage.rejected == []


def test_the_counter_loads_what_its_events_name_and_nothing_else() -> None:
    stage = Stage()
    stage.count(event("a", 5), event("b", 7))
    kinds = [ref.kind for ref in stage.units.loaded]
    assert sorted(kind.__name__ for kind in kinds) == ["Meter", "Meter", "Subscription", "UsageRejection"]
    assert Ref(Subscription, "ten_1", "sub_1") in stage.units.loaded
