"""Issue 14, number 7: capabilities, links, reviews, pauses, rejection and the end of a connection."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, WebhookSink, client, wait_for
from tests.contract.marketplace import (
    BOTH,
    CUSTOM,
    account,
    balance,
    charge,
    events,
    on,
    onboarded,
    pay_out,
    refused,
    send,
)


def test_14_07_capabilities_are_objects_of_their_own(api: stripe.StripeClient, control: Control) -> None:
    """Asked for, pending onboarding, active, held back, given back; each step a `capability.updated`."""
    provider = account(api).id
    service = api.v1.accounts.capabilities
    (one,) = service.list(provider)
    assert (one.id, one.status, one.requested, one.account) == ("transfers", "inactive", True, provider)
    assert one.requirements is not None
    assert one.requirements.disabled_reason == "pending.onboarding"
    other = service.retrieve(provider, "card_payments")
    assert (other.status, other.requested, other.requested_at) == ("unrequested", False, None)
    assert service.update(provider, "card_payments", {"requested": True}).status == "inactive"
    control.post(f"accounts/{provider}/onboard")
    assert {each.id: each.status for each in service.list(provider)} == dict.fromkeys(BOTH, "active")
    control.post(f"accounts/{provider}/require", currently_due=["individual.verification.document"], past_due=True)
    held = service.retrieve(provider, "transfers")
    assert held.requirements is not None
    assert (held.status, held.requirements.disabled_reason) == ("inactive", "requirements.fields_needed")
    assert held.requirements.past_due == ["individual.verification.document"]
    control.post(f"accounts/{provider}/onboard")
    given_back = service.update(provider, "card_payments", {"requested": False})
    assert (given_back.status, given_back.requested_at) == ("unrequested", None)
    assert events(api, provider).count("capability.updated") == 1 + 2 + 2 + 2 + 1
    error = refused(lambda: service.retrieve(provider, "flying"), code="resource_missing", param="capability")
    assert error.http_status == 404


def test_14_07_what_is_due_is_told_and_stops_money_when_its_time_is_over(
    api: stripe.StripeClient, control: Control
) -> None:
    provider = onboarded(api, control)
    charge(api)
    send(api, provider)
    with WebhookSink() as sink:
        api.v1.webhook_endpoints.create({"url": sink.url, "enabled_events": ["account.updated"], "connect": True})
        control.post(f"accounts/{provider}/require", currently_due=["company.tax_id"])
        (told,) = wait_for(lambda: sink.received)
    assert told.event["account"] == provider
    assert told.event["data"]["object"]["requirements"]["currently_due"] == ["company.tax_id"]
    assert pay_out(api, provider, 1000).status == "pending"
    control.post(f"accounts/{provider}/require", currently_due=["company.tax_id"], past_due=True)
    refused(lambda: pay_out(api, provider, 1000), code="payouts_not_allowed")
    refused(lambda: send(api, provider, 100), code="insufficient_capabilities_for_transfer", param="destination")
    control.post(f"accounts/{provider}/onboard")
    assert pay_out(api, provider, 1000).status == "pending"
    with pytest.raises(AssertionError, match="currently_due"):
        control.post(f"accounts/{provider}/require")


def test_14_07_stripe_holds_an_account_back(api: stripe.StripeClient, control: Control) -> None:
    provider = onboarded(api, control)
    control.post(f"accounts/{provider}/disable", reason="under_review")
    held = api.v1.accounts.retrieve(provider)
    assert held.requirements is not None
    assert (held.payouts_enabled, held.requirements.disabled_reason) == (False, "under_review")
    with pytest.raises(AssertionError, match="disabled_reason"):
        control.post(f"accounts/{provider}/disable", reason="mood")


def test_14_07_paused_payouts_wait_and_are_canceled_in_the_end(api: stripe.StripeClient, control: Control) -> None:
    """https://docs.stripe.com/connect/pausing-payments-or-payouts-on-connected-accounts: ten days, then canceled."""
    provider = onboarded(api, control)
    charge(api)
    send(api, provider)
    kept, moved = pay_out(api, provider, 1000), pay_out(api, provider, 2000)
    control.post(f"payouts/{moved.id}/finish", status="in_transit")
    control.post(f"accounts/{provider}/pause", payouts=True)
    paused = api.v1.accounts.retrieve(provider)
    assert paused.requirements is not None
    assert (paused.payouts_enabled, paused.requirements.disabled_reason) == (False, "platform_paused")
    refused(lambda: pay_out(api, provider, 100), code="payouts_not_allowed")
    with pytest.raises(AssertionError, match="paused"):
        control.post(f"payouts/{kept.id}/finish", status="paid")
    assert control.post(f"payouts/{moved.id}/finish", status="paid")["status"] == "paid"
    assert control.post(f"payouts/{kept.id}/finish", status="canceled")["status"] == "canceled"
    assert balance(api, provider) == 3000
    control.post(f"accounts/{provider}/pause", payouts=False)
    assert pay_out(api, provider, 100).status == "pending"


