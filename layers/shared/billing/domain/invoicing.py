"""Invoices: draft -> open -> paid | void | uncollectible.

Finalizing takes the number, freezes the lines and posts the ledger entry; nothing of a finalized invoice
changes after that but what has been paid on it (design.md section 5).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from billing.domain import ledger
from billing.domain.customer import PERSONAL, Address, Customer
from billing.domain.due import Due
from billing.domain.errors import InvalidState
from billing.domain.ids import derived
from billing.domain.ledger import LedgerEntry, Posting
from billing.domain.money import Money, sum_money
from billing.domain.payment import Payment, PaymentError
from billing.domain.periods import Period
from billing.domain.plan import Plan
from billing.domain.pricing import Component, ComponentType, price
from billing.domain.subscription import Subscription
from billing.domain.tenant import InvoiceSequence, Mode, Tenant
from billing.domain.times import format_time


class InvoiceStatus(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


@dataclass(frozen=True, slots=True)
class TaxAmount:
    """One tax on a line: ``rate_percent`` of its net."""

    name: str
    rate_percent: Decimal
    amount: Money


@dataclass(frozen=True, slots=True)
class DiscountAmount:
    """What a coupon took off a line."""

    coupon_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """A line: ``amount`` is whole minor units, rounded once; ``unit_amount`` (micro-units) where there is one price."""

    id: str
    description: str
    component: str | None
    quantity: Decimal | None
    unit_amount: int | None
    amount: Money
    period: Period | None
    proration: bool = False
    taxes: tuple[TaxAmount, ...] = ()
    discounts: tuple[DiscountAmount, ...] = ()


@dataclass(frozen=True, slots=True)
class PartySnapshot:
    """Seller or buyer as they were when the invoice was made: a document does not change when somebody moves."""

    name: str
    address: Address | None
    tax_id: str | None
    email: str | None


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice. Totals are in the invoice's currency; ``id`` is derived from (subscription, period)."""

    id: str
    tenant_id: str
    customer_id: str
    status: InvoiceStatus
    currency: str
    timezone: str
    lines: tuple[InvoiceLine, ...]
    subtotal: Money
    discount: Money
    tax: Money
    total: Money
    amount_paid: Money
    amount_refunded: Money
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
    attempt_count: int = 0
    latest_payment_id: str | None = None
    payment_error: PaymentError | None = None
    test_clock_id: str | None = None
    due: Due | None = None
    version: int = 0

    def __post_init__(self) -> None:
        if self.total != self.subtotal - self.discount + self.tax:
            raise ValueError(f"invoice {self.id}: {self.subtotal} - {self.discount} + {self.tax} is not {self.total}")

    @property
    def amount_due(self) -> Money:
        """What is still to be paid."""
        return self.total - self.balance_applied - self.amount_paid


def period_invoice_id(subscription: Subscription, period: Period) -> str:
    """The one id that an invoice of this subscription for this period can have: a second run cannot bill twice."""
    return derived("in", period.start, subscription.tenant_id, subscription.id, format_time(period.start))


def period_invoice(tenant: Tenant, customer: Customer, subscription: Subscription, plan: Plan, at: datetime) -> Invoice:
    """The draft for the subscription's current period, billed in advance.

    Args:
        at: when it is made, on the customer's clock.
    """
    period = subscription.current_period
    invoice_id = period_invoice_id(subscription, period)
    lines = tuple(
        _line(invoice_id, n, plan, component, subscription, period) for n, component in enumerate(plan.components, 1)
    )
    return _draft(tenant, customer, subscription, invoice_id, lines, period, at)


def _line(
    invoice_id: str, n: int, plan: Plan, component: Component, subscription: Subscription, period: Period
) -> InvoiceLine:
    quantity = Decimal(1 if component.type is ComponentType.FLAT else subscription.quantities[component.key])
    priced = price(component, quantity, plan.currency)
    name = plan.name if component.type is ComponentType.FLAT else f"{plan.name}: {component.key}"
    return InvoiceLine(
        id=f"{invoice_id}-{n}",
        description=name,
        component=component.key,
        quantity=priced.quantity,
        unit_amount=priced.unit_amount,
        amount=priced.amount,
        period=period,
    )


