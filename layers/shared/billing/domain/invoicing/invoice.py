"""Invoices: draft -> open -> paid | void | uncollectible.

Finalizing takes the number, freezes the lines and posts the ledger entry; nothing of a finalized invoice
changes after that but what has been paid on it, and what credit notes take off it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from billing.domain.catalog.coupon import Discount
from billing.domain.customers.customer import PERSONAL, Address
from billing.domain.invoicing.dunning import Dunning
from billing.domain.invoicing.terms import Terms, due_date
from billing.domain.kernel.card_limits import Unchargeable, unchargeable
from billing.domain.kernel.due import Due
from billing.domain.kernel.money import Money, sum_money
from billing.domain.kernel.periods import Period
from billing.domain.ledger import Receivable
from billing.domain.lines.crediting import left_to_credit
from billing.domain.lines.line import CreditStep, InvoiceLine
from billing.domain.payments.dispute import DisputeStatus
from billing.domain.payments.payment import PaymentError

_LOST = DisputeStatus.LOST.value


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
class Spreading:
    """Credits that are to be taken off more unpaid invoices than one commit takes; the next commits go on.

    Args:
        left: what was not taken off any yet, above zero.
        invoice_ids: the invoices to look at, in order.
    """

    left: Money
    invoice_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice; all amounts are in its currency.

    Args:
        subtotal: the lines' amounts, before discounts.
        tax: all tax; ``tax_included`` of it is part of the lines' amounts already.
        total: subtotal - discount + tax - tax_included; below zero it goes to the customer's balance.
        balance_applied: what of the customer's balance paid it, also by going below zero; below zero what it paid into
            the balance, or collects of what the balance was below zero.
        carried: what of that the balance did not hold, so that a later invoice asks for it.
        amount_credited: how much credit notes, and credits for unused time, reduced what is due here; below zero on an
            invoice whose own credits reduced what is due on other invoices.
        credits: what came back of it (``crediting``): what all credit notes took, including what went to the balance or
            back to the card; and what its subscription gave back of its lines, already billed or still waiting.
        pending_refunds: refunds of credit notes without an outcome, by their ids.
        disputes: the state of each dispute of its payments, by the dispute's id.
        taken_back: what its payer got back without a credit note, by the id of the dispute or refund; negative for what
            of the others a credit note covers after all, because its own refund was refused on their account.
        withheld: credits of its subscription's that were not given because a dispute holds the money: they are if it
            comes back (``giving_back``), and else dropped.
        notes: what the law requires on the document, such as ``Reverse charge``.
        due: when it is worked on next: a draft is finalized, an open one is charged again.
        tax_waits: it is a draft because nobody could say what tax is due.
        auto_charge: it is charged by the saved method once it is open, and dunned; else it waits to be paid.
        spreading: what of its credits is still to be taken off other invoices; None as a rule.
        coupon: what was redeemed for a one-off invoice, for whatever lines it gets.
        terms: what it tells beside parties and amounts, as of its taxation; None on what was stored before.
        due_at: until when it is to be paid, since it was finalized; None on what was stored before, see ``payable_by``.
    """

    entity_name: ClassVar[str] = "Invoice"

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
    withheld: tuple[InvoiceLine, ...] = ()
    notes: tuple[str, ...] = ()
    tax_waits: bool = False
    auto_charge: bool = True
    attempt_count: int = 0
    latest_payment_id: str | None = None
    payment_error: PaymentError | None = None
    dunning: Dunning | None = None
    coupon: Discount | None = None
    carried: Money | None = None  # of what was stored before there was such a thing, nothing
    spreading: Spreading | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    test_clock_id: str | None = None
    due: Due | None = None
    terms: Terms | None = field(default=None, metadata=PERSONAL)
    due_at: datetime | None = None
    version: int = 0

    def __post_init__(self) -> None:
        if self.total != self.subtotal - self.discount + self.tax - self.tax_included:
            raise ValueError(
                f"invoice {self.id}: {self.subtotal} - {self.discount} + {self.tax} - {self.tax_included} "
                f"is not {self.total}"
            )

    @property
    def has_failed(self) -> bool:
        """Whether it is still to be paid, and the last attempt failed or nothing could be attempted."""
        return self.status is InvoiceStatus.OPEN and self.payment_error is not None

    @property
    def amount_due(self) -> Money:
        """What is still to be paid; nothing if the invoice is void."""
        if self.status is InvoiceStatus.VOID:
            return Money.zero(self.currency)
        due = self.total - self.balance_applied - self.amount_paid - self.amount_credited
        return due if self.spreading is None else due + self.spreading.left

    @property
    def receivable(self) -> Receivable:
        """What it has in the books."""
        return Receivable(self.customer_id, self.id, self.test_clock_id)

    @property
    def creditable(self) -> Money:
        """What credit notes can still take: nothing once they add up to the whole invoice.

        What its subscription gave back cannot be credited again; nor what the payer got back without a credit note, by
        a dispute or by a refund made at Stripe.
        """
        left = left_to_credit(self.lines, self.total, self.credits)
        return max(left - self.got_back, Money.zero(self.currency))

    @property
    def got_back(self) -> Money:
        """What its payer got back without a credit note (``taken_back``), and none covers after all."""
        return max(sum_money(self.taken_back.values(), self.currency), Money.zero(self.currency))

    @property
    def may_come_back(self) -> Money:
        """What of that a dispute holds that is not lost."""
        held = (taken for each, taken in self.taken_back.items() if self.disputes.get(each, _LOST) != _LOST)
        return min(sum_money(held, self.currency), self.got_back)

    @property
    def refundable(self) -> Money:
        """What its payments brought, less all refunds that succeeded or are under way."""
        pending = sum_money(self.pending_refunds.values(), self.currency)
        return self.amount_paid - self.amount_refunded - pending

    @property
    def payable_by(self) -> datetime | None:
        """Until when it is to be paid; None for a draft. Before there were terms, that was when it was finalized."""
        return self.due_at or self.finalized_at

    @property
    def grants_time(self) -> bool:
        """Whether its payer was given time to pay: it is dunned, and its subscription past due, only after that."""
        return self.due_at is not None and self.finalized_at is not None and self.due_at > self.finalized_at

    def is_early(self, at: datetime) -> bool:
        """Whether the time that its payer was given is still running."""
        return self.grants_time and self.due_at is not None and at < self.due_at

    def due_if_finalized(self, at: datetime, charged: bool) -> datetime:
        """Until when it would be to be paid: at once, where a saved method is charged at once.

        Who has a card on file pays by it and needs no time; else the terms hold, also where the amount is more than a
        card can be charged, since that is paid by transfer.

        Args:
            charged: there is a method to charge.
        """
        at_once = self.status is not InvoiceStatus.OPEN or (charged and self.to_charge)
        return at if at_once else due_date(self.terms, at, self.timezone)

    @property
    def unchargeable(self) -> Unchargeable | None:
        """Why no card can be charged what it asks for; None where one can, or where it asks for nothing."""
        return unchargeable(self.amount_due) if self.status is InvoiceStatus.OPEN else None

    @property
    def to_charge(self) -> bool:
        """Whether it is to be charged by itself, and can be."""
        return self.status is InvoiceStatus.OPEN and self.auto_charge and self.unchargeable is None
