"""Reads a tenant's whole ledger for its trial balance; ``domain.trial_balance`` adds it up.

Correct first: every entry is read, since an entry may be posted to any time (on a test clock, years ahead), so no part
of the ledger's order can be left out. A thousand entries are one round trip and about half a megabyte. The bound
keeps a request within the 29 seconds that API Gateway waits; books above it need snapshots, which nothing keeps yet.
"""

from collections.abc import Iterator
from datetime import datetime

from billing.domain.kernel.errors import Detail, Unprocessable
from billing.domain.ledger import LedgerEntry
from billing.domain.trial_balance import TrialBalance
from billing.domain.trial_balance import trial_balance as added_up
from billing.services.kernel.work import Query, Work

_PAGE = 1_000
MOST_ENTRIES = 20_000
"""More are not read in a request."""


def trial_balance(work: Work, at: datetime, most: int = MOST_ENTRIES) -> TrialBalance:
    """The caller's trial balance of what was posted before a time.

    Raises:
        Unprocessable: the ledger has more entries than are read in a request.
    """
    return added_up(_entries(work, most), at)


def _entries(work: Work, most: int) -> Iterator[LedgerEntry]:
    start: str | None = None
    read = 0
    while True:
        page = work.query(Query(LedgerEntry, limit=min(_PAGE, most + 1), start=start))
        read += len(page.items)
        if read > most:
            message = f"The ledger has more than {most} entries: read it from the table, or from a copy of it"
            raise Unprocessable(message, (Detail("asOf", "ledger_too_large"),))
        yield from page.items
        start = page.next_cursor
        if start is None:
            return
