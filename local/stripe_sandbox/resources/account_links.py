"""Account links: the page where the holder of a connected account goes through onboarding."""

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


def _check_url(params: Json, name: str) -> None:
    if name not in params:
        raise errors.missing(name)
    parts = urlsplit(params[name])
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise errors.InvalidRequestError("Not a valid URL", code="url_invalid", param=name)
