"""An independent model of invoices, in cents: integers and fractions alone, nothing of ``billing.domain``.

total = what its lines come to + tax; the customer's balance pays first; what is left is charged
a rest below 0.50 is carried by the balance; a total below zero goes into it
"""

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Self

LEAST = 50
"""Cents: less is not charged."""


def half_up(exact: Fraction | int) -> int:
    """Rounded to the nearest whole, halves away from zero."""
    exact = Fraction(exact)
    whole = (2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator)
    return whole if exact >= 0 else -whole


def largest_remainder(target: int, exact: list[Fraction]) -> list[int]:
    """Whole parts of a target: each share rounded down, or up where its remainder is among the largest.

    0.47 over three times 0.1577: 0.16, 0.16 and 0.15.
    """
    if sum(exact) < 0:
        return [-part for part in largest_remainder(-target, [-each for each in exact])]
    parts = [each.numerator // each.denominator for each in exact]
    remainders = [each - part for each, part in zip(exact, parts, strict=True)]
    left = min(max(target - sum(parts), 0), sum(1 for each in remainders if each))
    for n in sorted(range(len(exact)), key=lambda n: (-remainders[n], n))[:left]:
        parts[n] += 1
    return parts


@dataclass(eq=False)
class Line:
    """What is billed of a component for a stretch of time, or given back of another line.

    Args:
        price: before its discount; below zero for a credit.
        net: after it.
        of: the line that it gives back.
        taxed: its tax is fixed: it gives back a line that has been on an invoice.
        came_back: what was given back of it in particular, with tax.
    """

    component: str
    price: int
    net: int
    start: datetime
    end: datetime
    of: Self | None = None
    taxed: bool = False
    tax: int = 0
    bill: "Bill | None" = None
    came_back: int = 0

    @property
    def gross(self) -> int:
        """With its tax."""
        return self.net + self.tax


@dataclass(eq=False)
class Bill:
    """An invoice.

    Args:
        applied: what the balance paid of it.
        credited: what credit notes took off what was due.
        came_back: of its lines and by credit notes together.
        noted: by credit notes.
        refunded: of what was paid.
    """

    lines: list[Line]
    total: int
    tax: int
    applied: int
    status: str = "paid"
    paid: int = 0
    credited: int = 0
    came_back: int = 0
    noted: int = 0
    refunded: int = 0

    @property
    def due(self) -> int:
        """What is still to be paid."""
        return self.total - self.applied - self.paid - self.credited

    @property
    def billed(self) -> int:
        """All its lines, each less what the invoice itself gives back of it; without credits for other invoices."""
        whole = {id(line): line.gross for line in self.lines if line.net >= 0}
        for line in self.lines:
            if line.of is not None and line.of.bill is self:
                whole[id(line.of)] += line.gross
        return sum(each for each in whole.values() if each > 0)

    def left_of(self, line: Line) -> int:
        """What can still be given back of a line."""
        own = sum(each.gross for each in self.lines if each.of is line)
        return max(min(line.gross + own - line.came_back, self.billed - self.came_back), 0)

    @property
    def creditable(self) -> int:
        """What credit notes can still take."""
        return max(min(self.total - self.noted, self.billed - self.came_back), 0)

    @property
    def shown(self) -> tuple[int, int, int, int, int, int, str]:
        """What has to be the same in the product."""
        return self.total, self.tax, self.applied, self.paid, self.credited, self.refunded, self.status


@dataclass
class Account:
    """A customer's invoices and balance.

    Args:
        rate: of tax, in percent.
        per_document: tax is rounded once a document, and split over the lines; else line by line.
    """

    rate: int = 0
    per_document: bool = False
    balance: int = 0
    bills: list[Bill] = field(default_factory=list)

    def bill(self, lines: list[Line], declined: bool = False) -> Bill | None:
        """Lines make an invoice, which is charged; None where there are no lines.

        Args:
            declined: the card is: the invoice stays open.
        """
        if not lines:
            return None
        self.tax(lines)
        total, tax = sum(line.gross for line in lines), sum(line.tax for line in lines)
        applied = total if total < 0 else min(self.balance, total)
        if 0 < total - applied < LEAST:
            applied = total
        self.balance -= applied
        made = Bill(lines, total, tax, applied)
        for line in lines:
            line.bill = made
        self.bills.append(made)
        if made.due:
            made.status = "open"
            if not declined:
                self.pay(made)
        return made

    def tax(self, lines: list[Line]) -> None:
        """The tax of each line that has none yet; what gives back a line of an earlier invoice keeps its own."""
        fresh = [line for line in lines if not line.taxed]
        rate = Fraction(self.rate, 100)
        exact = [line.net * rate for line in fresh]
        parts = [half_up(each) for each in exact]
        if self.per_document and fresh:
            whole = half_up(sum(line.net for line in lines) * rate)
            parts = largest_remainder(whole - sum(line.tax for line in lines if line.taxed), exact)
        for line, part in zip(fresh, parts, strict=True):
            line.tax = part

    def pay(self, bill: Bill) -> None:
        """The card pays what is due."""
        bill.paid += bill.due
        bill.status = "paid"

    def credit(self, bill: Bill, amount: int, refund: bool) -> None:
        """A credit note: first off what is due, then back to the card or into the balance."""
        off = min(amount, bill.due)
        bill.credited += off
        bill.came_back += amount
        bill.noted += amount
        if refund:
            bill.refunded += amount - off
        else:
            self.balance += amount - off
        if 0 < bill.due < LEAST:  # carried
            self.balance -= bill.due
            bill.applied += bill.due
        if not bill.due:
            bill.status = "paid"

    def void(self, bill: Bill) -> None:
        """Nobody will pay it: what the balance had paid is back there."""
        self.balance += bill.applied
        bill.applied = 0
        bill.status = "void"
