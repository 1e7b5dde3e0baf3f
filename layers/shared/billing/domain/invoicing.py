"""Invoices: draft -> open -> paid | void | uncollectible.

Finalizing takes the number, freezes the lines and posts the ledger entry; nothing of a finalized invoice
changes after that but what has been paid on it (design.md section 5).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from billing.domain import ledger
from billing.domain.balance import Balance
from billing.domain.customer import PERSONAL, Address, Customer
from billing.domain.discounts import Discount
from billing.domain.due import Due
from billing.domain.dunning import Dunning
from billing.domain.errors import InvalidState
from billing.domain.ids import derived
from billing.domain.ledger import LedgerEntry, Posting
from billing.domain.lines import CreditStep, InvoiceLine
from billing.domain.money import Money, sum_money
from billing.domain.payment import Payment, PaymentError
from billing.domain.periods import Period
from billing.domain.subscription import Subscription
from billing.domain.tenant import InvoiceSequence, Mode, Tenant
from billing.domain.times import format_time

_BETWEEN_LATE_STEPS = timedelta(days=1)


class InvoiceStatus(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


class BillingReason(StrEnum):
    """Why an invoice was made."""

    SUBSCRIPTION_CREATE = "subscription_create"
    SUBSCRIPTION_CYCLE = "subscription_cycle"
    SUBSCRIPTION_UPDATE = "subscription_update"
    SUBSCRIPTION_CANCEL = "subscription_cancel"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class PartySnapshot:
    """Seller or buyer as they were when the invoice was made: a document does not change when somebody moves."""

    name: str
    address: Address | None
    tax_id: str | None
    email: str | None


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice; all amounts are in its currency.

    Args:
        subtotal: the lines' amounts, before discounts.
        tax: all tax; ``tax_included`` of it is part of the lines' amounts already.
        total: subtotal - discount + tax - tax_included; below zero it goes to the customer's balance.
        balance_applied: what of the customer's balance paid it; below zero what it paid into the balance.
        amount_credited: what credit notes took off what is due.
        credits: what all credit notes took, also what went to the balance or back to the card (``crediting``).
        pending_refunds: refunds of credit notes without an outcome, by their ids.
        notes: what the law wants said, such as ``Reverse charge``.
        due: when it is worked on next: a draft is finalized, an open one is charged again.
        tax_waits: it is a draft because nobody could say what tax is due.
        auto_charge: it is charged by the saved method once it is open, and dunned; else it waits to be paid.
        coupon: what was redeemed for a one-off invoice, for whatever lines it gets.
    """

    id: str
    tenant_id: str
    customer_id: str
    status: InvoiceStatus
    reason: BillingReason
    currency: str
    timezone: str
    lines: tuple[InvoiceLine, ...]
    subtotal: Money
    discount: Money
    tax: Money
    tax_included: Money
    total: Money
    amount_paid: Money
    amount_refunded: Money
    amount_credited: Money
    balance_applied: Money
    seller: PartySnapshot = field(metadata=PERSONAL)
    buyer: PartySnapshot = field(metadata=PERSONAL)
    created_at: datetime
    test_mode: bool
    number: str | None = None
    subscription_id: str | None = None
    period: Period | None = None
    finalized_at: datetime | None = None
    paid_at: datetime | None = None
    credits: tuple[CreditStep, ...] = ()
    pending_refunds: dict[str, Money] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tax_waits: bool = False
    auto_charge: bool = True
    attempt_count: int = 0
    latest_payment_id: str | None = None
    payment_error: PaymentError | None = None
    dunning: Dunning | None = None
    coupon: Discount | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    test_clock_id: str | None = None
    due: Due | None = None
    version: int = 0

    def __post_init__(self) -> None:
        if self.total != self.subtotal - self.discount + self.tax - self.tax_included:
            raise ValueError(
                f"invoice {self.id}: {self.subtotal} - {self.discount} + {self.tax} - {self.tax_included} "
                f"is not {self.total}"
            )

    @property
    def amount_due(self) -> Money:
        """What is still to be paid; of what is void, nothing."""
        if self.status is InvoiceStatus.VOID:
            return Money.zero(self.currency)
        return self.total - self.balance_applied - self.amount_paid - self.amount_credited

    @property
    def creditable(self) -> Money:
        """What credit notes can still take: of an invoice that they made up for, nothing."""
        return self.total - sum_money((step.amount for step in self.credits), self.currency)

    @property
    def refundable(self) -> Money:
        """What its payments brought and no refund has taken, or is about to take."""
        pending = sum_money(self.pending_refunds.values(), self.currency)
        return self.amount_paid - self.amount_refunded - pending

    @property
    def to_charge(self) -> bool:
        """Whether it is to be charged by itself."""
        return self.status is InvoiceStatus.OPEN and self.auto_charge


@dataclass(frozen=True, slots=True)
class Finalized:
    """An invoice that was just finalized, with all that changed with it."""

    invoice: Invoice
    sequence: InvoiceSequence
    balance: Balance
    entries: tuple[LedgerEntry, ...]


