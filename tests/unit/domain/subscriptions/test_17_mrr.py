"""Issue 17: what a subscription counts for, and when that is a movement; definitions in docs/decisions/0054."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.plan import Plan, TaxBehavior
from billing.domain.catalog.pricing import Component, ComponentType, PricingModel, Tier
from billing.domain.kernel.money import Money
from billing.domain.kernel.periods import Interval
from billing.domain.lines.line import TaxAmount
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.mrr import MrrCause, MrrMovement, movement, recounted
from billing.domain.subscriptions.recurring import Mrr, MrrStanding
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.subscriptions.subscription import SubscriptionState as S
from billing.domain.tenant import DunningAction
from tests.support.engine import amount, changed, flat, metered, percent, plan, running, seats, started

AT = datetime(2027, 1, 31, 9, tzinfo=UTC)
LATER = AT + timedelta(days=3)
GRADUATED = Component(
    "seats",
    ComponentType.LICENSED,
    PricingModel.GRADUATED,
    tiers=(Tier(Decimal(5), 12_000_000), Tier(None, 9_000_000)),
)
ANNUAL = plan(flat(120_000), GRADUATED, interval=Interval.YEAR)
BUSINESS = plan(flat(4999), seats(500), name="Business")


def counted(subscription: Subscription, before: Mrr | None = None, at: datetime = AT) -> Mrr:
    found = recounted(subscription, before, at).mrr
    assert found is not None
    return found


def paid(sold: Plan, quantities: dict[str, int] | None = None, **more: Any) -> Subscription:
    """An active subscription whose first invoice is paid, as it is stored."""
    subscription = lifecycle.on_invoice(running(sold, AT, quantities, **more), "in_1")
    return recounted(lifecycle.invoice_paid(subscription, "in_1", AT, "00"), None, AT)


def after(
    before: Subscription, changed_to: Subscription, at: datetime = LATER
) -> tuple[Subscription, MrrMovement | None]:
    """A subscription as it is saved next, and its movement."""
    saved = recounted(replace(changed_to, version=before.version + 1), before.mrr, at)
    return saved, movement(saved, before.mrr, at, is_new=False)


# --- amounts


@pytest.mark.parametrize(
    ("sold", "quantities", "wanted"),
    [
        (BUSINESS, {"seats": 100}, 54_999_000),
        (ANNUAL, {"seats": 8}, 17_250_000),
        (plan(flat(9900), interval_count=3), {}, 3_300_000),
        (plan(flat(1000), interval=Interval.WEEK), {}, 4_333_333),
        (plan(flat(100), interval=Interval.DAY), {}, 3_041_667),
        (plan(flat(199_900), interval=Interval.YEAR, interval_count=2), {}, 8_329_167),
        (plan(flat(10), metered(100), seats(0)), {"seats": 3}, 10_000),
        (plan(metered(100, minimum=5_000_000)), {}, 0),
    ],
)
def test_a_month_of_it(sold: Plan, quantities: dict[str, int], wanted: int) -> None:
    assert counted(paid(sold, quantities)).amount == Money(wanted, "USD")


def test_it_is_rounded_once_and_half_to_the_even_micro_unit() -> None:
    """6 and 18 micro-units a year are half of one and one and a half of them a month."""
    for micros, wanted in ((6, 0), (18, 2), (30, 2), (42, 4)):
        each = Component("seats", ComponentType.LICENSED, PricingModel.PER_UNIT, unit_amount=micros)
        assert counted(paid(plan(each, interval=Interval.YEAR), {"seats": 1})).amount == Money(wanted, "USD")


@pytest.mark.parametrize(
    ("discount", "wanted", "less"),
    [
        (percent(25), 12_937_500, 12_937_500),
        (percent(25, 1), 17_250_000, 12_937_500),
        (percent(100), 0, 0),
        (amount(60_000), 12_250_000, 12_250_000),
        (amount(300_000), 0, 0),
        (amount(60_000, 2), 17_250_000, 12_250_000),
    ],
)
def test_discounts(discount: Discount, wanted: int, less: int) -> None:
    found = counted(paid(ANNUAL, {"seats": 8}, discount=discount))
    assert (found.amount.micros, found.discounted.micros) == (wanted, less)


def test_a_coupon_for_ever_counts_from_when_it_is_agreed_on() -> None:
    before = paid(BUSINESS, {"seats": 100})
    saved, moved = after(before, changed(before, BUSINESS, LATER, discount=percent(25)).subscription)
    assert moved is not None
    assert (moved.cause, moved.after.amount, moved.after.discounted) == (
        MrrCause.CHANGED, Money(41_249_250, "USD"), Money(41_249_250, "USD"),
    )  # fmt: skip
    assert saved.period_discount is None


def test_tax_within_the_price_is_taken_out_by_what_the_last_invoice_had() -> None:
    sold = plan(flat(11_900), tax_behavior=TaxBehavior.INCLUSIVE)
    unknown = recounted(running(sold, AT), None, AT)
    assert unknown.mrr is not None
    assert unknown.mrr.amount.micros == 11_900_000
    tax = TaxAmount("VAT", Decimal(19), Money(1_900_000, "USD"), inclusive=True)
    (line,) = unknown.billed
    billed = replace(unknown, billed=(replace(line, id="in_1-1", tax_inclusive=True, taxes=(tax,)),))
    known = counted(billed, unknown.mrr)
    assert (known.amount.micros, known.tax_percent) == (10_000_000, 19)
    waiting = replace(billed, billed=(line,))  # the next period's, whose tax nobody knows yet
    assert counted(waiting, known) == known


def test_goods_of_two_rates_have_what_all_together_has() -> None:
    """107.00 with 7 % and 119.00 with 19 % in them are 200.00 and 13 % of it."""
    sold = plan(flat(10_700), flat(11_900, "more"), tax_behavior=TaxBehavior.INCLUSIVE)
    made = running(sold, AT)
    lines = tuple(
        replace(line, id=f"in_1-{n}", tax_inclusive=True, taxes=(TaxAmount("VAT", rate, line.amount, inclusive=True),))
        for n, (line, rate) in enumerate(zip(made.billed, (Decimal(7), Decimal(19)), strict=True))
    )
    found = counted(replace(made, billed=lines))
    assert (found.tax_percent, found.amount.micros) == (13, 20_000_000)


# --- what it counts as, and what is a movement


def test_the_first_payment_makes_it_count() -> None:
    new = started(BUSINESS, AT, {"seats": 1})
    first = changes.first_period(new, BUSINESS).subscription
    assert counted(first).standing is MrrStanding.NOT_BEGUN
    assert movement(recounted(first, None, AT), None, AT, is_new=True) is None
    saved, moved = after(recounted(first, None, AT), lifecycle.invoice_paid(first, "in_1", LATER, "00"))
    assert moved is not None
    assert (moved.cause, moved.id) == (MrrCause.STARTED, f"mrr_{saved.id}@{saved.version:08d}")
    assert (moved.after.counted_since, moved.at) == (LATER, LATER)


def after_trial() -> tuple[Subscription, Subscription]:
    """A trial, and the same begun to be billed."""
    trial = recounted(started(BUSINESS, AT, {"seats": 1}, trial_days=3), None, AT)
    return trial, lifecycle.on_invoice(changes.begin_period(trial, BUSINESS, LATER).subscription, "in_1")


def test_a_trial_is_converted_by_the_payment_of_its_first_invoice_and_of_no_other() -> None:
    trial, begun = after_trial()
    waiting, moved = after(trial, begun)
    assert moved is not None
    assert moved.cause is MrrCause.TRIAL_NOT_CONVERTED
    other = lifecycle.invoice_paid(waiting, "in_2", LATER, "00")
    assert counted(other, waiting.mrr).standing is MrrStanding.NOT_CONVERTED
    _, moved = after(waiting, lifecycle.invoice_paid(waiting, "in_1", LATER, "00"))
    assert moved is not None
    assert moved.cause is MrrCause.TRIAL_CONVERTED


def test_one_that_is_trusted_counts_from_its_start() -> None:
    _, begun = after_trial()
    assert counted(lifecycle.trusted(begun, "00")).counts


def test_a_price_of_nothing_waits_for_no_payment() -> None:
    free = plan(flat(0))
    trial = started(free, AT, {}, trial_days=3)
    assert counted(changes.begin_period(trial, free, LATER).subscription).counts


@pytest.mark.parametrize(
    ("action", "standing", "cause"),
    [
        (DunningAction.CANCELED, MrrStanding.ENDED, MrrCause.ENDED_INVOLUNTARILY),
        (DunningAction.PAUSED, MrrStanding.PAUSED, MrrCause.PAUSED),
    ],
)
def test_the_end_of_dunning(action: DunningAction, standing: MrrStanding, cause: MrrCause) -> None:
    due, at_risk = after(paid(BUSINESS, {"seats": 1}), lifecycle.invoice_unpaid(paid(BUSINESS, {"seats": 1}), "in_2"))
    assert at_risk is not None
    assert (at_risk.cause, at_risk.after.at_risk, at_risk.after.counts) == (MrrCause.PAST_DUE, True, True)
    _, moved = after(due, lifecycle.dunned(due, action, LATER))
    assert moved is not None
    assert (moved.after.standing, moved.cause, moved.after.involuntary) == (standing, cause, True)
    assert lifecycle.dunned(due, DunningAction.LEFT, LATER) is due


def test_what_is_paid_after_dunning_has_paused_it_is_resumed() -> None:
    due, _ = after(paid(BUSINESS, {"seats": 1}), lifecycle.invoice_unpaid(paid(BUSINESS, {"seats": 1}), "in_2"))
    paused, _ = after(due, lifecycle.dunned(due, DunningAction.PAUSED, LATER))
    _, moved = after(paused, lifecycle.invoice_paid(paused, "in_2", LATER, "00"))
    assert moved is not None
    assert moved.cause is MrrCause.RESUMED


def test_an_end_is_scheduled_and_withdrawn() -> None:
    before = paid(BUSINESS, {"seats": 1})
    ending, moved = after(before, lifecycle.cancel(before, LATER, at_period_end=True))
    assert moved is not None
    assert (moved.cause, moved.after.figures.scheduled_churn) == (
        MrrCause.CANCELLATION_SCHEDULED, Money(5_499_000, "USD"),
    )  # fmt: skip
    _, moved = after(ending, changes.resume(ending, BUSINESS, LATER).subscription)
    assert moved is not None
    assert moved.cause is MrrCause.CANCELLATION_WITHDRAWN


def test_a_renewal_is_no_movement_and_the_end_of_a_coupon_is() -> None:
    before = paid(BUSINESS, {"seats": 1}, discount=percent(50, 1))
    end = before.current_period.end
    renewed, moved = after(before, changes.begin_period(before, BUSINESS, end).subscription, end)
    assert moved is not None
    assert (moved.cause, moved.after.amount == moved.before.amount if moved.before else None) == (
        MrrCause.DISCOUNT, True,
    )  # fmt: skip
    end = renewed.current_period.end
    again, moved = after(renewed, changes.begin_period(renewed, BUSINESS, end).subscription, end)
    assert moved is None
    assert again.mrr == renewed.mrr


def test_one_from_before_comes_in_as_opening_once_its_price_is_known() -> None:
    old = replace(paid(BUSINESS, {"seats": 1}), price=None, mrr=None, version=7)
    assert recounted(old, None, AT).mrr is None
    renewed = changes.begin_period(old, BUSINESS, old.current_period.end).subscription
    saved = recounted(renewed, None, AT)
    moved = movement(saved, None, AT, is_new=False)
    assert moved is not None
    assert (moved.cause, moved.before, moved.after.figures.mrr) == (MrrCause.OPENING, None, Money(5_499_000, "USD"))


def test_movements_of_one_are_never_dated_before_one_another() -> None:
    """Two machines' clocks differ by a second."""
    before = paid(BUSINESS, {"seats": 1})
    _, moved = after(
        before, changed(before, BUSINESS, AT, quantities={"seats": 2}).subscription, AT - timedelta(days=1)
    )
    assert moved is not None
    assert moved.at == AT


