"""Revenue (net billings) and collections: what was billed, credited, collected and given back, as the ledger has it.

Every figure is a sum of postings, or of the lines of the documents that they are about. So per currency

    net - creditNotes - voided + sales + ownGoods    is what moved on the ledger's account revenue
    tax - creditNotesTax - voidedTax                 is what invoices moved on tax_payable
    disputed - disputesWonBack - disputesLost        is what moved on disputes
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice, PartySnapshot
from billing.domain.kernel.money import Money
from billing.domain.ledger import Account, LedgerEntry, customer_of
from billing.domain.lines.line import InvoiceLine
from billing.domain.reports.fold import ABOUT_DOCUMENTS, Posted
from billing.domain.reports.span import Month, local_day
from billing.domain.reports.table import Column, Kind, Row, summed

Key = tuple[str | None, ...]

LINES = (
    summed("gross", Kind.AMOUNT, "Lines of invoices as they were finalized; credits for unused time are below zero"),
    summed("discounts", Kind.AMOUNT, "What coupons took off them"),
    summed("taxIncluded", Kind.AMOUNT, "Tax that is part of gross less discounts, where prices include it"),
    summed("net", Kind.AMOUNT, "gross - discounts - taxIncluded"),
    summed("tax", Kind.AMOUNT, "All tax on them"),
    summed("creditNotes", Kind.AMOUNT, "The net of credit notes, by their own date"),
    summed("creditNotesTax", Kind.AMOUNT, "The tax in them; not told by plan or component"),
    summed("voided", Kind.AMOUNT, "The net of invoices that were voided, by the date of that"),
    summed("voidedTax", Kind.AMOUNT, "The tax on them"),
    summed("netAfterCredits", Kind.AMOUNT, "net - creditNotes - voided"),
)
"""What is told of lines of invoices, whatever divides it."""
MONEY = (
    summed("sales", Kind.AMOUNT, "Payments without an invoice (one-off sales), which are revenue of their own"),
    summed("ownGoods", Kind.AMOUNT, "What a marketplace sells of its own in orders, less returns"),
    summed("revenue", Kind.AMOUNT, "netAfterCredits + sales + ownGoods: the movement of the ledger's account revenue"),
    summed("commission", Kind.AMOUNT, "A marketplace's share of what its providers sell, less returns"),
    summed("promotions", Kind.AMOUNT, "Coupons that a marketplace pays for; an expense"),
    summed("collected", Kind.AMOUNT, "Payments that succeeded"),
    summed("refunded", Kind.AMOUNT, "Refunds that succeeded, less those that came back"),
    summed("refundsWithoutCreditNote", Kind.AMOUNT, "Given back with no credit note: the account refunds"),
    summed("disputed", Kind.AMOUNT, "What payers' banks took for disputes"),
    summed("disputesWonBack", Kind.AMOUNT, "What they gave back of that"),
    summed("disputesLost", Kind.AMOUNT, "What is gone of it for good"),
    summed("writtenOff", Kind.AMOUNT, "Invoices given up as uncollectible, less what was paid or credited after all"),
    summed("fees", Kind.AMOUNT, "Stripe's fees, less what providers bear"),
)
"""What is told of money, where it can be told exactly: see ``Division``."""
_NO_PLAN = frozenset({"sales", "ownGoods", "revenue"})
_DISPUTES = frozenset({"disputed", "disputesWonBack", "disputesLost"})
_OF_PARTY = frozenset({"sales", "collected", "refunded", "refundsWithoutCreditNote", "writtenOff"}) | _DISPUTES


@dataclass(frozen=True, slots=True)
class Division:
    """What divides the figures beside time and currency.

    Args:
        of_line: the key of a line: its customer, its plan, its component, and the document's buyer.
        told: the columns of money that can be told by it exactly. Others are null: of a payment for an invoice over two
            plans nobody knows which one it paid.
    """

    columns: tuple[Column, ...]
    of_line: Callable[[str, str | None, str | None, PartySnapshot], Key]
    told: frozenset[str]


_PLAN = Column("planId", Kind.TEXT, "Empty for what is of no plan")
_COUNTRY = Column("country", Kind.TEXT, "Of the buyer's address on the document; empty where there is none")
BY: dict[str, Division] = {
    "": Division((), lambda *_: (), frozenset(each.name for each in MONEY)),
    # A sale without an invoice is of no plan; that much is certain.
    "plan": Division((_PLAN,), lambda _, plan, *__: (plan,), _NO_PLAN),
    "component": Division((_PLAN, Column("component", Kind.TEXT)), lambda _, plan, part, __: (plan, part), _NO_PLAN),
    # What postings to customers' accounts say.
    "customer": Division((Column("customerId", Kind.TEXT),), lambda customer, *_: (customer,), _OF_PARTY),
    "country": Division((_COUNTRY,), lambda *about: (_country(about[3]),), frozenset()),
}


def columns(per: str, by: str) -> tuple[Column, ...]:
    """The columns of a report."""
    when = Column("day", Kind.DATE) if per == "day" else Column("month", Kind.TEXT, "In the tenant's zone")
    return (when, Column("currency", Kind.TEXT), *BY[by].columns, *LINES, *MONEY)


@dataclass(slots=True)
class Revenue:
    """Adds entries up, by day or month in a zone, by currency, and by what else is asked for.

    Args:
        per: ``month`` or ``day``.
        by: one of ``BY``.
        sums: micro-units by column.
    """

    zone: str
    per: str = "month"
    by: str = ""
    sums: dict[tuple[str, str, Key], dict[str, int]] = field(default_factory=dict)

    def add(self, record: Posted) -> None:
        """Take an entry.

        Raises:
            ValueError: its invoice or credit note is missing, so nobody can tell.
        """
        entry, document = record.entry, record.document
        if isinstance(document, CreditNote):
            self._credit_note(entry.posted_at, document)
        elif isinstance(document, Invoice):
            for line in document.lines:
                self._line(entry.posted_at, document, line, voided=entry.kind == "invoice_voided")
        elif entry.kind in ABOUT_DOCUMENTS:
            raise ValueError(f"entry {entry.id} is about {entry.source_id}, which is missing")
        else:
            self._money(entry)

    def rows(self) -> Iterator[Row]:
        """By day or month, then by currency, then by key; what is of none comes first."""
        return (row for _, row in self.keyed())

    def keyed(self) -> Iterator[tuple[tuple[str, ...], Row]]:
        """The same with what they are in the order of."""
        told = BY[self.by].told | {each.name for each in LINES if self._tells(each.name)}
        names = [each.name for each in (*LINES, *MONEY)]
        ordered = sorted(self.sums.items(), key=lambda each: (*each[0][:2], *(part or "" for part in each[0][2])))
        for (when, currency, key), sums in ordered:
            if not any(sums.values()):
                continue
            amounts = _with_totals(sums)
            cells = (Money(amounts.get(name, 0), currency) if name in told else None for name in names)
            place = (when, currency, *(part or "" for part in key))
            yield place, (date.fromisoformat(when) if self.per == "day" else when, currency, *key, *cells)

    def _tells(self, column: str) -> bool:
        """A credit note's tax is rounded over all its lines together, so it has no plan."""
        return column != "creditNotesTax" or self.by not in ("plan", "component")

    def _sums(self, at: datetime, currency: str, key: Key) -> dict[str, int]:
        when = local_day(at, self.zone).isoformat() if self.per == "day" else str(Month.of(at, self.zone))
        return self.sums.setdefault((when, currency, key), {})

    def _line(self, at: datetime, invoice: Invoice, line: InvoiceLine, voided: bool) -> None:
        key = BY[self.by].of_line(invoice.customer_id, line.plan_id, line.component, invoice.buyer)
        sums = self._sums(at, invoice.currency, key)
        if voided:
            _add(sums, {"voided": line.net, "voidedTax": line.tax})
        else:
            tax = {"taxIncluded": line.tax_included, "tax": line.tax}
            _add(sums, {"gross": line.amount, "discounts": line.discount, **tax})

    def _credit_note(self, at: datetime, note: CreditNote) -> None:
        of_line = BY[self.by].of_line
        for each in note.by_line:
            key = of_line(note.customer_id, each.plan_id, each.component, note.buyer)
            _add(self._sums(at, note.currency, key), {"creditNotes": each.net})
        if self._tells("creditNotesTax"):
            key = of_line(note.customer_id, None, None, note.buyer)
            _add(self._sums(at, note.currency, key), {"creditNotesTax": note.tax})

    def _money(self, entry: LedgerEntry) -> None:
        told, currency = BY[self.by].told, entry.postings[0].amount.currency
        moved = {name: amount for name, amount in _moved(entry).items() if name in told}
        if not moved:
            return
        key = (customer_of(entry),) if self.by == "customer" else (None,) * len(BY[self.by].columns)
        sums = self._sums(entry.posted_at, currency, key)
        for name, micros in moved.items():
            sums[name] = sums.get(name, 0) + micros


