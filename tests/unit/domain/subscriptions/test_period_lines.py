"""What the beginning of a period bills: first periods, renewals, anchors, starts, discounts, and usage in arrears."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.plan import Plan
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import ValidationFailed
from billing.domain.kernel.periods import Interval, Period
from billing.domain.kernel.proration import ProrationUnit
from billing.domain.lines.line import InvoiceLine
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import ProrationBehavior, Step
from billing.domain.subscriptions.subscription import PausedBy, Subscription, SubscriptionState
from billing.domain.usage.event import span_at
from tests.support.engine import (
    amount,
    amounts,
    begun,
    changed,
    flat,
    metered,
    nets,
    on,
    percent,
    plan,
    running,
    seats,
    started,
)
from tests.support.usage import UsageBook, meter, reading

S = SubscriptionState
START, END = on("2025-06-01"), on("2025-07-01")
PLAN = plan(flat(1000), seats(300))


def renewed(before: Subscription, sold: Plan, used: Decimal | int | None = None) -> Step:
    """The next period, with what was used in this one."""
    at = before.current_period.end
    return changes.with_usage(changes.begin_period(before, sold, at), usage(before, sold, at, used))


def usage(before: Subscription, sold: Plan, at: datetime, used: Decimal | int | None) -> tuple[InvoiceLine, ...]:
    """What a closing bills of the calls that were made in the running period."""
    span = span_at(before, before.current_period.start)
    readings = [] if used is None else [reading(span, used)]
    return UsageBook.of(meter("calls")).knows(METERED).close(before, sold, at, *readings).lines


# First periods and renewals


def test_the_first_period_is_billed_before_it_is_paid_for() -> None:
    step = changes.first_period(started(PLAN, START, {"seats": 10}), PLAN)
    assert (nets(step.lines), nets(step.invoiced)) == ([1000, 3000], [1000, 3000])
    after = step.subscription
    assert (after.state, after.period_index, after.current_period) == (S.INCOMPLETE, 0, Period(START, END))
    assert (after.billed, after.pending) == (step.lines, ())


def test_a_whole_period_says_what_its_price_is() -> None:
    base, team = begun(PLAN, START, {"seats": 10}).lines
    assert (base.description, base.component, base.quantity, base.unit_amount) == (
        "Basic",
        "base",
        Decimal(1),
        1_000_000,
    )
    assert (team.description, team.component, team.quantity, team.unit_amount) == (
        "Basic: seats",
        "seats",
        Decimal(10),
        300_000,
    )
    for line in (base, team):
        assert (line.period, line.proration, line.discounts) == (Period(START, END), False, ())


def test_a_renewal_bills_the_next_period_with_what_waited() -> None:
    before = running(PLAN, START, {"seats": 10})
    waiting = changed(before, PLAN, on("2025-06-16"), quantities={"seats": 20}).subscription
    step = renewed(waiting, PLAN)
    assert (nets(step.lines), nets(step.invoiced)) == ([1000, 6000], [-1500, 3000, 1000, 6000])
    after = step.subscription
    assert (after.pending, after.period_index, after.state) == ((), 1, S.ACTIVE)
    assert after.current_period == Period(END, on("2025-08-01"))


def test_a_change_in_a_renewed_period_gives_back_from_that_one_alone() -> None:
    after = renewed(running(PLAN, START, {"seats": 10}), PLAN).subscription
    step = changed(after, PLAN, on("2025-07-17T12:00"), quantities={"seats": 20})
    assert nets(step.lines) == [-1403, 2806]  # 14.5 of 31 days are left: 1403.2 and 2806.5 rounds down


def test_what_is_behind_renews_past_due() -> None:
    behind = replace(running(PLAN, START, {"seats": 1}), state=S.PAST_DUE, unpaid_invoice_ids=("in_1",))
    assert renewed(behind, PLAN).subscription.state is S.PAST_DUE


def test_the_end_of_a_trial_bills_the_first_paid_period() -> None:
    trial = started(PLAN, START, {"seats": 1}, trial_days=14)
    assert (trial.state, trial.period_index, trial.current_period) == (S.TRIALING, -1, Period(START, on("2025-06-15")))
    step = renewed(trial, PLAN)
    assert (nets(step.lines), step.subscription.state, step.subscription.period_index) == ([1000, 300], S.ACTIVE, 0)
    assert step.subscription.current_period == Period(on("2025-06-15"), on("2025-07-15"))


# Anchor days


def test_a_start_before_its_anchor_day_is_billed_its_share_of_the_month() -> None:
    """Start 20 January, anchor day 1: 12 of January's 31 days."""
    sold = plan(flat(3100))
    step = begun(sold, on("2025-01-20"), anchor_day=1)
    assert (nets(step.lines), step.subscription.current_period) == ([1200], Period(on("2025-01-20"), on("2025-02-01")))
    assert (step.lines[0].proration, step.lines[0].description) == (True, "Remaining time on Basic")
    following = renewed(step.subscription, sold)
    assert (nets(following.lines), following.lines[0].proration) == ([3100], False)
    assert following.subscription.current_period == Period(on("2025-02-01"), on("2025-03-01"))


