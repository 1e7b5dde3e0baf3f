"""Customers and their saved payment methods. Personal fields are marked; storage seals them one by one."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from billing.domain.customers.erasure import Erasure, Step
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import InvalidState

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
        deleted_at: nothing begins for it any more from then on; what it said of a person is gone.
        erasure: how far what others have copied of that is erased, once it is deleted.
        external_id: the tenant's own id of it, which no other customer has (``kernel.external_ids``).
        due: when the erasure goes on, always in the wall clock's time.
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
    deleted_at: datetime | None = None
    erasure: Erasure | None = None
    due: Due | None = None
    external_id: str | None = None
    version: int = 0

    def require_there(self, action: str) -> None:
        """Refuse what would begin something new for a customer that was deleted.

        Raises:
            InvalidState: it was.
        """
        if self.deleted_at is not None:
            raise InvalidState.of("customer", "deleted", action)

    def deleted(self, due: Due, at: datetime) -> "Customer":
        """What is left of it: ids, currency and zone, by which the books are read."""
        return replace(
            self,
            name="",
            email=None,
            address=None,
            tax_id=None,
            metadata={},
            locale=None,
            po_number=None,
            custom_fields=(),
            external_id=None,
            deleted_at=at,
            erasure=Erasure(),
            due=due,
        )

    def erased_on(self, erasure: Erasure, due: Due) -> "Customer":
        """With an erasure that is so far: it goes on at once, or when documents need not be kept any more, or never.

        Args:
            due: at once.
        """
        at: Due | None = due
        if erasure.step is Step.DONE:
            at = None
        elif erasure.step is Step.WAIT and erasure.documents_until is not None:
            at = Due(due.shard, erasure.documents_until)
        at_stripe = None if erasure.erased_at is not None else self.stripe_customer_id
        return replace(self, erasure=erasure, due=at, stripe_customer_id=at_stripe, default_payment_method_id=None)


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
        detaching: it was removed here, and the card processor has not said yet that it is detached there.
        due: when the card processor is asked again to detach it, always in the wall clock's time.
    """

    entity_name: ClassVar[str] = "PaymentMethod"

    id: str
    tenant_id: str
    customer_id: str
    type: str
    created_at: datetime
    card: CardDisplay | None = field(default=None, metadata=PERSONAL)
    detached_at: datetime | None = None
    detaching: bool = False
    due: Due | None = None
    version: int = 0

    def removed(self, at: datetime, due: Due | None = None) -> "PaymentMethod":
        """What is left of it: that it was there, so that no late event brings it back.

        Args:
            due: when the card processor is asked again to detach it; None where it is detached there.
        """
        return replace(self, card=None, detached_at=at, detaching=due is not None, due=due)

    def detached_there(self) -> "PaymentMethod":
        """Nothing is left to be done: the card processor says that it is detached."""
        return replace(self, detaching=False, due=None)
