"""Issue 11, number 25: limits, versions, advice and late answers as Stripe has them."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe

from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, client, merged, wait_for

Json = dict[str, Any]
KEY = "sk_test_sandbox01"
CARD_ONLY: Json = {"allowed_payment_method_types": ["card"]}


def sale(api: stripe.StripeClient, card: str, **params: Any) -> stripe.PaymentIntent:
    body = {"amount": 4999, "currency": "usd", "confirm": True, "payment_method": card}
    return api.v1.payment_intents.create(merged(body, CARD_ONLY, params))


# Metadata: https://docs.stripe.com/metadata


FULL = {f"key_{n}": "v" for n in range(50)}


@pytest.mark.parametrize("metadata", [FULL, {"k" * 40: "v"}, {"k": "v" * 500}], ids=["50", "40", "500"])
def test_metadata_within_the_limits_are_kept(api: stripe.StripeClient, metadata: dict[str, str]) -> None:
    made = api.v1.customers.create({"metadata": metadata})
    assert made.metadata is not None
    assert made.metadata.to_dict() == metadata


@pytest.mark.parametrize(
    "metadata", [FULL | {"one_more": "v"}, {"k" * 41: "v"}, {"k": "v" * 501}], ids=["51", "41", "501"]
)
def test_metadata_beyond_the_limits_are_refused_and_change_nothing(
    api: stripe.StripeClient, metadata: dict[str, str]
) -> None:
    customer = api.v1.customers.create({"metadata": {"kept": "v"}})
    for refused in (
        lambda: api.v1.customers.create({"metadata": metadata}),
        lambda: api.v1.customers.update(customer.id, {"metadata": metadata}),
        lambda: sale(api, "pm_card_visa", metadata=metadata),
        lambda: api.v1.setup_intents.create({"metadata": metadata}),
    ):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            refused()
        assert (caught.value.http_status, caught.value.param) == (400, "metadata")
    after = api.v1.customers.retrieve(customer.id).metadata
    assert after is not None
    assert after.to_dict() == {"kept": "v"}
    assert list(api.v1.payment_intents.list()) == []


def test_the_limit_of_keys_counts_what_is_there_already(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({"metadata": FULL})
    with pytest.raises(stripe.InvalidRequestError, match="50 keys"):
        api.v1.customers.update(customer.id, {"metadata": {"one_more": "v"}})
    replaced = api.v1.customers.update(customer.id, {"metadata": {"key_0": "", "one_more": "v"}}).metadata
    assert replaced is not None
    assert len(replaced.to_dict()) == 50


# Versions: https://docs.stripe.com/changelog


def versioned(server: SandboxServer, version: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {KEY}", "Stripe-Version": version}
    return requests.get(f"{server.url}/v1/customers", headers=headers, timeout=60)


@pytest.mark.parametrize("version", [stripe.api_version, "2026-05-27.dahlia", "2024-06-20", "2019-12-03"])
def test_a_version_that_stripe_published_is_known(server: SandboxServer, version: str) -> None:
    answer = versioned(server, version)
    assert (answer.status_code, answer.headers["Stripe-Version"]) == (200, version)


@pytest.mark.parametrize("version", ["2026-10-28", "2026-10-28.dahlia", "2099-01-01.endive", "2024-06-21", "latest"])
def test_a_version_that_stripe_never_published_is_refused(server: SandboxServer, version: str) -> None:
    answer = versioned(server, version)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert version in answer.json()["error"]["message"]


# Advice: https://docs.stripe.com/declines/card


@pytest.mark.parametrize(
    ("card", "advice"),
    [
        ("chargeDeclined", "try_again_later"),
        ("chargeDeclinedInsufficientFunds", "try_again_later"),
        ("chargeDeclinedStolenCard", "do_not_try_again"),
        ("chargeDeclinedExpiredCard", "confirm_card_data"),
        ("chargeDeclinedIncorrectCvc", "confirm_card_data"),
        ("radarBlock", None),
    ],
)
def test_the_issuers_advice_is_in_the_error_the_intent_and_the_charge(
    api: stripe.StripeClient, card: str, advice: str | None
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        sale(api, f"pm_card_{card}")
    error: Any = caught.value.error
    intent: Any = api.v1.payment_intents.retrieve(error.payment_intent.id, {"expand": ["latest_charge"]})
    assert error.advice_code == advice
    assert getattr(intent.last_payment_error, "advice_code", None) == advice
    assert intent.latest_charge.outcome.advice_code == advice


def test_a_card_can_be_given_any_advice(api: stripe.StripeClient, control: Control) -> None:
    """No test card of Stripe's says do_not_try_again of a decline that looks soft; a bank may."""
    customer = api.v1.customers.create().id
    saved = api.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    control.post(f"payment_methods/{saved}/behaviour", decline="do_not_honor", advice="do_not_try_again")
    with pytest.raises(stripe.CardError) as caught:
        sale(api, saved, customer=customer, off_session=True)
    error: Any = caught.value.error
    assert (error.decline_code, error.advice_code) == ("do_not_honor", "do_not_try_again")
    control.post(f"payment_methods/{saved}/behaviour", decline="do_not_honor")
    with pytest.raises(stripe.CardError) as caught:
        sale(api, saved, customer=customer, off_session=True)
    error = caught.value.error
    assert error.advice_code == "try_again_later"


