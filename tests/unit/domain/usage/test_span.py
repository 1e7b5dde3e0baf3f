"""To which stretch of time a usage event belongs."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.catalog.plan import PauseBilling, PlanKey
from billing.domain.kernel.errors import Conflict
from billing.domain.kernel.periods import Interval, Period
from billing.domain.subscriptions import changes, terms
from billing.domain.subscriptions.changes import ProrationBehavior
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.usage.event import UsageSpan, plan_of, span_at
from tests.support.engine import changed, flat, metered, on, plan, running, seats, started

# No deadline: a busy machine is no broken law.
LAW = settings(max_examples=100, deadline=None)
START, END = on("2025-06-01"), on("2025-07-01")
PLAN = plan(metered(2))
JUNE = UsageSpan(Period(START, END))


def whole(subscription: Subscription, at: datetime) -> tuple[datetime, datetime, bool]:
    span = span_at(subscription, at)
    return span.period.start, span.period.end, span.trial


def test_usage_belongs_to_the_period_of_the_cadence_that_it_is_in() -> None:
    subscription = running(PLAN, START)
    assert whole(subscription, START) == (START, END, False)
    assert whole(subscription, END - timedelta(microseconds=1)) == (START, END, False)
    assert whole(subscription, END) == (END, on("2025-08-01"), False)  # also what is reported ahead of time
    assert whole(subscription, on("2025-05-31")) == (on("2025-05-01"), START, False)


def test_usage_of_a_trial_is_a_span_of_its_own() -> None:
    trial = started(PLAN, START, trial_days=14)
    over = on("2025-06-15")
    assert whole(trial, START) == (START, over, True)
    assert whole(trial, over - timedelta(seconds=1)) == (START, over, True)
    assert whole(trial, over) == (over, on("2025-07-15"), False)
    # After it as well: what comes late of a trial is free.
    later = changes.begin_period(trial, PLAN, over).subscription
    assert whole(later, on("2025-06-14")) == (START, over, True)


def test_a_trial_in_the_middle_of_a_period_leaves_the_rest_of_it() -> None:
    """Trial to 20 January, anchor day 1: the first span is January's whole, of which the trial takes nothing away."""
    trial = started(PLAN, on("2025-01-06"), trial_days=14, anchor_day=1)
    assert whole(trial, on("2025-01-19")) == (on("2025-01-06"), on("2025-01-20"), True)
    assert whole(trial, on("2025-01-20")) == (on("2025-01-01"), on("2025-02-01"), False)


def test_a_first_shorter_period_counts_in_the_whole_one() -> None:
    subscription = running(PLAN, on("2025-01-20"), anchor_day=1)
    assert subscription.current_period.start == on("2025-01-20")
    assert whole(subscription, on("2025-01-20")) == (on("2025-01-01"), on("2025-02-01"), False)


def test_a_start_in_the_past_begins_there() -> None:
    subscription = started(PLAN, on("2025-06-10"), start_at=START)
    assert subscription.began == START
    assert whole(subscription, START) == (START, END, False)


@pytest.mark.parametrize("pause_billing", [PauseBilling.CREDIT, PauseBilling.KEEP])
def test_a_pause_in_the_middle_begins_no_new_span(pause_billing: PauseBilling) -> None:
    """Else free units would begin anew with every pause."""
    sold = plan(metered(2), pause_billing=pause_billing)
    before, span = running(sold, START), (START, END, False)
    paused = changes.pause(before, sold, on("2025-06-10"), None, ProrationBehavior.CREATE_PRORATIONS).subscription
    assert whole(paused, on("2025-06-09")) == whole(paused, on("2025-06-12")) == span
    resumed = changes.resume(paused, sold, on("2025-06-20")).subscription
    assert whole(resumed, on("2025-06-09")) == whole(resumed, on("2025-06-25")) == span


