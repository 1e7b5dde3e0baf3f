"""Issue 18: people move money in the deployed dashboard, once however often they press."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Locator, Route, expect

from local.client import Client
from tests.e2e.browser import PATIENCE_MS, Tab
from tests.e2e.conftest import TEAM, Stack, charges, subscribe
from tests.e2e.desk import Desk, Sent, at, button, closed, dialog, reads, refusals, token_of
from tests.e2e.people import PASSWORD
from tests.e2e.test_payments import Payer, new_payer, open_invoice

SMALL, LARGE = "team-monthly", "business-monthly"
BUSINESS = TEAM | {
    "id": LARGE,
    "name": "Business",
    "components": [
        {"key": "base", "type": "flat", "unitAmount": 9_900_000},
        {"key": "seats", "type": "licensed", "unitAmount": 900_000},
    ],
}


@pytest.fixture(scope="module")
def desk(stack: Stack, chromium: Browser) -> Iterator[Desk]:
    """An admin of a tenant that sells two plans."""
    with Desk.of(stack, chromium, "Difference Engines") as made:
        for plan in (TEAM, BUSINESS):
            made.seller.client.post("/v1/plans", plan)
        yield made


@pytest.fixture
def tab(desk: Desk) -> Iterator[Tab]:
    """A tab of the admin's."""
    with desk.tab() as made:
        yield made


@pytest.fixture
def payer(desk: Desk) -> Payer:
    """A customer of the tenant's."""
    return new_payer(desk.seller, "Charles")


def paid(payer: Payer) -> Any:
    """A payment of $49.99 by card."""
    return payer.charge(paymentMethodId="pm_card_visa").data


def usd(micros: int) -> str:
    return f"{micros // 100_000:,}.{micros // 1000 % 100:02} USD"


def test_18_a_key_is_rotated_after_the_password_and_the_old_one_goes_on(stack: Stack, desk: Desk, tab: Tab) -> None:
    """The password is asked for once more; a wrong one changes nothing, the right one sends the same request again."""
    old = desk.seller.client.post("/v1/api-keys", {"name": "Our server", "scope": "read"})
    row = tab.page.locator(f"tr[data-id='{old['id']}']")
    desk.open(tab, "/keys", "API keys")
    desk.entered_long_ago(tab)
    tab.page.reload()
    sent = Sent(tab, f"/v1/api-keys/{old['id']}/rotate")
    button(row, "Rotate Our server").click()
    tab.fill("The old key works for so many hours more", "1")
    button(dialog(tab), "Rotate").click()
    tab.page.get_by_role("heading", name="Your password, once more").wait_for()
    tab.fill("Password", "weaves something else")
    button(dialog(tab), "Go on").click()
    tab.page.get_by_text("The password or the code is not right.").wait_for()
    assert desk.seller.client.get(f"/v1/api-keys/{old['id']}")["replacedBy"] is None
    tab.fill("Password", PASSWORD)
    button(dialog(tab), "Go on").click()
    new = dialog(tab).locator(".secret code").first.inner_text()
    assert len(sent.keys) == 2
    assert len(set(sent.keys)) == 1
    refusals(tab, 401, 403)
    assert new != old["key"]
    assert [reads(stack, X_API_Key=each) for each in (old["key"], new)] == [200, 200]
    button(dialog(tab), "Done").click()
    expect(button(row, "Rotate Our server")).to_have_attribute("aria-disabled", "true")
    expect(row).to_contain_text("It was rotated: the new one can be.")
    button(row, "Revoke Our server").click()
    button(dialog(tab), "Revoke").click()
    closed(tab)
    expect(row).to_contain_text("revoked")
    assert [reads(stack, X_API_Key=each) for each in (old["key"], new)] == [401, 200]


def test_18_a_change_of_plan_bills_what_was_shown(desk: Desk, tab: Tab, payer: Payer) -> None:
    subscription = subscribe(payer.client, payer.id, SMALL)
    desk.open(tab, f"/subscriptions/{subscription['id']}", "Team")
    change = button(tab.page.locator("main"), "Change plan or quantities")
    expect(change).not_to_have_attribute("aria-disabled", "true")
    change.click()
    tab.page.get_by_label("Plan", exact=True).select_option(LARGE)
    tab.fill("Quantity of seats", "3")
    tab.page.get_by_label("Bill the difference", exact=True).select_option("invoice_now")
    button(dialog(tab), "Preview").click()
    shown = dialog(tab).locator(".preview strong").first.inner_text()
    (previewed,) = re.findall(r"^Now: ([\d,.]+ USD)$", shown)
    button(dialog(tab), "Change as shown").click()
    closed(tab)
    at(tab, "Business")
    newest, first = payer.client.get(f"/v1/invoices?subscription={subscription['id']}")
    assert (usd(newest["total"]), newest["status"], first["total"]) == (previewed, "paid", 6_399_000)
    changed = payer.client.get(f"/v1/subscriptions/{subscription['id']}")
    assert (changed["planId"], changed["itemQuantities"]) == (LARGE, {"seats": 3})
    tab.page.get_by_role("link", name="Invoices", exact=True).last.click()
    row = tab.page.locator(f"tr[data-id='{newest['id']}']")
    expect(row).to_contain_text(previewed)


