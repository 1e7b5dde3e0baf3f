"""Charges, and the balance that they make."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox.context import changed, merge_metadata
from local.stripe_sandbox.errors import ApiError
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]


@serves("GET /v1/charges/{charge}")
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


@serves("GET /v1/charges", "customer payment_intent")
def find(call: Call) -> Json:
    """Charges, newest first, the failed ones too."""
    names = ("customer", "payment_intent")
    filters: Json = {name: call.params[name] for name in names if name in call.params}
    return page(call.context, "charge", call.path, call.params, filters)


@serves("GET /v1/balance_transactions/{id}")
def retrieve_transaction(call: Call) -> Json:
    """A line of the balance."""
    return call.context.get("balance_transaction", call.ids["id"], "id").body


@serves("GET /v1/balance_transactions", "type currency source")
def find_transactions(call: Call) -> Json:
    """Lines of the balance, newest first."""
    if "currency" in call.params or "source" in call.params:
        raise ApiError("The Stripe sandbox lists balance transactions by `type` alone.", param="source")
    kind = call.params.get("type")
    return page(call.context, "balance_transaction", call.path, call.params, {"kind": kind} if kind else {})


@serves("GET /v1/balance")
def balance(call: Call) -> Json:
    """The sum of all lines, per currency: available, and pending until the money settles."""
    context = call.context
    rows = context.store.db.execute(
        "SELECT json_extract(body, '$.currency'), json_extract(body, '$.available_on') <= ?,"
        " sum(json_extract(body, '$.net')) FROM objects WHERE account = ? AND object = 'balance_transaction'"
        " GROUP BY 1, 2 ORDER BY 1",
        (context.now, context.account),
    ).fetchall()
    sums: dict[tuple[str, bool], int] = {(row[0], bool(row[1])): row[2] for row in rows}
    currencies = sorted({currency for currency, _ in sums}) or ["usd"]

    def lines(available: bool) -> list[Json]:
        amounts = ((currency, sums.get((currency, available), 0)) for currency in currencies)
        return [{"amount": net, "currency": currency, "source_types": {"card": net}} for currency, net in amounts]

    return {"object": "balance", "available": lines(True), "livemode": False, "pending": lines(False)}
