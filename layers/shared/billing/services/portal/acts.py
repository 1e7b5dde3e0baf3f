"""What a customer does in the portal: by the use cases of the API, within what the tenant has switched on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil

from billing.domain.catalog.plan import Plan
from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.kernel.errors import (
    AmountChanged,
    Detail,
    Forbidden,
    InvalidState,
    NotFound,
    ValidationFailed,
    VersionMismatch,
)
from billing.domain.kernel.money import MICROS_PER_MINOR
from billing.domain.portal import Feature, PortalTerms
from billing.domain.subscriptions.changes import ProrationBehavior
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.services.clocks.customer_time import customer_time
from billing.services.invoicing.expected import ExpectedSums
from billing.services.kernel.work import Query, Ref, Work, every
from billing.services.payments.methods import PaymentMethods
from billing.services.payments.processor import Page
from billing.services.portal import overview
from billing.services.subscriptions.changes import Change, ChangePreview, SubscriptionLifecycle

_PREVIEW_HOLDS = timedelta(minutes=15)
"""So long the second holds from which a previewed change counts. Who could name an earlier one would get time back."""
_MOST_ENDING = 40
"""So many conditions a commit takes beside what it writes; whoever has more subscriptions that end keeps the card."""
_PAGE = 100


class NothingChanges(ValidationFailed):
    """A customer asks for what is there already."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a customer wants to have instead.

    Args:
        plan_id: None to keep the plan.
        quantities: those that are said; the others stay, or are 1.
    """

    plan_id: str | None = None
    quantities: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a preview showed, and the customer agreed to.

    Args:
        version: the subscription's.
        at: the second from which the change counts; None where it counts from the moment at which it is made.
        sums: what it bills; the most that it bills where that moves with every second. None where it bills nothing.
        shown_at: the second of the preview of a change.
        plan_version: of the plan that a change leads to: what it costs from the next period on.
    """

    version: int
    at: datetime | None
    sums: ExpectedSums | None
    shown_at: datetime | None = None
    plan_version: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A change, what it would bill, and what is agreed to with it."""

    subscription: Subscription
    target: Plan
    quantities: dict[str, int]
    preview: ChangePreview
    agreed: Agreed


@dataclass(frozen=True, slots=True)
class PortalActs:
    """The use cases."""

    lifecycle: SubscriptionLifecycle
    methods: PaymentMethods

    def offer(self, work: Work, terms: PortalTerms, customer: Customer, subscription_id: str, wish: Wish) -> Offer:
        """What a change would bill, and what comes after it.

        Raises:
            NotFound, Forbidden: no such subscription; a plan that is not offered, or quantities where they are fixed.
            ValidationFailed, InvalidState, Conflict: see ``SubscriptionLifecycle.update``; or it would change nothing.
            Unavailable: the tax provider does not answer.
        """
        subscription, present = overview.own_subscription(work, customer, subscription_id)
        target, quantities = wished(work, terms, (subscription, present), wish)
        at = customer_time(work, customer).replace(microsecond=0)
        same = (target.interval, target.interval_count) == (present.interval, present.interval_count)
        counted_at = max(at, subscription.current_period.start) if same and subscription.rest_is_billed(at) else None
        change = _change(subscription, target, quantities, counted_at)
        preview = self.lifecycle.preview(work, subscription.id, change)
        # Periods of another interval begin with the change: its sums are others with each second.
        lost = 0 if same else _lost_in_time(preview.invoice)
        total, due = preview.invoice.total.micros + lost, preview.invoice.amount_due.micros + lost
        sums = ExpectedSums(total, due, or_less=not same)
        agreed = Agreed(subscription.version, counted_at, sums, at, target.plan_version)
        return Offer(subscription, target, quantities, preview, agreed)

    def change(
        self, work: Work, terms: PortalTerms, customer: Customer, subscription_id: str, wish: Wish, agreed: Agreed
    ) -> None:
        """Make the change that was previewed, or nothing.

        Raises:
            as ``offer`` and ``SubscriptionLifecycle.update``; VersionMismatch, AmountChanged: it is not what was shown.
        """
        subscription, present = overview.own_subscription(work, customer, subscription_id)
        if work.recovery_point is not None:  # it was made, and its charge goes on: it is not what is there any more
            self.lifecycle.update(work, subscription.id, Change())
            return
        _require_shown(subscription, agreed.version)
        now = customer_time(work, customer)
        for second in (agreed.shown_at, agreed.at or agreed.shown_at):
            if second is None or not now - _PREVIEW_HOLDS <= second <= now:
                raise VersionMismatch("The preview is too old")
        target, quantities = wished(work, terms, (subscription, present), wish)
        if target.plan_version != agreed.plan_version:
            raise VersionMismatch(f"The plan has version {target.plan_version} by now")
        if agreed.sums is None:
            raise AmountChanged("What the change would bill was not shown")
        change = _change(subscription, target, quantities, agreed.at, agreed.sums)
        self.lifecycle.update(work, subscription.id, change)

    def pause(self, work: Work, customer: Customer, subscription_id: str, resumes_at: datetime | None) -> None:
        """Pause a subscription.

        Raises:
            NotFound; InvalidState, ValidationFailed, Conflict: see ``SubscriptionLifecycle.update``.
        """
        subscription, _ = overview.own_subscription(work, customer, subscription_id)
        self.lifecycle.update(work, subscription.id, Change(paused=True, resumes_at=resumes_at))

    def resuming(self, work: Work, subscription: Subscription) -> ChangePreview:
        """What resuming a paused subscription would bill.

        Raises:
            as ``SubscriptionLifecycle.preview``.
        """
        return self.lifecycle.preview(work, subscription.id, Change(paused=False))

    def resume(self, work: Work, terms: PortalTerms, customer: Customer, subscription_id: str, agreed: Agreed) -> None:
        """Resume a paused subscription, or keep one that was to end.

        Raises:
            NotFound, InvalidState: there is none, or it does neither.
            Forbidden: the tenant has switched off what put it there.
            VersionMismatch: it has changed since it was shown.
            AmountChanged: it would bill more than was shown: the paid period may be over by now, and another one begin.
        """
        subscription, _ = overview.own_subscription(work, customer, subscription_id)
        feature = Feature.PAUSE if subscription.state is SubscriptionState.PAUSED else Feature.CANCEL
        if work.recovery_point is None:
            if feature not in terms.features:
                raise Forbidden(f"The portal does not offer {feature}")
            _require_shown(subscription, agreed.version)
            if feature is Feature.PAUSE:
                if agreed.sums is None:
                    raise AmountChanged("What resuming would bill was not shown")
                self.lifecycle.update(work, subscription.id, Change(paused=False, expected=agreed.sums))
                return
        self.lifecycle.resume(work, subscription.id)

    def cancel(
        self, work: Work, terms: PortalTerms, customer: Customer, subscription_id: str, at_period_end: bool
    ) -> None:
        """Cancel a subscription, with its period or at once; nothing is given back.

        Raises:
            NotFound, InvalidState: there is none, or it is canceled already.
            Forbidden: the tenant wants it otherwise.
        """
        if not terms.cancel.allows(at_period_end):
            raise Forbidden("The portal does not cancel at that time")
        subscription, _ = overview.own_subscription(work, customer, subscription_id)
        self.lifecycle.cancel(work, subscription.id, at_period_end, ProrationBehavior.NONE)

    def add_card(self, work: Work, customer: Customer, page: Page) -> str:
        """The address of the card processor's page on which a customer enters a card.

        Raises:
            InvalidState: the customer's test clock is advancing.
            Unavailable: the card processor is down; nothing is written.
        """
        return self.methods.open_page(work, customer.id, page)

    def choose_card(self, work: Work, customer: Customer, method_id: str) -> None:
        """Make a card the one that is charged.

        Raises:
            NotFound, PaymentMethodInvalid: it is not the customer's, or not there any more.
        """
        self.methods.set_default(work, _own_card(work, customer, method_id).id)

    def remove_card(self, work: Work, customer: Customer, method_id: str) -> None:
        """Remove a card, unless it is the last one and will be charged.

        Raises:
            NotFound: it is not the customer's.
            InvalidState: it is the last one while something is owed, or will be.
        """
        card = _own_card(work, customer, method_id)
        # Another card that goes meanwhile changes the customer, which the removal writes, so that it is decided anew.
        if card.detached_at is None and all(each.id == card.id for each in overview.cards(work, customer)):
            _require_unneeded(work, customer)
        self.methods.remove(work, card.id)


def wished(
    work: Work, terms: PortalTerms, present: tuple[Subscription, Plan], wish: Wish
) -> tuple[Plan, dict[str, int]]:
    """The plan and the quantities that a customer is to have.

    Raises:
        Forbidden: the tenant does not offer that.
        NothingChanges: it is what the customer has.
        ValidationFailed: neither plan has such a component.
    """
    subscription, plan = present
    target = plan
    if wish.plan_id is not None and wish.plan_id != plan.id:
        plans = overview.offered(work, terms, plan.currency) if Feature.CHANGE_PLAN in terms.features else ()
        chosen = next((each for each in plans if each.id == wish.plan_id), None)
        if chosen is None:
            raise Forbidden("The portal does not offer this plan")
        target = chosen
    if wish.quantities and Feature.QUANTITIES not in terms.features:
        raise Forbidden("The portal does not offer other quantities")
    said = wish.quantities or {}
    unknown = [key for key in said if key not in target.licensed_keys and key not in plan.licensed_keys]
    if unknown:
        raise ValidationFailed.of(f"quantities.{unknown[0]}", "unknown_component")
    quantities = {key: said.get(key, subscription.quantities.get(key, 1)) for key in target.licensed_keys}
    if target is plan and quantities == subscription.quantities:
        raise NothingChanges("It is what the customer has", (Detail("planId", "changes_nothing"),))
    return target, quantities


def needs_card(work: Work, customer: Customer) -> bool:
    """Whether a customer will be charged: an invoice waits, or a subscription goes on."""
    return _owes(work, customer) or any(_bills_again(each) for each in _not_ended(work, customer))


def _require_unneeded(work: Work, customer: Customer) -> None:
    """Refuse to take a customer's last card while it will be charged, or comes to be in this moment.

    Raises:
        InvalidState: it will.
    """
    ending = _not_ended(work, customer)
    if len(ending) > _MOST_ENDING or _owes(work, customer) or any(_bills_again(each) for each in ending):
        raise InvalidState.of("payment_method", "the only one, with something to be paid", "removed")
    for each in ending:
        work.rely_on(each)  # kept after all in another tab, it is charged


def _owes(work: Work, customer: Customer) -> bool:
    for status in (InvoiceStatus.OPEN, InvoiceStatus.DRAFT):
        filters = {"status": status.value}
        if work.query(Query(Invoice, index="customer", value=customer.id, filters=filters, limit=1)).items:
            return True
    return False


def _not_ended(work: Work, customer: Customer) -> list[Subscription]:
    """A customer's subscriptions that have not ended, as they are now; what has ended never goes on."""
    shown = every(work, Query(Subscription, index="customer", value=customer.id, limit=_PAGE))
    found = overview.latest(work, [each for each in shown if each.state is not SubscriptionState.CANCELED])
    return [each for each in found if each.state is not SubscriptionState.CANCELED]


