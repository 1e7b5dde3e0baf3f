"""A subscription's running period has one discount, and what follows may have another (issue 11, 4)."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.plan import PauseBilling
from billing.domain.kernel.periods import Interval
from billing.domain.subscriptions import changes
from billing.domain.subscriptions.changes import DiscountApplies, ProrationBehavior
from billing.domain.subscriptions.subscription import PeriodDiscount, Subscription, SubscriptionState
from tests.support.engine import amount, changed, flat, nets, on, percent, plan, running, seats, started

B = ProrationBehavior
NOW, NEXT = DiscountApplies.NOW, DiscountApplies.NEXT_PERIOD
START, HALF, END = on("2025-06-01"), on("2025-06-16"), on("2025-07-01")
SOLD = plan(seats(1000))
HALF_OFF = percent(50, periods=3)


def sold_to(discount: Discount | None = HALF_OFF) -> Subscription:
    """100 seats at 10.00 since 1 June."""
    return running(SOLD, START, {"seats": 100}, discount=discount)


def one_more(before: Subscription, more: int = 1) -> list[int]:
    """What so many seats more cost for the second half of June."""
    lines = changed(before, SOLD, HALF, quantities={"seats": 100 + more}).lines
    return [sum(nets(lines))]


REPLACED = [
    pytest.param(HALF_OFF, id="the same"),
    pytest.param(percent(20, name="OTHER"), id="another"),
    pytest.param(amount(5000), id="an amount"),
    pytest.param(None, id="none"),
]


@pytest.mark.parametrize("behavior", B)
@pytest.mark.parametrize("coupon", REPLACED)
def test_11_4_another_discount_leaves_the_running_period_as_it_is(
    coupon: Discount | None, behavior: ProrationBehavior
) -> None:
    """Half of 10.00 for half a month is 2.50 for a seat more, and -2.50 for one less. It was 255.00, and 245.00."""
    step = changed(sold_to(), SOLD, HALF, discount=coupon, behavior=behavior)
    assert step.lines == step.invoiced == ()
    after = step.subscription
    assert (after.discount, after.period_discount) == (coupon, HALF_OFF.applied())
    assert (one_more(after), one_more(after, -1)) == ([250], [-250])
    july = changes.begin_period(after, SOLD, END)
    price = {None: 100_000, "SALE": 50_000, "OTHER": 80_000, "GIFT": 95_000}
    assert nets(july.lines) == [price[coupon.code if coupon else None]]
    assert july.subscription.kept_discount is None


def test_11_4_a_new_redemption_begins_again_with_the_next_period() -> None:
    """Three months at half price from the next one on: June had one of the first three."""
    current = changed(sold_to(), SOLD, HALF, discount=HALF_OFF).subscription
    found = []
    for _ in range(4):
        step = changes.begin_period(current, SOLD, current.current_period.end)
        found += nets(step.lines)
        current = step.subscription
    assert found == [50_000, 50_000, 50_000, 100_000]


def test_11_4_what_comes_and_goes_before_the_period_is_over_was_never_there() -> None:
    """Of several, the last one holds from the next period on; the running one keeps what it has."""
    first = changed(sold_to(), SOLD, HALF, discount=percent(20, name="OTHER")).subscription
    second = changed(first, SOLD, on("2025-06-17"), discount=None).subscription
    assert second.kept_discount == PeriodDiscount(HALF_OFF.applied())
    third = changed(second, SOLD, on("2025-06-18"), discount=percent(10, name="LAST")).subscription
    assert nets(changed(third, SOLD, on("2025-06-21"), quantities={"seats": 101}).lines) == [-16_667, 16_834]
    assert nets(changes.begin_period(third, SOLD, END).lines) == [90_000]


def test_11_4_a_first_discount_waits_too() -> None:
    step = changed(sold_to(None), SOLD, HALF, discount=percent(50, 1))
    assert (step.lines, one_more(step.subscription)) == ((), [500])
    july = changes.begin_period(step.subscription, SOLD, END)
    assert nets(july.lines) == [50_000]
    assert nets(changes.begin_period(july.subscription, SOLD, on("2025-08-01")).lines) == [100_000]


def test_11_4_with_another_plan_it_is_part_of_what_is_bought() -> None:
    """So for the first period that it uses; unless somebody says that it shall wait."""
    dear = plan(seats(2000), name="Dear")
    at_once = changed(sold_to(None), SOLD, HALF, to=dear, discount=percent(50, 1))
    assert nets(at_once.lines) == [-50_000, 50_000]
    assert nets(changes.begin_period(at_once.subscription, dear, END).lines) == [200_000]
    waits = changed(sold_to(None), SOLD, HALF, to=dear, discount=percent(50, 1), applies=NEXT)
    assert nets(waits.lines) == [-50_000, 100_000]
    assert nets(changes.begin_period(waits.subscription, dear, END).lines) == [100_000]
    silent = changed(sold_to(None), SOLD, HALF, to=dear, discount=percent(50, 1), behavior=B.NONE).subscription
    assert silent.period_discount is None
    assert nets(changes.begin_period(silent, dear, END).lines) == [100_000]


def test_11_4_asked_for_at_once_it_uses_the_running_period() -> None:
    step = changed(sold_to(), SOLD, HALF, discount=percent(20, 1, name="OTHER"), applies=NOW)
    assert nets(step.lines) == [-25_000, 40_000]
    assert (step.subscription.kept_discount, one_more(step.subscription)) == (None, [400])
    assert nets(changes.begin_period(step.subscription, SOLD, END).lines) == [100_000]
    gone = changed(sold_to(), SOLD, HALF, discount=None, applies=NOW)
    assert (nets(gone.lines), one_more(gone.subscription)) == ([-25_000, 50_000], [500])


def test_11_4_a_new_cycle_has_the_new_discount_once() -> None:
    """With another interval a period begins at once: it is the first that a discount for one period uses."""
    yearly = plan(seats(10_000), name="Yearly", interval=Interval.YEAR)
    for applies in (None, NOW, NEXT):
        step = changed(sold_to(None), SOLD, HALF, to=yearly, discount=percent(50, 1), applies=applies)
        assert nets(step.lines) == [-50_000, 500_000]
        assert nets(changes.begin_period(step.subscription, yearly, on("2026-06-16")).lines) == [1_000_000]


@pytest.mark.parametrize("at", ["2025-06-28", "2025-06-16"])
def test_11_4_three_days_after_a_pause_do_not_use_up_a_discount(at: str) -> None:
    """It waits for July, through a pause and its resume, in whatever order they come."""
    once = percent(50, 1)
    given_first = changed(sold_to(None), SOLD, HALF, discount=once).subscription
    paused = changes.pause(given_first, SOLD, HALF, None, B.CREATE_PRORATIONS).subscription
    paused_first = changes.pause(sold_to(None), SOLD, HALF, None, B.CREATE_PRORATIONS).subscription
    given = changed(paused_first, SOLD, HALF, discount=once).subscription
    for before in (paused, given):
        resumed = changes.resume(before, SOLD, on(at))
        assert nets(resumed.lines) == [100_000 * (END - on(at)).days // 30]
        assert nets(changes.begin_period(resumed.subscription, SOLD, END).lines) == [50_000]
        assert nets(changes.resume(before, SOLD, END).lines) == [50_000]


def test_11_4_a_pause_keeps_the_running_periods_discount() -> None:
    replaced = changed(sold_to(), SOLD, HALF, discount=percent(20, name="OTHER")).subscription
    paused = changes.pause(replaced, SOLD, HALF, None, B.CREATE_PRORATIONS)
    assert nets(paused.lines) == [-25_000]
    resumed = changes.resume(paused.subscription, SOLD, on("2025-06-21"))
    assert nets(resumed.lines) == [16_666]
    assert nets(changes.begin_period(resumed.subscription, SOLD, END).lines) == [80_000]
    kept_plan = replace(SOLD, pause_billing=PauseBilling.KEEP)
    kept = changes.pause(replaced, kept_plan, HALF, None, B.CREATE_PRORATIONS).subscription
    assert one_more(changes.resume(kept, kept_plan, HALF).subscription) == [250]


def test_11_4_a_discount_for_some_plans_goes_along_to_no_other_with_or_without_prorations() -> None:
    only = replace(percent(50), plan_ids=("basic",))
    other = plan(seats(1000), name="Other")
    replaced = changed(sold_to(only), SOLD, HALF, discount=percent(20, name="OTHER")).subscription
    for behavior in (B.CREATE_PRORATIONS, B.NONE):
        after = changed(replaced, SOLD, HALF, to=other, behavior=behavior).subscription
        assert (after.period_discount, after.discount) == (None, percent(20, name="OTHER"))


def test_11_4_in_a_trial_it_waits_for_the_first_period() -> None:
    trial = started(SOLD, START, {"seats": 100}, trial_days=14)
    given = changed(trial, SOLD, on("2025-06-05"), discount=percent(50, 1), applies=NOW).subscription
    first = changes.begin_period(given, SOLD, given.current_period.end)
    assert nets(first.lines) == [50_000]


def test_11_4_an_item_of_before_has_its_discount_in_the_running_period() -> None:
    """What was stored before there were two: applied at least once, it is the running period's; else it waits."""
    assert sold_to().kept_discount is None
    assert sold_to().period_discount == sold_to().discount == HALF_OFF.applied()
    assert replace(sold_to(None), discount=HALF_OFF).period_discount is None


