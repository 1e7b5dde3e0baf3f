"""What cannot be counted is reported once, however often its message comes."""

from dataclasses import replace
from datetime import timedelta

from billing.domain.subscriptions import lifecycle
from billing.domain.usage.event import Refusal
from billing.domain.usage.rejection import UsageRejection
from billing.services.usage.ports import Counting
from tests.support.engine import on
from tests.support.usage import meter
from tests.support.usage_counting import NOW, Stage, event, report


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