def test_a_start_on_its_anchor_day_is_billed_whole() -> None:
    step = begun(plan(flat(3100)), on("2025-01-20"), anchor_day=20)
    assert (nets(step.lines), step.lines[0].proration) == ([3100], False)


def test_an_anchor_day_beyond_the_month_is_its_last_day() -> None:
    step = begun(plan(flat(2800)), on("2025-02-20"), anchor_day=31)
    assert (nets(step.lines), step.subscription.current_period.end) == ([800], on("2025-02-28"))
    assert renewed(step.subscription, plan(flat(2800))).subscription.current_period.end == on("2025-03-31")


def test_a_year_too_waits_less_than_a_month_for_its_anchor_day() -> None:
    step = begun(plan(flat(36500), interval=Interval.YEAR), on("2026-01-20"), anchor_day=1)
    assert (nets(step.lines), step.subscription.current_period.end) == ([1200], on("2026-02-01"))


def test_a_trial_may_end_before_the_anchor_day() -> None:
    sold = plan(flat(3100))
    trial = started(sold, on("2025-01-06"), trial_days=14, anchor_day=1)
    assert trial.current_period.end == on("2025-01-20")
    step = renewed(trial, sold)
    assert (nets(step.lines), step.subscription.current_period) == ([1200], Period(on("2025-01-20"), on("2025-02-01")))


def test_a_change_in_a_first_shorter_period_is_a_share_of_the_whole_month() -> None:
    sold = plan(flat(3100))
    before = running(sold, on("2025-01-20"), anchor_day=1)
    step = changed(before, sold, on("2025-01-26"), to=plan(flat(6200), name="Pro"))
    assert nets(step.lines) == [-600, 1200]


@pytest.mark.parametrize(("unit", "net"), [(ProrationUnit.SECOND, 1146), (ProrationUnit.DAY, 1200)])
def test_by_the_day_a_day_that_has_begun_counts_whole(unit: ProrationUnit, net: int) -> None:
    """From 20 January, 13:00 in Berlin: 11 and 11/24 days by the second, 12 by the day."""
    sold = plan(flat(3100), proration_unit=unit)
    january = started(sold, on("2024-12-31T23:00"), timezone="Europe/Berlin")
    assert nets(changes.begin_period(january, sold, on("2025-01-20T12:00")).lines) == [net]


# Starts


def test_a_later_start_waits_for_it() -> None:
    waiting = started(PLAN, START, {"seats": 1}, start_at=on("2025-08-05"))
    assert (waiting.state, waiting.paused_by, waiting.resumes_at) == (S.PAUSED, PausedBy.START, on("2025-08-05"))
    assert lifecycle.with_alarm(waiting, "07").due == Due("07", on("2025-08-05"))
    step = changes.resume(waiting, PLAN, on("2025-08-05"))
    assert (nets(step.invoiced), step.subscription.state) == ([1000, 300], S.ACTIVE)
    assert step.subscription.current_period == Period(on("2025-08-05"), on("2025-09-05"))
    assert (step.subscription.period_index, step.subscription.paused_by) == (0, None)


