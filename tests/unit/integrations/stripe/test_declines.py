"""Declines: which are final for the payment method, and that a payer does not learn it."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
import stripe

from billing.domain.kernel.money import Money
from billing.domain.payments.payment import PaymentError, PaymentStatus
from billing.integrations.stripe import objects
from billing.integrations.stripe.gateway import StripeGateway
from billing.schemas.invoicing.invoices import PaymentErrorOut
from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import client
from tests.support.gateway import API_KEY, gateway_to, pending_payment

PRICE = Money(4_999_000, "USD")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(check_responses=True) as server:
        yield server


@pytest.fixture(scope="module")
def api(sandbox: SandboxServer) -> stripe.StripeClient:
    return client(sandbox, API_KEY)


@pytest.fixture(scope="module")
def gateway(sandbox: SandboxServer) -> StripeGateway:
    return gateway_to(sandbox.url)


def refusal(gateway: StripeGateway, api: stripe.StripeClient, method: str) -> tuple[PaymentError, PaymentError | None]:
    """How a card is refused off-session: Stripe's answer, and what it says when it is asked again."""
    payment = pending_payment(api.v1.customers.create().id, method, PRICE)
    answer = gateway.charge(payment)
    assert answer.status is PaymentStatus.FAILED
    assert answer.error is not None
    again = gateway.retrieve_charge(answer.intent_id)[0].error if answer.intent_id else None
    return answer.error, again


@pytest.mark.parametrize(
    ("card", "shown"),
    [
        ("chargeDeclinedLostCard", "generic_decline"),
        ("chargeDeclinedStolenCard", "generic_decline"),
        ("chargeDeclinedExpiredCard", "expired_card"),
        ("authenticationRequired", "authentication_required"),
    ],
)
def test_a_hard_decline_is_final_whatever_the_payer_is_told(
    gateway: StripeGateway, api: stripe.StripeClient, card: str, shown: str
) -> None:
    answer, again = refusal(gateway, api, f"pm_card_{card}")
    assert (answer.final, answer.decline_code) == (True, shown)
    assert again == answer


@pytest.mark.parametrize(
    "card",
    [
        "chargeDeclined",
        "chargeDeclinedInsufficientFunds",
        "chargeDeclinedVelocityLimitExceeded",
        "chargeDeclinedProcessingError",
        "chargeDeclinedIncorrectCvc",
        "radarBlock",
    ],
)
def test_a_soft_decline_may_be_tried_again(gateway: StripeGateway, api: stripe.StripeClient, card: str) -> None:
    answer, again = refusal(gateway, api, f"pm_card_{card}")
    assert answer.final is False
    assert again == answer


def test_a_payment_method_that_stripe_does_not_take_is_final(gateway: StripeGateway, api: stripe.StripeClient) -> None:
    answer, _ = refusal(gateway, api, "pm_1NoSuchMethod")
    assert (answer.code, answer.final) == ("validation.payment_method.invalid", True)


def test_a_request_that_is_refused_for_another_reason_says_nothing_of_the_method(
    gateway: StripeGateway, api: stripe.StripeClient
) -> None:
    payment = pending_payment(api.v1.customers.create().id, "pm_card_visa", Money(10_000, "USD"))
    answer = gateway.charge(payment)
    assert answer.error is not None
    assert (answer.error.code, answer.error.final) == ("payment.not_chargeable", False)
    assert answer.error.decline_code == "below_the_least_that_cards_are_charged"  # as every pay route says it


@pytest.mark.parametrize(
    ("says", "final"),
    [
        ({"decline_code": "revocation_of_all_authorizations"}, True),
        ({"decline_code": "do_not_honor", "advice_code": "do_not_try_again"}, True),
        ({"decline_code": "do_not_honor", "advice_code": "try_again_later"}, False),
        ({"decline_code": "a_code_of_next_year"}, False),
    ],
)
def test_the_bank_may_say_it_in_its_advice(
    gateway: StripeGateway, monkeypatch: pytest.MonkeyPatch, says: dict[str, str], final: bool
) -> None:
    """No test card of Stripe's gives such advice: the error is what the SDK makes of Stripe's JSON."""
    body = {"error": {"type": "card_error", "code": "card_declined", "message": "Declined.", **says}}

    def declines(*_: object) -> None:
        made: Any = stripe.CardError
        raise made("Declined.", None, "card_declined", http_status=402, json_body=body)

    monkeypatch.setattr(stripe.PaymentIntentService, "create", declines)
    answer = gateway.charge(pending_payment("cus_1", "pm_1", PRICE))
    assert answer.error is not None
    assert answer.error.final is final


def test_every_hard_decline_of_stripes_retries_is_final() -> None:
    """docs.stripe.com/billing/revenue-recovery/smart-retries, the hard decline codes."""
    theirs = {
        "incorrect_number", "lost_card", "pickup_card", "stolen_card", "revocation_of_authorization",
        "revocation_of_all_authorizations", "authentication_required", "highest_risk_level", "transaction_not_allowed",
    }  # fmt: skip
    assert theirs <= objects._FINAL


def test_the_payer_does_not_learn_that_it_is_final() -> None:
    """A thief who reads "generic_decline, final" knows that the card is reported."""
    shown = PaymentErrorOut.of(PaymentError("payment.declined", "No.", "generic_decline", final=True))
    assert shown == PaymentErrorOut.of(PaymentError("payment.declined", "No.", "generic_decline"))
    assert {"final"} == {f.name for f in fields(PaymentError)} - set(PaymentErrorOut.model_fields)
