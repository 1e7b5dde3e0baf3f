"""Invoices: read, list, and as a printable document."""

from dataclasses import dataclass
from decimal import Decimal

from billing.domain.invoicing.invoice import Invoice, PartySnapshot
from billing.domain.kernel.money import Money
from billing.services.invoicing.documents import DocumentLine, InvoiceDocument, Party, TaxLine
from billing.services.kernel.work import Page, Ref, Window, Work, said


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """Which invoices of a tenant a list shows."""

    customer_id: str | None = None
    subscription_id: str | None = None
    number: str | None = None
    status: str | None = None
    currency: str | None = None


def get(work: Work, invoice_id: str) -> Invoice:
    """An invoice of the tenant.

    Raises:
        NotFound: it has none with this id.
    """
    ref = Ref(Invoice, work.tenant.id, invoice_id)
    return work.load(ref).require(ref)


def page(work: Work, wanted: InvoiceFilter, window: Window) -> Page[Invoice]:
    """A page of the tenant's invoices, newest first; by what narrows most: a number, a subscription, a customer."""
    indexes = said({"number": wanted.number, "subscription": wanted.subscription_id, "customer": wanted.customer_id})
    index = next(iter(indexes), None)
    value = indexes.pop(index) if index else None
    filters = indexes | said({"status": wanted.status, "currency": wanted.currency})
    return work.query(window.query(Invoice, index, value, filters))


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
        carried=invoice.carried,
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
