"""`make screenshots`: pictures of the dashboard's pages beside a running stack, for docs/screenshots.

The demo tenant's admin signs in, as its visitor does. What the pictures show is made first, under ids of its own,
and is found again the next time: a second run shows the same customers, not twice as many.
"""

import os
import shutil
import sys
import time
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from local.client import Client
from local.console import Failure, say, step
from local.stack.settings import ROOT

FOLDER = ROOT / "docs" / "screenshots"
WIDE = (1280, 860)
PHONE = (390, 844)
_PATIENCE_MS = 60_000.0
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_PLAN: dict[str, Any] = {
    "id": "studio-monthly",
    "name": "Studio",
    "currency": "USD",
    "interval": "month",
    "components": [
        {"key": "base", "type": "flat", "unitAmount": 4_900_000},
        {
            "key": "seats",
            "type": "licensed",
            "model": "graduated",
            "tiers": [{"upTo": 10, "unitAmount": 1_200_000}, {"upTo": None, "unitAmount": 900_000}],
        },
    ],
}
_CUSTOMERS = {
    "Brightwater Press": (12, "pm_card_visa", "DE", "Hamburg"),
    "Kestrel Robotics": (40, "pm_card_mastercard", "US", "Portland"),
    "Lindqvist & Daughters": (3, "pm_card_visa", "SE", "Malmö"),
    "Ojibway Maps": (7, "pm_card_visa", "CA", "Thunder Bay"),
    "Tidewrack Studio": (18, "pm_card_chargeCustomerFail", "GB", "Whitby"),
}
"""Seats, card, country and city by name; the last one's card attaches and declines."""


class Showcase:
    """What is to be seen, in the demo tenant.

    Args:
        client: of the demo tenant's admin key.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self.customers: dict[str, str] = {}

    def make(self) -> None:
        """Whatever of it is not there yet.

        Raises:
            Failure: the API refuses something.
        """
        self._client.call("POST", "/v1/plans", _PLAN)  # 409 where an earlier run made it
        for name, (seats, card, country, city) in _CUSTOMERS.items():
            known = self._client.get(f"/v1/customers?externalId=showcase-{city.replace(' ', '-')}")
            self.customers[name] = known[0]["id"] if known else self._customer(name, seats, card, country, city)
        if not self._client.get("/v1/webhook-endpoints"):
            endpoint = {"url": "http://127.0.0.1:9/hooks", "eventTypes": ["invoice.*"], "description": "Bookkeeping"}
            self._client.post("/v1/webhook-endpoints", endpoint)
            lines = [{"description": "Workshop, a day", "quantity": "1.5", "unitAmount": 90_000_000}]
            body = {"customerId": self.customers["Brightwater Press"], "lines": lines, "autoFinalize": True}
            self._client.post("/v1/invoices", body)

    def _customer(self, name: str, seats: int, card: str, country: str, city: str) -> str:
        word = name.split(" ", maxsplit=1)[0].lower()
        body = {
            "name": name,
            "email": f"accounts@{word}.example",
            "externalId": f"showcase-{city.replace(' ', '-')}",
            "address": {"line1": "12 Harbour Street", "city": city, "country": country},
        }
        made = str(self._client.post("/v1/customers", body)["id"])
        subscription = {
            "customerId": made,
            "planId": _PLAN["id"],
            "quantities": {"seats": seats},
            "paymentMethodId": card,
        }
        answer = self._client.call("POST", "/v1/subscriptions", subscription)
        if answer.status not in (201, 402, 502):  # a decline leaves the subscription and its open invoice
            raise Failure(f"{name} could not subscribe: {answer.status}")
        return made

    def newest(self, kind: str, name: str) -> str:
        """The id of a customer's newest one of a kind ("invoices")."""
        return str(self._client.get(f"/v1/{kind}?customer={self.customers[name]}")[0]["id"])

    def endpoint(self) -> str:
        """The id of the webhook endpoint, once something was tried to be delivered to it."""
        found = str(self._client.get("/v1/webhook-endpoints")[-1]["id"])
        deadline = time.monotonic() + 120
        while not self._client.get(f"/v1/webhook-endpoints/{found}/deliveries"):
            if time.monotonic() > deadline:
                raise Failure("no webhook was sent in two minutes")
            time.sleep(0.5)
        return found


