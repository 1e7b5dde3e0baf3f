"""PaymentIntents."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import errors, intents, money, payments
from local.stripe_sandbox.context import Context, merge_metadata, text_or_none, token
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves
from local.stripe_sandbox.resources.customers import shipping
from local.stripe_sandbox.store import Record

Json = dict[str, Any]

_BODY = (
    "allowed_payment_method_types amount capture_method currency customer description"
    " excluded_payment_method_types metadata payment_method payment_method_options receipt_email"
    " setup_future_usage shipping statement_descriptor statement_descriptor_suffix transfer_group"
)
_CONFIRM = "error_on_requires_action mandate_data off_session payment_method return_url use_stripe_sdk"
_ONLY_WITH_CONFIRM = ("error_on_requires_action", "mandate_data", "off_session", "return_url")
_TEXTS = [
    "description",
    "receipt_email",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "setup_future_usage",
    "transfer_group",
]
_CARD_OPTIONS = {
    "installments": None,
    "mandate_options": None,
    "network": None,
    "request_three_d_secure": "automatic",
}


@serves("POST /v1/payment_intents", f"{_BODY} {_CONFIRM} automatic_payment_methods confirm confirmation_method")
def create(call: Call) -> Json:
    """A new intent, confirmed at once where ``confirm`` says so."""
    context, params = call.context, call.params
    intent = intents.new(context, params, "payment_intent", f"pi_3{token(23)}", _ONLY_WITH_CONFIRM)
    intent |= {
        "amount": 0,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application_fee_amount": None,
        "canceled_at": None,
        "capture_method": "automatic_async",
        "confirmation_method": params.get("confirmation_method", "automatic"),
        "currency": money.check_currency(params["currency"]),
        "last_payment_error": None,
        "latest_charge": None,
        "payment_method_options": {"card": dict(_CARD_OPTIONS)},
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "transfer_data": None,
        "transfer_group": None,
    }
    method = _apply(context, intent, params)
    context.insert(intent)
    context.emit("payment_intent.created", intent)
    return _confirm(context, intent, method, params) if params.get("confirm") else intent


@serves("GET /v1/payment_intents/{intent}", "client_secret")
def retrieve(call: Call) -> Json:
    """An intent."""
    return intents.get(call, "payment_intent")


@serves("POST /v1/payment_intents/{intent}", _BODY)
def update(call: Call) -> Json:
    """Change what was sent; a finished intent keeps everything but its description and metadata."""
    context, params = call.context, call.params
    intent = intents.get(call, "payment_intent")
    if intent["status"] not in intents.OPEN and params.keys() - {"description", "metadata", "expand"}:
        raise errors.unexpected_state("PaymentIntent", intent, "update")
    if "currency" in params:
        intent["currency"] = money.check_currency(params["currency"])
    _apply(context, intent, params)
    return context.save(intent)


@serves("POST /v1/payment_intents/{intent}/confirm", f"{_CONFIRM} {_BODY} client_secret")
def confirm(call: Call) -> Json:
    """Try to pay."""
    context, params = call.context, call.params
    intent = intents.get(call, "payment_intent")
    if intent["status"] not in intents.OPEN:
        raise errors.unexpected_state("PaymentIntent", intent, "confirm")
    intents.require_free(context, intent, "confirm")
    return _confirm(context, intent, _apply(context, intent, params), params)


@serves("POST /v1/payment_intents/{intent}/cancel", "cancellation_reason")
def cancel(call: Call) -> Json:
    """Cancel an unpaid intent; an authorized amount is released."""
    context = call.context
    intent = intents.get(call, "payment_intent")
    if intent["status"] not in intents.OPEN | {"requires_capture", "processing"}:
        raise errors.unexpected_state("PaymentIntent", intent, "cancel")
    intents.require_free(context, intent, "cancel")
    if intent["status"] == "requires_capture":
        charge = context.get("charge", intent["latest_charge"], "charge").body
        context.save(charge | {"amount_refunded": charge["amount"], "refunded": True})
    intent |= {
        "amount_capturable": 0,
        "canceled_at": context.now,
        "cancellation_reason": call.params.get("cancellation_reason"),
        "next_action": None,
        "status": "canceled",
    }
    context.save(intent)
    context.emit("payment_intent.canceled", intent)
    return intent


@serves("POST /v1/payment_intents/{intent}/capture", "amount_to_capture metadata")
def capture(call: Call) -> Json:
    """Take what was authorized."""
    intent = intents.get(call, "payment_intent")
    if intent["status"] != "requires_capture":
        raise errors.unexpected_state("PaymentIntent", intent, "capture")
    capturable: int = intent["amount_capturable"]
    sent = call.params.get("amount_to_capture")
    amount: int = capturable if sent is None else sent
    if not 1 <= amount <= capturable:
        message = f"The amount to capture must be between 1 and {capturable}."
        raise errors.ApiError(message, code="amount_too_large" if amount > 0 else None, param="amount_to_capture")
    money.check_step(amount, intent["currency"])
    if "metadata" in call.params:
        intent["metadata"] = merge_metadata(intent["metadata"], call.params["metadata"])
    return payments.capture(call.context, intent, amount)


@serves("GET /v1/payment_intents", "customer")
def find(call: Call) -> Json:
    """Intents, newest first."""
    customer = call.params.get("customer")
    return page(call.context, "payment_intent", call.path, call.params, {"customer": customer} if customer else {})


def _apply(context: Context, intent: Json, params: Json) -> Record | None:
    """Put the sent parameters on the intent; returns the payment method where one was named."""
    if "amount" in params:
        intent["amount"] = money.check_amount(params["amount"], intent["currency"])
        money.check_step(intent["amount"], intent["currency"])
    if "customer" in params:
        customer = params["customer"]
        intent["customer"] = context.get("customer", customer, "customer", status=400).body["id"] if customer else None
    for name in _TEXTS:
        if name in params:
            intent[name] = text_or_none(params[name])
    if "metadata" in params:
        intent["metadata"] = merge_metadata(intent["metadata"], params["metadata"])
    if "shipping" in params:
        intent["shipping"] = shipping(params["shipping"])
    intent["capture_method"] = params.get("capture_method", intent["capture_method"])
    if "payment_method_options" in params:
        sent = params["payment_method_options"] or {}
        kept = {k: v for k, v in (sent.get("card") or {}).items() if k == "request_three_d_secure"}
        intent["payment_method_options"] = {"card": intent["payment_method_options"]["card"] | kept}
    intents.apply_types(intent, params)
    return intents.named_method(context, intent, params)


def _confirm(context: Context, intent: Json, method: Record | None, params: Json) -> Json:
    method = method or intents.known_method(context, intent)
    if method is None:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        code = "payment_intent_unexpected_state"
        raise errors.ApiError(message, code=code, extra={"payment_intent": intent})
    intents.check_confirmable(intent, params)
    return payments.attempt(
        context,
        intent,
        method,
        off_session=bool(params.get("off_session")),
        return_url=params.get("return_url"),
        error_on_requires_action=params.get("error_on_requires_action", False),
    )
