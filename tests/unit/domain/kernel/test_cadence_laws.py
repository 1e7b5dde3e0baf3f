"""Cadences: laws over zones with odd clocks."""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from billing.domain.kernel.periods import Cadence, Interval
from tests.support.cadences import DAYS, INSTANTS, INTERVALS, LAW, MONTHLY, ZONES, local, offset, on_clock

CADENCES = st.builds(
    Cadence.starting,
    at=INSTANTS,
    timezone=ZONES,
    interval=INTERVALS,
    interval_count=st.integers(1, 6),
    anchor_day=st.none() | DAYS,
)
MONTHLY_CADENCES = st.builds(
    Cadence.starting,
    at=INSTANTS,
    timezone=ZONES,
    interval=MONTHLY,
    interval_count=st.integers(1, 6),
    anchor_day=st.none() | DAYS,
)
STEPS = st.integers(-40, 40)


def asked_for(cadence: Cadence, n: int) -> datetime:
    """The local time that boundary n stands for: what the clocks show, less the gap that it was moved by."""
    zone = ZoneInfo(cadence.timezone)
    at = cadence.boundary(n)
    shown = at.astimezone(zone).replace(tzinfo=None)
    if shown.time() == cadence.anchor.astimezone(zone).time():
        return shown
    jump = offset(at, zone) - offset(at - timedelta(hours=1), zone)
    assert timedelta(0) < jump <= timedelta(hours=1), "moved without a gap"
    return shown - jump


@LAW
@given(MONTHLY_CADENCES, STEPS)
def test_anchors_never_drift(cadence: Cadence, n: int) -> None:
    assume(n != 0)
    at, anchor = asked_for(cadence, n), asked_for(cadence, 0)
    assert at.day == min(cadence.anchor_day, monthrange(at.year, at.month)[1])
    months = 12 if cadence.interval is Interval.YEAR else 1
    assert (at.year - anchor.year) * 12 + at.month - anchor.month == n * cadence.interval_count * months


@LAW
@given(CADENCES, STEPS)
def test_local_time_is_kept_but_for_a_gap(cadence: Cadence, n: int) -> None:
    assert asked_for(cadence, n).time() == asked_for(cadence, 0).time()


@LAW
@given(CADENCES, STEPS)
def test_boundaries_strictly_increase(cadence: Cadence, n: int) -> None:
    assert cadence.boundary(n) < cadence.boundary(n + 1)


@LAW
@given(CADENCES, STEPS)
def test_periods_join_without_gap_or_overlap(cadence: Cadence, n: int) -> None:
    assert cadence.period(n).end == cadence.period(n + 1).start


@LAW
@given(CADENCES)
def test_boundary_zero_is_the_anchor(cadence: Cadence) -> None:
    assert cadence.boundary(0) == cadence.anchor


@LAW
@given(CADENCES, STEPS)
def test_index_at_undoes_boundary(cadence: Cadence, n: int) -> None:
    assert cadence.index_at(cadence.boundary(n)) == n
    assert cadence.index_at(cadence.boundary(n) - timedelta(microseconds=1)) == n - 1


@LAW
@given(CADENCES, INSTANTS)
def test_every_instant_is_in_the_period_at_it(cadence: Cadence, t: datetime) -> None:
    assert cadence.period_at(t).contains(t)
    assert cadence.period_at(t) == cadence.period(cadence.index_at(t))


@LAW
@given(CADENCES, st.integers(1, 12))
def test_counting_twice_from_one_anchor_is_counting_once_in_bigger_steps(cadence: Cadence, n: int) -> None:
    bigger = Cadence(cadence.anchor, cadence.anchor_day, cadence.timezone, cadence.interval, cadence.interval_count * n)
    assert bigger.boundary(3) == cadence.boundary(3 * n)


def test_a_day_lost_at_the_date_line_is_no_reason_to_loop() -> None:
    # Samoa had no 30 December 2011: its boundary and the 31st's are one instant, and the later one counts.
    cadence = Cadence.starting(local("2011-12-29T10:00", "Pacific/Apia"), "Pacific/Apia", Interval.DAY, 1)
    assert cadence.boundary(1) == cadence.boundary(2)
    assert cadence.index_at(cadence.boundary(1)) == 2
    assert cadence.period_at(cadence.boundary(1)).seconds == 86_400


def test_clocks_set_back_over_midnight_do_not_reopen_a_period() -> None:
    # Newfoundland went from 00:01 on 7 November 2010 back to 23:01 on the 6th, just after this boundary.
    zone = "America/St_Johns"
    cadence = Cadence.starting(local("2010-11-05T00:00:30", zone), zone, Interval.DAY, 1)
    later = cadence.boundary(2) + timedelta(minutes=10)
    assert on_clock(later, zone) == "2010-11-06T23:10"
    assert cadence.index_at(later) == 2
