"""Connected accounts, as their platform manages them."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import connect, errors, ledger, money
from local.stripe_sandbox.context import Context, merge_metadata, text_or_none, token
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]

_PARAMS = "business_profile business_type capabilities default_currency email metadata settings"
_PROFILE = ("mcc", "name", "product_description", "support_email", "support_phone", "support_url", "url")
_SCHEDULE = {
    "daily": (),
    "manual": (),
    "weekly": ("weekly_anchor", "weekly_payout_days"),
    "monthly": ("monthly_anchor", "monthly_payout_days"),
}
_SHORTEST_DELAY_DAYS = 2
_LONGEST_DELAY_DAYS = 31


@serves("POST /v1/accounts", f"{_PARAMS} controller country type")
def create(call: Call) -> Json:
    """A new account; it can do nothing before its holder has been through onboarding."""
    context, params = call.context, call.params
    kind, controller = connect.controller_of(params)
    country = params.get("country", "US").upper()
    if country not in connect.CURRENCY_OF:
        message = f"Stripe does not support accounts in '{country}'."
        raise errors.InvalidRequestError(message, code="country_unsupported", param="country")
    account = _blank(context, kind, controller, country)
    if kind != "custom":
        # An account that a person opens asks for both by itself.
        account["capabilities"] = dict.fromkeys(connect.CAPABILITIES, "inactive")
    if "capabilities" in params:
        account["capabilities"] = {}
    _apply(account, params)
    return context.insert(account)


@serves("GET /v1/accounts/{account}")
def retrieve(call: Call) -> Json:
    """An account of this platform."""
    return connect.account_of(call.context, call.ids["account"])


@serves("POST /v1/accounts/{account}", _PARAMS)
def update(call: Call) -> Json:
    """Change what was sent."""
    account = retrieve(call)
    before = dict(account)
    _apply(account, call.params)
    connect.save(call.context, account, before)
    return account


@serves("DELETE /v1/accounts/{account}")
def delete(call: Call) -> Json:
    """Delete; only an account without money can go."""
    context = call.context
    account = retrieve(call)
    if any(ledger.sums(context.on(account["id"])).values()):
        raise errors.ApiError(f"Account {account['id']} cannot be deleted: its balance is not zero.")
    return context.store.retire(context.account, {"id": account["id"], "object": "account", "deleted": True})


@serves("GET /v1/accounts")
def find(call: Call) -> Json:
    """The accounts of this platform, newest first."""
    return page(call.context, "account", call.path, call.params)


def _blank(context: Context, kind: str, controller: Json, country: str) -> Json:
    object_id = f"acct_1{token(15)}"
    return {
        "id": object_id,
        "object": "account",
        "business_profile": dict.fromkeys(_PROFILE) | {"support_address": None},
        "business_type": None,
        "capabilities": {},
        "charges_enabled": False,
        "controller": controller,
        "country": country,
        "created": context.now,
        "default_currency": connect.CURRENCY_OF[country],
        "details_submitted": False,
        "email": None,
        "external_accounts": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/accounts/{object_id}/external_accounts",
        },
        "future_requirements": connect.blank_requirements([], None),
        "metadata": {},
        "payouts_enabled": False,
        "requirements": connect.blank_requirements(connect.REQUIREMENTS, "requirements.past_due"),
        "settings": {
            "bacs_debit_payments": {"display_name": None, "service_user_number": None},
            "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
            "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
            "card_payments": {
                "decline_on": {"avs_failure": False, "cvc_failure": False},
                "statement_descriptor_prefix": None,
                "statement_descriptor_prefix_kana": None,
                "statement_descriptor_prefix_kanji": None,
            },
            "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
            "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": "offer"},
            "payments": {
                "statement_descriptor": None,
                "statement_descriptor_kana": None,
                "statement_descriptor_kanji": None,
            },
            "payouts": {
                "debit_negative_balances": kind != "custom",
                "schedule": {"delay_days": _SHORTEST_DELAY_DAYS, "interval": "daily"},
                "statement_descriptor": None,
            },
            "sepa_debit_payments": {},
        },
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": kind,
    }


def _apply(account: Json, params: Json) -> None:
    """Put the sent parameters on the account; each part is a new object, for the old one is compared with it."""
    if "email" in params:
        account["email"] = text_or_none(params["email"])
    if "business_type" in params:
        account["business_type"] = params["business_type"]
    if "default_currency" in params:
        account["default_currency"] = money.check_currency(params["default_currency"])
    if "metadata" in params:
        account["metadata"] = merge_metadata(account["metadata"], params["metadata"])
    if "business_profile" in params:
        _apply_profile(account, params["business_profile"])
    if "capabilities" in params:
        _apply_capabilities(account, params["capabilities"])
    if "settings" in params:
        _apply_settings(account, params["settings"])


def _apply_profile(account: Json, sent: Json) -> None:
    for name in sent:
        if name not in _PROFILE:
            raise errors.not_served(f"business_profile[{name}]")
    account["business_profile"] = account["business_profile"] | {k: text_or_none(v) for k, v in sent.items()}


def _apply_capabilities(account: Json, sent: Json) -> None:
    """Asked for, a capability is inactive until the account is reviewed; given back, it is gone."""
    capabilities = dict(account["capabilities"])
    for name, value in sent.items():
        if name not in connect.CAPABILITIES:
            raise errors.not_served(f"capabilities[{name}]")
        if value.get("requested"):
            ready = account["details_submitted"] and not account["requirements"]["currently_due"]
            capabilities.setdefault(name, "active" if ready else "inactive")
        else:
            capabilities.pop(name, None)
    account["capabilities"] = capabilities


def _apply_settings(account: Json, sent: Json) -> None:
    for name in sent:
        if name != "payouts":
            raise errors.not_served(f"settings[{name}]")
    payouts = dict(account["settings"]["payouts"])
    for name, value in sent.get("payouts", {}).items():
        payouts[name] = _schedule(payouts["schedule"], value) if name == "schedule" else text_or_none(value)
    account["settings"] = account["settings"] | {"payouts": payouts}


def _schedule(current: Json, sent: Json) -> Json:
    """A payout schedule: an anchor belongs to its interval, and goes with it."""
    param = "settings[payouts][schedule]"
    schedule = current | sent
    allowed = _SCHEDULE[schedule["interval"]]
    for names in _SCHEDULE.values():
        for name in names:
            if name in sent and name not in allowed:
                message = f"`{name}` does not belong to the interval {schedule['interval']}."
                raise errors.InvalidRequestError(message, param=f"{param}[{name}]")
    if allowed and not any(name in schedule for name in allowed):
        raise errors.missing(f"{param}[{allowed[0]}]")
    if schedule["delay_days"] == "minimum":
        schedule["delay_days"] = _SHORTEST_DELAY_DAYS
    if not _SHORTEST_DELAY_DAYS <= schedule["delay_days"] <= _LONGEST_DELAY_DAYS:
        message = f"delay_days must be between {_SHORTEST_DELAY_DAYS} and {_LONGEST_DELAY_DAYS}."
        raise errors.InvalidRequestError(message, param=f"{param}[delay_days]")
    if not 1 <= schedule.get("monthly_anchor", 1) <= _LONGEST_DELAY_DAYS:
        raise errors.InvalidRequestError("monthly_anchor must be between 1 and 31.", param=f"{param}[monthly_anchor]")
    return {name: schedule[name] for name in ("delay_days", "interval", *allowed) if name in schedule}
