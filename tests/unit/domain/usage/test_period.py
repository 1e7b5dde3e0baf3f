"""What the usage of a period costs: the price of the whole, however it came, and each part at its own plan's price."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.catalog.meter import Aggregation
from billing.domain.catalog.plan import PauseBilling, Plan, TaxBehavior
from billing.domain.catalog.pricing import Component, ComponentType, PricingModel, Tier, exact_price, price
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.money import MICROS_PER_MINOR, Money
from billing.domain.kernel.periods import Interval, Period
from billing.domain.lines.line import BilledUsage, InvoiceLine, TaxAmount
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import ProrationBehavior
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.domain.usage.billing import UsageBill
from billing.domain.usage.event import UsageSpan, span_at
from billing.domain.usage.period import Reading, forgiven, invoiced
from tests.support.engine import amount, changed, flat, metered, nets, on, percent, plan, running, started
from tests.support.usage import UsageBook, meter, net, reading, span_on, total

# No deadline: a busy machine is no broken law.
LAW = settings(max_examples=150, deadline=None)
START, END, LATE = on("2025-06-01"), on("2025-07-01"), on("2025-07-10")
JUNE = UsageSpan(Period(START, END))
CURRENCIES = ("JPY", "USD", "KWD")
QUANTITIES = st.integers(0, 5000).map(Decimal) | st.decimals(0, 5000, places=9, allow_nan=False)
REGIONS = ("eu", "us", "")
CENT = MICROS_PER_MINOR


def calls(**more: Any) -> Component:
    """A price of calls; 0.01 a call unless something else is said."""
    values: dict[str, Any] = {"model": PricingModel.PER_UNIT, "unit_amount": CENT, "meter": "calls", "key": "calls"}
    if "tiers" in more:
        values |= {"model": PricingModel.GRADUATED, "unit_amount": None}
    return Component(type=ComponentType.METERED, **(values | more))


def renewed(before: Subscription, sold: Plan) -> Subscription:
    return changes.begin_period(before, sold, before.current_period.end).subscription


def said(lines: Sequence[InvoiceLine]) -> list[tuple[str | None, int, str]]:
    """Component, minor units and quantity of lines."""
    return [(line.component, line.amount.minor, str(line.quantity)) for line in lines]


# The price of the whole, however it came


@st.composite
def priced(draw: st.DrawFn, currency: str, more: dict[str, Any]) -> Component:
    """A metered price of any model."""
    step = charge_step(currency) * MICROS_PER_MINOR
    model = draw(st.sampled_from(PricingModel))
    values: dict[str, Any] = {
        "model": model,
        "free_units": draw(st.sampled_from([0, 0, 10, 1000])),
        "minimum": draw(st.none() | st.integers(0, 500).map(lambda n: n * step)),
    }
    unit_amounts = st.integers(0, 3 * step)
    if model in (PricingModel.GRADUATED, PricingModel.VOLUME):
        bounds = sorted(draw(st.sets(QUANTITIES, max_size=3)))
        flats = st.integers(0, 50).map(lambda n: n * step)
        values["tiers"] = tuple(Tier(each, draw(unit_amounts), draw(flats)) for each in (*bounds, None))
    else:
        values["unit_amount"] = draw(unit_amounts)
        values["package_size"] = draw(st.integers(1, 100)) if model is PricingModel.PACKAGE else None
    return Component(type=ComponentType.METERED, **{"key": "calls", "meter": "calls"} | values | more)


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
        assert line.usage == BilledUsage(f"sub_1#{JUNE.key}")
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


# Another plan in the middle


def on_change(
    book: UsageBook, before: Subscription, present: Plan, target: Plan, at: datetime, *readings: Reading
) -> tuple[Subscription, UsageBill]:
    """A change of plan, with the closing that comes with it."""
    bill = book.knows(target).close(before, present, at, *readings)
    return changed(before, present, at, to=target, behavior=ProrationBehavior.NONE).subscription, bill


def test_a_plan_in_the_middle_prices_what_comes_after_it_from_where_the_quantity_stands() -> None:
    """5,000 units, then 7,000 under a plan with 10,000 free and 0.01 a unit: 12,000 cost what 2,000 cost."""
    old, new, book = plan(calls(unit_amount=0)), plan(calls(free_units=10_000), name="Pro"), UsageBook.of()
    after, first = on_change(book, running(old, START), old, new, on("2025-06-16"), reading(JUNE, 5000))
    second = book.close(after, new, END, reading(span_on(after, "2025-06-20"), 7000))
    assert (total(first), said(second.lines)) == (0, [("calls", 2000, "7000")])
    (line,) = second.lines
    assert (line.period, line.usage) == (
        Period(on("2025-06-16"), END),
        BilledUsage(f"sub_1#{JUNE.key}", on("2025-06-16")),
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


def test_a_correction_gives_back_net_of_the_discount_that_the_charge_had() -> None:
    sold, book = plan(calls()), UsageBook.of()
    half = running(sold, START, discount=percent(50))
    assert nets(book.close(half, sold, on("2025-06-10"), reading(JUNE, 1000)).lines) == [500]
    (line,) = book.close(replace(half, discount=None), sold, on("2025-06-12"), reading(JUNE, -400)).lines
    assert (line.amount.minor, line.discounts, line.quantity) == (-200, (), Decimal(-400))


def on_invoice(book: UsageBook, line: InvoiceLine, number: int, *taxes: TaxAmount) -> InvoiceLine:
    """A line as it stands on an invoice, noted in its period."""
    final = replace(line, id=f"in_{number}-1", taxes=taxes)
    book.periods = {key: invoiced(each, [final]) for key, each in book.periods.items()}
    return final


def forgive(book: UsageBook, line: InvoiceLine, minor: int) -> None:
    """Something was taken off a line: void, or credited."""
    taken = {line.id: Money.from_minor(minor, line.amount.currency)}
    book.periods = {key: forgiven(each, [line], taken) for key, each in book.periods.items()}


def test_a_correction_gives_back_from_the_lines_that_billed_it_the_latest_first_with_their_taxes() -> None:
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START, discount=percent(50))
    (first,) = book.close(before, sold, on("2025-06-10"), reading(JUNE, 1000)).lines
    on_invoice(book, first, 1, TaxAmount("VAT", Decimal(20), Money.from_minor(100, "USD")))
    (second,) = book.close(replace(before, discount=None), sold, END, reading(JUNE, 300)).lines
    on_invoice(book, second, 2)
    later, earlier = book.close(renewed(before, sold), sold, LATE, reading(JUNE, -700)).lines
    assert (later.credits, later.amount.minor, later.quantity, later.taxes) == ("in_2-1", -300, Decimal(-700), ())
    # 400 of 1,000 at half their price, and 40 % of their tax.
    assert (earlier.credits, earlier.amount.minor, earlier.quantity) == ("in_1-1", -200, None)
    assert [tax.amount.minor for tax in earlier.taxes] == [-40]
    (rest,) = book.close(renewed(before, sold), sold, LATE, reading(JUNE, -600)).lines
    assert (rest.credits, rest.amount.minor, [tax.amount.minor for tax in rest.taxes]) == ("in_1-1", -300, [-60])


def test_nothing_is_given_back_of_what_nobody_paid() -> None:
    """A void invoice of 10.00; then 400 of the 1,000 are taken back, and 700 come late."""
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START, discount=percent(50))
    (line,) = book.close(before, sold, END, reading(JUNE, 1000)).lines
    forgive(book, on_invoice(book, line, 1), 1000)
    (period,) = book.periods.values()
    assert [(each.billed, each.forgiven) for each in period.charges] == [(0, 1000 * CENT)]
    after = replace(renewed(before, sold), discount=None)
    assert said(book.close(after, sold, LATE, reading(JUNE, -400)).lines) == [("calls", 0, "-400")]
    assert said(book.close(after, sold, LATE, reading(JUNE, 700)).lines) == [("calls", 700, "700")]


def test_half_a_line_that_was_credited_is_not_given_back_once_more() -> None:
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START)
    (line,) = book.close(before, sold, END, reading(JUNE, 1000)).lines
    forgive(book, on_invoice(book, line, 1), 600)
    assert nets(book.close(renewed(before, sold), sold, LATE, reading(JUNE, -1000)).lines) == [-400]


def test_what_is_credited_comes_off_a_correction_of_the_same_first() -> None:
    """100.00 paid; a credit note for 30 units too many; then the 30 are taken back: nothing more is owed."""
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START)
    (line,) = book.close(before, sold, END, reading(JUNE, 1000)).lines
    forgive(book, on_invoice(book, line, 1), 300)
    after = renewed(before, sold)
    assert nets(book.close(after, sold, LATE, reading(JUNE, -300)).lines) == [0]
    assert nets(book.close(after, sold, LATE, reading(JUNE, -100)).lines) == [-100]


def test_a_draft_that_is_void_was_never_owed() -> None:
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START)
    (line,) = book.close(before, sold, END, reading(JUNE, 1000)).lines
    forgive(book, replace(line, id="in_1-1"), 1000)  # its lines were not noted: it was never final
    assert nets(book.close(renewed(before, sold), sold, LATE, reading(JUNE, -1000)).lines) == [0]


def test_what_is_left_of_a_line_that_was_corrected_before_it_was_on_an_invoice_is_known_with_its_taxes() -> None:
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START)
    (line,) = book.close(before, sold, on("2025-06-10"), reading(JUNE, 1000)).lines
    book.close(before, sold, on("2025-06-12"), reading(JUNE, -400))
    on_invoice(book, line, 1, TaxAmount("VAT", Decimal(20), Money.from_minor(200, "USD")))
    (credit,) = book.close(before, sold, END, reading(JUNE, -600)).lines
    assert (credit.credits, credit.amount.minor, [tax.amount.minor for tax in credit.taxes]) == ("in_1-1", -600, [-120])


def test_of_lines_that_say_the_same_each_is_known_by_its_own_closing() -> None:
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START)
    (one,) = book.close(before, sold, on("2025-06-10"), reading(JUNE, 500)).lines
    (other,) = book.close(replace(before, usage_slot=1), sold, on("2025-06-10"), reading(JUNE, 500)).lines
    first = on_invoice(book, one, 1)
    on_invoice(book, other, 2)
    forgive(book, first, 500)
    late = book.close(renewed(before, sold), sold, LATE, reading(JUNE, -1000)).lines
    assert [(line.credits, line.amount.minor) for line in late] == [("in_2-1", -500)]


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


# Filters and groups


def test_cells_fall_to_the_components_and_groups_that_ask_for_them() -> None:
    sold = plan(
        calls(key="europe", filters={"region": ("eu", "uk")}, unit_amount=2 * CENT),
        calls(key="rest", filters={"region": ("us", "")}, group_by=("region", "tier")),
        calls(key="pro", filters={"tier": ("pro",)}, unit_amount=5 * CENT),
    )
    book, before = UsageBook.of(meter(dimensions=("region", "tier"))), running(sold, START)
    cells = [("eu", "pro", 1), ("uk", "", 10), ("us", "pro", 100), ("us", "", 1000), ("", "pro", 3), ("mars", "x", 9)]
    lines = book.close(before, sold, END, *(reading(JUNE, q, region, tier) for region, tier, q in cells)).lines
    assert [(line.description, line.amount.minor, line.dimensions) for line in lines] == [
        ("Basic: europe", 22, {}),
        ("Basic: rest (-, pro)", 3, {"region": "", "tier": "pro"}),
        ("Basic: rest (us, -)", 1000, {"region": "us", "tier": ""}),
        ("Basic: rest (us, pro)", 100, {"region": "us", "tier": "pro"}),
        ("Basic: pro", 520, {}),
    ]


def test_each_group_has_its_own_free_units_and_minimum() -> None:
    sold = plan(calls(group_by=("region",), free_units=100, minimum=30 * MICROS_PER_MINOR))
    book, before = UsageBook.of(meter(dimensions=("region",))), running(sold, START)
    lines = book.close(before, sold, END, reading(JUNE, 150, "eu"), reading(JUNE, 90, "us")).lines
    assert said(lines) == [("calls", 50, "150"), ("calls", 30, "90")]
    assert book.close(renewed(before, sold), sold, on("2025-08-01")).lines == ()  # a group that nobody used is none


def test_of_the_largest_value_a_group_has_its_own() -> None:
    sold = plan(calls(group_by=("region",)), calls(key="all"))
    book = UsageBook.of(meter(aggregation=Aggregation.MAX, dimensions=("region", "host")))
    cells = [("eu", "a", 5), ("eu", "b", 8), ("us", "a", 6)]
    lines = book.close(running(sold, START), sold, END, *(reading(JUNE, q, *cell) for *cell, q in cells)).lines
    assert said(lines) == [("calls", 8, "8"), ("calls", 6, "6"), ("all", 8, "8")]


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


def test_nothing_new_bills_and_changes_nothing() -> None:
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START)
    book.close(before, sold, on("2025-06-10"), reading(JUNE, 5))
    assert book.close(before, sold, on("2025-06-12")) == UsageBill()
    book.close(before, sold, END)
    assert book.close(renewed(before, sold), sold, LATE) == UsageBill()


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


# Discounts


def test_late_usage_has_the_discount_of_its_own_period() -> None:
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START, discount=percent(10, 1))
    assert nets(book.close(before, sold, END, reading(JUNE, 500)).lines) == [450]
    after = renewed(before, sold)
    assert after.discount is None
    assert nets(book.close(after, sold, LATE, reading(JUNE, 100)).lines) == [90]
    july = span_on(after, LATE)
    other = replace(after, discount=percent(50, name="LATER").applied())
    lines = book.close(other, sold, LATE, reading(JUNE, 100), reading(july, 100)).lines
    assert nets(lines) == [90, 50]
    assert [each.coupon_id for line in lines for each in line.discounts] == ["SALE", "LATER"]


def test_a_period_without_a_discount_gets_none_when_its_usage_comes_late() -> None:
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START)
    book.close(before, sold, END)
    after = replace(renewed(before, sold), discount=percent(50).applied())
    assert nets(book.close(after, sold, LATE, reading(JUNE, 100)).lines) == [100]


def test_what_was_used_before_a_pause_that_outlasts_the_period_has_the_discount_that_the_pause_found() -> None:
    """Dunning pauses without a closing: nothing is known of June when it runs again."""
    sold, book = plan(calls()), UsageBook.of()
    paused = replace(running(sold, START, discount=percent(10)), state=SubscriptionState.PAUSED)
    assert nets(book.close(paused, sold, on("2025-08-10"), reading(JUNE, 100)).lines) == [90]
    assert nets(book.close(renewed(paused, sold), sold, on("2025-08-11"), reading(JUNE, 100)).lines) == [90]


def test_an_amount_off_is_off_the_usage_once_and_only_where_nothing_is_billed_in_advance() -> None:
    sold, book = plan(calls(), calls(key="again")), UsageBook.of()
    before = running(sold, START, discount=amount(1000))
    assert nets(book.close(before, sold, on("2025-06-10"), reading(JUNE, 100)).lines) == [100, 100]
    lines = book.close(before, sold, END, reading(JUNE, 900)).lines
    assert [line.discount.minor for line in lines] == [500, 500]
    assert nets(book.close(renewed(before, sold), sold, LATE, reading(JUNE, 900)).lines) == [900, 900]
    ahead = plan(calls(), flat(1000))
    before = running(ahead, START, discount=amount(1000))
    assert nets(UsageBook.of().close(before, ahead, END, reading(JUNE, 900)).lines) == [900]


def test_an_amount_off_is_never_more_than_what_is_charged_beside_a_credit() -> None:
    sold = plan(calls(filters={"region": ("eu",)}), calls(key="us", filters={"region": ("us",)}))
    book = UsageBook.of(meter(dimensions=("region",)))
    before = running(sold, START, discount=amount(1000))
    book.close(before, sold, on("2025-06-10"), reading(JUNE, 300, "eu"))
    lines = book.close(before, sold, END, reading(JUNE, -100, "eu"), reading(JUNE, 400, "us")).lines
    assert sorted((line.amount.minor, line.taxable.minor) for line in lines) == [(-100, -100), (400, 0)]


# Taxes and currencies


@pytest.mark.parametrize("behavior", TaxBehavior)
def test_a_line_says_whether_its_tax_is_in_it(behavior: TaxBehavior) -> None:
    sold = plan(calls(), tax_behavior=behavior)
    (line,) = UsageBook.of().close(running(sold, START), sold, END, reading(JUNE, 5)).lines
    assert line.tax_inclusive is (behavior is TaxBehavior.INCLUSIVE)


@pytest.mark.parametrize(
    ("currency", "quantity", "minor"),
    [("JPY", "1.49", 1), ("JPY", "1.5", 2), ("USD", "1.49", 1), ("KWD", "14.9", 10), ("KWD", "15", 20)],
)
def test_what_is_billed_can_be_charged(currency: str, quantity: str, minor: int) -> None:
    """A minor unit a call; dinars are charged to two of their three decimals."""
    sold = plan(metered(1, minimum=0), currency=currency)
    (line,) = UsageBook.of().close(running(sold, START), sold, END, reading(JUNE, quantity)).lines
    assert (line.amount, line.unit_amount) == (Money.from_minor(minor, currency), 1000)
