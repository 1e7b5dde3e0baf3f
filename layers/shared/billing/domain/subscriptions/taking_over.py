"""A subscription that is taken over from another billing system, in the period that was billed there.

    there: 5 seats, billed to 15 March 09:00  ──>  ours: active, billed until 15 March 09:00; that day our first invoice

Nothing before ``billed_until`` is ever billed here, nor given back (docs/decisions/0060-imports.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.plan import Plan
from billing.domain.customers.customer import Customer
from billing.domain.kernel.errors import ValidationFailed
from billing.domain.kernel.periods import Cadence, Interval, Period
from billing.domain.subscriptions.lifecycle import check_quantities
from billing.domain.subscriptions.mrr import recurring_price
from billing.domain.subscriptions.subscription import PausedBy, Subscription, SubscriptionState


@dataclass(frozen=True, slots=True)
class Opening:
    """How a subscription stands where it comes from.

    Args:
        state: trialing, active or paused.
        anchor: from which its periods are counted there.
        period: the one that runs; of one in a trial, the trial.
        began_at: when it began there.
        resumes_at: when a paused one is to run on; None for when somebody says so.
        payment_method_id: what it is charged to; None for its customer's default.
    """

    quantities: Mapping[str, int]
    state: SubscriptionState
    anchor: datetime
    period: Period
    began_at: datetime
    cancel_at_period_end: bool = False
    resumes_at: datetime | None = None
    discount: Discount | None = None
    external_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    payment_method_id: str | None = None


def taken_over(subscription_id: str, customer: Customer, plan: Plan, opening: Opening, at: datetime) -> Subscription:
    """The subscription as ours; its alarm is yet to be set.

    Args:
        at: now.

    Raises:
        ValidationFailed: its period is over, so that the next one may be billed there already; no row of periods has
            this one; or its quantities do not fit the plan.
    """
    check_quantities(plan, dict(opening.quantities))
    if opening.period.end <= at:
        raise ValidationFailed.of("period", "is_over", "Its period is over: the next one may be billed there already")
    trialing = opening.state is SubscriptionState.TRIALING
    if trialing:
        cadence, index = Cadence.starting(opening.period.end, customer.timezone, plan.interval, plan.interval_count), -1
    else:
        cadence = _row(plan, customer.timezone, opening.anchor, opening.period)
        index = max(cadence.index_at(opening.period.start), 0)  # by an hour before the first one's start in its zone
    paused = opening.state is SubscriptionState.PAUSED
    return Subscription(
        id=subscription_id,
        tenant_id=customer.tenant_id,
        customer_id=customer.id,
        plan_id=plan.id,
        plan_version=plan.plan_version,
        plan_tenant_id=plan.tenant_id,
        state=opening.state,
        quantities=dict(opening.quantities),
        cadence=cadence,
        period_index=index,
        current_period=opening.period,
        created_at=at,
        trial_end=opening.period.end if trialing else None,
        cancel_at_period_end=opening.cancel_at_period_end,
        paused_at=at if paused else None,
        paused_by=PausedBy.REQUEST if paused else None,
        resumes_at=opening.resumes_at if paused else None,
        discount=opening.discount,
        began_at=opening.began_at,
        metadata=dict(opening.metadata),
        meters=plan.meters,
        price=recurring_price(plan, opening.quantities),
        external_id=opening.external_id,
        payment_method_id=opening.payment_method_id,
        billed_until=opening.period.end,
    )


def _row(plan: Plan, timezone: str, anchor: datetime, period: Period) -> Cadence:
    """The row of periods that goes on from this one, in its customer's zone; in UTC, as most sources count, where its
    days are others: a renewal moves it into the customer's zone then.

        Berlin, 1 March to 1 April in UTC: from 01:00 to 02:00 there, an hour longer than a month; the next one ends on
        1 May at 02:00
        New York, the same: from the evening of 28 February to that of 31 March; the next one ends on 1 May at 00:00

    Raises:
        ValidationFailed: it is longer than a period of the plan.
    """
    row, there = _counted(plan, timezone, anchor), _counted(plan, "UTC", anchor)
    if row.period_at(period.start) == period or there.period_at(period.start) != period:
        return _row_in(timezone, plan, anchor, period)
    if _day(period.end, timezone) != _day(period.end, "UTC"):
        return _row_in("UTC", plan, anchor, period)
    begins = _counted(plan, timezone, period.end, there.anchor_day).boundary(-1)
    return _counted(plan, timezone, begins, there.anchor_day)


def _row_in(zone: str, plan: Plan, anchor: datetime, period: Period) -> Cadence:
    """Counted from its anchor, as far as that explains the period.

    What moved its boundaries since the anchor (a change of the plan's interval, a period that was cut short) does not
    matter: then they are counted from the end of the period that runs.

        anchor 31 January, period 28 February to 31 March: the next one ends on 30 April

    Raises:
        ValidationFailed: it is longer than a period of the plan.
    """
    row = _counted(plan, zone, anchor)
    day = row.anchor_day
    if row.period_at(period.start) == period:
        if row.index_at(period.start) >= 0:
            return row
        begins = period.start  # its anchor is yet to come: -1 is a trial's
    else:
        day = _day(period.end, zone)
        if plan.interval in (Interval.MONTH, Interval.YEAR) and _day(period.end + timedelta(days=1), zone) == 1:
            day = max(day, row.anchor_day)  # the last of February, of what begins on the 31st
        begins = _counted(plan, zone, period.end, day).boundary(-1)
    row = _counted(plan, zone, begins, day)
    if row.boundary(1) != period.end or period.start < row.anchor:
        raise ValidationFailed.of("period", "not_of_the_plan", "Its period is none of the plan's interval")
    return row


def _counted(plan: Plan, zone: str, start: datetime, day: int | None = None) -> Cadence:
    return Cadence.starting(start, zone, plan.interval, plan.interval_count, day)


def _day(at: datetime, timezone: str) -> int:
    return at.astimezone(ZoneInfo(timezone)).day
