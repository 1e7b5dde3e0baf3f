"""What a report is asked for: query parameters that reports share, and how they become ``Asked``."""

from datetime import date, timedelta
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.reports.span import Span, local_day
from billing.schemas.base import QueryFlag, Time
from billing.services.kernel.work import Work
from billing.services.reports.sources import Asked

From = Annotated[date | None, Query(alias="from", description="the first day, in the tenant's zone")]
To = Annotated[date | None, Query(description="the first day that is not in it any more")]
AsOf = Annotated[Time | None, Query(alias="asOf", description="what was posted before this time; now, if left out")]
OfClock = Annotated[
    str | None,
    Query(alias="testClock", min_length=1, description="customers of this test clock, who are in no other report"),
]
Bom = Annotated[
    QueryFlag | None,
    Query(description="`true`: begin a CSV with a byte order mark, for spreadsheets that ask for one"),
]
LONGEST_DAYS = 3_660
_EVER = date(1970, 1, 1), date(2200, 1, 1)


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


def of_ledger(
    work: Work, first: date | None, until: date | None, test_clock: str | None, **options: str | None
) -> Asked:
    """Days of the ledger; without them, all of it so far, or all of a test clock's.

    Raises:
        ValidationFailed: it ends before it begins.
    """
    zone = work.tenant.timezone
    of_clock = test_clock is not None
    first = first or (_EVER[0] if of_clock else local_day(work.tenant.created_at, zone))
    until = until or (_EVER[1] if of_clock else max(first, local_day(work.now, zone) + timedelta(days=1)))
    if until < first:
        raise ValidationFailed("It ends before it begins", (Detail("to", "before_from"),))
    span = Span(first, until, zone)
    said = {name: value for name, value in options.items() if value is not None}
    # A test clock's time is behind the wall clock's, or ahead of it.
    return Asked(span.end if of_clock else work.now, zone, span, test_clock, said)
