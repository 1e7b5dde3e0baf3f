"""Issue 18: the dashboard's own sign-in, in Chromium, against answers that each test thinks out: no stack is asked."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.e2e.browser import Tab, Visitors

SOURCES = Path(__file__).parents[2] / "dashboard"
PAGE = b'<!doctype html><div id="app"></div><script type="module" src="/dashboard/main.js"></script>'
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
AGAIN = "auth.reauthentication_required"
WRITE = """async () => {
  const { call } = await import("/dashboard/lib/api.js");
  const sent = call("POST", "/v1/things", { body: {}, key: "k" });
  return sent.then((answer) => answer.status, (error) => error.code || error.status);
}"""
STATE = '() => import("/dashboard/lib/session.js").then((its) => its.state.value)'


def _token(user: str) -> str:
    said = base64.urlsafe_b64encode(json.dumps({"sub": user}).encode()).decode().rstrip("=")
    return f"head.{said}.signature"


class Answer(NamedTuple):
    """What goes back."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})


@dataclass
class Issuer:
    """What the page asks, and what it is answered.

    Args:
        user: who is signed in in this browser; nobody where it is empty.
        silence: the status instead of an answer to a silent question.
        refusals: the codes with which the calls that follow are refused.
        asked: methods and paths, with the token's user.
    """

    user: str = "usr_ada"
    silence: int = 0
    refusals: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, url: str, authorization: str) -> Answer:
        """What comes of one request."""
        parts = urlsplit(url)
        if (
            parts.path.startswith("/dashboard/")
            and (file := SOURCES / parts.path.removeprefix("/dashboard/")).is_file()
        ):
            return Answer(200, file.read_bytes(), {"Content-Type": TYPES[file.suffix]})
        if parts.path == "/oauth2/authorize":
            return self._authorize({name: each[0] for name, each in parse_qs(parts.query).items()})
        if parts.path == "/oauth2/token":
            return _json({"access_token": _token(self.user), "expires_in": 900})
        if parts.path.startswith("/oauth2/"):
            self.asked.append(f"{method} {parts.path}")
            return Answer(204)
        if parts.path.startswith("/v1/"):
            return self._api(method, parts.path, authorization)
        return Answer(200, PAGE, {"Content-Type": "text/html"})

    def _authorize(self, query: dict[str, str]) -> Answer:
        if "prompt" not in query:
            return Answer(200, b"<h1>Sign in</h1>", {"Content-Type": "text/html"})
        if self.silence:
            return _json({}, self.silence)
        said = {"code": "c"} if self.user else {"error": "login_required"}
        return Answer(303, b"", {"Location": f"{query['redirect_uri']}?{urlencode({**said, 'state': query['state']})}"})

    def _api(self, method: str, path: str, authorization: str) -> Answer:
        user = json.loads(base64.urlsafe_b64decode(authorization.split(".")[1] + "=="))["sub"]
        if path == "/v1/me":
            tenant = {"id": "ten_1", "name": "Acme", "timeZone": "UTC", "currency": "USD", "locale": "en"}
            who = {"id": user, "email": "a@example.com", "name": user, "role": "admin"}
            return _json({"data": {"user": who, "scopes": ["billing:read"], "tenant": tenant}})
        if path != "/v1/things":
            return _json({"data": []})
        self.asked.append(f"{method} {path} {user}")
        code = self.refusals.pop(0) if self.refusals else None
        return _json({"data": {}, "error": {"code": code}}, 401 if code else 200)


def _json(body: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """It listens at `issuer.url`."""
    made = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = made.answer(self.command, self.path, self.headers.get("Authorization", ""))
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def tab(issuer: Issuer, visitors: Visitors) -> Tab:
    """The dashboard, open."""
    made = visitors.tab()
    made.page.clock.install()
    made.go(f"{issuer.url}/dashboard/ten_1/nothing-here")
    made.page.get_by_text("usr_ada").wait_for()
    return made


def test_18_another_user_of_this_browser_does_nothing_from_the_page_of_the_first(tab: Tab, issuer: Issuer) -> None:
    """Ada's page is open; Bob has signed in in another tab. What Ada's page sends is not sent as Bob."""
    issuer.user = "usr_bob"
    issuer.refusals = [AGAIN]
    tab.page.evaluate(f"() => {{ globalThis.written = ({WRITE})(); }}")
    tab.fill("Password", "correct horse battery")
    tab.press("Go on", leaves=False)
    tab.page.get_by_role("heading", name="You are signed out").wait_for()
    assert issuer.asked == ["POST /v1/things usr_ada", "POST /oauth2/reauthenticate"]
    tab.complaints()


def test_18_too_many_requests_sign_nobody_out(tab: Tab, issuer: Issuer) -> None:
    """A network that called too often, or no answer: the sign-in is as good as before."""
    for status in (429, 503):
        issuer.silence = status
        issuer.refusals = ["auth.expired"]
        assert tab.run(WRITE) == "auth.expired"
        assert tab.run(STATE) == "in"
    tab.complaints()


def test_18_too_many_requests_at_the_beginning_are_told(issuer: Issuer, visitors: Visitors) -> None:
    issuer.silence = 429
    made = visitors.tab()
    made.go(f"{issuer.url}/dashboard/ten_1/")
    made.page.get_by_role("heading", name="That did not work").wait_for()
    assert "Wait a minute" in made.text
    made.complaints()


def test_18_two_calls_that_need_the_password_ask_for_it_once(tab: Tab, issuer: Issuer) -> None:
    issuer.refusals = [AGAIN, AGAIN]
    tab.page.evaluate(f"() => {{ globalThis.written = Promise.all([({WRITE})(), ({WRITE})()]); }}")
    tab.fill("Password", "correct horse battery")
    tab.press("Go on", leaves=False)
    assert tab.run("() => globalThis.written") == [200, 200]
    assert issuer.asked.count("POST /oauth2/reauthenticate") == 1
    tab.complaints()


def test_18_who_is_away_is_signed_out_and_not_of_the_page_alone(tab: Tab, issuer: Issuer) -> None:
    """Else whoever passes by presses "Sign in", and is."""
    tab.page.clock.fast_forward("20:00")
    assert tab.run(STATE) == "in"
    tab.page.mouse.click(5, 5)
    tab.page.clock.fast_forward("20:00")
    assert tab.run(STATE) == "in"
    tab.page.clock.fast_forward("06:00")
    tab.page.get_by_role("heading", name="You are signed out").wait_for()
    assert issuer.asked == ["POST /oauth2/logout"]


def test_18_an_address_that_was_cut_off_is_a_page_that_there_is_not(issuer: Issuer, visitors: Visitors) -> None:
    made = visitors.tab()
    made.go(f"{issuer.url}/dashboard/ten_1/caf%C3")
    made.page.get_by_role("heading", name="There is no such page").wait_for()
