"""The sixth act of `make demo`: who may do what. A person is invited, signs in, and lets an application act for them.

The person reads the mailbox's page and fills in the pages' forms, as a browser does; the application keeps to RFC 6749
and 7636. What each credential may do is asked of the API, and of the audit log at the end.
"""

import base64
import html
import re
import secrets
import uuid
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import requests
from rich import box
from rich.table import Table

from local.client import Client
from local.demo.books import every
from local.demo.seller import Seller
from local.demo.story import console, require, wait_for

SELLER: dict[str, Any] = {"name": "Difference Engines", "mode": "test", "currency": "USD", "invoicePrefix": "DE"}
REDIRECT = "https://portal.example/oauth/done"
PASSWORD = "weaves algebraic patterns"  # noqa: S105 - of the story alone
_TIMEOUT_S = 60.0


class Person:
    """Somebody at a browser: it keeps cookies, fills in forms, and follows no redirect by itself.

    Args:
        api_url: where the pages are.
    """

    def __init__(self, api_url: str) -> None:
        self._api_url = api_url
        self._cookies: dict[str, str] = {}
        self.text = self.location = ""
        self.status = 0

    def go(self, url: str, values: dict[str, str] | None = None) -> None:
        """Open a page, or send a form."""
        # By hand: `__Host-` cookies are Secure, and this stack has no TLS.
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if values is not None:
            headers["Sec-Fetch-Site"] = "same-origin"
        method = "GET" if values is None else "POST"
        answer = requests.request(
            method,
            urljoin(self._api_url, url),
            data=values,
            headers=headers,
            timeout=_TIMEOUT_S,
            allow_redirects=False,
        )
        self._cookies |= answer.cookies.get_dict()
        self.text, self.status = answer.text, answer.status_code
        self.location = answer.headers.get("Location", "")

    def submit(self, action: str, **values: str) -> None:
        """Fill in the form that goes there, with what the page has hidden in it."""
        forms = re.findall(r'<form method="post" action="([^"]+)">(.*?)</form>', self.text, re.S)
        found = [content for target, content in forms if target == action]
        require(bool(found), f"the page has no form for {action}, it answered {self.status}")
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', found[0])
        self.go(action, {name: html.unescape(value) for name, value in hidden} | values)


