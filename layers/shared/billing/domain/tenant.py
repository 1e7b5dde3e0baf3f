"""Tenants: who bills. Everything else belongs to exactly one."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar

from billing.domain.access.caller import Limits
from billing.domain.customers.customer import PERSONAL, Address
from billing.domain.kernel.bank import BankDetails
from billing.domain.kernel.errors import InvalidState
from billing.domain.kernel.ids import derived
from billing.domain.kernel.locales import DEFAULT_LOCALE
from billing.domain.kernel.marketplace_terms import DEFAULT_TERMS, MarketplaceTerms
from billing.domain.kernel.money import MICROS_PER_MINOR, Money
from billing.domain.portal import DEFAULT_PORTAL, PortalTerms
from billing.domain.tax.tax_ids import EU_MEMBERS

PLATFORM = "platform"
"""The tenant id of the operator's own credentials and of the plans that every tenant may sell."""

TENANTS = "tenants"
"""The name of the platform's list of them."""

ANONYMOUS = "anonymous"
"""In place of a tenant id where nobody knows who called; no tenant can have the name."""

REFUND_REAUTHENTICATION_ABOVE = 100_000 * MICROS_PER_MINOR
"""Micro-units: 1,000.00 of a currency with two digits, 100,000 of one with none (JPY)."""

USAGE_PAST_S, USAGE_FUTURE_S = 35 * 86_400, 300
"""Usage events may lie 35 days back, because some come late, and five minutes ahead, because some clocks run fast."""


DEFAULT_SCHEDULE_DAYS = (1, 3, 5, 7)


class DunningAction(StrEnum):
    """What becomes of the subscription when no attempt was paid."""

    CANCELED = "canceled"
    PAUSED = "paused"
    LEFT = "left"


class Tier(StrEnum):
    STANDARD = "standard"
    ENTERPRISE = "enterprise"

    @property
    def requests_per_minute(self) -> int:
        """The limits that the REST integration template promises (docs/contract-coverage.md, "Default Limits")."""
        return 10_000 if self is Tier.ENTERPRISE else 1_000

    @property
    def requests_per_slot(self) -> int:
        """A 10-second slot may carry twice its share of the minute: 1,000/min -> 2 * 1000 / 6 = 333."""
        return self.requests_per_minute * 2 // 6

    @property
    def limits(self) -> Limits:
        """Both."""
        return Limits(self.requests_per_minute, self.requests_per_slot)


class Mode(StrEnum):
    LIVE = "live"
    TEST = "test"


class TenantStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


class TaxProviderName(StrEnum):
    """Who calculates tax: nobody (rates are fixed line by line), the built-in table, Stripe Tax, or TaxJar."""

    NONE = "none"
    BUILTIN = "builtin"
    STRIPE = "stripe"
    TAXJAR = "taxjar"


class TaxRounding(StrEnum):
    """What tax is rounded on: each line, or all lines of a document together."""

    LINE = "line"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Branding:
    """How a tenant's documents look, and what they say of it.

    Args:
        color: ``#RRGGBB``.
        footer: below each page.
        legal_line: what the law wants a seller to say of itself: court, register number, managing directors.
        logo_sha256: of the logo's bytes, which are kept apart (``TenantLogo``); None where it has none.
    """

    color: str | None = None
    footer: str | None = None
    legal_line: str | None = None
    logo_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom a buyer asks about an invoice: a person or a department, with a phone number and an e-mail address."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class LaterKey:
    """A data key that came after a tenant's first.

    Args:
        wrapped: as KMS wrapped it (base64).
    """

    wrapped: str
    created_at: datetime


MOST_DATA_KEYS = 100
"""How many a tenant may have: all stay, because a text may be sealed under any of them."""


