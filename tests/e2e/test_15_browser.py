"""Issue 15: sign-in, consent, refusal and authenticator in Chromium, against the deployed stack.

PICTURES=docs/screenshots writes the pages there, for their readers.
"""

import base64
import os
import re
import secrets
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pyotp
import pytest
import requests

from tests.e2e.chromium import Chromium, NoBrowser
from tests.e2e.conftest import Seller, Stack, soon
from tests.e2e.npm import FOLDER, installed

PASSWORD = "weaves algebraic patterns"
EMAIL = "ada@example.com"
IP = "198.51.100.15"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


class Application(ThreadingHTTPServer):
    """A program on the user's machine that waits for the answer (RFC 8252, 7.3)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Listener)
        self.came: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def redirect_uri(self) -> str:
        """Where the answer is to go."""
        return f"http://127.0.0.1:{self.server_address[1]}/done"

    def answer(self) -> dict[str, str]:
        """The answer that has come; it is there once."""
        soon(lambda: self.came)
        assert len(self.came) == 1
        return dict(parse_qsl(urlsplit(self.came.pop()).query))


class _Listener(BaseHTTPRequestHandler):
    """Keeps what comes; has a page, too, whose form it sends on to wherever it is told."""

    server: Application

    def do_GET(self) -> None:
        if self.path.startswith("/done"):
            self.server.came.append(self.path)
        self._say(200, "<h1>Back in the application</h1>" if self.path.startswith("/done") else "")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say(303, "", Location=urlsplit(self.path).query)

    def _say(self, status: int, text: str, **headers: str) -> None:
        target = urlsplit(self.path).query
        body = (text or f'<h1>Form</h1><form method="post" action="/on?{target}"><button>Go</button></form>').encode()
        self.send_response(status)
        policy = "form-action 'self'" if self.path.startswith("/strict") else "default-src 'none'"
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", policy)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def application() -> Iterator[Application]:
    with Application() as server:
        yield server
        server.shutdown()


@pytest.fixture
def browser() -> Iterator[Chromium]:
    try:
        made = Chromium(IP)
    except NoBrowser as reason:
        pytest.skip(str(reason))
    yield made
    made.close()


@dataclass
class Visit:
    """A tenant with one user, and an application that wants something of it."""

    stack: Stack
    client_id: str
    application: Application
    email: str
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @classmethod
    def to(cls, stack: Stack, application: Application, browser: Chromium, **settings: Any) -> "Visit":
        """Invite somebody, who chooses a password in the browser; register the application."""
        seller = Seller.new(stack, "Difference Engines")
        if settings:  # before anybody is there: functions keep what they know of a tenant for a minute
            assert seller.client.call("PATCH", f"/v1/tenants/{seller.tenant_id}", settings).status == 200
        email = f"ada-{uuid.uuid4().hex[:8]}@example.com"
        seller.client.post("/v1/users", {"email": email, "name": "Ada", "role": "admin"})
        wanted = {
            "name": "Customer portal",
            "type": "public",
            "grantTypes": ["authorization_code", "refresh_token"],
            "redirectUris": ["http://127.0.0.1/done"],
            "scopes": ["billing:read", "billing:write"],
        }
        client = seller.client.post("/v1/oauth-clients", wanted)
        visit = cls(stack, client["id"], application, email)
        browser.go(visit.link())
        assert browser.heading == "Choose a password"
        browser.fill("New password", PASSWORD)
        browser.press("Set the password")
        assert browser.heading == "Done"
        return visit

    def link(self) -> str:
        """The link in the mail."""
        headers = {"Accept": "application/json"}
        mails = requests.get(f"{self.stack.api_url}/_gateway/mailbox", headers=headers, timeout=60).json()
        found = re.search(r"https?://\S+", next(each["text"] for each in mails if each["to"] == self.email))
        assert found
        return found[0]

    @property
    def start(self) -> str:
        """Where the application sends the browser."""
        challenge = base64.urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.application.redirect_uri,
            "scope": "billing:read",
            "state": "a state & more",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self.stack.api_url}/oauth2/authorize?{urlencode(asked)}"

    def sign_in(self, browser: Chromium, password: str = PASSWORD, code: str = "") -> None:
        """Fill the page in."""
        assert browser.heading == "Sign in"
        browser.fill("Email", self.email)
        browser.fill("Password", password)
        if code:
            browser.fill("Code", code)
        browser.press("Sign in")

    def reads(self, code: str) -> int:
        """The status of a read with the token of a code."""
        values = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.application.redirect_uri,
            "client_id": self.client_id,
            "code_verifier": self.verifier,
        }
        answer = requests.post(f"{self.stack.api_url}/oauth2/token", data=values, timeout=60)
        assert answer.status_code == 200, answer.text
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return requests.get(f"{self.stack.api_url}/v1/customers", headers=headers, timeout=60).status_code


def pictured(browser: Chromium, name: str) -> None:
    """Keep the page, where somebody wants to see it."""
    folder = os.environ.get("PICTURES")
    if folder:
        browser.picture(Path(folder) / f"{name}.png")


def accessible(browser: Chromium) -> None:
    """The page keeps WCAG 2.2 AA as far as a program can tell (axe)."""
    if installed() is None:
        return
    browser.run((FOLDER / "node_modules" / "axe-core" / "axe.min.js").read_text())
    found = browser.run_async(f"axe.run(document, {{runOnly: {LEVELS}}}).then(arguments[arguments.length - 1])")
    assert found["violations"] == [], found["violations"]
    assert len(found["passes"]) > 5, "axe has looked at nothing"


def test_15_somebody_signs_in_and_allows_an_application(
    stack: Stack, application: Application, browser: Chromium
) -> None:
    """Scenario 11: after "Allow" Chromium is at the application, with a code that gets tokens; no policy was broken."""
    visit = Visit.to(stack, application, browser)
    browser.go(visit.start)
    accessible(browser)
    visit.sign_in(browser, password="weaves something else")
    assert (browser.heading, browser.alert) == ("Sign in", "Address, password or code is not right.")
    accessible(browser)
    pictured(browser, "sign-in")
    visit.sign_in(browser)
    assert browser.heading == "Allow access?"
    for said in ("Customer portal", visit.email, "read customers, subscriptions, invoices and payments"):
        assert said in browser.text
    assert "change customers" not in browser.text  # what it is registered for, and has not asked for now
    accessible(browser)
    pictured(browser, "consent")
    style = "return getComputedStyle(document.querySelector('button')).backgroundColor"
    assert browser.run(style) == "rgb(11, 79, 158)"  # its policy lets the page's own style through
    for cookie in browser.cookies():
        assert cookie["name"].startswith("__Host-")
        assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
    browser.press("Allow")
    assert browser.heading == "Back in the application"
    answer = application.answer()
    assert (answer["state"], answer["iss"]) == ("a state & more", stack.api_url)
    assert visit.reads(answer["code"]) == 200
    # The 403 of the wrong password is all that the console has to say.
    assert [each for each in browser.complaints() if "403" not in each] == []


def test_15_somebody_refuses_and_signs_out(stack: Stack, application: Application, browser: Chromium) -> None:
    """The application learns of the refusal and gets no code; whoever has signed out is asked again."""
    visit = Visit.to(stack, application, browser)
    browser.go(visit.start)
    visit.sign_in(browser)
    browser.press("Do not allow")
    assert browser.heading == "Back in the application"
    answer = application.answer()
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "a state & more", stack.api_url)
    assert "code" not in answer
    browser.go(visit.start)
    # Still signed in: SameSite=Lax lets a link from elsewhere have the cookie.
    assert browser.heading == "Allow access?"
    browser.press("Sign out")
    assert browser.heading == "Signed out"
    browser.go(visit.start)
    assert browser.heading == "Sign in"
    assert browser.complaints() == []


def test_15_an_admin_needs_an_authenticator(stack: Stack, application: Application, browser: Chromium) -> None:
    """Where the tenant wants it: first it is set up, then allowed; and from then on a password alone is not enough."""
    visit = Visit.to(stack, application, browser, adminsUseAuthenticator=True)
    browser.go(visit.start)
    visit.sign_in(browser)
    assert browser.heading == "Set an authenticator up"
    accessible(browser)
    pictured(browser, "authenticator")
    found = re.search(r"^[A-Z2-7]{32}$", browser.text, re.M)
    assert found
    codes = pyotp.TOTP(found[0])
    step = int(time.time()) // 30
    browser.fill("Code that it shows", codes.generate_otp(step))
    browser.press("Confirm")
    assert browser.heading == "Done"
    browser.go(visit.start)
    assert browser.heading == "Allow access?"
    browser.press("Sign out")
    browser.go(visit.start)
    visit.sign_in(browser)
    assert browser.alert == "Address, password or code is not right."
    visit.sign_in(browser, code=codes.generate_otp(step))
    assert browser.alert == "Address, password or code is not right."  # each code is good once
    visit.sign_in(browser, code=codes.generate_otp(max(step + 1, int(time.time()) // 30)))
    assert browser.heading == "Allow access?"
    browser.press("Allow")
    assert visit.reads(application.answer()["code"]) == 200


def test_15_this_browser_does_stop_a_redirect_that_no_policy_names(application: Application, browser: Chromium) -> None:
    """That the first test shows something: the same way out, under a policy that does not name it, leads nowhere."""
    with Application() as other:
        browser.go(f"{application.redirect_uri.removesuffix('/done')}/strict?{other.redirect_uri}")
        browser.press("Go", leaves=False)
        soon(lambda: any("form-action" in each for each in browser.complaints()))
        assert other.came == []
        other.shutdown()
