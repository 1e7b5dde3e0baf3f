"""Changes of a running subscription: what each of them gives back and bills, and when."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.pricing import Component, ComponentType, PricingModel, Tier
from billing.domain.kernel.errors import Conflict, InvalidState, ValidationFailed
from billing.domain.kernel.money import Money
from billing.domain.kernel.periods import Interval, Period
from billing.domain.subscriptions.changes import (
    MOST_PENDING_LINES,
    DiscountApplies,
    ProrationBehavior,
    Step,
    begin_period,
)
from billing.domain.subscriptions.subscription import PausedBy, Subscription, SubscriptionState
from tests.support.engine import amount, amounts, changed, flat, nets, on, percent, plan, running, seats, started

B = ProrationBehavior
S = SubscriptionState
START, HALF, END = on("2025-06-01"), on("2025-06-16"), on("2025-07-01")
PLAN = plan(flat(1000), seats(300))


def team(discount: Discount | None = None) -> Subscription:
    """10.00 and ten seats at 3.00, from 1 June on."""
    return running(PLAN, START, {"seats": 10}, discount=discount)


def waiting(step: Step) -> list[int]:
    return nets(step.subscription.pending)


# The three behaviours


def test_prorations_wait_for_the_next_invoice() -> None:
    step = changed(team(), PLAN, HALF, quantities={"seats": 20})
    assert (nets(step.lines), waiting(step), step.invoiced) == ([-1500, 3000], [-1500, 3000], ())
    assert step.subscription.quantities == {"seats": 20}


def test_invoice_now_takes_along_what_waited() -> None:
    first = changed(team(), PLAN, HALF, quantities={"seats": 20})
    second = changed(first.subscription, PLAN, HALF, quantities={"seats": 30}, behavior=B.INVOICE_NOW)
    assert nets(second.lines) == [-3000, 4500]
    assert nets(second.invoiced) == [-1500, 3000, -3000, 4500]
    assert second.subscription.pending == ()


def test_none_bills_nothing_and_the_rest_of_the_period_stays_as_it_was_billed() -> None:
    before = team()
    step = changed(before, PLAN, HALF, quantities={"seats": 20}, behavior=B.NONE)
    assert (step.lines, step.invoiced, step.subscription.pending) == ((), (), ())
    assert step.subscription.billed == before.billed
    assert step.subscription.quantities == {"seats": 20}


def test_after_none_the_next_change_gives_back_what_was_really_billed() -> None:
    """10 seats were billed, 20 are used, 30 are wanted: 15.00 back for the 10, 45.00 for the 30."""
    silent = changed(team(), PLAN, on("2025-06-11"), quantities={"seats": 20}, behavior=B.NONE).subscription
    step = changed(silent, PLAN, HALF, quantities={"seats": 30})
    assert nets(step.lines) == [-1500, 4500]


@pytest.mark.parametrize("behavior", B)
def test_a_change_that_changes_nothing_bills_nothing(behavior: ProrationBehavior) -> None:
    step = changed(team(), PLAN, HALF, behavior=behavior)
    assert step == Step(team())


@pytest.mark.parametrize("behavior", B)
def test_a_change_keeps_the_period_and_the_cadence(behavior: ProrationBehavior) -> None:
    before = team()
    after = changed(before, PLAN, HALF, to=plan(flat(2000), name="Pro"), quantities={}, behavior=behavior).subscription
    assert (after.current_period, after.cadence, after.period_index, after.state) == (
        before.current_period,
        before.cadence,
        before.period_index,
        S.ACTIVE,
    )


# Which components a change touches


def test_a_quantity_touches_its_own_component_only() -> None:
    sold = plan(flat(1000), seats(300), seats(50, "desks"))
    before = running(sold, START, {"seats": 10, "desks": 4})
    step = changed(before, sold, HALF, quantities={"seats": 10, "desks": 8})
    assert [(line.component, line.taxable.minor) for line in step.lines] == [("desks", -100), ("desks", 200)]
    assert {line.component for line in step.subscription.billed} == {"base", "seats", "desks"}


def test_with_a_discount_of_percent_too() -> None:
    step = changed(team(percent(10)), PLAN, HALF, quantities={"seats": 20})
    assert [(line.component, line.taxable.minor) for line in step.lines] == [("seats", -1350), ("seats", 2700)]


def test_with_an_amount_off_it_touches_all_for_their_shares_of_it_shift() -> None:
    """8.00 off 10.00 + 30.00 is 2.00 + 6.00; off 10.00 + 60.00 it is 1.14 + 6.86, half of each for half the month."""
    step = changed(team(amount(800)), PLAN, HALF, quantities={"seats": 20})
    assert [(line.component, line.taxable.minor) for line in step.lines] == [
        ("base", -400),
        ("seats", -1200),
        ("base", 443),
        ("seats", 2657),
    ]


def test_an_amount_off_is_never_more_than_the_charges() -> None:
    """90.00 off 40.00 leaves nothing to give back; off 10.00 + 120.00 it leaves 40.00, half of it for the rest."""
    step = changed(team(amount(9000)), PLAN, HALF, quantities={"seats": 40})
    assert nets(step.lines) == [154, 1846]
    assert sum(nets(step.lines)) == 2000


def test_a_price_by_tiers_is_that_of_the_whole_quantity() -> None:
    """Graduated, 1-5 at 7.00, then 6.50: 5 are 35.00 and 6 are 41.50, half of each."""
    tiers = (Tier(Decimal(5), 700_000), Tier(None, 650_000))
    sold = plan(Component("seats", ComponentType.LICENSED, PricingModel.GRADUATED, tiers=tiers))
    step = changed(running(sold, START, {"seats": 5}), sold, HALF, quantities={"seats": 6})
    assert nets(step.lines) == [-1750, 2075]


def test_a_plan_change_gives_back_and_bills_every_component() -> None:
    step = changed(team(), PLAN, HALF, to=plan(flat(5000), seats(100), name="Pro"))
    assert nets(step.lines) == [-500, -1500, 2500, 500]
    after = step.subscription
    assert (after.plan_id, [line.component for line in after.billed]) == ("pro", ["base", "seats"])


def test_a_new_version_of_the_same_plan_is_another_plan() -> None:
    step = changed(team(), PLAN, HALF, to=plan(flat(1200), seats(300), plan_version=2))
    assert nets(step.lines) == [-500, -1500, 600, 1500]
    assert step.subscription.plan_version == 2


def test_a_free_component_makes_no_line_when_it_is_changed() -> None:
    step = changed(running(PLAN, START, {"seats": 0}), PLAN, HALF, quantities={"seats": 10})
    assert nets(step.lines) == [1500]


@pytest.mark.parametrize(
    ("quantities", "bad"),
    [({}, {"quantities.seats"}), ({"seats": 1, "desks": 2}, {"quantities.desks"})],
)
def test_quantities_have_to_fit_the_plan(quantities: dict[str, int], bad: set[str]) -> None:
    with pytest.raises(ValidationFailed) as refused:
        changed(team(), PLAN, HALF, quantities=quantities)
    assert {detail.field for detail in refused.value.details} == bad


# What the lines say


def test_lines_say_what_they_are() -> None:
    back, owed = changed(team(), PLAN, HALF, quantities={"seats": 20}).lines
    assert back.description == "Unused time on Basic: seats"
    assert owed.description == "Remaining time on Basic: seats"
    for line in (back, owed):
        assert (line.period, line.proration, line.unit_amount) == (Period(HALF, END), True, None)
    assert (back.quantity, owed.quantity, back.discounts) == (Decimal(10), Decimal(20), ())


def test_a_second_change_does_not_stack_its_words() -> None:
    first = changed(team(), PLAN, HALF, quantities={"seats": 20}).subscription
    second = changed(first, PLAN, on("2025-06-21"), quantities={"seats": 30})
    assert [line.description for line in second.lines] == [
        "Unused time on Basic: seats",
        "Remaining time on Basic: seats",
    ]
    # 20 seats are billed from the 16th, 30.00 for 15 days, of which 10 are left; 30 seats are 90.00 for 30 days.
    assert nets(second.lines) == [-2000, 3000]


def test_a_debit_shows_its_share_of_the_discount_and_a_credit_is_net_of_it() -> None:
    back, owed = changed(team(percent(10)), PLAN, HALF, quantities={"seats": 20}).lines
    assert (back.amount.minor, back.discounts) == (-1350, ())
    assert (owed.amount.minor, [(d.coupon_id, d.amount.minor) for d in owed.discounts]) == (3000, [("SALE", 300)])


# prorationDate


@pytest.mark.parametrize("behavior", [B.CREATE_PRORATIONS, B.INVOICE_NOW])
def test_a_proration_date_says_from_when_a_change_counts(behavior: ProrationBehavior) -> None:
    step = changed(
        team(), PLAN, on("2025-06-21"), quantities={"seats": 20}, behavior=behavior, proration_at=on("2025-06-11")
    )
    assert nets(step.lines) == [-2000, 4000]


@pytest.mark.parametrize("at", ["2025-05-31T23:59:59", "2025-07-01", "2024-06-16"])
def test_a_proration_date_lies_within_the_running_period(at: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        changed(team(), PLAN, HALF, quantities={"seats": 20}, proration_at=on(at))
    assert [(each.field, each.reason) for each in refused.value.details] == [
        ("prorationDate", "outside_the_current_period")
    ]


def test_a_proration_date_is_not_before_the_last_change_of_the_same_time() -> None:
    """What was billed from the 16th on cannot be given back for the days before it: nobody paid them twice."""
    first = changed(team(), PLAN, HALF, quantities={"seats": 20}).subscription
    with pytest.raises(ValidationFailed) as refused:
        changed(first, PLAN, on("2025-06-21"), quantities={"seats": 30}, proration_at=on("2025-06-15"))
    assert [(each.field, each.reason) for each in refused.value.details] == [
        ("prorationDate", "before_the_last_change")
    ]
    assert nets(changed(first, PLAN, on("2025-06-21"), quantities={"seats": 30}, proration_at=HALF).lines)


def test_a_proration_date_is_not_in_the_future() -> None:
    """The days until then would be billed at the old price, and a change or a pause before it could not give them
    back: whoever asks what a change will cost can preview it then."""
    with pytest.raises(ValidationFailed) as refused:
        changed(team(), PLAN, HALF, quantities={"seats": 20}, proration_at=on("2025-06-21"))
    assert [(each.field, each.reason) for each in refused.value.details] == [("prorationDate", "in_the_future")]


@pytest.mark.parametrize("at", ["2025-06-16T00:00:00.999999", "2025-06-16"])
def test_a_change_counts_from_a_whole_second(at: str) -> None:
    step = changed(team(), PLAN, on(at), quantities={"seats": 20})
    assert step.lines[0].period == Period(HALF, END)


def test_a_change_in_the_first_second_and_one_in_the_last() -> None:
    assert nets(changed(team(), PLAN, START, quantities={"seats": 20}).lines) == [-3000, 6000]
    last = changed(team(), PLAN, on("2025-06-30T23:59:59"), quantities={"seats": 10_000_000})
    assert nets(last.lines) == [1157]  # 1/2,592,000 of 30,000,000.00


# Another interval


def test_another_interval_begins_a_new_cycle_at_once_on_one_invoice() -> None:
    yearly = plan(flat(120000), name="Yearly", interval=Interval.YEAR)
    waited = changed(team(), PLAN, on("2025-06-11"), quantities={"seats": 20}).subscription
    step = changed(waited, PLAN, HALF, to=yearly, quantities={})
    after = step.subscription
    assert nets(step.lines) == [-500, -3000, 120000]
    assert nets(step.invoiced) == [-2000, 4000, -500, -3000, 120000]
    assert (after.pending, nets(after.billed)) == ((), [120000])
    assert after.current_period == Period(HALF, on("2026-06-16"))
    assert (after.period_index, after.cadence.anchor, after.cadence.anchor_day) == (0, HALF, 16)


def test_another_count_of_the_same_interval_is_another_interval() -> None:
    step = changed(team(), PLAN, HALF, to=plan(flat(2500), name="Quarter", interval_count=3), quantities={})
    assert nets(step.invoiced) == [-500, -1500, 2500]
    assert step.subscription.current_period.end == on("2025-09-16")


def test_another_interval_without_prorations_gives_nothing_back() -> None:
    yearly = plan(flat(120000), name="Yearly", interval=Interval.YEAR)
    step = changed(team(), PLAN, HALF, to=yearly, quantities={}, behavior=B.NONE)
    assert nets(step.invoiced) == [120000]


def test_another_interval_begins_now_and_not_at_another_date() -> None:
    # A daily plan from the first day of a year, and a cancel at once, would give the whole year back.
    yearly = plan(flat(120000), name="Yearly", interval=Interval.YEAR)
    with pytest.raises(ValidationFailed) as refused:
        changed(team(), PLAN, HALF, to=yearly, quantities={}, proration_at=on("2025-06-11"))
    assert [(each.field, each.reason) for each in refused.value.details] == [
        ("prorationDate", "not_with_another_interval")
    ]


def test_another_interval_while_paused_is_refused() -> None:
    paused = replace(team(), state=S.PAUSED, paused_by=PausedBy.REQUEST)
    with pytest.raises(InvalidState) as refused:
        changed(paused, PLAN, HALF, to=plan(flat(1), name="Yearly", interval=Interval.YEAR), quantities={})
    assert refused.value.public_code == "subscription.invalid_state"
    assert "paused" in refused.value.message


# In a trial, and in the other states


def test_a_change_in_a_trial_bills_nothing() -> None:
    trial = started(PLAN, START, {"seats": 1}, trial_days=14)
    for behavior in B:
        step = changed(trial, PLAN, on("2025-06-05"), quantities={"seats": 50}, behavior=behavior)
        assert (step.lines, step.invoiced) == ((), ())
        assert (step.subscription.state, step.subscription.quantities) == (S.TRIALING, {"seats": 50})


def test_another_interval_in_a_trial_keeps_the_trial_and_its_anchor() -> None:
    trial = started(PLAN, START, {"seats": 1}, trial_days=14)
    yearly = plan(flat(120000), name="Yearly", interval=Interval.YEAR)
    after = changed(trial, PLAN, on("2025-06-05"), to=yearly, quantities={})
    assert (after.lines, after.invoiced) == ((), ())
    assert (after.subscription.current_period, after.subscription.cadence.anchor) == (
        trial.current_period,
        trial.trial_end,
    )
    assert after.subscription.cadence.period(0) == Period(on("2025-06-15"), on("2026-06-15"))


@pytest.mark.parametrize("state", [S.CANCELED, S.INCOMPLETE])
def test_what_is_canceled_or_incomplete_is_not_changed(state: SubscriptionState) -> None:
    with pytest.raises(InvalidState) as refused:
        changed(replace(team(), state=state), PLAN, HALF, quantities={"seats": 20})
    assert refused.value.public_code == "subscription.invalid_state"
    assert state in refused.value.message


def test_what_is_past_due_is_changed_like_what_is_active() -> None:
    behind = replace(team(), state=S.PAST_DUE, unpaid_invoice_ids=("in_1",))
    step = changed(behind, PLAN, HALF, quantities={"seats": 20})
    assert (nets(step.lines), step.subscription.state) == ([-1500, 3000], S.PAST_DUE)


@pytest.mark.parametrize("state", [S.TRIALING, S.ACTIVE, S.PAST_DUE])
@pytest.mark.parametrize("at", [END, on("2025-07-02")])
def test_a_change_waits_for_a_renewal_that_is_under_way(state: SubscriptionState, at: datetime) -> None:
    with pytest.raises(Conflict) as refused:
        changed(replace(team(), state=state), PLAN, at, quantities={"seats": 20})
    assert refused.value.retry_after_s
    assert not isinstance(refused.value, InvalidState)


# Discounts


def test_a_discount_that_is_redeemed_in_the_middle_is_off_the_rest_where_that_is_asked_for() -> None:
    step = changed(team(), PLAN, HALF, discount=percent(50, periods=1), applies=DiscountApplies.NOW)
    assert nets(step.lines) == [-500, -1500, 250, 750]
    assert step.subscription.discount == percent(50, periods=1).applied()


def test_a_discount_that_is_taken_away_is_taken_off_the_rest_only_where_that_is_asked_for() -> None:
    step = changed(team(percent(50)), PLAN, HALF, discount=None, applies=DiscountApplies.NOW)
    assert nets(step.lines) == [-250, -750, 500, 1500]
    assert step.subscription.discount is None


@pytest.mark.parametrize(("plans", "expected"), [(("basic",), [-250, -750, 2500, 500]), ((), [-250, -750, 1250, 250])])
def test_a_discount_for_some_plans_does_not_go_along_to_others(plans: tuple[str, ...], expected: list[int]) -> None:
    off = replace(percent(50), plan_ids=plans)
    step = changed(team(off), PLAN, HALF, to=plan(flat(5000), seats(100), name="Pro"))
    assert nets(step.lines) == expected
    assert (step.subscription.discount is None) is bool(plans)


def test_100_percent_off_costs_nothing_and_gives_nothing_back() -> None:
    step = changed(team(percent(100)), PLAN, HALF, quantities={"seats": 20})
    assert nets(step.lines) == [0]
    assert amounts(step.lines) == [3000]


# What waits


def test_only_so_many_lines_wait() -> None:
    before = team()
    line = changed(before, PLAN, HALF, quantities={"seats": 20}).lines[0]
    full = replace(before, pending=(line,) * (MOST_PENDING_LINES - 1))
    with pytest.raises(Conflict, match="invoice_now"):
        changed(full, PLAN, HALF, quantities={"seats": 20})
    assert len(changed(replace(full, pending=full.pending[1:]), PLAN, HALF, quantities={"seats": 20}).lines) == 2
    now = changed(full, PLAN, HALF, quantities={"seats": 20}, behavior=B.INVOICE_NOW)
    assert (len(now.invoiced), now.subscription.pending) == (MOST_PENDING_LINES + 1, ())
    silent = changed(full, PLAN, HALF, quantities={"seats": 20}, behavior=B.NONE)
    assert silent.subscription.pending == full.pending


def test_money_of_other_currencies() -> None:
    yen = plan(flat(1000), currency="JPY")
    step = changed(running(yen, START), yen, on("2025-06-11"), to=plan(flat(3000), name="Pro", currency="JPY"))
    assert [line.amount for line in step.lines] == [Money(-667_000, "JPY"), Money(2_000_000, "JPY")]
    dinar = plan(flat(10000), currency="KWD")
    step = changed(running(dinar, START), dinar, on("2025-06-11"), to=plan(flat(30000), name="Pro", currency="KWD"))
    # Cards take dinars to two decimals of their three: 6.667 is charged as 6.67.
    assert [line.amount for line in step.lines] == [Money(-6_670_000, "KWD"), Money(20_000_000, "KWD")]


def test_a_coupon_that_waits_for_the_next_period_is_not_used_up_by_this_one() -> None:
    sold = plan(seats(1000))
    half = percent(50, periods=1)
    before = running(sold, START, {"seats": 1})
    kept = changed(before, sold, HALF, behavior=B.NONE, discount=half).subscription
    step = changed(kept, sold, HALF, quantities={"seats": 2})
    assert nets(step.lines) == [-500, 1000]
    assert nets(begin_period(step.subscription, sold, END).lines) == [1000]
