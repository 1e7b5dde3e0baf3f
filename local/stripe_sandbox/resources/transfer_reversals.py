"""Reversals of transfers, never more than what remains of one."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import errors, money, transfers
from local.stripe_sandbox.context import merge_metadata
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]


@serves("POST /v1/transfers/{id}/reversals", "amount description metadata")
def create(call: Call) -> Json:
    """Take back a transfer, or a part of it."""
    context, params = call.context, call.params
    transfer = context.get("transfer", call.ids["id"], "id").body
    remaining = transfer["amount"] - transfer["amount_reversed"]
    if remaining == 0:
        raise errors.ApiError(f"Transfer {transfer['id']} is already fully reversed.")
    amount = params.get("amount", remaining)
    if amount < 1:
        message = "This value must be greater than or equal to 1."
        raise errors.ApiError(message, code="parameter_invalid_integer", param="amount")
    money.check_step(amount, transfer["currency"])
    if amount > remaining:
        over, left = money.show(amount, transfer["currency"]), money.show(remaining, transfer["currency"])
        message = f"Reversal amount ({over}) is greater than unreversed amount on transfer ({left})"
        raise errors.ApiError(message, param="amount")
    metadata = merge_metadata({}, params.get("metadata"))
    return transfers.reverse(context, transfer, amount, params.get("description"), metadata)


@serves("GET /v1/transfers/{transfer}/reversals/{id}")
def retrieve(call: Call) -> Json:
    """A reversal, which has to be this transfer's."""
    reversal = call.context.get("transfer_reversal", call.ids["id"], "id").body
    if reversal["transfer"] != call.ids["transfer"]:
        raise errors.no_such("transfer reversal", reversal["id"], "id")
    return reversal


@serves("POST /v1/transfers/{transfer}/reversals/{id}", "metadata")
def update(call: Call) -> Json:
    """Change the metadata: nothing else of a reversal changes."""
    reversal = retrieve(call)
    reversal["metadata"] = merge_metadata(reversal["metadata"], call.params.get("metadata"))
    transfers.show_reversal(call.context, reversal)
    return call.context.save(reversal)


@serves("GET /v1/transfers/{id}/reversals")
def find(call: Call) -> Json:
    """The reversals of a transfer, newest first."""
    transfer = call.context.get("transfer", call.ids["id"], "id").body
    return page(call.context, "transfer_reversal", call.path, call.params, {"kind": transfer["id"]})
