"""The worked examples of docs/vectors.md about proration and anchors, on the functions."""

from datetime import datetime
from fractions import Fraction
from itertools import pairwise

import pytest

from billing.domain.catalog.plan import Plan
from billing.domain.kernel.money import Money
from billing.domain.kernel.periods import Cadence, Interval, Period
from billing.domain.kernel.proration import ProrationUnit, portion, share
from billing.domain.subscriptions import changes
from billing.domain.subscriptions.changes import ProrationBehavior
from tests.support.engine import changed, flat, nets, on, percent, plan, running

CREATE = ProrationBehavior.CREATE_PRORATIONS


def sold(minor: int, interval: Interval = Interval.MONTH, unit: ProrationUnit = ProrationUnit.SECOND) -> Plan:
    return plan(flat(minor), name=f"{minor} a {interval}", interval=interval, proration_unit=unit)


# Per second


@pytest.mark.parametrize(
    ("before", "after", "interval", "start", "at", "credit", "debit"),
    [
        pytest.param(10000, 30000, Interval.MONTH, "2025-06-01", "2025-06-16", 5000, 15000, id="polar-half-a-month"),
        pytest.param(10000, 30000, Interval.MONTH, "2025-06-01", "2025-06-11", 6667, 20000, id="polar-20-of-30-days"),
        pytest.param(100000, 300000, Interval.YEAR, "2024-08-01", "2024-10-01", 83288, 249863, id="polar-304-of-365"),
        pytest.param(1000, 2000, Interval.MONTH, "2025-06-01", "2025-06-16", 500, 1000, id="stripe-10-to-20-half-way"),
    ],
)
def test_an_upgrade(before: int, after: int, interval: Interval, start: str, at: str, credit: int, debit: int) -> None:
    old = sold(before, interval)
    step = changed(running(old, on(start)), old, on(at), to=sold(after, interval))
    assert nets(step.lines) == [-credit, debit]
    assert step.subscription.pending == step.lines


def test_polar_yearly_to_monthly_gives_the_rest_of_the_year_back_and_begins_a_new_cycle() -> None:
    yearly, monthly = sold(100000, Interval.YEAR), sold(10000)
    step = changed(running(yearly, on("2025-06-01")), yearly, on("2025-08-13"), to=monthly)
    assert nets(step.invoiced) == [-80000, 10000]
    assert step.subscription.current_period == Period(on("2025-08-13"), on("2025-09-13"))


def test_polar_25_percent_off_to_50_percent_off_half_way() -> None:
    """10000 with 25 % off -> 100000 with 50 % off: 3750 back, and half of 50000."""
    old = sold(10000)
    before = running(old, on("2025-06-01"), discount=percent(25, name="QUARTER"))
    step = changed(before, old, on("2025-06-16"), to=sold(100000), discount=percent(50, name="HALF"))
    assert nets(step.lines) == [-3750, 25000]


# Per day


@pytest.mark.parametrize(
    ("start", "end", "at", "days", "of", "decimal"),
    [
        pytest.param("2023-05-15", "2023-06-15", "2023-05-23", 23, 31, "0.741935484", id="killbill-may"),
        pytest.param("2024-02-15", "2024-03-15", "2024-02-23", 21, 29, "0.724137931", id="killbill-leap-february"),
    ],
)
def test_killbills_share_of_a_month(start: str, end: str, at: str, days: int, of: int, decimal: str) -> None:
    whole = Period(on(start), on(end))
    exact = share(ProrationUnit.DAY, "UTC", Period(on(at), whole.end), whole)
    assert exact == Fraction(days, of)
    assert f"{float(exact):.9f}" == decimal


def test_killbills_pause_gives_back_233_82_and_its_resume_bills_224_96() -> None:
    monthly = sold(24995, unit=ProrationUnit.DAY)
    before = running(monthly, on("2012-03-02"))
    assert (before.current_period, nets(before.billed)) == (Period(on("2012-03-02"), on("2012-04-02")), [24995])
    paused = changes.pause(before, monthly, on("2012-03-04"), None, CREATE)
    assert nets(paused.lines) == [-23382]
    resumed = changes.resume(paused.subscription, monthly, on("2012-04-05"))
    assert nets(resumed.lines) == [22496]
    assert resumed.subscription.current_period == Period(on("2012-04-05"), on("2012-05-02"))
    assert nets(resumed.invoiced) == [-23382, 22496]


def test_lagos_upgrade_on_15_january_keeps_45_16_for_the_14_days_before_it() -> None:
    """EUR 100 a month: of what was billed, 17/31 go back, and the 14 days that were used stay paid."""
    old = plan(flat(10000), currency="EUR", proration_unit=ProrationUnit.DAY)
    new = plan(flat(31000), name="More", currency="EUR", proration_unit=ProrationUnit.DAY)
    before = running(old, on("2025-01-01"))
    step = changed(before, old, on("2025-01-15"), to=new)
    assert nets(step.lines) == [-5484, 17000]
    assert sum(nets((*before.billed, step.lines[0]))) == 4516
    assert portion(Money.from_minor(10000, "EUR"), Fraction(14, 31)) == Money.from_minor(4516, "EUR")


# Anchors


def days(cadence: Cadence, count: int) -> list[str]:
    return [f"{cadence.boundary(n):%Y-%m-%d}" for n in range(count)]


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        pytest.param(
            "2025-01-31", ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30"], id="stripe-31-january-common-year"
        ),
        pytest.param(
            "2024-01-31", ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"], id="stripe-and-polar-leap-year"
        ),
    ],
)
def test_the_31st_goes_to_the_months_end_and_comes_back(start: str, expected: list[str]) -> None:
    assert days(Cadence.starting(on(start), "UTC", Interval.MONTH, 1), 4) == expected


@pytest.mark.parametrize("start", ["2025-01-31", "2024-01-31"])
def test_renewals_follow_the_same_anchor(start: str) -> None:
    monthly = sold(1000)
    current, boundaries = running(monthly, on(start)), list[datetime]()
    for _ in range(14):
        boundaries.append(current.current_period.start)
        step = changes.begin_period(current, monthly, current.current_period.end)
        assert nets(step.lines) == [1000]
        current = step.subscription
    expected = [on(day) for day in days(Cadence.starting(on(start), "UTC", Interval.MONTH, 1), 14)]
    assert boundaries == expected
    assert all(earlier < later for earlier, later in pairwise(boundaries))
