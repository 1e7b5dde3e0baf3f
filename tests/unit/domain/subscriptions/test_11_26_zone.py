"""A customer's corrected time zone: the running period stays, the next one is in the new zone (issue 11, 26)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from billing.domain.catalog.plan import PlanKey
from billing.domain.kernel.periods import Interval, Period
from billing.domain.kernel.proration import ProrationUnit
from billing.domain.subscriptions import changes, terms
from billing.domain.subscriptions.changes import ProrationBehavior, Wanted, begin_period
from billing.domain.subscriptions.subscription import PastTerms, Subscription
from billing.domain.subscriptions.upcoming import next_step
from billing.domain.usage.event import span_at
from tests.support.cadences import LAW, local
from tests.support.engine import flat, metered, nets, on, percent, plan, running, seats, started

AUCKLAND, LOS_ANGELES, BERLIN = "Pacific/Auckland", "America/Los_Angeles", "Europe/Berlin"
PLAN = plan(flat(2800))
USED = plan(metered(1))


def there(zone: str, sold: object = PLAN, **more: object) -> Subscription:
    """Monthly from the first of January, 0:00 in a zone."""
    return running(sold, local("2026-01-01T00:00", zone), timezone=zone, **more)  # type: ignore[arg-type]


def test_11_26_the_next_period_is_in_the_new_zone_and_the_hours_more_are_free() -> None:
    """28.00 for February in Los Angeles, which begins 21 hours before there: where Auckland's January ended."""
    before = there(AUCKLAND)
    step = begin_period(before, PLAN, before.current_period.end, LOS_ANGELES)
    assert step.subscription.current_period == Period(before.current_period.end, local("2026-03-01T00:00", LOS_ANGELES))
    assert nets(step.lines) == [2800]
    march = begin_period(step.subscription, PLAN, step.subscription.current_period.end, LOS_ANGELES)
    assert (nets(march.lines), march.subscription.current_period.end) == ([2800], local("2026-04-01", LOS_ANGELES))


def test_11_26_the_hours_less_are_not_billed() -> None:
    """16.00 for February in Auckland, of which 21 hours of 672 were January's in Los Angeles: 15.50."""
    sold = plan(flat(1600))
    before = there(LOS_ANGELES, sold)
    step = begin_period(before, sold, before.current_period.end, AUCKLAND)
    assert step.subscription.current_period == Period(before.current_period.end, local("2026-03-01", AUCKLAND))
    assert nets(step.lines) == [1550]


def test_11_26_by_the_day_a_month_of_the_same_days_costs_the_same() -> None:
    sold = plan(flat(1600), proration_unit=ProrationUnit.DAY)
    before = there(LOS_ANGELES, sold)
    assert nets(begin_period(before, sold, before.current_period.end, AUCKLAND).lines) == [1600]


