"""Customers and their saved payment methods. Personal fields are marked; storage seals them one by one."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

PERSONAL: dict[str, Any] = {"personal": True}
"""Metadata of a dataclass field whose value is encrypted at rest under the tenant's data key."""


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; ``country`` is ISO 3166-1 alpha-2."""

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    postal_code: str | None = None
    state: str | None = None
    country: str | None = None

    @property
    def country_code(self) -> str:
        """Its country in capitals, whoever wrote it how; empty where it has none."""
        return (self.country or "").strip().upper()

    def lines(self) -> tuple[str, ...]:
        """The address as it is printed on a document, empty parts left out."""
        town = " ".join(part for part in (self.postal_code, self.city) if part)
        region = ", ".join(part for part in (self.state, self.country) if part)
        return tuple(part for part in (self.line1, self.line2, town, region) if part)


@dataclass(frozen=True, slots=True)
class CustomField:
    """A line that a document shows because its buyer wants it there: ``CustomField("Cost center", "4711")``."""

    name: str
    value: str


class TaxExempt(StrEnum):
    """What the tenant says about a customer's tax: nothing, that it owes none, or that it accounts for it itself."""

    NONE = "none"
    EXEMPT = "exempt"
    REVERSE = "reverse"


@dataclass(frozen=True, slots=True)
class Customer:
    """Who is billed.

    Args:
        deleted_at_stripe: how often somebody deleted it at the card processor, with all its payment methods.
        locale: the language of its documents; None for its tenant's.
        net_terms_days: how many days it has to pay what is not charged to a saved method; None for its tenant's.
        po_number, custom_fields: what its documents show unless an invoice says otherwise.
    """

    entity_name: ClassVar[str] = "Customer"

    id: str
    tenant_id: str
    name: str = field(metadata=PERSONAL)
    currency: str
    timezone: str
    created_at: datetime
    email: str | None = field(default=None, metadata=PERSONAL)
    address: Address | None = field(default=None, metadata=PERSONAL)
    tax_id: str | None = field(default=None, metadata=PERSONAL)
    metadata: dict[str, str] = field(default_factory=dict)
    test_clock_id: str | None = None
    stripe_customer_id: str | None = None
    default_payment_method_id: str | None = None
    tax_exempt: TaxExempt = TaxExempt.NONE
    deleted_at_stripe: int = 0
    locale: str | None = None
    net_terms_days: int | None = None
    po_number: str | None = None
    custom_fields: tuple[CustomField, ...] = field(default=(), metadata=PERSONAL)
    version: int = 0


@dataclass(frozen=True, slots=True)
class CardDisplay:
    """What may be shown of a card: never its number."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """A payment method saved at Stripe and attached to one customer; ``id`` is Stripe's.

    Args:
        detached_at: from then on it can never be charged again, and what could be shown of the card is erased.
    """

    entity_name: ClassVar[str] = "PaymentMethod"

    id: str
    tenant_id: str
    customer_id: str
    type: str
    created_at: datetime
    card: CardDisplay | None = field(default=None, metadata=PERSONAL)
    detached_at: datetime | None = None
    version: int = 0
