"""Tenants in the API."""

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from billing.domain.kernel.errors import ValidationFailed
from billing.domain.kernel.locales import DEFAULT_LOCALE
from billing.domain.kernel.money import LARGEST_AMOUNT
from billing.domain.tenant import (
    ANONYMOUS,
    DEFAULT_SCHEDULE_DAYS,
    PLATFORM,
    USAGE_FUTURE_S,
    USAGE_PAST_S,
    DunningAction,
    Mode,
    TaxProviderName,
    TaxRounding,
    Tenant,
    TenantHead,
    TenantStatus,
    Tier,
)
from billing.schemas.access.networks import Network
from billing.schemas.base import (
    Currency,
    Email,
    Immutable,
    Locale,
    Name,
    NetTermsDays,
    Request,
    Resource,
    ShortText,
    Time,
    Timezone,
    unsaid,
)
from billing.schemas.branding import (
    BankDetailsIn,
    BankDetailsOut,
    BrandingIn,
    BrandingOut,
    ContactIn,
    ContactOut,
    PaymentLink,
)
from billing.schemas.customers import AddressIn, AddressOut
from billing.schemas.marketplace.settings import MarketplaceIn, MarketplaceOut
from billing.schemas.portal import PortalIn, PortalOut
from billing.services.tenants import NewTenant, TenantView


def _not_reserved(value: str) -> str:
    if value.lower() in (PLATFORM, ANONYMOUS):
        raise PydanticCustomError("reserved", "this id means something else")
    return value


TenantId = Annotated[
    str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_\-]{1,62}[a-zA-Z0-9]$"), AfterValidator(_not_reserved)
]
InvoicePrefix = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9\-]{0,15}$")]
_MOST_NETWORKS = 100
_LONGEST_GRACE_S = 30 * 86_400
_LONGEST_PAST_S, _LONGEST_FUTURE_S = 60 * 86_400, 86_400


def _ascending(days: list[int]) -> list[int]:
    if any(later <= earlier for earlier, later in pairwise(days)):
        raise PydanticCustomError("must_ascend", "each day is after the one before")
    return days


TierIn = Literal["standard", "enterprise"]
GracePeriodIn = Annotated[int, Field(ge=0, le=_LONGEST_GRACE_S, description="seconds; 30 days at most")]
TaxProviderIn = Literal["none", "builtin", "stripe", "taxjar"]
TaxRoundingIn = Annotated[
    Literal["line", "document"] | None,
    Field(
        description="what tax is rounded on: each line, or all lines of an invoice together. null for the usual:"
        " `document` if the tenant's address is in the EU (EN 16931), else `line`. A tax provider's own amounts stay."
    ),
]
RefundLimitIn = Annotated[
    int,
    Field(
        ge=0,
        le=LARGEST_AMOUNT,
        description="micro-units of the tenant's currency: a refund with which more than this has gone back of a"
        " payment, and any in another currency, asks a user in the dashboard for the password",
    ),
]
ScheduleDays = Annotated[list[Annotated[int, Field(ge=1, le=60)]], Field(max_length=10), AfterValidator(_ascending)]


class DunningIn(Request):
    """When a failed charge is tried again, in days after its first failure, and what comes after the last try.

    Where it is changed, what is not said stays as it is.
    """

    schedule_days: ScheduleDays = list(DEFAULT_SCHEDULE_DAYS)
    action: Literal["canceled", "paused", "left"] = "canceled"

    def changes(self) -> dict[str, Any]:
        """What is said, by the tenant's field names."""
        found: dict[str, Any] = {}
        if "schedule_days" in self.model_fields_set:
            found["dunning_schedule_days"] = tuple(self.schedule_days)
        if "action" in self.model_fields_set:
            found["dunning_action"] = DunningAction(self.action)
        return found


class UsageWindowIn(Request):
    """How far back and ahead of now the time of a usage event may lie.

    Where it is changed, what is not said stays as it is.
    """

    past_seconds: Annotated[int, Field(ge=0, le=_LONGEST_PAST_S, description="60 days at most")] = USAGE_PAST_S
    future_seconds: Annotated[int, Field(ge=0, le=_LONGEST_FUTURE_S, description="a day at most")] = USAGE_FUTURE_S

    def changes(self) -> dict[str, Any]:
        """What is said, by the tenant's field names."""
        names = {"past_seconds": "usage_past_s", "future_seconds": "usage_future_s"}
        return {names[name]: getattr(self, name) for name in self.model_fields_set}