COUPONS = st.sampled_from([None, HALF_OFF, percent(20, name="OTHER"), amount(5000), percent(100, 1, name="FREE")])


@settings(max_examples=100, deadline=None)
@given(COUPONS, st.lists(st.tuples(st.integers(0, 14 * 86_400), COUPONS), max_size=5), st.integers(0, 200))
def test_11_4_whatever_is_redeemed_the_running_period_costs_the_same(
    first: Discount | None, redeemed: list[tuple[int, Discount | None]], quantity: int
) -> None:
    """Coupons before a change of seats, after it, or none at all: the seats cost what they cost."""
    at, later = HALF, on("2025-06-30")
    plain = changed(sold_to(first), SOLD, later, quantities={"seats": quantity})
    current = sold_to(first)
    for gap, coupon in redeemed:
        at = max(at, HALF + timedelta(seconds=gap))
        step = changed(current, SOLD, at, discount=coupon)
        assert step.lines == ()
        current = step.subscription
    step = changed(current, SOLD, later, quantities={"seats": quantity})
    assert step.lines == plain.lines
    assert step.subscription.billed == plain.subscription.billed
    ended = changes.closing(current, SOLD, later, B.CREATE_PRORATIONS)
    assert ended == changes.closing(sold_to(first), SOLD, later, B.CREATE_PRORATIONS)