SETTINGS_ID = "settings"
LOGO_ID = "logo"
INVOICE_SEQUENCE_ID = "invoice"
"""The ids, within a tenant, of its settings, of its logo and of its invoice sequence."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant and its settings. ``data_key`` is wrapped by KMS (base64); it seals the tenant's personal data.

    Args:
        data_key: the first one.
        later_keys: those that came after it, the newest last, which seals what is written from now on.
        grace_period_s: how long the invoice of a renewal stays a draft, which somebody may still look at.
        dunning_schedule_days: days after the first failed charge on which it is tried again, ascending.
        dunning_action: what becomes of the subscription when that is used up.
        tax_rounding: None for the usual where the tenant is, see ``tax_rounded_per``.
        usage_past_s, usage_future_s: how far back and ahead of now the timestamp of a usage event may lie.
        bank_details: where its customers transfer money to; printed on what is to be paid.
        net_terms_days: how many days they have to pay what is not charged to a saved method.
        payment_link: a page to pay an invoice on, a URL in which ``{invoiceId}`` and ``{number}`` stand for these.
        locale: the language of its documents, where the customer has none of its own.
        contact: whom its customers ask; e-invoices say it.
        marketplace: on what terms it sells for other tenants.
        portal: what its customers may do in the portal.
        ip_allow_list: from where its keys and users are let in, as CIDRs; empty from everywhere.
        index_key: the number of the data key under which email addresses are looked up.
        next_index_key: the number of the one under which they will be: what is written is under that one already, and
            what is looked for is looked for under both, until all was indexed anew.
        admins_use_authenticator: whether an admin has to set an authenticator up before allowing a client anything.
        refund_reauthentication_above: micro-units of ``currency``; above it, and in another currency, a refund asks a
            user in the dashboard for the password.
    """

    entity_name: ClassVar[str] = "Tenant"
    only_id: ClassVar[str] = SETTINGS_ID

    id: str
    name: str
    tier: Tier
    mode: Mode
    status: TenantStatus
    currency: str
    timezone: str
    invoice_prefix: str
    data_key: str
    created_at: datetime
    legal_name: str | None = field(default=None, metadata=PERSONAL)
    address: Address | None = field(default=None, metadata=PERSONAL)
    tax_id: str | None = field(default=None, metadata=PERSONAL)
    email: str | None = field(default=None, metadata=PERSONAL)
    grace_period_s: int = 0
    dunning_schedule_days: tuple[int, ...] = DEFAULT_SCHEDULE_DAYS
    dunning_action: DunningAction = DunningAction.CANCELED
    tax_provider: TaxProviderName = TaxProviderName.NONE
    tax_rounding: TaxRounding | None = None
    usage_past_s: int = USAGE_PAST_S
    usage_future_s: int = USAGE_FUTURE_S
    branding: Branding = Branding()
    bank_details: BankDetails | None = field(default=None, metadata=PERSONAL)
    net_terms_days: int = 0
    payment_link: str | None = None
    locale: str = DEFAULT_LOCALE
    contact: Contact | None = field(default=None, metadata=PERSONAL)
    marketplace: MarketplaceTerms = DEFAULT_TERMS
    portal: PortalTerms = DEFAULT_PORTAL
    ip_allow_list: tuple[str, ...] = ()
    admins_use_authenticator: bool = False
    refund_reauthentication_above: int = REFUND_REAUTHENTICATION_ABOVE
    later_keys: tuple[LaterKey, ...] = ()
    index_key: int = 1
    next_index_key: int | None = None
    version: int = 0

    @property
    def data_keys(self) -> tuple[str, ...]:
        """All of them by their numbers, which begin with 1."""
        return (self.data_key, *(each.wrapped for each in self.later_keys))

    @property
    def index_keys(self) -> tuple[int, ...]:
        """The numbers of the keys under which addresses are looked for; what is written is under the first of them."""
        return (self.index_key,) if self.next_index_key is None else (self.next_index_key, self.index_key)

    def rotated(self, wrapped: str, at: datetime) -> "Tenant":
        """With another data key, which seals from now on.

        Raises:
            InvalidState: it has as many as it may.
        """
        if len(self.data_keys) >= MOST_DATA_KEYS:
            raise InvalidState.of("tenant", f"at its data key {MOST_DATA_KEYS}", "given another")
        return replace(self, later_keys=(*self.later_keys, LaterKey(wrapped, at)))

    def is_large_refund(self, total: Money) -> bool:
        """Whether this is more than goes out without the password.

        Args:
            total: with what was refunded of the same payment before: who is to ask for it splits nothing up.
        """
        return total.currency != self.currency or total.micros > self.refund_reauthentication_above

    @property
    def tax_rounded_per(self) -> TaxRounding:
        """What tax is rounded on, if not chosen: the document for a seller in the EU (EN 16931), else the line."""
        if self.tax_rounding is not None:
            return self.tax_rounding
        country = self.address.country_code if self.address else None
        return TaxRounding.DOCUMENT if country in EU_MEMBERS else TaxRounding.LINE

    @property
    def default_customer_id(self) -> str:
        """The customer that stands for the tenant itself; billed where a request names none."""
        return default_customer_id(self.id)


def default_customer_id(tenant_id: str) -> str:
    """Derived from the tenant alone, so that it is known without reading the tenant."""
    return derived("cus", datetime(2026, 1, 1, tzinfo=UTC), "default", tenant_id)


@dataclass(frozen=True, slots=True)
class TenantHead:
    """What the operator sees of a tenant in a list: a part of what is stored of it, and nothing that is sealed."""

    entity_name: ClassVar[str] = "TenantHead"

    id: str
    name: str
    tier: Tier
    mode: Mode
    status: TenantStatus
    currency: str
    timezone: str
    created_at: datetime
    version: int = 0


@dataclass(frozen=True, slots=True)
class TenantLogo:
    """A tenant's logo, apart from its settings: those are read by every worker each minute, this one to print.

    Args:
        media_type: as the file's first bytes say; empty for no logo.
        content: the file, in base64.
    """

    entity_name: ClassVar[str] = "TenantLogo"

    tenant_id: str
    media_type: str = ""
    content: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class InvoiceSequence:
    """A series of invoice numbers, at the one that is an invoice's.

    Args:
        id: which series: the tenant's own, or a test clock's (``domain.clocks.series_id``).
    """

    tenant_id: str
    prefix: str
    next_number: int = 1
    id: str = INVOICE_SEQUENCE_ID

    @property
    def number(self) -> str:
        """Such as ``ACME-000042``."""
        return f"{self.prefix}-{self.next_number:06d}"
