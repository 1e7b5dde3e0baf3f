"""Connect between the product's words and Stripe's: pure translation, no calls (docs.stripe.com/connect)."""

import re
from typing import Any

import stripe

from billing.domain.marketplace.provider import BankDestination, ConnectedAccount
from billing.integrations.stripe.calls import code_of
from billing.integrations.stripe.objects import money_of, stripe_amount, time_of
from billing.services.marketplace.payout_processor import (
    BankPayout,
    MoneyOrder,
    NewAccount,
    Refused,
    Reversal,
    Transfer,
)

Json = dict[str, Any]

_UNITED_STATES = "US"
# Not Iceland: Stripe has no accounts there but recipients'.
_EEA = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE"}
    | {"IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"}
)
FULL_AREA = _EEA | {"CA", "CH", "GB", _UNITED_STATES}
"""Within this area money reaches accounts under the full agreement, whichever of its countries the platform is in
(docs.stripe.com/connect/cross-border-payouts)."""
_BAD_BANKS = frozenset({"errored", "verification_failed", "tokenized_account_number_deactivated"})
_EMAIL = re.compile(r"[^\s@'\"<>]+@[^\s@'\"<>]+")
_KEY = re.compile(r"\b(?:(?:sk|rk|pk|ek|whsec)_|\w+_secret_)[\w*]+")
_LONGEST_MESSAGE = 300


def is_recipient(platform_country: str, country: str) -> bool:
    """Whether a provider there has to be under the recipient agreement, which is fixed once it is accepted.

    A platform in the US: DE no, AU yes. A platform in Australia: AU no, DE yes.
    """
    if country == platform_country:
        return False
    return not {country, platform_country} <= FULL_AREA


def account_params(new: NewAccount, platform_country: str) -> Json:
    """What a new account is asked to be: the platform bears losses and fees, and nothing is paid out of itself.

    ``transfers`` alone is granted in the US and to recipients; anywhere else Stripe wants ``card_payments`` beside it
    (docs.stripe.com/connect/account-capabilities).
    """
    recipient = is_recipient(platform_country, new.country)
    capabilities = {"transfers": {"requested": True}}
    if not recipient and new.country != _UNITED_STATES:
        capabilities["card_payments"] = {"requested": True}
    params: Json = {
        "country": new.country,
        "controller": {
            "fees": {"payer": "application"},
            "losses": {"payments": "application"},
            "requirement_collection": "stripe",
            "stripe_dashboard": {"type": "express"},
        },
        "capabilities": capabilities,
        "settings": {"payouts": {"schedule": {"interval": "manual"}}},
        "metadata": {"tenant_id": new.tenant_id},
    }
    if recipient:
        params["tos_acceptance"] = {"service_agreement": "recipient"}
    if new.email is not None:
        params["email"] = new.email
    return params


def why_unfit(account: Any) -> str | None:
    """Why an account that somebody else made cannot be used here; None if it can.

    With separate charges and transfers, whose money is held here, an account whose losses Stripe bears is against
    Stripe's rules: it may close the platform for it.
    """
    controller = account.controller
    losses = getattr(getattr(controller, "losses", None), "payments", None)
    if losses != "application":
        return "The account's losses are borne by Stripe; only one whose losses the platform bears can be paid out to"
    return None


def connected_account(account: Any) -> ConnectedAccount:
    """An account as Stripe has it now. Of what it wants to know, only the names of the fields."""
    requirements = account.requirements
    return ConnectedAccount(
        id=account.id,
        country=account.country,
        default_currency=account.default_currency.upper(),
        transfers_active=getattr(account.capabilities, "transfers", None) == "active",
        payouts_enabled=bool(account.payouts_enabled),
        details_submitted=bool(account.details_submitted),
        currently_due=tuple(getattr(requirements, "currently_due", None) or ()),
        disabled_reason=getattr(requirements, "disabled_reason", None),
        banks=_banks(account),
    )


def _banks(account: Any) -> tuple[BankDestination, ...]:
    """Where payouts can go, the default of each currency first; a debit card is known by its brand."""
    listed = getattr(account, "external_accounts", None)
    found = sorted(listed.data, key=lambda each: not each.default_for_currency) if listed is not None else ()
    return tuple(
        BankDestination(
            currency=each.currency.upper(),
            last4=each.last4,
            bank_name=getattr(each, "bank_name", None) or getattr(each, "brand", None),
            errored=getattr(each, "status", None) in _BAD_BANKS,
        )
        for each in found
        if each.currency
    )


def money_metadata(order: MoneyOrder) -> dict[str, str]:
    """The metadata by which a transfer, reversal or payout is found again; ids only."""
    ids = {"payout_id": order.payout_id, "tenant_id": order.tenant_id, "marketplace_id": order.marketplace_id}
    return order.metadata | ids


def transfer_params(order: MoneyOrder) -> Json:
    """A transfer out of the platform's available balance: of no single charge, because a payout is for many orders."""
    return {
        "amount": stripe_amount(order.amount),
        "currency": order.amount.currency.lower(),
        "destination": order.stripe_account_id,
        "transfer_group": order.payout_id,
        "metadata": money_metadata(order),
    }


def transfer(made: Any, payment: Any = None) -> Transfer:
    """A transfer, with what arrived of it.

    Args:
        payment: the charge on the provider's account that it is there, with its balance transaction; None if unknown.
    """
    line: Any = getattr(payment, "balance_transaction", None)
    is_line = line is not None and not isinstance(line, str)
    return Transfer(
        id=made.id,
        amount=money_of(made.amount, made.currency),
        reversed_amount=money_of(made.amount_reversed, made.currency),
        created_at=time_of(made.created),
        arrived=money_of(line.amount, line.currency) if is_line else None,
        arrived_payment_id=_id_of(made.destination_payment),
        available_on=time_of(line.available_on) if is_line else None,
        balance_transaction_id=_id_of(made.balance_transaction),
    )


def reversal(made: Any) -> Reversal:
    """A reversal, or a part of one."""
    return Reversal(made.id, money_of(made.amount, made.currency), _id_of(made.balance_transaction))


def bank_payout(made: Any) -> BankPayout:
    """A payout to a bank; its destination is expanded, where that is to be known."""
    destination = made.destination
    return BankPayout(
        id=made.id,
        status=made.status,
        amount=money_of(made.amount, made.currency),
        created_at=time_of(made.created),
        arrives_at=time_of(made.arrival_date) if made.arrival_date else None,
        failure_code=made.failure_code,
        failure_message=_shown(made.failure_message) if made.failure_message else None,
        destination_last4=None if isinstance(destination, str) else getattr(destination, "last4", None),
    )


def refused(error: stripe.StripeError) -> Refused:
    """A refusal for good: Stripe's code (or its error's type), and its words without what is nobody else's business."""
    kind = getattr(error.error, "type", None)
    return Refused(code_of(error) or kind or "refused", _shown(error.user_message or "Stripe refused the request"))


def _shown(message: str) -> str:
    """Stripe's words for a tenant, without an email address, and without a key of the platform's.

    Stripe quotes it, down to its last letters: "The provided key 'sk_live_***4Xyz' does not have access to ...".
    """
    return _EMAIL.sub("(email)", _KEY.sub("(key)", message))[:_LONGEST_MESSAGE]


def _id_of(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else value.id
