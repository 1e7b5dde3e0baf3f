"""Customers."""

from __future__ import annotations

import re
from typing import Any

from local.stripe_sandbox.context import Context, changed, merge_metadata, text_or_none, token
from local.stripe_sandbox.errors import ApiError, InvalidRequestError, no_such
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves
from local.stripe_sandbox.resources import payment_methods

Json = dict[str, Any]

_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s.]+$")
_TEXTS = ("description", "email", "name", "phone")
_NAMES = ("business_name", "individual_name")
_PARAMS = (
    "address balance business_name description email individual_name invoice_prefix invoice_settings"
    " metadata name next_invoice_sequence phone preferred_locales shipping tax_exempt"
)
_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


@serves("POST /v1/customers", f"{_PARAMS} payment_method")
def create(call: Call) -> Json:
    """A new customer, with its payment method attached where one is named."""
    context = call.context
    customer: Json = {
        "id": f"cus_{token(14)}",
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": context.now,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": token(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    _apply(context, customer, {k: v for k, v in call.params.items() if k != "invoice_settings"})
    context.insert(customer, kind=customer["email"])
    context.emit("customer.created", customer)
    if "payment_method" in call.params:
        payment_methods.attach_to(context, call.params["payment_method"], customer["id"], "payment_method")
    if "invoice_settings" in call.params:
        # After the attach: the default has to be one of the customer's own.
        _apply(context, customer, {"invoice_settings": call.params["invoice_settings"]})
        context.save(customer)
    return customer


@serves("GET /v1/customers/{customer}")
def retrieve(call: Call) -> Json:
    """A customer; the stub of a deleted one."""
    object_id = call.ids["customer"]
    record = call.context.find("customer", object_id) or call.context.find("deleted_customer", object_id)
    if record is None:
        raise no_such("customer", object_id, "id")
    return record.body


@serves("POST /v1/customers/{customer}", _PARAMS)
def update(call: Call) -> Json:
    """Change what was sent."""
    context = call.context
    customer = context.get("customer", call.ids["customer"], "id").body
    before = dict(customer)
    _apply(context, customer, call.params)
    context.save(customer, kind=customer["email"] or "")
    if customer != before:
        context.emit("customer.updated", customer, changed(before, customer))
    return customer


@serves("DELETE /v1/customers/{customer}")
def delete(call: Call) -> Json:
    """Delete; the customer's payment methods can never be used again, as in Stripe."""
    context = call.context
    customer = context.get("customer", call.ids["customer"], "id").body
    for body in context.store.page(context.account, "payment_method", {"customer": customer["id"]}, limit=1000)[0]:
        payment_methods.release(context, body)
    context.emit("customer.deleted", customer)
    return context.store.retire(context.account, {"id": customer["id"], "object": "customer", "deleted": True})


@serves("GET /v1/customers", "email")
def find(call: Call) -> Json:
    """Customers, newest first; ``email`` is compared exactly, as Stripe does."""
    email = call.params.get("email")
    return page(call.context, "customer", call.path, call.params, {"kind": email} if email else {})


@serves("GET /v1/customers/{customer}/payment_methods", "type allow_redisplay")
def find_payment_methods(call: Call) -> Json:
    """The payment methods of one customer."""
    customer = call.context.get("customer", call.ids["customer"], "customer").body
    return payment_methods.listing(call, customer["id"])


@serves("GET /v1/customers/{customer}/payment_methods/{payment_method}")
def retrieve_payment_method(call: Call) -> Json:
    """One payment method, which has to be this customer's."""
    customer = call.context.get("customer", call.ids["customer"], "customer").body
    body = call.context.get("payment_method", call.ids["payment_method"], "payment_method").body
    if body["customer"] != customer["id"]:
        raise no_such("PaymentMethod", body["id"], "payment_method")
    return body


def _apply(context: Context, customer: Json, params: Json) -> None:
    _apply_texts(customer, params)
    if customer["email"] and not _EMAIL.match(customer["email"]):
        message = f"Invalid email address: {customer['email']}"
        raise InvalidRequestError(message, code="email_invalid", param="email")
    if "metadata" in params:
        customer["metadata"] = merge_metadata(customer["metadata"], params["metadata"])
    if "address" in params:
        customer["address"] = address(params["address"])
    if "shipping" in params:
        customer["shipping"] = shipping(params["shipping"])
    for name in ("balance", "invoice_prefix", "next_invoice_sequence", "preferred_locales"):
        if name in params:
            customer[name] = params[name]
    if "tax_exempt" in params:
        customer["tax_exempt"] = params["tax_exempt"] or "none"
    if "invoice_settings" in params:
        _apply_invoice_settings(context, customer, params["invoice_settings"])


def _apply_texts(customer: Json, params: Json) -> None:
    customer |= {name: text_or_none(params[name]) for name in _TEXTS if name in params}
    for name in _NAMES:
        if name in params:
            customer[name] = params[name]
            if params[name] == "":
                del customer[name]


def _apply_invoice_settings(context: Context, customer: Json, sent: Json) -> None:
    settings = customer["invoice_settings"] = dict(customer["invoice_settings"])
    for name, value in sent.items():
        settings[name] = text_or_none(value)
    default = settings["default_payment_method"]
    if default is None:
        return
    param = "invoice_settings[default_payment_method]"
    method = context.get("payment_method", default, param, status=400).body
    if method["customer"] != customer["id"]:
        message = f"The payment method {default} must be attached to the customer before it can be the default."
        raise ApiError(message, code="resource_missing", param=param)


def address(sent: Any) -> Json | None:
    """An address with all its fields, or None."""
    return {name: text_or_none(sent.get(name)) for name in _ADDRESS} if sent else None


def shipping(sent: Any) -> Json | None:
    """Shipping details, or None."""
    if not sent:
        return None
    rest = {name: text_or_none(value) for name, value in sent.items() if name != "address"}
    return rest | {"address": address(sent["address"])}
