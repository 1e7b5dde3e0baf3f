"""Transfers to connected accounts."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import agreements, connect, errors, ledger, money, transfers
from local.stripe_sandbox.context import Context, changed, merge_metadata, text_or_none, token
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]


@serves(
    "POST /v1/transfers",
    "amount currency description destination metadata source_transaction source_type transfer_group",
)
def create(call: Call) -> Json:
    """Send money, out of what is available or out of one charge."""
    context, params = call.context, call.params
    if params.get("source_type", "card") != "card":
        raise errors.not_served("source_type")
    currency = money.check_currency(params["currency"])
    charge = _source(context, params, currency)
    amount = _amount(params, charge)
    money.check_step(amount, currency)
    record = context.find("account", params["destination"])
    if record is None:
        message = f"No such destination: '{params['destination']}'"
        raise errors.ApiError(message, code="resource_missing", param="destination")
    agreements.require_reachable(record.body)
    connect.require_transfers(record.body)
    available_on = None
    if charge:
        available_on = _claim(context, charge, amount)
    else:
        ledger.require_available(context, amount, currency, "transfer")
    object_id = f"tr_1{token(23)}"
    transfer: Json = {
        "id": object_id,
        "object": "transfer",
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": None,
        "created": context.now,
        "currency": currency,
        "description": params.get("description"),
        "destination": record.body["id"],
        "livemode": False,
        "metadata": merge_metadata({}, params.get("metadata")),
        "reversals": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/transfers/{object_id}/reversals",
        },
        "reversed": False,
        "source_transaction": charge["id"] if charge else None,
        "source_type": "card",
        "transfer_group": _group(context, params, charge),
    }
    return transfers.send(context, transfer, available_on)


@serves("GET /v1/transfers/{transfer}")
def retrieve(call: Call) -> Json:
    """A transfer."""
    return call.context.get("transfer", call.ids["transfer"], "id").body


@serves("POST /v1/transfers/{transfer}", "description metadata")
def update(call: Call) -> Json:
    """Change what people read; never the amount."""
    context, params = call.context, call.params
    transfer = retrieve(call)
    before = dict(transfer)
    if "description" in params:
        transfer["description"] = text_or_none(params["description"])
    if "metadata" in params:
        transfer["metadata"] = merge_metadata(transfer["metadata"], params["metadata"])
    context.save(transfer)
    if transfer != before:
        context.emit("transfer.updated", transfer, changed(before, transfer))
    return transfer


@serves("GET /v1/transfers", "destination transfer_group")
def find(call: Call) -> Json:
    """Transfers, newest first."""
    filters: Json = {name: call.params[name] for name in ("destination", "transfer_group") if name in call.params}
    return page(call.context, "transfer", call.path, call.params, filters)


def _source(context: Context, params: Json, currency: str) -> Json | None:
    """The charge that the money comes from, where one is named."""
    if "source_transaction" not in params:
        return None
    charge = context.get("charge", params["source_transaction"], "source_transaction", status=400).body
    if charge["balance_transaction"] is None:
        message = f"Charge {charge['id']} took no money that could be transferred."
        raise errors.ApiError(message, param="source_transaction")
    if charge["currency"] != currency:
        message = (
            f"The currency of source_transaction's balance transaction ({charge['currency']}) must be the same as"
            f" the transfer currency ({currency})"
        )
        raise errors.ApiError(message, param="currency")
    return charge


def _amount(params: Json, charge: Json | None) -> int:
    if "amount" not in params and charge is None:
        raise errors.missing("amount")
    amount: int = params["amount"] if "amount" in params else charge["amount_captured"] if charge else 0
    if amount < 1:
        message = "This value must be greater than or equal to 1."
        raise errors.InvalidRequestError(message, code="parameter_invalid_integer", param="amount")
    return amount


def _claim(context: Context, charge: Json, amount: int) -> int:
    """When the charge's money is there; all transfers of a charge together are never more than what it still brings in.

    What Stripe says to a transfer out of a refunded charge is not documented: here it is refused, the safer guess.
    """
    filters: Json = {"source_transaction": charge["id"]}
    made, _ = context.store.page(context.account, "transfer", filters, limit=10_000)
    # A partial capture counts what it released as refunded.
    kept = charge["amount"] - charge["amount_refunded"]
    used = sum(transfer["amount"] - transfer["amount_reversed"] for transfer in made)
    if amount > kept - used:
        most, other = money.show(kept, charge["currency"]), money.show(used, charge["currency"])
        message = (
            f"Transfers using this transaction as a source must not exceed the source amount of {most}. (There is"
            f" already a transfer using this source, amounting to {other}.)"
        )
        raise errors.ApiError(message, param="amount")
    line = context.get("balance_transaction", charge["balance_transaction"], "id").body
    return int(line["available_on"])


def _group(context: Context, params: Json, charge: Json | None) -> str | None:
    """The transfer's group; of a transfer out of a charge, the charge's, which gets one where it has none."""
    sent: str | None = params.get("transfer_group")
    if charge is None:
        return sent
    group: str | None = charge["transfer_group"]
    if group and sent and group != sent:
        message = f"The transfer_group must be that of the source_transaction ({group})."
        raise errors.ApiError(message, param="transfer_group")
    if group is None:
        group = sent or f"group_{charge['payment_intent'] or charge['id']}"
        context.save(charge | {"transfer_group": group})
    return group
