"""Aging: a fold over the journal, with the due dates of the invoices that have something open."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import islice

from billing.domain.invoicing.invoice import Invoice
from billing.domain.reports.aging import AgingFold, Dated, Rows, columns, keyed
from billing.domain.reports.merging import Key, added
from billing.domain.reports.span import local_day
from billing.domain.reports.table import Column, Row
from billing.services.kernel.work import Ref
from billing.services.reports.divisible import Divisible
from billing.services.reports.sources import Asked, Sources

_AT_ONCE = 100


class AgingReport(Divisible):
    """``asked.options`` has the ``day``, and what has a row (``rows``)."""

    name = "aging"

    def columns(self, asked: Asked) -> tuple[Column, ...]:
        """Of what has a row."""
        return columns(_rows_of(asked))

    def keyed(self, asked: Asked, sources: Sources) -> Iterator[tuple[Key, Row]]:
        """Who owes what at the end of a day."""
        debts = sources.state(AgingFold(), asked.end)
        invoices = {each.id: _dated(each) for each in _invoices(sources, debts.invoice_ids)}
        yield from keyed(debts, date.fromisoformat(asked.options["day"]), _rows_of(asked), invoices)

    def together(self, asked: Asked, rows: Sequence[Row]) -> Iterable[Row]:
        """What is told of currencies is of all customers; else a row is one customer's."""
        return [added(self.columns(asked), rows)] if _rows_of(asked) is Rows.CURRENCIES else rows


def _rows_of(asked: Asked) -> Rows:
    return Rows(asked.options.get("rows", Rows.CUSTOMERS))


def _dated(invoice: Invoice) -> Dated:
    payable_by = invoice.payable_by
    due_on = local_day(payable_by, invoice.timezone) if payable_by is not None else None
    return Dated(invoice.number, invoice.finalized_at, due_on, invoice.total)


def _invoices(sources: Sources, ids: Iterable[str]) -> Iterator[Invoice]:
    left = iter(ids)
    while batch := [Ref(Invoice, sources.work.tenant.id, each) for each in islice(left, _AT_ONCE)]:
        found = sources.loading().load(*batch)
        for ref in batch:
            sources.budget.spend()
            invoice = found.get(ref)
            if invoice is not None:
                yield invoice
