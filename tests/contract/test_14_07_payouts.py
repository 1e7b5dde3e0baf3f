"""Issue 14, number 7: what a payout may be, its cancellation and reversal, its bank, the platform's own schedule."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, client
from tests.contract.marketplace import account, balance, charge, events, on, onboarded, pay_out, refused, send


@pytest.fixture
def provider(api: stripe.StripeClient, control: Control) -> str:
    """A connected account in the US with 50.00 available."""
    made = onboarded(api, control)
    charge(api)
    send(api, made)
    return made


def test_14_07_a_country_has_a_least_payout(api: stripe.StripeClient, control: Control) -> None:
    """C31: BOB 200 is the least that a bank in Bolivia takes; less is refused, not pending for ever."""
    provider = onboarded(api, control, "BO")
    charge(api)
    send(api, provider, 5000)
    control.post("balance/settle", account=provider)
    refused(lambda: pay_out(api, provider, 19_999, "bob"), code="amount_too_small", param="amount")
    assert pay_out(api, provider, 20_000, "bob").status == "pending"
    with pytest.raises(AssertionError, match="amount_too_small"):
        control.post(f"accounts/{provider}/pay_out")


def test_14_07_what_the_schedule_made_cannot_be_canceled(
    api: stripe.StripeClient, control: Control, provider: str
) -> None:
    made = control.post(f"accounts/{provider}/pay_out", amount=1000)
    refused(lambda: api.v1.payouts.cancel(made["id"], {}, on(provider)), match="automatic")
    assert api.v1.payouts.cancel(pay_out(api, provider).id, {}, on(provider)).status == "canceled"


def test_14_07_only_banks_that_can_be_debited_give_a_payout_back(
    api: stripe.StripeClient, control: Control, provider: str
) -> None:
    """https://docs.stripe.com/connect/payout-reversals: banks in the US and Canada, of the platform's own risk."""
    british, canadian = onboarded(api, control, "GB"), onboarded(api, control, "CA")
    for each in (british, canadian):
        send(api, each, 1000)
    control.post("balance/settle")
    paid = []
    for each, currency in ((british, "gbp"), (canadian, "cad"), (None, "usd")):
        options: Any = on(each)
        payout = api.v1.payouts.create({"amount": 500, "currency": currency}, options)
        control.post(f"payouts/{payout.id}/finish", status="paid")
        paid.append((payout.id, options))
    refused(lambda: api.v1.payouts.reverse(paid[0][0], {}, paid[0][1]), match="US and Canadian")
    refused(lambda: api.v1.payouts.reverse(paid[2][0], {}, paid[2][1]), match="no connected account")
    assert api.v1.payouts.reverse(paid[1][0], {}, paid[1][1]).amount == -500


def test_14_07_a_payout_that_fails_by_itself_is_not_fetched_back_too(
    api: stripe.StripeClient, control: Control, provider: str
) -> None:
    """The money comes back once: the pending reversal of a payout that fails is canceled."""
    payout = pay_out(api, provider)
    control.post(f"payouts/{payout.id}/finish", status="paid")
    reversal = api.v1.payouts.reverse(payout.id, {}, on(provider))
    control.post(f"payouts/{payout.id}/finish", status="failed")
    assert api.v1.payouts.retrieve(reversal.id, {}, on(provider)).status == "canceled"
    assert (balance(api, provider), balance(api, provider, part="pending")) == (5000, 0)
    assert events(api, provider)[-2:] == ["payout.canceled", "payout.failed"]


def test_14_07_a_payout_shows_its_bank(api: stripe.StripeClient, control: Control, provider: str) -> None:
    """The last digits for a statement, also of a bank that is not the account's any more."""
    expand: Any = {"expand": ["destination"]}
    payout = pay_out(api, provider)
    bank: Any = api.v1.payouts.retrieve(payout.id, expand, on(provider)).destination
    assert (bank.last4, bank.status) == ("6789", "new")
    control.post(f"accounts/{provider}/replace_bank")
    gone: Any = api.v1.payouts.retrieve(payout.id, expand, on(provider)).destination
    assert (gone.id, gone.deleted) == (bank.id, True)


def test_14_07_the_platform_is_paid_out_by_its_own_schedule(server: SandboxServer, control: Control) -> None:
    """Trap 8: an automatic payout of the platform takes the providers' money, unless its schedule is manual."""
    api = client(server, "sk_test_scheduled_platform")
    own = api.v1.accounts.retrieve_current()
    assert (own.country, own.default_currency) == ("US", "usd")
    charge(api)
    least: Any = {"payments": {"payouts": {"minimum_balance_by_currency": {"usd": 1000}}}}
    api.v1.balance_settings.update(least)
    made = control.post("balance/pay_out", account=own.id)
    assert (made["amount"], made["automatic"], balance(api)) == (8680, True, 1000)
    control.post(f"payouts/{made['id']}/finish")
    assert events(api)[-2:] == ["payout.paid", "payout.reconciliation_completed"]
    manual: Any = {"payments": {"payouts": {"schedule": {"interval": "manual"}}}}
    api.v1.balance_settings.update(manual)
    with pytest.raises(AssertionError, match="manual"):
        control.post("balance/pay_out", account=own.id)


def test_14_07_an_account_reads_itself_on_its_behalf(api: stripe.StripeClient) -> None:
    made = account(api)
    assert api.v1.accounts.retrieve_current({}, on(made.id)).id == made.id
