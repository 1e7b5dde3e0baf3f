"""Saved payment methods: save, choose and remove them, and find the one to charge.

Stripe keeps the methods; we keep what we need to know about them. A method may come or go without a request of ours (a
payer completes a form, somebody uses Stripe's dashboard): its webhook then calls ``store_method`` or ``remove_method``,
as a request does.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import PaymentMethodInvalid
from billing.domain.kernel.event_types import EventType
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.services.clocks.customer_time import customer_time
from billing.services.clocks.shards import DueShards
from billing.services.kernel.due_items import load_due
from billing.services.kernel.recovery import Repeat
from billing.services.kernel.work import Page, Query, Ref, Work, every
from billing.services.payments.idempotency_keys import customer_key, outside_key
from billing.services.payments.processor import (
    AttachedMethod,
    CardDeclined,
    CardProcessor,
    CustomerUnknown,
    OpenedIntent,
    References,
)
from billing.services.payments.processor import Page as CardPage
from billing.services.payments.refusals import refusal

T = TypeVar("T")

_MOST_AT_ONCE = 40
"""How many subscriptions one commit moves off a method: each is an item and an event, and a transaction takes 100."""
_PAGE = 100
_CARD = "card"
_KEY_IS_NEW_AFTER = timedelta(hours=24)
_ASKED_AGAIN_AFTER = timedelta(seconds=60)
"""By then the request that removed a method has ended, and Stripe's webhook has come as a rule."""


def page(work: Work, customer_id: str | None, limit: int, cursor: str | None) -> Page[PaymentMethod]:
    """A page of a customer's saved methods; of the tenant's default customer if none is named."""
    wanted = customer_id or work.tenant.default_customer_id
    return work.query(Query(PaymentMethod, index="customer", value=wanted, limit=limit, start=cursor))


def usable(
    work: Work, processor: CardProcessor, customer: Customer, method_id: str, known: PaymentMethod | None
) -> tuple[Customer, PaymentMethod]:
    """The method, and the customer with what changed on it, both staged.

    The first method of a customer becomes its default; a later one does not, unless the caller asks for that.

    Args:
        known: the method as it is stored, where it is.

    Raises:
        PaymentMethodInvalid: it is another customer's, or was detached, or cannot be attached.
        CardDeclined: its bank declined it, so it is not attached; the customer is staged, where Stripe has it now.
    """
    if known is not None:
        _require_own(known, customer.id)
        return _with_default(work, customer, customer, known), known
    customer = with_stripe_customer(work, processor, customer)
    stripe_id = customer.stripe_customer_id or ""
    key = outside_key(work, customer.tenant_id, "attach", method_id, "to", stripe_id)
    try:
        attached = processor.attach(method_id, stripe_id, key)
    except CustomerUnknown:
        raise PaymentMethodInvalid("The customer was deleted at the card processor, with its methods") from None
    if attached.id != method_id:  # a test token: the webhook of what it became may have been faster than the answer
        ref = Ref(PaymentMethod, customer.tenant_id, attached.id)
        known = work.load(ref).get(ref)
        if known is not None:
            _require_own(known, customer.id)
    return store_method(work, customer, stripe_id, attached, known)


def accepted(
    work: Work, processor: CardProcessor, customer: Customer, method_id: str, known: PaymentMethod | None
) -> tuple[Customer, PaymentMethod]:
    """``usable``, for a request that makes no payment of its own and so ends if the bank declines the card.

    Raises:
        PaymentMethodInvalid: as ``usable``.
        InsufficientFunds, PaymentDeclined: the bank declined the card.
    """
    try:
        return usable(work, processor, customer, method_id, known)
    except CardDeclined as declined:
        raise refusal(declined.error) from declined


def store_method(
    work: Work, customer: Customer, stripe_customer_id: str, attached: AttachedMethod, known: PaymentMethod | None
) -> tuple[Customer, PaymentMethod]:
    """Stage a method that Stripe has attached to a customer, and the customer with what changed on it.

    Args:
        known: the method as it is stored, where it is.
    """
    after = replace(customer, stripe_customer_id=customer.stripe_customer_id or stripe_customer_id)
    method = known or PaymentMethod(
        id=attached.id,
        tenant_id=customer.tenant_id,
        customer_id=customer.id,
        type=attached.type,
        created_at=work.now,
    )
    if method.card != attached.card or known is None:
        method = work.save(replace(method, card=attached.card))
    return _with_default(work, customer, after, method), method


def _with_default(work: Work, before: Customer, after: Customer, method: PaymentMethod) -> Customer:
    """The customer, with this method as its default if it had none; staged if anything changed."""
    work.rely_on(method)  # it may be detached while it becomes the default, or what a subscription is charged to
    after = replace(after, default_payment_method_id=after.default_payment_method_id or method.id)
    if after == before:
        return before
    after = work.save(after)
    work.emit(EventType.CUSTOMER_UPDATED, after)
    return after


