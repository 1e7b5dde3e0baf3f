"""Issue 14, number 7: the banks of connected accounts: kept, failing, errored, updated, replaced."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from local.stripe_sandbox.testing import Control, merged
from tests.contract.marketplace import CUSTOM, account, balance, charge, events, on, onboarded, pay_out, refused, send

US: Any = {"object": "bank_account", "country": "US", "currency": "usd", "routing_number": "110000000"}
TAKES: Any = US | {"account_number": "000123456789"}
CLOSED: Any = US | {"account_number": "000111111113"}
IBAN = "DE89370400440532013000"


@pytest.fixture
def provider(api: stripe.StripeClient, control: Control) -> str:
    """An account whose banks the platform manages, with 50.00 available."""
    made = onboarded(api, control, external_account=TAKES, **CUSTOM)
    charge(api)
    send(api, made)
    return made


def banks(api: stripe.StripeClient, provider: str) -> list[Any]:
    return list(api.v1.accounts.external_accounts.list(provider))


def add(api: stripe.StripeClient, provider: str, details: Any, **params: Any) -> Any:
    return api.v1.accounts.external_accounts.create(provider, merged({"external_account": details}, params))


def test_14_07_banks_are_added_listed_changed_and_removed(api: stripe.StripeClient, provider: str) -> None:
    (first,) = banks(api, provider)
    second = add(api, provider, TAKES, metadata={"n": "2"})
    assert (first.default_for_currency, second.default_for_currency) == (True, False)
    assert (second.last4, second.status, second.metadata["n"]) == ("6789", "new", "2")
    assert [bank.id for bank in banks(api, provider)] == [second.id, first.id]
    paged = api.v1.accounts.external_accounts.list(provider, {"limit": 1, "starting_after": second.id})
    assert ([bank.id for bank in paged], paged.has_more) == ([first.id], False)
    refused(lambda: api.v1.accounts.external_accounts.delete(provider, first.id), match="You cannot delete the default")
    changed: Any = {"default_for_currency": True, "account_holder_name": "Ada", "metadata": {"n": ""}}
    made = api.v1.accounts.external_accounts.update(provider, second.id, changed)
    assert (made.default_for_currency, made["account_holder_name"], made.metadata.to_dict()) == (True, "Ada", {})
    gone = api.v1.accounts.external_accounts.delete(provider, first.id)
    assert (gone.deleted, gone["currency"]) == (True, "usd")
    assert [bank.id for bank in banks(api, provider)] == [second.id]
    error = refused(
        lambda: api.v1.accounts.external_accounts.retrieve(provider, first.id), code="resource_missing", param="id"
    )
    assert error.http_status == 404
    told = [each for each in events(api, provider) if "external_account" in each]
    assert told == [f"account.external_account.{each}" for each in ("created", "updated", "updated", "deleted")]


BAD: list[tuple[dict[str, Any], str | None, str]] = [
    ({"account_number": "1234"}, "account_number_invalid", "external_account[account_number]"),
    ({"currency": "eur"}, None, "external_account[currency]"),
    ({"currency": "xxx"}, None, "currency"),
    ({"routing_number": None}, "parameter_missing", "external_account[routing_number]"),
    ({"account_number": None}, None, "external_account"),
]


@pytest.mark.parametrize(("params", "code", "param"), BAD)
def test_14_07_a_bank_that_is_none_is_refused(
    api: stripe.StripeClient, provider: str, params: dict[str, Any], code: str | None, param: str
) -> None:
    details = {name: value for name, value in (TAKES | params).items() if value is not None}
    refused(lambda: add(api, provider, details), code=code, param=param)
    assert len(banks(api, provider)) == 1


def test_14_07_a_holder_with_a_dashboard_names_the_bank_there(api: stripe.StripeClient, control: Control) -> None:
    """The platform reads the banks of an express account and touches none."""
    express = onboarded(api, control)
    (bank,) = banks(api, express)
    service = api.v1.accounts.external_accounts
    for attempt in (
        lambda: add(api, express, TAKES),
        lambda: service.update(express, bank.id, {}),
        lambda: service.delete(express, bank.id),
        lambda: account(api, external_account=TAKES),
    ):
        assert refused(attempt, match="required permissions").http_status == 403
    assert service.retrieve(express, bank.id).id == bank.id


@pytest.mark.parametrize(
    ("country", "currency", "number", "code"),
    [
        ("US", "usd", "000123456789", None),
        ("US", "usd", "000111111116", "no_account"),
        ("US", "usd", "000111111113", "account_closed"),
        ("US", "usd", "000222222227", "insufficient_funds"),
        ("US", "usd", "000333333335", "debit_not_authorized"),
        ("US", "usd", "000444444440", "invalid_currency"),
        ("GB", "gbp", "00012345", None),
        ("GB", "gbp", "11111116", "no_account"),
        ("DE", "eur", IBAN, None),
        ("DE", "eur", "DE62 3704 0044 0532 0130 01", "no_account"),
        ("DE", "eur", "DE89370400440532013005", "invalid_currency"),
        ("JP", "jpy", "0001234", None),
        ("JP", "jpy", "1111113", "account_closed"),
    ],
)
def test_14_07_a_test_number_says_what_the_bank_does(
    api: stripe.StripeClient, control: Control, country: str, currency: str, number: str, code: str | None
) -> None:
    """https://docs.stripe.com/connect/testing#account-numbers"""
    charge(api)
    provider = account(api, country, **CUSTOM).id
    control.post(f"accounts/{provider}/onboard", external_account={"account_number": number, "country": country})
    send(api, provider)
    control.post("balance/settle", account=provider)
    payout = pay_out(api, provider, 100, currency)
    control.post(f"payouts/{payout.id}/finish")
    ended = api.v1.payouts.retrieve(payout.id, {}, on(provider))
    assert (ended.status, ended.failure_code) == ("failed" if code else "paid", code)


