"""Refunds, never more than what remains of a charge."""

from __future__ import annotations

import time
from typing import Any

from local.stripe_sandbox import disputes, errors, fraud, ledger, money
from local.stripe_sandbox.context import Context, changed, merge_metadata, token
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]


@serves("POST /v1/refunds", "amount charge metadata payment_intent reason")
def create(call: Call) -> Json:
    """Refund a charge, or a part of it."""
    context, params = call.context, call.params
    charge = _charge(call)
    # A partial capture counts what it released as refunded, so this holds for it, too.
    remaining = charge["amount"] - charge["amount_refunded"]
    if remaining <= 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise errors.ApiError(message, code="charge_already_refunded", param="charge")
    amount = params.get("amount", remaining)
    if amount < 1:
        message = "This value must be greater than or equal to 1."
        raise errors.ApiError(message, code="parameter_invalid_integer", param="amount")
    money.check_step(amount, charge["currency"])
    if amount > remaining:
        over, left = money.show(amount, charge["currency"]), money.show(remaining, charge["currency"])
        message = f"Refund amount ({over}) is greater than unrefunded amount on charge ({left})"
        raise errors.ApiError(message, param="amount")
    return _refund(context, charge, amount, params)


@serves("GET /v1/refunds/{refund}", connected=True)
def retrieve(call: Call) -> Json:
    """A refund."""
    return call.context.get("refund", call.ids["refund"], "refund").body


@serves("POST /v1/refunds/{refund}", "metadata")
def update(call: Call) -> Json:
    """Change the metadata: nothing else of a refund changes."""
    refund = retrieve(call)
    before = dict(refund)
    refund["metadata"] = merge_metadata(refund["metadata"], call.params.get("metadata"))
    call.context.save(refund)
    if refund != before:
        call.context.emit("refund.updated", refund, changed(before, refund))
    return refund


@serves("GET /v1/refunds", "charge payment_intent", connected=True)
def find(call: Call) -> Json:
    """Refunds, newest first."""
    filters: Json = {name: call.params[name] for name in ("charge", "payment_intent") if name in call.params}
    return page(call.context, "refund", call.path, call.params, filters)


def _charge(call: Call) -> Json:
    """The charge to refund, by its own id or its intent's."""
    context, params = call.context, call.params
    if "charge" in params:
        charge = context.get("charge", params["charge"], "charge", status=400).body
    elif "payment_intent" in params:
        intent = context.get("payment_intent", params["payment_intent"], "payment_intent", status=400).body
        if intent["status"] != "succeeded":
            message = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
            raise errors.ApiError(message, code="payment_intent_unexpected_state", param="payment_intent")
        charge = context.get("charge", intent["latest_charge"], "charge").body
    else:
        raise errors.InvalidRequestError("One of the following params should be provided: payment_intent or charge.")
    if charge["status"] != "succeeded" or not charge["captured"]:
        message = f"Charge {charge['id']} cannot be refunded: its payment was not taken."
        raise errors.ApiError(message, code="charge_not_refundable", param="charge")
    disputes.require_refundable(context, charge)
    return charge


def _refund(context: Context, charge: Json, amount: int, params: Json) -> Json:
    method = context.find("payment_method", charge["payment_method"])
    behaviour = method.hidden if method else {}
    reference = {
        "reference_status": "pending",
        "reference_type": "acquirer_reference_number",
        "type": "refund",
    }
    refund = {
        "id": f"re_3{token(23)}",
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": context.now,
        "currency": charge["currency"],
        "destination_details": {"type": "card", "card": reference},
        "metadata": merge_metadata({}, params.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": behaviour.get("refund", "succeeded"),
        "transfer_reversal": None,
    }
    refund["balance_transaction"] = ledger.settle(context, refund, "refund", -amount)["id"]
    ends = behaviour.get("refund_ends")
    context.insert(refund, {"ends": ends, "since": time.time()} if ends else {})
    before = dict(charge)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    context.save(charge)
    context.emit("refund.created", refund)
    context.emit("charge.refunded", charge, changed(before, charge))
    if charge["refunded"]:
        fraud.settle(context, charge)
    disputes.close_refunded_inquiries(context, charge)
    return refund
