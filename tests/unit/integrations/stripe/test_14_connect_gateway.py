"""Issue 14, 4: providers' accounts and their money at Stripe, and what is known of a call that failed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import requests
import stripe

from billing.domain.kernel.errors import Unavailable
from billing.domain.kernel.money import Money
from billing.integrations.stripe.connect import ConnectGateway
from billing.services.marketplace.payout_processor import MoneyOrder, NewAccount, Refused
from billing.services.payments.processor import OutcomeUnknown
from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, client
from tests.support.gateway import API_KEY, balance_transactions_at, connect_gateway_to

USD_50 = Money(5_000_000, "USD")
OTHERS = "sk_test_anotheraccount02"
_numbers = count(1)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
        patch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.002)
        with SandboxServer(check_responses=True) as server:
            yield server
            assert server.sandbox is not None
            assert server.sandbox.violations == []


@pytest.fixture
def control(sandbox: SandboxServer) -> Iterator[Control]:
    yield Control(sandbox.url)
    requests.delete(f"{sandbox.url}/_sandbox/faults", timeout=60).raise_for_status()


@pytest.fixture
def api(sandbox: SandboxServer) -> stripe.StripeClient:
    return client(sandbox, API_KEY)


@pytest.fixture
def gateway(sandbox: SandboxServer) -> ConnectGateway:
    return connect_gateway_to(sandbox.url)


@pytest.fixture
def funded(api: stripe.StripeClient) -> None:
    """10,000.00 on the platform, available."""
    customer = api.v1.customers.create().id
    params: Any = {
        "amount": 1_000_000, "currency": "usd", "customer": customer, "payment_method": "pm_card_bypassPending",
        "confirm": True, "off_session": True, "allowed_payment_method_types": ["card"],
    }  # fmt: skip
    api.v1.payment_intents.create(params)


def provider(gateway: ConnectGateway, control: Control, country: str = "US", **onboarded: Any) -> str:
    """An account that has been through onboarding."""
    account_id = gateway.create_account(new_account(country)).id
    control.post(f"accounts/{account_id}/onboard", **onboarded)
    return account_id


def new_account(country: str = "US", email: str | None = "ada@provider.example", key: str = "") -> NewAccount:
    return NewAccount("ten_seller", country, email, key or f"account-{next(_numbers)}")


def order(account_id: str, amount: Money = USD_50, source_id: str | None = None, **more: Any) -> MoneyOrder:
    n = next(_numbers)
    values: dict[str, Any] = {
        "payout_id": f"po_{n}", "tenant_id": "ten_seller", "marketplace_id": "ten_shop", "key": f"key-{n}",
        "stripe_account_id": account_id, "amount": amount, "source_id": source_id,
    }  # fmt: skip
    return MoneyOrder(**values | more)


def fails(control: Control, path: str, *faults: dict[str, Any]) -> None:
    for fault in faults:
        control.post("faults", method="POST", path=path, times=1, **fault)


TRANSFERS, PAYOUTS = "/v1/transfers$", "/v1/payouts$"
SILENT = [{"kind": "status_after", "status": 500}, {"kind": "drop_after"}]


# Accounts


@pytest.mark.parametrize(
    ("country", "agreement", "capabilities"),
    [
        ("US", None, {"transfers"}),
        ("DE", None, {"transfers", "card_payments"}),
        ("GB", None, {"transfers", "card_payments"}),
        ("AU", "recipient", {"transfers"}),
        ("JP", "recipient", {"transfers"}),
        ("IS", "recipient", {"transfers"}),
        ("KE", "recipient", {"transfers"}),
    ],
)
def test_c32_the_agreement_that_the_country_needs(
    gateway: ConnectGateway, api: stripe.StripeClient, country: str, agreement: str | None, capabilities: set[str]
) -> None:
    made = gateway.create_account(new_account(country))
    stored: Any = api.v1.accounts.retrieve(made.id)
    assert stored.tos_acceptance.to_dict().get("service_agreement") == agreement
    assert set(stored.capabilities.to_dict()) == capabilities
    assert made.country == country
    assert not made.ready


def test_c32_a_transfer_reaches_a_recipient(gateway: ConnectGateway, control: Control, funded: None) -> None:
    account_id = provider(gateway, control, "AU")
    assert gateway.transfer(order(account_id)).amount == USD_50


def test_a_new_account_pays_nothing_out_of_itself_and_the_platform_bears_its_losses(
    gateway: ConnectGateway, api: stripe.StripeClient
) -> None:
    stored: Any = api.v1.accounts.retrieve(gateway.create_account(new_account()).id)
    assert stored.settings.payouts.schedule.interval == "manual"
    assert stored.controller.losses.payments == stored.controller.fees.payer == "application"
    assert stored.controller.stripe_dashboard.type == "express"
    assert stored.metadata.to_dict() == {"tenant_id": "ten_seller"}


def test_the_same_key_finds_the_same_account(gateway: ConnectGateway, control: Control) -> None:
    """C11's thought for accounts: made, and then a crash, or no answer."""
    fails(control, "/v1/accounts$", *SILENT)
    new = new_account()
    with pytest.raises(Unavailable):
        gateway.create_account(new)
    assert gateway.create_account(new) == gateway.create_account(new)


