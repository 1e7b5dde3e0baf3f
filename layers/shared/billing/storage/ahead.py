"""What was read before the unit of work that wants it, and numbers that were claimed so: a port of the sweep's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from billing.domain.tenant import InvoiceSequence
from billing.services.kernel.work import Found, Ref
from billing.services.sweep.read_ahead import FRESH
from billing.storage.numbers import NumberBook, SeriesKey
from billing.storage.store import Store


@dataclass(slots=True)
class Ahead:
    """``services.sweep.read_ahead.Ahead``, and where units of work look first.

    What is written while it is here is not what was read any more, and is dropped.
    """

    store: Store
    book: NumberBook
    _read: dict[Ref[Any], tuple[Any, datetime]] = field(default_factory=dict)

    def read(self, refs: Iterable[Ref[Any]], at: datetime) -> Found:
        wanted = tuple(refs)
        found, _ = self.store.load(wanted, {})
        self._read |= {ref: (found.get(ref), at) for ref in wanted}
        return found

    def claim(self, sequence: InvoiceSequence, claims: Sequence[str], at: datetime) -> None:
        self.book.reserve(SeriesKey(sequence.tenant_id, sequence.id), sequence.prefix, claims, at)

    def forget(self) -> None:
        self._read.clear()
        self.book.release()

    def take(self, refs: Iterable[Ref[Any]], at: datetime) -> Found | None:
        """All of some entities, if they were read a moment ago; None where one of them was not."""
        wanted = tuple(refs)
        if not all(ref in self._read and at - self._read[ref][1] < FRESH for ref in wanted):
            return None
        return Found({ref: entity for ref in wanted if (entity := self._read[ref][0]) is not None})

    def written(self, places: Iterable[tuple[type[Any], str, str]]) -> None:
        """Entities (kind, tenant, id) are not what was read any more."""
        for kind, tenant_id, entity_id in places if self._read else ():
            self._read.pop(Ref(kind, tenant_id, entity_id), None)
