"""What the alarm clock does about subscriptions: the next period, a trial's end, a resume, the end, late usage.

Each step is one unit of work (or two commits around a charge), safe to repeat: the invoice's id is derived from
(subscription, period), and the subscription moves by its version.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from billing.domain.catalog.plan import Plan
from billing.domain.customers.customer import Customer
from billing.domain.invoicing.invoice import BillingReason
from billing.domain.invoicing.issuing import period_invoice_id, step_invoice_id
from billing.domain.invoicing.numbers import next_invoice_of
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import InvalidState
from billing.domain.kernel.event_types import EventType
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import ProrationBehavior, Step
from billing.domain.subscriptions.subscription import RENEWING, Subscription, SubscriptionState
from billing.domain.tenant import Tenant
from billing.services.catalog.plans import plan_ref_of
from billing.services.clocks.shards import DueShards
from billing.services.invoicing.biller import Biller, BillingContext, BillingOptions
from billing.services.kernel.due_items import load_due
from billing.services.kernel.work import Ref, Work
from billing.services.payments.collection import Collector
from billing.services.subscriptions.abandonment import give_up
from billing.services.usage.closing import Closing, UsageCloser

_LOOK_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Renewals:
    """The use cases of the billing worker."""

    biller: Biller
    collector: Collector
    usage: UsageCloser
    shards: DueShards

    def bill_subscription(self, work: Work, subscription_id: str, now: datetime) -> Due | None:
        """Do what is due for a subscription: end it, announce its trial's end, resume it, or begin its next period.

        Args:
            now: the wall clock's time, or the test clock's.

        Returns:
            when it is due next; None when never.
        """
        before, due = load_due(work, Subscription, subscription_id, now)
        if before is None or due is None:
            return due
        if before.state is SubscriptionState.INCOMPLETE:
            return self._give_up(work, before, now)
        if before.state is SubscriptionState.PAUSED and before.cancel_at_period_end:
            self._close(work, before)
            return None
        if before.state is SubscriptionState.PAUSED and before.resumes_at is not None:
            return self._resume(work, before, before.resumes_at)
        if before.state is SubscriptionState.CANCELED and before.pending and not _usage_is_final(before):
            return self._bill_what_waits(work, before)
        if before.state is SubscriptionState.CANCELED and before.usage_until is not None:
            self._bill_late_usage(work, before)
            return None
        if before.state not in RENEWING:
            return work.save(replace(before, due=None)).due
        if before.state is SubscriptionState.TRIALING and now < before.current_period.end:
            return self._announce(work, before)
        if before.cancel_at_period_end:
            self._close(work, before)
            return None
        return self._next_period(work, before)

    def _next_period(self, work: Work, before: Subscription) -> Due | None:
        """Begin the next period at the end of the one before it, even if the sweep is late.

        One period at a time, so that a missed schedule is made up for in order.
        """
        assert before.due is not None
        context, plan = self._loaded(work, before)
        at = before.current_period.end
        used = self.usage.close(work, context.found, Closing(before, plan, at))
        step = used.on(changes.begin_period(before, plan, at, context.customer.timezone))
        options = BillingOptions.by_alarm(
            BillingReason.SUBSCRIPTION_CYCLE, at, before.due.shard, work.tenant.grace_period_s
        )
        return self._carry_out(work, context, before, step, options, _invoice_id(step))

    def _resume(self, work: Work, before: Subscription, at: datetime) -> Due | None:
        """Resume a paused subscription."""
        assert before.due is not None
        context, plan = self._loaded(work, before)
        step = changes.resume(before, plan, at, context.customer.timezone)
        if step.invoiced:
            step = self.usage.close(work, context.found, Closing(before, plan, at)).on(step)
        options = BillingOptions.by_alarm(BillingReason.SUBSCRIPTION_CYCLE, at, before.due.shard)
        return self._carry_out(work, context, before, step, options, _invoice_id(step))

    def _carry_out(
        self,
        work: Work,
        context: BillingContext,
        before: Subscription,
        step: Step,
        options: BillingOptions,
        invoice_id: str,
    ) -> Due | None:
        billed = self.biller.carry_out(work, context, before, step, options, invoice_id)
        assert billed.subscription is not None
        return billed.subscription.due

    def _announce(self, work: Work, before: Subscription) -> Due | None:
        after = work.save(lifecycle.announced(before, self.shards.of(before)))
        work.emit(EventType.SUBSCRIPTION_TRIAL_WILL_END, after)
        return after.due

    def _close(self, work: Work, before: Subscription) -> None:
        """End a subscription with its period, and bill what is left to bill."""
        assert before.due is not None
        context, plan = self._loaded(work, before)
        at = before.current_period.end
        lines = changes.closing(before, plan, at, ProrationBehavior.NONE)
        used = self.usage.close(work, context.found, Closing(before, plan, at))
        step = used.on(Step(lifecycle.ended(before, at), lines, lines))
        options = BillingOptions.by_alarm(BillingReason.SUBSCRIPTION_CANCEL, at, before.due.shard)
        self._carry_out(work, context, before, step, options, step_invoice_id(before, at))

    def _bill_what_waits(self, work: Work, before: Subscription) -> Due | None:
        """Bill what a subscription that has ended is owed since: a dispute was won."""
        assert before.due is not None
        context, _ = self._loaded(work, before)
        at = before.due.at
        step = Step(replace(before, pending=(), due=None), (), before.pending)
        options = BillingOptions.by_alarm(BillingReason.SUBSCRIPTION_CANCEL, at, before.due.shard)
        return self._carry_out(work, context, before, step, options, step_invoice_id(before, at))

    def _bill_late_usage(self, work: Work, before: Subscription) -> None:
        """Bill the late usage of a subscription that has ended; from now on no more is accepted."""
        assert before.due is not None
        assert before.canceled_at is not None
        context, plan = self._loaded(work, before)
        at = before.due.at
        used = self.usage.close(work, context.found, Closing(before, plan, before.canceled_at, final=True))
        step = used.on(Step(replace(before, usage_until=None, pending=()), before.pending, before.pending))
        if not step.invoiced:
            work.save(lifecycle.with_alarm(step.subscription, before.due.shard))
            return
        options = BillingOptions.by_alarm(BillingReason.SUBSCRIPTION_CANCEL, at, before.due.shard)
        self._carry_out(work, context, before, step, options, step_invoice_id(before, at))

    def refs(self, tenant: Tenant, subscription: Subscription) -> tuple[Ref[Any], ...]:
        """What a step of a subscription has to load, beside the subscription itself."""
        return (
            Ref(Customer, tenant.id, subscription.customer_id),
            plan_ref_of(subscription),
            *self.biller.refs(tenant, subscription.customer_id),
            *self.usage.refs(tenant, subscription),
        )

    def numbered_ahead(self, tenant: Tenant, subscription: Subscription) -> str | None:
        """What the number is claimed for that the next step of a subscription most likely takes; None for none."""
        renews = subscription.state in RENEWING and not subscription.cancel_at_period_end
        ended = subscription.due is not None and subscription.due.at == subscription.current_period.end
        if not renews or not ended or tenant.grace_period_s or subscription.test_clock_id is not None:
            return None
        return next_invoice_of(subscription)

    def _loaded(self, work: Work, subscription: Subscription) -> tuple[BillingContext, Plan]:
        found = work.load(*self.refs(work.tenant, subscription))
        customer = found.require(Ref(Customer, work.tenant.id, subscription.customer_id))
        return self.biller.context(found, work.tenant, customer), found.require(plan_ref_of(subscription))

    def _give_up(self, work: Work, subscription: Subscription, now: datetime) -> Due | None:
        """End a subscription whose first invoice nobody paid; try again later if its payment has no outcome yet."""
        try:
            return give_up(work, self.collector, subscription, now).due
        except InvalidState:
            assert subscription.due is not None
            again = replace(subscription.due, at=now + _LOOK_EVERY)
            return work.save(replace(subscription, due=again)).due


def _usage_is_final(subscription: Subscription) -> bool:
    """Whether a subscription that has ended is due because no more usage of it is accepted."""
    until = subscription.usage_until
    return until is not None and subscription.due is not None and subscription.due.at >= until


def _invoice_id(step: Step) -> str:
    return period_invoice_id(step.subscription, step.subscription.current_period)
