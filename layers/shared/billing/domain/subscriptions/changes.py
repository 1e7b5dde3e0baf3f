"""What the beginning of a period, a change, a pause and a resume bill, to the unit; all pure.

Whatever is sold in advance is billed from an instant to the end of the cadence's period, in full or prorated: a first
period that begins before its anchor, a renewal and a resume are the same act, ``begin_period``. A change gives back
what was billed and not used, computed from what was really billed, net of its discount, and bills the rest of the
period anew: 10.00 -> 20.00 a month, half way: -5.00 and +10.00 (Stripe, "Prorations").
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.plan import PauseBilling, Plan, PlanKey
from billing.domain.kernel.errors import Conflict, InvalidState, ValidationFailed
from billing.domain.kernel.periods import Cadence, Interval, Period, months_apart
from billing.domain.kernel.proration import ProrationUnit, counted_from
from billing.domain.lines.line import InvoiceLine
from billing.domain.subscriptions import mrr
from billing.domain.subscriptions.lifecycle import check_anchor, check_quantities, standing, unpaused
from billing.domain.subscriptions.period_lines import given_back, in_advance
from billing.domain.subscriptions.subscription import RENEWING, PausedBy, Subscription, SubscriptionState
from billing.domain.subscriptions.terms import in_zone, past_terms

MOST_PENDING_LINES = 200
"""The most lines that may wait for the next invoice, as they are stored with the subscription. ``invoice_now`` bills
them at once."""


class DiscountApplies(StrEnum):
    """When the discount of a subscription changes: for the rest of the running period, or from the next one on."""

    NOW = "now"
    NEXT_PERIOD = "next_period"


class ProrationBehavior(StrEnum):
    """What a change does about the rest of the period: bill it with the next invoice, bill it now, or leave it."""

    CREATE_PRORATIONS = "create_prorations"
    INVOICE_NOW = "invoice_now"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Step:
    """A step in a subscription's life: the subscription after it, and what the step bills (or gives back).

    Args:
        lines: what the step itself bills.
        invoiced: what goes onto an invoice at once: the step's lines and those that waited. Empty where the step's
            lines wait in ``subscription.pending`` for the next one.
    """

    subscription: Subscription
    lines: tuple[InvoiceLine, ...] = ()
    invoiced: tuple[InvoiceLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change that somebody wants.

    Args:
        plan: the plan version to go to; the present one where only quantities change.
        discount: the discount that it is to have; the present one where that stays.
        replaces_discount: the discount was redeemed, or removed, with this change. It may look like the one before: the
            same coupon, redeemed twice in a second.
        applies: when another discount holds; None means at once with another plan, else from the next period on.
        timezone: the customer's, for a period that begins with the change; None for the one that it has.
        anchor_day, anchor_month: when the periods of another interval are to begin; None for now.
    """

    plan: Plan
    quantities: dict[str, int]
    discount: Discount | None
    behavior: ProrationBehavior = ProrationBehavior.CREATE_PRORATIONS
    proration_at: datetime | None = None
    replaces_discount: bool = False
    applies: DiscountApplies | None = None
    timezone: str | None = None
    anchor_day: int | None = None
    anchor_month: int | None = None


def begin_period(subscription: Subscription, plan: Plan, at: datetime, timezone: str | None = None) -> Step:
    """The subscription in the period of its cadence that contains ``at``, billed from there to the period's end.

    A renewal begins where the period before it ended, so it bills the whole one. One that begins in the middle bills
    its share: anchor day 1, start 20 January: 12/31 of January.

    Args:
        timezone: its customer's, in which the period is to be, see ``terms.in_zone``; None for the one that it has.
    """
    subscription = in_zone(subscription, timezone, at) if timezone is not None else subscription
    index = subscription.cadence.index_at(at)
    span = Period(at, subscription.cadence.period(index).end)
    if not _goes_on(subscription, index):
        following = subscription.discount.next_period() if subscription.discount is not None else None
        subscription = replace(subscription, by_the_second=False).with_discounts(following, following)
    subscription = _in_one_unit(subscription, plan)
    lines = in_advance(subscription, plan, subscription.period_discount, span)
    after = replace(
        subscription,
        state=standing(subscription),
        period_index=index,
        current_period=span,
        billed=lines,
        pending=(),
        paused_at=None,
        paused_by=None,
        resumes_at=None,
        rest_returned=False,
        price=mrr.recurring_price(plan, subscription.quantities),
        awaits_first_payment=mrr.awaits_payment(subscription, lines),
    )
    return Step(after, lines, (*subscription.pending, *lines))


