"""What the usage of a period costs: the price of the whole, however it came."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from billing.domain.catalog.meter import Aggregation
from billing.domain.catalog.plan import PauseBilling, Plan
from billing.domain.catalog.pricing import PricingModel, price
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.money import MICROS_PER_MINOR, Money
from billing.domain.kernel.periods import Period
from billing.domain.lines.line import BilledUsage
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import ProrationBehavior
from billing.domain.usage.billing import LATE_USAGE, UsageBill
from tests.support.engine import nets, on, percent, plan, running, started
from tests.support.june import CENT, CURRENCIES, END, JUNE, LATE, QUANTITIES, START, calls, priced, renewed, said
from tests.support.usage import UsageBook, meter, net, reading, span_on, total

# No deadline: a busy machine is no broken law.
LAW = settings(max_examples=80, deadline=None)
REGIONS = ("eu", "us", "")


@st.composite
def closings(draw: st.DrawFn, most: int = 5) -> list[dict[str, Decimal]]:
    """What each closing finds, by region; a correction takes no more than was counted."""
    counted = dict.fromkeys(REGIONS, Decimal(0))
    found: list[dict[str, Decimal]] = []
    for _ in range(draw(st.integers(1, most))):
        here: dict[str, Decimal] = {}
        for region in draw(st.sets(st.sampled_from(REGIONS))):
            here[region] = draw(QUANTITIES)
            if counted[region] and draw(st.booleans()):
                here[region] = -min(here[region], counted[region])
            counted[region] += here[region]
        found.append(here)
    return found


@st.composite
def cases(draw: st.DrawFn) -> tuple[Plan, list[dict[str, Decimal]], int]:
    """A plan, what its closings find, and how many of them come before the period's end."""
    currency = draw(st.sampled_from(CURRENCIES))
    more: dict[str, Any] = {}
    if draw(st.booleans()):
        more["group_by"] = ("region",)
    if draw(st.booleans()):
        more["filters"] = {"region": draw(st.sampled_from([("eu",), ("eu", "us"), ("",)]))}
    sold = plan(draw(priced(currency, more)), currency=currency)
    found = draw(closings())
    return sold, found, draw(st.integers(0, len(found) - 1))


def close_all(book: UsageBook, sold: Plan, found: list[dict[str, Decimal]], early: int) -> list[tuple[bool, UsageBill]]:
    """Closings of June: some before its end, one at its end, the others after it; whether it had ended in each."""
    subscription = running(sold, START)
    bills = []
    for n, here in enumerate(found):
        readings = [reading(JUNE, quantity, region) for region, quantity in here.items()]
        after = END if n == early else LATE + timedelta(days=n)
        at = START + timedelta(days=1 + 3 * n) if n < early else after
        bills.append((n >= early, book.close(subscription, sold, at, *readings)))
        if n == early:
            subscription = renewed(subscription, sold)
    return bills


# The price of the whole, however it came


@LAW
@given(cases())
def test_after_each_closing_the_price_of_the_whole_is_billed(
    case: tuple[Plan, list[dict[str, Decimal]], int],
) -> None:
    sold, found, early = case
    (component,) = sold.components
    bare = replace(component, minimum=None)
    book = UsageBook.of(meter(dimensions=("region",)))
    counted: dict[str, Decimal] = {}
    billed: dict[str, int] = {}
    for here, (has_ended, bill) in zip(found, close_all(book, sold, found, early), strict=True):
        for region, quantity in here.items():
            if region in component.filters.get("region", REGIONS):
                place = region if component.group_by else "all"
                counted[place] = counted.get(place, Decimal(0)) + quantity
        if has_ended and not component.group_by:
            counted.setdefault("all", Decimal(0))
        for line in bill.lines:
            place = line.dimensions["region"] if component.group_by else "all"
            billed[place] = billed.get(place, 0) + line.amount.micros
        for place, quantity in counted.items():
            whole = price(component if has_ended else bare, quantity, sold.currency).amount.micros
            expected = whole if has_ended or quantity else 0
            assert billed.get(place, 0) == expected
        assert set(billed) <= set(counted)
    assert book.billed(JUNE) == sum(billed.values())


