"""The ledger for people: its entries page by page, and the journal as a listing."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from billing.domain.ledger import LedgerEntry
from billing.domain.reports.fold import Posted
from billing.domain.reports.table import Column, Kind, Row, summed
from billing.services.kernel.work import Page, Work
from billing.services.reports.journal import Journal, place_of
from billing.services.reports.listing import JournalListing
from billing.services.reports.sources import Asked

_READ_AT_MOST = 2_000
"""For one page: a filter that matches hardly anything brings what was found, and a cursor to go on."""


class Cursors(Protocol):
    """Makes opaque texts of places, and places of those."""

    def sealed(self, tenant_id: str, kind: str, place: str) -> str:
        """A cursor that is good for this tenant and this kind of list."""

    def opened(self, tenant_id: str, kind: str, cursor: str) -> str:
        """The place.

        Raises:
            ValidationFailed: it is no such cursor.
        """


def matches(entry: LedgerEntry, wanted: dict[str, str]) -> bool:
    """Whether an entry is asked for; an account and a customer have to meet in one of its postings.

    Args:
        wanted: exact values of ``account``, ``invoice``, ``customer`` (whoever a posting is kept by: a provider, too),
            ``kind``, ``currency``.
    """
    account, party = wanted.get("account"), wanted.get("customer")
    return (
        wanted.get("kind") in (None, entry.kind)
        and wanted.get("invoice") in (None, entry.invoice_id)
        and wanted.get("currency") in (None, entry.postings[0].amount.currency)
        and any(account in (None, each.account.value) and party in (None, each.party) for each in entry.postings)
    )


@dataclass(frozen=True, slots=True)
class LedgerPages:
    """Reads the ledger in the order of posting."""

    journal: Journal
    cursors: Cursors

    def page(self, work: Work, asked: Asked, limit: int, cursor: str | None) -> Page[LedgerEntry]:
        """A page of the entries of the days that were asked for.

        Raises:
            ValidationFailed: the cursor is no cursor of this list.
        """
        assert asked.span is not None
        tenant = work.tenant
        kind = _list_of(asked)
        after = self.cursors.opened(tenant.id, kind, cursor) if cursor is not None else None
        found: list[LedgerEntry] = []
        begin, end = asked.span.begin, asked.end
        if asked.test_clock_id is None:
            begin = max(begin, tenant.created_at)
        for n, entry in enumerate(self.journal.entries(tenant.id, begin, end, asked.test_clock_id, after), start=1):
            wanted = matches(entry, asked.options)
            if wanted and len(found) == limit:
                return Page(found, self.cursors.sealed(tenant.id, kind, place_of(found[-1])), limit)
            found += [entry] if wanted else []
            if n == _READ_AT_MOST:
                return Page(found, self.cursors.sealed(tenant.id, kind, place_of(entry)), limit)
        return Page(found, None, limit)


def _list_of(asked: Asked) -> str:
    """What a cursor is bound to: all but how many and as of when."""
    span = asked.span
    return json.dumps(
        ["ledger", str(span and span.first), asked.zone, asked.test_clock_id, sorted(asked.options.items())]
    )


POSTING_COLUMNS = (
    Column("postedAt", Kind.TIME, "When it was posted"),
    Column("entryId", Kind.TEXT, "Postings of one entry sum to zero"),
    Column("kind", Kind.TEXT, "What happened"),
    Column("sourceId", Kind.TEXT, "The invoice, payment, refund ... that it records"),
    Column("invoiceId", Kind.TEXT, "The invoice whose receivable it moves"),
    Column("account", Kind.TEXT, "The account; docs/finance.md says what is posted to it"),
    Column("party", Kind.TEXT, "The customer or provider by whom the account is kept"),
    Column("currency", Kind.TEXT),
    summed("debit", Kind.AMOUNT),
    summed("credit", Kind.AMOUNT),
    Column("balanceTransactionId", Kind.TEXT, "The line of the account at Stripe"),
)


class JournalExport(JournalListing):
    """The journal: a row for each posting of every entry that is asked for, whole entries always."""

    name = "ledger-entries"

    def columns(self, asked: Asked) -> tuple[Column, ...]:
        """Of a posting."""
        return POSTING_COLUMNS

    def rows(self, asked: Asked, record: Posted) -> Iterable[Row]:
        """Its postings."""
        return postings(record.entry) if matches(record.entry, asked.options) else ()


def postings(entry: LedgerEntry) -> Iterable[Row]:
    """An entry as rows: one a posting."""
    for each in entry.postings:
        amount = each.amount
        is_credit = amount.micros < 0
        yield (
            entry.posted_at, entry.id, entry.kind, entry.source_id, entry.invoice_id, each.account.value, each.party,
            amount.currency, None if is_credit else amount, -amount if is_credit else None,
            entry.balance_transaction_id,
        )  # fmt: skip
