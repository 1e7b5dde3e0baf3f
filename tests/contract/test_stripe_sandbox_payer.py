"""What payers, colleagues and banks do beside the API: paying in the browser, saving a card, refunding by hand."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe

from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, merged


@pytest.fixture
def customer(api: stripe.StripeClient) -> stripe.Customer:
    return api.v1.customers.create({"name": "Ada"})


def new_intent(api: stripe.StripeClient, **params: Any) -> stripe.PaymentIntent:
    return api.v1.payment_intents.create(merged({"amount": 5000, "currency": "usd"}, params))


def new_setup(api: stripe.StripeClient, customer: stripe.Customer, **params: Any) -> stripe.SetupIntent:
    return api.v1.setup_intents.create(merged({"customer": customer.id, "usage": "off_session"}, params))


def act(server: SandboxServer, path: str, **body: Any) -> requests.Response:
    return requests.post(f"{server.url}/_sandbox/{path}", json=body, timeout=60)


def types(api: stripe.StripeClient) -> list[str]:
    return [event.type for event in api.v1.events.list({"limit": 100}).data[::-1]]


def off_session(api: stripe.StripeClient, customer: stripe.Customer, method: str) -> stripe.PaymentIntent:
    body = {"customer": customer.id, "payment_method": method, "confirm": True, "off_session": True}
    return new_intent(api, **body, allowed_payment_method_types=["card"])


def test_the_payer_pays_in_the_browser(api: stripe.StripeClient, control: Control) -> None:
    intent = new_intent(api, metadata={"order": "o_1"})
    paid = control.post(f"payment_intents/{intent.id}/pay", payment_method="pm_card_visa")
    assert (paid["status"], paid["amount_received"]) == ("succeeded", 5000)
    assert api.v1.payment_intents.retrieve(intent.id).metadata["order"] == "o_1"
    assert types(api) == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    succeeded = api.v1.events.list({"type": "payment_intent.succeeded"}).data[0]
    assert succeeded.request is not None
    assert succeeded.request.idempotency_key is None


def test_the_client_secret_has_to_be_the_intents(server: SandboxServer, api: stripe.StripeClient) -> None:
    intent = new_intent(api)
    path = f"payment_intents/{intent.id}/pay"
    wrong = act(server, path, payment_method="pm_card_visa", client_secret=f"{intent.id}_secret_guessed")
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "client_secret")
    assert api.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"
    right = act(server, path, payment_method="pm_card_visa", client_secret=intent.client_secret)
    assert right.json()["status"] == "succeeded"


def test_a_decline_in_the_browser_is_a_402_and_the_payer_tries_again(
    server: SandboxServer, api: stripe.StripeClient
) -> None:
    intent = new_intent(api)
    path = f"payment_intents/{intent.id}/pay"
    declined = act(server, path, payment_method="pm_card_chargeDeclinedInsufficientFunds")
    error = declined.json()["error"]
    assert (declined.status_code, error["decline_code"]) == (402, "insufficient_funds")
    assert error["payment_intent"]["id"] == intent.id
    failed = api.v1.payment_intents.retrieve(intent.id)
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.decline_code == "insufficient_funds"
    assert types(api)[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    assert act(server, path, payment_method="pm_card_visa").json()["status"] == "succeeded"
    assert act(server, path, payment_method="pm_card_visa").status_code == 400
    assert len([c for c in api.v1.charges.list() if c.paid]) == 1


@pytest.mark.parametrize(("succeed", "status"), [(True, "succeeded"), (False, "requires_payment_method")])
def test_3d_secure_in_the_browser(api: stripe.StripeClient, control: Control, succeed: bool, status: str) -> None:
    intent = new_intent(api)
    path = f"payment_intents/{intent.id}"
    assert control.post(f"{path}/pay", payment_method="pm_card_threeDSecure2Required")["status"] == "requires_action"
    assert control.post(f"{path}/authenticate", succeed=succeed)["status"] == status
    assert types(api)[1] == "payment_intent.requires_action"


def test_a_card_kept_for_later_pays_off_session(
    api: stripe.StripeClient, control: Control, customer: stripe.Customer
) -> None:
    intent = new_intent(api, customer=customer.id, setup_future_usage="off_session")
    path = f"payment_intents/{intent.id}"
    control.post(f"{path}/pay", payment_method="pm_card_authenticationRequiredOnSetup")
    control.post(f"{path}/authenticate", succeed=True)
    (method,) = api.v1.customers.payment_methods.list(customer.id).data
    assert off_session(api, customer, method.id).status == "succeeded"
    attached = api.v1.events.list({"type": "payment_method.attached"}).data[0].data.object
    assert (attached["id"], attached["customer"]) == (method.id, customer.id)


def test_a_card_kept_for_on_session_use_needs_3d_secure_off_session(
    api: stripe.StripeClient, control: Control, customer: stripe.Customer
) -> None:
    setup = new_setup(api, customer, usage="on_session")
    control.post(f"setup_intents/{setup.id}/complete", payment_method="pm_card_authenticationRequiredOnSetup")
    method = control.post(f"setup_intents/{setup.id}/authenticate", succeed=True)["payment_method"]
    with pytest.raises(stripe.CardError) as caught:
        off_session(api, customer, method)
    assert caught.value.code == "authentication_required"


def test_an_intent_confirmed_by_its_server_alone_cannot_be_paid_in_the_browser(
    server: SandboxServer, api: stripe.StripeClient
) -> None:
    intent = new_intent(api, confirmation_method="manual")
    refused = act(server, f"payment_intents/{intent.id}/pay", payment_method="pm_card_visa")
    assert refused.status_code == 400
    assert api.v1.charges.list().data == []


@pytest.mark.parametrize("body", [{"payment_method": 1}, {"card": "4242"}, {}])
def test_a_senseless_payment_is_refused(server: SandboxServer, api: stripe.StripeClient, body: dict[str, Any]) -> None:
    intent = new_intent(api)
    assert act(server, f"payment_intents/{intent.id}/pay", **body).status_code == 400
    assert api.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"


def test_the_payer_saves_a_card_in_the_browser(
    api: stripe.StripeClient, control: Control, customer: stripe.Customer
) -> None:
    setup = new_setup(api, customer, metadata={"purpose": "renewals"})
    done = control.post(
        f"setup_intents/{setup.id}/complete", payment_method="pm_card_visa", client_secret=setup.client_secret
    )
    assert (done["status"], done["usage"], done["metadata"]) == ("succeeded", "off_session", {"purpose": "renewals"})
    assert types(api)[1:] == ["setup_intent.created", "payment_method.attached", "setup_intent.succeeded"]
    attached = api.v1.events.list({"type": "payment_method.attached"}).data[0].data.object
    assert (attached["id"], attached["customer"]) == (done["payment_method"], customer.id)
    assert off_session(api, customer, done["payment_method"]).status == "succeeded"


def test_a_declined_setup_in_the_browser_fails_and_can_be_canceled(
    server: SandboxServer, api: stripe.StripeClient, customer: stripe.Customer
) -> None:
    setup = new_setup(api, customer)
    path = f"setup_intents/{setup.id}/complete"
    declined = act(server, path, payment_method="pm_card_chargeDeclined")
    assert (declined.status_code, declined.json()["error"]["code"]) == (402, "card_declined")
    api.v1.setup_intents.cancel(setup.id)
    assert types(api)[-2:] == ["setup_intent.setup_failed", "setup_intent.canceled"]
    assert act(server, path, payment_method="pm_card_visa").status_code == 400
    assert api.v1.customers.payment_methods.list(customer.id).data == []


@pytest.mark.parametrize(("succeed", "status"), [(True, "succeeded"), (False, "requires_payment_method")])
def test_a_setup_may_need_3d_secure(
    api: stripe.StripeClient, control: Control, customer: stripe.Customer, succeed: bool, status: str
) -> None:
    setup = new_setup(api, customer)
    path = f"setup_intents/{setup.id}"
    waiting = control.post(f"{path}/complete", payment_method="pm_card_authenticationRequiredOnSetup")
    assert waiting["status"] == "requires_action"
    assert control.post(f"{path}/authenticate", succeed=succeed)["status"] == status
    last = "setup_intent.succeeded" if succeed else "setup_intent.setup_failed"
    assert types(api)[-1] == last


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_detached_card_names_the_customer_it_had(
    api: stripe.StripeClient, control: Control, customer: stripe.Customer, by_hand: bool
) -> None:
    method = api.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    if by_hand:
        control.post(f"payment_methods/{method.id}/detach")
    else:
        api.v1.payment_methods.detach(method.id)
    data = api.v1.events.list({"type": "payment_method.detached"}).data[0].data
    assert data.previous_attributes is not None
    assert (data.object["customer"], data.previous_attributes["customer"]) == (None, customer.id)


def test_a_changed_card_tells_what_it_was(api: stripe.StripeClient, customer: stripe.Customer) -> None:
    method = api.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    api.v1.payment_methods.update(method.id, {"billing_details": {"name": "Ada Lovelace"}})
    data = api.v1.events.list({"type": "payment_method.updated"}).data[0].data
    assert data.previous_attributes is not None
    assert data.object["billing_details"]["name"] == "Ada Lovelace"
    assert data.previous_attributes["billing_details"]["name"] is None


def test_a_renewed_card_is_updated_by_the_network(
    api: stripe.StripeClient, control: Control, customer: stripe.Customer
) -> None:
    method = api.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    control.post(f"payment_methods/{method.id}/renew", exp_month=3, exp_year=2039, last4="1881")
    card = api.v1.payment_methods.retrieve(method.id).card
    assert card is not None
    assert (card.exp_month, card.exp_year, card.last4) == (3, 2039, "1881")
    data = api.v1.events.list({"type": "payment_method.automatically_updated"}).data[0].data
    assert data.previous_attributes is not None
    assert data.previous_attributes["card"]["last4"] == "4242"


def test_a_refund_by_hand_bears_no_mark_of_the_product(api: stripe.StripeClient, control: Control) -> None:
    intent = new_intent(api)
    control.post(f"payment_intents/{intent.id}/pay", payment_method="pm_card_visa")
    made = control.post(f"payment_intents/{intent.id}/refund", amount=1500, reason="requested_by_customer")
    (refund,) = api.v1.refunds.list({"payment_intent": intent.id}).data
    assert (refund.id, refund.amount, refund.status) == (made["id"], 1500, "succeeded")
    assert refund.metadata is not None
    assert refund.metadata.to_dict() == {}
    created = api.v1.events.list({"type": "refund.created"}).data[0].request
    assert created is not None
    assert (created.id, created.idempotency_key) == (None, None)
    with pytest.raises(AssertionError):
        control.post(f"payment_intents/{intent.id}/refund", amount=3501)


def test_a_chargeback_overtakes_a_pending_refund(api: stripe.StripeClient, control: Control) -> None:
    intent = new_intent(api)
    control.post(f"payment_intents/{intent.id}/pay", payment_method="pm_card_pendingRefund")
    refund = api.v1.refunds.create({"payment_intent": intent.id, "amount": 2000})
    assert refund.status == "pending"
    control.post(f"charges/{intent.id}/dispute", amount=5000)
    failed = api.v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "charge_for_pending_refund_disputed")
    charge = api.v1.charges.retrieve(str(failed.charge))
    assert (charge.amount_refunded, charge.disputed) == (0, True)


def test_a_refund_fails_once(api: stripe.StripeClient, control: Control) -> None:
    intent = new_intent(api)
    control.post(f"payment_intents/{intent.id}/pay", payment_method="pm_card_visa")
    refund = api.v1.refunds.create({"payment_intent": intent.id})
    control.post(f"refunds/{refund.id}/finish", succeed=False)
    with pytest.raises(AssertionError, match="failed already"):
        control.post(f"refunds/{refund.id}/finish", succeed=False)
    # What failed can be refunded again.
    assert api.v1.refunds.create({"payment_intent": intent.id}).amount == 5000
    assert types(api)[-4:] == ["refund.updated", "refund.failed", "refund.created", "charge.refunded"]
