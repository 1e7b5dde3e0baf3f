"""Subscriptions: a customer's standing order for a plan, and the period that is running.

trialing ──> active <──> past_due
               ^  └────────┴───> canceled
incomplete ────┘  (the first invoice is not paid yet)
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from billing.domain.customer import Customer
from billing.domain.due import Due
from billing.domain.errors import Detail, InvalidState, ValidationFailed
from billing.domain.periods import Cadence, Period
from billing.domain.plan import Plan

INCOMPLETE_FOR = timedelta(hours=23)
"""So long the first invoice may stay unpaid; then the subscription ends and the invoice is void, as at Stripe."""


class SubscriptionState(StrEnum):
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    PAUSED = "paused"
    CANCELED = "canceled"
    INCOMPLETE = "incomplete"


RENEWING = (SubscriptionState.TRIALING, SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE)
"""The states in which the end of a period begins the next one."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription to one version of a plan.

    Args:
        plan_tenant_id: whose catalog the plan is in: the tenant's own or the platform's.
        cadence: where the boundaries of paid periods are.
        period_index: which period of the cadence is running; -1 during a trial, which comes before period 0.
        payment_method_id: what it is charged by; the customer's default where it has none of its own.
        unpaid_invoice_ids: its invoices whose charge failed; it is past due until the last of them is paid.
    """

    id: str
    tenant_id: str
    customer_id: str
    plan_id: str
    plan_version: int
    plan_tenant_id: str
    state: SubscriptionState
    quantities: dict[str, int]
    cadence: Cadence
    period_index: int
    current_period: Period
    created_at: datetime
    trial_end: datetime | None = None
    cancel_at_period_end: bool = False
    canceled_at: datetime | None = None
    paused_at: datetime | None = None
    resumes_at: datetime | None = None
    latest_invoice_id: str | None = None
    payment_method_id: str | None = None
    unpaid_invoice_ids: tuple[str, ...] = ()
    test_clock_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    due: Due | None = None
    version: int = 0


def check_quantities(plan: Plan, quantities: dict[str, int]) -> None:
    """A quantity for each licensed component of the plan, and for nothing else.

    Raises:
        ValidationFailed: naming every component that is missing or unknown.
    """
    licensed = set(plan.licensed_keys)
    bad = [Detail(f"quantities.{key}", "unknown_component") for key in sorted(set(quantities) - licensed)]
    bad += [Detail(f"quantities.{key}", "missing_required_field") for key in sorted(licensed - set(quantities))]
    if bad:
        raise ValidationFailed(f"The quantities do not fit the plan {plan.id}", tuple(bad))


def start(
    subscription_id: str,
    customer: Customer,
    plan: Plan,
    quantities: dict[str, int],
    at: datetime,
    trial_days: int,
    metadata: dict[str, str],
) -> Subscription:
    """A new subscription: trialing where it has a trial, else incomplete until its first invoice is paid.

    Args:
        at: its start, on the customer's clock.
        trial_days: days of 24 hours; 0 for none.
    """
    check_quantities(plan, quantities)
    at = at.replace(microsecond=0)  # periods begin on whole seconds, as people read them
    trial_end = at + timedelta(days=trial_days) if trial_days else None
    cadence = plan.cadence(trial_end or at, customer.timezone)
    return Subscription(
        id=subscription_id,
        tenant_id=customer.tenant_id,
        customer_id=customer.id,
        plan_id=plan.id,
        plan_version=plan.plan_version,
        plan_tenant_id=plan.tenant_id,
        state=SubscriptionState.TRIALING if trial_end else SubscriptionState.INCOMPLETE,
        quantities=dict(quantities),
        cadence=cadence,
        period_index=-1 if trial_end else 0,
        current_period=Period(at, trial_end) if trial_end else cadence.period(0),
        created_at=at,
        trial_end=trial_end,
        test_clock_id=customer.test_clock_id,
        metadata=dict(metadata),
    )


def renew(subscription: Subscription) -> Subscription:
    """The subscription in its next period. One period at a time: a missed sweep catches up in order."""
    index = subscription.period_index + 1
    return replace(subscription, period_index=index, current_period=subscription.cadence.period(index))


def with_alarm(subscription: Subscription, shard: str) -> Subscription:
    """The subscription with its alarm: at the end of its period, or when an incomplete one has waited long enough."""
    if subscription.state is SubscriptionState.INCOMPLETE:
        return replace(subscription, due=Due(shard, subscription.created_at + INCOMPLETE_FOR))
    if subscription.state in RENEWING:
        return replace(subscription, due=Due(shard, subscription.current_period.end))
    return replace(subscription, due=None)


def invoice_paid(subscription: Subscription, invoice_id: str, shard: str) -> Subscription:
    """The subscription after one of its invoices was paid: active (again), where that was the last unpaid one."""
    unpaid = tuple(each for each in subscription.unpaid_invoice_ids if each != invoice_id)
    if subscription.state is SubscriptionState.INCOMPLETE:
        active = replace(subscription, state=SubscriptionState.ACTIVE, unpaid_invoice_ids=unpaid)
        return with_alarm(active, shard)
    if subscription.state is SubscriptionState.PAST_DUE and not unpaid:
        return replace(subscription, state=SubscriptionState.ACTIVE, unpaid_invoice_ids=())
    if unpaid == subscription.unpaid_invoice_ids:
        return subscription
    return replace(subscription, unpaid_invoice_ids=unpaid)


def invoice_unpaid(subscription: Subscription, invoice_id: str) -> Subscription:
    """The subscription after the charge of an invoice failed: past due; what never began stays incomplete."""
    if subscription.state not in RENEWING or invoice_id in subscription.unpaid_invoice_ids:
        return subscription
    unpaid = (*subscription.unpaid_invoice_ids, invoice_id)
    return replace(subscription, state=SubscriptionState.PAST_DUE, unpaid_invoice_ids=unpaid)


def trial_over(subscription: Subscription) -> Subscription:
    """A trialing subscription whose first paid period has begun."""
    if subscription.state is not SubscriptionState.TRIALING:
        return subscription
    return replace(subscription, state=SubscriptionState.ACTIVE)


def cancel(subscription: Subscription, at: datetime, at_period_end: bool) -> Subscription:
    """The subscription canceled now, or marked to end with its period.

    Raises:
        InvalidState: it is canceled already.
    """
    if subscription.state is SubscriptionState.CANCELED:
        raise InvalidState.of("subscription", subscription.state, "canceled")
    if at_period_end and subscription.state in RENEWING:
        return replace(subscription, cancel_at_period_end=True)
    return ended(subscription, at)


def ended(subscription: Subscription, at: datetime) -> Subscription:
    """The subscription canceled at ``at``; it has no alarm any more."""
    return replace(subscription, state=SubscriptionState.CANCELED, canceled_at=at, due=None)
