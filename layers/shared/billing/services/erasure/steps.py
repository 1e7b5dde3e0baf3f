"""The alarm clock's part of an erasure: one page of one step in each unit of work, under the customer's version.

A crash at any point leaves the customer due at the step where it was; every step does again what it did before without
harm. Nothing of it is in a hurry: what began before the deletion has a minute to end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.customers.erasure import Erasure, Step, following, kept_until
from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.due import Due
from billing.domain.marketplace.order import Order
from billing.domain.payments.payment import Payment
from billing.domain.payments.refund import Refund
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.usage.rejection import UsageRejection
from billing.services.erasure import redaction
from billing.services.erasure.requests import require_done
from billing.services.kernel import external_ids
from billing.services.kernel.due_items import load_due
from billing.services.kernel.work import Page, Query, Unit, every
from billing.services.payments.processor import CardProcessor

_PAGE = 25
_MOST_NOTES = 90
"""How many of an invoice's credit notes one transaction takes beside it; the next turn takes the next."""
_SOON = timedelta(microseconds=1)


class Copies(Protocol):
    """Where texts were copied to that tell of customers: events, stored responses, what receivers of webhooks said.

    What keeps another kind of copy implements this, and ``bootstrap.erasure`` lists it.
    """

    def wait(self, tenant_id: str) -> timedelta:
        """For how long copies may still come of what was redacted a moment ago; before that it does not begin."""

    def redact(
        self, tenant_id: str, customer_id: str, cursor: str | None, redacted: Callable[[Any], Any]
    ) -> str | None:
        """Redact a page of them; safe to repeat.

        Args:
            cursor: where the page before ended; None for the first.
            redacted: gives the JSON of a copy without what it says of a person.

        Returns:
            where this page ended; None where it was the last.
        """


