"""Issue 14, 5: events of connected accounts: an endpoint and secrets of their own, objects on their own account."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from billing.bootstrap import payments
from billing.integrations.stripe.connect_events import CONNECT_HANDLED, TRANSFERS_HANDLED
from billing.services.kernel.work import Work
from billing.services.marketplace.connect_news import ConnectEvents
from billing.services.marketplace.payout_processor import BankPayout, Transfer
from tests.integration.marketplace.connect import PATH, become, deliver, deliver_all, events, onboard
from tests.integration.world import Json, Tenant, World


@dataclass
class Seen:
    """Takes the place of payouts, and remembers what it was told."""

    told: list[tuple[str, str, Any]] = field(default_factory=list)

    def bank_payout_seen(self, work: Work, payout_id: str, stripe_account_id: str, seen: BankPayout) -> bool:
        self.told.append((payout_id, stripe_account_id, seen.status))
        return True

    def transfer_seen(self, work: Work, payout_id: str, stripe_account_id: str, seen: Transfer) -> bool:
        self.told.append((payout_id, stripe_account_id, seen.reversed_amount.micros))
        return True


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    payouts = Seen()
    monkeypatch.setattr(ConnectEvents, "payouts", payouts, raising=False)
    return payouts


@pytest.fixture
def account(world: World, tenant: Tenant) -> str:
    """A provider's account, ready, with nothing to tell."""
    become(tenant)
    return onboard(world, tenant)


@pytest.fixture
def funded(world: World) -> None:
    customer = world.stripe.v1.customers.create().id
    params: Any = {
        "amount": 1_000_000, "currency": "usd", "customer": customer, "payment_method": "pm_card_bypassPending",
        "confirm": True, "off_session": True, "allowed_payment_method_types": ["card"],
    }  # fmt: skip
    world.stripe.v1.payment_intents.create(params)


def metadata(tenant: Tenant, payout_id: str = "po_ours") -> dict[str, str]:
    return {"payout_id": payout_id, "tenant_id": tenant.id, "marketplace_id": "ten_shop"}


def transferred(world: World, tenant: Tenant, account: str) -> str:
    params: Any = {"amount": 5000, "currency": "usd", "destination": account, "metadata": metadata(tenant)}
    return world.stripe.v1.transfers.create(params).id


def paid_out(world: World, tenant: Tenant, account: str, **more: Any) -> str:
    transferred(world, tenant, account)
    params: Any = {"amount": 5000, "currency": "usd", "metadata": metadata(tenant), **more}
    return world.stripe.v1.payouts.create(params, {"stripe_account": account}).id


def of_platform(world: World, object_id: str, event_type: str) -> Json:
    page = world.stripe.v1.events.list({"limit": 100, "type": event_type})
    found = [json.loads(str(each)) for each in page.auto_paging_iter()]
    return next(each for each in found if each["data"]["object"]["id"] == object_id)


def outcome(answer: Json) -> tuple[int, str]:
    return answer["statusCode"], json.loads(answer["body"])["outcome"]


# Two endpoints, two secrets


def test_c20_each_endpoint_takes_its_own_secret_and_no_other(world: World, account: str) -> None:
    event = events(world, account, "account.updated")[-1] | {"id": "evt_secret"}
    assert deliver(world, event, secret=world.webhook_secret)[0] == 400
    assert outcome(world.deliver(event, secret=world.connect_webhook_secret))[0] == 400
    assert deliver(world, event)[0] == 200


@pytest.fixture
def rotating(world: World) -> Iterator[str]:
    """A second secret of the Connect endpoint, beside the first."""
    manager = world.aws("secretsmanager")
    before = manager.get_secret_value(SecretId=world.stripe_secret_id)["SecretString"]
    secrets = ["whsec_new", world.connect_webhook_secret]
    after = json.dumps(json.loads(before) | {"connect_webhook_secrets": secrets})
    manager.put_secret_value(SecretId=world.stripe_secret_id, SecretString=after)
    payments.stripe_secrets()._cached = None
    yield "whsec_new"
    manager.put_secret_value(SecretId=world.stripe_secret_id, SecretString=before)
    payments.stripe_secrets()._cached = None


def test_c20_old_and_new_secret_both_count_while_one_is_rotated(world: World, account: str, rotating: str) -> None:
    event = events(world, account, "account.updated")[-1]
    assert deliver(world, event | {"id": "evt_new"}, secret=rotating)[0] == 200
    assert deliver(world, event | {"id": "evt_old"})[0] == 200
    assert outcome(world.deliver(event | {"id": "evt_wrong"}, secret=rotating))[0] == 400


