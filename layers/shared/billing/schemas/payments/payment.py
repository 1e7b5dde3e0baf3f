"""Payments and intents in the API. Amounts are integers in micro-units."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field

from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.kernel.money import Money
from billing.domain.payments.payment import Payment, PaymentError, PaymentStatus
from billing.schemas.base import Currency, Id, Metadata, PositiveAmount, Request, Resource, Time, not_null, unsaid
from billing.services.invoicing.payment_requests import InvoiceCharge
from billing.services.payments.one_time import OneTimeRequest

AmountIfAny = Annotated[PositiveAmount | None, not_null(PositiveAmount)]
CurrencyIfAny = Annotated[Currency | None, not_null(Currency)]


class PaymentIn(Request):
    """``invoiceId``, or ``amount`` and ``currency``."""

    invoice_id: Id | None = None
    customer_id: Annotated[Id | None, Field(description="only with an amount; else the tenant's own customer")] = None
    amount: AmountIfAny = unsaid()
    currency: CurrencyIfAny = unsaid()
    order_id: Annotated[
        Id | None, Field(description="an order, whose amount and currency it is; or a reference of the caller's own")
    ] = None
    payment_method_id: Annotated[Id | None, Field(description="the customer's default where it is not said")] = None
    metadata: Metadata = {}

    def wanted(self) -> InvoiceCharge | OneTimeRequest:
        """What is to be paid.

        Raises:
            ValidationFailed: its fields contradict each other.
        """
        if self.invoice_id is not None:
            alone = {"amount": self.amount, "currency": self.currency, "customerId": self.customer_id}
            _refuse_beside_an_invoice({**alone, "orderId": self.order_id, "metadata": self.metadata or None})
            return InvoiceCharge(self.invoice_id, self.payment_method_id)
        return OneTimeRequest(
            amount=_money(self.amount, self.currency),
            customer_id=self.customer_id,
            payment_method_id=self.payment_method_id,
            order_id=self.order_id,
            metadata=dict(self.metadata),
        )


class IntentIn(Request):
    """``invoiceId``, or ``amount`` and ``currency``, and the order that they are for."""

    order_id: Annotated[
        Id | None, Field(description="an order, whose amount and currency it is; or a reference of the caller's own")
    ] = None
    invoice_id: Id | None = None
    customer_id: Annotated[Id | None, Field(description="not with an invoice; else the tenant's own customer")] = None
    amount: Annotated[AmountIfAny, Field(description="of an invoice: what it asks for, or nothing")] = unsaid()
    currency: CurrencyIfAny = unsaid()
    payment_method_id: Annotated[
        Id | None, Field(description="charged at once, the payer being present; without it the payer chooses in a form")
    ] = None
    save_payment_method: Annotated[bool, Field(description="keep what the payer pays by, to charge it later")] = False
    metadata: Metadata = {}

    def wanted(self) -> InvoiceCharge | OneTimeRequest:
        """What is to be paid; of an invoice, what the caller takes it to ask for, where it says so.

        Raises:
            ValidationFailed: its fields contradict each other; without an invoice, the amount or currency is missing.
        """
        if self.invoice_id is not None:
            alone = {"orderId": self.order_id, "customerId": self.customer_id, "metadata": self.metadata or None}
            _refuse_beside_an_invoice(alone)
            said = self.amount is not None or self.currency is not None
            expected = _money(self.amount, self.currency) if said else None
            return InvoiceCharge(self.invoice_id, self.payment_method_id, expected, self.save_payment_method)
        return OneTimeRequest(
            amount=_money(self.amount, self.currency),
            customer_id=self.customer_id,
            payment_method_id=self.payment_method_id,
            order_id=self.order_id,
            off_session=False,
            save_method=self.save_payment_method,
            metadata=dict(self.metadata),
        )


class PaymentErrorOut(Resource):
    code: str
    decline_code: str | None
    message: str

    @classmethod
    def of(cls, error: PaymentError | None) -> "PaymentErrorOut | None":
        if error is None:
            return None
        return cls(code=error.code, decline_code=error.decline_code, message=error.message)


class ChargedCardOut(Resource):
    brand: str
    last4: str


class FeeOut(Resource):
    amount: int
    currency: Annotated[str, Field(description="of the account at Stripe")]


class PaymentOut(Resource):
    id: str
    customer_id: str
    invoice_id: str | None
    subscription_id: str | None
    order_id: str | None
    amount: Annotated[int, Field(description="what is asked for; once it succeeded, what came")]
    amount_asked: Annotated[int | None, Field(description="what was asked for, where something else came")]
    currency_asked: Annotated[str | None, Field(description="in which currency, where something else came")]
    amount_refunded: Annotated[int, Field(description="refunds without an outcome count")]
    currency: str
    status: str
    attempt: int
    payment_method_id: Annotated[str | None, Field(description="null where the payer chooses in a form")]
    payment_intent_id: str | None
    card: Annotated[ChargedCardOut | None, Field(description="as it was charged; null for who was erased")]
    fee: Annotated[FeeOut | None, Field(description="Stripe's; null until Stripe tells it")]
    available_on: Annotated[Time | None, Field(description="from when Stripe pays it out")]
    disputed: bool
    error: PaymentErrorOut | None
    metadata: dict[str, str]
    settled_by: str | None
    settled_event_id: str | None
    settled_at: Time | None
    created_at: Time
    version: int

    @classmethod
    def of(cls, payment: Payment) -> Self:
        card, taken = payment.card, payment.taken
        return cls(
            id=payment.id,
            customer_id=payment.customer_id,
            invoice_id=payment.invoice_id,
            subscription_id=payment.subscription_id,
            order_id=payment.order_id,
            amount=payment.amount.micros,
            amount_asked=payment.asked.micros if payment.asked else None,
            currency_asked=payment.asked.currency if payment.asked else None,
            amount_refunded=payment.amount_refunded.micros,
            currency=payment.amount.currency,
            status=payment.status.value,
            attempt=payment.attempt,
            payment_method_id=payment.payment_method_id,
            payment_intent_id=payment.stripe_payment_intent_id,
            card=ChargedCardOut(brand=card.brand, last4=card.last4) if card else None,
            fee=FeeOut(amount=taken.fee.micros, currency=taken.fee.currency) if taken and taken.fee else None,
            available_on=taken.available_on if taken else None,
            disputed=bool(payment.disputed),
            error=PaymentErrorOut.of(payment.error),
            metadata=payment.metadata,
            settled_by=payment.settled_by.value if payment.settled_by else None,
            settled_event_id=payment.settled_event_id,
            settled_at=payment.settled_at,
            created_at=payment.created_at,
            version=payment.version,
        )


class IntentOut(Resource):
    """What the payer's form needs to go on, and where the payment stands."""

    payment_intent_id: str
    client_secret: Annotated[str | None, Field(description="by which the payer's form knows the intent")]
    requires_action: Annotated[bool, Field(description="the payer has to authenticate (3-D Secure)")]
    payment_id: str
    status: str
    amount: int
    currency: str

    @classmethod
    def of(cls, payment: Payment, client_secret: str | None) -> "IntentOut":
        return cls(
            payment_intent_id=payment.stripe_payment_intent_id or "",
            client_secret=client_secret,
            requires_action=payment.status is PaymentStatus.REQUIRES_ACTION,
            payment_id=payment.id,
            status=payment.status.value,
            amount=payment.amount.micros,
            currency=payment.amount.currency,
        )


def _refuse_beside_an_invoice(fields: Mapping[str, object]) -> None:
    _refuse([Detail(name, "not_with_invoice_id") for name, value in fields.items() if value is not None])


def _money(amount: int | None, currency: str | None) -> Money:
    if amount is not None and currency is not None:
        return Money(amount, currency)
    named = {"amount": amount, "currency": currency}
    raise _refusal([Detail(name, "missing_required_field") for name, value in named.items() if value is None])


def _refuse(bad: list[Detail]) -> None:
    if bad:
        raise _refusal(bad)


def _refusal(bad: list[Detail]) -> ValidationFailed:
    return ValidationFailed(", ".join(f"{each.field}: {each.reason}" for each in bad), tuple(bad))