@LAW
@given(cases())
def test_no_line_says_what_it_does_not_bill(case: tuple[Plan, list[dict[str, Decimal]], int]) -> None:
    """Quantities sum up as amounts do; a line's price a unit, where it has one, explains its amount."""
    sold, found, early = case
    (component,) = sold.components
    book = UsageBook.of(meter(dimensions=("region",)))
    lines = [line for _, bill in close_all(book, sold, found, early) for line in bill.lines]
    through = component.filters.get("region", REGIONS)
    used = sum((q for here in found for region, q in here.items() if region in through), Decimal(0))
    assert sum((line.quantity or Decimal(0) for line in lines), Decimal(0)) == used
    for line in lines:
        assert line.quantity or not line.amount.is_zero  # an empty line would say nothing
        # A credit of what several lines billed is several lines, and the first of them says of how much.
        assert line.quantity is not None or line.amount.is_negative
        assert line.amount.minor % charge_step(sold.currency) == 0
        late = LATE_USAGE in line.description  # for people; reports take the fact
        assert line.usage == BilledUsage(f"sub_1#{JUNE.key}", meter="calls", late=late)
        if line.unit_amount is not None and line.quantity and component.model is not PricingModel.PACKAGE:
            billable = max(Fraction(line.quantity) - component.free_units, Fraction(0))
            exact = Money.rounded(billable * line.unit_amount, sold.currency, charge_step(sold.currency))
            assert line.amount == exact


def test_late_usage_costs_what_it_adds_to_the_whole() -> None:
    """900 of 1,000 free units; 200 late ones cost what 100 cost."""
    sold, book = plan(calls(free_units=1000)), UsageBook.of()
    before = running(sold, START)
    assert said(book.close(before, sold, END, reading(JUNE, 900)).lines) == [("calls", 0, "900")]
    (late,) = book.close(renewed(before, sold), sold, LATE, reading(JUNE, 200)).lines
    assert (late.amount.minor, late.quantity, late.unit_amount) == (100, Decimal(200), None)
    assert late.description == "Basic: calls, late usage of 2025-06-01 to 2025-06-30"
    assert (late.period, late.proration) == (Period(START, END), False)


def test_a_late_line_names_days_of_the_customers_zone() -> None:
    sold = plan(calls())
    before = running(sold, on("2025-05-31T22:00"), timezone="Europe/Berlin")
    span = span_on(before, START)
    after = renewed(before, sold)
    (late,) = UsageBook.of().close(after, sold, LATE, reading(span, 5)).lines
    assert late.description == "Basic: calls, late usage of 2025-06-01 to 2025-06-30"


def test_a_minimum_is_charged_at_the_periods_end_and_once() -> None:
    sold, book = plan(calls(minimum=500 * MICROS_PER_MINOR)), UsageBook.of()
    before = running(sold, START)
    assert said(book.close(before, sold, on("2025-06-10"), reading(JUNE, 100)).lines) == [("calls", 100, "100")]
    assert said(book.close(before, sold, END).lines) == [("calls", 400, "0")]
    after = renewed(before, sold)
    assert said(book.close(after, sold, LATE, reading(JUNE, 300)).lines) == [("calls", 0, "300")]
    assert said(book.close(after, sold, LATE, reading(JUNE, 300)).lines) == [("calls", 200, "300")]


def test_a_minimum_is_not_owed_of_a_period_that_nobody_ran_to_its_end() -> None:
    sold = plan(calls(minimum=500 * MICROS_PER_MINOR))
    before = running(sold, START)
    canceled = lifecycle.ended(before, on("2025-06-16"))
    assert total(UsageBook.of().close(before, sold, on("2025-06-16"), reading(JUNE, 100))) == 100 * CENT
    assert total(UsageBook.of().close(canceled, sold, on("2025-06-16"), reading(JUNE, 100))) == 100 * CENT
    paused = changes.pause(before, sold, on("2025-06-10"), None, ProrationBehavior.NONE).subscription
    assert total(UsageBook.of().close(paused, sold, on("2025-08-10"), reading(JUNE, 100))) == 100 * CENT


