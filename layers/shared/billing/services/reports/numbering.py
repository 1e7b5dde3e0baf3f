"""Whether the numbers of documents have gaps: each becomes its document's in the commit that issues it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Protocol

from billing.domain.clocks import series_id
from billing.domain.invoicing.credit_note import CREDIT_NOTE_SEQUENCE_ID, CreditNote
from billing.domain.invoicing.invoice import Invoice
from billing.domain.invoicing.numbers import Series
from billing.domain.tenant import INVOICE_SEQUENCE_ID
from billing.services.kernel.work import Query, Work, every

_AT_ONCE = 100
_INVOICES: Query[Invoice] = Query(Invoice, limit=_AT_ONCE)
_NOTES: Query[CreditNote] = Query(CreditNote, limit=_AT_ONCE)


class SeriesOf(Protocol):
    """A tenant's series of a name (``INVOICE_SEQUENCE_ID``, ``CREDIT_NOTE_SEQUENCE_ID``), by their ids."""

    def __call__(self, name: str) -> Mapping[str, Series]:
        """Its own, and those of its test clocks."""


def number_gaps(work: Work, series_of: SeriesOf) -> list[str]:
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
    of_invoices, of_notes = series_of(INVOICE_SEQUENCE_ID), series_of(CREDIT_NOTE_SEQUENCE_ID)
    return [*_gaps("invoice", of_invoices, invoices), *_gaps("credit note", of_notes, notes)]


def _gaps(document: str, standing: Mapping[str, Series], taken: dict[str, list[int]]) -> Iterator[str]:
    """What is wrong with one kind of document.

    Args:
        standing: where each series stands.
        taken: the numbers that documents have, by series.
    """
    for series in sorted(standing.keys() | taken.keys()):
        there = taken.get(series, [])
        found = set(there)
        wanted = set(range(1, standing[series].next_number)) - standing[series].waiting if series in standing else set()
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
