"""Aging: a fold over the journal, with the due dates of the invoices that have something open."""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice

from billing.domain.invoicing.invoice import Invoice
from billing.domain.reports.aging import AgingFold, Dated, Rows, table
from billing.domain.reports.span import local_day
from billing.domain.reports.table import Table
from billing.services.kernel.work import Ref
from billing.services.reports.sources import Asked, Sources

_AT_ONCE = 100


class AgingReport:
    """See ``services.reports.sources.Report``; ``asked.options`` has the ``day``, and what has a row (``rows``)."""

    name = "aging"

    def table(self, asked: Asked, sources: Sources) -> Table:
        """Who owes what at the end of a day."""
        debts = sources.state(AgingFold(), asked.end)
        rows = Rows(asked.options.get("rows", Rows.CUSTOMERS))
        invoices = {each.id: _dated(each) for each in _invoices(sources, debts.invoice_ids)}
        return table(debts, date.fromisoformat(asked.options["day"]), rows, invoices)


def _dated(invoice: Invoice) -> Dated:
    payable_by = invoice.payable_by
    due_on = local_day(payable_by, invoice.timezone) if payable_by is not None else None
    return Dated(invoice.number, invoice.finalized_at, due_on, invoice.total)


def _invoices(sources: Sources, ids: Iterable[str]) -> Iterator[Invoice]:
    left = iter(ids)
    while batch := [Ref(Invoice, sources.work.tenant.id, each) for each in islice(left, _AT_ONCE)]:
        found = sources.work.load(*batch)
        for ref in batch:
            sources.budget.spend()
            invoice = found.get(ref)
            if invoice is not None:
                yield invoice
