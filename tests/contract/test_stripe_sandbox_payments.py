"""Money in the Stripe sandbox: charges, declines, 3D Secure, refunds; through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, client, merged

CARD_ONLY: Any = {"allowed_payment_method_types": ["card"]}


@pytest.fixture
def customer(api: stripe.StripeClient) -> stripe.Customer:
    return api.v1.customers.create({"email": "ada@example.com", "name": "Ada Łovelace"})


def attach(api: stripe.StripeClient, customer: stripe.Customer, token: str = "pm_card_visa") -> str:
    return api.v1.payment_methods.attach(token, {"customer": customer.id}).id


def pay(api: stripe.StripeClient, customer: stripe.Customer, method: str, **params: Any) -> stripe.PaymentIntent:
    body = {
        "amount": 4999,
        "currency": "usd",
        "customer": customer.id,
        "payment_method": method,
        "confirm": True,
        "off_session": True,
    }
    return api.v1.payment_intents.create(merged(body, CARD_ONLY, params))


def test_an_off_session_payment_makes_one_charge_of_the_same_sum(
    api: stripe.StripeClient, customer: stripe.Customer
) -> None:
    intent = pay(api, customer, attach(api, customer), metadata={"invoice": "in_1"}, expand=["latest_charge"])
    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert (intent.status, intent.amount_received) == ("succeeded", 4999)
    assert (charge.amount, charge.currency, charge.paid, charge.metadata["invoice"]) == (
        4999,
        "usd",
        True,
        "in_1",
    )
    assert [c.id for c in api.v1.charges.list({"payment_intent": intent.id})] == [charge.id]


def test_a_test_token_becomes_a_payment_method_of_its_own(api: stripe.StripeClient, customer: stripe.Customer) -> None:
    first, second = attach(api, customer), attach(api, customer)
    listed = api.v1.customers.payment_methods.list(customer.id, {"type": "card"})
    assert first.startswith("pm_1")
    assert [m.id for m in listed] == [second, first]


DECLINES = [
    ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("pm_card_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ("pm_card_radarBlock", "card_declined", "fraudulent"),
]


@pytest.mark.parametrize(("token", "code", "decline_code"), DECLINES)
def test_a_decline_is_a_402_with_the_intent_in_it(
    api: stripe.StripeClient, customer: stripe.Customer, token: str, code: str, decline_code: str | None
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(api, customer, token)
    error: Any = caught.value.error
    intent = api.v1.payment_intents.retrieve(error.payment_intent.id)
    assert (caught.value.http_status, error.type, error.code) == (402, "card_error", code)
    assert getattr(error, "decline_code", None) == decline_code
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.code == code
    charge = api.v1.charges.retrieve(str(intent.latest_charge))
    assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, code)


def test_a_card_that_would_be_declined_cannot_be_attached(api: stripe.StripeClient, customer: stripe.Customer) -> None:
    with pytest.raises(stripe.CardError) as caught:
        attach(api, customer, "pm_card_chargeDeclinedInsufficientFunds")
    assert caught.value.code == "card_declined"
    assert api.v1.customers.payment_methods.list(customer.id).data == []


def test_the_customer_fail_card_attaches_and_then_declines(api: stripe.StripeClient, customer: stripe.Customer) -> None:
    method = attach(api, customer, "pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError) as caught:
        pay(api, customer, method)
    assert caught.value.error.decline_code == "generic_decline"  # type: ignore[union-attr]
    assert api.v1.payment_methods.retrieve(method).customer == customer.id


def test_a_declined_intent_can_be_paid_with_another_card(api: stripe.StripeClient, customer: stripe.Customer) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(api, customer, attach(api, customer, "pm_card_chargeCustomerFail"))
    failed: Any = caught.value.error
    intent = api.v1.payment_intents.confirm(failed.payment_intent.id, {"payment_method": attach(api, customer)})
    assert (intent.status, intent.last_payment_error) == ("succeeded", None)
    statuses = [c.status for c in api.v1.charges.list({"payment_intent": intent.id})]
    assert statuses == ["succeeded", "failed"]


def test_a_good_card_can_be_made_to_decline_and_to_recover(
    api: stripe.StripeClient, control: Control, customer: stripe.Customer
) -> None:
    method = attach(api, customer)
    control.post(f"payment_methods/{method}/behaviour", decline="insufficient_funds")
    with pytest.raises(stripe.CardError) as caught:
        pay(api, customer, method)
    assert caught.value.error.decline_code == "insufficient_funds"  # type: ignore[union-attr]
    control.post(f"payment_methods/{method}/behaviour", decline=None)
    assert pay(api, customer, method).status == "succeeded"


def test_3d_secure_off_session_is_a_decline(api: stripe.StripeClient, customer: stripe.Customer) -> None:
    method = attach(api, customer, "pm_card_authenticationRequired")
    with pytest.raises(stripe.CardError) as caught:
        pay(api, customer, method)
    error: Any = caught.value.error
    assert (error.code, error.decline_code) == ("authentication_required", "authentication_required")
    assert error.payment_intent.status == "requires_payment_method"
    assert error.payment_method.id == method


@pytest.mark.parametrize(("succeed", "status"), [(True, "succeeded"), (False, "requires_payment_method")])
def test_3d_secure_on_session_waits_for_the_payer(
    api: stripe.StripeClient, control: Control, customer: stripe.Customer, succeed: bool, status: str
) -> None:
    method = attach(api, customer, "pm_card_threeDSecure2Required")
    intent = pay(api, customer, method, off_session=False, return_url="https://example.com/back")
    assert (intent.status, intent.latest_charge) == ("requires_action", None)
    assert intent.next_action is not None
    assert intent.next_action.type == "redirect_to_url"
    control.post(f"payment_intents/{intent.id}/authenticate", succeed=succeed)
    assert api.v1.payment_intents.retrieve(intent.id).status == status


def test_a_card_that_was_set_up_pays_off_session_without_3d_secure(
    api: stripe.StripeClient, control: Control, customer: stripe.Customer
) -> None:
    setup = api.v1.setup_intents.create(
        merged(
            CARD_ONLY,
            customer=customer.id,
            payment_method="pm_card_authenticationRequiredOnSetup",
            confirm=True,
        )
    )
    assert setup.status == "requires_action"
    control.post(f"setup_intents/{setup.id}/authenticate", succeed=True)
    setup = api.v1.setup_intents.retrieve(setup.id, {"expand": ["payment_method"]})
    assert isinstance(setup.payment_method, stripe.PaymentMethod)
    assert (setup.status, setup.payment_method.customer) == ("succeeded", customer.id)
    assert pay(api, customer, setup.payment_method.id).status == "succeeded"


def test_a_declined_setup_shows_in_the_intent(api: stripe.StripeClient, customer: stripe.Customer) -> None:
    setup = api.v1.setup_intents.create(merged(CARD_ONLY, customer=customer.id))
    with pytest.raises(stripe.CardError) as caught:
        api.v1.setup_intents.confirm(setup.id, {"payment_method": "pm_card_chargeDeclined"})
    error: Any = caught.value.error
    assert error.setup_intent.last_setup_error.decline_code == "generic_decline"
    assert api.v1.setup_intents.cancel(setup.id).status == "canceled"


def test_another_customers_card_is_refused(api: stripe.StripeClient, customer: stripe.Customer) -> None:
    other = api.v1.customers.create({})
    method = attach(api, other)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        pay(api, customer, method)
    assert (caught.value.http_status, caught.value.param) == (400, "payment_method")
    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        attach(api, customer, method)
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method}})
    assert api.v1.payment_intents.list({"customer": customer.id}).data == []


def test_a_card_used_without_a_customer_is_spent(api: stripe.StripeClient, customer: stripe.Customer) -> None:
    body: Any = {"amount": 500, "currency": "eur", "payment_method": "pm_card_mastercard", "confirm": True}
    method = str(api.v1.payment_intents.create(merged(body, CARD_ONLY)).payment_method)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        attach(api, customer, method)


def test_a_detached_card_is_spent_and_no_default_any_more(api: stripe.StripeClient, customer: stripe.Customer) -> None:
    method = attach(api, customer)
    api.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method}})
    assert api.v1.payment_methods.detach(method).customer is None
    settings = api.v1.customers.retrieve(customer.id).invoice_settings
    assert settings is not None
    assert settings.default_payment_method is None
    with pytest.raises(stripe.InvalidRequestError):
        pay(api, customer, method)


def test_refunds_never_exceed_what_remains(api: stripe.StripeClient, customer: stripe.Customer) -> None:
    intent = pay(api, customer, attach(api, customer))
    first = api.v1.refunds.create({"payment_intent": intent.id, "amount": 3000})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.refunds.create({"payment_intent": intent.id, "amount": 2000})
    assert caught.value.param == "amount"
    rest = api.v1.refunds.create({"charge": str(intent.latest_charge), "reason": "requested_by_customer"})
    assert (first.amount, rest.amount, rest.status) == (3000, 1999, "succeeded")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_already_refunded"
    charge = api.v1.charges.retrieve(str(intent.latest_charge))
    assert (charge.amount_refunded, charge.refunded) == (4999, True)
    assert [r.id for r in api.v1.refunds.list({"payment_intent": intent.id})] == [rest.id, first.id]


def test_a_pending_refund_can_fail_and_gives_the_money_back(
    api: stripe.StripeClient, control: Control, customer: stripe.Customer
) -> None:
    intent = pay(api, customer, attach(api, customer, "pm_card_pendingRefund"))
    refund = api.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "pending"
    control.post(f"refunds/{refund.id}/finish", succeed=False)
    assert api.v1.refunds.retrieve(refund.id).status == "failed"
    assert api.v1.charges.retrieve(str(intent.latest_charge)).amount_refunded == 0


def test_an_authorized_payment_is_captured_in_part(api: stripe.StripeClient, customer: stripe.Customer) -> None:
    intent = pay(api, customer, attach(api, customer), capture_method="manual")
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 4999)
    intent = api.v1.payment_intents.capture(intent.id, {"amount_to_capture": 4000})
    assert (intent.status, intent.amount_received) == ("succeeded", 4000)
    assert api.v1.refunds.create({"payment_intent": intent.id}).amount == 4000


@pytest.mark.parametrize("amount", [0, 5000])
def test_no_more_than_the_authorized_amount_is_captured(
    api: stripe.StripeClient, customer: stripe.Customer, amount: int
) -> None:
    intent = pay(api, customer, attach(api, customer), capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.payment_intents.capture(intent.id, {"amount_to_capture": amount})
    assert caught.value.param == "amount_to_capture"
    assert api.v1.payment_intents.cancel(intent.id).status == "canceled"


def test_a_finished_intent_accepts_no_second_payment(api: stripe.StripeClient, customer: stripe.Customer) -> None:
    intent = pay(api, customer, attach(api, customer))
    for act in (api.v1.payment_intents.confirm, api.v1.payment_intents.cancel):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            act(intent.id)
        assert caught.value.code == "payment_intent_unexpected_state"
        error: Any = caught.value.error
        assert error.payment_intent.id == intent.id


def test_an_open_intent_is_canceled(api: stripe.StripeClient, customer: stripe.Customer) -> None:
    intent = api.v1.payment_intents.create({"amount": 100, "currency": "USD", "customer": customer.id})
    assert (intent.status, intent.currency) == ("requires_payment_method", "usd")
    canceled = api.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")


def test_automatic_payment_methods_need_a_return_url(api: stripe.StripeClient, customer: stripe.Customer) -> None:
    method = attach(api, customer)
    body: Any = {
        "amount": 100,
        "currency": "usd",
        "customer": customer.id,
        "payment_method": method,
        "confirm": True,
    }
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.payment_intents.create(body)
    assert caught.value.param == "return_url"
    assert api.v1.payment_intents.create(merged(body, return_url="https://example.com")).status == "succeeded"


def test_the_balance_is_the_sum_of_what_settled(server: SandboxServer) -> None:
    api = client(server, "sk_test_balance_account")
    body: Any = {
        "amount": 10_000,
        "currency": "usd",
        "payment_method": "pm_card_bypassPending",
        "confirm": True,
    }
    intent = api.v1.payment_intents.create(merged(body, CARD_ONLY, expand=["latest_charge.balance_transaction"]))
    charge: Any = intent.latest_charge
    assert (charge.balance_transaction.amount, charge.balance_transaction.fee) == (10_000, 320)
    api.v1.refunds.create({"payment_intent": intent.id, "amount": 1000})
    assert api.v1.balance.retrieve().available[0].amount == 10_000 - 320 - 1000
