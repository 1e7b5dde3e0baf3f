"""Which series an invoice or a credit note takes its number from: the tenant's own, or its customer's test clock's.

A clock's dates are years ahead, and come in any order: were its documents in the tenant's own series, that would jump
from May 2026 to 2028 and back (docs/decisions/0056-external-ids-lists-and-numbers.md).
"""

from billing.domain.clocks import series_id, series_prefix
from billing.domain.invoicing.credit_note import CREDIT_NOTE_SEQUENCE_ID, CreditNoteSequence
from billing.domain.invoicing.invoice import Invoice
from billing.domain.invoicing.numbers import next_credit_note_on
from billing.domain.tenant import INVOICE_SEQUENCE_ID, InvoiceSequence
from billing.services.kernel.work import Work


def invoice_number(work: Work, draft: Invoice, claim: str | None) -> InvoiceSequence:
    """The sequence at the number of a draft that is finalized now; see ``Work.numbered``."""
    prefix, series = _series(work, draft, INVOICE_SEQUENCE_ID)
    return work.numbered(InvoiceSequence(draft.tenant_id, prefix, id=series), draft.id, claim)


def credit_note_number(work: Work, invoice: Invoice, note_id: str) -> CreditNoteSequence:
    """The sequence at the number of a credit note on an invoice, which is issued now; see ``Work.numbered``."""
    prefix, series = _series(work, invoice, CREDIT_NOTE_SEQUENCE_ID)
    sequence = CreditNoteSequence(invoice.tenant_id, prefix, id=series)
    return work.numbered(sequence, note_id, next_credit_note_on(invoice))


def _series(work: Work, invoice: Invoice, kind: str) -> tuple[str, str]:
    """What the numbers of an invoice's series begin with, and the series' id."""
    clock_id, prefix = invoice.test_clock_id, work.tenant.invoice_prefix
    if clock_id is None:
        return prefix, kind
    return series_prefix(prefix, clock_id), series_id(kind, clock_id)
