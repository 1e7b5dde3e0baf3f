"""Clients of a shop's tenant and a user, what they send to the OAuth server, and calls with their tokens."""

import base64
import json
import secrets
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from benchmarks.events import http_event
from benchmarks.shop import Json, Refused, Shop

REDIRECT = "https://app.example/done"
_BOTH = ["billing:read", "billing:write"]


class Client:
    """A confidential client.

    Args:
        grant_types: what it may do.
    """

    def __init__(self, shop: Shop, *grant_types: str) -> None:
        self.shop = shop
        body: Json = {"name": "App", "type": "confidential", "grantTypes": list(grant_types), "scopes": _BOTH}
        if "authorization_code" in grant_types:
            body["redirectUris"] = [REDIRECT]
        self.data = shop.call("users", "POST", "/v1/oauth-clients", body)
        pair = f"{self.data['id']}:{self.data['secret']}"
        self._basic = "Basic " + base64.b64encode(pair.encode()).decode()

    def send(self, path: str, **values: str) -> Any:
        """The answer of an endpoint.

        Raises:
            Refused: it is an error.
        """
        headers = {"authorization": self._basic, "content-type": "application/x-www-form-urlencoded"}
        answer = self.shop.invoke("oauth", http_event("POST", path, headers=headers, raw=urlencode(values)))
        if answer["statusCode"] != 200:
            raise Refused(f"{path}: {answer['statusCode']} {answer['body'][:300]}")
        return json.loads(answer["body"])

    def own_token(self) -> str:
        """A token with which it acts for itself."""
        return str(self.send("/oauth2/token", grant_type="client_credentials")["access_token"])

    def redeem(self, code: str, verifier: str) -> Json:
        """The tokens of a code."""
        values = {"grant_type": "authorization_code", "redirect_uri": REDIRECT}
        made: Json = self.send("/oauth2/token", **values, code=code, code_verifier=verifier)
        return made

    def refresh(self, refresh_token: str) -> Json:
        """The next tokens."""
        made: Json = self.send("/oauth2/token", grant_type="refresh_token", refresh_token=refresh_token)
        return made


class Person:
    """An active user, made without an invitation: passwords are slow on purpose."""

    def __init__(self, shop: Shop) -> None:
        from billing.bootstrap import process, storage
        from billing.domain.access.user import Role, User, UserStatus

        unit = storage.units().begin(shop.tenant_id)
        self._user = unit.save(
            User(
                id=unit.fresh_id("usr"),
                tenant_id=shop.tenant_id,
                role=Role.ADMIN,
                created_at=process.now(),
                email="ada@example.test",
                name="Ada",
                status=UserStatus.ACTIVE,
            )
        )
        unit.commit()
        self._tenant_id = shop.tenant_id

    def allow(self, client: Client) -> tuple[str, str]:
        """A code for a client, and its verifier; without the pages."""
        from billing.bootstrap import oauth, storage
        from billing.domain.access.oauth_client import OAuthClient
        from billing.services.kernel.work import Ref

        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": client.data["id"],
            "redirect_uri": REDIRECT,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        unit = storage.units().begin(self._tenant_id)
        ref = Ref(OAuthClient, self._tenant_id, client.data["id"])
        server = oauth.oauth_server()
        answer = server.allow(unit, server.request(unit.load(ref).require(ref), asked), self._user)
        unit.commit()
        return parse_qs(urlsplit(answer).query)["code"][0], verifier


def call(shop: Shop, token: str, method: str, path: str, body: Json | None = None) -> None:
    """A call of the API with a token.

    Raises:
        Refused: it was not successful.
    """
    headers = {"authorization": f"Bearer {token}"}
    if method != "GET":
        headers["idempotency-key"] = secrets.token_hex(16)
    answer = shop.invoke("customers", http_event(method, path, headers=headers, body=body))
    if answer["statusCode"] >= 300:
        raise Refused(f"{method} {path}: {answer['statusCode']} {answer['body'][:300]}")
