"""The lines of an account's balance. The balance is their sum, and nothing else.

While a connected account is below zero and the platform bears its losses, the platform's money stands in for it:
lines of the type ``reserve_transaction`` move what is missing from the platform's available balance to
``connect_reserved``, and back as the account recovers.

    connected -30.00 -> platform available 100.00 - 30.00, connect_reserved 30.00
"""

from __future__ import annotations

from decimal import Decimal
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
    currency: str | None = None,
    exchange_rate: Decimal | None = None,
    hidden: Json | None = None,
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
        currency: where it is not the source's own, for the money was converted.
        exchange_rate: units of ``currency`` for one of the source's.
        hidden: what only the sandbox knows of the line.
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
        "currency": currency or source["currency"],
        "description": source.get("description") if description is None else description,
        "exchange_rate": None if exchange_rate is None else float(exchange_rate),
        "fee": fee,
        "fee_details": fees,
        "net": amount - fee,
        "reporting_category": category or kind,
        "source": source["id"],
        "status": "available" if on <= context.now else "pending",
        "type": kind,
    }
    context.insert(line, hidden, kind=kind)
    _reserve(context, line["currency"])
    return line


def _reserve(context: Context, currency: str) -> None:
    """Have the platform's reserve cover what its connected account is short of, no more and no less."""
    platform = context.on(context.platform)
    record = platform.find("account", context.account)
    if record is None or record.body["controller"]["losses"]["payments"] != "application":
        return
    short = max(0, -sums(context).get((currency, True), 0))
    change = reserved(platform, currency, context.account) - short
    if change:
        source: Json = {"id": f"rtx_1{token(23)}", "currency": currency}
        settle(
            platform,
            source,
            "reserve_transaction",
            change,
            category="connect_reserved_funds",
            description=f"Reserve for the negative balance of {context.account}",
            hidden={"reserved_for": context.account},
        )


def reserved(platform: Context, currency: str, account: str | None = None) -> int:
    """What the platform's reserve holds in a currency, for one connected account or for all."""
    row = platform.store.db.execute(
        "SELECT coalesce(sum(json_extract(body, '$.net')), 0) FROM objects WHERE account = ?"
        " AND object = 'balance_transaction' AND kind = 'reserve_transaction'"
        " AND json_extract(body, '$.currency') = ? AND coalesce(?, json_extract(hidden, '$.reserved_for'))"
        " = json_extract(hidden, '$.reserved_for')",
        (platform.account, currency, account),
    ).fetchone()
    return -int(row[0])


def claim(context: Context, currency: str, payout: str) -> None:
    """Put every available line that no automatic payout has taken yet into this one, its own line included."""
    context.store.db.execute(
        "UPDATE objects SET hidden = json_set(hidden, '$.payout', ?) WHERE account = ?"
        " AND object = 'balance_transaction' AND json_extract(hidden, '$.payout') IS NULL"
        " AND json_extract(body, '$.currency') = ? AND json_extract(body, '$.available_on') <= ?",
        (payout, context.account, currency, context.now),
    )


def claimed(context: Context, payout: str) -> list[str]:
    """Ids of the lines that an automatic payout took."""
    rows = context.store.db.execute(
        "SELECT id FROM objects WHERE account = ? AND object = 'balance_transaction'"
        " AND json_extract(hidden, '$.payout') = ?",
        (context.account, payout),
    )
    return [row[0] for row in rows]


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
    for currency in {currency for currency, _ in sums(context)}:
        _reserve(context, currency)
    return done.rowcount > 0