def test_after_a_change_of_plan_usage_is_told_apart_and_of_the_same_period() -> None:
    """What is used after it has another price, and stands where the quantity stood."""
    other, at = plan(metered(5), name="Other"), on("2025-06-10T12:30")
    after = changed(running(PLAN, START), PLAN, at + timedelta(microseconds=5), to=other).subscription
    before_it, after_it = span_at(after, at - timedelta(microseconds=1)), span_at(after, at)
    assert (before_it, after_it) == (JUNE, UsageSpan(JUNE.period, since=at))
    assert (before_it.whole, after_it.whole) == (JUNE, JUNE)
    assert (before_it.begins, after_it.begins) == (START, at)
    assert (plan_of(after, before_it), plan_of(after, after_it)) == (PlanKey.of(PLAN), PlanKey.of(other))
    july = span_at(after, END)
    assert (july.since, plan_of(after, july)) == (None, PlanKey.of(other))
    assert plan_of(after, span_at(after, on("2025-05-31"))) == PlanKey.of(PLAN)


def test_what_has_another_quantity_alone_has_the_same_terms() -> None:
    sold = plan(seats(300), metered(2))
    before = running(sold, START, {"seats": 1})
    after = changed(before, sold, on("2025-06-10"), quantities={"seats": 5}).subscription
    assert (after.past_terms, span_at(after, on("2025-06-11"))) == ((), JUNE)


def test_without_any_meter_no_terms_are_remembered() -> None:
    old, new = plan(flat(100)), plan(flat(200), name="Other")
    assert changed(running(old, START), old, on("2025-06-10"), to=new).subscription.past_terms == ()
    # The first plan with a meter prices what is used from then on.
    first = changed(running(old, START), old, on("2025-06-10"), to=PLAN).subscription
    assert (first.meters, plan_of(first, span_at(first, on("2025-06-09")))) == (("calls",), PlanKey.of(old))
    assert plan_of(first, span_at(first, on("2025-06-10"))) == PlanKey.of(PLAN)


def test_of_two_changes_in_one_second_the_later_one_counts() -> None:
    pro, best, at = plan(metered(5), name="Pro"), plan(metered(9), name="Best"), on("2025-06-10")
    once = changed(running(PLAN, START), PLAN, at, to=pro).subscription
    twice = changed(once, pro, at + timedelta(milliseconds=500), to=best).subscription
    assert plan_of(twice, span_at(twice, at)) == PlanKey.of(best)
    assert plan_of(twice, span_at(twice, at - timedelta(seconds=1))) == PlanKey.of(PLAN)


def test_a_change_at_a_periods_first_instant_has_the_whole_of_it() -> None:
    pro = plan(metered(5), name="Pro")
    renewed = changes.begin_period(running(PLAN, START), PLAN, END).subscription
    after = changed(renewed, PLAN, END, to=pro).subscription
    july = span_at(after, END)
    assert (july.since, plan_of(after, july), plan_of(after, JUNE)) == (None, PlanKey.of(pro), PlanKey.of(PLAN))


def test_a_change_within_a_trial_prices_all_that_comes_after_the_trial() -> None:
    pro = plan(metered(5), name="Pro")
    trial = started(PLAN, on("2025-01-06"), trial_days=14, anchor_day=1)
    after = changed(trial, PLAN, on("2025-01-10"), to=pro).subscription
    assert (
        whole(after, on("2025-01-09")) == whole(after, on("2025-01-12")) == (on("2025-01-06"), on("2025-01-20"), True)
    )
    assert plan_of(after, span_at(after, on("2025-01-21"))) == PlanKey.of(pro)


def test_after_a_change_of_interval_each_instant_belongs_to_the_cadence_of_its_time() -> None:
    yearly = plan(metered(2), name="Yearly", interval=Interval.YEAR)
    weekly = plan(metered(2), name="Weekly", interval=Interval.WEEK)
    first = changes.begin_period(running(PLAN, START), PLAN, END).subscription
    once = changed(first, PLAN, on("2025-07-10"), to=yearly).subscription
    twice = changed(once, yearly, on("2025-08-01"), to=weekly).subscription
    assert whole(twice, on("2025-06-30")) == (START, END, False)
    assert whole(twice, on("2025-07-09")) == (END, on("2025-08-01"), False)
    assert whole(twice, on("2025-07-10")) == (on("2025-07-10"), on("2026-07-10"), False)
    assert whole(twice, on("2025-07-31")) == (on("2025-07-10"), on("2026-07-10"), False)
    assert whole(twice, on("2025-08-01")) == (on("2025-08-01"), on("2025-08-08"), False)
    for at, sold in [("2025-07-09", PLAN), ("2025-07-10", yearly), ("2025-07-31", yearly), ("2025-08-01", weekly)]:
        assert plan_of(twice, span_at(twice, on(at))) == PlanKey.of(sold)


