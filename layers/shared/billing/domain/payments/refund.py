"""Refunds: money that goes back the way it came, written before Stripe is asked.

pending ──> succeeded ──> failed     (the bank sends it back, up to a month later)
   └──────> failed

Stripe's ``requires_action`` is pending here, and its ``canceled`` failed: the money did not arrive.
Source: docs.stripe.com/refunds, "Failed refunds", and the event ``refund.failed``.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from billing.domain import ledger
from billing.domain.kernel.due import Due
from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import Money
from billing.domain.ledger import LedgerEntry, Receivable
from billing.domain.payments.balance_line import BalanceLine, unknown


class RefundStatus(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RefundResult:
    """What Stripe says about a refund: its state and id there, and why it failed if it did.

    Args:
        lines: of the account there: the one that took the money, and the one that brought it back if it failed.
    """

    status: RefundStatus
    stripe_refund_id: str | None
    failure_reason: str | None = None
    lines: tuple[BalanceLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Refund:
    """``amount`` of a payment, on its way back; ``idempotency_key`` is the key that Stripe sees, on every resend.

    Args:
        credit_note_id: the credit note that it pays out, or None.
        from_balance: whether it pays out what the payment had put into the customer's balance.
        at_stripe: whether somebody made it at Stripe, not here.
        part_from_balance: for one made at Stripe, the part that the balance could pay, if that was less than all of it.
        reason: the tenant's own words.
        failure_reason: Stripe's reason (``expired_or_canceled_card``), or the code of its refusal.
        settled_at: when it succeeded or failed, on the customer's clock.
        lines: the ids of the lines of the account at Stripe that are entered.
        order_id: the order whose payment it gives back, whose books it is entered in (``OrderReturn`` of the same id).
    """

    entity_name: ClassVar[str] = "Refund"

    id: str
    tenant_id: str
    customer_id: str
    payment_id: str
    invoice_id: str | None
    credit_note_id: str | None
    amount: Money
    status: RefundStatus
    reason: str | None
    idempotency_key: str
    stripe_payment_intent_id: str
    created_at: datetime
    submitted_at: datetime
    stripe_refund_id: str | None = None
    failure_reason: str | None = None
    settled_at: datetime | None = None
    from_balance: bool = False
    at_stripe: bool = False
    part_from_balance: Money | None = None
    lines: tuple[str, ...] = ()
    order_id: str | None = None
    test_clock_id: str | None = None
    due: Due | None = None
    version: int = 0

    def __post_init__(self) -> None:
        if self.amount <= Money.zero(self.amount.currency):
            raise ValueError(f"refund {self.id} must be above zero: {self.amount}")

    @property
    def receivable(self) -> Receivable:
        """What it gives back of."""
        return Receivable(self.customer_id, self.invoice_id, self.test_clock_id)


def with_result(refund: Refund, result: RefundResult, at: datetime) -> Refund:
    """The refund, updated from what Stripe says; unchanged if that is nothing new.

    A failed refund stays failed. A refund that succeeded stays so, unless Stripe's refund of the same id says that the
    bank has sent the money back; a refused resend, which has no such id, changes nothing.
    """
    returned = result.status is RefundStatus.FAILED and result.stripe_refund_id is not None
    if refund.status is RefundStatus.FAILED or (refund.status is RefundStatus.SUCCEEDED and not returned):
        return refund
    stripe_refund_id = result.stripe_refund_id or refund.stripe_refund_id
    if result.status is refund.status and stripe_refund_id == refund.stripe_refund_id:
        return refund
    final = result.status is not RefundStatus.PENDING
    return replace(
        refund,
        status=result.status,
        stripe_refund_id=stripe_refund_id,
        failure_reason=result.failure_reason,
        settled_at=at if final else None,
        due=None if final else refund.due,
    )


def with_lines(refund: Refund, result: RefundResult) -> tuple[Refund, tuple[BalanceLine, ...]]:
    """The refund with the lines of the account at Stripe, and those that are new; unchanged where none is."""
    new = unknown(refund.lines, result.lines)
    return (replace(refund, lines=(*refund.lines, *(line.id for line in new))) if new else refund), new


def off_balance(refund: Refund) -> Money:
    """What a refund takes off the customer's balance."""
    if refund.from_balance:
        return refund.amount
    return refund.part_from_balance or Money.zero(refund.amount.currency)


def entries_for(before: Refund, after: Refund, at: datetime) -> tuple[LedgerEntry, ...]:
    """The ledger entries for a refund's new state; none if no money moved.

    A credit note, the customer's balance, or the books of an order have already made room in the receivable for the
    refund; where there is none of them, the refund does so itself.
    """
    money = (after.id, after.receivable)
    if after.status is RefundStatus.SUCCEEDED and before.status is not RefundStatus.SUCCEEDED:
        paid = ledger.refund_paid(_entry_id(after, "refund.succeeded"), *money, after.amount, at)
        return (paid, *_unexplained(after, "refund.given_back", after.amount, at))
    if after.status is RefundStatus.FAILED and before.status is RefundStatus.SUCCEEDED:
        returned = ledger.refund_returned(_entry_id(after, "refund.failed"), *money, after.amount, at)
        return (returned, *_unexplained(after, "refund.not_given_back", -after.amount, at))
    return ()


def taken_from_balance(refund: Refund, amount: Money, at: datetime) -> LedgerEntry:
    """The ledger entry for a refund that the customer's balance pays; a negative amount reverses it."""
    what = "refund.from_balance" if not amount.is_negative else "refund.back_to_balance"
    return ledger.balance_used(_entry_id(refund, what), refund.id, refund.receivable, amount, at)


def paid_otherwise(refund: Refund, amount: Money, at: datetime) -> LedgerEntry:
    """What the books say of what a refused refund was to bring, and another one or a dispute had brought already.

    A credit note over 50.00 put the receivable at -50.00. A colleague had refunded 120.00 in Stripe's dashboard: Dr
    refunds 120.00. Behind 50.00 of them there is a credit note now: Dr receivable 50.00, Cr refunds 50.00.
    """
    return ledger.given_back(_entry_id(refund, "refund.paid_otherwise"), refund.id, refund.receivable, -amount, at)


def _unexplained(refund: Refund, what: str, amount: Money, at: datetime) -> tuple[LedgerEntry, ...]:
    if refund.credit_note_id is not None or refund.from_balance or refund.order_id is not None:
        return ()
    part = off_balance(refund)
    rest = amount + part if amount.is_negative else amount - part
    return (ledger.given_back(_entry_id(refund, what), refund.id, refund.receivable, rest, at),)


def _entry_id(refund: Refund, what: str) -> str:
    return derived("le", refund.created_at, what, refund.id)
