"""Webhook endpoints: their secret is shown once, when they are made."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from local.stripe_sandbox.context import merge_metadata, text_or_none, token
from local.stripe_sandbox.errors import InvalidRequestError
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise InvalidRequestError(
            "Invalid URL: an explicit scheme (such as https) must be provided.",
            code="url_invalid",
            param="url",
        )
    return url


def _kind(status: str, connect: bool) -> str:
    return f"{status}_connect" if connect else status


@serves("POST /v1/webhook_endpoints", "url enabled_events description metadata api_version connect")
def create(call: Call) -> Json:
    """A new endpoint, with its signing secret in the answer; ``connect`` makes it hear connected accounts alone."""
    params = call.params
    connect = bool(params.get("connect"))
    body: Json = {
        "id": f"we_1{token(23)}",
        "object": "webhook_endpoint",
        "api_version": params.get("api_version"),
        "application": None,
        "created": call.context.now,
        "description": params.get("description"),
        "enabled_events": params["enabled_events"],
        "livemode": False,
        "metadata": merge_metadata({}, params.get("metadata")),
        "status": "enabled",
        "url": _checked_url(params["url"]),
    }
    secret = f"whsec_{token(32)}"
    call.context.insert(body, {"secret": secret, "connect": connect}, kind=_kind("enabled", connect))
    return body | {"secret": secret}


@serves("GET /v1/webhook_endpoints/{webhook_endpoint}")
def retrieve(call: Call) -> Json:
    """An endpoint, without its secret."""
    return call.context.get("webhook_endpoint", call.ids["webhook_endpoint"], "webhook_endpoint").body


@serves("POST /v1/webhook_endpoints/{webhook_endpoint}", "url enabled_events description metadata disabled")
def update(call: Call) -> Json:
    """Change what was sent; a disabled endpoint gets nothing."""
    params = call.params
    body = retrieve(call)
    if "url" in params:
        body["url"] = _checked_url(params["url"])
    if "enabled_events" in params:
        body["enabled_events"] = params["enabled_events"]
    if "description" in params:
        body["description"] = text_or_none(params["description"])
    if "metadata" in params:
        body["metadata"] = merge_metadata(body["metadata"], params["metadata"])
    if "disabled" in params:
        body["status"] = "disabled" if params["disabled"] else "enabled"
    hidden = call.context.get("webhook_endpoint", body["id"], "webhook_endpoint").hidden
    return call.context.save(body, kind=_kind(body["status"], hidden.get("connect", False)))


@serves("DELETE /v1/webhook_endpoints/{webhook_endpoint}")
def delete(call: Call) -> Json:
    """Delete; what waited for it is never sent."""
    body = retrieve(call)
    call.context.store.delete(call.context.account, body["id"])
    return {"id": body["id"], "object": "webhook_endpoint", "deleted": True}


@serves("GET /v1/webhook_endpoints")
def find(call: Call) -> Json:
    """Endpoints, newest first."""
    return page(call.context, "webhook_endpoint", call.path, call.params)
