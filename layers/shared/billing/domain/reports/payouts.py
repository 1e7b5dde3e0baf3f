"""Payouts to the bank: each movement of the bank account in the platform's books, and what is in it.

A row is a posting to ``bank``, so the rows' net is what the account moved by. A deposit of 965.80 is gross 1,100.00,
refunds -100.00, fees 34.20; what is not listed yet, or never (a payout that somebody asked for), is ``unexplained``.
"""

from dataclasses import dataclass

from billing.domain.deposits import Deposit, DepositLine, Part, part_of
from billing.domain.kernel.money import Money
from billing.domain.ledger import Account, LedgerEntry
from billing.domain.reconciliation import StripeLine
from billing.domain.reports.table import Column, Kind, Row, summed


@dataclass(frozen=True, slots=True)
class Moved:
    """A movement of the bank account.

    Args:
        line: of Stripe's account; None where it was not kept.
        deposit: what is in it; None where it is no payout.
    """

    entry: LedgerEntry
    line: StripeLine | None
    deposit: Deposit | None

    @property
    def net(self) -> Money:
        """What the bank got; below zero what it gave."""
        return bank_of(self.entry)


def bank_of(entry: LedgerEntry) -> Money:
    """What an entry moves on the bank account."""
    zero = Money.zero(entry.postings[0].amount.currency)
    return sum((each.amount for each in entry.postings if each.account is Account.BANK), zero)


COLUMNS = (
    Column("payoutId", Kind.TEXT, "At Stripe"),
    Column("type", Kind.TEXT, "Stripe's: payout, payout_failure (it came back), payout_cancel, topup"),
    Column("currency", Kind.TEXT),
    Column("postedAt", Kind.TIME, "When it was entered in the books, which says in which period it is"),
    Column("createdAt", Kind.TIME, "When it was made at Stripe"),
    Column("arrivesOn", Kind.TIME, "When the bank has it, by Stripe's estimate"),
    summed("transactions", Kind.INTEGER, "Lines of Stripe's account that are in it"),
    summed("gross", Kind.AMOUNT, "Charges"),
    summed("refunds", Kind.AMOUNT, "Below zero; of refunds that came back above"),
    summed("disputes", Kind.AMOUNT, "Below zero; of disputes that were won above"),
    summed("transfers", Kind.AMOUNT, "Below zero: to providers' accounts"),
    summed("adjustments", Kind.AMOUNT, "Anything else: payouts that came back, top-ups, reserves"),
    summed("fees", Kind.AMOUNT, "Stripe's, above zero; subtracted"),
    summed("unexplained", Kind.AMOUNT, "What Stripe has not itemised: all of a payout that no schedule made"),
    summed("net", Kind.AMOUNT, "What the bank got: all of these together"),
)
_SIGNED = (Part.GROSS, Part.REFUNDS, Part.DISPUTES, Part.TRANSFERS, Part.ADJUSTMENTS, Part.FEES)


def row_of(moved: Moved) -> Row:
    """A movement's row."""
    line, found, net = moved.line, moved.deposit, moved.net
    zero = Money.zero(net.currency)
    parts = [found.part(each) if found is not None else zero for each in _SIGNED]
    return [
        moved.entry.source_id,
        line.type if line is not None else None,
        net.currency,
        moved.entry.posted_at,
        line.created_at if line is not None else None,
        found.arrives_on if found is not None else None,
        found.count if found is not None else 0,
        *parts,
        found.unexplained if found is not None else net,
        net,
    ]


LINE_COLUMNS = (
    Column("payoutId", Kind.TEXT, "In which it was paid out"),
    Column("transactionId", Kind.TEXT, "The line of Stripe's account"),
    Column("part", Kind.TEXT, "The column of the payout that it is in"),
    Column("type", Kind.TEXT, "Stripe's"),
    Column("sourceId", Kind.TEXT, "The charge, refund, dispute or transfer at Stripe"),
    Column("tenantId", Kind.TEXT, "In whose books it is"),
    Column("currency", Kind.TEXT),
    Column("createdAt", Kind.TIME),
    summed("amount", Kind.AMOUNT, "Before Stripe's fee"),
    summed("fee", Kind.AMOUNT),
    summed("net", Kind.AMOUNT, "Amount less fee; of a payout they sum to its net"),
)


def line_row(each: DepositLine) -> Row:
    """The row of a line of Stripe's account that is in a deposit."""
    line = each.line
    return [
        each.payout_id, line.id, part_of(line).value, line.type, line.source_id, each.books_of, line.amount.currency,
        line.created_at, line.amount, line.fee, line.net,
    ]  # fmt: skip