def test_a_later_start_with_an_anchor_day_begins_with_a_share() -> None:
    sold = plan(flat(3100))
    waiting = started(sold, START, start_at=on("2025-07-20"), anchor_day=1)
    step = changes.resume(waiting, sold, on("2025-07-20"))
    assert (nets(step.lines), step.subscription.current_period.end) == ([1200], on("2025-08-01"))


def test_a_later_start_with_a_trial_begins_with_it() -> None:
    waiting = started(PLAN, START, {"seats": 1}, trial_days=14, start_at=on("2025-08-05"))
    assert waiting.state is S.PAUSED
    step = changes.resume(waiting, PLAN, on("2025-08-05"))
    assert (step.lines, step.subscription.state) == ((), S.TRIALING)
    assert step.subscription.current_period == Period(on("2025-08-05"), on("2025-08-19"))


def test_a_change_before_the_start_bills_nothing() -> None:
    waiting = started(PLAN, START, {"seats": 1}, start_at=on("2025-08-05"))
    step = changed(waiting, PLAN, on("2025-06-10"), quantities={"seats": 10})
    assert (step.lines, step.subscription.pending) == ((), ())
    assert nets(changes.resume(step.subscription, PLAN, on("2025-08-05")).lines) == [1000, 3000]


def test_an_earlier_start_is_billed_from_there() -> None:
    made = started(PLAN, on("2025-06-10"), {"seats": 1}, start_at=START)
    step = changes.first_period(made, PLAN)
    assert (nets(step.lines), step.subscription.current_period) == ([1000, 300], Period(START, END))


@pytest.mark.parametrize("at", [END, on("2025-09-10")])
def test_a_start_lies_in_the_period_that_is_running(at: datetime) -> None:
    with pytest.raises(ValidationFailed) as refused:
        started(PLAN, at, {"seats": 1}, start_at=START)
    assert [(each.field, each.reason) for each in refused.value.details] == [("startDate", "too_far_back")]


# Discounts over periods


@pytest.mark.parametrize(
    ("periods", "expected"),
    [
        pytest.param(1, [750, 1000, 1000, 1000], id="once"),
        pytest.param(3, [750, 750, 750, 1000], id="repeating"),
        pytest.param(None, [750, 750, 750, 750], id="forever"),
    ],
)
def test_a_discount_holds_for_its_periods(periods: int | None, expected: list[int]) -> None:
    sold = plan(flat(1000))
    step = begun(sold, START, discount=percent(25, periods))
    totals = [sum(nets(step.invoiced))]
    for _ in range(3):
        step = renewed(step.subscription, sold)
        totals.append(sum(nets(step.invoiced)))
    assert totals == expected
    assert (step.subscription.discount is None) is (periods is not None)


def test_changes_in_a_discounted_period_do_not_use_up_another() -> None:
    sold = plan(flat(1000))
    before = running(sold, START, discount=percent(25, 2))
    dear = plan(flat(2000), name="Dear")
    after = changed(before, sold, on("2025-06-16"), to=dear).subscription
    after = changed(after, dear, on("2025-06-21"), to=sold).subscription
    second = renewed(after, sold)
    assert nets(second.lines) == [750]
    assert nets(renewed(second.subscription, sold).lines) == [1000]


def test_a_discount_begins_after_the_trial() -> None:
    sold = plan(flat(1000))
    step = renewed(started(sold, START, trial_days=14, discount=percent(25, 1)), sold)
    assert nets(step.lines) == [750]
    assert nets(renewed(step.subscription, sold).lines) == [1000]


def test_an_amount_off_is_split_so_that_its_parts_sum_to_it() -> None:
    sold = plan(flat(1000), flat(1000, "more"), flat(1000, "most"))
    step = begun(sold, START, discount=amount(1000))
    assert [line.discount.minor for line in step.lines] == [334, 333, 333]
    assert nets(begun(sold, START, discount=amount(99_999)).lines) == [0, 0, 0]


