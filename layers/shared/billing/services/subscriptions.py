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
from billing.domain.errors import CouponInvalid, PaymentMethodInvalid, ValidationFailed
from billing.domain.invoicing import Invoice, InvoiceStatus
from billing.domain.payment import Payment, SettledBy
from billing.domain.plan import Plan
from billing.domain.subscription import Subscription, SubscriptionState
from billing.domain.tenant import INVOICE_SEQUENCE_ID, InvoiceSequence
from billing.services import catalog
from billing.services.clocks import customer_time, shard_of
from billing.services.collection import Case, Collector
from billing.services.keys import fact_key, outside_key
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
            customer = self._with_method(work, customer, new.payment_method_id, found.get(method_ref))
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

    def _with_method(self, work: Work, customer: Customer, method_id: str, known: PaymentMethod | None) -> Customer:
        """The customer with the payment method as its default, attached at Stripe where it is not yet."""
        if known is not None and known.customer_id != customer.id:
            raise PaymentMethodInvalid(f"The payment method {method_id} is another customer's")
        processor = self.collector.processor
        if known is None:
            # Of the fact alone: two requests that both find the customer without one make the same one there.
            key = fact_key(customer.tenant_id, "customer", customer.id)
            stripe_customer_id = processor.ensure_customer(customer, key)
            # It names Stripe's customer too: a key used with other parameters is refused for 24 hours.
            key = outside_key(work, customer.tenant_id, "attach", stripe_customer_id, method_id)
            attached = processor.attach(method_id, stripe_customer_id, key)
            customer = replace(customer, stripe_customer_id=stripe_customer_id)
            known = work.save(
                PaymentMethod(
                    id=attached.id,
                    tenant_id=customer.tenant_id,
                    customer_id=customer.id,
                    type=attached.type,
                    card=attached.card,
                    created_at=work.now,
                )
            )
        return work.save(replace(customer, default_payment_method_id=known.id))

    def _trial(self, work: Work, subscription: Subscription) -> Started:
        subscription = work.save(lifecycle.with_first_alarm(subscription, self._shard(subscription)))
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
        draft = invoicing.period_invoice(work.tenant, customer, subscription, plan, at)
        invoice, sequence, entry = invoicing.finalize(draft, sequence, at)
        subscription = replace(subscription, latest_invoice_id=invoice.id)
        if invoice.status is InvoiceStatus.PAID:
            subscription = lifecycle.invoice_paid(subscription, self._shard(subscription))
        work.save(sequence)
        if entry is not None:
            work.save(entry)
        subscription = work.save(subscription)
        invoice = work.save(invoice)
        work.emit("subscription.created", subscription)
        work.emit("invoice.created", replace(draft, version=invoice.version))
        work.emit("invoice.finalized", invoice)
        if invoice.status is InvoiceStatus.PAID:
            work.emit("invoice.paid", invoice)
        method_id = customer.default_payment_method_id
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
        subscription, invoice = found.require(subscription_ref), found.require(invoice_ref)
        payment = found.require(payment_ref)
        if payment.status.is_final:
            return Started(subscription, invoice)
        result = self.collector.resolve(work, payment)
        case = Case(payment, invoice, subscription)
        case = self.collector.settle(work, case, result, payment.created_at, SettledBy.REQUEST)
        assert case.subscription is not None
        return Started(case.subscription, case.invoice, result.client_secret)

    def _shard(self, subscription: Subscription) -> str:
        return shard_of(subscription.tenant_id, subscription.test_clock_id, subscription.id, self.collector.due_shards)
