"""Whether the numbers of documents have gaps: each is taken in the commit that issues its document."""

from collections import defaultdict
from collections.abc import Iterator

from billing.domain.clocks import series_id
from billing.domain.invoicing.credit_note import CREDIT_NOTE_SEQUENCE_ID, CreditNote, CreditNoteSequence
from billing.domain.invoicing.invoice import Invoice
from billing.domain.tenant import INVOICE_SEQUENCE_ID, InvoiceSequence
from billing.services.kernel.work import Query, Work, every

_AT_ONCE = 100
_INVOICES: Query[Invoice] = Query(Invoice, limit=_AT_ONCE)
_NOTES: Query[CreditNote] = Query(CreditNote, limit=_AT_ONCE)
_INVOICE_SERIES: Query[InvoiceSequence] = Query(InvoiceSequence, begins=INVOICE_SEQUENCE_ID, limit=_AT_ONCE)
_NOTE_SERIES: Query[CreditNoteSequence] = Query(CreditNoteSequence, begins=CREDIT_NOTE_SEQUENCE_ID, limit=_AT_ONCE)


def number_gaps(work: Work) -> list[str]:
    """What is wrong with the numbers of a tenant's invoices and credit notes, in words; nothing, as a rule.

    Each series is looked at: the tenant's own, and that of each test clock (``domain.clocks.series``). ACME-000041
    counts as 41, whatever the prefix was when it was taken.
    """
    invoices, notes = defaultdict(list), defaultdict(list)
    for invoice in every(work, _INVOICES):
        if invoice.number is not None:
            invoices[_series(INVOICE_SEQUENCE_ID, invoice.test_clock_id)].append(_number(invoice.number))
    for note in every(work, _NOTES):
        notes[_series(CREDIT_NOTE_SEQUENCE_ID, note.test_clock_id)].append(_number(note.number))
    of_invoices = {each.id: each.next_number for each in every(work, _INVOICE_SERIES)}
    of_notes = {each.id: each.next_number for each in every(work, _NOTE_SERIES)}
    return [*_gaps("invoice", of_invoices, invoices), *_gaps("credit note", of_notes, notes)]


def _gaps(document: str, following: dict[str, int], taken: dict[str, list[int]]) -> Iterator[str]:
    """What is wrong with one kind of document.

    Args:
        following: the next number of each series, by the id of its sequence.
        taken: the numbers that documents have, by series.
    """
    for series in sorted(following.keys() | taken.keys()):
        there = taken.get(series, [])
        found, wanted = set(there), set(range(1, following.get(series, 1)))
        _, _, clock = series.partition(".")
        place = f" of {clock}" if clock else ""
        yield from (f"{document} number {each}{place} is missing" for each in sorted(wanted - found))
        yield from (f"{document} number {each}{place} was never given" for each in sorted(found - wanted))
        if len(there) != len(found):
            yield f"numbers of {document}s{place} were given twice"


def _series(name: str, clock_id: str | None) -> str:
    return name if clock_id is None else series_id(name, clock_id)


def _number(text: str) -> int:
    return int(text.rpartition("-")[2])
