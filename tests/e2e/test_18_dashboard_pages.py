"""Issue 18: each page of the dashboard, in light, dark and phone width, with the deployed stack behind it."""

from collections.abc import Iterator

import pytest

from tests.e2e.browser import Visitors
from tests.e2e.conftest import Stack
from tests.e2e.exhibits import SHORT, Exhibits
from tests.e2e.tour import PHONE, Tour, routes

AT_START = ["/v1/currencies", "/v1/me"]
CALLS = {
    "/": 5,  # six figures of four reports and a list
    "/earnings": 3,  # what was earned, the account that it goes to, and a list
    "/settings": 3,  # the tenant, and its newest invoice as a document
    **dict.fromkeys(["/reports", "/exports", "/tenants"], 0),  # a choice, a form, and what only the platform sees
}
"""How many calls a page makes, where it is not one."""

SHOWN = {
    *("/customers", "/customers/:id", "/subscriptions", "/subscriptions/:id", "/invoices", "/invoices/:id"),
    *("/credit-notes/:id", "/payments", "/plans", "/plans/:id", "/usage", "/orders", "/orders/:id"),
    *("/webhooks", "/webhooks/:id", "/keys", "/users", "/settings"),
}
"""Pages that have the canary to show: a page without one is quiet, whatever it does with texts."""


@pytest.fixture(scope="module")
def exhibits(stack: Stack) -> Exhibits:
    return Exhibits.laid_out(stack)


COLOURS = ["color-contrast", "link-in-text-block"]
"""What axe has to say anew of a page whose colours alone are others; this takes a quarter of the time of all rules."""


def faults(tour: Tour) -> Iterator[str]:
    """What is wrong with the page that is open."""
    if tour.page.locator("main h1").count() != 1:
        yield "there is not one heading"
    if not tour.is_as_wide_as_the_window():
        yield "it scrolls sideways"
    yield from (f"it says: {each}" for each in tour.page.get_by_role("alert").all_inner_texts())
    yield from (f"it complains: {each}" for each in tour.tab.complaints())
    yield from (f"it fetched {each.url}" for each in tour.asked if each.url.endswith("/canary"))
    yield from tour.tab.barriers()


def test_18_every_page_opens_in_light_and_dark_and_runs_no_text(
    stack: Stack, exhibits: Exhibits, visitors: Visitors
) -> None:
    """What somebody chose as a name or a note is shown as it was written, and nothing of it is run or fetched."""
    tour = Tour.begun(stack, exhibits.seller, visitors, "/customers")
    found: dict[str, list[str]] = {}
    shown = set()
    for route in routes():
        tour.go(exhibits.place(route))
        found[route] = list(faults(tour))
        tour.page.emulate_media(color_scheme="dark")
        found[f"{route} in the dark"] = [*tour.tab.complaints(), *tour.tab.barriers(COLOURS)]
        tour.page.emulate_media(color_scheme="light")
        if SHORT in tour.page.locator("main").inner_text():
            shown.add(route)
    assert {place: each for place, each in found.items() if each} == {}
    assert shown >= SHOWN


def test_18_every_page_opens_on_a_phone(stack: Stack, exhibits: Exhibits, visitors: Visitors) -> None:
    tour = Tour.begun(stack, exhibits.seller, visitors, "/customers", size=PHONE)
    found: dict[str, list[str]] = {}
    for route in routes():
        tour.go(exhibits.place(route))
        found[route] = list(faults(tour))
    assert {place: each for place, each in found.items() if each} == {}


def test_18_a_list_is_one_call(stack: Stack, exhibits: Exhibits, visitors: Visitors) -> None:
    """Beside the two with which a visit begins; pages of one thing are not counted here."""
    tour = Tour.begun(stack, exhibits.seller, visitors, "/customers")
    assert sorted(tour.calls()) == [*AT_START[:1], "/v1/customers", *AT_START[1:]]
    calls = {}
    for route in routes():
        if ":" not in route:
            tour.go(route)
            calls[route] = tour.calls()
    assert {route: len(each) for route, each in calls.items()} == {route: CALLS.get(route, 1) for route in calls}, calls
