"""Payouts to the bank, from the platform's journal, and what the reconciliation has listed of each."""

from collections.abc import Iterable, Iterator
from itertools import dropwhile, islice
from typing import Any

from billing.domain.deposits import Deposit, DepositLine
from billing.domain.ledger import LedgerEntry
from billing.domain.reconciliation import ReconciledLine
from billing.domain.reports.payouts import COLUMNS, LINE_COLUMNS, Moved, bank_of, line_row, row_of
from billing.domain.reports.table import Column, Row
from billing.services.kernel.work import Query, Ref, every
from billing.services.reports.journal import place_of, time_of
from billing.services.reports.listing import Listing
from billing.services.reports.sources import Asked, Sources
from billing.services.reports.writing import Item

_AT_ONCE = 50
_OF_LINE = "|"


class PayoutsReport(Listing):
    """Each movement of the bank account in the span; or (option ``rows``, ``transactions``) each line of Stripe's
    account that is in one."""

    name = "payouts"

    def columns(self, asked: Asked) -> tuple[Column, ...]:
        """Of a movement, or of a line."""
        return LINE_COLUMNS if _has_lines(asked) else COLUMNS

    def rows(self, asked: Asked, record: Moved | DepositLine) -> Iterable[Row]:
        """Its row."""
        return [line_row(record) if isinstance(record, DepositLine) else row_of(record)]

    def items(self, asked: Asked, sources: Sources, after: str | None = None) -> Iterator[Item]:
        """The movements in the order of posting; or their lines, behind the place of one of which goes on its rest."""
        assert asked.span is not None
        begin = asked.span.begin
        if not _has_lines(asked):
            for moved in _moved(sources, sources.entries(begin, asked.end, after)):
                yield Item(place_of(moved.entry), moved)
            return
        entry_place, _, line_id = (after or "").partition(_OF_LINE)
        entries: Iterator[LedgerEntry] = sources.entries(time_of(entry_place) if after else begin, asked.end)
        entries = dropwhile(lambda each: place_of(each) < entry_place, entries)
        for moved in _moved(sources, entries):
            place = place_of(moved.entry)
            for line in _lines(sources, moved, line_id if place == entry_place else None):
                yield Item(f"{place}{_OF_LINE}{line.id}", line)


def _has_lines(asked: Asked) -> bool:
    return asked.options.get("rows") == "transactions"


def _moved(sources: Sources, entries: Iterable[LedgerEntry]) -> Iterator[Moved]:
    tenant_id = sources.work.tenant.id
    entries = (each for each in entries if not bank_of(each).is_zero)
    while batch := list(islice(entries, _AT_ONCE)):
        lines = [Ref(ReconciledLine, tenant_id, each.balance_transaction_id or "") for each in batch]
        deposits = [Ref(Deposit, tenant_id, each.source_id) for each in batch]
        refs: list[Ref[Any]] = [*lines, *deposits]
        found = sources.loading().load(*dict.fromkeys(ref for ref in refs if ref.id))
        for entry, line, deposit in zip(batch, lines, deposits, strict=True):
            sources.budget.spend()
            seen, paid = found.get(line), found.get(deposit)
            # What a bank sent back has the payout as its source, too: what was in that is in the payout's own row.
            own = paid if paid is not None and paid.line_id == entry.balance_transaction_id else None
            yield Moved(entry, seen.line if seen is not None else None, own)


def _lines(sources: Sources, moved: Moved, after: str | None) -> Iterator[DepositLine]:
    """What is in a payout; what is behind a line of it, where one is named."""
    if moved.deposit is None:
        return
    lines = every(sources.loading(), Query(DepositLine, begins=f"{moved.deposit.id}/", limit=100))
    if after is not None:
        lines = islice(dropwhile(lambda each: each.id != after, lines), 1, None)
    for line in lines:
        sources.budget.spend()
        yield line