def test_an_account_that_stripe_does_not_open_is_refused_without_anything_personal(gateway: ConnectGateway) -> None:
    with pytest.raises(Refused) as caught:
        gateway.create_account(new_account("KP"))
    assert caught.value.code == "country_unsupported"
    assert "ada" not in caught.value.message


def test_an_account_as_it_is_now(gateway: ConnectGateway, control: Control) -> None:
    account_id = gateway.create_account(new_account()).id
    before = gateway.account(account_id)
    assert before is not None
    assert "external_account" in before.currently_due
    assert (before.ready, before.banks, before.disabled_reason) == (False, (), "requirements.past_due")
    control.post(f"accounts/{account_id}/onboard")
    after = gateway.account(account_id)
    assert after is not None
    assert (after.ready, after.currently_due, after.disabled_reason) == (True, (), None)
    bank = after.bank_of("USD")
    assert bank is not None
    assert (bank.last4, bank.errored, after.bank_of("EUR")) == ("6789", False, None)


def test_an_account_that_was_taken_away_is_none_and_no_reason_to_doubt_the_key(
    gateway: ConnectGateway, control: Control, caplog: pytest.LogCaptureFixture
) -> None:
    account_id = provider(gateway, control)
    control.post(f"accounts/{account_id}/deauthorize")
    assert gateway.account(account_id) is None
    assert gateway.account("acct_1none") is None
    assert not [each for each in caplog.records if each.levelname == "CRITICAL"]


CONTROLLER: Any = {
    "losses": {"payments": "application"}, "fees": {"payer": "application"},
    "stripe_dashboard": {"type": "express"}, "requirement_collection": "stripe",
}  # fmt: skip


def test_c26_an_account_whose_losses_stripe_bears_is_refused(gateway: ConnectGateway, api: stripe.StripeClient) -> None:
    made = api.v1.accounts.create({"type": "standard", "country": "US", "metadata": {"tenant_id": "ten_seller"}})
    with pytest.raises(Refused) as caught:
        gateway.adopt_account(made.id, "ten_seller")
    assert caught.value.code == "losses_borne_by_stripe"


@pytest.mark.parametrize("metadata", [{}, {"tenant_id": "ten_other"}])
def test_an_account_that_is_not_marked_as_the_tenants_is_not_adopted(
    gateway: ConnectGateway, api: stripe.StripeClient, metadata: dict[str, str]
) -> None:
    """Nobody gets another one's money by naming its account."""
    made = api.v1.accounts.create({"country": "US", "controller": CONTROLLER, "metadata": metadata})
    for account_id in (made.id, "acct_1none"):
        with pytest.raises(Refused) as caught:
            gateway.adopt_account(account_id, "ten_seller")
        assert caught.value.code == "account_invalid"


