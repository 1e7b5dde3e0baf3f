"""Refunds in the API. Amounts are integers in micro-units."""

from typing import Annotated

from pydantic import Field

from billing.domain.payments.refund import Refund
from billing.schemas.base import PositiveAmount, Request, Resource, ShortText, Time, not_null, unsaid


class RefundIn(Request):
    amount: Annotated[
        PositiveAmount | None,
        not_null(PositiveAmount),
        Field(description="all that is left of the payment where not said"),
    ] = unsaid()
    reason: ShortText | None = None


class RefundOut(Resource):
    id: str
    payment_id: str
    customer_id: str
    invoice_id: str | None
    credit_note_id: str | None
    order_id: str | None
    amount: int
    currency: str
    status: str
    reason: str | None
    failure_reason: str | None
    from_balance: Annotated[bool, Field(description="of what was paid too much, off the customer's balance")]
    made_at_stripe: bool
    settled_at: Time | None
    created_at: Time
    version: int

    @classmethod
    def of(cls, refund: Refund) -> "RefundOut":
        return cls(
            id=refund.id,
            payment_id=refund.payment_id,
            customer_id=refund.customer_id,
            invoice_id=refund.invoice_id,
            credit_note_id=refund.credit_note_id,
            order_id=refund.order_id,
            amount=refund.amount.micros,
            currency=refund.amount.currency,
            status=refund.status.value,
            reason=refund.reason,
            failure_reason=refund.failure_reason,
            from_balance=refund.from_balance,
            made_at_stripe=refund.at_stripe,
            settled_at=refund.settled_at,
            created_at=refund.created_at,
            version=refund.version,
        )
