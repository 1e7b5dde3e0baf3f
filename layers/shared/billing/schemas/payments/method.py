"""Saved payment methods: the shapes of their requests and responses."""

from typing import Annotated

from pydantic import Field

from billing.domain.customers.customer import PaymentMethod
from billing.schemas.base import (
    Id,
    Request,
    Resource,
    Time,
)
from billing.services.payments.processor import OpenedIntent


class SetupIn(Request):
    customer_id: Annotated[Id | None, Field(description="the tenant's own customer where not said")] = None


class SetupOut(Resource):
    setup_intent_id: str
    client_secret: Annotated[str, Field(description="for the form in which the payer saves a method")]

    @classmethod
    def of(cls, opened: OpenedIntent) -> "SetupOut":
        return cls(setup_intent_id=opened.id, client_secret=opened.client_secret)


class CardOut(Resource):
    brand: str
    last4: str
    exp_month: int
    exp_year: int


class PaymentMethodOut(Resource):
    id: str
    customer_id: str
    type: str
    card: CardOut | None
    detached_at: Time | None
    created_at: Time
    version: int

    @classmethod
    def of(cls, method: PaymentMethod) -> "PaymentMethodOut":
        card = method.card
        return cls(
            id=method.id,
            customer_id=method.customer_id,
            type=method.type,
            card=CardOut(brand=card.brand, last4=card.last4, exp_month=card.exp_month, exp_year=card.exp_year)
            if card
            else None,
            detached_at=method.detached_at,
            created_at=method.created_at,
            version=method.version,
        )
