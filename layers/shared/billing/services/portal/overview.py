"""What a customer sees in the portal: what runs, what comes next, what is owed, and the documents of it.

Lists come from indexes, which may show what was a moment ago; what they name is loaded, so that who has just changed a
plan sees the new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from billing.domain.catalog.plan import Plan
from billing.domain.customers.balance import Balance
from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.kernel.errors import InvalidState, NotFound, TaxJurisdictionUnsupported, Unavailable
from billing.domain.portal import PortalTerms
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.services.catalog.plans import plan_ref_of, plan_refs
from billing.services.customers import profiles
from billing.services.invoicing import credit_notes, queries
from billing.services.invoicing.previews import InvoicePreviews
from billing.services.invoicing.queries import InvoiceFilter
from billing.services.kernel.work import Page, Query, Ref, Window, Work
from billing.services.payments import methods

E = TypeVar("E", Subscription, Invoice, PaymentMethod)
_MOST, _MOST_ENDED = 20, 3
_NOTES_OF_ONE = 20


@dataclass(frozen=True, slots=True)
class Running:
    """A subscription with its plan.

    Args:
        following: its next invoice as far as that is known; None where none will come, or nobody can say now.
    """

    subscription: Subscription
    plan: Plan
    following: Invoice | None


@dataclass(frozen=True, slots=True)
class Home:
    """What a customer has, gets and owes."""

    running: tuple[Running, ...]
    ended: tuple[Running, ...]
    balance: Balance
    owed: tuple[Invoice, ...]


@dataclass(frozen=True, slots=True)
class Documents:
    """A page of a customer's invoices, each with its credit notes."""

    rows: tuple[tuple[Invoice, tuple[CreditNote, ...]], ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class PortalViews:
    """What is read."""

    previews: InvoicePreviews

    def home(self, work: Work, customer: Customer) -> Home:
        """All that a customer has."""
        found = self.subscriptions(work, customer)
        balance = profiles.balance(work, customer.id)
        going = [each for each in found if each[0].state is not SubscriptionState.CANCELED]
        running = tuple(Running(one, plan, self._following(work, one)) for one, plan in going)
        ended = [each for each in found if each not in going][:_MOST_ENDED]
        return Home(running, tuple(Running(one, plan, None) for one, plan in ended), balance, owed(work, customer))

    def subscriptions(self, work: Work, customer: Customer) -> list[tuple[Subscription, Plan]]:
        """A customer's subscriptions as they are now, newest first, each with its plan."""
        shown = work.query(Query(Subscription, index="customer", value=customer.id, limit=_MOST)).items
        found = latest(work, shown)
        refs = [plan_ref_of(each) for each in found]
        plans = work.load(*dict.fromkeys(refs)) if refs else None
        return [(each, plans.require(ref)) for each, ref in zip(found, refs, strict=True) if plans is not None]

    def _following(self, work: Work, subscription: Subscription) -> Invoice | None:
        try:
            return self.previews.next_of_subscription(work, subscription.id)
        except (InvalidState, Unavailable, TaxJurisdictionUnsupported):
            return None


def owed(work: Work, customer: Customer) -> tuple[Invoice, ...]:
    """A customer's invoices that are to be paid, newest first."""
    filters = {"status": InvoiceStatus.OPEN.value}
    shown = work.query(Query(Invoice, index="customer", value=customer.id, filters=filters, limit=_MOST)).items
    found = latest(work, shown)
    return tuple(each for each in found if each.status is InvoiceStatus.OPEN and each.amount_due.micros > 0)


def cards(work: Work, customer: Customer) -> tuple[PaymentMethod, ...]:
    """What a customer pays with, newest first."""
    shown = methods.page(work, customer.id, _MOST, None).items
    found = [each for each in latest(work, shown) if each.detached_at is None]
    return tuple(sorted(found, key=lambda each: each.created_at, reverse=True))


def documents(work: Work, customer: Customer, cursor: str | None) -> Documents:
    """A page of a customer's invoices, newest first; drafts are nobody's business yet."""
    page: Page[Invoice] = queries.page(work, InvoiceFilter(customer_id=customer.id), Window(_MOST, cursor))
    issued = [each for each in page.items if each.number is not None]
    window = Window(_NOTES_OF_ONE)
    rows = [(each, tuple(credit_notes.page(work, each.id, window).items) if each.credits else ()) for each in issued]
    return Documents(tuple(rows), page.next_cursor)


def own_invoice(work: Work, customer: Customer, invoice_id: str) -> Invoice:
    """An invoice of this very customer.

    Raises:
        NotFound: it is another one's, or a draft, or there is none.
    """
    invoice = queries.get(work, invoice_id)
    if invoice.customer_id != customer.id or invoice.number is None:
        raise NotFound.of(Invoice, invoice_id)
    return invoice


def own_credit_note(work: Work, customer: Customer, note_id: str) -> CreditNote:
    """A credit note of this very customer.

    Raises:
        NotFound: it is another one's, or there is none.
    """
    note = credit_notes.get(work, note_id)
    if note.customer_id != customer.id:
        raise NotFound.of(CreditNote, note_id)
    return note


def own_subscription(work: Work, customer: Customer, subscription_id: str) -> tuple[Subscription, Plan]:
    """A subscription of this very customer, with its plan.

    Raises:
        NotFound: it is another one's, or there is none.
    """
    ref = Ref(Subscription, work.tenant.id, subscription_id)
    subscription = work.load(ref).require(ref)
    if subscription.customer_id != customer.id:
        raise NotFound.of(Subscription, subscription_id)
    plan = plan_ref_of(subscription)
    return subscription, work.load(plan).require(plan)


def offered(work: Work, terms: PortalTerms, currency: str) -> tuple[Plan, ...]:
    """The plans that may be changed to: those of the settings that are sold, in a customer's currency."""
    places = [plan_refs(work.tenant.id, each) for each in terms.plans]
    if not places:
        return ()
    found = work.load(*(ref for both in places for ref in both))
    plans = [found.get(own) or found.get(platform) for own, platform in places]
    return tuple(each for each in plans if each is not None and each.active and each.currency == currency)


def latest(work: Work, shown: Sequence[E]) -> list[E]:
    """What a list shows, as it is now."""
    refs = [Ref(type(each), each.tenant_id, each.id) for each in shown]
    found = work.load(*refs) if refs else None
    return [each for ref in refs if found is not None and (each := found.get(ref)) is not None]
