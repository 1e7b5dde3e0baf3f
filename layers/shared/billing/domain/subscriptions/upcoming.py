"""What comes next for a subscription, and what it bills: a preview of the step that the alarm clock will take."""

from dataclasses import dataclass
from datetime import datetime

from billing.domain.catalog.plan import Plan
from billing.domain.kernel.errors import InvalidState
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import ProrationBehavior, Step
from billing.domain.subscriptions.subscription import RENEWING, Subscription, SubscriptionState


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A step that is to come.

    Args:
        before: the subscription as it will be just before it.
        at: when.
    """

    before: Subscription
    step: Step
    at: datetime


def next_step(subscription: Subscription, plan: Plan, timezone: str | None = None) -> Upcoming:
    """The next step that may make an invoice; what was used until then comes on top.

    A period's end begins the next one, or ends a subscription that is set to end; a paused one resumes if a time is
    set. Resuming within a period that is paid for bills nothing; then the next step is that period's end.

    Args:
        timezone: its customer's, in which the next period will be; None for the one that it has.

    Raises:
        InvalidState: it is canceled, incomplete, or paused for no certain time.
    """
    ends = subscription.cancel_at_period_end
    if subscription.state is SubscriptionState.PAUSED and subscription.resumes_at is not None and not ends:
        at = subscription.resumes_at
        step = changes.resume(subscription, plan, at, timezone)
        if not step.invoiced:
            return next_step(step.subscription, plan, timezone)
    elif subscription.state in RENEWING or (subscription.state is SubscriptionState.PAUSED and ends):
        at = subscription.current_period.end
        step = _at_period_end(subscription, plan, at, timezone)
    else:
        raise InvalidState.of("subscription", subscription.state, "billed again")
    return Upcoming(subscription, step, at)


def require_invoiced(subscription: Subscription, step: Step) -> Step:
    """A step of a subscription that makes an invoice.

    Raises:
        InvalidState: nothing is left to bill.
    """
    if not step.invoiced:
        raise InvalidState.of("subscription", f"{subscription.state} with nothing to bill", "invoiced next")
    return step


def _at_period_end(subscription: Subscription, plan: Plan, at: datetime, timezone: str | None) -> Step:
    if not subscription.cancel_at_period_end:
        return changes.begin_period(subscription, plan, at, timezone)
    lines = changes.closing(subscription, plan, at, ProrationBehavior.NONE)
    return Step(lifecycle.ended(subscription, at), lines, lines)
