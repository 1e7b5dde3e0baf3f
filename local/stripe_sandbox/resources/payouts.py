"""Payouts of the platform and of its connected accounts."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import errors, ledger, money, payouts
from local.stripe_sandbox.context import changed, merge_metadata
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]


@serves(
    "POST /v1/payouts",
    "amount currency description destination metadata method source_type statement_descriptor",
    connected=True,
)
def create(call: Call) -> Json:
    """Pay out of what is available; arrives in days."""
    context, params = call.context, call.params
    if params.get("source_type", "card") != "card":
        raise errors.not_served("source_type")
    currency = money.check_currency(params["currency"])
    amount: int = params["amount"]
    if amount < 1:
        message = "This value must be greater than or equal to 1."
        raise errors.InvalidRequestError(message, code="parameter_invalid_integer", param="amount")
    payouts.require_allowed(context)
    if "destination" in params:
        payouts.bank_for(context, currency, params["destination"])
    if params.get("method") == "instant":
        message = "Instant payouts need a debit card or an eligible bank account, and this account has none."
        raise errors.ApiError(message, code="instant_payouts_unsupported", param="method")
    payouts.check_amount(amount, currency)
    ledger.require_available(context, amount, currency, "payout")
    bank = payouts.bank_for(context, currency, params.get("destination"))
    texts = {name: params.get(name) for name in ("description", "statement_descriptor")}
    metadata = merge_metadata({}, params.get("metadata"))
    return payouts.pay_out(context, amount, currency, texts | {"destination": bank, "metadata": metadata})


@serves("GET /v1/payouts/{payout}", connected=True)
def retrieve(call: Call) -> Json:
    """A payout."""
    return call.context.get("payout", call.ids["payout"], "payout").body


@serves("POST /v1/payouts/{payout}", "metadata", connected=True)
def update(call: Call) -> Json:
    """Change the metadata: nothing else of a payout changes."""
    payout = retrieve(call)
    before = dict(payout)
    payout["metadata"] = merge_metadata(payout["metadata"], call.params.get("metadata"))
    call.context.save(payout)
    if payout != before:
        call.context.emit("payout.updated", payout, changed(before, payout))
    return payout


@serves("POST /v1/payouts/{payout}/cancel", connected=True)
def cancel(call: Call) -> Json:
    """Stop a pending payout that was made by hand."""
    payout = retrieve(call)
    if payout["automatic"]:
        raise errors.ApiError(f"Payout {payout['id']} is automatic: it cannot be canceled.")
    return payouts.step(call.context, payout, "canceled")


@serves("POST /v1/payouts/{payout}/reverse", "metadata", connected=True)
def reverse(call: Call) -> Json:
    """Ask the bank to send a payout back: a payout of its own, of a negative amount."""
    context = call.context
    payout = retrieve(call)
    payouts.require_reversible(context, payout)
    metadata = merge_metadata({}, call.params.get("metadata"))
    fields = {"original_payout": payout["id"], "destination": payout["destination"], "metadata": metadata}
    reversal = payouts.pay_out(context, -payout["amount"], payout["currency"], fields)
    before = dict(payout)
    payout["reversed_by"] = reversal["id"]
    context.save(payout)
    context.emit("payout.updated", payout, changed(before, payout))
    return reversal


@serves("GET /v1/payouts", "arrival_date destination status", connected=True)
def find(call: Call) -> Json:
    """Payouts, newest first."""
    if not isinstance(call.params.get("arrival_date", 0), int):
        raise errors.not_served("arrival_date")
    names = ("arrival_date", "destination", "status")
    filters: Json = {name: call.params[name] for name in names if name in call.params}
    return page(call.context, "payout", call.path, call.params, filters)
