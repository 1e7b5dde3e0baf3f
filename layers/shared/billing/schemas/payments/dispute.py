"""Disputes in the API. Amounts are integers in micro-units."""

from typing import Annotated, Self

from pydantic import Field

from billing.domain.payments.dispute import Dispute
from billing.schemas.base import Resource, Time


class DisputeOut(Resource):
    id: str
    payment_id: str
    invoice_id: str | None
    customer_id: str
    stripe_dispute_id: str
    amount: int
    currency: str
    reason: Annotated[str, Field(description="Stripe's category, such as `fraudulent`")]
    status: str
    funds_withdrawn: Annotated[bool, Field(description="its money is off the account")]
    evidence_due_by: Time | None
    closed_at: Time | None
    created_at: Time
    version: int

    @classmethod
    def of(cls, dispute: Dispute) -> Self:
        return cls(
            id=dispute.id,
            payment_id=dispute.payment_id,
            invoice_id=dispute.invoice_id,
            customer_id=dispute.customer_id,
            stripe_dispute_id=dispute.stripe_dispute_id,
            amount=dispute.amount.micros,
            currency=dispute.amount.currency,
            reason=dispute.reason,
            status=dispute.status.value,
            funds_withdrawn=dispute.withdrawn,
            evidence_due_by=dispute.evidence_due_by,
            closed_at=dispute.closed_at,
            created_at=dispute.created_at,
            version=dispute.version,
        )
