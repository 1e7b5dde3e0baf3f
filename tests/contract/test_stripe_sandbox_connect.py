"""Connected accounts in the Stripe sandbox: made, onboarded, reviewed, heard of; through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe

from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, WebhookSink, client, merged, wait_for

LINK: Any = {"refresh_url": "https://p.example/again", "return_url": "https://p.example/done"}
WEEKLY: Any = {"settings": {"payouts": {"schedule": {"interval": "weekly", "weekly_anchor": "friday"}}}}


def connect(api: stripe.StripeClient, **params: Any) -> stripe.Account:
    return api.v1.accounts.create(merged({"type": "express", "country": "US"}, params))


@pytest.mark.parametrize(
    ("params", "kind", "dashboard", "collection"),
    [
        ({}, "standard", "full", "stripe"),
        ({"type": "express"}, "express", "express", "stripe"),
        ({"type": "custom"}, "custom", "none", "application"),
        (
            {"controller": {"stripe_dashboard": {"type": "none"}, "requirement_collection": "application"}},
            "none",
            "none",
            "application",
        ),
    ],
)
def test_the_controller_follows_from_what_was_asked(
    api: stripe.StripeClient, params: dict[str, Any], kind: str, dashboard: str, collection: str
) -> None:
    account = api.v1.accounts.create(merged(params))
    assert account.controller is not None
    assert account.controller.stripe_dashboard is not None
    assert (account.type, account.controller.stripe_dashboard.type) == (kind, dashboard)
    assert account.controller.requirement_collection == collection


def test_a_new_account_can_do_nothing_yet(api: stripe.StripeClient) -> None:
    account = connect(
        api,
        country="DE",
        email="provider@example.com",
        capabilities={"card_payments": {"requested": True}, "transfers": {"requested": True}},
        metadata={"provider": "p_1"},
        business_profile={"name": "Provider"},
    )
    assert account.id.startswith("acct_1")
    assert (account.charges_enabled, account.payouts_enabled, account.details_submitted) == (False, False, False)
    assert account.capabilities is not None
    assert account.capabilities.to_dict() == {"card_payments": "inactive", "transfers": "inactive"}
    assert account.requirements is not None
    assert "external_account" in (account.requirements.currently_due or [])
    assert account.requirements.disabled_reason == "requirements.past_due"
    assert (account.default_currency, account.email) == ("eur", "provider@example.com")
    assert account.metadata is not None
    assert account.metadata["provider"] == "p_1"


BAD: list[tuple[dict[str, Any], str | None, str]] = [
    ({"type": "express", "controller": {"losses": {"payments": "stripe"}}}, "parameters_exclusive", "type"),
    ({"type": "express", "country": "KP"}, "country_unsupported", "country"),
    ({"type": "giant"}, None, "type"),
    (
        {"type": "custom", "capabilities": {"klarna_payments": {"requested": True}}},
        None,
        "capabilities[klarna_payments]",
    ),
    ({"type": "custom", "settings": {"branding": {"primary_color": "#fff"}}}, None, "settings[branding]"),
    ({"type": "custom", "individual": {"first_name": "Ada"}}, None, "individual"),
    (
        {"settings": {"payouts": {"schedule": {"interval": "weekly"}}}},
        "parameter_missing",
        "settings[payouts][schedule][weekly_anchor]",
    ),
    (
        {"settings": {"payouts": {"schedule": {"interval": "daily", "monthly_anchor": 3}}}},
        None,
        "settings[payouts][schedule][monthly_anchor]",
    ),
    (
        {"settings": {"payouts": {"schedule": {"interval": "monthly", "monthly_anchor": 32}}}},
        None,
        "settings[payouts][schedule][monthly_anchor]",
    ),
    (
        {"settings": {"payouts": {"schedule": {"delay_days": 90}}}},
        None,
        "settings[payouts][schedule][delay_days]",
    ),
    (
        {"controller": {"stripe_dashboard": {"type": "full"}, "losses": {"payments": "application"}}},
        None,
        "controller[losses][payments]",
    ),
    (
        {"controller": {"requirement_collection": "application"}},
        None,
        "controller[stripe_dashboard][type]",
    ),
]


@pytest.mark.parametrize(("params", "code", "param"), BAD)
def test_a_senseless_account_is_refused_by_name(
    api: stripe.StripeClient, params: dict[str, Any], code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.accounts.create(merged(params))
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, code, param)
    assert api.v1.accounts.list().data == []


def test_onboarding_makes_an_account_able(api: stripe.StripeClient, control: Control) -> None:
    account = connect(api)
    control.post(f"accounts/{account.id}/onboard")
    able = api.v1.accounts.retrieve(account.id)
    assert (able.charges_enabled, able.payouts_enabled, able.details_submitted) == (True, True, True)
    assert able.capabilities is not None
    assert able.capabilities.transfers == "active"
    assert able.requirements is not None
    assert (able.requirements.currently_due, able.requirements.disabled_reason) == ([], None)
    assert able.external_accounts is not None
    assert len(able.external_accounts.data) == 1


def test_stripe_may_want_to_know_more_later(api: stripe.StripeClient, control: Control) -> None:
    account = connect(api)
    control.post(f"accounts/{account.id}/onboard")
    control.post(
        f"accounts/{account.id}/onboard",
        payouts_enabled=False,
        capabilities={"transfers": "inactive"},
        currently_due=["individual.verification.document"],
        disabled_reason="requirements.past_due",
    )
    held = api.v1.accounts.retrieve(account.id)
    assert (held.charges_enabled, held.payouts_enabled) == (True, False)
    assert held.requirements is not None
    assert held.requirements.past_due == ["individual.verification.document"]
    assert held.capabilities is not None
    assert held.capabilities.transfers == "inactive"
    assert held.external_accounts is not None
    assert len(held.external_accounts.data) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"disabled_reason": "mood"},
        {"capabilities": {"transfers": "maybe"}},
        {"capabilities": {"flying": "active"}},
        {"payouts_enabled": "yes"},
    ],
)
def test_a_senseless_review_is_refused(api: stripe.StripeClient, control: Control, body: dict[str, Any]) -> None:
    account = connect(api)
    with pytest.raises(AssertionError):
        control.post(f"accounts/{account.id}/onboard", **body)
    assert not api.v1.accounts.retrieve(account.id).details_submitted


def test_a_capability_that_is_asked_for_later_is_active_at_once(api: stripe.StripeClient, control: Control) -> None:
    account = connect(api, capabilities={"transfers": {"requested": True}})
    control.post(f"accounts/{account.id}/onboard")
    asked: Any = {"capabilities": {"card_payments": {"requested": True}, "transfers": {"requested": False}}}
    capabilities = api.v1.accounts.update(account.id, asked).capabilities
    assert capabilities is not None
    assert capabilities.to_dict() == {"card_payments": "active"}


def test_a_payout_schedule_is_kept_and_changed(api: stripe.StripeClient) -> None:
    account = connect(api, **WEEKLY)
    assert account.settings is not None
    assert account.settings.payouts is not None
    assert account.settings.payouts.schedule.to_dict() == {
        "delay_days": 2,
        "interval": "weekly",
        "weekly_anchor": "friday",
    }
    manual: Any = {"settings": {"payouts": {"schedule": {"interval": "manual"}}}}
    changed = api.v1.accounts.update(account.id, manual).settings
    assert changed is not None
    assert changed.payouts is not None
    assert changed.payouts.schedule.to_dict() == {"delay_days": 2, "interval": "manual"}


def test_an_account_link_leads_to_onboarding(api: stripe.StripeClient) -> None:
    account = connect(api)
    link = api.v1.account_links.create(merged(LINK, account=account.id, type="account_onboarding"))
    assert link.url.startswith("https://connect.stripe.com/")
    assert link.expires_at > link.created


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"type": "account_onboarding", "return_url": "https://p.example/done"}, "refresh_url"),
        (merged(LINK, type="account_onboarding", return_url="done"), "return_url"),
        (merged(LINK, type="account_update"), "type"),
        (
            merged(
                LINK, type="account_onboarding", collect="currently_due", collection_options={"fields": "currently_due"}
            ),
            "collect",
        ),
    ],
)
def test_a_senseless_link_is_refused(api: stripe.StripeClient, params: dict[str, Any], param: str) -> None:
    account = connect(api)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.account_links.create(merged(params, account=account.id))
    assert caught.value.param == param


def test_another_platforms_account_is_out_of_reach(server: SandboxServer, api: stripe.StripeClient) -> None:
    account = connect(api)
    other = client(server, "sk_test_other_platform")
    on_behalf: Any = {"stripe_account": account.id}
    attempts: list[Any] = [
        lambda: other.v1.accounts.retrieve(account.id),
        lambda: other.v1.accounts.update(account.id, {"email": "x@example.com"}),
        lambda: other.v1.accounts.delete(account.id),
        lambda: other.v1.account_links.create(merged(LINK, account=account.id, type="account_onboarding")),
        lambda: other.v1.balance.retrieve({}, on_behalf),
        lambda: api.v1.balance.retrieve({}, {"stripe_account": "acct_1none"}),
    ]
    for attempt in attempts:
        with pytest.raises(stripe.PermissionError) as caught:
            attempt()
        error: Any = caught.value.error
        assert (caught.value.http_status, error.code) == (403, "account_invalid")
    assert other.v1.accounts.list().data == []


def test_accounts_are_listed_newest_first(api: stripe.StripeClient) -> None:
    ids = [connect(api).id for _ in range(3)][::-1]
    assert [account.id for account in api.v1.accounts.list({"limit": 2})] == ids[:2]
    assert [account.id for account in api.v1.accounts.list({"starting_after": ids[1]})] == ids[2:]


def test_a_deleted_account_is_gone(api: stripe.StripeClient) -> None:
    account = connect(api)
    assert api.v1.accounts.delete(account.id).deleted
    assert api.v1.accounts.list().data == []
    with pytest.raises(stripe.PermissionError):
        api.v1.accounts.retrieve(account.id)


def test_what_changes_on_an_account_goes_to_the_connect_endpoint_alone(
    api: stripe.StripeClient, control: Control
) -> None:
    with WebhookSink() as own, WebhookSink() as connected:
        api.v1.webhook_endpoints.create({"url": own.url, "enabled_events": ["*"]})
        endpoint = api.v1.webhook_endpoints.create({"url": connected.url, "enabled_events": ["*"], "connect": True})
        account = connect(api)
        api.v1.accounts.update(account.id, {"metadata": {"provider": "p_1"}})
        control.post(f"accounts/{account.id}/onboard")
        api.v1.customers.create({})
        wait_for(lambda: own.received and len(connected.received) == 5)
        assert own.types() == ["customer.created"]
        # The first change of the account; then onboarding, whose deliveries overtake one another.
        assert connected.types()[0] == "account.updated"
        assert sorted(connected.types()[1:]) == [
            "account.external_account.created",
            "account.updated",
            "capability.updated",
            "capability.updated",
        ]
        delivery = next(each for each in connected.received[1:] if each.event["type"] == "account.updated")
        event = stripe.Webhook.construct_event(
            delivery.payload, delivery.headers["Stripe-Signature"], str(endpoint.secret)
        )
        assert (event.account, event.data.object.id) == (account.id, account.id)
        assert event.data.previous_attributes is not None
        assert event.data.previous_attributes["payouts_enabled"] is False
        control.post(f"events/{event.id}/resend")
        wait_for(lambda: len(connected.received) == 6)
    # A disabled connect endpoint stays one when it is enabled again.
    api.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    api.v1.webhook_endpoints.update(endpoint.id, {"disabled": False})
    api.v1.accounts.update(account.id, {"metadata": {"provider": "p_2"}})
    last = api.v1.events.list({"limit": 1}, {"stripe_account": account.id}).data[0]
    assert (last.type, last.pending_webhooks) == ("account.updated", 1)


def test_a_connected_accounts_events_are_read_on_its_behalf(api: stripe.StripeClient, control: Control) -> None:
    account = connect(api)
    control.post(f"accounts/{account.id}/onboard")
    assert api.v1.events.list({"type": "account.updated"}).data == []
    (event,) = api.v1.events.list({"type": "account.updated"}, {"stripe_account": account.id}).data
    assert (event.type, event.account) == ("account.updated", account.id)
    assert api.v1.events.retrieve(event.id, {}, {"stripe_account": account.id}).id == event.id


def test_a_change_of_nothing_is_no_event(api: stripe.StripeClient) -> None:
    account = connect(api, metadata={"provider": "p_1"})
    api.v1.accounts.update(account.id, {"metadata": {"provider": "p_1"}})
    assert api.v1.events.list({}, {"stripe_account": account.id}).data == []


def test_on_behalf_of_is_refused_where_it_would_be_ignored(server: SandboxServer, api: stripe.StripeClient) -> None:
    account = connect(api)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.customers.create({}, {"stripe_account": account.id})
    assert caught.value.param == "Stripe-Account"
    headers = {"Authorization": "Bearer sk_test_sandbox01", "Stripe-Account": account.id}
    answer = requests.get(f"{server.url}/v1/balance", headers=headers, timeout=60)
    assert answer.headers["Stripe-Account"] == account.id
