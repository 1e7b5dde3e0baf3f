"""Issue 19: a customer sees to a subscription in a browser, on the deployed stack, by a link that opens once."""

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import Tab, Visitors
from tests.e2e.conftest import TEAM, Seller, Stack, subscribe
from tests.e2e.desk import address

FEATURES = ["invoices", "paymentMethods", "quantities", "pause", "cancel", "details", "usage"]
PHONE = (360, 640)


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Seller:
    """What is on is said before any worker knows the tenant: each keeps its settings for a minute."""
    seller = Seller.new(stack, "Portal")
    seller.client.call("PATCH", f"/v1/tenants/{seller.tenant_id}", {"portal": {"features": FEATURES}})
    seller.client.post("/v1/plans", TEAM)
    return seller


@pytest.fixture
def link(shop: Seller) -> str:
    """A link for a customer with a subscription of two seats, charged to a card."""
    customer = shop.client.post("/v1/customers", {"name": "Ada Lovelace"})["id"]
    subscribe(shop.client, customer, TEAM["id"])
    return str(shop.client.post("/v1/portal-sessions", {"customerId": customer})["url"])


def _says(tab: Tab, text: str) -> None:
    expect(tab.page.get_by_role("status")).to_have_text(text)


def _follow(tab: Tab, name: str) -> None:
    with tab.page.expect_navigation():
        tab.page.get_by_role("link", name=name, exact=True).click()


def test_19_change_with_a_preview_pause_cancel_and_take_it_back(link: str, visitors: Visitors) -> None:
    tab = visitors.tab(ip=address())
    tab.go(link)
    tab.is_accessible()
    tab.press("Continue")
    tab.is_accessible()
    assert "$63.99 a month" in tab.text
    _follow(tab, "Change: Team")
    tab.fill("seats", "3")
    tab.press("Show what it costs")
    assert "Your next invoice: $70.99" in tab.text
    tab.is_accessible()
    tab.press("Confirm")
    _says(tab, "Your subscription was changed.")
    assert "$70.99 a month" in tab.text
    _follow(tab, "Pause: Team")
    tab.press("Pause")
    _says(tab, "Your subscription is paused.")
    _follow(tab, "Resume: Team")
    tab.press("Resume")
    _follow(tab, "Cancel subscription: Team")
    tab.is_accessible()
    tab.press("Cancel subscription")
    _says(tab, "Your subscription ends with the paid period.")
    tab.press("Do not cancel: Team")
    _says(tab, "Your subscription is not canceled any more.")
    tab.press("Sign out")
    assert tab.heading == "You have signed out"


def test_19_cards_on_a_phone_by_keyboard_alone(link: str, visitors: Visitors) -> None:
    """The last one stays; no page is wider than the phone."""
    tab = visitors.tab(ip=address(), size=PHONE, dark=True)
    tab.go(link)
    tab.page.keyboard.press("Tab")
    with tab.page.expect_navigation():
        tab.page.keyboard.press("Enter")
    for name in ("Invoices", "Usage", "Billing details", "Payment methods"):
        _follow(tab, name)
        assert tab.run("document.documentElement.scrollWidth") <= PHONE[0]
        tab.is_accessible()
    assert "The only payment method stays" in tab.text
    expect(tab.page.get_by_role("button", name="Remove")).to_have_count(0)
