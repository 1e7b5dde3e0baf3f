"""Money from the platform to a connected account, and back: two balances, always moved together.

A transfer is a line of -n on the platform and a payment (``py_...``) of +n on the connected account; a reversal is
a line of +n and a refund (``pyr_...``) of -n. So the sum over all accounts never changes, as long as both keep the
same currency. An account without a bank in the transfer's currency keeps it in its default currency: its payment is
in the one, the line of its balance in the other, with the ``exchange_rate`` (https://docs.stripe.com/connect/currencies).
A reversal converts at the rate of its own day, so it may take more or less than arrived.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from local.stripe_sandbox import agreements, banks, connect, exchange, ledger, payments
from local.stripe_sandbox.context import Context, token

Json = dict[str, Any]

_SHOWN_REVERSALS = 10


def send(context: Context, transfer: Json, available_on: int | None) -> Json:
    """Move the money of a new transfer.

    Args:
        available_on: Unix seconds, when the charge that it comes from settles; None: now.
    """
    there = context.on(transfer["destination"])
    record = connect.record_of(context, transfer["destination"])
    arrived = _payment(there, transfer)
    currency = banks.settlement_currency(record.body, transfer["currency"])
    rate, amount = _converted(record.hidden, transfer["amount"], transfer["currency"], currency)
    delay_s = agreements.delay_s(record.body)
    line = ledger.settle(
        there,
        arrived,
        "payment",
        amount,
        available_on=(available_on or there.now) + delay_s if delay_s else available_on,
        currency=currency,
        exchange_rate=rate,
    )
    arrived["balance_transaction"] = line["id"]
    there.insert(arrived)
    line = ledger.settle(context, transfer, "transfer", -transfer["amount"], available_on=available_on)
    transfer |= {"balance_transaction": line["id"], "destination_payment": arrived["id"]}
    context.insert(transfer)
    context.emit("transfer.created", transfer)
    return transfer


def reverse(context: Context, transfer: Json, amount: int, description: str | None, metadata: Json) -> Json:
    """Take money back from the connected account.

    Raises:
        ApiError: ``balance_insufficient``, when the connected account has spent it; ``account_invalid``, when it is
            connected no more.
    """
    there = context.on(transfer["destination"])
    record = connect.record_of(context, transfer["destination"])
    payment = there.get("charge", transfer["destination_payment"], "charge").body
    arrived = there.get("balance_transaction", payment["balance_transaction"], "id").body
    rate, taken = _converted(record.hidden, amount, transfer["currency"], arrived["currency"])
    available_on = _still_pending(there, arrived)
    if available_on is None:
        ledger.require_available(there, taken, arrived["currency"], "transfer reversal")
    reversal: Json = {
        "id": f"trr_1{token(23)}",
        "object": "transfer_reversal",
        "amount": amount,
        "balance_transaction": None,
        "created": context.now,
        "currency": transfer["currency"],
        "destination_payment_refund": None,
        "metadata": metadata,
        "source_refund": None,
        "transfer": transfer["id"],
    }
    refund = _payment_refund(there, payment, reversal)
    line = ledger.settle(
        there,
        refund,
        "payment_refund",
        -taken,
        category="refund",
        available_on=available_on,
        currency=arrived["currency"],
        exchange_rate=rate,
    )
    there.save(refund | {"balance_transaction": line["id"]})
    sent = context.get("balance_transaction", transfer["balance_transaction"], "id").body
    line = ledger.settle(
        context,
        reversal,
        "transfer_refund",
        amount,
        category="transfer_reversal",
        available_on=_still_pending(context, sent),
        description=description or f"REFUND FOR TRANSFER ({transfer['description'] or transfer['id']})",
    )
    reversal |= {"balance_transaction": line["id"], "destination_payment_refund": refund["id"]}
    context.insert(reversal, kind=transfer["id"])
    _count(context, transfer, reversal)
    return reversal


def show_reversal(context: Context, reversal: Json) -> None:
    """Keep the list on the transfer true when a reversal changes."""
    transfer = context.get("transfer", reversal["transfer"], "transfer").body
    data = [reversal if shown["id"] == reversal["id"] else shown for shown in transfer["reversals"]["data"]]
    context.save(transfer | {"reversals": transfer["reversals"] | {"data": data}})


def _converted(hidden: Json, amount: int, source: str, target: str) -> tuple[Decimal | None, int]:
    """The rate of today, and an amount at it."""
    rate = exchange.rate(hidden, source, target)
    return rate, exchange.convert(amount, rate, source, target)


def _still_pending(context: Context, line: Json) -> int | None:
    """When a line settles, if it has not yet: what has not settled is taken back from what has not settled."""
    on: int = line["available_on"]
    return on if on > context.now else None


def _count(context: Context, transfer: Json, reversal: Json) -> None:
    before = {name: transfer[name] for name in ("amount_reversed", "reversed", "reversals")}
    listed = transfer["reversals"]
    transfer["reversals"] = listed | {
        "data": [reversal, *listed["data"]][:_SHOWN_REVERSALS],
        "has_more": len(listed["data"]) >= _SHOWN_REVERSALS,
    }
    transfer["amount_reversed"] += reversal["amount"]
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    context.save(transfer)
    previous = {name: value for name, value in before.items() if value != transfer[name]}
    context.emit("transfer.reversed", transfer, previous)


def _payment(there: Context, transfer: Json) -> Json:
    """What the connected account sees of a transfer: a charge paid by its platform."""
    return payments.blank_charge(there) | {
        "id": f"py_1{token(23)}",
        "amount": transfer["amount"],
        "amount_captured": transfer["amount"],
        "billing_details": dict.fromkeys(("address", "email", "name", "phone", "tax_id")),
        "captured": True,
        "currency": transfer["currency"],
        "description": transfer["description"],
        "paid": True,
        "payment_method_details": {"type": "stripe_account", "stripe_account": {}},
        "source_transfer": transfer["id"],
        "status": "succeeded",
    }


def _payment_refund(there: Context, payment: Json, reversal: Json) -> Json:
    refund: Json = {
        "id": f"pyr_1{token(23)}",
        "object": "refund",
        "amount": reversal["amount"],
        "balance_transaction": None,
        "charge": payment["id"],
        "created": there.now,
        "currency": reversal["currency"],
        "metadata": {},
        "payment_intent": None,
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": reversal["id"],
        "status": "succeeded",
        "transfer_reversal": None,
    }
    there.insert(refund)
    payment["amount_refunded"] += reversal["amount"]
    payment["refunded"] = payment["amount_refunded"] == payment["amount"]
    there.save(payment)
    return refund
