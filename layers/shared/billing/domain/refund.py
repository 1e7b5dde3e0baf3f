"""Refunds: money that goes back the way it came, written before Stripe is asked (design.md section 5).

pending ──> succeeded ──> failed     (the bank sends it back, up to a month later)
   └──────> failed

Stripe's ``requires_action`` is pending here, and its ``canceled`` failed: the money did not arrive.
Source: docs.stripe.com/refunds, "Failed refunds", and the event ``refund.failed``.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from billing.domain import ledger
from billing.domain.due import Due
from billing.domain.ids import derived
from billing.domain.ledger import LedgerEntry
from billing.domain.money import Money


class RefundStatus(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RefundResult:
    """What Stripe says of a refund: its state and id there, and why it failed if it did."""

    status: RefundStatus
    stripe_refund_id: str | None
    failure_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """``amount`` of a payment, on its way back; ``idempotency_key`` is the key that Stripe sees, on every resend.

    Args:
        credit_note_id: the credit note that it pays out, or None.
        reason: the tenant's own words.
        failure_reason: Stripe's reason (``expired_or_canceled_card``), or the code of its refusal.
        settled_at: when it succeeded or failed, on the customer's clock.
    """

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
    test_clock_id: str | None = None
    due: Due | None = None
    version: int = 0

    def __post_init__(self) -> None:
        if self.amount <= Money.zero(self.amount.currency):
            raise ValueError(f"refund {self.id} must be above zero: {self.amount}")


def with_result(refund: Refund, result: RefundResult, at: datetime) -> Refund:
    """The refund after Stripe's word on it; unchanged where that is old news.

    What failed stays so. What succeeded does, too, unless Stripe's own refund (the one with its id) says that the
    bank has sent the money back: that a resend was refused means nothing then.
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


def entry_for(before: Refund, after: Refund, at: datetime) -> LedgerEntry | None:
    """What the books say of a refund's new state; None where no money moved."""
    if after.status is RefundStatus.SUCCEEDED and before.status is not RefundStatus.SUCCEEDED:
        entry_id = derived("le", after.created_at, "refund.succeeded", after.id)
        return ledger.refund_paid(entry_id, after.id, after.customer_id, after.amount, at)
    if after.status is RefundStatus.FAILED and before.status is RefundStatus.SUCCEEDED:
        entry_id = derived("le", after.created_at, "refund.failed", after.id)
        return ledger.refund_returned(entry_id, after.id, after.customer_id, after.amount, at)
    return None