def _draft(
    tenant: Tenant,
    customer: Customer,
    subscription: Subscription,
    invoice_id: str,
    lines: Sequence[InvoiceLine],
    period: Period,
    at: datetime,
) -> Invoice:
    currency = lines[0].amount.currency
    zero = Money.zero(currency)
    subtotal = sum_money((line.amount for line in lines), currency)
    discount = sum_money((d.amount for line in lines for d in line.discounts), currency)
    tax = sum_money((t.amount for line in lines for t in line.taxes), currency)
    return Invoice(
        id=invoice_id,
        tenant_id=tenant.id,
        customer_id=customer.id,
        status=InvoiceStatus.DRAFT,
        currency=currency,
        timezone=customer.timezone,
        lines=tuple(lines),
        subtotal=subtotal,
        discount=discount,
        tax=tax,
        total=subtotal - discount + tax,
        amount_paid=zero,
        amount_refunded=zero,
        balance_applied=zero,
        seller=PartySnapshot(tenant.legal_name or tenant.name, tenant.address, tenant.tax_id, tenant.email),
        buyer=PartySnapshot(customer.name, customer.address, customer.tax_id, customer.email),
        created_at=at,
        test_mode=tenant.mode is Mode.TEST,
        subscription_id=subscription.id,
        period=period,
        test_clock_id=customer.test_clock_id,
    )


def finalize(
    invoice: Invoice, sequence: InvoiceSequence, at: datetime
) -> tuple[Invoice, InvoiceSequence, LedgerEntry | None]:
    """The invoice with its number, the sequence after it, and the entry for the books (None when it is about nothing).

    An invoice over zero has nothing to collect and is paid at once.

    Raises:
        InvalidState: it is not a draft.
    """
    if invoice.status is not InvoiceStatus.DRAFT:
        raise InvalidState.of("invoice", invoice.status, "finalized")
    number, following = sequence.take()
    free = invoice.amount_due.is_zero
    final = replace(
        invoice,
        number=number,
        status=InvoiceStatus.PAID if free else InvoiceStatus.OPEN,
        finalized_at=at,
        paid_at=at if free else None,
        due=None,
    )
    return final, following, _finalized_entry(invoice, at)


def _finalized_entry(invoice: Invoice, at: datetime) -> LedgerEntry | None:
    return ledger.invoice_finalized(
        derived("le", invoice.created_at, "invoice.finalized", invoice.id),
        invoice.id,
        invoice.customer_id,
        net=invoice.subtotal - invoice.discount,
        tax=invoice.tax,
        at=at,
    )


def attempted(invoice: Invoice, payment: Payment) -> Invoice:
    """The open invoice with a charge attempt under way.

    Raises:
        InvalidState: it is not open.
    """
    if invoice.status is not InvoiceStatus.OPEN:
        raise InvalidState.of("invoice", invoice.status, "paid")
    return replace(invoice, attempt_count=payment.attempt, latest_payment_id=payment.id)


def paid(invoice: Invoice, payment: Payment, at: datetime) -> tuple[Invoice, LedgerEntry]:
    """The invoice after ``payment`` succeeded, and the entry that moves the money in the books."""
    collected = invoice.amount_paid + payment.amount
    owed = invoice.total - invoice.balance_applied - collected
    # A payer who pays twice (an old form, a new card) leaves the invoice paid and due a negative amount: a credit.
    settled = invoice.status is InvoiceStatus.OPEN and (owed.is_zero or owed.is_negative)
    entry = ledger.payment_received(
        derived("le", payment.created_at, "payment.succeeded", payment.id),
        payment.id,
        payment.customer_id,
        payment.amount,
        at,
    )
    return (
        replace(
            invoice,
            amount_paid=collected,
            status=InvoiceStatus.PAID if settled else invoice.status,
            paid_at=at if settled else invoice.paid_at,
            payment_error=None,
        ),
        entry,
    )


def void(invoice: Invoice, at: datetime) -> tuple[Invoice, LedgerEntry | None]:
    """The open invoice that nobody will pay any more, and the entry that takes its amount out of the books again.

    Raises:
        InvalidState: it is not open, or something was paid on it.
    """
    if invoice.status is not InvoiceStatus.OPEN or not invoice.amount_paid.is_zero:
        raise InvalidState.of("invoice", invoice.status, "voided")
    posted = _finalized_entry(invoice, at)
    entry = None
    if posted is not None:
        entry = LedgerEntry(
            id=derived("le", invoice.created_at, "invoice.voided", invoice.id),
            kind="invoice_voided",
            source_id=invoice.id,
            posted_at=at,
            postings=tuple(Posting(each.account, -each.amount, each.party) for each in posted.postings),
        )
    return replace(invoice, status=InvoiceStatus.VOID), entry


def payment_failed(invoice: Invoice, payment: Payment) -> Invoice:
    """The invoice, still open, with the reason of its last failed attempt."""
    return replace(invoice, payment_error=payment.error)
