"""Tenants and test clocks in the API (contract.md sections 3 and 6)."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

from billing.domain.tenant import Mode, Tenant, Tier
from billing.domain.test_clock import TestClock
from billing.schemas.base import Currency, Email, Name, Request, Resource, ShortText, Time, Timezone
from billing.schemas.customers import AddressIn, AddressOut
from billing.services.tenants import NewTenant


def _not_reserved(value: str) -> str:
    if value.lower() in ("platform", "anonymous"):
        raise PydanticCustomError("reserved", "this id means something else")
    return value


TenantId = Annotated[
    str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_\-]{1,62}[a-zA-Z0-9]$"), AfterValidator(_not_reserved)
]
InvoicePrefix = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9\-]{0,15}$")]


class TenantIn(Request):
    id: TenantId | None = None
    name: Name
    tier: Literal["standard", "enterprise"] = "standard"
    mode: Literal["live", "test"] = "live"
    currency: Currency
    timezone: Timezone = "UTC"
    invoice_prefix: InvoicePrefix | None = None
    legal_name: Name | None = None
    address: AddressIn | None = None
    tax_id: ShortText | None = None
    email: Email | None = None

    def new(self) -> NewTenant:
        return NewTenant(
            id=self.id,
            name=self.name,
            tier=Tier(self.tier),
            mode=Mode(self.mode),
            currency=self.currency,
            timezone=self.timezone,
            invoice_prefix=self.invoice_prefix,
            legal_name=self.legal_name,
            address=self.address.address() if self.address else None,
            tax_id=self.tax_id,
            email=self.email,
        )


class TenantOut(Resource):
    id: str
    name: str
    tier: str
    mode: str
    status: str
    currency: str
    timezone: str
    invoice_prefix: str
    legal_name: str | None
    address: AddressOut | None
    tax_id: str | None
    email: str | None
    tax_provider: str = "none"
    default_customer_id: str
    created_at: Time
    version: int
    api_key: str | None = None

    @classmethod
    def of(cls, tenant: Tenant, api_key: str | None = None) -> "TenantOut":
        return cls(
            id=tenant.id,
            name=tenant.name,
            tier=tenant.tier.value,
            mode=tenant.mode.value,
            status=tenant.status.value,
            currency=tenant.currency,
            timezone=tenant.timezone,
            invoice_prefix=tenant.invoice_prefix,
            legal_name=tenant.legal_name,
            address=AddressOut.of(tenant.address),
            tax_id=tenant.tax_id,
            email=tenant.email,
            default_customer_id=tenant.default_customer_id,
            created_at=tenant.created_at,
            version=tenant.version,
            api_key=api_key,
        )


def _within_reason(value: datetime) -> datetime:
    if not _CLOCKS_FROM <= value < _CLOCKS_UNTIL:
        raise PydanticCustomError("out_of_range", "a year from 1970 to 2499")
    return value


_CLOCKS_FROM, _CLOCKS_UNTIL = datetime(1970, 1, 1, tzinfo=UTC), datetime(2500, 1, 1, tzinfo=UTC)
"""Ids begin with milliseconds since 1970, and a plan's period may take centuries to end."""


class TestClockIn(Request):
    __test__ = False

    frozen_time: Annotated[Time, AfterValidator(_within_reason)]


class TestClockOut(Resource):
    __test__ = False

    id: str
    frozen_time: Time
    status: str
    target_time: Time | None
    created_at: Time
    version: int

    @classmethod
    def of(cls, clock: TestClock) -> "TestClockOut":
        return cls(
            id=clock.id,
            frozen_time=clock.frozen_time,
            status=clock.status.value,
            target_time=clock.target_time,
            created_at=clock.created_at,
            version=clock.version,
        )