class Access(Seller):
    """The steps from an invitation to a revocation."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.email = f"ada-{uuid.uuid4().hex[:8]}@example.com"
        self.person = Person(client.stack["api_url"])
        self.app: Any = {}
        self.rows: list[tuple[str, str, str, str]] = []

    def play(self) -> list[tuple[str, str, str, str]]:
        """From the invitation to the audit log; returns who was let in with what."""
        self.step("a tenant invites somebody from its finance department", self._invite)
        self.step("the mail's link, from the mailbox's page; a password of their own", self._accept)
        self.step("an application is registered, for two scopes", self._register)
        code, verifier = self.step("they sign in, and allow it (PKCE, S256)", self._allow)
        tokens = self.step(
            "the code becomes tokens, once; the API knows who acts", lambda: self._redeem(code, verifier)
        )
        tokens = self.step("a refresh; its answer is lost, and comes again", lambda: self._refresh(tokens))
        self.step("an API key is rotated: both work, then the old one ends now", self._rotate)
        self.step("the application lets go: its token is refused at once", lambda: self._revoke(tokens))
        self.step("the audit log has what was let in and what was refused", self._audited)
        self._print()
        return self.rows

    def _invite(self) -> tuple[None, str]:
        self.open_shop(SELLER)
        made = self.client.post("/v1/users", {"email": self.email, "name": "Ada", "role": "finance"})
        require(made["status"] == "invited", f"the user is {made['status']}")
        return None, f"{made['id']}, as {made['role']}"

    def _accept(self) -> tuple[None, str]:
        link = wait_for(self._link, "no mail came")
        self.person.go(link)
        self.person.submit("/oauth2/password", password=PASSWORD)
        require(self.person.status == 200, f"the password was answered with {self.person.status}")
        self.person.go(link)
        require(self.person.status == 400, "the link works a second time")
        return None, "the link has ended with it"

    def _link(self) -> str | None:
        answer = requests.get(
            f"{self.client.stack['api_url']}/_gateway/mailbox",
            headers={"Accept": "application/json"},
            timeout=_TIMEOUT_S,
        )
        mails = [each for each in answer.json() if each["to"] == self.email]
        found = re.search(r"https?://\S+", mails[0]["text"]) if mails else None
        return found[0] if found else None

    def _register(self) -> tuple[None, str]:
        wanted = {
            "name": "Customer portal",
            "type": "confidential",
            "grantTypes": ["authorization_code", "refresh_token"],
            "redirectUris": [REDIRECT],
            "scopes": ["billing:read", "billing:write"],
        }
        self.app = self.client.post("/v1/oauth-clients", wanted)
        return None, f"{self.app['id']}, its secret is shown once"

    def _allow(self) -> tuple[tuple[str, str], str]:
        verifier, state = secrets.token_urlsafe(32), secrets.token_urlsafe(12)
        challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.app["id"],
            "redirect_uri": REDIRECT,
            "scope": "billing:read",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        self.person.go("/oauth2/authorize?" + urlencode(asked))
        self.person.submit("/oauth2/login", email=self.email, password=PASSWORD)
        require(self.person.status == 303, f"the sign-in was answered with {self.person.status}")
        self.person.go(self.person.location)
        self.person.submit("/oauth2/authorize", decision="allow")
        require(self.person.location.startswith(REDIRECT), "the answer goes somewhere else")
        answer = {name: values[0] for name, values in parse_qs(urlsplit(self.person.location).query).items()}
        require(answer.get("state") == state, "the answer is to another request")
        require("iss" in answer, "the answer does not say who gives it")
        return (answer["code"], verifier), f"by {answer['iss']}"

    def _redeem(self, code: str, verifier: str) -> tuple[Any, str]:
        wanted = {"grant_type": "authorization_code", "redirect_uri": REDIRECT, "code": code}
        self._refused({**wanted, "code_verifier": secrets.token_urlsafe(32)}, "invalid_grant")
        tokens = self._tokens({**wanted, "code_verifier": verifier})
        self._seen("token", "reads", 200, self._call("GET", tokens["access_token"]))
        self._seen("token", "writes", 403, self._call("POST", tokens["access_token"]))
        return tokens, f"{tokens['scope']}, for {tokens['expires_in']} s; a wrong verifier got nothing"

    def _refresh(self, tokens: Any) -> tuple[Any, str]:
        wanted = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        second, again = self._tokens(wanted), self._tokens(wanted)
        require(second["refresh_token"] != tokens["refresh_token"], "the refresh token was not rotated")
        require(again["access_token"] == second["access_token"], "the answer that came again is another one")
        self._seen("token, refreshed", "reads", 200, self._call("GET", second["access_token"]))
        return second, "the same successor, byte for byte"

    def _rotate(self) -> tuple[None, str]:
        made = self.client.post("/v1/api-keys", {"name": "billing server", "scope": "read"})
        first = self.client.post(f"/v1/api-keys/{made['id']}/rotate", {"overlapSeconds": 3600})
        self._seen("key, rotated with an hour's overlap", "reads", 200, self._with_key(made["key"]))
        self._seen("its successor", "reads", 200, self._with_key(first["key"]))
        second = self.client.post(f"/v1/api-keys/{first['id']}/rotate", {"overlapSeconds": 0})
        self._seen("the successor, leaked: rotated without", "reads", 401, self._with_key(first["key"]))
        self._seen("the one after it", "reads", 200, self._with_key(second["key"]))
        return None, f"{made['key'][:12]}... to {second['key'][:12]}..."

    def _revoke(self, tokens: Any) -> tuple[None, str]:
        answer = self._form("/oauth2/revoke", {"token": tokens["refresh_token"]})
        require(answer.status_code == 200, f"the revocation was answered with {answer.status_code}")
        self._seen("token, revoked", "reads", 401, self._call("GET", tokens["access_token"]))
        self._refused({"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}, "invalid_grant")
        return None, "access tokens included, though they would have lived an hour"

    def _audited(self) -> tuple[None, str]:
        rows = every(self.client, "/v1/audit-log?limit=100")
        found = {(each["route"], each["status"]) for each in rows}
        wanted = {
            ("POST /oauth2/login", 303),
            ("POST /oauth2/token", 200),
            ("POST /oauth2/token", 400),
            ("POST /v1/customers", 403),
        }
        require(wanted <= found, f"rows are missing: {sorted(wanted - found)}")
        return None, f"{len(rows)} rows, {sum(each['status'] >= 400 for each in rows)} of them refusals"

    # What an application sends

    def _form(self, path: str, values: dict[str, str]) -> requests.Response:
        return requests.post(
            self.client.stack["api_url"] + path,
            data=values,
            auth=(self.app["id"], self.app["secret"]),
            timeout=_TIMEOUT_S,
        )

    def _tokens(self, values: dict[str, str]) -> Any:
        answer = self._form("/oauth2/token", values)
        require(answer.status_code == 200, f"the token endpoint answered {answer.status_code}: {answer.text[:200]}")
        return answer.json()

    def _refused(self, values: dict[str, str], error: str) -> None:
        answer = self._form("/oauth2/token", values)
        require(answer.json().get("error") == error, f"the token endpoint answered {answer.status_code}")

    def _call(self, method: str, token: str) -> int:
        """A read or a write with a token; its status."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid.uuid4().hex}
        body = None if method == "GET" else {"name": "Somebody"}
        url = self.client.stack["api_url"] + "/v1/customers"
        return requests.request(method, url, json=body, headers=headers, timeout=_TIMEOUT_S).status_code

    def _with_key(self, key: str) -> int:
        return Client(self.client.stack, key=key).call("GET", "/v1/customers").status

    # What came of it

    def _seen(self, credential: str, does: str, expected: int, status: int) -> None:
        require(status == expected, f"{credential} {does}: {status} instead of {expected}")
        self.rows.append((credential, does, str(status), "let in" if status < 300 else "refused"))

    def _print(self) -> None:
        table = Table("With", "what", "status", "", box=box.SIMPLE_HEAD)
        for credential, does, status, result in self.rows:
            table.add_row(credential, does, status, f"[{'green' if result == 'let in' else 'red'}]{result}[/]")
        console.print(table)
