"""A marketplace in the Stripe sandbox, for the tests of issue 14: connected accounts, their money, refusals."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from local.stripe_sandbox.testing import Control, merged

RECIPIENT: Any = {"service_agreement": "recipient"}
TRANSFERS: Any = {"transfers": {"requested": True}}
BOTH: Any = {"transfers": {"requested": True}, "card_payments": {"requested": True}}
ON_MANUAL: Any = {"payouts": {"schedule": {"interval": "manual"}}}
CUSTOM: Any = {
    "controller": {
        "fees": {"payer": "application"},
        "losses": {"payments": "application"},
        "requirement_collection": "application",
        "stripe_dashboard": {"type": "none"},
    }
}


def account(api: stripe.StripeClient, country: str = "US", **params: Any) -> stripe.Account:
    """A new express account; a recipient where the platform's own country is another one."""
    usual: dict[str, Any] = {"country": country, "capabilities": TRANSFERS}
    if "controller" not in params:
        usual["type"] = "express"
    if country != "US":
        usual["tos_acceptance"] = RECIPIENT
    return api.v1.accounts.create(merged(usual, params))


def onboarded(api: stripe.StripeClient, control: Control, country: str = "US", **params: Any) -> str:
    """The id of an account whose holder has been through onboarding."""
    made = account(api, country, **params).id
    control.post(f"accounts/{made}/onboard")
    return made


def charge(api: stripe.StripeClient, amount: int = 10_000, currency: str = "usd", **params: Any) -> str:
    """The id of a charge whose money is available at once."""
    body: Any = {
        "amount": amount,
        "currency": currency,
        "payment_method": "pm_card_bypassPending",
        "confirm": True,
        "allowed_payment_method_types": ["card"],
    }
    return str(api.v1.payment_intents.create(merged(body, params)).latest_charge)


def send(
    api: stripe.StripeClient, destination: str, amount: int = 5000, currency: str = "usd", **params: Any
) -> stripe.Transfer:
    """A transfer."""
    body = {"amount": amount, "currency": currency, "destination": destination}
    return api.v1.transfers.create(merged(body, params))


def pay_out(
    api: stripe.StripeClient, provider: str, amount: int = 3000, currency: str = "usd", **params: Any
) -> stripe.Payout:
    """A payout of a connected account's."""
    return api.v1.payouts.create(merged({"amount": amount, "currency": currency}, params), on(provider))


def on(provider: str | None) -> Any:
    """Options of a call on behalf of a connected account; of the platform, where there is none."""
    return {"stripe_account": provider} if provider else {}


def balance(
    api: stripe.StripeClient, provider: str | None = None, currency: str = "usd", part: str = "available"
) -> int:
    """One part of a balance, in the smallest unit."""
    lines = api.v1.balance.retrieve({}, on(provider))[part]
    return sum(line.amount for line in lines if line.currency == currency)


def line(api: stripe.StripeClient, transaction: Any, provider: str | None = None) -> stripe.BalanceTransaction:
    """A line of a balance."""
    return api.v1.balance_transactions.retrieve(str(transaction), {}, on(provider))


def events(api: stripe.StripeClient, provider: str | None = None) -> list[str]:
    """Types of all events, oldest first."""
    return [event.type for event in api.v1.events.list({"limit": 100}, on(provider)).data[::-1]]


def refused(
    call: Any, *, code: str | None = None, param: str | None = None, match: str | None = None
) -> stripe.StripeError:
    """What Stripe answers to a call that it refuses.

    Raises:
        AssertionError: it is another refusal.
    """
    with pytest.raises(stripe.StripeError, match=match) as caught:
        call()
    error: Any = caught.value.error
    assert (error.code, error.param) == (code, param), caught.value
    return caught.value
