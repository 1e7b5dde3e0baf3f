"""Issue 19: the sandbox's Checkout, held to Stripe's description, and to what its documentation says of sessions.

docs.stripe.com/api/checkout/sessions; the changelog of 2022-08-01 says when the PaymentIntent is made.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests
import stripe

from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, merged


@pytest.fixture
def customer(api: stripe.StripeClient) -> stripe.Customer:
    return api.v1.customers.create({})


def payment(api: stripe.StripeClient, **params: Any) -> stripe.checkout.Session:
    item = {"quantity": 2, "price_data": {"currency": "usd", "unit_amount": 2500, "product_data": {"name": "Invoice"}}}
    body = {"mode": "payment", "line_items": [item], "success_url": "https://shop.example/done"}
    return api.v1.checkout.sessions.create(merged(body, params))


def setup(api: stripe.StripeClient, customer: stripe.Customer) -> stripe.checkout.Session:
    body: Any = {"mode": "setup", "customer": customer.id, "currency": "usd", "success_url": "https://shop.example/"}
    return api.v1.checkout.sessions.create(body)


def types(api: stripe.StripeClient) -> list[str]:
    return [event.type for event in api.v1.events.list({"limit": 100}).data[::-1]]


def submit(session: stripe.checkout.Session, number: str) -> requests.Response:
    assert session.url is not None
    return requests.post(session.url, data={"number": number}, allow_redirects=False, timeout=60)


def test_the_intent_is_made_when_the_payer_submits_the_page(
    api: stripe.StripeClient, customer: stripe.Customer, control: Control
) -> None:
    made = payment(api, customer=customer.id, payment_intent_data={"metadata": {"payment_id": "pay_1"}})
    assert (made.status, made.payment_status, made.payment_intent, made.amount_total) == ("open", "unpaid", None, 5000)
    control.post(f"checkout/sessions/{made.id}/pay", payment_method="pm_card_visa")
    done = api.v1.checkout.sessions.retrieve(made.id, {"expand": ["payment_intent.latest_charge"]})
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    intent: Any = done.payment_intent
    assert (intent.status, intent.amount_received, intent.metadata["payment_id"]) == ("succeeded", 5000, "pay_1")
    assert types(api)[-2:] == ["payment_intent.succeeded", "checkout.session.completed"]


def test_a_declined_card_leaves_the_session_open(api: stripe.StripeClient) -> None:
    made = payment(api)
    page = submit(made, "4000 0000 0000 0002")
    assert page.status_code == 200
    assert "declined" in page.text
    again = api.v1.checkout.sessions.retrieve(made.id, {"expand": ["payment_intent"]})
    intent: Any = again.payment_intent
    assert (again.status, intent.status) == ("open", "requires_payment_method")
    paid = submit(made, "4242 4242 4242 4242")
    assert (paid.status_code, paid.headers["Location"]) == (303, "https://shop.example/done")
    assert api.v1.checkout.sessions.retrieve(made.id).payment_intent == intent.id


def test_3d_secure_is_a_page_of_its_own(api: stripe.StripeClient) -> None:
    made = payment(api)
    asked = submit(made, "4000000000003220")
    url = made.url or ""
    assert asked.headers["Location"] == f"/c/pay/{made.id}/3ds"
    refused = requests.post(f"{url}/3ds", data={"answer": "fail"}, allow_redirects=False, timeout=60)
    assert "unable to authenticate" in refused.text
    submit(made, "4000000000003220")
    done = requests.post(f"{url}/3ds", data={"answer": "complete"}, allow_redirects=False, timeout=60)
    assert done.headers["Location"] == "https://shop.example/done"
    assert api.v1.checkout.sessions.retrieve(made.id).status == "complete"


def test_an_expired_session_takes_no_money_and_a_complete_one_cannot_expire(api: stripe.StripeClient) -> None:
    made = payment(api)
    submit(made, "4000 0000 0000 0002")
    gone = api.v1.checkout.sessions.expire(made.id)
    assert (gone.status, gone.url) == ("expired", None)
    assert "expired" in submit(made, "4242424242424242").text
    assert api.v1.payment_intents.retrieve(str(gone.payment_intent)).status == "canceled"
    other = payment(api)
    submit(other, "4242424242424242")
    for each in (made, other):
        with pytest.raises(stripe.InvalidRequestError):
            api.v1.checkout.sessions.expire(each.id)
    assert types(api).count("checkout.session.expired") == 1


def test_only_the_session_confirms_or_cancels_its_intent(api: stripe.StripeClient, customer: stripe.Customer) -> None:
    made = payment(api)
    submit(made, "4000 0000 0000 0002")
    intent = str(api.v1.checkout.sessions.retrieve(made.id).payment_intent)
    with pytest.raises(stripe.InvalidRequestError, match="Expire the Checkout Session"):
        api.v1.payment_intents.cancel(intent)
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payment_intents.confirm(intent, {"payment_method": "pm_card_visa"})
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.setup_intents.cancel(str(setup(api, customer).setup_intent))


def test_a_card_is_saved_for_later(api: stripe.StripeClient, customer: stripe.Customer) -> None:
    made = setup(api, customer)
    assert (made.payment_status, made.amount_total) == ("no_payment_required", None)
    submit(made, "4242 4242 4242 4242")
    (method,) = api.v1.customers.payment_methods.list(customer.id).data
    setup_intent = api.v1.setup_intents.retrieve(str(made.setup_intent))
    assert (setup_intent.status, setup_intent.payment_method) == ("succeeded", method.id)
    assert {"payment_method.attached", "setup_intent.succeeded", "checkout.session.completed"} <= set(types(api))


@pytest.mark.parametrize("after_s", [60, 2 * 86_400])
def test_a_session_lives_from_half_an_hour_to_a_day(api: stripe.StripeClient, after_s: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        payment(api, expires_at=int(time.time()) + after_s)
    assert refused.value.param == "expires_at"


def test_its_time_ends_by_itself(api: stripe.StripeClient, control: Control, server: SandboxServer) -> None:
    made = payment(api)
    assert made.expires_at - made.created == 86_400
    control.post(f"checkout/sessions/{made.id}/expire")
    assert "expired" in requests.get(f"{server.url}/c/pay/{made.id}", timeout=60).text
    assert types(api) == ["checkout.session.expired"]
