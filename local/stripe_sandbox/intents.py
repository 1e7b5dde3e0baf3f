"""What PaymentIntents and SetupIntents share: how they begin, and which ways to pay they take."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import errors
from local.stripe_sandbox.context import Context, token
from local.stripe_sandbox.registry import Call
from local.stripe_sandbox.resources import payment_methods
from local.stripe_sandbox.store import Record

Json = dict[str, Any]

OPEN = {"requires_payment_method", "requires_confirmation", "requires_action"}
"""The states of an intent that its payer can still complete."""
_SELECTORS = ("automatic_payment_methods", "allowed_payment_method_types", "excluded_payment_method_types")


def new(context: Context, params: Json, kind: str, object_id: str, only_with_confirm: tuple[str, ...]) -> Json:
    """A new intent, with the fields that both kinds have.

    Args:
        kind: ``payment_intent`` or ``setup_intent``.
        only_with_confirm: parameters that mean something only where ``confirm`` is sent.

    Raises:
        ApiError, InvalidRequestError: parameters that do not go together.
    """
    _check_selectors(params)
    for name in only_with_confirm:
        if name in params and not params.get("confirm"):
            message = f"The parameter `{name}` can only be passed together with `confirm=true`."
            raise errors.InvalidRequestError(message, param=name)
    return {
        "id": object_id,
        "object": kind,
        "allowed_payment_method_types": None,
        "application": None,
        "automatic_payment_methods": _automatic(params),
        "cancellation_reason": None,
        "client_secret": f"{object_id}_secret_{token(25)}",
        "created": context.now,
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    }


def get(call: Call, kind: str) -> Json:
    """The intent that a route names, for who has the secret key, or its own secret."""
    intent = call.context.get(kind, call.ids["intent"], "intent").body
    secret = call.params.get("client_secret")
    if secret is not None and secret != intent["client_secret"]:
        message = "The client_secret provided does not match the intent."
        raise errors.ApiError(message, code=f"{kind}_invalid_parameter", param="client_secret")
    return intent


def require_free(context: Context, intent: Json, doing: str) -> None:
    """Refuse what only the Checkout Session may do whose intent it is.

    Raises:
        ApiError: it is one's, and holds no money that could be released.
    """
    record = context.get(intent["object"], intent["id"], "intent")
    if record.hidden.get("session") and intent["status"] != "requires_capture":
        noun = "PaymentIntent" if intent["object"] == "payment_intent" else "SetupIntent"
        message = f"You cannot {doing} the {noun} of a Checkout Session. Expire the Checkout Session instead."
        raise errors.ApiError(message, code=f"{intent['object']}_unexpected_state", extra={intent["object"]: intent})


def _automatic(params: Json) -> Json | None:
    """Dynamic payment methods are on unless the caller chose the types."""
    if "allowed_payment_method_types" in params:
        return None
    sent = params.get("automatic_payment_methods", {"enabled": True})
    return {"allow_redirects": sent.get("allow_redirects", "always"), "enabled": sent["enabled"]}


def _check_selectors(params: Json) -> None:
    """The ways to choose payment method types exclude each other."""
    sent = [name for name in _SELECTORS if name in params]
    if "allowed_payment_method_types" in sent and len(sent) > 1:
        raise errors.exclusive(
            "allowed_payment_method_types", next(n for n in sent if n != "allowed_payment_method_types")
        )


def apply_types(intent: Json, params: Json) -> None:
    """``payment_method_types`` is what is left of ``card`` after the caller's choice."""
    for name in ("allowed_payment_method_types", "excluded_payment_method_types"):
        if name in params:
            intent[name] = params[name] or None
    allowed = intent["allowed_payment_method_types"]
    is_card = (allowed is None or "card" in allowed) and "card" not in (intent["excluded_payment_method_types"] or ())
    intent["payment_method_types"] = ["card"] if is_card else []


def check_confirmable(intent: Json, params: Json) -> None:
    """What Stripe asks of a confirmation before it looks at the card."""
    if "card" not in intent["payment_method_types"]:
        message = "The payment method type (card) is not allowed for this intent."
        code = f"{intent['object']}_incompatible_payment_method" if intent["object"] == "payment_intent" else None
        raise errors.ApiError(message, code=code, param="payment_method")
    redirects = intent["automatic_payment_methods"] or {"allow_redirects": "never"}
    if redirects["allow_redirects"] == "always" and not params.get("return_url"):
        message = (
            "This intent accepts payment methods that may redirect: provide a `return_url`, or create it"
            " with `allowed_payment_method_types` or `automatic_payment_methods[allow_redirects]=never`."
        )
        raise errors.ApiError(message, param="return_url")


def named_method(context: Context, intent: Json, params: Json) -> Record | None:
    """The payment method that a request names, put on the intent; None where it names none."""
    if not params.get("payment_method"):
        return None
    method = payment_methods.resolve(context, params["payment_method"], "payment_method")
    payment_methods.require_usable(method, intent["customer"])
    intent |= {"payment_method": method.body["id"], "status": "requires_confirmation", "next_action": None}
    return method


def known_method(context: Context, intent: Json) -> Record | None:
    """The payment method that is on the intent already, where one is."""
    if intent["payment_method"] is None:
        return None
    method = context.get("payment_method", intent["payment_method"], "payment_method", status=400)
    payment_methods.require_usable(method, intent["customer"])
    return method