def test_an_amount_off_is_split_into_what_can_be_charged() -> None:
    """KWD 0.010 off 0.010 and 0.010: twice 0.005 could not be charged, nor be given back to the fils."""
    sold = plan(flat(10), flat(10, "more"), currency="KWD")
    assert nets(begun(sold, START, discount=amount(10, currency="KWD")).lines) == [0, 10]


@pytest.mark.parametrize(("discount", "net"), [(percent(50), 600), (amount(1550), 600)])
def test_a_first_shorter_period_has_its_share_of_the_discount(discount: Discount, net: int) -> None:
    assert nets(begun(plan(flat(3100)), on("2025-01-20"), anchor_day=1, discount=discount).lines) == [net]


# Usage, billed after its period: how it is priced is in ``test_usage_period``


METERED = plan(flat(1000), metered(2))


def of(lines: tuple[InvoiceLine, ...], component: str) -> list[InvoiceLine]:
    return [line for line in lines if line.component == component]


def test_what_was_metered_comes_with_the_renewal_for_its_own_period() -> None:
    first = begun(METERED, START)
    assert nets(first.lines) == [1000]
    step = renewed(first.subscription, METERED, Decimal("150.5"))
    late, base = step.lines
    assert step.invoiced == step.lines
    assert (late.component, late.amount.minor, late.quantity) == ("calls", 301, Decimal("150.5"))
    assert (late.period, late.proration) == (Period(START, END), False)
    assert (base.component, base.period) == ("base", Period(END, on("2025-08-01")))
    assert [line.component for line in step.subscription.billed] == ["base"]


def test_what_waited_is_invoiced_with_the_usage() -> None:
    before = running(METERED, START)
    waiting = changed(before, METERED, on("2025-06-16"), to=plan(flat(2000), metered(2), name="Pro")).subscription
    step = renewed(waiting, plan(flat(2000), metered(2), name="Pro"), 150)
    assert (nets(step.lines), nets(step.invoiced)) == ([300, 2000], [300, -500, 1000, 2000])


def test_usage_is_not_given_back_by_a_change() -> None:
    before = renewed(running(METERED, START), METERED, 500).subscription
    step = changed(before, METERED, on("2025-07-16T12:00"), to=plan(flat(2000), name="Pro"))
    assert nets(step.lines) == [-500, 1000]


@pytest.mark.parametrize(
    ("behavior", "invoiced", "waiting"),
    [
        (ProrationBehavior.INVOICE_NOW, [10, -500, 1000], []),
        (ProrationBehavior.CREATE_PRORATIONS, [], [-500, 1000, 10]),
        (ProrationBehavior.NONE, [], [10]),
    ],
)
def test_usage_until_a_change_goes_where_the_changes_own_lines_go(
    behavior: ProrationBehavior, invoiced: list[int], waiting: list[int]
) -> None:
    before, at = running(METERED, START), on("2025-06-16")
    step = changed(before, METERED, at, to=plan(flat(2000), metered(2), name="Pro"), behavior=behavior)
    both = changes.with_usage(step, usage(before, METERED, at, 5), behavior)
    assert (nets(both.invoiced), nets(both.subscription.pending)) == (invoiced, waiting)
    assert nets(both.lines) == [10, *nets(step.lines)]


def test_a_change_that_bills_nothing_now_bills_the_usage_and_what_waited_all_the_same() -> None:
    """Nothing but metered prices: the change has no lines of its own, and invoices what is open."""
    old, new = plan(metered(2)), plan(metered(3), name="Pro")
    before = replace(running(old, START), pending=begun(PLAN, START, {"seats": 1}).lines)
    at, now = on("2025-06-16"), ProrationBehavior.INVOICE_NOW
    step = changes.with_usage(changed(before, old, at, to=new, behavior=now), usage(before, old, at, 5), now)
    assert (sorted(nets(step.invoiced)), step.subscription.pending) == ([10, 300, 1000], ())