def act(before: Subscription, what: str, at: datetime) -> tuple[Subscription, int]:
    """One of the things that may happen at one instant, and what it bills."""
    if what == "coupon":
        step = changed(before, SOLD, at, discount=percent(20, 2, name="OTHER"))
    elif what == "seats":
        step = changed(before, SOLD, at, quantities={"seats": 117})
    elif what == "pause":
        step = changes.pause(before, SOLD, at, None, B.CREATE_PRORATIONS)
        step = changes.resume(step.subscription, SOLD, at)
        return step.subscription, sum(nets(step.invoiced)) - sum(nets(before.pending))
    return step.subscription, sum(nets(step.lines))


@pytest.mark.parametrize("first", [None, HALF_OFF, amount(5000)], ids=["none", "half", "amount"])
def test_11_4_the_order_of_what_happens_in_an_instant_does_not_change_the_sum(first: Discount | None) -> None:
    """A coupon, seventeen seats more, a pause and its resume: six orders, one price, one July."""
    found = set()
    for order in permutations(("coupon", "seats", "pause")):
        current, billed = sold_to(first), 0
        for what in order:
            current, more = act(current, what, HALF)
            billed += more
        assert current.state is SubscriptionState.ACTIVE
        july = changes.begin_period(current, SOLD, END)
        found.add((billed, sum(nets(july.lines))))
    assert len(found) == 1


def test_11_4_a_plan_of_a_flat_price_alone_has_it_too() -> None:
    sold = plan(flat(3000))
    given = changed(running(sold, START), sold, HALF, discount=percent(50, 1)).subscription
    dearer = changed(given, sold, HALF, to=plan(flat(6000), name="Dear"))
    assert nets(dearer.lines) == [-1500, 3000]


def test_11_4_the_same_coupon_twice_in_an_instant_is_two_redemptions() -> None:
    """The first waits; the second, equal to it, is asked for at once, or comes with another plan: so it holds."""
    once = percent(50, 1)
    waits = changed(sold_to(None), SOLD, HALF, discount=once).subscription
    assert nets(changed(waits, SOLD, HALF, discount=once, applies=NOW).lines) == [-50_000, 25_000]
    dear = plan(seats(2000), name="Dear")
    assert nets(changed(waits, SOLD, HALF, to=dear, discount=once).lines) == [-50_000, 50_000]
    assert nets(changed(waits, SOLD, HALF, to=dear).lines) == [-50_000, 100_000]
