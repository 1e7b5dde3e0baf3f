"""Payouts of connected accounts: made, paid, failed, canceled, sent back; through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from local.stripe_sandbox.testing import Control, WebhookSink, merged, wait_for


@pytest.fixture
def provider(api: stripe.StripeClient, control: Control) -> str:
    """A connected account with 50.00 available."""
    account = api.v1.accounts.create({"type": "express"})
    control.post(f"accounts/{account.id}/onboard")
    body: Any = {
        "amount": 10_000,
        "currency": "usd",
        "payment_method": "pm_card_bypassPending",
        "confirm": True,
        "allowed_payment_method_types": ["card"],
    }
    api.v1.payment_intents.create(body)
    api.v1.transfers.create({"amount": 5000, "currency": "usd", "destination": account.id})
    return account.id


def on(provider: str, **options: Any) -> Any:
    return {"stripe_account": provider} | options


def pay_out(api: stripe.StripeClient, provider: str, amount: int = 3000, **params: Any) -> stripe.Payout:
    return api.v1.payouts.create(merged({"amount": amount, "currency": "usd"}, params), on(provider))


def available(api: stripe.StripeClient, provider: str) -> int:
    return api.v1.balance.retrieve({}, on(provider)).available[0].amount


def types(api: stripe.StripeClient, provider: str) -> list[str]:
    return [event.type for event in api.v1.events.list({"limit": 100}, on(provider)).data[::-1]]


def test_a_payout_takes_its_amount_at_once(api: stripe.StripeClient, provider: str) -> None:
    payout = pay_out(api, provider, metadata={"payout": "p_1"}, description="March", statement_descriptor="LEDGER")
    assert (payout.status, payout.amount, payout.automatic) == ("pending", 3000, False)
    assert payout.metadata is not None
    assert (payout.metadata["payout"], payout.statement_descriptor) == ("p_1", "LEDGER")
    assert payout.arrival_date > payout.created
    assert available(api, provider) == 2000
    line = api.v1.balance_transactions.retrieve(str(payout.balance_transaction), {}, on(provider))
    assert (line.type, line.net, line.source) == ("payout", -3000, payout.id)
    assert types(api, provider)[-1] == "payout.created"


def test_no_more_than_what_is_available_is_paid_out(api: stripe.StripeClient, provider: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        pay_out(api, provider, 5001)
    assert (caught.value.http_status, caught.value.code) == (400, "balance_insufficient")
    assert api.v1.payouts.list({}, on(provider)).data == []


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"currency": "eur"}, "balance_insufficient", None),
        ({"method": "instant"}, "instant_payouts_unsupported", "method"),
        ({"destination": "ba_none"}, "resource_missing", "destination"),
    ],
)
def test_a_senseless_payout_is_refused(
    api: stripe.StripeClient, provider: str, params: dict[str, Any], code: str, param: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        pay_out(api, provider, **params)
    assert (caught.value.code, caught.value.param) == (code, param)
    assert available(api, provider) == 5000


def test_an_account_that_is_held_back_is_paid_nothing(
    api: stripe.StripeClient, control: Control, provider: str
) -> None:
    control.post(f"accounts/{provider}/onboard", payouts_enabled=False, disabled_reason="under_review")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        pay_out(api, provider)
    assert caught.value.code == "payouts_not_allowed"
    with pytest.raises(AssertionError, match="payouts_not_allowed"):
        control.post(f"accounts/{provider}/pay_out")


def test_the_bank_takes_a_payout_step_by_step(api: stripe.StripeClient, control: Control, provider: str) -> None:
    payout = pay_out(api, provider)
    for status in ("in_transit", "paid"):
        control.post(f"payouts/{payout.id}/finish", status=status)
        assert api.v1.payouts.retrieve(payout.id, {}, on(provider)).status == status
    assert types(api, provider)[-3:] == ["payout.created", "payout.updated", "payout.paid"]
    assert available(api, provider) == 2000
    with pytest.raises(AssertionError, match="cannot become"):
        control.post(f"payouts/{payout.id}/finish", status="in_transit")


@pytest.mark.parametrize("steps", [[], ["in_transit"], ["paid"]])
def test_a_failed_payout_gives_the_money_back(
    api: stripe.StripeClient, control: Control, provider: str, steps: list[str]
) -> None:
    payout = pay_out(api, provider)
    for status in steps:
        control.post(f"payouts/{payout.id}/finish", status=status)
    control.post(f"payouts/{payout.id}/finish", status="failed", failure_code="account_closed")
    failed = api.v1.payouts.retrieve(payout.id, {}, on(provider))
    assert (failed.status, failed.failure_code) == ("failed", "account_closed")
    line = api.v1.balance_transactions.retrieve(str(failed.failure_balance_transaction), {}, on(provider))
    assert (line.type, line.net) == ("payout_failure", 3000)
    assert available(api, provider) == 5000
    assert types(api, provider)[-1] == "payout.failed"
    with pytest.raises(AssertionError):
        control.post(f"payouts/{payout.id}/finish", status="failed")


def test_a_pending_payout_is_canceled_a_paid_one_is_not(
    api: stripe.StripeClient, control: Control, provider: str
) -> None:
    canceled = api.v1.payouts.cancel(pay_out(api, provider).id, {}, on(provider))
    assert (canceled.status, available(api, provider)) == ("canceled", 5000)
    assert types(api, provider)[-1] == "payout.canceled"
    paid = pay_out(api, provider)
    control.post(f"payouts/{paid.id}/finish", status="paid")
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payouts.cancel(paid.id, {}, on(provider))


def test_a_paid_payout_is_reversed_once(api: stripe.StripeClient, control: Control, provider: str) -> None:
    payout = pay_out(api, provider)
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payouts.reverse(payout.id, {}, on(provider))
    control.post(f"payouts/{payout.id}/finish", status="paid")
    reversal = api.v1.payouts.reverse(payout.id, {"metadata": {"why": "mistake"}}, on(provider))
    assert (reversal.amount, reversal.original_payout) == (-3000, payout.id)
    assert api.v1.payouts.retrieve(payout.id, {}, on(provider)).reversed_by == reversal.id
    with pytest.raises(stripe.InvalidRequestError, match="again"):
        api.v1.payouts.reverse(payout.id, {}, on(provider))
    control.post("balance/settle", account=provider)
    assert available(api, provider) == 5000


def test_the_schedule_pays_out_what_is_there(api: stripe.StripeClient, control: Control, provider: str) -> None:
    made = control.post(f"accounts/{provider}/pay_out")
    assert (made["amount"], made["automatic"], made["reconciliation_status"]) == (5000, True, "in_progress")
    control.post(f"payouts/{made['id']}/finish")
    paid = api.v1.payouts.retrieve(made["id"], {}, on(provider))
    assert (paid.status, paid.reconciliation_status) == ("paid", "completed")
    with pytest.raises(AssertionError, match="nothing to pay out"):
        control.post(f"accounts/{provider}/pay_out")


def test_payouts_are_listed_marked_and_their_accounts_own(
    api: stripe.StripeClient, control: Control, provider: str
) -> None:
    first, second = pay_out(api, provider, 1000), pay_out(api, provider, 2000)
    control.post(f"payouts/{first.id}/finish", status="paid")
    marked = api.v1.payouts.update(second.id, {"metadata": {"batch": "7"}}, on(provider))
    assert marked.metadata is not None
    assert marked.metadata["batch"] == "7"
    assert types(api, provider)[-1] == "payout.updated"
    assert [p.id for p in api.v1.payouts.list({}, on(provider))] == [second.id, first.id]
    assert [p.id for p in api.v1.payouts.list({"status": "paid"}, on(provider))] == [first.id]
    assert api.v1.payouts.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.payouts.retrieve(first.id)
    assert caught.value.http_status == 404


def test_the_platform_pays_out_its_own_balance(api: stripe.StripeClient, provider: str) -> None:
    payout = api.v1.payouts.create({"amount": 4680, "currency": "usd"})
    assert (payout.status, api.v1.balance.retrieve().available[0].amount) == ("pending", 0)
    assert api.v1.events.list({"limit": 1}).data[0].type == "payout.created"


def test_the_same_payout_is_made_once(api: stripe.StripeClient, provider: str) -> None:
    body: Any = {"amount": 3000, "currency": "usd"}
    ids = {api.v1.payouts.create(body, on(provider, idempotency_key="p-1")).id for _ in range(3)}
    assert len(ids) == 1
    assert available(api, provider) == 2000


def test_a_payouts_story_goes_to_the_connect_endpoint(
    api: stripe.StripeClient, control: Control, provider: str
) -> None:
    with WebhookSink() as sink:
        api.v1.webhook_endpoints.create({"url": sink.url, "enabled_events": ["payout.paid"], "connect": True})
        payout = pay_out(api, provider)
        control.post(f"payouts/{payout.id}/finish", status="paid")
        (delivery,) = wait_for(lambda: sink.received)
        assert (delivery.event["account"], delivery.event["data"]["object"]["id"]) == (provider, payout.id)


@pytest.mark.parametrize("body", [{"status": "lost"}, {"status": "failed", "failure_code": "mood"}, {"amount": 1}])
def test_a_senseless_end_is_refused(
    api: stripe.StripeClient, control: Control, provider: str, body: dict[str, Any]
) -> None:
    payout = pay_out(api, provider)
    with pytest.raises(AssertionError):
        control.post(f"payouts/{payout.id}/finish", **body)
    assert api.v1.payouts.retrieve(payout.id, {}, on(provider)).status == "pending"


def test_an_account_with_money_cannot_be_deleted(api: stripe.StripeClient, provider: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="not zero"):
        api.v1.accounts.delete(provider)
    assert api.v1.accounts.retrieve(provider).id == provider