def often_changed(times: int, apart: timedelta) -> Subscription:
    """A subscription whose plan changed so often."""
    pro = plan(metered(5), name="Pro")
    current, at = running(PLAN, START), START
    for n in range(times):
        at += apart
        present, target = (PLAN, pro) if n % 2 == 0 else (pro, PLAN)
        while at >= current.current_period.end:
            current = changes.begin_period(current, present, current.current_period.end).subscription
        current = changed(current, present, at, to=target, behavior=ProrationBehavior.NONE).subscription
    return current


def test_a_plan_is_not_changed_more_often_than_late_usage_could_ask_for() -> None:
    current = often_changed(terms.MOST_PAST_TERMS, timedelta(hours=1))
    assert len(current.past_terms) == terms.MOST_PAST_TERMS
    with pytest.raises(Conflict):
        often_changed(terms.MOST_PAST_TERMS + 1, timedelta(hours=1))


def test_plans_that_no_usage_can_ask_for_any_more_are_forgotten() -> None:
    untils = [past.until for past in often_changed(60, timedelta(days=10)).past_terms]
    assert untils == sorted(untils)
    # 165 days after the month in which the plan was left.
    assert timedelta(days=165) <= untils[-1] - untils[0] <= timedelta(days=196)


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("Europe/Berlin", "2025-02-28T23:00", "2025-03-31T22:00"),
        ("America/New_York", "2025-03-01T05:00", "2025-04-01T04:00"),
        ("Australia/Lord_Howe", "2025-03-31T13:00", "2025-04-30T13:30"),
        ("UTC", "2025-03-01T00:00", "2025-04-01T00:00"),
    ],
)
def test_a_span_is_a_month_of_the_customers_zone_over_a_change_of_clocks(zone: str, start: str, end: str) -> None:
    subscription = running(PLAN, on(start), timezone=zone)
    assert whole(subscription, on(start)) == (on(start), on(end), False)
    assert whole(subscription, on(end) - timedelta(seconds=1)) == (on(start), on(end), False)
    assert whole(subscription, on(end))[0] == on(end)


@st.composite
def lives(draw: st.DrawFn) -> Subscription:
    """A subscription with a trial, an anchor day or neither, whose interval may have changed."""
    zone = draw(st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe"]))
    at = draw(st.datetimes(datetime(2012, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))).replace(microsecond=0)
    trial_days, anchor_day = draw(st.integers(0, 40)), draw(st.none() | st.integers(1, 31))
    sold = plan(metered(2), interval=draw(st.sampled_from(Interval)))
    made = started(sold, at, timezone=zone, trial_days=trial_days, anchor_day=anchor_day)
    current = changes.begin_period(made, sold, made.current_period.end if trial_days else at).subscription
    at = current.current_period.start
    for n, interval in enumerate(draw(st.lists(st.sampled_from(Interval), max_size=4))):
        target = plan(metered(2), name=f"Other {n}", interval=interval)
        left_s = Period(at, current.current_period.end).seconds
        at += timedelta(seconds=draw(st.integers(0, left_s - 1)))
        current = changed(current, sold, at, to=target).subscription
        sold = target
    return current


@LAW
@given(lives(), st.integers(0, 10**8))
def test_an_instant_lies_in_its_span_and_every_instant_of_a_cadences_period_in_the_same_one(
    subscription: Subscription, after_s: int
) -> None:
    at = subscription.began + timedelta(seconds=after_s)
    span = span_at(subscription, at)
    assert span.period.contains(at)
    assert span.trial is (subscription.trial_end is not None and at < subscription.trial_end)
    # What the counter of a later time reckons is what was counted before: spans do not depend on when one looks.
    later = changes.begin_period(subscription, PLAN, subscription.current_period.end).subscription
    assert span_at(later, at) == span
    ends = [past.until for past in subscription.past_terms if past.until > at]
    last = min([span.period.end, *(ends if not span.trial else ())])
    assert span_at(subscription, last - timedelta(microseconds=1)) == span
    assert span_at(subscription, last) != span
    assert (span.begins <= at, span.whole.since, span.whole.period) == (True, None, span.period)
    if not span.trial:
        first = max(span.begins, subscription.began, subscription.trial_end or subscription.began)
        assert span_at(subscription, first) == span