class TenantIn(Request):
    id: TenantId | None = None
    name: Name
    tier: TierIn = "standard"
    mode: Literal["live", "test"] = "live"
    currency: Currency
    timezone: Timezone = "UTC"
    invoice_prefix: InvoicePrefix | None = None
    legal_name: Name | None = None
    address: AddressIn | None = None
    tax_id: ShortText | None = None
    email: Email | None = None
    grace_period_seconds: GracePeriodIn = 0
    dunning: DunningIn = Field(default_factory=DunningIn)
    tax_provider: TaxProviderIn = "none"
    tax_rounding: TaxRoundingIn = None
    usage_window: UsageWindowIn = Field(default_factory=UsageWindowIn)
    branding: BrandingIn = Field(default_factory=BrandingIn)
    bank_details: BankDetailsIn | None = None
    net_terms_days: NetTermsDays = 0
    payment_link: PaymentLink | None = None
    locale: Locale = DEFAULT_LOCALE
    contact: ContactIn | None = None

    def new(self) -> NewTenant:
        """The tenant that is asked for.

        Raises:
            ValidationFailed: its fields contradict each other.
        """
        _check(self.bank_details)
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
            grace_period_s=self.grace_period_seconds,
            dunning_schedule_days=tuple(self.dunning.schedule_days),
            dunning_action=DunningAction(self.dunning.action),
            tax_provider=TaxProviderName(self.tax_provider),
            tax_rounding=TaxRounding(self.tax_rounding) if self.tax_rounding else None,
            usage_past_s=self.usage_window.past_seconds,
            usage_future_s=self.usage_window.future_seconds,
            branding=self.branding.branding(),
            logo=self.branding.logo,
            bank_details=self.bank_details.details() if self.bank_details else None,
            net_terms_days=self.net_terms_days,
            payment_link=self.payment_link,
            locale=self.locale,
            contact=self.contact.contact() if self.contact else None,
        )


class TenantChanges(Request):
    """What may be changed of a tenant; a field that is not there stays as it is, null clears a personal one."""

    name: Name = unsaid()
    legal_name: Name | None = unsaid()
    address: AddressIn | None = unsaid()
    tax_id: ShortText | None = unsaid()
    email: Email | None = unsaid()
    currency: Currency = unsaid()
    timezone: Timezone = unsaid()
    invoice_prefix: InvoicePrefix = unsaid()
    grace_period_seconds: GracePeriodIn = unsaid()
    dunning: DunningIn = unsaid()
    tax_provider: TaxProviderIn = unsaid()
    tax_rounding: TaxRoundingIn = unsaid()
    usage_window: UsageWindowIn = unsaid()
    branding: BrandingIn = unsaid()
    bank_details: BankDetailsIn | None = unsaid()
    net_terms_days: NetTermsDays = unsaid()
    payment_link: PaymentLink | None = unsaid()
    locale: Locale = unsaid()
    contact: ContactIn | None = unsaid()
    marketplace: MarketplaceIn = unsaid()
    portal: PortalIn = unsaid()
    ip_allow_list: Annotated[
        list[Network],
        Field(
            max_length=_MOST_NETWORKS,
            description="from where its keys and users are let in, in the enterprise tier; from everywhere if empty."
            " The caller's own address has to be among them",
        ),
    ] = unsaid()
    admins_use_authenticator: Annotated[
        bool, Field(description="an admin sets an authenticator up before a client gets anything in their name")
    ] = unsaid()
    refund_reauthentication_above: RefundLimitIn = unsaid()
    tier: Annotated[TierIn, Field(description="only by the platform")] = unsaid()
    status: Annotated[Literal["active", "suspended"], Field(description="only by the platform")] = unsaid()
    id: Immutable = None
    mode: Immutable = None

    def changes(self) -> dict[str, Any]:
        """The changed fields by their names in the domain.

        Raises:
            ValidationFailed: they contradict each other.
        """
        _check(self.bank_details)
        found: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        if self.address is not None:
            found["address"] = self.address.address()
        if self.bank_details is not None:
            found["bank_details"] = self.bank_details.details()
        if self.contact is not None:
            found["contact"] = self.contact.contact()
        for name in ("branding", "marketplace", "portal"):
            if name in found:
                found[name] = found[name].changes()
        if self.ip_allow_list is not None:
            found["ip_allow_list"] = tuple(dict.fromkeys(self.ip_allow_list))
        if "grace_period_seconds" in found:
            found["grace_period_s"] = found.pop("grace_period_seconds")
        for name in ("dunning", "usage_window"):
            if name in found:
                found |= found.pop(name).changes()
        if found.get("tax_rounding") is not None:
            found["tax_rounding"] = TaxRounding(found["tax_rounding"])
        kinds: dict[str, Any] = {"tax_provider": TaxProviderName, "tier": Tier, "status": TenantStatus}
        return {name: kinds[name](value) if name in kinds else value for name, value in found.items()}


