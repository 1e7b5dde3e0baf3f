"""Which series an invoice or a credit note takes its number from: the tenant's own, or its customer's test clock's.

A clock's dates are years ahead, and come in any order: were its documents in the tenant's own series, that would jump
from May 2026 to 2028 and back (docs/decisions/0056-external-ids-lists-and-numbers.md).
"""

from billing.domain.clocks import series_id, series_prefix
from billing.domain.invoicing.credit_note import CREDIT_NOTE_SEQUENCE_ID, CreditNoteSequence
from billing.domain.invoicing.invoice import Invoice
from billing.domain.tenant import INVOICE_SEQUENCE_ID, InvoiceSequence
from billing.services.kernel.work import Ref, Work


def invoice_numbers(work: Work, invoice: Invoice, own: InvoiceSequence) -> InvoiceSequence:
    """The sequence that a draft gets its number from; one more read on a test clock, and only there.

    Args:
        own: the tenant's.
    """
    clock_id = invoice.test_clock_id
    if clock_id is None:
        return own
    ref = Ref(InvoiceSequence, invoice.tenant_id, series_id(INVOICE_SEQUENCE_ID, clock_id))
    prefix = series_prefix(work.tenant.invoice_prefix, clock_id)
    return work.load(ref).get(ref) or InvoiceSequence(invoice.tenant_id, prefix, id=ref.id)


def credit_note_ref(tenant_id: str) -> Ref[CreditNoteSequence]:
    """The tenant's own sequence of credit notes."""
    return Ref(CreditNoteSequence, tenant_id, CREDIT_NOTE_SEQUENCE_ID)


def credit_note_numbers(work: Work, invoice: Invoice, own: CreditNoteSequence | None) -> CreditNoteSequence:
    """The sequence that a credit note on an invoice gets its number from, as ``invoice_numbers``.

    Args:
        own: the tenant's; None where it has none yet.
    """
    clock_id, prefix = invoice.test_clock_id, work.tenant.invoice_prefix
    if clock_id is None:
        return own or CreditNoteSequence(invoice.tenant_id, prefix)
    ref = Ref(CreditNoteSequence, invoice.tenant_id, series_id(CREDIT_NOTE_SEQUENCE_ID, clock_id))
    begun = CreditNoteSequence(invoice.tenant_id, series_prefix(prefix, clock_id), id=ref.id)
    return work.load(ref).get(ref) or begun