def period_invoice_id(subscription: Subscription, period: Period) -> str:
    """The one id that the invoice of a renewal can have: a second run cannot bill the period twice."""
    return derived("in", period.start, subscription.tenant_id, subscription.id, format_time(period.start))


def draft(
    tenant: Tenant,
    customer: Customer,
    invoice_id: str,
    lines: Sequence[InvoiceLine],
    reason: BillingReason,
    at: datetime,
    subscription: Subscription | None = None,
    currency: str | None = None,
) -> Invoice:
    """A draft with these lines, which get their ids here.

    Args:
        at: when it is made, on the customer's clock.
        subscription: whose invoice it is; its period is the subscription's running one.
        currency: the customer's, where nothing else is said and there is no line to tell.
    """
    currency = currency or (lines[0].amount.currency if lines else customer.currency)
    zero = Money.zero(currency)
    empty = Invoice(
        id=invoice_id,
        tenant_id=tenant.id,
        customer_id=customer.id,
        status=InvoiceStatus.DRAFT,
        reason=reason,
        currency=currency,
        timezone=customer.timezone,
        lines=(),
        subtotal=zero,
        discount=zero,
        tax=zero,
        tax_included=zero,
        total=zero,
        amount_paid=zero,
        amount_refunded=zero,
        amount_credited=zero,
        balance_applied=zero,
        seller=PartySnapshot(tenant.legal_name or tenant.name, tenant.address, tenant.tax_id, tenant.email),
        buyer=PartySnapshot(customer.name, customer.address, customer.tax_id, customer.email),
        created_at=at,
        test_mode=tenant.mode is Mode.TEST,
        subscription_id=subscription.id if subscription else None,
        period=subscription.current_period if subscription else None,
        test_clock_id=customer.test_clock_id,
    )
    return with_lines(empty, [replace(line, id=f"{invoice_id}-{n}") for n, line in enumerate(lines, 1)])


def with_lines(invoice: Invoice, lines: Sequence[InvoiceLine], notes: tuple[str, ...] = ()) -> Invoice:
    """The draft with other lines (the same, with their taxes) and the totals that follow from them.

    Raises:
        InvalidState: it is not a draft.
    """
    if invoice.status is not InvoiceStatus.DRAFT:
        raise InvalidState.of("invoice", invoice.status, "changed")
    subtotal = sum_money((line.amount for line in lines), invoice.currency)
    discount = sum_money((line.discount for line in lines), invoice.currency)
    tax = sum_money((line.tax for line in lines), invoice.currency)
    included = sum_money((line.tax_included for line in lines), invoice.currency)
    return replace(
        invoice,
        lines=tuple(lines),
        subtotal=subtotal,
        discount=discount,
        tax=tax,
        tax_included=included,
        total=subtotal - discount + tax - included,
        notes=notes,
        tax_waits=False,
    )


def finalize(invoice: Invoice, sequence: InvoiceSequence, balance: Balance, at: datetime) -> Finalized:
    """The invoice with its number, with the customer's balance used, and the entries for the books.

    One with nothing left to collect is paid at once; one below zero pays into the balance.

    Raises:
        InvalidState: it is not a draft.
    """
    if invoice.status is not InvoiceStatus.DRAFT:
        raise InvalidState.of("invoice", invoice.status, "finalized")
    number, following = sequence.take()
    applied = balance.usable_for(invoice.total)
    free = (invoice.total - applied).is_zero
    final = replace(
        invoice,
        number=number,
        status=InvoiceStatus.PAID if free else InvoiceStatus.OPEN,
        balance_applied=applied,
        finalized_at=at,
        paid_at=at if free else None,
        due=None,
    )
    entries = [_finalized_entry(invoice, at)]
    if not applied.is_zero:
        entries.append(_balance_entry(invoice, "invoice.balance_applied", applied, at))
    return Finalized(final, following, balance.used(applied), tuple(entry for entry in entries if entry is not None))


def _finalized_entry(invoice: Invoice, at: datetime) -> LedgerEntry | None:
    return ledger.invoice_finalized(
        derived("le", invoice.created_at, "invoice.finalized", invoice.id),
        invoice.id,
        invoice.customer_id,
        net=invoice.total - invoice.tax,
        tax=invoice.tax,
        at=at,
    )


def _balance_entry(invoice: Invoice, fact: str, amount: Money, at: datetime, *more: str) -> LedgerEntry:
    return ledger.balance_used(
        derived("le", invoice.created_at, fact, invoice.id, *more), invoice.id, invoice.customer_id, amount, at
    )


def attempted(invoice: Invoice, payment: Payment) -> Invoice:
    """The invoice with a charge attempt under way.

    Raises:
        InvalidState: it is neither open nor uncollectible.
    """
    if invoice.status not in (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE):
        raise InvalidState.of("invoice", invoice.status, "paid")
    return replace(invoice, attempt_count=payment.attempt, latest_payment_id=payment.id)