def test_14_07_paused_payments_stop_transfers_alone(api: stripe.StripeClient, control: Control) -> None:
    provider = onboarded(api, control)
    charge(api)
    send(api, provider)
    control.post(f"accounts/{provider}/pause", payments=True)
    refused(lambda: send(api, provider, 100), code="insufficient_capabilities_for_transfer", param="destination")
    assert pay_out(api, provider, 100).status == "pending"
    control.post(f"accounts/{provider}/pause", payments=False)
    assert send(api, provider, 100).amount == 100
    standard = api.v1.accounts.create({"type": "standard"}).id
    with pytest.raises(AssertionError, match="losses"):
        control.post(f"accounts/{standard}/pause", payouts=True)


def test_14_07_a_rejected_account_stays_rejected(api: stripe.StripeClient, control: Control) -> None:
    provider = onboarded(api, control)
    rejected = api.v1.accounts.reject(provider, {"reason": "fraud"})
    assert rejected.requirements is not None
    assert rejected.requirements.disabled_reason == "rejected.fraud"
    control.post(f"accounts/{provider}/onboard")
    after = api.v1.accounts.retrieve(provider)
    assert (after.payouts_enabled, after.charges_enabled) == (False, False)
    charge(api)
    refused(lambda: send(api, provider), code="insufficient_capabilities_for_transfer", param="destination")
    refused(lambda: api.v1.accounts.reject(provider, {"reason": "mood"}), param="reason")
    new = account(api).id
    before_onboarding = api.v1.accounts.reject(new, {"reason": "other"}).requirements
    assert before_onboarding is not None
    assert before_onboarding.disabled_reason == "rejected.other"


def test_14_07_a_deauthorized_account_is_out_of_reach(
    server: SandboxServer, api: stripe.StripeClient, control: Control
) -> None:
    """The connect endpoint hears `account.application.deauthorized`, with `account`; every call is a 403 after it."""
    provider = onboarded(api, control)
    charge(api)
    transfer = send(api, provider)
    with WebhookSink() as own, WebhookSink() as connected:
        api.v1.webhook_endpoints.create({"url": own.url, "enabled_events": ["*"]})
        api.v1.webhook_endpoints.create({"url": connected.url, "enabled_events": ["*"], "connect": True})
        control.post(f"accounts/{provider}/deauthorize")
        (told,) = wait_for(lambda: connected.received)
        assert own.received == []
    assert (told.event["type"], told.event["account"]) == ("account.application.deauthorized", provider)
    assert told.event["data"]["object"]["object"] == "application"
    for attempt in (
        lambda: api.v1.accounts.retrieve(provider),
        lambda: api.v1.balance.retrieve({}, on(provider)),
        lambda: pay_out(api, provider),
        lambda: api.v1.transfers.reversals.create(transfer.id),
    ):
        assert refused(attempt, code="account_invalid").http_status == 403
    refused(lambda: send(api, provider, 100), code="resource_missing", param="destination")
    assert client(server).v1.accounts.list().data == []


