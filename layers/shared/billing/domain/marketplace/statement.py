"""A payout's statement: the lines of the account since the payout before, the payout itself the last of them.

    opening balance + every line = closing balance = the next statement's opening balance

A payout is a line like any other, and so is its money when it comes back. 73.18 earned, 25.20 of it refunded, 4.51
earned, 52.49 paid out: 0.00 is left. The bank sends it back: the next statement begins with 0.00, has 52.49 returned,
45.00 earned, and 97.49 paid out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, tzinfo
from itertools import groupby

from billing.domain.kernel.money import Money, sum_money
from billing.domain.marketplace.account import AccountLine, Figures, LineType, account_id
from billing.domain.marketplace.payout import Payout


class UnevenStatement(ValueError):
    """The lines of a statement are not those of its payout: one is missing, or they do not add up."""


@dataclass(frozen=True, slots=True)
class Total:
    """All lines of one type."""

    type: LineType
    count: int
    amount: Money
    figures: Figures


@dataclass(frozen=True, slots=True)
class Statement:
    """A payout with every line that led to it.

    Args:
        lines: in their order; the last one is the payout.
        totals: of each type that there is, in the order of ``LineType``.
        opening, closing: the balance before the first line, and after the last.
        pending: what was earned and is not on the account yet ...
        held: ... and what open disputes hold of it, both not part of the balances, and as of ``made_at``.
    """

    payout: Payout
    lines: tuple[AccountLine, ...]
    totals: tuple[Total, ...]
    opening: Money
    closing: Money
    pending: Money
    held: Money
    made_at: datetime

    @property
    def currency(self) -> str:
        return self.payout.amount.currency

    @property
    def begins_at(self) -> datetime:
        """When the first thing happened that is on it."""
        return self.lines[0].at


def statement(
    payout: Payout, lines: Sequence[AccountLine], pending: Money, held: Money, made_at: datetime
) -> Statement:
    """The statement of a payout; what does not add up is no statement.

    Args:
        lines: ``payout.first_seq`` to ``payout.last_seq``, in their order.

    Raises:
        UnevenStatement: a line is missing, out of its order, another account's, or wrong in its balance; or the last
            one is not the payout's.
    """
    account = account_id(payout.marketplace_id, payout.amount.currency)
    wanted = range(payout.first_seq, payout.last_seq + 1)
    if not lines or [each.seq for each in lines] != list(wanted):
        raise UnevenStatement(f"{payout.id} needs the lines {payout.first_seq} to {payout.last_seq} of {account}")
    balance = payout.opening_balance
    for each in lines:
        balance = balance + each.amount
        if (each.tenant_id, each.account_id) != (payout.tenant_id, account):
            raise UnevenStatement(f"{payout.id}: line {each.seq} is of another account, {each.account_id}")
        if each.balance_after != balance:
            raise UnevenStatement(f"{payout.id}: line {each.seq} leaves {each.balance_after}, not {balance}")
    last = lines[-1]
    if (last.type, last.source_id, last.amount) != (LineType.PAYOUT, payout.id, -payout.amount):
        raise UnevenStatement(f"{payout.id}: its last line is {last.type} of {last.amount}, not its own")
    totals = tuple(_totals(lines, payout.amount.currency))
    return Statement(payout, tuple(lines), totals, payout.opening_balance, balance, pending, held, made_at)


def _totals(lines: Sequence[AccountLine], currency: str) -> Iterable[Total]:
    for kind in LineType:
        some = [each for each in lines if each.type is kind]
        if some:
            amount = sum_money((each.amount for each in some), currency)
            yield Total(kind, len(some), amount, added(some, currency))


@dataclass(frozen=True, slots=True)
class Row:
    """All lines of one type of one day, added up.

    Args:
        at: of the first of them.
        balance_after: with these and all rows before; a day's last row leaves what the day's last line left.
    """

    total: Total
    at: datetime
    balance_after: Money


def by_day(stated: Statement, zone: tzinfo) -> list[Row]:
    """The lines of a long statement, by day and type: 5,000 sales of a week are seven rows. They add up as lines do.

    Args:
        zone: whose days are meant.
    """
    rows, balance = [], stated.opening
    for _, group in groupby(stated.lines, lambda each: each.at.astimezone(zone).date()):
        lines = list(group)
        for total in _totals(lines, stated.currency):
            balance = balance + total.amount
            rows.append(Row(total, next(each.at for each in lines if each.type is total.type), balance))
    return rows


def added(lines: Iterable[AccountLine], currency: str) -> Figures:
    """The figures of lines, added up; a line without figures has none to add."""
    shown = [each.figures for each in lines if each.figures is not None]
    names = [each.name for each in fields(Figures)]
    return Figures(**{name: sum_money((getattr(each, name) for each in shown), currency) for name in names})
