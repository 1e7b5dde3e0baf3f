"""SetupIntents: a card is proven and kept for later."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import cards, declines, errors, intents, payments
from local.stripe_sandbox.context import Context, merge_metadata, text_or_none, token
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves
from local.stripe_sandbox.store import Record

Json = dict[str, Any]

_BODY = "allowed_payment_method_types customer description excluded_payment_method_types metadata payment_method"
_CONFIRM = "mandate_data return_url use_stripe_sdk payment_method"
_ONLY_WITH_CONFIRM = ("mandate_data", "return_url")


@serves("POST /v1/setup_intents", f"{_BODY} {_CONFIRM} automatic_payment_methods confirm usage")
def create(call: Call) -> Json:
    """A new intent, confirmed at once where ``confirm`` says so."""
    context, params = call.context, call.params
    intent = intents.new(context, params, "setup_intent", f"seti_1{token(23)}", _ONLY_WITH_CONFIRM)
    intent |= {
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "mandate": None,
        "payment_method_options": {
            "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
        },
        "single_use_mandate": None,
        "usage": params.get("usage", "off_session"),
    }
    method = _apply(context, intent, params)
    context.insert(intent)
    context.emit("setup_intent.created", intent)
    return prove(context, intent, method, params) if params.get("confirm") else intent


@serves("GET /v1/setup_intents/{intent}", "client_secret")
def retrieve(call: Call) -> Json:
    """An intent."""
    return intents.get(call, "setup_intent")


@serves("POST /v1/setup_intents/{intent}", _BODY)
def update(call: Call) -> Json:
    """Change what was sent."""
    intent = intents.get(call, "setup_intent")
    if intent["status"] not in intents.OPEN and call.params.keys() - {"description", "metadata", "expand"}:
        raise errors.unexpected_state("SetupIntent", intent, "update")
    _apply(call.context, intent, call.params)
    return call.context.save(intent)


@serves("POST /v1/setup_intents/{intent}/confirm", f"{_CONFIRM} client_secret")
def confirm(call: Call) -> Json:
    """Prove the card."""
    intent = intents.get(call, "setup_intent")
    if intent["status"] not in intents.OPEN:
        raise errors.unexpected_state("SetupIntent", intent, "confirm")
    intents.require_free(call.context, intent, "confirm")
    return prove(call.context, intent, _apply(call.context, intent, call.params), call.params)


@serves("POST /v1/setup_intents/{intent}/cancel", "cancellation_reason")
def cancel(call: Call) -> Json:
    """Cancel an open intent."""
    intent = intents.get(call, "setup_intent")
    if intent["status"] not in intents.OPEN:
        raise errors.unexpected_state("SetupIntent", intent, "cancel")
    intents.require_free(call.context, intent, "cancel")
    reason = call.params.get("cancellation_reason")
    intent |= {"cancellation_reason": reason, "next_action": None, "status": "canceled"}
    call.context.save(intent)
    call.context.emit("setup_intent.canceled", intent)
    return intent


@serves("GET /v1/setup_intents", "customer payment_method")
def find(call: Call) -> Json:
    """Intents, newest first."""
    filters: Json = {name: call.params[name] for name in ("customer", "payment_method") if name in call.params}
    return page(call.context, "setup_intent", call.path, call.params, filters)


def succeed(context: Context, intent: Json, method: Record) -> Json:
    """The card is proven: its customer has it now.

    Raises:
        CardError: the card is one that cannot be attached.
    """
    intent["next_action"] = None
    if method.hidden["decline"] and not method.hidden["attaches"]:
        raise _refuse(context, intent, method, declines.failure(method.hidden["decline"], {}))
    # Only a card that was set up for payments without its holder spares them 3D Secure later.
    context.save(method.body, method.hidden | {"set_up": method.hidden["set_up"] or intent["usage"] == "off_session"})
    if intent["customer"] and method.body["customer"] is None:
        payments.attach_after_use(context, method.body, intent["customer"])
    intent["status"] = "succeeded"
    context.save(intent)
    context.emit("setup_intent.succeeded", intent)
    return intent


def fail_authentication(context: Context, intent: Json, method: Record) -> Json:
    """The payer did not authenticate."""
    message = "We are unable to authenticate your payment method. Choose another one and try again."
    failure = errors.CardError(message, code="setup_intent_authentication_failure")
    failure.error["type"] = "invalid_request_error"
    _refuse(context, intent, method, failure)
    return intent


def _refuse(context: Context, intent: Json, method: Record, failure: errors.CardError) -> errors.CardError:
    failure.error["payment_method"] = dict(method.body)
    intent |= {
        "last_setup_error": dict(failure.error),
        "next_action": None,
        "payment_method": None,
        "status": "requires_payment_method",
    }
    context.save(intent)
    context.emit("setup_intent.setup_failed", intent)
    failure.error["setup_intent"] = dict(intent)
    return failure


def _apply(context: Context, intent: Json, params: Json) -> Record | None:
    if "customer" in params:
        intent["customer"] = context.get("customer", params["customer"], "customer", status=400).body["id"]
    if "description" in params:
        intent["description"] = text_or_none(params["description"])
    if "metadata" in params:
        intent["metadata"] = merge_metadata(intent["metadata"], params["metadata"])
    intents.apply_types(intent, params)
    return intents.named_method(context, intent, params)


def prove(context: Context, intent: Json, method: Record | None, params: Json) -> Json:
    """Confirm the intent: by the card given, or by the one that it has.

    Raises:
        ApiError: it has none; or the card was refused, which stays.
    """
    method = method or intents.known_method(context, intent)
    if method is None:
        message = "You cannot confirm this SetupIntent because it's missing a payment method."
        extra = {"setup_intent": intent}
        raise errors.ApiError(message, code="setup_intent_unexpected_state", extra=extra)
    intents.check_confirmable(intent, params)
    intent |= {"payment_method": method.body["id"], "last_setup_error": None}
    if payments.needs_authentication(method, off_session=False) and method.hidden["auth"] != cards.ALREADY_SET_UP:
        if method.hidden["auth"] in payments.ERROR_3DS:
            raise _refuse(context, intent, method, declines.failure(payments.decline_of_3ds_error(method), {}))
        action = payments.next_action(intent, params.get("return_url"))
        intent |= {"status": "requires_action", "next_action": action}
        context.save(intent)
        context.emit("setup_intent.requires_action", intent)
        return intent
    return succeed(context, intent, method)
