"""What Stripe's own account shows of a charge, refund or dispute, and how that is entered: cash to the transaction.

``cash`` is posted to only with a line of the account at Stripe, whose id the entry has. So the sum of ``cash``, per
currency, is Stripe's balance, less Stripe's fees, at every moment.

    the line is known with the fact    payment_received: Dr cash, Cr receivable         (one entry)
    the fact first                     payment_received: Dr cash_clearing, Cr receivable
    the line, later                    line_settled:     Dr cash, Cr cash_clearing
    its fee, always with the line      processing_fee:   Dr processing_fees, Cr cash

What Stripe converts has an entry in each currency. EUR 100.00, of which USD 108.00 came: Dr cash_clearing EUR 100.00,
Cr receivable; Dr currency_exchange EUR 100.00, Cr cash_clearing; Dr cash USD 108.00, Cr currency_exchange.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import Money
from billing.domain.ledger import Account, LedgerEntry, Posting


@dataclass(frozen=True, slots=True)
class BalanceLine:
    """A line of the account at Stripe that a charge, a refund or a dispute has made.

    Args:
        id: the balance transaction's.
        moved: in the payer's currency; below zero where it left.
        amount: the same in the account's currency, as the account shows it.
        fee: Stripe's, which it took in addition; below zero where it gave one back.
    """

    id: str
    moved: Money
    amount: Money
    fee: Money


@dataclass(frozen=True, slots=True)
class Source:
    """What lines are entered for: a payment, a refund or a dispute.

    Args:
        test_clock_id: its customer's clock, in whose time they are posted; None for the wall clock.
    """

    id: str
    created_at: datetime
    test_clock_id: str | None


def unknown(booked: Iterable[str], lines: Iterable[BalanceLine]) -> tuple[BalanceLine, ...]:
    """The lines that are not entered yet."""
    known = set(booked)
    return tuple(line for line in lines if line.id not in known)


def entered(
    entries: Iterable[LedgerEntry], lines: Iterable[BalanceLine], source: Source, at: datetime
) -> tuple[LedgerEntry, ...]:
    """The entries of a fact, with those of the lines that are new with it.

    An entry that posts to cash gets the id of its line, where that is one of ``lines``; else it posts to
    ``cash_clearing``, until its line comes, or because that came before.

    Args:
        entries: as the fact alone gives them; none where only lines are new.
        lines: not entered before.
    """
    left = list(lines)
    made: list[LedgerEntry] = []
    for entry in entries:
        cash = _cash_of(entry)
        if cash is None:
            made.append(entry)
            continue
        own = next((line for line in left if line.amount == cash), None)
        if own is None:
            made.append(_uncleared(entry))
            continue
        left.remove(own)
        made += [replace(entry, balance_transaction_id=own.id), *_fee(own, source, at)]
    for line in left:
        made += [*_settled(line, source, at), *_fee(line, source, at)]
    return tuple(made)


def _cash_of(entry: LedgerEntry) -> Money | None:
    return next((posting.amount for posting in entry.postings if posting.account is Account.CASH), None)


def _uncleared(entry: LedgerEntry) -> LedgerEntry:
    """The entry of a fact whose line is not known."""
    postings = (
        replace(each, account=Account.CASH_CLEARING) if each.account is Account.CASH else each
        for each in entry.postings
    )
    return replace(entry, postings=tuple(postings))


def _settled(line: BalanceLine, source: Source, at: datetime) -> Iterator[LedgerEntry]:
    if line.amount.currency == line.moved.currency:
        yield _entry(line, source, at, "line_settled", line.amount, Account.CASH, Account.CASH_CLEARING)
        return
    yield _entry(line, source, at, "line_exchanged", line.amount, Account.CASH, Account.CURRENCY_EXCHANGE)
    yield _entry(line, source, at, "line_cleared", line.moved, Account.CURRENCY_EXCHANGE, Account.CASH_CLEARING)


def _fee(line: BalanceLine, source: Source, at: datetime) -> Iterator[LedgerEntry]:
    if not line.fee.is_zero:
        yield _entry(line, source, at, "processing_fee", line.fee, Account.PROCESSING_FEES, Account.CASH)


def _entry(
    line: BalanceLine, source: Source, at: datetime, kind: str, amount: Money, debit: Account, credit: Account
) -> LedgerEntry:
    """An entry of a line; its id is derived from the line's, so that nobody enters it twice."""
    postings = (Posting(debit, amount), Posting(credit, -amount))
    entry_id = derived("le", source.created_at, kind, source.id, line.id)
    return LedgerEntry(
        entry_id,
        kind,
        source.id,
        at,
        postings,
        balance_transaction_id=line.id,
        invoice_id=None,  # no receivable moves
        test_clock_id=source.test_clock_id,
    )
