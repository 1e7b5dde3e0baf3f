"""Issue 18: people sign in to the deployed dashboard, each tab as one person, and out of it for good."""

import re

from playwright.sync_api import Browser, expect

from tests.e2e.browser import Tab, Visitors
from tests.e2e.conftest import TEAM, Seller, Stack
from tests.e2e.desk import Desk, address, at, button, reads, refusals, token_of
from tests.e2e.people import Person
from tests.e2e.test_payments import new_payer, open_invoice


def goes(tab: Tab, page: str) -> None:
    """Follow the shell's link to another page."""
    tab.page.get_by_role("navigation", name="Pages").get_by_role("link", name=page, exact=True).click()
    at(tab, page)


def signs_out(tab: Tab) -> None:
    tab.page.locator("details.person summary").click()
    with tab.page.expect_response(re.compile("/oauth2/(logout|revoke)$")):  # after the page has shown that
        tab.press("Sign out", leaves=False)
        at(tab, "You are signed out")


def test_18_who_follows_a_link_signs_in_and_is_where_it_leads(stack: Stack, visitors: Visitors) -> None:
    """Filters come through the sign-in and a reload, and Back and Forward bring them again."""
    seller, tab = Seller.new(stack, "Deep Links"), visitors.tab(ip=address())
    invoice = open_invoice(new_payer(seller, "Charles"))
    person = Person.of(stack, seller, tab)
    person.open_dashboard(tab, "/invoices?status=open")
    state, row = tab.page.get_by_label("State", exact=True), tab.page.get_by_role("link", name=invoice["number"])

    def shows(chosen: str, rows: int) -> None:
        tab.page.wait_for_url(f"**/invoices?status={chosen}")
        at(tab, "Invoices")
        expect(state).to_have_value(chosen)
        expect(row).to_have_count(rows)

    shows("open", 1)
    tab.page.reload()
    shows("open", 1)
    state.select_option("paid")
    shows("paid", 0)
    tab.page.get_by_text("Nothing matches these filters.").wait_for()
    tab.page.go_back()
    shows("open", 1)
    tab.page.go_forward()
    shows("paid", 0)
    assert "/oauth2/" not in tab.url


def test_18_who_signs_out_leaves_nothing_behind(stack: Stack, visitors: Visitors) -> None:
    """Neither Back nor the token of before shows anything any more."""
    seller, tab = Seller.new(stack, "Signed Out"), visitors.tab(ip=address())
    name = "Charles Babbage"
    new_payer(seller, name)
    person = Person.of(stack, seller, tab)
    person.open_dashboard(tab, "/customers")
    tab.page.get_by_text(name).wait_for()
    token = token_of(tab, "/v1/customers", tab.page.reload)
    assert reads(stack, Authorization=f"Bearer {token}") == 200
    assert token not in tab.run("JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie])")
    goes(tab, "Plans")
    signs_out(tab)
    tab.page.go_back()
    tab.page.wait_for_url("**/customers")
    at(tab, "You are signed out")
    assert name not in tab.text
    assert reads(stack, Authorization=f"Bearer {token}") == 401
    tab.page.reload()
    tab.page.wait_for_url("**/oauth2/**")
    assert (tab.heading, name in tab.text) == ("Sign in", False)


def test_18_two_tabs_of_two_tenants_do_not_mix(stack: Stack, visitors: Visitors) -> None:
    """The first goes on after a sign-in at the second one; who signs out of it stays signed in at the other."""
    one, two = Seller.new(stack, "One Engine"), Seller.new(stack, "Two Engines")
    new_payer(one, "Charles")
    new_payer(two, "Luigi")
    first = visitors.tab(ip=address())
    Person.of(stack, one, first).open_dashboard(first, "/customers")
    first.page.get_by_text("Charles", exact=True).wait_for()
    second = visitors.beside(first.page.context)
    Person.of(stack, two, second).open_dashboard(second, "/customers")
    second.page.get_by_text("Luigi", exact=True).wait_for()
    goes(first, "Plans")
    token = token_of(first, "/v1/customers", lambda: goes(first, "Customers"))
    first.page.get_by_text("Charles", exact=True).wait_for()
    for tab, own, other in ((first, "One Engine", "Two Engines"), (second, "Two Engines", "One Engine")):
        assert (own in tab.text, other in tab.text) == (True, False)
    assert "Luigi" not in first.text
    assert "Charles" not in second.text
    with first.page.expect_response("**/oauth2/revoke"):
        signs_out(first)
    assert reads(stack, Authorization=f"Bearer {token}") == 401
    first.page.reload()
    first.page.wait_for_url("**/oauth2/**")
    assert first.heading == "Sign in"
    second.page.reload()
    second.page.get_by_text("Luigi", exact=True).wait_for()


def test_18_who_signs_in_in_another_tab_is_not_taken_for_who_was_there(stack: Stack, visitors: Visitors) -> None:
    """The page of the one is not renewed by the sign-in of the other, who has less to see; it is signed out."""
    seller, first = Seller.new(stack, "One Machine"), visitors.tab(ip=address())
    new_payer(seller, "Charles")
    admin, reader = (Person.of(stack, seller, first, role) for role in ("admin", "read_only"))
    admin.open_dashboard(first, "/customers")
    first.page.get_by_text("Charles", exact=True).wait_for()
    second = visitors.beside(first.page.context)
    second.go(first.url)
    at(second, "Customers")
    with second.page.expect_response("**/oauth2/logout"):
        signs_out(second)
    reader.open_dashboard(second, "/customers")
    first.page.get_by_role("link", name="Plans", exact=True).click()
    at(first, "You are signed out")
    assert "Charles" not in first.text
    refusals(first, 401)
    first.press("Sign in")
    at(first, "Plans")
    card = first.page.locator("details.person .card")
    expect(card).to_contain_text(reader.email)
    expect(card).not_to_contain_text(admin.email)


def test_18_a_sign_in_that_cannot_answer_signs_nobody_out(stack: Stack, chromium: Browser) -> None:
    """A whole office may be one address, and its minute used up: the page says so, and goes on where it was."""
    with Desk.of(stack, chromium, "An Office") as desk, desk.tab() as tab:
        desk.seller.client.post("/v1/plans", TEAM)
        stays(desk, tab)


def stays(desk: Desk, tab: Tab) -> None:
    """Go on through a token that has ended and a sign-in that is too busy, and through a reload while it is."""
    desk.open(tab, "/customers", "Customers")
    refused = {"error": {"code": "auth.unauthorized", "message": "The access token is not valid"}}
    tab.page.route("**/v1/plans?**", lambda route: route.fulfill(status=401, json=refused))
    tab.page.route("**/oauth2/authorize?**", lambda route: route.fulfill(status=429, body="Too many"))
    goes(tab, "Plans")
    expect(tab.page.get_by_role("alert")).to_contain_text("The access token is not valid")
    tab.page.unroute("**/v1/plans?**")
    button(tab.page.locator("main"), "Try again").click()
    tab.page.get_by_role("link", name="Team").wait_for()
    refusals(tab, 401, 429)
    tab.page.reload()
    at(tab, "That did not work")
    expect(tab.page.get_by_role("alert")).to_contain_text("Wait a minute.")
    refusals(tab, 429)
    tab.page.unroute("**/oauth2/authorize?**")
    tab.press("Sign in")
    at(tab, "Plans")