def with_usage(step: Step, lines: tuple[InvoiceLine, ...], behavior: ProrationBehavior | None = None) -> Step:
    """The step with what was used until it: on the invoice that it makes, or else waiting for the next one.

    Args:
        behavior: of a change or a pause, whose lines may wait; None if everything is billed at once.
    """
    if not lines:
        return step
    if behavior is None or step.invoiced:
        return replace(step, lines=(*lines, *step.lines), invoiced=(*lines, *step.invoiced))
    waiting = _step(step.subscription, lines, behavior)
    return replace(waiting, lines=(*lines, *step.lines))


def _goes_on(subscription: Subscription, index: int) -> bool:
    """Whether a paused subscription resumes within the period that was running.

    Then the rest of it has the discount that the period had, and does not use up another: a coupon that waits for the
    next month must not be spent on the last three days of this one.
    """
    return subscription.rest_returned and index == subscription.period_index


def first_period(subscription: Subscription, plan: Plan) -> Step:
    """The first billed period of a subscription that begins without a trial.

    It stays incomplete until that is paid; where all is billed in arrears there is nothing to wait for.
    """
    step = begin_period(subscription, plan, subscription.current_period.start)
    if not step.invoiced:
        return step
    return replace(step, subscription=replace(step.subscription, state=subscription.state))


def change(subscription: Subscription, present: Plan, wanted: Wanted, at: datetime) -> Step:
    """The subscription with another plan, other quantities or another discount.

    By default a discount that is added or removed alone counts from the next period on ("next month half price"). The
    running period keeps the discount that it was billed with, and so do prorations in it. A discount that comes with
    another plan holds at once, and the running period is the first that it uses.

    Args:
        present: the plan version that it has.
        at: now, on the customer's clock.

    Raises:
        InvalidState: it is canceled or incomplete; or paused, or about to end, and the interval would change.
        ValidationFailed: the quantities do not fit the plan; the proration date is not within what is billed; the
            periods are to begin at a day or in a month, and no other interval begins, or none that has months.
        Conflict: its period is over, and the renewal has yet to come.
    """
    if subscription.state in (SubscriptionState.CANCELED, SubscriptionState.INCOMPLETE):
        raise InvalidState.of("subscription", subscription.state, "changed")
    check_quantities(wanted.plan, wanted.quantities)
    require_running_period(subscription, at)
    subscription = _in_one_unit(subscription, present, wanted.plan)
    running, following = _discounts(subscription, present, wanted, at)
    after = replace(
        subscription,
        plan_id=wanted.plan.id,
        plan_version=wanted.plan.plan_version,
        plan_tenant_id=wanted.plan.tenant_id,
        quantities=dict(wanted.quantities),
        meters=tuple(dict.fromkeys((*subscription.meters, *wanted.plan.meters))),
        past_terms=past_terms(subscription, wanted.plan, at),
        price=mrr.recurring_price(wanted.plan, wanted.quantities),
    ).with_discounts(running, following)
    if _interval(wanted.plan) != (subscription.cadence.interval, subscription.cadence.interval_count):
        check_anchor(wanted.plan, wanted.anchor_day, wanted.anchor_month)
        return _change_of_interval(subscription, after, present, wanted, at)
    if wanted.anchor_day is not None or wanted.anchor_month is not None:
        said = "anchorDay" if wanted.anchor_day is not None else "anchorMonth"
        raise ValidationFailed.of(said, "only_with_another_interval", "The running period keeps its bounds")
    if not subscription.rest_is_billed(at):
        return Step(after)
    return _change_within_period(subscription, after, present, wanted, at)


