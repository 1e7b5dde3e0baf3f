"""Invoices for the tests of the PDF renderer, and what is read back of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO

from pypdf import PdfReader

from billing.domain.kernel.money import Money
from billing.integrations.pdf.renderer import PdfRenderer
from billing.services.invoicing.documents import DocumentLine, InvoiceDocument, Party

JANUARY = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
SELLER = Party("Ledger Works GmbH", ("Friedrichstraße 12", "10117 Berlin"), "DE123456789", "billing@seller.example")
BUYER = Party("Acme Corporation", ("1 Main Street", "Springfield"), "US12-3456789", "ap@acme.example")


def usd(micros: int) -> Money:
    return Money(micros, "USD")


def line(description: str = "Business plan", amount: Money | None = None, **changes: object) -> DocumentLine:
    money = amount or usd(4_999_000)
    made = DocumentLine(description, Decimal(1), money, money, *JANUARY)
    return replace(made, **changes)  # type: ignore[arg-type]


def invoice(currency: str = "USD", **changes: object) -> InvoiceDocument:
    zero = Money(0, currency)
    total = Money(4_999_000, currency)
    made = InvoiceDocument(
        number="INV-2026-000042",
        status="open",
        issued_at=datetime(2026, 1, 1, 9, tzinfo=UTC),
        due_at=datetime(2026, 1, 31, tzinfo=UTC),
        currency=currency,
        timezone="UTC",
        seller=SELLER,
        buyer=BUYER,
        lines=(line(amount=total),),
        subtotal=total,
        discount=zero,
        tax=zero,
        total=total,
        amount_paid=zero,
        amount_due=total,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def read(document: InvoiceDocument) -> PdfReader:
    return PdfReader(BytesIO(PdfRenderer().render_invoice(document)), strict=True)


def text_of(document: InvoiceDocument) -> str:
    return "\n".join(page.extract_text() for page in read(document).pages).replace("\u00a0", " ")
