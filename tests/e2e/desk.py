"""Somebody at the dashboard of a tenant: signed in once, with a tab for each test."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import requests
from playwright.sync_api import Browser, Locator, Request, expect

from billing.storage.packing import unpack
from tests.e2e.browser import PATIENCE_MS, Tab, Visitors
from tests.e2e.conftest import Seller, Stack
from tests.e2e.people import Person

SESSION = "__Host-session"
WRITES = ("POST", "PATCH", "PUT", "DELETE")

expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class Desk:
    """A tenant, its user, and the browser in which that user is signed in."""

    stack: Stack
    seller: Seller
    person: Person
    visitors: Visitors
    door: Tab

    @classmethod
    @contextmanager
    def of(cls, stack: Stack, chromium: Browser, name: str, role: str = "admin") -> Iterator["Desk"]:
        """A tenant of its own, with a user of this role who has signed in at its dashboard."""
        visitors = Visitors(chromium)
        try:
            seller = Seller.new(stack, name)
            door = visitors.tab(ip=address())
            person = Person.of(stack, seller, door, role)
            person.open_dashboard(door, "/customers")
            at(door, "Customers")
            yield cls(stack, seller, person, visitors, door)
            assert door.complaints() == []
        finally:
            visitors.leave()

    @contextmanager
    def tab(self) -> Iterator[Tab]:
        """One more tab; what its pages complained of, and nobody asked for, fails the test."""
        tab = self.visitors.beside(self.door.page.context)
        yield tab
        left = tab.complaints()
        tab.page.close()
        assert left == []

    def open(self, tab: Tab, place: str, heading: str | None = None) -> None:
        """Go to a place of the dashboard, signed in as the browser is."""
        tab.go(f"{self.stack.api_url}/dashboard/{self.seller.tenant_id}{place}")
        tab.page.locator("main#page h1").wait_for()
        if heading is not None:
            at(tab, heading)

    def entered_long_ago(self, tab: Tab) -> None:
        """Have the password been entered eleven minutes ago, in the browser of this tab: nobody waits that long."""
        (cookie,) = (each["value"] for each in tab.cookies() if each["name"] == SESSION)
        secret = cookie.partition(".")[2]
        key = {
            "tenant_id": {"S": self.seller.tenant_id},
            "id": {"S": "ses_" + sha256(secret.encode()).hexdigest()},
        }
        table, grants = self.stack.aws("dynamodb"), self.stack.tables["grants"]
        session = table.get_item(TableName=grants, Key=key)["Item"]
        entered = datetime.now(UTC) - timedelta(minutes=11)
        body = json.loads(unpack(session["body"]["S"])) | {"reauthenticated_at": entered.isoformat()}
        table.put_item(TableName=grants, Item=session | {"body": {"S": json.dumps(body)}})


_numbers = itertools.count(1)


def address() -> str:
    """An address that no other visitor has: a load of the dashboard is two of the sixty calls that one has a minute."""
    return f"198.18.0.{next(_numbers)}"


def at(tab: Tab, heading: str) -> None:
    """Wait until the page of this heading is shown."""
    tab.page.get_by_role("heading", level=1, name=heading, exact=True).wait_for()


def dialog(tab: Tab) -> Locator:
    """The dialog that is open; the one on top, if there are two."""
    return tab.page.locator("dialog[open]").last


def closed(tab: Tab) -> None:
    """Wait until no dialog is open."""
    tab.page.locator("dialog[open]").wait_for(state="detached")


def button(where: Locator, name: str) -> Locator:
    """A button of this name."""
    return where.get_by_role("button", name=name, exact=True)


class Sent:
    """The writes that a tab sends to the API."""

    def __init__(self, tab: Tab, path: str) -> None:
        self._path = path
        self.requests: list[Request] = []
        tab.page.on("request", self._keep)

    def _keep(self, request: Request) -> None:
        if request.method in WRITES and request.url.endswith(self._path):
            self.requests.append(request)

    @property
    def keys(self) -> list[str | None]:
        """The Idempotency-Key of each."""
        return [each.header_value("idempotency-key") for each in self.requests]


def refusals(tab: Tab, *statuses: int) -> None:
    """The console has said of these answers that they are refusals, and nothing else."""
    said = tab.complaints()
    assert len(said) == len(statuses), said
    for each, status in zip(said, statuses, strict=True):
        assert f"status of {status} " in each, said


def reads(stack: Stack, **headers: str) -> int:
    """The status of a read with these credentials."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(f"{stack.api_url}/v1/customers", headers=sent, timeout=60).status_code


def token_of(tab: Tab, path: str, act: Callable[[], object]) -> str:
    """The token with which the tab reads when somebody does something."""
    with tab.page.expect_request(lambda each: path in each.url) as sent:
        act()
    return str(sent.value.header_value("authorization")).removeprefix("Bearer ")
