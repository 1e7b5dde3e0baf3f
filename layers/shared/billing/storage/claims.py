"""The numbers that a unit of work has claimed: one for each of its documents, however often it runs."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from billing.domain.invoicing.numbers import IssuedNumber, number_id
from billing.services.kernel.failures import described
from billing.services.kernel.work import Numbered
from billing.storage.numbers import Number, NumberBook, SeriesKey, short

_log = logging.getLogger(__name__)
_Claim = tuple[SeriesKey, str]


class UnitClaims:
    """The claims of one unit of work."""

    def __init__(self, book: NumberBook) -> None:
        self._book = book
        self._taken: dict[_Claim, Number] = {}
        self._used: dict[str, _Claim] = {}

    def following(
        self, sequence: Numbered, document_id: str, holder: str, now: datetime
    ) -> tuple[Numbered, IssuedNumber]:
        """The sequence at a number that nobody else has claimed, and what is to be saved with its document.

        Args:
            holder: what the number is claimed for, the same in every run of the same work; who asks for a second
                number for it before the commit gets another.

        Raises:
            Unavailable: the database is busy.
            LostRace: somebody else has just done the same work.
        """
        key = SeriesKey(sequence.tenant_id, sequence.id)
        before = sum(claim == (key, holder) or claim[1].startswith(f"{holder}+") for claim in self._used.values())
        claim = (key, f"{holder}+{before}" if before else holder)
        number = self._taken.get(claim) or self._book.reserved(*claim)
        number = number or self._book.claim(key, sequence.prefix, [claim[1]], now)[claim[1]]
        self._taken[claim] = number
        issued = IssuedNumber(number_id(key.id, number.value), key.tenant_id, document_id, short(number.name))
        self._used[issued.id] = claim
        return replace(sequence, prefix=number.prefix, next_number=number.value), issued

    def restart(self) -> None:
        """The unit begins again, after a lost race: it gets the same numbers."""
        self._used = {}

    def lost(self, ids: Iterable[str]) -> None:
        """Other documents have these numbers: whoever took them for lost gave them away. The next run has others."""
        for each in ids:
            if each in self._used:
                self._taken.pop(self._used[each], None)

    def committed(self) -> None:
        """The documents are written; what was claimed in an earlier run, and is not needed any more, is given back."""
        for claim, number in self._taken.items():
            if claim in self._used.values():
                self._book.close(claim[0], number)
            else:
                self._give_back(claim[0], number)
        self._taken, self._used = {}, {}

    def _give_back(self, key: SeriesKey, number: Number) -> None:
        try:
            self._book.give_back(key, number)
        except Exception as error:  # noqa: BLE001 - the commit stands; who looks at the series finds the number
            _log.error("a number was not given back", extra={"number": number.value, **described(error)})