def test_14_07_a_login_link_leads_to_the_express_dashboard(api: stripe.StripeClient, control: Control) -> None:
    express, custom = account(api).id, account(api, **CUSTOM).id
    service = api.v1.accounts.login_links
    refused(lambda: service.create(express), match="has not completed onboarding")
    control.post(f"accounts/{express}/onboard")
    assert service.create(express).url.startswith(f"https://connect.stripe.com/express/{express}/")
    refused(lambda: service.create(custom), match="Express")


def test_14_07_the_balance_settings_are_the_accounts_own(api: stripe.StripeClient, control: Control) -> None:
    """A schedule set here reads in `settings[payouts]`, and the other way round."""
    provider = onboarded(api, control)
    service = api.v1.balance_settings
    manual: Any = {"payments": {"payouts": {"schedule": {"interval": "manual"}, "statement_descriptor": "LEDGER"}}}
    changed = service.update(manual, on(provider)).payments
    assert changed.payouts is not None
    assert changed.payouts.schedule is not None
    assert (changed.payouts.schedule.interval, changed.payouts.status) == ("manual", "enabled")
    settings = api.v1.accounts.retrieve(provider).settings
    assert settings is not None
    assert settings.payouts is not None
    assert (settings.payouts.schedule.interval, settings.payouts.statement_descriptor) == ("manual", "LEDGER")
    weekly: Any = {"settings": {"payouts": {"schedule": {"interval": "weekly", "weekly_anchor": "friday"}}}}
    api.v1.accounts.update(provider, weekly)
    shown = service.retrieve({}, on(provider)).payments.payouts
    assert shown is not None
    assert shown.schedule is not None
    assert shown.schedule.weekly_payout_days == ["friday"]
    timing: Any = {"payments": {"settlement_timing": {"delay_days_override": 7}, "debit_negative_balances": False}}
    after = service.update(timing, on(provider)).payments
    assert (after.settlement_timing.delay_days, after.debit_negative_balances) == (7, False)
    assert events(api, provider)[-1] == "balance_settings.updated"
    bad: Any = {"payments": {"payouts": {"schedule": {"interval": "weekly", "monthly_payout_days": [1]}}}}
    with pytest.raises(stripe.InvalidRequestError):
        service.update(bad, on(provider))
    assert service.retrieve().payments.payouts is not None


def test_14_07_the_platforms_settings_are_its_own(server: SandboxServer) -> None:
    api = client(server, "sk_test_settings_platform")
    manual: Any = {"payments": {"payouts": {"schedule": {"interval": "manual"}}}}
    before = api.v1.balance_settings.retrieve().payments.payouts
    assert before is not None
    assert before.schedule is not None
    assert before.schedule.interval == "daily"
    for _ in range(2):
        api.v1.balance_settings.update(manual)
    after = api.v1.balance_settings.retrieve().payments.payouts
    assert after is not None
    assert after.schedule is not None
    assert (after.schedule.interval, events(api)) == ("manual", ["balance_settings.updated"])


def test_14_07_what_events_carry_is_what_stripe_describes(
    server: SandboxServer, api: stripe.StripeClient, control: Control
) -> None:
    """An event's object is no answer of the API, so it is held against the description here."""
    assert server.sandbox is not None
    spec = server.sandbox.spec
    provider = onboarded(api, control)
    charge(api)
    send(api, provider)
    control.post(f"payouts/{pay_out(api, provider).id}/finish", status="failed")
    control.post(f"accounts/{provider}/replace_bank")
    timing: Any = {"payments": {"settlement_timing": {"delay_days_override": 7}}}
    api.v1.balance_settings.update(timing, on(provider))
    seen = set()
    for event in api.v1.events.list({"limit": 100}, on(provider)):
        body = event.data.object.to_dict()
        schema = {"$ref": f"urn:stripe#/components/schemas/{body['object']}"}
        problems = [str(error) for error in spec.compile(schema).iter_errors(body)]
        assert not problems, (event.type, problems)
        seen.add(body["object"])
    assert seen == {"account", "balance_settings", "bank_account", "capability", "payout"}
