"""Issue 19, item 1: documents, cards, billing details and usage in the portal, in every language."""

import re

import pytest
import requests

from billing.integrations.pdf.words import LANGUAGES
from tests.integration.portal.visitor import switch_on, visit
from tests.integration.world import Json, Tenant, World


@pytest.fixture(scope="module")
def tenant(world: World) -> Tenant:
    world.clock.reset()
    tenant = world.tenant()
    tenant.plan()
    switch_on(tenant, plans=["business-monthly"], cancel="either")
    return tenant


def test_invoices_and_credit_notes_are_listed_and_printed(
    world: World, tenant: Tenant, customer: str, subscription: Json
) -> None:
    invoice = tenant.get(f"/v1/invoices/{subscription['latestInvoiceId']}").data
    body = {"amount": 1_000_000, "reason": "goodwill"}
    note = tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", body).data
    visitor = visit(tenant, customer)
    visitor.get("/portal/invoices")
    assert visitor.shows(invoice["number"], "$549.99", "PAID", note["number"], "Credit note")
    for path in (f"invoices/{invoice['id']}", f"credit-notes/{note['id']}"):
        printed = visitor.get(f"/portal/{path}/pdf")
        assert (printed.status, printed.headers["Content-Type"]) == (200, "application/pdf")
        assert printed.content.startswith(b"%PDF-")
    other = visit(tenant, tenant.customer())
    stranger = world.tenant()
    third = visit(stranger, stranger.customer())
    for path in (f"invoices/{invoice['id']}", f"credit-notes/{note['id']}", "invoices/in_none"):
        assert other.get(f"/portal/{path}/pdf").status == 404
        assert third.get(f"/portal/{path}/pdf").status == 404


def cards(tenant: Tenant, customer: str) -> list[str]:
    """The ids of a customer's saved cards."""
    return [each["id"] for each in tenant.get("/v1/payment-methods", customer=customer).data]


def test_a_card_is_chosen_and_another_one_removed(tenant: Tenant, customer: str, subscription: Json) -> None:
    first = subscription["paymentMethodId"]
    tenant.patch(f"/v1/subscriptions/{subscription['id']}", {"paymentMethodId": "pm_card_mastercard"})
    (second,) = [each for each in cards(tenant, customer) if each != first]
    visitor = visit(tenant, customer)
    visitor.get("/portal/cards")
    assert visitor.shows("Visa ending in 4242", "Mastercard ending in 4444", "Is charged")
    form = {**visitor.fields("/portal/cards/choose"), "method": second}
    visitor.post("/portal/cards/choose", form)
    visitor.follow()
    assert visitor.shows("is charged from now on")
    assert tenant.get(f"/v1/customers/{customer}").data["defaultPaymentMethodId"] == second
    visitor.post("/portal/cards/remove", {**visitor.fields("/portal/cards/remove"), "method": first})
    visitor.follow()
    assert visitor.shows("The payment method was removed.")
    assert cards(tenant, customer) == [second]


def test_a_card_is_entered_at_stripe_and_comes_back(world: World, tenant: Tenant, customer: str) -> None:
    visitor = visit(tenant, customer)
    visitor.get("/portal/cards")
    assert visitor.page is not None
    assert f"form-action 'self' {world.sandbox_url}" in visitor.page.headers["Content-Security-Policy"]
    form = visitor.fields("/portal/cards/add")
    first = visitor.post("/portal/cards/add", form)
    page = first.headers["Location"]
    assert first.status == 303
    assert page.startswith(f"{world.sandbox_url}/c/pay/cs_test_")
    assert visitor.post("/portal/cards/add", form).headers["Location"] == page
    submitted = requests.post(page, data={"number": "5555 5555 5555 4444"}, allow_redirects=False, timeout=60)
    assert submitted.headers["Location"] == "https://billing.example/portal/cards?done=card_added"
    world.deliver_all(tenant)
    visitor.get("/portal/cards?done=card_added")
    assert visitor.shows("The card is saved.", "Mastercard ending in 4444", "Is charged")


def test_the_last_card_stays_while_something_is_to_be_paid(tenant: Tenant, customer: str, subscription: Json) -> None:
    card = subscription["paymentMethodId"]
    visitor = visit(tenant, customer)
    visitor.get("/portal/cards")
    assert visitor.shows("stays as long as something is to be paid")
    assert "/portal/cards/remove" not in visitor.text
    visitor.get("/portal/details")
    forged = visitor.fields("/portal/details") | {"method": card}
    assert visitor.post("/portal/cards/remove", forged).status == 409
    assert visitor.shows("not possible as things are now")
    assert 'href="/portal/cards" aria-current=page' in visitor.text
    languages = re.findall(r'href="([^"]*\?lang=\w\w)"', visitor.text)
    assert len(languages) == len(LANGUAGES)
    for address in (*languages, "/portal/cards?lang=en"):
        assert visitor.get(address).status == 200, address
    assert cards(tenant, customer) == [card]
    tenant.post(f"/v1/subscriptions/{subscription['id']}/cancel", {"atPeriodEnd": True})
    visitor.get("/portal/cards")
    visitor.submit("/portal/cards/remove")
    visitor.follow()
    assert visitor.shows("No payment method is saved.")


