"""The content of a printable invoice or credit note: finished facts, nothing left to compute.

The values are frozen copies of a finalized invoice, and of the seller's and the buyer's details as they were on that
day. A renderer only lays them out; it adds nothing up, so the document and the ledger cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from billing.domain.customers.customer import Address
from billing.domain.kernel.bank import BankDetails
from billing.domain.kernel.money import Money


class TaxTreatment(StrEnum):
    """Why a rate is what it is."""

    STANDARD = "standard"
    REVERSE_CHARGE = "reverse_charge"
    EXEMPT = "exempt"
    ZERO = "zero"


@dataclass(frozen=True, slots=True)
class Party:
    """Seller or buyer as the invoice names them; ``address`` is printed in the order of its own country."""

    name: str
    address_lines: tuple[str, ...] = ()
    tax_id: str | None = None
    email: str | None = None
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class DocumentStep:
    """One step of a tiered price: five seats at 120.00 are DocumentStep(Decimal(5), Money(...), None, Money(...)).

    flat is what the step costs whatever the quantity, where it has such a price; amount is the step's whole price.
    """

    quantity: Decimal
    unit_amount: Money | None
    flat: Money | None
    amount: Money


@dataclass(frozen=True, slots=True)
class Branding:
    """How a tenant's documents look: logo (PNG, JPEG or SVG), colour as #RRGGBB, a footer, and a line the law wants."""

    logo: bytes | None = None
    color: str | None = None
    footer: str | None = None
    legal_line: str | None = None


@dataclass(frozen=True, slots=True)
class HowToPay:
    """How an open invoice is paid: by transfer naming the reference, or on the page behind the link."""

    reference: str
    bank: BankDetails | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class PaidBy:
    """The card that paid: PaidBy("visa", "4242"); never more of its number."""

    brand: str
    last4: str


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One invoice line; its period is half-open, [period_start, period_end).

    unit_amount may be finer than a minor unit (10 micros = $0.0001 a call) and is printed exactly. discount is what
    coupons take off, positive for a charge; amount is before the discount.
    """

    description: str
    quantity: Decimal | None
    unit_amount: Money | None
    amount: Money
    period_start: datetime | None = None
    period_end: datetime | None = None
    proration: bool = False
    discount: Money | None = None
    steps: tuple[DocumentStep, ...] = ()

    def __post_init__(self) -> None:
        _require_aware(self.period_start, self.period_end)


@dataclass(frozen=True, slots=True)
class TaxLine:
    """One tax with its rate in percent: TaxLine("VAT", Decimal("20"), Money(...)).

    inclusive: the prices contain it. base: what it was computed on, after discounts and without the tax.
    """

    name: str
    rate_percent: Decimal
    amount: Money
    inclusive: bool = False
    base: Money | None = None
    treatment: TaxTreatment = TaxTreatment.STANDARD


class CreditDestination(StrEnum):
    """Where credit can go; a renderer has words for it in the document's language."""

    INVOICE = "invoice"
    BALANCE = "balance"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class CreditedTo:
    """Where a part of a credit note's total went: CreditedTo("Added to your credit balance", Money(...)).

    label is what is printed where destination is None.
    """

    label: str
    amount: Money
    destination: CreditDestination | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDocument:
    """A whole invoice or credit note, ready to print. A credit note has another title, the number of its invoice in
    ``about_invoice``, and instead of what was paid and is due it shows where the credit went.

    coupon names what the discount comes from ("LAUNCH26, 25 % off"). supplied_from and supplied_until span what was
    delivered, half-open as lines' periods. custom_fields are pairs of a name and a value, as the tenant wrote them.

    timezone is an IANA name: every date is printed as the calendar day there. locale is a language tag ("en",
    "de-CH") and governs how numbers and dates look. number is None for a draft.

    Raises ValueError for a datetime without a zone, or an amount in another currency than the document's.
    """

    number: str | None
    status: str
    issued_at: datetime | None
    due_at: datetime | None
    currency: str
    timezone: str
    locale: str = "en"
    seller: Party
    buyer: Party
    lines: tuple[DocumentLine, ...]
    subtotal: Money
    discount: Money
    taxes: tuple[TaxLine, ...] = ()
    tax: Money
    total: Money
    balance_applied: Money | None = None
    carried: Money | None = None
    amount_credited: Money | None = None
    amount_paid: Money
    amount_due: Money
    credited_to: tuple[CreditedTo, ...] = ()
    about_invoice: str | None = None
    paid_at: datetime | None = None
    notes: str | None = None
    test_mode: bool = False
    title: str = "Invoice"
    coupon: str | None = None
    supplied_from: datetime | None = None
    supplied_until: datetime | None = None
    po_number: str | None = None
    custom_fields: tuple[tuple[str, str], ...] = ()
    branding: Branding = Branding()
    how_to_pay: HowToPay | None = None
    paid_by: PaidBy | None = None

    def __post_init__(self) -> None:
        _require_aware(self.issued_at, self.due_at, self.paid_at)
        for amount in self._amounts():
            if amount.currency != self.currency:
                raise ValueError(
                    f"invoice {self.number} is in {self.currency} but holds an amount in {amount.currency}"
                )

    def _amounts(self) -> Iterator[Money]:
        yield from (self.subtotal, self.discount, self.tax, self.total, self.amount_paid, self.amount_due)
        yield from (tax.amount for tax in self.taxes)
        yield from (each.amount for each in self.credited_to)
        lines = [(line.amount, line.unit_amount, line.discount) for line in self.lines]
        for amount in (
            self.balance_applied,
            self.carried,
            self.amount_credited,
            *(each for line in lines for each in line),
        ):
            if amount is not None:
                yield amount


def _require_aware(*moments: datetime | None) -> None:
    for moment in moments:
        if moment is not None and moment.tzinfo is None:
            raise ValueError(f"a date on an invoice needs a time zone: {moment.isoformat()}")
