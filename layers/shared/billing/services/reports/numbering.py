"""Whether invoice numbers have gaps: each number becomes its invoice's in the commit that finalizes it."""

from collections.abc import Iterator
from typing import Protocol

from billing.domain.invoicing.invoice import Invoice
from billing.services.kernel.work import Query, Work

_AT_ONCE = 100


class Series(Protocol):
    """Where a series stands."""

    @property
    def next_number(self) -> int:
        """After all that were ever claimed."""

    @property
    def waiting(self) -> frozenset[int]:
        """Numbers before it that no document has yet: of work under way, or the next documents' to get."""


def number_gaps(work: Work, series: Series) -> list[str]:
    """What is wrong with the numbers of a tenant's own series, in words; nothing, as a rule.

    The series of test clocks are not looked at. ACME-000041 counts as 41, whatever the prefix was when it was taken.
    """
    taken = [_number(each.number) for each in _invoices(work) if each.number is not None and each.test_clock_id is None]
    wanted = set(range(1, series.next_number)) - series.waiting
    found = [f"invoice number {each} is missing" for each in sorted(wanted - set(taken))]
    found += [f"invoice number {each} was never given" for each in sorted(set(taken)) if each not in wanted]
    if len(taken) != len(set(taken)):
        found.append("an invoice number was given twice")
    return found


def _number(text: str) -> int:
    return int(text.rpartition("-")[2])


def _invoices(work: Work) -> Iterator[Invoice]:
    start = None
    while True:
        page = work.query(Query(Invoice, limit=_AT_ONCE, start=start))
        yield from page.items
        start = page.next_cursor
        if start is None:
            return
