"""Subscriptions: create, read, cancel. A new one's first invoice is made and charged in the request.

    load ──> attach the payment method (Stripe, keyed) ──> commit 1: subscription, invoice, attempt
         ──> charge (Stripe, keyed) ──> commit 2: outcome and response

With a trial, or nothing to charge, there is one commit. A retry that finds commit 1 goes on from there.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from billing.domain import invoicing
from billing.domain import subscription as lifecycle
from billing.domain.customer import Customer, PaymentMethod
from billing.domain.errors import CouponInvalid, ValidationFailed
from billing.domain.invoicing import Invoice, InvoiceStatus
from billing.domain.payment import Payment, SettledBy
from billing.domain.plan import Plan
from billing.domain.subscription import Subscription, SubscriptionState
from billing.domain.tenant import INVOICE_SEQUENCE_ID, InvoiceSequence
from billing.services import catalog
from billing.services.clocks import customer_time
from billing.services.collection import Case, Collector
from billing.services.incomplete import give_up
from billing.services.methods import usable
from billing.services.ports import Page, Query, Ref, Work


@dataclass(frozen=True, slots=True)
class NewSubscription:
    """What a caller says of a new subscription; the tenant's default customer where it names none."""

    plan_id: str
    quantities: dict[str, int]
    customer_id: str | None = None
    payment_method_id: str | None = None
    trial_days: int | None = None
    coupon_code: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Started:
    """A new subscription, and its first invoice where it has one already."""

    subscription: Subscription
    invoice: Invoice | None
    client_secret: str | None = None


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The use cases.

    Args:
        collector: charges the first invoice.
    """

    collector: Collector

    def create(self, work: Work, new: NewSubscription) -> Started:
        """A new subscription.

        Raises:
            PlanNotFound, NotFound: no such plan or customer.
            ValidationFailed: the quantities do not fit the plan, or its currency is not the customer's.
            CouponInvalid: no coupon has this code.
            PaymentMethodInvalid: the payment method is another customer's, or cannot be attached.
        """
        tenant = work.tenant
        customer_ref = Ref(Customer, tenant.id, new.customer_id or tenant.default_customer_id)
        own, platform = catalog.refs(tenant.id, new.plan_id)
        sequence_ref = Ref(InvoiceSequence, tenant.id, INVOICE_SEQUENCE_ID)
        refs: list[Ref[Any]] = [customer_ref, own, platform, sequence_ref]
        method_ref = Ref(PaymentMethod, tenant.id, new.payment_method_id or "")
        found = work.load(*refs, *([method_ref] if new.payment_method_id else []))
        if work.progress is not None:
            return self._go_on(work, work.progress)
        customer = found.require(customer_ref)
        plan = catalog.chosen(found, own, platform)
        self._check(new, customer, plan)
        at = customer_time(work, customer)
        trial_days = plan.trial_days if new.trial_days is None else new.trial_days
        subscription = lifecycle.start(
            work.fresh_id("sub"), customer, plan, new.quantities, at, trial_days, new.metadata
        )
        if new.payment_method_id:
            known = found.get(method_ref)
            customer, method = usable(work, self.collector.processor, customer, new.payment_method_id, known)
            subscription = replace(subscription, payment_method_id=method.id)
        if subscription.state is SubscriptionState.TRIALING:
            return self._trial(work, subscription)
        sequence = found.get(sequence_ref) or InvoiceSequence(tenant.id, tenant.invoice_prefix)
        return self._first_period(work, customer, plan, subscription, sequence)

    def get(self, work: Work, subscription_id: str) -> Subscription:
        """A subscription of the tenant.

        Raises:
            NotFound: it has none with this id.
        """
        ref = Ref(Subscription, work.tenant.id, subscription_id)
        return work.load(ref).require(ref)

    def page(
        self, work: Work, customer_id: str | None, state: str | None, limit: int, cursor: str | None
    ) -> Page[Subscription]:
        """A page of the tenant's subscriptions, newest first, of one customer or in one state where asked."""
        return work.query(
            Query(
                Subscription,
                index="customer" if customer_id else None,
                value=customer_id,
                filters={"status": state} if state else {},
                limit=limit,
                start=cursor,
            )
        )

    def cancel(self, work: Work, subscription_id: str, at_period_end: bool) -> Subscription:
        """The subscription canceled now, or marked to end with its period.

        Raises:
            NotFound, InvalidState: there is none, or it is canceled already.
        """
        ref = Ref(Subscription, work.tenant.id, subscription_id)
        before = work.load(ref).require(ref)
        at = work.now
        if before.test_clock_id is not None:
            customer_ref = Ref(Customer, work.tenant.id, before.customer_id)
            at = customer_time(work, work.load(customer_ref).require(customer_ref))
        if before.state is SubscriptionState.INCOMPLETE:
            return give_up(work, self.collector, before, at)
        after = work.save(lifecycle.cancel(before, at, at_period_end))
        ended = after.state is SubscriptionState.CANCELED
        work.emit("subscription.canceled" if ended else "subscription.updated", after)
        return after

    @staticmethod
    def _check(new: NewSubscription, customer: Customer, plan: Plan) -> None:
        if new.coupon_code is not None:
            raise CouponInvalid(f"No coupon {new.coupon_code}")
        if plan.currency != customer.currency:
            raise ValidationFailed.of(
                "planId",
                "currency_mismatch",
                f"The plan is in {plan.currency}, the customer in {customer.currency}",
            )
        lifecycle.check_quantities(plan, new.quantities)

    def _trial(self, work: Work, subscription: Subscription) -> Started:
        subscription = work.save(lifecycle.with_alarm(subscription, self.collector.shard_of(subscription)))
        work.emit("subscription.created", subscription)
        return Started(subscription, None)

    def _first_period(
        self,
        work: Work,
        customer: Customer,
        plan: Plan,
        subscription: Subscription,
        sequence: InvoiceSequence,
    ) -> Started:
        at = subscription.created_at
        shard = self.collector.shard_of(subscription)
        draft = work.save(invoicing.period_invoice(work.tenant, customer, subscription, plan, at))
        invoice, sequence, entry = invoicing.finalize(draft, sequence, at)
        invoice = work.save(invoice)
        work.save(sequence)
        if entry is not None:
            work.save(entry)
        subscription = lifecycle.with_alarm(replace(subscription, latest_invoice_id=invoice.id), shard)
        if invoice.status is InvoiceStatus.PAID:
            subscription = lifecycle.invoice_paid(subscription, invoice.id, shard)
        subscription = work.save(subscription)
        work.emit("subscription.created", subscription)
        work.emit("invoice.created", draft)
        work.emit("invoice.finalized", invoice)
        if invoice.status is InvoiceStatus.PAID:
            work.emit("invoice.paid", invoice)
        method_id = subscription.payment_method_id or customer.default_payment_method_id
        if invoice.status is not InvoiceStatus.OPEN or method_id is None:
            return Started(subscription, invoice)
        payment, invoice = self.collector.attempt(work, invoice, customer, method_id, at, off_session=False)
        work.checkpoint({"subscription": subscription.id, "invoice": invoice.id, "payment": payment.id})
        return self._charge(work, Case(payment, invoice, subscription))

    def _charge(self, work: Work, case: Case) -> Started:
        result = self.collector.charge(case.payment)
        case = self.collector.settle(work, case, result, case.payment.created_at, SettledBy.REQUEST)
        assert case.subscription is not None
        return Started(case.subscription, case.invoice, result.client_secret)

    def _go_on(self, work: Work, progress: dict[str, str]) -> Started:
        """Go on from the first commit of an earlier run: ask about its attempt instead of starting anew."""
        tenant_id = work.tenant.id
        subscription_ref = Ref(Subscription, tenant_id, progress["subscription"])
        invoice_ref = Ref(Invoice, tenant_id, progress["invoice"])
        payment_ref = Ref(Payment, tenant_id, progress["payment"])
        found = work.load(subscription_ref, invoice_ref, payment_ref)
        payment = found.require(payment_ref)
        if payment.status.is_final:
            # Again: a batch is no snapshot, and the answer that is stored now may not mix before and after.
            found = work.load(subscription_ref, invoice_ref, payment_ref)
            return Started(found.require(subscription_ref), found.require(invoice_ref))
        subscription, invoice = found.require(subscription_ref), found.require(invoice_ref)
        result = self.collector.resolve(work, payment)
        case = Case(payment, invoice, subscription)
        case = self.collector.settle(work, case, result, payment.created_at, SettledBy.REQUEST)
        assert case.subscription is not None
        return Started(case.subscription, case.invoice, result.client_secret)
