"""Dunning: an open invoice is charged again on the days of its tenant's schedule, until it is paid or they are used up.

Each step is one unit of work (or two commits around a charge), safe to repeat: the attempt's id is derived from
(invoice, number), and the invoice moves by its version.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing.domain.invoicing import settlement
from billing.domain.invoicing.dunning import Dunning
from billing.domain.invoicing.invoice import BillingReason, Invoice, InvoiceStatus
from billing.domain.invoicing.issuing import step_invoice_id
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import Unavailable
from billing.domain.kernel.event_types import EventType
from billing.domain.payments.payment import Payment, SettledBy
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import ProrationBehavior, Step
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.services.catalog.plans import plan_ref_of
from billing.services.invoicing.biller import Biller, BillingContext, BillingOptions
from billing.services.invoicing.charging import method_of, settle_due
from billing.services.kernel.recovery import ChargePending
from billing.services.kernel.work import Work
from billing.services.payments.attempt import Attempt
from billing.services.payments.collection import Collector
from billing.services.payments.standing import save_if_changed
from billing.services.usage.closing import Closing, UsageCloser

_LOOK_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Dunner:
    """The use case of the alarm clock.

    Args:
        biller: bills what is left of a subscription that ends for want of payment.
        collector: charges the invoice again.
        usage: closes the usage of such a subscription.
    """

    biller: Biller
    collector: Collector
    usage: UsageCloser

    def first_step(
        self,
        work: Work,
        context: BillingContext,
        invoice: Invoice,
        subscription: Subscription | None,
        latest: Payment | None,
        at: datetime,
    ) -> Due | None:
        """Collect an open invoice for the first time: its payer's time is over, or it can be charged by now.

        A payer may be paying it just then: a charge without an outcome is waited for, and a form that is open is taken
        back before anything is charged beside it. Who tried in time, and was refused for good, is not charged by that
        method again: then dunning begins without a charge.
        """
        assert invoice.due is not None
        shard = invoice.due.shard
        if latest is not None and latest.is_undecided:
            return self._undecided(work, Attempt(latest, invoice, subscription), at)
        method_id = method_of(context.customer, subscription)
        if latest is not None and latest.refused_for_good(method_id):
            return self._begun(work, context, Attempt(latest, invoice, subscription), at)
        if latest is not None and method_id is not None:
            attempt = self.collector.withdraw(work, Attempt(latest, invoice, subscription), at, replaced=True)
            if attempt.invoice.status is not InvoiceStatus.OPEN:
                return None
            invoice, subscription = attempt.invoice, attempt.subscription
        options = BillingOptions.by_alarm(invoice.reason, at, shard)
        return self.biller.collect(work, context, subscription, invoice, options)

    def _begun(self, work: Work, context: BillingContext, attempt: Attempt, at: datetime) -> Due | None:
        """Day 0 of dunning, on which nothing is charged: the attempt before it says why."""
        dunning = Dunning(at).refused(attempt.payment.payment_method_id, for_good=True)
        invoice = work.save(self.collector.dunned(work, attempt.invoice, dunning, at))
        subscription = attempt.subscription
        work.emit(EventType.INVOICE_PAYMENT_FAILED, invoice)
        if subscription is not None:
            subscription = save_if_changed(work, subscription, lifecycle.invoice_unpaid(subscription, invoice.id))
        return self._after_step(work, context, invoice, subscription, at)

    def step(
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
        if latest is not None and latest.is_undecided:
            return self._undecided(work, Attempt(latest, invoice, subscription), at)
        method_id = method_of(context.customer, subscription)
        if latest is not None and dunning.may_charge(method_id):  # if nothing is charged, the payer's form stays open
            attempt = self.collector.withdraw(work, Attempt(latest, invoice, subscription), at)
            if attempt.invoice.status is not InvoiceStatus.OPEN:
                return None
            invoice, subscription = attempt.invoice, attempt.subscription
        stepped = self.collector.dunned(work, invoice, dunning.stepped(), at)
        if not dunning.may_charge(method_id):
            # One that is there was declined for good: the invoice says so already.
            stepped = work.save(settlement.without_method(stepped) if method_id is None else stepped)
            work.emit(EventType.INVOICE_PAYMENT_FAILED, stepped)
            return self._after_step(work, context, stepped, subscription, at)
        assert method_id is not None
        payment, invoice = self.collector.attempt(
            work, stepped, context.customer, method_id, at, True, settle_due(shard, at)
        )
        work.checkpoint(ChargePending(payment.id, invoice.id))
        result = self.collector.charge(payment)
        attempt = self.collector.settle(work, Attempt(payment, invoice, subscription), result, at, SettledBy.SWEEP)
        return self._after_step(work, context, attempt.invoice, attempt.subscription, at)

    def _undecided(self, work: Work, attempt: Attempt, at: datetime) -> Due | None:
        """The step of an invoice whose last charge has no outcome waits for one; a parked charge is asked about."""
        assert attempt.invoice.due is not None
        with suppress(Unavailable):
            attempt = self.collector.decided(work, attempt, at)
        if not attempt.payment.is_undecided:
            return attempt.invoice.due
        later = replace(attempt.invoice.due, at=at + _LOOK_EVERY) if attempt.invoice.due else None
        return work.save(replace(attempt.invoice, due=later)).due

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
            found = work.load(plan_ref, *self.usage.refs(work.tenant, subscription))
            plan = found.require(plan_ref)
            lines = changes.closing(subscription, plan, at, ProrationBehavior.NONE)
            used = self.usage.close(work, found, Closing(subscription, plan, at, ending=True))
            step = used.on(Step(after, lines, lines))
        options = BillingOptions.by_alarm(BillingReason.SUBSCRIPTION_CANCEL, at, shard)
        self.biller.carry_out(work, context, subscription, step, options, step_invoice_id(subscription, at))
