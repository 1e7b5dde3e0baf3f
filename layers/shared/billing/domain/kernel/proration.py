"""Proration: which share of a period a part of it is, by the second or by the day.

A plan's ``prorationUnit`` says which. Sources: Stripe, "Prorations" (per second); Kill Bill, "Proration" (per day);
worked examples of both are in docs/vectors.md.
"""

from datetime import UTC, datetime, time
from enum import StrEnum
from fractions import Fraction
from zoneinfo import ZoneInfo

from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.money import Money
from billing.domain.kernel.periods import Period


class ProrationUnit(StrEnum):
    """What is counted: seconds, or calendar days in the customer's zone."""

    SECOND = "second"
    DAY = "day"


def share(unit: ProrationUnit, timezone: str, part: Period, whole: Period) -> Fraction:
    """The exact share of ``whole`` that ``part`` is, from 0 to 1.

    By the second, 16 June to 1 July of June: 15/30 days. By the day, the first day of the part counts whole: from
    23 May (at any hour) to 15 June of [15 May, 15 June): 23/31. A period within one day has no days to share; its
    share by the day is 0.

    Args:
        timezone: IANA name: whose days are counted.

    Raises:
        ValueError: ``part`` is not within ``whole``.
    """
    if part.start < whole.start or part.end > whole.end:
        raise ValueError(f"{part} is not within {whole}")
    if unit is ProrationUnit.SECOND:
        return Fraction(part.seconds, whole.seconds) if whole.seconds else Fraction(0)
    days = _days(whole, timezone)
    return Fraction(_days(part, timezone), days) if days else Fraction(0)


def portion(amount: Money, exact: Fraction) -> Money:
    """The share of an amount, rounded half-up to what can be charged: 100.00 of 1/3 is 33.33."""
    return Money.rounded(amount.micros * exact, amount.currency, charge_step(amount.currency))


def rest_of(period: Period, at: datetime) -> Period | None:
    """What of a period is left at an instant; all of it before it has begun, None once it is over."""
    if at >= period.end:
        return None
    return Period(max(at, period.start), period.end)


def counted_from(unit: ProrationUnit, timezone: str, at: datetime) -> datetime:
    """From when a change at an instant counts: from there, or by the day from the begin of that day.

    By the day, a change on 16 June 14:30 counts from 16 June 00:00 in the customer's zone.
    """
    if unit is ProrationUnit.SECOND:
        return at
    zone = ZoneInfo(timezone)
    return datetime.combine(at.astimezone(zone).date(), time(), tzinfo=zone).astimezone(UTC)


def _days(period: Period, timezone: str) -> int:
    zone = ZoneInfo(timezone)
    return (period.end.astimezone(zone).date() - period.start.astimezone(zone).date()).days
