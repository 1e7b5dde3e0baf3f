"""Payments: one attempt to collect money is one Payment, written before Stripe is called (design.md section 5).

pending ──> succeeded
   ├──────> failed            (a decline is final for this attempt)
   ├──────> canceled
   ├──────> processing ─────> succeeded | failed
   └──────> requires_action > succeeded | failed | canceled
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from billing.domain.due import Due
from billing.domain.ids import derived
from billing.domain.money import Money


class PaymentStatus(StrEnum):
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        return self in (PaymentStatus.SUCCEEDED, PaymentStatus.FAILED, PaymentStatus.CANCELED)


@dataclass(frozen=True, slots=True)
class PaymentError:
    """Why a payment did not go through.

    Args:
        code: the public code (``payment.declined`` ...).
        decline_code: what may be shown to a payer; a stolen-card decline reads as ``generic_decline``.
        message: a sentence for the payer.
        final: another attempt with the same method is useless (a hard decline). Not for the payer: what the code
            hides, this would tell.
    """

    code: str
    message: str
    decline_code: str | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class ChargeResult:
    """What Stripe says of an attempt: its PaymentIntent's id and state, and why it failed if it did."""

    status: PaymentStatus
    intent_id: str | None
    error: PaymentError | None = None
    client_secret: str | None = None


class SettledBy(StrEnum):
    """Who learnt the outcome first: the request that charged, Stripe's webhook, or the sweep that looked it up."""

    REQUEST = "request"
    WEBHOOK = "webhook"
    SWEEP = "sweep"


@dataclass(frozen=True, slots=True)
class Payment:
    """One attempt to collect ``amount``; ``idempotency_key`` is the key that Stripe sees, on every resend."""

    id: str
    tenant_id: str
    customer_id: str
    amount: Money
    status: PaymentStatus
    attempt: int
    idempotency_key: str
    stripe_customer_id: str
    payment_method_id: str
    off_session: bool
    created_at: datetime
    submitted_at: datetime
    invoice_id: str | None = None
    subscription_id: str | None = None
    test_clock_id: str | None = None
    stripe_payment_intent_id: str | None = None
    error: PaymentError | None = None
    settled_by: SettledBy | None = None
    settled_event_id: str | None = None
    settled_at: datetime | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    due: Due | None = None
    version: int = 0


def attempt_id(invoice_id: str, invoice_at: datetime, attempt: int) -> str:
    """The id of an invoice's n-th charge attempt: a crash and a retry mean the same attempt, never a second one.

    Its time is the invoice's, plus a millisecond for each attempt, so that a list has them in their order.
    """
    return derived("pay", invoice_at + timedelta(milliseconds=attempt), invoice_id, str(attempt))


def with_result(
    payment: Payment, result: ChargeResult, at: datetime, by: SettledBy, event_id: str | None = None
) -> Payment:
    """The payment after Stripe's word on it; unchanged where that is old news.

    A payment that succeeded or failed stays so: an event that comes late, or twice, says nothing new. The one
    exception is money: where Stripe holds a charge after all (somebody tried again in Stripe's dashboard), the
    payment succeeded, whatever was written before.
    """
    if payment.status is PaymentStatus.SUCCEEDED:
        return payment
    if payment.status.is_final and result.status is not PaymentStatus.SUCCEEDED:
        return payment
    if result.status is payment.status and payment.stripe_payment_intent_id == result.intent_id:
        return payment
    final = result.status.is_final
    return replace(
        payment,
        status=result.status,
        stripe_payment_intent_id=result.intent_id or payment.stripe_payment_intent_id,
        error=result.error,
        settled_by=by if final else None,
        settled_event_id=event_id if final else None,
        settled_at=at if final else None,
        due=None if final else payment.due,
    )
