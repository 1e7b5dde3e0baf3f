"""Issue 18: Chromium gets the dashboard's files from the deployed stack, keeps them, and lets nothing become code."""

import re

import requests

from tests.e2e.browser import Visitors
from tests.e2e.conftest import Stack

PLACE = re.compile(r"/dashboard/assets/[0-9a-f]{16}/")
LOADED = """() => performance.getEntriesByType("resource")
  .filter((each) => each.name.includes("/dashboard/assets/"))
  .map((each) => ({ url: each.name, status: each.responseStatus, sent: each.transferSize }))"""


def test_18_the_page_has_all_that_it_waits_for_and_fetches_it_once(stack: Stack, visitors: Visitors) -> None:
    """All that is named in the page came, from below the hash; the second time nothing of it is asked for."""
    tab = visitors.tab()
    tab.go(f"{stack.api_url}/dashboard/")
    page = requests.get(f"{stack.api_url}/dashboard/", timeout=60)
    # The icon comes when the browser likes, before or after the page is complete.
    named = {f"{stack.api_url}{path}" for path in re.findall(r'(?:href|src)="([^"]+[.](?:js|css))"', page.text)}
    first = {each["url"]: each for each in tab.run(LOADED)}
    assert named <= set(first)
    assert all(PLACE.search(url) and each["status"] == 200 for url, each in first.items())
    tab.go(f"{stack.api_url}/dashboard/")
    assert [each["url"] for each in tab.run(LOADED) if each["sent"] > 0 and each["url"] in named] == []


def test_18_the_gateway_hands_packed_files_on_as_they_are(stack: Stack) -> None:
    page = requests.get(f"{stack.api_url}/dashboard", timeout=60)
    (script,) = re.findall(r'<script type="module" src="([^"]+)"', page.text)
    plain = requests.get(f"{stack.api_url}{script}", headers={"Accept-Encoding": "identity"}, timeout=60)
    packed = requests.get(f"{stack.api_url}{script}", headers={"Accept-Encoding": "gzip"}, timeout=60)
    assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, "gzip")
    assert plain.content == packed.content
    assert plain.headers["Content-Type"] == "text/javascript; charset=utf-8"


def test_18_no_text_becomes_html_in_the_page_and_whoever_tries_is_noticed(stack: Stack, visitors: Visitors) -> None:
    """What stops an injected script if ever one of ours should put a customer's text where markup is read."""
    tab = visitors.tab()
    tab.go(f"{stack.api_url}/dashboard/")
    assert tab.complaints() == []
    attempt = """() => { try { document.body.innerHTML = "<img src=x onerror=alert(1)>"; return "done"; }
                         catch (error) { return error.name; } }"""
    assert tab.run(attempt) == "TypeError"
    noticed = tab.complaints()
    assert noticed
    assert all("trusted" in each.lower() for each in noticed), noticed


def test_18_what_a_page_complains_of_is_heard(visitors: Visitors) -> None:
    """That a test of a broken page fails: a line of the console, a script that throws, a policy that stops one."""
    tab = visitors.tab()

    def serve(address: str, body: str, policy: str) -> None:
        headers = {"Content-Type": "text/html", "Content-Security-Policy": policy}
        tab.page.route(address, lambda route: route.fulfill(body=body, headers=headers))
        tab.go(address)

    faulty = "<script>console.error('a line'); throw new Error('a fault')</script>"
    serve("http://faulty.test/", faulty, "script-src 'unsafe-inline'")
    assert sorted(tab.complaints()) == ["a line", "thrown: a fault"]
    serve("http://stopped.test/", "<script>alert(1)</script>", "script-src 'none'")
    assert "policy broken: script-src-elem inline" in tab.complaints()
