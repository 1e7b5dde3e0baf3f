"""Whose access tokens are taken: our own, and those of issuers that the operator has named."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from jose.backends.base import Key

from billing.domain import dashboard
from billing.domain.access.caller import client_caller, user_caller
from billing.domain.access.scopes import Scope
from billing.domain.access.signing_keys import SigningKeys
from billing.domain.kernel.errors import Unauthenticated, Unavailable
from billing.domain.tenant import PLATFORM
from billing.integrations import jwt
from billing.services.access.callers import Bearer

_NAME = re.compile(r"(?!\d+$)[A-Za-z0-9_-]{1,128}")
"""What a grant's id has to be: it becomes the name of an attribute."""


@dataclass(frozen=True, slots=True)
class ForeignIssuer:
    """An issuer whose tokens let users of one tenant in.

    Args:
        name: its ``iss``.
        keys_url: where its keys are published.
        audience: what its tokens name as us.
        tenant_id: whose users they are; a token's own ``tid`` counts for nothing.
        scopes: the most that its tokens are worth.
        takes_jwt_type: whether its access tokens may call themselves ``JWT``.
    """

    name: str
    keys_url: str
    audience: str
    tenant_id: str
    scopes: frozenset[Scope]
    takes_jwt_type: bool = False


def foreign_issuers(text: str) -> tuple[ForeignIssuer, ...]:
    """The issuers that a setting names: a JSON array, or nothing.

    Raises:
        ValueError, KeyError: it is not one; a function that cannot know whom to trust does not start.
    """
    found = []
    for each in json.loads(text or "[]"):
        if not each["jwksUrl"].startswith("https://") and not each["jwksUrl"].startswith("http://127.0.0.1:"):
            raise ValueError("an issuer's keys are read over https")
        scopes = frozenset(Scope(scope) for scope in each["scopes"]) - {Scope.PLATFORM}
        found.append(
            ForeignIssuer(
                each["issuer"], each["jwksUrl"], each["audience"], each["tenantId"], scopes,
                bool(each.get("acceptJwtType", False)),
            )
        )  # fmt: skip
    return tuple(found)


class AccessTokens:
    """Signs and verifies; a ``TokenSigner`` and a ``BearerCheck``.

    Args:
        issuer: our own name; empty where the stack issues none.
        keys: gives our keys (fresh ones, if asked so).
        kms: gives botocore's KMS client.
        foreign: other issuers, each with what gives its keys.
    """

    def __init__(
        self,
        issuer: str,
        keys: Callable[[bool], SigningKeys | None],
        kms: Callable[[], Any],
        clock: Callable[[], datetime],
        foreign: tuple[tuple[ForeignIssuer, Callable[[str], Key | None]], ...] = (),
    ) -> None:
        self.issuer = issuer
        self._keys = keys
        self._kms = kms
        self._clock = clock
        self._built: dict[str, Key] = {}
        self._own = jwt.Issuer(issuer, issuer, self._key)
        self._foreign = {each.name: (each, _as_issuer(each, key_of)) for each, key_of in foreign}

    def sign(self, claims: dict[str, Any], now: datetime) -> str:
        """The token of these claims, by the key that signs at this time: the same claims give the same token."""
        keys = self._keys(False)
        if keys is None or not self.issuer:
            raise Unavailable("This stack issues no tokens", retry_after_s=60)
        key = keys.signing(now)
        return jwt.sign(claims, key.kid, jwt.KmsKey(self._kms, key.key_id))

    def claims(self, token: str, now: datetime) -> dict[str, Any]:
        """What a token of our own says."""
        if not self.issuer:
            raise Unauthenticated("The access token is not valid")
        claims = jwt.verify(token, self._own, now)
        if not isinstance(claims.get("tid"), str) or not isinstance(claims.get("client_id"), str):
            raise Unauthenticated("The access token is not valid")
        return claims

    def verify(self, token: str) -> Bearer:
        """Who has this token."""
        now = self._clock()
        foreign = self._foreign.get(jwt.issuer_of(token) or "") if self._foreign else None
        if foreign is not None:
            return _of_foreign(foreign[0], jwt.verify(token, foreign[1], now))
        claims = self.claims(token, now)
        tenant_id, subject, at = claims["tid"], claims["sub"], claims["iat"]
        of_operator = tenant_id == PLATFORM == dashboard.tenant_of(claims["client_id"])
        scopes = _scopes(claims, with_platform=of_operator)
        grant_id = claims.get("gid", claims["jti"])
        if not isinstance(grant_id, str) or not _NAME.fullmatch(grant_id):
            raise Unauthenticated("The access token is not valid")
        if "gid" in claims:
            user, client = user_caller(tenant_id, subject), claims["client_id"]
            # Nobody disables the dashboard: there is nothing to be asked of it.
            client = None if dashboard.tenant_of(client) is not None else client
            entered = claims.get("auth_time")
            return Bearer(tenant_id, subject, user, scopes, grant_id, subject, at, client, claims["exp"], entered)
        own = client_caller(claims["client_id"])
        return Bearer(tenant_id, subject, own, scopes, grant_id, None, at, None, claims["exp"])

    def _key(self, kid: str) -> Key | None:
        now = self._clock()
        keys = self._keys(False)
        found = keys.find(kid, now) if keys is not None else None
        if found is None:
            keys = self._keys(True)
            found = keys.find(kid, now) if keys is not None else None
        if found is None:
            return None
        if kid not in self._built:
            self._built[kid] = jwt.public_key(found.modulus, found.exponent)
        return self._built[kid]


def _as_issuer(foreign: ForeignIssuer, key_of: Callable[[str], Key | None]) -> jwt.Issuer:
    types = jwt.ACCESS_TOKEN_TYPES | ({"jwt"} if foreign.takes_jwt_type else set())
    return jwt.Issuer(foreign.name, foreign.audience, key_of, types)


def _of_foreign(issuer: ForeignIssuer, claims: dict[str, Any]) -> Bearer:
    # Two issuers may both have a "user 7": whoever it is of, the name stands with the issuer's.
    subject = "ext_" + sha256(f"{issuer.name}\n{claims['sub']}".encode(errors="surrogatepass")).hexdigest()[:32]
    token = "ext_" + sha256(f"{issuer.name}\n{claims['jti']}".encode(errors="surrogatepass")).hexdigest()[:32]
    scopes = _scopes(claims) & issuer.scopes
    caller = user_caller(issuer.tenant_id, subject)
    return Bearer(issuer.tenant_id, subject, caller, scopes, token, subject, claims["iat"], None, claims["exp"])


def _scopes(claims: dict[str, Any], *, with_platform: bool = False) -> frozenset[Scope]:
    known = {each.value: each for each in Scope if with_platform or each is not Scope.PLATFORM}
    return frozenset(known[name] for name in claims["scope"].split(" ") if name in known)
