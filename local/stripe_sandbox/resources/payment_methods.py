"""Payment methods: cards, made from Stripe's test tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from local.stripe_sandbox import cards, declines, errors
from local.stripe_sandbox.context import Context, changed, merge_metadata, text_or_none, token
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves
from local.stripe_sandbox.store import Record

Json = dict[str, Any]

_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def _card(card: cards.TestCard) -> Json:
    networks = [card.cobrand, card.brand] if card.cobrand else [card.brand]
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": card.cvc},
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": 12,
        "exp_year": datetime.now(UTC).year + 3,
        "fingerprint": cards.fingerprint(card),
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": networks, "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": card.three_d_secure},
        "wallet": None,
    }


def _billing_details(current: Json, sent: Json) -> Json:
    details = dict(current)
    for name, value in sent.items():
        if name == "address":
            details["address"] = {part: text_or_none((value or {}).get(part)) for part in _ADDRESS}
        else:
            details[name] = text_or_none(value)
    return details


def _check_address(body: Json, behaviour: Json) -> None:
    """An address is checked where there is one: without a postal code, that check can neither pass nor fail."""
    address = body["billing_details"]["address"]
    results = {
        "address_line1_check": behaviour.get("line1", "pass") if address["line1"] else None,
        "address_postal_code_check": behaviour.get("zip", "pass") if address["postal_code"] else None,
    }
    body["card"] = body["card"] | {"checks": body["card"]["checks"] | results}


_NO_DETAILS: Json = {
    "address": dict.fromkeys(_ADDRESS),
    "email": None,
    "name": None,
    "phone": None,
    "tax_id": None,
}


def new(context: Context, card: cards.TestCard, params: Json | None = None) -> Record:
    """A payment method of its own for a test token, as Stripe makes one on each use."""
    params = params or {}
    body = {
        "id": f"pm_1{token(23)}",
        "object": "payment_method",
        "allow_redisplay": params.get("allow_redisplay", "unspecified"),
        "billing_details": _billing_details(_NO_DETAILS, params.get("billing_details", {})),
        "card": _card(card),
        "created": context.now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": merge_metadata({}, params.get("metadata")),
        "type": "card",
    }
    hidden = card.behaviour() | {"used": False, "set_up": False}
    _check_address(body, hidden)
    context.insert(body, hidden)
    return Record(0, body, hidden)


def resolve(context: Context, object_id: str, param: str, *, status: int = 400) -> Record:
    """The payment method of an id, or a new one for a test token."""
    card = cards.card_of(object_id)
    return new(context, card) if card else context.get("payment_method", object_id, param, status=status)


def require_usable(record: Record, customer: str | None) -> None:
    """Stripe's rules of ownership, before a payment method is used for an intent.

    Raises:
        ApiError: it is another customer's, it was detached, or it was used once without a customer.
    """
    body = record.body
    if body["customer"] and body["customer"] != customer:
        if customer is None:
            message = "The payment method is attached to a customer: name that customer in the request."
            raise errors.ApiError(message, param="customer", code="parameter_missing")
        message = (
            f"The customer does not have a payment method with the ID {body['id']}."
            " The payment method must be attached to the customer."
        )
        raise errors.ApiError(message, code="resource_missing", param="payment_method")
    if body["customer"] is None and record.hidden["used"]:
        message = (
            "The provided PaymentMethod was used before without being attached to a customer, or was"
            " detached from one. It may not be used again."
        )
        raise errors.ApiError(message, code="payment_method_unexpected_state", param="payment_method")


def attach_to(context: Context, object_id: str, customer: str, param: str, *, status: int = 400) -> Json:
    """Attach to a customer; a card that would be declined is declined here, too."""
    record = resolve(context, object_id, param, status=status)
    body = record.body
    if body["customer"] == customer:
        return body
    if body["customer"]:
        message = "The payment method you provided has already been attached to a customer."
        raise errors.ApiError(message, param=param)
    require_usable(record, customer)
    if record.hidden["decline"] and not record.hidden["attaches"]:
        failure = declines.failure(record.hidden["decline"], {})
        failure.commits = False  # Nothing was attempted that a later request could see.
        raise failure
    body["customer"] = customer
    context.save(body)
    context.emit("payment_method.attached", body)
    return body


def release(context: Context, body: Json) -> None:
    """Take a payment method from its customer for good."""
    record = context.get("payment_method", body["id"], "payment_method")
    body["customer"] = None
    context.save(body, record.hidden | {"used": True})


def listing(call: Call, customer: str | None) -> Json:
    """Payment methods of a customer; without one, Stripe lists none that a card token made."""
    listed = page(call.context, "payment_method", call.path, call.params, {"customer": customer})
    wanted = call.params.get("type", "card")
    listed["data"] = [body for body in listed["data"] if body["type"] == wanted]
    return listed


@serves("POST /v1/payment_methods", "type card billing_details metadata allow_redisplay")
def create(call: Call) -> Json:
    """A card from a test token (``card[token]=tok_visa``)."""
    params = call.params
    if "type" not in params:
        raise errors.missing("type")
    if params["type"] != "card":
        raise errors.not_served("type")
    card = params.get("card", {})
    if "number" in card:
        message = "Card numbers may not be sent to the API: use a test token such as tok_visa."
        raise errors.ApiError(message, status=402, param="card[number]")
    if "token" not in card:
        raise errors.missing("card[token]")
    known = cards.card_of(card["token"])
    if known is None or not card["token"].startswith("tok_"):
        raise errors.no_such("token", card["token"], "card[token]", status=400)
    return new(call.context, known, params).body


@serves("GET /v1/payment_methods/{payment_method}")
def retrieve(call: Call) -> Json:
    """A payment method."""
    return resolve(call.context, call.ids["payment_method"], "payment_method", status=404).body


@serves("POST /v1/payment_methods/{payment_method}", "allow_redisplay billing_details card metadata")
def update(call: Call) -> Json:
    """Change what was sent; Stripe allows it for attached payment methods alone."""
    context, params = call.context, call.params
    record = context.get("payment_method", call.ids["payment_method"], "payment_method")
    body = record.body
    if body["customer"] is None:
        message = "You must save this PaymentMethod to a customer before you can update it."
        raise errors.ApiError(message, param="payment_method")
    before = dict(body)
    if "billing_details" in params:
        body["billing_details"] = _billing_details(body["billing_details"], params["billing_details"])
        _check_address(body, record.hidden)
    if "metadata" in params:
        body["metadata"] = merge_metadata(body["metadata"], params["metadata"])
    body["allow_redisplay"] = params.get("allow_redisplay", body["allow_redisplay"])
    dates = {k: v for k, v in params.get("card", {}).items() if k in {"exp_month", "exp_year"}}
    body["card"] = body["card"] | dates
    context.save(body)
    if body != before:
        context.emit("payment_method.updated", body, changed(before, body))
    return body


@serves("POST /v1/payment_methods/{payment_method}/attach", "customer")
def attach(call: Call) -> Json:
    """Attach to a customer."""
    if "customer" not in call.params:
        raise errors.missing("customer")
    customer = call.context.get("customer", call.params["customer"], "customer", status=400).body
    return attach_to(call.context, call.ids["payment_method"], customer["id"], "payment_method", status=404)


@serves("POST /v1/payment_methods/{payment_method}/detach")
def detach(call: Call) -> Json:
    """Detach for good; a customer whose default it was has no default then."""
    context = call.context
    body = context.get("payment_method", call.ids["payment_method"], "payment_method").body
    if body["customer"] is None:
        message = "The payment method you provided is not attached to a customer, so there is nothing to detach."
        raise errors.ApiError(message, param="payment_method")
    customer = body["customer"]
    release(context, body)
    context.emit("payment_method.detached", body, {"customer": customer})
    _forget_default(context, customer, body["id"])
    return body


def _forget_default(context: Context, customer_id: str, method_id: str) -> None:
    record = context.find("customer", customer_id)
    if record is None or record.body["invoice_settings"]["default_payment_method"] != method_id:
        return
    before = record.body
    after = before | {"invoice_settings": before["invoice_settings"] | {"default_payment_method": None}}
    context.save(after)
    context.emit("customer.updated", after, changed(before, after))


@serves("GET /v1/payment_methods", "customer type allow_redisplay")
def find(call: Call) -> Json:
    """Payment methods, of a customer where one is named."""
    customer = call.params.get("customer")
    if customer is not None:
        call.context.get("customer", customer, "customer", status=400)
        return listing(call, customer)
    return {"object": "list", "data": [], "has_more": False, "url": call.path}