def test_a_pause_that_is_over_before_the_period_leaves_its_minimum() -> None:
    sold, book = plan(calls(minimum=500 * MICROS_PER_MINOR), pause_billing=PauseBilling.KEEP), UsageBook.of()
    before = running(sold, START)
    paused = changes.pause(before, sold, on("2025-06-10"), None, ProrationBehavior.CREATE_PRORATIONS).subscription
    first = book.close(before, sold, on("2025-06-10"), reading(JUNE, 100))
    resumed = changes.resume(paused, sold, on("2025-06-20")).subscription
    # What was metered while it was paused is billed as well.
    last = book.close(resumed, sold, END, reading(JUNE, 50))
    assert (total(first), total(last)) == (100 * CENT, 400 * CENT)


@pytest.mark.parametrize("moment", [timedelta(0), timedelta(milliseconds=400)])
def test_a_change_in_the_first_second_of_a_period_does_not_end_the_one_before_once_more(moment: timedelta) -> None:
    """A test clock stands at a period's first instant until somebody moves it."""
    sold, book = plan(calls(minimum=500 * MICROS_PER_MINOR)), UsageBook.of()
    before = running(sold, START)
    assert total(book.close(before, sold, END)) == 500 * CENT
    bill = book.close(renewed(before, sold), sold, END + moment)
    assert (bill.lines, bill.periods) == ((), ())


# Corrections


@LAW
@given(cases(), st.lists(st.none() | st.integers(1, 100), min_size=5, max_size=5))
def test_what_is_taken_back_whole_gives_back_what_was_paid(
    case: tuple[Plan, list[dict[str, Decimal]], int], discounts: list[int | None]
) -> None:
    """Whatever the discount was at each closing; and never more than that on the way."""
    sold, found, _ = case
    (component,) = sold.components
    tiers = tuple(replace(each, flat_amount=0) for each in component.tiers)
    sold = replace(sold, components=(replace(component, minimum=None, tiers=tiers),))
    book, subscription = UsageBook.of(meter(dimensions=("region",))), running(sold, START)
    bills = []
    for n, (here, off) in enumerate(zip(found, discounts, strict=False)):
        now = replace(subscription, discount=percent(off, name=f"OFF{off}").applied() if off else None)
        at = START + timedelta(days=n + 1)
        bills.append(book.close(now, sold, at, *(reading(JUNE, q, region) for region, q in here.items())))
        assert book.billed(JUNE) >= net(*bills, currency=sold.currency) >= 0
    back = {region: -sum((here.get(region, Decimal(0)) for here in found), Decimal(0)) for region in REGIONS}
    bills.append(book.close(subscription, sold, END, *(reading(JUNE, q, region) for region, q in back.items())))
    assert (book.billed(JUNE), net(*bills, currency=sold.currency)) == (0, 0)


# Other meters: late events bill the difference


@pytest.mark.parametrize(
    ("aggregation", "first", "late", "billed"),
    [
        (Aggregation.MAX, (10, ""), (7, ""), [10]),
        (Aggregation.MAX, (10, ""), (12, ""), [10, 2]),
        (Aggregation.LAST, (10, "2"), (99, "1"), [10]),
        (Aggregation.LAST, (10, "2"), (4, "3"), [10, -6]),
        (Aggregation.LAST, (10, "2"), (14, "3"), [10, 4]),
        (Aggregation.UNIQUE, (10, ""), (2, ""), [10, 2]),
        (Aggregation.COUNT, (10, ""), (2, ""), [10, 2]),
    ],
)
def test_late_events_bill_the_difference(
    aggregation: Aggregation, first: tuple[int, str], late: tuple[int, str], billed: list[int]
) -> None:
    sold, book = plan(calls()), UsageBook.of(meter(aggregation=aggregation))
    before = running(sold, START)
    lines = book.close(before, sold, END, reading(JUNE, first[0], order=first[1])).lines
    more = book.close(renewed(before, sold), sold, LATE, reading(JUNE, late[0], order=late[1])).lines
    assert nets((*lines, *more)) == billed


# When


def test_a_trial_is_free_also_when_its_usage_comes_late() -> None:
    sold, book = plan(calls(minimum=500 * MICROS_PER_MINOR)), UsageBook.of()
    trial = started(sold, START, trial_days=14)
    free, paid = span_on(trial, "2025-06-02"), span_on(trial, "2025-06-16")
    assert book.close(trial, sold, trial.current_period.end, reading(free, 9999)).lines == ()
    active = renewed(trial, sold)
    assert book.close(active, sold, on("2025-06-20"), reading(free, 9999), reading(paid, 0)).lines == ()
    assert nets(book.close(active, sold, active.current_period.end, reading(paid, 700)).lines) == [700]


