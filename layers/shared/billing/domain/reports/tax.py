"""The tax report: what was taxed where, at which rate, and what was not, by the time at which it was posted.

Invoices count when they are finalized, credit notes against them when they are issued, and void invoices when they were
made void; orders of a marketplace when they are paid, and when something of them goes back. So the taxes of a period
are what its entries post to ``tax_payable``, and nothing that happens later changes them.

    1,552.50 + 294.98, 120.00 + 22.80, and 25.21 + 4.79 credited, at 19 %  ->  DE, VAT 19 %: 1,647.29 and 312.99
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice, PartySnapshot
from billing.domain.kernel.money import Money, sum_money
from billing.domain.ledger import Account, LedgerEntry
from billing.domain.lines.tax_facts import UNKNOWN
from billing.domain.lines.tax_records import TaxRecord, records_of
from billing.domain.reports.fold import Posted
from billing.domain.reports.span import local_day
from billing.domain.reports.table import Cell, Column, Kind, summed

_OF_DOCUMENTS = {"invoice_finalized": "invoice", "invoice_voided": "voided_invoice", "credit_noted": "credit_note"}

Key = tuple[str | None, ...]
"""Currency, country, region, level, jurisdiction, name, rate, category, treatment: the cells of one row."""


@dataclass(frozen=True, slots=True)
class Filed:
    """One record of one entry, with its sign: below zero for what was credited or made void.

    Args:
        line_id: the invoice's line; None for credit notes and orders, whose taxes are of all their lines together.
        about: ``invoice``, ``credit_note``, ``voided_invoice``, or ``order`` for all that a marketplace sells.
    """

    entry: LedgerEntry
    record: TaxRecord
    about: str
    line_id: str | None = None
    document: Invoice | CreditNote | None = None

    @property
    def key(self) -> Key:
        """Which row it is in."""
        record, facts = self.record, self.record.facts or UNKNOWN
        rate = None if record.rate_percent is None else f"{record.rate_percent.normalize():f}"
        return (
            record.tax.currency, facts.country, facts.region, facts.level.value if facts.country else None,
            facts.jurisdiction, record.name, rate, facts.category, facts.treatment.value,
        )  # fmt: skip


def filed(posted: Posted) -> Iterator[Filed]:
    """What an entry says to the tax authority; none of most entries.

    What it posts to ``tax_payable`` and no record explains (an entry from before orders had records) is a record of its
    own, without facts, so that the report is the ledger's whatever there is.
    """
    entry, document = posted.entry, posted.document
    found = list(_of_document(entry, document)) if document is not None else _of_order(entry)
    currency = entry.postings[0].amount.currency
    owed = sum_money((-each.amount for each in entry.postings if each.account is Account.TAX_PAYABLE), currency)
    rest = owed - sum_money((each.record.tax for each in found), currency)
    yield from found
    if not rest.is_zero:
        zero = Money.zero(currency)
        about = _OF_DOCUMENTS.get(entry.kind, "order")
        yield Filed(entry, TaxRecord(None, None, zero, rest, zero), about, document=document)


def _of_document(entry: LedgerEntry, document: Invoice | CreditNote) -> Iterator[Filed]:
    about = _OF_DOCUMENTS[entry.kind]
    if isinstance(document, CreditNote):
        for record in document.tax_records or _before_records(document):
            yield Filed(entry, -record, about, document=document)
        return
    for line in document.lines:
        for record in records_of(line):
            signed = -record if entry.kind == "invoice_voided" else record
            yield Filed(entry, signed, about, line.id, document)


def _of_order(entry: LedgerEntry) -> list[Filed]:
    return [Filed(entry, record, "order") for record in entry.tax_records]


def _before_records(note: CreditNote) -> Iterator[TaxRecord]:
    """The records of a credit note from before it kept them; of several taxes without bases, the bases are unknown."""
    zero = Money.zero(note.currency)
    bases = note.tax_bases or tuple(note.net if len(note.taxes) == 1 else zero for _ in note.taxes)
    for tax, base in zip(note.taxes, bases, strict=True):
        yield TaxRecord(tax.name, tax.rate_percent, base, tax.amount, zero)
    if not note.taxes:
        yield TaxRecord(None, None, zero, zero, note.net)


@dataclass(slots=True)
class Taxes:
    """What was filed so far: by row, micro-units taxable, tax, and not taxable, and the number of documents."""

    rows: dict[Key, tuple[int, int, int, int]] = field(default_factory=dict)


class TaxFold:
    """Adds up taxes: a fold (see ``domain.reports.fold``)."""

    name = "tax"
    version = 1
    with_documents = True

    def empty(self) -> Taxes:
        """Nothing was filed."""
        return Taxes()

    def add(self, state: Taxes, record: Posted) -> None:
        """Add an entry's records; each row counts its document once."""
        touched: set[Key] = set()
        for each in filed(record):
            key = each.key
            taxable, tax, not_taxable, documents = state.rows.get(key, (0, 0, 0, 0))
            state.rows[key] = (
                taxable + each.record.taxable.micros,
                tax + each.record.tax.micros,
                not_taxable + each.record.not_taxable.micros,
                documents + (key not in touched),
            )
            touched.add(key)

    def dump(self, state: Taxes) -> Any:
        """As JSON."""
        return [[*key, *sums] for key, sums in state.rows.items()]

    def read(self, dumped: Any) -> Taxes:
        """From JSON."""
        return Taxes({tuple(row[:9]): (row[9], row[10], row[11], row[12]) for row in dumped})