@dataclass
class Camera:
    """A browser whose visitor is signed in.

    Args:
        browser: Chromium.
        stack: what stack.json says.
    """

    browser: Browser
    stack: dict[str, Any]

    def sign_in(self, size: tuple[int, int] = WIDE, dark: bool = False) -> Page:
        """A window in which the demo's admin is at the overview.

        Args:
            size: width and height in pixels.
        """
        page = self._window(size, dark)
        page.goto(self.stack["dashboard_url"])
        page.wait_for_url("**/oauth2/**")
        page.get_by_label("Email", exact=True).fill(self.stack["admin_email"])
        page.get_by_label("Password", exact=True).fill(self.stack["admin_password"])
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url(self.stack["dashboard_url"])
        return page

    def docs(self, place: str) -> Page:
        """A window with the reference."""
        page = self._window(WIDE, dark=False)
        page.goto(f"{self.stack['api_url']}/docs{place}")
        return page

    def open(self, page: Page, place: str) -> None:
        """Go to a place of the dashboard."""
        page.goto(self.stack["dashboard_url"].rstrip("/") + place)

    def take(self, page: Page, name: str, whole: bool = False) -> None:
        """Write the picture, when everything is drawn.

        Args:
            whole: with what is below the window, too.
        """
        page.wait_for_load_state("networkidle")
        page.locator("main h1").wait_for()
        page.locator("main .loading").first.wait_for(state="detached")
        page.evaluate("document.activeElement?.blur()")
        page.screenshot(path=FOLDER / f"dashboard-{name}.png", animations="disabled", full_page=whole)

    def _window(self, size: tuple[int, int], dark: bool) -> Page:
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light", timezone_id="UTC"
        )
        context.set_default_timeout(_PATIENCE_MS)
        return context.new_page()


def pictures(camera: Camera, showcase: Showcase) -> None:
    """All of them; light, one dark, one on a phone."""
    page = camera.sign_in()
    camera.take(page, "overview", whole=True)
    places = {
        "customer": f"/customers/{showcase.customers['Brightwater Press']}",
        "invoice": f"/invoices/{showcase.newest('invoices', 'Kestrel Robotics')}",
        "failed-payments": "/failed-payments",
        "reports": "/reports",
        "webhook": f"/webhooks/{showcase.endpoint()}",
    }
    for name, place in places.items():
        camera.open(page, place)
        camera.take(page, name)
    _change(camera, page, showcase)
    camera.open(page, "/settings")
    page.locator("main iframe, main object, main embed").first.scroll_into_view_if_needed()
    camera.take(page, "settings")
    camera.take(camera.docs("#change_subscription"), "docs")
    dark = camera.sign_in(dark=True)
    camera.open(dark, places["customer"])
    camera.take(dark, "dark")
    phone = camera.sign_in(PHONE)
    camera.open(phone, places["invoice"])
    camera.take(phone, "phone")


def _change(camera: Camera, page: Page, showcase: Showcase) -> None:
    """What ten seats more would come to, before anybody says yes."""
    camera.open(page, f"/subscriptions/{showcase.newest('subscriptions', 'Kestrel Robotics')}")
    page.get_by_role("button", name="Change plan or quantities").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("seats").fill("50")
    dialog.get_by_role("button", name="Preview", exact=True).click()
    dialog.get_by_role("button", name="Change as shown").wait_for()
    camera.take(page, "subscription-change")


def main() -> int:
    """Exit code 1 where there is no stack, no browser, or a page does not come."""
    try:
        client = Client.of_file()
        path = next((each for each in (os.environ.get("CHROMIUM"), *map(shutil.which, _NAMES)) if each), None)
        if path is None:
            raise Failure("no Chromium here: apt-get install chromium, or say where one is: CHROMIUM")
        showcase = Showcase(client)
        with step("what is to be seen"):
            showcase.make()
        arguments = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        with step("the pictures"), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=arguments)
            pictures(Camera(browser, client.stack), showcase)
            browser.close()
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr, flush=True)
        return 1
    say(f"docs/screenshots: {len(list(FOLDER.glob('dashboard-*.png')))} pictures of the dashboard")
    return 0


if __name__ == "__main__":
    sys.exit(main())
