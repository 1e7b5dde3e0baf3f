"""Checkout Sessions: a page of Stripe's on which a payer pays once, or saves a card.

The intent of a payment is made when the payer first submits the page, that of a setup with the session. Neither can be
confirmed or canceled by anybody else; whoever wants it gone expires the session.
"""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import errors, intents, money
from local.stripe_sandbox.context import Context, merge_metadata, token
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves
from local.stripe_sandbox.resources import payment_intents, setup_intents

Json = dict[str, Any]

KIND = "checkout.session"
_LEAST_S, _MOST_S = 30 * 60, 24 * 3600
_LENIENCY_S = 60
_BODY = (
    "allowed_payment_method_types cancel_url client_reference_id currency customer expires_at line_items locale"
    " metadata mode payment_intent_data setup_intent_data success_url"
)
_INTENT_DATA = {"description", "metadata", "setup_future_usage", "statement_descriptor_suffix"}
_NOTHING = (
    *("adaptive_pricing", "after_expiration", "allow_promotion_codes", "billing_address_collection", "consent"),
    *("consent_collection", "currency_conversion", "customer_account", "customer_creation", "customer_details"),
    *("customer_email", "invoice", "invoice_creation", "payment_link", "payment_method_configuration_details"),
    *("recovered_from", "shipping_address_collection", "shipping_cost", "submit_type", "subscription"),
    *("client_secret", "collected_information", "discounts", "origin_context", "wallet_options"),
)


@serves("POST /v1/checkout/sessions", _BODY)
def create(call: Call) -> Json:
    """A new session, with the address of its page."""
    context, params = call.context, call.params
    mode = params.get("mode")
    if mode not in ("payment", "setup"):
        raise errors.not_served("mode")
    for name in ("success_url", *(("customer",) if mode == "setup" else ("line_items",))):
        if not params.get(name):
            raise errors.InvalidRequestError(f"Missing required param: {name}.", param=name)
    if "customer" in params:
        context.get("customer", params["customer"], "customer", status=400)
    session_id = f"cs_test_a1{token(56)}"
    body = _blank(context) | {
        "id": session_id,
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "customer": params.get("customer"),
        "expires_at": _expiry(context, params),
        "locale": params.get("locale"),
        "metadata": merge_metadata({}, params.get("metadata")),
        "mode": mode,
        "success_url": params["success_url"],
        "url": f"{context.base_url}/c/pay/{session_id}",
    }
    hidden = {"intent": _payment(body, params)} if mode == "payment" else {}
    if mode == "setup":
        body |= {"payment_status": "no_payment_required", "currency": params.get("currency")}
        body["setup_intent"] = _setup(call, body)
    context.insert(body, hidden)
    return body


@serves("GET /v1/checkout/sessions/{session}")
def retrieve(call: Call) -> Json:
    """A session."""
    return current(call.context, call.context.get(KIND, call.ids["session"], "session").body)


@serves("GET /v1/checkout/sessions", "customer payment_intent")
def find(call: Call) -> Json:
    """Sessions, newest first."""
    filters: Json = {name: call.params[name] for name in ("customer", "payment_intent") if name in call.params}
    found = page(call.context, KIND, call.path, call.params, filters)
    return found | {"data": [current(call.context, each) for each in found["data"]]}


@serves("POST /v1/checkout/sessions/{session}/expire")
def expire(call: Call) -> Json:
    """End an open session: whoever has its page cannot complete it any more."""
    session = retrieve(call)
    if session["status"] != "open":
        message = f'Only Checkout Sessions with a status in ["open"] can be expired. This one is {session["status"]}.'
        raise errors.ApiError(message)
    return end(call.context, session)


def end(context: Context, session: Json) -> Json:
    """An open session is over: its intent is canceled, and its page says so."""
    session |= {"status": "expired", "url": None}
    context.save(session)
    kind, module = _intent_of(session)
    intent = context.find(kind, session[kind]) if session[kind] else None
    if intent is not None and intent.body["status"] in intents.OPEN:
        context.save(intent.body, intent.hidden | {"session": None})
        module.cancel(Call(context, {"intent": intent.body["id"]}, {}, ""))
    context.emit("checkout.session.expired", session)
    return session