_WHOSE = (
    Column("country", Kind.TEXT, "ISO 3166-1; empty where nobody knew where the buyer is"),
    Column("region", Kind.TEXT, "The state or province, for a tax of it or of a part of it"),
    Column("level", Kind.TEXT, "Whose tax it is: country, state, county, city or district"),
    Column("jurisdiction", Kind.TEXT, "The provider's name of what is below a state"),
    Column("taxName", Kind.TEXT),
    Column("ratePercent", Kind.DECIMAL),
    Column("category", Kind.TEXT, "The kind of tax: vat, gst, hst, pst, qst, jct, sales_tax, ..."),
    Column(
        "treatment",
        Kind.TEXT,
        "standard, reduced, zero, taxed (nobody said at which class of rate), exempt, reverse_charge, not_collecting, "
        "out_of_scope; unknown on what is from before it was recorded",
    ),
)
_SUMS = (
    Column("taxable", Kind.AMOUNT, "What the tax is on, before tax; also at a rate of zero"),
    summed("tax", Kind.AMOUNT),
    Column("notTaxable", Kind.AMOUNT, "What the tax is not on, before tax: the treatment says why"),
)
COLUMNS = (
    *_WHOSE,
    Column("currency", Kind.TEXT),
    *_SUMS,
    Column("documents", Kind.INTEGER, "Invoices, credit notes and voids in it, and movements of orders"),
)


def keyed(found: Taxes) -> Iterator[tuple[tuple[str | int, ...], tuple[Cell, ...]]]:
    """The rows with their keys, by country, region, level and so on, and last by currency; nothing comes last."""
    rows = [(_sorted_as(key), _row(key, *sums)) for key, sums in found.rows.items()]
    yield from sorted(rows, key=lambda each: each[0])


def _sorted_as(key: Key) -> tuple[str | int, ...]:
    currency, *about = key
    cells = [part for cell in about for part in (int(cell is None), cell or "")]
    return (*cells, str(currency))


def _row(key: Key, taxable: int, tax: int, not_taxable: int, documents: int) -> tuple[Cell, ...]:
    currency, *whose, rate, category, treatment = key
    sums = (Money(each, str(currency)) for each in (taxable, tax, not_taxable))
    return (*whose, None if rate is None else Decimal(rate), category, treatment, currency, *sums, documents)


LINE_COLUMNS = (
    Column("date", Kind.DATE, "The day of the posting in the tenant's zone"),
    Column("postedAt", Kind.TIME),
    Column("about", Kind.TEXT, "invoice, credit_note, voided_invoice, or order"),
    Column("number", Kind.TEXT, "The document's"),
    Column("sourceId", Kind.TEXT, "The id of the invoice, credit note, order, refund or dispute"),
    Column("lineId", Kind.TEXT, "The invoice's line; credit notes and orders have their taxes as a whole"),
    Column("customerId", Kind.TEXT),
    Column("customerTaxId", Kind.TEXT, "As the document says it"),
    Column("customerCountry", Kind.TEXT, "As the document says it"),
    *_WHOSE,
    Column("reason", Kind.TEXT, "Why it was treated so, in the provider's words or ours"),
    Column("currency", Kind.TEXT),
    *_SUMS,
)


def itemised(posted: Posted, zone: str) -> Iterator[tuple[Cell, ...]]:
    """A row for each line and tax of an entry."""
    return (_item(each, zone) for each in filed(posted))


def _item(each: Filed, zone: str) -> tuple[Cell, ...]:
    entry, record, document = each.entry, each.record, each.document
    buyer: PartySnapshot | None = document.buyer if document is not None else None
    address = buyer.address if buyer is not None else None
    currency, *whose, name, _, category, treatment = each.key
    at: datetime = entry.posted_at
    return (
        local_day(at, zone),
        at,
        each.about,
        document.number if document is not None else None,
        entry.source_id,
        each.line_id,
        document.customer_id if document is not None else _customer(entry),
        buyer.tax_id if buyer is not None else None,
        address.country if address is not None else None,
        *whose,
        name,
        record.rate_percent,
        category,
        treatment,
        (record.facts or UNKNOWN).reason,
        currency,
        record.taxable,
        record.tax,
        record.not_taxable,
    )


def _customer(entry: LedgerEntry) -> str | None:
    return next((each.party for each in entry.postings if each.account is Account.RECEIVABLE), None)
