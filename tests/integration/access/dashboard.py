"""The dashboard's page, as far as its sign-in goes: it asks for codes and tokens, and keeps the last token."""

import base64
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import urlencode

from tests.integration.access.browser import PASSWORD, Browser, answer_of
from tests.integration.access.oauth import Bearer, form, ok
from tests.integration.world import Answer, Json, Tenant

HERE = "https://billing.example/dashboard/"
JSON = "application/json"


@dataclass
class Dashboard:
    """The page of one tenant in one browser.

    Args:
        tokens: the answer of the token endpoint, the last one.
    """

    tenant: Tenant
    browser: Browser = field(default_factory=Browser)
    tokens: Json = field(default_factory=dict)
    verifier: str = ""

    @property
    def client_id(self) -> str:
        """Its id as a client."""
        return f"dashboard.{self.tenant.id}"

    @property
    def bearer(self) -> Bearer:
        """What the page calls the API with."""
        return Bearer(self.tenant, self.tokens["access_token"])

    def url(self, **changes: str | None) -> str:
        """Where the page sends the browser for a code."""
        self.verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": HERE, "state": "s 1",
            "code_challenge": challenge, "code_challenge_method": "S256", **changes,
        }  # fmt: skip
        return "/oauth2/authorize?" + urlencode({name: value for name, value in query.items() if value is not None})

    def asks(self, **changes: str | None) -> Answer:
        """Send the browser for a code."""
        return self.browser.get(self.url(**changes))

    def redeem(self, code: str) -> Answer:
        """Ask for a token."""
        asked = {
            "grant_type": "authorization_code", "client_id": self.client_id, "redirect_uri": HERE, "code": code,
            "code_verifier": self.verifier,
        }  # fmt: skip
        return form("/oauth2/token", asked)

    def renews(self) -> str:
        """Get another token without a page; returns the code that it came of."""
        answer = answer_of(self.asks(prompt="none"))
        self.tokens = ok(self.redeem(answer["code"]))
        return answer["code"]

    def signs_in(self, email: str = "ada@example.com", password: str = PASSWORD, code: str = "") -> "Dashboard":
        """Sign the user in, and get the first token."""
        self.asks()
        signed_in = self.browser.submit("/oauth2/login", email=email, password=password, code=code)
        assert signed_in.status == 303, signed_in.content
        answer = answer_of(self.browser.get(signed_in.headers["Location"]))
        self.tokens = ok(self.redeem(answer["code"]))
        return self

    def signs_out(self, token: str | None = None, **headers: str) -> Answer:
        """Sign out, as the page does."""
        values = {"token": self.tokens["access_token"] if token is None else token}
        return self.browser.post("/oauth2/logout", values, accept=JSON, **headers)

    def reads(self) -> int:
        """The status of a call of the API."""
        return self.bearer.get("/v1/customers").status
