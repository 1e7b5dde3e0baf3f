"""The balance of the platform and of its connected accounts, and the lines that it is the sum of."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import errors, ledger
from local.stripe_sandbox.context import Context
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]


@serves("GET /v1/balance_transactions/{id}", connected=True)
def retrieve_transaction(call: Call) -> Json:
    """A line of the balance."""
    line = call.context.get("balance_transaction", call.ids["id"], "id").body
    return ledger.shown(line, call.context.now)


@serves("GET /v1/balance_transactions", "type currency payout source", connected=True)
def find_transactions(call: Call) -> Json:
    """Lines of the balance, newest first; those of a payout only of one that its account's schedule made."""
    columns = {"type": "kind", "currency": "currency", "source": "source"}
    filters: Json = {column: call.params[name] for name, column in columns.items() if name in call.params}
    if "payout" in call.params:
        payout = call.context.get("payout", call.params["payout"], "payout", status=400).body
        if not payout["automatic"]:
            message = "Balance transaction history can only be filtered on automatic transfers, not manual."
            raise errors.ApiError(message, param="payout")
        filters["id"] = ledger.claimed(call.context, payout["id"])
    listed = page(call.context, "balance_transaction", call.path, call.params, filters)
    listed["data"] = [ledger.shown(line, call.context.now) for line in listed["data"]]
    return listed


@serves("GET /v1/balance", connected=True)
def retrieve(call: Call) -> Json:
    """The sum of all lines, per currency: available, and pending until the money settles."""
    return current(call.context)


def current(context: Context) -> Json:
    """The balance of the context's account."""
    sums = ledger.sums(context)
    currencies = sorted({currency for currency, _ in sums}) or ["usd"]

    def lines(available: bool) -> list[Json]:
        amounts = ((currency, sums.get((currency, available), 0)) for currency in currencies)
        return [{"amount": net, "currency": currency, "source_types": {"card": net}} for currency, net in amounts]

    balance: Json = {"object": "balance", "available": lines(True), "livemode": False, "pending": lines(False)}
    if context.account == context.platform:
        reserved = ((currency, ledger.reserved(context, currency)) for currency in currencies)
        balance["connect_reserved"] = [{"amount": amount, "currency": currency} for currency, amount in reserved]
    return balance