def complete(context: Context, session: Json) -> Json:
    """Its intent has succeeded."""
    paid = {"payment_status": "paid"} if session["mode"] == "payment" else {}
    session |= {"status": "complete", "url": None, **paid}
    context.save(session)
    context.emit("checkout.session.completed", session)
    return session


def current(context: Context, session: Json) -> Json:
    """The session, which is over when its time is, whoever noted that."""
    is_over = session["status"] == "open" and session["expires_at"] <= context.now
    return session | {"status": "expired", "url": None} if is_over else session


def intent_for(context: Context, session: Json) -> Json:
    """The intent of a session whose payer submits the page; of a payment it is made the first time."""
    kind, _ = _intent_of(session)
    if session[kind] is None:
        params = context.get(KIND, session["id"], "session").hidden["intent"]
        made = payment_intents.create(Call(context, {}, params, ""))
        _fence(context, made, session)
        session["payment_intent"] = made["id"]
        context.save(session)
    return context.get(kind, session[kind], "intent").body


def _intent_of(session: Json) -> tuple[str, Any]:
    return ("payment_intent", payment_intents) if session["mode"] == "payment" else ("setup_intent", setup_intents)


def _payment(body: Json, params: Json) -> Json:
    """The parameters of the intent to come; the session shows what it will ask for."""
    data = params.get("payment_intent_data") or {}
    for name in data.keys() - _INTENT_DATA:
        raise errors.not_served(f"payment_intent_data[{name}]")
    currencies = {_price(each)["currency"] for each in params["line_items"]}
    if len(currencies) != 1:
        raise errors.InvalidRequestError("All line items must have the same currency.", param="line_items")
    (currency,) = currencies
    total = sum(_price(each)["unit_amount"] * each.get("quantity", 1) for each in params["line_items"])
    amount = money.check_amount(total, money.check_currency(currency))
    money.check_step(amount, currency)
    body |= {"amount_subtotal": amount, "amount_total": amount, "currency": currency}
    body["total_details"] = {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}
    named = {"customer": body["customer"]} if body["customer"] else {}
    types = {"allowed_payment_method_types": ["card"]}
    return {"amount": amount, "currency": currency, **types, **named, **data}


def _price(item: Json) -> Json:
    price: Json = item.get("price_data") or {}
    if "unit_amount" not in price or "product_data" not in price:
        raise errors.not_served("line_items[price]")
    return price


def _setup(call: Call, body: Json) -> str:
    data = call.params.get("setup_intent_data") or {}
    params = {"customer": body["customer"], "usage": "off_session", "allowed_payment_method_types": ["card"], **data}
    made = setup_intents.create(Call(call.context, {}, params, ""))
    _fence(call.context, made, body)
    return str(made["id"])


def _fence(context: Context, intent: Json, session: Json) -> None:
    """Nobody but the session's page confirms or cancels its intent."""
    record = context.get(intent["object"], intent["id"], "intent")
    context.save(record.body, record.hidden | {"session": session["id"]})


def _expiry(context: Context, params: Json) -> int:
    if "expires_at" not in params:
        return context.now + _MOST_S
    expires_at: int = params["expires_at"]
    if not _LEAST_S - _LENIENCY_S <= expires_at - context.now <= _MOST_S + _LENIENCY_S:
        message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation."
        raise errors.InvalidRequestError(message, param="expires_at")
    return expires_at


def _blank(context: Context) -> Json:
    return dict.fromkeys(_NOTHING) | {
        "object": KIND,
        "amount_subtotal": None,
        "amount_total": None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "created": context.now,
        "currency": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "livemode": False,
        "payment_intent": None,
        "payment_method_collection": "if_required",
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_options": [],
        "status": "open",
        "total_details": None,
        "ui_mode": "hosted_page",
    }