def pause(
    subscription: Subscription, plan: Plan, at: datetime, resumes_at: datetime | None, behavior: ProrationBehavior
) -> Step:
    """The subscription paused now; the rest of its period is given back where the plan says so.

    Raises:
        InvalidState: it is in no state that runs, or it is about to end.
        ValidationFailed: it would resume in the past.
        Conflict: its period is over, and the renewal has yet to come.
    """
    if subscription.state not in RENEWING:
        raise InvalidState.of("subscription", subscription.state, "paused")
    if subscription.cancel_at_period_end:
        raise InvalidState.of("subscription", f"{subscription.state} and about to end", "paused")
    at = at.replace(microsecond=0)  # as resuming does: a pause that is resumed at once costs nothing
    if resumes_at is not None and resumes_at <= at:
        raise ValidationFailed.of("resumesAt", "not_in_the_future")
    require_running_period(subscription, at)
    credited = plan.pause_billing is PauseBilling.CREDIT and behavior is not ProrationBehavior.NONE
    credited = credited and not subscription.is_billed_elsewhere(at)  # resuming within it must not bill it anew
    trialing = subscription.state is SubscriptionState.TRIALING
    lines = () if trialing or not credited else given_back(subscription, plan, at)
    after = replace(
        subscription,
        state=SubscriptionState.PAUSED,
        paused_at=at,
        paused_by=PausedBy.REQUEST,
        resumes_at=resumes_at,
        rest_returned=credited and not trialing,
        billed=() if credited else subscription.billed,
        due=None,
    )
    return _step(after, lines, behavior)


def resume(subscription: Subscription, plan: Plan, at: datetime, timezone: str | None = None) -> Step:
    """The subscription running again, from ``at``; or without the end that was set for it.

    In a trial, or in a period that is paid for, nothing is billed; else the rest of the cadence's running period is.

    Args:
        timezone: its customer's, as for ``begin_period``.

    Raises:
        InvalidState: it is neither paused nor about to end.
    """
    if subscription.state is not SubscriptionState.PAUSED:
        if subscription.state in RENEWING and subscription.cancel_at_period_end:
            return Step(replace(subscription, cancel_at_period_end=False))
        raise InvalidState.of("subscription", subscription.state, "resumed")
    if subscription.paused_by is PausedBy.DUNNING and subscription.unpaid_invoice_ids:
        # Paying, or giving up, what is unpaid resumes it; else one could run on unpaid for ever.
        raise InvalidState.of("subscription", "paused with unpaid invoices", "resumed")
    at = at.replace(microsecond=0)
    subscription = replace(subscription, cancel_at_period_end=False)  # resuming also withdraws a cancellation
    if subscription.paused_by is PausedBy.START:
        subscription = _starting(subscription, at)
    if subscription.trial_end is not None and at < subscription.trial_end:
        running = replace(unpaused(subscription), state=SubscriptionState.TRIALING)
        return Step(replace(running, current_period=Period(at, subscription.trial_end)))
    if not subscription.rest_returned and at < subscription.current_period.end:
        return Step(unpaused(subscription))
    return begin_period(subscription, plan, at, timezone)


def _starting(subscription: Subscription, at: datetime) -> Subscription:
    """A subscription that was to start later, started at ``at``; its trial is as long as it was to be."""
    subscription = replace(subscription, began_at=at)
    if subscription.trial_end is None:
        return subscription
    trial_end = at + (subscription.trial_end - subscription.current_period.end)
    if trial_end == subscription.trial_end:
        return subscription
    cadence = subscription.cadence
    moved = Cadence.starting(trial_end, cadence.timezone, cadence.interval, cadence.interval_count)
    return replace(subscription, trial_end=trial_end, cadence=moved)


