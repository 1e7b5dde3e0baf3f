"""The product's clients, codes and grants, as Authlib wants to see them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Payload, OAuth2Request

from billing.domain.access.grant import AuthorizationCode, Grant, Presented
from billing.domain.access.oauth_client import GrantType, OAuthClient
from billing.domain.access.scopes import Scope
from billing.services.access.oauth import OAuthError
from billing.services.access.tokens import in_order, scopes_in

_URI = "https://oauth.invalid/"
"""Authlib refuses a request that came by http. It came through API Gateway, by TLS; how it is called there is not its
affair, and the variable that would switch the check off is never set."""


class Payload(OAuth2Payload):  # type: ignore[misc]
    """The parameters of a request: of the body or of the query, never of both."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    @property
    def data(self) -> dict[str, str]:
        return self._values

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return defaultdict(list, {name: [value] for name, value in self._values.items()})


class Request(OAuth2Request):  # type: ignore[misc]
    """A request whose client is authenticated already."""

    def __init__(self, method: str, values: Mapping[str, str], auth_method: str | None = None) -> None:
        super().__init__(method, _URI, headers={})
        self.payload = Payload(values)
        self.auth_method = auth_method

    @property
    def args(self) -> dict[str, str]:
        return {}

    @property
    def form(self) -> dict[str, str]:
        data: dict[str, str] = self.payload.data
        return data


class Client(ClientMixin):  # type: ignore[misc]
    """A client."""

    def __init__(self, of: OAuthClient) -> None:
        self.of = of

    def get_client_id(self) -> str:
        return self.of.id

    def get_default_redirect_uri(self) -> None:
        return None  # it is always named: what is left open is what mix-ups live on

    def get_allowed_scope(self, scope: str | None) -> str | None:
        try:
            asked = scopes_in(scope, with_platform=Scope.PLATFORM in self.of.scopes) or self.of.scopes
        except OAuthError:
            return None
        return " ".join(in_order(asked)) if asked and set(asked) <= set(self.of.scopes) else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return self.of.may_redirect_to(redirect_uri)

    def check_client_secret(self, client_secret: str) -> bool:
        return False  # who comes here is authenticated, or has no secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method == "none") == (self.of.secret_sha256 is None)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and GrantType.AUTHORIZATION_CODE in self.of.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.of.grant_types


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code."""

    of: AuthorizationCode

    code_challenge_method = "S256"

    @property
    def code_challenge(self) -> str:
        """PKCE's."""
        return self.of.challenge

    def get_redirect_uri(self) -> str:
        """The one that was asked with."""
        return self.of.redirect_uri

    def get_scope(self) -> str:
        """What the user allowed."""
        return " ".join(self.of.scopes)


@dataclass(frozen=True, slots=True)
class Credential:
    """A refresh token."""

    of: Grant
    presented: Presented

    def check_client(self, client: Any) -> bool:
        """Whether it is this client's."""
        return bool(client.get_client_id() == self.of.client_id)

    def get_scope(self) -> str:
        """What the user allowed."""
        return " ".join(self.of.scopes)