def revenue_of(posted: Iterable[Posted], zone: str, per: str = "month", by: str = "") -> Revenue:
    """The figures of entries."""
    found = Revenue(zone, per, by)
    for each in posted:
        found.add(each)
    return found


def _moved(entry: LedgerEntry) -> dict[str, int]:
    """What an entry that is about no document moves, by column, in micro-units.

    A dispute of 20.00: Dr disputes, Cr cash is disputed 20.00. Won: the reverse, won back 20.00. Lost: Dr bad debt,
    Cr disputes, lost 20.00; taken and lost at once: Dr bad debt, Cr cash, which is both.
    """
    sums: dict[Account, int] = {}
    for each in entry.postings:
        sums[each.account] = sums.get(each.account, 0) + each.amount.micros
    kind = entry.kind
    withdrawn = -sums.get(Account.CASH, 0) - sums.get(Account.CASH_CLEARING, 0) if kind == "dispute_moved" else 0
    receivable = sums.get(Account.RECEIVABLE, 0)
    found = {
        "ownGoods" if kind.startswith("order_") else "sales": -sums.get(Account.REVENUE, 0),
        "commission": -sums.get(Account.COMMISSION_REVENUE, 0),
        "promotions": sums.get(Account.PROMOTIONS, 0),
        "collected": -receivable if kind == "payment_received" else 0,
        "refunded": receivable if kind in ("refund_paid", "refund_returned") else 0,
        "refundsWithoutCreditNote": sums.get(Account.REFUNDS, 0),
        "disputed": max(withdrawn, 0),
        "disputesWonBack": max(-withdrawn, 0),
        "disputesLost": withdrawn - sums.get(Account.DISPUTES, 0),
        "writtenOff": sums.get(Account.BAD_DEBT, 0) if kind == "written_off" else 0,
        "fees": sums.get(Account.PROCESSING_FEES, 0),
    }
    return {name: micros for name, micros in found.items() if micros}


def _with_totals(sums: dict[str, int]) -> dict[str, int]:
    def of(name: str) -> int:
        return sums.get(name, 0)

    net = of("gross") - of("discounts") - of("taxIncluded")
    after = net - of("creditNotes") - of("voided")
    revenue = after + of("sales") + of("ownGoods")
    return {**sums, "net": net, "netAfterCredits": after, "revenue": revenue}


def _add(sums: dict[str, int], amounts: dict[str, Money]) -> None:
    for name, amount in amounts.items():
        sums[name] = sums.get(name, 0) + amount.micros


def _country(buyer: PartySnapshot) -> str | None:
    return buyer.address.country if buyer.address is not None else None
