"""A tenant's journal: its ledger, and its MRR's movements, in the order of time, as a port; and documents beside it."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, Protocol

from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.times import parse_time, sort_key
from billing.domain.ledger import LedgerEntry
from billing.domain.reports.fold import Posted
from billing.domain.subscriptions.mrr import MrrMovement
from billing.services.kernel.work import Ref, Work

_AT_ONCE = 100
_DOCUMENTS: dict[str, type[Invoice] | type[CreditNote]] = {
    "invoice_finalized": Invoice,
    "invoice_voided": Invoice,
    "credit_noted": CreditNote,
}


class Journal(Protocol):
    """Reads what is written once and never changed, by its time."""

    def entries(
        self,
        tenant_id: str,
        begin: datetime,
        end: datetime,
        test_clock_id: str | None = None,
        after: str | None = None,
    ) -> Iterator[LedgerEntry]:
        """The entries that were posted in [begin, end), by time and then by id; each is read when it is come to.

        Args:
            test_clock_id: only what was posted in a test clock's time; without it, only what was in none's.
            after: only those behind this place (``place_of``), where it is in [begin, end).
        """

    def movements(
        self,
        tenant_id: str,
        begin: datetime,
        end: datetime,
        test_clock_id: str | None = None,
        after: str | None = None,
    ) -> Iterator[MrrMovement]:
        """The movements of MRR of [begin, end), as ``entries``: by time, and then as they were recorded.

        Args:
            after: only those behind this place (``MrrMovement.place``), where it is in [begin, end).
        """


def place_of(entry: LedgerEntry) -> str:
    """Where an entry is in the journal: places sort as the journal does."""
    return f"{sort_key(entry.posted_at)}/{entry.id}"


def time_of(place: str) -> datetime:
    """When what is at a place was posted."""
    return parse_time(place.partition("/")[0])


def with_documents(reader: Callable[[], Work], entries: Iterable[LedgerEntry]) -> Iterator[Posted]:
    """Each entry with its invoice or credit note, a batch at a time.

    Args:
        reader: gives the unit of work that loads a batch: a unit remembers what it has loaded, and of a million
            documents a run would remember all.
    """
    entries = iter(entries)
    while batch := list(islice(entries, _AT_ONCE)):
        work = reader()
        refs: dict[str, Ref[Any]] = {
            each.id: Ref(kind, work.tenant.id, each.source_id) for each in batch if (kind := _kind(each))
        }
        found = work.load(*refs.values())
        for each in batch:
            ref = refs.get(each.id)
            yield Posted(each, found.get(ref) if ref is not None else None)


def _kind(entry: LedgerEntry) -> type[Invoice] | type[CreditNote] | None:
    return _DOCUMENTS.get(entry.kind)
