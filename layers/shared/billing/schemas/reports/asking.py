"""What a report is asked for: query parameters that reports share, and how they become ``Asked``."""

from datetime import date, timedelta
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from billing.domain.clocks import Clock
from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.reports.span import Span, local_day, midnight
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
AsOfDay = Annotated[
    date | None, Query(alias="asOf", description="the end of this day, in the tenant's zone; today, if left out")
]
LONGEST_DAYS = 3_660


def as_of(work: Work, at: Time | None, test_clock: str | None, **options: str | None) -> Asked:
    """A report as of an instant."""
    said = {name: value for name, value in options.items() if value is not None}
    return Asked(at or work.now, work.tenant.timezone, None, test_clock, said)


def end_of_day(work: Work, day: date | None, test_clock: str | None, **options: str | None) -> Asked:
    """A report as of the end of a day, which is its option ``day``; of today, as of now.

    Raises:
        NotFound: there is no such test clock.
        ValidationFailed: the day has not come yet.
    """
    zone, now = work.tenant.timezone, work.now
    if test_clock is not None:
        ref = Ref(Clock, work.tenant.id, test_clock)
        now = work.load(ref).require(ref).frozen_time
    today = local_day(now, zone)
    day = day or today
    if day > today:
        raise ValidationFailed("That day has not come yet", (Detail("asOf", "in_the_future"),))
    over = midnight(day + timedelta(days=1), zone)
    # What is posted at a test clock's very time is in it: the clock stands still.
    at = over if test_clock is not None else min(over, now)
    said = {name: value for name, value in options.items() if value is not None}
    return Asked(at, zone, None, test_clock, {**said, "day": day.isoformat()})


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
