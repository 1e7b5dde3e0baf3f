"""Ports of the OAuth server, as the endpoints see it; the library that knows the protocol is behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from billing.domain.access.grant import Session
from billing.domain.access.oauth_client import OAuthClient
from billing.domain.access.user import User
from billing.services.access.oauth import OAuthAnswer, OAuthError
from billing.services.kernel.work import Work


@dataclass(frozen=True, slots=True)
class ClientAuthentication:
    """How a client says who it is.

    Args:
        method: ``client_secret_basic``, ``client_secret_post`` or ``none``.
    """

    client_id: str
    secret: str | None
    method: str


class AuthorizationRefused(OAuthError):
    """An authorization request that cannot be; the client hears of it where its redirect URI is known to be its own."""

    def __init__(self, error: str, redirect_uri: str | None = None) -> None:
        super().__init__(error)
        self.redirect_uri = redirect_uri


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What a client asks a user for.

    Args:
        challenge: PKCE's, S256.
        state: the client's own; it comes back as it was.
        is_silent: that no page may be shown (``prompt=none``, OpenID Connect Core 3.1.2.1).
    """

    client: OAuthClient
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    state: str | None
    is_silent: bool = False


class AuthorizationServer(Protocol):
    """OAuth 2, apart from HTTP."""

    def token(self, work: Work, client: OAuthClient, how: ClientAuthentication, form: Mapping[str, str]) -> OAuthAnswer:
        """What ``/oauth2/token`` answers to an authenticated client."""

    def revoke(
        self, work: Work, client: OAuthClient, how: ClientAuthentication, form: Mapping[str, str]
    ) -> OAuthAnswer:
        """What ``/oauth2/revoke`` answers to an authenticated client."""

    def introspect(self, work: Work, client: OAuthClient, form: Mapping[str, str]) -> OAuthAnswer:
        """What ``/oauth2/introspect`` answers to an authenticated client."""

    def request(self, client: OAuthClient, query: Mapping[str, str]) -> AuthorizationRequest:
        """What a client asks for at ``/oauth2/authorize``.

        Raises:
            AuthorizationRefused: it cannot be asked for.
        """

    def allow(self, work: Work, asked: AuthorizationRequest, user: User, session: Session | None = None) -> str:
        """The user allows it: where the browser goes, with a code.

        Args:
            session: of the browser; what is built in acts under it.
        """

    def is_of_session(self, work: Work, token: str, session: Session) -> bool:
        """Whether this is a good access token of what is built in, in the browser of this session."""

    def error_uri(self, asked_uri: str, error: str, state: str | None) -> str:
        """Where the browser goes with an error."""
