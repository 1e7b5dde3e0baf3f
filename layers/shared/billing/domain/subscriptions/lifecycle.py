"""How a subscription goes from state to state, and when its alarm rings; what a change bills is in ``changes``."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from billing.domain.catalog.plan import Plan
from billing.domain.catalog.pricing import ComponentType, price
from billing.domain.customers.customer import Customer
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import Detail, InvalidState, ValidationFailed
from billing.domain.kernel.event_types import EventType
from billing.domain.kernel.money import LARGEST_AMOUNT
from billing.domain.kernel.periods import Period, months_apart
from billing.domain.lines.line import InvoiceLine
from billing.domain.subscriptions.mrr import recurring_price
from billing.domain.subscriptions.subscription import RENEWING, PausedBy, Subscription, SubscriptionState
from billing.domain.tenant import DunningAction

INCOMPLETE_FOR = timedelta(hours=23)
"""So long the first invoice may stay unpaid; then the subscription ends and the invoice is void, as at Stripe."""
TRIAL_NOTICE = timedelta(days=3)
"""So long before its end a trial is announced to end; at once where it is shorter."""


def check_quantities(plan: Plan, quantities: dict[str, int]) -> None:
    """A quantity for each licensed component of the plan, and for nothing else; together they cost no absurd sum.

    A billion seats at $10,000 are $10,000,000,000,000 a month: nobody is billed that, and no card charged it.

    Raises:
        ValidationFailed: naming every component that is missing or unknown, or that makes a period cost too much.
    """
    licensed = set(plan.licensed_keys)
    bad = [Detail(f"quantities.{key}", "unknown_component") for key in sorted(set(quantities) - licensed)]
    bad += [Detail(f"quantities.{key}", "missing_required_field") for key in sorted(licensed - set(quantities))]
    if bad:
        raise ValidationFailed(f"The quantities do not fit the plan {plan.id}", tuple(bad))
    if _whole_period(plan, quantities) > LARGEST_AMOUNT:
        named = [f"quantities.{key}" for key in sorted(quantities) if quantities[key]] or ["planId"]
        raise ValidationFailed(
            f"A period of the plan {plan.id} would cost more than {LARGEST_AMOUNT}",
            tuple(Detail(field, "amount_too_large") for field in named),
        )


def check_anchor(plan: Plan, anchor_day: int | None, anchor_month: int | None) -> None:
    """A month is said with a day, and of a plan that always begins its periods in the same months of the year.

    Raises:
        ValidationFailed: there is no day; or the plan is by the day, the week or the month, or by five months, which
            begin in any.
    """
    if anchor_month is None:
        return
    if anchor_day is None:
        raise ValidationFailed.of("anchorMonth", "only_with_anchor_day")
    if months_apart(plan.interval, plan.interval_count) < 2:
        raise ValidationFailed.of("anchorMonth", "not_with_this_interval", "Its periods begin in any month of the year")


def _whole_period(plan: Plan, quantities: dict[str, int]) -> int:
    """Micro-units: what a whole period costs in advance, before any discount and tax."""
    in_advance = [each for each in plan.components if each.type is not ComponentType.METERED]
    costs = (price(each, Decimal(quantities.get(each.key, 1)), plan.currency) for each in in_advance)
    return sum(cost.amount.micros for cost in costs)


@dataclass(frozen=True, slots=True)
class Start:
    """How a new subscription starts.

    Args:
        quantities: by the plan's licensed components.
        trial_days: days of 24 hours; 0 for none.
        start_at: where it starts at another time than now.
        anchor_day: the day of month on which its periods begin; the first one is shorter then.
        anchor_month: the month in which they do, besides: of quarters one of four.
    """

    quantities: dict[str, int] = field(default_factory=dict)
    trial_days: int = 0
    start_at: datetime | None = None
    anchor_day: int | None = None
    anchor_month: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)


def start(subscription_id: str, customer: Customer, plan: Plan, at: datetime, wanted: Start) -> Subscription:
    """A new subscription: trialing where it has a trial, else incomplete until its first invoice is paid.

    One that starts later is paused until then. One that started earlier is billed from its start, which has to lie in
    the period that is running.

    Args:
        at: now, on the customer's clock.

    Raises:
        ValidationFailed: the quantities do not fit or cost too much, the start is too far back, or the plan's periods
            are not anchored to a month.
    """
    check_quantities(plan, wanted.quantities)
    check_anchor(plan, wanted.anchor_day, wanted.anchor_month)
    at = at.replace(microsecond=0)  # periods begin on whole seconds, as people read them
    begins = (wanted.start_at or at).replace(microsecond=0)
    trial_end = begins + timedelta(days=wanted.trial_days) if wanted.trial_days else None
    first_paid = trial_end or begins
    cadence = plan.cadence(first_paid, customer.timezone, wanted.anchor_day, wanted.anchor_month)
    first = Period(begins, trial_end or cadence.period(cadence.index_at(begins)).end)
    if first.end <= at:
        raise ValidationFailed.of("startDate", "too_far_back", "The start has to lie in the period that is running")
    scheduled = begins > at
    return Subscription(
        id=subscription_id,
        tenant_id=customer.tenant_id,
        customer_id=customer.id,
        plan_id=plan.id,
        plan_version=plan.plan_version,
        plan_tenant_id=plan.tenant_id,
        state=_first_state(scheduled, trial_end),
        quantities=dict(wanted.quantities),
        cadence=cadence,
        period_index=-1,
        current_period=Period(at, begins) if scheduled else first,
        created_at=at,
        trial_end=trial_end,
        paused_at=at if scheduled else None,
        paused_by=PausedBy.START if scheduled else None,
        resumes_at=begins if scheduled else None,
        rest_returned=scheduled,
        test_clock_id=customer.test_clock_id,
        metadata=dict(wanted.metadata),
        began_at=begins if begins != at else None,
        meters=plan.meters,
        price=recurring_price(plan, wanted.quantities),
    )


def _first_state(scheduled: bool, trial_end: datetime | None) -> SubscriptionState:
    if scheduled:
        return SubscriptionState.PAUSED
    return SubscriptionState.TRIALING if trial_end else SubscriptionState.INCOMPLETE


def with_alarm(subscription: Subscription, shard: str) -> Subscription:
    """The subscription with its alarm.

    At the end of its period; before that, when its trial is to be announced to end; when it resumes; when an incomplete
    one has waited long enough; or when no more usage can come of one that has ended. What is owed to one that has
    ended (``owed``) is billed first.
    """
    at = _next_alarm(subscription)
    return replace(subscription, due=Due(shard, at) if at is not None else None)


def incomplete_until(subscription: Subscription) -> datetime | None:
    """When an incomplete subscription is given up if nobody pays; None in any other state."""
    return subscription.created_at + INCOMPLETE_FOR if subscription.state is SubscriptionState.INCOMPLETE else None


def _next_alarm(subscription: Subscription) -> datetime | None:
    if subscription.state is SubscriptionState.INCOMPLETE:
        return incomplete_until(subscription)
    if subscription.state is SubscriptionState.PAUSED:
        # Dunning may pause what is about to end: it ends all the same.
        return subscription.current_period.end if subscription.cancel_at_period_end else subscription.resumes_at
    if subscription.state is SubscriptionState.TRIALING and not subscription.trial_announced:
        return max(subscription.current_period.start, subscription.current_period.end - TRIAL_NOTICE)
    if subscription.state is SubscriptionState.CANCELED:
        waits = subscription.due if subscription.pending else None
        return waits.at if waits is not None else subscription.usage_until
    return subscription.current_period.end if subscription.state in RENEWING else None


def announced(subscription: Subscription, shard: str) -> Subscription:
    """The trialing subscription whose end of trial has been announced."""
    return with_alarm(replace(subscription, trial_announced=True), shard)


def standing(subscription: Subscription) -> SubscriptionState:
    """The state of a subscription that runs: past due while one of its invoices is unpaid."""
    return SubscriptionState.PAST_DUE if subscription.unpaid_invoice_ids else SubscriptionState.ACTIVE


def invoice_paid(subscription: Subscription, invoice_id: str, at: datetime, shard: str) -> Subscription:
    """The subscription after one of its invoices was paid: active (again), where that was the last unpaid one.

    One that dunning has paused runs on; where its period has ended meanwhile, from now, by the alarm clock.
    """
    unpaid = tuple(each for each in subscription.unpaid_invoice_ids if each != invoice_id)
    awaits = subscription.awaits_first_payment and invoice_id != subscription.first_invoice_id
    after = replace(subscription, unpaid_invoice_ids=unpaid, awaits_first_payment=awaits)
    if subscription.state is SubscriptionState.INCOMPLETE:
        return with_alarm(replace(after, state=SubscriptionState.ACTIVE, awaits_first_payment=False), shard)
    if subscription.state is SubscriptionState.PAST_DUE and not unpaid:
        return replace(after, state=SubscriptionState.ACTIVE)
    if subscription.state is SubscriptionState.PAUSED and subscription.paused_by is PausedBy.DUNNING and not unpaid:
        if at >= subscription.current_period.end:
            return with_alarm(replace(after, resumes_at=at), shard)
        running = unpaused(after)
        if subscription.trial_end is not None and at < subscription.trial_end:
            running = replace(running, state=SubscriptionState.TRIALING)
        return with_alarm(running, shard)
    return subscription if after == subscription else after


def trusted(subscription: Subscription, shard: str) -> Subscription:
    """The subscription whose first invoice need not be paid at once: it begins all the same."""
    if subscription.awaits_first_payment:
        subscription = replace(subscription, awaits_first_payment=False)
    if subscription.state is not SubscriptionState.INCOMPLETE:
        return subscription
    return with_alarm(replace(subscription, state=SubscriptionState.ACTIVE), shard)


def on_invoice(subscription: Subscription, invoice_id: str) -> Subscription:
    """The subscription that an invoice bills: its latest one, and the first of all that it has to pay."""
    is_first = subscription.awaits_first_payment and subscription.first_invoice_id is None
    first = invoice_id if is_first else subscription.first_invoice_id
    return replace(subscription, latest_invoice_id=invoice_id, first_invoice_id=first)


def invoiced(subscription: Subscription, lines: Sequence[InvoiceLine], taxed: bool = True) -> Subscription:
    """The subscription once its lines are on an invoice: what it has billed is known with its line id and its taxes.

    Args:
        taxed: False where the tax on the invoice is still to come: so long it is known by ``of_line`` alone.
    """
    final = {replace(line, id="", taxes=(), untaxed=()): line for line in lines}
    by_id = {line.id: line for line in lines}

    def known(line: InvoiceLine) -> InvoiceLine:
        found = by_id.get(line.id or line.of_line or "") or final.get(line)
        if found is None:
            return line
        return found if taxed else replace(found, id="", taxes=(), untaxed=(), of_line=found.id)

    billed = tuple(known(each) for each in subscription.billed)
    return subscription if billed == subscription.billed else replace(subscription, billed=billed)


def unbilled(subscription: Subscription, lines: Sequence[InvoiceLine]) -> Subscription:
    """The subscription after an invoice became void: as if its lines had never been on one.

    What nobody pays, no change gives back, nor do the credits that waited for it. And what the invoice itself gave back
    of others, or of usage, is owed again: it goes onto the next one.

    Args:
        lines: the invoice's.
    """
    own = {line.id for line in lines}
    billed = tuple(line for line in subscription.billed if not own & {line.id, line.of_line})
    kept = tuple(line for line in subscription.pending if line.gives_back not in own)
    credits_ = (line for line in lines if line.amount.is_negative and (line.gives_back or line.usage))
    pending = (*kept, *(replace(line, id="") for line in credits_ if line.gives_back not in own))
    if (billed, pending) == (subscription.billed, subscription.pending):
        return subscription
    return replace(subscription, billed=billed, pending=pending)


def owed(subscription: Subscription, lines: Sequence[InvoiceLine], at: datetime, shard: str) -> Subscription:
    """The subscription with credits that wait for its next invoice; if it has ended, for a last one, from now on."""
    after = replace(subscription, pending=(*subscription.pending, *lines))
    if subscription.state is not SubscriptionState.CANCELED:
        return after
    return replace(after, due=Due(shard, at))


def unpaused(subscription: Subscription) -> Subscription:
    """The subscription running again, in the period that it is in."""
    return replace(
        subscription,
        state=standing(subscription),
        paused_at=None,
        paused_by=None,
        resumes_at=None,
        rest_returned=False,
    )


def invoice_unpaid(subscription: Subscription, invoice_id: str) -> Subscription:
    """The subscription after the charge of an invoice failed: past due; what is paused is so when it resumes.

    What never began stays incomplete.
    """
    not_begun = subscription.state is SubscriptionState.INCOMPLETE
    if not_begun or invoice_id in subscription.unpaid_invoice_ids:
        return subscription
    unpaid = (*subscription.unpaid_invoice_ids, invoice_id)
    stands = subscription.state not in (SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE)
    state = subscription.state if stands else SubscriptionState.PAST_DUE
    return replace(subscription, state=state, unpaid_invoice_ids=unpaid)


def dunned(subscription: Subscription, action: DunningAction, at: datetime) -> Subscription:
    """The subscription after the last attempt to collect one of its invoices failed; a pause does not save it."""
    paused = subscription.state is SubscriptionState.PAUSED and subscription.paused_by is PausedBy.REQUEST
    if action is DunningAction.LEFT or not (paused or subscription.state in RENEWING):
        return subscription
    if action is DunningAction.CANCELED:
        return replace(ended(subscription, at), ended_unpaid=True)
    return replace(
        subscription,
        state=SubscriptionState.PAUSED,
        paused_at=subscription.paused_at if paused else at,
        paused_by=PausedBy.DUNNING,
        resumes_at=None,
        due=None,
    )


def cancel(subscription: Subscription, at: datetime, at_period_end: bool) -> Subscription:
    """The subscription canceled now, or marked to end with its period.

    Raises:
        InvalidState: it is canceled already; or paused, and to end with its period: none is running that could end,
            and to end it now would take from it what nobody asked to take.
    """
    if subscription.state is SubscriptionState.CANCELED:
        raise InvalidState.of("subscription", subscription.state, "canceled")
    if at_period_end and subscription.state is SubscriptionState.PAUSED:
        raise InvalidState.of("subscription", subscription.state, "canceled at its period's end")
    if at_period_end and subscription.state in RENEWING:
        return replace(subscription, cancel_at_period_end=True)
    return ended(subscription, at)


def ended(subscription: Subscription, at: datetime) -> Subscription:
    """The subscription canceled at ``at``; it has no alarm any more, and nothing waits for an invoice."""
    return replace(
        subscription,
        state=SubscriptionState.CANCELED,
        canceled_at=at,
        resumes_at=None,
        pending=(),
        due=None,
    )


def is_told(before: Subscription, after: Subscription) -> bool:
    """Whether anything changed on a subscription that subscribers see."""
    kept = {"billed": before.billed, "awaits_first_payment": before.awaits_first_payment}
    return replace(after, **kept) != before  # type: ignore[arg-type]


def event_of(before: Subscription | None, after: Subscription) -> EventType:
    """The event that announces a changed subscription."""
    if before is None:
        return EventType.SUBSCRIPTION_CREATED
    if before.state is after.state:
        return EventType.SUBSCRIPTION_UPDATED
    if before.state is SubscriptionState.PAUSED and after.state in RENEWING:
        return EventType.SUBSCRIPTION_RESUMED
    return _ENTERED.get(after.state, EventType.SUBSCRIPTION_UPDATED)


_ENTERED = {
    SubscriptionState.CANCELED: EventType.SUBSCRIPTION_CANCELED,
    SubscriptionState.PAUSED: EventType.SUBSCRIPTION_PAUSED,
    SubscriptionState.PAST_DUE: EventType.SUBSCRIPTION_PAST_DUE,
}
