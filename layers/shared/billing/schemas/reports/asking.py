"""What a report is asked for: query parameters that reports share, and how they become ``Asked``."""

from datetime import date, datetime, timedelta
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from billing.domain.clocks import Clock
from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.reports.span import Month, Span, local_day
from billing.schemas.base import Time
from billing.services.kernel.work import Ref, Work
from billing.services.reports.sources import Asked

From = Annotated[date | None, Query(alias="from", description="the first day, in the tenant's zone")]
To = Annotated[date | None, Query(description="the first day that is not in it any more")]
AsOf = Annotated[Time | None, Query(alias="asOf", description="what was posted before this time; now, if left out")]
OfClock = Annotated[
    str | None,
    Query(alias="testClock", min_length=1, description="customers of this test clock, who are in no other report"),
]
LONGEST_DAYS = 3_660


def as_of(work: Work, at: Time | None, test_clock: str | None, **options: str | None) -> Asked:
    """A report as of an instant."""
    said = {name: value for name, value in options.items() if value is not None}
    return Asked(at or work.now, work.tenant.timezone, None, test_clock, said)


def of_days(
    work: Work, first: date | None, until: date | None, at: Time | None, test_clock: str | None, **options: str | None
) -> Asked:
    """A report about days; without them, about this month so far.

    Raises:
        ValidationFailed: it ends before it begins, or is longer than ten years.
    """
    zone = work.tenant.timezone
    today = local_day(work.now, zone)
    first = first or (until or today).replace(day=1)
    until = until or max(first, today.fromordinal(today.toordinal() + 1))
    if until < first:
        raise ValidationFailed("It ends before it begins", (Detail("to", "before_from"),))
    if (until - first).days > LONGEST_DAYS:
        raise ValidationFailed(
            "A report is about ten years at most", (Detail("from", "too_long"), Detail("to", "too_long"))
        )
    said = {name: value for name, value in options.items() if value is not None}
    return Asked(at or work.now, zone, Span(first, until, zone), test_clock, said)


def of_time(
    work: Work, first: date | None, until: date | None, at: Time | None, test_clock: str | None, **options: str | None
) -> Asked:
    """A report about days that have begun, in a test clock's time where one is named: as of that, not of the wall's.

    Raises:
        NotFound: there is no such test clock.
        ValidationFailed: as ``of_days``.
    """
    now = _now(work, test_clock)
    today = local_day(now, work.tenant.timezone)
    first = first or (today if until is None else until - timedelta(days=1)).replace(day=1)
    until = until or max(first, today) + timedelta(days=1)
    return of_days(work, first, until, min(at or now, now), test_clock, **options)


def of_months(
    work: Work, first: date | None, until: date | None, at: Time | None, test_clock: str | None, **options: str | None
) -> Asked:
    """A report about whole months; without them, about this one so far.

    Raises:
        NotFound: there is no such test clock.
        ValidationFailed: as ``of_days``, or a day is not the first of its month.
    """
    bad = [
        Detail(name, "not_first_of_month")
        for name, day in (("from", first), ("to", until))
        if day is not None and day.day != 1
    ]
    if bad:
        raise ValidationFailed("This report is about whole months", tuple(bad))
    now = _now(work, test_clock)
    today = local_day(now, work.tenant.timezone)
    first = first or (today if until is None else until - timedelta(days=1)).replace(day=1)
    until = until or max(Month(first.year, first.month), Month(today.year, today.month)).following.first
    return of_days(work, first, until, min(at or now, now), test_clock, **options)


def _now(work: Work, test_clock: str | None) -> datetime:
    """Until when something can have been posted. A test clock stands still: what it posts at its very time is in it."""
    if test_clock is None:
        return work.now
    ref = Ref(Clock, work.tenant.id, test_clock)
    return work.load(ref).require(ref).frozen_time + timedelta(microseconds=1)