def closing(
    subscription: Subscription,
    plan: Plan,
    at: datetime,
    behavior: ProrationBehavior,
) -> tuple[InvoiceLine, ...]:
    """What goes onto the last invoice of a subscription, beside its usage: lines that waited, and credits.

    What a pause kept is given back from now on, as what runs is: 30.00 for June, paused on the 11th by a plan that
    keeps the rest, canceled on the 16th: -15.00. A pause by dunning keeps it, too.

    Args:
        behavior: ``none`` gives nothing back for the rest of the period.
    """
    at = at.replace(microsecond=0)  # as for a pause and a change
    returned = behavior is not ProrationBehavior.NONE and subscription.rest_is_billed(at)
    return (*subscription.pending, *(given_back(subscription, plan, at) if returned else ()))


def _in_one_unit(subscription: Subscription, *plans: Plan) -> Subscription:
    """The subscription, its running period counted in one unit: the finest of the plans that it had in the period.

    By the day, the day of a change belongs to the new plan; by the second it is divided. If each side of a change had
    its own unit, changing at 23:59:59 from a plan by the day to one by the second, and back at midnight, would make
    that day free.
    """
    finest = any(plan.proration_unit is ProrationUnit.SECOND for plan in plans)
    return replace(subscription, by_the_second=subscription.by_the_second or finest)


def _change_within_period(
    before: Subscription, after: Subscription, present: Plan, wanted: Wanted, at: datetime
) -> Step:
    if wanted.behavior is ProrationBehavior.NONE:
        return Step(after)
    changed = _changed(before, after)
    if changed is not None and not changed:
        return _step(after, (), wanted.behavior)
    at = counted_from(before.counted_in(present), before.cadence.timezone, _proration_time(before, wanted, at))
    at = max(at, before.current_period.start)
    returned = given_back(before, present, at, changed)
    debits = in_advance(after, wanted.plan, after.period_discount, Period(at, before.current_period.end), changed)
    kept = tuple(line for line in before.billed if changed is not None and line.component not in changed)
    after = replace(after, billed=(*kept, *debits))
    return _step(after, (*returned, *(line for line in debits if not line.amount.is_zero)), wanted.behavior)


def _discounts(
    before: Subscription, present: Plan, wanted: Wanted, at: datetime
) -> tuple[Discount | None, Discount | None]:
    """The discount of the rest of the running period, and the one from the next period on.

    A discount for some plans does not hold for others.
    """
    running, following = (
        each if each is not None and each.holds_for(wanted.plan.id) else None
        for each in (before.period_discount, wanted.discount)
    )
    other_plan = PlanKey.of(present) != PlanKey.of(wanted.plan)
    applies = wanted.applies or (DiscountApplies.NOW if other_plan else DiscountApplies.NEXT_PERIOD)
    goes_on = _interval(wanted.plan) == (before.cadence.interval, before.cadence.interval_count)
    billed = goes_on and wanted.behavior is not ProrationBehavior.NONE and before.rest_is_billed(at)
    if not wanted.replaces_discount or applies is DiscountApplies.NEXT_PERIOD or not billed:
        return running, following
    at_once = following.applied() if following is not None else None
    return at_once, at_once


def _change_of_interval(before: Subscription, after: Subscription, present: Plan, wanted: Wanted, at: datetime) -> Step:
    """Another interval begins a new cycle at once: yearly 1000.00 -> monthly 100.00: what is left of the year is
    given back, and the first month is billed, on one invoice."""
    if before.state is SubscriptionState.PAUSED:
        raise InvalidState.of("subscription", before.state, "moved to another interval")
    if before.state is SubscriptionState.TRIALING:
        return Step(replace(after, cadence=_cadence_after_trial(before, wanted)))
    if before.cancel_at_period_end:
        # It was to end on a day. A new cycle would be billed beyond that; ended on the day, it were paid for nothing.
        raise InvalidState.of("subscription", f"{before.state} and about to end", "moved to another interval")
    if before.is_billed_elsewhere(at):
        # A new cycle bills from now on, and the rest of this one was billed where it was taken over from.
        raise InvalidState.of("subscription", "in a period that was billed elsewhere", "moved to another interval")
    if wanted.proration_at is not None:
        # Backdating would begin the new cycle in the past, and nobody would bill its first periods.
        raise ValidationFailed.of("prorationDate", "not_with_another_interval")
    at = _proration_time(before, wanted, at)
    # By the second, also of what is sold by the day: the new cycle begins at this second, and is billed from there.
    before = replace(before, by_the_second=True)
    returned = () if wanted.behavior is ProrationBehavior.NONE else given_back(before, present, at)
    timezone = wanted.timezone or before.cadence.timezone
    cadence = wanted.plan.cadence(at, timezone, wanted.anchor_day, wanted.anchor_month)
    step = begin_period(replace(after, cadence=cadence), wanted.plan, at)
    return Step(step.subscription, (*returned, *step.lines), (*before.pending, *returned, *step.lines))


