"""Tenants: the platform creates them; each begins with a default customer and a first admin key.

Each worker caches a tenant's settings for a minute (``TenantDirectory``), so a change takes a minute to be everywhere.
A setting for which that would be wrong is kept in an item that is read each time: the prefix of the invoice numbers is
in the ``InvoiceSequence``.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from billing.domain.customers.customer import Address, Customer
from billing.domain.kernel.errors import AlreadyExists, Forbidden, TenantMismatch, ValidationFailed
from billing.domain.tenant import (
    DEFAULT_SCHEDULE_DAYS,
    INVOICE_SEQUENCE_ID,
    PLATFORM,
    SETTINGS_ID,
    USAGE_FUTURE_S,
    USAGE_PAST_S,
    ApiKey,
    DunningAction,
    InvoiceSequence,
    Mode,
    TaxProviderName,
    TaxRounding,
    Tenant,
    TenantStatus,
    Tier,
)
from billing.services.kernel.work import Ref, Work

_OF_THE_PLATFORM = ("status", "tier")
"""Settings that the operator decides."""


@dataclass(frozen=True, slots=True)
class NewTenant:
    """A new tenant as the platform describes it."""

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
    grace_period_s: int = 0
    dunning_schedule_days: tuple[int, ...] = DEFAULT_SCHEDULE_DAYS
    dunning_action: DunningAction = DunningAction.CANCELED
    tax_provider: TaxProviderName = TaxProviderName.NONE
    tax_rounding: TaxRounding | None = None
    usage_past_s: int = USAGE_PAST_S
    usage_future_s: int = USAGE_FUTURE_S


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
        """Create a tenant with its default customer and its first admin's key, which is shown only now.

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
                grace_period_s=new.grace_period_s,
                dunning_schedule_days=new.dunning_schedule_days,
                dunning_action=new.dunning_action,
                tax_provider=new.tax_provider,
                tax_rounding=new.tax_rounding,
                usage_past_s=new.usage_past_s,
                usage_future_s=new.usage_future_s,
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
        _check_reach(work, tenant_id)
        ref = Ref(Tenant, tenant_id, SETTINGS_ID)
        return work.load(ref).require(ref)

    def update(self, work: Work, tenant_id: str, changes: dict[str, Any]) -> Tenant:
        """The tenant with some settings changed. Its default customer is not: that has a route of its own.

        Args:
            changes: by field name; None clears a field.

        Raises:
            TenantMismatch: it is another tenant's.
            Forbidden: a tenant changes what only the platform may.
            NotFound: there is none with this id.
            ValidationFailed: the platform suspends itself.
        """
        _check_reach(work, tenant_id)
        reserved = [name for name in _OF_THE_PLATFORM if name in changes]
        if reserved and work.tenant.id != PLATFORM:
            raise Forbidden(f"Only the platform changes a tenant's {' and '.join(reserved)}")
        if tenant_id == PLATFORM and changes.get("status") is TenantStatus.SUSPENDED:
            raise ValidationFailed.of("status", "the_platform_stays_active")  # nobody could undo it
        ref = Ref(Tenant, tenant_id, SETTINGS_ID)
        numbers = Ref(InvoiceSequence, tenant_id, INVOICE_SEQUENCE_ID)
        found = work.load(ref, numbers) if "invoice_prefix" in changes else work.load(ref)
        tenant = found.require(ref)
        changed = replace(tenant, **changes)
        if changed == tenant:
            return tenant
        if changed.invoice_prefix != tenant.invoice_prefix:
            # If there is no sequence yet it begins here: a worker that still has the settings of a minute ago
            # would begin it with the old prefix. ACME-000041 is followed by NEW-000042: no gap, nothing twice.
            sequence = found.get(numbers) or InvoiceSequence(tenant_id, changed.invoice_prefix)
            work.save(replace(sequence, prefix=changed.invoice_prefix))
        return work.save(changed)


def _check_reach(work: Work, tenant_id: str) -> None:
    if work.tenant.id not in (PLATFORM, tenant_id):
        raise TenantMismatch("The path names another tenant")


def default_customer(tenant: Tenant) -> Customer:
    """The customer that stands for the tenant itself; a request that names no customer bills this one."""
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
