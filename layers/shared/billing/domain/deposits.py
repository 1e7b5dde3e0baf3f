"""What Stripe pays into the platform's bank, and what is in it: a payout, and the lines that it pays out.

    gross + refunds + disputes + transfers + adjustments - fees = net, which is the deposit

Stripe says what is in it only of a payout that its schedule made; one that somebody asked for is an amount, and no sum
of lines (docs.stripe.com/payouts/reconciliation).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from billing.domain.kernel.money import Money
from billing.domain.reconciliation import StripeLine


class Part(StrEnum):
    """What a line is in a deposit; Stripe's fee on any line is ``FEES``."""

    GROSS = "gross"
    REFUNDS = "refunds"
    DISPUTES = "disputes"
    TRANSFERS = "transfers"
    ADJUSTMENTS = "adjustments"
    FEES = "fees"


_PARTS = {
    "charge": Part.GROSS,
    "charge_failure": Part.GROSS,
    "payment": Part.GROSS,
    "refund": Part.REFUNDS,
    "payment_refund": Part.REFUNDS,
    "refund_failure": Part.REFUNDS,
    "payment_failure_refund": Part.REFUNDS,
    "partial_capture_reversal": Part.REFUNDS,
    "dispute": Part.DISPUTES,
    "dispute_reversal": Part.DISPUTES,
    "transfer": Part.TRANSFERS,
    "transfer_refund": Part.TRANSFERS,
    "transfer_reversal": Part.TRANSFERS,
    "fee": Part.FEES,
    "network_cost": Part.FEES,
    "stripe_fee": Part.FEES,
    "stripe_fx_fee": Part.FEES,
    "tax": Part.FEES,
    "tax_fee": Part.FEES,
}
"""By Stripe's reporting category, or else its type (docs.stripe.com/reports/reporting-categories)."""


def part_of(line: StripeLine) -> Part:
    """What a line is in a deposit: what is none of the others (a top-up, a payout that came back) is an adjustment."""
    return _PARTS.get(line.reporting_category or "") or _PARTS.get(line.type) or Part.ADJUSTMENTS


def parts_of(line: StripeLine) -> dict[Part, Money]:
    """A line by parts: a charge of 100.00 with a fee of 3.20 is 100.00 gross and 3.20 fees; a bill of 5.00 is fees."""
    part, zero = part_of(line), Money.zero(line.amount.currency)
    if part is Part.FEES:
        return {Part.FEES: line.fee - line.amount}
    return {part: line.amount, Part.FEES: line.fee} if line.fee != zero else {part: line.amount}


@dataclass(frozen=True, slots=True)
class PayoutAtStripe:
    """A payout as Stripe has it.

    Args:
        itemised: whether Stripe says what is in it; None where it will, and does not yet.
        arrives_on: when the bank has it, by Stripe's estimate.
    """

    id: str
    amount: Money
    itemised: bool | None
    arrives_on: datetime


@dataclass(frozen=True, slots=True)
class DepositLine:
    """A line of Stripe's account in a deposit; the platform's, written once.

    Args:
        id: PAYOUT/LINE.
        books_of: the tenant in whose books it was when it was listed; None where it was in none.
    """

    entity_name: ClassVar[str] = "DepositLine"

    id: str
    tenant_id: str
    payout_id: str
    line: StripeLine
    books_of: str | None
    version: int = 0


def deposit_line(payout_id: str, line: StripeLine, tenant_id: str, books_of: str | None) -> DepositLine:
    """A line of a deposit; its id is the same whoever lists it."""
    return DepositLine(f"{payout_id}/{line.id}", tenant_id, payout_id, line, books_of)


@dataclass(frozen=True, slots=True)
class Deposit:
    """A payout of Stripe's to the platform's bank, and the sums of what is in it; the platform's.

    Args:
        id: the payout's at Stripe.
        amount: what the bank gets.
        line_id: the line of the account that it is.
        place: after which line its listing goes on.
        done: all of it is listed, or Stripe does not say what is in it (``itemised``).
        parts: sums of the lines that are listed, by part.
        count: of those lines.
    """

    entity_name: ClassVar[str] = "Deposit"

    id: str
    tenant_id: str
    amount: Money
    line_id: str
    created_at: datetime
    arrives_on: datetime | None = None
    itemised: bool | None = None
    done: bool = False
    place: str | None = None
    parts: dict[str, Money] = field(default_factory=dict)
    count: int = 0
    version: int = 0

    def part(self, part: Part) -> Money:
        """The sum of one part."""
        return self.parts.get(part.value, Money.zero(self.amount.currency))

    @property
    def unexplained(self) -> Money:
        """What of the amount is no listed line's: zero once a deposit that is itemised is done."""
        sums = Money.zero(self.amount.currency)
        for part in Part:
            sums += -self.part(part) if part is Part.FEES else self.part(part)
        return self.amount - sums


def deposit(line: StripeLine, tenant_id: str) -> Deposit | None:
    """The deposit that a line of the account pays; None for any other line."""
    if line.type != "payout" or line.source_id is None:
        return None
    return Deposit(line.source_id, tenant_id, -line.amount, line.id, line.created_at)


def listed(before: Deposit, lines: Iterable[StripeLine], place: str | None) -> Deposit:
    """A deposit after a page of what is in it.

    Args:
        lines: without the payout's own.
        place: where the next page begins; None after the last one.
    """
    parts, count = dict(before.parts), before.count
    for line in lines:
        count += 1
        for part, amount in parts_of(line).items():
            parts[part.value] = parts.get(part.value, Money.zero(amount.currency)) + amount
    return replace(before, parts=parts, count=count, place=place, done=place is None)
