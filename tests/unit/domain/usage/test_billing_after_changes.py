"""Another plan or interval in the middle of a period: each part costs what its own plan asks."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.catalog.meter import Aggregation
from billing.domain.catalog.plan import Plan
from billing.domain.catalog.pricing import Component, ComponentType, PricingModel, Tier, exact_price
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.money import MICROS_PER_MINOR, Money
from billing.domain.kernel.periods import Interval, Period
from billing.domain.lines.line import BilledUsage
from billing.domain.subscriptions.changes import ProrationBehavior
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.usage.billing import UsageBill
from billing.domain.usage.event import UsageSpan, span_at
from billing.domain.usage.period import Reading
from tests.support.engine import changed, flat, nets, on, percent, plan, running
from tests.support.june import CENT, CURRENCIES, END, JUNE, LATE, QUANTITIES, START, calls, priced, renewed, said
from tests.support.usage import UsageBook, meter, reading, span_on, total

# No deadline: a busy machine is no broken law.
LAW = settings(max_examples=80, deadline=None)


def on_change(
    book: UsageBook, before: Subscription, present: Plan, target: Plan, at: datetime, *readings: Reading
) -> tuple[Subscription, UsageBill]:
    """A change of plan, with the closing that comes with it."""
    bill = book.knows(target).close(before, present, at, *readings)
    return changed(before, present, at, to=target, behavior=ProrationBehavior.NONE).subscription, bill


# Another plan in the middle


def test_a_plan_in_the_middle_prices_what_comes_after_it_from_where_the_quantity_stands() -> None:
    """5,000 units, then 7,000 under a plan with 10,000 free and 0.01 a unit: 12,000 cost what 2,000 cost."""
    old, new, book = plan(calls(unit_amount=0)), plan(calls(free_units=10_000), name="Pro"), UsageBook.of()
    after, first = on_change(book, running(old, START), old, new, on("2025-06-16"), reading(JUNE, 5000))
    second = book.close(after, new, END, reading(span_on(after, "2025-06-20"), 7000))
    assert (total(first), said(second.lines)) == (0, [("calls", 2000, "7000")])
    (line,) = second.lines
    assert (line.period, line.usage) == (
        Period(on("2025-06-16"), END),
        BilledUsage(f"sub_1#{JUNE.key}", on("2025-06-16"), meter="calls", late=False),
    )
    assert line.unit_amount is None


def test_what_was_used_before_a_change_keeps_its_price_however_late_it_comes() -> None:
    old, new, book = plan(calls(unit_amount=2 * CENT)), plan(calls(unit_amount=5 * CENT), name="Pro"), UsageBook.of()
    after, first = on_change(book, running(old, START), old, new, on("2025-06-16"), reading(JUNE, 100))
    span = span_on(after, "2025-06-20")
    second = book.close(after, new, END, reading(span, 10), reading(JUNE, 20))
    third = book.close(renewed(after, new), new, LATE, reading(JUNE, 30), reading(JUNE, -10), reading(span, -1))
    assert [nets(each.lines) for each in (first, second, third)] == [[200], [40, 50], [40, -5]]
    assert [line.description for line in second.lines] == ["Basic: calls", "Pro: calls"]
    assert [line.period for line in second.lines] == [
        Period(START, on("2025-06-16")),
        Period(on("2025-06-16"), END),
    ]


def test_back_to_a_plan_under_another_components_name_nothing_is_billed_twice() -> None:
    """100 units at 0.01, 100 at 0.02 under another name, 100 at 0.01 again: 1.00 + 2.00 + 1.00."""
    a, b = plan(calls()), plan(calls(unit_amount=2 * CENT, key="api"), name="Pro")
    book = UsageBook.of()
    current, first = on_change(book, running(a, START), a, b, on("2025-06-10"), reading(JUNE, 100))
    span = span_on(current, "2025-06-10")
    current, second = on_change(book, current, b, a, on("2025-06-20"), reading(span, 100))
    third = book.close(current, a, END, reading(span_on(current, "2025-06-20"), 100))
    assert [total(each) // CENT for each in (first, second, third)] == [100, 200, 100]


def test_two_plans_may_name_prices_of_different_meters_alike() -> None:
    a, b = plan(calls()), plan(calls(meter="bytes", unit_amount=3 * CENT), name="Pro")
    book = UsageBook.of(meter(), meter("bytes"))
    after, first = on_change(book, running(a, START), a, b, on("2025-06-10"), reading(JUNE, 100))
    span = span_on(after, "2025-06-10")
    last = book.close(after, b, END, reading(JUNE, 7), reading(span, 50, of="bytes"), reading(span, 9))
    # Calls are not sold any more: what was made before the change is billed, and nothing after it.
    assert (total(first), nets(last.lines)) == (100 * CENT, [7, 150])


def test_a_first_plan_with_a_meter_bills_nothing_of_what_was_counted_before_it() -> None:
    old, new, book = plan(flat(1000)), plan(calls(free_units=50), name="Pro"), UsageBook.of()
    after, first = on_change(book, running(old, START), old, new, on("2025-06-16"), reading(JUNE, 500))
    second = book.close(after, new, END, reading(span_on(after, "2025-06-16"), 30), reading(JUNE, 1))
    assert (first.lines, said(second.lines)) == ((), [("calls", 30, "30")])
    may = UsageSpan(Period(on("2025-05-01"), START))
    assert book.close(renewed(after, new), new, LATE, reading(may, 100)).lines == ()


def test_what_a_plan_asks_for_nothing_at_all_is_asked_at_the_end_by_the_plan_that_is_there() -> None:
    tiers = (Tier(Decimal(10), CENT, 200 * MICROS_PER_MINOR), Tier(None, CENT))
    sold, book = plan(calls(tiers=tiers)), UsageBook.of()
    other = plan(calls(unit_amount=0), name="Pro")
    assert book.close(running(sold, START), sold, on("2025-06-10")).lines == ()
    assert nets(book.close(running(sold, START), sold, END).lines) == [200]
    book = UsageBook.of()
    after, first = on_change(book, running(sold, START), sold, other, on("2025-06-16"))
    assert (first.lines, total(book.close(after, other, END))) == ((), 0)


def test_a_price_that_falls_with_the_quantity_takes_off_no_more_than_was_asked() -> None:
    """10 units for nothing; then 100 by volume cost 1.00, of which the first 10 alone would have cost 10.00."""
    tiers = (Tier(Decimal(10), 100 * CENT), Tier(None, CENT))
    old, new = (
        plan(calls(unit_amount=0)),
        plan(calls(model=PricingModel.VOLUME, unit_amount=None, tiers=tiers), name="V"),
    )
    book = UsageBook.of()
    after, _ = on_change(book, running(old, START), old, new, on("2025-06-16"), reading(JUNE, 10))
    assert total(book.close(after, new, END, reading(span_on(after, "2025-06-16"), 90))) == 0
    assert book.billed(JUNE) == 0


@pytest.mark.parametrize("aggregation", [Aggregation.MAX, Aggregation.LAST])
def test_what_is_largest_or_latest_stands_where_the_change_found_it(aggregation: Aggregation) -> None:
    """10 seats were the most before the change, 14 after it: the 10 at the old price, 4 at the new one."""
    old, new = plan(calls(unit_amount=CENT)), plan(calls(unit_amount=3 * CENT), name="Pro")
    book = UsageBook.of(meter(aggregation=aggregation))
    after, first = on_change(book, running(old, START), old, new, on("2025-06-16"), reading(JUNE, 10, order="1"))
    second = book.close(after, new, END, reading(span_on(after, "2025-06-16"), 14, order="2"))
    assert (total(first), total(second)) == (10 * CENT, 4 * 3 * CENT)


def test_a_latest_value_that_falls_after_a_change_costs_nothing_more_and_gives_nothing_back() -> None:
    """100 at 0.01, then 70: what was asked for the 100 stays asked."""
    old, new = plan(calls()), plan(calls(unit_amount=3000), name="Pro")
    book = UsageBook.of(meter(aggregation=Aggregation.LAST))
    after, _ = on_change(book, running(old, START), old, new, on("2025-06-16"), reading(JUNE, 100, order="1"))
    (line,) = book.close(after, new, END, reading(span_on(after, "2025-06-16"), 70, order="2")).lines
    assert (line.quantity, line.amount.minor, book.billed(JUNE)) == (Decimal(-30), 0, 100 * CENT)


def test_a_volume_price_that_falls_after_a_change_gives_back_nothing_of_what_another_plan_asked() -> None:
    """100 at 1.00 with 100 % off, then a volume price of 0.10 from 101 on: nobody is owed 89.90."""
    tiers = (Tier(Decimal(100), CENT * 100), Tier(None, CENT * 10))
    volume = Component("calls", ComponentType.METERED, PricingModel.VOLUME, tiers=tiers, meter="calls")
    old, new = plan(calls(unit_amount=CENT * 100)), plan(volume, name="Volume")
    book = UsageBook.of()
    before = running(old, START, discount=percent(100))
    after, first = on_change(book, before, old, new, on("2025-06-16"), reading(JUNE, 100))
    assert nets(first.lines) == [0]
    late = book.close(after, new, END, reading(span_on(after, "2025-06-16"), 1)).lines
    assert [line.amount.minor for line in late] == [0]


@st.composite
def flips(draw: st.DrawFn) -> tuple[list[Plan], list[tuple[int, int, Decimal]]]:
    """Plans one after another, and what comes: in which closing, of which part, how much of it."""
    currency = draw(st.sampled_from(CURRENCIES))
    two = [
        plan(draw(priced(currency, {"key": draw(st.sampled_from(["calls", "api"]))})), name=name, currency=currency)
        for name in ("A", "B")
    ]
    parts = draw(st.integers(2, 4))
    counted = [Decimal(0)] * parts
    comes: list[tuple[int, int, Decimal]] = []
    for closing in range(parts + 2):  # one at each change, one at the end, two later ones
        for part in draw(st.lists(st.integers(0, min(closing, parts - 1)), max_size=2, unique=True)):
            quantity = draw(QUANTITIES)
            if counted[part] and draw(st.booleans()):
                quantity = -min(quantity, counted[part])
            counted[part] += quantity
            comes.append((closing, part, quantity))
    return [two[n % 2] for n in range(parts)], comes


def flipped(plans: list[Plan], comes: list[tuple[int, int, Decimal]]) -> tuple[UsageBook, list[int]]:
    """The book after June, and what was billed of it after each closing."""
    book, current = UsageBook.of().knows(*plans), running(plans[0], START)
    changes_at = [START + timedelta(days=5 * n) for n in range(1, len(plans))]
    spans = [JUNE, *(replace(JUNE, since=each) for each in changes_at)]
    billed = []
    for closing, at in enumerate([*changes_at, END, LATE, LATE + timedelta(days=5)]):
        present = plans[min(closing, len(plans) - 1)]
        book.close(current, present, at, *(reading(spans[part], q) for n, part, q in comes if n == closing))
        billed.append(book.billed(JUNE))
        if at < END:
            current = changed(current, present, at, to=plans[closing + 1], behavior=ProrationBehavior.NONE).subscription
        elif at == END:
            current = renewed(current, present)
    return book, billed


@LAW
@given(flips())
def test_each_part_costs_what_its_plan_asks_for_all_until_its_end_less_what_it_asks_for_all_before(
    flip: tuple[list[Plan], list[tuple[int, int, Decimal]]],
) -> None:
    plans, comes = flip
    book, _ = flipped(plans, comes)
    currency = plans[0].currency
    step = charge_step(currency)
    cost: dict[str, Fraction] = {}
    before = Decimal(0)
    for part, sold in enumerate(plans):
        (component,) = sold.components
        is_last = part == len(plans) - 1
        until = before + sum((q for _, n, q in comes if n == part), Decimal(0))
        bare = replace(component, minimum=None)
        asked = exact_price(bare, until) if until or is_last else Fraction(0)
        asked -= exact_price(bare, before) if before else 0
        cost[component.key] = cost.get(component.key, Fraction(0)) + max(asked, Fraction(0))
        if is_last and component.minimum is not None:
            cost[component.key] = max(cost[component.key], Fraction(component.minimum))
        before = until
    assert book.billed(JUNE) == sum(Money.rounded(each, currency, step).micros for each in cost.values())


@LAW
@given(flips())
def test_however_it_comes_the_period_costs_the_same_and_never_less_than_nothing(
    flip: tuple[list[Plan], list[tuple[int, int, Decimal]]],
) -> None:
    plans, comes = flip
    _, billed = flipped(plans, comes)
    last = len(plans) + 1
    together: dict[int, Decimal] = {}
    for _, part, quantity in comes:
        together[part] = together.get(part, Decimal(0)) + quantity
    _, all_late = flipped(plans, [(last, part, quantity) for part, quantity in together.items()])
    assert billed[-1] == all_late[-1]
    assert min(billed) >= 0


@LAW
@given(
    st.lists(st.tuples(st.sampled_from([0, 1]), st.integers(0, 3000)), min_size=1, max_size=6),
    st.tuples(st.integers(0, 5000), st.integers(0, 5000)),
)
def test_flipping_between_plans_gives_no_free_units_again(used: list[tuple[int, int]], free: tuple[int, int]) -> None:
    """Of plans with one price a unit, nobody pays for fewer units than beyond the larger number of free ones."""
    two = [plan(calls(free_units=free[0])), plan(calls(free_units=free[1]), name="Pro")]
    at, plans = START, [two[n] for n, _ in used]
    book, current = UsageBook.of().knows(*two), running(plans[0], START)
    for n, (_, quantity) in enumerate(used):
        here = reading(span_at(current, at), quantity)
        at += timedelta(days=4)
        if n == len(used) - 1:
            book.close(current, plans[n], END, here)
        elif plans[n + 1] is plans[n]:
            book.close(current, plans[n], at, here)
        else:
            current, _ = on_change(book, current, plans[n], plans[n + 1], at, here)
    whole = sum(quantity for _, quantity in used)
    assert max(whole - max(free), 0) <= book.billed(JUNE) // CENT <= max(whole - min(free), 0)


# Another interval in the middle


def test_what_comes_late_of_a_period_that_another_interval_cut_short_has_its_own_price_and_discount() -> None:
    monthly = plan(calls(minimum=500 * MICROS_PER_MINOR))
    yearly = plan(calls(unit_amount=9 * CENT), name="Yearly", interval=Interval.YEAR)
    before, at = running(monthly, START, discount=percent(50, 1)), on("2025-06-16")
    book = UsageBook.of().knows(yearly)
    assert nets(book.close(before, monthly, at, reading(JUNE, 100)).lines) == [50]
    after = changed(before, monthly, at, to=yearly, behavior=ProrationBehavior.NONE).subscription
    assert after.discount is None
    year = span_on(after, at)
    assert year.period == Period(at, on("2026-06-16"))
    for when in ("2025-06-20", "2025-07-05"):
        first, second = book.close(after, yearly, on(when), reading(JUNE, 10), reading(year, 1)).lines
        assert (first.taxable.minor, second.taxable.minor) == (5, 9)
        assert first.description == "Basic: calls, late usage of 2025-06-01 to 2025-06-15"
        assert first.period == Period(START, at)