@pytest.mark.parametrize("steps", [[], ["paid"]])
def test_14_07_a_failed_payout_stops_its_bank_until_it_is_updated(
    api: stripe.StripeClient, control: Control, provider: str, steps: list[str]
) -> None:
    """Section 5: after `payout.failed`, also days after `paid`, the bank is `errored` and nothing is paid out."""
    payout = pay_out(api, provider)
    for status in steps:
        control.post(f"payouts/{payout.id}/finish", status=status)
    control.post(f"payouts/{payout.id}/finish", status="failed", failure_code="no_account")
    (bank,) = banks(api, provider)
    stopped = api.v1.accounts.retrieve(provider)
    assert (bank.status, stopped.payouts_enabled) == ("errored", False)
    assert stopped.requirements is not None
    assert stopped.requirements.past_due == ["external_account"]
    told = events(api, provider)[-3:]
    assert told == ["account.external_account.updated", "account.updated", "payout.failed"]
    refused(lambda: pay_out(api, provider), code="payouts_not_allowed")
    # Money can still be sent there; it waits.
    assert send(api, provider, 100).amount == 100
    api.v1.accounts.external_accounts.update(provider, bank.id)
    assert banks(api, provider)[0].status == "new"
    assert api.v1.accounts.retrieve(provider).payouts_enabled
    assert pay_out(api, provider, 5100).status == "pending"


def test_14_07_a_failed_bank_makes_nothing_else_late(api: stripe.StripeClient, control: Control, provider: str) -> None:
    control.post(f"accounts/{provider}/require", currently_due=["company.tax_id"])
    control.post(f"payouts/{pay_out(api, provider).id}/finish", status="failed")
    requirements = api.v1.accounts.retrieve(provider).requirements
    assert requirements is not None
    assert requirements.currently_due == ["company.tax_id", "external_account"]
    assert requirements.past_due == ["external_account"]


def test_14_07_an_errored_bank_that_is_not_the_default_stops_nothing_else(
    api: stripe.StripeClient, control: Control, provider: str
) -> None:
    other = add(api, provider, CLOSED)
    control.post(f"payouts/{pay_out(api, provider, 1000, destination=other.id).id}/finish")
    assert api.v1.accounts.retrieve(provider).payouts_enabled
    refused(
        lambda: pay_out(api, provider, 1000, destination=other.id), code="bank_account_unusable", param="destination"
    )
    assert pay_out(api, provider, 1000).status == "pending"


def test_14_07_a_bank_is_replaced_while_a_payout_is_out(
    api: stripe.StripeClient, control: Control, provider: str
) -> None:
    """C16: the late return to the former bank says nothing against the new one; the money is back all the same."""
    payout = pay_out(api, provider)
    former = str(payout.destination)
    control.post(f"payouts/{payout.id}/finish", status="paid")
    replaced = api.v1.accounts.update(provider, {"external_account": TAKES})
    assert replaced.external_accounts is not None
    (bank,) = replaced.external_accounts.data
    assert bank.id != former
    control.post(f"payouts/{payout.id}/finish", status="failed", failure_code="account_closed")
    assert (banks(api, provider)[0].status, balance(api, provider)) == ("new", 5000)
    assert str(pay_out(api, provider).destination) == bank.id


def test_14_07_a_holder_replaces_a_bank_that_failed(api: stripe.StripeClient, control: Control) -> None:
    express = onboarded(api, control)
    charge(api)
    send(api, express)
    control.post(f"payouts/{pay_out(api, express).id}/finish", status="failed")
    refused(lambda: pay_out(api, express), code="payouts_not_allowed")
    bank = control.post(f"accounts/{express}/replace_bank", account_number="000111111116")
    assert events(api, express)[-3:] == [
        "account.external_account.created",
        "account.external_account.deleted",
        "account.updated",
    ]
    payout = pay_out(api, express)
    assert (str(payout.destination), payout.amount) == (bank["id"], 3000)
    assert control.post(f"payouts/{payout.id}/finish")["failure_code"] == "no_account"


def test_14_07_no_bank_in_the_currency_no_payout(api: stripe.StripeClient, control: Control) -> None:
    """A balance in euros beside a bank in pounds: refused in Stripe's words, also with the bank named."""
    provider = onboarded(api, control, "GB", **CUSTOM)
    euros: Any = {"object": "bank_account", "country": "DE", "currency": "eur", "account_number": IBAN}
    bank = add(api, provider, euros)
    charge(api, 10_000, "eur")
    send(api, provider, 5000, "eur")
    control.post("balance/settle", account=provider)
    assert balance(api, provider, "eur") == 5000
    gone = api.v1.accounts.external_accounts.delete(provider, bank.id)
    assert gone.deleted
    match = r"you don't have any external accounts in that currency \(eur\)"
    refused(lambda: pay_out(api, provider, 100, "eur"), param="currency", match=match)
    pounds = banks(api, provider)[0].id
    refused(lambda: pay_out(api, provider, 100, "eur", destination=pounds), param="currency", match=match)
