"""Tenants: the platform creates them; each begins with a default customer and a first admin key."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from billing.domain.customer import Address, Customer
from billing.domain.errors import AlreadyExists, TenantMismatch
from billing.domain.tenant import (
    PLATFORM,
    SETTINGS_ID,
    ApiKey,
    Mode,
    Tenant,
    TenantStatus,
    Tier,
)
from billing.services.ports import Ref, Work


@dataclass(frozen=True, slots=True)
class NewTenant:
    """What the platform says of a new tenant."""

    name: str
    tier: Tier
    mode: Mode
    currency: str
    timezone: str
    id: str | None = None
    invoice_prefix: str | None = None
    legal_name: str | None = None
    address: Address | None = None
    tax_id: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Tenants:
    """The use cases.

    Args:
        new_data_key: a fresh data key for a tenant id, wrapped by KMS.
        new_secret: a random API key.
    """

    new_data_key: Callable[[str], str]
    new_secret: Callable[[], str]

    def create(self, work: Work, new: NewTenant) -> tuple[Tenant, str]:
        """A new tenant with its default customer, and the key of its first admin, which is shown this once.

        Raises:
            AlreadyExists: the id is taken.
        """
        tenant_id = new.id or work.fresh_id("ten")
        ref = Ref(Tenant, tenant_id, SETTINGS_ID)
        if work.load(ref).get(ref) is not None:
            raise AlreadyExists(f"There is a tenant {tenant_id} already")
        tenant = work.save(
            Tenant(
                id=tenant_id,
                name=new.name,
                tier=new.tier,
                mode=new.mode,
                status=TenantStatus.ACTIVE,
                currency=new.currency,
                timezone=new.timezone,
                invoice_prefix=new.invoice_prefix or _prefix(tenant_id),
                data_key=self.new_data_key(tenant_id),
                created_at=work.now,
                legal_name=new.legal_name,
                address=new.address,
                tax_id=new.tax_id,
                email=new.email,
            )
        )
        work.save(default_customer(tenant))
        key = self.new_secret()
        work.save(_admin_key(work, tenant, key))
        return tenant, key

    def get(self, work: Work, tenant_id: str) -> Tenant:
        """A tenant: any of them for the platform, its own for a tenant.

        Raises:
            TenantMismatch: it is another tenant's.
            NotFound: there is none with this id.
        """
        if work.tenant.id not in (PLATFORM, tenant_id):
            raise TenantMismatch("The path names another tenant")
        ref = Ref(Tenant, tenant_id, SETTINGS_ID)
        return work.load(ref).require(ref)


def default_customer(tenant: Tenant) -> Customer:
    """The customer that stands for the tenant itself (contract.md section 1)."""
    return Customer(
        id=tenant.default_customer_id,
        tenant_id=tenant.id,
        name=tenant.legal_name or tenant.name,
        email=tenant.email,
        address=tenant.address,
        tax_id=tenant.tax_id,
        currency=tenant.currency,
        timezone=tenant.timezone,
        created_at=tenant.created_at,
    )


def _admin_key(work: Work, tenant: Tenant, key: str) -> ApiKey:
    return ApiKey(
        id=work.fresh_id("key"),
        tenant_id=tenant.id,
        key_sha256=sha256(key.encode()).hexdigest(),
        name="first admin key",
        scope="admin",
        minute_limit=tenant.tier.requests_per_minute,
        slot_limit=tenant.tier.requests_per_slot,
        created_at=work.now,
    )


def _prefix(tenant_id: str) -> str:
    """The numbering prefix of a tenant that chose none: the end of its id, such as ``7K2M9Q``."""
    return tenant_id.rsplit("_", 1)[-1][-6:].upper()