def test_11_26_a_credit_in_the_longer_period_is_a_share_of_it() -> None:
    """28 days and 21 hours for 28.00; after a third of them two thirds come back, and are billed for the double."""
    before = there(AUCKLAND)
    first = begin_period(before, PLAN, before.current_period.end, LOS_ANGELES).subscription
    third = first.current_period.start + timedelta(seconds=first.current_period.seconds // 3)
    dear = plan(flat(5600), name="Dear")
    wanted = Wanted(dear, {}, None)
    assert nets(changes.change(first, PLAN, wanted, third).lines) == [-1867, 3733]


def test_11_26_until_the_period_ends_nothing_changes() -> None:
    """A pause, a change and a resume within it are of the zone that it began in."""
    before = there(BERLIN)
    at = on("2026-01-16")
    paused = changes.pause(before, PLAN, at, None, ProrationBehavior.CREATE_PRORATIONS).subscription
    resumed = changes.resume(paused, PLAN, on("2026-01-20"), LOS_ANGELES).subscription
    assert (resumed.cadence, resumed.current_period.end) == (before.cadence, before.current_period.end)
    wanted = Wanted(PLAN, {}, None, timezone=LOS_ANGELES)
    assert changes.change(before, PLAN, wanted, at).subscription.cadence == before.cadence


def test_11_26_what_resumes_in_a_later_period_goes_over_with_the_next_one() -> None:
    before = there(BERLIN)
    paused = changes.pause(before, PLAN, on("2026-01-16"), None, ProrationBehavior.CREATE_PRORATIONS).subscription
    resumed = changes.resume(paused, PLAN, on("2026-03-10"), LOS_ANGELES).subscription
    assert (resumed.cadence, resumed.current_period.end) == (before.cadence, local("2026-04-01", BERLIN))
    after = begin_period(resumed, PLAN, resumed.current_period.end, LOS_ANGELES).subscription
    assert after.current_period.end == local("2026-05-01", LOS_ANGELES)


def test_11_26_another_interval_begins_in_the_new_zone() -> None:
    yearly = plan(flat(10_000), name="Yearly", interval=Interval.YEAR)
    at = local("2026-01-16T00:00", BERLIN)
    step = changes.change(there(BERLIN), PLAN, Wanted(yearly, {}, None, timezone=AUCKLAND), at)
    assert step.subscription.cadence.timezone == AUCKLAND
    assert (step.subscription.current_period.start, nets(step.lines)[-1]) == (at, 10_000)


def test_11_26_a_preview_of_the_next_invoice_is_what_will_be_billed() -> None:
    sold = plan(flat(1600))
    before = there(LOS_ANGELES, sold)
    upcoming = next_step(before, sold, AUCKLAND)
    assert upcoming.step == begin_period(before, sold, before.current_period.end, AUCKLAND)
    assert nets(upcoming.step.lines) == [1550]


def test_11_26_a_trial_that_ends_begins_a_whole_period_in_the_new_zone() -> None:
    """Begun at 10:00Z, a minute like any: nothing was paid for yet, and no hour of the first month is odd."""
    trial = started(PLAN, on("2026-01-05T10:00"), trial_days=10)
    assert trial.trial_end is not None
    step = begin_period(trial, PLAN, trial.trial_end, BERLIN)
    assert step.subscription.current_period == Period(on("2026-01-15T10:00"), on("2026-02-15T10:00"))
    assert nets(step.lines) == [2800]
    assert step.subscription.cadence.timezone == BERLIN


def test_11_26_a_trial_that_ends_on_another_day_there_keeps_its_day() -> None:
    """23:30Z on the 15th is the 16th in Berlin: the periods begin on the 15th all the same."""
    trial = started(PLAN, on("2026-01-05T23:30"), trial_days=10)
    assert trial.trial_end is not None
    after = begin_period(trial, PLAN, trial.trial_end, BERLIN).subscription
    assert after.current_period == Period(on("2026-01-15T23:30"), local("2026-02-15T23:30", BERLIN))
    assert after.cadence.anchor_day == 15


def test_11_26_a_trial_before_an_anchor_has_the_anchor_in_the_new_zone() -> None:
    trial = started(PLAN, on("2026-01-05"), trial_days=10, anchor_day=1)
    assert trial.trial_end is not None
    after = begin_period(trial, PLAN, trial.trial_end, LOS_ANGELES).subscription
    assert after.current_period == Period(on("2026-01-15"), local("2026-02-01T00:00", LOS_ANGELES))


def test_11_26_a_later_start_begins_in_the_new_zone() -> None:
    waiting = started(PLAN, on("2026-01-05"), start_at=on("2026-02-01T12:00"))
    after = changes.resume(waiting, PLAN, on("2026-02-01T12:00"), BERLIN).subscription
    assert (after.cadence.timezone, after.current_period.end) == (BERLIN, on("2026-03-01T12:00"))


# Usage


def test_11_26_usage_belongs_to_the_periods_of_its_time() -> None:
    """January's stays January's in Auckland, however late it comes; from then on the spans are the new periods."""
    before = there(AUCKLAND, USED)
    january = before.current_period
    after = begin_period(before, USED, january.end, LOS_ANGELES).subscription
    assert after.past_terms == (PastTerms(PlanKey.of(USED), before.cadence, january.end),)
    late, first = span_at(after, january.end - timedelta(microseconds=1)), span_at(after, january.end)
    assert (late.period, late.since) == (january, None)
    assert (first.period, first.since) == (after.current_period, None)


def test_11_26_where_no_more_terms_can_be_remembered_it_goes_over_later() -> None:
    """A renewal is never refused: it stays in its zone until the oldest terms are forgotten."""
    before = there(AUCKLAND, USED)
    past = PastTerms(PlanKey.of(USED), before.cadence, on("2026-01-02"))
    full = replace(before, past_terms=(past,) * terms.MOST_PAST_TERMS)
    after = begin_period(full, USED, before.current_period.end, LOS_ANGELES).subscription
    assert after.cadence == before.cadence


# The law


@LAW
@given(
    st.sampled_from([AUCKLAND, LOS_ANGELES, BERLIN, "UTC", "Pacific/Kiritimati"]),
    st.lists(st.sampled_from([AUCKLAND, LOS_ANGELES, BERLIN, "UTC", "Pacific/Niue"]), min_size=1, max_size=12),
    st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1)).map(lambda at: at.replace(tzinfo=UTC, microsecond=0)),
    st.sampled_from([(Interval.MONTH, 1), (Interval.MONTH, 3), (Interval.WEEK, 1), (Interval.DAY, 1)]),
    st.none() | st.integers(1, 31),
    st.sampled_from([None, percent(50, 2)]),
)
def test_11_26_however_often_it_is_corrected_time_is_billed_once_and_never_above_its_price(
    first: str,
    zones: list[str],
    at: datetime,
    interval: tuple[Interval, int],
    anchor_day: int | None,
    discount: object,
) -> None:
    """Each period begins where the one before ended, is billed once, by the lines that bear its bounds, and in full
    only if it is as long as one of its zone."""
    sold = plan(flat(100_000), seats(700), interval=interval[0], interval_count=interval[1])
    current = running(sold, at, {"seats": 3}, timezone=first, anchor_day=anchor_day, discount=discount)
    day = current.cadence.anchor_day
    for zone in zones:
        end = current.current_period.end
        step = begin_period(current, sold, end, zone)
        after = step.subscription
        period = after.current_period
        assert (period.start, after.cadence.timezone, after.cadence.anchor_day) == (end, zone, day)
        assert {line.period for line in step.lines} == {period}
        shown = period.end.astimezone(ZoneInfo(zone))
        regular = after.cadence.priced(after.period_index)
        full = sum(line.amount.minor for line in step.lines)
        assert abs(full * regular.seconds - 102_100 * period.seconds) <= 2 * regular.seconds
        assert full <= 102_100
        assert shown.day == day or interval[0] is not Interval.MONTH or shown.day < day
        current = after