def refund(tab: Tab, amount: str, reason: str = "") -> Locator:
    """Fill the open dialog in, as far as the button that pays back."""
    tab.fill("Amount (USD)", amount)
    if reason:
        tab.page.get_by_label("Reason").fill(reason)
    button(dialog(tab), "Preview").click()
    confirm = button(dialog(tab), "Refund")
    confirm.wait_for()
    return confirm


def test_18_a_payment_goes_back_in_part_and_never_more_than_is_left(desk: Desk, tab: Tab, payer: Payer) -> None:
    payment = paid(payer)
    path = f"/v1/payments/{payment['id']}"
    desk.open(tab, f"/payments/{payment['id']}", "Payment of 49.99 USD succeeded")
    button(tab.page.locator("main"), "Refund").click()
    confirm = refund(tab, "20.00", "Half a day")
    expect(dialog(tab).locator(".preview")).to_contain_text("29.99 USD is left after it")
    confirm.click()
    closed(tab)
    expect(tab.page.locator("main")).to_contain_text("Half a day")
    (made,) = payer.client.get(f"{path}/refunds")
    assert (made["amount"], made["status"], made["reason"]) == (2_000_000, "succeeded", "Half a day")
    button(tab.page.locator("main"), "Refund").click()
    confirm = refund(tab, "29.99")
    payer.client.post(f"{path}/refund", {"amount": 500_000})  # somebody else is faster
    confirm.click()
    alert = dialog(tab).get_by_role("alert")
    expect(alert).to_contain_text("billing.refund.exceeds_available")
    refused = payer.client.call("POST", f"{path}/refund", {"amount": 2_999_000})
    expect(alert).to_contain_text(refused.body["error"]["message"])
    refusals(tab, 422)
    assert sum(each["amount"] for each in payer.client.get(f"{path}/refunds")) == 2_500_000


def fails(payer: Payer) -> Any:
    """An open invoice whose card was refused."""
    payer.saves("pm_card_chargeCustomerFail")
    invoice = open_invoice(payer)
    assert payer.client.call("POST", f"/v1/invoices/{invoice['id']}/pay", {}).status == 502
    return invoice


def retries(tab: Tab, *invoices: str) -> Locator:
    """Select invoices and retry them at once; what the page tells of each."""
    for invoice in invoices:
        tab.page.get_by_label(f"Select {invoice}", exact=True).check()
    button(tab.page.locator("main"), "Retry payment").click()
    button(tab.page.get_by_role("group", name="Retry payment"), "Yes").click()
    return tab.page.locator(".outcomes li")


def test_18_a_card_that_comes_right_is_charged_by_a_bulk_retry(desk: Desk, tab: Tab, payer: Payer) -> None:
    """Of two failed payments the one whose payer has a new card is paid, and the other one says why it is not."""
    other = new_payer(desk.seller, "Luigi")
    good, bad = fails(payer), fails(other)
    desk.open(tab, "/failed-payments", "Failed payments")
    rows = {each["id"]: tab.page.locator(f"tr[data-id='{each['id']}']") for each in (good, bad)}
    for row in rows.values():
        expect(row).to_contain_text("120.00 USD")
    card = payer.saves("pm_card_visa")
    payer.client.post(f"/v1/payment-methods/{card['id']}/set-default")
    outcomes = retries(tab, *rows)
    expect(outcomes.filter(has_text=good["number"])).to_have_text(re.compile("done$"))
    expect(outcomes.filter(has_text=bad["number"])).to_contain_text("payment.declined")
    expect(rows[good["id"]]).to_have_count(0)
    expect(rows[bad["id"]]).to_have_count(1)
    refusals(tab, 502)
    found = payer.client.get(f"/v1/invoices/{good['id']}")
    assert (found["status"], found["amountPaid"]) == ("paid", 12_000_000)
    assert payer.client.get(f"/v1/invoices/{bad['id']}")["status"] == "open"


def test_18_a_charge_without_an_outcome_is_not_called_done(desk: Desk, tab: Tab, payer: Payer) -> None:
    payer.saves("pm_card_visa")
    invoice = open_invoice(payer)

    def waits(route: Route) -> None:
        answer = route.fetch(timeout=PATIENCE_MS)
        said = answer.json()
        route.fulfill(response=answer, json=said | {"data": said["data"] | {"status": "open"}})

    tab.page.route("**/pay", waits)
    desk.open(tab, f"/invoices?customer={payer.id}", "Invoices")
    outcomes = retries(tab, invoice["id"])
    expect(outcomes).to_contain_text(f"{invoice['number']} not paid yet: the outcome of the charge is not known.")


