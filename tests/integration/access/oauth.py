"""OAuth clients and users of a tenant under test, and what they send."""

import base64
import secrets
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from billing.bootstrap import oauth as oauth_bootstrap
from billing.bootstrap import storage
from billing.domain.access.oauth_client import OAuthClient
from billing.domain.access.user import Role, User, UserStatus
from billing.services.kernel.work import Ref
from tests.integration.world import Answer, Json, Tenant, World, http_event, request

REDIRECT = "https://app.example/done"
CODE = {"grantTypes": ["authorization_code", "refresh_token"], "redirectUris": [REDIRECT]}
MACHINE = {"grantTypes": ["client_credentials"]}
FORM = "application/x-www-form-urlencoded"


def basic(user: str, password: str) -> dict[str, str]:
    """HTTP Basic."""
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def form(
    path: str, body: Any = None, *, headers: dict[str, str] | None = None, query: str = "", method: str = "POST"
) -> Answer:
    """Post a form; a dict, pairs, or a text as it is."""
    text = body if isinstance(body, str | bytes) or body is None else urlencode(body)
    event = http_event(method, path, body=text, query=query, headers={"content-type": FORM, **(headers or {})})
    return request(event)


@dataclass(frozen=True)
class App:
    """A registered client."""

    tenant: Tenant
    data: Json

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.data["id"])

    @property
    def who(self) -> dict[str, str]:
        """How it says who it is, in the body."""
        secret = self.data["secret"]
        return {"client_id": self.id} | ({"client_secret": secret} if secret else {})

    def token(self, **parameters: str) -> Answer:
        """Ask for tokens."""
        return form("/oauth2/token", {**self.who, **parameters})

    def tokens(self, user: User, scope: str | None = None) -> Json:
        """Tokens for a user who has allowed it."""
        code, verifier = self.code(user, scope)
        return ok(self.redeem(code, verifier))

    def redeem(self, code: str, verifier: str, **more: str) -> Answer:
        """Turn a code into tokens."""
        parameters = {"grant_type": "authorization_code", "redirect_uri": REDIRECT}
        return self.token(**{**parameters, "code": code, "code_verifier": verifier, **more})

    def refresh(self, refresh_token: str, **more: str) -> Answer:
        """Ask for fresh tokens."""
        return self.token(grant_type="refresh_token", refresh_token=refresh_token, **more)

    def asking(self, scope: str | None = None, **changes: str | None) -> tuple[dict[str, str], str]:
        """The parameters of an authorization request, and the verifier that belongs to them."""
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code", "client_id": self.id, "redirect_uri": REDIRECT, "state": "s 1",
            "code_challenge": challenge, "code_challenge_method": "S256", "scope": scope, **changes,
        }  # fmt: skip
        return {name: value for name, value in query.items() if value is not None}, verifier

    def code(self, user: User, scope: str | None = None) -> tuple[str, str]:
        """A code that a user allowed, and its verifier; without the pages."""
        query, verifier = self.asking(scope)
        unit = storage.units().begin(self.tenant.id)
        ref = Ref(OAuthClient, self.tenant.id, self.id)
        server = oauth_bootstrap.oauth_server()
        uri = server.allow(unit, server.request(unit.load(ref).require(ref), query), user)
        unit.commit()
        answer = parse_qs(urlsplit(uri).query)
        assert answer["iss"] == ["https://billing.example"]
        return answer["code"][0], verifier

    def bearer(self, access_token: str) -> "Bearer":
        """A caller with a token."""
        return Bearer(self.tenant, access_token)


@dataclass(frozen=True)
class Bearer:
    """A caller with an access token instead of a key."""

    tenant: Tenant
    token: str

    def get(self, path: str, **headers: str) -> Answer:
        """A read."""
        return request(http_event("GET", path, headers={"authorization": f"Bearer {self.token}", **headers}))

    def post(self, path: str, body: str, **headers: str) -> Answer:
        """A write."""
        named = {"authorization": f"Bearer {self.token}", **headers}
        return request(http_event("POST", path, body=body, idempotency_key=secrets.token_hex(8), headers=named))


def app(tenant: Tenant, **fields: Any) -> App:
    """A new client: confidential, for users, with two scopes."""
    body = {"name": "App", "type": "confidential", "scopes": ["billing:read", "billing:write"], **CODE, **fields}
    made = tenant.post("/v1/oauth-clients", body)
    assert made.status == 201, made.json
    return App(tenant, made.data)


def machine(tenant: Tenant, **fields: Any) -> App:
    """A new client that acts for itself."""
    return app(tenant, **{**MACHINE, "redirectUris": [], **fields})


def user(world: World, tenant: Tenant, role: Role = Role.ADMIN, **fields: Any) -> User:
    """An active user, without the invitation."""
    unit = storage.units().begin(tenant.id)
    values: dict[str, Any] = {"email": "ada@example.com", "name": "Ada", "status": UserStatus.ACTIVE}
    made = User(id=unit.fresh_id("usr"), tenant_id=tenant.id, role=role, created_at=world.clock(), **values | fields)
    saved: User = unit.save(made)
    unit.commit()
    return saved


def changed(tenant: Tenant, user: User, **fields: Any) -> User:
    """The user with something changed."""
    unit = storage.units().begin(tenant.id)
    ref = Ref(User, tenant.id, user.id)
    saved: User = unit.save(replace(unit.load(ref).require(ref), **fields))
    unit.commit()
    return saved


def ok(answer: Answer) -> Json:
    """The body of a good answer."""
    assert answer.status == 200, answer.json
    body: Json = answer.json
    return body


def refused(answer: Answer, error: str, status: int = 400) -> None:
    """An error of RFC 6749, which says nothing of what was sent."""
    assert (answer.status, answer.json["error"]) == (status, error)
    assert answer.headers["Cache-Control"] == "no-store"


def later(world: World, **delta: float) -> None:
    """Let time pass."""
    world.clock.advance(**delta)
