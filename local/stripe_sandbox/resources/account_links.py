"""Links that lead the holder of a connected account to Stripe: through onboarding, and to the Express dashboard."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from local.stripe_sandbox import connect, errors
from local.stripe_sandbox.context import token
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]

_VALID_S = 300


@serves("POST /v1/account_links", "account collect collection_options refresh_url return_url type")
def create(call: Call) -> Json:
    """A link for one visit, valid for a few minutes (the control API stands in for the visitor)."""
    params = call.params
    if "collect" in params and "collection_options" in params:
        raise errors.exclusive("collect", "collection_options")
    account = connect.account_of(call.context, params["account"])
    for name in ("refresh_url", "return_url"):
        _check_url(params, name)
    if params["type"] == "account_update" and account["controller"]["requirement_collection"] == "stripe":
        message = "account_update links are for accounts whose requirements the application collects."
        raise errors.InvalidRequestError(message, param="type")
    created = call.context.now
    return {
        "object": "account_link",
        "created": created,
        "expires_at": created + _VALID_S,
        "url": f"https://connect.stripe.com/setup/e/{account['id']}/{token(12)}",
    }


@serves("POST /v1/accounts/{account}/login_links")
def log_in(call: Call) -> Json:
    """A link to the Express dashboard, once the holder has been through onboarding."""
    account = connect.account_of(call.context, call.ids["account"])
    if account["controller"]["stripe_dashboard"]["type"] != "express":
        message = "Login links are for accounts with access to the Express dashboard."
        raise errors.ApiError(message)
    if not account["details_submitted"]:
        raise errors.ApiError("Cannot create a login link for an account that has not completed onboarding.")
    url = f"https://connect.stripe.com/express/{account['id']}/{token(12)}"
    return {"object": "login_link", "created": call.context.now, "url": url}


def _check_url(params: Json, name: str) -> None:
    if name not in params:
        raise errors.missing(name)
    parts = urlsplit(params[name])
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise errors.InvalidRequestError("Not a valid URL", code="url_invalid", param=name)
