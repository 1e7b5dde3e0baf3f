"""Customers in the API."""

from typing import Annotated, Literal

from pydantic import Field

from billing.domain.customers.balance import Balance
from billing.domain.customers.customer import Address, Customer, CustomField, TaxExempt
from billing.domain.tax.tax_ids import tax_id_status
from billing.schemas.base import (
    Country,
    Currency,
    CustomFieldIn,
    CustomFieldOut,
    CustomFieldsIn,
    Email,
    ExternalId,
    Id,
    Locale,
    Metadata,
    Name,
    NetTermsDays,
    PoNumber,
    Request,
    Resource,
    ShortText,
    Time,
    Timezone,
    unsaid,
)
from billing.services.customers.profiles import NewCustomer


class AddressIn(Request):
    line1: ShortText | None = None
    line2: ShortText | None = None
    city: ShortText | None = None
    postal_code: ShortText | None = None
    state: ShortText | None = None
    country: Country | None = None

    def address(self) -> Address:
        return Address(self.line1, self.line2, self.city, self.postal_code, self.state, self.country)


class AddressOut(Resource):
    line1: str | None
    line2: str | None
    city: str | None
    postal_code: str | None
    state: str | None
    country: str | None

    @classmethod
    def of(cls, address: Address | None) -> "AddressOut | None":
        if address is None:
            return None
        return cls(
            line1=address.line1,
            line2=address.line2,
            city=address.city,
            postal_code=address.postal_code,
            state=address.state,
            country=address.country,
        )


LocaleIn = Annotated[Locale | None, Field(description="the language of its documents; null for the tenant's")]
ZoneIn = Annotated[
    Timezone,
    Field(
        description="what is issued from now on has its dates in this zone; periods that run keep their bounds, and"
        " each subscription goes over with its next one"
    ),
]
ExternalIdIn = Annotated[
    ExternalId | None, Field(description="your own id of the customer, which no other of your customers has")
]
TermsIn = Annotated[NetTermsDays | None, Field(description="null for the tenant's")]


def custom_fields(given: list[CustomFieldIn]) -> tuple[CustomField, ...]:
    """What documents show in lines of their own."""
    return tuple(CustomField(each.name, each.value) for each in given)


def shown_fields(fields: tuple[CustomField, ...]) -> list[CustomFieldOut]:
    """The same, in a response."""
    return [CustomFieldOut(name=each.name, value=each.value) for each in fields]


class CustomerIn(Request):
    name: Name
    email: Email | None = None
    address: AddressIn | None = None
    tax_id: ShortText | None = None
    currency: Currency | None = None
    timezone: Timezone | None = None
    metadata: Metadata = {}
    test_clock_id: Id | None = None
    tax_exempt: Literal["none", "exempt", "reverse"] = "none"
    locale: LocaleIn = None
    net_terms_days: TermsIn = None
    po_number: PoNumber | None = None
    custom_fields: CustomFieldsIn = []
    external_id: ExternalIdIn = None

    def new(self) -> NewCustomer:
        return NewCustomer(
            name=self.name,
            email=self.email,
            address=self.address.address() if self.address else None,
            tax_id=self.tax_id,
            currency=self.currency,
            timezone=self.timezone,
            metadata=self.metadata,
            test_clock_id=self.test_clock_id,
            tax_exempt=TaxExempt(self.tax_exempt),
            locale=self.locale,
            net_terms_days=self.net_terms_days,
            po_number=self.po_number,
            custom_fields=custom_fields(self.custom_fields),
            external_id=self.external_id,
        )


class CustomerChanges(Request):
    """What may be changed of a customer; a field that is not there stays as it is, null clears it."""

    name: Name = ""
    email: Email | None = None
    address: AddressIn | None = None
    tax_id: ShortText | None = None
    metadata: Metadata = {}
    tax_exempt: Literal["none", "exempt", "reverse"] = unsaid()
    locale: LocaleIn = unsaid()
    net_terms_days: TermsIn = unsaid()
    po_number: PoNumber | None = unsaid()
    custom_fields: CustomFieldsIn = unsaid()
    timezone: ZoneIn = unsaid()
    external_id: ExternalIdIn = unsaid()

    def changes(self) -> dict[str, object]:
        found: dict[str, object] = {name: getattr(self, name) for name in self.model_fields_set}
        if self.address is not None:
            found["address"] = self.address.address()
        if "custom_fields" in found:
            found["custom_fields"] = custom_fields(self.custom_fields)
        if "tax_exempt" in found:
            found["tax_exempt"] = TaxExempt(self.tax_exempt)
        return found


class CustomerOut(Resource):
    id: str
    name: str
    email: str | None
    address: AddressOut | None
    tax_id: str | None
    tax_id_status: str | None
    tax_exempt: str
    currency: str
    timezone: str
    metadata: dict[str, str]
    test_clock_id: str | None
    default_payment_method_id: str | None
    locale: str | None
    net_terms_days: int | None
    po_number: str | None
    custom_fields: list[CustomFieldOut]
    external_id: str | None
    created_at: Time
    deleted_at: Annotated[Time | None, Field(description="from then on nothing begins for it any more")]
    erased_at: Annotated[
        Time | None, Field(description="when nothing personal was left of it but the documents that have to be kept")
    ]
    documents_kept_until: Annotated[
        Time | None, Field(description="until when its invoices and credit notes say its name and address")
    ]
    version: int

    @classmethod
    def of(cls, customer: Customer) -> "CustomerOut":
        return cls(
            id=customer.id,
            name=customer.name,
            email=customer.email,
            address=AddressOut.of(customer.address),
            tax_id=customer.tax_id,
            tax_id_status=_tax_id_status(customer),
            tax_exempt=customer.tax_exempt.value,
            currency=customer.currency,
            timezone=customer.timezone,
            metadata=customer.metadata,
            test_clock_id=customer.test_clock_id,
            default_payment_method_id=customer.default_payment_method_id,
            locale=customer.locale,
            net_terms_days=customer.net_terms_days,
            po_number=customer.po_number,
            custom_fields=shown_fields(customer.custom_fields),
            external_id=customer.external_id,
            created_at=customer.created_at,
            deleted_at=customer.deleted_at,
            erased_at=customer.erasure.erased_at if customer.erasure else None,
            documents_kept_until=customer.erasure.documents_until if customer.erasure else None,
            version=customer.version,
        )


class BalanceOut(Resource):
    """What a tenant owes a customer, in micro-units; below zero what its next invoice asks for besides."""

    customer_id: str
    currency: str
    amount: int

    @classmethod
    def of(cls, balance: Balance) -> "BalanceOut":
        return cls(customer_id=balance.id, currency=balance.amount.currency, amount=balance.amount.micros)


def _tax_id_status(customer: Customer) -> str | None:
    """Whether the tax id can be one of the address's country: only a valid one brings reverse charge."""
    if customer.tax_id is None:
        return None
    return tax_id_status(customer.address.country if customer.address else None, customer.tax_id).value
