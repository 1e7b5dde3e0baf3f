"""OAuth clients: the programs that act for a tenant, or for its users."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from billing.domain.access.caller import ACTIVE, Caller, client_caller
from billing.domain.access.redirects import matches

BUILT_IN = "dashboard."
"""What the id of a client begins with that nobody has registered: those of registered ones begin with ``cli_``."""


class ClientType(StrEnum):
    CONFIDENTIAL = "confidential"
    """It runs where nobody else can read its secret."""
    PUBLIC = "public"
    """It runs at the user's: it has no secret."""


class GrantType(StrEnum):
    AUTHORIZATION_CODE = "authorization_code"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a grant
    CLIENT_CREDENTIALS = "client_credentials"


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A client.

    Args:
        secret_sha256: of its 256 random bits, which are shown once; None for a public client.
        redirect_uris: exactly where answers may go.
        scopes: the most that a token of its may have.
        status: ``active`` or ``disabled``.
        tokens_after: access tokens that were issued then or before are not let in: it may do less since, or was
            disabled. Its own are refused by its item, those that users gave it by the users' items.
    """

    entity_name: ClassVar[str] = "OauthClient"

    id: str
    tenant_id: str
    name: str
    type: ClientType
    grant_types: tuple[GrantType, ...]
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    created_at: datetime
    secret_sha256: str | None = None
    status: str = ACTIVE
    tokens_after: datetime | None = None
    version: int = 0

    @property
    def caller(self) -> Caller:
        """What the first beat knows of it."""
        return Caller(
            id=client_caller(self.id),
            tenant_id=self.tenant_id,
            principal=self.id,
            created_at=self.created_at,
            status=self.status,
            secret=self.secret_sha256,
            tokens_after=self.tokens_after,
        )

    @property
    def is_active(self) -> bool:
        """Whether it gets anything."""
        return self.status == ACTIVE

    @property
    def is_built_in(self) -> bool:
        """Whether it is a part of the product: nobody is asked for consent, and its grant is the session."""
        return self.id.startswith(BUILT_IN)

    def may_redirect_to(self, uri: str) -> bool:
        """Whether an answer may go there."""
        if self.is_built_in:  # on a port of its own, another program of this machine would get what nobody is asked for
            return uri in self.redirect_uris
        return any(matches(each, uri) for each in self.redirect_uris)
