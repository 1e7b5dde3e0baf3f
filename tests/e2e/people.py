"""People who sign in: invited by mail, with a password that they chose in the browser."""

import re
import uuid
from dataclasses import dataclass

import requests

from tests.e2e.browser import Tab
from tests.e2e.conftest import Seller, Stack

PASSWORD = "weaves algebraic patterns"


@dataclass(frozen=True)
class Person:
    """A user of a tenant's."""

    stack: Stack
    tenant_id: str
    email: str

    @classmethod
    def of(cls, stack: Stack, seller: Seller, tab: Tab, role: str = "admin") -> "Person":
        """Invite somebody, who follows the link in the mail and chooses a password."""
        person = cls(stack, seller.tenant_id, f"ada-{uuid.uuid4().hex[:8]}@example.com")
        seller.client.post("/v1/users", {"email": person.email, "name": "Ada", "role": role})
        tab.go(person.link())
        assert tab.heading == "Choose a password"
        tab.fill("New password", PASSWORD)
        tab.press("Set the password")
        assert tab.heading == "Done"
        return person

    def link(self) -> str:
        """The link in the newest mail."""
        headers = {"Accept": "application/json"}
        mails = requests.get(f"{self.stack.api_url}/_gateway/mailbox", headers=headers, timeout=60).json()
        found = re.search(r"https?://\S+", next(each["text"] for each in mails if each["to"] == self.email))
        assert found
        return found[0]

    def sign_in(self, tab: Tab, password: str = PASSWORD, code: str = "") -> None:
        """Fill the page in."""
        assert tab.heading == "Sign in"
        tab.fill("Email", self.email)
        tab.fill("Password", password)
        if code:
            tab.fill("Code", code)
        tab.press("Sign in")

    def open_dashboard(self, tab: Tab, place: str = "/") -> None:
        """Go to a place of the tenant's dashboard, which sends whoever is not signed in to that page, and back."""
        address = f"{self.stack.api_url}/dashboard/{self.tenant_id}{place}"
        tab.go(address)
        tab.page.wait_for_url("**/oauth2/**")
        self.sign_in(tab)
        tab.page.wait_for_url(address)