@given(st.lists(st.tuples(st.sampled_from(S), st.booleans(), st.integers(0, 9)), max_size=8))
def test_movements_sum_to_what_it_counts_for(states: list[tuple[S, bool, int]]) -> None:
    """Whatever becomes of it: each begins where the one before it ended."""
    subscription = recounted(replace(started(BUSINESS, AT, {"seats": 1}), version=1), None, AT)
    first = movement(subscription, None, AT, is_new=True)
    moves = [first] if first else []
    for state, ending, seats_ in states:
        price = replace(subscription.price, micros=Decimal(seats_)) if subscription.price else None
        subscription, moved = after(
            subscription, replace(subscription, state=state, cancel_at_period_end=ending, price=price)
        )
        moves += [moved] if moved else []
    assert subscription.mrr is not None
    for name in ("mrr", "after_discounts", "at_risk", "trial", "not_converted", "scheduled_churn"):
        nothing = Money.zero("USD")
        steps = (
            getattr(each.after.figures, name) - (getattr(each.before.figures, name) if each.before else nothing)
            for each in moves
        )
        assert sum((each.micros for each in steps), 0) == getattr(subscription.mrr.figures, name).micros
    for one, next_ in itertools.pairwise(moves):
        assert next_.before is not None
        assert next_.before.figures == one.after.figures
