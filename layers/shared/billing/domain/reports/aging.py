"""Aging: who owes what as of the end of a day, by how late it is.

A sum over the journal by invoice, so that it is the same whenever it is asked for: what is paid, credited or written
off later is posted later. As of 31 March an invoice of 119.00 due on 15 February, of which 19.00 were paid on 10 March,
is 100.00 in 31-60, whatever is paid of it in April.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, StrEnum
from typing import Any

from billing.domain.kernel.money import Money
from billing.domain.ledger import Account
from billing.domain.reports.fold import Posted
from billing.domain.reports.table import Cell, Column, Kind, Row, summed


class Rows(StrEnum):
    """What has a row of its own."""

    CUSTOMERS = "customers"
    INVOICES = "invoices"
    CURRENCIES = "currencies"


class Bucket(Enum):
    """How late: calendar days between the due date and the day as of which it is asked."""

    NOT_DUE = 0
    UP_TO_30 = 30
    UP_TO_60 = 60
    UP_TO_90 = 90
    BEYOND = None

    @classmethod
    def of(cls, days_late: int) -> "Bucket":
        """On its due date an invoice is not late; 1 to 30 days after it is in the first bucket, and so on."""
        return next(each for each in cls if each.value is None or days_late <= each.value)


Key = tuple[str, str, str]
"""Currency, customer, invoice; an invoice of "" is what is of none."""


@dataclass(slots=True)
class Debts:
    """What was posted so far and is not zero, in micro-units; so it is as large as what is open, not as history.

    Args:
        receivable: by invoice.
        disputed: by invoice, what payers' banks hold of what was paid.
        balance: by currency and customer, what the customer's balance owes; below zero its credit.
    """

    receivable: dict[Key, int] = field(default_factory=dict)
    disputed: dict[Key, int] = field(default_factory=dict)
    balance: dict[Key, int] = field(default_factory=dict)

    @property
    def invoice_ids(self) -> list[str]:
        """The invoices that have something open, or disputed."""
        return sorted({invoice_id for _, _, invoice_id in {*self.receivable, *self.disputed} if invoice_id})

    @property
    def keys(self) -> list[Key]:
        """In the order of a report: by currency and customer."""
        return sorted({*self.receivable, *self.disputed, *self.balance})


class AgingFold:
    """Adds up what each invoice has in the books: a fold (see ``domain.reports.fold``)."""

    name = "aging"
    version = 1
    with_documents = False

    def empty(self) -> Debts:
        """Nobody owes anything."""
        return Debts()

    def add(self, state: Debts, record: Posted) -> None:
        """Add an entry's postings."""
        entry = record.entry
        places = {Account.RECEIVABLE: state.receivable, Account.DISPUTES: state.disputed}
        for posting in entry.postings:
            if posting.party is None:
                continue
            if posting.account is Account.CUSTOMER_BALANCE:
                _add(state.balance, (posting.amount.currency, posting.party, ""), posting.amount.micros)
            elif posting.account in places:
                key = (posting.amount.currency, posting.party, entry.invoice_id or "")
                _add(places[posting.account], key, posting.amount.micros)

    def dump(self, state: Debts) -> Any:
        """As JSON."""
        return [sorted([*key, micros] for key, micros in sums.items()) for sums in _sums(state)]

    def read(self, dumped: Any) -> Debts:
        """From JSON."""
        return Debts(*({(cur, who, of): micros for cur, who, of, micros in sums} for sums in dumped))


def _sums(state: Debts) -> tuple[dict[Key, int], ...]:
    return state.receivable, state.disputed, state.balance


def _add(sums: dict[Key, int], key: Key, micros: int) -> None:
    after = sums.get(key, 0) + micros
    if after:
        sums[key] = after
    else:
        sums.pop(key, None)


@dataclass(frozen=True, slots=True)
class Dated:
    """What a report says of an invoice beside its sums; none of it changes once it is finalized.

    Args:
        due_on: the day until which it was to be paid, as it was printed; None for a draft.
    """

    number: str | None
    finalized_at: datetime | None
    due_on: date | None
    total: Money


@dataclass(slots=True)
class Aged:
    """The amounts of a row, in micro-units of its currency.

    Args:
        unapplied: credit that no invoice has taken yet; never above zero.
        balance: what customers' balances owe; below zero their credit.
        disputed: what banks hold of what was paid; not in ``receivable``.
    """

    buckets: dict[Bucket, int] = field(default_factory=lambda: dict.fromkeys(Bucket, 0))
    unapplied: int = 0
    balance: int = 0
    disputed: int = 0

    @property
    def receivable(self) -> int:
        """All buckets less unapplied credit: the account of that name in the ledger."""
        return sum(self.buckets.values()) + self.unapplied

    def owe(self, micros: int, days_late: int | None) -> None:
        """Add what an invoice has open; what is of none, and owed, has no due date, so is not late."""
        if micros < 0:
            self.unapplied += micros
        else:
            self.buckets[Bucket.of(days_late or 0)] += micros

    def cells(self, currency: str) -> list[Money]:
        """As the columns of amounts are."""
        amounts = (*self.buckets.values(), self.unapplied, self.receivable, self.balance, self.disputed)
        return [Money(each, currency) for each in amounts]


