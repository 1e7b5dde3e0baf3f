"""Invoices in a list: whole, or as a table shows them."""

from typing import Annotated

from pydantic import Field

from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.schemas.base import Time
from billing.schemas.invoicing.invoices import InvoiceOut, is_disputed
from billing.schemas.payments.payment import PaymentErrorOut
from billing.schemas.rows import Row


class InvoiceRowOut(InvoiceOut, Row):
    """An invoice in a list."""


class InvoiceSummaryOut(Row):
    """An invoice without its lines and parties."""

    id: str
    number: str | None
    customer_id: str
    subscription_id: str | None
    status: str
    billing_reason: str
    currency: str
    line_count: int
    subtotal: int
    discount: int
    tax: int
    total: int
    amount_paid: int
    amount_refunded: int
    amount_credited: int
    amount_due: int
    tax_waits: bool
    auto_charge: bool
    attempt_count: int
    next_attempt_at: Annotated[Time | None, Field(description="the next dunning step of an open invoice")]
    payment_error: PaymentErrorOut | None
    disputed: bool
    test_mode: bool
    created_at: Time
    finalizes_at: Time | None
    finalized_at: Time | None
    due_at: Time | None
    paid_at: Time | None
    version: int

    @classmethod
    def of(cls, invoice: Invoice) -> "InvoiceSummaryOut":
        next_at = invoice.due.at if invoice.due else None
        return cls(
            id=invoice.id,
            number=invoice.number,
            customer_id=invoice.customer_id,
            subscription_id=invoice.subscription_id,
            status=invoice.status.value,
            billing_reason=invoice.reason.value,
            currency=invoice.currency,
            line_count=len(invoice.lines),
            subtotal=invoice.subtotal.micros,
            discount=invoice.discount.micros,
            tax=invoice.tax.micros,
            total=invoice.total.micros,
            amount_paid=invoice.amount_paid.micros,
            amount_refunded=invoice.amount_refunded.micros,
            amount_credited=invoice.amount_credited.micros,
            amount_due=invoice.amount_due.micros,
            tax_waits=invoice.tax_waits,
            auto_charge=invoice.auto_charge,
            attempt_count=invoice.attempt_count,
            next_attempt_at=next_at if invoice.status is InvoiceStatus.OPEN else None,
            payment_error=PaymentErrorOut.of(invoice.payment_error),
            disputed=is_disputed(invoice),
            test_mode=invoice.test_mode,
            created_at=invoice.created_at,
            finalizes_at=next_at if invoice.status is InvoiceStatus.DRAFT else None,
            finalized_at=invoice.finalized_at,
            due_at=invoice.payable_by,
            paid_at=invoice.paid_at,
            version=invoice.version,
        )