def test_anothers_card_is_none(tenant: Tenant, customer: str) -> None:
    theirs = tenant.subscribe(customerId=tenant.customer())["paymentMethodId"]
    visitor = visit(tenant, customer)
    visitor.get("/portal/details")
    form = {name: visitor.fields("/portal/details")[name] for name in ("csrf", "once")}
    for act in ("choose", "remove"):
        for each in (theirs, "pm_none", "pm_card_visa"):
            answer = visitor.post(f"/portal/cards/{act}", form | {"method": each, "once": act + each})
            assert answer.status == 404, (act, each)


def test_details_are_kept_and_what_is_wrong_is_said_at_its_field(tenant: Tenant, customer: str) -> None:
    visitor = visit(tenant, customer, locale="de")
    visitor.get("/portal/details")
    wrong = visitor.submit("/portal/details", name="", email="nobody", **{"address.country": "Germany"})
    assert wrong.status == 400
    assert visitor.shows("Etwas stimmt nicht", "Das wird gebraucht.", "Das stimmt so nicht.")
    assert visitor.text.count('aria-invalid="true"') == 3
    assert 'value="Germany"' in visitor.text, "what was entered stays"
    right = {"name": "Ada GmbH", "email": "ada@example.org", "taxId": "DE123456789"}
    visitor.submit("/portal/details", **right, **{"address.city": "Berlin", "address.country": "DE"})
    visitor.follow()
    assert visitor.shows("Ihre Daten sind gespeichert.")
    found = tenant.get(f"/v1/customers/{customer}").data
    assert {name: found[name] for name in right} == right
    assert (found["address"]["city"], found["address"]["country"]) == ("Berlin", "DE")


def test_details_undo_nothing_that_was_not_shown(tenant: Tenant, customer: str) -> None:
    visitor = visit(tenant, customer)
    visitor.get("/portal/details")
    form = visitor.fields("/portal/details")
    tenant.patch(f"/v1/customers/{customer}", {"taxId": "DE123456789"})
    assert visitor.post("/portal/details", form | {"name": ""}).status == 400
    assert visitor.submit("/portal/details", name="Ada").status == 412, "it is still about what was shown"
    assert visitor.shows("Something has changed meanwhile")
    assert visitor.fields("/portal/details")["taxId"] == "DE123456789"
    unsaid = {name: value for name, value in visitor.fields("/portal/details").items() if name != "version"}
    assert visitor.post("/portal/details", unsaid).status == 400
    visitor.get("/portal/details")
    assert visitor.submit("/portal/details", name="Ada").status == 303
    found = tenant.get(f"/v1/customers/{customer}").data
    assert (found["name"], found["taxId"]) == ("Ada", "DE123456789")


def test_usage_so_far_is_what_the_next_invoice_has(world: World, tenant: Tenant, customer: str) -> None:
    meter = tenant.meter("portal_calls")
    component = {"key": "calls", "type": "metered", "model": "per_unit", "unitAmount": 10_000, "meter": meter}
    tenant.plan(id="metered", name="Metered", components=[component])
    subscription = tenant.subscribe(customerId=customer, planId="metered", quantities={})
    event = {
        "eventId": "portal-use-1", "subscriptionId": subscription["id"], "meter": meter, "quantity": 250,
        "timestamp": world.clock().isoformat(),
    }  # fmt: skip
    world.usage_messages()
    sent = tenant.post("/v1/usage/events", {"events": [event]})
    assert sent.status < 300, sent.json
    world.count_usage()
    visitor = visit(tenant, customer)
    visitor.get("/portal/usage")
    assert visitor.shows("Metered", "$25.00")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_in_every_language(tenant: Tenant, customer: str, subscription: Json, language: str) -> None:
    visitor = visit(tenant, customer)
    at = f"/portal/subscriptions/{subscription['id']}"
    assert visitor.get(f"/portal?lang={language}").status == 200
    pages = ("/portal/invoices", "/portal/cards", "/portal/usage", "/portal/details", f"{at}/pause", f"{at}/cancel")
    for path in ("/portal", *pages, f"{at}/resume", f"{at}/change?plan=business-monthly&q.seats=101"):
        assert visitor.get(path).status == 200, path
        assert f'<html lang="{language}">' in visitor.text, "the session keeps what was chosen"
        told = {"en": "Sign out", "de": "Abmelden", "fr": "Se déconnecter", "es": "Cerrar sesión"}
        assert visitor.shows(told[language])
