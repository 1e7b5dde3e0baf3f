"""Documents with all that is printed on them: an invoice or a credit note, its tenant's looks, the card that paid.

Beside each is what it tells as data, for an e-invoice.
"""

from dataclasses import dataclass

from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.payments.payment import Payment, PaymentStatus, attempt_id
from billing.services.invoicing import credit_notes, einvoicing, queries
from billing.services.invoicing.documents import InvoiceDocument, PaidBy
from billing.services.invoicing.einvoice import EInvoice
from billing.services.invoicing.looks import Looks
from billing.services.kernel.work import Found, Ref, Work
from billing.services.logos import logo_ref

_LAST_ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class Printed:
    """A document, the same as data, and the name of its file without an ending."""

    document: InvoiceDocument
    data: EInvoice
    name: str


def invoice(work: Work, invoice_id: str, locale: str | None = None) -> Printed:
    """An invoice to print.

    Args:
        locale: another language than its own.

    Raises:
        NotFound: the tenant has none with this id.
    """
    ref = Ref(Invoice, work.tenant.id, invoice_id)
    found = work.load(ref, logo_ref(work.tenant.id))
    printed = found.require(ref)
    paid_by = _paid_by(work, printed)
    document = queries.document(printed, _looks(work, found, locale), paid_by)
    data = einvoicing.of_invoice(printed, document.how_to_pay, paid_by)
    return Printed(document, data, printed.number or printed.id)


def credit_note(work: Work, note_id: str, locale: str | None = None) -> Printed:
    """A credit note to print.

    Args:
        locale: another language than its own.

    Raises:
        NotFound: the tenant has none with this id.
    """
    ref = Ref(CreditNote, work.tenant.id, note_id)
    found = work.load(ref, logo_ref(work.tenant.id))
    note = found.require(ref)
    document = credit_notes.document(note, _looks(work, found, locale))
    return Printed(document, einvoicing.of_credit_note(note), note.number)


def _looks(work: Work, found: Found, locale: str | None) -> Looks:
    return Looks.of(work.tenant, found.get(logo_ref(work.tenant.id)), locale)


def _paid_by(work: Work, invoice: Invoice) -> PaidBy | None:
    """The card that paid an invoice last; the attempts' ids follow from the invoice's."""
    if invoice.status is not InvoiceStatus.PAID or invoice.amount_paid.is_zero:
        return None
    last = invoice.attempt_count
    numbers = range(max(1, last - _LAST_ATTEMPTS + 1), last + 1)
    refs = [Ref(Payment, invoice.tenant_id, attempt_id(invoice.id, invoice.created_at, n)) for n in numbers]
    found = work.load(*refs)
    paid = [each for each in map(found.get, refs) if each is not None and each.status is PaymentStatus.SUCCEEDED]
    latest = max(paid, key=lambda each: (each.settled_at or each.created_at, each.attempt), default=None)
    return PaidBy(latest.card.brand, latest.card.last4) if latest is not None and latest.card is not None else None
