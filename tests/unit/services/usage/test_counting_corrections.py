"""Counting corrections: taken back from the period and the hour of their event, once."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from billing.domain.subscriptions import lifecycle
from billing.domain.usage.event import Refusal, UsageEvent
from billing.services.usage.counting import EventsMissing
from tests.support.engine import on, running
from tests.support.usage_counting import JUNE, NOW, PLAN, START, Stage, correction, event, report


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