@dataclass(frozen=True, slots=True)
class Eraser:
    """What the worker calls for a customer that is due.

    Args:
        copies: looked through one after the other; what copies of other copies are made of stands before them.
    """

    processor: CardProcessor
    copies: Sequence[Copies]

    def erase(self, work: Unit, customer_id: str, now: datetime) -> Due | None:
        """One page of the erasure; returns when the customer is due next, at once as a rule.

        Raises:
            InvalidState: something began in the moment of the deletion, and is not over: it comes again.
            Unavailable: the card processor, or what keeps copies, does not answer: it comes again.
        """
        customer, due = load_due(work, Customer, customer_id, now)
        if customer is None or due is None or customer.erasure is None:
            return due
        after = self._turn(work, customer, customer.erasure)
        # Later by next to nothing: the same turn of the worker goes on with it.
        at = due.at + _SOON
        if after.copy != customer.erasure.copy and (wait := self.copies[after.copy].wait(customer.tenant_id)):
            at = now + wait
        return work.save(customer.erased_on(after, Due(due.shard, at))).due

    def _turn(self, work: Unit, customer: Customer, erasure: Erasure) -> Erasure:
        step = erasure.step
        if step is Step.METHODS:
            if erasure.cursor is None:
                # A subscription that began in the very moment of the deletion goes on, with the card that it is charged
                # to, until somebody ends it: after a day of tries the tenant is told (``customer.parked``).
                require_done(work, customer)
            return self._page(work, customer, erasure, PaymentMethod, lambda each: redaction.method(each, work.now))
        if step is Step.SUBSCRIPTIONS:
            return self._page(work, customer, erasure, Subscription, partial(_without_own_id, work))
        if step is Step.PAYMENTS:
            return self._page(work, customer, erasure, Payment, redaction.payment)
        if step is Step.REFUNDS:
            return self._page(work, customer, erasure, Refund, redaction.refund)
        if step is Step.ORDERS:
            return self._page(work, customer, erasure, Order, redaction.order)
        if step in (Step.INVOICES, Step.DOCUMENTS):
            return self._documents(work, customer, erasure, kept=step is Step.INVOICES)
        if step is Step.USAGE:
            return self._usage(work, customer, erasure)
        if step is Step.COPIES:
            return self._copies(work, customer, erasure)
        if step is Step.PROCESSOR:
            return self._at_processor(customer, erasure, work.now)
        return replace(_next(erasure), newest_document_at=None)

    @staticmethod
    def _page(
        work: Unit, customer: Customer, erasure: Erasure, kind: type[Any], redacted: Callable[[Any], Any]
    ) -> Erasure:
        found = _of_customer(work, customer, kind, erasure.cursor, _PAGE)
        for each in found.items:
            after = redacted(each)
            if after != each:
                work.save(after)
        return _went_on(erasure, found.next_cursor)

    @staticmethod
    def _documents(work: Unit, customer: Customer, erasure: Erasure, *, kept: bool) -> Erasure:
        """One invoice, and its credit notes: a transaction takes 100 items.

        Args:
            kept: whether all that was issued is kept; else what the law still wants is, for a credit note may have been
                issued since.
        """
        found = _of_customer(work, customer, Invoice, erasure.cursor, 1)
        newest = erasure.newest_document_at
        for invoice in found.items:
            notes = list(every(work, Query(CreditNote, index="invoice", value=invoice.id, limit=100)))
            issued = [each.created_at for each in notes] + ([invoice.finalized_at] if invoice.finalized_at else [])
            is_kept = kept or any(kept_until(each) > work.now for each in issued)
            if is_kept:
                newest = max([*issued, *([newest] if newest else [])], default=None)
            changed = [redaction.credit_note(each, kept=is_kept) for each in notes]
            changed = [after for before, after in zip(notes, changed, strict=True) if before != after]
            for note in changed[:_MOST_NOTES]:
                work.save(note)
            if len(changed) > _MOST_NOTES:
                return replace(erasure, newest_document_at=newest)
            after = redaction.invoice(invoice, kept=is_kept)
            if after != invoice:
                work.save(after)
        erasure = replace(erasure, newest_document_at=newest)
        if newest is not None and not kept and found.next_cursor is None:
            return replace(erasure, step=Step.WAIT, cursor=None, documents_until=kept_until(newest))
        return _went_on(erasure, found.next_cursor)

    @staticmethod
    def _usage(work: Unit, customer: Customer, erasure: Erasure) -> Erasure:
        """Events that could not be counted: they are listed by tenant alone, and are few."""
        found = work.query(Query(UsageRejection, limit=_PAGE, start=erasure.cursor))
        if not found.items:
            return _next(erasure)
        mine = frozenset(_subscription_ids(work, customer))
        for each in found.items:
            after = redaction.rejection(each, mine)
            if after != each:
                work.save(after)
        return _went_on(erasure, found.next_cursor)

    def _copies(self, work: Unit, customer: Customer, erasure: Erasure) -> Erasure:
        kind, mine = self.copies[erasure.copy], frozenset(_subscription_ids(work, customer))
        told = partial(redaction.copied, subscription_ids=mine)
        cursor = kind.redact(customer.tenant_id, customer.id, erasure.cursor, told)
        if cursor is None and erasure.copy + 1 < len(self.copies):
            return replace(erasure, copy=erasure.copy + 1, cursor=None)
        return _went_on(erasure, cursor)

    def _at_processor(self, customer: Customer, erasure: Erasure, now: datetime) -> Erasure:
        """The customer's methods, those that we never heard of, too, can never be charged again."""
        stripe_id = customer.stripe_customer_id
        if stripe_id is not None:
            self.processor.forget_customer(stripe_id, f"{customer.tenant_id}:forget:{stripe_id}")
        newest = erasure.newest_document_at
        done = replace(_next(erasure), erased_at=erasure.erased_at or now)
        return replace(done, documents_until=kept_until(newest)) if newest else replace(done, step=Step.DONE)


def _without_own_id(work: Unit, each: Subscription) -> Subscription:
    external_ids.exchange(work, Subscription, each.id, each.external_id, None)
    return redaction.subscription(each)


def _subscription_ids(work: Unit, customer: Customer) -> list[str]:
    return [each.id for each in every(work, Query(Subscription, index="customer", value=customer.id, limit=100))]


def _of_customer(work: Unit, customer: Customer, kind: type[Any], cursor: str | None, limit: int) -> Page[Any]:
    return work.query(Query(kind, index="customer", value=customer.id, limit=limit, start=cursor))


def _went_on(erasure: Erasure, cursor: str | None) -> Erasure:
    return replace(erasure, cursor=cursor) if cursor is not None else _next(erasure)


def _next(erasure: Erasure) -> Erasure:
    return replace(erasure, step=following(erasure.step), cursor=None)
