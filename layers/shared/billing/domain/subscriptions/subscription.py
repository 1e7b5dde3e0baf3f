"""Subscriptions: a customer's standing order for a plan, and the period that is running.

incomplete ──> active <──> past_due        trialing ──> active
    │             │  ▲         │               │
    │             ▼  │         ▼               ▼
    └──────────> canceled <── paused  <──> trialing | active | past_due

How it goes from state to state is in ``lifecycle``, what a change bills in ``changes``.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.plan import Plan, PlanKey
from billing.domain.kernel.due import Due
from billing.domain.kernel.periods import Cadence, Period
from billing.domain.kernel.proration import ProrationUnit
from billing.domain.lines.line import InvoiceLine
from billing.domain.subscriptions.recurring import Mrr, RecurringPrice


class SubscriptionState(StrEnum):
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    PAUSED = "paused"
    CANCELED = "canceled"
    INCOMPLETE = "incomplete"


RENEWING = (SubscriptionState.TRIALING, SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE)
"""The states in which the end of a period begins the next one."""


class PausedBy(StrEnum):
    """Why a subscription is paused: somebody asked, its charges failed too often, or it has not begun yet."""

    REQUEST = "request"
    DUNNING = "dunning"
    START = "start"


@dataclass(frozen=True, slots=True)
class PastTerms:
    """What a subscription had until its plan changed: usage of that time belongs to these periods, at these prices."""

    plan: PlanKey
    cadence: Cadence
    until: datetime


@dataclass(frozen=True, slots=True)
class PeriodDiscount:
    """The discount of a period, or None for none. It wraps it, so that "none" differs from "as the subscription"."""

    discount: Discount | None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription to one version of a plan.

    Args:
        plan_tenant_id: whose catalog the plan is in: the tenant's own or the platform's.
        cadence: where the boundaries of paid periods are.
        period_index: which period of the cadence is running; -1 during a trial, which comes before period 0.
        current_period: the running period; shorter than the cadence's if it began in the middle.
        billed: the lines of the running period that are billed in advance: a change credits from these.
        pending: lines that wait for the next invoice. What they give back is noted on the invoice that billed it.
        rest_returned: it is paused, and the rest of its period was given back: resuming bills anew.
        discount: what it has. Once applied, it is the running period's discount too, unless ``kept_discount`` says
            otherwise; until then it waits for the next period.
        kept_discount: the discount that the running period keeps after the subscription's own was replaced.
        payment_method_id: the method to charge; the customer's default if it has none of its own.
        unpaid_invoice_ids: its invoices whose charge failed; it is past due until the last of them is paid.
        trial_announced: ``subscription.trial_will_end`` was sent.
        by_the_second: the running period is counted by the second, because one of the plans in it is sold so.
        began_at: when it begins, if not when it was made.
        past_terms: the plans that it had before, oldest first, if usage is priced.
        meters: every meter that one of its plans ever priced.
        usage_slot: how often its usage was closed: where usage is counted now (``services.usage.closing``).
        external_id: the tenant's own id of it, which no other one that has not ended has.
        billed_until: it was taken over from elsewhere, where everything before this instant was billed: we never do.
        usage_until: once it has ended, usage of its time is accepted until then, and billed a last time.
        price: of a full period, as its terms are; None on one from before it was kept.
        first_invoice_id: the one of its first charge, after a trial or at its start.
        awaits_first_payment: that was billed, and is neither paid yet nor owed no more.
        ended_unpaid: it was ended because nobody paid.
        mrr: what it counts for; whoever saves it sees to that (``mrr.recounted``), and no use case does.
    """

    entity_name: ClassVar[str] = "Subscription"

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
    paused_by: PausedBy | None = None
    resumes_at: datetime | None = None
    rest_returned: bool = False
    by_the_second: bool = False
    discount: Discount | None = None
    kept_discount: PeriodDiscount | None = None
    billed: tuple[InvoiceLine, ...] = ()
    pending: tuple[InvoiceLine, ...] = ()
    latest_invoice_id: str | None = None
    payment_method_id: str | None = None
    unpaid_invoice_ids: tuple[str, ...] = ()
    trial_announced: bool = False
    test_clock_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    due: Due | None = None
    began_at: datetime | None = None
    past_terms: tuple[PastTerms, ...] = ()
    meters: tuple[str, ...] = ()
    usage_slot: int = 0
    usage_until: datetime | None = None
    price: RecurringPrice | None = None
    first_invoice_id: str | None = None
    awaits_first_payment: bool = False
    ended_unpaid: bool = False
    mrr: Mrr | None = None
    external_id: str | None = None
    billed_until: datetime | None = None
    version: int = 0

    @property
    def plan_key(self) -> PlanKey:
        """The version of a plan that it has."""
        return PlanKey(self.plan_tenant_id, self.plan_id, self.plan_version)

    @property
    def period_discount(self) -> Discount | None:
        """The discount of the running period."""
        if self.kept_discount is not None:
            return self.kept_discount.discount
        return self.discount if self.discount is not None and self.discount.periods_used else None

    def with_discounts(self, running: Discount | None, following: Discount | None) -> "Subscription":
        """The subscription with a discount in the running period, and one from the next period on."""
        after = replace(self, discount=following, kept_discount=None)
        return after if after.period_discount == running else replace(after, kept_discount=PeriodDiscount(running))

    def counted_in(self, plan: Plan) -> ProrationUnit:
        """The unit in which parts of the running period are counted, under a plan."""
        return ProrationUnit.SECOND if self.by_the_second else plan.proration_unit

    @property
    def began(self) -> datetime:
        """When it began; usage from before that is rejected."""
        return self.began_at or self.created_at

    def is_billed_elsewhere(self, at: datetime) -> bool:
        """Whether this time of it was billed where it was taken over from: we neither bill it nor give it back."""
        return self.billed_until is not None and at < self.billed_until

    def rest_is_billed(self, at: datetime) -> bool:
        """Whether the rest of the period is billed: also while it is paused, where its time was kept.

        Resuming bills nothing then. Were a change free, one could pause, take a thousand seats and resume.
        """
        if self.is_billed_elsewhere(at):
            return False
        if self.state is not SubscriptionState.PAUSED:
            return self.state in (SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE)
        in_trial = self.trial_end is not None and at < self.trial_end
        return not self.rest_returned and not in_trial and at < self.current_period.end
