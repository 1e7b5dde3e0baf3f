"""Invoices: draft -> open -> paid | void | uncollectible.

Finalizing takes the number, freezes the lines and posts the ledger entry; nothing of a finalized invoice
changes after that but what has been paid on it (design.md section 5).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from billing.domain import ledger
from billing.domain.catalog.coupons import Discount
from billing.domain.customers.balance import Balance
from billing.domain.customers.customer import PERSONAL, Address, Customer
from billing.domain.invoicing.dunning import Dunning
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import InvalidState
from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import Money, sum_money
from billing.domain.kernel.periods import Period
from billing.domain.kernel.times import format_time
from billing.domain.ledger import LedgerEntry
from billing.domain.lines.line import CreditStep, InvoiceLine
from billing.domain.payments.payment import PaymentError
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.tenant import InvoiceSequence, Mode, Tenant


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
        amount_credited: what credit notes, and credits for unused time, took off what is due; below zero, on an
            invoice over such credits, what it took off other invoices.
        credits: what all credit notes took, also what went to the balance or back to the card (``crediting``).
        pending_refunds: refunds of credit notes without an outcome, by their ids.
        disputes: how each dispute of a payment of it stands, by the dispute's id.
        taken_back: what its payer got back without a credit note, by the id of the dispute or refund.
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
    disputes: dict[str, str] = field(default_factory=dict)
    taken_back: dict[str, Money] = field(default_factory=dict)
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
        """What credit notes can still take: of an invoice that they made up for, nothing.

        Nor of what its payer has got back without one, by a dispute or by a refund made at Stripe: to credit it would
        be to give it twice.
        """
        credited = sum_money((step.amount for step in self.credits), self.currency)
        left = self.total - credited - sum_money(self.taken_back.values(), self.currency)
        return max(left, Money.zero(self.currency)) if self.taken_back else left

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
        seller=seller_of(tenant),
        buyer=buyer_of(customer),
        created_at=at,
        test_mode=tenant.mode is Mode.TEST,
        subscription_id=subscription.id if subscription else None,
        period=subscription.current_period if subscription else None,
        test_clock_id=customer.test_clock_id,
    )
    return with_lines(empty, [replace(line, id=f"{invoice_id}-{n}") for n, line in enumerate(lines, 1)])


def seller_of(tenant: Tenant) -> PartySnapshot:
    """The tenant as an invoice names it."""
    return PartySnapshot(tenant.legal_name or tenant.name, tenant.address, tenant.tax_id, tenant.email)


def buyer_of(customer: Customer) -> PartySnapshot:
    """The customer as an invoice names it."""
    return PartySnapshot(customer.name, customer.address, customer.tax_id, customer.email)


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


def finalize(
    invoice: Invoice, sequence: InvoiceSequence, balance: Balance, at: datetime, offset: Money | None = None
) -> Finalized:
    """The invoice with its number, with the customer's balance used, and the entries for the books.

    One with nothing left to collect is paid at once; one below zero pays into the balance.

    Args:
        offset: what of an amount below zero is taken off other invoices (``settlement.offset``), and so does not go to
            the balance: nobody gets money back that was never paid.

    Raises:
        InvalidState: it is not a draft.
    """
    if invoice.status is not InvoiceStatus.DRAFT:
        raise InvalidState.of("invoice", invoice.status, "finalized")
    number, following = sequence.take()
    credited = invoice.amount_credited - (offset or Money.zero(invoice.currency))
    owed = invoice.total - credited
    applied = balance.usable_for(owed)
    free = (owed - applied).is_zero
    final = replace(
        invoice,
        number=number,
        status=InvoiceStatus.PAID if free else InvoiceStatus.OPEN,
        balance_applied=applied,
        amount_credited=credited,
        finalized_at=at,
        paid_at=at if free else None,
        due=None,
    )
    entries = [finalized_entry(invoice, at)]
    if not applied.is_zero:
        entries.append(balance_entry(invoice, "invoice.balance_applied", applied, at))
    return Finalized(final, following, balance.used(applied), tuple(entry for entry in entries if entry is not None))


def finalized_entry(invoice: Invoice, at: datetime) -> LedgerEntry | None:
    """What finalizing posts; None for an invoice about nothing."""
    return ledger.invoice_finalized(
        derived("le", invoice.created_at, "invoice.finalized", invoice.id),
        invoice.id,
        invoice.customer_id,
        net=invoice.total - invoice.tax,
        tax=invoice.tax,
        at=at,
    )


def balance_entry(invoice: Invoice, fact: str, amount: Money, at: datetime, *more: str) -> LedgerEntry:
    """What the customer's balance paid of an invoice; below zero what went into it."""
    return ledger.balance_used(
        derived("le", invoice.created_at, fact, invoice.id, *more), invoice.id, invoice.customer_id, amount, at
    )