def test_an_adopted_account_pays_nothing_out_of_itself_any_more(
    gateway: ConnectGateway, api: stripe.StripeClient
) -> None:
    params: Any = {"country": "US", "controller": CONTROLLER, "metadata": {"tenant_id": "ten_seller"}}
    made = api.v1.accounts.create(params)
    assert gateway.adopt_account(made.id, "ten_seller").id == made.id
    stored: Any = api.v1.accounts.retrieve(made.id)
    assert stored.settings.payouts.schedule.interval == "manual"


def test_links(gateway: ConnectGateway, control: Control) -> None:
    account_id = gateway.create_account(new_account()).id
    link = gateway.onboarding_link(account_id, "https://p.example/done", "https://p.example/again")
    assert link.url.startswith("https://connect.stripe.com/")
    assert link.expires_at > datetime.now(UTC)
    with pytest.raises(Refused):
        gateway.login_link(account_id)  # before onboarding
    control.post(f"accounts/{account_id}/onboard")
    assert gateway.login_link(account_id).startswith("https://connect.stripe.com/express/")
    with pytest.raises(Refused):
        gateway.onboarding_link("acct_1none", "https://p.example/done", "https://p.example/again")


# Transfers


def test_a_transfer_its_arrival_and_its_reversal(
    gateway: ConnectGateway, control: Control, api: stripe.StripeClient, funded: None
) -> None:
    account_id = provider(gateway, control)
    sent = order(account_id)
    made = gateway.transfer(sent)
    assert (made.amount, made.reversed_amount.is_zero) == (USD_50, True)
    assert made.balance_transaction_id is not None
    stored: Any = api.v1.transfers.retrieve(made.id)
    assert (stored.transfer_group, stored.source_transaction) == (sent.payout_id, None)
    state = gateway.transfer_state(made.id, account_id)
    assert (state.arrived, state.available_on is not None) == (USD_50, True)
    back = order(account_id, Money(USD_50.micros // 5, "USD"), made.id, payout_id=sent.payout_id)
    assert gateway.reversals(str(back.source_id)) == []
    reversal = gateway.reverse(back)
    assert gateway.reversals(str(back.source_id)) == [reversal]
    assert gateway.transfer_state(made.id, account_id).reversed_amount == back.amount


def test_what_arrives_is_in_the_accounts_own_currency(gateway: ConnectGateway, control: Control, funded: None) -> None:
    account_id = provider(gateway, control, "DE")
    made = gateway.transfer(order(account_id))
    arrived = gateway.transfer_state(made.id, account_id).arrived
    assert arrived is not None
    assert arrived.currency == "EUR"


@pytest.mark.parametrize("silence", SILENT, ids=["500", "dropped"])
def test_c11_a_transfer_without_an_answer_is_found_by_its_group(
    gateway: ConnectGateway, control: Control, api: stripe.StripeClient, funded: None, silence: dict[str, Any]
) -> None:
    sent = order(provider(gateway, control))
    assert gateway.find_transfer(sent) is None
    fails(control, TRANSFERS, silence, {"kind": "status", "status": 503})
    with pytest.raises(OutcomeUnknown):
        gateway.transfer(sent)
    found = gateway.find_transfer(sent)
    assert found is not None
    assert gateway.transfer(sent) == found  # the key answers with what was made
    assert len(api.v1.transfers.list({"transfer_group": sent.payout_id}).data) == 1


def test_a_transfer_in_the_group_that_is_not_the_payouts_own_is_not_taken_for_it(
    gateway: ConnectGateway, control: Control, api: stripe.StripeClient, funded: None
) -> None:
    sent = order(provider(gateway, control))
    by_hand: Any = {
        "amount": 100, "currency": "usd", "destination": sent.stripe_account_id, "transfer_group": sent.payout_id,
    }  # fmt: skip
    api.v1.transfers.create(by_hand)
    assert gateway.find_transfer(sent) is None


def test_a_refused_transfer_is_refused_again_under_its_key_and_made_under_the_next(
    gateway: ConnectGateway, control: Control, funded: None
) -> None:
    """Research, 0.5: Stripe replays an executed 400 for a day, so that a new attempt needs a new key."""
    account_id = provider(gateway, control)
    much = Money(10**12, "USD")
    with pytest.raises(Refused) as caught:
        gateway.transfer(order(account_id, much, key="attempt-1"))
    assert caught.value.code == "balance_insufficient"
    assert gateway.transfer(order(account_id, key="attempt-2")).amount == USD_50


def test_a_transfer_to_an_account_that_is_not_ready_is_refused(gateway: ConnectGateway, funded: None) -> None:
    account_id = gateway.create_account(new_account()).id
    with pytest.raises(Refused) as caught:
        gateway.transfer(order(account_id))
    assert caught.value.code == "insufficient_capabilities_for_transfer"


def test_429_is_no_failure_and_nothing_was_done(gateway: ConnectGateway, control: Control, funded: None) -> None:
    sent = order(provider(gateway, control))
    fails(control, TRANSFERS, {"kind": "status", "status": 429})
    with pytest.raises(Unavailable):
        gateway.transfer(sent)
    assert gateway.find_transfer(sent) is None
    assert gateway.transfer(sent).amount == USD_50


LOCKED = b'{"error": {"type": "invalid_request_error", "code": "lock_timeout", "message": "busy"}}'


def test_a_lock_that_was_not_got_did_nothing(gateway: ConnectGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe.RequestsClient, "request", lambda *_, **__: (LOCKED.decode(), 429, {}))
    with pytest.raises(Unavailable):
        gateway.transfer(order("acct_1any"))


def test_a_429_after_a_lost_try_says_nothing_of_that_try(
    gateway: ConnectGateway, control: Control, funded: None
) -> None:
    sent = order(provider(gateway, control))
    fails(control, TRANSFERS, {"kind": "drop_after"}, {"kind": "status", "status": 429})
    with pytest.raises(OutcomeUnknown):
        gateway.transfer(sent)
    assert gateway.find_transfer(sent) is not None


def test_under_another_platforms_key_nothing_is_not_found(
    sandbox: SandboxServer, gateway: ConnectGateway, control: Control, funded: None
) -> None:
    """What must exist and is not found is an outage, never "not made" (decision 0024)."""
    sent = order(provider(gateway, control))
    made = gateway.transfer(sent)
    others = connect_gateway_to(sandbox.url, OTHERS)
    for call in (
        lambda: others.find_transfer(sent),
        lambda: others.transfer_state(made.id, sent.stripe_account_id),
        lambda: others.reverse(order(sent.stripe_account_id, source_id=made.id)),
        lambda: others.reversals(made.id),
        lambda: others.find_pay_out(sent),
        lambda: others.pay_out(sent),
        lambda: others.bank_payout("po_1none", sent.stripe_account_id),
    ):
        with pytest.raises(Unavailable):
            call()


# Payouts to banks


def test_a_payout_to_the_bank(gateway: ConnectGateway, control: Control, funded: None) -> None:
    sent = order(provider(gateway, control))
    gateway.transfer(sent)
    assert gateway.available("USD", sent.stripe_account_id) == USD_50
    assert gateway.find_pay_out(sent) is None
    made = gateway.pay_out(sent)
    assert (made.status, made.amount, made.failure_code) == ("pending", USD_50, None)
    assert gateway.available("USD", sent.stripe_account_id).is_zero
    assert gateway.find_pay_out(sent) == made
    control.post(f"payouts/{made.id}/finish", status="paid")
    control.post(f"payouts/{made.id}/finish", status="failed", failure_code="account_closed")
    after = gateway.bank_payout(made.id, sent.stripe_account_id)
    assert (after.status, after.failure_code) == ("failed", "account_closed")
    bank = gateway.account(sent.stripe_account_id)
    assert bank is not None
    assert bank.banks[0].errored


@pytest.mark.parametrize("silence", SILENT, ids=["500", "dropped"])
def test_c11_a_payout_without_an_answer_is_found_by_its_metadata(
    gateway: ConnectGateway, control: Control, funded: None, silence: dict[str, Any]
) -> None:
    sent = order(provider(gateway, control))
    gateway.transfer(sent)
    fails(control, PAYOUTS, silence, {"kind": "drop_before"})
    with pytest.raises(OutcomeUnknown):
        gateway.pay_out(sent)
    found = gateway.find_pay_out(sent)
    assert found is not None
    assert gateway.pay_out(sent) == found


def test_c13_what_is_not_there_cannot_be_paid_out_or_taken_back(
    gateway: ConnectGateway, control: Control, funded: None
) -> None:
    account_id = provider(gateway, control)
    made = gateway.transfer(order(account_id))
    control.post(f"accounts/{account_id}/debit", amount=8000, currency="usd")
    assert gateway.available("USD", account_id) == Money(-3_000_000, "USD")
    for call in (
        lambda: gateway.pay_out(order(account_id)),
        lambda: gateway.reverse(order(account_id, source_id=made.id)),
    ):
        with pytest.raises(Refused) as caught:
            call()
        assert caught.value.code == "balance_insufficient"


def test_a_payout_from_an_account_that_was_taken_away_is_refused(
    gateway: ConnectGateway, control: Control, funded: None
) -> None:
    """The transfer is ours and can be seen, so that the key is right: the account is gone for good."""
    sent = order(provider(gateway, control))
    made = gateway.transfer(sent)
    control.post(f"accounts/{sent.stripe_account_id}/deauthorize")
    with pytest.raises(Refused) as caught:
        gateway.pay_out(sent)
    assert caught.value.code == "account_invalid"
    state = gateway.transfer_state(made.id, sent.stripe_account_id)
    assert (state.amount, state.arrived) == (USD_50, None)


# The platform's balance transactions


def test_balance_transactions_come_newest_first_and_page_by_page(
    sandbox: SandboxServer, gateway: ConnectGateway, control: Control, funded: None
) -> None:
    account_id = provider(gateway, control)
    sent = [gateway.transfer(order(account_id, Money(10_000 * n, "USD"))) for n in range(1, 6)]
    lister, ids = balance_transactions_at(sandbox.url), [each.balance_transaction_id for each in reversed(sent)]
    window = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    first = lister.lines(*window, None, 2)
    second = lister.lines(*window, first.next_place, 2)
    assert [each.id for each in (*first.lines, *second.lines)] == ids[:4]
    last = first.lines[0]
    assert (last.type, last.source_id, last.amount) == ("transfer", sent[-1].id, Money(-50_000, "USD"))
    everything, place = [*lister.lines(*window, None, 100).lines], None
    paged = []
    while not paged or place is not None:
        page = lister.lines(*window, place, 3)
        paged, place = [*paged, *page.lines], page.next_place
    assert paged[: len(everything)] == everything
    assert [each.created_at for each in paged] == sorted((each.created_at for each in paged), reverse=True)


def test_balance_transactions_are_of_the_window_alone_and_one_is_found_by_its_id(
    sandbox: SandboxServer, gateway: ConnectGateway, control: Control, funded: None
) -> None:
    sent = gateway.transfer(order(provider(gateway, control), Money(10_000, "USD")))
    lister = balance_transactions_at(sandbox.url)
    line = lister.line(sent.balance_transaction_id or "")
    assert line is not None
    assert line.amount == Money(-10_000, "USD")
    assert lister.line("txn_unknown") is None
    after = line.created_at + timedelta(seconds=1)
    assert line.id in [each.id for each in lister.lines(line.created_at, after, None, 100).lines]
    assert line.id not in [each.id for each in lister.lines(after, after + timedelta(days=1), None, 100).lines]
    assert lister.lines(after + timedelta(days=1), after + timedelta(days=2), None, 100).lines == ()