def _cadence_after_trial(before: Subscription, wanted: Wanted) -> Cadence:
    """The cadence of another interval from the trial's end on: it begins where it was to, unless something else is said
    now."""
    plan, cadence = wanted.plan, before.cadence
    assert before.trial_end is not None
    if wanted.anchor_day is not None:
        return plan.cadence(before.trial_end, cadence.timezone, wanted.anchor_day, wanted.anchor_month)
    if cadence.anchor_month is not None and months_apart(*_interval(plan)) > 1:
        return plan.cadence(before.trial_end, cadence.timezone, cadence.anchor_day, cadence.anchor_month)
    interval, count = _interval(plan)
    return replace(cadence, interval=interval, interval_count=count, anchor_month=None)


def _step(after: Subscription, lines: tuple[InvoiceLine, ...], behavior: ProrationBehavior) -> Step:
    if behavior is ProrationBehavior.INVOICE_NOW:
        return Step(replace(after, pending=()), lines, (*after.pending, *lines) if lines else after.pending)
    pending = (*after.pending, *lines)
    if len(pending) > MOST_PENDING_LINES:
        raise Conflict(
            f"More than {MOST_PENDING_LINES} lines wait for the next invoice: bill them with invoice_now first"
        )
    return Step(replace(after, pending=pending), lines)


def _changed(before: Subscription, after: Subscription) -> Collection[str] | None:
    """The components whose price in the running period changes; None for all of them.

    A discount of an amount is spread over all components, so changing one of them shifts the shares of the others.
    """
    keys = {key for key, quantity in after.quantities.items() if before.quantities.get(key) != quantity}
    off = after.period_discount
    by_amount = off is not None and off.amount_off is not None
    same_discount = _terms(before.period_discount) == _terms(off)
    if before.plan_key != after.plan_key or not same_discount or (keys and by_amount):
        return None
    return keys


def _terms(discount: Discount | None) -> tuple[object, ...] | None:
    return (discount.coupon_id, discount.percent_off, discount.amount_off) if discount is not None else None


def _proration_time(subscription: Subscription, wanted: Wanted, at: datetime) -> datetime:
    """From when the change counts, on a whole second.

    Raises:
        ValidationFailed: not within the running period, in the future, or before the last change of it.
    """
    chosen = (wanted.proration_at or at).replace(microsecond=0)
    if not subscription.current_period.contains(chosen):
        if wanted.proration_at is None:
            return max(chosen, subscription.current_period.start)
        raise ValidationFailed.of("prorationDate", "outside_the_current_period")
    if chosen > at:
        # The days until then stay billed at the old price, and nothing could give them back: not a pause, not a change.
        raise ValidationFailed.of("prorationDate", "in_the_future")
    if any(line.period is not None and chosen < line.period.start for line in subscription.billed):
        raise ValidationFailed.of("prorationDate", "before_the_last_change")
    return chosen


def require_running_period(subscription: Subscription, at: datetime) -> None:
    """Refuse a change while the renewal is still due: that comes first.

    Raises:
        Conflict: the period is over, and the sweep has yet to begin the next one.
    """
    if subscription.state in RENEWING and at >= subscription.current_period.end:
        raise Conflict("The subscription's renewal is under way: try again in a minute", retry_after_s=30)


def _interval(plan: Plan) -> tuple[Interval, int]:
    return plan.interval, plan.interval_count