def choose_default(work: Work, customer: Customer, method_id: str | None) -> Customer:
    """The customer with another default method, or with none, staged."""
    customer = work.save(replace(customer, default_payment_method_id=method_id))
    work.emit(EventType.CUSTOMER_UPDATED, customer)
    return customer


def remove_method(work: Work, customer: Customer, method: PaymentMethod, due: Due | None = None) -> PaymentMethod:
    """Stage that a method is gone: what was shown of it is erased, and nothing is charged to it any more.

    The customer's newest other method, if there is one, becomes the default; subscriptions that were charged to this
    method are charged to the default from now on. The customer is staged in any case, so that of two requests that
    choose and remove methods at once, one runs again and sees what the other did.

    Args:
        due: when the card processor is asked again to detach it; None where it says that it has.
    """
    if method.detached_at is not None:
        return work.save(method.detached_there()) if method.detaching and due is None else method
    _freed(work, customer.id, {method.id})
    if customer.default_payment_method_id == method.id:
        choose_default(work, customer, _newest_but(work, method))
    else:
        work.save(customer)
    return work.save(method.removed(work.now, due))


def tombstone(work: Work, customer: Customer, method_id: str) -> PaymentMethod:
    """Stage that a method unknown here is gone, so that a late event cannot bring it back."""
    unknown = PaymentMethod(method_id, customer.tenant_id, customer.id, _CARD, created_at=work.now)
    return work.save(unknown.removed(work.now))


def forget_stripe_customer(work: Work, customer: Customer) -> Customer:
    """Stage that somebody deleted a customer at Stripe, and all its methods with it; the next charge makes another one.

    If there are more methods than fit into one commit, some are committed on the way; repeating that is safe.
    """
    of_customer = Query(PaymentMethod, index="customer", value=customer.id, limit=_PAGE)
    methods = [each for each in every(work, of_customer) if each.detached_at is None]
    staged = _freed(work, customer.id, {each.id for each in methods})
    for method in methods:
        staged = _room(work, staged)
        work.save(method.removed(work.now))
    _room(work, staged)
    ref = Ref(Customer, customer.tenant_id, customer.id)
    latest = work.load(ref).require(ref)
    customer = work.save(
        replace(
            latest,
            stripe_customer_id=None,
            default_payment_method_id=None,
            deleted_at_stripe=latest.deleted_at_stripe + 1,
        )
    )
    work.emit(EventType.CUSTOMER_UPDATED, customer)
    return customer


def with_stripe_customer(work: Work, processor: CardProcessor, customer: Customer) -> Customer:
    """The customer with its Stripe id, staged if Stripe did not know it before.

    Each customer of ours is one at Stripe, whoever asks first: two requests at once must not make two.
    """
    if customer.stripe_customer_id is not None:
        return customer
    stripe_id = processor.ensure_customer(customer, customer_key(customer))
    return work.save(replace(customer, stripe_customer_id=stripe_id))


def at_stripe(
    work: Work, processor: CardProcessor, customer: Customer, call: Callable[[Customer], T]
) -> tuple[Customer, T]:
    """Call Stripe about a customer; if it was deleted there, make a new one and call again.

    The webhook of the deletion may be late, or lost.

    Args:
        call: gets the customer, with its Stripe id.
    """
    customer = with_stripe_customer(work, processor, customer)
    try:
        return customer, call(customer)
    except CustomerUnknown:
        customer = with_stripe_customer(work, processor, forget_stripe_customer(work, customer))
        return customer, call(customer)


def _newest_but(work: Work, gone: PaymentMethod) -> str | None:
    """The customer's newest other method. The index may still show one that has just gone, so it is loaded.

    Stripe's ids do not sort by time, so the newest is looked for among all that fit on a page.
    """
    shown = work.query(Query(PaymentMethod, index="customer", value=gone.customer_id, limit=_PAGE)).items
    for each in sorted(shown, key=lambda each: each.created_at, reverse=True):
        ref = Ref(PaymentMethod, gone.tenant_id, each.id)
        found = work.load(ref).get(ref) if each.id != gone.id else None
        if found is not None and found.detached_at is None:
            return found.id
    return None


def _freed(work: Work, customer_id: str, method_ids: set[str]) -> int:
    """Stage that a customer's subscriptions are charged to the default instead; returns how many are staged."""
    staged = 0
    for each in every(work, Query(Subscription, index="customer", value=customer_id, limit=_PAGE)):
        if each.payment_method_id not in method_ids or each.state is SubscriptionState.CANCELED:
            continue
        staged = _room(work, staged)
        work.emit(EventType.SUBSCRIPTION_UPDATED, work.save(replace(each, payment_method_id=None)))
    return staged


def _room(work: Work, staged: int) -> int:
    """Commit what is staged if one more does not fit; returns how many are staged, counting that one."""
    if staged < _MOST_AT_ONCE:
        return staged + 1
    work.checkpoint(Repeat())  # repeatable: the next run finds fewer
    return 1


