"""Plans by the day and by the second in one life: no row of changes gives time away (issue 11, 6).

Every plan here costs 1.00 a day, so that whatever was changed into whatever, the days that were used cost 1.00 each.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.catalog.plan import Plan
from billing.domain.kernel.periods import Interval, Period
from billing.domain.kernel.proration import ProrationUnit, counted_from
from billing.domain.lines.line import InvoiceLine
from billing.domain.subscriptions import changes
from billing.domain.subscriptions.changes import ProrationBehavior
from billing.domain.subscriptions.subscription import Subscription
from tests.support.engine import changed, flat, nets, on, plan, running

B = ProrationBehavior
DAY, SECOND = ProrationUnit.DAY, ProrationUnit.SECOND
P = plan(flat(3000), name="P", proration_unit=DAY)
Q = plan(flat(3000), name="Q", proration_unit=SECOND)
START, END = on("2025-06-01"), on("2025-07-01")


def test_11_6_ten_nights_of_another_unit_give_nothing_away() -> None:
    """30.00 for June by the day; at 23:59:59 to the same price by the second, at midnight back. It gave 10.00 away."""
    current, billed = running(P, START), list[InvoiceLine]()
    for night in range(10):
        midnight = on("2025-06-05") + timedelta(days=night)
        there = changed(current, P, midnight - timedelta(seconds=1), to=Q, behavior=B.INVOICE_NOW)
        back = changed(there.subscription, Q, midnight, to=P, behavior=B.INVOICE_NOW)
        assert sum(nets(there.invoiced)) == sum(nets(back.invoiced)) == 0
        billed += (*there.invoiced, *back.invoiced)
        current = back.subscription
    assert sum(nets(billed)) == 0


@pytest.mark.parametrize(("there", "back"), [(P, Q), (Q, P)], ids=["from the day", "from the second"])
@pytest.mark.parametrize("at", ["2025-06-16", "2025-06-16T12:00", "2025-06-16T23:59:59"])
def test_11_6_one_change_has_one_unit(there: Plan, back: Plan, at: str) -> None:
    """The finer of the two: who sells by the second is paid by the second, whoever came before or comes after."""
    step = changed(running(there, START), there, on(at), to=back)
    assert sum(nets(step.lines)) == 0
    assert {line.period for line in step.lines} == {Period(on(at), END)}
    assert step.subscription.by_the_second


def test_11_6_by_the_day_a_change_counts_from_the_begin_of_its_day() -> None:
    """So says its line: what is given back of it later, by the second, has to know."""
    dear = plan(flat(6000), name="Dear", proration_unit=DAY)
    step = changed(running(P, START), P, on("2025-06-16T23:59:59"), to=dear)
    assert nets(step.lines) == [-1500, 3000]
    assert {line.period for line in step.lines} == {Period(on("2025-06-16"), END)}
    second = replace(Q, components=dear.components)
    left = changed(step.subscription, dear, on("2025-06-17"), to=second)
    assert nets(left.lines) == [-2800, 2800]


def test_11_6_what_is_by_the_second_stays_so_until_the_period_is_over() -> None:
    """Else the day of the way back would count for neither; also through a pause, and where nothing was billed."""
    silent = changed(running(P, START), P, on("2025-06-10"), to=Q, behavior=B.NONE).subscription
    back = changed(silent, Q, on("2025-06-16T12:00"), to=P)
    assert nets(back.lines) == [-1450, 1450]
    paused = changes.pause(back.subscription, P, on("2025-06-20T12:00"), None, B.CREATE_PRORATIONS)
    resumed = changes.resume(paused.subscription, P, on("2025-06-21T12:00"))
    assert (nets(paused.lines), nets(resumed.lines)) == ([-1050], [950])
    assert resumed.subscription.by_the_second
    july = changes.begin_period(resumed.subscription, P, END).subscription
    assert not july.by_the_second
    assert nets(changed(july, P, on("2025-07-17T12:00"), to=replace(P, plan_version=2)).lines) == [
        -1452,
        1452,
    ]


@pytest.mark.parametrize("unit", ProrationUnit)
def test_11_6_another_interval_is_no_way_around(unit: ProrationUnit) -> None:
    """The new cycle is billed from the second at which it begins; so is the old one given back, whatever its unit."""
    weekly = plan(flat(700), name="Weekly", interval=Interval.WEEK, proration_unit=unit)
    step = changed(running(P, START), P, on("2025-06-15T23:59:59"), to=weekly)
    assert nets(step.invoiced) == [-1500, 700]
    assert step.subscription.by_the_second is (unit is SECOND)


def test_11_6_an_older_item_is_counted_as_its_plan_says() -> None:
    """One that was stored before there was ``by_the_second``."""
    old = replace(running(Q, START), by_the_second=False)
    assert nets(changed(old, Q, on("2025-06-16T12:00"), to=P).lines) == [-1450, 1450]
    old = running(P, START)
    assert nets(changed(old, P, on("2025-06-16T12:00"), to=replace(P, plan_version=2)).lines) == [-1500, 1500]


@pytest.mark.parametrize(
    ("zone", "at", "begin"),
    [
        ("UTC", "2025-06-16T23:59:59", "2025-06-16T00:00"),
        ("Europe/Berlin", "2025-06-16T22:30", "2025-06-16T22:00"),
        ("Europe/Berlin", "2025-03-30T12:00", "2025-03-29T23:00"),
        ("America/Sao_Paulo", "2018-11-04T12:00", "2018-11-04T03:00"),  # its day began at 01:00
        ("America/Havana", "2025-11-02T05:30", "2025-11-02T04:00"),  # 00:30, the second time
    ],
)
def test_a_day_begins_in_the_customers_zone(zone: str, at: str, begin: str) -> None:
    assert counted_from(DAY, zone, on(at)) == on(begin)
    assert counted_from(SECOND, zone, on(at)) == on(at)


INTERVALS = {Interval.DAY: 100, Interval.WEEK: 700}
CATALOG = [
    plan(flat(cents * count), name=f"{unit}-{interval}-{count}", interval=interval, interval_count=count,
         proration_unit=unit)
    for interval, cents in INTERVALS.items() for count in (1, 4) for unit in ProrationUnit
]  # fmt: skip
STARTS = st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=0)
)
GAPS = st.one_of(st.sampled_from([0, 1, 86_399, 86_400]), st.integers(0, 10 * 86_400))
ROWS = st.lists(st.tuples(GAPS, st.integers(0, len(CATALOG) - 1)), max_size=12)


class Life:
    """A subscription that goes from plan to plan; all that it was billed, and given back."""

    def __init__(self, sold: Plan, start: datetime) -> None:
        self.sold, self.now, self.roundings = sold, start, 0
        self.current: Subscription = running(sold, start)
        self.paid = sum(nets(self.current.billed))

    def until(self, now: datetime) -> None:
        while self.current.current_period.end <= now:
            step = changes.begin_period(self.current, self.sold, self.current.current_period.end)
            self.paid += sum(nets(step.lines))
            self.current = step.subscription
        self.now = now

    def change(self, to: Plan) -> None:
        step = changed(self.current, self.sold, self.now, to=to, behavior=B.INVOICE_NOW)
        self.paid += sum(nets(step.lines))
        self.current, self.sold, self.roundings = step.subscription, to, self.roundings + 2

    def ended(self) -> int:
        return self.paid + sum(nets(changes.closing(self.current, self.sold, self.now, B.CREATE_PRORATIONS)))


@settings(max_examples=80, deadline=None)
@given(STARTS, st.integers(0, len(CATALOG) - 1), ROWS, st.integers(0, 30 * 86_400))
def test_11_6_no_row_of_changes_gives_away_more_than_the_day_of_its_end(
    start: datetime, first: int, row: list[tuple[int, int]], last: int
) -> None:
    """Who ends by the day gets that day back (decision 0015); however many changes came before, no other is free."""
    life = Life(CATALOG[first], start)
    for gap, index in row:
        life.until(life.now + timedelta(seconds=gap))
        life.change(CATALOG[index])
    life.until(life.now + timedelta(seconds=last))
    used = Fraction(int((life.now - start).total_seconds()), 86_400) * 100
    free = 100 if life.current.counted_in(life.sold) is DAY else 0
    assert life.ended() >= used - free - life.roundings - 1


MONTHS = [replace(P, plan_version=1), replace(Q, plan_version=1)]


@settings(max_examples=80, deadline=None)
@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)).map(
        lambda at: at.replace(microsecond=0)
    ),
    st.sampled_from(["UTC", "Asia/Kolkata"]),
    st.integers(0, 1),
    st.lists(st.tuples(GAPS, st.integers(0, 1)), max_size=10),
)
def test_11_6_within_a_period_changes_to_the_same_price_never_pay_anybody(
    start: datetime, zone: str, first: int, row: list[tuple[int, int]]
) -> None:
    """Where all of it is in one unit they come to nothing, but for the rounding of each line."""
    sold, now, total = MONTHS[first], start, 0
    current = running(sold, start, timezone=zone)
    units = {sold.proration_unit}
    for n, (gap, index) in enumerate(row, 2):
        now += timedelta(seconds=gap)
        if now >= current.current_period.end:
            break
        to = replace(MONTHS[index], plan_version=n)
        step = changed(current, sold, now, to=to)
        total += sum(nets(step.lines))
        current, sold = step.subscription, to
        units.add(to.proration_unit)
        assert total >= -n
        assert total <= n or len(units) > 1
