"""Quarters and years that begin in a month (issue 11, 26)."""

import pytest

from billing.domain.catalog.plan import Plan
from billing.domain.kernel.errors import ValidationFailed
from billing.domain.kernel.periods import Interval, Period
from billing.domain.subscriptions import changes
from billing.domain.subscriptions.changes import Wanted
from tests.support.engine import begun, flat, nets, on, plan, running, started

MONTHLY = plan(flat(1000))
QUARTER = plan(flat(9000), name="Quarter", interval_count=3)
YEAR = plan(flat(36_500), name="Year", interval=Interval.YEAR)


def test_11_26_a_quarter_waits_for_its_month_and_costs_its_share() -> None:
    """From 20 February to 1 April: 40 of the 90 days from 1 January on."""
    step = begun(QUARTER, on("2026-02-20"), anchor_day=1, anchor_month=1)
    assert (step.subscription.current_period.end, nets(step.lines)) == (on("2026-04-01"), [4000])
    following = changes.begin_period(step.subscription, QUARTER, on("2026-04-01"))
    assert (following.subscription.current_period.end, nets(following.lines)) == (on("2026-07-01"), [9000])


def test_11_26_a_year_waits_for_its_month() -> None:
    """From 20 January 2026 to 1 March: 40 of 365 days."""
    step = begun(YEAR, on("2026-01-20"), anchor_day=1, anchor_month=3)
    assert (step.subscription.current_period.end, nets(step.lines)) == (on("2026-03-01"), [4000])


def test_11_26_a_start_in_its_month_is_a_whole_period() -> None:
    step = begun(YEAR, on("2026-03-01"), anchor_day=1, anchor_month=3)
    assert (step.subscription.current_period, nets(step.lines)) == (
        Period(on("2026-03-01"), on("2027-03-01")),
        [36_500],
    )


def test_11_26_after_a_trial_the_wait_begins() -> None:
    trial = started(YEAR, on("2026-01-10"), trial_days=10, anchor_day=1, anchor_month=3)
    step = changes.begin_period(trial, YEAR, on("2026-01-20"))
    assert (step.subscription.current_period.end, nets(step.lines)) == (on("2026-03-01"), [4000])


@pytest.mark.parametrize(
    "sold",
    [
        MONTHLY,
        plan(flat(1), interval_count=5),
        plan(flat(1), interval=Interval.WEEK),
        plan(flat(1), interval=Interval.DAY, interval_count=90),
    ],
    ids=["month", "five months", "week", "days"],
)
def test_11_26_what_begins_in_any_month_is_refused_a_month(sold: Plan) -> None:
    with pytest.raises(ValidationFailed) as refused:
        started(sold, on("2026-01-10"), anchor_day=1, anchor_month=3)
    assert [(each.field, each.reason) for each in refused.value.details] == [("anchorMonth", "not_with_this_interval")]


def test_11_26_a_month_needs_its_day() -> None:
    with pytest.raises(ValidationFailed) as refused:
        started(YEAR, on("2026-01-10"), anchor_month=3)
    assert [(each.field, each.reason) for each in refused.value.details] == [("anchorMonth", "only_with_anchor_day")]


# Another interval


def test_11_26_another_interval_may_begin_with_a_share_until_its_month() -> None:
    """Monthly, on 20 January to a year from March: what is left of the month comes back, 40 days are billed."""
    before = running(MONTHLY, on("2026-01-01"))
    step = changes.change(before, MONTHLY, Wanted(YEAR, {}, None, anchor_day=1, anchor_month=3), on("2026-01-20"))
    assert (step.subscription.current_period.end, nets(step.lines)) == (on("2026-03-01"), [-387, 4000])


def test_11_26_another_interval_in_a_trial_begins_in_its_month() -> None:
    trial = started(MONTHLY, on("2026-01-10"), trial_days=10)
    after = changes.change(trial, MONTHLY, Wanted(YEAR, {}, None, anchor_day=1, anchor_month=3), on("2026-01-12"))
    assert after.lines == ()
    step = changes.begin_period(after.subscription, YEAR, on("2026-01-20"))
    assert (step.subscription.current_period.end, nets(step.lines)) == (on("2026-03-01"), [4000])


def test_11_26_a_trial_keeps_the_month_over_a_change_of_interval() -> None:
    """Quarters from January on, begun on 20 February: the year begins in January, not in April. And months have none"""
    trial = started(QUARTER, on("2026-02-10"), trial_days=10, anchor_day=1, anchor_month=1)
    yearly = changes.change(trial, QUARTER, Wanted(YEAR, {}, None), on("2026-02-12")).subscription
    assert changes.begin_period(yearly, YEAR, on("2026-02-20")).subscription.current_period.end == on("2027-01-01")
    monthly = changes.change(trial, QUARTER, Wanted(MONTHLY, {}, None), on("2026-02-12")).subscription
    assert monthly.cadence.anchor_month is None
    assert changes.begin_period(monthly, MONTHLY, on("2026-02-20")).subscription.current_period.end == on("2026-03-01")


@pytest.mark.parametrize("wanted", [{"anchor_day": 1}, {"anchor_month": 3}, {"anchor_day": 1, "anchor_month": 3}])
def test_11_26_the_running_interval_keeps_its_anchor(wanted: dict[str, int]) -> None:
    dear = plan(flat(50_000), name="Dear", interval=Interval.YEAR)
    with pytest.raises(ValidationFailed) as refused:
        changes.change(running(YEAR, on("2026-01-01")), YEAR, Wanted(dear, {}, None, **wanted), on("2026-02-01"))  # type: ignore[arg-type]
    assert refused.value.details[0].reason == "only_with_another_interval"