def test_without_usage_a_step_stays_as_it_is() -> None:
    step = changes.begin_period(running(METERED, START), METERED, END)
    assert changes.with_usage(step, ()) is step
    assert changes.with_usage(step, (), ProrationBehavior.INVOICE_NOW) is step


@pytest.mark.parametrize("used", [None, 0])
def test_what_was_not_used_makes_no_line(used: int | None) -> None:
    assert of(renewed(running(METERED, START), METERED, used).lines, "calls") == []


def test_a_minimum_is_owed_though_nothing_was_used() -> None:
    sold = plan(metered(2, minimum=5_000_000))
    assert amounts(renewed(running(sold, START), sold).lines) == [5000]
    assert amounts(renewed(running(sold, START), sold, 3000).lines) == [6000]


def test_nothing_is_owed_for_usage_in_a_trial() -> None:
    sold = plan(flat(1000), metered(2, minimum=5_000_000))
    trial = started(sold, START, trial_days=14)
    step = renewed(trial, sold, 9999)
    assert amounts(step.lines) == [1000]
    assert amounts(renewed(step.subscription, sold, 3000).lines) == [6000, 1000]


@pytest.mark.parametrize("used", [None, 9999])
def test_nothing_is_owed_for_usage_before_the_first_period(used: int | None) -> None:
    sold = plan(flat(1000), metered(2, minimum=5_000_000))
    incomplete = started(sold, START)
    assert incomplete.state is S.INCOMPLETE
    assert amounts(changes.first_period(incomplete, sold).lines) == [1000]
    for at in (START, on("2025-06-16"), END):
        assert usage(incomplete, sold, at, used) == ()


def test_a_percentage_is_off_usage_too_and_an_amount_once_a_period_off_what_is_billed_ahead() -> None:
    step = renewed(running(METERED, START, discount=percent(10)), METERED, 500)
    assert nets(step.lines) == [900, 900]
    step = renewed(running(METERED, START, discount=amount(1000)), METERED, 1500)
    # Also after a change half way it is 10.00 a period: what is billed ahead carries it alone.
    assert [line.discount.minor for line in step.lines] == [0, 1000]
    only = plan(metered(2))
    step = renewed(running(only, START, discount=amount(1000)), only, 1500)
    assert [line.discount.minor for line in step.lines] == [1000]


def test_usage_has_the_discount_of_the_period_in_which_it_was() -> None:
    """One period 10 % off: June's usage has it, on July's invoice; July's base price, beside it, has not."""
    first = renewed(running(METERED, START, discount=percent(10, 1)), METERED, 500)
    assert nets(first.lines) == [900, 1000]
    assert nets(renewed(first.subscription, METERED, 500).lines) == [1000, 1000]


def test_a_discount_that_waits_for_the_next_period_is_not_off_the_usage_of_this_one() -> None:
    waiting = replace(running(METERED, START), discount=percent(10, 1))
    first = renewed(waiting, METERED, 500)
    assert nets(first.lines) == [1000, 900]
    assert nets(renewed(first.subscription, METERED, 500).lines) == [900, 1000]


def test_the_last_invoice_bills_what_was_metered() -> None:
    before, none = running(METERED, START), ProrationBehavior.NONE

    def last(of_it: Subscription, at: datetime, behavior: ProrationBehavior, used: int) -> Step:
        lines = changes.closing(of_it, METERED, at, behavior)
        return changes.with_usage(Step(lifecycle.ended(of_it, at), lines, lines), usage(of_it, METERED, at, used))

    late = last(before, END, none, 500).invoiced
    assert [(line.component, line.amount.minor, line.period) for line in late] == [("calls", 1000, Period(START, END))]
    both = last(before, on("2025-06-16"), ProrationBehavior.CREATE_PRORATIONS, 5).invoiced
    assert nets(both) == [10, -500]
    assert both[0].period == Period(START, on("2025-06-16"))
    trial = started(METERED, START, trial_days=14)
    assert last(trial, START + timedelta(days=14), none, 500).invoiced == ()
