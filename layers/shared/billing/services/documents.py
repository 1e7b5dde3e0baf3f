"""What a printable invoice says: finished facts, nothing left to compute.

The values here are frozen copies of a finalized invoice, of the seller's and of the buyer's details as they
were on that day. A renderer only lays them out; it adds nothing up, so paper and ledger cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing.domain.money import Money


@dataclass(frozen=True, slots=True)
class Party:
    """Seller or buyer as the invoice names them."""

    name: str
    address_lines: tuple[str, ...] = ()
    tax_id: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One invoice line; its period is half-open, [period_start, period_end).

    unit_amount may be finer than a minor unit (10 micros = $0.0001 a call) and is printed exactly.
    """

    description: str
    quantity: Decimal | None
    unit_amount: Money | None
    amount: Money
    period_start: datetime | None = None
    period_end: datetime | None = None
    proration: bool = False

    def __post_init__(self) -> None:
        _require_aware(self.period_start, self.period_end)


@dataclass(frozen=True, slots=True)
class TaxLine:
    """One tax with its rate in percent: TaxLine("VAT", Decimal("20"), Money(...))."""

    name: str
    rate_percent: Decimal
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDocument:
    """A whole invoice, ready to print.

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
    amount_paid: Money
    amount_due: Money
    paid_at: datetime | None = None
    notes: str | None = None
    test_mode: bool = False
    title: str = "Invoice"

    def __post_init__(self) -> None:
        _require_aware(self.issued_at, self.due_at, self.paid_at)
        for amount in self._amounts():
            if amount.currency != self.currency:
                raise ValueError(
                    f"invoice {self.number} is in {self.currency} but holds an amount in {amount.currency}"
                )

    def _amounts(self) -> Iterator[Money]:
        yield from (self.subtotal, self.discount, self.tax, self.total, self.amount_paid, self.amount_due)
        for tax in self.taxes:
            yield tax.amount
        for line in self.lines:
            yield line.amount
            if line.unit_amount is not None:
                yield line.unit_amount


def _require_aware(*moments: datetime | None) -> None:
    for moment in moments:
        if moment is not None and moment.tzinfo is None:
            raise ValueError(f"a date on an invoice needs a time zone: {moment.isoformat()}")
