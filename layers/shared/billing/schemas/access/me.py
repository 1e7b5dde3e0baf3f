"""Who calls: the shape in which a caller is told."""

from typing import Annotated, Literal

from pydantic import Field

from billing.domain.access.scopes import Scope
from billing.domain.access.user import User
from billing.domain.tenant import Tenant
from billing.schemas.base import Resource, Time
from billing.services.access.callers import Identity

_REFUNDING = frozenset({Scope.PAYMENTS_PROCESS, Scope.BILLING_ADMIN})
"""With which a refund or a credit note can be made."""


class OwnUserOut(Resource):
    """The user whose token it is."""

    id: str
    email: str
    name: str | None
    role: str

    @classmethod
    def of(cls, user: User) -> "OwnUserOut":
        """A user."""
        return cls(id=user.id, email=user.email, name=user.name, role=user.role.value)


class OwnTenantOut(Resource):
    """The caller's tenant: what is needed to show its figures and times, and nothing personal."""

    id: str
    name: str
    mode: str
    tier: str
    status: str
    currency: str
    time_zone: str
    locale: str
    invoice_prefix: str
    net_terms_days: int
    tax_provider: str
    color: Annotated[str | None, Field(description="of its documents")]
    admins_use_authenticator: bool
    refund_reauthentication_above: Annotated[
        int | None,
        Field(description="micro-units that go back of a payment without the password; null for who may not refund"),
    ]
    default_customer_id: str
    created_at: Time

    @classmethod
    def of(cls, tenant: Tenant, scopes: frozenset[Scope]) -> "OwnTenantOut":
        """A tenant, as its settings of a minute ago say, to a caller who may do this."""
        refunds = bool(scopes & _REFUNDING)
        return cls(
            id=tenant.id,
            name=tenant.name,
            mode=tenant.mode.value,
            tier=tenant.tier.value,
            status=tenant.status.value,
            currency=tenant.currency,
            time_zone=tenant.timezone,
            locale=tenant.locale,
            invoice_prefix=tenant.invoice_prefix,
            net_terms_days=tenant.net_terms_days,
            tax_provider=tenant.tax_provider.value,
            color=tenant.branding.color,
            admins_use_authenticator=tenant.admins_use_authenticator,
            refund_reauthentication_above=tenant.refund_reauthentication_above if refunds else None,
            default_customer_id=tenant.default_customer_id,
            created_at=tenant.created_at,
        )


class MeOut(Resource):
    credential: Literal["user", "key", "client"]
    principal: Annotated[str, Field(description="the id of the user, the key or the client, as the audit log has it")]
    user: Annotated[OwnUserOut | None, Field(description="null for a key and a client, and for another issuer's user")]
    scopes: list[str]
    tenant: OwnTenantOut
    authenticated_at: Annotated[
        Time | None, Field(description="when the user last entered the password; known in the dashboard alone")
    ]
    expires_at: Annotated[Time | None, Field(description="until when the credential is good; null without an end")]

    @classmethod
    def of(cls, identity: Identity, user: User | None, tenant: Tenant) -> "MeOut":
        """Who calls, for whom."""
        return cls(
            credential=identity.credential,
            principal=identity.principal,
            user=OwnUserOut.of(user) if user is not None else None,
            scopes=[each.value for each in Scope if each in identity.scopes],
            tenant=OwnTenantOut.of(tenant, identity.scopes),
            authenticated_at=identity.authenticated_at,
            expires_at=identity.expires_at,
        )
