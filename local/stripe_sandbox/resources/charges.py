"""Charges."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox.context import changed, merge_metadata
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]


@serves("GET /v1/charges/{charge}", connected=True)
def retrieve(call: Call) -> Json:
    """A charge."""
    return call.context.get("charge", call.ids["charge"], "id").body


@serves("POST /v1/charges/{charge}", "description metadata receipt_email")
def update(call: Call) -> Json:
    """Change what people read; never the amount."""
    context, params = call.context, call.params
    charge = retrieve(call)
    before = dict(charge)
    if "metadata" in params:
        charge["metadata"] = merge_metadata(charge["metadata"], params["metadata"])
    charge |= {name: params[name] or None for name in ("description", "receipt_email") if name in params}
    context.save(charge)
    if charge != before:
        context.emit("charge.updated", charge, changed(before, charge))
    return charge


@serves("GET /v1/charges", "customer payment_intent transfer_group", connected=True)
def find(call: Call) -> Json:
    """Charges, newest first, the failed ones too."""
    names = ("customer", "payment_intent", "transfer_group")
    filters: Json = {name: call.params[name] for name in names if name in call.params}
    return page(call.context, "charge", call.path, call.params, filters)
