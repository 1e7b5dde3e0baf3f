"""Disputes (chargebacks): a payer's bank takes money back, and gives it back only where the tenant wins.

warning_needs_response ─> warning_under_review ─> warning_closed     (an inquiry: no money moves)
        └─> needs_response ─> under_review ─> won | lost             (the money is held, then back or gone)

Stripe decides which state it is in; an event that comes late never reopens a closed dispute.
Source: docs.stripe.com/disputes/how-disputes-work, and the states of Stripe's Dispute object.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from billing.domain import ledger
from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import Money
from billing.domain.ledger import LedgerEntry, Receivable
from billing.domain.payments.balance_line import BalanceLine, unknown
from billing.domain.payments.payment import Payment


class DisputeStatus(StrEnum):
    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    PREVENTED = "prevented"
    WON = "won"
    LOST = "lost"

    @property
    def is_closed(self) -> bool:
        return self in _CLOSED


_CLOSED = {DisputeStatus.WARNING_CLOSED, DisputeStatus.PREVENTED, DisputeStatus.WON, DisputeStatus.LOST}
_PROGRESS = [
    DisputeStatus.WARNING_NEEDS_RESPONSE,
    DisputeStatus.WARNING_UNDER_REVIEW,
    DisputeStatus.NEEDS_RESPONSE,
    DisputeStatus.UNDER_REVIEW,
]
"""The order of an open dispute's states: an inquiry becomes a dispute, never the other way round."""


@dataclass(frozen=True, slots=True)
class DisputeSnapshot:
    """A dispute as Stripe has it now.

    Args:
        amount: what is disputed, in the payment's currency.
        reason: Stripe's category, such as ``fraudulent``.
        withdrawn: whether Stripe has taken its money off the account (and not given it back).
        evidence_due_by: until when evidence is taken.
        lines: of the account at Stripe: those that took its money, with Stripe's fee, and those that gave it back.
    """

    stripe_dispute_id: str
    status: DisputeStatus
    amount: Money
    reason: str
    withdrawn: bool
    created_at: datetime
    evidence_due_by: datetime | None = None
    lines: tuple[BalanceLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute of a payment, or of a part of it.

    Args:
        withdrawn: whether its money is off the account.
        closed_at: when it was won, lost or withdrawn, on the customer's clock.
        lines: the ids of the lines of the account at Stripe that are entered.
    """

    entity_name: ClassVar[str] = "Dispute"

    id: str
    tenant_id: str
    customer_id: str
    payment_id: str
    invoice_id: str | None
    stripe_dispute_id: str
    amount: Money
    reason: str
    status: DisputeStatus
    withdrawn: bool
    created_at: datetime
    evidence_due_by: datetime | None = None
    closed_at: datetime | None = None
    lines: tuple[str, ...] = ()
    test_clock_id: str | None = None
    version: int = 0

    @property
    def receivable(self) -> Receivable:
        """What its payment had paid."""
        return Receivable(self.customer_id, self.invoice_id, self.test_clock_id)

    @property
    def taken(self) -> Money:
        """How much of its payment it holds back, or has taken for good."""
        return self.amount if self.withdrawn else Money.zero(self.amount.currency)


def dispute_id(snapshot: DisputeSnapshot) -> str:
    """The id of a dispute: the same whichever of its events comes first."""
    return derived("dp", snapshot.created_at, snapshot.stripe_dispute_id)


def opened(payment: Payment, snapshot: DisputeSnapshot, at: datetime) -> Dispute:
    """A dispute that is new here, as Stripe has it now."""
    return Dispute(
        id=dispute_id(snapshot),
        tenant_id=payment.tenant_id,
        customer_id=payment.customer_id,
        payment_id=payment.id,
        invoice_id=payment.invoice_id,
        stripe_dispute_id=snapshot.stripe_dispute_id,
        amount=snapshot.amount,
        reason=snapshot.reason,
        status=snapshot.status,
        withdrawn=snapshot.withdrawn,
        created_at=snapshot.created_at,
        evidence_due_by=snapshot.evidence_due_by,
        closed_at=at if snapshot.status.is_closed else None,
        test_clock_id=payment.test_clock_id,
    )


def with_snapshot(dispute: Dispute, snapshot: DisputeSnapshot, at: datetime) -> Dispute:
    """The dispute after Stripe's word on it; unchanged where that is old news.

    Two webhooks at once may each have fetched the dispute at another moment; the older one must not undo the newer.
    """
    if _is_older(dispute, snapshot):
        return dispute
    after = replace(
        dispute,
        amount=snapshot.amount,
        reason=snapshot.reason,
        status=snapshot.status,
        withdrawn=snapshot.withdrawn,
        evidence_due_by=snapshot.evidence_due_by,
    )
    if after == dispute:
        return dispute
    return replace(after, closed_at=dispute.closed_at or at) if snapshot.status.is_closed else after


def entry_for(before: Dispute | None, after: Dispute, at: datetime, of_order: bool = False) -> LedgerEntry | None:
    """The ledger entry for a dispute's new state; None if no money moved.

    20.00 withdrawn: Dr disputes 20.00, Cr cash 20.00. Won and given back: the reverse. Lost: Dr bad debt 20.00,
    Cr disputes 20.00. Of an order's payment the order's books say who bears the loss, so that it stays in the disputes
    here.
    """
    zero = Money.zero(after.amount.currency)
    held, gone = _position(after, of_order)
    held_before, gone_before = _position(before, of_order) if before else (zero, zero)
    if (held, gone) == (held_before, gone_before):
        return None
    fact = derived("le", after.created_at, "dispute", after.id, str(before.version if before else 0))
    return ledger.dispute_moved(fact, after.id, after.receivable, held - held_before, gone - gone_before, at)


def with_lines(dispute: Dispute, snapshot: DisputeSnapshot) -> tuple[Dispute, tuple[BalanceLine, ...]]:
    """The dispute with the lines of the account at Stripe, and those that are new; unchanged where none is.

    Lines only ever come, so those of an older snapshot are as good as those of the newest.
    """
    new = unknown(dispute.lines, snapshot.lines)
    return (replace(dispute, lines=(*dispute.lines, *(line.id for line in new))) if new else dispute), new


def held_back(payment: Payment, dispute: Dispute) -> Payment:
    """The payment with what the dispute takes held back from refunds."""
    others = {each: amount for each, amount in payment.disputed.items() if each != dispute.id}
    return replace(payment, disputed={**others, dispute.id: dispute.taken} if dispute.withdrawn else others)


def _position(dispute: Dispute, of_order: bool) -> tuple[Money, Money]:
    """(what is held, what is gone)."""
    zero = Money.zero(dispute.amount.currency)
    if not dispute.withdrawn:
        return zero, zero
    lost = dispute.status is DisputeStatus.LOST and not of_order
    return (zero, dispute.amount) if lost else (dispute.amount, zero)


def _is_older(dispute: Dispute, snapshot: DisputeSnapshot) -> bool:
    if dispute.status.is_closed:
        # Money that came back after a dispute was won stays; only a loss (a bank's last word) takes it again.
        again = snapshot.withdrawn and not dispute.withdrawn and snapshot.status is not DisputeStatus.LOST
        return not snapshot.status.is_closed or again
    if snapshot.status.is_closed:
        return False
    return _PROGRESS.index(snapshot.status) < _PROGRESS.index(dispute.status) or (
        dispute.withdrawn and not snapshot.withdrawn
    )
