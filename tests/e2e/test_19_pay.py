"""Issue 19: a payer pays an invoice in a browser, on the deployed stack, by a link and nothing else."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser import Tab, Visitors
from tests.e2e.conftest import Seller, Stack
from tests.e2e.desk import address
from tests.e2e.test_payments import new_payer, open_invoice

PAID = "This invoice is paid. Nothing more is to be done."
DECLINED, GOOD, CHALLENGED = "4000 0000 0000 0002", "4242 4242 4242 4242", "4000 0000 0000 3220"
PHONE = (360, 640)


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Seller:
    return Seller.new(stack, "Payers")


def _link(shop: Seller, invoice: Any) -> str:
    return str(shop.client.post(f"/v1/invoices/{invoice['id']}/payment-link")["url"])


def _opened(shop: Seller, tab: Tab) -> Any:
    invoice = open_invoice(new_payer(shop, "Charles"))
    tab.go(_link(shop, invoice))
    return invoice


def _enters(tab: Tab, number: str) -> None:
    tab.fill("Card number", number)
    tab.press("Pay")


def _is_paid(shop: Seller, tab: Tab, invoice: Any) -> None:
    expect(tab.page.get_by_role("status")).to_have_text(PAID)
    expect(tab.page.get_by_role("button")).to_have_count(0)
    assert shop.client.get(f"/v1/invoices/{invoice['id']}")["status"] == "paid"


def test_19_a_payer_pays_after_a_decline_and_the_link_stays_harmless(shop: Seller, visitors: Visitors) -> None:
    tab = visitors.tab(ip=address())
    invoice = _opened(shop, tab)
    here = tab.url
    tab.is_accessible()
    tab.press("Pay $120.00 by card")
    _enters(tab, DECLINED)
    assert "declined" in tab.alert
    _enters(tab, GOOD)
    _is_paid(shop, tab, invoice)
    tab.is_accessible()
    again = visitors.tab(ip=address())
    again.go(here)
    _is_paid(shop, again, invoice)


def test_19_3d_secure_on_a_phone_by_keyboard_alone(shop: Seller, visitors: Visitors) -> None:
    tab = visitors.tab(ip=address(), size=PHONE)
    invoice = _opened(shop, tab)
    assert tab.run("document.documentElement.scrollWidth") <= PHONE[0]
    tab.picture("pay-phone")
    button = tab.page.get_by_role("button")
    for _ in range(3):
        tab.page.keyboard.press("Tab")
        if button.evaluate("(element) => element === document.activeElement"):
            break
    with tab.page.expect_navigation():
        tab.page.keyboard.press("Enter")
    _enters(tab, CHALLENGED)
    tab.press("Complete")
    _is_paid(shop, tab, invoice)


@pytest.mark.parametrize(
    ("language", "paid"),
    [("en", "Pay "), ("de", "mit Karte bezahlen"), ("fr", "par carte"), ("es", "con tarjeta")],
)
def test_19_every_language_is_a_link_away(shop: Seller, visitors: Visitors, language: str, paid: str) -> None:
    tab = visitors.tab(ip=address())
    _opened(shop, tab)
    tab.page.locator(f"footer a[lang={language}]").click()
    expect(tab.page.locator("html")).to_have_attribute("lang", language)
    assert paid in tab.page.get_by_role("button").inner_text()
    tab.is_accessible()


def test_19_a_link_to_nothing_says_nothing(shop: Seller, stack: Stack, chromium: Browser) -> None:
    """That a page was not found is a line of the console's: nobody else's complaint."""
    other = Seller.new(stack, "Another")
    token = _link(shop, open_invoice(new_payer(shop, "Ada"))).rpartition("/")[2]
    for each in (token.replace(shop.tenant_id, other.tenant_id), token[:-1], "nonsense"):
        visitors = Visitors(chromium)
        try:
            tab = visitors.tab(ip=address())
            tab.go(f"{stack.api_url}/pay/{each}")
            assert tab.heading == "There is no such page"
        finally:
            visitors.leave()
