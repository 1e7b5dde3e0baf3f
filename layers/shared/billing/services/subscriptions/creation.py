"""Subscriptions: create and read. The first invoice of a new one is made and charged in the request.

    load ──> attach the payment method (Stripe, keyed) ──> commit 1: subscription, invoice, attempt
         ──> charge (Stripe, keyed) ──> commit 2: outcome and response

With a trial, a later start, or nothing to charge there is one commit. A retry that finds commit 1 continues from there.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from billing.domain.catalog.plan import Plan
from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.invoicing.invoice import BillingReason
from billing.domain.invoicing.issuing import period_invoice_id
from billing.domain.kernel.errors import ValidationFailed
from billing.domain.payments.payment import SettledBy
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import Step
from billing.domain.subscriptions.lifecycle import Start
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.services.catalog import coupons
from billing.services.catalog.plans import plan_refs, sold_plan
from billing.services.clocks.customer_time import customer_time
from billing.services.invoicing.biller import Billed, Biller, BillingOptions
from billing.services.kernel import external_ids
from billing.services.kernel.recovery import ChargePending
from billing.services.kernel.refused import Refused
from billing.services.kernel.work import Page, Ref, Window, Work, said
from billing.services.payments.methods import accepted
from billing.services.payments.processor import CardProcessor
from billing.services.payments.refusals import not_sent


@dataclass(frozen=True, slots=True)
class NewSubscription:
    """A new subscription as the caller describes it; without a customer it is for the tenant's default customer."""

    plan_id: str
    quantities: dict[str, int]
    customer_id: str | None = None
    payment_method_id: str | None = None
    trial_days: int | None = None
    coupon_code: str | None = None
    start_date: datetime | None = None
    anchor_day: int | None = None
    anchor_month: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The use cases.

    Args:
        biller: makes and charges the first invoice.
    """

    biller: Biller
    processor: CardProcessor

    def create(self, work: Work, new: NewSubscription) -> Billed | Refused:
        """A new subscription.

        Raises:
            PlanNotFound, NotFound: no such plan or customer.
            ValidationFailed: the quantities do not fit the plan, its currency is not the customer's, the start is too
                far back, or the plan's periods are not anchored to a month.
            CouponInvalid, CouponExpired, CouponExhausted: the coupon cannot be redeemed.
            PaymentMethodInvalid: the payment method is another customer's, or cannot be attached.
            InsufficientFunds, PaymentDeclined: its bank declined a new card.
            AlreadyExists: another one that has not ended has this external id.
            TaxJurisdictionUnsupported: nobody knows what tax is due at the customer's address.
        """
        billed = self._create(work, new)
        error = not_sent(billed.payment)
        return Refused(error) if error else billed

    def _create(self, work: Work, new: NewSubscription) -> Billed:
        tenant = work.tenant
        customer_id = new.customer_id or tenant.default_customer_id
        customer_ref = Ref(Customer, tenant.id, customer_id)
        own, platform = plan_refs(tenant.id, new.plan_id)
        refs: list[Ref[Any]] = [customer_ref, own, platform, *self.biller.refs(tenant, customer_id)]
        method_ref = Ref(PaymentMethod, tenant.id, new.payment_method_id or "")
        refs += [method_ref] if new.payment_method_id else []
        refs += coupons.refs(tenant.id, new.coupon_code, customer_id) if new.coupon_code else []
        refs += external_ids.refs(tenant.id, Subscription, new.external_id)
        found = work.load(*refs)
        if isinstance(work.recovery_point, ChargePending):
            return self.biller.go_on(work, work.recovery_point)
        customer = found.require(customer_ref)
        plan = sold_plan(found, own, platform)
        check_currency(customer, plan)
        at = customer_time(work, customer)
        subscription = self._started(work, new, customer, plan, at)
        if new.external_id is not None:
            taken = partial(has_ended, work)
            external_ids.take(work, found, Subscription, subscription.id, new.external_id, taken)
            subscription = replace(subscription, external_id=new.external_id)
        if new.coupon_code is not None:
            discount = coupons.redeemed(work, found, new.coupon_code, customer, plan.id, plan.currency, at)
            subscription = replace(subscription, discount=discount)
        if new.payment_method_id:
            known = found.get(method_ref)
            customer, method = accepted(work, self.processor, customer, new.payment_method_id, known)
            subscription = replace(subscription, payment_method_id=method.id)
        context = self.biller.context(found, tenant, customer)
        step = _first_step(subscription, plan)
        options = BillingOptions(BillingReason.SUBSCRIPTION_CREATE, at, SettledBy.REQUEST, off_session=False)
        invoice_id = period_invoice_id(step.subscription, step.subscription.current_period)
        return self.biller.carry_out(work, context, None, step, options, invoice_id)

    @staticmethod
    def _started(work: Work, new: NewSubscription, customer: Customer, plan: Plan, at: datetime) -> Subscription:
        trial_days = plan.trial_days if new.trial_days is None else new.trial_days
        wanted = Start(
            new.quantities, trial_days, new.start_date, new.anchor_day, new.anchor_month, metadata=new.metadata
        )
        return lifecycle.start(work.fresh_id("sub"), customer, plan, at, wanted)

    def get(self, work: Work, subscription_id: str) -> Subscription:
        """A subscription of the tenant.

        Raises:
            NotFound: it has none with this id.
        """
        ref = Ref(Subscription, work.tenant.id, subscription_id)
        return work.load(ref).require(ref)

    def page(
        self,
        work: Work,
        customer_id: str | None,
        external_id: str | None,
        state: str | None,
        plan_id: str | None,
        window: Window,
    ) -> Page[Subscription]:
        """A page of the tenant's subscriptions, newest first; optionally of one customer, state or plan."""
        filters = said({"status": state, "plan_id": plan_id})
        return external_ids.listed(work, window.query(Subscription, "customer", customer_id, filters), external_id)


def _first_step(subscription: Subscription, plan: Plan) -> Step:
    """What a new subscription bills at once: its first period, unless a trial or a later start comes first."""
    if subscription.state is SubscriptionState.INCOMPLETE:
        return changes.first_period(subscription, plan)
    return Step(subscription)


def has_ended(work: Work, subscription_id: str) -> bool:
    """Whether a subscription that holds an external id gives way: what was canceled never runs again."""
    ref = Ref(Subscription, work.tenant.id, subscription_id)
    holder = work.load(ref).get(ref)
    return holder is None or holder.state is SubscriptionState.CANCELED


def check_currency(customer: Customer, plan: Plan) -> None:
    """A customer buys in its own currency.

    Raises:
        ValidationFailed: the plan is in another one.
    """
    if plan.currency != customer.currency:
        raise ValidationFailed.of(
            "planId",
            "currency_mismatch",
            f"The plan is in {plan.currency}, the customer in {customer.currency}",
        )
