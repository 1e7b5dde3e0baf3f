"""Issue 18: what a first load weighs on the wire, and the API's reference at /docs."""

import re
from typing import Any

import pytest
import requests
from playwright.sync_api import expect

from tests.e2e.browser import Tab, Visitors
from tests.e2e.conftest import TEAM, Seller, Stack, subscribe
from tests.e2e.tour import PHONE, Tour

FIRST_LOAD_BYTES = 80_000
NODES = 3_000
DESCRIPTION = "/openapi.json"
# Bodies as they were sent, packed; what came from a cache has a size, too, so that a second load weighs the same.
_SENT = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .map((each) => [new URL(each.name).pathname, each.encodedBodySize, each.decodedBodySize])"""


def sent(tab: Tab) -> dict[str, tuple[int, int]]:
    """What came, by its path: bytes on the wire, and unpacked."""
    return {path: (packed, unpacked) for path, packed, unpacked in tab.run(_SENT)}


def own(found: dict[str, tuple[int, int]]) -> int:
    """Bytes on the wire of the page and of all that it is made of, without what it asks the API."""
    return sum(packed for path, (packed, _) in found.items() if path.startswith(("/dashboard", "/docs")))


def opened(stack: Stack, visitors: Visitors, place: str = "", **window: Any) -> Tab:
    """The reference, once it is drawn."""
    tab = visitors.tab(**window)
    tab.go(f"{stack.api_url}/docs{place}")
    expect(tab.page.locator("nav#nav")).to_be_attached()
    return tab


def test_18_the_overview_weighs_less_than_80_kb(stack: Stack, visitors: Visitors) -> None:
    """With the plots and all that is read before there is something to see, and packed by brotli."""
    seller = Seller.new(stack, "Light")
    seller.client.post("/v1/plans", TEAM)
    subscribe(seller.client, seller.client.post("/v1/customers", {"name": "Ada"})["id"], TEAM["id"])
    tour = Tour.begun(stack, seller, visitors)
    expect(tour.page.locator("figure.plot canvas").first).to_be_visible()  # its module comes when there is a plot
    found = sent(tour.tab)
    assert any(path.endswith("/vendor/uplot.js") for path in found)
    assert 20_000 < own(found) < FIRST_LOAD_BYTES
    assert all(packed * 1.5 < unpacked for packed, unpacked in found.values() if unpacked > 10_000)


def test_18_the_reference_weighs_less_than_80_kb(stack: Stack, visitors: Visitors) -> None:
    found = sent(opened(stack, visitors))
    assert 5_000 < own(found) < FIRST_LOAD_BYTES
    packed, unpacked = found[DESCRIPTION]
    assert packed * 5 < unpacked


def test_18_the_reference_is_searched_read_and_small(stack: Stack, visitors: Visitors) -> None:
    tab = opened(stack, visitors)
    page = tab.page
    count = "document.querySelectorAll('*').length"
    assert 500 < tab.run(count) < NODES
    tab.is_accessible()
    tab.fill("Search for routes, words and fields", "cancelAtPeriodEnd")
    expect(page.get_by_role("status").first).to_contain_text(re.compile(r"^\d+ of \d+ calls$"))
    routes = page.get_by_role("navigation", name="Routes").get_by_role("link")
    expect(
        routes.filter(has_text=re.compile(r"post\s*/v1/subscriptions/\{subscription_id\}/cancel", re.I))
    ).to_have_count(1)
    expect(routes.filter(has_text="/v1/webhook-endpoints")).to_have_count(0)
    routes.filter(has_text=re.compile(r"patch\s*/v1/subscriptions/\{subscription_id\}", re.I)).click()
    expect(page.locator("h1")).to_contain_text("subscription")
    expect(page.locator("main")).to_contain_text("cancelAtPeriodEnd")
    assert tab.run(count) < NODES
    tab.is_accessible()


def test_18_an_error_says_where_the_reference_explains_it(stack: Stack, visitors: Visitors) -> None:
    """documentation_url of an answer, as somebody follows it."""
    answer = requests.get(f"{stack.api_url}/v1/customers", timeout=60).json()["error"]
    place = answer["documentation_url"].partition("/docs")[2]
    tab = opened(stack, visitors, place)
    explained = tab.page.locator(f"tr{place}")
    expect(explained).to_contain_text(answer["code"])
    expect(explained).to_be_in_viewport()
    expect(explained).to_have_class("chosen")
    tab.is_accessible()


@pytest.mark.parametrize("window", [{"size": PHONE}, {"dark": True}, {"dark": True, "size": PHONE}])
def test_18_the_reference_on_a_phone_and_in_the_dark(stack: Stack, visitors: Visitors, window: dict[str, Any]) -> None:
    for place in ("", "#errors", "#webhooks"):
        tab = opened(stack, visitors, place, **window)
        expect(tab.page.locator("h1")).to_be_visible()
        assert tab.run("document.documentElement.scrollWidth <= innerWidth"), place
        tab.is_accessible()


def test_18_a_call_is_tried_with_a_test_key_and_never_with_a_live_one(stack: Stack, visitors: Visitors) -> None:
    seller = Seller.new(stack, "Reference")
    made = seller.client.post("/v1/customers", {"name": "Ada Reference"})
    key = seller.client.post("/v1/api-keys", {"name": "reader", "scope": "read"})["key"]
    tab = opened(stack, visitors)
    page = tab.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    tab.fill("Search for routes, words and fields", "list customers")
    routes = page.get_by_role("navigation", name="Routes").get_by_role("link")
    routes.filter(has_text=re.compile(r"get\s*/v1/customers$", re.I)).click()
    page.get_by_text("Try it, in test mode").click()
    tab.fill("API key of a tenant in test mode", key.replace("llk_test_", "llk_live_"))
    tab.press("Send", leaves=False)
    form = page.locator("details.try")
    expect(form).to_contain_text("A key of a tenant in test mode, please")
    assert [each for each in asked if "/v1/" in each] == []
    tab.fill("API key of a tenant in test mode", key)
    tab.press("Send", leaves=False)
    expect(form.locator("strong")).to_have_text("200")
    expect(form).to_contain_text(made["id"])
    expect(form).to_contain_text("Ada Reference")
    assert [each.partition("?")[0] for each in asked if "/v1/" in each] == [f"{stack.api_url}/v1/customers"]
    tab.is_accessible()
