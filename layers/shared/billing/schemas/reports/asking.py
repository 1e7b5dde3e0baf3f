"""What a report is asked for: query parameters that reports share, and how they become ``Asked``."""

from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query

from billing.domain.clocks import Clock
from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.reports.span import Month, Span, local_day, midnight
from billing.schemas.base import DayIn, QueryFlag, TimeIn
from billing.services.kernel.work import Ref, Work
from billing.services.reports.sources import Asked

From = Annotated[DayIn | None, Query(alias="from", description="the first day, in the tenant's zone")]
To = Annotated[DayIn | None, Query(description="the first day that is not in it any more")]
AsOf = Annotated[TimeIn | None, Query(alias="asOf", description="what was posted before this time; now, if left out")]
OfClock = Annotated[
    str | None,
    Query(alias="testClock", min_length=1, description="customers of this test clock, who are in no other report"),
]
Rows = Annotated[
    Literal["taxes", "lines"] | None,
    Query(description="`lines`: a row for each line and tax, with its document; else a row for each tax"),
]
AsOfDay = Annotated[
    DayIn | None, Query(alias="asOf", description="the end of this day, in the tenant's zone; today, if left out")
]
Bom = Annotated[
    QueryFlag | None,
    Query(description="`true`: begin a CSV with a byte order mark, for spreadsheets that ask for one"),
]
LONGEST_DAYS = 3_660
_BEGINNING = date(1970, 1, 1)
"""Before every test clock's time."""


def as_of(work: Work, at: datetime | None, test_clock: str | None, **options: str | None) -> Asked:
    """A report as of an instant that is not in the future: of a test clock's time where one is named.

    Raises:
        NotFound: there is no such test clock.
    """
    now = _now(work, test_clock)
    return Asked(min(at or now, now), work.tenant.timezone, None, test_clock, _said(options))


def end_of_day(work: Work, day: date | None, test_clock: str | None, **options: str | None) -> Asked:
    """A report as of the end of a day, which is its option ``day``; of today, as of now.

    Raises:
        NotFound: there is no such test clock.
        ValidationFailed: the day has not come yet.
    """
    zone, now = work.tenant.timezone, _now(work, test_clock)
    today = local_day(now, zone)
    day = day or today
    if day > today:
        raise ValidationFailed("That day has not come yet", (Detail("asOf", "in_the_future"),))
    over = midnight(day + timedelta(days=1), zone)
    return Asked(min(over, now), zone, None, test_clock, {**_said(options), "day": day.isoformat()})


def of_days(
    work: Work,
    first: date | None,
    until: date | None,
    at: datetime | None,
    test_clock: str | None,
    **options: str | None,
) -> Asked:
    """A report about days; without them, about this month so far, in a test clock's time where one is named.

    Raises:
        NotFound: there is no such test clock.
        ValidationFailed: it ends before it begins, or is longer than ten years.
    """
    now = _now(work, test_clock)
    today = local_day(now, work.tenant.timezone)
    first = first or _month_of(until, today)
    until = until or max(first, today + timedelta(days=1))
    return _about(work, now, (first, until), at, test_clock, options)


def of_months(
    work: Work,
    first: date | None,
    until: date | None,
    at: datetime | None,
    test_clock: str | None,
    **options: str | None,
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
    first = first or _month_of(until, today)
    until = until or max(Month(first.year, first.month), Month(today.year, today.month)).following.first
    return _about(work, now, (first, until), at, test_clock, options)


def of_ledger(
    work: Work, first: date | None, until: date | None, test_clock: str | None, **options: str | None
) -> Asked:
    """Days of the ledger; without them, all of it so far, or all of a test clock's.

    Raises:
        NotFound: there is no such test clock.
        ValidationFailed: it ends before it begins.
    """
    zone, now = work.tenant.timezone, _now(work, test_clock)
    first = first or (_BEGINNING if test_clock is not None else local_day(work.tenant.created_at, zone))
    until = until or max(first, local_day(now, zone) + timedelta(days=1))
    _check_order(first, until)
    return Asked(now, zone, Span(first, until, zone), test_clock, _said(options))


def _month_of(until: date | None, today: date) -> date:
    """The first day of a report that names none: of this month, or of that in which it ends."""
    return (today if until is None else until - timedelta(days=1)).replace(day=1)


def _about(
    work: Work,
    now: datetime,
    days: tuple[date, date],
    at: datetime | None,
    test_clock: str | None,
    options: dict[str, str | None],
) -> Asked:
    """A report about [first, until), as of a time that is not in the future."""
    first, until = days
    _check_order(first, until)
    if (until - first).days > LONGEST_DAYS:
        both = (Detail("from", "too_long"), Detail("to", "too_long"))
        raise ValidationFailed("A report is about ten years at most", both)
    zone = work.tenant.timezone
    return Asked(min(at or now, now), zone, Span(first, until, zone), test_clock, _said(options))


def _check_order(first: date, until: date) -> None:
    if until < first:
        raise ValidationFailed("It ends before it begins", (Detail("to", "before_from"),))


def _said(options: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in options.items() if value is not None}


def _now(work: Work, test_clock: str | None) -> datetime:
    """Until when something can have been posted. A test clock stands still: what it posts at its very time is in it."""
    if test_clock is None:
        return work.now
    ref = Ref(Clock, work.tenant.id, test_clock)
    return work.load(ref).require(ref).frozen_time + timedelta(microseconds=1)
