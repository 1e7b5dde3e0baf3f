"""The numbers that a unit of work has claimed: one for each of its documents, however often it runs."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from billing.domain.invoicing.numbers import IssuedNumber, number_id
from billing.services.kernel.failures import described
from billing.services.kernel.work import Numbered
from billing.storage.numbers import Number, NumberBook, SeriesKey

_log = logging.getLogger(__name__)
_Claim = tuple[SeriesKey, str]


class UnitClaims:
    """The claims of one unit of work.

    Args:
        request: names the request, where the unit is one's: who sends it again has other ids for what it makes, and
            gets the same numbers.
    """

    def __init__(self, book: NumberBook, request: str | None) -> None:
        self._book = book
        self._request = request
        self._taken: dict[_Claim, Number] = {}
        self._used: dict[str, _Claim] = {}
        self._committed = 0

    def following(self, sequence: Numbered, document_id: str, now: datetime) -> tuple[Numbered, IssuedNumber]:
        """The sequence at a number that nobody else has claimed, and what is to be saved with its document.

        Args:
            document_id: the same in every run, where the unit is not a request's.

        Raises:
            Unavailable: the database is busy.
        """
        key = SeriesKey(sequence.tenant_id, sequence.id)
        holder = document_id
        if self._request is not None:
            holder = f"{self._request}/{self._committed + len(self._used)}"
        number = self._taken.get((key, holder))
        if number is None:
            number = self._book.reserved(key, holder)
            number = number or self._book.claim(key, sequence.prefix, [holder], now)[holder]
            self._taken[key, holder] = number
        issued = IssuedNumber(number_id(key.id, number.value), key.tenant_id, document_id)
        self._used[issued.id] = (key, holder)
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
            key, holder = claim
            if claim in self._used.values():
                self._book.close(key, holder)
            else:
                self._give_back(key, holder, number)
        self._committed += len(self._used)
        self._taken, self._used = {}, {}

    def _give_back(self, key: SeriesKey, holder: str, number: Number) -> None:
        try:
            self._book.give_back(key, {holder: number.value})
        except Exception as error:  # noqa: BLE001 - the commit stands; who looks at the series finds the number
            _log.error("a number was not given back", extra={"number": number.value, **described(error)})
