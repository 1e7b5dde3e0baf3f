"""Issue 16: what follows from how an endpoint fares: told after a day, disabled after five, and not by chance."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.webhooks.health import EndpointHealth, Lane, Verdict, judge

MADE = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def failing(now: datetime, since: datetime, *events: datetime) -> Verdict:
    """What follows from a failure now, of an endpoint that fails since then by events of these times."""
    health = EndpointHealth(failing_since=since, failed_events=events, last_failure_at=now)
    return judge(health, MADE, now)


def day(days: float) -> datetime:
    return MADE + timedelta(days=days)


def test_16_nothing_follows_from_the_failures_of_a_day() -> None:
    assert failing(day(1.99), day(1), day(1), day(1.5), day(1.98)) is Verdict.NOTHING


def test_16_the_tenant_is_told_after_a_day() -> None:
    assert failing(day(2), day(1), day(1), day(1.9)) is Verdict.TELL


def test_16_an_endpoint_that_fails_for_five_days_is_disabled() -> None:
    every_day = [day(n) for n in range(1, 7)]
    assert failing(day(5.99), day(1), *every_day[:5]) is Verdict.TELL
    assert failing(day(6), day(1), *every_day) is Verdict.DISABLE


def test_16_scenario_34_a_quiet_endpoint_is_not_disabled_by_its_second_failure() -> None:
    """One event failed for three days, silence, the next one fails on day six: of five days there is one event."""
    assert failing(day(7), day(1), day(1), day(7)) is Verdict.TELL
    assert failing(day(10), day(1), day(1), day(7)) is Verdict.TELL
    assert failing(day(11), day(1), day(1), day(7), day(11)) is Verdict.DISABLE


def test_16_one_event_that_is_attempted_for_days_disables_nothing() -> None:
    assert failing(day(9), day(1), day(5)) is Verdict.TELL


def test_16_two_events_within_twelve_hours_are_one_outage() -> None:
    assert failing(day(7), day(1), day(6.0), day(6.49)) is Verdict.TELL
    assert failing(day(7), day(1), day(6.0), day(6.5)) is Verdict.DISABLE


def test_16_without_a_failure_within_a_day_nobody_is_sure() -> None:
    health = EndpointHealth(failing_since=day(1), failed_events=(day(3), day(4)), last_failure_at=day(4))
    assert judge(health, MADE, day(6)) is Verdict.TELL


def test_16_a_success_ends_it() -> None:
    assert judge(EndpointHealth(last_success_at=day(6), last_failure_at=day(6)), MADE, day(6)) is Verdict.NOTHING


def test_16_what_failed_before_an_endpoint_was_enabled_again_does_not_count() -> None:
    """Disabled on day six, enabled on day seven: the first failure after that does not disable it at once."""
    health = EndpointHealth(
        failing_since=day(1), failed_events=tuple(day(n) for n in range(1, 8)), last_failure_at=day(7.1)
    )
    assert judge(health, day(7), day(7.1)) is Verdict.NOTHING
    assert judge(health, MADE, day(7.1)) is Verdict.DISABLE
    assert health.failing_from(day(7)) == day(7)
    assert health.failing_from(day(8)) is None
    again = replace(health, failed_events=tuple(day(n) for n in range(8, 13)), last_failure_at=day(12))
    assert judge(again, day(7), day(12)) is Verdict.DISABLE


@given(
    st.floats(0, 12).map(timedelta),
    st.lists(st.floats(0, 12).map(timedelta), max_size=6),
    st.floats(0, 12).map(timedelta),
)
@settings(max_examples=80)
def test_16_nothing_is_disabled_before_its_time_or_by_one_event(
    since: timedelta, events: list[timedelta], enabled: timedelta
) -> None:
    now = MADE + timedelta(days=12)
    health = EndpointHealth(
        failing_since=MADE + since, failed_events=tuple(MADE + each for each in events), last_failure_at=now
    )
    if judge(health, MADE + enabled, now) is Verdict.DISABLE:
        recent = [each for each in events if each >= max(enabled, timedelta(days=7))]
        assert max(since, enabled) <= timedelta(days=7)
        assert max(recent) - min(recent) >= timedelta(hours=12)


@pytest.mark.parametrize(
    ("health", "lane"),
    [
        (EndpointHealth(), Lane.SLOW),
        (EndpointHealth(last_success_at=MADE, last_attempt_ms=20), Lane.SLOW),  # more than a day ago
        (EndpointHealth(last_attempt_ms=5_000, succeeded_24h=1), Lane.FAST),
        (EndpointHealth(last_attempt_ms=5_001, succeeded_24h=1), Lane.SLOW),
        (EndpointHealth(last_attempt_ms=20, succeeded_24h=1, failing_since=MADE), Lane.SLOW),
    ],
)
def test_16_whoever_failed_or_was_slow_or_is_not_known_to_answer_is_in_the_slow_lane(
    health: EndpointHealth, lane: Lane
) -> None:
    assert health.lane is lane


def test_16_the_rate_of_successes() -> None:
    assert EndpointHealth().success_rate is None
    assert EndpointHealth(succeeded_24h=2, failed_24h=1).success_rate == 0.6667