@dataclass(frozen=True, slots=True)
class Received:
    """An invoice on which money came in.

    Args:
        excess: what is too much and goes to the customer's balance; zero as a rule.
    """

    invoice: Invoice
    entries: tuple[LedgerEntry, ...]
    excess: Money


def paid(invoice: Invoice, payment: Payment, at: datetime) -> Received:
    """The invoice after ``payment`` succeeded, and the entries that move the money in the books.

    Money is taken whatever the invoice's state is: a payer who pays twice (an old form, a new card), or pays what was
    void, gets it as credit; one who pays what was written off brings it back.
    """
    collected = invoice.amount_paid + payment.amount
    over = payment.amount - max(invoice.amount_due, Money.zero(invoice.currency))
    excess = over if not over.is_negative else Money.zero(invoice.currency)
    entries = [
        ledger.payment_received(
            derived("le", payment.created_at, "payment.succeeded", payment.id),
            payment.id,
            payment.customer_id,
            payment.amount,
            at,
        )
    ]
    if not excess.is_zero:
        entries.append(_balance_entry(invoice, "invoice.overpaid", -excess, at, payment.id))
    recovered = payment.amount - excess
    if invoice.status is InvoiceStatus.UNCOLLECTIBLE and not recovered.is_zero:
        entries.append(
            ledger.written_off(
                derived("le", payment.created_at, "invoice.recovered", payment.id),
                invoice.id,
                invoice.customer_id,
                -recovered,
                at,
            )
        )
    after = replace(invoice, amount_paid=collected, balance_applied=invoice.balance_applied - excess)
    if invoice.status in (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE):
        after = replace(after, payment_error=None)
        if after.amount_due.is_zero:
            after = settled(after, at)
    return Received(after, tuple(entries), excess)


def settled(invoice: Invoice, at: datetime) -> Invoice:
    """The invoice with nothing left to pay."""
    return replace(invoice, status=InvoiceStatus.PAID, paid_at=at, due=None, dunning=None)


@dataclass(frozen=True, slots=True)
class Voided:
    """An invoice that is void, with what goes back to the customer's balance."""

    invoice: Invoice
    entries: tuple[LedgerEntry, ...]
    returned: Money


def void(invoice: Invoice, at: datetime) -> Voided:
    """The draft or open invoice that nobody will pay any more, and the entries that take it out of the books again.

    Raises:
        InvalidState: it is neither, or something was paid or credited on it.
    """
    if invoice.status is InvoiceStatus.DRAFT:
        return Voided(replace(invoice, status=InvoiceStatus.VOID, due=None), (), Money.zero(invoice.currency))
    if invoice.status is not InvoiceStatus.OPEN:
        raise InvalidState.of("invoice", invoice.status, "voided")
    if not invoice.amount_paid.is_zero or not invoice.amount_credited.is_zero:
        raise InvalidState.of("invoice", "open and partly paid or credited", "voided")
    entries = []
    posted = _finalized_entry(invoice, at)
    if posted is not None:
        entries.append(
            LedgerEntry(
                id=derived("le", invoice.created_at, "invoice.voided", invoice.id),
                kind="invoice_voided",
                source_id=invoice.id,
                posted_at=at,
                postings=tuple(Posting(each.account, -each.amount, each.party) for each in posted.postings),
            )
        )
    returned = invoice.balance_applied
    if not returned.is_zero:
        entries.append(_balance_entry(invoice, "invoice.balance_returned", -returned, at))
    after = replace(
        invoice, status=InvoiceStatus.VOID, balance_applied=Money.zero(invoice.currency), due=None, dunning=None
    )
    return Voided(after, tuple(entries), returned)


def uncollectible(invoice: Invoice, at: datetime) -> tuple[Invoice, LedgerEntry]:
    """The open invoice given up as bad debt; it can still be paid.

    Raises:
        InvalidState: it is not open.
    """
    if invoice.status is not InvoiceStatus.OPEN:
        raise InvalidState.of("invoice", invoice.status, "marked uncollectible")
    entry = ledger.written_off(
        derived("le", invoice.created_at, "invoice.uncollectible", invoice.id),
        invoice.id,
        invoice.customer_id,
        invoice.amount_due,
        at,
    )
    return replace(invoice, status=InvoiceStatus.UNCOLLECTIBLE, due=None, dunning=None), entry


def payment_failed(invoice: Invoice, payment: Payment) -> Invoice:
    """The invoice, still unpaid, with the reason of its last failed attempt."""
    return replace(invoice, payment_error=payment.error)


def dunned(invoice: Invoice, dunning: Dunning, schedule_days: Sequence[int], at: datetime, shard: str) -> Invoice:
    """The open invoice with its next dunning step: on the schedule's next day, or now where that is used up.

    Where the sweep comes late, a step that should have been before now is a day from now: nobody's card is tried
    twice in a minute because our schedule stood still.
    """
    following = dunning.next_at(schedule_days)
    if following is not None and following <= at:
        following = at + _BETWEEN_LATE_STEPS
    return replace(invoice, dunning=dunning, due=Due(shard, following or at))