def is_old(opened: OpenedIntent, now: datetime) -> bool:
    """Whether an intent was made for an earlier use of the key: Stripe may know a key for longer than we do."""
    return now - opened.created_at > _KEY_IS_NEW_AFTER


def _require_own(method: PaymentMethod, customer_id: str) -> None:
    if method.customer_id != customer_id:
        raise PaymentMethodInvalid(f"The payment method {method.id} is another customer's")
    if method.detached_at is not None:
        raise PaymentMethodInvalid(f"The payment method {method.id} was detached")


@dataclass(frozen=True, slots=True)
class PaymentMethods:
    """The use cases."""

    processor: CardProcessor
    shards: DueShards

    def setup(self, work: Work, customer_id: str | None) -> OpenedIntent:
        """Open an intent by which a customer saves a payment method in a form; its webhook brings the method.

        Raises:
            NotFound: no such customer.
            InvalidState: the customer's test clock is advancing.
            Unavailable: the card processor is down; nothing is written.
        """

        def open_setup(stripe_id: str, references: References) -> OpenedIntent:
            key = outside_key(work, work.tenant.id, "setup", stripe_id)
            opened = self.processor.open_setup(stripe_id, references, key)
            if not is_old(opened, work.now):
                return opened
            return self.processor.open_setup(stripe_id, references, f"{key}:{opened.id}")

        return self._opened(work, customer_id or work.tenant.default_customer_id, open_setup)

    def open_page(self, work: Work, customer_id: str, page: CardPage) -> str:
        """The address of a page of Stripe's on which a customer saves a card; its webhook brings it.

        Raises:
            NotFound: no such customer.
            InvalidState: the customer's test clock is advancing.
            Unavailable: the card processor is down; nothing is written.
        """

        def open_page(stripe_id: str, references: References) -> str:
            key = outside_key(work, work.tenant.id, "card page", stripe_id)
            return self.processor.open_card_page(stripe_id, references, page, key)

        return self._opened(work, customer_id, open_page)

    def _opened(self, work: Work, customer_id: str, open_one: Callable[[str, References], T]) -> T:
        """What is opened at Stripe for a customer, who is made there first where need be."""
        ref = Ref(Customer, work.tenant.id, customer_id)
        customer = work.load(ref).require(ref)
        customer_time(work, customer)
        references = References(customer.tenant_id, customer.id)
        return at_stripe(
            work, self.processor, customer, lambda there: open_one(there.stripe_customer_id or "", references)
        )[1]

    def remove(self, work: Work, method_id: str) -> PaymentMethod:
        """Remove a method for good. Charges that are under way with it go on.

        Here first, then at Stripe: of two who remove a customer's last two, the one that comes second is refused
        before anything is detached, and what is gone here is charged by nobody. Until Stripe has said that it is
        detached, the method is due; a repeat, its webhook or the alarm clock sees to that.

        Raises:
            NotFound: no such method.
        """
        method, customer = self._owned(work, method_id)
        due = Due(self.shards.wall_clock(method.id), work.now + _ASKED_AGAIN_AFTER)
        removed = remove_method(work, customer, method, due)
        if removed.detaching:
            key = outside_key(work, method.tenant_id, "detach", method.id)
            work.after_commit(lambda: self.processor.detach(method.id, key))
        return removed

    def finish_removal(self, work: Work, method_id: str, now: datetime) -> Due | None:
        """Detach a method at Stripe that was removed here, where Stripe has not said that it is detached.

        Args:
            now: the wall clock's time.

        Returns:
            when it is due next; None where nothing is left to do.

        Raises:
            Unavailable: the card processor is down: it comes again.
        """
        method, due = load_due(work, PaymentMethod, method_id, now)
        if method is None or due is None:
            return due
        # Each try has a key of its own: under one that failed, Stripe would repeat its answer for a day.
        key = outside_key(work, method.tenant_id, "detach", method.id, str(due.attempts + 1))
        self.processor.detach(method.id, key)
        return work.save(method.detached_there()).due

    def set_default(self, work: Work, method_id: str) -> PaymentMethod:
        """Make this method the customer's default.

        Raises:
            NotFound: no such method.
            PaymentMethodInvalid: it was detached.
        """
        method, customer = self._owned(work, method_id)
        _require_own(method, customer.id)
        if customer.default_payment_method_id != method.id:
            work.rely_on(method)  # it was read before the customer: its removal may have come between
            choose_default(work, customer, method.id)
        return method

    @staticmethod
    def _owned(work: Work, method_id: str) -> tuple[PaymentMethod, Customer]:
        method_ref = Ref(PaymentMethod, work.tenant.id, method_id)
        method = work.load(method_ref).require(method_ref)
        customer_ref = Ref(Customer, work.tenant.id, method.customer_id)
        return method, work.load(customer_ref).require(customer_ref)
