"""Changes of a running subscription: plan, quantities, coupon, payment method; pause, resume, cancel; and previews.

Each is a pure step (``domain.subscriptions.changes``) that the biller puts into effect: what is billed at once is
charged in the request, in two commits, and a retry continues from the first.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.plan import Plan, PlanKey
from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.invoicing.invoice import BillingReason, Invoice
from billing.domain.kernel.errors import InvalidState
from billing.domain.payments.payment import SettledBy
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import DiscountApplies, ProrationBehavior, Step, Wanted
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.services.catalog import coupons
from billing.services.catalog.plans import plan_ref_of, plan_refs, sold_plan
from billing.services.clocks.customer_time import customer_time
from billing.services.invoicing import foreseen, giving_back
from billing.services.invoicing.biller import Billed, Biller, BillingContext, BillingOptions
from billing.services.invoicing.expected import ExpectedSums
from billing.services.invoicing.foreseen import ForeseenInvoice
from billing.services.kernel import external_ids
from billing.services.kernel.recovery import ChargePending, CreditsPending
from billing.services.kernel.work import Found, Ref, Work
from billing.services.payments.collection import Collector
from billing.services.payments.methods import accepted
from billing.services.payments.processor import CardProcessor
from billing.services.subscriptions.abandonment import give_up
from billing.services.subscriptions.creation import check_currency, has_ended
from billing.services.usage.closing import Closing, UsageCloser


@dataclass(frozen=True, slots=True)
class Change:
    """What a caller wants changed; None leaves a field as it is.

    Args:
        external_id: empty to clear it.
        quantities: new quantities by component; components that are not named keep theirs.
        plan_id: a plan to change to, in its present version; the subscription's own plan moves it to that version.
        coupon_code: a coupon to redeem; empty to remove the discount.
        coupon_applies: when that counts; None means at once with another plan, else from the next period on.
        anchor_day, anchor_month: when the periods of another interval are to begin; None for now.
        paused: True pauses, False resumes.
        goes_on: it is not to end with its period any more, where it was; that comes first.
        expected: what it is to bill; None for whatever that is.
    """

    quantities: dict[str, int] | None = None
    plan_id: str | None = None
    behavior: ProrationBehavior = ProrationBehavior.CREATE_PRORATIONS
    proration_at: datetime | None = None
    coupon_code: str | None = None
    coupon_applies: DiscountApplies | None = None
    anchor_day: int | None = None
    anchor_month: int | None = None
    paused: bool | None = None
    goes_on: bool = False
    resumes_at: datetime | None = None
    payment_method_id: str | None = None
    metadata: dict[str, str] | None = None
    external_id: str | None = None
    expected: ExpectedSums | None = None


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """What a change would bill.

    Args:
        invoice: its lines, as an invoice.
        at_once: whether that invoice is made now; its lines wait for the next one otherwise, and are on that, too.
        next_invoice: the next one after it; None where none will come.
    """

    invoice: Invoice
    at_once: bool
    next_invoice: ForeseenInvoice | None


@dataclass(frozen=True, slots=True)
class _Loaded:
    """Everything that a change is decided from."""

    subscription: Subscription
    plan: Plan
    target: Plan
    context: BillingContext
    found: Found
    at: datetime

    @property
    def timezone(self) -> str:
        """The customer's, in which a period that begins now will be."""
        return self.context.customer.timezone

    def closing(self, target: Plan | None = None, ending: bool = False) -> Closing:
        """Where its usage is closed by the change."""
        return Closing(self.subscription, self.plan, self.at, target, ending)


