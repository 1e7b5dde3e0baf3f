"""Recovery points: what a first commit leaves undone, so that a retry goes on from there instead of starting anew."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChargePending:
    """A charge attempt is written, and may have been sent: ask what became of it, then settle it.

    Args:
        invoice_id: what it pays; None for a payment of its own, or where the caller names the invoice again.
        subscription_id: whose invoice that is, where the answer shows the subscription.
    """

    payment_id: str
    invoice_id: str | None = None
    subscription_id: str | None = None


@dataclass(frozen=True, slots=True)
class RefundPending:
    """A refund is written, and may have been sent: ask what became of it, then settle it.

    Args:
        credit_note_id: what it pays out; None for one without a credit note.
    """

    refund_id: str
    credit_note_id: str | None = None


@dataclass(frozen=True, slots=True)
class CreditsPending:
    """An invoice over credits is issued, and not all of them are taken off other invoices yet: go on with that."""

    invoice_id: str
    subscription_id: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part is done that stands for itself: the same request, run again, finds less to do."""


RecoveryPoint = ChargePending | RefundPending | CreditsPending | Repeat
