"""The credential of a request: an API key or an access token, and never both."""

from collections.abc import Mapping
from dataclasses import dataclass

from billing.domain.access import key_text
from billing.domain.kernel.errors import (
    BillingError,
    Forbidden,
    ReauthenticationRequired,
    Unauthenticated,
    ValidationFailed,
)
from billing.edge.http import step_up

_BEARER = "bearer"


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request identifies itself with; at most one of them."""

    key: str = ""
    token: str | None = None


def presented(headers: Mapping[str, str]) -> Presented:
    """The credential of a request.

    Args:
        headers: by lower-case name; API Gateway joins those that came twice with a comma, which no credential has.

    Raises:
        ValidationFailed: there are two. Which of them is meant, only the caller can know.
        Unauthenticated: there is none.
    """
    key, token = headers.get("x-api-key"), _token(headers.get("authorization") or "")
    if key and token is not None:
        raise ValidationFailed.of("authorization", "more_than_one_credential", "Send a key or a token, not both")
    for name, value in (("x-api-key", key), ("authorization", token)):
        if value and "," in value:
            raise ValidationFailed.of(name, "more_than_one_credential", f"Send one {name} header")
    if token is not None:
        return Presented(token=token)
    if not key:
        raise Unauthenticated("An X-API-Key header or an access token (Authorization: Bearer) is required")
    if not key_text.is_possible(key):  # nothing of ours: the database need not be asked
        raise Unauthenticated("The API key is unknown or revoked")
    return Presented(key=key)


def _token(authorization: str) -> str | None:
    """The token of a Bearer header; None for another scheme, which a proxy or a ``.netrc`` may have added."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == _BEARER else None


def challenge(error: BillingError, headers: Mapping[str, str], needs: str | None) -> str | None:
    """The WWW-Authenticate header of an error (RFC 6750, 3; RFC 9470, 3); None for one that has none.

    Args:
        needs: the scope that the route asks for.
    """
    has_token = _token(headers.get("authorization") or "") is not None
    if isinstance(error, ReauthenticationRequired):
        return f'Bearer error="insufficient_user_authentication", max_age="{step_up.WITHIN_S}"'
    if isinstance(error, Unauthenticated):
        return 'Bearer error="invalid_token"' if has_token else "Bearer"
    if type(error) is Forbidden and has_token and needs:
        return f'Bearer error="insufficient_scope", scope="{needs}"'
    return None
