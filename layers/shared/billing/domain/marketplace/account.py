"""A provider's account with a marketplace, in one currency: lines that are only added, each with the balance after it.

Nothing is ever "marked as paid": a payout is one more line, and its statement is the lines since the payout before.
What comes back of it (a bank returns it) is a line, too, so that the lines of every statement add up to its payout.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from billing.domain.kernel.due import Due, payout_shard
from billing.domain.kernel.money import Money


class LineType(StrEnum):
    """Why the balance changed."""

    RELEASE = "release"
    REFUND = "refund"
    REFUND_RETURNED = "refund_returned"
    DISPUTE_HOLD = "dispute_hold"
    DISPUTE_RELEASED = "dispute_released"
    FEE = "fee"
    ADJUSTMENT = "adjustment"
    PAYOUT = "payout"
    PAYOUT_RETURNED = "payout_returned"


class SkipReason(StrEnum):
    """Why no payout was made when one was due."""

    BELOW_MINIMUM = "below_minimum"
    NEGATIVE_BALANCE = "negative_balance"
    ACCOUNT_NOT_READY = "account_not_ready"
    NOTHING_AVAILABLE = "nothing_available"
    PAYOUT_OPEN = "payout_open"
    CURRENCY_NOT_SETTLED = "currency_not_settled"
    LINES_DISAGREE = "lines_disagree"


@dataclass(frozen=True, slots=True)
class Skip:
    """A payout that was due and not made."""

    reason: SkipReason
    at: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What a line shows beside its amount: of what was sold, or, all of them below zero, of what is taken back of it.

    Amount = gross - discount - commission - tax on the commission - fee. A fee of 1.92 alone is a line of -1.92 with a
    fee of 1.92.

    Args:
        gross: without tax, unless the provider owes that itself.
        tax: collected from buyers, whoever owes it.
        fee: Stripe's, as far as the provider bears it.
    """

    gross: Money
    discount: Money
    commission: Money
    commission_tax: Money
    tax: Money
    fee: Money


@dataclass(frozen=True, slots=True)
class AccountLine:
    """A line; written once, never changed.

    Args:
        tenant_id: the provider.
        account_id: see ``account_id``.
        seq: 1, 2, 3 ... without a gap.
        amount: above zero where the provider is owed more.
        source_id: the fact: an earning's, refund's, dispute's or payout's id.
        note: why, of an adjustment.
    """

    entity_name: ClassVar[str] = "AccountLine"

    tenant_id: str
    account_id: str
    seq: int
    type: LineType
    amount: Money
    balance_after: Money
    at: datetime
    source_id: str
    order_id: str | None = None
    item_ids: tuple[str, ...] = ()
    figures: Figures | None = None
    note: str | None = None
    version: int = 0

    @property
    def id(self) -> str:
        return line_id(self.account_id, self.seq)


@dataclass(frozen=True, slots=True)
class ProviderBalance:
    """The head of an account: its last line's number and balance, and what the lines add up to.

    Args:
        tenant_id: the provider.
        balance: what can be paid out; below zero what the provider owes.
        held: of what was on the account, what open disputes hold.
        in_transit: on its way to the provider's bank.
        paid: what has arrived there in all.
        payouts: how many were made; the last one's number on its statement.
        open_payout_id: the payout that is under way, the only one.
        statement_seq: the last line that stands on a statement.
        skip: why the last payout that was due was not made; None where one was.
        stranded: what a failed payout left at Stripe, out of reach: an operator has to look at it.
        next_payout_at: the next scheduled payout, in the provider's time; None where that is yet to be found out.
        due: when that is, or when the account has to be looked at.
    """

    entity_name: ClassVar[str] = "ProviderBalance"

    tenant_id: str
    marketplace_id: str
    currency: str
    balance: Money
    held: Money
    in_transit: Money
    paid: Money
    created_at: datetime
    stranded: Money | None = None
    seq: int = 0
    payouts: int = 0
    open_payout_id: str | None = None
    statement_seq: int = 0
    skip: Skip | None = None
    next_payout_at: datetime | None = None
    due: Due | None = None
    version: int = 0

    @property
    def id(self) -> str:
        return account_id(self.marketplace_id, self.currency)


def account_id(marketplace_id: str, currency: str) -> str:
    """The id of a provider's account with a marketplace, within the provider: ``shop:EUR``."""
    return f"{marketplace_id}:{currency}"


def line_id(account: str, seq: int) -> str:
    """The id of an account's n-th line; ids sort as the lines do."""
    return f"{account}#{seq:012d}"


def opened(provider_id: str, marketplace_id: str, currency: str, at: datetime) -> ProviderBalance:
    """An account without a line."""
    zero = Money.zero(currency)
    return ProviderBalance(provider_id, marketplace_id, currency, zero, zero, zero, zero, at)


def watched(head: ProviderBalance, now: datetime) -> ProviderBalance:
    """The account with an alarm, where it has something to pay out and none: the payout worker looks when to.

    Args:
        now: the wall clock's time.
    """
    if head.due is not None or head.balance <= Money.zero(head.currency):
        return head
    return replace(head, due=Due(payout_shard(f"{head.tenant_id}:{head.id}"), now), next_payout_at=None)


def added(
    head: ProviderBalance,
    kind: LineType,
    amount: Money,
    at: datetime,
    source_id: str,
    order_id: str | None = None,
    item_ids: tuple[str, ...] = (),
    figures: Figures | None = None,
    note: str | None = None,
) -> tuple[ProviderBalance, AccountLine]:
    """The account with one more line.

    Args:
        amount: not zero; above zero where the provider is owed more.
    """
    if amount.is_zero:
        raise ValueError(f"a line of {head.id} changes nothing: {kind}")
    after = replace(head, seq=head.seq + 1, balance=head.balance + amount)
    line = AccountLine(
        head.tenant_id,
        head.id,
        after.seq,
        kind,
        amount,
        after.balance,
        at,
        source_id,
        order_id,
        item_ids,
        figures,
        note,
    )
    return after, line
