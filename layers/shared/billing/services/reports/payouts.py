"""Payouts to the bank, from the platform's journal, and what the reconciliation has listed of each."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from billing.domain.deposits import Deposit, DepositLine
from billing.domain.ledger import LedgerEntry
from billing.domain.reconciliation import ReconciledLine
from billing.domain.reports.payouts import Moved, bank_of, lines_table, table
from billing.domain.reports.table import Table
from billing.services.kernel.work import Query, Ref, every
from billing.services.reports.sources import Asked, Sources

_AT_ONCE = 50


class PayoutsReport:
    """See ``services.reports.sources.Report``; the option ``rows`` is ``payouts`` or ``transactions``."""

    name = "payouts"

    def table(self, asked: Asked, sources: Sources) -> Table:
        """Each movement of the bank account in the span; or each line of Stripe's account that is in one."""
        assert asked.span is not None
        entries = sources.entries(asked.span.begin, asked.end)
        moved = _moved(sources, (each for each in entries if not bank_of(each).is_zero))
        if asked.options.get("rows") == "transactions":
            return lines_table(_lines(sources, moved))
        return table(moved)


def _moved(sources: Sources, entries: Iterable[LedgerEntry]) -> Iterator[Moved]:
    entries, tenant_id = iter(entries), sources.work.tenant.id
    while batch := list(islice(entries, _AT_ONCE)):
        lines = [Ref(ReconciledLine, tenant_id, each.balance_transaction_id or "") for each in batch]
        deposits = [Ref(Deposit, tenant_id, each.source_id) for each in batch]
        refs: list[Ref[Any]] = [*lines, *deposits]
        found = sources.work.load(*dict.fromkeys(ref for ref in refs if ref.id))
        for entry, line, deposit in zip(batch, lines, deposits, strict=True):
            sources.budget.spend()
            seen, paid = found.get(line), found.get(deposit)
            # What a bank sent back has the payout as its source, too: what was in that is in the payout's own row.
            own = paid if paid is not None and paid.line_id == entry.balance_transaction_id else None
            yield Moved(entry, seen.line if seen is not None else None, own)


def _lines(sources: Sources, moved: Iterable[Moved]) -> Iterator[DepositLine]:
    for each in moved:
        if each.deposit is None:
            continue
        for line in every(sources.work, Query(DepositLine, begins=f"{each.deposit.id}/", limit=100)):
            sources.budget.spend()
            yield line