def test_a_stack_without_connect_secrets_refuses_all(world: World, account: str) -> None:
    manager = world.aws("secretsmanager")
    before = manager.get_secret_value(SecretId=world.stripe_secret_id)["SecretString"]
    values = {name: value for name, value in json.loads(before).items() if name != "connect_webhook_secrets"}
    manager.put_secret_value(SecretId=world.stripe_secret_id, SecretString=json.dumps(values))
    payments.stripe_secrets()._cached = None
    event = events(world, account, "account.updated")[-1]
    assert deliver(world, event)[0] == 400
    manager.put_secret_value(SecretId=world.stripe_secret_id, SecretString=before)
    payments.stripe_secrets()._cached = None


def test_connected_events_at_the_platforms_endpoint_change_nothing(world: World, account: str) -> None:
    """Somebody registered an endpoint for both: its events carry ``account``, and only one path acts on them."""
    event = events(world, account, "account.updated")[-1] | {"id": "evt_elsewhere"}
    assert outcome(world.deliver(event)) == (200, "not handled")
    own = {"id": "evt_own", "type": "account.updated", "data": {"object": {"id": account}}}
    assert deliver(world, own) == (200, "not handled")


# Accounts


def test_only_what_changed_is_told(world: World, tenant: Tenant, account: str) -> None:
    rows = world.rows_of("events", tenant.id)
    event = events(world, account, "account.updated")[-1]
    assert deliver(world, event | {"id": "evt_again"}) == (200, "unchanged")
    assert world.rows_of("events", tenant.id) == rows
    world.sandbox.post(f"accounts/{account}/disable", reason="under_review")
    assert {status for status, _ in deliver_all(world, account)} == {200}
    assert len(world.rows_of("events", tenant.id)) == len(rows) + 1  # of several events of Stripe's, one


def test_a_bank_that_is_replaced_is_heard_of(world: World, tenant: Tenant, account: str) -> None:
    world.sandbox.post(f"accounts/{account}/replace_bank", account_number="000111111116")
    assert {each["type"] for each in events(world, account)} >= {"account.external_account.created"}
    deliver_all(world, account)
    assert [each["last4"] for each in tenant.get(PATH).data["account"]["banks"]] == ["1116"]


def test_an_account_of_somebody_else_on_the_platform_is_not_ours(world: World) -> None:
    made = world.stripe.v1.accounts.create({"type": "express", "country": "US"}).id
    world.sandbox.post(f"accounts/{made}/onboard")
    assert set(deliver_all(world, made)) == {(200, "not ours")}


def test_an_event_that_overtakes_its_accounts_commit_comes_again(world: World, tenant: Tenant) -> None:
    params: Any = {"type": "express", "country": "US", "metadata": {"tenant_id": tenant.id}}
    made = world.stripe.v1.accounts.create(params).id
    world.sandbox.post(f"accounts/{made}/onboard")
    event = events(world, made, "account.updated")[-1]
    assert deliver(world, event) == (500, "not written yet")
    old = event | {"id": "evt_old_orphan", "created": int(time.time()) - 7200}
    assert deliver(world, old) == (200, "not ours")


def test_an_account_that_stripe_shows_no_more_is_not_taken_away_by_any_other_event(
    world: World, tenant: Tenant, account: str
) -> None:
    """A wrong key shows no account, either: only the word of a signed event takes one away."""
    event = events(world, account, "account.updated")[-1] | {"id": "evt_late"}
    world.sandbox.post(f"accounts/{account}/deauthorize")
    assert deliver(world, event)[0] == 500
    assert tenant.get(PATH).data["account"]["id"] == account
    gone = event | {"id": "evt_gone", "type": "account.application.deauthorized"}
    assert deliver(world, gone) == (200, "applied")
    assert tenant.get(PATH).data["account"] is None
    # And then what is still under way concerns nobody.
    assert deliver(world, event | {"id": "evt_later"}) == (200, "unchanged")


def test_an_account_that_is_still_there_was_connected_again(world: World, tenant: Tenant, account: str) -> None:
    event = events(world, account, "account.updated")[-1]
    gone = event | {"id": "evt_gone", "type": "account.application.deauthorized"}
    assert deliver(world, gone) == (200, "unchanged")
    assert tenant.get(PATH).data["ready"] is True


