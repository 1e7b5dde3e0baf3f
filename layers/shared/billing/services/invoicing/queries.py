"""Invoices: read, list, and as a printable document."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from billing.domain.invoicing.invoice import Invoice, InvoiceStatus, PartySnapshot
from billing.domain.invoicing.terms import Terms
from billing.domain.kernel.errors import Detail, LostRace, ValidationFailed
from billing.domain.kernel.money import Money
from billing.domain.lines.line import InvoiceLine
from billing.domain.payments.payment import Payment, PaymentStatus
from billing.services.invoicing.documents import (
    DocumentLine,
    DocumentStep,
    HowToPay,
    InvoiceDocument,
    PaidBy,
    Party,
)
from billing.services.invoicing.looks import PLAIN, Looks
from billing.services.invoicing.tax_table import tax_table
from billing.services.kernel.work import FAILED, Page, Ref, Window, Work, said


def require_one_moment(invoice: Invoice, latest: Payment | None) -> None:
    """Check that an unpaid invoice and its last attempt were not read before and after it was paid.

    Raises:
        LostRace: they were; they are to be read anew.
    """
    unpaid = invoice.status in (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)
    succeeded = latest is not None and latest.status is PaymentStatus.SUCCEEDED and not latest.amount_differs
    if unpaid and succeeded:
        raise LostRace("The invoice was paid while it was being read")


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """Which invoices of a tenant a list shows.

    Args:
        due_from, due_to: [from, to) of the time until which they are to be paid.
        overdue: only open ones whose time to pay is over.
        failed: only open ones whose last attempt failed, or which nobody could charge.
    """

    customer_id: str | None = None
    subscription_id: str | None = None
    number: str | None = None
    status: str | None = None
    currency: str | None = None
    due_from: datetime | None = None
    due_to: datetime | None = None
    overdue: bool = False
    failed: bool = False

    @property
    def any_status(self) -> str | None:
        """The status that is asked for.

        Raises:
            ValidationFailed: only ones that are not open are wanted, which are never overdue, and never tried.
        """
        only_open = [Detail("status", f"not_with_{name}") for name in self._only_open]
        if only_open and self.status not in (None, InvoiceStatus.OPEN.value):
            raise ValidationFailed.all(only_open)
        return InvoiceStatus.OPEN.value if only_open else self.status

    @property
    def _only_open(self) -> list[str]:
        return [name for name, wanted in (("overdue", self.overdue), ("attempt", self.failed)) if wanted]


def get(work: Work, invoice_id: str) -> Invoice:
    """An invoice of the tenant.

    Raises:
        NotFound: it has none with this id.
    """
    ref = Ref(Invoice, work.tenant.id, invoice_id)
    return work.load(ref).require(ref)


def page(work: Work, wanted: InvoiceFilter, window: Window) -> Page[Invoice]:
    """A page of the tenant's invoices, newest first; by what narrows most: a number, a subscription, a customer.

    Those whose last attempt failed are few, and in the order of the next one, whatever else narrows them. Due dates
    narrow nothing: like the other filters they are looked at in what was read, and what is read is paid for.

    Raises:
        ValidationFailed: see ``InvoiceFilter.any_status``.
    """
    filters = said({"number": wanted.number, "subscription": wanted.subscription_id, "customer": wanted.customer_id})
    index = FAILED if wanted.failed else next(iter(filters), None)
    value = filters.pop(index, FAILED) if index else None
    filters |= said({"status": wanted.any_status, "currency": wanted.currency})
    query = window.query(Invoice, index, value, filters)
    overdue_at = work.now if wanted.overdue else None
    return work.query(replace(query, payable_from=wanted.due_from, payable_to=wanted.due_to, overdue_at=overdue_at))


def document(invoice: Invoice, looks: Looks = PLAIN, paid_by: PaidBy | None = None) -> InvoiceDocument:
    """The printable invoice.

    Args:
        looks: how its tenant's documents look now, and the language where the reader wants another one.
        paid_by: the card that paid it.
    """
    terms = invoice.terms or Terms()
    supplied = supplied_span(invoice.lines)
    return InvoiceDocument(
        number=invoice.number,
        status=invoice.status.value,
        issued_at=invoice.finalized_at,
        due_at=invoice.payable_by,
        currency=invoice.currency,
        timezone=invoice.timezone,
        locale=looks.locale or terms.locale,
        seller=party(invoice.seller),
        buyer=party(invoice.buyer),
        lines=tuple(_line(line, invoice.currency) for line in invoice.lines),
        subtotal=invoice.subtotal,
        discount=invoice.discount,
        taxes=tax_table(invoice),
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
        coupon="; ".join(dict.fromkeys(off.text for line in invoice.lines for off in line.discounts)) or None,
        supplied_from=supplied[0] if supplied else None,
        supplied_until=supplied[1] if supplied else None,
        po_number=terms.po_number,
        custom_fields=tuple((each.name, each.value) for each in terms.custom_fields),
        branding=looks.with_legal_line(terms.legal_line),
        how_to_pay=_how_to_pay(invoice, terms, looks),
        paid_by=paid_by,
    )


def party(snapshot: PartySnapshot) -> Party:
    """A seller or buyer as a document names them."""
    lines = snapshot.address.lines() if snapshot.address else ()
    return Party(snapshot.name, lines, snapshot.tax_id, snapshot.email, snapshot.address)


def supplied_span(lines: Iterable[InvoiceLine]) -> tuple[datetime, datetime] | None:
    """What the periods of its charges span, [from, until); None where no line says of a time.

    A credit for June on an invoice about July does not make it one about June.
    """
    dated = [(line.period, line.amount.is_negative) for line in lines if line.period is not None]
    periods = [period for period, is_credit in dated if not is_credit] or [period for period, _ in dated]
    if not periods:
        return None
    return min(each.start for each in periods), max(each.end for each in periods)


def _line(line: InvoiceLine, currency: str) -> DocumentLine:
    return DocumentLine(
        description=line.description,
        quantity=line.quantity,
        unit_amount=None if line.unit_amount is None else Money(line.unit_amount, currency),
        amount=line.amount,
        period_start=line.period.start if line.period else None,
        period_end=line.period.end if line.period else None,
        proration=line.proration,
        discount=line.discount,
        steps=tuple(
            DocumentStep(
                step.quantity,
                Money(step.unit_amount, currency),
                Money(step.flat_amount, currency) if step.flat_amount else None,
                Money(step.amount, currency),
            )
            for step in line.steps
        ),
    )


def _how_to_pay(invoice: Invoice, terms: Terms, looks: Looks) -> HowToPay | None:
    """How an open invoice is paid; None where nothing is to be paid, or nobody said how."""
    if invoice.status is not InvoiceStatus.OPEN or invoice.number is None or invoice.amount_due.micros <= 0:
        return None
    return HowToPay(reference=invoice.number, bank=terms.bank, link=looks.link_to(invoice.id, invoice.number))