def test_18_a_reader_sees_what_is_not_for_readers_and_why(stack: Stack, chromium: Browser) -> None:
    """The button stays, tells the reason and does nothing; the API refuses the same token."""
    with Desk.of(stack, chromium, "Readers", "read_only") as desk, desk.tab() as tab:
        payer = new_payer(desk.seller, "Charles")
        payment = paid(payer)
        desk.open(tab, f"/payments/{payment['id']}")
        token = token_of(tab, "/v1/payments/", tab.page.reload)
        for place, name, scope in (
            (f"/payments/{payment['id']}", "Refund", "payments:process"),
            ("/customers", "New customer", "billing:write"),
        ):
            desk.open(tab, place)
            action = button(tab.page.locator("main"), name)
            expect(action).to_have_attribute("aria-disabled", "true")
            expect(action).to_have_accessible_description(
                f"Needs the scope {scope}. You are read-only: an admin of this tenant can change that under Users."
            )
            action.click(force=True)
            expect(dialog(tab)).to_have_count(0)
        asked = {"Authorization": f"Bearer {token}", "Idempotency-Key": payment["id"]}
        for path, body in ((f"/v1/payments/{payment['id']}/refund", {}), ("/v1/customers", {"name": "Luigi"})):
            answer = requests.post(f"{stack.api_url}{path}", json=body, headers=asked, timeout=60)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "auth.forbidden")
        assert reads(stack, Authorization=f"Bearer {token}") == 200
        assert payer.client.get(f"/v1/payments/{payment['id']}/refunds") == []


def pays(desk: Desk, tab: Tab, invoice: Any) -> Locator:
    """The button that charges an invoice, in its dialog."""
    desk.open(tab, f"/invoices/{invoice['id']}")
    button(tab.page.locator("main"), "Pay").click()
    confirm = button(dialog(tab), "Charge 120.00 USD")
    confirm.wait_for()
    return confirm


def charged_once(client: Client, invoice: Any) -> None:
    """Stripe has taken the invoice's sum, once."""
    found = client.get(f"/v1/invoices/{invoice['id']}")
    assert (found["status"], found["amountPaid"]) == ("paid", 12_000_000)
    payments = client.get(f"/v1/payments?invoice={invoice['id']}")
    assert [each["amount"] for payment in payments for each in charges(client, payment)] == [12_000]


@pytest.mark.parametrize(
    ("presses", "requests_sent"),
    [
        pytest.param(lambda button: button.dblclick(), 1, id="by hand"),
        pytest.param(lambda button: button.evaluate("it => { it.click(); it.click(); }"), 2, id="at the same instant"),
    ],
)
def test_18_a_double_click_charges_once(
    desk: Desk, tab: Tab, payer: Payer, presses: Callable[[Locator], None], requests_sent: int
) -> None:
    """The second click of a hand finds the button disabled; one that is faster sends the same key."""
    payer.saves("pm_card_visa")
    invoice = open_invoice(payer)
    sent = Sent(tab, f"/v1/invoices/{invoice['id']}/pay")
    presses(pays(desk, tab, invoice))
    closed(tab)
    at(tab, f"{invoice['number']} paid")
    assert len(sent.keys) >= requests_sent
    assert len(set(sent.keys)) == 1
    charged_once(payer.client, invoice)
    assert [each for each in tab.complaints() if "status of 409 " not in each] == []  # the first is still under way


def test_18_an_answer_that_is_lost_charges_once(desk: Desk, tab: Tab, payer: Payer) -> None:
    """The page says that nobody knows, and tries the very same request again until somebody does."""
    payer.saves("pm_card_visa")
    invoice = open_invoice(payer)
    path = f"/v1/invoices/{invoice['id']}/pay"
    sent, lost = Sent(tab, path), []

    def lose(route: Route) -> None:
        lost.append(route.fetch(timeout=PATIENCE_MS).status)
        route.abort()

    tab.page.route(f"**{path}", lose)
    pays(desk, tab, invoice).click()
    again = button(dialog(tab), "Try again")
    again.wait_for()
    expect(dialog(tab)).to_contain_text("it is the same request, and cannot happen twice")
    assert lost == [200] * len(lost)
    tab.page.unroute(f"**{path}")
    again.click()
    closed(tab)
    assert len(sent.keys) == len(lost) + 1
    assert len(set(sent.keys)) == 1
    charged_once(payer.client, invoice)
    said = tab.complaints()
    assert len(said) == len(lost)
    assert all("net::ERR_FAILED" in each for each in said)
