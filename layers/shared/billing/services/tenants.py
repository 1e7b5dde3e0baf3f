"""Tenants: the platform creates them; each begins with a default customer and a first admin key.

Each worker caches a tenant's settings for a minute (``TenantDirectory``), so a change takes a minute to be everywhere.
A setting for which that would be wrong is kept in an item that is read each time: the prefix of the invoice numbers is
in the ``InvoiceSequence``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from billing.domain.access.api_key import ApiKey, first_key_id
from billing.domain.access.caller import digest
from billing.domain.access.key_text import hint
from billing.domain.access.networks import lets_in
from billing.domain.customers.customer import Address, Customer
from billing.domain.kernel.bank import BankDetails
from billing.domain.kernel.errors import AlreadyExists, Forbidden, NotFound, TenantMismatch, ValidationFailed
from billing.domain.kernel.locales import DEFAULT_LOCALE
from billing.domain.tenant import (
    DEFAULT_SCHEDULE_DAYS,
    PLATFORM,
    SETTINGS_ID,
    TENANTS,
    USAGE_FUTURE_S,
    USAGE_PAST_S,
    Branding,
    Contact,
    DunningAction,
    InvoiceSequence,
    Mode,
    TaxProviderName,
    TaxRounding,
    Tenant,
    TenantHead,
    TenantLogo,
    TenantStatus,
    Tier,
)
from billing.services.access.keys import NewText, kind_of
from billing.services.kernel.work import Found, Page, Ref, Window, Work
from billing.services.logos import logo_ref

OF_THE_PLATFORM = ("status", "tier")
"""Fields that a tenant does not change itself."""
"""Settings that the operator decides."""
GUARDS = ("ip_allow_list", "admins_use_authenticator", "refund_reauthentication_above")
"""Settings behind which the others are safe: who could lift them needed no password for the rest."""


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture for documents: its media type, and the file in base64."""

    media_type: str
    content: str


@dataclass(frozen=True, slots=True)
class TenantView:
    """A tenant with what is kept apart from its settings."""

    tenant: Tenant
    logo: TenantLogo | None


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
    branding: Branding = field(default_factory=Branding)
    logo: Logo | None = None
    bank_details: BankDetails | None = None
    net_terms_days: int = 0
    payment_link: str | None = None
    locale: str = DEFAULT_LOCALE
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class Tenants:
    """The use cases.

    Args:
        new_data_key: a fresh data key for a tenant id, wrapped by KMS.
        new_key_text: a random API key of a kind.
    """

    new_data_key: Callable[[str], str]
    new_key_text: NewText

    def create(self, work: Work, new: NewTenant) -> tuple[TenantView, str]:
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
                branding=replace(new.branding, logo_sha256=_digest(new.logo)),
                bank_details=new.bank_details,
                net_terms_days=new.net_terms_days,
                payment_link=new.payment_link,
                locale=new.locale,
                contact=new.contact,
            )
        )
        logo = work.save(_logo_of(tenant_id, None, new.logo)) if new.logo is not None else None
        work.save(default_customer(tenant))
        key = self.new_key_text(kind_of(tenant))
        work.save(_admin_key(work, tenant, key))
        return TenantView(tenant, logo), key

    def get(self, work: Work, tenant_id: str) -> TenantView:
        """A tenant: any of them for the platform, its own for a tenant.

        Raises:
            TenantMismatch: it is another tenant's.
            NotFound: there is none with this id.
        """
        _check_reach(work, tenant_id)
        ref, logo = Ref(Tenant, tenant_id, SETTINGS_ID), logo_ref(tenant_id)
        found = work.load(ref, logo)
        return TenantView(_required(found, tenant_id), found.get(logo))

    def page(self, work: Work, status: TenantStatus | None, window: Window) -> Page[TenantHead]:
        """Tenants, newest first; for the platform."""
        filters = {"status": status.value} if status else {}
        return work.query(window.query(TenantHead, "platform", TENANTS, filters))

    def update(self, work: Work, tenant_id: str, changes: dict[str, Any], address: str | None = None) -> TenantView:
        """The tenant with some settings changed. Its default customer is not: that has a route of its own.

        Args:
            changes: by field name; None clears a field. Of ``branding``, ``marketplace`` and ``portal``, a dict with
                only what changes of them, and the ``logo`` among the first as a ``Logo``.
            address: from where the caller calls; an allow list must not shut its own author out.

        Raises:
            TenantMismatch: it is another tenant's.
            Forbidden: a tenant changes what only the platform may.
            NotFound: there is none with this id.
            ValidationFailed: the platform suspends itself, or an allow list is not the tier's, or shuts the caller out.
        """
        _check_reach(work, tenant_id)
        reserved = [name for name in OF_THE_PLATFORM if name in changes]
        if reserved and work.tenant.id != PLATFORM:
            raise Forbidden(f"Only the platform changes a tenant's {' and '.join(reserved)}")
        if tenant_id == PLATFORM and changes.get("status") is TenantStatus.SUSPENDED:
            raise ValidationFailed.of("status", "the_platform_stays_active")  # nobody could undo it
        ref, logo = Ref(Tenant, tenant_id, SETTINGS_ID), logo_ref(tenant_id)
        found = work.load(ref, logo)
        before = TenantView(_required(found, tenant_id), found.get(logo))
        tenant = before.tenant
        if "ip_allow_list" in changes:
            _check_allow_list(work, tenant, changes, address)
        changed, picture = _branded(work, before, changes)
        if changed == tenant:
            return before
        if changed.invoice_prefix != tenant.invoice_prefix:
            # Also where there is no series yet: a worker that still has the settings of a minute ago would begin it
            # with the old prefix. ACME-000041 is followed by NEW-000042: no gap, nothing twice.
            work.rename_series(InvoiceSequence(tenant_id, changed.invoice_prefix))
        return TenantView(work.save(changed), picture)

    def rotate_data_key(self, work: Work, tenant_id: str) -> Tenant:
        """The tenant with a new data key, under which personal data is sealed from now on.

        What is sealed already stays readable, and is sealed anew where it is written again. A worker that has read
        the tenant a moment ago seals under the key before for a minute more.

        Raises:
            TenantMismatch: it is another tenant's.
            NotFound: there is none with this id.
            InvalidState: it has as many keys as it may.
        """
        _check_reach(work, tenant_id)
        ref = Ref(Tenant, tenant_id, SETTINGS_ID)
        tenant = _required(work.load(ref), tenant_id)
        return work.save(tenant.rotated(self.new_data_key(tenant_id), work.now))


