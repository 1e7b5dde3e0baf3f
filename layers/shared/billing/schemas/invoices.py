"""Invoices and payments in the API (contract.md section 6). Amounts are integers in micro-units."""

from billing.domain.invoicing import Invoice, InvoiceLine, PartySnapshot
from billing.domain.payment import Payment, PaymentError
from billing.schemas.base import Id, Quantity, Request, Resource, Time
from billing.schemas.customers import AddressOut
from billing.schemas.subscriptions import PeriodOut
from billing.services.invoices import Paid


class PayIn(Request):
    payment_method_id: Id | None = None


class PaymentIn(Request):
    invoice_id: Id
    payment_method_id: Id | None = None


class TaxOut(Resource):
    name: str
    rate_percent: Quantity
    amount: int


class DiscountOut(Resource):
    coupon_id: str
    amount: int


class LineOut(Resource):
    id: str
    description: str
    component: str | None
    quantity: Quantity | None
    unit_amount: int | None
    amount: int
    period: PeriodOut | None
    proration: bool
    taxes: list[TaxOut]
    discounts: list[DiscountOut]

    @classmethod
    def of(cls, line: InvoiceLine) -> "LineOut":
        return cls(
            id=line.id,
            description=line.description,
            component=line.component,
            quantity=line.quantity,
            unit_amount=line.unit_amount,
            amount=line.amount.micros,
            period=PeriodOut.of(line.period) if line.period else None,
            proration=line.proration,
            taxes=[
                TaxOut(name=tax.name, rate_percent=tax.rate_percent, amount=tax.amount.micros) for tax in line.taxes
            ],
            discounts=[DiscountOut(coupon_id=d.coupon_id, amount=d.amount.micros) for d in line.discounts],
        )


class PartyOut(Resource):
    name: str
    address: AddressOut | None
    tax_id: str | None
    email: str | None

    @classmethod
    def of(cls, party: PartySnapshot) -> "PartyOut":
        return cls(name=party.name, address=AddressOut.of(party.address), tax_id=party.tax_id, email=party.email)


class PaymentErrorOut(Resource):
    code: str
    decline_code: str | None
    message: str

    @classmethod
    def of(cls, error: PaymentError | None) -> "PaymentErrorOut | None":
        if error is None:
            return None
        return cls(code=error.code, decline_code=error.decline_code, message=error.message)


class InvoiceOut(Resource):
    id: str
    number: str | None
    customer_id: str
    subscription_id: str | None
    status: str
    currency: str
    period: PeriodOut | None
    seller: PartyOut
    buyer: PartyOut
    lines: list[LineOut]
    subtotal: int
    discount: int
    tax: int
    total: int
    amount_paid: int
    amount_refunded: int
    amount_due: int
    balance_applied: int
    attempt_count: int
    latest_payment_id: str | None
    payment_error: PaymentErrorOut | None
    test_mode: bool
    created_at: Time
    finalized_at: Time | None
    paid_at: Time | None
    version: int

    @classmethod
    def of(cls, invoice: Invoice) -> "InvoiceOut":
        return cls(
            id=invoice.id,
            number=invoice.number,
            customer_id=invoice.customer_id,
            subscription_id=invoice.subscription_id,
            status=invoice.status.value,
            currency=invoice.currency,
            period=PeriodOut.of(invoice.period) if invoice.period else None,
            seller=PartyOut.of(invoice.seller),
            buyer=PartyOut.of(invoice.buyer),
            lines=[LineOut.of(line) for line in invoice.lines],
            subtotal=invoice.subtotal.micros,
            discount=invoice.discount.micros,
            tax=invoice.tax.micros,
            total=invoice.total.micros,
            amount_paid=invoice.amount_paid.micros,
            amount_refunded=invoice.amount_refunded.micros,
            amount_due=invoice.amount_due.micros,
            balance_applied=invoice.balance_applied.micros,
            attempt_count=invoice.attempt_count,
            latest_payment_id=invoice.latest_payment_id,
            payment_error=PaymentErrorOut.of(invoice.payment_error),
            test_mode=invoice.test_mode,
            created_at=invoice.created_at,
            finalized_at=invoice.finalized_at,
            paid_at=invoice.paid_at,
            version=invoice.version,
        )


class PaymentOut(Resource):
    id: str
    customer_id: str
    invoice_id: str | None
    subscription_id: str | None
    amount: int
    currency: str
    status: str
    attempt: int
    payment_method_id: str
    payment_intent_id: str | None
    error: PaymentErrorOut | None
    settled_by: str | None
    settled_event_id: str | None
    settled_at: Time | None
    created_at: Time
    version: int

    @classmethod
    def of(cls, payment: Payment) -> "PaymentOut":
        return cls(
            id=payment.id,
            customer_id=payment.customer_id,
            invoice_id=payment.invoice_id,
            subscription_id=payment.subscription_id,
            amount=payment.amount.micros,
            currency=payment.amount.currency,
            status=payment.status.value,
            attempt=payment.attempt,
            payment_method_id=payment.payment_method_id,
            payment_intent_id=payment.stripe_payment_intent_id,
            error=PaymentErrorOut.of(payment.error),
            settled_by=payment.settled_by.value if payment.settled_by else None,
            settled_event_id=payment.settled_event_id,
            settled_at=payment.settled_at,
            created_at=payment.created_at,
            version=payment.version,
        )


class PaidInvoiceOut(InvoiceOut):
    client_secret: str | None = None

    @classmethod
    def paid(cls, paid: Paid) -> "PaidInvoiceOut":
        return cls(**InvoiceOut.of(paid.invoice).model_dump(), client_secret=paid.client_secret)