@dataclass(frozen=True, slots=True)
class SubscriptionLifecycle:
    """The use cases."""

    biller: Biller
    collector: Collector
    processor: CardProcessor
    usage: UsageCloser

    def update(self, work: Work, subscription_id: str, change: Change) -> Billed:
        """Change a subscription; what that bills at once is charged.

        Raises:
            NotFound, PlanNotFound: no such subscription, or plan to change to.
            InvalidState, ValidationFailed, Conflict: see ``domain.subscriptions.changes``.
            CouponInvalid, CouponExpired, CouponExhausted: the coupon cannot be redeemed.
            PaymentMethodInvalid: the payment method is another customer's, or cannot be attached.
            InsufficientFunds, PaymentDeclined: its bank declined a new card.
            AlreadyExists: another one that has not ended has this external id.
            AmountChanged: it would bill another sum than is expected.
            Unavailable: the tax provider does not answer, and a sum is expected.
        """
        loaded = self._load(work, subscription_id, change)
        if isinstance(loaded, Billed):
            return loaded
        discount = self._redeemed(work, loaded, change)
        step = self._step(loaded, change, discount)
        context, method_id = self._method(work, loaded, change)  # it may be refused, so it comes before the closing
        if _bills_usage(loaded, change, step):
            used = self.usage.close(work, loaded.found, loaded.closing(target=loaded.target))
            step = used.on(step, change.behavior)
        check = None
        if change.expected is not None and step.invoiced:
            check = change.expected.check  # of the invoice itself, before it is committed
        elif change.expected is not None:
            change.expected.check(self._foreseen(work, loaded, step)[1].invoice)
        after = step.subscription
        if change.metadata is not None:
            after = replace(after, metadata=change.metadata)
        if change.external_id is not None:
            after = self._renamed(work, after, change.external_id or None)
        if method_id is not None:
            after = replace(after, payment_method_id=method_id)
        return self._carry_out(work, context, loaded, replace(step, subscription=after), check=check)

    @staticmethod
    def _renamed(work: Work, before: Subscription, external_id: str | None) -> Subscription:
        ended = partial(has_ended, work)
        external_ids.exchange(work, Subscription, before.id, before.external_id, external_id, ended)
        return replace(before, external_id=external_id)

    def _method(self, work: Work, loaded: _Loaded, change: Change) -> tuple[BillingContext, str | None]:
        """The context with the customer as a new method leaves it, and that method's id; None if none is named."""
        context, wanted = loaded.context, change.payment_method_id
        if wanted is None:
            return context, None
        known = loaded.found.get(Ref(PaymentMethod, work.tenant.id, wanted))
        customer, method = accepted(work, self.processor, context.customer, wanted, known)
        return replace(context, customer=customer), method.id

    def preview(self, work: Work, subscription_id: str, change: Change) -> ChangePreview:
        """Preview what a change would bill or give back, and the next invoice after it.

        Raises:
            as ``update``; Unavailable: the tax provider does not answer.
        """
        loaded = self._load(work, subscription_id, change)
        assert isinstance(loaded, _Loaded)
        discount = loaded.subscription.discount
        if change.coupon_code:
            discount = coupons.previewed(
                loaded.found,
                change.coupon_code,
                loaded.context.customer,
                loaded.target.id,
                loaded.target.currency,
                loaded.at,
            )
        elif change.coupon_code == "":
            discount = None
        step, used = self._step(loaded, change, discount), None
        if _bills_usage(loaded, change, step):
            used = self.usage.so_far(work, loaded.found, loaded.closing())
            step = used.on(step, change.behavior)
        step, made = self._foreseen(work, loaded, step)
        if change.expected is not None:
            change.expected.check(made.invoice)
        at_once = bool(step.invoiced)
        context = replace(loaded.context, balance=made.balance) if at_once else loaded.context
        try:
            following = foreseen.next_of(work, self.biller, context, step.subscription, loaded.target, used)
        except InvalidState:  # none will come
            following = None
        return ChangePreview(made.invoice, at_once, following)

    def _foreseen(self, work: Work, loaded: _Loaded, step: Step) -> tuple[Step, ForeseenInvoice]:
        """The step as far as something is left to give back, and its lines as an invoice of their own."""
        step = giving_back.previewed(work, loaded.found, loaded.subscription, step).step
        lines = step.invoiced or step.lines
        return step, foreseen.of_lines(work, self.biller, loaded.context, lines, loaded.at, step.subscription)

    def resume(self, work: Work, subscription_id: str) -> Billed:
        """Resume a paused subscription, or keep one going that was set to end.

        Raises:
            NotFound, InvalidState: there is none, or it is neither paused nor about to end.
        """
        loaded = self._load(work, subscription_id, Change())
        if isinstance(loaded, Billed):
            return loaded
        return self._carry_out(work, loaded.context, loaded, self._resumed(work, loaded))

    def cancel(self, work: Work, subscription_id: str, at_period_end: bool, behavior: ProrationBehavior) -> Billed:
        """Cancel the subscription now, or set it to end with its period.

        Lines that wait for an invoice go onto a last one; with prorations, so does the credit for the unused rest.

        Raises:
            NotFound, InvalidState: there is none, or it is canceled already.
        """
        loaded = self._load(work, subscription_id, Change())
        if isinstance(loaded, Billed):
            return loaded
        before = loaded.subscription
        if before.state is SubscriptionState.INCOMPLETE:
            return Billed(give_up(work, self.collector, before, loaded.at), None)
        changes.require_running_period(before, loaded.at)
        after = lifecycle.cancel(before, loaded.at, at_period_end)
        if after.state is not SubscriptionState.CANCELED:
            return self._carry_out(work, loaded.context, loaded, Step(after))
        lines = changes.closing(before, loaded.plan, loaded.at, behavior)
        used = self.usage.close(work, loaded.found, loaded.closing(ending=True))
        step = used.on(Step(after, lines, lines))
        return self._carry_out(work, loaded.context, loaded, step, BillingReason.SUBSCRIPTION_CANCEL, patient=True)

    def _load(self, work: Work, subscription_id: str, change: Change) -> _Loaded | Billed:
        """Load everything that a change is decided from, in two batches; or the state that an earlier run reached."""
        tenant = work.tenant
        ref = Ref(Subscription, tenant.id, subscription_id)
        own, platform = plan_refs(tenant.id, change.plan_id or "")
        first = work.load(ref, *((own, platform) if change.plan_id else ()))
        if isinstance(work.recovery_point, ChargePending | CreditsPending):
            return self.biller.go_on(work, work.recovery_point)
        subscription = first.require(ref)
        customer_ref, plan_ref = Ref(Customer, tenant.id, subscription.customer_id), plan_ref_of(subscription)
        sold = (sold_plan(first, own, platform),) if change.plan_id else ()
        refs: list[Ref[Any]] = [customer_ref, plan_ref, *self.biller.refs(tenant, subscription.customer_id)]
        refs += self.usage.refs(tenant, subscription, *sold)
        refs += giving_back.refs(subscription)
        if change.coupon_code:
            refs += coupons.refs(tenant.id, change.coupon_code, subscription.customer_id)
        if change.payment_method_id:
            refs.append(Ref(PaymentMethod, tenant.id, change.payment_method_id))
        found = work.load(*refs)
        customer, plan = found.require(customer_ref), found.require(plan_ref)
        target = sold[0] if sold else plan
        check_currency(customer, target)
        at = customer_time(work, customer, of_the_past=True)  # of one that was deleted, none runs but by a race
        return _Loaded(subscription, plan, target, self.biller.context(found, tenant, customer), found, at)

    @staticmethod
    def _redeemed(work: Work, loaded: _Loaded, change: Change) -> Discount | None:
        if change.coupon_code == "":
            return None
        if change.coupon_code is None:
            return loaded.subscription.discount
        target = loaded.target
        customer = loaded.context.customer
        return coupons.redeemed(work, loaded.found, change.coupon_code, customer, target.id, target.currency, loaded.at)

    def _resumed(self, work: Work, loaded: _Loaded) -> Step:
        """The resuming step; if it makes an invoice, the usage until now is on it."""
        step = changes.resume(loaded.subscription, loaded.plan, loaded.at, loaded.timezone)
        if not step.invoiced:
            return step
        return self.usage.close(work, loaded.found, loaded.closing()).on(step)

    @staticmethod
    def _step(loaded: _Loaded, change: Change, discount: Discount | None) -> Step:
        before = loaded.subscription
        if change.goes_on:
            before = replace(before, cancel_at_period_end=False)
        if change.paused is True:
            return changes.pause(before, loaded.plan, loaded.at, change.resumes_at, change.behavior)
        if change.paused is False:
            if before.state is not SubscriptionState.PAUSED:
                raise InvalidState.of("subscription", before.state, "resumed")
            return changes.resume(before, loaded.plan, loaded.at, loaded.timezone)
        flushed = change.behavior is ProrationBehavior.INVOICE_NOW and before.pending
        if change.quantities is None and change.plan_id is None and change.coupon_code is None and not flushed:
            if before.state is SubscriptionState.CANCELED:
                raise InvalidState.of("subscription", before.state, "changed")
            return Step(before)
        wanted = Wanted(
            loaded.target,
            _quantities(before, loaded.target, change.quantities or {}),
            discount,
            change.behavior,
            change.proration_at,
            change.coupon_code is not None,
            change.coupon_applies,
            loaded.timezone,
            change.anchor_day,
            change.anchor_month,
        )
        return changes.change(before, loaded.plan, wanted, loaded.at)

    def _carry_out(
        self,
        work: Work,
        context: BillingContext,
        loaded: _Loaded,
        step: Step,
        reason: BillingReason = BillingReason.SUBSCRIPTION_UPDATE,
        patient: bool = False,
        check: Callable[[Invoice], None] | None = None,
    ) -> Billed:
        options = BillingOptions(reason, loaded.at, SettledBy.REQUEST, off_session=False, patient=patient, check=check)
        invoice_id = work.fresh_id("in", loaded.at)
        return self.biller.carry_out(work, context, loaded.subscription, step, options, invoice_id)


def _bills_usage(loaded: _Loaded, change: Change, step: Step) -> bool:
    """Whether the usage so far is billed: for another plan, a pause, or a resume that makes an invoice."""
    if change.paused is not None:
        return change.paused or bool(step.invoiced)
    return PlanKey.of(loaded.plan) != PlanKey.of(loaded.target)


def _quantities(before: Subscription, target: Plan, named: dict[str, int]) -> dict[str, int]:
    """The quantities after a change: named components are set, others stay as far as the plan still has them."""
    kept = {key: quantity for key, quantity in before.quantities.items() if key in target.licensed_keys}
    return kept | named