def _bills_again(subscription: Subscription) -> bool:
    """Whether one that has not ended will bill something."""
    # One that is about to end bills what was used, and what waits for its last invoice.
    return not subscription.cancel_at_period_end or bool(subscription.pending or subscription.meters)


def _own_card(work: Work, customer: Customer, method_id: str) -> PaymentMethod:
    ref = Ref(PaymentMethod, work.tenant.id, method_id)
    card = work.load(ref).require(ref)
    if card.customer_id != customer.id:
        raise NotFound.of(PaymentMethod, method_id)
    return card


def _require_shown(subscription: Subscription, version: int) -> None:
    if subscription.version != version:
        raise VersionMismatch(f"The subscription has version {subscription.version} by now")


def _lost_in_time(invoice: Invoice) -> int:
    """By how much an invoice may grow while a preview holds, in micro-units: what is given back is less each second."""
    lost = 0
    for line in invoice.lines:
        if line.period is None or not line.amount.is_negative:
            continue
        share = Fraction(_PREVIEW_HOLDS / (line.period.end - line.period.start))
        lost += ceil(-(line.net + line.tax).micros * min(share, Fraction(1)))
        lost += 2 * MICROS_PER_MINOR  # the amount and its tax are rounded
    return lost


def _change(
    subscription: Subscription,
    target: Plan,
    quantities: dict[str, int],
    at: datetime | None,
    expected: ExpectedSums | None = None,
) -> Change:
    """The change as the API has it: billed at once, for a customer is told now what is to be paid."""
    return Change(
        quantities=quantities,
        plan_id=target.id if target.id != subscription.plan_id else None,
        behavior=ProrationBehavior.INVOICE_NOW,
        proration_at=at,
        expected=expected,
    )
