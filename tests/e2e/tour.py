"""Somebody who is signed in to the dashboard and goes from page to page, and what each page asks of the API."""

import re
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Request

from local.stack.settings import ROOT
from tests.e2e.browser import Tab, Visitors
from tests.e2e.conftest import Seller, Stack
from tests.e2e.people import Person

PHONE = (390, 844)
_ROUTES = re.compile(r'^  \["(/[^"]*)", ', re.M)
# Counts what is on its way, so that a page can be told that is still being read from one that is there.
_COUNTED = """(() => {
  const { fetch } = window;
  window.onItsWay = 0;
  window.fetch = async (...given) => {
    window.onItsWay += 1;
    try { return await fetch(...given); } finally { window.onItsWay -= 1; }
  };
})();"""
# As a link does it, but for the click: the module of the page and its calls, and no new document.
_FOLLOW = """(to) => {
  const stays = new URL(to).pathname === location.pathname;
  document.querySelectorAll("main h1").forEach((each) => each.toggleAttribute("data-left", !stays));
  history.pushState(null, "", to);
  dispatchEvent(new PopStateEvent("popstate"));
}"""
# For several frames on end: between an answer and what it draws there is a moment in which nothing is on its way.
_THERE = """() => {
  const drawn = document.querySelector("main h1:not([data-left])") && !document.querySelector("main .loading");
  const there = drawn && window.onItsWay === 0;
  window.calm = there ? (window.calm ?? 0) + 1 : 0;
  return window.calm > 5;
}"""


def routes() -> list[str]:
    """All pages that there are, as the dashboard itself has them: "/customers/:id"."""
    return _ROUTES.findall((ROOT / "dashboard" / "pages" / "routes.js").read_text())


class Tour:
    """A visitor who is signed in.

    Args:
        tab: theirs.
        root: the address of their tenant's dashboard.
    """

    def __init__(self, tab: Tab, root: str) -> None:
        self.tab = tab
        self.page = tab.page
        self.root = root
        self.asked: list[Request] = []
        self.page.on("request", lambda request: self.asked.append(request))

    @classmethod
    def begun(cls, stack: Stack, seller: Seller, visitors: Visitors, place: str = "/", **window: Any) -> "Tour":
        """Somebody new is invited, signs in, and is at a place."""
        tab = visitors.tab(**window)
        tab.page.context.add_init_script(_COUNTED)
        tour = cls(tab, f"{stack.api_url}/dashboard/{seller.tenant_id}")
        Person.of(stack, seller, tab).open_dashboard(tab, place)
        tour.arrive()
        return tour

    def go(self, place: str) -> None:
        """Go to another page as a link does, and wait until it is there with all that it shows."""
        self.asked.clear()
        self.page.evaluate(_FOLLOW, f"{self.root}{place}")
        self.arrive()

    def arrive(self) -> None:
        """Wait until the page is there, and reads nothing any more."""
        self.page.evaluate("() => { window.calm = 0; }")
        self.page.wait_for_function(_THERE, polling="raf")

    def calls(self) -> list[str]:
        """What was asked of the API since it went here: "/v1/customers"."""
        self.page.evaluate("0")  # what was asked before has arrived
        paths = [urlsplit(each.url).path for each in self.asked]
        return [each for each in paths if each.startswith("/v1/")]

    def place(self) -> str:
        """Where it is below the tenant's, with its filters."""
        return self.page.url.removeprefix(self.root)

    def tab_until(self, selector: str, most: int = 120) -> None:
        """Press Tab until the focus is on what a selector says, as somebody without a mouse does."""
        for _ in range(most):
            if self.is_on(selector):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{most} times Tab do not lead to {selector}")

    def is_on(self, selector: str) -> bool:
        """Whether the focus is there."""
        return bool(self.page.evaluate("(wanted) => document.activeElement?.matches(wanted) ?? false", selector))

    def is_as_wide_as_the_window(self) -> bool:
        """Whether nobody has to scroll sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
