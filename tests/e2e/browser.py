"""A real browser, driven by Playwright: the machine's own Chromium, started once for all tests.

Each visitor has a context of its own: no history, no cookies. What the console says, what a script throws and what a
policy stops is kept, and fails the test in which it happened unless the test has asked for it (`Tab.complaints`).
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.e2e.npm import FOLDER, installed

IP = "198.51.100.15"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 60_000.0
_VIOLATION = "policy broken: "
# Not every violation is a line of the console's: what Trusted Types stop in a try, for one.
_REPORTED = f"""addEventListener("securitypolicyviolation", (event) =>
  console.error("{_VIOLATION}" + event.effectiveDirective + " " + event.blockedURI));"""


def found() -> str | None:
    """The path of this machine's Chromium; `CHROMIUM` says where one is that has no place on PATH."""
    return next((path for path in (os.environ.get("CHROMIUM"), *map(shutil.which, NAMES)) if path), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser. Without one the tests are left out, but not in CI: there they would be left out unnoticed."""
    path = found()
    if path is None:
        reason = "no Chromium here (`apt-get install chromium`, or say where one is: CHROMIUM)"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    arguments = ["--disable-dev-shm-usage"]
    if os.geteuid() == 0:  # in a container: its sandbox wants another user
        arguments.append("--no-sandbox")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


class Tab:
    """A page that somebody has open, with what a person does and sees, and what an inspector sees."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._said: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self._said.append(f"thrown: {error}"))

    def _hear(self, message: ConsoleMessage) -> None:
        nobodys = str(message.location.get("url", "")).endswith("/favicon.ico")  # the browser's own question
        if message.type in ("error", "warning") and not nobodys:
            self._said.append(message.text)

    # What a person does

    def go(self, url: str) -> None:
        """Open a page."""
        self.page.goto(url)

    def fill(self, label: str, text: str) -> None:
        """Type into the field of this label: it is found as a screen reader does."""
        self.page.get_by_label(label, exact=True).fill(text)

    def press(self, button: str, leaves: bool = True) -> None:
        """Press a button.

        Args:
            leaves: another page comes, and is waited for; not where the page stays, or something is to stop it.
        """
        element = self.page.get_by_role("button", name=button, exact=True)
        if leaves:
            with self.page.expect_navigation():
                element.click()
        else:
            element.click()

    # What a person sees

    @property
    def url(self) -> str:
        """Where it is."""
        return self.page.url

    @property
    def heading(self) -> str:
        """The page's heading."""
        return self.page.locator("h1").inner_text()

    @property
    def alert(self) -> str:
        """What a screen reader says at once."""
        return self.page.get_by_role("alert").inner_text()

    @property
    def text(self) -> str:
        """All that is to be read."""
        return self.page.locator("body").inner_text()

    def picture(self, name: str) -> None:
        """Keep the page as a PNG of this name, where somebody wants to see it (``PICTURES=docs/screenshots``)."""
        if folder := os.environ.get("PICTURES"):
            self.page.screenshot(path=Path(folder) / f"{name}.png")

    # What an inspector sees

    def run(self, expression: str, argument: Any = None) -> Any:
        """What an expression or a function comes to; it is the inspector's, and no policy of the page's stops it."""
        return self.page.evaluate(expression, argument)

    def complaints(self) -> list[str]:
        """What the console has said since it was last asked: among it, whatever a policy has stopped."""
        if not self.page.is_closed():
            self.page.evaluate("0")  # what was said before that has arrived
        said, self._said = self._said, []
        return said

    def cookies(self) -> list[dict[str, Any]]:
        """Those of the page's host, with their rules."""
        return [dict(each) for each in self.page.context.cookies(self.page.url)]

    def is_accessible(self) -> None:
        """The page keeps WCAG 2.2 AA as far as a program can tell (axe)."""
        assert self.barriers() == []

    def barriers(self, rules: Sequence[str] = ()) -> list[str]:
        """What keeps the page from WCAG 2.2 AA as far as a program can tell (axe): the rule, and where it is broken.

        Args:
            rules: axe's names of those to look at; all of WCAG 2.2 AA where there are none.
        """
        if installed() is None:
            return []
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate((FOLDER / "node_modules" / "axe-core" / "axe.min.js").read_text())
        result = self.page.evaluate(
            "(only) => axe.run(document, { runOnly: only, resultTypes: ['violations'], preload: false })",
            list(rules) or LEVELS,
        )
        assert len(result["passes"]) > (0 if rules else 5), "axe has looked at nothing"
        return [
            f"{rule['id']} ({rule['impact']}): {[node['html'][:200] for node in rule['nodes']]}"
            for rule in result["violations"]
        ]


class Visitors:
    """Makes tabs, each of a visitor of its own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.tabs: list[Tab] = []

    def tab(self, *, ip: str = IP, size: tuple[int, int] = (1280, 800), dark: bool = False) -> Tab:
        """A visitor's tab.

        Args:
            ip: the address that the local gateway is to see; the limits of pages are counted on addresses.
            size: width and height of the window in pixels.
            dark: the visitor likes it dark.
        """
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            extra_http_headers={"X-Local-Source-Ip": ip},
        )
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(_REPORTED)
        self._contexts.append(context)
        return self.beside(context)

    def beside(self, context: BrowserContext) -> Tab:
        """One more tab of a visitor who has one."""
        tab = Tab(context.new_page())
        self.tabs.append(tab)
        return tab

    def leave(self) -> None:
        """Close all of them."""
        for context in self._contexts:
            context.close()


@pytest.fixture
def visitors(chromium: Browser) -> Iterator[Visitors]:
    """Whoever comes by in this test; what their pages complained of, and nobody asked for, fails it."""
    made = Visitors(chromium)
    try:
        yield made
        left = [each for tab in made.tabs for each in tab.complaints()]
    finally:
        made.leave()
    assert left == []
