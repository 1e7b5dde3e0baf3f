"""Issue 11, number 25: the sandbox serves every test method that Stripe documents, with the documented outcome.

``stripe_test_methods.json`` is a dated copy of the documented list (docs.stripe.com/testing): names and outcomes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import stripe

from local.stripe_sandbox import cards
from local.stripe_sandbox.testing import Control, merged

Json = dict[str, Any]

LIST: Json = json.loads(Path(__file__).with_name("stripe_test_methods.json").read_text(encoding="utf-8"))
DOCUMENTED: Json = {f"pm_card_{name}": row for name, row in LIST["methods"].items()}
DOCUMENTED |= {f"tok_{name}": row for name, row in (LIST["methods"] | LIST["tokens"]).items()}
ADDRESS = {"address": {"line1": "1 Main Street", "postal_code": "94107", "country": "US"}}
CARD_ONLY: Json = {"allowed_payment_method_types": ["card"]}


def named(outcome: str) -> list[str]:
    """The documented methods with this outcome."""
    return [name for name, row in DOCUMENTED.items() if row["outcome"] == outcome]


def with_a(field: str) -> list[str]:
    """The documented methods of which the list says this."""
    return [name for name, row in DOCUMENTED.items() if field in row]


@pytest.fixture
def customer(api: stripe.StripeClient) -> str:
    return api.v1.customers.create().id


def method(api: stripe.StripeClient, name: str) -> str:
    """A payment method that is used as its documentation says: by its name, or made from its token."""
    if name.startswith("pm_"):
        return name
    return api.v1.payment_methods.create({"type": "card", "card": {"token": name}, "billing_details": ADDRESS}).id


def pay(api: stripe.StripeClient, customer: str, name: str, **params: Any) -> stripe.PaymentIntent:
    body = {"amount": 4999, "currency": "usd", "customer": customer, "confirm": True, "expand": ["latest_charge"]}
    return api.v1.payment_intents.create(merged(body, CARD_ONLY, params, payment_method=method(api, name)))


def refusal(api: stripe.StripeClient, customer: str, name: str, **params: Any) -> tuple[Any, stripe.Charge]:
    """The error of a refused payment, and its charge."""
    with pytest.raises(stripe.CardError) as caught:
        pay(api, customer, name, **params)
    assert caught.value.http_status == 402
    error: Any = caught.value.error
    return error, api.v1.charges.retrieve(error.charge)


def charge_of(intent: stripe.PaymentIntent) -> stripe.Charge:
    assert isinstance(intent.latest_charge, stripe.Charge)
    return intent.latest_charge


def shown_of(charge: stripe.Charge) -> Any:
    assert charge.payment_method_details is not None
    return charge.payment_method_details.card


def test_the_list_is_dated_and_names_its_source() -> None:
    assert (LIST["source"], LIST["as_of"]) == ("https://docs.stripe.com/testing", "2026-08-07")
    assert len(LIST["methods"]) > 110


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_documented_method_is_a_card_with_the_documented_number(name: str) -> None:
    """A form shows the last four digits: of one of the documented numbers, of the documented country and brand."""
    card, row = cards.card_of(name), DOCUMENTED[name]
    assert card is not None
    assert card.last4 in {number[-4:] for number in row.get("numbers", [card.last4])}
    shown = {"brand": card.brand, "country": card.country, "funding": card.funding}
    assert shown | {key: row[key] for key in shown if key in row} == shown


@pytest.mark.parametrize("name", named("succeeds"))
def test_what_succeeds_takes_the_money(api: stripe.StripeClient, customer: str, name: str) -> None:
    charge = charge_of(pay(api, customer, name, off_session=True))
    outcome: Any = charge.outcome
    assert (charge.paid, charge.disputed, outcome.type) == (True, False, "authorized")
    assert outcome.risk_level == DOCUMENTED[name].get("risk", "normal")


@pytest.mark.parametrize("name", named("declined"))
def test_a_decline_is_the_documented_one_and_attaches_or_not(
    api: stripe.StripeClient, customer: str, name: str
) -> None:
    row = DOCUMENTED[name]
    error, charge = refusal(api, customer, name)
    assert (error.code, getattr(error, "decline_code", None)) == (row["code"], row["decline_code"])
    outcome: Any = charge.outcome
    assert (charge.status, outcome.type) == ("failed", "issuer_declined")
    assert outcome.risk_level == row.get("risk", "normal")
    if row["attaches"]:
        assert api.v1.payment_methods.attach(method(api, name), {"customer": customer}).customer == customer
        return
    with pytest.raises(stripe.CardError) as caught:
        api.v1.payment_methods.attach(method(api, name), {"customer": customer})
    assert caught.value.code == row["code"]


@pytest.mark.parametrize("name", named("blocked"))
def test_what_radar_blocks_never_reaches_the_bank(api: stripe.StripeClient, customer: str, name: str) -> None:
    error, charge = refusal(api, customer, name)
    assert (error.code, error.decline_code) == ("card_declined", "fraudulent")
    assert error.advice_code is None  # no issuer was asked
    outcome: Any = charge.outcome
    assert (outcome.type, outcome.reason, outcome.risk_level, outcome.network_status) == (
        "blocked",
        "highest_risk_level",
        "highest",
        "not_sent_to_network",
    )


@pytest.mark.parametrize("name", with_a("checks"))
def test_a_failed_check_shows_on_the_card_and_in_the_charge(api: stripe.StripeClient, customer: str, name: str) -> None:
    """A check needs what it checks: an address that nobody gave can neither pass nor fail."""
    made = api.v1.payment_methods.create(
        {"type": "card", "card": {"token": name.replace("pm_card_", "tok_")}, "billing_details": ADDRESS}
    )
    wanted = DOCUMENTED[name]["checks"]
    if DOCUMENTED[name]["outcome"] == "declined":
        _, charge = refusal(api, customer, made.id)
    else:
        charge = charge_of(pay(api, customer, made.id))
        bare = shown_of(charge_of(pay(api, customer, name.replace("tok_", "pm_card_"))))
        assert (bare.checks.address_postal_code_check, bare.checks.address_line1_check) == (None, None)
        saved = api.v1.payment_methods.attach(name.replace("tok_", "pm_card_"), {"customer": customer})
        after = api.v1.payment_methods.update(saved.id, {"billing_details": ADDRESS})
        assert wanted.items() <= after.card.checks.to_dict().items()
    assert wanted.items() <= made.card.checks.to_dict().items()
    assert wanted.items() <= shown_of(charge).checks.to_dict().items()


@pytest.mark.parametrize("name", named("disputed"))
def test_a_dispute_follows_with_the_documented_case(api: stripe.StripeClient, customer: str, name: str) -> None:
    row = DOCUMENTED[name]
    charge = api.v1.charges.retrieve(charge_of(pay(api, customer, name)).id)
    found = list(api.v1.disputes.list({"charge": charge.id}))
    assert charge.disputed
    assert len(found) == row["disputes"]
    assert sum(dispute.amount for dispute in found) == charge.amount
    for dispute in found:
        details: Any = dispute.payment_method_details
        assert (dispute.reason, details.card.case_type) == (row["reason"], row["case_type"])
        assert dispute.enhanced_eligibility_types == row.get("eligible", [])
        eligibility: Any = dispute.evidence_details.enhanced_eligibility
        assert sorted(eligibility.to_dict()) == row.get("eligible", [])
        assert dispute.is_charge_refundable is (row["case_type"] == "inquiry")


@pytest.mark.parametrize("name", named("reported as fraud"))
def test_an_early_fraud_warning_can_be_acted_on_until_the_money_is_back(
    api: stripe.StripeClient, customer: str, name: str
) -> None:
    charge = charge_of(pay(api, customer, name))
    (warning,) = api.v1.radar.early_fraud_warnings.list({"charge": charge.id})
    assert (warning.actionable, warning.payment_intent) == (True, charge.payment_intent)
    api.v1.refunds.create({"charge": charge.id, "amount": 1000})
    assert api.v1.radar.early_fraud_warnings.retrieve(warning.id).actionable
    api.v1.refunds.create({"charge": charge.id})
    assert not api.v1.radar.early_fraud_warnings.retrieve(warning.id).actionable
    events = [event.type for event in api.v1.events.list({"limit": 100}) if event.type.startswith("radar.")]
    assert events == ["radar.early_fraud_warning.updated", "radar.early_fraud_warning.created"]


@pytest.mark.parametrize("name", with_a("refund"))
def test_a_refund_ends_later_as_documented(
    api: stripe.StripeClient, control: Control, customer: str, name: str
) -> None:
    first, last = DOCUMENTED[name]["refund"]
    charge = charge_of(pay(api, customer, name))
    refund = api.v1.refunds.create({"charge": charge.id})
    assert refund.status == first
    assert control.post("refunds/settle") == {"settled": [refund.id]}
    assert api.v1.refunds.retrieve(refund.id).status == last
    assert api.v1.charges.retrieve(charge.id).refunded is (last == "succeeded")
    wanted = ["charge.refund.updated", "refund.updated", *(["refund.failed"] if last == "failed" else [])]
    told = [event.type for event in api.v1.events.list({"limit": len(wanted)})]
    assert told[::-1] == wanted
    assert control.post("refunds/settle") == {"settled": []}


@pytest.mark.parametrize("name", with_a("available"))
def test_what_bypasses_the_pending_balance_is_available(api: stripe.StripeClient, customer: str, name: str) -> None:
    pay(api, customer, name)
    balance = api.v1.balance.retrieve()
    assert [part.amount for part in balance.available] == [4999 - 145 - 30]
    assert [part.amount for part in balance.pending] == [0]


@pytest.mark.parametrize("name", named("authenticated"))
def test_3d_secure_is_asked_for_and_then_it_goes_as_documented(
    api: stripe.StripeClient, control: Control, customer: str, name: str
) -> None:
    row = DOCUMENTED[name]
    intent = pay(api, customer, name)
    assert intent.status == "requires_action"
    answer = control.post(f"payment_intents/{intent.id}/authenticate", succeed=True)
    if row["afterwards"] == "succeeds":
        assert answer["status"] == "succeeded"
    else:
        assert answer["last_payment_error"]["decline_code"] == row["afterwards"]
    if row["off_session"] == "succeeds":
        assert pay(api, customer, name, off_session=True).status == "succeeded"
    else:
        assert refusal(api, customer, name, off_session=True)[0].code == "authentication_required"


@pytest.mark.parametrize("name", with_a("on_request"))
def test_3d_secure_on_request_goes_as_documented(api: stripe.StripeClient, customer: str, name: str) -> None:
    asked = {"payment_method_options": {"card": {"request_three_d_secure": "any"}}}
    wanted = DOCUMENTED[name]["on_request"]
    if wanted == "processing_error":
        assert refusal(api, customer, name, **asked)[0].code == "processing_error"
        return
    status = "requires_action" if wanted == "authenticated" else "succeeded"
    assert pay(api, customer, name, **asked).status == status


def test_a_card_whose_3d_secure_cannot_begin_is_not_saved_by_a_setup(api: stripe.StripeClient, customer: str) -> None:
    body: Json = {
        "customer": customer,
        "confirm": True,
        "payment_method": "pm_card_threeDSecureRequiredProcessingError",
    }
    with pytest.raises(stripe.CardError) as caught:
        api.v1.setup_intents.create(merged(body, CARD_ONLY))
    assert caught.value.code == "card_declined"
    assert list(api.v1.customers.payment_methods.list(customer)) == []
