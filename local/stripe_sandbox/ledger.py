"""The lines of an account's balance. The balance is their sum, and nothing else."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import money
from local.stripe_sandbox.context import Context, token
from local.stripe_sandbox.errors import ApiError

Json = dict[str, Any]

# Stripe's standard US card price: 2.9 % + 30 cents.
_FEE_PER_MILLE, _FEE_FIXED = 29, 30
_SETTLES_AFTER_S = 2 * 86_400


def fee_detail(amount: int, currency: str, description: str) -> Json:
    """A fee of Stripe's, as a line of the balance itemizes it."""
    return {
        "amount": amount,
        "application": None,
        "currency": currency,
        "description": description,
        "type": "stripe_fee",
    }


def settle_charge(context: Context, charge: Json, amount: int, *, bypass_pending: bool) -> str:
    """The line of a charge: what was taken, less Stripe's fee; returns its id."""
    fee = (amount * _FEE_PER_MILLE + 500) // 1000 + _FEE_FIXED
    fees = [fee_detail(fee, charge["currency"], "Stripe processing fees")]
    line = settle(context, charge, "charge", amount, fees=fees, available=bypass_pending)
    return str(line["id"])


def settle(
    context: Context,
    source: Json,
    kind: str,
    amount: int,
    *,
    fees: list[Json] | None = None,
    available: bool = True,
    available_on: int | None = None,
    category: str | None = None,
    description: str | None = None,
) -> Json:
    """A new line of the balance.

    Args:
        source: what moved the money, named by its id.
        kind: Stripe's type of the line.
        amount: in the smallest unit; negative when it leaves.
        fees: taken off in addition.
        available: whether it counts at once; otherwise after two days.
        available_on: Unix seconds, in place of ``available``.
        category: Stripe's reporting category where it differs from the type.
        description: for people, where it is not the source's own.
    """
    fees = fees or []
    fee = sum(detail["amount"] for detail in fees)
    on = context.now + (0 if available else _SETTLES_AFTER_S) if available_on is None else available_on
    line = {
        "id": f"txn_3{token(23)}",
        "object": "balance_transaction",
        "amount": amount,
        "available_on": on,
        "balance_type": "payments",
        "created": context.now,
        "currency": source["currency"],
        "description": source.get("description") if description is None else description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": fees,
        "net": amount - fee,
        "reporting_category": category or kind,
        "source": source["id"],
        "status": "available" if on <= context.now else "pending",
        "type": kind,
    }
    return context.insert(line, kind=kind)


def shown(line: Json, now: int) -> Json:
    """A line as it is now: what was pending becomes available when its time has come."""
    return line | {"status": "available" if line["available_on"] <= now else "pending"}


def sums(context: Context) -> dict[tuple[str, bool], int]:
    """The sum of all lines by currency and availability."""
    rows = context.store.db.execute(
        "SELECT json_extract(body, '$.currency'), json_extract(body, '$.available_on') <= ?,"
        " sum(json_extract(body, '$.net')) FROM objects WHERE account = ? AND object = 'balance_transaction'"
        " GROUP BY 1, 2",
        (context.now, context.account),
    ).fetchall()
    return {(row[0], bool(row[1])): row[2] for row in rows}


def require_available(context: Context, amount: int, currency: str, doing: str) -> None:
    """Refuse to spend what is not there yet, or not any more.

    Args:
        doing: what the money is for, as the message says it.

    Raises:
        ApiError: ``balance_insufficient``.
    """
    there = sums(context).get((currency, True), 0)
    if amount > there:
        message = (
            f"You have insufficient available funds for this {doing}: it takes {money.show(amount, currency)}, and"
            f" {money.show(there, currency)} is available. Charges of tok_bypassPending are available at once."
        )
        raise ApiError(message, code="balance_insufficient")


def settle_pending(context: Context) -> bool:
    """The days pass: all that is pending on the account becomes available.

    Returns:
        Whether anything was.
    """
    done = context.store.db.execute(
        "UPDATE objects SET body = json_set(body, '$.available_on', ?, '$.status', 'available')"
        " WHERE account = ? AND object = 'balance_transaction' AND json_extract(body, '$.available_on') > ?",
        (context.now, context.account, context.now),
    )
    return done.rowcount > 0
