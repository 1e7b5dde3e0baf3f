"""Invoices: read, list, and as a printable document."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing.domain.invoicing.invoice import Invoice, PartySnapshot
from billing.domain.kernel.money import Money
from billing.services.invoicing.documents import DocumentLine, InvoiceDocument, Party, TaxLine
from billing.services.kernel.work import Page, Query, Ref, Work


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """Which invoices of a tenant a list shows."""

    customer_id: str | None = None
    subscription_id: str | None = None
    status: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


def get(work: Work, invoice_id: str) -> Invoice:
    """An invoice of the tenant.

    Raises:
        NotFound: it has none with this id.
    """
    ref = Ref(Invoice, work.tenant.id, invoice_id)
    return work.load(ref).require(ref)


def page(work: Work, wanted: InvoiceFilter, limit: int, cursor: str | None) -> Page[Invoice]:
    """A page of the tenant's invoices, newest first; a subscription narrows more than a customer does."""
    index, value = None, None
    filters = {"status": wanted.status} if wanted.status else {}
    if wanted.subscription_id:
        index, value = "subscription", wanted.subscription_id
    elif wanted.customer_id:
        index, value = "customer", wanted.customer_id
    if wanted.subscription_id and wanted.customer_id:
        filters["customer"] = wanted.customer_id
    return work.query(
        Query(
            Invoice,
            index=index,
            value=value,
            filters=filters,
            created_from=wanted.created_from,
            created_to=wanted.created_to,
            limit=limit,
            start=cursor,
        )
    )


def document(invoice: Invoice) -> InvoiceDocument:
    """The printable invoice."""
    lines = tuple(
        DocumentLine(
            description=line.description,
            quantity=line.quantity,
            unit_amount=None if line.unit_amount is None else Money(line.unit_amount, invoice.currency),
            amount=line.amount,
            period_start=line.period.start if line.period else None,
            period_end=line.period.end if line.period else None,
            proration=line.proration,
            discount=line.discount,
        )
        for line in invoice.lines
    )
    return InvoiceDocument(
        number=invoice.number,
        status=invoice.status.value,
        issued_at=invoice.finalized_at,
        due_at=invoice.finalized_at,
        currency=invoice.currency,
        timezone=invoice.timezone,
        seller=party(invoice.seller),
        buyer=party(invoice.buyer),
        lines=lines,
        subtotal=invoice.subtotal,
        discount=invoice.discount,
        taxes=_taxes(invoice),
        tax=invoice.tax,
        total=invoice.total,
        balance_applied=invoice.balance_applied,
        amount_credited=invoice.amount_credited,
        amount_paid=invoice.amount_paid,
        amount_due=invoice.amount_due,
        paid_at=invoice.paid_at,
        notes="\n".join(invoice.notes) or None,
        test_mode=invoice.test_mode,
    )


def party(snapshot: PartySnapshot) -> Party:
    """A seller or buyer as a document names them."""
    lines = snapshot.address.lines() if snapshot.address else ()
    return Party(name=snapshot.name, address_lines=lines, tax_id=snapshot.tax_id, email=snapshot.email)


def _taxes(invoice: Invoice) -> tuple[TaxLine, ...]:
    """One line for each tax and rate: the sum over the invoice's lines."""
    sums: dict[tuple[str, Decimal, bool], TaxLine] = {}
    for tax in (tax for line in invoice.lines for tax in line.taxes):
        key = (tax.name, tax.rate_percent, tax.inclusive)
        before = sums.get(key)
        amount = tax.amount + before.amount if before else tax.amount
        sums[key] = TaxLine(tax.name, tax.rate_percent, amount, tax.inclusive)
    return tuple(sums.values())