_AMOUNTS = (
    summed("notDue", Kind.AMOUNT, "Open, and not late: the due date itself is not"),
    summed("days1To30", Kind.AMOUNT, "Open, and 1 to 30 calendar days late"),
    summed("days31To60", Kind.AMOUNT, "Open, and 31 to 60 days late"),
    summed("days61To90", Kind.AMOUNT, "Open, and 61 to 90 days late"),
    summed("days91AndMore", Kind.AMOUNT, "Open, and 91 days late or more"),
    summed("unappliedCredit", Kind.AMOUNT, "Below zero: credit that no invoice has taken yet, refunds on their way"),
    summed("receivable", Kind.AMOUNT, "All of these together: the ledger's receivable"),
    summed("customerBalance", Kind.AMOUNT, "The ledger's customer_balance: below zero customers' credit"),
    summed("disputed", Kind.AMOUNT, "What payers' banks hold of what was paid; not in receivable"),
)
_CURRENCY = Column("currency", Kind.TEXT)
_CUSTOMER = (Column("customerId", Kind.TEXT),)
_INVOICE = (
    Column("invoiceId", Kind.TEXT, "Empty for what is of no invoice: the customer's balance, refunds of orders"),
    Column("number", Kind.TEXT),
    Column("finalizedAt", Kind.TIME),
    Column("dueOn", Kind.DATE, "As it is printed on the invoice"),
    Column("daysLate", Kind.INTEGER, "Calendar days since; below zero while it is not due"),
    Column("total", Kind.AMOUNT, "What the invoice was about"),
)


def columns(rows: Rows) -> tuple[Column, ...]:
    """The columns of a report."""
    if rows is Rows.INVOICES:
        return (*_CUSTOMER, _CURRENCY, *_INVOICE, *_AMOUNTS)
    return (*(_CUSTOMER if rows is Rows.CUSTOMERS else ()), _CURRENCY, *_AMOUNTS)


def keyed(debts: Debts, day: date, rows: Rows, invoices: Mapping[str, Dated]) -> Iterator[tuple[tuple[str, ...], Row]]:
    """The rows with their keys, in the order of those.

    Args:
        day: as of its end.
        rows: what has a row of its own.
        invoices: those of ``debts``, by id.
    """
    if rows is Rows.INVOICES:
        for key in sorted(debts.keys, key=lambda key: (*key[:2], _place(invoices.get(key[2])))):
            due_on, number = _place(invoices.get(key[2]))
            yield (*key[:2], due_on.isoformat(), number), _row(debts, key, day, invoices)
        return
    groups: dict[tuple[str, ...], list[Key]] = {}
    for key in debts.keys:
        groups.setdefault(key[:2] if rows is Rows.CUSTOMERS else key[:1], []).append(key)
    for group, keys in groups.items():
        currency, *customer = group
        yield group, [*customer, currency, *_aged(debts, keys, day, invoices).cells(currency)]


def _place(invoice: Dated | None) -> tuple[date, str]:
    """Where an invoice is among its customer's: what is to be paid first; before all of them what is of none."""
    if invoice is None:
        return date.min, ""
    return invoice.due_on or date.max, invoice.number or ""


def _row(debts: Debts, key: Key, day: date, invoices: Mapping[str, Dated]) -> Row:
    currency, customer_id, invoice_id = key
    invoice = invoices.get(invoice_id)
    about: list[Cell] = [None] * len(_INVOICE)
    if invoice is not None:
        late = _days_late(invoice, day)
        total = invoice.total if invoice.total.currency == currency else None  # money in another one paid nothing of it
        about = [invoice_id, invoice.number, invoice.finalized_at, invoice.due_on, late, total]
    aged = _aged(debts, [key], day, invoices)
    return [customer_id, currency, *about, *aged.cells(currency)]


def _aged(debts: Debts, keys: Iterable[Key], day: date, invoices: Mapping[str, Dated]) -> Aged:
    aged = Aged()
    for key in keys:
        invoice = invoices.get(key[2])
        aged.owe(debts.receivable.get(key, 0), _days_late(invoice, day) if invoice is not None else None)
        aged.balance += debts.balance.get(key, 0)
        aged.disputed += debts.disputed.get(key, 0)
    return aged


def _days_late(invoice: Dated, day: date) -> int | None:
    return (day - invoice.due_on).days if invoice.due_on is not None else None