# Payouts


def test_c33_c34_a_failed_payout_is_looked_up_on_its_own_account(
    world: World, tenant: Tenant, account: str, funded: None, seen: Seen
) -> None:
    payout = paid_out(world, tenant, account)
    deliver_all(world, account)
    assert seen.told[-1] == ("po_ours", account, "pending")
    world.sandbox.post(f"payouts/{payout}/finish", status="paid")
    world.sandbox.post(f"payouts/{payout}/finish", status="failed", failure_code="account_closed")
    late = events(world, account, "payout.paid")[-1]
    assert deliver(world, late) == (200, "applied")
    assert seen.told[-1] == ("po_ours", account, "failed")  # what Stripe says now counts, not what the event says


def test_c33_a_payout_that_is_not_found_is_never_not_ours(
    world: World, account: str, seen: Seen, tenant: Tenant, funded: None
) -> None:
    paid_out(world, tenant, account)
    event = events(world, account, "payout.created")[-1]
    about = event["data"]["object"] | {"id": "po_1none"}
    assert deliver(world, event | {"id": "evt_none", "data": {"object": about}})[0] == 500
    world.stripe_fails("status", "/v1/payouts/.*", status=503)
    assert deliver(world, event | {"id": "evt_down"})[0] == 500
    assert seen.told == []


def test_a_payout_that_somebody_made_beside_us_is_an_error_and_not_ours(
    world: World, tenant: Tenant, account: str, funded: None, seen: Seen
) -> None:
    payout = paid_out(world, tenant, account, metadata={})
    event = next(each for each in events(world, account, "payout.created") if each["data"]["object"]["id"] == payout)
    assert deliver(world, event) == (200, "not ours")
    assert [each["message"] for each in world.logs.lines if each["level"] == "ERROR"] == ["a payout that is not ours"]


def test_another_tenants_ids_on_a_payout_reach_nobody(
    world: World, tenant: Tenant, account: str, funded: None, seen: Seen
) -> None:
    """Whose an account is, is written here; what stands on an object at Stripe decides nothing."""
    other = world.tenant()
    paid_out(world, tenant, account, metadata=metadata(other))
    event = events(world, account, "payout.created")[-1]
    assert deliver(world, event) == (200, "not ours")
    assert seen.told == []


def test_c16_a_late_return_to_a_retired_account_alarms_and_is_applied(
    world: World, tenant: Tenant, account: str, funded: None, seen: Seen
) -> None:
    payout = paid_out(world, tenant, account)
    world.sandbox.post(f"payouts/{payout}/finish", status="paid")
    assert tenant.patch(PATH, {"replacement": {"country": "US"}}).status == 200
    world.sandbox.post(f"payouts/{payout}/finish", status="failed")
    assert deliver(world, events(world, account, "payout.failed")[-1]) == (200, "applied")
    assert seen.told[-1] == ("po_ours", account, "failed")
    (alarm,) = [each for each in world.logs.lines if each["level"] == "CRITICAL"]
    assert (alarm["stripe_account_id"], alarm["payout_id"]) == (account, "po_ours")


# Transfers, at the platform's endpoint


def test_a_transfer_that_is_taken_back_in_the_dashboard_is_heard_of(
    world: World, tenant: Tenant, account: str, funded: None, seen: Seen
) -> None:
    made = transferred(world, tenant, account)
    world.stripe.v1.transfers.reversals.create(made, {"amount": 2000})
    assert outcome(world.deliver(of_platform(world, made, "transfer.reversed"))) == (200, "applied")
    assert seen.told == [("po_ours", account, 2_000_000)]


def test_a_transfer_of_another_product_is_not_ours(world: World, account: str, funded: None, seen: Seen) -> None:
    params: Any = {"amount": 100, "currency": "usd", "destination": account}
    made = world.stripe.v1.transfers.create(params).id
    assert outcome(world.deliver(of_platform(world, made, "transfer.created"))) == (200, "not ours")


def test_the_same_event_again_has_no_effect(
    world: World, tenant: Tenant, account: str, funded: None, seen: Seen
) -> None:
    paid_out(world, tenant, account)
    event = events(world, account, "payout.created")[-1]
    assert deliver(world, event) == (200, "applied")
    assert deliver(world, event) == (200, "duplicate")
    assert len(seen.told) == 1


def test_no_type_is_acted_on_at_both_endpoints() -> None:
    assert not CONNECT_HANDLED & TRANSFERS_HANDLED
