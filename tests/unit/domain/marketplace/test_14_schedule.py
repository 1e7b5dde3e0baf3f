"""Issue 14, payouts: the next midnight that a provider's schedule names."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.marketplace.provider import PayoutInterval, PayoutSchedule
from billing.domain.marketplace.schedule import next_payout_at

MANUAL, DAILY, WEEKLY, MONTHLY = PayoutInterval
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "America/Santiago", "Pacific/Apia")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_manual_schedule_never_pays_out() -> None:
    assert next_payout_at(PayoutSchedule(MANUAL), "UTC", at("2026-11-20T00:00")) is None


@pytest.mark.parametrize(
    ("schedule", "zone", "after", "expected"),
    [
        (PayoutSchedule(DAILY), "UTC", "2026-11-20T00:00", "2026-11-21T00:00"),
        (PayoutSchedule(DAILY), "UTC", "2026-11-20T23:59:59.999999", "2026-11-21T00:00"),
        (PayoutSchedule(DAILY), "America/New_York", "2026-11-20T04:00", "2026-11-20T05:00"),
        (PayoutSchedule(WEEKLY, weekday=5), "America/New_York", "2026-11-20T05:00", "2026-11-27T05:00"),
        (PayoutSchedule(WEEKLY, weekday=5), "America/New_York", "2026-11-20T04:59", "2026-11-20T05:00"),
        (PayoutSchedule(WEEKLY, weekday=1), "UTC", "2026-11-22T12:00", "2026-11-23T00:00"),
        (PayoutSchedule(MONTHLY, month_day=31), "Europe/Berlin", "2027-01-31T12:00", "2027-02-27T23:00"),
        (PayoutSchedule(MONTHLY, month_day=31), "UTC", "2028-01-31T00:00", "2028-02-29T00:00"),
        (PayoutSchedule(MONTHLY, month_day=30), "UTC", "2027-02-28T00:00", "2027-03-30T00:00"),
        (PayoutSchedule(MONTHLY, month_day=1), "UTC", "2026-12-01T00:00", "2027-01-01T00:00"),
        # Clocks go forward at midnight in Santiago: 2026-09-06 begins at 01:00 there.
        (PayoutSchedule(DAILY), "America/Santiago", "2026-09-05T12:00", "2026-09-06T04:00"),
    ],
)
def test_the_next_midnight_of_the_providers_day(schedule: PayoutSchedule, zone: str, after: str, expected: str) -> None:
    assert next_payout_at(schedule, zone, at(after)) == at(expected)


schedules = st.builds(
    PayoutSchedule,
    interval=st.sampled_from([DAILY, WEEKLY, MONTHLY]),
    weekday=st.integers(1, 7),
    month_day=st.integers(1, 31),
)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


@given(schedules, st.sampled_from(ZONES), instants)
def test_it_is_later_soon_and_on_a_day_that_the_schedule_names(
    schedule: PayoutSchedule, zone: str, after: datetime
) -> None:
    """Never now or before, or a payout that was just made would be due again; never later than the interval."""
    found = next_payout_at(schedule, zone, after)
    assert found is not None
    longest = {DAILY: 2, WEEKLY: 8, MONTHLY: 32}[schedule.interval]
    assert timedelta(0) < found - after <= timedelta(days=longest)
    local = found.astimezone(ZoneInfo(zone))
    assert (found - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date() < local.date()
    if schedule.interval is WEEKLY:
        assert local.isoweekday() == schedule.weekday
    if schedule.interval is MONTHLY:
        assert local.day == schedule.month_day or (local + timedelta(days=1)).day == 1
