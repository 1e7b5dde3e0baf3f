"""Issue 14, number 7: the service agreement of a connected account, and where money may be sent under it."""

from __future__ import annotations

import time
from typing import Any

import pytest
import stripe

from local.stripe_sandbox.testing import Control
from tests.contract.marketplace import (
    BOTH,
    CUSTOM,
    RECIPIENT,
    account,
    balance,
    charge,
    line,
    on,
    onboarded,
    refused,
    send,
)

AGREEMENT = "tos_acceptance[service_agreement]"


@pytest.mark.parametrize("country", ["AU", "DE", "JP"])
def test_14_07_transfers_alone_across_a_border_need_the_recipient_agreement(
    api: stripe.StripeClient, country: str
) -> None:
    """Section 5, first row: `transfers` without `card_payments` is granted to recipients, and at home."""
    refused(
        lambda: account(api, country, tos_acceptance={}),
        param="capabilities",
        match=f"without the `card_payments` capability for accounts in {country}",
    )
    made = account(api, country)
    assert made.tos_acceptance is not None
    assert made.tos_acceptance.service_agreement == "recipient"
    assert made.capabilities is not None
    assert made.capabilities.to_dict() == {"transfers": "inactive"}
    assert account(api, "US").capabilities == made.capabilities


def test_14_07_a_full_account_outside_of_the_region_is_opened_and_sent_nothing(
    api: stripe.StripeClient, control: Control
) -> None:
    """Section 5: a US platform's transfer to an AU account under the `full` agreement; nothing warns before it."""
    charge(api)
    far = onboarded(api, control, "AU", tos_acceptance={}, capabilities=BOTH)
    near = onboarded(api, control, "DE", tos_acceptance={}, capabilities=BOTH)
    match = "Funds can't be sent to accounts located in AU when the account is under the `full` service agreement"
    refused(lambda: send(api, far), match=match)
    assert send(api, near).amount == 5000
    assert send(api, onboarded(api, control, "AU"), 100).amount == 100


def test_14_07_an_agreement_is_fixed_once_accepted(api: stripe.StripeClient) -> None:
    """C32: the way out of a wrong agreement is another account."""
    accepted: Any = {"service_agreement": "recipient", "date": int(time.time()), "ip": "192.0.2.1"}
    made = account(api, "AU", tos_acceptance=accepted, **CUSTOM)
    full: Any = {"tos_acceptance": {"service_agreement": "full"}}
    refused(lambda: api.v1.accounts.update(made.id, full), param=AGREEMENT, match="cannot be changed")
    pending = account(api, "AU", **CUSTOM)
    changed: Any = {"tos_acceptance": {"service_agreement": "full"}, "capabilities": BOTH}
    accepted_later = api.v1.accounts.update(pending.id, changed).tos_acceptance
    assert accepted_later is not None
    assert (accepted_later.service_agreement, accepted_later.date) == ("full", None)
    assert api.v1.accounts.delete(made.id).deleted


BAD: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"country": "US", "tos_acceptance": RECIPIENT}, None, AGREEMENT),
    ({"tos_acceptance": {"service_agreement": "half"}}, None, AGREEMENT),
    ({"capabilities": BOTH}, None, "capabilities[card_payments]"),
    ({"country": "TW", "tos_acceptance": {}, "capabilities": BOTH}, "country_unsupported", "country"),
    ({"tos_acceptance": {"date": 1_790_000_000, "ip": "192.0.2.1"}}, None, "tos_acceptance"),
    ({"type": "standard"}, None, AGREEMENT),
    ({"country": "US", "type": "standard", "tos_acceptance": {}}, None, "capabilities"),
]


@pytest.mark.parametrize(("params", "code", "param"), BAD)
def test_14_07_what_an_agreement_does_not_allow_is_refused(
    api: stripe.StripeClient, params: dict[str, Any], code: str | None, param: str | None
) -> None:
    country = params.pop("country", "AU")
    refused(lambda: account(api, country, **params), code=code, param=param)
    assert api.v1.accounts.list().data == []


def test_14_07_a_recipient_never_charges_and_gets_its_money_a_day_later(
    api: stripe.StripeClient, control: Control
) -> None:
    """A transfer leaves the platform at once; a recipient's payout waits for its payment's own `available_on`."""
    charge(api)
    provider = onboarded(api, control, "GB")
    shown = api.v1.accounts.retrieve(provider)
    assert (shown.charges_enabled, shown.payouts_enabled) == (False, True)
    refused(
        lambda: api.v1.accounts.capabilities.update(provider, "card_payments", {"requested": True}),
        param="capabilities[card_payments]",
    )
    transfer = send(api, provider)
    arrived = api.v1.charges.retrieve(str(transfer.destination_payment), {}, on(provider)).balance_transaction
    sent = line(api, transfer.balance_transaction)
    assert line(api, arrived, provider).available_on == sent.available_on + 86_400
    assert (balance(api), balance(api, provider, "gbp"), balance(api, provider, "gbp", "pending")) == (4680, 0, 4000)
    payout: Any = {"amount": 4000, "currency": "gbp"}
    refused(lambda: api.v1.payouts.create(payout, on(provider)), code="balance_insufficient")
    # What is not there yet comes back from what is not there yet, and is the platform's at once.
    api.v1.transfers.reversals.create(transfer.id, {"amount": 1000})
    assert (balance(api), balance(api, provider, "gbp", "pending")) == (5680, 3200)
    control.post("balance/settle", account=provider)
    payout["amount"] = 3200
    assert api.v1.payouts.create(payout, on(provider)).status == "pending"


def test_14_07_an_express_recipient_asks_for_transfers_alone(api: stripe.StripeClient) -> None:
    made = api.v1.accounts.create({"type": "express", "country": "TW", "tos_acceptance": RECIPIENT})
    assert made.capabilities is not None
    assert made.capabilities.to_dict() == {"transfers": "inactive"}
    assert made.default_currency == "twd"
