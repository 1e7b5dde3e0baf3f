"""Connected accounts: what they may do, and how onboarding and review change it."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox.context import Context, changed, token
from local.stripe_sandbox.errors import ApiError, InvalidRequestError, account_invalid

Json = dict[str, Any]

# Where Stripe has accounts (https://stripe.com/global), with the currency that they are paid out in.
_EURO = "AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK"
CURRENCY_OF = dict.fromkeys(_EURO.split(), "eur") | {
    "AE": "aed",
    "AU": "aud",
    "BR": "brl",
    "CA": "cad",
    "CH": "chf",
    "CZ": "czk",
    "DK": "dkk",
    "GB": "gbp",
    "GI": "gbp",
    "HK": "hkd",
    "HU": "huf",
    "IN": "inr",
    "JP": "jpy",
    "LI": "chf",
    "MX": "mxn",
    "MY": "myr",
    "NO": "nok",
    "NZ": "nzd",
    "PL": "pln",
    "RO": "ron",
    "SE": "sek",
    "SG": "sgd",
    "TH": "thb",
    "US": "usd",
}
CAPABILITIES = ("card_payments", "transfers")
REQUIREMENTS = [
    "business_profile.mcc",
    "business_profile.url",
    "business_type",
    "external_account",
    "tos_acceptance.date",
    "tos_acceptance.ip",
]

# Why Stripe holds an account back; null: it does not.
_DISABLED = (
    None,
    "action_required.requested_capabilities",
    "listed",
    "other",
    "platform_paused",
    "rejected.fraud",
    "rejected.incomplete_verification",
    "rejected.listed",
    "rejected.other",
    "rejected.terms_of_service",
    "requirements.past_due",
    "requirements.pending_verification",
    "under_review",
)

# fees.payer, losses.payments, requirement_collection, stripe_dashboard.type of the three classic types.
_CLASSIC = {
    "standard": ("account", "stripe", "stripe", "full"),
    "express": ("application_express", "application", "stripe", "express"),
    "custom": ("application_custom", "application", "application", "none"),
}


def controller_of(params: Json) -> tuple[str, Json]:
    """The type and the controller that a new account was asked to have.

    Raises:
        InvalidRequestError: both were sent, or Stripe does not combine them so.
    """
    if "type" in params and "controller" in params:
        raise InvalidRequestError(
            "You may only specify one of these parameters: type, controller.",
            code="parameters_exclusive",
            param="type",
        )
    kind = params.get("type")
    if kind or "controller" not in params:
        payer, losses, collection, dashboard = _CLASSIC[kind or "standard"]
    else:
        sent = params["controller"]
        payer = sent.get("fees", {}).get("payer", "account")
        losses = sent.get("losses", {}).get("payments", "stripe")
        collection = sent.get("requirement_collection", "stripe")
        dashboard = sent.get("stripe_dashboard", {}).get("type", "full")
        if collection == "application" and dashboard != "none":
            message = "An application that collects the requirements itself cannot give access to a Stripe dashboard."
            raise InvalidRequestError(message, param="controller[stripe_dashboard][type]")
        if dashboard == "full" and losses == "application":
            message = "An account with the full dashboard bears its own losses."
            raise InvalidRequestError(message, param="controller[losses][payments]")
    controller = {
        "type": "application",
        "is_controller": True,
        "fees": {"payer": payer},
        "losses": {"payments": losses},
        "requirement_collection": collection,
        "stripe_dashboard": {"type": dashboard},
    }
    return kind or ("none" if "controller" in params else "standard"), controller


def blank_requirements(due: list[str], reason: str | None) -> Json:
    """What Stripe still wants to know of an account."""
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": list(due),
        "disabled_reason": reason,
        "errors": [],
        "eventually_due": list(due),
        "past_due": list(due) if reason == "requirements.past_due" else [],
        "pending_verification": [],
    }


def account_of(context: Context, object_id: str) -> Json:
    """A connected account of this platform.

    Raises:
        InvalidRequestError: 403, as Stripe's for any account that is not.
    """
    record = context.find("account", object_id)
    if record is None:
        raise account_invalid(object_id)
    return record.body


def require_transfers(account: Json) -> None:
    """Refuse a destination that money cannot be sent to.

    Raises:
        ApiError: ``insufficient_capabilities_for_transfer``.
    """
    if account["capabilities"].get("transfers") != "active":
        message = (
            "Your destination account needs to have at least one of the following capabilities enabled:"
            " transfers, crypto_transfers, legacy_payments"
        )
        raise ApiError(message, code="insufficient_capabilities_for_transfer", param="destination")


def review(context: Context, account: Json, body: Json) -> Json:
    """The holder went through onboarding, or Stripe looked at the account again.

    Args:
        body: ``charges_enabled``, ``payouts_enabled`` (both true unless said), ``capabilities`` (name to status; those
            requested become active), ``currently_due`` and ``disabled_reason`` (nothing is due unless said).

    Raises:
        ValueError: a capability, a status or a reason that does not exist.
    """
    before = dict(account)
    due, reason = body.get("currently_due", []), body.get("disabled_reason")
    named = body.get("capabilities", {})
    if reason not in _DISABLED:
        raise ValueError(f"disabled_reason is null or one of {', '.join(filter(None, _DISABLED))}")
    for name, status in named.items():
        if name not in CAPABILITIES or status not in {"active", "inactive", "pending"}:
            raise ValueError(f"capabilities: {', '.join(CAPABILITIES)}, each active, inactive or pending")
    account |= {
        "charges_enabled": body.get("charges_enabled", True),
        "payouts_enabled": body.get("payouts_enabled", True),
        "details_submitted": True,
        "capabilities": dict.fromkeys(account["capabilities"], "active") | named,
        "requirements": blank_requirements(due, reason),
        "business_type": account["business_type"] or "company",
        "tos_acceptance": account["tos_acceptance"] | {"date": account["tos_acceptance"].get("date") or context.now},
    }
    if not account["external_accounts"]["data"]:
        listed = account["external_accounts"]
        account["external_accounts"] = listed | {"data": [_bank_account(account)]}
    save(context, account, before)
    return account


def save(context: Context, account: Json, before: Json) -> None:
    """Store what changed, and tell of it as the connected account's own event.

    The context is the platform's: the account is its object.
    """
    context.save(account)
    if account != before:
        context.on(account["id"]).emit("account.updated", account, changed(before, account))


def _bank_account(account: Json) -> Json:
    return {
        "id": f"ba_1{token(23)}",
        "object": "bank_account",
        "account": account["id"],
        "account_holder_name": account["business_profile"]["name"],
        "account_holder_type": "company",
        "account_type": None,
        "available_payout_methods": ["standard"],
        "bank_name": "STRIPE TEST BANK",
        "country": account["country"],
        "currency": account["default_currency"],
        "default_for_currency": True,
        "fingerprint": token(16),
        "future_requirements": None,
        "last4": "6789",
        "metadata": {},
        "requirements": None,
        "routing_number": "110000000",
        "status": "new",
    }
