"""Disputes in the Stripe sandbox: raised by a card or on demand, answered, decided; through the real SDK."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from local.stripe_sandbox.testing import Control, merged

EVIDENCE: Any = {"evidence": {"uncategorized_text": "Delivered and signed for."}}


def pay(api: stripe.StripeClient, card: str = "pm_card_visa", **params: Any) -> stripe.PaymentIntent:
    body: Any = {
        "amount": 5000,
        "currency": "usd",
        "payment_method": card,
        "confirm": True,
        "allowed_payment_method_types": ["card"],
    }
    return api.v1.payment_intents.create(merged(body, params))


def only_dispute(api: stripe.StripeClient, intent: stripe.PaymentIntent) -> stripe.Dispute:
    (dispute,) = api.v1.disputes.list({"payment_intent": intent.id}).data
    return dispute


def types(api: stripe.StripeClient) -> list[str]:
    return [event.type for event in api.v1.events.list({"limit": 100}).data[::-1]]


def answered(text: str) -> Any:
    return {"evidence": {"uncategorized_text": text}}


def balance(api: stripe.StripeClient) -> int:
    sums = api.v1.balance.retrieve()
    return sum(line.amount for part in (sums.available, sums.pending) for line in part)


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ("pm_card_createDispute", "fraudulent"),
        ("pm_card_visa_createDispute", "fraudulent"),
        ("pm_card_createDisputeProductNotReceived", "product_not_received"),
    ],
)
def test_a_dispute_card_is_charged_and_then_disputed(api: stripe.StripeClient, card: str, reason: str) -> None:
    intent = pay(api, card)
    dispute = only_dispute(api, intent)
    assert (intent.status, dispute.status, dispute.reason) == ("succeeded", "needs_response", reason)
    assert (dispute.amount, dispute.currency, dispute.is_charge_refundable) == (5000, "usd", False)
    assert (dispute.charge, dispute.payment_intent) == (intent.latest_charge, intent.id)
    assert api.v1.charges.retrieve(str(intent.latest_charge)).disputed
    assert types(api) == [
        "payment_intent.created",
        "charge.succeeded",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "payment_intent.succeeded",
    ]


def test_the_withdrawal_is_the_amount_and_a_fee(api: stripe.StripeClient) -> None:
    dispute = only_dispute(api, pay(api, "pm_card_createDispute"))
    (line,) = dispute.balance_transactions
    assert (line.type, line.reporting_category, line.source) == ("adjustment", "dispute", dispute.id)
    assert (line.amount, line.fee, line.net) == (-5000, 1500, -6500)
    # 5000 less 2.9 % + 30, less the disputed amount and its fee.
    assert balance(api) == 5000 - 175 - 6500
    assert api.v1.balance_transactions.retrieve(line.id).net == -6500


def test_a_dispute_expands_its_intent_and_its_charge(api: stripe.StripeClient) -> None:
    intent = pay(api, "pm_card_createDispute", metadata={"invoice": "in_1"})
    dispute = only_dispute(api, intent)
    expanded = api.v1.disputes.retrieve(dispute.id, {"expand": ["payment_intent", "charge"]})
    assert isinstance(expanded.payment_intent, stripe.PaymentIntent)
    assert isinstance(expanded.charge, stripe.Charge)
    assert expanded.payment_intent.metadata["invoice"] == "in_1"
    assert expanded.charge.id == intent.latest_charge
    (listed,) = api.v1.disputes.list({"charge": expanded.charge.id, "expand": ["data.payment_intent"]}).data
    assert isinstance(listed.payment_intent, stripe.PaymentIntent)


def test_evidence_is_due_at_the_end_of_a_day(api: stripe.StripeClient) -> None:
    dispute = only_dispute(api, pay(api, "pm_card_createDispute"))
    assert dispute.evidence_details.due_by is not None
    due = datetime.fromtimestamp(dispute.evidence_details.due_by, UTC)
    assert (due.hour, due.minute, due.second) == (23, 59, 59)
    assert (due.date() - datetime.fromtimestamp(dispute.created, UTC).date()).days == 8


def test_a_charged_back_payment_cannot_be_refunded(api: stripe.StripeClient) -> None:
    intent = pay(api, "pm_card_createDispute")
    for body in ({"payment_intent": intent.id}, {"charge": str(intent.latest_charge), "amount": 1}):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            api.v1.refunds.create(merged(body))
        assert (caught.value.http_status, caught.value.code) == (400, "charge_disputed")
    assert api.v1.refunds.list().data == []


def test_evidence_is_staged_and_then_submitted_once(api: stripe.StripeClient) -> None:
    dispute = only_dispute(api, pay(api, "pm_card_createDispute"))
    staged = api.v1.disputes.update(dispute.id, merged(EVIDENCE, submit=False, metadata={"case": "7"}))
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    assert staged.evidence_details.submission_count == 0
    submitted = api.v1.disputes.update(dispute.id, {"submit": True})
    assert (submitted.status, submitted.evidence_details.submission_count) == ("under_review", 1)
    assert submitted.evidence.uncategorized_text == EVIDENCE["evidence"]["uncategorized_text"]
    assert submitted.metadata["case"] == "7"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.disputes.update(dispute.id, EVIDENCE)
    assert caught.value.param == "evidence"
    updated = api.v1.events.list({"type": "charge.dispute.updated"}).data[0].data
    assert updated.previous_attributes is not None
    assert (updated.object["status"], updated.previous_attributes["status"]) == ("under_review", "needs_response")


def test_metadata_alone_submits_nothing(api: stripe.StripeClient) -> None:
    dispute = only_dispute(api, pay(api, "pm_card_createDispute"))
    assert api.v1.disputes.update(dispute.id, {"metadata": {"case": "7"}}).status == "needs_response"
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.disputes.update(dispute.id, {"submit": True})


def test_winning_evidence_brings_the_money_back_but_not_the_fee(api: stripe.StripeClient) -> None:
    intent = pay(api, "pm_card_createDispute")
    dispute = only_dispute(api, intent)
    answer = api.v1.disputes.update(dispute.id, answered("winning_evidence"))
    won = api.v1.disputes.retrieve(dispute.id)
    assert (answer.status, won.status, won.is_charge_refundable) == ("under_review", "won", True)
    assert [(line.amount, line.net) for line in won.balance_transactions] == [(-5000, -6500), (5000, 5000)]
    assert won.balance_transactions[1].reporting_category == "dispute_reversal"
    assert types(api)[-3:] == [
        "charge.dispute.updated",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ]
    assert balance(api) == 5000 - 175 - 1500
    assert api.v1.charges.retrieve(str(intent.latest_charge)).disputed
    assert api.v1.refunds.create({"payment_intent": intent.id}).status == "succeeded"


def test_losing_evidence_loses(api: stripe.StripeClient) -> None:
    intent = pay(api, "pm_card_createDispute")
    dispute = only_dispute(api, intent)
    api.v1.disputes.update(dispute.id, answered("losing_evidence"))
    lost = api.v1.disputes.retrieve(dispute.id)
    assert (lost.status, len(lost.balance_transactions)) == ("lost", 1)
    assert types(api)[-2:] == ["charge.dispute.updated", "charge.dispute.closed"]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_disputed"


def test_giving_up_is_losing_and_cannot_be_taken_back(api: stripe.StripeClient) -> None:
    dispute = only_dispute(api, pay(api, "pm_card_createDispute"))
    assert api.v1.disputes.close(dispute.id).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        api.v1.disputes.close(dispute.id)
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        api.v1.disputes.update(dispute.id, EVIDENCE)
    assert types(api)[-1] == "charge.dispute.closed"


def test_an_inquiry_takes_no_money_and_can_be_refunded(api: stripe.StripeClient) -> None:
    intent = pay(api, "pm_card_createDisputeInquiry")
    dispute = only_dispute(api, intent)
    assert (dispute.status, dispute.is_charge_refundable) == ("warning_needs_response", True)
    assert dispute.balance_transactions == []
    assert "charge.dispute.funds_withdrawn" not in types(api)
    api.v1.refunds.create({"payment_intent": intent.id, "amount": 2000})
    assert api.v1.disputes.retrieve(dispute.id).status == "warning_needs_response"
    api.v1.refunds.create({"payment_intent": intent.id})
    assert api.v1.disputes.retrieve(dispute.id).status == "warning_closed"
    assert types(api)[-1] == "charge.dispute.closed"


@pytest.mark.parametrize("text", ["winning_evidence", "losing_evidence"])
def test_an_answered_inquiry_is_closed(api: stripe.StripeClient, text: str) -> None:
    dispute = only_dispute(api, pay(api, "pm_card_createDisputeInquiry"))
    assert api.v1.disputes.update(dispute.id, answered(text)).status == "warning_under_review"
    closed = api.v1.disputes.retrieve(dispute.id)
    assert (closed.status, closed.balance_transactions) == ("warning_closed", [])


@pytest.mark.parametrize("by_evidence", [True, False])
def test_an_inquiry_escalates_by_evidence_or_by_the_bank(
    api: stripe.StripeClient, control: Control, by_evidence: bool
) -> None:
    intent = pay(api, "pm_card_createDisputeInquiry")
    dispute = only_dispute(api, intent)
    if by_evidence:
        api.v1.disputes.update(dispute.id, answered("escalate_inquiry_evidence"))
    else:
        control.post(f"disputes/{dispute.id}/escalate")
    dispute = api.v1.disputes.retrieve(dispute.id)
    assert (dispute.status, dispute.is_charge_refundable) == ("needs_response", False)
    assert [line.net for line in dispute.balance_transactions] == [-6500]
    assert types(api)[-2:] == ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_disputed"


def test_an_escalated_inquiry_is_answered_anew(api: stripe.StripeClient) -> None:
    dispute = only_dispute(api, pay(api, "pm_card_createDisputeInquiry"))
    api.v1.disputes.update(dispute.id, answered("escalate_inquiry_evidence"))
    api.v1.disputes.update(dispute.id, answered("winning_evidence"))
    assert api.v1.disputes.retrieve(dispute.id).status == "won"


@pytest.mark.parametrize("by_intent", [True, False])
def test_any_payment_can_be_disputed_on_demand(api: stripe.StripeClient, control: Control, by_intent: bool) -> None:
    intent = pay(api)
    object_id = intent.id if by_intent else intent.latest_charge
    opened = control.post(f"charges/{object_id}/dispute", reason="duplicate", amount=1200)
    dispute = only_dispute(api, intent)
    assert (dispute.id, dispute.reason, dispute.amount) == (opened["id"], "duplicate", 1200)
    assert types(api)[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    with pytest.raises(AssertionError, match="disputed already"):
        control.post(f"charges/{object_id}/dispute")


def test_by_default_what_was_not_refunded_is_disputed(api: stripe.StripeClient, control: Control) -> None:
    intent = pay(api)
    api.v1.refunds.create({"payment_intent": intent.id, "amount": 2000})
    assert control.post(f"charges/{intent.id}/dispute", inquiry=True)["amount"] == 3000


@pytest.mark.parametrize(("status", "reinstated"), [("won", True), ("lost", False)])
def test_the_bank_decides_on_demand(api: stripe.StripeClient, control: Control, status: str, reinstated: bool) -> None:
    dispute = only_dispute(api, pay(api, "pm_card_createDispute"))
    api.v1.disputes.update(dispute.id, EVIDENCE)
    control.post(f"disputes/{dispute.id}/close", status=status)
    assert api.v1.disputes.retrieve(dispute.id).status == status
    assert ("charge.dispute.funds_reinstated" in types(api)) is reinstated
    assert types(api)[-1] == "charge.dispute.closed"


@pytest.mark.parametrize(
    ("card", "path", "body"),
    [
        ("pm_card_createDispute", "close", {"status": "warning_closed"}),
        ("pm_card_createDisputeInquiry", "close", {"status": "won"}),
        ("pm_card_createDispute", "close", {"status": "nonsense"}),
        ("pm_card_createDispute", "escalate", {}),
    ],
)
def test_a_senseless_end_is_refused(
    api: stripe.StripeClient, control: Control, card: str, path: str, body: dict[str, Any]
) -> None:
    dispute = only_dispute(api, pay(api, card))
    with pytest.raises(AssertionError):
        control.post(f"disputes/{dispute.id}/{path}", **body)
    assert api.v1.disputes.retrieve(dispute.id).status == dispute.status


@pytest.mark.parametrize(
    "body", [{"amount": 5001}, {"amount": 0}, {"reason": "mood"}, {"amount": "all"}, {"amount": True}, {"colour": 1}]
)
def test_a_senseless_dispute_is_refused(api: stripe.StripeClient, control: Control, body: dict[str, Any]) -> None:
    intent = pay(api)
    with pytest.raises(AssertionError):
        control.post(f"charges/{intent.id}/dispute", **body)
    assert api.v1.disputes.list().data == []
    assert not api.v1.charges.retrieve(str(intent.latest_charge)).disputed


def test_an_authorized_amount_is_disputed_when_it_was_captured(api: stripe.StripeClient, control: Control) -> None:
    intent = pay(api, "pm_card_createDispute", capture_method="manual")
    assert api.v1.disputes.list().data == []
    with pytest.raises(AssertionError):
        control.post(f"charges/{intent.id}/dispute")
    api.v1.payment_intents.capture(intent.id, {"amount_to_capture": 4000})
    assert only_dispute(api, intent).amount == 4000


def test_files_as_evidence_are_refused_rather_than_ignored(api: stripe.StripeClient) -> None:
    dispute = only_dispute(api, pay(api, "pm_card_createDispute"))
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.disputes.update(dispute.id, {"evidence": {"receipt": "file_1"}})
    assert caught.value.param == "evidence[receipt]"


def test_an_unknown_dispute_is_a_404(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.disputes.retrieve("du_none")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
