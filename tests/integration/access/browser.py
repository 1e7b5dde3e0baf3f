"""A browser: it keeps cookies, fills in forms, and follows no redirect by itself."""

import html
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.integration.access.oauth import FORM, App
from tests.integration.world import Answer, World, http_event, request

PASSWORD = "correct horse battery"


@dataclass
class Browser:
    """A browser.

    Args:
        page: what it shows.
    """

    cookies: dict[str, str] = field(default_factory=dict)
    page: Answer | None = None

    def get(self, url: str) -> Answer:
        """Go to a page."""
        parts = urlsplit(url)
        return self._sent(http_event("GET", parts.path, query=parts.query, headers=self._headers))

    def submit(self, action: str, /, **values: str) -> Answer:
        """Send the form of this page that goes there, with what it has hidden."""
        forms = re.findall(r'<form method="post" action="([^"]+)">(.*?)</form>', self.text, re.S)
        inside = next(content for target, content in forms if target == action)
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', inside)
        return self.post(action, {name: html.unescape(value) for name, value in hidden} | values)

    def post(self, path: str, values: dict[str, str], **headers: str) -> Answer:
        """Send a form."""
        named = {"content-type": FORM, "accept": "text/html", "sec-fetch-site": "same-origin"}
        named |= self._headers | headers
        return self._sent(http_event("POST", path, body=urlencode(values), headers=named))

    @property
    def text(self) -> str:
        """The page's HTML."""
        assert self.page is not None
        return self.page.content.decode()

    @property
    def _headers(self) -> dict[str, str]:
        """What it sends with every request."""
        return {}

    def _sent(self, event: dict[str, Any]) -> Answer:
        event["cookies"] = [f"{name}={value}" for name, value in self.cookies.items()]
        self.page = request(event)
        for each in self.page.cookies:
            name, _, rest = each.partition("=")
            value, _, rules = rest.partition("; ")
            assert name.startswith("__Host-")
            assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(rules.split("; "))
            self.cookies[name] = value
        return self.page

    def sign_in(self, client: App, email: str = "ada@example.com", password: str = PASSWORD, code: str = "") -> Answer:
        """Come from a client, and sign in."""
        self.get("/oauth2/authorize?" + urlencode(client.asking()[0]))
        return self.submit("/oauth2/login", email=email, password=password, code=code)


def link_in(world: World) -> str:
    """The link in the last mail."""
    found = re.search(r"https://\S+", world.outbox.mails[-1].text)
    assert found is not None
    return found[0].removeprefix("https://billing.example")


def answer_of(response: Answer) -> dict[str, str]:
    """What a client gets from a redirect."""
    assert response.status == 303, response.content
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["Location"]).query).items()}