def _check(bank: BankDetailsIn | None) -> None:
    bad = bank.bad() if bank is not None else []
    if bad:
        raise ValidationFailed(", ".join(f"{each.field}: {each.reason}" for each in bad), tuple(bad))


class DunningOut(Resource):
    schedule_days: list[int]
    action: str


class UsageWindowOut(Resource):
    past_seconds: int
    future_seconds: int


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
    grace_period_seconds: int
    dunning: DunningOut
    tax_provider: str
    tax_rounding: str
    usage_window: UsageWindowOut
    branding: BrandingOut
    bank_details: BankDetailsOut | None
    net_terms_days: int
    payment_link: str | None
    locale: str
    contact: ContactOut | None
    marketplace: MarketplaceOut
    portal: PortalOut
    ip_allow_list: list[str]
    admins_use_authenticator: bool
    refund_reauthentication_above: int
    default_customer_id: str
    created_at: Time
    version: int
    api_key: str | None = None

    @classmethod
    def of(cls, view: TenantView, api_key: str | None = None) -> "TenantOut":
        tenant = view.tenant
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
            grace_period_seconds=tenant.grace_period_s,
            dunning=DunningOut(schedule_days=list(tenant.dunning_schedule_days), action=tenant.dunning_action.value),
            tax_provider=tenant.tax_provider.value,
            tax_rounding=tenant.tax_rounded_per.value,
            usage_window=UsageWindowOut(past_seconds=tenant.usage_past_s, future_seconds=tenant.usage_future_s),
            branding=BrandingOut.of(tenant.branding, view.logo),
            bank_details=BankDetailsOut.of(tenant.bank_details),
            net_terms_days=tenant.net_terms_days,
            payment_link=tenant.payment_link,
            locale=tenant.locale,
            contact=ContactOut.of(tenant.contact),
            marketplace=MarketplaceOut.of(tenant.marketplace),
            portal=PortalOut.of(tenant.portal),
            ip_allow_list=list(tenant.ip_allow_list),
            admins_use_authenticator=tenant.admins_use_authenticator,
            refund_reauthentication_above=tenant.refund_reauthentication_above,
            default_customer_id=tenant.default_customer_id,
            created_at=tenant.created_at,
            version=tenant.version,
            api_key=api_key,
        )


class TenantHeadOut(Resource):
    """A tenant in the platform's list; nothing personal."""

    id: str
    name: str
    tier: str
    mode: str
    status: str
    currency: str
    timezone: str
    created_at: Time
    version: int

    @classmethod
    def of(cls, head: TenantHead) -> "TenantHeadOut":
        """A tenant."""
        return cls(
            id=head.id,
            name=head.name,
            tier=head.tier.value,
            mode=head.mode.value,
            status=head.status.value,
            currency=head.currency,
            timezone=head.timezone,
            created_at=head.created_at,
            version=head.version,
        )


class DataKeyOut(Resource):
    """The newest data key of a tenant, without what it is."""

    id: Annotated[str, Field(description="the tenant's")]
    number: Annotated[int, Field(description="how many it has had, this one included")]
    created_at: Time
    version: Annotated[int, Field(description="the tenant's")]

    @classmethod
    def of(cls, tenant: Tenant) -> "DataKeyOut":
        made_at = tenant.later_keys[-1].created_at if tenant.later_keys else tenant.created_at
        return cls(id=tenant.id, number=len(tenant.data_keys), created_at=made_at, version=tenant.version)
