"""Links on which invoices are paid."""

from typing import Annotated

from pydantic import Field

from billing.schemas.base import Resource, Time
from billing.services.payer.invoices import PaymentLink


class PaymentLinkOut(Resource):
    """A page on which an invoice is seen and paid without an account."""

    url: Annotated[str, Field(description="for the invoice's customer; whoever has it may open it")]
    expires_at: Time

    @classmethod
    def of(cls, link: PaymentLink) -> "PaymentLinkOut":
        return cls(url=link.url, expires_at=link.expires_at)
