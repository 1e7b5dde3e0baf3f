"""What a subscription's periods follow: its customer's time zone, from the next one on; and the terms of the past.

A customer's zone is corrected at the customer alone. The period that runs keeps its bounds, whatever was billed for
them; each subscription goes over with the period that it begins next.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from billing.domain.catalog.plan import Plan, PlanKey
from billing.domain.kernel.errors import Conflict
from billing.domain.kernel.periods import Cadence
from billing.domain.subscriptions.subscription import (
    RENEWING,
    PastTerms,
    PausedBy,
    Subscription,
    SubscriptionState,
)

MOST_PAST_TERMS = 50
_TERMS_KEPT = timedelta(days=165)
"""How long earlier terms are remembered after the period in which they ended: usage may come 60 days late, can be
corrected for the 90 days that it is kept, and a fortnight is for the queue."""


def past_terms(subscription: Subscription, target: Plan, at: datetime) -> tuple[PastTerms, ...]:
    """The terms to remember after a change to a plan, if one of its plans prices usage.

    Raises:
        Conflict: they were changed too often for what still has to be remembered.
    """
    if subscription.plan_key == PlanKey.of(target) or not (subscription.meters or target.meters):
        return subscription.past_terms
    kept = _kept(subscription, at)
    if len(kept) >= MOST_PAST_TERMS:
        raise Conflict(f"The plan was changed {MOST_PAST_TERMS} times in half a year; no more can be remembered")
    return (*kept, _present(subscription, at.replace(microsecond=0)))


def in_zone(subscription: Subscription, timezone: str, at: datetime) -> Subscription:
    """The subscription just before it begins a period at ``at``, in its customer's present time zone.

    It keeps the day and the time of day at which its periods begin. One that resumes in the middle of a period goes
    over with the next one, and so does one of which no more terms can be remembered just now.
    """
    cadence = subscription.cadence
    if timezone == cadence.timezone:
        return subscription
    if subscription.state is SubscriptionState.TRIALING or subscription.paused_by is PausedBy.START:
        return replace(subscription, cadence=_not_begun(cadence, timezone, at))
    if subscription.state not in RENEWING or at != subscription.current_period.end:
        return subscription
    moved = replace(subscription, cadence=cadence.in_zone(timezone, at))
    if not subscription.meters:
        return moved
    kept = _kept(subscription, at)
    if len(kept) >= MOST_PAST_TERMS:
        return subscription
    # Usage that comes late, or is corrected, belongs to the periods of its time, as they were.
    return replace(moved, past_terms=(*kept, _present(subscription, at)))


def _not_begun(cadence: Cadence, timezone: str, at: datetime) -> Cadence:
    """The row of a subscription of which no period was billed yet.

    If it begins now, on the same day in both zones, its first period is a whole one from this instant.
    """
    moved = cadence.shown_in(timezone)
    if at != cadence.anchor:
        return moved
    begins = Cadence.starting(at, timezone, cadence.interval, cadence.interval_count)
    if begins.local_anchor.date() == moved.local_anchor.date():
        return replace(moved, anchor=at)
    return cadence.in_zone(timezone, at)


def _kept(subscription: Subscription, at: datetime) -> tuple[PastTerms, ...]:
    return tuple(past for past in subscription.past_terms if past.cadence.period_at(past.until).end + _TERMS_KEPT > at)


def _present(subscription: Subscription, until: datetime) -> PastTerms:
    return PastTerms(subscription.plan_key, subscription.cadence, until)
