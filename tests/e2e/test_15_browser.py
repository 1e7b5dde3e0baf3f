"""Issue 15: sign-in, consent, refusal and authenticator in Chromium, against the deployed stack.

PICTURES=docs/screenshots writes the pages there, for their readers.
"""

import base64
import re
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pyotp
import pytest
import requests

from tests.e2e.browser import Tab, Visitors
from tests.e2e.conftest import Seller, Stack, soon
from tests.e2e.people import Person


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
def browser(visitors: Visitors) -> Tab:
    """One visitor's tab, as small as the pages are."""
    return visitors.tab(size=(640, 760))


@dataclass
class Visit:
    """A tenant with one user, and an application that wants something of it."""

    stack: Stack
    client_id: str
    application: Application
    person: Person
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @classmethod
    def to(cls, stack: Stack, application: Application, browser: Tab, **settings: Any) -> "Visit":
        """Invite somebody, who chooses a password in the browser; register the application."""
        seller = Seller.new(stack, "Difference Engines")
        if settings:  # before anybody is there: functions keep what they know of a tenant for a minute
            assert seller.client.call("PATCH", f"/v1/tenants/{seller.tenant_id}", settings).status == 200
        wanted = {
            "name": "Customer portal",
            "type": "public",
            "grantTypes": ["authorization_code", "refresh_token"],
            "redirectUris": ["http://127.0.0.1/done"],
            "scopes": ["billing:read", "billing:write"],
        }
        client = seller.client.post("/v1/oauth-clients", wanted)
        return cls(stack, client["id"], application, Person.of(stack, seller, browser))

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


def test_15_somebody_signs_in_and_allows_an_application(stack: Stack, application: Application, browser: Tab) -> None:
    """Scenario 11: after "Allow" Chromium is at the application, with a code that gets tokens; no policy was broken."""
    visit = Visit.to(stack, application, browser)
    browser.go(visit.start)
    browser.is_accessible()
    visit.person.sign_in(browser, password="weaves something else")
    assert (browser.heading, browser.alert) == ("Sign in", "Address, password or code is not right.")
    browser.is_accessible()
    browser.picture("sign-in")
    visit.person.sign_in(browser)
    assert browser.heading == "Allow access?"
    for said in ("Customer portal", visit.person.email, "read customers, subscriptions, invoices and payments"):
        assert said in browser.text
    assert "change customers" not in browser.text  # what it is registered for, and has not asked for now
    browser.is_accessible()
    browser.picture("consent")
    style = "getComputedStyle(document.querySelector('button')).backgroundColor"
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


def test_15_somebody_refuses_and_signs_out(stack: Stack, application: Application, browser: Tab) -> None:
    """The application learns of the refusal and gets no code; whoever has signed out is asked again."""
    visit = Visit.to(stack, application, browser)
    browser.go(visit.start)
    visit.person.sign_in(browser)
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


def test_15_an_admin_needs_an_authenticator(stack: Stack, application: Application, browser: Tab) -> None:
    """Where the tenant wants it: first it is set up, then allowed; and from then on a password alone is not enough."""
    visit = Visit.to(stack, application, browser, adminsUseAuthenticator=True)
    browser.go(visit.start)
    visit.person.sign_in(browser)
    assert browser.heading == "Set an authenticator up"
    browser.is_accessible()
    browser.picture("authenticator")
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
    visit.person.sign_in(browser)
    assert browser.alert == "Address, password or code is not right."
    visit.person.sign_in(browser, code=codes.generate_otp(step))
    assert browser.alert == "Address, password or code is not right."  # each code is good once
    assert [each for each in browser.complaints() if "403" not in each] == []
    visit.person.sign_in(browser, code=codes.generate_otp(max(step + 1, int(time.time()) // 30)))
    assert browser.heading == "Allow access?"
    browser.press("Allow")
    assert visit.reads(application.answer()["code"]) == 200


def test_15_this_browser_does_stop_a_redirect_that_no_policy_names(application: Application, browser: Tab) -> None:
    """That the first test shows something: the same way out, under a policy that does not name it, leads nowhere."""
    with Application() as other:
        browser.go(f"{application.redirect_uri.removesuffix('/done')}/strict?{other.redirect_uri}")
        browser.press("Go", leaves=False)
        stopped: list[str] = []
        soon(lambda: stopped.extend(browser.complaints()) or len(stopped) > 1)  # the console's line, and the event
        assert all("form-action" in each for each in stopped)
        assert other.came == []
        other.shutdown()
