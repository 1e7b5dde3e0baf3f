"""Connected accounts, as their platform manages them."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import (
    agreements,
    banks,
    capabilities,
    connect,
    countries,
    errors,
    ledger,
    money,
    payout_schedule,
)
from local.stripe_sandbox.context import Context, merge_metadata, text_or_none, token
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]

_PARAMS = "business_profile business_type capabilities default_currency email metadata settings"
_AGREED = "external_account tos_acceptance"
_PROFILE = ("mcc", "name", "product_description", "support_email", "support_phone", "support_url", "url")
# What each reason of the platform for a rejection reads as afterwards.
_REJECTED = ("fraud", "terms_of_service", "other")


@serves("POST /v1/accounts", f"{_PARAMS} {_AGREED} controller country type")
def create(call: Call) -> Json:
    """A new account; it can do nothing before its holder has been through onboarding."""
    context, params = call.context, call.params
    kind, controller = connect.controller_of(params)
    country = params.get("country", countries.PLATFORM).upper()
    if country not in countries.CURRENCY_OF | countries.RECIPIENTS_ONLY:
        message = f"Stripe does not support accounts in '{country}'."
        raise errors.InvalidRequestError(message, code="country_unsupported", param="country")
    account, hidden = _blank(context, kind, controller, country), Json()
    if "tos_acceptance" in params:
        account["tos_acceptance"] = agreements.accept(account, params["tos_acceptance"], is_new=True)
    if kind != "custom" and "capabilities" not in params:
        # An account that a person opens asks by itself for what its agreement lets it ask for.
        asked = ["transfers"] if agreements.of(account) == agreements.RECIPIENT else capabilities.NAMES
        capabilities.request(account, hidden, dict.fromkeys(asked, True), context.now)
    _apply(context, account, hidden, {name: value for name, value in params.items() if name != "tos_acceptance"})
    agreements.check(account)
    return context.insert(account, hidden)


@serves("GET /v1/account", connected=True)
def retrieve_own(call: Call) -> Json:
    """The platform's own account, of which little is shown, or the connected one that the request is on behalf of."""
    context = call.context
    if context.account != context.platform:
        return connect.account_of(context.on(context.platform), context.account)
    return {
        "id": context.account,
        "object": "account",
        "charges_enabled": True,
        "country": countries.PLATFORM,
        "default_currency": countries.currency_of(countries.PLATFORM),
        "details_submitted": True,
        "email": None,
        "payouts_enabled": True,
        "type": "standard",
    }


@serves("GET /v1/accounts/{account}")
def retrieve(call: Call) -> Json:
    """An account of this platform."""
    return connect.account_of(call.context, call.ids["account"])


@serves("POST /v1/accounts/{account}", f"{_PARAMS} {_AGREED}")
def update(call: Call) -> Json:
    """Change what was sent."""
    record = connect.record_of(call.context, call.ids["account"])
    account, before = record.body, dict(record.body)
    _apply(call.context, account, record.hidden, call.params)
    agreements.check(account)
    connect.save(call.context, account, record.hidden, before)
    return account


@serves("POST /v1/accounts/{account}/reject", "reason")
def reject(call: Call) -> Json:
    """The platform wants no more to do with an account whose losses it bears."""
    record = connect.record_of(call.context, call.ids["account"])
    account, before = record.body, dict(record.body)
    if call.params["reason"] not in _REJECTED:
        message = f"Invalid reason: must be one of {', '.join(_REJECTED)}"
        raise errors.InvalidRequestError(message, param="reason")
    if account["controller"]["losses"]["payments"] != "application":
        raise errors.ApiError("Only an account whose losses the platform bears can be rejected.", status=403)
    record.hidden["rejected"] = f"rejected.{call.params['reason']}"
    connect.save(call.context, account, record.hidden, before)
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
        "default_currency": countries.currency_of(country),
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
                "schedule": {"delay_days": payout_schedule.SHORTEST_DELAY_DAYS, "interval": "daily"},
                "statement_descriptor": None,
            },
            "sepa_debit_payments": {},
        },
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": kind,
    }


def _apply(context: Context, account: Json, hidden: Json, params: Json) -> None:
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
        for name in params["capabilities"]:
            if name not in capabilities.NAMES:
                raise errors.not_served(f"capabilities[{name}]")
        wanted = {name: bool(value.get("requested")) for name, value in params["capabilities"].items()}
        capabilities.request(account, hidden, wanted, context.now)
    if "settings" in params:
        _apply_settings(account, params["settings"])
    if "tos_acceptance" in params:
        account["tos_acceptance"] = agreements.accept(account, params["tos_acceptance"], is_new=False)
    if "external_account" in params:
        connect.require_own_requirements(account)
        banks.replace(account, hidden, params["external_account"])


def _apply_profile(account: Json, sent: Json) -> None:
    for name in sent:
        if name not in _PROFILE:
            raise errors.not_served(f"business_profile[{name}]")
    account["business_profile"] = account["business_profile"] | {k: text_or_none(v) for k, v in sent.items()}


def _apply_settings(account: Json, sent: Json) -> None:
    for name in sent:
        if name != "payouts":
            raise errors.not_served(f"settings[{name}]")
    payouts = dict(account["settings"]["payouts"])
    for name, value in sent.get("payouts", {}).items():
        payouts[name] = (
            payout_schedule.change(payouts["schedule"], value) if name == "schedule" else text_or_none(value)
        )
    account["settings"] = account["settings"] | {"payouts": payouts}
