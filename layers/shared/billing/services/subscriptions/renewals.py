"""What the alarm clock does about subscriptions and invoices: the next period, a trial's end, a resume, a draft whose
time has come, the next dunning step.

Each step is one unit of work (or two commits around a charge), safe to repeat: the invoice's id is derived from
(subscription, period), the attempt's from (invoice, number), and the subscription moves by its version.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing.domain.catalog.plan import Plan
from billing.domain.customers.customer import Customer
from billing.domain.invoicing import settlement
from billing.domain.invoicing.dunning import Dunning
from billing.domain.invoicing.invoice import BillingReason, Invoice, InvoiceStatus
from billing.domain.invoicing.issuing import period_invoice_id
from billing.domain.kernel.due import Due, clock_of
from billing.domain.kernel.errors import InvalidState, TaxJurisdictionUnsupported
from billing.domain.kernel.event_types import EventType
from billing.domain.payments.payment import Payment, PaymentStatus, SettledBy
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import ProrationBehavior, Step
from billing.domain.subscriptions.subscription import RENEWING, Subscription, SubscriptionState
from billing.services.catalog.plans import plan_ref_of
from billing.services.invoicing.biller import Biller, BillingContext, BillingOptions, method_of
from billing.services.kernel.due_items import load_due
from billing.services.kernel.recovery import ChargePending
from billing.services.kernel.work import Ref, Work
from billing.services.payments.collection import Attempt, Collector
from billing.services.subscriptions.abandonment import give_up

_LOOK_EVERY = timedelta(hours=1)
_ASK_FOR_TAX_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Renewals:
    """The use cases of the billing worker."""

    biller: Biller

    @property
    def collector(self) -> Collector:
        """What charges."""
        return self.biller.collector

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
        if before.state is SubscriptionState.PAUSED and before.resumes_at is not None:
            return self._resume_or_close(work, before, before.resumes_at)
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

    def bill_invoice(self, work: Work, invoice_id: str, now: datetime) -> Due | None:
        """Do what is due for an invoice: a draft is finalized and charged, an open one is charged again (dunning).

        Returns:
            when it is due next; None when never.
        """
        invoice, due = load_due(work, Invoice, invoice_id, now)
        if invoice is None or due is None:
            return due
        if invoice.status not in (InvoiceStatus.DRAFT, InvoiceStatus.OPEN):
            return work.save(replace(invoice, due=None)).due
        tenant_id = work.tenant.id
        customer_ref = Ref(Customer, tenant_id, invoice.customer_id)
        subscription_ref = Ref(Subscription, tenant_id, invoice.subscription_id or "")
        payment_ref = Ref(Payment, tenant_id, invoice.latest_payment_id or "")
        known = [each for each in (customer_ref, subscription_ref, payment_ref) if each.id]
        found = work.load(*known, *self.biller.refs(work.tenant, invoice.customer_id))
        context = self.biller.context(found, work.tenant, found.require(customer_ref))
        subscription = found.get(subscription_ref)
        at = due.at if clock_of(due.shard) else now
        if invoice.status is InvoiceStatus.DRAFT:
            options = self._occasion(BillingReason.SUBSCRIPTION_CYCLE, at, due.shard)
            return self._finalize(work, context, invoice, subscription, options)
        return self._dun(work, context, invoice, subscription, found.get(payment_ref), at)

    def _finalize(
        self,
        work: Work,
        context: BillingContext,
        draft: Invoice,
        subscription: Subscription | None,
        options: BillingOptions,
    ) -> Due | None:
        """Finalize a draft; if nobody knows its tax, look again tomorrow: somebody has to correct an address."""
        assert draft.due is not None
        try:
            billed = self.biller.finalize(work, context, draft, subscription, options)
        except TaxJurisdictionUnsupported:
            tomorrow = Due(draft.due.shard, options.at + _ASK_FOR_TAX_EVERY)
            return work.save(replace(draft, tax_waits=True, due=tomorrow)).due
        assert billed.invoice is not None
        return billed.invoice.due

    def _next_period(self, work: Work, before: Subscription) -> Due | None:
        """Begin the next period at the end of the one before it, even if the sweep is late.

        One period at a time, so that a missed schedule is made up for in order.
        """
        assert before.due is not None
        context, plan = self._loaded(work, before)
        at = before.current_period.end
        used = self.biller.usage.close(work, context.found, before, plan, at)
        step = used.on(changes.begin_period(before, plan, at))
        options = self._occasion(BillingReason.SUBSCRIPTION_CYCLE, at, before.due.shard, work.tenant.grace_period_s)
        return self._carry_out(work, context, before, step, options, _invoice_id(step))

    def _resume_or_close(self, work: Work, before: Subscription, at: datetime) -> Due | None:
        """Resume a paused subscription; or end it, if it was to end with a period that is over by now."""
        assert before.due is not None
        if before.cancel_at_period_end and at >= before.current_period.end:
            self._close(work, before)
            return None
        context, plan = self._loaded(work, before)
        step = changes.resume(before, plan, at)
        if step.invoiced:
            step = self.biller.usage.close(work, context.found, before, plan, at).on(step)
        options = self._occasion(BillingReason.SUBSCRIPTION_CYCLE, at, before.due.shard)
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
        after = work.save(lifecycle.announced(before, self.collector.shard_of(before)))
        work.emit(EventType.SUBSCRIPTION_TRIAL_WILL_END, after)
        return after.due

    def _close(self, work: Work, before: Subscription) -> None:
        """End a subscription with its period, and bill what is left to bill."""
        assert before.due is not None
        context, plan = self._loaded(work, before)
        at = before.current_period.end
        lines = changes.closing(before, plan, at, ProrationBehavior.NONE)
        used = self.biller.usage.close(work, context.found, before, plan, at)
        step = used.on(Step(lifecycle.ended(before, at), lines, lines))
        options = self._occasion(BillingReason.SUBSCRIPTION_CANCEL, at, before.due.shard)
        self._carry_out(work, context, before, step, options, work.fresh_id("in", at))

    def _bill_late_usage(self, work: Work, before: Subscription) -> None:
        """Bill the late usage of a subscription that has ended; from now on no more is accepted."""
        assert before.due is not None
        assert before.canceled_at is not None
        context, plan = self._loaded(work, before)
        at = before.due.at
        used = self.biller.usage.close(work, context.found, before, plan, before.canceled_at, final=True)
        step = used.on(Step(replace(before, usage_until=None, pending=()), before.pending, before.pending))
        if not step.invoiced:
            work.save(lifecycle.with_alarm(step.subscription, before.due.shard))
            return
        options = self._occasion(BillingReason.SUBSCRIPTION_CANCEL, at, before.due.shard)
        self._carry_out(work, context, before, step, options, work.fresh_id("in", at))

    def _dun(
        self,
        work: Work,
        context: BillingContext,
        invoice: Invoice,
        subscription: Subscription | None,
        latest: Payment | None,
        at: datetime,
    ) -> Due | None:
        """The next dunning step of an open invoice: charge it again, or end dunning if the schedule is used up."""
        assert invoice.due is not None
        dunning = invoice.dunning or Dunning(at)
        if dunning.next_at(work.tenant.dunning_schedule_days) is None:
            self._dunned(work, context, invoice, subscription, at)
            return None
        shard = invoice.due.shard
        if latest is not None and latest.status in (PaymentStatus.PENDING, PaymentStatus.PROCESSING):
            later = replace(invoice.due, at=at + _LOOK_EVERY)
            return work.save(replace(invoice, due=later)).due
        if latest is not None:
            attempt = self.collector.withdraw(work, Attempt(latest, invoice, subscription), at)
            if attempt.invoice.status is not InvoiceStatus.OPEN:
                return None
            invoice, subscription = attempt.invoice, attempt.subscription
        stepped = self.collector.in_dunning(invoice, work.tenant, dunning.stepped(), at)
        method_id = method_of(context.customer, subscription)
        if not dunning.may_charge(method_id):
            # One that is there was declined for good: the invoice says so already.
            stepped = work.save(settlement.without_method(stepped) if method_id is None else stepped)
            work.emit(EventType.INVOICE_PAYMENT_FAILED, stepped)
            return self._after_step(work, context, stepped, subscription, at)
        assert method_id is not None
        payment, invoice = self.collector.attempt(
            work, stepped, context.customer, method_id, at, True, _settle_due(shard, at)
        )
        work.checkpoint(ChargePending(payment.id, invoice.id))
        result = self.collector.charge(payment)
        attempt = self.collector.settle(work, Attempt(payment, invoice, subscription), result, at, SettledBy.SWEEP)
        return self._after_step(work, context, attempt.invoice, attempt.subscription, at)

    def _after_step(
        self, work: Work, context: BillingContext, invoice: Invoice, subscription: Subscription | None, at: datetime
    ) -> Due | None:
        """When the next step is; if the last one failed, dunning ends at once."""
        if invoice.due is not None and invoice.due.at <= at:
            self._dunned(work, context, invoice, subscription, at)
            return None
        return invoice.due

    def _dunned(
        self, work: Work, context: BillingContext, invoice: Invoice, subscription: Subscription | None, at: datetime
    ) -> None:
        """The schedule is used up: treat the subscription as the tenant chose; the invoice stays open to be paid."""
        assert invoice.due is not None
        shard = invoice.due.shard
        work.save(replace(invoice, due=None))
        if subscription is None:
            return
        after = lifecycle.dunned(subscription, work.tenant.dunning_action, at)
        if after is subscription:
            return
        step = Step(after)
        if after.state is SubscriptionState.CANCELED:
            plan_ref = plan_ref_of(subscription)
            found = work.load(plan_ref, *self.biller.usage.refs(work.tenant, subscription))
            plan = found.require(plan_ref)
            lines = changes.closing(subscription, plan, at, ProrationBehavior.NONE)
            used = self.biller.usage.close(work, found, subscription, plan, at, ending=True)
            step = used.on(Step(after, lines, lines))
        options = self._occasion(BillingReason.SUBSCRIPTION_CANCEL, at, shard)
        self._carry_out(work, context, subscription, step, options, work.fresh_id("in", at))

    def _loaded(self, work: Work, subscription: Subscription) -> tuple[BillingContext, Plan]:
        customer_ref = Ref(Customer, work.tenant.id, subscription.customer_id)
        plan_ref = plan_ref_of(subscription)
        tenant = work.tenant
        found = work.load(
            customer_ref,
            plan_ref,
            *self.biller.refs(tenant, subscription.customer_id),
            *self.biller.usage.refs(tenant, subscription),
        )
        return self.biller.context(found, work.tenant, found.require(customer_ref)), found.require(plan_ref)

    @staticmethod
    def _occasion(reason: BillingReason, at: datetime, shard: str, grace_s: int = 0) -> BillingOptions:
        return BillingOptions(reason, at, SettledBy.SWEEP, True, grace_s, _settle_due(shard, at), patient=True)

    def _give_up(self, work: Work, subscription: Subscription, now: datetime) -> Due | None:
        """End a subscription whose first invoice nobody paid; try again later if its payment has no outcome yet."""
        try:
            return give_up(work, self.collector, subscription, now).due
        except InvalidState:
            assert subscription.due is not None
            again = replace(subscription.due, at=now + _LOOK_EVERY)
            return work.save(replace(subscription, due=again)).due


def _settle_due(shard: str, at: datetime) -> Due | None:
    """When an interrupted attempt is due; on a test clock before anything later, so that time stays in order."""
    return Due(shard, at) if clock_of(shard) else None


def _invoice_id(step: Step) -> str:
    return period_invoice_id(step.subscription, step.subscription.current_period)