def _required(found: Found, tenant_id: str) -> Tenant:
    """A tenant among what was loaded: all tenants' settings have one id, which names none of them."""
    tenant = found.get(Ref(Tenant, tenant_id, SETTINGS_ID))
    if tenant is None:
        raise NotFound.of(Tenant, tenant_id)
    return tenant


def _check_allow_list(work: Work, tenant: Tenant, changes: dict[str, Any], address: str | None) -> None:
    networks: tuple[str, ...] = changes["ip_allow_list"]
    if not networks:
        return
    if changes.get("tier", tenant.tier) is not Tier.ENTERPRISE:
        raise ValidationFailed.of("ipAllowList", "needs_the_enterprise_tier")
    if work.tenant.id == tenant.id and not lets_in(networks, address):
        raise ValidationFailed.of("ipAllowList", "shuts_out_the_caller")


def _branded(work: Work, before: TenantView, changes: dict[str, Any]) -> tuple[Tenant, TenantLogo | None]:
    """The tenant after its changes, and its logo, staged where that changed."""
    more = dict(changes.get("branding", {}))
    picture = before.logo
    if "logo" in more:
        logo: Logo | None = more.pop("logo")
        more["logo_sha256"] = _digest(logo)
        if more["logo_sha256"] != before.tenant.branding.logo_sha256:
            picture = work.save(_logo_of(before.tenant.id, before.logo, logo))
    branding = replace(before.tenant.branding, **more)
    terms = replace(before.tenant.marketplace, **changes.get("marketplace", {}))
    portal = replace(before.tenant.portal, **changes.get("portal", {}))
    parts = {"branding": branding, "marketplace": terms, "portal": portal}
    return replace(before.tenant, **(changes | parts)), picture


def _logo_of(tenant_id: str, before: TenantLogo | None, logo: Logo | None) -> TenantLogo:
    """The logo as it is stored from now on; without content where it was taken away."""
    stored = before or TenantLogo(tenant_id)
    return replace(stored, media_type=logo.media_type if logo else "", content=logo.content if logo else "")


def _digest(logo: Logo | None) -> str | None:
    """What the settings say of a logo: it changes with the picture, and with it the settings' version."""
    return sha256(f"{logo.media_type},{logo.content}".encode()).hexdigest() if logo is not None else None


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
        id=first_key_id(tenant.id),
        tenant_id=tenant.id,
        key_sha256=digest(key),
        name="first admin key",
        scope="admin",
        minute_limit=tenant.tier.requests_per_minute,
        slot_limit=tenant.tier.requests_per_slot,
        created_at=work.now,
        hint=hint(key),
    )


def _prefix(tenant_id: str) -> str:
    """The numbering prefix of a tenant that chose none: the end of its id, such as ``7K2M9Q``."""
    return tenant_id.rsplit("_", 1)[-1][-6:].upper()
