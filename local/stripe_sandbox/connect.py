"""Connected accounts: what they may do, and how onboarding, review, pauses and banks change it.

An account's document shows what follows from what only the sandbox knows (``hidden``): the last review, what each
capability was granted, what the platform has paused, why it was rejected. ``refresh`` draws the conclusion, ``save``
tells of it.
"""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import agreements, banks, capabilities
from local.stripe_sandbox.context import Context, changed, token
from local.stripe_sandbox.errors import ApiError, InvalidRequestError, account_invalid
from local.stripe_sandbox.store import Record

Json = dict[str, Any]

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
    return capabilities.requirements(due, reason, due if reason == "requirements.past_due" else ())


def record_of(context: Context, object_id: str) -> Record:
    """A connected account of this platform, with what only the sandbox knows of it.

    Raises:
        InvalidRequestError: 403, as Stripe's for any account that is not.
    """
    record = context.find("account", object_id)
    if record is None:
        raise account_invalid(object_id)
    return record


def account_of(context: Context, object_id: str) -> Json:
    """A connected account of this platform.

    Raises:
        InvalidRequestError: 403, as Stripe's for any account that is not.
    """
    return record_of(context, object_id).body


def require_own_requirements(account: Json) -> None:
    """Refuse to touch the banks of a holder who names them to Stripe, in its dashboard.

    Raises:
        ApiError: 403, where Stripe collects the requirements.
    """
    if account["controller"]["requirement_collection"] != "application":
        message = (
            f"This application does not have the required permissions for this endpoint on account '{account['id']}'."
        )
        raise ApiError(message, status=403)


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
            requested become active), ``currently_due`` and ``disabled_reason`` (nothing is due unless said), and the
            ``external_account`` that the holder names (the first time: the usual test bank).

    Raises:
        ValueError: a capability, a status or a reason that does not exist.
        InvalidRequestError: a bank that is none.
    """
    record, before = record_of(context, account["id"]), dict(account)
    hidden, due, reason = record.hidden, body.get("currently_due", []), body.get("disabled_reason")
    named = body.get("capabilities", {})
    if reason not in _DISABLED:
        raise ValueError(f"disabled_reason is null or one of {', '.join(filter(None, _DISABLED))}")
    for name, status in named.items():
        if name not in capabilities.NAMES or status not in capabilities.STATUSES:
            raise ValueError(f"capabilities: {', '.join(capabilities.NAMES)}, each active, inactive or pending")
    granted = dict.fromkeys(account["capabilities"], "active") | named
    hidden |= {
        "granted": granted,
        "requested_at": dict.fromkeys(granted, context.now) | hidden.get("requested_at", {}),
        "review": {
            "charges_enabled": body.get("charges_enabled", True),
            "payouts_enabled": body.get("payouts_enabled", True),
            "currently_due": due,
            "disabled_reason": reason,
        },
    }
    account |= {
        "details_submitted": True,
        "capabilities": granted,
        "business_type": account["business_type"] or "company",
        "tos_acceptance": account["tos_acceptance"] | {"date": account["tos_acceptance"].get("date") or context.now},
    }
    if "external_account" in body:
        banks.replace(account, hidden, banks.usual(account, body["external_account"]))
    elif not banks.of(account):
        banks.add(account, hidden, banks.usual(account))
    save(context, account, hidden, before)
    return account


def refresh(account: Json, hidden: Json) -> None:
    """Bring what an account shows in line with what is known of it."""
    reviewed, rejected = hidden.get("review"), hidden.get("rejected")
    if reviewed is None:
        if rejected:
            account["requirements"] = blank_requirements(account["requirements"]["currently_due"], rejected)
        return
    paused = hidden.get("paused", {})
    without_bank = banks.stopped(account) or banks.default_for(account, account["default_currency"]) is None
    due = [*reviewed["currently_due"]]
    if without_bank and "external_account" not in due:
        due.append("external_account")
    reason = rejected or reviewed["disabled_reason"]
    reason = reason or ("platform_paused" if any(paused.values()) else None)
    reason = reason or ("requirements.past_due" if without_bank else None)
    held = rejected or paused.get("payments")
    granted = {name: hidden["granted"][name] for name in account["capabilities"]}
    account |= {
        "capabilities": {n: "inactive" if held and s == "active" else s for n, s in granted.items()},
        "charges_enabled": bool(reviewed["charges_enabled"] and not held)
        and agreements.of(account) != agreements.RECIPIENT,
        "payouts_enabled": bool(
            reviewed["payouts_enabled"] and not rejected and not paused.get("payouts") and not without_bank
        ),
        "requirements": blank_requirements(due, reason),
    }
    if without_bank and reviewed["disabled_reason"] is None:
        # The bank is late; whatever else is due has its time still.
        account["requirements"]["past_due"] = ["external_account"]


def save(context: Context, account: Json, hidden: Json, before: Json) -> None:
    """Store what changed, and tell of it as the connected account's own events.

    The context is the platform's: the account is its object.

    Args:
        before: the account as it was; its parts were replaced since, never changed in place.
    """
    refresh(account, hidden)
    context.save(account, hidden)
    there = context.on(account["id"])
    _tell_of_banks(there, account, before)
    for name in sorted(before["capabilities"].keys() | account["capabilities"].keys()):
        if before["capabilities"].get(name) != account["capabilities"].get(name):
            there.emit("capability.updated", capabilities.show(account, hidden, name))
    if account != before:
        there.emit("account.updated", account, changed(before, account))


def _tell_of_banks(there: Context, account: Json, before: Json) -> None:
    former = {bank["id"]: bank for bank in banks.of(before)}
    for bank in banks.of(account):
        was = former.pop(bank["id"], None)
        if was is None:
            there.emit("account.external_account.created", bank)
        elif was != bank:
            there.emit("account.external_account.updated", bank, changed(was, bank))
    for bank in former.values():
        there.emit("account.external_account.deleted", bank)


def deauthorize(context: Context, account: Json) -> None:
    """The holder cuts the connection: the platform hears of it, and sees the account no more."""
    application = {"id": f"ca_{token(32)}", "object": "application", "name": "Ledgerline"}
    context.on(account["id"]).emit("account.application.deauthorized", application)
    context.store.retire(context.account, {"id": account["id"], "object": "account", "deleted": True})


def bank_of(context: Context, bank_id: str) -> Json | str:
    """A bank of the context's account as an expanded payout shows it; a stub where it was replaced or removed."""
    record = context.store.find(context.platform, "account", context.account)
    if record is None or bank_id not in record.hidden.get("banks", {}):
        return bank_id
    stub = {"id": bank_id, "object": "bank_account", "deleted": True}
    return next((bank for bank in banks.of(record.body) if bank["id"] == bank_id), stub)


def bank_failed(context: Context, bank_id: str | None) -> None:
    """A bank has sent a payout of the context's account back: nothing goes there before it is updated.

    A bank that was replaced in the meantime is none of the account's any more.
    """
    platform = context.on(context.platform)
    record = platform.find("account", context.account)
    if record is None or not any(bank["id"] == bank_id for bank in banks.of(record.body)):
        return
    account, before = record.body, dict(record.body)
    banks.put(account, banks.get(account, str(bank_id)) | {"status": "errored"})
    save(platform, account, record.hidden, before)