def test_a_line_of_a_period_in_which_a_trial_ended_begins_there() -> None:
    sold = plan(calls())
    trial = started(sold, on("2025-01-06"), trial_days=14, anchor_day=1)
    active = renewed(trial, sold)
    (line,) = UsageBook.of().close(active, sold, on("2025-02-01"), reading(span_on(active, "2025-01-25"), 5)).lines
    assert line.period == Period(on("2025-01-20"), on("2025-02-01"))


def test_a_first_shorter_period_is_billed_from_its_begin() -> None:
    sold = plan(calls(minimum=500 * MICROS_PER_MINOR))
    before = running(sold, on("2025-01-20"), anchor_day=1)
    (line,) = UsageBook.of().close(before, sold, on("2025-02-01"), reading(span_on(before, "2025-01-25"), 5)).lines
    assert (line.amount.minor, line.period) == (500, Period(on("2025-01-20"), on("2025-02-01")))


def test_what_is_reported_ahead_of_its_period_is_billed_at_that_ones_end() -> None:
    sold, book = plan(calls(free_units=10)), UsageBook.of()
    before = running(sold, START)
    july = span_on(before, END)
    assert said(book.close(before, sold, END, reading(JUNE, 15), reading(july, 4)).lines) == [("calls", 5, "15")]
    after = renewed(before, sold)
    assert said(book.close(after, sold, on("2025-08-01"), reading(july, 8)).lines) == [("calls", 2, "12")]


def test_what_never_began_owes_nothing_for_its_usage() -> None:
    sold = plan(calls(minimum=500 * MICROS_PER_MINOR))
    for at in (on("2025-06-02"), END):
        assert UsageBook.of().close(started(sold, START), sold, at, reading(JUNE, 9999)).lines == ()


def test_after_the_end_what_comes_late_is_billed_as_it_would_have_been() -> None:
    sold, book = plan(calls(free_units=100)), UsageBook.of()
    before, at = running(sold, START), on("2025-06-16")
    assert nets(book.close(before, sold, at, reading(JUNE, 90)).lines) == [0]
    waiting = replace(lifecycle.ended(before, at), usage_until=on("2025-07-22"))
    (line,) = book.close(waiting, sold, at, reading(JUNE, 30)).lines
    assert (line.amount.minor, line.description, line.period) == (20, "Basic: calls", Period(START, at))


def test_a_fraction_of_a_second_is_of_the_second_that_it_is_in() -> None:
    sold = plan(calls())
    (line,) = (
        UsageBook.of()
        .close(running(sold, START), sold, on("2025-06-16") + timedelta(milliseconds=700), reading(JUNE, 5))
        .lines
    )
    assert line.period == Period(START, on("2025-06-16"))


@LAW
@given(st.timedeltas(timedelta(microseconds=1), END - START - timedelta(microseconds=1)))
@example(timedelta(microseconds=1))
@example(timedelta(milliseconds=999))
@example(timedelta(seconds=1))
def test_whenever_a_period_is_cut_short_what_was_used_in_it_is_billed_once(passed: timedelta) -> None:
    sold, book, at = plan(calls()), UsageBook.of(), START + passed
    before = running(sold, START)
    (line,) = book.close(before, sold, at, reading(JUNE, 50)).lines
    assert line.quantity == 50
    ended = replace(lifecycle.ended(before, at), usage_until=LATE)
    assert [each.quantity for each in book.close(ended, sold, at, reading(JUNE, 7)).lines] == [7]
    assert book.close(ended, sold, at) == UsageBill()


def test_a_period_has_not_begun_at_its_first_instant() -> None:
    sold, book = plan(calls()), UsageBook.of()
    assert book.close(running(sold, START), sold, START, reading(JUNE, 50)).lines == ()


def test_nothing_new_bills_and_changes_nothing() -> None:
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START)
    book.close(before, sold, on("2025-06-10"), reading(JUNE, 5))
    assert book.close(before, sold, on("2025-06-12")) == UsageBill()
    book.close(before, sold, END)
    assert book.close(renewed(before, sold), sold, LATE) == UsageBill()