# Amounts: https://docs.stripe.com/currencies


@pytest.mark.parametrize(("currency", "largest"), [("idr", 999_999_999_999), ("usd", 99_999_999), ("jpy", 99_999_999)])
def test_the_largest_amount_has_eight_digits_and_of_rupiah_twelve(
    api: stripe.StripeClient, currency: str, largest: int
) -> None:
    intent = sale(api, "pm_card_visa", amount=largest, currency=currency)
    assert intent.amount_received == largest
    assert api.v1.refunds.create({"payment_intent": intent.id}).amount == largest
    with pytest.raises(stripe.InvalidRequestError) as caught:
        sale(api, "pm_card_visa", amount=largest + 1, currency=currency)
    assert caught.value.code == "amount_too_large"


# Late answers: https://docs.stripe.com/testing#refunds


@pytest.mark.parametrize(("card", "last"), [("pm_card_pendingRefund", "succeeded"), ("pm_card_refundFail", "failed")])
def test_by_the_clock_a_refund_ends_by_itself(card: str, last: str) -> None:
    """Nobody asks for it: the test only waits for it to come true."""
    with SandboxServer(check_responses=True, refunds_after_s=0.05) as server:
        api = client(server)
        refund = api.v1.refunds.create({"payment_intent": sale(api, card).id})
        wait_for(lambda: api.v1.refunds.retrieve(refund.id).status == last, timeout_s=30)
        told = [event.type for event in api.v1.events.list({"types": ["refund.updated", "refund.failed"]})]
    assert told == (["refund.updated"] if last == "succeeded" else ["refund.failed", "refund.updated"])


def test_without_the_clock_it_waits_and_is_answered_once(api: stripe.StripeClient, control: Control) -> None:
    """The answer that a test gives by hand is the only one; what a chargeback failed gets no other."""
    slow = [api.v1.refunds.create({"payment_intent": sale(api, "pm_card_pendingRefund").id}) for _ in range(3)]
    control.post(f"refunds/{slow[0].id}/finish", succeed=False)
    control.post(f"charges/{slow[1].charge}/dispute", amount=4999)
    assert control.post("refunds/settle") == {"settled": [slow[2].id]}
    ends = [api.v1.refunds.retrieve(refund.id) for refund in slow]
    assert [refund.status for refund in ends] == ["failed", "failed", "succeeded"]
    assert getattr(ends[1], "failure_reason", None) == "charge_for_pending_refund_disputed"


def test_what_the_bank_owes_survives_a_restart(tmp_path: Any) -> None:
    db = str(tmp_path / "stripe.db")
    with SandboxServer(db=db) as server:
        api = client(server)
        refund = api.v1.refunds.create({"payment_intent": sale(api, "pm_card_pendingRefund").id})
        api.v1.refunds.update(refund.id, {"metadata": {"still": "waits"}})
    with SandboxServer(db=db, refunds_after_s=0.0) as server:
        wait_for(lambda: client(server).v1.refunds.retrieve(refund.id).status == "succeeded", timeout_s=30)
